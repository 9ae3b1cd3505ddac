"""Conversations with one trouble in common, counted while they leave: how many, with whom, when, and a few of them."""
from __future__ import annotations

import socket
from array import array
from bisect import bisect_right
from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import Flow
from analyzer.model import Together
from analyzer.partition import SHARES

MAX_PEERS: Final = 10_000          # services, and clients, of one trouble that are counted apart; all are in its total
PEERS_EACH: Final = MAX_PEERS // SHARES     # ... of them in each share of the capture
MAX_SHOWN: Final = 20              # of them that a report is given, the largest first
MAX_FIRST: Final = 5               # conversations that are cited, the first ones, and the last
MAX_DEAREST: Final = 3             # conversations that are named for what they cost
# Conversations without an answer that left less than PATIENCE_NS after they asked: only the end of the capture says
# whether that is long enough. Of those beyond it is not known.
MAX_YOUNG: Final = 100_000

# A SYN is sent again after a second (RFC 6298 §2); a silence shorter than that shows nothing.
PATIENCE_NS: Final[i64] = 1_000_000_000


class Attempt:
    """A conversation that came to nothing, as a tally needs it once the flow is gone.

    kind: its trouble.     frame: that shows it.     since, until: how long nobody answered; -1 where somebody refused.
    times: datagrams.     once: one packet, and none the other way.
    """

    def __init__(self, flow: Flow, kind: i64, frame: i64, weight: i64) -> None:
        self.kind = kind
        self.key = flow.forward
        self.size = flow.address_size
        self.number = flow.number
        self.first_frame = flow.first_frame
        self.time = flow.first_time
        self.frame = frame
        self.weight = weight
        self.since: i64 = -1
        self.until: i64 = -1
        self.times: i64 = 0
        self.once = False


class Peers:
    """How often each of them took part.

    rest: conversations with those that are not counted apart.     pruned: what is counted may be less than all.
    most: how many are counted apart, those of one share until others are added to them.
    """

    def __init__(self) -> None:
        self.counts: dict[bytes, int] = {}
        self.most: i64 = PEERS_EACH
        self.rest: i64 = 0
        self.pruned = False
        self.full = False

    def add(self, peer: bytes) -> None:
        counts = self.counts
        count = counts.get(peer)
        if count is not None:
            counts[peer] = count + 1
        elif len(counts) < self.most:
            counts[peer] = 1
        elif self.full:
            self.rest += 1
        else:
            self._prune()
            self.add(peer)

    def _prune(self) -> None:
        """Those that were met once make room for others, which may be met more often."""
        kept: dict[bytes, int] = {}
        for peer, count in self.counts.items():
            if count > 1:
                kept[peer] = count
        self.rest += len(self.counts) - len(kept)
        self.full = 2 * len(kept) > self.most
        self.pruned = True
        self.counts = kept

    def merge(self, other: Peers) -> None:
        """Those of another share of the capture, or of another client. Rarely sorted, since there may be many."""
        self.most = MAX_PEERS
        for peer, count in other.counts.items():
            self.counts[peer] = self.counts.get(peer, 0) + count
        self.rest += other.rest
        self.pruned = self.pruned or other.pruned
        if len(self.counts) > 2 * MAX_PEERS:
            order = sorted([(-count, peer) for peer, count in self.counts.items()])
            self.rest -= sum([count for count, _peer in order[MAX_PEERS:]])
            self.pruned = True
            self.counts = {peer: -count for count, peer in order[:MAX_PEERS]}

    def number(self) -> int:
        """How many there are, at least."""
        return max(PEERS_EACH, len(self.counts)) if self.pruned else len(self.counts)

    def largest(self) -> list[tuple[str, int]]:
        """In words, with their counts."""
        order = sorted([(-count, peer) for peer, count in self.counts.items()])
        return [(peer_text(peer), -count) for count, peer in order[:MAX_SHOWN]]


def peer_text(peer: bytes) -> str:
    """An address, or one with the two octets of a port behind it."""
    size = 16 if len(peer) >= 16 else 4
    address = socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, peer[:size])
    if len(peer) == size:
        return address
    port = int.from_bytes(peer[size:size + 2], "big")
    return f"[{address}]:{port}" if size == 16 else f"{address}:{port}"


