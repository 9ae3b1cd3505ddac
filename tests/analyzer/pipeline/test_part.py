"""A part of a capture: frames keep their numbers, and nothing is concluded of what was not read."""
from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli.main import cli
from analyzer.ingest.live import capture_filter
from analyzer.ingest.part import ABSOLUTE, CLOCK, DAY_NS, RELATIVE, Moment

SAMPLES = Path(__file__).parents[3] / "samples"
CAPTURE = SAMPLES / "dns" / "dns-then-http" / "capture.pcapng"


def usable() -> bool:
    try:
        return capture_filter.FrameFilter("tcp").takes(1, bytes(60), 60) is False
    except capture_filter.CaptureError:
        return False


with_libpcap = pytest.mark.skipif(not usable(), reason="libpcap is not installed")


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def frames(*arguments: str, capture: Path = CAPTURE) -> list[int]:
    done = ran("frames", str(capture), *arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["frame"] for line in done.stdout.splitlines()]


def report(*arguments: str, capture: Path = CAPTURE) -> dict[str, object]:
    done = ran("report", str(capture), "--format", "json", "-o", "-", *arguments)
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


@with_libpcap
def test_a_capture_filter_lets_frames_through_before_anything_is_read() -> None:
    assert frames("-f", "udp port 53") == [3, 4, 5, 6]
    assert frames("-f", "tcp[tcpflags] & tcp-syn != 0") == [9, 10]
    assert frames("-f", "tcp", "-Y", "http") == [12, 173]
    assert frames("-f", "vlan", capture=SAMPLES / "link" / "vlan" / "capture.pcapng") != []
    assert frames("-f", "icmp or tcp", capture=SAMPLES / "link" / "raw-ip" / "capture.pcapng") != []
    assert frames("-f", "tcp", capture=SAMPLES / "link" / "cooked-v2" / "capture.pcapng") != []
    said = report("-f", "udp port 53")
    capture = said["capture"]
    assert isinstance(capture, dict)
    assert (capture["frames"], capture["conversations"]) == (4, 1)
    assert capture["narrowed"] == [
        "The capture filter `udp port 53` lets 4 of 177 frames through. What is said of the capture below is said of "
        "these."]


@with_libpcap
def test_a_capture_filter_that_cannot_be_used_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    done = ran("analyze", str(CAPTURE), "-f", "udp prt 53")
    assert (done.exit_code, done.output) == (
        1, "Error: the capture filter 'udp prt 53' is wrong: can't parse filter expression: syntax error\n")
    assert "--format json" in ran("analyze", str(CAPTURE), "-f", "json").output
    assert "--format csv" in ran("report", str(CAPTURE), "-f", "csv", "--format", "json", "-o", "-").output
    assert ran("report", str(CAPTURE), "-f", "json", "-o", "-").output.startswith("{")

    def missing() -> object:
        raise capture_filter.CaptureError("a capture filter needs libpcap, which is not installed")

    monkeypatch.setattr(capture_filter, "_libpcap", missing)
    assert "needs libpcap" in ran("frames", str(CAPTURE), "-f", "tcp").output


def test_a_stretch_of_time_is_read_alone() -> None:
    assert frames("--to", "0.0165") == [1, 2, 3, 4]
    assert frames("--from", "0.0349", "--to", "0.0560") == [8, 9]
    assert frames("--from", "34.9ms", "--to", "06:01:10") == list(range(8, 178))
    assert frames("--last", "10ms") == [176, 177]
    assert frames("--from", "2026-11-21T06:01:00Z") == list(range(1, 178))
    assert frames("--from", "2026-11-21T08:01:00+01:00") == []
    assert frames("--from", "0.0349", "-Y", "frame.time_relative < 0.056") == [8, 9]


def test_what_lies_outside_is_no_fact(tmp_path: Path) -> None:
    packed = tmp_path / "capture.pcapng.gz"
    packed.write_bytes(gzip.compress(CAPTURE.read_bytes()))
    for capture in (CAPTURE, packed):       # read at places, and by going over it again
        said = report("--from", "0.1", "--to", "0.15", capture=capture)
        summary, found = said["capture"], said["findings"]
        assert isinstance(summary, dict)
        assert isinstance(found, list)
        assert summary["narrowed"] == [
            "Read was only from 0.1 s to 0.15 s: 113 of 177 frames; 33 before it and 31 behind it were not. What is "
            "said of the capture below is said of these."]
        assert {one["severity"] for one in found} <= {"chat", "note"}
        sentences = " ".join([one["sentence"] for one in found])
        assert "is not over when the reading ends" in sentences
        assert all(34 <= frame <= 146 for one in found for frame in one["frames"])
    for lost in ("tcp/loss-timeout", "http1/slow-server", "dns/retry-after-loss", "tls/tls13-full"):
        whole = report(capture=SAMPLES / lost / "capture.pcapng")["findings"]
        assert isinstance(whole, list)
        known = {one["code"] for one in whole}
        for begin, end in (("0.02", "0.1"), ("0.05", "9"), ("0", "0.06")):
            part = report("--from", begin, "--to", end, capture=SAMPLES / lost / "capture.pcapng")["findings"]
            assert isinstance(part, list)
            worse = {one["code"] for one in part if one["severity"] in ("warn", "error")}
            assert worse <= known, (lost, begin, end)


@pytest.mark.parametrize(("options", "reason"), [
    (("--from", "yesterday"), "'yesterday' is no time"),
    (("--to", "2026-11-21T06:01:09"), "has no zone: 2026-11-21T06:01:09Z is UTC"),
    (("--last", "soon"), "'soon' is no duration"),
    (("--last", "3s", "--from", "1"), "--last is a stretch of time of its own"),
])
def test_a_time_that_is_none_is_refused(options: tuple[str, ...], reason: str) -> None:
    done = ran("analyze", str(CAPTURE), *options)
    assert done.exit_code == 2
    assert reason in " ".join(done.output.split())


def test_moments() -> None:
    origin = 20_000 * DAY_NS + 23 * 3_600_000_000_000
    assert Moment("1", RELATIVE, 5).since_1970(origin) == origin + 5
    assert Moment("t", ABSOLUTE, 7).since_1970(origin) == 7
    assert Moment("t", CLOCK, DAY_NS - 1).since_1970(origin) == 20_001 * DAY_NS - 1
    assert Moment("t", CLOCK, 60).since_1970(origin) == 20_001 * DAY_NS + 60      # behind midnight
