"""All conversations of a large capture, told one part after another: each is told, judged, written, and forgotten.

What stays of them is what `explain/gathered.py` keeps, what `timeline/build.py` adds up, and what is written.
"""
from __future__ import annotations

from heapq import heappush, heapreplace
from typing import Final

from analyzer.address import address_text
from analyzer.explain import sound
from analyzer.explain.gathered import Gathering
from analyzer.explain.verdict import judge
from analyzer.flows.clock import set_right
from analyzer.flows.flow import Flow, TcpFlow, UdpFlow, release
from analyzer.flows.keep import octets_of, trouble_of
from analyzer.flows.spooled import FlowSpool, Watcher
from analyzer.flows.summary import conversation_of
from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Sink
from analyzer.packet import TCP, UDP
from analyzer.packets.decode import scope_text
from analyzer.pipeline.chosen import Chosen
from analyzer.pipeline.look import bare, unusual, without_steps
from analyzer.pipeline.narrowed import how_it_ended
from analyzer.pipeline.passes import CONCLUDING, LOOKING, TELLING, Pulse
from analyzer.pipeline.plan import Plan, places_of
from analyzer.pipeline.shelf import MAX_EVENTS_EACH, Room
from analyzer.pipeline.survey import Survey
from analyzer.pipeline.tell import PART, UNLIMITED, Telling
from analyzer.pipeline.timeline import WITNESSES
from analyzer.timeline.build import Builder
from analyzer.timeline.lookups import NEVER
from dissectors.kit.lookup import Lookup
from dissectors.kit.protocol import Protocol
from dissectors.kit.provided import Provided

PART_FRAMES: Final = 100_000      # ... or as many as have so many frames
WALKED: Final = 10_000            # conversations that are told together where each part goes over the whole capture
WALKED_FRAMES: Final = 500_000
PLACES_EACH: Final = 10_000       # frames of a conversation whose places are kept; those behind them are found again
MAX_WORTH: Final = 1_000          # conversations with the most trouble, and as many with the most octets
MAX_HEARD: Final = 10_000         # name servers that are known to have answered
NAME_SERVICE: Final = b"\x00\x35"


