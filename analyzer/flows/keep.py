"""Which conversations of a large capture are kept to be told, while all of them are counted."""
from __future__ import annotations

from heapq import heappush, heapreplace
from typing import Final

from analyzer.flows.flow import KINDS, SAW_RST, SAW_SYN, SAW_SYN_ACK, Flow, Retired, TcpFlow, UdpFlow, let_go, release
from analyzer.flows.groups import Groups
from analyzer.flows.kinds import CODES
from analyzer.flows.spooled import FlowSpool, Watcher
from analyzer.flows.summary import FRAGMENTS, TRANSPORTS, conn_state, in_fragments, udp_state
from analyzer.flows.troubles import Troubles
from analyzer.packet import Packet

KEEP_ALL: Final = 0
# Work within which every conversation is read for what it carries, so that the same capture is always read alike: as
# many frames, where each conversation counts as EACH more, and octets on the wire. It takes two seconds at the most on
# a core of 2020, compiled.
BUDGET: Final = 200_000
EACH: Final = 40
BUDGET_OCTETS: Final = 200_000_000


START: Final = "start"
DURATION: Final = "duration"
FRAMES: Final = "frames"
OCTETS: Final = "bytes"
RESENT: Final = "retransmissions"


def rank_of(flow: Flow, order: str) -> int:
    """How early it comes in a list of that order: the larger, the earlier."""
    if order == DURATION:
        return int(flow.last_time - flow.first_time)
    if order == OCTETS:
        return octets_of(flow)
    if order == FRAMES and isinstance(flow, (TcpFlow, UdpFlow)):
        return int(flow.originator.frames + flow.responder.frames)
    if order == RESENT and isinstance(flow, TcpFlow):
        return int(flow.originator.retransmitted + flow.responder.retransmitted)
    return 0


def octets_of(flow: Flow) -> int:
    """Bytes on the wire, both directions."""
    if isinstance(flow, TcpFlow):
        return int(flow.originator.octets + flow.responder.octets)
    if isinstance(flow, UdpFlow):
        return int(flow.originator.octets + flow.responder.octets)
    return 0


def trouble_of(flow: Flow) -> int:
    """How much went wrong: flagged segments, and a weight for attempts that failed or were cut off."""
    if isinstance(flow, TcpFlow):
        trouble = int(flow.trouble)
        if flow.marks & SAW_RST:
            trouble += 3
        if flow.marks & SAW_SYN and not flow.marks & SAW_SYN_ACK:
            trouble += 10
        return trouble + 10 * int(flow.icmp_errors)
    if isinstance(flow, UdpFlow):
        silent = not flow.responder.frames and flow.originator.frames
        return int(flow.icmp_errors) * 10 + (2 if silent else 0)
    return 0


class Part:
    """What the conversations of one share of the capture have in common."""

    def __init__(self) -> None:
        self.groups = Groups()
        self.troubles = Troubles()


