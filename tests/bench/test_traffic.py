"""The captures that are measured must be what they claim: correct, in order, and the same every time."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench.traffic.capture import make, name
from bench.traffic.frames import ACK, PCAP_HEADER, Route, Segments, datagram, words
from bench.traffic.mix import packets
from bench.traffic.tcp import Flight

PACKETS = 20_000
RECORD_HEADER = 16


@pytest.fixture(scope="module")
def mix() -> list[tuple[bool, bytes]]:
    return list(islice(packets(), PACKETS))


def transport_of(frame: bytes) -> tuple[int, bytes, bytes]:
    """Protocol, both addresses, and the transport header with its payload."""
    if frame[12:14] == b"\x08\x00":
        return frame[23], frame[26:34], frame[34:]
    return frame[20], frame[22:54], frame[54:]


def sums(mix: list[tuple[bool, bytes]]) -> Iterator[int]:
    """Of IPv4 headers, and of transport with its pseudo-header; each is 0 modulo 65535 where it is right."""
    for _, record in mix:
        frame = record[RECORD_HEADER:]
        if frame[12:14] == b"\x08\x00":
            yield words(frame[14:34])
        protocol, addresses, transport = transport_of(frame)
        yield (words(addresses) + protocol + len(transport) + words(transport)) % 65535


def test_every_checksum_is_valid(mix: list[tuple[bool, bytes]]) -> None:
    assert not any(sums(mix))


def test_lengths_and_order(mix: list[tuple[bool, bytes]]) -> None:
    last = 0
    for _, record in mix:
        seconds, micro, captured, length = (int.from_bytes(record[at:at + 4], "little") for at in (0, 4, 8, 12))
        assert captured == length == len(record) - RECORD_HEADER
        assert seconds * 1_000_000 + micro >= last
        last = seconds * 1_000_000 + micro


def test_shares(mix: list[tuple[bool, bytes]]) -> None:
    dns = sum(not is_tcp for is_tcp, _ in mix) / PACKETS
    v6 = sum(record[28:30] == b"\x86\xdd" for _, record in mix) / PACKETS
    size = sum(len(record) for _, record in mix) / PACKETS
    assert 0.07 < dns < 0.15
    assert 0.01 < v6 < 0.12
    assert 400 < size < 600


def test_a_direction_acknowledges_only_what_was_sent(mix: list[tuple[bool, bytes]]) -> None:
    """Except for data lost before the observer, which is sent again later."""
    sent: dict[bytes, int] = {}
    beyond = 0
    for is_tcp, record in mix:
        if not is_tcp:
            continue
        _, addresses, segment = transport_of(record[RECORD_HEADER:])
        half = len(addresses) // 2
        here = addresses + segment[:4]
        there = addresses[half:] + addresses[:half] + segment[2:4] + segment[:2]
        flags = segment[13]
        length = len(segment) - (segment[12] >> 4) * 4 + (flags & 1) + (flags >> 1 & 1)  # FIN and SYN count
        end = int.from_bytes(segment[4:8], "big") + length
        if (end - sent.get(here, end)) % 2**32 < 2**31:
            sent[here] = end % 2**32
        if flags & ACK and there in sent and 0 < (int.from_bytes(segment[8:12], "big") - sent[there]) % 2**32 < 2**31:
            beyond += 1
    assert beyond <= PACKETS // 5000


def test_the_same_seed_gives_the_same_bytes(mix: list[tuple[bool, bytes]]) -> None:
    assert list(islice(packets(), 2000)) == mix[:2000]
    assert list(islice(packets(seed=1), 100)) != mix[:100]


def test_a_larger_capture_continues_the_smaller(tmp_path: Path) -> None:
    found = make(tmp_path, [300, 1000])
    small, large, tcp = ((tmp_path / f"{key}.pcap").read_bytes() for key in ("mix-300", "mix-1k", "mix-tcp-1k"))
    assert large.startswith(small)
    assert large.startswith(PCAP_HEADER)
    assert found["mix-1k"].packets == 1000
    assert found["mix-tcp-1k"].packets < 1000
    assert len(tcp) == found["mix-tcp-1k"].bytes < len(large)


def test_captures_are_made_once_and_again_when_damaged(tmp_path: Path) -> None:
    made = make(tmp_path, [200])["mix-200"].path
    whole = made.read_bytes()
    stamp = made.stat().st_mtime_ns
    assert make(tmp_path, [200])["mix-200"].path.stat().st_mtime_ns == stamp
    made.write_bytes(whole[:-1])
    assert make(tmp_path, [200])["mix-200"].path.read_bytes() == whole


def test_names() -> None:
    assert [name(size, False) for size in (100, 1000, 4_000_000)] == ["mix-100", "mix-1k", "mix-4m"]
    assert name(100_000, True) == "mix-tcp-100k"


def test_a_checksum_that_comes_out_as_zero_is_sent_as_ones() -> None:
    """RFC 768: zero would say that there is none."""
    route = Route(bytes(6), bytes(6), bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    plain = datagram(route, 0, 1, 2, b"\0\0")
    filler = int.from_bytes(plain[RECORD_HEADER + 40:RECORD_HEADER + 42], "big")
    assert datagram(route, 0, 1, 2, filler.to_bytes(2, "big"))[RECORD_HEADER + 40:RECORD_HEADER + 42] == b"\xff\xff"


def test_odd_payloads_are_padded_for_the_sum() -> None:
    assert words(b"\x01") == 0x0100
    segments = Segments(Route(bytes(6), bytes(6), bytes(4), bytes(4)), 1, 2)
    frame = segments.segment(0, 1, 1, ACK, 1, 0, 0, b"abc", words(b"abc"))[RECORD_HEADER:]
    assert (6 + len(frame) - 34 + words(frame[34:])) % 65535 == 0


def test_holes_are_filled_and_ranges_grow() -> None:
    flight = Flight(10)
    for index in (1, 2, 4, 5):
        flight.hold(index)
    assert flight.ranges == [[4, 6], [1, 3]]
    flight.fill()
    assert (flight.expected, flight.ranges) == (3, [[4, 6]])
    flight.fill()
    assert (flight.expected, flight.ranges) == (6, [])


def test_the_third_duplicate_ack_begins_recovery() -> None:
    flight = Flight(100)
    flight.next_new = 20
    assert [flight.on_ack(0, sacked) for sacked in (1, 2, 3, 4)] == [False, False, True, False]
    assert flight.recover == 20
    assert flight.on_ack(7, 0)  # a partial ACK: the next hole is sent at once (RFC 6582)
    assert not flight.on_ack(20, 0)
    assert flight.recover == -1
