"""How one direction of a stream went over time, in bounded memory: what was sent, acknowledged, allowed, and how fast.

Positions count bytes of the stream from its start. A row stands for a stretch of time, the shorter the fewer there are;
it holds what was true at its end, and the extremes within it, so that thinning loses none.
"""
from __future__ import annotations

from bisect import bisect_right
from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i64

MAX_ROWS: Final = 256       # of a direction; when full, stretches are made longer until at most half of them are left
# What a row holds.
COLUMNS: Final = (
    "time_ns", "octets", "sent", "acknowledged", "sacked", "allowed", "congestion", "outstanding_least",
    "outstanding_most", "window_least", "window_most", "ack_time_least", "ack_time_most",
)
WIDTH: Final[i64] = 13
UNKNOWN: Final[i64] = -1


class Course:
    """Of one direction. Columns, each a number a row, -1 where it is not known:

    time_ns: of the last sample of the row.     octets: payload sent up to then, resends included.
    sent: the highest byte.     acknowledged: up to here.     sacked: octets beyond that which the receiver says it has.
    allowed: up to where the receiver has room.     congestion: octets that the sender lets itself have outstanding, as
    far as that can be inferred.
    outstanding: sent and not acknowledged.     window: allowed and not acknowledged.
    ack_time: between data and their ACK, where the capture was taken.
    growth: (since, until, its phase): how the inferred window went on; since -1 for from the first data on.
    congestion, the list: when each inferred congestion window began to hold, and its octets, in order.
    """

    def __init__(self) -> None:
        self.congestion: list[tuple[int, int]] = []
        self.growth: list[tuple[int, int, str]] = []
        self.rows: vec[i64] = vec[i64]()
        self.stretch_ns: i64 = 1
        self.count: i64 = 0         # of complete rows
        self._open: bool = False
        self._start: i64 = 0
        self._place: i64 = 0        # of the row that grows, in stretches since the start
        self._time: i64 = UNKNOWN
        self._octets: i64 = 0
        self._sent: i64 = 0
        self._acked: i64 = 0
        self._sacked: i64 = 0
        self._allowed: i64 = UNKNOWN
        self._least: i64 = 0
        self._most: i64 = 0
        self._window_least: i64 = UNKNOWN
        self._window_most: i64 = UNKNOWN
        self._trip_least: i64 = UNKNOWN
        self._trip_most: i64 = UNKNOWN

    def sample(self, time: i64, octets: i64, sent: i64, acked: i64, sacked: i64, allowed: i64) -> None:
        """How it is at this time; nothing where nothing changed."""
        if (
            sent == self._sent and acked == self._acked and allowed == self._allowed and octets == self._octets
            and sacked == self._sacked and self._open
        ) or time < 0:
            return
        self._reach(time)
        self._octets = octets
        self._sent = sent
        self._acked = acked
        self._sacked = sacked
        self._allowed = allowed
        outstanding = sent - acked
        if outstanding < self._least or self._least < 0:
            self._least = outstanding
        self._most = max(self._most, outstanding)
        if allowed >= 0:
            window = max(allowed - acked, 0)
            if window < self._window_least or self._window_least < 0:
                self._window_least = window
            self._window_most = max(self._window_most, window)

    def trip(self, time: i64, length: i64) -> None:
        """An ACK came so long after what it acknowledges."""
        if not self._open or length < 0:
            return
        self._reach(time)
        if length < self._trip_least or self._trip_least < 0:
            self._trip_least = length
        self._trip_most = max(self._trip_most, length)

    def _reach(self, time: i64) -> None:
        """Begin another row where this time lies beyond the one that grows. A time that goes back belongs to that."""
        if not self._open:
            self._open = True
            self._start = time
            self._begin(time, 0)
            return
        if time <= self._time:
            return
        place = (time - self._start) // self.stretch_ns
        if place != self._place:
            self._close()
            place = (time - self._start) // self.stretch_ns
            self._begin(time, place)
        self._time = time

    def _begin(self, time: i64, place: i64) -> None:
        self._time = time
        self._place = place
        self._least = UNKNOWN
        self._most = UNKNOWN
        self._window_least = UNKNOWN
        self._window_most = UNKNOWN
        self._trip_least = UNKNOWN
        self._trip_most = UNKNOWN

    def _close(self) -> None:
        self._put()
        while self.count >= MAX_ROWS:
            while self.count > MAX_ROWS // 2:
                self._thin()

    def _put(self) -> None:
        if self._least < 0:     # nothing but a round trip came
            self._least = self._sent - self._acked
            self._most = self._least
            if self._allowed >= 0:
                self._window_least = max(self._allowed - self._acked, 0)
                self._window_most = self._window_least
        rows = self.rows
        for value in (
            self._time, self._octets, self._sent, self._acked, self._sacked, self._allowed, UNKNOWN, self._least,
            self._most, self._window_least, self._window_most, self._trip_least, self._trip_most,
        ):
            rows = append(rows, value)
        self.rows = rows
        self.count += 1

    def _thin(self) -> None:
        """Stretches twice as long: rows that fall into one are one."""
        self.stretch_ns *= 2
        old = self.rows
        rows: vec[i64] = vec[i64](capacity=MAX_ROWS * WIDTH)
        count: i64 = 0
        at: i64 = 0
        while at < self.count:
            first = at
            place = (old[at * WIDTH] - self._start) // self.stretch_ns
            at += 1
            while at < self.count and (old[at * WIDTH] - self._start) // self.stretch_ns == place:
                at += 1
            last = (at - 1) * WIDTH
            for column in range(7):
                rows = append(rows, old[last + column])
            for column in range(7, 13):
                low = column % 2 == 1       # the least and the most of each take turns
                value: i64 = UNKNOWN
                for index in range(first, at):
                    one = old[index * WIDTH + column]
                    if one >= 0 and (value < 0 or (one < value) == low):
                        value = one
                rows = append(rows, value)
            count += 1
        self.rows = rows
        self.count = count

    def columns(self) -> dict[str, list[int]]:
        """All rows, by the names of COLUMNS, the one that grows among them. More may come afterwards."""
        kept, count = self.rows, self.count
        if self._open:
            self._put()
        rows, many = self.rows, self.count
        self.rows, self.count = kept, count
        found = {
            name: [int(rows[i64(row) * WIDTH + i64(at)]) for row in range(int(many))]
            for at, name in enumerate(COLUMNS)
        }
        if self.congestion:
            starts = [time for time, _octets in self.congestion]
            held = [bisect_right(starts, time) - 1 for time in found["time_ns"]]
            found["congestion"] = [self.congestion[at][1] if at >= 0 else -1 for at in held]
        return found


class Moment:
    """When what a sender may do changed. kind: one of the words of whoever tells it.     text: more about it, or "".

    acked, sent, allowed: positions in its stream, allowed -1 where it is not known.     sacked: what the receiver has
    beyond acked, as (from, to), the first ones.     before: how many moments of each kind came before it.
    """

    def __init__(self, time: int, frame: int, kind: str, text: str) -> None:
        self.time = time
        self.frame = frame
        self.kind = kind
        self.text = text
        self.acked = 0
        self.sent = 0
        self.allowed = -1
        self.sacked: tuple[tuple[int, int], ...] = ()
        self.before: dict[str, int] = {}


class SenderView:
    """What the sender of one direction may do, at each moment in which that changes.

    sender, receiver: as a sentence calls them.     place: where the capture was taken, "client", "server" or "between",
    "" where that cannot be told.     basis: what that rests on.     kinds: how many moments of each kind there were; of
    frequent ones only the first and the last are kept.     octets: of its stream.
    """

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.sender = ""
        self.receiver = ""
        self.place = ""
        self.basis = ""
        self.moments: list[Moment] = []
        self.kinds: dict[str, int] = {}
        self.octets = 0
