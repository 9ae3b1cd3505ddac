"""What waits behind a hole in a stream: what comes in the end is not called missing."""
from __future__ import annotations

from pathlib import Path

from pcap_bytes import ethernet, ipv4, pcap, tcp

from analyzer.model import Analysis
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
