"""What a receiver advertises: closed windows with their probes, room taken back, windows filled; keep-alives."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import CERTAIN, CLOSED_WINDOW, LIKELY
from dissectors.kit.cited import Cited
from dissectors.kit.event import Event
from dissectors.protocols.tcp.events import MAX_FRAMES, TcpObserved
from dissectors.protocols.tcp.events_transfer import (
    KeepAlive,
    KeepAliveExchange,
    WindowClosure,
    WindowFull,
    WindowShrunk,
    ZeroWindow,
)
from dissectors.protocols.tcp.events_windows import WindowOverrun, WindowUnscaled
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.ledger import Ledger
from dissectors.protocols.tcp.segment import Segment

MAX_TOLD: Final[i64] = 50           # zero windows told one by one in a direction
# Data that were under way when the window closed have arrived by then, where it is not known what was promised before.
UNDER_WAY_NS: Final[i64] = 1_000_000_000
LEAST_BARE: Final[i64] = 10         # so often it is no coincidence that just the bare window field is under way


class WindowWatch:
    """Of the window that one side advertises. `direction` is that side's."""

    def __init__(self, direction: int, ledger: Ledger) -> None:
        self.direction = direction
        self.sides: tuple[str, str] = ("", "")
        self.ledger = ledger
        self.largest: i64 = 0           # ever advertised
        self.window: i64 = -1           # bytes, of the last segment; -1 before the first
        self.unit: i64 = 1              # what one step of the window field means
        self.edge: i64 = -1             # furthest promise: position in the peer's stream
        self.closed: bool = False
        self.closed_ns: int = 0         # over the whole connection
        self.resuming: bool = False     # reopened, and no data came yet
        self._closure = WindowClosure()
        self._start: i64 = 0
        self._proof: i64 = 0            # the last time that either side showed that it is closed
        self._promised: i64 = -1        # the furthest promise before it closed
        self._beyond: i64 = -1          # when data came that need more room than that, -1 for never
        self._beyond_from: i64 = 0      # where they begin
        self._update: i64 = 0
        self._update_frame: i64 = 0
        self._cited = Cited(MAX_FRAMES)
        self._told: i64 = 0
        self.untold: i64 = 0
        self._shrunk: i64 = 0
        self._shrunk_most: i64 = 0
        self._shrunk_time: i64 = 0
        self._shrunk_frame: i64 = 0
        self.raw: i64 = 0               # the bare number of the window field
        self._over: i64 = 0             # most bytes that the peer had under way beyond this window
        self._over_time: i64 = 0
        self._over_frame: i64 = 0
        self._bare: i64 = 0             # how often the peer had just `raw` bytes under way; -1 once it had more
        self._bare_time: i64 = 0
        self._bare_window: i64 = 0
        self._bare_cited = Cited(MAX_FRAMES)
        self._filled: i64 = 0
        self._filled_time: i64 = 0
        self._filled_frame: i64 = 0
        self._filled_window: i64 = 0

    def open(self, window: i64) -> None:
        """The window of a SYN-ACK, which is never scaled (RFC 7323 §2.2)."""
        if self.window < 0:
            self.window = window

    def limit(self, acked: i64) -> i64:
        """Up to where the peer may send, which has had `acked` acknowledged."""
        return self.edge if self.edge >= 0 else acked + self.window

    def advertise(self, segment: Segment, peer: TcpDirection, out: list[Event], *, current: bool) -> None:
        """A segment of this side. peer: the data that the window is for; current: the scale is known, and no older ACK
        is told than before."""
        time, frame = i64(segment.time), i64(segment.frame)
        window, raw = i64(segment.window_bytes), i64(segment.window)
        acked = peer.acked
        self.raw = raw
        if raw:
            self.unit = window // raw if window >= raw else 1
        if self.closed:
            if window:
                self._reopen(time, frame, window, out)
            elif self._beyond >= 0 and acked > self._beyond_from:
                self._went_on(out)          # it took them: it was open in between
                self._close(time, frame, out)
            else:
                self._beyond = -1           # it did not take them: they were a probe
                self._proof = time
        elif window == 0:
            self._close(time, frame, out)
        self.window = window
        self.largest = max(self.largest, window)
        if not current:
            return
        edge = acked + window
        # RFC 7323 §2.4: rounding to the scale's unit may move the edge back by less than one unit.
        if edge >= self.edge:
            self.edge = edge
        elif self.edge - edge >= self.unit:
            if self._shrunk == 0:
                self._shrunk_time = time
                self._shrunk_frame = frame
            self._shrunk += 1
            self._shrunk_most = max(self._shrunk_most, self.edge - edge)
            self.edge = edge

    def _close(self, time: i64, frame: i64, out: list[Event]) -> None:
        if self.resuming:
            self._emit("update", -1, out)
        self.closed = True
        self._closure = WindowClosure()
        self._start = time
        self._proof = time
        self._promised = self.edge
        self._beyond = -1
        self._cited.restart(int(frame))

    def _reopen(self, time: i64, frame: i64, window: i64, out: list[Event]) -> None:
        self.closed = False
        self._closure.reopened = int(window)
        if self._beyond >= 0:
            self._cite(frame)
            self._went_on(out)
            return
        self.resuming = True
        self._update = time
        self._update_frame = frame
        self._ended(time)

    def _ended(self, time: i64) -> None:
        self._closure.lasted_ns = int(time - self._start)
        self.closed_ns += self._closure.lasted_ns

    def into(self, time: i64, frame: i64, start: i64, end: i64) -> None:
        """The peer sends new data, from start to end in its stream, into the closed window: more than it may, unless
        the window opened in a segment that the capture does not have."""
        if self._beyond >= 0 or end <= self._promised:
            return
        if self._promised < 0 and time - self._start < UNDER_WAY_NS:
            return
        self._beyond = time
        self._beyond_from = max(start, self._promised)
        self._cite(frame)

    def _went_on(self, out: list[Event]) -> None:
        """Data show that it opened, and no segment: it was closed as long as was shown, and at most until they came."""
        self._ended(self._proof)
        self._closure.most_ns = int(self._beyond - self._start)
        self._beyond = -1
        self._emit("unseen", -1, out)

    def probe(self, frame: i64, time: i64) -> None:
        """The peer sends a byte, or repeats one, into the closed window."""
        self._closure.probes += 1
        self._proof = time
        self._cite(frame)

    def answer(self, frame: i64) -> None:
        """The window is still closed, says an ACK after a probe."""
        if self._closure.answers < self._closure.probes:
            self._closure.answers += 1
            self._cite(frame)

    def _cite(self, frame: i64) -> None:
        self._cited.add(int(frame))

    def resumed(self, time: i64, out: list[Event]) -> None:
        """The peer's data go on after the window reopened."""
        self._emit("update", time - self._update, out)

    def _emit(self, how: str, resumed_ns: i64, out: list[Event]) -> None:
        self.resuming = False
        self._book(how, resumed_ns)
        if self._told >= MAX_TOLD:
            self.untold += 1
            return
        self._told += 1
        if how == "update":
            self._cited.add(int(self._update_frame))
        self._closure.how = how
        self._closure.resumed_ns = int(resumed_ns)
        observed = TcpObserved(self._start, self.direction, self._cited.frames(), self.sides)
        out.append(ZeroWindow(observed, self._closure))

    def _book(self, how: str, resumed_ns: i64) -> None:
        """A closed window held somebody back where the peer probed it, or sent on as soon as it was open."""
        closure = self._closure
        until = int(self._start) + closure.lasted_ns
        if how == "update" and 0 <= resumed_ns < UNDER_WAY_NS:
            until += int(resumed_ns)
        elif closure.probes == 0 and how != "unseen":
            return
        if closure.probes:
            confidence, ground = CERTAIN, "the window field was 0, and the other side probed it"
        else:
            confidence, ground = LIKELY, "the window field was 0, and data went on soon after it was not"
        self.ledger.stopped(int(self._start), until, CLOSED_WINDOW, self._cited.frames(), confidence, ground)

    def used(self, time: i64, frame: i64, peer: TcpDirection) -> None:
        """The peer has sent new data."""
        flight = peer.high - peer.acked
        if flight > self.raw > 0:
            self._bare = -1
        elif flight == self.raw and self.unit > 1 and self._bare >= 0:
            if self._bare == 0:
                self._bare_time = time
                self._bare_window = self.raw
            self._bare += 1
            self._bare_cited.add(int(frame))
        # An ACK that the capture missed moves the edge by no more than one window.
        if peer.high > self.edge >= 0 and flight >= 2 * self.largest > 0 and flight > self._over:
            self._over = flight
            self._over_time = time
            self._over_frame = frame

    def filled(self, time: i64, frame: i64, peer: TcpDirection) -> None:
        """The peer's data reach the right edge of this window."""
        if self._filled == 0:
            self._filled_time = time
            self._filled_frame = frame
            self._filled_window = self.window if self.window > 0 else peer.high - peer.acked
        self._filled += 1

    def end_run(self, out: list[Event]) -> None:
        """The peer's run of data is over."""
        if self._filled:
            observed = TcpObserved(self._filled_time, 1 - self.direction, (int(self._filled_frame),), self.sides)
            out.append(WindowFull(observed, self._filled, self._filled_window))
            self._filled = 0

    def finish(self, time: i64, out: list[Event]) -> None:
        self.end_run(out)
        if self.closed:
            self.closed = False
            if self._beyond >= 0:
                self._went_on(out)
            else:
                self._ended(self._proof)
                self._closure.most_ns = int(time - self._start)
                self._emit("end", -1, out)
        elif self.resuming:
            self._emit("update", -1, out)
        if self._over:
            observed = TcpObserved(self._over_time, 1 - self.direction, (int(self._over_frame),), self.sides)
            out.append(WindowOverrun(observed, int(self._over), int(self.largest)))
        if self._bare >= LEAST_BARE and self.unit > 1:
            observed = TcpObserved(self._bare_time, 1 - self.direction, self._bare_cited.frames(), self.sides)
            out.append(WindowUnscaled(observed, int(self._bare), int(self._bare_window), int(self.unit)))
        if self._shrunk:
            observed = TcpObserved(self._shrunk_time, self.direction, (int(self._shrunk_frame),), self.sides)
            out.append(WindowShrunk(observed, self._shrunk, self._shrunk_most))


class KeepAliveWatch:
    """Of the keep-alives that one side sends."""

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.sides: tuple[str, str] = ("", "")
        self.exchange = KeepAliveExchange()
        self._cited = Cited(MAX_FRAMES)

    def probe(self, time: i64, frame: i64, idle_ns: i64) -> None:
        exchange = self.exchange
        if exchange.probes == 0:
            exchange.start = int(time)
            exchange.idle_ns = int(idle_ns)
        exchange.probes += 1
        exchange.unanswered += 1
        exchange.last = int(time)
        self._cite(frame)

    def answer(self, frame: i64) -> None:
        self.exchange.unanswered = 0
        self.exchange.answers += 1
        self._cite(frame)

    def reset(self, frame: i64) -> None:
        """A RST is an answer too."""
        self.answer(frame)
        self.exchange.reset = True

    def _cite(self, frame: i64) -> None:
        self._cited.add(int(frame))

    def close(self, out: list[Event]) -> None:
        """Data, or the end, put an end to the exchange."""
        if self.exchange.probes == 0:
            return
        observed = TcpObserved(self.exchange.start, self.direction, self._cited.frames(), self.sides)
        out.append(KeepAlive(observed, self.exchange))
        self.exchange = KeepAliveExchange()
        self._cited.clear()
