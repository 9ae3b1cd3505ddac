"""Checksums of IP, TCP, UDP and ICMP (RFC 1071), where the capture holds all that they cover.

The sum of 16-bit words with end-around carry is the sum modulo 65535, and so is that of words of any multiple of 16
bits: each 16 bits stand for themselves times a power of 65536, which leaves 1.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.octets import be16, bits64

# What a checksum turned out to be.
UNKNOWN: Final[i64] = 0     # not all that it covers is in the capture, or it is of another protocol
RIGHT: Final[i64] = 1
WRONG: Final[i64] = 2
LEFT: Final[i64] = 3        # left to the network card: the field is empty, or holds the sum of the pseudo header alone
NONE: Final[i64] = 4        # the sender made none (RFC 768)

MODULUS: Final[i64] = 65_535
LOWER: Final[i64] = 0xFFFFFFFF
UDP_HEADER: Final[i64] = 8
IPV6_HEADER: Final[i64] = 40
FRAGMENT_HEADER: Final[i64] = 8   # RFC 8200 §4.5
LEAST_HEADER: Final[i64] = 20     # octets of an IPv4 header without options (RFC 791 §3.1)
# Where the field stands in the header: TCP (RFC 9293 §3.1), UDP (RFC 768), ICMP (RFC 792; RFC 4443 §2.1).
TCP_FIELD: Final[i64] = 16
UDP_FIELD: Final[i64] = 6
ICMP_FIELD: Final[i64] = 2


def total(data: bytes, start: i64, end: i64) -> int:
    """The words of this span, added with end-around carry: 0 to 65534. An odd octet at the end is the upper half of a
    word (RFC 1071 §4.1)."""
    found: i64 = 0
    at = start
    while at + 8 <= end:        # no packet is long enough for these sums to leave 63 bits
        eight = bits64(data, at)
        found += (eight & LOWER) + ((eight >> 32) & LOWER)
        at += 8
    while at + 2 <= end:
        found += be16(data, at)
        at += 2
    if at < end:
        found += i64(data[at]) << 8
    return int(found % MODULUS)


def ip_checksum(packet: Packet) -> i64:
    """Of the header of IPv4 (RFC 791 §3.1). IPv6 has none."""
    data, at = packet.data, packet.network
    if packet.ip_version != 4:
        return NONE
    header = (i64(data[at]) & 15) << 2
    if at + header > packet.end:
        return UNKNOWN
    if total(data, at, at + header) == 0:
        return RIGHT
    return LEFT if be16(data, at + 10) == 0 else WRONG


def transport_checksum(packet: Packet) -> i64:
    """Of the TCP segment, the UDP datagram or the ICMP message."""
    if not _whole(packet):
        return UNKNOWN
    kind, at, end = packet.kind, packet.transport, packet.end
    if kind == ICMP:
        if at + ICMP_FIELD + 2 > end:
            return UNKNOWN
        if total(packet.data, at, end) == 0:
            return RIGHT
        return LEFT if be16(packet.data, at + ICMP_FIELD) == 0 else WRONG
    field = at + field_of(kind)
    if field + 2 > end:
        return UNKNOWN
    pseudo = _pseudo(packet.data, packet.src, packet.size(), kind, end - at)
    return _judged(packet.data, at, end, field, pseudo, kind, packet.ip_version)


def outer_checksum(packet: Packet) -> i64:
    """Of the UDP datagram that carries the packet through a tunnel; UNKNOWN where there is none."""
    at = packet.outer
    if at < 0:
        return UNKNOWN
    data = packet.data
    end = at + be16(data, at + 4)
    last = packet.base + packet.captured if packet.base >= 0 else i64(len(data))
    if end < at + UDP_HEADER or end > last:
        return UNKNOWN
    # RFC 6935 §5: a tunnel over IPv6 may go without, as over IPv4 (RFC 7348 §5).
    if be16(data, at + UDP_FIELD) == 0:
        return NONE
    pseudo = _pseudo(data, packet.outer_src, 4 if packet.outer_version == 4 else 16, UDP, end - at)
    return _judged(data, at, end, at + UDP_FIELD, pseudo, UDP, packet.outer_version)


def expected(packet: Packet) -> tuple[int, int]:
    """What stands in the field of the transport, and what would be right there."""
    at, end, kind = packet.transport, packet.end, packet.kind
    pseudo = 0 if kind == ICMP else _pseudo(packet.data, packet.src, packet.size(), kind, end - at)
    return _expected(packet.data, at, end, at + field_of(kind), pseudo)


def outer_expected(packet: Packet) -> tuple[int, int]:
    """The same of the datagram that carries it."""
    at, data = packet.outer, packet.data
    end = at + be16(data, at + 4)
    pseudo = _pseudo(data, packet.outer_src, 4 if packet.outer_version == 4 else 16, UDP, end - at)
    return _expected(data, at, end, at + UDP_FIELD, pseudo)


def ip_expected(packet: Packet) -> tuple[int, int]:
    """The same of the IPv4 header."""
    at = packet.network
    return _expected(packet.data, at, at + ((i64(packet.data[at]) & 15) << 2), at + 10, 0)


def field_of(kind: i64) -> i64:
    """Where the checksum stands behind the begin of this header."""
    return TCP_FIELD if kind == TCP else UDP_FIELD if kind == UDP else ICMP_FIELD


def _judged(data: bytes, at: i64, end: i64, field: i64, pseudo: int, kind: i64, version: i64) -> i64:
    stands = int(be16(data, field))
    if kind == UDP and stands == 0:
        return NONE if version == 4 else WRONG      # RFC 8200 §8.1: IPv6 does not allow it
    if (total(data, at, end) + pseudo) % MODULUS == 0:
        return RIGHT
    # The sum that the card goes on with (Linux: CHECKSUM_PARTIAL); without the length where it cuts the packet up.
    without = pseudo - int(end - at)
    if stands == 0 or (stands - pseudo) % MODULUS == 0 or (stands - without) % MODULUS == 0:
        return LEFT
    return WRONG


def _pseudo(data: bytes, src: i64, size: i64, kind: i64, length: i64) -> int:
    """Both addresses, the protocol, the length (RFC 9293 §3.1; RFC 8200 §8.1)."""
    return (total(data, src, src + size + size) + int(kind) + int(length >> 16) + int(length & 0xFFFF)) % MODULUS


def _expected(data: bytes, at: i64, end: i64, field: i64, pseudo: int) -> tuple[int, int]:
    stands = int(be16(data, field))
    return stands, MODULUS - (total(data, at, end) + pseudo - stands) % MODULUS


def _whole(packet: Packet) -> bool:
    """Is all of it here, and are the addresses those that the sender summed up?

    Source routes and routing headers end elsewhere (RFC 791 §3.1; RFC 8200 §8.1), so packets with IPv4 options, or with
    other extension headers than fragments, are left aside.
    """
    kind, data, at = packet.kind, packet.data, packet.network
    if kind not in (TCP, UDP, ICMP, ICMPV6) or packet.end != packet.true_end:
        return False
    joined = packet.base < 0 and at == 0 and bool(packet.fragments)    # its header is that of the first fragment
    if packet.ip_version == 4:
        if packet.transport - at != LEAST_HEADER:
            return False
        last = at + be16(data, at + 2)
    else:
        if packet.transport - at != (IPV6_HEADER + FRAGMENT_HEADER if joined else IPV6_HEADER):
            return False
        last = at + IPV6_HEADER + be16(data, at + 4)
    if kind == UDP:
        udp = packet.transport
        return udp + UDP_HEADER <= packet.end and packet.end == udp + be16(data, udp + 4)
    return joined or packet.end == last
