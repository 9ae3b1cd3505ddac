"""`wiretale frames`: one JSON line a frame, written as text because it runs for every frame."""
from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.faults import Faults
from analyzer.filter.expression import Filter
from analyzer.filter.matching import Predicate
from analyzer.filter.view import View, pdus_of
from analyzer.flows.flow import Flow, Retired, release
from analyzer.flows.keys import SMALLEST
from analyzer.flows.reassembly import WaitingRoom
from analyzer.flows.router import Router
from analyzer.flows.table import FlowTable
from analyzer.flows.teller import Teller
from analyzer.flows.tracker import Tracker, parties_of
from analyzer.ingest.keylog import take_secrets
from analyzer.ingest.source import Source
from analyzer.packet import ARP, ICMP, ICMPV6, TCP, UDP, Packet
from analyzer.packets.decode import Decoder
from analyzer.partition import SHARES
from analyzer.pipeline.text import put_json, put_number, quoted
from dissectors.kit.event import Event
from dissectors.kit.inputs import Datagram
from dissectors.kit.octets import be16, be32
from dissectors.kit.protocol import Context, Protocol, Shared
from dissectors.kit.provided import Provided
from dissectors.protocols.icmp import is_error
from dissectors.protocols.tcp.flags import names

NONE: Final[dict[str, BytesWriter]] = {}
MAX_PAIRS: Final = 65_536         # pairs of addresses whose text is kept
BLOCK: Final = 1 << 16            # bytes gathered before they are handed on
CAPACITY: Final = 20_000     # conversations of a transport held at once; ports used again later are not noticed


