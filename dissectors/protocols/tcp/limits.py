"""What held a direction back while it was sending: an estimate, round trip by round trip.

The idea is T-RAT's (Zhang et al., SIGCOMM 2002), on what the sender knew (`heard.py`). Each time it heard something it
sent what it might; where that left no room for a whole segment in the advertised window, the time until it sent on is
the receiver's, provided that it did so as soon as there was room. Where all that it had sent was acknowledged, and it
had room, the time is the application's. In a round with a repair or an echoed mark, or in which flights grow as in
slow start, it is congestion's. The rest is unknown, because a capture sees neither the congestion window nor the rate
of the link.

What looks alike: a window filled by the last bytes that a program had (then nothing follows when there is room); a
silence that ends with the arrival of an ACK which the capture missed; a sender that paces its segments.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import CONGESTION as HELD_BACK
from dissectors.kit.account import LIKELY, PATH, POSSIBLE, Cause
from dissectors.kit.account import RECEIVER as NO_ROOM
from dissectors.kit.event import Event
from dissectors.kit.units import duration
from dissectors.protocols.tcp.congestion import FILLED as ROOM
from dissectors.protocols.tcp.congestion import PAUSED, CongestionWatch
from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_congestion import CongestionCourse, cited
from dissectors.protocols.tcp.events_transfer import Limits
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.heard import Heard, stamps
from dissectors.protocols.tcp.ledger import OWN_PACE, Ledger
from dissectors.protocols.tcp.segment import Segment

CAUSES: Final = ("application", "receiver", "congestion", "unknown")
APPLICATION: Final[i64] = 0
RECEIVER: Final[i64] = 1
CONGESTION: Final[i64] = 2
UNKNOWN: Final[i64] = 3

# Rounds are no shorter than this: below it the timestamps of a capture say little.
LEAST_ROUND_NS: Final[i64] = 1_000_000
# A sender with room and something to send sends at once: within half a round trip (queues change the way) and this much
# (a program that is scheduled late).
AT_ONCE_NS: Final[i64] = 5_000_000
# With all its data acknowledged a sender that sends on later than this had nothing to send: seen from elsewhere only
# what is longer than the way there and back may vary.
LEAST_IDLE_NS: Final[i64] = 1_000_000
VARIES_NS: Final[i64] = 5_000_000
# Times without room that are this part of a round trip apart are one.
BRIDGED: Final[i64] = 32
# A pause of this part of a round trip ends a burst.
QUIET: Final[i64] = 8
# A round with all but this part of it without room is one without.
WHOLE: Final = 16
# Where the round trip is not known a silence is the application's no sooner than this.
LONG_SILENCE_NS: Final[i64] = 1_000_000_000
# Fewer bytes or less time than this are not worth a verdict, unless so many rounds filled the window.
LEAST_OCTETS: Final[i64] = 50_000
LEAST_FULL: Final[i64] = 10
LEAST_TIME_NS: Final = 20_000_000
# Where the causes that can be told make up less than this share, in per cent, nothing is said.
LEAST_SHARE: Final = 5

GREW: Final = "what passes in a round trip grows by half and more from one to the next, as it does in slow start"
FILLED: Final = "the window had no room for another segment, and data went on as soon as it had"


class LimitWatch:
    """Of the data of one direction. rtt: the path's round trip, -1 while unknown."""

    def __init__(self, flow: TcpDirection, ledger: Ledger) -> None:
        self.flow = flow
        self.direction = flow.direction
        self.sides: tuple[str, str] = ("", "")
        self.rtt: i64 = -1
        self.ledger = ledger
        self.heard = Heard()
        self.congestion = CongestionWatch(flow)
        self.spent: list[int] = [0, 0, 0, 0]    # ns by cause, as in CAUSES
        self.octets: i64 = 0
        self._round_start: i64 = -1
        self._round_octets: i64 = 0
        self._round_frame: i64 = 0
        self._round_full: int = 0       # ns of it without room
        self._last: i64 = 0             # when the last data came, in which frame
        self._last_frame: i64 = 0
        self._congested: bool = False
        self._troubled: bool = False    # a loss was looming since the step began
        self._full_rounds: i64 = 0
        self._first_frame: i64 = 0
        self._first_time: i64 = 0
        self._base: i64 = 0             # what was acknowledged before the first data
        self._step: i64 = -1            # since when the sender has sent on what it knows now, in which frame
        self._step_frame: i64 = 0
        # Since the last data, as the capture shows it; -1 for not yet.
        self._all_acked: i64 = -1
        self._all_frame: i64 = 0
        self._opened: i64 = -1          # there is room for a segment
        self._shut: i64 = -1            # it was taken back
        # Time without room that is not told yet.
        self._full_since: i64 = -1
        self._full_until: i64 = -1
        self._full_frames: list[int] = [0, 0]
        # A round of which nothing is known but its octets, until the next one shows whether they grow.
        self._held: bool = False
        self._held_since: i64 = 0
        self._held_until: i64 = 0
        self._held_frames: list[int] = [0, 0]
        self._held_octets: i64 = 0
        self._growing: bool = False

    # -- what the other side says --------------------------------------------------------------------------

    def acknowledged(self, segment: Segment, edge: i64) -> None:
        """A segment of the receiver. edge: up to where the sender may send, -1 where it is unknown."""
        flow, time = self.flow, i64(segment.time)
        self.heard.ack(time, stamps(segment.options)[0], flow.acked, edge)
        if self._all_acked < 0 and flow.acked >= flow.high:
            self._all_acked = time
            self._all_frame = i64(segment.frame)
        if edge - flow.high >= flow.mss:
            if self._opened < 0:
                self._opened = time
        elif self._opened >= 0 and edge >= 0:
            self._opened = -1
            self._shut = time

    def mark(self) -> None:
        """The peer echoed a mark of congestion."""
        self._congested = True

    # -- data ----------------------------------------------------------------------------------------------

    def data(self, segment: Segment, octets: i64, *, congested: bool, troubled: bool) -> None:
        """New bytes, which flow.high holds already. congested: a repair goes on; troubled: a loss is looming at
        least."""
        time, frame, flow = i64(segment.time), i64(segment.frame), self.flow
        heard = self.heard
        self.octets += octets
        heard.measured(self.rtt, flow.rtt_min)
        acked, edge, before, took = heard.acked, heard.edge, flow.high - octets, heard.took_ns
        value, echo = stamps(segment.options)
        more = heard.sent(time, value, echo)
        if self._round_start < 0:
            if self._first_frame == 0:
                self._first_frame = frame
                self._first_time = time
                self._base = flow.acked
            self._begin(time, frame)
            self._step = time
            self._step_frame = frame
        else:
            if more or time - self._last > max(self.rtt, LEAST_ROUND_NS):
                self._step = min(self._step + took, time)     # it had room until it had sent all that
                self._end_step(time, frame, acked, edge, before, congested, troubled)
                self._step = time
                self._step_frame = frame
                quiet = time - self._last > self.rtt // QUIET
                self.congestion.heard(heard.acked, before, repairing=troubled, quiet=quiet)
                self._troubled = False
            if time - self._round_start >= self._span(LEAST_ROUND_NS):
                self._close(time, frame, congested)
                self._begin(time, frame)
        self._round_octets += octets
        if congested:
            self._congested = True
        if troubled:
            self._troubled = True
        self._last = time
        self._last_frame = frame
        self._all_acked = -1
        self._opened = time if self._room() else i64(-1)
        self._shut = -1

    def _span(self, least: i64) -> i64:
        return max(self.rtt, least)

    def _room(self) -> bool:
        """For a whole segment, as the sender sees it."""
        return self.heard.edge - self.flow.high >= self.flow.mss

    def _end_step(
        self, time: i64, frame: i64, acked: i64, edge: i64, high: i64, congested: bool, troubled: bool
    ) -> None:
        """The sender goes on. acked, edge: what it knew until now; high: up to where it had sent."""
        since, trip = self._step, max(self.ledger.trips[int(self.direction)], i64(0))
        late = AT_ONCE_NS + max(self.rtt, i64(0)) // 2
        if self.rtt >= 0 and edge >= 0 and (edge - high < self.flow.mss or self._shut >= 0):
            if edge - high >= self.flow.mss:
                since = max(since, self._shut + trip)
            elif self.heard.here:
                since = self._last      # which filled the window
            open_from = time - self.heard.kept_ns
            if self._opened >= 0:
                open_from = min(self._opened + trip, open_from)
            open_from = max(open_from, since)
            if time - open_from <= late:
                self._full(since, open_from, frame, congested)
                return
        if self._all_acked >= 0:
            free = max(self._all_acked + trip, self._last)
            if time - free >= self._least_idle():
                self._pause(time, frame, free, congested)
                return
        if troubled or self._troubled:
            self.congestion.interrupt(i64(-1) if self.heard.here else high)
        elif self.rtt > 0:
            acked = acked if acked >= 0 else self._base
            self.congestion.outstanding(self._last, self._last_frame, high - acked)

    def _least_idle(self) -> i64:
        if self.rtt < 0:
            return LONG_SILENCE_NS
        return LEAST_IDLE_NS + self.rtt // 16 if self.heard.here else VARIES_NS + self.rtt // 8

    def _full(self, since: i64, until: i64, frame: i64, congested: bool) -> None:
        """The sender had no room. congested: while lost data are sent again, which would not keep it from sending
        more."""
        self.spent[RECEIVER] += int(until - since)
        self._round_full += int(until - since)
        self.congestion.spoil(ROOM)
        if self._full_since >= 0 and since - self._full_until > max(self.rtt // BRIDGED, LEAST_ROUND_NS):
            self._tell_full()
        if congested:
            self._tell_full()
            self.ledger.stopped(
                int(since), int(until), NO_ROOM, (int(self._step_frame), int(frame)), LIKELY, FILLED
            )
            return
        if self._full_since < 0:
            self._full_since = since
            self._full_frames[0] = int(self._step_frame)
        self._full_until = until
        self._full_frames[1] = int(frame)

    def _tell_full(self) -> None:
        if self._full_since < 0:
            return
        first, last = self._full_frames
        self.ledger.moved(self._full_since, self._full_until, NO_ROOM, i64(first), i64(last), LIKELY, FILLED)
        self._full_since = -1

    def _pause(self, time: i64, frame: i64, free: i64, congested: bool) -> None:
        """All was acknowledged, and the sender knew it from `free` on; it sends only now."""
        self.congestion.spoil(PAUSED)
        self._close(self._last, self._last_frame, congested)
        self._release(PATH, OWN_PACE)
        self._tell_full()
        self.spent[APPLICATION] += int(time - free)
        self.spent[UNKNOWN] += int(free - self._last)
        acked = max(self._all_acked, self._last)
        self.ledger.paused(
            self.direction, (self._last, acked, free, time), (self._last_frame, self._all_frame, frame)
        )
        self._begin(time, frame)

    def pause(self) -> None:
        """The other side's turn, or a long silence: this time is nobody's."""
        if self._round_start >= 0:
            self.congestion.spoil(PAUSED)
            self._close(self._last, self._last_frame, False)
            self._round_start = -1
            self._release(PATH, OWN_PACE)
            self._tell_full()

    # -- rounds --------------------------------------------------------------------------------------------

    def _begin(self, time: i64, frame: i64) -> None:
        self._round_start = time
        self._round_frame = frame
        self._round_octets = 0
        self._round_full = 0
        self._congested = False

    def _close(self, end: i64, frame: i64, congested: bool) -> None:
        elapsed = int(end - self._round_start)
        if elapsed <= 0:
            return
        full = min(self._round_full, elapsed)
        congested = congested or self._congested
        cause = CONGESTION if congested else UNKNOWN
        self.spent[cause] += elapsed - full
        if 2 * full >= elapsed:
            self._full_rounds += 1
        if WHOLE * (elapsed - full) <= elapsed and self._full_since >= 0:
            self._full_until = max(self._full_until, end)
            self._release(PATH, OWN_PACE)
            return
        self._book(cause, end, frame)

    def _book(self, cause: i64, end: i64, frame: i64) -> None:
        """The round up to `end`, for the account of the time."""
        since, octets = self._round_start, self._round_octets
        if cause == UNKNOWN and self.rtt > 0 and self._round_full == 0:
            grew = self._held and self._held_until == since and 2 * octets >= 3 * self._held_octets
            if grew:
                self._release(HELD_BACK, GREW)
            else:
                self._release(PATH, OWN_PACE)
            self._growing = grew
            self._held = True
            self._held_since = since
            self._held_until = end
            self._held_frames = [int(self._round_frame), int(frame)]
            self._held_octets = octets
            return
        self._release(PATH, OWN_PACE)
        first = self._round_frame
        if cause == CONGESTION:
            ground = "data were sent again, or marked for congestion, in this round trip"
            self.ledger.moved(since, end, HELD_BACK, first, frame, LIKELY, ground)
        else:
            self.ledger.moved(since, end, PATH, first, frame, POSSIBLE, OWN_PACE)

    def _release(self, cause: Cause, ground: str) -> None:
        """The round that was held back is one of this cause; what had grown up to it, of congestion anyway."""
        if not self._held:
            return
        self._held = False
        if self._growing:
            cause, ground = HELD_BACK, GREW
        self._growing = False
        self.ledger.moved(
            self._held_since, self._held_until, cause, i64(self._held_frames[0]), i64(self._held_frames[1]), POSSIBLE,
            ground,
        )

    # -- the end -------------------------------------------------------------------------------------------

    def shares(self) -> list[tuple[str, int]]:
        """(cause, ns), largest first, without those of no time."""
        found: list[tuple[int, str]] = []
        for index in range(len(CAUSES)):
            if self.spent[index]:
                found.append((-self.spent[index], CAUSES[index]))
        found.sort()
        return [(cause, -time) for time, cause in found]

    def finish(self, out: list[Event], *, whole: bool) -> None:
        """whole: no packet is missing and none is here twice, as far as is known."""
        self.pause()
        watch = self.congestion
        watch.at_sender = self.rtt > 0 and self.heard.here
        if whole and self.octets >= LEAST_OCTETS and CongestionCourse.shown_by(watch):
            observed = TcpObserved(self._first_time, self.direction, cited(watch), self.sides)
            out.append(CongestionCourse(observed, watch))
        total = sum(self.spent)
        if (self.octets < LEAST_OCTETS and self._full_rounds < LEAST_FULL) or total < LEAST_TIME_NS:
            return
        if (total - self.spent[UNKNOWN]) * 100 < total * LEAST_SHARE:
            return
        if self.rtt >= 0:
            basis = f"the bytes of each round trip ({duration(self.rtt)}) were held against the window advertised"
        else:
            basis = "only repairs and silences could be told; the round trip is not known"
        frames = (int(self._first_frame), int(self._last_frame))
        out.append(Limits(TcpObserved(self._first_time, self.direction, frames, self.sides), self.shares(), basis))
