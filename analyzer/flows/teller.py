"""One conversation while it is read: what its packets mean, for TCP itself and for whoever reads its bytes."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.flows.checksums import ChecksumWatch
from analyzer.flows.flow import SAW_SYN, SAW_SYN_ACK
from analyzer.flows.others import quoted_key
from analyzer.flows.passes import Passes
from analyzer.flows.points import add_points
from analyzer.flows.reassembly import Piece, WaitingRoom
from analyzer.flows.router import Router
from analyzer.flows.streams import Streams
from analyzer.flows.table import FlowTable
from analyzer.graph import MAX_DATAGRAMS
from analyzer.model import Carriage, Points
from analyzer.packet import ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.datagrams import EPHEMERAL, AnswerWatch, DatagramAnswers
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event, Evidence, Observed
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap, Overlap
from dissectors.kit.observation import (
    ALWAYS,
    CAPTURE_ENDED,
    CUT,
    NOT_CAPTURED,
    NOT_READ,
    OBSERVED_ENDED,
    READING_ENDED,
    beyond,
    what_ended,
    what_is_held,
)
from dissectors.kit.octets import be16, be32
from dissectors.kit.protocol import Context, Protocol
from dissectors.kit.units import size
from dissectors.protocols.icmp import IcmpError, error_event
from dissectors.protocols.tcp.events import CLIENT_SERVER
from dissectors.protocols.tcp.flags import ACK, FIN, RST, SYN
from dissectors.protocols.tcp.narrator import TcpNarrator
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.side import MASK, SCALE_UNKNOWN

UDP_HEADER = 8
FEW_HOPS: Final[i64] = 31           # of a packet that is meant to die on the way; systems begin with 32 at the least
MAX_PROBES = 256        # such packets of a conversation
QUOTED = 8              # octets of a transport header that every error quotes (RFC 792)
ALONE = 16              # frames of one direction after which the other one is taken for not captured
ETHERNET = 1            # LINKTYPE_ETHERNET: the sender's address is octets 6 to 11 (IEEE 802.3 §3.1.1)
LINK_HEADER = 22        # with two VLAN tags; what lies deeper is in a tunnel, whose ends are not the connection's


class Teller:
    """Turns the packets of one conversation into events, in the order in which they were captured.

    context.each_pdu: only what the protocols above the transport say is wanted; TCP itself is not told.
    points: where the segments are drawn, of each direction, [] for nowhere.
    datagrams: where each packet that is drawn and is no point of a graph is noted: all but TCP, and RSTs without ACK;
    of each direction, [] for nowhere.
    carriage: where it is noted what lies in which frame; None for nowhere.
    room: for what waits behind holes, shared with other conversations.
    checks: who verifies checksums; None where nobody does.
    """

    def __init__(
        self, number: int, protocols: tuple[Protocol, ...], context: Context, room: WaitingRoom | None = None
    ) -> None:
        self.number = number
        self.context = context
        self.observed = context.observed
        self.router = Router(protocols, context, number)
        self.streams = Streams(room)
        self.points: list[Points] = []
        self.datagrams: list[list[tuple[int, int, int]]] = []
        self.carriage: Carriage | None = None
        self.reset: Close | None = None      # a RST that ended the connection
        self.reset_by = NEITHER
        self.unread = ""                     # what its number says is missing before it
        self.ended = [False, False]          # by a FIN
        self.ahead: list[i64] = [0, 0]       # octets that are acknowledged and did not come
        self.acknowledges = [False, False]   # something of the other side
        self.delivered = [-1, -1]            # when the last octets of each stream were sent
        self.begun: bool = False
        self.next_hops = [b"", b""]          # to which station of an Ethernet the first packet of each direction went
        # Packets with a small hop limit, by the octets that an error quotes of them: the limit and when they were sent.
        self.probes: dict[bytes, tuple[i64, i64]] = {}
        self.passes = [Passes(), Passes()]   # of packets that come round again
        self.checks = None if context.each_pdu else ChecksumWatch()
        self.answers = AnswerWatch()         # of datagrams whose protocol nobody knows
        self.narrator: TcpNarrator | None = None
        if context.transport == "tcp" and not context.each_pdu:
            self.narrator = TcpNarrator()

    def take(self, packet: Packet, table: FlowTable, direction: int, extra: i64 = 0) -> list[Event]:
        """The packet that belongs to this conversation, or an ICMP error that quotes it.

        table: which has just seen the packet, with details. direction: as this conversation counts them.
        extra: analysis flags that the table cannot know.
        """
        kind = packet.kind
        observed = self.observed
        half = table.half
        if not self.begun:
            self.begun = True
            if kind == TCP and half is not None and not (half.marks | half.peer.marks) & (SAW_SYN | SAW_SYN_ACK):
                observed.began_before(int(packet.time), int(packet.number))
                self.context.midstream = True
        if observed.first_ns[direction] < 0 and packet.link == ETHERNET and packet.base >= 0:
            if packet.network - packet.base <= LINK_HEADER and packet.ip_version:
                self.next_hops[direction] = packet.data[packet.base:packet.base + 6]
        observed.saw(direction, packet.time, packet.number)
        if packet.ip_version and not self.context.each_pdu and self.passes[direction].again(packet):
            return []       # the same packet, further on its way
        if packet.ttl <= FEW_HOPS and packet.ip_version and len(self.probes) < MAX_PROBES:
            self.probes[packet.data[packet.transport:packet.transport + QUOTED]] = (packet.ttl, packet.time)
        if self.checks is not None:
            self._check(self.checks, packet, table, direction)
        events: list[Event] = []
        if kind == TCP:
            events = self._segment(packet, table, direction, extra)
        elif kind == UDP:
            events = self._datagram(packet, direction)
        elif kind in (ICMP, ICMPV6):
            events = self._icmp(packet, direction)
        for event in events:
            event.conversation = self.number
            event.marks = self.context.marks
        return events

    def _check(self, checks: ChecksumWatch, packet: Packet, table: FlowTable, direction: int) -> None:
        if packet.kind == TCP:
            if table.half is not None:
                checks.segment(packet, table, direction)
        elif packet.kind in (UDP, ICMP, ICMPV6):
            checks.datagram(packet, direction)

    def quoted(self, packet: Packet, forward: bytes) -> list[Event]:
        """An ICMP error that quotes a packet of this conversation. forward: the key of its originator."""
        direction = BACKWARD if forward.startswith(quoted_key(packet)) else FORWARD
        if self.checks is not None:
            self.checks.answered(1 - direction)
        self._note(packet, direction, packet.end - packet.transport)
        observed = Observed(int(packet.time), direction, Evidence((int(packet.number),)))
        message = packet.behind(packet.transport)
        error = error_event(observed, int(packet.ip_version), message, address_text(packet.source()))
        if error is None:
            return []
        if self.context.transport in ("icmp", "icmpv6"):
            self.router.datagram(icmp_datagram(packet, direction))    # which request of it that answers
        error.conversation = self.number
        error.marks = self.context.marks
        self._sent(error, packet)
        return [error]

    def _sent(self, error: IcmpError, packet: Packet) -> None:
        """With which hop limit the packet that it quotes was sent, where that is small on purpose."""
        at = packet.quoted_dst + (4 if packet.quoted_version == 4 else 16)
        probe = self.probes.get(packet.data[at:at + QUOTED])
        if probe is not None and packet.time >= probe[1]:
            error.hop, error.after_ns = int(probe[0]), int(packet.time - probe[1])

    # -- TCP -------------------------------------------------------------------------------------------

    def _segment(self, packet: Packet, table: FlowTable, direction: int, extra: i64) -> list[Event]:
        """What the narrator says of a segment, then what its bytes mean."""
        half = table.half
        if half is None:
            return []
        narrator = self.narrator
        events: list[Event] = []
        if narrator is not None:
            segment = segment_of(packet, table, direction, extra)
            if self.points:
                add_points(self.points, segment)
                if segment.flags & (RST | ACK) == RST:
                    self._note(packet, direction, 0)
            events = narrator.on_segment(segment)
        elif self.router.idle:
            return []       # nobody reads these bytes, so they need not be put in order
        number, time, flags = int(packet.number), int(packet.time), table.flags
        pieces = self.streams.segment(
            direction, half, flags, table.seq, table.ack, table.length, packet.behind(table.payload), number, time,
            packet.offset(table.payload), half.peer.frames == 0 and (half.frames > ALONE or self.context.each_pdu),
        )
        if self.carriage is not None and table.length:
            self._carried(self.carriage, packet, table, direction, pieces)
        if flags & ACK:
            self._acknowledged(1 - direction)
        for piece in pieces:
            events += self.piece(piece)
        if flags & ACK and table.length == 0 and not flags & RST:
            self.acknowledges[direction] = True
        if flags & RST:
            if self.reset is None:
                self.reset = Close(number, time, NEITHER, "rst")
                self.reset_by = direction
                self._before_reset(packet, direction, int(self.streams.missing(direction, table.seq)))
        elif table.length and self.reset is not None:
            self.reset = None   # the connection went on: the reset was not accepted (RFC 5961 §3.2)
            if direction == self.reset_by:
                self.observed.forget(self.unread)
        if flags & FIN:
            self.ended[direction] = True
            end = self.streams.ends_at(direction, (table.seq + table.length) & MASK)
            events += self.router.close(Close(number, time, direction, "fin", position=end))
        return events

    def _acknowledged(self, direction: int) -> None:
        """What the other side has of this direction, and the capture has not (a FIN counts as one octet)."""
        stream = self.streams.backward if direction else self.streams.forward
        ahead: i64 = stream.acked - stream.position
        if self.ended[direction]:
            ahead -= 1
        if ahead <= 0 or not stream.started:
            ahead = 0
        if ahead != self.ahead[direction]:
            self.ahead[direction] = ahead
            self.observed.unseen[direction] = int(ahead)

    def _carried(
        self, carriage: Carriage, packet: Packet, table: FlowTable, direction: int, pieces: list[Piece]
    ) -> None:
        """Note where in its stream the payload of this segment lies, also where its bytes came before."""
        half = table.half
        if half is None:
            return
        number, offset = int(packet.number), int(packet.offset(table.payload))
        at = int((table.seq - half.base_seq) & MASK) + (1 if table.flags & SYN else 0)
        for piece in pieces:
            if isinstance(piece, Chunk):
                carriage.deliver(piece.direction, piece.position, piece.data)
                if piece.frame == number and piece.direction == direction and piece.offset >= 0:
                    carriage.shifts[direction] = piece.position - (piece.offset - offset) - at
        octets = int(packet.end - table.payload)
        carriage.payload(number, direction, at + carriage.shifts[direction], offset, octets)

    def piece(self, piece: Piece) -> list[Event]:
        """What reassembly brings."""
        narrator = self.narrator
        events: list[Event] = []
        if isinstance(piece, Gap):
            self._missed(piece)
        if narrator is not None:
            if isinstance(piece, Gap):
                events = narrator.on_gap(piece)
            elif isinstance(piece, Overlap):
                events = narrator.on_conflict(piece, "first")
        if isinstance(piece, Chunk):
            self.delivered[piece.direction] = piece.time
        return events + self.router.piece(piece)

    def _missed(self, gap: Gap) -> None:
        """Octets of a stream that nobody can read: they were sent after the last that came before them.

        Of those that the snap length cut off it is known when they came, so they hide no time (`timeline/account.py`).
        """
        kind = CUT if gap.cut else NOT_READ if gap.unheld else NOT_CAPTURED
        self.observed.miss(
            kind, gap.direction, self.delivered[gap.direction], gap.time, gap.frame,
            f"{size(gap.length)} of this direction are {'not put in order' if gap.unheld else 'not in the capture'}",
        )

    def _before_reset(self, packet: Packet, direction: int, octets: int) -> None:
        """A reset stands where its sender's octets end (RFC 9293 §3.10.7.4); a FIN before it takes a number too."""
        octets -= self.ended[direction]
        if octets > 0:
            self.unread = f"{size(octets)} before the reset are not in the capture"
            self.observed.miss(
                NOT_CAPTURED, direction, self.delivered[direction], int(packet.time), int(packet.number), self.unread
            )

    # -- everything else -------------------------------------------------------------------------------

    def _note(self, packet: Packet, direction: int, octets: i64) -> None:
        """A packet to draw."""
        if self.datagrams:
            sent = self.datagrams[direction]
            if len(sent) < MAX_DATAGRAMS:
                sent.append((int(packet.time), int(octets), int(packet.number)))

    def _datagram(self, packet: Packet, direction: int) -> list[Event]:
        at = packet.transport + UDP_HEADER
        if at > packet.end:
            return []
        if self.carriage is not None:
            self.carriage.payload(
                int(packet.number), direction, -1, int(packet.offset(at)), int(packet.end - at)
            )
        self._note(packet, direction, max(packet.true_end - at, 0))
        events = self.router.datagram(Datagram(
            int(packet.number), int(packet.time), direction, packet.data[at:packet.end],
            int(max(packet.true_end - at, 0)), int(packet.offset(at)), int(packet.sport), int(packet.dport), 0,
            packet.source(), to_all(packet),
        ))
        if not self.router.protocol and not self.context.each_pdu:
            self.answers.take(direction, packet.time, packet.number)
        return events

    def _icmp(self, packet: Packet, direction: int) -> list[Event]:
        self._note(packet, direction, packet.end - packet.transport)
        events = self.router.datagram(icmp_datagram(packet, direction))
        if packet.quoted_kind in (ICMP, ICMPV6):
            size = packet.size()
            sender = packet.source()
            ends = packet.data[packet.quoted_src:packet.quoted_src + size], packet.data[
                packet.quoted_dst:packet.quoted_dst + size
            ]
            if ends == (packet.destination(), sender):      # about an echo of this conversation
                seen = Observed(int(packet.time), direction, Evidence((int(packet.number),)))
                error = error_event(seen, int(packet.ip_version), packet.behind(packet.transport), address_text(sender))
                if error is not None:
                    self._sent(error, packet)
                    return [error]
        return events

    # -- ends ------------------------------------------------------------------------------------------

    def skipped(self) -> list[Event]:
        """Frames of this conversation were left out: begin anew with the next."""
        self.streams.resume()
        time, frame = self.observed.end
        self.observed.miss(NOT_READ, NEITHER, time, ALWAYS, frame, f"what comes after #{frame} was not read one by one")
        events = self.router.skip(Close(frame, time, NEITHER, "unread"))
        if self.narrator is not None:
            events += self.narrator.on_skip()
        return self._said(events)

    def finish(self, frame: int, time: int, how: str) -> list[Event]:
        """The telling ends. how: "capture", or "reading" where somebody interrupted it; while a capture goes on,
        "idle", "reused" (its ports begin a new one) or "capacity" (more are open at once than are followed)."""
        events: list[Event] = []
        last, at = self.observed.end
        if at == 0:
            last, at = time, frame
        # What was not read may fill the holes that are left, so that nothing is said of what waits behind them.
        for piece in [] if how == READING_ENDED else self.streams.finish(at, last):
            # What nobody acknowledged never arrived: a hole in the stream, and none in what was observed of it.
            if isinstance(piece, Gap) and not self.observed.frames[1 - piece.direction]:
                self._missed(piece)
            events += self.router.piece(piece)
        for direction in (FORWARD, BACKWARD):
            unseen = self.observed.unseen[direction]
            if unseen:
                self.observed.miss(
                    beyond(how), direction, self.delivered[direction], last, at,
                    f"{size(unseen)} of this direction are acknowledged and not in {what_is_held(how)}",
                )
        silent = how in ("idle", "reused")
        if how in OBSERVED_ENDED:
            self._unended(time, frame, how)
        over = READING_ENDED if how == READING_ENDED else CAPTURE_ENDED
        events += self.router.close(self.reset or Close(at, last, NEITHER, "timeout" if silent else over, until=time))
        for direction in (FORWARD, BACKWARD):
            passes = self.passes[direction]
            events += passes.told(direction)
            if self.checks is not None:
                sides = CLIENT_SERVER if self.narrator is None else self.narrator.sides
                events += self.checks.told(direction, sides)
            if passes.pairs and self.narrator is not None:
                self.narrator.copied(direction, int(passes.pairs), int(passes.pair_time), passes.pair_cited)
        if self.narrator is not None:
            events += self.narrator.on_end(how, time)
        elif not self.router.protocol and not self.context.each_pdu and self._asked_by_originator():
            events.append(DatagramAnswers(self.answers))
        return self._said(events)

    def _asked_by_originator(self) -> bool:
        """Datagrams take turns, and the ports say which side serves."""
        ports = self.context.responder_port < EPHEMERAL <= self.context.originator_port
        return ports and self.answers.paired()

    def _unended(self, time: int, frame: int, how: str) -> None:
        """What may come after the last frame that was read, in directions that were not seen to end."""
        observed = self.observed
        for direction in (FORWARD, BACKWARD):
            if self.acknowledges[direction] and not observed.frames[1 - direction]:
                observed.miss(
                    NOT_CAPTURED, 1 - direction, -1, ALWAYS, observed.last_frame[direction],
                    "the capture holds only the other direction, which acknowledges what is not there",
                )
        if self.reset is None:
            for direction in (FORWARD, BACKWARD):
                if not self.ended[direction]:
                    observed.miss(beyond(how), direction, time, ALWAYS, frame, f"{what_ended(how)} ends before it")

    def _said(self, events: list[Event]) -> list[Event]:
        for event in events:
            event.conversation = self.number
            event.marks = self.context.marks
        return events


