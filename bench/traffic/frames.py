"""Ethernet frames with IPv4 or IPv6 and TCP or UDP, as pcap records with valid checksums.

Checksums (RFC 1071): the one's complement sum of 16-bit words is the number modulo 65535, and 2**16 = 1 there.
So a 32-bit field is added whole, and a payload that is sent often brings its sum along.
"""
from __future__ import annotations

from struct import Struct
from typing import Final

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10

MICROSECONDS: Final = 1_000_000
PCAP_HEADER: Final = Struct("<IHHiIII").pack(0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)  # µs, Ethernet
RECORD: Final = Struct("<IIII")

TCP_PROTOCOL: Final = 6
UDP_PROTOCOL: Final = 17
HOP_LIMIT: Final = 64
DONT_FRAGMENT: Final = 0x4000
TIMESTAMPS: Final = 0x0101080A  # NOP, NOP, timestamps option of 10 bytes (RFC 7323 appendix A)
TCP_WORDS: Final = 8            # TCP header with timestamps: 32 bytes

_V4_SEGMENT: Final = Struct(">14sHHHHHH4s4sHHIIHHHHIII")
_V6_SEGMENT: Final = Struct(">14sIHBB16s16sHHIIHHHHIII")
_V4: Final = Struct(">14sHHHHHH4s4s")
_V6: Final = Struct(">14sIHBB16s16s")
_TCP: Final = Struct(">HHIIHHHH")
_UDP: Final = Struct(">HHHH")


def words(data: bytes) -> int:
    """The one's complement sum of data as a number modulo 65535; an odd last byte counts as the high one."""
    number = int.from_bytes(data, "big")
    return (number << 8 if len(data) & 1 else number) % 65535


class Route:
    """What all frames from one address to another have in common. Addresses are 4 or 16 bytes."""

    def __init__(self, mac_source: bytes, mac_destination: bytes, source: bytes, destination: bytes,
                 identification: int = 0) -> None:
        self.v6 = len(source) == 16
        self.ethernet = mac_destination + mac_source + (b"\x86\xdd" if self.v6 else b"\x08\x00")
        self.source = source
        self.destination = destination
        self.address_sum = words(source + destination)
        self.identification = identification

    def network(self, protocol: int, length: int) -> bytes:
        """The Ethernet and IP headers before `length` bytes of transport."""
        if self.v6:
            return _V6.pack(self.ethernet, 0x60000000, length, protocol, HOP_LIMIT, self.source, self.destination)
        total = length + 20
        self.identification = number = (self.identification + 1) & 0xFFFF
        check = -(0x4500 + total + number + DONT_FRAGMENT + (HOP_LIMIT << 8) + protocol + self.address_sum) % 65535
        return _V4.pack(self.ethernet, 0x4500, total, number, DONT_FRAGMENT, (HOP_LIMIT << 8) + protocol, check,
                        self.source, self.destination)


def record(time: int, frame: bytes) -> bytes:
    """A pcap record; time in µs since 1970."""
    size = len(frame)
    return RECORD.pack(time // MICROSECONDS, time % MICROSECONDS, size, size) + frame


def datagram(route: Route, time: int, source_port: int, destination_port: int, payload: bytes) -> bytes:
    """A UDP datagram as a pcap record."""
    length = len(payload) + 8
    total = route.address_sum + UDP_PROTOCOL + 2 * length + source_port + destination_port + words(payload)
    check = -total % 65535 or 0xFFFF  # 0 would say "no checksum" (RFC 768)
    return record(time, route.network(UDP_PROTOCOL, length)
                  + _UDP.pack(source_port, destination_port, length, check) + payload)


class Segments:
    """Builds the TCP segments of one direction of a connection."""

    def __init__(self, route: Route, source_port: int, destination_port: int) -> None:
        self.route = route
        self.source_port = source_port
        self.destination_port = destination_port
        self.fixed = (route.address_sum + TCP_PROTOCOL + source_port + destination_port)

    def with_options(self, time: int, seq: int, ack: int, flags: int, window: int, options: bytes) -> bytes:
        """A segment without payload; options are padded to whole words already."""
        length = 20 + len(options)
        offset = (length // 4) << 12 | flags
        check = -(self.fixed + length + seq + ack + offset + window + words(options)) % 65535
        return record(time, self.route.network(TCP_PROTOCOL, length) + _TCP.pack(
            self.source_port, self.destination_port, seq, ack, offset, window, check, 0) + options)

    def segment(self, time: int, seq: int, ack: int, flags: int, window: int, value: int, echo: int,
                payload: bytes = b"", payload_sum: int = 0) -> bytes:
        """A segment with the timestamps option (value, echo). payload_sum is words(payload)."""
        route = self.route
        size = len(payload)
        length = size + 4 * TCP_WORDS
        offset = TCP_WORDS << 12 | flags
        check = -(self.fixed + length + seq + ack + offset + window + TIMESTAMPS + value + echo
                  + payload_sum) % 65535
        if route.v6:
            size += 86
            return RECORD.pack(time // MICROSECONDS, time % MICROSECONDS, size, size) + _V6_SEGMENT.pack(
                route.ethernet, 0x60000000, length, TCP_PROTOCOL, HOP_LIMIT, route.source, route.destination,
                self.source_port, self.destination_port, seq, ack, offset, window, check, 0,
                TIMESTAMPS, value, echo) + payload
        size += 66
        total = length + 20
        route.identification = number = (route.identification + 1) & 0xFFFF
        ip_check = -(0x4500 + total + number + DONT_FRAGMENT + (HOP_LIMIT << 8) + TCP_PROTOCOL
                     + route.address_sum) % 65535
        return RECORD.pack(time // MICROSECONDS, time % MICROSECONDS, size, size) + _V4_SEGMENT.pack(
            route.ethernet, 0x4500, total, number, DONT_FRAGMENT, (HOP_LIMIT << 8) + TCP_PROTOCOL, ip_check,
            route.source, route.destination, self.source_port, self.destination_port,
            seq, ack, offset, window, check, 0, TIMESTAMPS, value, echo) + payload
