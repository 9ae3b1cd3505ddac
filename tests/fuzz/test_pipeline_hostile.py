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
from tiled import assert_tiled

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
        assert_tiled(conversation)
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


def ipv6(payload: bytes, protocol: int) -> bytes:
    addresses = bytes(15) + b"\1" + bytes(15) + b"\2"
    return b"\x60\0\0\0" + len(payload).to_bytes(2) + bytes((protocol, 64)) + addresses + payload


DNS = bytes.fromhex("0001818000010001000000000161047465737400000100 01c00c00010001000000050004 01020304")
SEGMENT = tcp(b"x" * 20, 40_000, 80, options=b"\2\4\5\xb4\1\3\3\7\4\2\1\1")
QUOTED = ipv4(udp(b"", 40_000, 53), 17)
WHOLE = {
    "TCP": ethernet(ipv4(SEGMENT, 6)),
    "TCP over IPv6": ethernet(ipv6(SEGMENT, 6), 0x86DD),
    "UDP": ethernet(ipv4(udp(DNS, 53, 40_000), 17)),
    "UDP over IPv6": ethernet(ipv6(udp(DNS, 53, 40_000), 17), 0x86DD),
    "VLAN": ethernet(b"\0\5\x08\0" + ipv4(SEGMENT, 6), 0x8100),
    "ICMP error": ethernet(ipv4(bytes((3, 3, 0, 0, 0, 0, 0, 0)) + QUOTED, 1)),
    "ICMPv6 error": ethernet(ipv6(bytes((1, 4, 0, 0, 0, 0, 0, 0)) + ipv6(SEGMENT, 6), 58), 0x86DD),
    "neighbour solicitation": ethernet(ipv6(bytes((135, 0, 0, 0)) + bytes(20) + b"\1\1" + bytes(6), 58), 0x86DD),
    "ARP": ethernet(bytes((0, 1, 8, 0, 6, 4, 0, 1)) + bytes(20), 0x0806),
    "GRE": ethernet(ipv4(b"\0\0\x08\0" + ipv4(SEGMENT, 6), 47)),
    "VXLAN": ethernet(ipv4(udp(b"\x08\0\0\0\0\0\5\0" + ethernet(ipv4(SEGMENT, 6)), 40_000, 4789), 17)),
    "IPv6 extensions": ethernet(ipv6(b"\x06\0\1\4\0\0\0\0" + SEGMENT, 0), 0x86DD),
}


@pytest.mark.parametrize("frame", WHOLE.values(), ids=WHOLE.keys())
def test_frames_cut_anywhere(tmp_path: Path, frame: bytes) -> None:
    """A snap length of any size: every header of a frame ends early once, and its size on the wire stays."""
    path = tmp_path / "cut.pcap"
    cut = [frame[:size] for size in range(len(frame) + 1)]
    path.write_bytes(pcap(cut, lengths=[len(frame)] * len(cut)))
    assert told(path) == len(cut)
    path.write_bytes(pcap(cut))
    assert told(path) == len(cut)


@pytest.mark.parametrize("frame", WHOLE.values(), ids=WHOLE.keys())
def test_any_octet_may_lie(tmp_path: Path, frame: bytes) -> None:
    """Each octet of each header with the values that lengths and offsets lie with."""
    path = tmp_path / "lies.pcap"
    lies = [
        frame[:at] + bytes((value,)) + frame[at + 1:] for at in range(12, len(frame))
        for value in (0, 1, 4, 0x0F, 0x40, 0x4F, 0x50, 0x60, 0x7F, 0xF0, 0xFF)
    ]
    path.write_bytes(pcap(lies))
    assert told(path) == len(lies)


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
