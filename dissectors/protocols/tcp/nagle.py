"""Small pieces that wait for an ACK which the other side delays: Nagle's algorithm against the delayed ACK."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import DELAYED_ACK, DOING, LIKELY, POSSIBLE, STOPPED, Claim
from dissectors.kit.cited import Cited
from dissectors.kit.event import Event
from dissectors.protocols.tcp.events import MAX_FRAMES, TcpObserved
from dissectors.protocols.tcp.events_windows import AckAwaited
from dissectors.protocols.tcp.ledger import Ledger
from dissectors.protocols.tcp.segment import Segment

# Deployed stacks delay an ACK by 40 ms to 200 ms; RFC 9293 §3.8.6.3 forbids 500 ms and more.
LEAST_DELAY_NS: Final[i64] = 30_000_000
MOST_DELAY_NS: Final[i64] = 500_000_000
# The next piece follows the ACK this soon where the ACK was what it waited for, beside the time on the path.
AT_ONCE_NS: Final[i64] = 2_000_000
# A larger one is a full segment on most paths, which nobody holds back (RFC 9293 §3.7.4).
SMALL: Final[i64] = 1220
# So often it is no accident that the next piece follows the ACK.
LEAST_TIMES: Final[i64] = 3
# A single delayed ACK is enough where small pieces follow ACKs this closely, so often, and none ever left while
# another one was not acknowledged. A program does not see ACKs, so what it sends by itself meets one as closely only
# by chance: once in some twenty times, as round trips and delays are that much longer. A congestion window of one
# segment looks alike, so nothing counts while something is repaired; and so does a window with room for one piece,
# which is seen to be full.
CLOSE_NS: Final[i64] = 1_000_000
LEAST_CLOSE: Final[i64] = 2


class NagleWatch:
    """Of the data of one direction. rtt: of the path, -1 while unknown."""

    def __init__(self, direction: int, ledger: Ledger) -> None:
        self.direction = direction
        self.sides: tuple[str, str] = ("", "")
        self.rtt: i64 = -1
        self.ledger = ledger
        self._first: list[Claim] = []   # waits that may be an accident still
        self._sent: i64 = -1            # when the last piece was sent, -1 where others have spoken since
        self._acked: i64 = -1           # when the ACK of it came, without data
        self._acked_frame: i64 = 0
        self._count: i64 = 0
        self._waited: i64 = 0
        self._longest: i64 = 0
        self._octets: i64 = 0           # of the last piece
        self._room: i64 = 0             # in the window behind it
        self._close: i64 = 0            # small pieces that followed an ACK closely
        self._close_late: bool = False  # one of them a delayed one
        self._free: bool = False        # small pieces left with another one not acknowledged: Nagle's algorithm is off
        self._time: i64 = 0
        self._cited = Cited(MAX_FRAMES)

    def data(self, segment: Segment, octets: i64, high: i64, limit: i64, *, repairing: bool) -> None:
        """New bytes of this side, up to `high`. limit: up to where the window lets it send; repairing: that may explain
        when they come."""
        time, frame = i64(segment.time), i64(segment.frame)
        rtt_here = self.ledger.trips[1 - self.direction]    # the shortest from data to their ACK at the capture
        room = limit - high
        if self._sent >= 0 and self._acked < 0 and octets < SMALL and self._octets < SMALL:
            self._free = True
        if self._acked >= 0 and self.rtt >= 0 and octets < SMALL:
            delay = self._acked - self._sent - max(rtt_here, 0)
            after = time - self._acked - (self.rtt - max(rtt_here, 0))
            late = LEAST_DELAY_NS <= delay < MOST_DELAY_NS
            if after <= CLOSE_NS and self._octets < SMALL and self._room >= octets and not repairing:
                self._close += 1
                self._close_late = self._close_late or late
            if late and after <= AT_ONCE_NS + self.rtt // 4:
                if self._count == 0:
                    self._time = self._sent
                self._count += 1
                self._waited += time - self._sent
                self._longest = max(self._longest, delay)
                self._cited.add(int(self._acked_frame))
                self._cited.add(int(frame))
                self._book(time, frame)
        self._sent = time
        self._acked = -1
        self._octets = octets
        self._room = room

    def _plain(self) -> bool:
        """It is no accident that pieces follow ACKs."""
        return self._count >= LEAST_TIMES or (
            self._count > 0 and self._close_late and self._close >= LEAST_CLOSE and not self._free
        )

    def _book(self, time: i64, frame: i64) -> None:
        self._first.append(Claim(
            int(self._sent), int(time), DELAYED_ACK, STOPPED, (int(self._acked_frame), int(frame)), LIKELY,
            "the next piece left right after the ACK of the one before, which was delayed",
        ))
        if self._count >= LEAST_TIMES:
            for claim in self._first:
                self.ledger.add(claim)
            self._first = []

    def acknowledged(self, time: i64, frame: i64) -> None:
        """All that was sent is acknowledged, by a segment without data."""
        if self._sent >= 0:
            self._acked = time
            self._acked_frame = frame

    def interrupted(self) -> None:
        """The other side has sent data."""
        self._sent = -1
        self._acked = -1

    def finish(self, out: list[Event]) -> None:
        plain = self._plain()
        for claim in self._first:
            if not plain:
                claim.confidence = POSSIBLE
                claim.weight = DOING        # a window that was full explains as much
            self.ledger.add(claim)
        if plain:
            observed = TcpObserved(self._time, self.direction, self._cited.frames(), self.sides)
            out.append(AckAwaited(observed, int(self._count), int(self._waited), int(self._longest)))
