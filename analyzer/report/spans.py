"""What took time, as spans with their parts: the data of every chart that has bars, whatever draws it.

Spans come from events alone: an event with a headline is a bar, and the durations among its fields (`sent_ns`,
`blocked_ns`, `waited_ns`, `received_ns`) are its parts, one after another. A protocol appears here by having them.
"""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.model import Analysis, Phase, StoryRow, Told
from dissectors.kit.event import CLOSING, OPENING, JsonValue
from dissectors.wire.secrets.gate import Said

# Parts of a bar, in the order in which they follow one another.
SEND: Final = "send"          # the request goes out
BLOCKED: Final = "blocked"    # something else has the line
WAIT: Final = "wait"          # nothing comes back yet
RECEIVE: Final = "receive"    # the response comes in
CONNECT: Final = "connect"    # a connection is opened
OPEN: Final = "open"          # it is there, whatever goes on in it
CLOSE: Final = "close"        # it is taken down
FIELDS: Final = ((SEND, "sent_ns"), (BLOCKED, "blocked_ns"), (WAIT, "waited_ns"), (RECEIVE, "received_ns"))
FEWEST: Final = 2             # of these fields: one alone is the length of something else

# What each part means, for a legend.
MEANINGS: Final = {
    SEND: "sending", BLOCKED: "blocked", WAIT: "waiting", RECEIVE: "receiving", CONNECT: "connecting", OPEN: "open",
    CLOSE: "closing",
}


class Part:
    """A stretch of a span. kind: one of the words above."""

    def __init__(self, kind: str, start_ns: int, end_ns: int) -> None:
        self.kind = kind
        self.start_ns = start_ns
        self.end_ns = end_ns


class Span:
    """One bar. stream: of the layer beneath that carries several, 0 for none.   parts: in order; none is the whole.

    phase, place: where its event is told, as indexes into the phases of its conversation and the events of the phase.
    """

    def __init__(
        self, conversation: int, stream: int, label: str, text: str, start_ns: int, end_ns: int, parts: list[Part],
        phase: int, place: int,
    ) -> None:
        self.conversation = conversation
        self.stream = stream
        self.label = label
        self.text = text
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.parts = parts
        self.phase = phase
        self.place = place


def spans_of(told: Told) -> list[Span]:
    """Every bar of a conversation, in order of start."""
    found = []
    for number, phase in enumerate(told.phases):
        for place, event in enumerate(phase.events):
            line = Said(event).headline()
            if line is not None:
                parts = parts_of(Said(event).fields(), line.start_ns, line.end_ns)
                found.append(Span(
                    told.conversation.number, event.stream, line.label, line.text, line.start_ns, line.end_ns, parts,
                    number, place,
                ))
    found.sort(key=attrgetter("start_ns", "stream"))
    return found


def streams_of(told: Told) -> list[Span]:
    """One bar a stream, or an exchange where a connection carries one after another: those that have parts.

    What is carried in a stream says better what it was: its words follow those of the stream.
    """
    every = spans_of(told)
    found = [span for span in every if span.parts]
    for span in every:
        if span.parts or not span.stream:
            continue
        beneath = next((one for one in found if one.stream == span.stream), None)
        if beneath is not None and span.text not in beneath.text:
            beneath.text += f" · {span.label} {span.text}"
    return found


def parts_of(fields: dict[str, JsonValue], start_ns: int, end_ns: int) -> list[Part]:
    """The parts that the fields of an event name, from start_ns on and within end_ns; [] where they name none.

    What is left at the end belongs to the part that was not seen to end: it was cut off.
    """
    known = [(kind, fields.get(name)) for kind, name in FIELDS]
    if sum(isinstance(length, int) for _kind, length in known) < FEWEST:
        return []
    parts: list[Part] = []
    at = start_ns
    unended = SEND
    for place, (kind, length) in enumerate(known):
        if isinstance(length, int):
            unended = FIELDS[place + 1][0] if place + 1 < len(FIELDS) else ""
            if length > 0 and at < end_ns:
                parts.append(Part(kind, at, min(at + length, end_ns)))
                at = parts[-1].end_ns
    if unended and at < end_ns:
        parts.append(Part(unended, at, end_ns))
    return parts


def story_parts(analysis: Analysis) -> list[list[Part]]:
    """The parts of each row of the story, in its order; [] for a row that is one bar.

    The row that opens a connection goes on as long as the connection does, to its teardown.
    """
    rows = {row.conversation for row in analysis.story}
    told = {one.conversation.number: one for one in analysis.every() if one.conversation.number in rows}
    known: dict[tuple[int, str, int], list[Part]] = {}
    for one in told.values():
        for span in spans_of(one):
            known.setdefault((span.conversation, span.text, span.start_ns), span.parts)
    found: list[list[Part]] = []
    for row in analysis.story:
        parts = known.get((row.conversation, row.text, row.start_ns))
        if parts is None:
            parts = _connection(told.get(row.conversation), row)
        found.append(parts)
    return found


def _connection(told: Told | None, row: StoryRow) -> list[Part]:
    """Connect, open, close; [] for a row that is no opening."""
    if told is None:
        return []
    opening = _phase(told, OPENING)
    if opening is None or (opening.start_ns, opening.end_ns) != (row.start_ns, row.end_ns):
        return []
    parts = [Part(CONNECT, row.start_ns, row.end_ns)]
    closing = _phase(told, CLOSING)
    until = closing.start_ns if closing is not None else told.conversation.end_ns
    if until > row.end_ns:
        parts.append(Part(OPEN, row.end_ns, until))
    if closing is not None:
        parts.append(Part(CLOSE, max(closing.start_ns, row.end_ns), max(closing.end_ns, row.end_ns)))
    return parts


def _phase(told: Told, rank: int) -> Phase | None:
    return next((phase for phase in told.phases if phase.rank == rank), None)