class Numbering:
    """From the numbers that one process gave to those of the capture: conversations count by their first frame.

    own: the first frames of its conversations, by their number.     every: those of each process.
    """

    def __init__(self, own: array[int], every: list[array[int]]) -> None:
        self.own = own
        self.every = every

    def of(self, number: int) -> int:
        frame = self.own[number - 1]
        return sum([bisect_right(starts, frame) for starts in self.every])


def tally_of(tallies: dict[int, Tally], kind: i64) -> Tally:
    """That of one trouble, a new one where it is the first."""
    found = tallies.get(int(kind))
    if found is None:
        found = Tally()
        tallies[int(kind)] = found
    return found


def service_of(flow: Flow) -> bytes:
    """The responder: its address, and its port in two octets."""
    size = flow.address_size
    both = size + size
    key = flow.forward
    return key[size:both] + key[both + 2:both + 4]


class Noted:
    """When conversations were (-1 where nobody knows), and the first frames of some of them, and the last."""

    def __init__(self) -> None:
        self.start: i64 = -1
        self.end: i64 = -1
        self.first: list[int] = []
        self.last: i64 = 0

    def note(self, frame: i64, time: i64, last_frame: i64, last_time: i64) -> None:
        """One more, from this frame to that one."""
        first = self.first
        if len(first) < MAX_FIRST or frame < first[-1]:
            first.append(int(frame))
            first.sort()
            del first[MAX_FIRST:]
        self.last = max(self.last, last_frame)
        if time >= 0:
            if self.start < 0 or time < self.start:
                self.start = time
            self.end = max(self.end, last_time)

    def join(self, other: Noted) -> None:
        """Those of another share of the capture."""
        if self.start < 0 or 0 <= other.start < self.start:
            self.start = other.start
        self.end = max(self.end, other.end)
        self.first = sorted(self.first + other.first)[:MAX_FIRST]
        self.last = max(self.last, other.last)

    def frames(self) -> list[int]:
        return sorted({*self.first, int(self.last)})


