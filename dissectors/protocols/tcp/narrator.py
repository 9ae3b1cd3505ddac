"""The narrator: an observer of one connection that turns segments into few, telling events.

Ordinary data in order and plain ACKs make no event; they are counted. What is out of the ordinary opens an
episode, which is told once, when it is over. All memory is bounded, whatever the length of the connection.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.account import Claim
from dissectors.kit.cited import Cited
from dissectors.kit.event import Event, LimitReached
from dissectors.kit.inputs import Gap, Overlap
from dissectors.protocols.tcp.end import End
from dissectors.protocols.tcp.episodes import IDLE, OPEN, SETTLING
from dissectors.protocols.tcp.events import CLIENT_SERVER, ORIGINATOR_RESPONDER, TcpObserved
from dissectors.protocols.tcp.events_handshake import Midstream
from dissectors.protocols.tcp.events_holes import Conflict, StreamGap
from dissectors.protocols.tcp.events_loss import OldTimestamps
from dissectors.protocols.tcp.events_transfer import CongestionMarks, Duplicates, Urgent
from dissectors.protocols.tcp.flags import (
    ACK,
    CWR,
    DUPLICATE_ACK,
    ECE,
    FIN,
    KEEP_ALIVE,
    RST,
    SYN,
    URG,
    WINDOW_FULL,
    ZERO_WINDOW_PROBE,
)
from dissectors.protocols.tcp.flow import MASK, TcpDirection
from dissectors.protocols.tcp.handshake import HandshakeWatch
from dissectors.protocols.tcp.ledger import Ledger
from dissectors.protocols.tcp.moments import Views
from dissectors.protocols.tcp.options import SACK, parse
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.states import ACKED_SYN, ESTABLISHED, NAMES, SENT_SYN, SENT_SYN_ACK, SYN_ACKED
from dissectors.protocols.tcp.teardown import TeardownWatch
from dissectors.protocols.tcp.turns import TurnWatch

CONGESTION_EXPERIENCED: Final = 3           # RFC 3168 §5
MAX_CONFLICTS: Final = 20                   # conflicts told one by one
# So far beyond the last byte seen an ACK is of other numbers, unless data come there too (RFC 9293 §3.10.7.4).
REACH: Final[i64] = 1 << 24
MAX_GAPS: Final = 100                       # gaps told one by one
# A segment without SACK carries at most timestamps, which fill 12 bytes with their padding.
PLAIN_OPTIONS: Final[i64] = 12


class TcpNarrator:
    """limits: shares of its sending time by cause, in nanoseconds, by direction.     views: how each direction went."""

    def __init__(self) -> None:
        self.sides: tuple[str, str] = CLIENT_SERVER
        self.ledger = Ledger()
        self.forward = End(0, self.ledger)
        self.backward = End(1, self.ledger)
        self.turns = TurnWatch()
        self.handshake = HandshakeWatch()
        self.teardown = TeardownWatch(self.forward.flow, self.backward.flow)
        self.midstream: bool = False
        self.one_view = True        # each packet was captured once, at one place
        self.ended: bool = False
        self.views = Views()
        self._begun: bool = False
        self._conflicts = 0
        self._gaps = 0
        self._unheld = False        # it was told that no more is held behind a hole
        self.unsure: list[int] = []     # frames before which nobody knows how much time passed, the last one first
        self._cut: list[StreamGap | None] = [None, None]    # by direction: segments that the snap length cut
        self._urgent: bool = False

    # What a report may ask for.

    @property
    def limits(self) -> list[list[tuple[str, int]]]:
        return [self.forward.limit.shares(), self.backward.limit.shares()]

    def claims(self) -> list[Claim]:
        """What the time of the connection went to, as far as its segments show, up to the last one."""
        return self.ledger.finish(self.forward.flow, self.backward.flow, self.teardown.began, self.teardown.began_frame)

    @property
    def seen_from(self) -> tuple[str, str]:
        """Where the capture was taken, and what that rests on; empty where it cannot be told."""
        return (self.handshake.seen_from, self.handshake.basis if self.handshake.seen_from else "")

    @property
    def states(self) -> tuple[str, str]:
        """The state of each end (RFC 9293 §3.3.2), as far as the frames prove it."""
        return (NAMES[self.teardown.states[0]], NAMES[self.teardown.states[1]])

    # Inputs.

    def on_segment(self, segment: Segment) -> list[Event]:
        out: list[Event] = []
        flags = i64(segment.flags)
        if segment.direction == 0:
            mine, theirs = self.forward, self.backward
        else:
            mine, theirs = self.backward, self.forward
        if not self._begun:
            self._begin(segment, flags, out)
        if self.unsure and segment.frame >= self.unsure[-1]:
            self.unsure.pop()
            self._end_run(out)
            self.turns.forget()
            self.ledger.unsure(segment, self.forward.flow, self.backward.flow)
        if not self.handshake.established and self._of_another(segment, flags, out):
            pass
        elif flags & (SYN | RST) == 0 and not self.teardown.over:
            self._segment(segment, mine, theirs, flags, out)
        elif self.teardown.over:
            self._after(segment, mine, flags)
        elif flags & RST:
            self._reset(segment, mine, theirs, out)
        else:
            self._syn(segment, mine, theirs, flags, out)
        if self.handshake.established:
            self.views.segment(segment, mine, theirs)
        mine.note_last(segment)
        return out

    def on_gap(self, gap: Gap) -> list[Event]:
        """Bytes that reassembly left out. Segments that were cut short are told together, at the end."""
        cut = self._cut[gap.direction] if gap.cut else None
        if cut is not None:
            cut.add(gap)
            return []
        if gap.cut:
            self._cut[gap.direction] = StreamGap(gap, self.sides)
            return []
        self._gaps += 1
        if self._gaps > MAX_GAPS + 1:
            return []
        if self._gaps > MAX_GAPS:
            observed = TcpObserved(gap.time, gap.direction, (gap.frame,), self.sides)
            return [LimitReached(observed, "tcp", "MAX_GAPS", MAX_GAPS)]
        found: list[Event] = [StreamGap(gap, self.sides)]
        if gap.unheld and not self._unheld:
            self._unheld = True
            observed = TcpObserved(gap.time, gap.direction, (gap.frame,), self.sides)
            found.append(LimitReached(observed, "tcp", "bytes held for reassembly", gap.unheld))
        return found

    def copied(self, direction: int, count: int, time: int, cited: Cited) -> None:
        """So many packets of this direction came by a second time, which were no segments of their own."""
        side = self.backward if direction == 1 else self.forward
        if side.copy_count == 0 or i64(time) < side.copy_time:
            side.copy_time = i64(time)
        side.copy_count += count
        side.copies.add_all(cited.frames())

    def on_conflict(self, overlap: Overlap, kept: str) -> list[Event]:
        """The same stream bytes came with other content. kept: "first" or "last", as reassembly decides."""
        self._conflicts += 1
        if self._conflicts > MAX_CONFLICTS + 1:
            return []
        if self._conflicts > MAX_CONFLICTS:
            observed = TcpObserved(overlap.time, overlap.direction, (overlap.frame,), self.sides)
            return [LimitReached(observed, "tcp", "MAX_CONFLICTS", MAX_CONFLICTS)]
        return [Conflict(overlap, self.sides, kept)]

    def on_skip(self) -> list[Event]:
        """Segments are left out here, by the analyser and not by the capture: nothing is concluded from that."""
        out: list[Event] = []
        self._end_run(out)
        for side in (self.forward, self.backward):
            side.loss.abandon(out)
            side.resync = True
        return out

    def on_end(self, how: str, time: int) -> list[Event]:
        """The telling ends. how: "closed", "idle", "capture", "reading" (interrupted), "reused" (the ports begin a new
        connection) or "capacity" (more are open at once than are followed)."""
        out: list[Event] = []
        if self.ended or not self._begun:
            return out
        self.ended = True
        last = max(self.forward.flow.last_time, self.backward.flow.last_time)    # what ended later was not seen to
        unanswered = [self.forward.unanswered(self.backward.flow), self.backward.unanswered(self.forward.flow)]
        self.turns.finish(self.sides, out)
        for cut in self._cut:
            if cut is not None:
                out.append(cut)
        for side in (self.forward, self.backward):
            side.loss.finish(how, last, out)
            side.sacks.finish(out)
            side.window.finish(last, out)
            side.keep_alive.close(out)
            side.limit.congestion.recovery = side.loss.recovery
            side.limit.congestion.course = side.course
            side.limit.finish(out, whole=self.one_view and not side.copy_count and not side.loss.missed)
            side.nagle.finish(out)
            if self.one_view and not side.copy_count:
                side.hops.finish(out)
            flow = side.flow
            if side.mark_time >= 0:
                observed = TcpObserved(side.mark_time, flow.direction, tuple(side.marks.first), self.sides)
                out.append(CongestionMarks(observed, side.marked, side.echoes, side.reduced))
            old = side.old_stamps
            if old.count:
                observed = TcpObserved(old.time, flow.direction, old.cited.frames(), self.sides)
                out.append(OldTimestamps(observed, old.count, old.stamp, old.held))
                unanswered[flow.direction].count = 0
            if side.copy_count:
                observed = TcpObserved(side.copy_time, flow.direction, tuple(side.copies.first), self.sides)
                out.append(Duplicates(observed, side.copy_count, side.copies_reported))
        heard = (self.forward.flow.segments > 0, self.backward.flow.segments > 0)
        reset_by = self.teardown.reset_by()
        told = self.handshake.finish(how, time, heard, reset_by, out) if not self.midstream else False
        self.teardown.finish(how, time, told, unanswered, out)
        return out

    # The first segment, and those with SYN or RST.

    def _begin(self, segment: Segment, flags: i64, out: list[Event]) -> None:
        self._begun = True
        if flags & SYN == 0:
            self.midstream = True
            self.ledger.midstream = True
            self.sides = ORIGINATOR_RESPONDER
            self.handshake.established = True
            self.teardown.states = [ESTABLISHED, ESTABLISHED]
            out.append(Midstream(segment, self.sides))
        elif (flags & ACK != 0) == (segment.direction == 0):
            self.sides = ("the server", "the client")
            self.ledger.client = 1
        self.forward.name(self.sides)
        self.backward.name(self.sides)
        self.handshake.sides = self.sides
        self.teardown.sides = self.sides

    def _syn(self, segment: Segment, mine: End, theirs: End, flags: i64, out: list[Event]) -> None:
        if self.handshake.established:
            if flags & ACK == 0:
                self.teardown.challenged(segment, "SYN")        # RFC 5961 §4.2
            elif not self.midstream:
                self.handshake.syn_ack(segment, out)
            return
        if mine.copy(segment, self.handshake.rtt):
            return
        mine.note_sent(segment)
        sent = self.handshake.answers if flags & ACK else self.handshake.syns
        self.ledger.opening(segment, again=sent[segment.direction].count > 0)
        flow = mine.flow
        seq = i64(segment.seq)
        length = i64(segment.length)
        if not flow.syn or flow.raw(0) != seq:
            flow.begin(seq, 0)
            flow.advance(1 + length, (seq + 1 + length) & MASK)
            flow.syn = True
        flow.meet(i64(segment.time))
        other = theirs.flow
        if flags & ACK:
            if not other.placed:
                other.begin(i64(segment.ack), 1)
            elif self.handshake.acks_syn(segment):
                acked = other.place(segment.ack)
                if 0 < acked <= other.high:
                    other.acked = max(other.acked, acked)
                    other.advance(acked, i64(segment.ack))    # data of the SYN beyond it must come again
            flow.last_ack = i64(segment.ack)
            self.teardown.take(segment.direction, SENT_SYN_ACK)
            if self.handshake.acks_syn(segment):
                self.teardown.take(1 - segment.direction, SYN_ACKED)
            mine.window.open(i64(segment.window))
            self.handshake.syn_ack(segment, out)
        else:
            self.teardown.take(segment.direction, SENT_SYN)
            self.handshake.syn(segment, out)

    def _of_another(self, segment: Segment, flags: i64, out: list[Event]) -> bool:
        """Before the connection is open: an answer with the numbers of an older one, or the RST for it."""
        if flags & (SYN | RST | ACK) == ACK:
            return self.handshake.old_answer(segment, out)
        return flags & (SYN | RST) == RST and self.handshake.reset_answer(segment, out)

    def _reset(self, segment: Segment, mine: End, theirs: End, out: list[Event]) -> None:
        handshake = self.handshake
        if not handshake.established:
            direction = segment.direction
            if handshake.syns[1 - direction].count and not handshake.answers[direction].count:
                self.ledger.opening(segment)
                handshake.refuse(segment, out)
                return
        mine.flow.meet(i64(segment.time))
        self._end_run(out)
        if theirs.keep_alive.exchange.unanswered:
            theirs.keep_alive.reset(i64(segment.frame))
        self.teardown.reset(mine.scene(segment, theirs, self.handshake), out)

    def _after(self, segment: Segment, mine: End, flags: i64) -> None:
        self.teardown.late(segment)

    # Every other segment.

    def _segment(self, segment: Segment, mine: End, theirs: End, flags: i64, out: list[Event]) -> None:
        flow = mine.flow
        other = theirs.flow
        time = i64(segment.time)
        bits = i64(segment.analysis)
        length = i64(segment.length)
        seq = i64(segment.seq)
        if flow.first_time < 0 or not other.placed:
            self._first_of(segment, flow, other, flags)
        elif not flow.placed:
            flow.begin(seq, 1)
        if mine.resync or theirs.resync:
            self._catch_up(segment, mine, theirs, flags)
        if bits or flags & (URG | ECE | CWR) or segment.ip_ecn == CONGESTION_EXPERIENCED:
            self._unusual(segment, mine, theirs, flags, bits, out)
        if theirs.keep_alive.exchange.unanswered and bits & KEEP_ALIVE == 0:
            theirs.keep_alive.answer(i64(segment.frame))    # whatever comes, it comes from somebody who is there
        if not self.handshake.established:
            self._establish(segment, flow, other, flags, out)
        elif self.handshake.clock_wanted:
            self.handshake.clock(segment, out)
        if self.teardown.awaiting():
            self.teardown.answer(segment, out)
        if self.teardown.reset_seen:
            self.teardown.after_reset(segment)
        current = True
        if flags & ACK:
            ack = i64(segment.ack)
            if ack != flow.last_ack:
                current = self._acknowledge(segment, mine, theirs, ack, out)
            if len(segment.options) >= PLAIN_OPTIONS:
                options = segment.options
                if len(options) > PLAIN_OPTIONS or i64(options[2]) == SACK:
                    known = segment.scale_known
                    room = max(mine.window.largest, i64(segment.window_bytes)) if known else i64(-1)
                    theirs.reported(segment, room, bits & DUPLICATE_ACK != 0, out)
        if mine.loss.state == SETTLING:
            mine.loss.tick(time, out)
        if theirs.loss.state == SETTLING:
            theirs.loss.tick(time, out)
        if length > 0 or flags & FIN:
            if bits & (ZERO_WINDOW_PROBE | KEEP_ALIVE) == 0:
                self._data(segment, mine, theirs, time, seq, length, flags, bits, out)
        if flags & ACK:
            mine.window.advertise(segment, other, out, current=current and segment.scale_known)
            theirs.limit.acknowledged(segment, mine.window.edge if segment.scale_known else i64(-1))

    def _catch_up(self, segment: Segment, mine: End, theirs: End, flags: i64) -> None:
        """After segments were left out: both streams are where this segment says."""
        flow = mine.flow
        if mine.resync:
            mine.resync = False
            position = flow.place(segment.seq)
            if position > flow.high:
                flow.advance(position, i64(segment.seq))
        other = theirs.flow
        if theirs.resync and flags & ACK:
            position = other.place(segment.ack)
            if position > other.high:
                other.advance(position, i64(segment.ack))
            other.acked = max(other.acked, position)

    def _first_of(self, segment: Segment, flow: TcpDirection, other: TcpDirection, flags: i64) -> None:
        flow.meet(i64(segment.time))
        if not flow.placed:
            flow.begin(i64(segment.seq), 1)
        if flags & ACK and not other.placed:
            other.begin(i64(segment.ack), 1)

    def _establish(
        self, segment: Segment, flow: TcpDirection, other: TcpDirection, flags: i64, out: list[Event]
    ) -> None:
        """Does this segment acknowledge the other side's SYN (or, unseen, its SYN-ACK)?"""
        if flags & ACK == 0 or not flow.syn:
            return
        if other.syn and other.place(segment.ack) < 1:
            return
        direction = segment.direction
        answered = self.handshake.answers[1 - direction].count or self.handshake.answers[direction].count
        if not answered and self.handshake.syns[1 - direction].count:
            return
        self.teardown.take(direction, ACKED_SYN)
        self.teardown.take(direction, SYN_ACKED)
        self.teardown.take(1 - direction, SYN_ACKED)
        self.handshake.third(segment, out)
        self.ledger.opened(segment, self.handshake.halves, known=self.handshake.one_place)
        rtt = self.handshake.rtt
        if rtt > 0:
            for end in (self.forward, self.backward):
                end.limit.rtt = rtt
                end.loss.rtt = rtt
                end.nagle.rtt = rtt

    def _acknowledge(self, segment: Segment, mine: End, theirs: End, ack: i64, out: list[Event]) -> bool:
        """The number of the ACK changed. False where it is an old one."""
        mine.flow.last_ack = ack
        mine.flow.ack_time = i64(segment.time)
        other = theirs.flow
        position = other.place(ack)
        if position <= other.acked:
            return position == other.acked
        loss = theirs.loss
        time = i64(segment.time)
        frame = i64(segment.frame)
        if position > other.high + REACH and other.seen:
            position = other.high       # no number of this stream: it says at most that all of it arrived
            if position <= other.acked:
                return False
        if position > other.high:
            # Of a byte before the first frame of a capture that begins in the middle, an ACK proves nothing.
            older = self.midstream and other.last_data_time < 0 and position - other.high <= 1
            if other.seen and other.acked > 0 and not older:
                loss.unseen(position, time, frame)
            other.advance(position, ack)
        other.acked = position
        if other.sizes:
            other.settle_sizes()
        if position == other.high and segment.length == 0:
            theirs.nagle.acknowledged(time, frame)
            self.ledger.acknowledged(1 - i64(segment.direction), time, frame)
        if segment.ack_rtt_ns >= 0:
            rtt = i64(segment.ack_rtt_ns)
            if other.rtt_min < 0 or rtt < other.rtt_min:
                other.rtt_min = rtt
            self.ledger.measured(segment, rtt)
            theirs.limit.congestion.trip(rtt)
        if loss.state == OPEN or loss.holes:
            echo = parse(segment.options).ts_echo if loss.state == OPEN else -1
            loss.acknowledged(time, frame, i64(echo), out)
        if other.fin_end >= 0 and not other.fin_acked and position >= other.fin_end:
            self.teardown.fin_acked(segment, out)
        return True

    def _unusual(
        self, segment: Segment, mine: End, theirs: End, flags: i64, bits: i64, out: list[Event]
    ) -> None:
        """Flags of the analysis that are not about data, ECN, urgent data."""
        frame = i64(segment.frame)
        time = i64(segment.time)
        if bits & DUPLICATE_ACK:
            theirs.loss.duplicate_ack(time, frame, False, out)
            theirs.refused(segment)
        if bits & (KEEP_ALIVE | ZERO_WINDOW_PROBE):
            if theirs.window.closed:
                theirs.window.probe(frame, time)
            elif bits & KEEP_ALIVE:
                last = max(mine.flow.last_time, theirs.flow.last_time)
                self.ledger.keep_alive()
                mine.keep_alive.probe(time, frame, time - last if last >= 0 else -1)
        if mine.window.closed and segment.window == 0 and segment.length == 0:
            mine.window.answer(frame)
        if segment.ip_ecn == CONGESTION_EXPERIENCED:
            mine.marked += 1
            mine.mark(segment.time, segment.frame)
        if flags & (ECE | CWR) and not self.handshake.accurate_ecn:
            if flags & ECE:
                theirs.echoes += 1
                theirs.mark(segment.time, segment.frame)
                theirs.limit.mark()
            if flags & CWR:
                mine.reduced += 1
                mine.mark(segment.time, segment.frame)
        if flags & URG and not self._urgent:
            self._urgent = True
            out.append(Urgent(segment, self.sides))

    def _data(
        self, segment: Segment, mine: End, theirs: End, time: i64, seq: i64, length: i64, flags: i64, bits: i64,
        out: list[Event],
    ) -> None:
        """Data or a FIN."""
        flow = mine.flow
        frame = i64(segment.frame)
        fin: i64 = 1 if flags & FIN else 0
        position = flow.high
        if seq != flow.high_raw:
            position = flow.place(seq)
        end = position + length + fin
        high = flow.high
        if position != high:
            stamp = i64(parse(segment.options).ts_value)
            rtt = self.handshake.rtt
            if end <= high and (mine.copy(segment, rtt) or mine.stale(segment, position, stamp, rtt)):
                return
            if position > high:
                mine.loss.jump(position, time, frame, stamp, length == 0, out)
            else:
                filled = mine.loss.old(segment, position, end, stamp, out)
                if filled > 0:
                    self.turns.data(segment, filled, self.sides, out, held=True)
        idle = flow.acked >= high
        mine.note_sent(segment)
        if mine.loss.repairing():
            mine.repairs(frame, length, end > high)
        if end > high:
            flow.advance(end, (seq + length + fin) & MASK)
            fresh = end - max(position, high) - fin
            if fresh > 0:
                self._fresh(segment, mine, theirs, time, frame, fresh, idle, bits, out)
        if fin and flow.fin_end < 0 and end >= flow.high:
            flow.fin_end = end
            flow.fin_time = time
            flow.fin_frame = frame
            self._end_run(out)
            self.teardown.fin(segment, out)

    def _fresh(
        self, segment: Segment, mine: End, theirs: End, time: i64, frame: i64, octets: i64, idle: bool, bits: i64,
        out: list[Event],
    ) -> None:
        """Bytes that were not seen before."""
        flow = mine.flow
        window = theirs.window
        repairing = mine.loss.repairing()
        if self.turns.run.direction != segment.direction and self.turns.run.turn:
            self._end_run(out)
        self.turns.data(segment, octets, self.sides, out, held=repairing or window.resuming)
        if window.resuming:
            window.resumed(time, out)
        elif window.closed:
            window.into(time, frame, flow.high - octets, flow.high)
        if mine.keep_alive.exchange.probes or theirs.keep_alive.exchange.probes:
            mine.keep_alive.close(out)
            theirs.keep_alive.close(out)
        self.ledger.data(segment.direction, time, frame)
        if idle:
            last = max(flow.last_time, theirs.flow.last_time)
            flow.silence = time - last if last >= 0 else -1
        flow.last_data_time = time
        flow.last_data_frame = frame
        flow.mss = max(flow.mss, octets)
        if octets > flow.acked_size:
            flow.note_size(flow.high, octets)
        mine.limit.data(segment, octets, congested=repairing, troubled=mine.loss.state == OPEN)
        mine.nagle.data(segment, octets, flow.high, window.limit(flow.acked), repairing=mine.loss.state != IDLE)
        theirs.nagle.interrupted()
        window.used(time, frame, flow)
        if bits & WINDOW_FULL:
            window.filled(time, frame, flow)

    def _end_run(self, out: list[Event]) -> None:
        """The turn of one side is over."""
        self.turns.close(self.sides, out)
        self.forward.limit.pause()
        self.backward.limit.pause()
        self.forward.window.end_run(out)
        self.backward.window.end_run(out)
