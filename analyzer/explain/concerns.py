"""Whom a finding is about: services, addresses, what was asked of them; known by that in other captures."""
from __future__ import annotations

import re
from typing import Final

from analyzer.explain.related import Subject
from analyzer.finding import Concern
from analyzer.model import Analysis, Told
from dissectors.wire.http.describe import kind_of_request
from dissectors.wire.http.events import ExchangeEvent
from dissectors.wire.secrets.text import shown_text

MAX_CONCERNS: Final = 100      # of one finding that are named
LOOKUPS: Final = ("dns.",)
REQUESTS: Final = ("http.", "http2.", "grpc.")
_SERVICE: Final = re.compile(r"\[?(?P<address>[^\[\]]+?)\]?:(?P<port>\d{1,5})")


class Asked:
    """Something that was asked for. codes: how those of findings begin whose object it is.     frames: of it."""

    def __init__(self, codes: tuple[str, ...], frames: tuple[int, ...], what: str) -> None:
        self.codes = codes
        self.frames = frames
        self.what = what

    def is_of(self, subject: Subject) -> bool:
        """Whether the finding rests on it: on the frame with which it was over."""
        return subject.finding.code.startswith(self.codes) and not set(subject.finding.proof).isdisjoint(self.frames)


def name_concerns(analysis: Analysis, known: list[Subject]) -> None:
    """Let each finding know whom it is about."""
    wanted = {
        one.number for subject in known if subject.finding.code.startswith((*LOOKUPS, *REQUESTS))
        for one in subject.peers
    }
    asked = _asked(analysis, wanted) if wanted else {}
    for subject in known:
        found: dict[tuple[str, int, str], Concern] = {}
        for text in subject.finding.about:
            _add(found, _of_text(text))
        for one in () if found else subject.peers:
            end = one.responder
            words = [each.what for each in asked.get(one.number, ()) if each.is_of(subject)]
            for what in words or [""]:
                _add(found, Concern(end.address, max(end.port, 0), end.name, what))
        subject.finding.concerns = tuple(found.values())


def _add(found: dict[tuple[str, int, str], Concern], one: Concern) -> None:
    if len(found) < MAX_CONCERNS:
        found.setdefault((one.address, one.port, one.what), one)


def _of_text(text: str) -> Concern:
    """`10.0.0.2:443`, `[2001:db8::1]:443`, or an address alone."""
    match = _SERVICE.fullmatch(text) if text.startswith("[") or text.count(":") == 1 else None
    return Concern(match["address"], int(match["port"])) if match else Concern(text)


def _asked(analysis: Analysis, wanted: set[int]) -> dict[int, list[Asked]]:
    """What was asked for in each of these conversations."""
    found: dict[int, list[Asked]] = {number: [] for number in wanted}
    for lookup in analysis.lookups:
        for number in wanted.intersection(lookup.conversations):
            found[number].append(Asked(LOOKUPS, tuple(lookup.frames), lookup.name))
    kept = analysis.sums.asked if analysis.sums is not None else {}
    for number in wanted.intersection(kept):
        found[number] += [Asked(REQUESTS, (frame,), what) for frame, what in kept[number]]
    for told in analysis.told:
        number = told.conversation.number
        if number not in wanted:
            continue
        for phase in told.phases:
            for event in phase.events:
                if isinstance(event, ExchangeEvent) and event.request is not None:
                    found[number].append(Asked(REQUESTS, event.evidence.frames[-1:], what_of(event, told)))
    return found


def what_of(exchange: ExchangeEvent, told: Told) -> str:
    """What was asked for, as it may be shown."""
    return shown_text(kind_of_request(exchange.request), told.marks) if exchange.request is not None else ""
