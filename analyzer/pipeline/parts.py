"""All conversations of a large capture, told one part after another: each is told, judged, written, and forgotten.

What stays of them is what `explain/gathered.py` keeps, what `timeline/build.py` adds up, and what is written.
"""
from __future__ import annotations

from typing import Final

from analyzer.address import address_text
from analyzer.explain import sound
from analyzer.explain.gathered import Gathering
from analyzer.explain.verdict import judge
from analyzer.flows.clock import set_right
from analyzer.flows.flow import Flow, TcpFlow, UdpFlow, let_go
from analyzer.flows.keep import BUDGET_OCTETS, EACH
from analyzer.flows.summary import conversation_of
from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Sink
from analyzer.packet import TCP, UDP
from analyzer.packets.decode import scope_text
from analyzer.pipeline.chosen import Chosen
from analyzer.pipeline.look import bare, unusual, without_steps
from analyzer.pipeline.passes import CONCLUDING, LOOKING, TELLING, Pulse
from analyzer.pipeline.plan import Plan, places_of
from analyzer.pipeline.shelf import MAX_EVENTS_EACH, Room
from analyzer.pipeline.survey import Survey
from analyzer.pipeline.tell import PART, UNLIMITED, Telling
from analyzer.pipeline.timeline import WITNESSES
from analyzer.timeline.build import Builder
from analyzer.timeline.lookups import NEVER
from dissectors.kit.lookup import Lookup
from dissectors.kit.observation import CAPTURE_ENDED, READING_ENDED
from dissectors.kit.protocol import Protocol
from dissectors.kit.provided import Provided
from dissectors.kit.units import grouped

PART_FRAMES: Final = 100_000      # ... or as many as have so many frames
WALKED: Final = 10_000            # conversations that are told together where each part goes over the whole capture
WALKED_FRAMES: Final = 500_000
MAX_HEARD: Final = 10_000         # name servers that are known to have answered
NAME_SERVICE: Final = b"\x00\x35"


def too_large(survey: Survey, budget: int) -> bool:
    """Is this more than can be held at once?"""
    return int(survey.frames) + EACH * survey.keeper.count > budget or int(survey.octets) > BUDGET_OCTETS


