"""Checksums of single packets, as far as the capture holds what they cover."""
from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_frames import A4, A6, B4, B6, decoded, eth, ip4, ip6, tcp, udp

from analyzer import checksums
from analyzer.checksums import LEFT, NONE, RIGHT, UNKNOWN, WRONG
from analyzer.packet import Packet
from analyzer.packets.decode import Decoder

FIELDS = {6: 16, 17: 6, 1: 2, 58: 2}


def words(data: bytes) -> int:
    """Word by word, with end-around carry (RFC 1071 §4.1)."""
    found = 0
    data += b"\0" if len(data) & 1 else b""
    for at in range(0, len(data), 2):
        found += data[at] << 8 | data[at + 1]
        found = (found & 0xFFFF) + (found >> 16)
    return found


def pseudo(version: int, protocol: int, length: int) -> bytes:
    ends = A4 + B4 if version == 4 else A6 + B6
    return b"" if protocol == 1 else ends + pack(">HH", protocol, length)


def filled(body: bytes, version: int, protocol: int, change: int = 0) -> bytes:
    field = FIELDS[protocol]
    right = 0xFFFF - words(pseudo(version, protocol, len(body)) + body[:field] + b"\0\0" + body[field + 2:])
    return body[:field] + (right ^ change).to_bytes(2) + body[field + 2:]


def packet_of(body: bytes, version: int, protocol: int, **more: int) -> Packet:
    frame = eth(ip4(body, protocol)) if version == 4 else eth(ip6(body, protocol), 0x86DD)
    return decoded(frame + b"\xaa" * more.get("padding", 0), captured=more.get("captured"))


BODIES = [
    (tcp(b"odd"), 4, 6), (tcp(b"even"), 6, 6), (udp(b"abc"), 4, 17), (udp(b"abcd"), 6, 17),
    (b"\x08\x00\0\0\0\1\0\1" + b"data!", 4, 1), (b"\x80\x00\0\0\0\1\0\1" + b"data!", 6, 58),
]


@pytest.mark.parametrize(("body", "version", "protocol"), BODIES)
def test_right_and_wrong_sums(body: bytes, version: int, protocol: int) -> None:
    assert checksums.transport_checksum(packet_of(filled(body, version, protocol), version, protocol)) == RIGHT
    packet = packet_of(filled(body, version, protocol, 0x0100), version, protocol, padding=7)
    assert checksums.transport_checksum(packet) == WRONG
    stands, right = checksums.expected(packet)
    assert stands ^ right == 0x0100


@pytest.mark.parametrize(("body", "version", "protocol"), BODIES)
def test_nothing_is_said_of_what_is_cut_short(body: bytes, version: int, protocol: int) -> None:
    size = len(body) + (34 if version == 4 else 54)
    packet = packet_of(filled(body, version, protocol, 1), version, protocol, captured=size - 1)
    assert checksums.transport_checksum(packet) == UNKNOWN


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("length", [True, False])
def test_the_sum_of_the_pseudo_header_is_left_to_the_card(version: int, length: bool) -> None:
    body = tcp(b"payload")
    partial = words(pseudo(version, 6, len(body) if length else 0))
    body = body[:16] + partial.to_bytes(2) + body[18:]
    assert checksums.transport_checksum(packet_of(body, version, 6)) == LEFT


def test_a_datagram_without_a_sum() -> None:
    assert checksums.transport_checksum(packet_of(udp(b"abc"), 4, 17)) == NONE
    assert checksums.transport_checksum(packet_of(udp(b"abc"), 6, 17)) == WRONG


def test_the_header_of_ipv4() -> None:
    body = filled(udp(b"abc"), 4, 17)
    empty = ip4(body, 17)
    right = 0xFFFF - words(empty[:20])
    for value, verdict in ((right, RIGHT), (right ^ 8, WRONG), (0, LEFT)):
        packet = decoded(eth(empty[:10] + value.to_bytes(2) + empty[12:]))
        assert checksums.ip_checksum(packet) == verdict
    assert checksums.ip_expected(decoded(eth(empty[:10] + b"\x12\x34" + empty[12:]))) == (0x1234, right)


def test_a_source_route_or_a_placeholder_for_the_length_is_left_aside() -> None:
    body = filled(tcp(b"abc"), 4, 6, 1)
    assert checksums.transport_checksum(decoded(eth(ip4(body, 6, options=b"\x83\x03\x04\x00")))) == UNKNOWN
    assert checksums.transport_checksum(decoded(eth(ip4(body + bytes(40), 6, total=0)))) == UNKNOWN


@given(st.binary(max_size=200), st.integers(0, 3))
def test_the_sum_of_a_span_is_that_of_its_words(data: bytes, start: int) -> None:
    span = data[start:]
    assert checksums.total(data, start, len(data)) == words(span) % 0xFFFF if len(data) >= start else True


def test_a_datagram_put_together_from_fragments_is_verified() -> None:
    whole = filled(udp(bytes(range(200)) * 5), 4, 17)
    for content, verdict in ((whole, RIGHT), (whole[:-1] + b"\xff", WRONG)):
        packet = Packet()
        packet.want_layers = True
        decoder = Decoder()
        decoded(eth(ip4(content[:800], 17, fragment=0x2000)), decoder=decoder, packet=packet)
        decoded(eth(ip4(content[800:], 17, fragment=100)), decoder=decoder, packet=packet, number=2)
        assert packet.fragments == [1, 2]
        assert checksums.transport_checksum(packet) == verdict
