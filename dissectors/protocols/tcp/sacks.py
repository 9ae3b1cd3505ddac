"""What a receiver reports by SACK, and whether it can be so (RFC 2018, RFC 2883)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import Event
from dissectors.protocols.tcp.events import MAX_FRAMES, TcpObserved
from dissectors.protocols.tcp.events_holes import SackOutside
from dissectors.protocols.tcp.flow import TcpDirection

# RFC 7323 §2.3: no window is larger, so nothing further away belongs to the bytes under way.
LARGEST_WINDOW: Final[i64] = 1 << 30
MAX_RANGES: Final = 64      # of what a receiver has beyond a hole that are remembered


class SackWatch:
    """Of the blocks about one direction's data."""

    def __init__(self, flow: TcpDirection) -> None:
        self.flow = flow
        self.sides: tuple[str, str] = ("", "")
        self._count: i64 = 0
        self._time: i64 = 0
        self._distance: i64 = 0
        self._cited = Cited(MAX_FRAMES)

    def outside(self, blocks: list[tuple[int, int]], room: i64) -> bool:
        """Does a block name bytes that cannot have arrived? room: the largest window of the receiver, -1 where its
        scale is not known. What lies behind the highest byte seen may have been missed by the capture, so that alone
        proves nothing."""
        flow = self.flow
        furthest = max(flow.high, flow.acked + (2 * room if room >= 0 else LARGEST_WINDOW))
        nearest: i64 = 0 if flow.syn else flow.acked - LARGEST_WINDOW
        count = 0
        for block in blocks:
            count += 1 if flow.place(block[1]) > furthest or flow.place(block[0]) < nearest else 0
        return count > 0

    def note(self, blocks: list[tuple[int, int]], time: i64, frame: i64) -> None:
        """A segment with such blocks."""
        if self._count == 0:
            self._time = time
            self._distance = self.flow.place(blocks[0][0]) - self.flow.acked
        self._count += 1
        self._cited.add(int(frame))

    def finish(self, out: list[Event]) -> None:
        if self._count:
            observed = TcpObserved(self._time, self.flow.direction, self._cited.frames(), self.sides)
            out.append(SackOutside(observed, int(self._count), int(self._distance)))


class Scoreboard:
    """Octets of one direction that the receiver has beyond the cumulative ACK (RFC 6675 §3), as ranges in order."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []
        self.octets: i64 = 0

    def take(self, left: i64, right: i64, acked: i64) -> None:
        """A block of a report. What is beyond MAX_RANGES is forgotten: receivers repeat the newest blocks alone."""
        left = max(left, acked)
        if right <= left:
            return
        if len(self.ranges) == 1 and self.ranges[0] == (int(left), int(right)):
            return
        first, last = int(left), int(right)
        kept: list[tuple[int, int]] = []
        for low, high in self.ranges:
            if high < first or low > last:
                kept.append((low, high))
            else:
                first, last = min(first, low), max(last, high)
        kept.append((first, last))
        kept.sort()
        self.ranges = kept[-MAX_RANGES:]
        self._count()

    def acknowledged(self, acked: i64) -> None:
        """The cumulative ACK is here now."""
        if not self.ranges or i64(self.ranges[0][0]) >= acked:
            return
        place = int(acked)
        self.ranges = [(max(low, place), high) for low, high in self.ranges if high > place]
        self._count()

    def _count(self) -> None:
        self.octets = 0
        for low, high in self.ranges:
            self.octets += i64(high) - i64(low)