class Parts:
    """Tells these conversations, which are all that the capture holds, by number. They are released on the way.

    bare: their findings are wanted and nothing else.
    """

    def __init__(
        self, survey: Survey, flows: list[Flow], known: tuple[Protocol, ...], provided: Provided,
        capture: CaptureSummary, pulse: Pulse, sink: Sink, bare: bool,
    ) -> None:
        self.survey = survey
        self.flows = flows
        self.capture = capture
        self.pulse = pulse
        self.sink = sink
        self.source = survey.source
        self.telling = Telling(known, UNLIMITED, provided, survey.faults, pulse)
        self.telling.room = Room(UNLIMITED, MAX_EVENTS_EACH)
        self.telling.stopped = int(self.source.kept) + 1
        self.builder = Builder(capture, survey.faults, survey.keeper.troubles.two, bare)
        self.gathering = Gathering(capture, survey.faults, heard(flows))
        self.looked: dict[int, Chosen] = {}
        self.twice: set[int] = set()
        self.end = int(survey.last_time)
        self.walked = survey.reassembled or self.source.base < 0
        self.held: tuple[list[Account], list[Lookup]] = ([], [])      # what is followed and not built
        self.frames = 0
        self.unread = 0

    def tell(self) -> Analysis:
        """The analysis, without any conversation in it."""
        survey, capture, telling = self.survey, self.capture, self.telling
        self.pulse.begin(LOOKING, last=int(survey.frames))
        self._look()
        telling.set_right(capture)
        self.end = telling.latest(self.end)
        self.pulse.begin(TELLING, last=int(survey.frames))
        start = 0
        while start < len(self.flows) and not self.pulse.stopped:
            stop = self._behind(start)
            self._part(self.flows[start:stop], self._until(stop))
            self.flows[start:stop] = [None] * (stop - start)     # type: ignore[list-item]  # let go
            start = stop
        return self._concluded()

    def _conversation(self, flow: Flow) -> Conversation:
        conversation = conversation_of(flow, int(self.survey.last_time))
        self.survey.names.name_endpoints(conversation, flow)
        conversation.scope = scope_text(flow.scope) if flow.scope else ""
        return conversation

    # -- the first look -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """At those in which something unusual was met, and at those that tell of the clock of the capture."""
        telling, source = self.telling, self.source
        flows = [flow for flow in self.flows if not 0 <= source.kept < flow.first_frame]
        for flow in self._to_look_at(flows):
            telling.add(flow, self._conversation(flow))
        telling.look(source, self.survey.reassembled, self.survey.breaks, [])
        self.looked = {int(chosen.flow.number): chosen for chosen in telling.chosen}
        self.twice = {int(flow.number) for flow in telling.twice}
        if telling.steps and not telling.restless:
            self._set_clock([flow for flow in flows if int(flow.number) not in self.looked])

    def _to_look_at(self, flows: list[Flow]) -> list[Flow]:
        found: dict[int, Flow] = {}
        ends: dict[bytes, list[Flow]] = {}
        scoped = any(flow.scope for flow in flows)
        for flow in flows:
            plan = Plan(flow)
            plan.places = places_of(flow)
            if unusual(plan):
                found[int(flow.number)] = flow
            if scoped:
                ends.setdefault(bare(flow), []).append(flow)
        for group in ends.values():
            if len(group) > 1 and any(flow.scope for flow in group):
                found.update({int(flow.number): flow for flow in group})
        for silence in self.survey.breaks.long():
            across = [
                flow for flow in flows if flow.first_frame <= silence.before and flow.last_frame >= silence.number
            ]
            for flow in [flow for flow in across if flow.protocol == TCP][:WITNESSES] + across[:1]:
                found[int(flow.number)] = flow
        return [found[number] for number in sorted(found)]

    def _set_clock(self, flows: list[Flow]) -> None:
        """When those begin and end that are told later, without the steps of the clock."""
        first, last = -1, -1
        for flow in flows:
            plan = Plan(flow)
            plan.places = places_of(flow)
            without_steps(plan, self.telling.steps, self.source.alone)
            times = [int(place.time) for place in plan.places if place.time >= 0]
            if times:
                first = min(times) if first < 0 else min(first, *times)
                last = max(last, *times)
        self.telling.bounds = (first, last)

    # -- the parts ----------------------------------------------------------------------------------------

    def _behind(self, start: int) -> int:
        """Where the part ends that begins there."""
        most, room = (WALKED, WALKED_FRAMES) if self.walked else (PART, PART_FRAMES)
        stop = start
        while stop < len(self.flows) and stop - start < most and (room > 0 or stop == start):
            room -= int(self.flows[stop].recorded)
            stop += 1
        return stop

    def _until(self, stop: int) -> int:
        """When the first conversation behind this part begins."""
        if stop >= len(self.flows):
            return NEVER
        flow = self.flows[stop]
        time = int(flow.first_time)
        if self.telling.steps and time >= 0:
            time = set_right(int(flow.first_frame), time, self.telling.steps)
        return max(time, 0)

    def _part(self, flows: list[Flow], until: int) -> None:
        telling, source, survey = self.telling, self.source, self.survey
        part: list[Chosen] = []
        for flow in flows:
            number = int(flow.number)
            if number in self.twice or 0 <= source.kept < flow.first_frame:
                continue
            chosen = self.looked.pop(number, None)
            if chosen is None:
                chosen = telling.unlooked(flow, self._conversation(flow), source.alone)
            part.append(chosen)
        telling.begin(part)
        if self.walked:
            again = source.reopen()
            telling.walk(again, survey.reassembled)
            again.close()
        else:
            telling.visit(source)
        how = READING_ENDED if survey.interrupted else CAPTURE_ENDED
        accounts = telling.finish(int(survey.frames), self.end, how)
        self.frames += sum([chosen.frames() for chosen in telling.chosen])
        self.unread += sum([chosen.unread() for chosen in telling.chosen])
        telling.chosen = []
        if telling.stopped:
            self.capture.half_told = True
        self._told(accounts, until)
        for flow in flows:
            let_go(flow)

    def _told(self, accounts: list[Account], until: int) -> None:
        """These come next. Those before them are built now that it is known what became of their lookups."""
        closed = self.builder.follow(accounts, until)
        self._build(self.builder.lookups.pending.union(*[lookup.conversations for lookup in closed]))
        self.held = accounts, closed
        if until == NEVER:
            self._build(set())

    def _build(self, pending: set[int]) -> None:
        """pending: conversations of lookups that are not told yet."""
        (accounts, closed), self.held = self.held, ([], [])
        if accounts or closed:
            part = self.builder.part(accounts, closed)
            self.gathering.take(part, pending)
            self.sink.take(part)

    def _concluded(self) -> Analysis:
        capture, telling, pulse = self.capture, self.telling, self.pulse
        if pulse.stopped:
            self._told([], NEVER)
            capture.interrupted = True
            capture.damage.append(telling.interrupted())
        elif telling.stopped:
            capture.unread = telling.interrupted()
        capture.half_told = telling.stopped > 0
        pulse.begin(CONCLUDING)
        analysis = Analysis(capture)
        self.builder.finish(analysis)
        capture.read = self.gathering.sums.told
        if capture.unread:
            analysis.left_out.append(capture.unread)
        self.gathering.conclude(analysis)
        sound.check(analysis, self.survey.faults)
        judge(analysis, self.survey.faults)
        return analysis


def heard(flows: list[Flow]) -> frozenset[str]:
    """Name servers from which something came."""
    found: set[bytes] = set()
    for flow in flows:
        size = int(flow.address_size)
        if flow.protocol in (TCP, UDP) and flow.forward[2 * size + 2:2 * size + 4] == NAME_SERVICE \
                and isinstance(flow, (TcpFlow, UdpFlow)) and flow.responder.frames and len(found) < MAX_HEARD:
            found.add(flow.forward[size:2 * size])
    return frozenset([address_text(address) for address in found])


def kept_events() -> str:
    """What a part of a capture leaves out, in words."""
    return f"of a conversation with more than {grouped(MAX_EVENTS_EACH)} events, others are counted"