class Tally:
    """Conversations with one trouble.

    times, segments, octets, cost: what they had of it in sum (timeouts or messages; segments sent again; nanoseconds).
    by_originator: of how many the originator is the cause.      mild: of how many it is nothing unusual.
    unended: how many were not over it when they were last heard of.
    weights: how many there are of each severity, the lowest first.
    """

    def __init__(self) -> None:
        self.count: i64 = 0
        self.times: i64 = 0
        self.segments: i64 = 0
        self.octets: i64 = 0
        self.cost: int = 0
        self.by_originator: i64 = 0
        self.mild: i64 = 0
        self.unended: i64 = 0
        self.once: i64 = 0                  # one packet, and none the other way
        self.weights: list[int] = [0, 0, 0, 0]
        self.services = Peers()
        self.clients = Peers()
        self.reasons: dict[bytes, int] = {}
        self.start: i64 = -1
        self.end: i64 = -1
        self.first: list[tuple[int, int, int]] = []     # (number, first frame, frame that shows it), ascending
        self.last: tuple[int, int, int] = (0, 0, 0)
        self.dearest: list[tuple[int, int]] = []        # (cost, -number), the dearest first
        self.young: list[int] = []          # when those were asked that left sooner than they could be answered
        self.left_young: i64 = 0
        self.unsure: i64 = 0

    def add(self, flow: Flow, frame: i64, weight: i64) -> None:
        """One more. frame: that shows it."""
        self.count += 1
        self.weights[weight] += 1
        size = flow.address_size
        key = flow.forward
        self.clients.add(key[:size])
        self.services.add(service_of(flow))
        self.cite(flow, frame)

    def take(self, one: Attempt) -> None:
        """One more, which came to nothing."""
        self.count += 1
        self.weights[one.weight] += 1
        self.times += one.times
        if one.once:
            self.once += 1
        size = one.size
        both = size + size
        self.clients.add(one.key[:size])
        self.services.add(one.key[size:both] + one.key[both + 2:both + 4])
        self._cite(one.time, (int(one.number), int(one.first_frame), int(one.frame)))
        if one.until >= 0:
            self.wait(one.since, one.until)

    def cite(self, flow: Flow, frame: i64) -> None:
        """When it was, and whether it is the first or the last."""
        self._cite(flow.first_time, (int(flow.number), int(flow.first_frame), int(frame)))

    def _cite(self, time: i64, cited: tuple[int, int, int]) -> None:
        if time >= 0:
            if self.start < 0 or time < self.start:
                self.start = time
            self.end = max(self.end, time)
        first = self.first
        if len(first) < MAX_FIRST or cited < first[-1]:
            first.append(cited)
            first.sort()
            if len(first) > MAX_FIRST:
                first.pop()
        self.last = max(self.last, cited)

    def pay(self, flow: Flow, cost: int) -> None:
        """What this conversation lost by it, in nanoseconds, or octets."""
        dearest = self.dearest
        if cost > 0 and (len(dearest) < MAX_DEAREST or cost > dearest[-1][0]):
            dearest.append((cost, -int(flow.number)))
            dearest.sort(reverse=True)
            if len(dearest) > MAX_DEAREST:
                dearest.pop()

    def wait(self, since: i64, until: i64) -> None:
        """It was asked at `since` and followed until `until`: whether that is long enough, the end of all shows."""
        if since < 0 or until - since >= PATIENCE_NS:
            return
        if len(self.young) >= MAX_YOUNG:
            self._settle(until)
        self.young.append(int(since))
        self.left_young += 1

    def _settle(self, now: int) -> None:
        """Forget those that had been followed for long enough by then; of the others, where they are many, it is not
        known."""
        self.young = [time for time in self.young if now - time < PATIENCE_NS]
        if 2 * len(self.young) > MAX_YOUNG:
            self.unsure += len(self.young)
            self.young.clear()

    def early(self, end: i64) -> int:
        """Those of which the end of the capture, at this time, came too soon to know."""
        return int(self.unsure) + len([time for time in self.young if end - time < PATIENCE_NS])

    def merge(self, other: Tally) -> None:
        """That of another share of the capture, or of another client."""
        self.count += other.count
        self.times += other.times
        self.segments += other.segments
        self.octets += other.octets
        self.cost += other.cost
        self.by_originator += other.by_originator
        self.mild += other.mild
        self.unended += other.unended
        self.once += other.once
        self.left_young += other.left_young
        self.unsure += other.unsure
        self.weights = [mine + its for mine, its in zip(self.weights, other.weights, strict=True)]
        self.services.merge(other.services)
        self.clients.merge(other.clients)
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        if self.start < 0 or 0 <= other.start < self.start:
            self.start = other.start
        self.end = max(self.end, other.end)
        self.first = sorted(self.first + other.first)[:MAX_FIRST]
        self.last = max(self.last, other.last)
        self.dearest = sorted(self.dearest + other.dearest, reverse=True)[:MAX_DEAREST]
        self.young += other.young
        if len(self.young) > MAX_YOUNG:
            self._settle(max(self.young))

    def renumber(self, numbering: Numbering) -> None:
        self.first = [(numbering.of(number), first, frame) for number, first, frame in self.first]
        if self.last[0]:
            self.last = (numbering.of(self.last[0]), self.last[1], self.last[2])
        self.dearest = [(cost, -numbering.of(-number)) for cost, number in self.dearest]

    def together(self, end: i64) -> Together:
        """As findings are made of it."""
        made = Together()
        made.count = int(self.count)
        made.times, made.segments, made.octets = int(self.times), int(self.segments), int(self.octets)
        made.cost_ns, made.by_originator, made.mild = self.cost, int(self.by_originator), int(self.mild)
        made.once, made.unended = int(self.once), int(self.unended)
        made.early = self.early(end)
        made.left_young = max(int(self.left_young) - made.early, 0)
        made.weights = list(self.weights)
        made.services, made.clients = self.services.largest(), self.clients.largest()
        made.more_services, made.more_clients = self.services.pruned, self.clients.pruned
        made.service_count, made.client_count = self.services.number(), self.clients.number()
        made.reasons = dict(sorted(self.reasons.items()))
        made.start_ns, made.end_ns = int(self.start), int(self.end)
        cited = [*self.first] if not self.last[0] or self.last in self.first else [*self.first, self.last]
        made.numbers = [number for number, _first, _frame in cited]
        frames: set[int] = set()
        for _number, first, frame in cited:
            frames.add(first)
            frames.add(frame)
        made.frames = sorted(frames)
        made.dearest = [-number for _cost, number in self.dearest]
        return made
