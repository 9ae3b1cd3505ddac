"""A capture that several processes read is told as one tells it: byte for byte, whatever it holds."""
from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crowd import faulty
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pcap_bytes import ethernet, ipv4, pcap, tcp, udp
from sample_feeds import sample_captures
from test_interrupted import Impatient
from test_shares import everything_else

from analyzer.cli import main
from analyzer.model import Analysis
from analyzer.pipeline import jobs, passes, run
from analyzer.pipeline.jobs import LostProcess, Team, cores, jobs_for
from analyzer.pipeline.passes import READING
from analyzer.pipeline.run import Options, analyze
from analyzer.report.document import json_document

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def told(paths: list[str], number: int, **options: bool | int) -> str:
    found = analyze(paths, Options(jobs=number, graphs=True, **options))  # type: ignore[arg-type]
    assert not found.capture.interrupted
    return "".join(json_document(found, "teach"))


def same(paths: list[str], **options: bool | int) -> str:
    """The document of one process, which any number gives."""
    expected = told(paths, 1, **options)
    for number in (2, 3, 8):
        assert told(paths, number, **options) == expected, number
    return expected


FOLDERS = sorted({capture.parent.parent for capture in sample_captures()})


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_the_samples_of_each_folder(folder: Path) -> None:
    """Read in full, those of a folder as one capture."""
    paths = [str(capture) for capture in sample_captures() if capture.parent.parent == folder]
    assert told(paths, 3) == told(paths, 1)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> str:
    return faulty(calm=220).write(tmp_path_factory.mktemp("crowd") / "crowd.pcap")


@pytest.mark.parametrize("options", [{}, {"limit": 4}, {"limit": 4, "budget": 0}, {"findings_only": True}], ids=str)
def test_a_crowd_with_every_trouble(crowd: str, options: dict[str, int | bool]) -> None:
    document = same([crowd], **options)
    assert '"tcp.scan"' in document
    assert '"udp.unanswered"' in document


def test_who_scans_in_any_way_and_what_floods(tmp_path: Path) -> None:
    made = faulty(calm=220)
    everything_else(made)
    document = same([made.write(tmp_path / "c.pcap")], limit=4)
    for code in ("tcp.scan", "icmp.sweep", "tcp.odd_flags", "tcp.syn_flood", "udp.reflected"):
        assert f'"{code}"' in document


def test_all_samples_as_one_capture() -> None:
    """Of every link type, with tunnels, fragments and errors; the names of addresses come from anywhere."""
    same([str(path) for path in sample_captures()], budget=0)


