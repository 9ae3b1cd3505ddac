"""What held a direction back while it was sending: an estimate, round trip by round trip.

The idea is T-RAT's (Zhang et al., SIGCOMM 2002), kept to what a capture at any point of the path can show:
the bytes that pass in one round trip are the same everywhere. A round in which they come near the advertised
window, and at some moment leave less room than one segment, is the receiver's; one with a repair or an echoed
mark is congestion's; a silence of more than a round trip with nothing outstanding is the application's; the
rest is unknown, because a capture sees neither the congestion window nor the rate of the link.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import CONGESTION as HELD_BACK
from dissectors.kit.account import LIKELY, PATH, POSSIBLE, Cause
from dissectors.kit.account import RECEIVER as NO_ROOM
from dissectors.kit.event import Event
from dissectors.kit.units import duration
from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_transfer import Limits
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.ledger import OWN_PACE, Ledger
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.windows import WindowWatch

CAUSES: Final = ("application", "receiver", "congestion", "unknown")
APPLICATION: Final[i64] = 0
RECEIVER: Final[i64] = 1
CONGESTION: Final[i64] = 2
UNKNOWN: Final[i64] = 3

# Rounds are no shorter than this: below it the timestamps of a capture say little.
LEAST_ROUND_NS: Final[i64] = 1_000_000
# A window counts as used up from this share on, in per cent: segments do not divide it evenly.
NEAR_WINDOW: Final = 80.0
# A silence is the application's from so many round trips on, and no shorter than a delayed ACK is held back
# (RFC 9293 §3.8.6.3: less than 0.5 s; deployed stacks: 40 ms to 200 ms).
SILENT_ROUNDS: Final[i64] = 2
# Where the round trip is not known a silence is the application's no sooner than this.
LONG_SILENCE_NS: Final[i64] = 1_000_000_000
# What the sender knew of the window is kept in steps of this part of a round trip.
STEPS: Final[i64] = 32
# Fewer bytes or less time than this are not worth a verdict, unless so many rounds filled the window.
LEAST_OCTETS: Final[i64] = 50_000
LEAST_FULL: Final[i64] = 10
LEAST_TIME_NS: Final = 20_000_000
# Where the causes that can be told make up less than this share, in per cent, nothing is said.
LEAST_SHARE: Final = 5

GREW: Final = "what passes in a round trip grows by half and more from one to the next, as it does in slow start"


class LimitWatch:
    """Of the data of one direction. rtt: the path's round trip, -1 while unknown."""

    def __init__(self, direction: int, ledger: Ledger) -> None:
        self.direction = direction
        self.sides: tuple[str, str] = ("", "")
        self.rtt: i64 = -1
        self.ledger = ledger
        self.spent: list[int] = [0, 0, 0, 0]    # ns by cause, as in CAUSES
        self.octets: i64 = 0
        self._round_start: i64 = -1
        self._round_octets: i64 = 0
        self._round_window: i64 = 0
        self._last: i64 = 0
        self._congested: bool = False
        self._full: bool = False        # the window was filled in this round
        self._full_rounds: i64 = 0
        self._edge: i64 = -1            # the peer's furthest promise, and what it was before
        self._edge_times: list[int] = []
        self._edges: list[int] = []
        self._edge_due: i64 = -1        # when the next step begins
        self._closed_ns: int = 0
        self._first_frame: i64 = 0
        self._last_frame: i64 = 0
        self._first_time: i64 = 0
        self._round_frame: i64 = 0
        self._tight_ns: int = 0         # of the peer's window, when the round began
        # A round of which nothing is known but its octets, until the next one shows whether they grow.
        self._held: bool = False
        self._held_since: i64 = 0
        self._held_until: i64 = 0
        self._held_frames: list[int] = [0, 0]
        self._held_octets: i64 = 0
        self._growing: bool = False

    def promise(self, time: i64, edge: i64) -> None:
        """The peer has room up to this position, as the capture sees it."""
        self._edge = edge
        if self.rtt <= 0:
            return
        if time >= self._edge_due:
            times = self._edge_times
            times.append(int(time))
            self._edges.append(int(edge))
            self._edge_due = time + self.rtt // STEPS
            if len(times) > 2 * STEPS:
                times.pop(0)
                self._edges.pop(0)

    def sent(self, time: i64, flow: TcpDirection) -> None:
        """New bytes are sent. What the sender knew of the window had passed the capture as much earlier as the round
        trip takes beside the way from data to their ACK that the capture sees."""
        if self._full or self.rtt <= 0:
            return
        edge = self._edge
        ago = self.rtt - max(flow.rtt_min, 0)
        if ago > self.rtt // STEPS:
            edge = self._known(time - ago)
        self._full = edge >= 0 and edge - flow.high < flow.mss

    def _known(self, time: i64) -> i64:
        """The promise as it was at that time, -1 where that is before the first."""
        times = self._edge_times
        while len(times) > 1 and i64(times[1]) <= time:
            times.pop(0)
            self._edges.pop(0)
        return i64(self._edges[0]) if times and i64(times[0]) <= time else i64(-1)

    def data(self, segment: Segment, octets: i64, peer: WindowWatch, *, idle: bool, congested: bool) -> None:
        """New bytes, not counted as sent yet. peer: the window that they have to fit into; idle: all before them was
        acknowledged."""
        time, frame = i64(segment.time), i64(segment.frame)
        window, closed_ns = peer.window, peer.shut_ns()
        self.octets += octets
        before = self._last_frame
        self._last_frame = frame
        if self._round_start < 0:
            if self._first_frame == 0:
                self._first_frame = frame
                self._first_time = time
            self._begin(time, frame, window, closed_ns, peer.tight_ns)
        else:
            span = max(self.rtt, LEAST_ROUND_NS)
            silence = time - self._last
            if self.rtt < 0:
                span = LONG_SILENCE_NS if idle else span
            if idle and (silence - 1) // SILENT_ROUNDS >= span:     # so many rounds may not fit a machine integer
                full = self._full
                self._close(self._last, before, self._closed_ns, congested)
                self._release(PATH, OWN_PACE)
                tight = min(i64(peer.tight_ns - self._tight_ns), silence)
                self._silence(int(silence), closed_ns)
                if tight > 0:
                    self.ledger.moved(
                        self._last, self._last + tight, NO_ROOM, before, frame, LIKELY,
                        "the window had no room for a whole segment",
                    )
                since = self._last + max(tight, i64(0))
                self.ledger.paused(self.direction, since, time, before, frame, full=full)
                self._begin(time, frame, window, closed_ns, peer.tight_ns)
            elif time - self._round_start >= span:
                self._close(time, frame, closed_ns, congested)
                self._begin(time, frame, window, closed_ns, peer.tight_ns)
        self._round_octets += octets
        if congested:
            self._congested = True
        self._round_window = max(self._round_window, window)
        self._last = time

    def mark(self) -> None:
        """The peer echoed a mark of congestion."""
        self._congested = True

    def pause(self) -> None:
        """The other side's turn, or a long silence: this time is nobody's."""
        if self._round_start >= 0:
            self._close(self._last, self._last_frame, self._closed_ns, False)
            self._round_start = -1
            self._release(PATH, OWN_PACE)

    def _begin(self, time: i64, frame: i64, window: i64, closed_ns: int, tight_ns: int) -> None:
        self._round_start = time
        self._round_frame = frame
        self._tight_ns = tight_ns
        self._round_octets = 0
        self._round_window = window
        self._congested = False
        self._full = False
        self._closed_ns = closed_ns

    def _silence(self, silence: int, closed_ns: int) -> None:
        closed = min(closed_ns - self._closed_ns, silence)
        self.spent[RECEIVER] += closed
        self.spent[APPLICATION] += silence - closed
        self._closed_ns = closed_ns

    def _close(self, end: i64, frame: i64, closed_ns: int, congested: bool) -> None:
        elapsed = int(end - self._round_start)
        if elapsed <= 0:
            return
        closed = min(closed_ns - self._closed_ns, elapsed)
        if closed > 0:
            self.spent[RECEIVER] += closed
            self._closed_ns = closed_ns
            elapsed -= closed
        if congested or self._congested:
            cause = CONGESTION
        elif self.rtt < 0 or self._round_window <= 0:
            cause = UNKNOWN
        elif self._full and float(self._round_octets) * float(self.rtt) * 100.0 >= (
            float(self._round_window) * float(end - self._round_start) * NEAR_WINDOW
        ):
            cause = RECEIVER
            self._full_rounds += 1
        else:
            cause = UNKNOWN
        self.spent[cause] += elapsed
        self._book(cause, end, frame)

    def _book(self, cause: i64, end: i64, frame: i64) -> None:
        """The round up to `end`, for the account of the time."""
        since, octets = self._round_start, self._round_octets
        if cause == UNKNOWN and self.rtt > 0:
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
        if cause == RECEIVER:
            ground = "data filled the window, and came near it in each round trip"
            self.ledger.moved(since, end, NO_ROOM, first, frame, LIKELY, ground)
        elif cause == CONGESTION:
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

    def shares(self) -> list[tuple[str, int]]:
        """(cause, ns), largest first, without those of no time."""
        found: list[tuple[int, str]] = []
        for index in range(len(CAUSES)):
            if self.spent[index]:
                found.append((-self.spent[index], CAUSES[index]))
        found.sort()
        return [(cause, -time) for time, cause in found]

    def finish(self, out: list[Event]) -> None:
        self.pause()
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
