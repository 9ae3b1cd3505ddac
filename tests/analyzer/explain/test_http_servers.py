"""Servers of one name beside one another, and who asks again without a pause."""
from __future__ import annotations

import struct
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from analyzer.pipeline.run import Options, analyze

CLIENT = "10.0.0.1"
MS = 0.001


class Film:
    """HTTP exchanges, one after another, each on a connection of its own or all on one."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.port = 40_000

    def say(self, at: float, server: str, back: bool, seq: int, ack: int, flags: str, data: bytes = b"") -> None:
        ends = (server, CLIENT, 80, self.port) if back else (CLIENT, server, self.port, 80)
        segment = IP(src=ends[0], dst=ends[1], id=len(self.frames) + 1) / TCP(
            sport=ends[2], dport=ends[3], seq=seq, ack=ack, flags=flags)
        self.frames.append((at, bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / segment / Raw(data))))

    def exchange(self, at: float, server: str, wait: float, path: str = "/news", status: str = "200 OK",
                 way: float = MS) -> float:
        self.port += 1
        request = f"GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode()
        answer = f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode()
        up, down = 101 + len(request), 501 + len(answer)
        self.say(at, server, False, 100, 0, "S")
        self.say(at + way, server, True, 500, 101, "SA")
        self.say(at + way + MS / 10, server, False, 101, 501, "A")
        self.say(at + way + MS / 5, server, False, 101, 501, "PA", request)
        ended = at + 2 * way + wait
        self.say(ended, server, True, 501, up, "PA", answer)
        self.say(ended + MS / 10, server, False, up, down, "FA")
        self.say(ended + MS / 10 + way, server, True, down, up + 1, "FA")
        self.say(ended + MS / 5 + way, server, False, up + 1, down + 1, "A")
        return ended

    def codes(self, folder: Path) -> list[str]:
        octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        for at, frame in sorted(self.frames):
            octets += struct.pack("<IIII", 1000 + int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame
        (folder / "made.pcap").write_bytes(octets)
        found = analyze([str(folder / "made.pcap")], Options(everything=True)).findings
        return [f"{one.severity} {one.code}" for one in found if one.code in (
            "http.one_slow_server", "http.retried_at_once")]


def film(slow: float, *, count: int = 5, path: str = "/news", way: float = MS) -> Film:
    made = Film()
    for number in range(count):
        made.exchange(3.0 * number, "10.0.0.11", 5 * MS)
        made.exchange(3.0 * number + 1, "10.0.0.12", 6 * MS)
        made.exchange(3.0 * number + 2, "10.0.0.13", slow, path, way=way)
    return made


def test_one_of_three_is_slow(tmp_path: Path) -> None:
    assert film(0.6).codes(tmp_path) == ["warn http.one_slow_server"]


def test_what_else_looks_slow(tmp_path: Path) -> None:
    assert film(5 * MS, way=0.3).codes(tmp_path) == []           # far away
    assert film(0.6, path="/report").codes(tmp_path) == []       # other work
    assert film(0.6, count=4).codes(tmp_path) == []              # too few to say
    assert film(0.15).codes(tmp_path) == []                      # seldom noticed


def test_who_asks_again_without_a_pause(tmp_path: Path) -> None:
    def retries(pause: float, status: str, *, change: bool = False) -> list[str]:
        made, at = Film(), 0.0
        for number in range(15):
            at = made.exchange(at, "10.0.0.11", 2 * MS, f"/news/{number}" if change else "/news", status) + pause
        return made.codes(tmp_path)

    assert retries(5 * MS, "429 Too Many Requests") == ["warn http.retried_at_once"]
    assert retries(5 * MS, "503 Service Unavailable") == ["note http.retried_at_once"]
    assert retries(1.0, "503 Service Unavailable") == []
    assert retries(5 * MS, "200 OK") == []
    assert retries(5 * MS, "503 Service Unavailable", change=True) == []
