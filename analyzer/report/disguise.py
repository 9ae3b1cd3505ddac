"""An analysis without addresses and host names, for whoever must not see them: the same model with stand-ins.

Every report reads the copy as it would read the original. What cannot be translated is left out and said so.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from analyzer.finding import Concern
from analyzer.model import Analysis, CaptureSummary, Conversation, Endpoint, Finding, Phase, Silence, StoryRow, Told
from analyzer.report.pseudonyms import LEFT_OUT, Pseudonyms
from dissectors.kit.event import (
    DissectorFault,
    Event,
    Headline,
    JsonValue,
    LimitReached,
    Malformed,
    Observed,
    OtherProtocol,
)
from dissectors.kit.lookup import Lookup, Step
from dissectors.wire.secrets.gate import Said

NARROWED: Final = "Only a part of the capture was asked for; what it was is not shown here."
REMARK: Final = (
    "anonymized: addresses and host names are stand-ins, numbered in the order in which they appear; the bytes of "
    "frames, comments, Community IDs, fingerprints and serial numbers of certificates are left out"
)


class Disguised(Event):
    """An event in stand-ins. Its class attributes are those of the event's own class."""

    name: ClassVar[str] = ""

    def __init__(self, event: Event, names: Pseudonyms) -> None:
        super().__init__(event.time, event.direction, event.evidence)
        self.conversation = event.conversation
        self.stream = event.stream
        self.marks = event.marks
        self._event = event
        self._names = names

    def label(self) -> str:
        return self._names.text(Said(self._event).label())

    def what(self) -> str:
        return self._names.text(Said(self._event).what())

    def detail(self) -> str:
        return self._names.text(Said(self._event).detail())

    def headline(self) -> Headline | None:
        line = Said(self._event).headline()
        if line is None:
            return None
        return Headline(self._names.text(line.label), self._names.text(line.text), line.start_ns, line.end_ns)

    def fields(self) -> dict[str, JsonValue]:
        return {name: self._names.value(value) for name, value in Said(self._event).fields().items()}


_CLASSES: Final[dict[type[Event], type[Disguised]]] = {}


def disguised_event(event: Event, names: Pseudonyms) -> Event:
    """The event in stand-ins; of what is told at every level, the kind stays what it is."""
    copy: Event
    if isinstance(event, Malformed):
        copy = Malformed(_when(event), event.protocol, event.offset, names.text(event.reason))
    elif isinstance(event, DissectorFault):
        copy = DissectorFault(_when(event), event.protocol, names.text(event.error), event.again)
    elif isinstance(event, OtherProtocol):
        copy = OtherProtocol(_when(event), event.spoken, event.expected, names.text(event.says))
    elif isinstance(event, LimitReached):
        return event
    else:
        kind = type(event)
        made = _CLASSES.get(kind)
        if made is None:
            shared = {"name": kind.name, "phase": kind.phase, "rank": kind.rank, "importance": kind.importance,
                      "on_wire": kind.on_wire,
                      "spec": kind.spec, "WHY": kind.WHY}
            made = _CLASSES[kind] = type("Disguised", (Disguised,), shared)
        return made(event, names)
    copy.conversation, copy.stream, copy.marks = event.conversation, event.stream, event.marks
    return copy


def _when(event: Event) -> Observed:
    return Observed(event.time, event.direction, event.evidence)


def pseudonyms_for(analysis: Analysis, even: bool = False) -> Pseudonyms:
    """Knows every name of the analysis. even: as `Pseudonyms` has it."""
    names = Pseudonyms(even)
    for number, path in enumerate(analysis.capture.names, 1):
        names.learn_path(path, f"capture {number}")
    for conversation in analysis.conversations + [told.conversation for told in analysis.every()]:
        for name in conversation.names():
            names.learn_host(name)
    for lookup in analysis.lookups:
        names.learn(lookup.identifies())
    for event in _events(analysis):
        names.learn(event.identifies())
    for text in _free_texts(analysis):
        names.learn_text(text)
    return names


def _events(analysis: Analysis) -> Iterator[Event]:
    for told in analysis.every():
        for phase in told.phases:
            yield from phase.events


def _free_texts(analysis: Analysis) -> Iterator[str]:
    capture = analysis.capture
    yield from (*capture.damage, *capture.neighbours, capture.seen_from, *(text for _frame, text in capture.remarks))
    for row in analysis.story:
        yield row.text
    for finding in analysis.findings:
        yield finding.sentence
        yield from (one.what for one in finding.concerns)
    for event in _events(analysis):
        said = Said(event)
        yield said.label()
        yield said.detail()
        yield said.what()


