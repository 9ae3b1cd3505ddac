"""Markdown for a ticket: the verdict, the story, the findings, each conversation as a list, and its ladder in Mermaid.

No markup, no HTML, no link, no directive of Mermaid comes out of a packet. A word that could be more than a word to
some renderer is set as code: within code nothing has a meaning, neither to Markdown nor to what a forge adds to it
(links, mentions, issues, pictures, formulas), and what is copied from there is what the capture holds.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from analyzer.model import Analysis, Finding, Phase, Told, Verdict
from analyzer.report.account import Totals, count_of, length_of, matters, together
from analyzer.report.escape import terminal_text
from analyzer.report.selection import chosen
from analyzer.report.terminal import read_of
from analyzer.report.words import (
    SEVERITY_COUNTS,
    TEACH,
    doubtful,
    explained,
    frame_runs,
    of_cause,
    since_start,
    took,
)
from dissectors.kit.event import BACKWARD, FORWARD, Event
from dissectors.kit.units import duration, plural, size
from dissectors.wire.secrets.gate import Said

LADDER: Final = 40            # events drawn in one ladder; renderers slow down with more
LADDER_TEXT: Final = 60       # characters on an arrow
WORDS: Final = 2_000          # whose form is remembered
# Around a word, where nothing of it begins or ends a construct.
_BEFORE: Final = "(\"'“„«"
_BEHIND: Final = ")\"'”“».,;:?!…%"
# Only a word: letters and digits, with single signs between them that make no name of a host, address, file, issue or
# commit; a number; a section of a standard; a sign of our own. U+202F groups digits.
_WORD: Final = re.compile(
    r"(?!.*\d\.\d+\.\d|(?:.*[\W_])?[0-9A-Fa-f]{7,}(?![^\W_]))"
    r"[+−-]?×?[^\W_]+(?:(?:[/'’,]|-(?=[^\W\d_])|(?<=\d)(?:[-–\u202f](?=\d)|\.(?=\d+\b)))[^\W_]+)*"
    r"|§\d+(?:\.\d+)*|[→←⇄×·–—=+/-]"
)
_BESIDE: Final = {"|": "&#124;", "<": "&lt;"}
_BESIDE_CODE: Final = re.compile("([|<])")
_ENTITY: Final = re.compile(r"[^\w .,/→←×·()-]", re.ASCII)
_SAFE_UNICODE: Final = frozenset("→←×·⇄…µ–")


def plain(text: str) -> str:
    """`text` as words in Markdown, on one line: each stays what it is, or is set as code."""
    return " ".join([_plain_word(word) for word in terminal_text(text).split(" ")])


@lru_cache(WORDS)
def _plain_word(word: str) -> str:
    core = word.lstrip(_BEFORE)
    before = word[:len(word) - len(core)]
    behind = core[len(core.rstrip(_BEHIND)):]
    core = core[:len(core) - len(behind)]
    return word if not core or _WORD.fullmatch(core) else before + as_code(core) + behind


def as_code(text: str) -> str:
    """`text`, which holds no line break, as code (CommonMark §6.1).

    A bar would end the cell of a table even there, and a careless renderer might see HTML even there, so those signs
    stand beside the code, as entities.
    """
    return "".join([_BESIDE.get(part) or _code_span(part) for part in _BESIDE_CODE.split(text) if part])


def _code_span(text: str) -> str:
    fence = "`"
    while fence in text:
        fence += "`"
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{text}{room}{fence}"


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
    span = took(capture.start_ns, capture.end_ns, capture.silences)
    yield f"# {names}\n\n{plural(capture.frames, 'frame')}, {span}, {plural(capture.conversations, 'conversation')}.\n"
    yield from _verdict(analysis)
    if capture.seen_from:
        yield f"\nSeen from: {plain(capture.seen_from)}\n"
    for doubt in doubtful(capture.silences):
        yield f"\nTimes: {plain(doubt)}\n"
    covered = read_of(analysis)
    if covered:
        yield f"\nRead: {plain(covered)}\n"
    for narrowed in capture.narrowed:
        yield f"\nAsked for: {plain(narrowed)}\n"
    for damage in capture.damage:
        yield f"\nDamage: {plain(damage)}\n"
    if matters(analysis) is not None:
        yield "\n## Where the time went\n\n"
        every = count_of(analysis)
        several = " together" if every > 1 else ""
        yield f"{plural(every, 'conversation')}, {duration(length_of(together(analysis)))}{several}.\n\n"
        yield from _account(together(analysis))
    if analysis.story:
        yield "\n## The story\n\n| # | | what | start | took |\n|---|---|---|---|---|\n"
        for row in analysis.story:
            start = since_start(row.start_ns - capture.start_ns)
            yield (
                f"| {row.conversation or ''} | {plain(row.label)} | {plain(row.text)} | {plain(start)} "
                f"| {took(row.start_ns, row.end_ns, capture.silences)} |\n"
            )
    if analysis.findings:
        yield "\n## Findings\n\n"
        for finding in analysis.findings:
            yield _finding(finding, level)
    for told in analysis.told:
        yield from _conversation(told, level, several=len(analysis.told) > 1)
    for left_out in analysis.left_out:
        yield f"\n… {plain(left_out)}\n"


def _verdict(analysis: Analysis) -> Iterator[str]:
    """What it comes to, before everything else; nothing where nobody judged."""
    verdict = analysis.verdict
    if not verdict.sentence and not verdict.causes:
        return
    yield "\n## Verdict\n"
    if verdict.sentence:
        yield f"\n{plain(verdict.sentence)}\n"
    for place, cause in enumerate(verdict.causes):
        finding = of_cause(analysis, cause)
        one, _many = SEVERITY_COUNTS[cause.severity]
        said, where = f"{finding.sentence} {cause.more}".rstrip(), f"conversation {finding.conversation}"
        pieces = [where if finding.conversation else "", cited(finding.frames), finding.confidence]
        yield "" if place else "\n"
        yield f"{place + 1}. **{one}**: {plain(said)} ({', '.join([piece for piece in pieces if piece])})\n"
        if verdict.kind == Verdict.CAUSES and finding.next_step:
            yield f"   - Next: {plain(finding.next_step)}\n"
        if cause.explains:
            yield f"   - {plain(explained(analysis, cause))}\n"
    for doubt in (*verdict.doubts, *filter(None, [verdict.known])):
        yield f"\n{plain(doubt)}\n"


def _finding(finding: Finding, level: str) -> str:
    one, _many = SEVERITY_COUNTS[finding.severity]
    where = f", conversation {finding.conversation}" if finding.conversation else ""
    frames = f" ({cited(finding.frames)})" if finding.frames else ""
    text = f"- **{one}**{where}: {plain(finding.sentence)}{frames} {as_code(terminal_text(finding.code))}\n"
    if level == TEACH:
        text += f"  - Next: {plain(finding.next_step)}\n  - Would disprove it: {plain(finding.refute)}\n"
    return text


def _account(totals: Totals) -> Iterator[str]:
    """What time went to, with its share."""
    whole = max(length_of(totals), 1)
    yield "| cause | took | share | |\n|---|---|---|---|\n"
    for cause, ns in totals:
        yield f"| {plain(cause.word)} | {duration(ns)} | {100 * ns / whole:.1f} % | {plain(cause.means)} |\n"


def _conversation(told: Told, level: str, *, several: bool) -> Iterator[str]:
    conversation = told.conversation
    kind = conversation.transport
    if conversation.protocol and not kind.startswith(conversation.protocol):
        kind = f"{conversation.protocol} over {kind}"
    ends = f"{conversation.originator} ⇄ {conversation.responder}"
    yield f"\n## Conversation {conversation.number}: {plain(kind)} {plain(ends)}\n\n"
    copies = conversation.as_sent.copies if conversation.as_sent is not None else 0
    lasted = conversation.end_ns - conversation.start_ns
    yield (
        f"{plural(sum(conversation.sent_frames()), 'frame')}, {size(sum(conversation.sent_payload()))} of payload"
        + (f", beside {plural(copies, 'frame')} of copies" if copies else "")
        + (f", {duration(lasted)}" if lasted > 0 else "") + ".\n"
    )
    if len(told.books.totals()) > 1 and several:
        yield "\n"
        yield from _account(told.books.totals())
    yield from _ladder(told, level)
    for number, phase in enumerate(told.phases, 1):
        yield from _phase(number, phase, conversation.start_ns, level)


def _ladder(told: Told, level: str) -> Iterator[str]:
    """The sequence diagram: an arrow for each event that tells of something sent, has a direction and a label."""
    conversation = told.conversation
    arrows = [
        (phase, event) for phase in told.phases for event in chosen(phase, level)
        if event.on_wire and event.direction in (FORWARD, BACKWARD) and Said(event).label()
    ]
    if not arrows:
        return
    yield "\n```mermaid\nsequenceDiagram\n"
    yield f"    participant A as {diagram_text(conversation.originator.title())}\n"
    yield f"    participant B as {diagram_text(conversation.responder.title())}\n"
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
    words, values = said.label().strip(" "), said.detail()
    label = f" **{plain(words)}**" if words else ""
    detail = f" {plain(values)}." if values else ""
    spec = f" ({plain(event.spec)})" if event.spec else ""
    return f"- {head}{label}{detail} {plain(said.what())}{spec}\n"
