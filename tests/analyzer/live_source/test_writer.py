"""What `-w` writes: read back by our own reader, and by tshark where it is installed."""
from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ingest_captures import EPOCH, FRAME, pcap, record
from namespaces import Wire, rest, send, tool

from analyzer.ingest.live.open import LiveOptions, open_live
from analyzer.ingest.live.source import Counts, LiveSource
from analyzer.ingest.live.streamed import open_stream
from analyzer.ingest.live.writer import CaptureWriter, Rotation
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError, Secrets, Source

TLS_KEY_LOG = 0x544C534B


def replayed(folder: Path, *records: bytes) -> LiveSource:
    path = folder / "input.pcap"
    path.write_bytes(pcap(*records))
    source = open_stream(str(path), True)
    source.stop()
    return source


def at(second: int, data: bytes = FRAME, **more: int) -> bytes:
    return record(data, EPOCH + second, **more)


def write_all(source: LiveSource, writer: CaptureWriter) -> None:
    while source.next():
        writer.write()
    writer.close()


def read(path: Path | str) -> tuple[Source, list[tuple[int, bytes, int]]]:
    """The file and its frames: time, bytes, length. It has to be whole."""
    source = open_capture([str(path)])
    found = []
    while source.next():
        found.append((int(source.time), source.data[source.start:source.end], int(source.length)))
    assert [str(damage) for damage in source.damage] == []
    source.close()
    return source, found


def test_frames_come_back_as_they_were(tmp_path: Path) -> None:
    source = replayed(
        tmp_path, at(0, length=5_000), at(1, b"x", fraction=7), at(2, b""), at(3, b"abc"), at(4, b"12345")
    )
    path = tmp_path / "out.pcapng"
    write_all(source, CaptureWriter(str(path), source, application="wiretale test"))
    capture, frames = read(path)
    assert frames == [
        (EPOCH * 10**9, FRAME, 5_000), ((EPOCH + 1) * 10**9 + 7_000, b"x", 1), ((EPOCH + 2) * 10**9, b"", 0),
        ((EPOCH + 3) * 10**9, b"abc", 3), ((EPOCH + 4) * 10**9, b"12345", 5),
    ]
    assert capture.interfaces[0].resolution == 10**9
    assert b"wiretale test" in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_comments_stand_on_their_frames(tmp_path: Path) -> None:
    source = replayed(tmp_path, at(0), at(1), at(2))
    path = tmp_path / "out.pcapng"
    writer = CaptureWriter(str(path), source)
    for comment in ("", "curl (pid 7), größer", ""):
        assert source.next()
        writer.write(comment)
    writer.close()
    capture, frames = read(path)
    assert len(frames) == 3
    assert [(remark.frame, remark.text) for remark in capture.remarks] == [(2, "curl (pid 7), größer")]


