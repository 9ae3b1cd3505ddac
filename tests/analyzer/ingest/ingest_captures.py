"""Captures built byte by byte for the tests of ingestion."""
from __future__ import annotations

import struct
from collections.abc import Callable

from analyzer.ingest.source import Source

Opener = Callable[[bytes], Source]

FRAME = bytes.fromhex("ffffffffffff0000000000010800") + bytes(range(46))
EPOCH = 1_700_000_000


def record(
    data: bytes = FRAME, seconds: int = EPOCH, fraction: int = 0, order: str = "<",
    captured: int | None = None, length: int | None = None, extra: bytes = b"",
) -> bytes:
    """A record of a pcap file."""
    size = len(data)
    return struct.pack(
        order + "IIII", seconds, fraction, size if captured is None else captured, size if length is None else length
    ) + extra + data


def pcap(
    *records: bytes, magic: int = 0xA1B2C3D4, link: int = 1, snaplen: int = 65535, order: str = "<",
    version: tuple[int, int] = (2, 4),
) -> bytes:
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link) + b"".join(records)


def block(kind: int, body: bytes, order: str = "<", total: int | None = None, trailer: int | None = None) -> bytes:
    """A block of a pcapng file; total and trailer are its two lengths, where they are to lie."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return (
        struct.pack(order + "II", kind, size if total is None else total) + body
        + struct.pack(order + "I", size if trailer is None else trailer)
    )


def option(code: int, value: bytes, order: str = "<", size: int | None = None) -> bytes:
    return struct.pack(order + "HH", code, len(value) if size is None else size) + value + bytes(-len(value) % 4)


END = bytes(4)


def section(order: str = "<", options: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, *version, -1) + options, order)


def interface(order: str = "<", link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(
    data: bytes = FRAME, units: int = EPOCH * 1_000_000, number: int = 0, order: str = "<", options: bytes = b"",
    captured: int | None = None, length: int | None = None, total: int | None = None, trailer: int | None = None,
) -> bytes:
    size = len(data)
    head = struct.pack(
        order + "IIIII", number, units >> 32, units & 0xFFFFFFFF,
        size if captured is None else captured, size if length is None else length,
    )
    return block(6, head + data + bytes(-size % 4) + options, order, total, trailer)


def simple(data: bytes = FRAME, length: int | None = None, order: str = "<") -> bytes:
    return block(3, struct.pack(order + "I", len(data) if length is None else length) + data, order)


def obsolete(data: bytes = FRAME, units: int = EPOCH * 1_000_000, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(
        order + "HHIIII", number, 0xFFFF, units >> 32, units & 0xFFFFFFFF, len(data), len(data)
    )
    return block(2, head + data, order)


def pcapng(*blocks: bytes, order: str = "<") -> bytes:
    """One section with one Ethernet interface, and these blocks."""
    return section(order) + interface(order) + b"".join(blocks)


def snoop_record(data: bytes = FRAME, seconds: int = EPOCH, micros: int = 0, drops: int = 0, pad: int = 2) -> bytes:
    size = len(data)
    return struct.pack(">IIIIII", size, size, 24 + size + pad, drops, seconds, micros) + data + bytes(pad)


def snoop(*records: bytes, version: int = 2, link: int = 4) -> bytes:
    return b"snoop\x00\x00\x00" + struct.pack(">II", version, link) + b"".join(records)


def frames(source: Source) -> list[tuple[int, int, int, bytes]]:
    """Every frame that is left: number, time, length, bytes."""
    found = []
    while source.next():
        assert 0 <= source.start <= source.end <= len(source.data)
        found.append((source.number, source.time, source.length, source.data[source.start:source.end]))
    assert not source.next(), "the end is the end"
    return found
