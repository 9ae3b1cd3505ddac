"""What looks like silence, and is none: answers of another form, and what the capture cannot hold."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest
from test_survey_and_tell import ACK, CLIENT, FIN_ACK, PSH_ACK, ROUTER, RST, SERVER, SYN, SYN_ACK, ip, tcp, udp

from analyzer.model import Analysis
from analyzer.pipeline.run import Frames, Options, analyze

SCALED = b"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07\x01\x01"     # MSS, SACK permitted, scale of 7


def up(seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
    return tcp(CLIENT, 40_000, SERVER, 80, seq, ack, flags, data)


def down(seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
    return tcp(SERVER, 80, CLIENT, 40_000, seq, ack, flags, data)


def told(path: Path, frames: list[tuple[float, bytes]], snap: int = 65_535) -> Analysis:
    """Of these frames, each at its second."""
    records = b"".join(
        struct.pack("<IIII", 1_700_000_000 + int(at), round(at % 1 * 1_000_000), len(frame[:snap]), len(frame))
        + frame[:snap] for at, frame in frames
    )
    name = path / "made.pcap"
    name.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1) + records)
    return analyze([str(name)], Options())


def codes(made: Analysis) -> list[str]:
    return [one.code for one in made.findings if one.severity in ("warn", "error")]


def test_a_syn_that_something_else_answers_is_not_unanswered(tmp_path: Path) -> None:
    made = told(tmp_path, [
        (0, up(1000, 0, SYN)), (0.02, down(777_777, 999_999, ACK)), (0.021, up(999_999, 0, RST)),
        (1, up(1000, 0, SYN)), (1.02, down(5000, 1001, SYN_ACK)), (1.021, up(1001, 5001, ACK)),
        (9, up(1001, 5001, ACK)),
    ])
    assert "tcp.unanswered" not in codes(made)


def test_an_icmp_error_is_an_answer_to_a_syn(tmp_path: Path) -> None:
    frames = [(at, up(1000, 0, SYN)) for at in (0, 1, 3)]
    error = ip(ROUTER, CLIENT, 1, struct.pack("!BBHI", 3, 1, 0, 0) + frames[0][1][14:42])
    alone = told(tmp_path, [*frames, (9, up(1000, 0, SYN))])
    assert codes(alone) == ["tcp.unanswered"]
    assert codes(told(tmp_path, [*frames, (3.005, error), (9, up(1000, 0, SYN))])) == ["icmp.error"]


@pytest.mark.parametrize("snap", [58, 200])
def test_a_scale_behind_the_snap_length_is_unknown_and_not_unused(tmp_path: Path, snap: int) -> None:
    def scaled(frame: bytes) -> bytes:
        header = bytearray(frame[34:54])
        header[12] = 0x80
        return frame[:16] + struct.pack("!H", 52) + frame[18:34] + bytes(header) + SCALED
    frames = [(0, scaled(up(1000, 0, SYN))), (0.02, scaled(down(5000, 1001, SYN_ACK))), (0.02, up(1001, 5001, ACK))]
    at = 5001
    for turn in range(60):
        small = bytearray(up(1001, at, ACK))
        small[48:50] = struct.pack("!H", 20)
        frames += [(0.04 + turn * 0.02, down(at, 1001, PSH_ACK, b"x" * 1400)), (0.041 + turn * 0.02, bytes(small))]
        at += 1400
    found = told(tmp_path, frames, snap)
    known = ["tcp.window_limited"] if snap > 58 else []     # it has room for one segment and no second one
    assert [code for code in codes(found) if code.startswith("tcp.window")] == known


def test_a_byte_from_before_the_capture_is_not_missing(tmp_path: Path) -> None:
    made = told(tmp_path, [
        frame for at in (0, 10, 20) for frame in ((at, up(999, 5000, ACK)), (at + 0.01, down(5000, 1000, ACK)))
    ])
    assert "capture.loss" not in [one.code for one in made.findings]


def test_keep_alives_that_are_answered_no_more(tmp_path: Path) -> None:
    frames = [(0.0, up(1000, 0, SYN)), (0.02, down(5000, 1001, SYN_ACK)), (0.021, up(1001, 5001, ACK))]
    frames += [(0.03, up(1001, 5001, PSH_ACK, b"x")), (0.05, down(5001, 1002, ACK))]
    for at in (10, 20, 30):
        frames += [(at, up(1001, 5001, ACK)), (at + 0.02, down(5001, 1002, ACK))]
    gone = told(tmp_path, frames + [(at, up(1001, 5001, ACK)) for at in (40, 50, 60, 70)])
    assert "tcp.keep_alive_unanswered" in codes(gone)
    assert "tcp.keep_alive_unanswered" not in codes(told(tmp_path, frames))


def test_an_answer_that_cannot_be_read_is_an_answer(tmp_path: Path) -> None:
    asked, answer = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.01 200 ok\r\nContent-Length: 2\r\n\r\nok"
    mine, theirs = 1000 + len(asked), 5000 + len(answer)
    frames = [
        (0, up(1000, 5000, ACK)), (0.01, up(1000, 5000, PSH_ACK, asked)), (0.02, down(5000, mine, PSH_ACK, answer)),
        (0.03, up(mine, theirs, FIN_ACK)), (0.04, down(theirs, mine + 1, FIN_ACK)),
        (0.05, up(mine + 1, theirs + 1, ACK)),
    ]
    assert "http.unanswered" not in codes(told(tmp_path, frames))


def test_a_packet_that_comes_round_is_told_once_and_shown_in_each_frame(tmp_path: Path) -> None:
    question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x04shop\x04test\x00\x00\x01\x00\x01"
    datagram = udp(CLIENT, 40_000, SERVER, 53, question)
    frames = [(at / 1000, datagram[:22] + bytes((64 - at,)) + datagram[23:]) for at in range(6)]
    made = told(tmp_path, frames)
    assert [event.name for phase in made.told[0].phases for event in phase.events].count("dns.query") == 1
    lines = b"".join(Frames([str(tmp_path / "made.pcap")])).splitlines()
    assert [b'"dns"' in line for line in lines] == [True] * 6


def test_a_reply_that_is_stamped_before_its_request_answers_it(tmp_path: Path) -> None:
    def echo(kind: int, number: int, there: bool) -> bytes:
        ends = (CLIENT, SERVER) if there else (SERVER, CLIENT)
        return ip(*ends, 1, struct.pack("!BBHHH", kind, 0, 0, 7, number) + bytes(32))

    pairs = [(number, frame) for number in range(4) for frame in (echo(0, number, False), echo(8, number, True))]
    made = told(tmp_path, [(number + index % 2 * 0.02, frame) for index, (number, frame) in enumerate(pairs)])
    assert not [one for one in made.findings if one.code == "icmp.echo_unanswered"]
    late = told(tmp_path, [(0, echo(0, 1, False)), *[(9 + number, echo(8, number, True)) for number in range(1, 9)]])
    assert [one.code for one in late.findings if one.severity == "warn"] == ["icmp.echo_unanswered"]


@pytest.mark.parametrize(("by", "severities"), [(7200.0, {"note"}), (20.0, {"warn"})])
def test_a_wait_in_which_the_clock_may_have_been_set_is_no_slow_answer(
    tmp_path: Path, by: float, severities: set[str]
) -> None:
    """Two requests are open while nothing at all is captured for hours, and no timestamps tell what passed."""
    def ends(port: int, there: bool) -> tuple[str, int, str, int]:
        return (CLIENT, port, SERVER, 80) if there else (SERVER, 80, CLIENT, port)

    frames: list[tuple[float, bytes]] = []
    for port in (40_000, 40_001):
        start = (port - 40_000) * 0.001
        frames += [
            (start, tcp(*ends(port, True), 1000, 0, SYN)), (start + 0.01, tcp(*ends(port, False), 5000, 1001, SYN_ACK)),
            (start + 0.011, tcp(*ends(port, True), 1001, 5001, ACK)),
            (start + 0.012, tcp(*ends(port, True), 1001, 5001, PSH_ACK, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")),
            (by + start + 0.03, tcp(*ends(port, False), 5001, 1035, PSH_ACK, b"HTTP/1.1 204 No Content\r\n\r\n")),
            (by + start + 0.031, tcp(*ends(port, True), 1035, 5028, ACK)),
        ]
    made = told(tmp_path, sorted(frames))
    assert {one.severity for one in made.findings if one.code == "http.slow"} == severities
    assert [one.frames for one in made.findings if one.code == "capture.silence"] == ([(8, 9)] if by > 3600 else [])