def test_secrets_of_the_capture_go_with_it(tmp_path: Path) -> None:
    source = replayed(tmp_path, at(0), at(1))
    path = tmp_path / "out.pcapng"
    writer = CaptureWriter(str(path), source)
    assert source.next()
    writer.write()
    source.secrets.append(Secrets(TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n"))
    write_all(source, writer)
    capture, frames = read(path)
    assert len(frames) == 2
    assert [(secret.kind, secret.data) for secret in capture.secrets] == [(TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n")]


def test_what_was_written_can_be_read_while_it_grows(tmp_path: Path) -> None:
    source = replayed(tmp_path, at(0), at(1))
    path = tmp_path / "out.pcapng"
    writer = CaptureWriter(str(path), source)
    assert source.next()
    writer.write()
    writer.flush()
    follower = open_stream(str(path), True)
    assert follower.next()
    assert not follower.next()
    assert source.next()
    writer.write()
    writer.flush()
    assert follower.next()
    assert follower.time == (EPOCH + 1) * 10**9
    writer.close()
    follower.close()


def test_rotation_by_size_keeps_every_file_below_it(tmp_path: Path) -> None:
    source = replayed(tmp_path, *[at(second, bytes([second]) * 1_000) for second in range(20)])
    writer = CaptureWriter(str(tmp_path / "out.pcapng"), source, Rotation(octets=4_500))
    write_all(source, writer)
    assert [Path(name).name[:10] for name in writer.files] == [f"out_0000{n}_" for n in range(1, 6)]
    assert all(name.endswith(".pcapng") for name in writer.files)
    found = [frame for name in writer.files for frame in read(name)[1]]
    assert [data[0] for _time, data, _length in found] == list(range(20))
    assert all(Path(name).stat().st_size < 4_500 + 300 for name in writer.files)   # the statistics come behind


def test_rotation_by_time_in_a_ring_of_files(tmp_path: Path) -> None:
    source = replayed(tmp_path, *[at(second) for second in (0, 4, 9, 10, 25, 26, 40, 41)])
    writer = CaptureWriter(str(tmp_path / "out.pcapng"), source, Rotation(seconds=10, files=2))
    write_all(source, writer)
    assert [[time // 10**9 - EPOCH for time, _data, _length in read(name)[1]] for name in writer.files] == [
        [25, 26], [40, 41]
    ]
    assert writer.removed == 2
    assert sorted(path.name for path in tmp_path.glob("out*")) == [Path(name).name for name in writer.files]
    assert (writer.written, writer.unwritten) == (8, 0)


class Counting(LiveSource):
    """Two frames a step, with counters that go up by ten and by three."""

    def __init__(self, replay: LiveSource, shared: bool) -> None:
        super().__init__("counting")
        self.replay = replay
        self.interfaces = replay.interfaces
        self.steps = 0
        self.shared = shared

    def next(self) -> bool:
        if not self.replay.next():
            return False
        for name in ("data", "start", "end", "time", "length", "link", "interface", "number"):
            setattr(self, name, getattr(self.replay, name))
        self.steps += 1
        return True

    def counts(self) -> list[Counts]:
        count = Counts("eth0", 1)
        count.frames = self.steps
        count.missed = 100 + self.steps
        if not self.shared:
            count.received, count.dropped = 10 * self.steps, 3 * self.steps
        return [count]

    def dropped(self) -> int:
        return 3 * self.steps


@pytest.mark.parametrize("shared", [False, True])
def test_each_file_ends_with_what_was_counted_meanwhile(tmp_path: Path, shared: bool) -> None:
    source = Counting(replayed(tmp_path, *[at(second) for second in (0, 1, 10, 11)]), shared)
    writer = CaptureWriter(str(tmp_path / "out.pcapng"), source, Rotation(seconds=10))
    write_all(source, writer)
    about = [read(name)[0].interfaces[0] for name in writer.files]
    # The frame that begins the second file was fetched, with its counters, before the first one ended.
    assert [each.dropped for each in about] == [3 * 3 + 3, 3 + 1]
    assert [each.received for each in about] == ([-1, -1] if shared else [30, 10])


def test_a_full_device_is_told_and_counting_goes_on(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    source = replayed(tmp_path, *[at(second) for second in range(5)])
    writer = CaptureWriter("/dev/full", source)
    while source.next():
        writer.write()
        writer.flush()
    writer.close()
    assert writer.trouble == "/dev/full: not written any further: the disk is full"
    assert (writer.written, writer.unwritten) == (0, 5)
    assert [str(notice) for notice in source.take_notices()] == [writer.trouble]


def test_a_full_disk_leaves_a_file_that_is_whole(tmp_path: Path, wire: Wire) -> None:
    """The disk is a small tmpfs; `wire` says whether we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    tool("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk))
    try:
        source = replayed(tmp_path, *[at(second, bytes(1_400)) for second in range(100)])
        path = disk / "out.pcapng"
        writer = CaptureWriter(str(path), source)
        write_all(source, writer)
        assert writer.trouble == f"{path}: not written any further: the disk is full"
        capture, frames = read(path)
        assert 30 < len(frames) == writer.written < 50
        assert writer.unwritten == 100 - writer.written
        assert path.stat().st_size <= 64 << 10
        assert capture.interfaces[0].link == 1
    finally:
        tool("umount", str(disk))


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    source = replayed(tmp_path, at(0), at(1))
    writer = CaptureWriter(str(path), source)
    os.close(reader)
    write_all(source, writer)
    assert writer.trouble.endswith("nobody reads it any more")
    assert (writer.written, writer.unwritten) == (0, 2)


@pytest.mark.parametrize(("path", "rotation", "message"), [
    ("missing/out.pcapng", Rotation(), "cannot be written"), ("-", Rotation(octets=10_000), "standard output is one"),
    ("out.pcapng", Rotation(files=3), "a number of files needs"), ("out.pcapng", Rotation(octets=10), "is too small"),
])
def test_what_cannot_be_written(tmp_path: Path, path: str, rotation: Rotation, message: str) -> None:
    source = replayed(tmp_path, at(0))
    with pytest.raises(CaptureError, match=message):
        CaptureWriter(path if path == "-" else str(tmp_path / path), source, rotation)


def test_a_live_capture_read_by_tshark(tmp_path: Path, wire: Wire) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    wire.settle()
    source = open_live(LiveOptions(["near", "lo"], "udp", snaplen=1_000))
    path = tmp_path / "out.pcapng"
    writer = CaptureWriter(str(path), source, application="wiretale test")
    send(b"one")
    send(b"two", to="127.0.0.1")
    source.stop()
    times = []
    while not source.ended:
        while source.next():
            writer.write("curl (pid 7)" if source.number == 1 else "")
            times.append(source.time)
        source.wait(0.05)
    writer.close()
    source.close()
    fields = ["frame.time_epoch", "frame.interface_name", "frame.comment", "udp.payload"]
    lines = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", *[word for field in fields for word in ("-e", field)]],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    assert [line.split("\t") for line in lines] == [
        [f"{times[0] // 10**9}.{times[0] % 10**9:09}", "near", "curl (pid 7)", b"one".hex()],
        [f"{times[1] // 10**9}.{times[1] % 10**9:09}", "lo", "", b"two".hex()],
    ]
    about = subprocess.run(["capinfos", str(path)], capture_output=True, text=True, check=True).stdout
    for text in (r"wiretale test", r"nanoseconds", r"Filter string = udp", r"Capture length = 1000",
                 r"Number of packets = 1"):
        assert text in about
    capture, _frames = read(path)
    assert [each.received for each in capture.interfaces] == [1, 1]
    assert [each.dropped for each in capture.interfaces] == [0, 0]
    assert rest(source) == []
