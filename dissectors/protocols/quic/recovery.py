"""Round trips and losses as an observer sees them (RFC 9002 §5, §6; RFC 9000 §17.4)."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from dissectors.kit.cited import Cited
from dissectors.protocols.quic.frames import QuicFrame

MAX_SENT: Final = 4_096         # packets of one space that wait for an ACK; the oldest are forgotten
MAX_SAMPLES: Final = 10_000     # round trips that are kept
REORDERED: Final = 3            # packets after one that are acknowledged, then it counts as lost (RFC 9002 §6.1.1)
MAX_EDGES: Final = 512          # of the spin bit, of each direction
LEAST_EDGES: Final = 6


class Sent:
    """A packet that has to be acknowledged."""

    def __init__(self, number: int, frame: int, time: int) -> None:
        self.number = number
        self.frame = frame
        self.time = time


def named(waiting: Iterable[int], ranges: list[tuple[int, int]]) -> list[int]:
    """The numbers that an ACK names. ranges: the highest first."""
    if len(ranges) == 1:
        smallest, top = ranges[0]
        return [number for number in waiting if smallest <= number <= top]
    begins = [smallest for smallest, _top in reversed(ranges)]
    ends = [top for _smallest, top in reversed(ranges)]
    found: list[int] = []
    for number in waiting:
        place = bisect_right(begins, number) - 1
        if place >= 0 and number <= ends[place]:
            found.append(number)
    return found


class Recovery:
    """What becomes of the packets of one direction, by the ACKs of the other.

    rtts: from the packet to the ACK that first names it as the largest, as seen where the capture was taken, in ns.
    lost: packets that were seen here, and that later ones overtook without an ACK of them; late: of those that were
    acknowledged after all.
    """

    def __init__(self) -> None:
        self.sent: list[dict[int, Sent]] = [{}, {}, {}]
        self.largest = [-1, -1, -1]
        self.early: list[Sent] = []
        self.gone: dict[int, int] = {}       # numbers of 1-RTT packets that count as lost -> frame
        self.rtts: list[int] = []
        self.lost = 0
        self.late = 0
        self.lost_in = Cited()

    def send(self, space: int, number: int, frame: int, time: int, *, early: bool = False) -> None:
        """early: in a 0-RTT packet, of which nobody has said yet that the server takes it (RFC 9001 §4.6.2)."""
        if early:
            if len(self.early) < MAX_SENT:
                self.early.append(Sent(number, frame, time))
            return
        if number <= self.largest[space]:
            return       # stored behind an ACK that may name it
        waiting = self.sent[space]
        waiting[number] = Sent(number, frame, time)
        if len(waiting) > MAX_SENT:
            for oldest in waiting:
                del waiting[oldest]
                break

    def taken(self) -> None:
        """The server takes what was sent early, so that it has to acknowledge it."""
        early, self.early = self.early, []
        for one in early:
            self.send(2, one.number, one.frame, one.time)

    def acknowledge(self, space: int, ack: QuicFrame, time: int) -> None:
        """An ACK of the other side."""
        waiting = self.sent[space]
        newest = waiting.get(int(ack.largest))
        if newest is not None and len(self.rtts) < MAX_SAMPLES:
            self.rtts.append(time - newest.time)
        largest = self.largest[space] = max(self.largest[space], int(ack.largest))
        for number in named(waiting, ack.ranges):
            del waiting[number]
        if space == 2 and self.gone:
            for number in named(self.gone, ack.ranges):
                del self.gone[number]
                self.late += 1
        overtaken: list[Sent] = []
        for one in waiting.values():       # in the order in which they were sent
            if one.number + REORDERED > largest:
                break
            overtaken.append(one)
        for one in overtaken:
            del waiting[one.number]
            self.lost += 1
            self.lost_in.add(one.frame)
            if space == 2 and len(self.gone) < MAX_SENT:
                self.gone[one.number] = one.frame


class Spin:
    """The spin bit of one direction: when it changes (RFC 9000 §17.4). It is not protected."""

    def __init__(self) -> None:
        self.value = -1
        self.edges: list[int] = []

    def packet(self, value: bool, time: int) -> None:
        now = 1 if value else 0
        if self.value >= 0 and now != self.value and len(self.edges) < MAX_EDGES:
            self.edges.append(time)
        self.value = now


def spin_round_trips(client: Spin, server: Spin) -> list[int]:
    """Round trips in ns, where the bit of both directions changes in turn over several periods; else []: most programs
    hold it at one value or set it by chance, and must do so in some connections (RFC 9000 §17.4)."""
    if len(client.edges) < LEAST_EDGES or len(server.edges) < LEAST_EDGES:
        return []
    edges = sorted([(time, 0) for time in client.edges] + [(time, 1) for time in server.edges])
    for place in range(1, len(edges)):
        if edges[place][1] == edges[place - 1][1]:
            return []
    return [later - earlier for earlier, later in zip(client.edges, client.edges[1:], strict=False)]