class Keeper(Retired):
    """Counts every conversation that leaves the table and keeps the `keep` largest and most troubled.

    keep: KEEP_ALL keeps all.     order: for a list; the `keep` first of that order are kept.
    within: all are kept besides, while they are no more work than `budget`.
    spool: where all are kept instead, once they are more work than that; None where `spill()` was not called, or they
    are not.
    shares: into which the capture is divided (`analyzer/partition.py`).     parts: of each.
    only: where a filter chooses, 1 at the number of each conversation that is taken; beside: how many others there are.
    groups, troubles: of all of them, once `settle()` was called; before, those of the first one.
    """

    def __init__(self, keep: int, order: str = "", budget: int = 0, shares: int = 1) -> None:
        super().__init__()
        self.keep = keep
        self.only: bytearray | None = None
        self.beside = 0
        self.order = order
        self.budget = budget
        self.within = budget > 0 and keep != KEEP_ALL
        self.work = 0
        self.octets = 0
        self.spool: FlowSpool | None = None
        self.watcher: Watcher | None = None
        self.folder = ""
        self.count = 0
        self.by_transport: dict[str, int] = {}
        self.states: dict[str, dict[str, int]] = {}   # by transport: Zeek's conn_state -> conversations
        self.flags = [0] * KINDS                      # TCP analysis flags of all segments, in rule order
        self.first_of: dict[str, int] = {}            # by transport: the first frame of its first conversation
        self.parts = [Part() for _ in range(shares)]
        self.groups = self.parts[0].groups
        self.troubles = self.parts[0].troubles
        self.all: list[Flow] = []
        self.largest: list[tuple[int, int, Flow]] = []
        self.troubled: list[tuple[int, int, Flow]] = []
        self.examples: dict[int, tuple[int, Flow]] = {}     # of each kind of trouble the one with the most

    def take(self, flow: Flow) -> None:
        if self.only is not None and not (flow.number < len(self.only) and self.only[flow.number]):
            self.beside += 1
            if not flow.kept:
                release(flow)
            return
        self.tally(flow)
        if self.keep == KEEP_ALL:
            self._keep_all(flow)
            return
        if self.order:
            self._rank(flow)
        else:
            octets = octets_of(flow)
            if self.within:
                self._keep_within(flow, octets)
            self._offer(self.largest, octets, flow)
            self._offer(self.troubled, trouble_of(flow), flow)
            troubles = self.parts[flow.share].troubles
            if troubles.kinds:
                self._exemplify(flow, int(troubles.kinds))
        if not flow.kept:
            release(flow)

    def spill(self, watcher: Watcher, folder: str) -> None:
        """Keep conversations in a file beyond the budget."""
        self.watcher = watcher
        self.folder = folder

    def _keep_all(self, flow: Flow) -> None:
        flow.kept += 1
        watcher = self.watcher
        if watcher is None:
            self.all.append(flow)
            return
        if self.spool is None:
            self.all.append(flow)
            self.work += int(flow.recorded + flow.unrecorded) + EACH
            self.octets += octets_of(flow)
            if self.work > self.budget or self.octets > BUDGET_OCTETS:
                self.spool = FlowSpool(self.folder)
                for kept in self.all:
                    self._spill(watcher, self.spool, kept)
                self.all = []
        else:
            self._spill(watcher, self.spool, flow)

    def _spill(self, watcher: Watcher, spool: FlowSpool, flow: Flow) -> None:
        watcher.met(flow)
        spool.put(flow)
        let_go(flow)

    def _exemplify(self, flow: Flow, kinds: int) -> None:
        trouble = trouble_of(flow)
        for kind in CODES:
            if kinds & kind:
                before = self.examples.get(kind)
                if before is None or trouble > before[0] or (trouble == before[0] and flow.number < before[1].number):
                    flow.kept += 1
                    self.examples[kind] = (trouble, flow)
                    if before is not None:
                        let_go(before[1])

    def _keep_within(self, flow: Flow, octets: int) -> None:
        self.work += int(flow.recorded + flow.unrecorded) + EACH
        self.octets += octets
        if self.work <= self.budget and self.octets <= BUDGET_OCTETS:
            flow.kept += 1
            self.all.append(flow)
            return
        self._exceed()

    def _exceed(self) -> None:
        """It is more work than the budget."""
        self.within = False
        for kept in self.all:
            let_go(kept)
        self.all = []

    def tally(self, flow: Flow) -> None:
        """Count it, by transport, state and flags."""
        self.count += 1
        protocol = int(flow.protocol)
        transport = FRAGMENTS if in_fragments(flow) else TRANSPORTS.get(protocol) or f"IP protocol {protocol}"
        self.by_transport[transport] = self.by_transport.get(transport, 0) + 1
        first = int(flow.first_frame)
        if first < self.first_of.get(transport, first + 1):
            self.first_of[transport] = first
        part = self.parts[flow.share]
        if isinstance(flow, TcpFlow):
            state = conn_state(flow)
            part.groups.take(flow, self.until)
            part.troubles.tcp(flow, self.until)
            for half in (flow.originator, flow.responder):
                if half.counts is not None:
                    for index, count in enumerate(half.counts):
                        self.flags[index] += count
        elif isinstance(flow, UdpFlow):
            state = udp_state(flow)
            part.troubles.other(flow, self.until)
        else:
            part.troubles.kinds = 0
            return
        states = self.states.get(transport)
        if states is None:
            states = {}
            self.states[transport] = states
        states[state] = states.get(state, 0) + 1

    def reported(self, flow: Flow, packet: Packet) -> None:
        self.parts[flow.share].troubles.reported(flow, packet)

    def settle(self) -> None:
        """No more will come: what was counted of each share becomes that of the capture."""
        for part in self.parts[1:]:
            self.groups.merge(part.groups)
            self.troubles.merge(part.troubles)
        self.parts = self.parts[:1]
        order = sorted(self.first_of, key=self.first_of.__getitem__)
        self.by_transport = {transport: self.by_transport[transport] for transport in order}
        self.states = {
            transport: dict(sorted(self.states[transport].items())) for transport in order if transport in self.states
        }

    def merge(self, other: Keeper, shares: list[int]) -> None:
        """What was counted elsewhere, of these shares of the same capture."""
        self.count += other.count
        self.work += other.work
        self.octets += other.octets
        for index in shares:
            self.parts[index] = other.parts[index]
        for transport, count in other.by_transport.items():
            self.by_transport[transport] = self.by_transport.get(transport, 0) + count
            first = other.first_of[transport]
            self.first_of[transport] = min(first, self.first_of.get(transport, first))
        for transport, states in other.states.items():
            mine = self.states.setdefault(transport, {})
            for state, count in states.items():
                mine[state] = mine.get(state, 0) + count
        self.flags = [count + its for count, its in zip(self.flags, other.flags, strict=True)]
        self.all += other.all
        if not (other.within and self.work <= self.budget and self.octets <= BUDGET_OCTETS):
            self._exceed()
        self.largest = self._first(self.largest + other.largest)
        self.troubled = self._first(self.troubled + other.troubled)
        for kind, (trouble, flow) in other.examples.items():
            before = self.examples.get(kind)
            if before is None:
                self.examples[kind] = (trouble, flow)
            elif (trouble, -flow.number) > (before[0], -before[1].number):
                self.examples[kind] = (trouble, flow)
                let_go(before[1])
            else:
                let_go(flow)

    def _first(self, entries: list[tuple[int, int, Flow]]) -> list[tuple[int, int, Flow]]:
        """So many of them as are kept, the last of those first."""
        entries = sorted([(score, -int(flow.number), flow) for score, _number, flow in entries], key=_by_score)
        for _score, _number, flow in entries[:-self.keep]:
            let_go(flow)
        return entries[-self.keep:]

    def kept(self) -> list[Flow]:
        """Every conversation that is kept, some of them more than once."""
        return self.all + [entry[2] for entry in self.largest + self.troubled] + self._examples()

    def put(self, flows: dict[int, Flow]) -> None:
        """Put these, by their number, in the place of those with the same number."""
        self.all = [flows.get(int(flow.number), flow) for flow in self.all]
        self.largest = [(score, number, flows.get(-number, flow)) for score, number, flow in self.largest]
        self.troubled = [(score, number, flows.get(-number, flow)) for score, number, flow in self.troubled]
        for kind, (trouble, flow) in self.examples.items():
            self.examples[kind] = (trouble, flows.get(int(flow.number), flow))

    def _offer(self, heap: list[tuple[int, int, Flow]], score: int, flow: Flow) -> None:
        """Of equal ones those that began first."""
        if score == 0 or (len(heap) >= self.keep and score < heap[0][0]):
            return
        entry = (score, -int(flow.number), flow)
        if len(heap) >= self.keep and entry[:2] < heap[0][:2]:
            return
        flow.kept += 1
        if len(heap) < self.keep:
            heappush(heap, entry)
            return
        let_go(heapreplace(heap, entry)[2])

    def _rank(self, flow: Flow) -> None:
        """Of equal ones those that began first."""
        heap = self.largest
        entry = (rank_of(flow, self.order), -int(flow.number), flow)
        if len(heap) < self.keep:
            flow.kept += 1
            heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            flow.kept += 1
            let_go(heapreplace(heap, entry)[2])

    def forget(self) -> None:
        """Everything is told: free the conversations that were kept."""
        for flow in self.kept():
            let_go(flow)
        if self.spool is not None:
            self.spool.close()
            self.spool = None
        self.examples = {}
        self.all = []
        self.largest = []
        self.troubled = []

    def _examples(self) -> list[Flow]:
        """One of each kind of trouble, the worst kind first."""
        return [self.examples[kind][1] for kind in CODES if kind in self.examples]

    def chosen(self, limit: int) -> list[Flow]:
        """Up to `limit` conversations: half of them one of each kind of trouble and then the most troubled, the others
        the largest; all where limit is 0."""
        if self.keep == KEEP_ALL or self.within:
            pool = {int(flow.number): flow for flow in self.all}
        else:
            pool = {int(flow.number): flow for _score, _number, flow in self.largest + self.troubled}
            pool.update({int(flow.number): flow for flow in self._examples()})
        if limit and len(pool) > limit:
            trouble = sorted(pool.values(), key=lambda f: (-trouble_of(f), f.number))
            troubled = {int(f.number): f for f in self._examples() + [f for f in trouble if trouble_of(f)]}
            pool_out = dict(list(troubled.items())[: limit // 2])
            for flow in sorted(pool.values(), key=lambda f: (-octets_of(f), f.number)):
                if len(pool_out) >= limit:
                    break
                pool_out[int(flow.number)] = flow
            pool = pool_out
        return [pool[number] for number in sorted(pool)]


def _by_score(entry: tuple[int, int, Flow]) -> tuple[int, int]:
    return entry[0], entry[1]
