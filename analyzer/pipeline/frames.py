"""`wiretale frames`: one JSON line a frame, written as text because it runs for every frame."""
from __future__ import annotations

import json
from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import Flow, TcpFlow, TcpHalf, release
from analyzer.flows.router import Router
from analyzer.flows.streams import Streams
from analyzer.flows.table import FlowTable, Retired
from analyzer.ingest.keylog import take_secrets
from analyzer.ingest.source import Source
from analyzer.packets.address import address_text
from analyzer.packets.decode import Decoder
from analyzer.packets.packet import ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.event import Event
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Context, Protocol
from dissectors.kit.provided import Provided
from dissectors.protocols.tcp.flags import FIN, names
from dissectors.protocols.tcp.header import be32

COMPACT: Final = json.JSONEncoder(separators=(",", ":"))   # made once: making one costs more than a record
NONE: Final[dict[str, str]] = {}
BLOCK: Final = 1 << 16            # characters gathered before they are handed on
CAPACITY: Final[i64] = 20_000     # conversations of a transport held at once; ports used again later are not noticed


class Readers(Retired):
    """What reads the bytes of each conversation, for as long as the table holds it."""

    def __init__(self) -> None:
        self.routers: dict[int, Router] = {}
        self.streams: dict[int, Streams] = {}

    def take(self, flow: Flow) -> None:
        self.routers.pop(int(flow.number), None)
        self.streams.pop(int(flow.number), None)
        release(flow)