class Readers(Retired):
    """What reads the bytes of each conversation, for as long as the table holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.tellers: dict[int, Teller] = {}
        self.broken: set[int] = set()      # conversations in which a fault of ours ended the reading

    def take(self, flow: Flow) -> None:
        self.tellers.pop(int(flow.number), None)
        self.broken.discard(int(flow.number))
        release(flow)


def see(view: View, packet: Packet, table: FlowTable, flow: Flow) -> None:
    """What the table, which has just seen the packet in detail, knows of it and of its conversation."""
    view.conversation = flow.number
    half = table.half
    if packet.kind != TCP or half is None:
        return
    view.sound = True
    view.flags, view.seq, view.ack = table.flags, table.seq, table.ack
    view.window, view.length, view.bits = table.window, table.length, table.bits
    view.base = half.base_seq if half.base_known else -1
    view.peer_base = half.peer.base_seq if half.peer.base_known else -1
    view.shift = half.scale
    view.detail = table.detail
    view.initial_rtt = half.flow.hand.initial_rtt


class FrameLines:
    """Reads a source to its end; `block()` gives the next lines, b"" after the last."""

    def __init__(
        self, source: Source, protocols: tuple[Protocol, ...], conversation: int = 0,
        provided: Provided | None = None, wanted: Filter | None = None,
    ) -> None:
        self.source = source
        self.reads = True       # whether streams are read, for what a frame completes
        self.followed: set[int] | None = None       # of these conversations alone; None for all
        self.fault = ""         # of ours, in the frame in hand
        self.view: View | None = None if wanted is None else View()
        self.test = Predicate() if wanted is None else wanted.test
        self.protocols = protocols
        self.provided = provided or Provided()
        self.shared = Shared()
        self.secrets_taken: i64 = 0
        self.complaints: list[str] = []   # of secrets in the capture
        self.only: i64 = conversation
        self.decoder = Decoder()
        self.packet = Packet()
        self.packet.want_layers = True
        self.sink = Readers()
        self.faults = Faults()
        self.waiting = WaitingRoom()
        self.tracker = Tracker(CAPACITY, 0, True, self.sink, self.faults, parties_of(protocols), SHARES)
        self.table = self.tracker.table
        self.layers: list[str] = []
        self.layers_text = b""
        self.layer_texts: dict[str, bytes] = {}
        self.bit_texts: dict[int, bytes] = {}
        self.address_texts: dict[bytes, bytes] = {}
        self.ended = False

    def block(self) -> bytes:
        """Up to about 64 KiB of lines."""
        out = BytesWriter()
        while len(out) < BLOCK and not self.ended:
            if not self.source.next():
                self.ended = True
                self._take_secrets()   # for what is wrong with them: blocks behind the last frame open nothing
                self.table.finish()
                break
            self._line(out)
        return out.getvalue()

    def _take_secrets(self) -> None:
        """Keys that the capture held before this frame."""
        taken = int(self.secrets_taken)
        self.secrets_taken = len(self.source.secrets)
        take_secrets(self.source, taken, self.provided, self.complaints)

    def choose(self, found: bytearray, most: i64) -> bool:
        """Read so many frames, and set found[number] to 1 for each conversation with one of which the filter holds.
        False where the source has no more."""
        view = self.view
        assert view is not None
        while most > 0:
            most -= 1
            if not self.source.next():
                self.table.finish()
                return False
            events = self._events()
            flow = self.tracker.flow
            number: i64 = 0 if flow is None else flow.number
            if number >= len(found):
                found.extend(bytes(max(1024, number)))
            if number and found[number]:
                view.pass_by(self.packet)
            elif self._wanted(view, events) and number:
                found[number] = 1
        return True

    def show(self) -> View | None:
        """The next frame as a filter sees it; None after the last."""
        view = self.view
        if view is None or not self.source.next():
            self.table.finish()
            return None
        self._see(view, self._events())
        return view

    def tell(
        self, events: dict[int, list[str]], findings: dict[int, list[str]], members: dict[int, list[str]]
    ) -> None:
        """What was concluded of frames, and of conversations, for filters that ask for it."""
        if self.view is not None:
            self.view.told_events, self.view.told_findings, self.view.told_members = events, findings, members

    def _events(self) -> list[Event]:
        """Decode and count the frame in hand; what it completes."""
        source = self.source
        packet = self.packet
        if len(source.secrets) != self.secrets_taken:
            self._take_secrets()
        self.fault = ""
        try:
            self.decoder.decode(
                source.data, source.start, source.end, source.length, source.link, source.number, source.time, packet
            )
            self.tracker.take(packet)
            if self.reads:
                return self._read(packet)
        except Exception as error:
            self.fault = self._broken(error)
        return []

    def _line(self, out: BytesWriter) -> None:
        packet = self.packet
        events = self._events()
        fault = self.fault
        flow = self.tracker.flow
        if self.only and (flow is None or flow.number != self.only):
            return
        view = self.view
        if view is not None and not self._wanted(view, events):
            return
        records = self._records(events) if events else NONE
        self._frame(out, packet, records)
        if flow is not None:
            out.write(b',"conversation":')
            put_number(out, flow.number)
        if packet.kind == TCP:
            if flow is not None:
                self._segment(out)
            elif self.table.header >= 0:
                self._damaged(out)
        elif packet.kind in (ICMP, ICMPV6):
            self._icmp(out, packet)
        elif packet.kind == ARP and packet.transport + 8 <= packet.end:
            out.write(b',"arp":[{"opcode":')
            put_number(out, be16(packet.data, packet.transport + 6))     # RFC 826
            out.write(b"}]")
        for name, lines in records.items():
            out.write(b",")
            out.write(quoted(name))
            out.write(b":[")
            out.write(lines.getvalue())
            out.write(b"]")
        if fault:
            out.write(b',"fault":')
            out.write(quoted(fault))
        out.write(b"}\n")

    def _wanted(self, view: View, events: list[Event]) -> bool:
        """Whether the filter holds of the frame in hand, which completes these."""
        self._see(view, events)
        return self.test.holds(view)

    def _see(self, view: View, events: list[Event]) -> None:
        """The frame in hand, for a filter."""
        packet = self.packet
        if view.start < 0:
            view.start = self.source.origin
        view.begin(packet, events)
        flow = self.tracker.flow
        if flow is not None:
            see(view, packet, self.table, flow)

    def _broken(self, error: Exception) -> str:
        """A fault of ours costs the frame what was to be said of it, and its conversation the reading of its bytes."""
        packet = self.packet
        words = self.faults.note(packet.number, "a frame, and what its conversation carries", error)
        flow = self.tracker.flow
        if flow is None:
            packet.clear()
            self.decoder.dirty = True
        else:
            self.sink.tellers.pop(int(flow.number), None)
            self.sink.broken.add(int(flow.number))
        return words

    # -- bytes -----------------------------------------------------------------------------------------

    def _read(self, packet: Packet) -> list[Event]:
        """What the frame completes, for whoever reads the bytes of its conversation."""
        kind = packet.kind
        flow = self.tracker.flow
        if kind in (TCP, UDP):
            if flow is None or (self.followed is not None and int(flow.number) not in self.followed):
                return []
            teller = self.sink.tellers.get(int(flow.number))
            if teller is None:
                # Costs nothing for a conversation that has carried none.
                carried = self.table.length if kind == TCP else packet.end - packet.transport - 8
                if carried <= 0 or int(flow.number) in self.sink.broken:
                    return []
                teller = self._teller(flow, packet)
                self.sink.tellers[int(flow.number)] = teller
            return teller.take(packet, self.table, self.tracker.direction)
        if kind in (ICMP, ICMPV6) and packet.quoted_kind == UDP:
            return self._quoted(packet)
        return []

    def _teller(self, flow: Flow, packet: Packet) -> Teller:
        ports = (int(packet.sport), int(packet.dport))
        direction = self.tracker.direction
        transport = "tcp" if packet.kind == TCP else "udp"
        context = Context(
            transport, ports[direction], ports[1 - direction], False, True, self.provided, shared=self.shared
        )
        return Teller(int(flow.number), self.protocols, context, self.waiting)

    def _quoted(self, packet: Packet) -> list[Event]:
        """The datagram that an ICMP error quotes, read by itself: it is shown, and belongs to no exchange."""
        size: i64 = 4 if packet.quoted_version == 4 else 16
        at = packet.quoted_dst + size
        data = packet.data
        ports = (packet.quoted_sport << 16) | packet.quoted_dport
        if at + 8 >= packet.end or be32(data, at) != ports:
            return []
        context = Context("udp", int(packet.quoted_sport), int(packet.quoted_dport), False, True, self.provided)
        payload = data[at + 8:packet.end]
        return Router(self.protocols, context, 0).datagram(
            Datagram(packet.number, packet.time, 0, payload, len(payload), packet.offset(at + 8))
        )

    # -- text ------------------------------------------------------------------------------------------

    def _frame(self, out: BytesWriter, packet: Packet, records: dict[str, BytesWriter]) -> None:
        out.write(b'{"frame":')
        put_number(out, packet.number)
        out.write(b',"time_ns":')
        put_number(out, packet.time)
        out.write(b',"length":')
        put_number(out, packet.length)
        out.write(b',"captured":')
        put_number(out, packet.captured)
        out.write(b',"layers":[')
        self._layers(out, records)
        out.write(b"]")
        if packet.ip_version:
            self._addresses(out, packet)
        if packet.kind in (TCP, UDP):
            out.write(b',"src_port":')
            put_number(out, packet.sport)
            out.write(b',"dst_port":')
            put_number(out, packet.dport)

    def _addresses(self, out: BytesWriter, packet: Packet) -> None:
        size = packet.size()
        pair = packet.source() + packet.destination()
        text = self.address_texts.get(pair)
        if text is None:
            if len(self.address_texts) >= MAX_PAIRS:
                self.address_texts.clear()
            text = f',"src":"{address_text(pair[:size])}","dst":"{address_text(pair[size:])}"'.encode()
            self.address_texts[pair] = text
        out.write(text)

    def _segment(self, out: BytesWriter) -> None:
        table = self.table
        out.write(b',"tcp":{"flags":')
        put_number(out, table.flags)
        out.write(b',"seq":')
        put_number(out, table.seq)
        out.write(b',"ack":')
        put_number(out, table.ack)
        out.write(b',"window":')
        put_number(out, table.window)
        out.write(b',"len":')
        put_number(out, table.length)
        if table.bits:
            out.write(self._bits(table.bits))
        detail = table.detail
        if detail.said:
            if detail.bytes_in_flight > 0:
                out.write(b',"bytes_in_flight":')
                put_number(out, detail.bytes_in_flight)
            if detail.acked_frame >= 0 and detail.ack_rtt_ns != 0:
                out.write(b',"ack_rtt_ns":')
                put_number(out, detail.ack_rtt_ns)
            half = table.half
            if half is not None and half.flow.hand.initial_rtt:
                out.write(b',"initial_rtt_ns":')
                put_number(out, half.flow.hand.initial_rtt)
        out.write(b"}")

    def _icmp(self, out: BytesWriter, packet: Packet) -> None:
        """Its type, and that of the message that it quotes (RFC 792, RFC 4443 §2.1)."""
        at = packet.transport
        if at >= packet.end:
            return
        out.write(b',"icmpv6":[{"type":' if packet.kind == ICMPV6 else b',"icmp":[{"type":')
        put_number(out, packet.data[at])
        quoted_at = packet.quoted_dst + (4 if packet.quoted_version == 4 else 16)
        quotes = is_error(packet.ip_version, packet.data[at]) and packet.quoted_kind == packet.kind
        if quotes and quoted_at < packet.end:
            out.write(b'},{"type":')
            put_number(out, packet.data[quoted_at])
        out.write(b"}]")

    def _damaged(self, out: BytesWriter) -> None:
        """What can be relied on of a header that claims fewer octets than one has, or more than the segment has."""
        table = self.table
        out.write(b',"tcp":{"seq":')
        put_number(out, table.seq)
        if table.header >= SMALLEST:
            out.write(b',"flags":')
            put_number(out, table.flags)
        if table.length >= 0:
            out.write(b',"len":')
            put_number(out, table.length)
        out.write(b"}")

    def _layers(self, out: BytesWriter, records: dict[str, BytesWriter]) -> None:
        layers = self.packet.layers
        if layers is not self.layers:   # the common ones are shared lists
            plain = "\x00".join(layers)
            text = self.layer_texts.get(plain)
            if text is None:
                text = b",".join([quoted(layer) for layer in layers])
                self.layer_texts[plain] = text
            self.layers = layers
            self.layers_text = text
        out.write(self.layers_text)
        for protocol in records:
            if protocol not in layers:
                if layers:
                    out.write(b",")
                out.write(quoted(protocol))

    def _bits(self, bits: int) -> bytes:
        text = self.bit_texts.get(bits)
        if text is None:
            text = b',"analysis":[' + b",".join([quoted(name) for name in names(bits)]) + b"]"
            self.bit_texts[bits] = text
        return text

    def _records(self, events: list[Event]) -> dict[str, BytesWriter]:
        """The PDUs that this frame completes, under the names of their protocols."""
        found: dict[str, BytesWriter] = {}
        view = self.view
        for protocol, record in pdus_of(events) if view is None else view.pdus():
            lines = found.get(protocol)
            if lines is None:
                lines = BytesWriter()
                found[protocol] = lines
            else:
                lines.write(b",")
            put_json(lines, record)
        return found
