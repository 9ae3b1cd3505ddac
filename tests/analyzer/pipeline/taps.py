"""Packets of one download, and what taps of different kinds make of them."""
from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import NamedTuple

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event

CLIENT, SERVER = 0, 1
ADDRESSES = (("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2"))
PORTS = (40_000, 8080)
MS, SECOND = 1_000_000, 1_000_000_000
START = 1_700_000_000 * SECOND
SYN, ACK, FIN, PSH, RST = 2, 16, 1, 8, 4
WAY = 10 * MS              # between the two ends
TICK = MS                  # of both timestamp clocks


class Sent(NamedTuple):
    """A packet, when it left its sender. stamp, echo: TCP timestamps, or -1."""

    time: int
    side: int
    seq: int
    ack: int
    flags: int
    length: int
    ident: int
    stamp: int
    echo: int


class Seen(NamedTuple):
    """A packet as a tap saw it."""

    time: int
    packet: Sent
    ttl: int = 64
    vlan: int = 0
    version: int = 4
    mss: int = 0        # what a SYN carries here


def download(segments: int = 10, length: int = 1000, stamps: bool = True, idents: bool = True) -> list[Sent]:
    """Handshake, a request, an answer of so many segments, each acknowledged, and both FINs; a round trip is 20 ms."""
    out: list[Sent] = []
    numbers = [1000, 5000]
    counts = [100, 700]
    heard = [0, 0]         # what each side has of the other
    echoes = [0, 0]

    def send(time: int, side: int, flags: int, size: int = 0) -> None:
        counts[side] += 1
        stamp = (time // TICK) + 50_000 * (side + 1)
        out.append(Sent(
            START + time, side, numbers[side], heard[side] if flags & ACK else 0, flags, size,
            counts[side] if idents else 0, stamp if stamps else -1, echoes[side] if stamps else -1,
        ))
        numbers[side] += size + (1 if flags & (SYN | FIN) else 0)
        if stamps:
            echoes[1 - side] = stamp
        heard[1 - side] = numbers[side]

    send(0, CLIENT, SYN)
    send(10 * MS, SERVER, SYN | ACK)
    send(20 * MS, CLIENT, ACK)
    send(21 * MS, CLIENT, ACK | PSH, 100)
    for at in range(segments):
        send(32 * MS + at * 2 * MS, SERVER, ACK | PSH, length)
        send(42 * MS + at * 2 * MS, CLIENT, ACK)
    end = 32 * MS + segments * 2 * MS + 10 * MS
    send(end, CLIENT, FIN | ACK)
    send(end + WAY, SERVER, FIN | ACK)
    send(end + 2 * WAY, CLIENT, ACK)
    return sorted(out, key=lambda packet: packet.time)


def at_client(packets: list[Sent]) -> list[Seen]:
    """What a tap at the client sees: its own packets as they leave, the others when they have come."""
    return [Seen(packet.time + (WAY if packet.side == SERVER else 0), packet,
                 64 if packet.side == CLIENT else 58) for packet in packets]


def at_server(packets: list[Sent]) -> list[Seen]:
    return [Seen(packet.time + (WAY if packet.side == CLIENT else 0), packet,
                 64 if packet.side == SERVER else 58) for packet in packets]


def frame(seen: Seen) -> bytes:
    packet = seen.packet
    options = b""
    if packet.stamp >= 0:
        options = struct.pack("!BBBBII", 1, 1, 8, 10, packet.stamp, max(packet.echo, 0))
    if seen.mss and packet.flags & SYN:
        options = struct.pack("!BBH", 2, 4, seen.mss) + options
    header = struct.pack(
        "!HHIIBBHHH", PORTS[packet.side], PORTS[1 - packet.side], packet.seq, packet.ack, (20 + len(options)) << 2,
        packet.flags, 64_000, 0x1234, 0,
    )
    return ether(seen, 6, header + options + b"x" * packet.length, packet.side, packet.ident)


def ether(seen: Seen, protocol: int, payload: bytes, side: int, ident: int) -> bytes:
    if seen.version == 4:
        source, destination = (socket.inet_aton(ADDRESSES[0][end]) for end in (side, 1 - side))
        network = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, seen.ttl, protocol, 0, source, destination
        )
    else:
        source, destination = (socket.inet_pton(socket.AF_INET6, ADDRESSES[1][end]) for end in (side, 1 - side))
        network = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, seen.ttl, source, destination)
    kind = b"\x08\x00" if seen.version == 4 else b"\x86\xdd"
    tag = b"\x81\x00" + seen.vlan.to_bytes(2) if seen.vlan else b""
    return b"\x02" * 12 + tag + kind + network + payload


def write(path: Path, frames: list[tuple[int, bytes]]) -> str:
    """A pcap with nanoseconds, in the order given."""
    records = b"".join(
        struct.pack("<IIII", time // SECOND, time % SECOND, len(data), len(data)) + data for time, data in frames
    )
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1) + records)
    return str(path)


def told(path: Path, seen: list[Seen]) -> Analysis:
    """What is told of these frames, in this order in the file."""
    name = write(path / "made.pcap", [(one.time, frame(one)) for one in seen])
    return analyze([name], Options(everything=True))


def by_time(seen: list[Seen]) -> list[Seen]:
    return sorted(seen, key=lambda one: one.time)


def events(analysis: Analysis) -> list[Event]:
    return [event for told in analysis.told for phase in told.phases for event in phase.events]


def names(analysis: Analysis) -> list[str]:
    return [event.name for event in events(analysis)]


def codes(analysis: Analysis) -> list[str]:
    return [finding.code for finding in analysis.findings]
