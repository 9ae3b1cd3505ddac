"""What the dissectors of every sample were handed: its streams and datagrams, collected once."""
from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from analyzer.faults import Faults
from analyzer.flows.flow import Flow, Retired
from analyzer.flows.reassembly import Piece
from analyzer.flows.router import Router
from analyzer.flows.streams import Streams
from analyzer.flows.tracker import Tracker
from analyzer.ingest.keylog import take_secrets
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import Source
from analyzer.packet import ICMP, ICMPV6, TCP, UDP, Packet
from analyzer.packets.decode import Decoder
from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap, Overlap
from dissectors.kit.protocol import Context, Dissector, Output, Protocol
from dissectors.kit.provided import NOTHING, Provided
from dissectors.registry import protocols

SAMPLES = Path(__file__).parents[2] / "samples"
Item = Chunk | Gap | Close | Datagram | Fields
TRANSPORTS = {ICMP: "icmp", ICMPV6: "icmpv6", TCP: "tcp", UDP: "udp"}
NEVER_BEFORE = 1 << 40          # more conversations than a sample has


class Feed:
    """One conversation of a sample, or what reached a protocol within it (inner).

    protocol: the one that the router chose, "" for none.
    """

    def __init__(self, sample: str, number: int, context: Context, inner: bool = False) -> None:
        self.inner = inner
        self.sample = sample
        self.number = number
        self.context = context
        self.items: list[Item] = []
        self.protocol = ""

    def __str__(self) -> str:
        return f"{self.sample}, conversation {self.number} ({self.protocol or self.context.transport})"

    def router(self) -> Router:
        return Router(protocols(), self.context, self.number)

    @property
    def octets(self) -> int:
        return sum(len(item.data) for item in self.items if isinstance(item, Chunk | Datagram))

    @property
    def last(self) -> int:
        return max(item.frame for item in self.items)


def sample_captures() -> list[Path]:
    return sorted(SAMPLES.glob("*/*/capture.pcapng"))


def sample_name(capture: Path) -> str:
    return capture.parent.relative_to(SAMPLES).as_posix()


def frames_of(source: Source) -> Iterator[bytes]:
    """The captured bytes of every frame."""
    while source.next():
        yield source.data[source.start:source.end]


def run(router: Router, items: list[Item]) -> list[Event]:
    """Feed a conversation as the pipeline does."""
    events: list[Event] = []
    for item in items:
        if isinstance(item, Datagram):
            events += router.datagram(item)
        elif isinstance(item, Close):
            events += router.close(item)
        elif not isinstance(item, Fields):    # fields come from a layer beneath, never from the wire
            events += router.piece(item)
    return events


class Witness(Dissector):
    """Passes everything on to a dissector, and notes what that was handed."""

    def __init__(self, inside: Dissector, items: list[Item]) -> None:
        self.inside = inside
        self.items = items

    def on_data(self, chunk: Chunk) -> list[Output]:
        self.items.append(chunk)
        return self.inside.on_data(chunk)

    def on_gap(self, gap: Gap) -> list[Output]:
        self.items.append(gap)
        return self.inside.on_gap(gap)

    def on_close(self, close: Close) -> list[Output]:
        self.items.append(close)
        return self.inside.on_close(close)

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        self.items.append(datagram)
        return self.inside.on_datagram(datagram)

    def on_fields(self, fields: Fields) -> list[Output]:
        self.items.append(fields)
        return self.inside.on_fields(fields)


def witnessed(protocol: Protocol, sample: str, number: int, found: list[Feed]) -> Protocol:
    """The same protocol; what each of its dissectors is handed becomes a feed."""
    create = protocol.create
    if create is None:
        return protocol

    def watch(context: Context) -> Dissector:
        feed = Feed(sample, number, context, True)
        feed.protocol = protocol.name
        found.append(feed)
        return Witness(create(context), feed.items)

    return Protocol(
        protocol.name, protocol.title, protocol.summary, protocol.specs, watch, protocol.carriers, protocol.ports,
        protocol.events, protocol.terms, protocol.probe, protocol.probe_anywhere, protocol.namer,
        protocol.probe_on_port, protocol.reached_by, protocol.whole_by,
    )


