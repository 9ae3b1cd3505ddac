"""Causes that only whole frames show: from which machine, with how many hops left, beside which other connection."""
from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from analyzer.model import Analysis, Finding
from analyzer.pipeline.run import Options, analyze

CLIENT, SERVER, OTHER, ROUTER = "10.0.0.1", "10.0.0.5", "10.244.3.7", "10.77.0.1"
FIN_ACK, SYN, RST, PSH_ACK, ACK, SYN_ACK = 17, 2, 4, 24, 16, 18
MINE, FIRST, SECOND = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\xaa", b"\x02\0\0\0\0\xbb"


class Film:
    """Frames one after another; times in milliseconds."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.counts = {CLIENT: 100, SERVER: 9000, OTHER: 9000, ROUTER: 7}

    def ip(
        self, at: float, source: str, target: str, protocol: int, body: bytes, ttl: int, station: bytes,
        identity: int = -1,
    ) -> None:
        if identity < 0:
            self.counts[source] += 1
            identity = self.counts[source]
        header = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), identity, 0x4000, ttl, protocol, 0, socket.inet_aton(source),
            socket.inet_aton(target),
        )
        self.frames.append((at, MINE + station + b"\x08\0" + header + body))

    def tcp(
        self, at: float, source: str, sport: int, target: str, dport: int, seq: int, ack: int, flags: int,
        length: int = 0, ttl: int = 64, station: bytes = FIRST, identity: int = -1,
    ) -> None:
        body = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 502, 0, 0) + b"x" * length
        self.ip(at, source, target, 6, body, ttl, station, identity)

    def up(self, at: float, seq: int, ack: int, flags: int, length: int = 0, **more: int) -> None:
        self.tcp(at, CLIENT, 40000, SERVER, 80, seq, ack, flags, length, station=MINE, **more)

    def down(self, at: float, seq: int, ack: int, flags: int, length: int = 0, station: bytes = FIRST) -> None:
        self.tcp(at, SERVER, 80, CLIENT, 40000, seq, ack, flags, length, 52, station)

    def open(self) -> Film:
        self.up(0, 1000, 0, SYN)
        self.down(10, 5000, 1001, SYN_ACK)
        self.up(10.1, 1001, 5001, ACK)
        self.up(11, 1001, 5001, PSH_ACK, 50)
        self.down(21, 5001, 1051, ACK)
        return self

    def arp(self, at: float, operation: int, station: bytes, sender: str, target: str) -> None:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + station + socket.inet_aton(sender) + bytes(6)
        self.frames.append((at, MINE + station + b"\x08\x06" + body + socket.inet_aton(target)))

    def told(self, folder: Path) -> Analysis:
        path = folder / "made.pcap"
        octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        for at, frame in self.frames:
            micros = int(at * 1000)
            seconds = 1_700_000_000 + micros // 1_000_000
            octets += struct.pack("<IIII", seconds, micros % 1_000_000, len(frame), len(frame)) + frame
        path.write_bytes(octets)
        return analyze([str(path)], Options())


def only(analysis: Analysis, code: str) -> Finding:
    finding, = [finding for finding in analysis.findings if finding.code == code]
    return finding


def codes(analysis: Analysis) -> list[str]:
    return [finding.code for finding in analysis.findings]


def test_two_machines_that_answer_one_request_and_a_reset_of_the_second(tmp_path: Path) -> None:
    film = Film()
    film.arp(-0.0, 1, MINE, CLIENT, SERVER)
    film.arp(0, 2, FIRST, SERVER, CLIENT)
    film.arp(0, 2, SECOND, SERVER, CLIENT)
    film.open().up(500, 1051, 5001, PSH_ACK, 50)
    film.down(500.5, 5001, 0, RST, station=SECOND)
    told = film.told(tmp_path)
    conflict = only(told, "link.address_claimed_twice")
    assert "10.0.0.5 is claimed by two machines at the same time" in conflict.sentence
    assert conflict.frames == (2, 3)
    reset = only(told, "tcp.reset")
    assert "another machine sent it" in reset.sentence
    assert "it comes from 02:00:00:00:00:bb on this link" in reset.basis


def test_an_address_that_moves_is_no_conflict(tmp_path: Path) -> None:
    film = Film()
    for at, station in ((0, FIRST), (5000, SECOND)):
        film.arp(at, 1, MINE, CLIENT, SERVER)
        film.arp(at, 2, station, SERVER, CLIENT)
    assert codes(film.told(tmp_path)) == []


@pytest.mark.parametrize("reports", [True, False])
def test_a_packet_that_comes_round_is_one_packet(tmp_path: Path, reports: bool) -> None:
    film = Film()
    for start in (0, 1000, 3000):
        film.counts[CLIENT] += 1
        for index in range(30):
            film.up(start + index * 1.2, 1000, 0, SYN, ttl=64 - 2 * index, identity=film.counts[CLIENT])
        if reports:
            quoted = film.frames[-1][1][14:42]
            film.ip(start + 40, ROUTER, CLIENT, 1, struct.pack("!BBHI", 11, 0, 0, 0) + quoted, 60, FIRST)
    told = film.told(tmp_path)
    loop = only(told, "icmp.routing_loop")
    assert "3 packets to 10.0.0.5:80 went round in a routing loop: each passed here up to 30 times" in loop.sentence
    assert ("10.77.0.1 dropped them" in loop.sentence) is reports
    assert "3 SYNs" in only(told, "tcp.unanswered").sentence
    assert "capture.duplicates" not in codes(told)


def test_a_packet_seen_on_both_sides_of_a_router_is_no_loop(tmp_path: Path) -> None:
    film = Film()
    for start in (0, 1000, 3000):
        film.counts[CLIENT] += 1
        for ttl in (64, 63):
            film.up(start + (64 - ttl) * 1.2, 1000, 0, SYN, ttl=ttl, identity=film.counts[CLIENT])
    told = film.told(tmp_path)
    assert "icmp.routing_loop" not in codes(told)
    assert "3 SYNs" in only(told, "tcp.unanswered").sentence
    assert only(told, "capture.duplicates").sentence.startswith("Each of the 3 packets is in the capture twice")


def test_a_segment_that_kept_its_own_address(tmp_path: Path) -> None:
    film = Film().open()
    film.tcp(30, OTHER, 8080, CLIENT, 40000, 5001, 1051, ACK, 1000, ttl=52)
    film.tcp(30.1, CLIENT, 40000, OTHER, 8080, 1051, 0, RST, station=MINE)
    finding = only(film.told(tmp_path), "tcp.not_translated")
    assert "10.244.3.7:8080 acknowledges just what 10.0.0.1:40000 sent to 10.0.0.5:80" in finding.sentence
    assert finding.conversation == 2


def test_a_stranger_with_other_numbers_is_a_stranger(tmp_path: Path) -> None:
    film = Film().open()
    film.tcp(30, OTHER, 8080, CLIENT, 40000, 77, 99_000_000, ACK, 1000, ttl=52)
    film.tcp(30.1, CLIENT, 40000, OTHER, 8080, 99_000_000, 0, RST, station=MINE)
    told = film.told(tmp_path)
    assert "tcp.not_translated" not in codes(told)
    assert "no longer knew" not in only(told, "tcp.reset").sentence


def test_a_stream_begins_with_the_syn_ack_and_not_with_an_old_answer(tmp_path: Path) -> None:
    film = Film()
    film.up(0, 50_000_000, 0, SYN)
    film.down(10, 999, 20_000_000, ACK)
    film.up(10.1, 20_000_000, 0, RST)
    film.up(1000, 50_000_000, 0, SYN)
    film.down(1010, 8_000_000, 50_000_001, SYN_ACK)
    film.up(1010.1, 50_000_001, 8_000_001, ACK)
    film.up(1011, 50_000_001, 8_000_001, PSH_ACK, 100)
    film.down(1021, 8_000_001, 50_000_101, PSH_ACK, 40)
    film.up(1022, 50_000_101, 8_000_041, ACK)
    told = film.told(tmp_path)
    finding = only(told, "tcp.old_connection")
    assert "answered the SYN with an ACK of 20000000, where the SYN asks for 50000001" in finding.sentence
    assert "opened 1.00 s after that answer" in finding.sentence
    assert not {"capture.gap", "capture.loss", "tcp.syn_resent", "tcp.unanswered"} & set(codes(told))


def test_two_frames_with_the_same_time_have_no_measurable_time_between_them(tmp_path: Path) -> None:
    film = Film()
    film.up(0, 50_000_000, 0, SYN)
    film.down(10, 999, 20_000_000, ACK)
    film.down(10, 8_000_000, 50_000_001, SYN_ACK)
    film.up(10, 50_000_001, 8_000_001, ACK)
    assert "opened no measurable time after that answer" in only(film.told(tmp_path), "tcp.old_connection").sentence


def test_nothing_is_claimed_of_a_fin_that_the_capture_may_have_missed(tmp_path: Path) -> None:
    """The capture begins late: whether the side that resets had sent its FIN before is not known."""
    film = Film()
    film.up(0, 1001, 5001, PSH_ACK, 50)
    film.down(10, 5001, 0, RST)
    finding = only(film.told(tmp_path), "tcp.reset")
    assert finding.severity == "note"
    assert "what was read begins in the middle of this conversation" in finding.basis


def test_a_reset_with_a_wild_number_makes_no_bytes_go_missing(tmp_path: Path) -> None:
    film = Film().open()
    film.up(30, 1051, 5001, ACK)
    film.down(40, 5001, 464_000_000, ACK)
    film.up(50, 1051, 5001, PSH_ACK, 50)
    film.down(60, 5001, 464_000_000, RST | ACK)
    told = film.told(tmp_path)
    assert not {"capture.loss", "capture.gap"} & set(codes(told))
    assert all(" MB" not in finding.sentence for finding in told.findings)
