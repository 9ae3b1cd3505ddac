"""Headers of QUIC packets, as far as they are readable without keys (RFC 8999, RFC 9000 §17, RFC 9369 §3.2)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import TooShort, WireError
from dissectors.kit.octets import be32
from dissectors.protocols.quic.versions import NEGOTIATION, is_reserved, version_of
from dissectors.wire.varint import read_varint

# What a packet is. Those up to RETRY are the types of a long header in version 1.
INITIAL: Final = 0
ZERO_RTT: Final = 1
HANDSHAKE: Final = 2
RETRY: Final = 3
ONE_RTT: Final = 4        # with a short header
VERSIONS: Final = 5       # Version Negotiation
OTHER: Final = 6          # a long header of a version that is not known here
PACKET_NAMES: Final = ("Initial", "0-RTT", "Handshake", "Retry", "1-RTT", "Version Negotiation", "unknown")

LONG: Final = 0x80        # header form (RFC 8999 §5.1)
FIXED: Final = 0x40       # the QUIC bit (RFC 9000 §17.2, RFC 9287)
SPIN: Final = 0x20        # of a short header (RFC 9000 §17.4)
MAX_ID: Final[i64] = 20   # octets of a connection ID in the versions that are known (RFC 9000 §17.2)
TAG: Final[i64] = 16      # octets of the tag of a Retry, and of every AEAD in use
SAMPLE: Final[i64] = 4    # octets from the packet number to the sample of header protection (RFC 9001 §5.4.2)
LEAST: Final[i64] = 20    # octets from the packet number on, so that there is a sample
WINDOWS: Final = (1, 1 << 8, 1 << 16, 1 << 24, 1 << 32)    # values of so many octets; compiled, 1 << 32 is no i64
MAX_VERSIONS: Final[i64] = 64        # of a Version Negotiation packet that are read


class QuicPacket:
    """One packet of a datagram, data[at:end].

    bits: the type of a long header as it stands there.     number_at: where the protected packet number begins, -1
    where there is none.     cut: octets of it that the capture left out.
    """

    def __init__(self, kind: int, at: i64, end: i64) -> None:
        self.kind: i64 = kind
        self.at: i64 = at
        self.end: i64 = end
        self.first: i64 = 0
        self.bits: i64 = 0
        self.version: i64 = 0
        self.dcid = b""
        self.scid = b""
        self.token = b""
        self.number_at: i64 = -1
        self.cut: i64 = 0
        self.versions: list[int] = []

    @property
    def long(self) -> bool:
        return self.kind != ONE_RTT


class Reader:
    """Goes over octets that hold integers of a variable length (RFC 9000 §16)."""

    def __init__(self, data: bytes, at: i64, end: i64) -> None:
        self.data = data
        self.at: i64 = at
        self.end: i64 = end

    def varint(self) -> i64:
        at = self.at
        if at >= self.end:
            raise TooShort(int(at), "an integer is missing")
        end = at + (1 << (i64(self.data[at]) >> 6))
        if end > self.end:
            raise TooShort(int(at), f"an integer of {end - at} octets where {self.end - at} are left")
        self.at = end
        return read_varint(self.data, at)

    def octet(self) -> i64:
        at = self.at
        if at >= self.end:
            raise TooShort(int(at), "an octet is missing")
        self.at = at + 1
        return i64(self.data[at])

    def take(self, octets: i64) -> bytes:
        at = self.at
        if octets > self.end - at:
            raise TooShort(int(at), f"{octets} octets needed where {self.end - at} are left")
        self.at = at + octets
        return self.data[at:at + octets]


def read_packet(data: bytes, at: i64, length: i64, short_id: i64) -> QuicPacket:
    """The packet that begins at data[at]. Raises WireError.

    length: of the whole datagram, which may be more than was captured.     short_id: octets of the connection ID in a
    short header, which does not say it.
    """
    size: i64 = len(data)
    if at >= size:
        raise TooShort(int(at), "a packet is missing")
    first = i64(data[at])
    if first & LONG:
        return _long(data, at, length, first)
    packet = QuicPacket(ONE_RTT, at, size)
    packet.first = first
    packet.cut = length - size
    if at + 1 + short_id + LEAST > length:
        raise TooShort(int(at), f"a short header in {length - at} octets")
    packet.dcid = data[at + 1:at + 1 + short_id]
    packet.number_at = at + 1 + short_id
    return packet


def _long(data: bytes, at: i64, length: i64, first: i64) -> QuicPacket:
    """RFC 8999 §5.1, RFC 9000 §17.2."""
    size: i64 = len(data)
    if at + 7 > size:
        raise TooShort(int(at), "a long header ends within its version")
    packet = QuicPacket(OTHER, at, size)
    packet.first = first
    packet.bits = first >> 4 & 3
    packet.version = be32(data, at + 1)
    packet.cut = length - size
    reader = Reader(data, at + 5, size)
    packet.dcid = reader.take(reader.octet())
    packet.scid = reader.take(reader.octet())
    if packet.version == NEGOTIATION:
        packet.kind = VERSIONS
        while reader.at + 4 <= size and len(packet.versions) < MAX_VERSIONS:
            packet.versions.append(int(be32(data, reader.at)))
            reader.at += 4
        return packet
    known = version_of(int(packet.version))
    if known is None:
        # A client that wants to see a negotiation builds its packet as that of the version which it knows.
        if is_reserved(int(packet.version)) and packet.bits == 0:
            _reserved(data, reader, packet, length)
        return packet
    if len(packet.dcid) > MAX_ID or len(packet.scid) > MAX_ID:
        raise WireError(int(at + 5), "a connection ID of more than 20 octets")
    packet.kind = known.types[packet.bits]
    if packet.kind == RETRY:
        if size - reader.at < TAG:
            raise TooShort(int(reader.at), "a Retry without its tag")
        packet.token = data[reader.at:size - TAG]
        return packet
    if packet.kind == INITIAL:
        packet.token = reader.take(reader.varint())
    rest = reader.varint()
    packet.number_at = reader.at
    if rest < LEAST:
        raise WireError(int(reader.at), f"a length of {rest}, too short to be protected")
    packet.end = reader.at + rest
    if packet.end > length:
        raise WireError(int(reader.at), f"a length of {rest} where {length - reader.at} octets are left")
    packet.cut = max(packet.end - size, 0)
    packet.end = min(packet.end, size)
    return packet


def _reserved(data: bytes, reader: Reader, packet: QuicPacket, length: i64) -> None:
    """An Initial of a reserved version, if it has the form of version 1."""
    try:
        token = reader.take(reader.varint())
        rest = reader.varint()
    except WireError:
        return
    if LEAST <= rest <= length - reader.at and len(packet.dcid) <= MAX_ID and len(packet.scid) <= MAX_ID:
        packet.kind = INITIAL
        packet.token = token
        packet.number_at = reader.at
        packet.cut = max(reader.at + rest - len(data), 0)
        packet.end = min(reader.at + rest, len(data))


def looks_like_quic(data: bytes) -> bool:
    """Whether a datagram begins with a long header of QUIC, by what every version has in common and by what a version
    that is known adds. A short header looks like anything and proves nothing."""
    if len(data) < 7 or not data[0] & LONG:
        return False
    try:
        packet = read_packet(data, 0, max(len(data), 1 << 16), 0)
    except WireError:
        return False
    if packet.kind == VERSIONS:
        rest = len(data) - 7 - len(packet.dcid) - len(packet.scid)
        known = [version for version in packet.versions if version_of(version) is not None or is_reserved(version)]
        return rest > 0 and rest % 4 == 0 and len(packet.dcid) + len(packet.scid) > 0 and len(known) > 0
    if is_reserved(int(packet.version)):
        # It is to be answered with the versions that are spoken, and its connection ID is as long as a first one is.
        return packet.kind == INITIAL and packet.first & FIXED != 0 and 8 <= len(packet.dcid) <= MAX_ID
    if packet.kind == OTHER:
        return False
    # The bit may be greased (RFC 9287), but only once both sides have said so, and never first.
    return packet.first & FIXED != 0 and (packet.kind != RETRY or len(packet.token) > 0)


def full_number(truncated: i64, octets: i64, largest: i64) -> i64:
    """The packet number whose last octets these are, the nearest to what comes next (RFC 9000 A.3).

    largest: that was opened in this space and direction so far; -1 for none.
    """
    expected = largest + 1
    window: i64 = WINDOWS[octets]
    half = window >> 1
    candidate = (expected & ~(window - 1)) | truncated
    if candidate <= expected - half and candidate < (1 << 62) - window:
        return candidate + window
    if candidate > expected + half and candidate >= window:
        return candidate - window
    return candidate
