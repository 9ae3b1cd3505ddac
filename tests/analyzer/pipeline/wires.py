"""Packets as they are on a wire, with right checksums, and with others."""
from __future__ import annotations

import socket
import struct
from pathlib import Path

from taps import MS, START, write

from analyzer.model import Analysis, Finding
from analyzer.pipeline.run import Options, analyze

A, B = 0, 1
ADDRESSES = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
RIGHT, WRONG, PSEUDO, EMPTY = "right", "wrong", "pseudo", "empty"      # what stands in a field


def folded(data: bytes) -> int:
    """Word by word, with end-around carry (RFC 1071 §4.1)."""
    found = 0
    for at in range(0, len(data) - 1, 2):
        found += data[at] << 8 | data[at + 1]
    if len(data) & 1:
        found += data[-1] << 8
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return found


def packed(version: int, side: int) -> bytes:
    return socket.inet_pton(socket.AF_INET if version == 4 else socket.AF_INET6, ADDRESSES[version][side])


def summed(body: bytes, field: int, how: str, version: int, side: int, protocol: int) -> bytes:
    """The body with this in its checksum field."""
    pseudo = packed(version, side) + packed(version, 1 - side) + struct.pack("!HH", protocol, len(body))
    if protocol == 1:
        pseudo = b""
    body = body[:field] + b"\0\0" + body[field + 2:]
    right = 0xFFFF - folded(pseudo + body)
    value = {RIGHT: right, WRONG: right ^ 0x0101, PSEUDO: folded(pseudo), EMPTY: 0}[how]
    return body[:field] + value.to_bytes(2) + body[field + 2:]


def tcp(
    side: int, flags: int, seq: int, ack: int, data: bytes = b"", sums: str = RIGHT, version: int = 4,
    options: bytes = b"",
) -> bytes:
    ports = (40_000, 8080)
    header = struct.pack(
        "!HHIIBBHHH", ports[side], ports[1 - side], seq, ack, (20 + len(options)) << 2, flags, 64_000, 0, 0
    )
    return summed(header + options + data, 16, sums, version, side, 6)


def udp(
    side: int, data: bytes, sums: str = RIGHT, version: int = 4, ports: tuple[int, int] = (40_000, 5000)
) -> bytes:
    header = struct.pack("!HHHH", ports[side], ports[1 - side], 8 + len(data), 0)
    return summed(header + data, 6, sums, version, side, 17)


def echo(side: int, number: int, sums: str = RIGHT, version: int = 4, reply: bool = False) -> bytes:
    kind = (0 if reply else 8) if version == 4 else (129 if reply else 128)
    message = struct.pack("!BBHHH", kind, 0, 0, 7, number) + bytes(range(32))
    return summed(message, 2, sums, version, side, 1 if version == 4 else 58)


def ip(
    side: int, body: bytes, protocol: int, version: int = 4, sums: str = RIGHT, ident: int = 0, fragment: int = 0,
    ttl: int = 64,
) -> bytes:
    if version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, ttl) + packed(6, side) + packed(6, 1 - side) + body
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, fragment, ttl, protocol, 0, packed(4, side),
        packed(4, 1 - side),
    )
    right = 0xFFFF - folded(header)
    value = {RIGHT: right, WRONG: right ^ 0x0101, EMPTY: 0}[sums]
    return header[:10] + value.to_bytes(2) + header[12:] + body


def ether(packet: bytes, vlan: int = 0, padding: int = 0) -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    tag = b"\x81\x00" + vlan.to_bytes(2) if vlan else b""
    return b"\x02" * 12 + tag + kind + packet + b"\xee" * padding


def vxlan(side: int, frame: bytes, sums: str, version: int = 4) -> bytes:
    """The frame in a tunnel between the same two addresses."""
    body = struct.pack("!II", 0x08000000, 42 << 8) + frame
    return ip(side, udp(side, body, sums, version, (50_000, 4789) if side == A else (4789, 50_000)), 17, version)


def analysed(path: Path, frames: list[tuple[int, bytes]]) -> Analysis:
    """What is told of these frames; times in milliseconds since the start."""
    name = write(path / "made.pcap", [(START + time * MS, frame) for time, frame in frames])
    return analyze([name], Options())


def finding(analysis: Analysis, code: str) -> Finding | None:
    found = [one for one in analysis.findings if one.code == code]
    return found[0] if found else None
