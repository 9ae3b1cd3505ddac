"""Flow control: what a sender of DATA may still send, and how long it had to wait for more (RFC 9113 §5.2, §6.9)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MAX_POINTS: Final = 128          # of the connection's window over time; when full every second one is dropped
MAX_STREAM_POINTS: Final = 32    # of a stream's
TOLD_WAIT_NS: Final = 1_000_000   # waits for one window that last longer in all are told as an event


class Series:
    """A value over time, thinned out as it grows. Between two points kept the lowest value counts."""

    def __init__(self, most: i64 = MAX_POINTS) -> None:
        self.most: i64 = most
        self.times: list[int] = []
        self.values: list[int] = []
        self.every: i64 = 1
        self.count: i64 = 0
        self.lowest: i64 = 0

    def add(self, time: int, value: i64) -> None:
        self.lowest = value if self.count == 0 else min(self.lowest, value)
        self.count += 1
        if self.count < self.every:
            return
        self.times.append(time)
        self.values.append(int(self.lowest))
        self.count = 0
        if len(self.times) >= self.most:
            self.times = self.times[::2]
            self.values = self.values[::2]
            self.every *= 2


class Wait:
    """How often, how long in all and how long at most a sender waited for a window to open, in ns."""

    def __init__(self) -> None:
        self.times: i64 = 0
        self.total_ns: int = 0
        self.longest_ns: int = 0
        self.frames: tuple[int, ...] = ()   # of the longest: the DATA that filled the window, the WINDOW_UPDATE
        self.vain_ns: int = -1              # of the last, where no WINDOW_UPDATE ended it
        self.vain: list[int] = []           # streams that it held up

    def add(self, ns: int, filled: int, opened: int) -> None:
        self.times += 1
        self.total_ns += ns
        if ns > self.longest_ns or self.times == 1:
            self.longest_ns = ns
            self.frames = (filled, opened) if filled < opened else (opened,)

    def in_vain(self, ns: int, filled: int, last: int, stream: int) -> None:
        """A wait that ended with what waited: no WINDOW_UPDATE came up to that frame. Of several streams it is one."""
        if self.vain_ns < 0:
            self.add(ns, filled, last)
        elif ns > self.vain_ns:
            self.total_ns += ns - self.vain_ns
            if ns > self.longest_ns:
                self.longest_ns = ns
                self.frames = (filled, last) if filled < last else (last,)
        self.vain_ns = max(self.vain_ns, ns)
        self.vain.append(stream)


class Window:
    """What one side may send on a stream, or on the connection.

    known: its start is, so that its value means something.     lowest: the least that was left.
    series: over time, from where less than half of its first size is left; before, it holds nobody up.
    A wait counts once the sender goes on: who had nothing left to send waited for nothing.
    """

    def __init__(self, size: i64, known: bool) -> None:
        self.size: i64 = size
        self.known: bool = known
        self.lowest: i64 = size
        self.first: i64 = size
        self.series: Series | None = None
        self.filled_ns: int = -1       # when it was full, -1 where it is not
        self.filled_frame: int = 0
        self.opened_ns: int = -1       # when it opened again, -1 where nobody waited since
        self.opened_frame: int = 0
        self.since_ns: int = 0         # when it had been full before it opened
        self.wait: Wait | None = None

    def use(self, octets: i64, time: int, frame: int) -> i64:
        """DATA was sent. Returns how many octets it went beyond the window (0 where it did not)."""
        if self.opened_ns >= 0 and octets:
            if self.wait is None:
                self.wait = Wait()
            self.wait.add(self.opened_ns - self.since_ns, self.filled_frame, self.opened_frame)
            self.opened_ns = -1
        before = self.size
        self.size -= octets
        self.lowest = min(self.lowest, self.size)
        if self.series is not None:
            self.series.add(time, self.size)
        elif self.size < self.first >> 1 and self.known:
            self.series = Series(MAX_STREAM_POINTS)
            self.series.add(time, self.size)
        if self.size <= 0 and octets and self.known:
            self.filled_ns = time
            self.filled_frame = frame
        return max(octets - max(before, 0), 0) if self.known and octets else 0

    def grant(self, octets: i64, time: int, frame: int) -> None:
        """A WINDOW_UPDATE, or a change of SETTINGS_INITIAL_WINDOW_SIZE (which may be negative, RFC 9113 §6.9.2)."""
        self.size += octets
        if self.series is not None:
            self.series.add(time, self.size)
        if self.filled_ns >= 0 and self.size > 0:
            self.since_ns = self.filled_ns
            self.opened_ns = time
            self.opened_frame = frame
            self.filled_ns = -1