class FrameLines:
    """Reads a source to its end; `block()` gives the next lines, b"" after the last."""

    def __init__(
        self, source: Source, protocols: tuple[Protocol, ...], conversation: int = 0,
        provided: Provided | None = None,
    ) -> None:
        self.source = source
        self.protocols = protocols
        self.provided = provided or Provided()
        self.secrets_taken: i64 = 0
        self.complaints: list[str] = []   # of secrets in the capture
        self.only: i64 = conversation
        self.decoder = Decoder()
        self.packet = Packet()
        self.packet.want_layers = True
        self.sink = Readers()
        self.table = FlowTable(CAPACITY, 0, True, self.sink)
        self.layer_texts: dict[str, str] = {}
        self.bit_texts: dict[int, str] = {}
        self.ended = False

    def block(self) -> bytes:
        """Up to about 64 KiB of lines."""
        lines: list[str] = []
        size = 0
        while size < BLOCK and not self.ended:
            if not self.source.next():
                self.ended = True
                self._take_secrets()   # for what is wrong with them: blocks behind the last frame open nothing
                self.table.finish()
                break
            line = self._line()
            if line:
                lines.append(line)
                size += len(line)
        return "".join(lines).encode()

    def _take_secrets(self) -> None:
        """Keys that the capture held before this frame."""
        taken = int(self.secrets_taken)
        self.secrets_taken = len(self.source.secrets)
        take_secrets(self.source, taken, self.provided, self.complaints)

    def _line(self) -> str:
        source = self.source
        packet = self.packet
        if len(source.secrets) != self.secrets_taken:
            self._take_secrets()
        self.decoder.decode(
            source.data, source.start, source.end, source.length, source.link, source.number, source.time, packet
        )
        events: list[Event] = []
        number = 0
        tcp = ""
        kind = packet.kind
        if kind == TCP:
            events, tcp, number = self._tcp(source, packet)
        elif kind == UDP:
            events, number = self._udp(source, packet)
        elif kind in (ICMP, ICMPV6) and packet.quoted_kind == UDP:
            events = self._quoted(source, packet)
        if self.only and number != self.only:
            return ""
        records = self._records(events) if events else NONE
        text = (
            f'{{"frame":{source.number},"time_ns":{source.time},"length":{source.length},'
            f'"captured":{source.end - source.start},"layers":[{self._layers(records)}]'
        )
        if packet.ip_version:
            size: i64 = 4 if packet.ip_version == 4 else 16
            data = packet.data
            text += (
                f',"src":"{address_text(data[packet.src:packet.src + size])}"'
                f',"dst":"{address_text(data[packet.dst:packet.dst + size])}"'
            )
        if kind in (TCP, UDP):
            text += f',"src_port":{packet.sport},"dst_port":{packet.dport}'
        if number:
            text += f',"conversation":{number}'
        if tcp:
            text += f',"tcp":{tcp}'
        for name, lines in records.items():
            text += f',"{name}":[{lines}]'
        return text + "}\n"

    # -- TCP -------------------------------------------------------------------------------------------

    def _tcp(self, source: Source, packet: Packet) -> tuple[list[Event], str, int]:
        table = self.table
        size: i64 = 4 if packet.ip_version == 4 else 16
        table.tcp(
            packet.data, packet.src, size, packet.transport, packet.end, packet.true_end, packet.scope,
            source.number, source.time, source.length, -1, 0,
        )
        half = table.half
        if half is None:
            return [], "", 0
        flow = half.flow
        text = (
            f'{{"flags":{table.flags},"seq":{table.seq},"ack":{table.ack},'
            f'"window":{table.window},"len":{table.length}'
        )
        bits = table.bits
        if bits:
            text += f',"analysis":[{self._bits(bits)}]'
        detail = table.detail
        if detail.said:
            if detail.bytes_in_flight > 0:
                text += f',"bytes_in_flight":{detail.bytes_in_flight}'
            if detail.acked_frame >= 0 and detail.ack_rtt_ns != 0:
                text += f',"ack_rtt_ns":{detail.ack_rtt_ns}'
            if flow.hand.initial_rtt:
                text += f',"initial_rtt_ns":{flow.hand.initial_rtt}'
        return self._stream(source, packet, flow, half), text + "}", int(flow.number)

    def _stream(self, source: Source, packet: Packet, flow: TcpFlow, half: TcpHalf) -> list[Event]:
        """Bytes in order for whoever reads them. Costs nothing for a conversation that has carried none."""
        table = self.table
        number = int(flow.number)
        router = self.sink.routers.get(number)
        streams = self.sink.streams.get(number)
        if router is None or streams is None:
            if table.length == 0 or router is not None:
                return []
            streams = Streams()
            router = self._router(flow, "tcp", packet, int(half.direction))
            self.sink.streams[number] = streams
            self.sink.routers[number] = router
        offset = table.payload - source.start if packet.base >= 0 else -1
        if router.idle:
            del self.sink.streams[number]  # nobody reads these bytes, so they need not be put in order
            return []
        events: list[Event] = []
        for piece in streams.segment(
            half.direction, half, table.flags, table.seq, table.ack, table.length,
            packet.data[table.payload:max(table.payload, packet.end)], source.number, source.time, offset,
            half.peer.frames == 0,
        ):
            events += router.piece(piece)
        if table.flags & FIN:
            events += router.close(Close(source.number, source.time, int(half.direction), "fin"))
        return events

    # -- UDP -------------------------------------------------------------------------------------------

    def _udp(self, source: Source, packet: Packet) -> tuple[list[Event], int]:
        size: i64 = 4 if packet.ip_version == 4 else 16
        at = packet.transport
        payload = max(packet.true_end - at - 8, 0)
        half = self.table.udp(
            packet.data, packet.src, size, at, packet.scope, source.number, source.time, source.length, payload, -1, 0
        )
        flow = half.flow
        number = int(flow.number)
        if at + 8 >= packet.end:
            return [], number
        router = self.sink.routers.get(number)
        if router is None:
            router = self._router(flow, "udp", packet, int(half.direction))
            self.sink.routers[number] = router
        offset = at + 8 - source.start if packet.base >= 0 else -1
        return router.datagram(Datagram(
            source.number, source.time, half.direction, packet.data[at + 8:packet.end], payload, offset,
            packet.sport, packet.dport,
        )), number

    def _quoted(self, source: Source, packet: Packet) -> list[Event]:
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
            Datagram(source.number, source.time, 0, payload, len(payload), at + 8 - source.start)
        )

    def _router(self, flow: Flow, transport: str, packet: Packet, direction: int) -> Router:
        ports = (int(packet.sport), int(packet.dport))
        context = Context(transport, ports[direction], ports[1 - direction], False, True, self.provided)
        return Router(self.protocols, context, int(flow.number))

    # -- text ------------------------------------------------------------------------------------------

    def _layers(self, records: dict[str, str]) -> str:
        plain = "\x00".join(self.packet.layers)
        text = self.layer_texts.get(plain)
        if text is None:
            text = COMPACT.encode(self.packet.layers)[1:-1]
            self.layer_texts[plain] = text
        for protocol in records:
            if f'"{protocol}"' not in text:
                text += f',"{protocol}"'
        return text

    def _bits(self, bits: int) -> str:
        text = self.bit_texts.get(bits)
        if text is None:
            text = COMPACT.encode(names(bits))[1:-1]
            self.bit_texts[bits] = text
        return text

    def _records(self, events: list[Event]) -> dict[str, str]:
        """The PDUs that this frame completes, under the names of their protocols."""
        found: dict[str, str] = {}
        for event in events:
            record = event.frame_record()
            if record is not None:
                name = event.name
                protocol = name[:name.index(".")]
                line = COMPACT.encode(record)
                before = found.get(protocol)
                found[protocol] = line if before is None else f"{before},{line}"
        return found
