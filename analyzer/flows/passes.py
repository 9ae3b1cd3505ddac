"""One packet that passes the place of the capture more than once, with fewer hops left each time: a routing loop."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import Packet
from dissectors.kit.cited import Cited
from dissectors.kit.event import Event, Evidence, Observed
from dissectors.kit.octets import be16, bits64
from dissectors.protocols.icmp import RoutingLoop

MAX_FRAMES: Final = 15
HEAD: Final[i64] = 20                    # octets of a transport header; from the fifth on they are compared
SOON_NS: Final[i64] = 1_000_000_000      # a packet comes round sooner than this; a resend with the same numbers, later
LOOPS: Final = 3                         # so often: twice may be both sides of one router


class Passes:
    """Of the packets of one direction."""

    def __init__(self) -> None:
        self._numbers: i64 = -1          # of the transport header, its checksum among the rest
        self._rest: i64 = -1
        self._identification: i64 = -1
        self._hops: i64 = -1             # of the packet in hand, when it passed last
        self._first: i64 = -1            # and when it passed first
        self._time: i64 = 0
        self._passes: i64 = 0
        self._frame: i64 = 0
        self._last: i64 = 0
        self.pairs: i64 = 0              # packets that came by twice and no more
        self.pair_time: i64 = 0
        self.pair_cited = Cited(MAX_FRAMES)
        self.packets: i64 = 0            # that came by at least LOOPS times
        self.most: i64 = 0               # times that one of them came by
        self.highest: i64 = -1           # hop limits of that one
        self.lowest: i64 = -1
        self.time: i64 = 0
        self.cited = Cited(MAX_FRAMES)

    def again(self, packet: Packet) -> bool:
        """Is it the packet before, which has passed more routers meanwhile?"""
        hops = packet.ttl
        data = packet.data
        at = packet.transport
        whole = at + HEAD <= packet.end
        first: i64 = bits64(data, at + 4) if whole else -1
        second: i64 = bits64(data, at + 12) if whole else -1
        name: i64 = be16(data, packet.network + 4) if packet.ip_version == 4 else -1
        # RFC 791 §3.2: the identification of a packet is its own.
        if (
            hops < self._hops and whole and first == self._numbers and second == self._rest
            and name == self._identification and packet.time - self._time < SOON_NS
        ):
            self._passes += 1
            self._hops = hops
            self._time = packet.time
            self._last = packet.number
            self._looped(packet)
            return True
        if self._passes == LOOPS - 1:
            self._pair()
        self._numbers = first
        self._rest = second
        self._identification = name
        self._hops = hops
        self._first = hops
        self._time = packet.time
        self._passes = 1
        self._frame = packet.number
        return False

    def _looped(self, packet: Packet) -> None:
        if self._passes < LOOPS:
            return
        if self._passes == LOOPS:
            if self.packets == 0:
                self.time = packet.time
            self.packets += 1
            self.cited.add(int(self._frame))
        self.cited.add(int(packet.number))
        if self._passes > self.most:
            self.most = self._passes
            self.highest = self._first
            self.lowest = self._hops

    def _pair(self) -> None:
        if self._passes == LOOPS - 1:
            if self.pairs == 0:
                self.pair_time = self._time
            self.pairs += 1
            self.pair_cited.add(int(self._last))
        self._passes = 0

    def told(self, direction: int) -> list[Event]:
        """What came of it, once the conversation is over."""
        self._pair()
        if self.packets == 0:
            return []
        observed = Observed(int(self.time), direction, Evidence(self.cited.frames()))
        hops = (int(self.highest), int(self.lowest))
        return [RoutingLoop(observed, int(self.packets), int(self.most), hops)]
