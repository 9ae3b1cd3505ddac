"""Many connections that were never completed are told as one thing, however many of them are told one by one."""
from __future__ import annotations

from pathlib import Path

import pytest
from test_survey_and_tell import ACK, SYN, SYN_ACK, tcp, udp, write

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze

SERVER = "10.0.0.2"


def syns(count: int, clients: int, *, completed: bool = False) -> list[bytes]:
    """Connections to one port, one after another, each answered; the senders take turns."""
    frames: list[bytes] = []
    for index in range(count):
        client, port = f"10.{1 + index % clients % 200}.{index % clients // 200}.9", 20_000 + index
        frames.append(tcp(client, port, SERVER, 80, 1000, 0, SYN))
        frames.append(tcp(SERVER, 80, client, port, 9000, 1001, SYN_ACK))
        if completed:
            frames.append(tcp(client, port, SERVER, 80, 1001, 9001, ACK))
    return frames


def told(path: Path, frames: list[bytes], *, later: bool = True) -> Analysis:
    """later: the capture goes on for long enough to show a third segment. One connection comes to more than SYNs."""
    frames = [*syns(1, 1, completed=True), *frames]
    quiet = [udp("10.9.9.9", 40_000 + index, "10.9.9.8", 9, b"later") for index in range(2_000 if later else 0)]
    return analyze([write(path / "made.pcap", frames + quiet)], Options())


def test_a_flood_is_one_finding_and_counts_all(tmp_path: Path) -> None:
    found = told(tmp_path, syns(300, 300))
    assert len(found.told) < 300
    flood, = [one for one in found.findings if one.code == "tcp.syn_flood"]
    assert flood.sentence.startswith("10.0.0.2:80 got 299 SYNs from 299 addresses within ")
    assert flood.frames == tuple(range(6, 30, 2))
    assert flood.severity == "error"
    assert [one.code for one in found.findings if one.code == "tcp.half_open"] == []


@pytest.mark.parametrize(("frames", "later"), [
    pytest.param(syns(300, 300, completed=True), True, id="completed"),
    pytest.param(syns(300, 1), True, id="a scan of one sender"),
    pytest.param(syns(40, 40), True, id="too few"),
    pytest.param(syns(300, 300), False, id="the capture ends before the third segments could come"),
])
def test_what_is_no_flood(tmp_path: Path, frames: list[bytes], later: bool) -> None:
    found = told(tmp_path, frames, later=later).findings
    assert [one for one in found if one.code == "tcp.syn_flood" and one.severity != "note"] == []