@cache
def inner_feeds() -> list[Feed]:
    """What reached the protocols above others: in what was decrypted, upgraded or carried by stream."""
    found: list[Feed] = []
    for feed in all_feeds():
        layers: list[Feed] = []
        known = tuple(witnessed(protocol, feed.sample, feed.number, layers) for protocol in protocols())
        run(Router(known, feed.context, feed.number), feed.items)
        found += [layer for layer in layers[1:] if layer.items]
    return found


@cache
def feeds(capture: Path) -> list[Feed]:
    """Every conversation of a capture that carries bytes of an application."""
    return _Collector(capture).collect()


@cache
def all_feeds() -> list[Feed]:
    return [feed for capture in sample_captures() for feed in feeds(capture)]


def feeds_by_protocol() -> dict[str, list[Feed]]:
    found: dict[str, list[Feed]] = {}
    for feed in all_feeds() + inner_feeds():
        found.setdefault(feed.protocol, []).append(feed)
    return found


class _Collector:
    def __init__(self, capture: Path) -> None:
        self.name = sample_name(capture)
        self.source = open_capture([str(capture)])
        self.packet = Packet()
        self.tracker = Tracker(NEVER_BEFORE, 0, True, Retired(), Faults())
        self.provided = Provided()
        self.found: dict[int, Feed] = {}
        self.streams: dict[int, Streams] = {}

    def collect(self) -> list[Feed]:
        source, decoder, tracker = self.source, Decoder(), self.tracker
        last = (0, 0)
        while source.next():
            last = (int(source.number), int(source.time))
            decoder.decode(
                source.data, source.start, source.end, source.length, source.link, source.number, source.time,
                self.packet,
            )
            tracker.take(self.packet)
            if tracker.flow is not None and self.packet.kind == TCP:
                self._segment(self._feed(tracker.flow))
            elif tracker.flow is not None and self.packet.kind in TRANSPORTS:
                self._datagram(tracker.flow)
        take_secrets(source, 0, self.provided, [])
        source.close()
        for number, feed in self.found.items():
            if number in self.streams:
                self._pieces(feed, self.streams[number].finish(*last))
            feed.items.append(Close(*last, 2, "capture"))
        carrying = [feed for feed in self.found.values() if feed.octets]
        for feed in carrying:
            router = feed.router()
            run(router, feed.items)
            feed.protocol = router.protocol
        return carrying

    def _feed(self, flow: Flow) -> Feed:
        number = int(flow.number)
        if number not in self.found:
            transport = TRANSPORTS[int(self.packet.kind)]
            ports = (int(self.packet.sport), int(self.packet.dport)) if transport in ("tcp", "udp") else (0, 0)
            direction = self.tracker.direction
            # What stands above TLS is recorded in clear as well; what stands above QUIC is not seen without keys.
            provided = self.provided if transport == "udp" else NOTHING
            context = Context(transport, ports[direction], ports[1 - direction], provided=provided)
            self.found[number] = Feed(self.name, number, context)
        return self.found[number]

    def _segment(self, feed: Feed) -> None:
        packet, table = self.packet, self.tracker.table
        half = table.half
        assert half is not None
        streams = self.streams.setdefault(feed.number, Streams())
        self._pieces(feed, streams.segment(
            self.tracker.direction, half, table.flags, table.seq, table.ack, table.length,
            packet.data[table.payload:packet.end], packet.number, packet.time, packet.offset(table.payload),
        ))

    def _datagram(self, flow: Flow) -> None:
        packet = self.packet
        begin = packet.transport + (8 if packet.kind == UDP else 0)
        if begin >= packet.end:
            return
        self._feed(flow).items.append(Datagram(
            int(packet.number), int(packet.time), self.tracker.direction, packet.data[begin:packet.end],
            int(packet.true_end - begin), int(packet.offset(begin)), int(packet.sport), int(packet.dport),
        ))

    def _pieces(self, feed: Feed, pieces: list[Piece]) -> None:
        feed.items += [piece for piece in pieces if not isinstance(piece, Overlap)]