class Notables(Watcher):
    """What has to be known of conversations before the first of them is told.

    unusual: numbers of those that the first look looks at.     scoped: one is in a VLAN or tunnel.
    heard: addresses of name servers from which something came.     two: how many have frames of both sides.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unusual: list[int] = []
        self.scoped = False
        self.two = 0
        self.heard: dict[bytes, None] = {}
        self.worth: list[list[tuple[int, int]]] = [[], []]      # by trouble, by octets

    def most(self) -> set[int]:
        """Numbers of those with the most trouble, and of those with the most octets."""
        return {-number for heap in self.worth for _score, number in heap}

    def met(self, flow: Flow) -> None:
        plan = Plan(flow)
        plan.places = places_of(flow)
        if unusual(plan):
            self.unusual.append(int(flow.number))
        for heap, score in zip(self.worth, (trouble_of(flow), octets_of(flow)), strict=True):
            if score and len(heap) < MAX_WORTH:
                heappush(heap, (score, -int(flow.number)))
            elif score and (score, -int(flow.number)) > heap[0]:
                heapreplace(heap, (score, -int(flow.number)))
        if flow.scope:
            self.scoped = True
        if isinstance(flow, (TcpFlow, UdpFlow)) and flow.originator.frames and flow.responder.frames:
            self.two += 1
        if flow.protocol in (TCP, UDP) and isinstance(flow, (TcpFlow, UdpFlow)) and len(self.heard) < MAX_HEARD:
            size = int(flow.address_size)
            if flow.forward[2 * size + 2:2 * size + 4] == NAME_SERVICE and flow.responder.frames:
                self.heard[flow.forward[size:2 * size]] = None


class Parts:
    """Tells all conversations of the capture, which lie in a file, by number.

    bare: their findings are wanted and nothing else.     graphs: keep what is drawn of each.
    """

    def __init__(
        self, survey: Survey, spool: FlowSpool, notables: Notables, known: tuple[Protocol, ...], provided: Provided,
        capture: CaptureSummary, pulse: Pulse, sink: Sink, bare: bool, graphs: bool,
    ) -> None:
        self.graphs = graphs
        self.survey = survey
        self.spool = spool
        self.notables = notables
        self.capture = capture
        self.pulse = pulse
        self.sink = sink
        self.source = survey.source
        self.telling = Telling(known, UNLIMITED, provided, survey.faults, pulse)
        self.telling.room = Room(UNLIMITED, MAX_EVENTS_EACH)
        self.telling.stopped = int(self.source.kept) + 1
        self.builder = Builder(capture, survey.faults, survey.keeper.troubles.two, bare)
        heard = frozenset([address_text(address) for address in notables.heard])
        self.gathering = Gathering(capture, survey.faults, heard)
        self.looked: dict[int, Chosen] = {}
        self.twice: set[int] = set()
        self.end = int(survey.last_time)
        self.walked = survey.reassembled or self.source.base < 0
        self.held: tuple[list[Account], list[Lookup]] = ([], [])      # what is followed and not built

    def tell(self) -> Analysis:
        """The analysis, without any conversation in it."""
        survey, capture, telling = self.survey, self.capture, self.telling
        self.sink.expect(self.notables.most())
        self.pulse.begin(LOOKING, last=int(survey.frames))
        self._look()
        telling.set_right(capture)
        self.end = telling.latest(self.end)
        capture.two_sided = self.notables.two
        self.pulse.begin(TELLING, last=int(survey.frames))
        flow, number = self._flow(1)
        while flow is not None and not self.pulse.stopped:
            part: list[Flow] = []
            most, room = (WALKED, WALKED_FRAMES) if self.walked else (PART, PART_FRAMES)
            while flow is not None and len(part) < most and (room > 0 or not part):
                room -= int(flow.recorded)
                part.append(flow)
                flow, number = self._flow(number + 1)
            self._part(part, self._begins(flow))
        return self._concluded()

    def _flow(self, number: int) -> tuple[Flow | None, int]:
        """The conversation of this number, or the next one there is."""
        while number <= self.spool.numbers():
            flow = self.spool.get(number)
            if flow is not None and not 0 <= self.source.kept < flow.first_frame:
                return flow, number
            number += 1
        return None, number

    def _conversation(self, flow: Flow) -> Conversation:
        conversation = conversation_of(flow, int(self.survey.last_time))
        self.survey.names.name_endpoints(conversation, flow)
        conversation.scope = scope_text(flow.scope) if flow.scope else ""
        return conversation

    # -- the first look -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """At those in which something unusual was met, and at those that tell of the clock of the capture."""
        telling, source = self.telling, self.source
        for number in self._to_look_at():
            flow = self.spool.get(number)
            if flow is not None and not 0 <= source.kept < flow.first_frame:
                telling.add(flow, self._conversation(flow), self.graphs)
        telling.look(source, self.survey.reassembled, self.survey.breaks, [])
        self.looked = {int(chosen.flow.number): chosen for chosen in telling.chosen}
        self.twice = {int(flow.number) for flow in telling.twice}
        telling.chosen = []
        if telling.steps and not telling.restless:
            self._set_clock()

    def _to_look_at(self) -> list[int]:
        """The numbers of those that are worth a look, as far as there is room for their frames."""
        spool = self.spool
        found = set(self.notables.unusual)
        if self.notables.scoped:
            ends: dict[bytes, list[int]] = {}
            for number in range(1, spool.numbers() + 1):
                flow = spool.get(number)
                if flow is not None:
                    ends.setdefault(bare(flow), []).append(number)
            found.update(*[group for group in ends.values() if len(group) > 1])
        for silence in self.survey.breaks.long():
            across = [
                number for number in range(1, spool.numbers() + 1)
                if 0 < spool.first[number - 1] <= silence.before and spool.last[number - 1] >= silence.number
            ]
            found.update(across[:1])
            found.update([number for number in across if self._is_tcp(number)][:WITNESSES])
        return sorted(found)

    def _is_tcp(self, number: int) -> bool:
        flow = self.spool.get(number)
        return flow is not None and flow.protocol == TCP

    def _set_clock(self) -> None:
        """When those begin and end that are told later, without the steps of the clock."""
        first, last = -1, -1
        flow, number = self._flow(1)
        while flow is not None:
            if number not in self.looked and number not in self.twice:
                plan = Plan(flow)
                plan.places = places_of(flow)
                without_steps(plan, self.telling.steps, self.source.alone)
                times = [int(place.time) for place in plan.places if place.time >= 0]
                if times:
                    first = min(times) if first < 0 else min(first, *times)
                    last = max(last, *times)
            flow, number = self._flow(number + 1)
        self.telling.bounds = (first, last)

    # -- the parts ----------------------------------------------------------------------------------------

    def _begins(self, flow: Flow | None) -> int:
        """When this conversation begins; NEVER where there is none."""
        if flow is None:
            return NEVER
        time = int(flow.first_time)
        if self.telling.steps and time >= 0:
            time = set_right(int(flow.first_frame), time, self.telling.steps)
        return max(time, 0)

    def _part(self, flows: list[Flow], until: int) -> None:
        telling, source, survey = self.telling, self.source, self.survey
        part: list[Chosen] = []
        for flow in flows:
            number = int(flow.number)
            if number in self.twice:
                continue
            chosen = self.looked.pop(number, None)
            if chosen is None:
                chosen = telling.unlooked(flow, self._conversation(flow), source.alone, self.graphs)
            part.append(chosen)
        telling.begin(part)
        if self.walked:
            again = source.reopen()
            telling.walk(again, survey.reassembled)
            again.close()
        else:
            telling.visit(source)
        how = how_it_ended(survey)
        accounts = telling.finish(int(survey.source.number), self.end, how)
        telling.chosen = []
        if telling.stopped:
            self.capture.half_told = True
        self._told(accounts, until)
        for flow in flows:
            release(flow)

    def _told(self, accounts: list[Account], until: int) -> None:
        """These come next. Those before them are built now that it is known what became of their lookups."""
        closed = self.builder.follow(accounts, until)
        self.gathering.foresee(accounts)
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