def to_all(packet: Packet) -> bool:
    """Whether it went to everybody on the link, or to a group (RFC 919 §7, RFC 1112 §4, RFC 4291 §2.7)."""
    first = i64(packet.data[packet.dst])
    return first == 0xFF or (packet.ip_version == 4 and (first >= 224 or packet.data[packet.dst + 3] == 0xFF))


def icmp_datagram(packet: Packet, direction: int) -> Datagram:
    """An ICMP message, from its header on."""
    at = packet.transport
    return Datagram(
        int(packet.number), int(packet.time), direction, packet.behind(at), int(max(packet.true_end - at, 0)),
        int(packet.offset(at)),
    )


def segment_of(packet: Packet, table: FlowTable, direction: int, extra: i64) -> Segment:
    """The segment that the table has just seen, as the narrator takes it."""
    half = table.half
    assert half is not None
    detail = table.detail
    segment = Segment(
        packet.number, packet.time, direction, table.flags, table.seq, table.ack, table.window, table.length
    )
    segment.captured = max(packet.end - table.payload, 0)
    options = packet.transport + 20
    segment.options = packet.data[options:max(options, min(table.payload, packet.end))]
    segment.offset = packet.offset(table.payload)
    segment.ttl = packet.ttl
    if packet.ip_version == 4:
        segment.ip_id = be16(packet.data, packet.network + 4)
    if packet.link == ETHERNET and packet.base >= 0 and packet.network - packet.base <= LINK_HEADER:
        at = packet.base + 6
        segment.station = be16(packet.data, at) << 32 | be32(packet.data, at + 2)
    segment.ip_ecn = packet.ecn
    segment.wire_length = packet.length
    segment.relative_seq = (table.seq - half.base_seq) & MASK
    segment.relative_ack = (table.ack - half.peer.base_seq) & MASK
    if half.scale > 0 and not table.flags & 2:
        segment.window_bytes = table.window << half.scale
    segment.scale_known = half.scale != SCALE_UNKNOWN
    segment.analysis = table.bits | extra
    segment.bytes_in_flight = detail.bytes_in_flight
    segment.ack_rtt_ns = detail.ack_rtt_ns
    segment.acked_frame = detail.acked_frame
    segment.rto_ns = detail.rto_ns
    segment.rto_frame = detail.rto_frame
    segment.duplicate_number = detail.duplicate_number
    segment.duplicate_of = detail.duplicate_of
    if half.flow.hand.initial_rtt:
        segment.initial_rtt_ns = half.flow.hand.initial_rtt
    return segment
