"""Markdown for a ticket: the findings, the story, each conversation as a list, and its ladder in Mermaid.

Every string of the capture is escaped: no markup, no HTML, no link, no directive of Mermaid comes out of a packet.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from analyzer.model import Analysis, Finding, Phase, Told
from analyzer.report.escape import terminal_text
from analyzer.report.selection import chosen
from analyzer.report.words import SEVERITY_COUNTS, TEACH, frame_runs, since_start
from dissectors.kit.event import BACKWARD, FORWARD, Event
from dissectors.kit.units import duration, plural, size
from dissectors.wire.secrets.gate import Said

LADDER: Final = 40            # events drawn in one ladder; renderers slow down with more
LADDER_TEXT: Final = 60       # characters on an arrow
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>|~$&]")
# What forges make into links and pictures by themselves: addresses, @names, #numbers, :emoji:.
_LINKED: Final = re.compile(r"://|www(?=\.)|[@#](?=\w)|:(?=[\w+-]+:)")
_ENTITY: Final = re.compile(r"[^\w .,/→←×·()%-]", re.ASCII)
_SAFE_UNICODE: Final = frozenset("→←×·⇄…µ–")


def plain(text: str) -> str:
    """`text` as words in Markdown: nothing in it is markup, HTML or a link that a forge would make of it."""
    return _LINKED.sub("\\g<0>\u200b", _MARKUP.sub(r"\\\g<0>", terminal_text(text)))


def cited(frames: tuple[int, ...]) -> str:
    """Frame numbers, set as code so that no forge takes `#3` for an issue of its own."""
    return f"`{frame_runs(frames)}`" if frames else ""


def diagram_text(text: str) -> str:
    """`text` on an arrow of a Mermaid diagram: what has a meaning there becomes an entity code."""
    text = terminal_text(text)
    if len(text) > LADDER_TEXT:
        text = text[:LADDER_TEXT - 1].rstrip() + "…"
    return "".join(
        character if character in _SAFE_UNICODE or not _ENTITY.match(character) else f"#{ord(character)};"
        for character in text
    )


def markdown(analysis: Analysis, level: str) -> Iterator[str]:
    """The report in pieces."""
    capture = analysis.capture
    names = ", ".join(plain(name.rsplit("/", 1)[-1]) for name in capture.names)
    span = duration(max(capture.end_ns - capture.start_ns, 0))
    yield f"# {names}\n\n{plural(capture.frames, 'frame')}, {span}, {plural(capture.conversations, 'conversation')}.\n"
    if capture.seen_from:
        yield f"\nSeen from: {plain(capture.seen_from)}\n"
    for damage in capture.damage:
        yield f"\nDamage: {plain(damage)}\n"
    if analysis.findings:
        yield "\n## Findings\n\n"
        for finding in analysis.findings:
            yield _finding(finding, level)
    if analysis.story:
        yield "\n## The story\n\n| # | | what | start | took |\n|---|---|---|---|---|\n"
        for row in analysis.story:
            start = since_start(row.start_ns - capture.start_ns)
            yield (
                f"| {row.conversation or ''} | {plain(row.label)} | {plain(row.text)} | {plain(start)} "
                f"| {duration(row.end_ns - row.start_ns)} |\n"
            )
    for told in analysis.told:
        yield from _conversation(told, level)
    for left_out in analysis.left_out:
        yield f"\n… {plain(left_out)}\n"


def _finding(finding: Finding, level: str) -> str:
    one, _many = SEVERITY_COUNTS[finding.severity]
    where = f", conversation {finding.conversation}" if finding.conversation else ""
    frames = f" ({cited(finding.frames)})" if finding.frames else ""
    text = f"- **{one}**{where}: {plain(finding.sentence)}{frames} `{finding.code}`\n"
    if level == TEACH:
        text += f"  - Next: {plain(finding.next_step)}\n  - Would disprove it: {plain(finding.refute)}\n"
    return text


def _conversation(told: Told, level: str) -> Iterator[str]:
    conversation = told.conversation
    kind = conversation.transport
    if conversation.protocol and not kind.startswith(conversation.protocol):
        kind = f"{conversation.protocol} over {kind}"
    ends = f"{conversation.originator} ⇄ {conversation.responder}"
    yield f"\n## Conversation {conversation.number}: {plain(kind)} {plain(ends)}\n\n"
    payload = sum(conversation.payload)
    yield (
        f"{plural(sum(conversation.frames), 'frame')}, {size(payload)} of payload, "
        f"{duration(max(conversation.end_ns - conversation.start_ns, 0))}.\n"
    )
    yield from _ladder(told, level)
    for number, phase in enumerate(told.phases, 1):
        yield from _phase(number, phase, conversation.start_ns, level)


def _ladder(told: Told, level: str) -> Iterator[str]:
    """The sequence diagram: one arrow an event that has a direction and a label."""
    conversation = told.conversation
    arrows = [
        (phase, event) for phase in told.phases for event in chosen(phase, level)
        if event.direction in (FORWARD, BACKWARD) and Said(event).label()
    ]
    if not arrows:
        return
    yield "\n```mermaid\nsequenceDiagram\n"
    yield f"    participant A as {diagram_text(conversation.originator.name or str(conversation.originator))}\n"
    yield f"    participant B as {diagram_text(conversation.responder.name or str(conversation.responder))}\n"
    before: Phase | None = None
    for phase, event in arrows[:LADDER]:
        if phase is not before:
            yield f"    Note over A,B: {diagram_text(phase.title)}\n"
            before = phase
        arrow = "A->>B" if event.direction == FORWARD else "B->>A"
        label, detail = Said(event).label(), Said(event).detail()
        yield f"    {arrow}: {diagram_text(label + (' ' + detail if detail else ''))}\n"
    if len(arrows) > LADDER:
        yield f"    Note over A,B: {plural(len(arrows) - LADDER, 'more event')} below\n"
    yield "```\n"


def _phase(number: int, phase: Phase, start_ns: int, level: str) -> Iterator[str]:
    facts = " · ".join([duration(max(phase.end_ns - phase.start_ns, 0)), *(plain(fact) for fact in phase.facts)])
    yield f"\n### {number}\\. {plain(phase.title)}\n\n{facts}\n\n"
    said: set[str] = set()
    for event in chosen(phase, level):
        yield _event(event, start_ns)
        if level == TEACH and event.WHY and event.name not in said:
            said.add(event.name)
            yield f"  - Why: {plain(event.WHY)}\n"
    for left_out in phase.left_out:
        yield f"- … {plain(left_out)}\n"


def _event(event: Event, start_ns: int) -> str:
    arrow = {FORWARD: "→", BACKWARD: "←"}.get(event.direction, "·")
    head = f"{cited(event.evidence.frames)} {plain(since_start(event.time - start_ns))} {arrow}"
    said = Said(event)
    name, values = said.label(), said.detail()
    label = f" **{plain(name)}**" if name else ""
    detail = f" {plain(values)}." if values else ""
    spec = f" ({plain(event.spec)})" if event.spec else ""
    return f"- {head}{label}{detail} {plain(said.what())}{spec}\n"
