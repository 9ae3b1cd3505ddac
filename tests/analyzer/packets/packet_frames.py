"""Frames built byte by byte for the tests of decoding."""
from __future__ import annotations

from struct import pack

from analyzer.packet import Packet
from analyzer.packets.decode import Decoder

A4 = bytes((10, 0, 0, 1))
B4 = bytes((10, 0, 0, 2))
C4 = bytes((192, 0, 2, 1))
D4 = bytes((192, 0, 2, 2))
A6 = bytes.fromhex("20010db8000000000000000000000001")
B6 = bytes.fromhex("20010db8000000000000000000000002")
MACS = bytes.fromhex("020000000002020000000001")
# Before and behind the frame in its block: bytes that would be taken for headers if a bound were missed.
BEFORE = bytes.fromhex("0800450000286006") * 3
BEHIND = bytes.fromhex("4500002800000000400600000a0a0a0a") * 8


def ip4(
    payload: bytes, protocol: int = 6, src: bytes = A4, dst: bytes = B4, total: int | None = None, options: bytes = b"",
    fragment: int = 0, number: int = 1, tos: int = 0, ttl: int = 64,
) -> bytes:
    header = 20 + len(options)
    size = header + len(payload) if total is None else total
    return pack(
        ">BBHHHBBH4s4s", 0x40 | header >> 2, tos, size, number, fragment, ttl, protocol, 0, src, dst
    ) + options + payload


def ip6(
    payload: bytes, protocol: int = 6, src: bytes = A6, dst: bytes = B6, length: int | None = None, tos: int = 0
) -> bytes:
    size = len(payload) if length is None else length
    return pack(">IHBB", 6 << 28 | tos << 20, size, protocol, 64) + src + dst + payload


def tcp(payload: bytes = b"", sport: int = 40000, dport: int = 80, offset: int = 5, options: bytes = b"") -> bytes:
    return pack(">HHIIBBHHH", sport, dport, 1000, 2000, offset << 4, 0x18, 512, 0, 0) + options + payload


def udp(payload: bytes = b"", sport: int = 40000, dport: int = 40001, length: int | None = None) -> bytes:
    return pack(">HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def eth(payload: bytes, kind: int = 0x0800) -> bytes:
    return MACS + pack(">H", kind) + payload


def eth4(payload: bytes, protocol: int = 6, src: bytes = A4, dst: bytes = B4) -> bytes:
    return eth(ip4(payload, protocol, src, dst))


def eth6(payload: bytes, protocol: int = 6) -> bytes:
    return eth(ip6(payload, protocol), 0x86DD)


def decoded(
    frame: bytes, link: int = 1, captured: int | None = None, decoder: Decoder | None = None, number: int = 1,
    time: int = 0, packet: Packet | None = None,
) -> Packet:
    """Decode a frame that lies in the middle of a block; captured: how much of it the block holds."""
    kept = frame if captured is None else frame[:captured]
    if packet is None:
        packet = Packet()
        packet.want_layers = True
    start = len(BEFORE)
    (decoder or Decoder()).decode(
        BEFORE + kept + BEHIND, start, start + len(kept), len(frame), link, number, time, packet
    )
    return packet


def ends(packet: Packet) -> tuple[bytes, bytes]:
    """Source and destination address."""
    size = 4 if packet.ip_version == 4 else 16
    return packet.data[packet.src:packet.src + size], packet.data[packet.dst:packet.dst + size]


def payload(packet: Packet, header: int) -> bytes:
    return packet.data[packet.transport + header:packet.end]
