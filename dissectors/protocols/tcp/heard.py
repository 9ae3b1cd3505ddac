"""What the sender of data had heard from its receiver when it sent them, wherever the capture was taken.

At the sender the ACKs that the capture shows are those that it has. Elsewhere they are ahead of it, by as much as an
ACK takes to the sender and its data take back, which grows with every queue on the way. Timestamps say it exactly
(RFC 7323 §3.2): data echo the timestamp of the last ACK that their sender had. Without them it is reckoned from the
round trip.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.octets import be32
from dissectors.protocols.tcp.flow import HALF, MASK
from dissectors.protocols.tcp.options import parse

# Without timestamps what the sender knew is kept in steps of this part of a round trip.
STEPS: Final[i64] = 32
MAX_HEARD: Final = 1024         # ACKs under way that are told apart; with timestamps one for each tick of the clock
# A clock that ticks each millisecond, as most do, says how long the sender kept data that it might have sent; it is
# known for one after this time, to one part of so many, and drifts by no more than one of so many.
WATCHED_NS: Final[i64] = 200_000_000
TICK_NS: Final[i64] = 1_000_000
EXACT: Final[i64] = 50
DRIFT: Final[i64] = 5_000
PLAIN: Final[i64] = 0x0101080A  # two bytes of padding, then timestamps, as nearly all stacks write them


def stamps(options: bytes) -> tuple[i64, i64]:
    """(value, echo) of the timestamps, -1 where there are none."""
    if len(options) >= 12 and be32(options, 0) == PLAIN:
        return be32(options, 4), be32(options, 8)
    if not options:
        return i64(-1), i64(-1)
    found = parse(options)
    return i64(found.ts_value), i64(found.ts_echo)


class Heard:
    """Of the sender of one direction. acked, edge: what it had heard when it last sent: up to where its data had
    arrived, and up to where it may send; -1 while unknown.

    exact: it is known which ACK it had heard last, and not only reckoned.     kept_ns: how long it kept its data
    after that, as far as its clock shows it: longer than the least that it ever did, so a pace of its own.
    took_ns: from the first data that it sent on what it knows to the last, on its clock.
    """

    def __init__(self) -> None:
        self.acked: i64 = -1
        self.edge: i64 = -1
        self.exact: bool = False
        self.kept_ns: i64 = 0
        self.took_ns: i64 = 0
        self._even: bool = False        # its clock is one of milliseconds
        self._base: i64 = -1            # the timestamp of the first data that it sent on what it knows
        self._clock: i64 = -1           # when the first data came, and what their timestamp was
        self._clock_value: i64 = 0
        self._lag: i64 = 0              # the least from an ACK to the data that it lets out, on that clock
        self._lag_time: i64 = -1
        self.here: bool = True          # the capture was taken at the sender, as far as is known
        self._ago: i64 = 0              # how far the ACKs that the capture shows are ahead of the sender
        self._step: i64 = 0
        self._last_acked: i64 = -1
        self._last_edge: i64 = -1
        # ACKs that the sender has not shown yet to have heard, the oldest first.
        self._stamps: list[int] = []
        self._times: list[int] = []
        self._ackeds: list[int] = []
        self._edges: list[int] = []

    def measured(self, rtt: i64, rtt_here: i64) -> None:
        """The round trip of the path, and the shortest from data to their ACK at the place of the capture; -1 for
        unknown."""
        self._ago = max(rtt - max(rtt_here, 0), 0)
        self._step = rtt // STEPS
        here = self._ago <= self._step
        if self.here and not here:
            self.acked, self.edge = self._last_acked, self._last_edge
        self.here = here

    def ack(self, time: i64, stamp: i64, acked: i64, edge: i64) -> None:
        """An ACK passes the capture. edge: up to where the sender may send, -1 for unknown."""
        self._last_acked = acked
        self._last_edge = edge
        if self.here:
            return
        times = self._times
        same = len(times) > 0 and (
            self._stamps[-1] == stamp if stamp >= 0 else time - i64(times[-1]) < self._step
        )
        if same:
            self._ackeds[-1] = int(acked)
            self._edges[-1] = int(edge)
            return
        times.append(int(time))
        self._stamps.append(int(stamp))
        self._ackeds.append(int(acked))
        self._edges.append(int(edge))
        if len(times) > MAX_HEARD:
            self._take()

    def sent(self, time: i64, value: i64, echo: i64) -> bool:
        """Data pass the capture. Had their sender heard more than when it sent the last ones?"""
        self.kept_ns = 0
        if self.here:
            self._stamps, self._times, self._ackeds, self._edges = [], [], [], []
            self.exact = True
            more = self.acked != self._last_acked or self.edge != self._last_edge
            self.acked, self.edge = self._last_acked, self._last_edge
            return more
        more = False
        self.exact = echo >= 0
        at: i64 = -1
        while self._times and self._reached(time, echo):
            at = i64(self._times[0]) if i64(self._stamps[0]) == echo else i64(-1)
            self._take()
            more = True
        if at >= 0 and echo >= 0:
            self._keep(time, value, at)
        if more or self._base < 0:
            self._base = value
        ticks = (value - self._base) & MASK
        self.took_ns = ticks * TICK_NS if self._even and ticks < HALF else i64(0)
        return more

    def _keep(self, time: i64, value: i64, at: i64) -> None:
        """How long the sender waited after the ACK of `at` came to it, on its own clock, beside the least that ever
        was."""
        if self._clock < 0:
            self._clock = time
            self._clock_value = value
        span, ticks = time - self._clock, (value - self._clock_value) & MASK
        if ticks >= HALF or span < 0:
            return
        lag = ticks * TICK_NS - (at - self._clock)
        if self._lag_time >= 0:
            self._lag += max(time - self._lag_time, 0) // DRIFT
        if self._lag_time < 0 or lag < self._lag:
            self._lag = lag
        self._lag_time = time
        off = ticks * TICK_NS - span
        self._even = span >= WATCHED_NS and -span <= off * EXACT <= span
        if self._even:
            self.kept_ns = max(lag - self._lag - TICK_NS, 0)

    def _reached(self, time: i64, echo: i64) -> bool:
        stamp = i64(self._stamps[0])
        if echo >= 0 and stamp >= 0:
            return (echo - stamp) & MASK < HALF
        return i64(self._times[0]) <= time - self._ago + self._step // 4

    def _take(self) -> None:
        self.acked = i64(self._ackeds.pop(0))
        self.edge = i64(self._edges.pop(0))
        self._times.pop(0)
        self._stamps.pop(0)
