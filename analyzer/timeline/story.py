"""The story across conversations: one row for each thing that happened, in order of start."""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.model import Conversation, Phase, StoryRow, Told
from analyzer.timeline.lookups import Lookups
from analyzer.timeline.phases import STREAM, transport_title
from analyzer.timeline.titles import Titles
from dissectors.kit.event import APPLICATION, CARRYING, CLOSING, CORE, OPENING, SECURING, TRANSFER, Event
from dissectors.kit.lookup import Lookup
from dissectors.kit.phase import ARROWS
from dissectors.kit.units import grouped, plural, size
from dissectors.wire.secrets.gate import Said
from dissectors.wire.secrets.text import shown_text

MAX_ROWS: Final = 60       # of the story
MAX_LABELS: Final = 4      # events named in one row


class Story:
    """The rows of conversations as they are told; the longest are kept. count: of all."""

    def __init__(self, titles: Titles) -> None:
        self.titles = titles
        self.count = 0
        self.rows: list[StoryRow] = []
        self.named: dict[int, str] = {}
        self.waiting: dict[int, tuple[list[StoryRow], list[StoryRow]]] = {}    # of those that may belong to a lookup

    def add(self, told: list[Told], closed: list[Lookup], lookups: Lookups) -> None:
        """The rows of these conversations, and of these lookups. A lookup is one row, whatever conversations it took.
        """
        titles = self.titles
        for one in told:
            protocol = one.conversation.protocol
            self.named[one.conversation.number] = titles.of(protocol) if protocol else lookups.label
        rows: list[StoryRow] = []
        for lookup in closed:
            number = lookup.conversations[0] if lookup.conversations else 0
            exchanges = len(lookup.steps) + lookup.left_out
            text = lookup.short() + (f", in {plural(exchanges, 'exchange')}" if exchanges > 1 else "")
            label = self.named.get(number, lookups.label)
            rows.append(StoryRow(number, label, text, lookup.start_ns, lookup.end_ns))
        waiting, self.waiting = self.waiting, {}
        for one in told:
            waiting[one.conversation.number] = _shown(one, True, titles), _shown(one, False, titles)
        for number, (within, alone) in waiting.items():
            if lookups.of(number) or any(number in lookup.conversations for lookup in closed):
                rows += within
            elif number in lookups.pending:
                self.waiting[number] = within, alone
            else:
                rows += alone
        self.named = {number: name for number, name in self.named.items() if number in lookups.pending}
        self.count += len(rows)
        self.rows = _longest(self.rows + rows)

    def told(self) -> tuple[list[StoryRow], list[str]]:
        """(rows, what was left out of them)."""
        if self.count <= MAX_ROWS:
            return self.rows, []
        return self.rows, [f"the story shows the {MAX_ROWS} longest of its {grouped(self.count)} rows"]


def _shown(told: Told, looked_up: bool, titles: Titles) -> list[StoryRow]:
    """Its rows as they may be shown."""
    rows = _rows(told, looked_up, titles)
    for row in rows:
        row.text = shown_text(row.text, told.marks)
    return rows


def _longest(rows: list[StoryRow]) -> list[StoryRow]:
    rows.sort(key=attrgetter("start_ns", "conversation"))
    if len(rows) <= MAX_ROWS:
        return rows
    kept = sorted(rows, key=_length, reverse=True)[:MAX_ROWS]
    kept.sort(key=attrgetter("start_ns", "conversation"))
    return kept


def _length(row: StoryRow) -> int:
    return row.end_ns - row.start_ns


def _rows(told: Told, looked_up: bool, titles: Titles) -> list[StoryRow]:
    """Rows of one conversation: the opening, what its applications sum up, and the data where there are none.

    A phase of an application whose events have no headline of their own is one row.
    """
    conversation = told.conversation
    number = conversation.number
    rows: list[StoryRow] = []
    ranks = {phase.rank for phase in told.phases}
    hidden = SECURING in ranks and CARRYING not in ranks     # nothing but a handshake
    for phase in told.phases:
        if phase.rank == OPENING:
            rows.append(_opening(conversation, phase, titles))
        elif phase.rank == TRANSFER and conversation.transport == STREAM:
            if APPLICATION not in ranks and any(phase.octets) and not hidden:
                rows.append(StoryRow(number, "data", _amounts(phase.octets), phase.start_ns, phase.end_ns))
        elif phase.rank not in (CLOSING, CARRYING):
            headed = _headlines(number, phase)
            rows += headed
            if not headed and not looked_up:
                rows.append(_row(conversation, phase, titles))
    return rows


def _headlines(number: int, phase: Phase) -> list[StoryRow]:
    found = [headline for headline in [Said(event).headline() for event in phase.events] if headline is not None]
    return [StoryRow(number, line.label, line.text, line.start_ns, line.end_ns) for line in found]


def _opening(conversation: Conversation, phase: Phase, titles: Titles) -> StoryRow:
    label = next((title for title in [titles.protocol(event) for event in phase.events] if title), "")
    text = f"{conversation.originator} → {conversation.responder}" + (f", {phase.outcome}" if phase.outcome else "")
    return StoryRow(conversation.number, label, text, phase.start_ns, phase.end_ns)


def _amounts(octets: list[int]) -> str:
    order = (0, 1) if octets[0] > octets[1] else (1, 0)
    return ", ".join([f"{size(octets[side])} {ARROWS[side]}" for side in order if octets[side]])


def _row(conversation: Conversation, phase: Phase, titles: Titles) -> StoryRow:
    """A phase of a protocol that says nothing special here: its main events by their labels, or its facts."""
    labels = _labels(phase.events)
    label = next((title for title in [titles.protocol(event) for event in phase.events] if title), "")
    ends = f"{conversation.originator} → {conversation.responder}"
    transport = transport_title(conversation.transport)
    if phase.label or not labels:
        label = phase.label or transport
        text = f"{ends}: {', '.join(phase.facts)}"
    else:
        text = labels
    return StoryRow(conversation.number, label or transport, text, phase.start_ns, phase.end_ns)


def _labels(events: list[Event]) -> str:
    """`GET /big.bin · 200`: of the core events, or of all where none is core."""
    chosen = [event for event in events if event.phase and event.importance == CORE] or [e for e in events if e.phase]
    labels = list(dict.fromkeys([label for label in [Said(event).label() for event in chosen] if label]))
    more = [f"{len(labels) - MAX_LABELS} more"] if len(labels) > MAX_LABELS else []
    return " · ".join(labels[:MAX_LABELS] + more)
