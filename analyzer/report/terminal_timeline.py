"""A conversation at `normal`: what happened in order of time, a line each, and a sentence where it is not ordinary.

What every connection has, a handshake and an end in order, stands in one line together; what the transport did under
an application is told where something came of it. `teach` tells all of it, phase by phase.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.model import Finding, Phase, Silence, Told
from analyzer.report.rows import DIM, FRAME, LABEL, SEVERITY, SIDES, Row, cells, fit, paragraph
from analyzer.report.selection import ALARMING, chosen, has_sentence, is_summed
from analyzer.report.words import ARROWS, NORMAL, frame_list, since_start, took
from dissectors.kit.event import APPLICATION, CARRYING, CLOSING, NEITHER, OPENING, SECURING, TRANSFER, Event
from dissectors.kit.units import duration, plural
from dissectors.wire.secrets.gate import Said

INDENT: Final = 3
WIDEST_FRAMES: Final = 13
WIDEST_LABEL: Final = 14
LEAST_TEXT: Final = 24       # columns for what is told, however narrow the terminal
MAX_LINES: Final = 40        # of one conversation that are shown where nobody asked for it
LAST_LINES: Final = 8        # of them, those from its end


class Line:
    """One thing that happened. time: when it began.     text: in a few words.     sentence: "" where that is enough."""

    def __init__(self, time: int, frames: tuple[int, ...], direction: int, label: str, text: str) -> None:
        self.time = time
        self.frames = frames
        self.direction = direction
        self.label = label
        self.text = text
        self.sums = False        # it sums up what else its phase has
        self.more = ""           # what is told as well where it fits beside the text
        self.took_ns = 0         # ... and where it does not, how long it took
        self.sentence = ""
        self.spec = ""
        self.alarming = False


class Timeline:
    """ordinary: phases of which nothing else is to be told, in a few words each.     lines: the rest, in order of time.

    caps: what was counted only.
    """

    def __init__(self, told: Told, findings: list[Finding], silences: Sequence[Silence] = ()) -> None:
        self.wrong = [(finding.code.partition(".")[0], frozenset(finding.frames)) for finding in findings]
        self.silences = silences
        self.ordinary: list[str] = []
        self.lines: list[Line] = []
        self.caps: list[str] = []
        ranks = {phase.rank for phase in told.phases}
        below: set[int] = set()      # phases that carry what another one tells
        if ranks & {APPLICATION, SECURING}:
            below.add(TRANSFER)
        if APPLICATION in ranks:
            below.add(CARRYING)
        for phase in told.phases:
            self._phase(phase, phase.rank in below)
            self.caps += [text for text in phase.left_out if text != phase.plain]
        self.lines.sort(key=lambda line: line.time)

    def _phase(self, phase: Phase, below: bool) -> None:
        events = [event for event in chosen(phase, NORMAL) if not is_summed(event)]
        if below:
            events = [event for event in events if has_sentence(event) or phase.rank == TRANSFER]
        lines = [line_of(event, has_sentence(event) or self._went_wrong(event)) for event in events]
        if phase.rank in (OPENING, CLOSING):
            if not events:
                self.ordinary.append(in_a_clause(phase, self.silences))
        elif not below and not any(line.sums for line in lines):
            facts = " · ".join(facts_of(phase, self.silences))
            self.lines.append(Line(phase.start_ns, frames_in(phase), NEITHER, phase.title, facts))
        self.lines += lines

    @property
    def usual(self) -> bool:
        """Nothing in it asks for more than its lines."""
        return not (self.wrong or self.caps or any(line.sentence for line in self.lines))

    def _went_wrong(self, event: Event) -> bool:
        """Whether a finding of its protocol, or of one that it is a version of, is about it."""
        name = event.name.partition(".")[0]
        return any(
            name.startswith(protocol) and not frames.isdisjoint(event.evidence.frames)
            for protocol, frames in self.wrong
        )


def line_of(event: Event, sentence: bool) -> Line:
    said = Said(event)
    head = said.headline()
    if head is not None:
        line = Line(head.start_ns, event.evidence.frames, NEITHER, head.label, head.text)
        detail = said.detail()
        line.more = detail if detail not in head.text else ""
        line.sums, line.took_ns = True, head.end_ns - head.start_ns
    else:
        line = Line(event.time, event.evidence.frames, event.direction, said.label(), said.detail())
    line.alarming = isinstance(event, ALARMING)
    if sentence or not line.text:
        line.sentence, line.spec = said.what(), event.spec
    return line


def facts_of(phase: Phase, silences: Sequence[Silence]) -> list[str]:
    """How long it took, and what its events amount to."""
    facts = list(phase.facts)
    span = took(phase.start_ns, phase.end_ns, silences)
    if phase.end_ns > phase.start_ns and not any(span in fact for fact in facts):
        facts.insert(0, span)
    return facts


def in_a_clause(phase: Phase, silences: Sequence[Silence]) -> str:
    """`three-way handshake 24.5 ms (#3–#5)`."""
    title = phase.title
    lowered = title[:1].lower() + title[1:] if title[1:2].islower() else title
    span = f" {took(phase.start_ns, phase.end_ns, silences)}" if phase.end_ns > phase.start_ns else ""
    return f"{lowered}{span} ({frame_list(frames_in(phase))})"


def frames_in(phase: Phase) -> tuple[int, ...]:
    return tuple(sorted({frame for event in phase.events for frame in event.evidence.frames}))


def timeline_rows(timeline: Timeline, told: Told, width: int, whole: bool) -> list[Row]:
    """The lines. whole: every one, however many."""
    rows: list[Row] = []
    lines = timeline.lines
    left_out = 0 if whole else max(len(lines) - MAX_LINES, 0)
    columns = Columns(lines, told.conversation.start_ns, width)
    for line in lines[:MAX_LINES - LAST_LINES] if left_out else lines:
        _put(rows, line, columns)
    if left_out:
        number = told.conversation.number
        text = f"… {plural(left_out, 'line')} not shown here (--conversation {number} shows all)"
        rows.append(Row().to(INDENT).add(fit(text, width - INDENT), DIM))
        for line in lines[-LAST_LINES:]:
            _put(rows, line, columns)
    for text in timeline.caps:
        rows.append(Row().to(INDENT).add("… ", DIM))
        paragraph(rows, text, INDENT + 2, width, DIM)
    return rows


class Columns:
    """Where each part of a line begins."""

    def __init__(self, lines: list[Line], start_ns: int, width: int) -> None:
        self.start_ns = start_ns
        self.width = width
        frames = max((len(frame_list(line.frames)) for line in lines), default=2)
        times = max((len(since_start(line.time - start_ns)) for line in lines), default=6)
        label = max((cells(fit(line.label, WIDEST_LABEL)) for line in lines), default=0)
        self.time_at = INDENT + min(frames, WIDEST_FRAMES) + 1
        self.arrow_at = self.time_at + times + 1
        self.label_at = self.arrow_at + 2
        self.deepest = max(width - LEAST_TEXT, INDENT + 2)
        self.text_at = min(self.label_at + label + 2, self.deepest)


def _put(rows: list[Row], line: Line, columns: Columns) -> None:
    row = Row().to(INDENT).add(frame_list(line.frames), FRAME)
    row.tab(columns.time_at).add(since_start(line.time - columns.start_ns), DIM)
    row.tab(columns.arrow_at).add(ARROWS.get(line.direction, "·"), SIDES.get(line.direction))
    row.tab(columns.label_at)
    row.add(fit(line.label, columns.width - row.used), SEVERITY["error"] if line.alarming else LABEL)
    rows.append(row)
    if not line.label:
        row.trim()
    if row.used + 2 > columns.deepest:      # no room beside the label
        rows.append(Row().to(columns.text_at))
    else:
        row.to(max(columns.text_at, row.used + 2))
    text = line.sentence or line.text
    if line.took_ns > 0 and not line.sentence:
        more = f" · {line.more}" if line.more else ""
        fits = more and rows[-1].used + cells(text + more) <= columns.width
        text += more if fits else f" · {duration(line.took_ns)}"
    paragraph(rows, text, columns.text_at, columns.width)
    if line.sentence and line.spec:
        spec = fit(line.spec, columns.width // 2)
        if rows[-1].used + 2 + cells(spec) <= columns.width:
            rows[-1].right(spec, columns.width, DIM)
