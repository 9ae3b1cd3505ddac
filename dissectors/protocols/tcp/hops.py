"""The TTL (hop limit) with which the packets of one direction come: it tells of other paths, and of other machines."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import Event
from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_hops import HopsChanged
from dissectors.protocols.tcp.flags import ACK, SYN
from dissectors.protocols.tcp.segment import Segment

LEAST: Final[i64] = 6        # segments from which on a change is told
MAX_FRAMES: Final = 12       # at which it changes, cited


class HopWatch:
    """Of the segments of one direction, but for RST, which are judged by themselves."""

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.sides: tuple[str, str] = ("", "")
        self.segments: i64 = 0
        self.last: i64 = -1
        self.first: i64 = -1
        self.low: i64 = -1
        self.high: i64 = -1
        self.changes: i64 = 0
        self.before: i64 = 0         # segments before the first change
        self.between: i64 = 0        # ... and from there to the second one
        self.time: i64 = -1
        self.shaken = False          # the first segment is a SYN-ACK
        self.version6 = False
        self.cited = Cited(MAX_FRAMES)

    def take(self, segment: Segment) -> None:
        ttl = i64(segment.ttl)
        if ttl < 0:
            return
        self.segments += 1
        if ttl == self.last:
            return
        if self.last < 0:
            self.first = self.low = self.high = ttl
            self.shaken = segment.flags & (SYN | ACK) == SYN | ACK
            self.version6 = segment.ip_id < 0
        else:
            self._changed(segment, ttl)
        self.last = ttl

    def _changed(self, segment: Segment, ttl: i64) -> None:
        self.changes += 1
        if self.changes == 1:
            self.before = self.segments - 1
            self.time = i64(segment.time)
        elif self.changes == 2:
            self.between = self.segments - 1 - self.before
        self.low = min(self.low, ttl)
        self.high = max(self.high, ttl)
        self.cited.add(segment.frame)

    def finish(self, out: list[Event]) -> None:
        if self.changes == 0 or self.segments < LEAST:
            return
        observed = TcpObserved(int(self.time), self.direction, self.cited.frames(), self.sides)
        event = HopsChanged(observed, int(self.changes), (int(self.first), int(self.last)))
        event.low, event.high = int(self.low), int(self.high)
        event.answer = self.shaken and self.before == 1 and self.changes == 1
        event.alone = self.changes == 2 and self.between == 1 and self.first == self.last
        event.word = "hop limit" if self.version6 else "TTL"
        out.append(event)
