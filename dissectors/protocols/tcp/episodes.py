"""Episodes of loss, repair and reordering of one direction's data.

An episode opens at its first sign (a hole in what the capture saw, a duplicate ACK, a SACK block beyond a
hole, a resent segment) and is over when the cumulative ACK passes what was under way at the first resend. It
is held a little longer, because the proof that a resend was needless (a duplicate SACK, RFC 2883 §4) comes a
round trip later.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import FAST_REPAIR, LIKELY, POSSIBLE, TIMEOUT_REPAIR
from dissectors.kit.cited import Cited
from dissectors.kit.event import Event
from dissectors.kit.observation import READING_ENDED, what_is_held
from dissectors.kit.units import duration
from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_holes import Missing, Unrepaired
from dissectors.protocols.tcp.events_loss import (
    CaptureLoss,
    FastRetransmit,
    LateArrivals,
    Loss,
    LossSummary,
    Reordering,
    Repair,
    SpuriousRetransmission,
    TailLossProbe,
    Timeout,
    UntoldLosses,
)
from dissectors.protocols.tcp.flags import FAST_RETRANSMISSION, OUT_OF_ORDER, SPURIOUS_RETRANSMISSION
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.holes import Hole, before, doubled
from dissectors.protocols.tcp.ledger import Ledger
from dissectors.protocols.tcp.recovery import Recovery
from dissectors.protocols.tcp.segment import Segment

IDLE: Final[i64] = 0
OPEN: Final[i64] = 1
SETTLING: Final[i64] = 2

# RFC 5681 §3.2: the third duplicate ACK is the sign of a loss.
DUPLICATE_THRESHOLD: Final = 3
# Deployed stacks let no retransmission timer run out sooner; RFC 6298 §2.4 asks for 1 s.
LEAST_TIMEOUT_NS: Final[i64] = 200_000_000
# A resend that the receiver's signs called for follows them within a round trip; the sender's own delay (RFC 8985 §6.2
# waits for reordering) and a queue stay below a second one and this much.
PROMPT_NS: Final[i64] = 20_000_000
# Deployed stacks probe for a lost tail no sooner (RFC 8985 §7.2 asks for two round trips).
LEAST_PROBE_NS: Final[i64] = 10_000_000
# How long a repaired episode waits for the proof that it was needless.
SETTLE_NS: Final[i64] = 500_000_000

MAX_HOLES: Final = 4_096      # holes remembered at once; whether the oldest is filled is then not known
MAX_FRAMES: Final = 15        # first frames cited by an episode; the last one beside them
MAX_TOLD: Final[i64] = 100    # episodes told one by one in a direction


class LossWatch:
    """Of the data of one direction."""

    def __init__(self, flow: TcpDirection, ledger: Ledger) -> None:
        self.flow = flow
        self.sides: tuple[str, str] = ("", "")
        self.rtt: i64 = -1                  # of the path, from the handshake; -1 while unknown
        self.ledger = ledger
        self.recovery = Recovery()
        self.state: i64 = IDLE
        self.holes: list[Hole] = []
        self._missed: i64 = 0               # bytes acknowledged and never seen
        self._missed_times: i64 = 0
        self._missed_cited = Cited(MAX_FRAMES)
        self._missed_time: i64 = 0
        self._filled: i64 = 0               # bytes of holes that the last segment filled
        self._told: i64 = 0
        self._untold = UntoldLosses()
        self._cited = Cited(MAX_FRAMES)
        self._late_cited = Cited(MAX_FRAMES)
        self._reset()

    def _reset(self) -> None:
        self.state = IDLE
        self.repair = Repair()
        self.recovery.begin()
        self._cited.clear()
        self._start: i64 = 0
        self._need: i64 = 0                 # without a resend: over when the ACK reaches this
        self._recover: i64 = 0              # with one: over when the ACK reaches this
        self._jumped: bool = False          # the capture itself showed the hole
        self._late: i64 = 0
        self._late_ns: i64 = 0
        self._overtaken: i64 = 0            # by how many segments, the most
        self._late_cited.clear()
        self._fast: bool = False
        self._first_position: i64 = 0
        self._first_time: i64 = 0
        self._first_ts: i64 = -1
        self._asked_time: i64 = 0
        self._asked: i64 = 0                # the frame that asks first
        self._sacked_from: i64 = -1         # the last report says that what begins here has arrived
        self._beyond: i64 = 0               # the frame that begins behind a hole; _beyond_fin: with nothing but the FIN
        self._beyond_fin: bool = False
        self._heard: i64 = -1               # when the receiver last gave a sign or the sender last resent
        self._last_round: i64 = 0
        self._last_wait: i64 = -1
        self._ratios: i64 = 0
        self._doubled: i64 = 0
        self._deadline: i64 = 0
        self._silent_from: i64 = -1         # with a resend and no sign before it: since when nothing new was sent

    def repairing(self) -> bool:
        """A segment was resent and is not acknowledged yet."""
        return self.state == OPEN and self.repair.segments > 0

    @property
    def missed(self) -> bool:
        """The capture does not hold all that was acknowledged."""
        return self._missed_times > 0

    def since(self) -> i64:
        """When the resends began that are not acknowledged yet, -1 for none."""
        return self._first_time if self.repairing() else -1

    def unanswered(self) -> i64:
        """How often the same bytes were sent again up to now without an ACK of any of them."""
        return self.repair.rounds if self.repairing() and not self.repair.partly_by else 0

    def _open(self, time: i64, frame: i64, out: list[Event]) -> None:
        if self.state == SETTLING:
            self._emit(out)
        self._reset()
        self.state = OPEN
        self._start = time
        self._cited.add(int(frame))

    # Signs.

    def jump(self, position: i64, time: i64, frame: i64, ts: i64, fin: bool, out: list[Event]) -> None:
        """A segment begins beyond the highest byte seen."""
        if len(self.holes) >= MAX_HOLES:
            self._forget(self.holes.pop(0))
        self.holes.append(Hole(self.flow.high, position, time, ts, self.flow.segments))
        if self.state != OPEN:
            self._open(time, frame, out)
        if self._beyond == 0:
            self._beyond = frame
            self._beyond_fin = fin
        self._jumped = True
        self._need = max(self._need, position)
        self._cited.add(int(frame))

    def duplicate_ack(self, time: i64, frame: i64, sack: bool, out: list[Event]) -> None:
        """The peer repeats its ACK, or reports a block beyond a hole, while data are under way."""
        flow = self.flow
        if flow.acked >= flow.high:
            return
        if self.state != OPEN:
            self._open(time, frame, out)
        self._heard = time
        if self._asked == 0:
            self._asked = frame
            self._asked_time = time
        if self.repair.segments == 0:
            if not sack or self.repair.duplicates:
                self.repair.duplicates += 1
            self._need = max(self._need, flow.acked + 1)
            if self.repair.duplicates <= DUPLICATE_THRESHOLD:
                self._cited.add(int(frame))

    def sacked(self, left: i64, largest: i64) -> None:
        """left: where the lowest block begins; largest: octets of the largest one."""
        if self.state == OPEN:
            if not self.repair.shrunk:
                self.repair.sacked_size = max(self.repair.sacked_size, int(largest))
            self._sacked_from = left
            if self.repair.segments:
                self.repair.sacked_later = True
            else:
                self.repair.sacked = True

    def duplicate_sack(self, left: i64, right: i64) -> None:
        """RFC 2883 §4: the receiver reports bytes that came to it twice."""
        if self.state == IDLE or self.repair.segments == 0 or right <= self._first_position:
            return
        if left < self._recover:
            self.repair.needless += 1
            self.repair.basis = "the receiver reports with a duplicate SACK that it had the bytes already"

    # Old bytes.

    def old(self, segment: Segment, position: i64, end: i64, ts: i64, out: list[Event]) -> i64:
        """A segment that lies below the highest byte seen: late, or sent again. How many bytes fill a hole."""
        time = i64(segment.time)
        frame = i64(segment.frame)
        self._filled = 0
        hole = self._fill(position, end)
        if hole is not None and hole.acked:
            return self._filled  # the capture shows it after its ACK: the order of the capture, not of the network
        late = segment.analysis & OUT_OF_ORDER != 0
        if hole is not None and ts >= 0 and hole.ts >= 0 and ts != hole.ts:
            late = before(ts, hole.ts)      # the sender's clock knows which was sent first
        if hole is not None and late:
            self._late += 1
            self._late_ns = max(self._late_ns, time - hole.time)
            self._overtaken = max(self._overtaken, self.flow.segments - hole.after)
            self._late_cited.add(segment.frame)
            self._cited.add(int(frame))
            return self._filled
        if self.state == IDLE or (self.state == SETTLING and position >= self._recover):
            self._open(time, frame, out)
        self._resent(segment, position, end, ts, hole is not None)
        return self._filled

    def _resent(self, segment: Segment, position: i64, end: i64, ts: i64, fresh: bool) -> None:
        repair = self.repair
        time = i64(segment.time)
        bits = i64(segment.analysis)
        if repair.segments == 0:
            repair.frame = segment.frame
            repair.seq = segment.seq
            repair.waited_ns = segment.rto_ns
            repair.longest_ns = segment.rto_ns
            repair.tail = end == self.flow.high
            repair.fin = segment.length == 0
            repair.size = segment.length
            repair.passed = int(self.flow.acked_size)
            repair.rest = int(self.flow.high - end)
            repair.stamped = ts >= 0
            self._first_position = position
            self._first_time = time
            self._first_ts = ts
            self._last_wait = i64(segment.rto_ns)
            self._recover = self.flow.high
            if not self._asked and segment.rto_ns >= 0:
                self._silent_from = max(time - i64(segment.rto_ns), self.flow.last_data_time)
            if self._heard >= 0:
                repair.since_sign_ns = int(time - self._heard)
        self._silence(time)
        if position == self._first_position:
            if repair.rounds:
                self._round(time - self._last_round)
            repair.rounds += 1
            self._last_round = time
            self._size(segment)
        repair.last_ns = segment.time
        repair.last_size = segment.length
        repair.segments += 1
        repair.octets += segment.length
        repair.fresh += 1 if fresh else 0
        if bits & SPURIOUS_RETRANSMISSION:
            repair.needless += 1
            repair.basis = "the capture shows an earlier ACK for these bytes"
            if self.state == OPEN and self.flow.acked >= self._recover:
                repair.repaired = True
                repair.answered_ns = 0
                self._settle(time)
        if bits & FAST_RETRANSMISSION:
            self._fast = True
        self._cited.add(segment.frame)

    def _size(self, segment: Segment) -> None:
        """The first segment once more, whole or in smaller pieces (RFC 4821 §7.6: what a sender does that suspects the
        size)."""
        repair = self.repair
        if segment.length >= repair.size:
            repair.failed += 0 if repair.shrunk else 1
        elif segment.length > 0 and not repair.shrunk:
            repair.shrunk = segment.length
            repair.shrunk_frame = segment.frame
            repair.shrunk_ns = segment.time

    def _silence(self, time: i64) -> None:
        """Before a resend: nothing was heard and nothing sent for so long that only the timer can have sent it."""
        repair = self.repair
        if self._heard >= 0:
            silence = time - self._heard
            waited = max(silence, i64(repair.waited_ns)) if repair.segments == 0 else silence
            if silence > self._prompt_ns() and waited >= LEAST_TIMEOUT_NS:
                repair.timers += 1
                repair.silent_ns = max(repair.silent_ns, int(silence))
        self._heard = time

    def _prompt_ns(self) -> i64:
        """Within this time of its sign comes what the sign called for, wherever the capture was taken."""
        rtt = max(self.rtt, self.flow.rtt_min)
        return 2 * rtt + PROMPT_NS if rtt >= 0 else LEAST_TIMEOUT_NS

    def _round(self, wait: i64) -> None:
        """The same bytes again: does the wait double (RFC 6298 §5.5)?"""
        self.repair.longest_ns = max(self.repair.longest_ns, int(wait))
        if self._last_wait > 0:
            self._ratios += 1
            if doubled(self._last_wait, wait):
                self._doubled += 1
        self._last_wait = wait

    def missing(self, position: i64, end: i64) -> bool:
        """Do these bytes lie in a hole?"""
        index = self._behind(position)
        return index < len(self.holes) and end > self.holes[index].start

    def _behind(self, position: i64) -> i64:
        """The first hole that ends behind it: they lie in the order of the stream."""
        low: i64 = 0
        high: i64 = len(self.holes)
        while low < high:
            middle = (low + high) >> 1
            if self.holes[middle].end > position:
                high = middle
            else:
                low = middle + 1
        return low

    def _fill(self, position: i64, end: i64) -> Hole | None:
        """Take [position, end) out of the holes; the first hole that it touched, or None."""
        touched: Hole | None = None
        index = self._behind(position)
        while index < len(self.holes) and self.holes[index].start < end:
            hole = self.holes[index]
            if touched is None:
                touched = Hole(hole.start, hole.end, hole.time, hole.ts, hole.after)
                touched.acked = hole.acked
            self._filled += min(end, hole.end) - max(position, hole.start)
            if position <= hole.start and end >= hole.end:
                self.holes.pop(index)
                continue
            if position <= hole.start:
                hole.start = end
            elif end >= hole.end:
                hole.end = position
            else:
                rest = Hole(end, hole.end, hole.time, hole.ts, hole.after)
                rest.acked = hole.acked
                hole.end = position
                if len(self.holes) < MAX_HOLES:
                    self.holes.insert(index + 1, rest)
            index += 1
        return touched

    # Acknowledgments.

    def unseen(self, end: i64, time: i64, frame: i64) -> None:
        """An ACK of bytes beyond the highest seen: they arrived without being captured."""
        if len(self.holes) >= MAX_HOLES:
            self._forget(self.holes.pop(0))
        self._acknowledge(len(self.holes), time, frame)
        hole = Hole(self.flow.high, end, time, -1, self.flow.segments)
        hole.acked = True
        self.holes.append(hole)
        self._note_missed(time, frame)

    def _acknowledge(self, count: i64, time: i64, frame: i64) -> None:
        """The first so many holes; those before one that was acknowledged were so with it."""
        while count > 0 and not self.holes[count - 1].acked:
            count -= 1
            self.holes[count].acked = True
            self._note_missed(time, frame)

    def _note_missed(self, time: i64, frame: i64) -> None:
        if not self._missed_times:
            self._missed_time = time
        self._missed_cited.add(int(frame))
        self._missed_times += 1

    def _forget(self, hole: Hole) -> None:
        """What was acknowledged counts as never seen; of the rest nothing is known."""
        if hole.acked:
            self._missed += hole.end - hole.start

    def acknowledged(self, time: i64, frame: i64, ts_echo: i64, out: list[Event]) -> None:
        """The cumulative ACK moved on, to flow.acked."""
        acked = self.flow.acked
        self._acknowledge(self._behind(acked), time, frame)
        if self.state != OPEN:
            return
        repair = self.repair
        if self._heard >= 0:
            self._heard = time
        if repair.segments == 0:
            if acked >= self._need:
                self._emit(out)
            return
        if self._first_ts >= 0 and ts_echo >= 0 and acked > self._first_position:
            if before(ts_echo, self._first_ts):     # RFC 3522 §3.2: the resend did not cause it
                repair.needless += 1
                repair.basis = f"#{frame} echoes a timestamp older than the resend, so an earlier copy had arrived"
            self._first_ts = -1
        if acked > self._first_position:     # a partial ACK (RFC 6582 §1): what was resent first has arrived
            repair.partly_by = int(frame)
            repair.steps += 1
            if repair.shrunk:
                repair.pieces_passed = True
            else:
                repair.large_passed = True
        if acked >= self._recover:
            repair.repaired = True
            repair.repaired_by = int(frame)
            repair.lasted_ns = int(time - self._start)
            repair.answered_ns = int(time - self._first_time)
            repair.part = self.recovery.proportional(acked, self.flow.mss)
            self._cited.add(int(frame))
            repair.whole = not self._missed_times
            if repair.step_by_step():
                repair.needless = 1
                repair.basis = f"the {repair.steps} ACKs up to #{frame} go up step by step, as they do without a hole"
            self._settle(time)

    def _settle(self, time: i64) -> None:
        self.state = SETTLING
        self._deadline = time + SETTLE_NS

    def tick(self, time: i64, out: list[Event]) -> None:
        if self.state == SETTLING and time > self._deadline:
            self._emit(out)

    def abandon(self, out: list[Event]) -> None:
        """What follows is not known: an episode that is still open is forgotten."""
        if self.state == SETTLING:
            self._emit(out)
        self.holes = [hole for hole in self.holes if hole.acked]
        self._reset()

    # Telling.

    def finish(self, how: str, time: i64, out: list[Event]) -> None:
        """The end of the telling. how: as `TcpNarrator.on_end()` has it."""
        if how == READING_ENDED:
            self.repair.within = what_is_held(how)
        if self.repairing():
            self.repair.lasted_ns = self.repair.last_ns - int(self._start)
        unrepaired = self._unrepaired(time)
        if unrepaired is not None:
            out.append(unrepaired)
            self._reset()
        if self.state != IDLE:
            self._emit(out)
        for hole in self.holes:
            if hole.acked and how != READING_ENDED:     # else what was not read may fill it
                self._missed += hole.end - hole.start
        self.holes = []
        if self._missed_times and self._missed:
            observed = TcpObserved(self._missed_time, self.flow.direction, self._missed_cited.frames(), self.sides)
            out.append(CaptureLoss(observed, self._missed, self._missed_times))
        if self._untold.episodes:
            out.append(LossSummary(self.flow.direction, self.sides, self._untold))

    def _unrepaired(self, last: i64) -> Unrepaired | None:
        """What the receiver asked for and nobody sent again, up to the last segment of the connection."""
        flow = self.flow
        repair = self.repair
        if self.state != OPEN or repair.segments or not self._asked or flow.acked >= flow.high:
            return None
        missing: i64 = -1
        if self._jumped:
            missing = 0
            for one in self.holes:
                missing += 0 if one.acked else one.end - max(one.start, flow.acked)
            if missing <= 0:
                return None     # they came late, or the capture alone missed them
        elif self._sacked_from > flow.acked:
            missing = self._sacked_from - flow.acked
        elif repair.duplicates < DUPLICATE_THRESHOLD:
            return None         # so few may have another cause
        hole = Missing(int(flow.raw(flow.acked)), int(missing))
        hole.unseen = self._jumped
        hole.beyond = int(self._beyond)
        hole.fin = self._beyond_fin
        hole.asked = int(self._asked)
        hole.duplicates = repair.duplicates
        hole.sacked = repair.sacked
        hole.watched_ns = int(max(last - self._asked_time, 0))
        return Unrepaired(TcpObserved(self._start, flow.direction, self._cited.frames(), self.sides), hole)

    def _emit(self, out: list[Event]) -> None:
        repair = self.repair
        repair.backoff = self._doubled > 0 and self._doubled >= self._ratios - 1
        event = self._event()
        if isinstance(event, Loss):
            self._book(event)
        if event is not None:
            if self._told < MAX_TOLD:
                self._told += 1
                out.append(event)
            else:
                untold = self._untold
                if untold.episodes == 0:
                    untold.time = int(self._start)
                    untold.frame = self._cited.first[0]
                untold.episodes += 1
                untold.segments += repair.segments
                untold.octets += repair.octets
                untold.lasted_ns += repair.lasted_ns
        self._reset()

    def _book(self, event: Loss) -> None:
        """How long the repair took, for the account of the time; one that was needless cost nothing by itself."""
        repair = self.repair
        if isinstance(event, SpuriousRetransmission):
            return
        since = int(self._start if self._silent_from < 0 else min(self._start, self._silent_from))
        until = int(self._start) + repair.lasted_ns if repair.repaired else repair.last_ns
        cause, confidence = FAST_REPAIR, LIKELY
        if isinstance(event, Timeout):
            waited = duration(max(repair.longest_ns, repair.silent_ns))
            cause, ground = TIMEOUT_REPAIR, f"resent after {waited} without an answer"
        elif isinstance(event, FastRetransmit):
            ground = "duplicate ACKs or SACK, then the resend, up to the ACK that covers it"
        elif isinstance(event, TailLossProbe):
            cause, confidence, ground = TIMEOUT_REPAIR, POSSIBLE, "the last segment was sent again as a probe"
        else:
            confidence, ground = POSSIBLE, "sent again sooner than a timer would have"
        self.ledger.stopped(since, until, cause, self._cited.frames(), confidence, ground)

    def _prompt(self) -> bool:
        """Signs from the receiver called for the first resend, rather than a timer."""
        repair = self.repair
        if repair.since_sign_ns > self._prompt_ns():
            return False
        if repair.duplicates >= DUPLICATE_THRESHOLD or (self._fast and repair.duplicates):
            return True
        # RFC 6675 §5 and RFC 8985 §6 need fewer duplicates, but act within about a round trip.
        return repair.sacked and repair.waited_ns < 2 * LEAST_TIMEOUT_NS

    def _event(self) -> Event | None:
        repair = self.repair
        observed = TcpObserved(self._start, self.flow.direction, self._cited.frames(), self.sides)
        if repair.segments == 0:
            if self._late:
                late = LateArrivals(self._late, self._late_ns, self._late_cited.frames(), self._overtaken)
                return Reordering(observed, repair.duplicates, late)
            if not self._jumped and (repair.duplicates > 1 or repair.sacked):
                return Reordering(observed, repair.duplicates, None)
            return None
        if repair.needless >= repair.segments or (repair.needless and repair.rounds == repair.segments):
            return SpuriousRetransmission(observed, repair)
        repair.prompt = self._prompt()
        if repair.timers:
            return Timeout(observed, repair)
        if repair.prompt:
            return FastRetransmit(observed, repair)
        if repair.longest_ns >= LEAST_TIMEOUT_NS:
            return Timeout(observed, repair)
        rtt = self.flow.rtt_min
        if repair.tail and rtt >= 0 and repair.waited_ns >= max(rtt, LEAST_PROBE_NS) and repair.duplicates == 0:
            return TailLossProbe(observed, repair)
        return Loss(observed, repair)
