"""The whole program on damaged and senseless captures: it tells what it can, and never fails."""
from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pcap_bytes import damaged, ethernet, ipv4, pcap, tcp, udp
from sample_feeds import frames_of, sample_captures, sample_name

from analyzer.cli.main import DONE, UNUSABLE, run
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError
from analyzer.pipeline.run import Frames, Options, analyze
from dissectors.kit.event import DissectorFault

LINKS = [0, 1, 9, 12, 50, 51, 101, 104, 105, 107, 108, 113, 127, 192, 228, 229, 239, 276, 280]
PORTS = [53, 80, 443, 5353, 5355, 4789, 6081, 2152, 3544, 47808]
PATIENT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def told(path: Path) -> int:
    """Both ways of reading a capture; returns the frames that were printed."""
    lines = 0
    numbers = []
    try:
        for block in Frames([str(path)]):
            for line in block.splitlines():
                row = json.loads(line)
                numbers.append(row["frame"])
                lines += 1
        analysis = analyze([str(path)], Options(everything=True))
    except CaptureError:
        return 0
    assert numbers == list(range(1, lines + 1))
    assert analysis.capture.frames == lines
    for conversation in analysis.told:
        for phase in conversation.phases:
            for event in phase.events:
                assert not isinstance(event, DissectorFault), event.what()
                assert event.evidence.frames
                assert 1 <= event.evidence.frames[0] <= event.evidence.frames[-1] <= lines
                assert event.conversation == conversation.conversation.number
    return lines


def command(*arguments: str) -> tuple[int, str, str]:
    """The exit code of a command, and what it printed."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(arguments))
        sys.stdout.flush()
    return code, out.buffer.getvalue().decode(), err.getvalue()  # type: ignore[attr-defined]


@pytest.mark.slow(reason="every sample, damaged several times, is read in full twice")
@pytest.mark.parametrize("capture", sample_captures(), ids=sample_name)
def test_damaged_samples(capture: Path, tmp_path: Path) -> None:
    """Frames of a sample with flipped bits, wrong lengths, cut, doubled and left out."""
    source = open_capture([str(capture)])
    whole = list(frames_of(source))
    links = {interface.link for interface in source.interfaces}
    source.close()
    assert len(links) == 1
    path = tmp_path / "damaged.pcap"
    for seed in range(4):
        random = Random(f"{sample_name(capture)} {seed}")
        path.write_bytes(pcap(damaged(whole[:400], random), int(min(links))))
        assert told(path) > 0


@pytest.mark.slow(reason="every sample, damaged several times, is read in full twice")
@pytest.mark.parametrize("capture", sample_captures(), ids=sample_name)
def test_damaged_files(capture: Path, tmp_path: Path) -> None:
    """Samples whose files themselves are damaged or end early; the exit code says whether anything could be told."""
    data = capture.read_bytes()
    path = tmp_path / "damaged.pcapng"
    for seed in range(3):
        random = Random(f"{sample_name(capture)} {seed}")
        octets = bytearray(data[:60_000])
        for _ in range(random.choice((1, 3, 10))):
            octets[random.randrange(len(octets))] = random.randrange(256)
        if seed == 0:
            del octets[random.randrange(len(octets)):]
        path.write_bytes(octets)
        lines = told(path)
        for name in ("frames", "analyze"):
            code, out, err = command(name, str(path))
            assert code in (DONE, UNUSABLE), err
            assert "Traceback" not in err
            assert code == DONE or err.strip()
            assert (code == DONE) >= (lines > 0), "frames were read, and nothing was told"
            if name == "frames":
                assert len(out.splitlines()) == lines


@PATIENT
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=20), st.sampled_from(LINKS))
def test_noise_on_any_link(tmp_path: Path, payloads: list[bytes], link: int) -> None:
    path = tmp_path / "noise.pcap"
    path.write_bytes(pcap(payloads, link))
    assert told(path) == len(payloads)


@PATIENT
@given(st.lists(st.tuples(
    st.sampled_from([0x0800, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x8864, 0x0806, 0x88BE, 0x894F]), st.binary(max_size=100)
), min_size=1, max_size=20))
def test_noise_in_ethernet(tmp_path: Path, payloads: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "noise.pcap"
    path.write_bytes(pcap([ethernet(payload, kind) for kind, payload in payloads]))
    assert told(path) == len(payloads)


@PATIENT
@given(st.lists(st.tuples(
    st.sampled_from([0, 1, 2, 4, 6, 17, 41, 44, 47, 50, 51, 58, 60, 89, 97, 103, 132, 255]), st.binary(max_size=100)
), min_size=1, max_size=20))
def test_noise_in_ip(tmp_path: Path, payloads: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "noise.pcap"
    path.write_bytes(pcap([ethernet(ipv4(payload, protocol)) for protocol, payload in payloads]))
    assert told(path) == len(payloads)


@PATIENT
@given(st.lists(st.tuples(st.sampled_from(PORTS), st.binary(max_size=200), st.booleans()), min_size=1, max_size=20))
def test_noise_in_datagrams(tmp_path: Path, payloads: list[tuple[int, bytes, bool]]) -> None:
    path = tmp_path / "noise.pcap"
    path.write_bytes(pcap([
        ethernet(ipv4(udp(payload, *((port, 40_000) if back else (40_000, port))), 17))
        for port, payload, back in payloads
    ]))
    assert told(path) == len(payloads)


segment = st.tuples(
    st.sampled_from(PORTS[:3]), st.booleans(), st.sampled_from([0, 1, 2, 100, 0x7FFFFFFF, 0xFFFFFFFF]),
    st.sampled_from([0, 1, 2, 100, 0xFFFFFFFF]), st.integers(0, 255), st.sampled_from([0, 1, 1000]),
    st.sampled_from([0, 4, 8, 40]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.binary(max_size=60),
)


@PATIENT
@given(st.lists(segment, min_size=1, max_size=40))
def test_noise_in_segments(tmp_path: Path, segments: list[tuple[int, bool, int, int, int, int, bytes, bytes]]) -> None:
    """Any flags, options and payloads, with sequence numbers that often nearly fit."""
    path = tmp_path / "noise.pcap"
    path.write_bytes(pcap([
        ethernet(ipv4(
            tcp(payload, *((port, 40_000) if back else (40_000, port)), seq, ack, flags, window, options), 6,
            *((b"\x0a\0\0\2", b"\x0a\0\0\1") if back else (b"\x0a\0\0\1", b"\x0a\0\0\2")),
        ))
        for port, back, seq, ack, flags, window, options, payload in segments
    ]))
    assert told(path) == len(segments)


@PATIENT
@given(st.binary(max_size=300), st.sampled_from([
    b"", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"snoop\0\0\0",
    b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18",
]))
def test_files_that_are_no_captures(tmp_path: Path, data: bytes, magic: bytes) -> None:
    path = tmp_path / "noise"
    path.write_bytes(magic + data)
    lines = told(path)
    code, _out, err = command("analyze", str(path))
    assert code in (DONE, UNUSABLE), err
    assert "Traceback" not in err
    if code == UNUSABLE:
        assert err.strip()
        assert lines == 0


def test_cut_at_every_byte(tmp_path: Path) -> None:
    """A small sample that ends early anywhere: never more frames than before, never fewer with more bytes."""
    smallest = min(sample_captures(), key=lambda path: path.stat().st_size)
    data = smallest.read_bytes()
    path = tmp_path / "cut.pcapng"
    before = 0
    for size in range(0, len(data) + 1, max(len(data) // 300, 1)):
        path.write_bytes(data[:size])
        lines = told(path)
        assert lines >= before
        before = lines
    assert before > 0
