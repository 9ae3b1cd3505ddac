"""What lies beyond a cap of ours is not called missing: it is in the capture."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest
from pcap_bytes import ethernet, ipv4, pcap, tcp, udp

from analyzer.model import Analysis
from analyzer.pipeline import run
from analyzer.pipeline.run import Options, analyze

SYN, SYN_ACK, ACK = 2, 18, 16
CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"


def told(parts: list[tuple[int, bytes]], path: Path) -> Analysis:
    """A client sends these octets of its stream, in this order."""
    ends = (CLIENT, SERVER)
    frames = [
        ethernet(ipv4(tcp(b"", 40_000, 80, 99, 0, SYN), 6, *ends)),
        ethernet(ipv4(tcp(b"", 80, 40_000, 499, 100, SYN_ACK), 6, *ends[::-1])),
        *[ethernet(ipv4(tcp(data, 40_000, 80, 100 + at, 500, ACK), 6, *ends)) for at, data in parts],
    ]
    path.write_bytes(pcap(frames))
    return analyze([str(path)], Options())


def names(analysis: Analysis) -> set[str]:
    return {event.name for one in analysis.told for phase in one.phases for event in phase.events}


def test_a_resend_fills_a_hole_with_megabytes_behind_it(tmp_path: Path) -> None:
    """As on a fast path after one loss."""
    size = 1_400
    count = (2 << 20) // size
    body = bytes(size * count)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    rest = [(len(head) + at, body[at:at + size]) for at in range(0, len(body), size)]
    analysis = told([*rest, (0, head)], tmp_path / "c.pcap")
    assert {"http.request", "http.exchange"} <= names(analysis)
    assert not {"tcp.gap", "limit_reached"} & names(analysis)
    assert not [one.code for one in analysis.findings if one.code.startswith(("capture.", "analyzer."))]


def test_what_comes_when_no_more_is_held_is_left_out_and_not_called_missing(tmp_path: Path) -> None:
    count = 16_384
    analysis = told([(at, b"x") for at in range(count + 1, 1, -1)] + [(0, b"yz")], tmp_path / "c.pcap")
    assert "analyzer.limit" in {one.code for one in analysis.findings}
    assert "capture.gap" not in {one.code for one in analysis.findings}
    said = [event.what() for one in analysis.told for phase in one.phases for event in phase.events]
    assert not [text for text in said if "not in the capture" in text]
    assert "so much came before them" in " ".join(said)


# -- questions whose answers come when too many are open ----------------------------------------------------------


def question(number: int, answer: bool) -> bytes:
    name = b"\x05n%04d\x04test\0\0\1\0\1" % number
    if not answer:
        return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\7"
    return struct.pack(">HHHHHH", number, 0x8180, 1, 1, 0, 0) + name + record


def test_a_lookup_whose_answer_is_not_kept_is_not_said_to_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_EVENTS_EACH", 300)
    ends = (CLIENT, SERVER)
    frames = [ethernet(ipv4(udp(question(number, False), 4_000, 53), 17, *ends)) for number in range(300)]
    frames += [ethernet(ipv4(udp(question(number, True), 53, 4_000), 17, *ends[::-1])) for number in range(300)]
    path = tmp_path / "c.pcap"
    path.write_bytes(pcap(frames))
    analysis = analyze([str(path)], Options())
    results = [lookup.result() for lookup in analysis.lookups]
    assert len(results) == 300
    assert set(results) == {"10.0.0.7", "not followed to its end"}
    assert not [one.code for one in analysis.findings if one.code == "dns.unanswered"]


def echo(kind: int, number: int) -> bytes:
    return ethernet(ipv4(struct.pack(">BBHHH", kind, 0, 0, 7, number), 1, *((CLIENT, SERVER)[:: 1 if kind else -1])))


def test_more_echo_requests_than_are_followed_are_not_called_unanswered(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(pcap([echo(8, at) for at in range(1_200)] + [echo(0, at) for at in range(1_200)]))
    analysis = analyze([str(path)], Options())
    codes = {one.code for one in analysis.findings}
    assert "analyzer.limit" in codes
    assert "icmp.echo_unanswered" not in codes
    facts = [fact for one in analysis.told for phase in one.phases for fact in phase.facts]
    assert "1024 of 1024 requests answered, others not followed" in facts


def test_a_long_outage_does_not_hide_the_answers_after_it(tmp_path: Path) -> None:
    """One request a second: 1 500 that nobody answers, and then 5 that are answered."""
    path = tmp_path / "c.pcap"
    answered = [frame for at in range(1_500, 1_505) for frame in (echo(8, at), echo(0, at))]
    path.write_bytes(pcap([echo(8, at) for at in range(1_500)] + answered, apart=1_000))
    analysis = analyze([str(path)], Options())
    facts = [fact for one in analysis.told for phase in one.phases for fact in phase.facts]
    assert "5 of 1505 requests answered" in facts
