"""One event of each kind that the samples show, with hostile text in the place of each text that it holds."""
from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache

from sample_feeds import all_feeds, run, sample_captures

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event

# Acts on a terminal, in a page, in Markdown and Mermaid, in a spreadsheet, and in none.
ACTING = (
    "\x1b]8;;http://evil.test\x07\u202e\u200b'\"><img src=http://evil.test/x onerror=alert(1)><script>alert(2)</script>"
    "|`[a](javascript:alert(3))![b](http://evil.test/y)\n=cmd|'/c calc'!A1\n```\n%%{init:{}}%%\nend\ud800\0"
)
SMALL = 12_000     # octets of a sample
DEPTH = 4          # records within records that are filled
PLAIN = (int, float, bool, type(None))


@cache
def one_of_each() -> tuple[Event, ...]:
    """By class, the first one of all samples."""
    found: dict[type[Event], Event] = {}
    for feed in all_feeds():
        for event in run(feed.router(), feed.items):
            found.setdefault(type(event), event)
    for path in sample_captures():      # what is said of segments, no router is asked for
        if path.parent.parent.name == "tcp" and path.stat().st_size < SMALL:
            for told in analyze([str(path)], Options()).told:
                for phase in told.phases:
                    for event in phase.events:
                        found.setdefault(type(event), event)
    return tuple(found.values())


def places(record: object, depth: int = DEPTH) -> Iterator[tuple[str, ...]]:
    """Where a text stands in it: names of attributes."""
    if not hasattr(record, "__dict__") or depth == 0:
        return
    for name, value in vars(record).items():
        if isinstance(value, str | bytes) or (
            isinstance(value, list | tuple) and value and all(isinstance(one, str | bytes) for one in value)
        ):
            yield (name,)
        elif not isinstance(value, PLAIN):
            for rest in places(value, depth - 1):
                yield (name, *rest)


def filled(value: object, text: str) -> object:
    if isinstance(value, str):
        return text
    if isinstance(value, bytes):
        return text.encode("utf-8", "surrogatepass")
    assert isinstance(value, list | tuple)
    return type(value)([filled(one, text) for one in value])


def with_text(event: Event, place: tuple[str, ...], text: str) -> Event | None:
    """A copy of the event that holds it there; None where it is no text but chooses what is said."""
    copied = copy.copy(event)
    record: object = copied
    for name in place[:-1]:
        inner = copy.copy(getattr(record, name))
        object.__setattr__(record, name, inner)
        record = inner
    object.__setattr__(record, place[-1], filled(getattr(record, place[-1]), text))
    try:
        copied.what(), copied.label(), copied.detail(), copied.headline()
        copied.phase_title(), copied.phase_facts()
        json.dumps(copied.fields())
    except Exception:
        return None
    return copied


def said(event: Event) -> str:
    return "".join((event.what(), event.label(), event.detail(), json.dumps(event.fields(), ensure_ascii=False)))


@cache
def hostile_events() -> tuple[Event, ...]:
    """Each with one text replaced, of those that are shown."""
    found: list[Event] = []
    for event in one_of_each():
        before = said(event)
        for place in places(event):
            changed = with_text(event, place, ACTING)
            if changed is not None and said(changed) != before:
                found.append(changed)
    return tuple(found)
