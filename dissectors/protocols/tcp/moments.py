"""The sliding window of one sender, moment by moment: when what it may send changes, and why.

Textbooks draw it as four stretches of the stream: acknowledged, sent and waiting, may be sent, must wait. Here it is
noted as it is at each moment that matters: the window fills, closes, opens; a loss shows, is sent again, is repaired.
Nobody asks for it but who wants to see one conversation so, and only then is it kept.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.course import Moment, SenderView
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tcp.end import End
from dissectors.protocols.tcp.episodes import DUPLICATE_THRESHOLD, OPEN
from dissectors.protocols.tcp.flags import ACK, FIN
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.windows import WindowWatch

FIRST: Final = "first data"
DOUBLED: Final = "twice as much"
FULL: Final = "window full"
ROOM: Final = "room again"
CLOSED: Final = "window closed"
OPENED: Final = "window opens"
WIDER: Final = "window doubled"
SHRUNK: Final = "window shrinks"
HOLE: Final = "hole"
NOTICED: Final = "loss noticed"
RESENT: Final = "sent again"
MORE: Final = "more sent again"     # in the same repair
REPAIRED: Final = "repaired"
GOES_ON: Final = "goes on"
FINISHED: Final = "end of data"
DONE: Final = "all arrived"
KINDS: Final = (
    FIRST, DOUBLED, FULL, ROOM, CLOSED, OPENED, WIDER, SHRUNK, HOLE, NOTICED, RESENT, MORE, REPAIRED, GOES_ON, FINISHED,
    DONE,
)

MAX_FIRST: Final = 60       # moments of a kind that are kept from its beginning
MAX_LAST: Final = 20        # ... and from its end
MAX_BLOCKS: Final = 64      # of what the receiver has beyond a hole that a moment keeps
# A pause is told from so many round trips on, and no shorter than this.
PAUSE_ROUNDS: Final = 2
LEAST_PAUSE_NS: Final = 10_000_000


class MomentWatch:
    """Of the sender of one direction."""

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self._of: dict[str, list[Moment]] = {}
        self._counts: dict[str, int] = {}
        self._end: End | None = None
        self._receiver: WindowWatch | None = None
        self._most: i64 = 0             # ever outstanding, when that was told
        self._widest: i64 = 0           # window, when that was told
        self._edge: i64 = -1
        self._full: bool = False
        self._closed: bool = False
        self._octets: i64 = 0
        self._resent: int = 0           # segments of the episode in hand
        self._repairing: bool = False
        self._noticed: bool = False
        self._holes: i64 = 0            # furthest end of a hole that was told
        self._idle: i64 = -1            # since when nothing is outstanding
        self._noted: int = 0            # the last frame of which something was told
        self._finished: bool = False
        self._done: bool = False

    def after(self, segment: Segment, end: End, receiver: WindowWatch) -> None:
        """What a segment of either side left. end: the one that sends; receiver: the window that it has to fit into."""
        self._end, self._receiver = end, receiver
        flow = end.flow
        time = i64(segment.time)
        own = segment.direction == self.direction
        fresh = flow.octets() > self._octets
        outstanding = max(flow.high - flow.acked, i64(0))
        if own and fresh:
            self._begins(segment, end, outstanding, time)
        self._octets = flow.octets()
        self._losses(segment, end)
        self._window(segment, end, receiver)
        if outstanding >= 2 * self._most and own and fresh:
            self._most = outstanding
            if self._noted != segment.frame:
                self._note(segment, DOUBLED, f"{size(int(outstanding))} outstanding")
        if own and segment.flags & FIN and not self._finished:
            self._finished = True
            self._note(segment, FINISHED, f"after {size(int(self._octets))}")
        if outstanding == 0:
            if self._idle < 0:
                self._idle = time
            if self._finished and flow.fin_acked and not self._done:
                self._done = True
                self._note(segment, DONE, "its FIN too")
        else:
            self._idle = -1

    def _begins(self, segment: Segment, end: End, outstanding: i64, time: i64) -> None:
        """Data that were not sent before: the first ones, or those that end a pause."""
        if self._octets == 0:
            self._note(segment, FIRST, "")
            self._most = outstanding
            return
        rtt = max(end.loss.rtt, i64(0))
        if self._idle >= 0 and time - self._idle >= max(PAUSE_ROUNDS * rtt, LEAST_PAUSE_NS):
            self._note(segment, GOES_ON, f"nothing was outstanding for {duration(int(time - self._idle))}")

    def _losses(self, segment: Segment, end: End) -> None:
        loss, repair = end.loss, end.loss.repair
        if segment.direction == self.direction and loss.holes:
            hole = loss.holes[len(loss.holes) - 1]
            if hole.end > self._holes and not hole.acked:
                self._holes = hole.end
                self._note(segment, HOLE, f"{size(int(hole.end - hole.start))} before it did not come by")
        if loss.state != OPEN:
            if self._repairing and repair.repaired:
                self._note(segment, REPAIRED, f"{duration(repair.lasted_ns)} after the first sign")
            self._repairing, self._noticed, self._resent = False, False, 0
            return
        if not self._noticed and repair.segments == 0:
            if repair.duplicates >= DUPLICATE_THRESHOLD:
                self._noticed = True
                self._note(segment, NOTICED, f"{plural(repair.duplicates, 'duplicate ACK')}")
            elif repair.sacked and len(end.board.ranges) and end.board.octets >= DUPLICATE_THRESHOLD * end.flow.mss:
                self._noticed = True
                self._note(segment, NOTICED, f"{size(int(end.board.octets))} beyond the hole have arrived")
        if repair.segments > self._resent:
            waited = segment.rto_ns
            text = f"{duration(waited)} after it was sent first" if waited > 0 else size(segment.length)
            self._note(segment, MORE if self._resent else RESENT, text)
            self._repairing = True
        self._resent = repair.segments

    def _window(self, segment: Segment, end: End, receiver: WindowWatch) -> None:
        flow = end.flow
        if receiver.closed != self._closed:
            self._closed = receiver.closed
            if receiver.closed:
                self._note(segment, CLOSED, "no room at all")
            else:
                self._note(segment, OPENED, f"for {size(int(receiver.window))}")
            self._full = False
            self._widest = max(self._widest, receiver.window)
        if receiver.closed:
            return
        edge = end.limit_of(receiver)
        if edge < 0 or self._octets == 0:
            return
        window = edge - flow.acked
        if self._widest == 0:
            self._widest = window
        elif window >= 2 * self._widest:
            self._widest = window
            self._note(segment, WIDER, f"{size(int(window))}")
        if 0 <= edge < self._edge:
            self._note(segment, SHRUNK, f"by {size(int(self._edge - edge))}")
        self._edge = edge
        tight = edge - flow.high < flow.mss
        if tight and not self._full and segment.direction == self.direction and flow.high > flow.acked:
            self._full = True
            self._note(segment, FULL, f"{size(int(max(edge - flow.high, i64(0))))} left")
        elif not tight and self._full:
            self._full = False
            self._note(segment, ROOM, f"for {size(int(edge - flow.high))}")

    def _note(self, segment: Segment, kind: str, text: str) -> None:
        end, receiver = self._end, self._receiver
        if end is None or receiver is None:
            return
        flow = end.flow
        moment = Moment(segment.time, segment.frame, kind, text)
        moment.acked, moment.sent, moment.allowed = int(flow.acked), int(flow.high), int(end.limit_of(receiver))
        moment.sacked = tuple([one for one in end.board.ranges if one[1] > flow.acked][:MAX_BLOCKS])
        moment.before = dict(self._counts)
        self._noted = segment.frame
        kept = self._of.setdefault(kind, [])
        kept.append(moment)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if len(kept) > MAX_FIRST + MAX_LAST:
            kept.pop(MAX_FIRST)

    def view(self, sides: tuple[str, str], seen_from: tuple[str, str]) -> SenderView:
        """What was noted so far, in order."""
        view = SenderView(self.direction)
        view.sender, view.receiver = sides[self.direction], sides[1 - self.direction]
        view.place, view.basis = seen_from
        view.kinds = dict(self._counts)
        view.octets = int(self._octets)
        moments: list[Moment] = []
        for kept in self._of.values():
            moments += kept
        view.moments = sorted(moments, key=_order)
        return view


class Views:
    """How both directions go on, and where somebody wants to see that, the moments in which it changes."""

    def __init__(self) -> None:
        self.watches: list[MomentWatch] = []

    def watch(self) -> None:
        """Note every moment in which what a sender may do changes."""
        self.watches = [MomentWatch(0), MomentWatch(1)]

    def segment(self, segment: Segment, mine: End, theirs: End) -> None:
        """This changed what either side has sent or may send. mine: its sender."""
        time = i64(segment.time)
        mine.trace(time, theirs.window)
        if segment.flags & ACK:
            theirs.trace(time, mine.window)
            if segment.ack_rtt_ns >= 0:
                theirs.course.trip(time, i64(segment.ack_rtt_ns))
        for watch in self.watches:
            if watch.direction == segment.direction:
                watch.after(segment, mine, theirs.window)
            else:
                watch.after(segment, theirs, mine.window)

    def told(self, sides: tuple[str, str], seen_from: tuple[str, str]) -> list[SenderView]:
        """What was noted so far, of each direction; [] where nobody asked."""
        return [watch.view(sides, seen_from) for watch in self.watches]


def _order(moment: Moment) -> int:
    return sum(moment.before.values())