def disguised(analysis: Analysis, names: Pseudonyms) -> Analysis:
    """The whole analysis in stand-ins."""
    copies: dict[int, Conversation] = {}
    for conversation in [told.conversation for told in analysis.every()] + analysis.conversations:
        if id(conversation) not in copies:
            copies[id(conversation)] = _conversation(conversation, names)
    found = Analysis(_capture(analysis.capture, names))
    found.conversations = [copies[id(conversation)] for conversation in analysis.conversations]
    for these, into in ((analysis.told, found.told), (analysis.undrawn, found.undrawn)):
        for told in these:
            phases = [_phase(phase, names) for phase in told.phases]
            copy = Told(copies[id(told.conversation)], phases, told.marks, told.observed)
            copy.courses, copy.views = told.courses, told.views
            copy.points = told.points
            copy.filling, copy.datagrams = told.filling, told.datagrams
            copy.books = told.books
            into.append(copy)
    found.story = [
        StoryRow(row.conversation, names.text(row.label), names.text(row.text), row.start_ns, row.end_ns)
        for row in analysis.story
    ]
    found.lookups = [_lookup(lookup, names) for lookup in analysis.lookups]
    found.findings = [_finding(finding, names) for finding in analysis.findings]
    found.verdict = analysis.verdict        # which names nobody: its sentences are those of the findings
    found.since, found.anonymized = "an earlier report" if analysis.since else "", True
    found.listing = None if analysis.listing is None else analysis.listing.disguised(names.text)
    found.left_out = [*[names.text(text) for text in analysis.left_out], REMARK]
    return found


def _conversation(one: Conversation, names: Pseudonyms) -> Conversation:
    copy = Conversation(one.number, one.transport, _end(one.originator, names), _end(one.responder, names))
    copy.shown_by = names.text(one.shown_by)
    copy.protocol, copy.scope, copy.state, copy.history = one.protocol, names.text(one.scope), one.state, one.history
    copy.first_frame, copy.last_frame = one.first_frame, one.last_frame
    copy.start_ns, copy.end_ns = one.start_ns, one.end_ns
    copy.frames, copy.octets, copy.payload, copy.tcp = one.frames, one.octets, one.payload, one.tcp
    return copy       # without its Community ID, which is a hash of the addresses that few guesses would find


def _end(end: Endpoint, names: Pseudonyms) -> Endpoint:
    return Endpoint(names.text(end.address), end.port, names.text(end.name))


def _phase(phase: Phase, names: Pseudonyms) -> Phase:
    copy = Phase(phase.kind, names.text(phase.title), phase.start_ns, phase.end_ns, phase.rank)
    copy.facts = [names.text(fact) for fact in phase.facts]
    copy.left_out = [names.text(text) for text in phase.left_out]
    copy.events = [disguised_event(event, names) for event in phase.events]
    return copy


def _lookup(one: Lookup, names: Pseudonyms) -> Lookup:
    copy = Lookup(names.text(one.name), one.type, names.text(one.client), names.text(one.server), one.start_ns)
    copy.end_ns, copy.kind, copy.summary = one.end_ns, one.kind, names.text(one.summary)
    copy.chain = [names.text(name) for name in one.chain]
    copy.addresses = [names.text(address) for address in one.addresses]
    copy.seconds, copy.repeated_before_ttl, copy.over_tcp = one.seconds, one.repeated_before_ttl, one.over_tcp
    copy.attempts, copy.left_out = one.attempts, one.left_out
    copy.errors = {code: names.text(text) for code, text in one.errors.items()}
    copy.frames, copy.conversations = one.frames, one.conversations
    copy.steps = [_step(step, names) for step in one.steps]
    return copy


def _step(one: Step, names: Pseudonyms) -> Step:
    copy = Step(
        names.text(one.client), names.text(one.server), names.text(one.zone), names.text(one.question), 0, one.start_ns,
        one.tcp,
    )
    copy.answer, copy.frames, copy.end_ns, copy.attempts = names.text(one.answer), one.frames, one.end_ns, one.attempts
    return copy


def _finding(one: Finding, names: Pseudonyms) -> Finding:
    copy = Finding(
        one.code, one.severity, one.confidence, names.text(one.sentence), one.conversation, one.frames,
        names.text(one.display_filter), names.text(one.next_step), names.text(one.refute), names.text(one.basis),
    )
    copy.number, copy.explains, copy.explained_by = one.number, one.explains, one.explained_by
    copy.cost_ns, copy.victims = one.cost_ns, one.victims
    copy.concerns = tuple(
        Concern(names.text(each.address), each.port, names.text(each.name), names.text(each.what))
        for each in one.concerns
    )
    return copy


def _capture(one: CaptureSummary, names: Pseudonyms) -> CaptureSummary:
    copy = CaptureSummary([f"capture {number}" for number in range(1, len(one.names) + 1)])
    copy.frames, copy.octets, copy.start_ns, copy.end_ns = one.frames, one.octets, one.start_ns, one.end_ns
    copy.links, copy.seen_from = one.links, names.text(one.seen_from)
    copy.silences = [
        Silence(
            each.lasted_ns, each.before, each.after, each.since_ns, each.until_ns,
            [names.text(host) for host in each.stood],
        ) for each in one.silences
    ]
    copy.damage = [names.text(text) for text in one.damage]
    copy.beside, copy.narrowed = one.beside, [NARROWED] if one.narrowed else []
    copy.remarks = [(frame, LEFT_OUT) for frame, _text in one.remarks]      # whatever somebody wrote down
    copy.undecoded, copy.truncated_frames, copy.dropped = one.undecoded, one.truncated_frames, one.dropped
    copy.read, copy.unread, copy.half_told = one.read, one.unread, one.half_told
    copy.conversations, copy.by_transport, copy.states = one.conversations, one.by_transport, one.states
    copy.tcp_flags = one.tcp_flags
    copy.neighbours = [names.text(text) for text in one.neighbours]
    return copy