def test_conversations_that_make_room_for_others(
    crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which ones, and so what is found, does not depend on how many are followed by whom."""
    plenty = told([crowd], 1)
    monkeypatch.setattr(run, "CAPACITY", 8)
    assert same([crowd]) != plenty


def test_places_that_are_not_kept(crowd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for more in (0, 5):
        monkeypatch.setattr(run, "FULL_FRAMES", more)
        monkeypatch.setattr(run, "RECORD_CAP", 2)
        same([crowd], limit=4, budget=0)


def stored(crowd: str, way: str, folder: Path) -> list[str]:
    """The same frames in another kind of file, or in several."""
    octets = Path(crowd).read_bytes()
    whole = folder / "c"
    if way == "gz":
        whole.write_bytes(gzip.compress(octets, 1))
    elif way == "cut":
        whole.write_bytes(octets[:-7])
    elif way == "broken":
        whole.write_bytes(octets[:500_000] + b"\xff" * 40 + octets[500_040:])
    else:
        whole.write_bytes(octets)
        return [str(whole), crowd]
    return [str(whole)]


@pytest.mark.parametrize("way", ["gz", "cut", "broken", "two"])
def test_files_of_every_kind(crowd: str, way: str, tmp_path: Path) -> None:
    paths = stored(crowd, way, tmp_path)
    assert told(paths, 3, limit=4) == told(paths, 1, limit=4)


HOSTS = [b"\x0a\0\0" + bytes((number,)) for number in range(1, 7)]


def datagram(payload: bytes, at: int, more: bool, ends: tuple[bytes, bytes], name: int, protocol: int = 17) -> bytes:
    header = bytearray(ipv4(payload, protocol, *ends))
    header[4:8] = name.to_bytes(2) + ((0x2000 if more else 0) | at // 8).to_bytes(2)
    return bytes(header)


def frame_of(kind: int, one: int, other: int, port: int, flags: int, seq: int) -> list[bytes]:
    """Packets of some kind between two of a few hosts."""
    ends = (HOSTS[one], HOSTS[other])
    segment = ipv4(tcp(b"x" * (seq % 3), 40_000 + port, 80, seq, seq, flags), 6, *ends)
    asked = udp(b"q" * 40, 5000 + port, (53, 67, 4789, 9999)[seq % 4])
    if kind == 0:
        return [ethernet(segment)]
    if kind == 1:
        return [ethernet(ipv4(asked, 17, *ends))]
    if kind == 2:       # an error about either direction, from anywhere
        return [ethernet(ipv4(bytes((3, seq % 16, 0, 0, 0, 0, 0, 0)) + segment[:28], 1, HOSTS[flags % 6], ends[0]))]
    if kind == 3:       # fragments, of which one may be missing
        first, second = datagram(asked[:24], 0, True, ends, port), datagram(asked[24:], 24, False, ends, port)
        return [ethernet(first), ethernet(second)][: 1 + seq % 2]
    if kind == 4:       # a tunnel whose ends change
        return [ethernet(ipv4(segment, 4, HOSTS[flags % 6], HOSTS[seq % 6]))]
    if kind == 5:       # a tunnel in fragments
        inner = ipv4(segment, 4, *ends)[20:]
        return [ethernet(datagram(inner[:24], 0, True, ends, port, 4)), ethernet(datagram(inner[24:], 24, False, ends,
                                                                                         port, 4))]
    if kind == 6:
        return [bytes(12) + b"\x81\x00\x00" + bytes((port,)) + b"\x08\x00" + segment]
    if kind == 7:       # cut, nonsense, no IP
        return [ethernet(segment)[: 14 + seq % 40], bytes(20), ethernet(bytes(28), 0x0806)][: 1 + flags % 3]
    if kind == 8:       # echo requests, some of them answered
        answer = bytes((0 if seq % 3 == 0 else 8, 0, 0, 0)) + port.to_bytes(2) + b"\0\1"
        return [ethernet(ipv4(answer, 1, *(ends[::-1] if seq % 3 == 0 else ends)))]
    if kind == 9:       # a lease, whose datagrams go by their client; by a relay or not
        asks = seq % 2 == 0
        relay = HOSTS[port % 3] if flags % 2 else bytes(4)
        ports = (67, 67) if flags % 2 else (68, 67) if asks else (67, 68)
        message = bytes((1 if asks else 2, 1, 6, 0)) + bytes(20) + relay + bytes(5) + bytes((port,)) + bytes(202)
        return [ethernet(ipv4(udp(message + b"\x63\x82\x53\x63\xff", *ports), 17, *ends))]
    if kind == 10:      # answers that nobody asked for
        return [ethernet(ipv4(udp(bytes(700), 53, 6000 + port), 17, *ends))] * 12
    return [of_the_link(kind == 11, ends, one, port, seq)]


def of_the_link(router: bool, ends: tuple[bytes, bytes], one: int, port: int, seq: int) -> bytes:
    """What a router advertises, or who has an address."""
    option = b"\x02\x01\x02\0\0\0\0" + bytes((one,))
    source, said = bytes(12), bytes((135 + port % 2, 0, 0, 0)) + bytes(4) + bytes(12) + ends[0] + option
    if router:
        source = bytes.fromhex("fe80") + bytes(10)
        said = b"\x86\0\0\0" + bytes((64 + port, 0x40 * (seq % 4))) + b"\7\x08" + bytes(8) + option
    header = b"\x60\0\0\0" + len(said).to_bytes(2) + b"\x3a\xff" + source + ends[0] + bytes(12) + ends[1]
    return ethernet(header + said, 0x86DD)


packets = st.tuples(
    st.integers(0, 12), st.integers(0, 5), st.integers(0, 5), st.integers(0, 3),
    st.sampled_from([2, 18, 16, 24, 17, 4, 20, 0, 41]), st.integers(0, 40),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(packets, max_size=120), capacity=st.sampled_from([2, 20_000]))
def test_hostile_captures(tmp_path: Path, script: list[tuple[int, int, int, int, int, int]], capacity: int) -> None:
    frames = [frame for one in script for frame in frame_of(*one)]
    path = tmp_path / "c.pcap"
    path.write_bytes(pcap(frames or [b""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "CAPACITY", capacity)
        assert told([str(path)], 3, budget=0) == told([str(path)], 1, budget=0)


# -- how many ------------------------------------------------------------------------------------------------------


class Sized:
    rewindable = True

    def __init__(self, size: int) -> None:
        self.size = size


def test_processes_are_started_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(jobs, "cores", lambda: 4)
    cases = [(1000, 0), (jobs.WORTH, 0), (1000, 3), (jobs.WORTH, 1), (1000, 99), (-1, 4)]     # the last is a pipe
    found = [jobs_for(Sized(size), wanted) for size, wanted in cases]  # type: ignore[arg-type]
    assert found == [1, 4, 3, 1, 8, 1]


@pytest.mark.parametrize(("quota", "expected"), [
    ("max 100000", 4), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("", 4), ("1 0", 4),
])
def test_a_container_has_as_many_cores_as_it_has_time(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(jobs, "QUOTA", str(tmp_path / "cpu.max"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1, 2, 3}, raising=False)
    assert cores() == expected


@pytest.mark.parametrize(
    "options", [Options((1,)), Options(everything=True), Options(tell=False)], ids=["-c", "all", "list"]
)
def test_what_one_must_follow_is_followed_by_one(options: Options) -> None:
    assert not options.divisible()


# -- when it goes wrong ----------------------------------------------------------------------------------------------


def children() -> list[str]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if text.rpartition(")")[2].split()[1] == str(os.getpid()):
            found.append(text)
    return found


def test_none_is_left(crowd: str) -> None:
    before = children()
    told([crowd], 4)
    assert children() == before


def test_one_that_is_killed_is_an_error(
    crowd: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    forked = Team._fork

    def killed(team: Team, job: int, number: int) -> None:
        forked(team, job, number)
        os.kill(team.partners[-1].process, signal.SIGKILL)

    monkeypatch.setattr(Team, "_fork", killed)
    before = children()
    with pytest.raises(LostProcess, match="was ended by signal 9"):
        told([crowd], 3)
    assert children() == before
    assert main.run(["analyze", crowd, "--jobs", "3"]) == main.FAULT
    assert "was ended by signal 9" in capfd.readouterr().err


def test_a_fault_in_one_is_an_error(crowd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_all: object) -> bytes:
        raise ValueError("no parcel")

    monkeypatch.setattr(jobs, "packed", broken)
    with pytest.raises(LostProcess, match="ValueError: no parcel"):
        told([crowd], 2)


@pytest.mark.parametrize("at", [1, 2])
def test_where_no_more_can_be_started_one_does_it(crowd: str, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, before = told([crowd], 1), children()
    fork, count = os.fork, [0]

    def refused() -> int:
        count[0] += 1
        if count[0] == at:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return fork()

    monkeypatch.setattr(os, "fork", refused)
    assert told([crowd], 3) == expected
    assert count[0] == at
    assert children() == before


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr(run, "LOOK", 50)
    monkeypatch.setattr(jobs, "LOOK", 50)


def interrupted(path: str, number: int) -> Analysis:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return analyze([path], Options(jobs=number), Impatient(READING, 100))
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_an_interruption_ends_all_at_one_frame(crowd: str) -> None:
    before = children()
    found = interrupted(crowd, 3)
    assert children() == before
    assert found.capture.interrupted
    assert found.capture.frames >= 100      # those who help may have been ahead, and all end where the last of them was
    assert sum(sum(one.conversation.frames) for one in found.told + found.undrawn) == found.capture.frames


def test_who_is_killed_leaves_none_behind(crowd: str, tmp_path: Path) -> None:
    """Partners end by themselves where the one they help is not there any more."""
    script = (
        "import os, signal, sys\n"
        "from analyzer.pipeline import jobs, run\n"
        "def gather(team):\n"
        "    print(*[partner.process for partner in team.partners], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "jobs.Team.gather = gather\n"
        "run.analyze([sys.argv[1]], run.Options(jobs=3))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, crowd], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    left = [Path("/proc", process) for process in done.stdout.split()]
    assert len(left) == 2
    until = time.monotonic() + 60
    while any(path.exists() and " Z " not in (path / "stat").read_text() for path in left):
        assert time.monotonic() < until
        time.sleep(0.05)
