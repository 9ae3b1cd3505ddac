"""The second look, at the frames of the chosen conversations only: from segments and datagrams to events."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import RECORD, Flow, TcpFlow, TcpHalf, release
from analyzer.flows.reassembly import Conflict, Piece
from analyzer.flows.router import Router
from analyzer.flows.streams import Streams
from analyzer.flows.table import FlowTable, Retired
from analyzer.ingest.source import Source
from analyzer.model import Account, Carriage, Conversation, Points, Series
from analyzer.packets.address import address_text
from analyzer.packets.decode import Decoder
from analyzer.packets.packet import ICMP, ICMPV6, TCP, UDP, Packet
from analyzer.pipeline.graphs import add_points
from analyzer.pipeline.others import quoted_key
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.marks import Marks
from dissectors.kit.protocol import Context, Protocol
from dissectors.kit.provided import NOTHING, Provided
from dissectors.kit.units import plural
from dissectors.protocols.icmp import error_event
from dissectors.protocols.tcp.flags import FIN, REUSED_PORTS, RST, SYN
from dissectors.protocols.tcp.narrator import TcpNarrator
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.sequence import MASK, SCALE_UNKNOWN

CAPACITY: Final[i64] = 1 << 40   # only chosen conversations come here, so nothing has to make room
NEAR: Final = 1 << 12             # bytes between two chosen frames that are read along rather than skipped
STRETCH: Final = 1 << 16          # bytes of the file read at once


class Released(Retired):
    """Conversations of the telling are freed once they are told."""

    def take(self, flow: Flow) -> None:
        release(flow)


class Place:
    """One frame to look at again, and whose it is."""

    def __init__(self, number: int, time: int, wire: int, place: int, shape: int, teller: Teller) -> None:
        self.number = number
        self.time = time
        self.wire = wire
        self.place = place
        self.shape = shape
        self.captured = shape & 0xFFFFFFFF
        self.teller = teller


class Teller:
    """One conversation while it is told."""

    def __init__(
        self, flow: Flow, conversation: Conversation, protocols: tuple[Protocol, ...], provided: Provided
    ) -> None:
        self.flow = flow
        self.marks = Marks(provided.show_secrets)
        self.account = Account(conversation, self.marks)
        self.last_number: i64 = 0
        self.seen: i64 = 0
        self.told: TcpFlow | None = None   # the same connection in the table of the telling
        transport = conversation.transport
        self.router = Router(
            protocols,
            Context(
                transport, conversation.originator.port, conversation.responder.port, False, False, provided, (),
                self.marks,
            ),
            conversation.number,
        )
        self.narrator: TcpNarrator | None = None
        self.streams = Streams()
        self.reset: Close | None = None   # a RST that ended the connection
        if isinstance(flow, TcpFlow):
            self.narrator = TcpNarrator()

    def add(self, events: list[Event]) -> None:
        number = self.account.conversation.number
        for event in events:
            event.conversation = number
            event.marks = self.marks
        self.account.events += events

    def segment(self, segment: Segment, table: FlowTable, half: TcpHalf, data: bytes) -> None:
        """One TCP segment: what the narrator says of it, then what its bytes mean."""
        narrator = self.narrator
        if narrator is None:
            return
        if self.account.points:
            add_points(self.account.points, segment)
        self.add(narrator.on_segment(segment))
        pieces = self.streams.segment(
            segment.direction, half, segment.flags, segment.seq, segment.ack, segment.length, data,
            segment.frame, segment.time, segment.offset, half.peer.frames == 0,
        )
        if self.account.carriage is not None and segment.length:
            self._carried(self.account.carriage, segment, pieces, len(data))
        for piece in pieces:
            if isinstance(piece, Gap):
                self.add(narrator.on_gap(piece))
            elif isinstance(piece, Conflict):
                self.add(narrator.on_conflict(
                    piece.frame, piece.time, piece.direction, piece.position, piece.length, piece.first_frame, "first"
                ))
            self.add(self.router.piece(piece))
        if segment.flags & RST:
            self.reset = self.reset or Close(segment.frame, segment.time, NEITHER, "rst")
        elif segment.length:
            self.reset = None   # the connection went on: the reset was not accepted (RFC 5961 §3.2)
        if segment.flags & FIN:
            self.add(self.router.close(Close(segment.frame, segment.time, segment.direction, "fin")))

    def _carried(self, carriage: Carriage, segment: Segment, pieces: list[Piece], captured: int) -> None:
        """Note where in its stream the payload of this segment lies, also where its bytes came before."""
        direction = segment.direction
        at = segment.relative_seq + (1 if segment.flags & SYN else 0)
        for piece in pieces:
            if isinstance(piece, Chunk):
                carriage.deliver(piece.direction, piece.position, piece.data)
                if piece.frame == segment.frame and piece.direction == direction and piece.offset >= 0:
                    carriage.shifts[direction] = piece.position - (piece.offset - segment.offset) - at
        carriage.payload(segment.frame, direction, at + carriage.shifts[direction], segment.offset, captured)

    def skipped(self) -> None:
        """Frames of this conversation were counted and not kept: begin anew with the next."""
        self.account.left_out.append(
            f"{plural(self.flow.unrecorded, 'frame')} after #{self.last_number} are counted but not told one by one"
        )
        self.streams.resume()
        if self.narrator is not None:
            self.add(self.narrator.on_skip())

    def finish(self, frame: int, time: int, how: str) -> None:
        """The telling ends. how: "capture"; while a capture goes on, "idle", "reused" (its ports begin a new
        conversation) or "capacity" (more are open at once than are followed)."""
        for piece in self.streams.finish(frame, time):
            self.add(self.router.piece(piece))
        silent = how in ("idle", "reused")
        self.add(self.router.close(self.reset or Close(frame, time, NEITHER, "timeout" if silent else "capture")))
        narrator = self.narrator
        if narrator is not None:
            self.add(narrator.on_end(how, time))


class Telling:
    """Looks at the chosen frames again, in the order of the capture."""

    def __init__(self, protocols: tuple[Protocol, ...], record_cap: int, provided: Provided = NOTHING) -> None:
        self.protocols = protocols
        self.provided = provided
        self.record_cap = record_cap
        self.table = FlowTable(CAPACITY, 0, True, Released())
        self.decoder = Decoder()
        self.packet = Packet()
        self.tellers: list[Teller] = []

    def add(self, flow: Flow, conversation: Conversation, graphs: bool = False) -> None:
        """Choose a conversation."""
        teller = Teller(flow, conversation, self.protocols, self.provided)
        if graphs:
            teller.account.carriage = Carriage()
            if conversation.transport == "tcp":
                teller.account.points = [Points(), Points()]
        self.tellers.append(teller)

    def places(self) -> list[Place]:
        """Every frame of the chosen conversations, in the order of the capture."""
        found: list[Place] = []
        for teller in self.tellers:
            records = teller.flow.records
            for i in range(0, len(records), RECORD):
                found.append(Place(
                    int(records[i]), int(records[i + 1]), int(records[i + 2]), int(records[i + 3]),
                    int(records[i + 4]), teller,
                ))
        found.sort(key=_number)
        return found

    def walk(self, source: Source) -> None:
        """Go over the whole capture once more; every frame is decoded, so that fragments come together."""
        places = self.places()
        index = 0
        while index < len(places) and source.next():
            self.decoder.decode(
                source.data, source.start, source.end, source.length, source.link, source.number, source.time,
                self.packet,
            )
            while index < len(places) and places[index].number == source.number:
                self._look(places[index], source.start)
                index += 1

    def visit(self, source: Source) -> None:
        """Read only the chosen frames, each at its place in the file; those that lie close together at once."""
        places = self.places()
        data = b""
        base = 0
        for index, place in enumerate(places):
            start = place.place - base
            end = start + place.captured
            if start < 0 or end > len(data):
                base = place.place
                data = source.read_at(base, stretch(places, index))
                start = 0
                end = min(place.captured, len(data))
            self.decoder.decode(
                data, start, end, place.wire, place.shape >> 32, place.number, place.time, self.packet
            )
            self._look(place, start)

    def finish(self, frame: int, time: int) -> list[Account]:
        """The accounts, once every frame was seen. frame, time: the last of the capture."""
        for teller in self.tellers:
            if teller.flow.unrecorded and teller.seen <= self.record_cap:
                teller.skipped()
            teller.finish(frame, time, "capture")
            narrator = teller.narrator
            if narrator is not None:
                measured(teller.account, narrator)
            teller.account.conversation.protocol = teller.router.protocol
        self.table.finish()
        return [teller.account for teller in self.tellers]

    def _look(self, place: Place, start: i64) -> None:
        teller = place.teller
        packet = self.packet
        flow = teller.flow
        if flow.unrecorded and teller.seen >= self.record_cap and not flow.uncapped:
            if teller.seen == self.record_cap:
                teller.skipped()
            if teller.told is not None:
                self.table.resume(teller.told)
        teller.seen += 1
        teller.last_number = place.number
        if packet.kind == TCP:
            self._segment(place, teller, start)
        elif packet.kind == UDP:
            self.datagram(place, teller, start)
        elif packet.kind in (ICMP, ICMPV6):
            self.icmp(place, teller, start)

    def icmp(self, place: Place, teller: Teller, start: i64) -> None:
        """A message of the conversation itself, or an error that quotes one of its packets."""
        packet = self.packet
        at = packet.transport
        size: i64 = 4 if packet.ip_version == 4 else 16
        data = packet.data[at:max(at, packet.end)]
        source = packet.data[packet.src:packet.src + size]
        forward = teller.flow.forward
        if teller.account.conversation.transport in ("icmp", "icmpv6"):
            teller.add(teller.router.datagram(Datagram(
                place.number, place.time, 0 if forward.startswith(source) else 1, data,
                max(packet.true_end - at, 0), at - start if packet.base >= 0 else -1,
            )))
            return
        quoted = quoted_key(packet)
        direction = BACKWARD if forward.startswith(quoted) else FORWARD
        error = error_event(
            data, int(packet.ip_version), place.number, place.time, direction, address_text(source)
        )
        if error is not None:
            teller.add([error])

    def _segment(self, place: Place, teller: Teller, start: i64) -> None:
        packet = self.packet
        table = self.table
        size: i64 = 4 if packet.ip_version == 4 else 16
        table.tcp(
            packet.data, packet.src, size, packet.transport, packet.end, packet.true_end, packet.scope,
            place.number, place.time, place.wire, -1, 0,
        )
        half = table.half
        if half is None:
            return
        teller.told = half.flow
        # Who opened the connection was decided by the survey, which has seen every frame.
        direction = 0 if half.flow.forward == teller.flow.forward else 1
        self.segment(place, teller, half, direction ^ int(half.direction), start)

    def segment(self, place: Place, teller: Teller, half: TcpHalf, direction: int, start: i64) -> None:
        """The segment that the table has just seen. direction: as `teller` counts them."""
        packet = self.packet
        table = self.table
        detail = table.detail
        segment = Segment(
            place.number, place.time, direction, table.flags, table.seq, table.ack, table.window, table.length
        )
        segment.captured = max(packet.end - table.payload, 0)
        options = packet.transport + 20
        segment.options = packet.data[options:max(options, min(table.payload, packet.end))]
        segment.offset = table.payload - start if packet.base >= 0 else -1
        segment.ttl = packet.ttl
        segment.ip_ecn = packet.ecn
        segment.wire_length = place.wire
        segment.relative_seq = (table.seq - half.base_seq) & MASK
        segment.relative_ack = (table.ack - half.peer.base_seq) & MASK
        if half.scale > 0 and not table.flags & 2:
            segment.window_bytes = table.window << half.scale
        segment.scale_known = half.scale != SCALE_UNKNOWN
        bits = table.bits
        if table.is_new and teller.flow.first_frame == place.number and teller.flow.reused:
            bits |= REUSED_PORTS
        segment.analysis = bits
        segment.bytes_in_flight = detail.bytes_in_flight
        segment.ack_rtt_ns = detail.ack_rtt_ns
        segment.acked_frame = detail.acked_frame
        segment.rto_ns = detail.rto_ns
        segment.rto_frame = detail.rto_frame
        segment.duplicate_number = detail.duplicate_number
        segment.duplicate_of = detail.duplicate_of
        if half.flow.hand.initial_rtt:
            segment.initial_rtt_ns = half.flow.hand.initial_rtt
        teller.segment(segment, table, half, packet.data[table.payload:max(table.payload, packet.end)])

    def datagram(self, place: Place, teller: Teller, start: i64) -> None:
        packet = self.packet
        at = packet.transport
        if at + 8 > packet.end:
            return
        size: i64 = 4 if packet.ip_version == 4 else 16
        key = packet.data[packet.src:packet.src + size] + packet.data[packet.dst:packet.dst + size]
        direction = 0 if teller.flow.forward.startswith(key + packet.data[at:at + 4]) else 1
        offset = at + 8 - start if packet.base >= 0 else -1
        carriage = teller.account.carriage
        if carriage is not None:
            carriage.payload(place.number, direction, -1, int(offset), int(packet.end - at - 8))
        teller.add(teller.router.datagram(Datagram(
            place.number, place.time, direction, packet.data[at + 8:packet.end],
            max(packet.true_end - at - 8, 0), offset, packet.sport, packet.dport,
        )))


def stretch(places: list[Place], index: int) -> int:
    """Bytes from this place on that one read takes: up to the last of the places that follow closely."""
    first = places[index].place
    end = first + places[index].captured
    for following in range(index + 1, len(places)):
        place = places[following]
        if not 0 <= place.place - end <= NEAR or place.place + place.captured - first > STRETCH:
            break
        end = place.place + place.captured
    return end - first


def measured(account: Account, narrator: TcpNarrator) -> None:
    """What the narrator measured over time, as the account carries it."""
    for direction in (0, 1):
        window, flight = narrator.window_series[direction], narrator.flight_series[direction]
        account.series[direction] = [
            Series("window", "B", window.times, window.values),
            Series("in flight", "B", flight.times, flight.values),
        ]
        shares = narrator.limits[direction]
        whole = sum([share for _cause, share in shares])
        if whole > 0:
            account.limits[direction] = {cause: share / whole for cause, share in shares}


def _number(place: Place) -> int:
    return place.number
