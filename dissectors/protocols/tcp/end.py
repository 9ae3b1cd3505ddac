"""Everything that the narrator keeps of one direction, and how it knows a packet that came twice."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.course import Course
from dissectors.kit.event import Event
from dissectors.protocols.tcp.episodes import IDLE, LossWatch
from dissectors.protocols.tcp.events import MAX_FRAMES
from dissectors.protocols.tcp.events_teardown import Unanswered
from dissectors.protocols.tcp.flags import RST
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.handshake import HandshakeWatch
from dissectors.protocols.tcp.holes import before
from dissectors.protocols.tcp.hops import HopWatch
from dissectors.protocols.tcp.ledger import Ledger
from dissectors.protocols.tcp.limits import LimitWatch
from dissectors.protocols.tcp.nagle import NagleWatch
from dissectors.protocols.tcp.options import parse
from dissectors.protocols.tcp.reset_causes import ResetScene
from dissectors.protocols.tcp.sacks import SackWatch, Scoreboard
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.windows import KeepAliveWatch, WindowWatch

# A copy of a packet comes this soon, or within half a round trip: no sender can have noticed a loss by then.
COPY_NS: Final[i64] = 1_000_000
REMEMBERED: Final = 64          # segments of a direction whose IP identification is kept, to know their copies by

# Where all but this part of the round trip is seen between data and their ACK, the capture was taken at their sender.
NEAR: Final[i64] = 8
MAX_STATIONS: Final = 4     # addresses on the link that are remembered of one side


class OldStamps:
    """Segments that the receiver answered with the same ACK as before, where they carry a timestamp that is older than
    the one it holds (RFC 7323 §5.3): how many, the last of the two values, and the frames."""

    def __init__(self) -> None:
        self.count = 0
        self.time = 0
        self.stamp = 0
        self.held = 0
        self.cited = Cited(MAX_FRAMES)


class End:
    """One end of the connection: all that is kept of the direction it sends."""

    def __init__(self, direction: int, ledger: Ledger) -> None:
        """ledger: where its watchers tell what time went to."""
        self.flow = TcpDirection(direction)
        self.loss = LossWatch(self.flow, ledger)
        self.sacks = SackWatch(self.flow)
        self.window = WindowWatch(direction, ledger)
        self.keep_alive = KeepAliveWatch(direction)
        self.limit = LimitWatch(self.flow, ledger)
        self.nagle = NagleWatch(direction, ledger)
        self.board = Scoreboard()
        self.course = Course()
        self.sent_octets: i64 = 0            # of payload, resends included
        self.resync: bool = False            # segments were left out; the next one says where the stream is
        self.sent_seq: i64 = -1              # of the last segment with data, SYN or FIN
        self.sent_ack: i64 = 0
        self.sent_length: i64 = 0
        self.sent_window: i64 = 0
        self.sent_time: i64 = 0
        self.sent_options = b""
        self.sent_ident: i64 = 0
        self.numbers: bool = False           # its packets have an IP identification each (RFC 6864 §4.1)
        self.recent: list[int] = [-1] * REMEMBERED     # IP identification and sequence number of the last segments
        self.next: i64 = 0
        self.copies = Cited(MAX_FRAMES)
        self.copy_count: i64 = 0
        self.copy_time: i64 = 0
        self.copies_reported: i64 = 0        # by duplicate SACKs
        self.marked: i64 = 0                 # CE on its packets
        self.echoes: i64 = 0                 # ECE of the peer about its packets
        self.reduced: i64 = 0                # CWR of its own
        self.mark_time: i64 = -1
        self.marks = Cited(MAX_FRAMES)
        self.old_stamps = OldStamps()
        self.hops = HopWatch(direction)

    def name(self, sides: tuple[str, str]) -> None:
        self.loss.sides = sides
        self.sacks.sides = sides
        self.window.sides = sides
        self.keep_alive.sides = sides
        self.limit.sides = sides
        self.nagle.sides = sides
        self.hops.sides = sides

    def copied(self, time: int, frame: int) -> None:
        """A packet that is the same as one before."""
        if self.copy_count == 0:
            self.copy_time = i64(time)
        self.copy_count += 1
        self.copies.add(frame)

    def note_last(self, segment: Segment) -> None:
        """What the next ones are held against."""
        flow = self.flow
        flow.last_time = i64(segment.time)
        flow.last_frame = i64(segment.frame)
        flow.segments += 1
        ident = i64(segment.ip_id)
        if segment.flags & RST == 0:    # which may be of another machine
            flow.last_options = segment.options
            flow.options_time = flow.last_time
            if ident - flow.last_ip_id == 1:
                flow.counted += 1
        flow.last_ip_id = ident
        flow.last_window = i64(segment.window)
        if segment.flags & RST:
            return
        self.hops.take(segment)
        ttl = i64(segment.ttl)
        if ttl < flow.ttl_low or flow.ttl_low < 0:
            flow.ttl_low = ttl
        flow.ttl_high = max(flow.ttl_high, ttl)
        stations = flow.stations
        if segment.station >= 0 and (not stations or stations[-1] != segment.station) and len(stations) < MAX_STATIONS:
            stations.append(segment.station)

    def scene(self, segment: Segment, peer: End, handshake: HandshakeWatch) -> ResetScene:
        """What came before a RST of this side."""
        scene = ResetScene(segment, handshake.sides, self.flow, peer.flow, not handshake.established)
        scene.gave_up = int(self.loss.unanswered())
        scene.gave_up_since = self.loss.since()
        scene.keep_alives = self.keep_alive.exchange.unanswered
        scene.keep_alives_since = i64(self.keep_alive.exchange.start)
        scene.window = self.window.window
        scene.largest = self.window.largest
        scene.rtt = handshake.halves[segment.direction]
        measured = peer.flow.rtt_min
        if measured >= 0 and (scene.rtt < 0 or measured < scene.rtt):
            scene.rtt = measured
        return scene

    def unanswered(self, peer: TcpDirection) -> Unanswered:
        """What it sent again in vain, up to now."""
        since = self.loss.since()
        heard = peer.last_frame if since >= 0 and peer.last_time > since else 0
        repair = self.loss.repair
        fin = repair.fin and not repair.octets
        return Unanswered(int(self.loss.unanswered()), int(since), int(heard), fin=fin, silence=int(self.flow.silence))

    def limit_of(self, receiver: WindowWatch) -> i64:
        """Up to which position it may send, by the window of the other side; -1 where that is not known."""
        if receiver.edge >= 0 or receiver.window < 0 or receiver.raw:
            return receiver.edge
        return self.flow.acked + receiver.window    # of its SYN, which is not scaled (RFC 7323 §2.2)

    def trace(self, time: i64, receiver: WindowWatch) -> None:
        """Something came that may have changed what it has sent or may send. A FIN counts as a byte, and is none."""
        if self.sent_octets == 0:
            return      # nothing of it is to be drawn yet
        flow = self.flow
        fin: i64 = 1 if flow.fin_end >= 0 and flow.high >= flow.fin_end else 0
        sent = flow.high - fin
        acked = min(flow.acked, sent)
        self.board.acknowledged(acked)
        sacked = min(self.board.octets, sent - acked)
        self.course.sample(time, self.sent_octets, sent, acked, sacked, self.limit_of(receiver))

    def repairs(self, frame: i64, octets: i64, fresh: bool) -> None:
        """Data that are sent while something is repaired; fresh: for the first time."""
        rtt = self.loss.rtt
        if rtt <= 0 or self.flow.rtt_min < rtt - rtt // NEAR:
            return      # elsewhere it is not known what the sender knew
        repair = self.loss.repair
        self.loss.recovery.sent(self.flow.acked + self.board.octets, octets)
        if fresh and repair.partly_by and not repair.went_on:
            repair.went_on = int(frame)

    def mark(self, time: int, frame: int) -> None:
        if self.mark_time < 0:
            self.mark_time = i64(time)
        self.marks.add(frame)

    def note_sent(self, segment: Segment) -> None:
        """The numbers of a segment with data, SYN or FIN, to know its copy by."""
        self.sent_seq = i64(segment.seq)
        self.sent_ack = i64(segment.ack)
        self.sent_length = i64(segment.length)
        self.sent_octets += self.sent_length
        self.sent_window = i64(segment.window)
        self.sent_time = i64(segment.time)
        self.sent_options = segment.options
        ident = i64(segment.ip_id)
        if ident > 0:
            self.numbers = self.numbers or (self.sent_ident > 0 and self.sent_ident != ident)
            self.recent[self.next] = ident << 32 | self.sent_seq
            self.next = (self.next + 1) % REMEMBERED
        self.sent_ident = ident

    def refused(self, answer: Segment) -> None:
        """A duplicate ACK of the peer: is it for the last segment, because of that one's timestamp?

        Not for a hole: the segment begins just where the ACK says that the next byte is missing.
        """
        if self.sent_length == 0 or i64(answer.ack) != self.sent_seq or answer.length:
            return
        stamp, held = parse(self.sent_options).ts_value, parse(answer.options).ts_echo
        if stamp < 0 or held < 0 or not before(i64(stamp), i64(held)):
            return
        old = self.old_stamps
        if old.count == 0:
            old.time = answer.time
        old.count += 1
        old.stamp = stamp
        old.held = held
        old.cited.add(answer.frame)

    def copy(self, segment: Segment, rtt: i64) -> bool:
        """The same segment again, with the same IP identification, or, without one, so soon and so alike that it looks
        like a copy; then it is counted."""
        ident = i64(segment.ip_id)
        if ident > 0 and self.numbers:
            if (ident << 32 | i64(segment.seq)) not in self.recent:
                return False
            self.copied(segment.time, segment.frame)
            return True
        if (
            i64(segment.seq) != self.sent_seq or i64(segment.ack) != self.sent_ack
            or i64(segment.length) != self.sent_length or i64(segment.window) != self.sent_window
            or segment.options != self.sent_options or self.loss.repair.duplicates
            or i64(segment.time) - self.sent_time >= max(COPY_NS, rtt // 2)
        ):
            return False
        self.copied(segment.time, segment.frame)
        return True

    def stale(self, segment: Segment, position: i64, stamp: i64, rtt: i64) -> bool:
        """Bytes seen before, with a timestamp no newer than the last one and no sign of loss: a copy of the first
        sending, since a resend would carry the sender's clock of now (RFC 7323 §3.2); then it is counted."""
        if segment.ip_id > 0 and self.numbers:
            return False        # a packet of its own
        if stamp < 0 or self.loss.state != IDLE or self.loss.missing(position, position + i64(segment.length)):
            return False
        last = i64(parse(self.sent_options).ts_value)
        soon = i64(segment.time) - self.sent_time < max(COPY_NS, rtt // 2)
        if last < 0 or not (before(stamp, last) or (stamp == last and soon)):
            return False
        self.copied(segment.time, segment.frame)
        return True

    def reported(self, segment: Segment, room: i64, repeats: bool, out: list[Event]) -> None:
        """SACK blocks of the peer: a hole at the receiver, or bytes that came twice (RFC 2883 §4).

        room: the peer's largest window, -1 where its scale is not known.   repeats: the segment is a duplicate ACK.
        """
        blocks = parse(segment.options).sack
        if not blocks:
            return
        time = i64(segment.time)
        frame = i64(segment.frame)
        if self.sacks.outside(blocks, room):
            self.sacks.note(blocks, time, frame)
            return
        flow = self.flow
        loss = self.loss
        left = flow.place(blocks[0][0])
        right = flow.place(blocks[0][1])
        twice = right <= flow.acked
        if not twice and len(blocks) > 1:
            twice = left >= flow.place(blocks[1][0]) and right <= flow.place(blocks[1][1])
        for block in blocks[1:] if twice else blocks:
            self.board.take(flow.place(block[0]), flow.place(block[1]), flow.acked)
        if twice:
            if self.copy_count > self.copies_reported and loss.repair.segments == 0:
                self.copies_reported += 1
            loss.duplicate_sack(left, right)
            if len(blocks) == 1:
                return
            left = flow.place(blocks[1][0])
        if left > flow.acked:
            if not repeats:
                loss.duplicate_ack(time, frame, True, out)
            largest: i64 = 0
            for block in blocks:
                start = flow.place(block[0])
                left = start if flow.acked < start < left else left
                if start > flow.acked:
                    largest = max(largest, flow.place(block[1]) - start)
            loss.sacked(left, largest)
