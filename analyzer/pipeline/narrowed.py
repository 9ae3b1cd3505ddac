"""Which conversations a filter chooses: a pass before the one that follows them, and two where it asks for conclusions.

A conversation is chosen where the filter holds of one of its frames. That is kept as an octet a conversation, whatever
the capture holds.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.faults import Faults
from analyzer.filter.expression import Filter
from analyzer.filter.fields import EVENTS, TOLD
from analyzer.ingest.part import PartSource
from analyzer.ingest.source import CaptureError, Source
from analyzer.model import Analysis, CaptureSummary, Sink
from analyzer.pipeline.frames import FrameLines
from analyzer.pipeline.passes import FILTERING, Pulse
from analyzer.pipeline.survey import Survey
from dissectors.kit.observation import CAPTURE_ENDED, READING_ENDED
from dissectors.kit.provided import Provided
from dissectors.kit.units import duration, grouped, plural
from dissectors.registry import protocols

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TOLD: Final = 2_000_000     # frames, and conversations, of which a filter is told what was concluded of them
OF_THESE: Final = "What is said of the capture below is said of these."
STRETCH: Final = 1 << 12        # frames between two looks at the clock


class Told(Sink):
    """What was concluded of frames and conversations, as far as a filter asks for it; all of it without one.

    events, findings: their names, by frame.   members: of findings, by conversation.   full: there was no room for all.
    """

    def __init__(self, wanted: Filter | None = None) -> None:
        self.asked = {name: None if wanted is None else wanted.names(name) for name in ("event", "finding")}
        self.events: dict[int, list[str]] = {}
        self.findings: dict[int, list[str]] = {}
        self.members: dict[int, list[str]] = {}
        self.held = 0
        self.full = False

    def take(self, part: Analysis) -> None:
        if self._asks("event"):
            for told in part.every():
                for phase in told.phases:
                    for event in phase.events:
                        self._note("event", self.events, event.evidence.frames[-1:], event.name)
        if self._asks("finding"):
            for finding in part.findings:
                self._note("finding", self.findings, finding.frames, finding.code)
                about = {finding.conversation, *finding.members, *finding.examples} - {0}
                self._note("finding", self.members, tuple(about), finding.code)

    def _asks(self, field: str) -> bool:
        names = self.asked[field]
        return names is None or len(names) > 0

    def _note(self, field: str, where: dict[int, list[str]], numbers: tuple[int, ...], name: str) -> None:
        names = self.asked[field]
        if names is not None and name not in names:
            return
        for number in numbers:
            if self.held >= MAX_TOLD:
                self.full = True
                return
            before = where.setdefault(number, [])
            if name not in before:
                before.append(name)
                self.held += 1


class Match:
    """What a filter chooses. text: as it was written.   numbers: 1 at the number of each such conversation.

    remark: what it could not know.
    """

    def __init__(self, text: str, numbers: bytearray, told: Told | None, faults: Faults) -> None:
        self.text = text
        self.numbers = numbers
        self.faults = faults
        self.remark = ""
        if told is not None and told.full:
            self.remark = (
                f"The filter asks for conclusions, of which {grouped(MAX_TOLD)} were held: it may leave out "
                "conversations of which it holds."
            )


def refuse_streams(paths: list[str], wanted: Filter | None) -> None:
    """Raises CaptureError where a filter asks for what only a file can be read for."""
    if wanted is not None and wanted.needs == TOLD and "-" in paths:
        raise CaptureError(
            "a filter that asks for findings, or for events of TCP, needs a file: what is read is gone over once more"
        )


def told_of(wanted: Filter, analysed: Callable[[Sink], Analysis]) -> Told | None:
    """What a filter needs to know of the whole capture; None where that is nothing. analysed: reads all of it once."""
    if wanted.needs < TOLD:
        return None
    told = Told(wanted)
    analysis = analysed(told)
    if analysis.sums is None:
        told.take(analysis)
    else:
        told.take(_findings_of(analysis))
    return told


def _findings_of(analysis: Analysis) -> Analysis:
    """What was found in all, without conversations, which were taken part by part."""
    alone = Analysis(analysis.capture)
    alone.findings = analysis.findings
    return alone


def chosen_by(source: Source, wanted: Filter, told: Told | None, provided: Provided, pulse: Pulse) -> Match:
    """Go over a capture, to its end, and find the conversations that a filter chooses."""
    lines = FrameLines(source, protocols(), 0, provided, wanted)
    lines.reads = wanted.needs >= EVENTS
    if told is not None:
        lines.tell(told.events, told.findings, told.members)
    found = bytearray(1)
    pulse.begin(FILTERING)
    while lines.choose(found, STRETCH):
        if not pulse.read(int(source.position), int(source.size), int(source.number)):
            raise KeyboardInterrupt
    return Match(wanted.text, found, told, lines.faults)


def narrow(capture: CaptureSummary, survey: Survey, match: Match | None) -> None:
    """With a filter, it is about the conversations that this chooses, and about nothing else."""
    if match is None:
        return
    capture.beside = survey.keeper.beside
    chosen, every = capture.conversations, capture.conversations + capture.beside
    if not chosen:
        holds = "holds of no conversation"
    elif chosen == every:
        holds = "holds of every conversation"
    else:
        holds = f"holds of {grouped(chosen)} of {plural(every, 'conversation')}; only "
        holds += "that one is told" if chosen == 1 else "those are told"
    capture.narrowed.append(f"The filter `{match.text}` {holds}.")
    if match.remark:
        capture.narrowed.append(match.remark)
    capture.neighbours, capture.missing, capture.addresses, capture.contested = [], [], [], []
    capture.in_use, capture.unasked, capture.routers = [], [], []
    capture.incomplete, capture.contradicted = [], []
    survey.faults.include(match.faults)


# -- a part of the frames ----------------------------------------------------------------------------------------------


def begins_late(source: Source) -> bool:
    """Whether frames lie before what is read of it."""
    return isinstance(source, PartSource) and source.early > 0


def how_it_ended(survey: Survey) -> str:
    """What ended behind the last frame: the capture, or the reading of it."""
    source = survey.source
    late = isinstance(source, PartSource) and source.late > 0
    return READING_ENDED if survey.interrupted or late else CAPTURE_ENDED


def tell_part(capture: CaptureSummary, source: Source) -> None:
    """Say what of the capture was read, where that is not all of it."""
    if isinstance(source, PartSource):
        capture.narrowed += narrowing(source, capture.frames)
        capture.narrowed[-1] += f" {OF_THESE}"


def narrowing(source: PartSource, frames: int) -> list[str]:
    """What of it was read: a sentence for the stretch of time, one for the filter. frames: that came through."""
    asked = source.asked
    within = frames + source.refused
    every = within + source.early + source.late
    found: list[str] = []
    if asked.timed():
        ends = []
        if asked.last_ns:
            ends.append(f"the last {duration(asked.last_ns)}")
        if asked.begin is not None:
            ends.append(f"from {asked.begin.text}")
        if asked.end is not None:
            ends.append(f"to {asked.end.text}")
        outside = f"{grouped(source.early)} before it and {grouped(source.late)} behind it were not"
        of_all = f"{grouped(within)} of {plural(every, 'frame')}"
        found.append(f"Read was only {' '.join(ends)}: {of_all}; {outside}.")
    if asked.capture_filter:
        of_all = f"{grouped(frames)} of {plural(within, 'frame')}"
        found.append(f"The capture filter `{asked.capture_filter}` lets {of_all} through.")
    return found
