"""What comes through a pipe is kept for the second look at it; where it is not, what is told ends there and says so."""
from __future__ import annotations

import gzip
import os
import stat
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest
from http_captures import Wire
from test_interrupted import CLIENT, MS, SERVER, START, Frame, pcap, words

from analyzer.ingest import open as opening
from analyzer.ingest import streams
from analyzer.model import Analysis
from analyzer.pipeline import run
from analyzer.pipeline.run import Options, analyze

BODY = 1_400
TURNS = 60


def download(port: int, start: int) -> list[Frame]:
    """A connection with many responses that do not compress, closed by both."""
    wire, random = Wire(opened=False), Random(port)
    wire.ports = (port, 80)
    wire.now = start
    for side, flags in ((CLIENT, 2), (SERVER, 18)):
        wire.put(side, flags)
        wire.next[side] += 1
    wire.put(CLIENT, 16)
    for turn in range(TURNS):
        wire.say(CLIENT, b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n" % turn)
        wire.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY + random.randbytes(BODY))
    wire.close()
    return wire.frames


@pytest.fixture
def capture(tmp_path: Path) -> bytes:
    """Four connections one after the other, of about 100 kB each."""
    frames = [frame for number in range(4) for frame in download(40_000 + number, START + number * 1_000 * MS)]
    return pcap(frames)


class Kept:
    """Opens captures whose pipes are kept only so far. spools: what was opened."""

    def __init__(self, memory: int, most: int) -> None:
        self.memory = memory
        self.most = most
        self.spools: list[Any] = []

    def __call__(self, paths: list[str], rewindable: bool = True, spool: str = "") -> Any:
        source: Any = opening.open_capture(paths, rewindable, spool)
        pipe = getattr(source.stream, "inner", source.stream)
        if hasattr(pipe, "spool"):
            pipe.spool.most_memory, pipe.spool.most = self.memory, self.most
            self.spools.append(pipe.spool)
        return source


def through_a_pipe(data: bytes, folder: Path, spool: str = "") -> Analysis:
    path = folder / "pipe"
    if not path.exists():
        os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(data), daemon=True)
    writer.start()
    try:
        return analyze([str(path)], Options(spool=spool))
    finally:
        writer.join(20)


def numbers(analysis: Analysis) -> list[int]:
    return [told.conversation.number for told in analysis.told]


def sentences(analysis: Analysis, number: int) -> list[str]:
    return [
        event.what() for told in analysis.told if told.conversation.number == number
        for phase in told.phases for event in phase.events
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_tells_what_the_file_tells(
    capture: bytes, tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.pcap"
    path.write_bytes(capture)
    whole = analyze([str(path)], Options())
    kept = Kept(70_000, 1 << 30)
    monkeypatch.setattr(run, "open_capture", kept)
    told = through_a_pipe(gzip.compress(capture) if packed else capture, tmp_path, str(tmp_path))
    for number in (1, 2, 3, 4):
        assert sentences(told, number) == sentences(whole, number) != []
    assert told.capture.kept.endswith(f"in {tmp_path}")
    assert "Kept: of " in words(told)
    assert "not kept" not in words(told)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file.pcap", "pipe"]      # nothing is left
    assert kept.spools[0].filed > 200_000


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("memory", "most", "spool", "why"), [
    (70_000, 200_000, "", "no more than 200 kB are kept"),
    (170_000, 1 << 30, "nowhere", "nowhere: No such file or directory"),
])
def test_what_is_not_kept_is_counted_and_not_told(
    capture: bytes, tmp_path: Path, memory: int, most: int, spool: str, why: str, packed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "file.pcap"
    path.write_bytes(capture)
    whole = analyze([str(path)], Options())
    monkeypatch.setattr(run, "open_capture", Kept(memory, most))
    cut = through_a_pipe(gzip.compress(capture) if packed else capture, tmp_path, spool and str(tmp_path / spool))
    assert (cut.capture.frames, cut.capture.conversations) == (whole.capture.frames, 4)
    assert not cut.capture.interrupted
    assert cut.capture.half_told
    assert numbers(cut)[0] == 1
    assert 1 < len(numbers(cut)) < 4
    assert sentences(cut, 1) == sentences(whole, 1)
    text = words(cut)
    assert why in text
    assert "was not kept for a second look" in text
    assert "The reading ends" in " ".join(sentences(cut, numbers(cut)[-1]))
    assert "capture ends" not in text


def test_the_file_is_private_and_has_no_name(capture: bytes, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    threading.Thread(target=lambda: (os.write(writing, capture[:60_000]), os.close(writing)), daemon=True).start()
    spool = streams.Spool(reading, True, str(tmp_path))
    spool.most_memory = 100
    stream = streams.PipeStream(spool)
    data = stream.read()
    assert spool.file is not None
    status = os.fstat(spool.file.fileno())
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_nlink == 0
    assert list(tmp_path.iterdir()) == []
    while block := stream.read():
        data += block
    again = stream.reopen()
    while block := again.read():
        data = data.removeprefix(block)
    assert data == b""
    again.close()
    stream.close()


def test_the_option_names_the_folder(capture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from analyzer.cli.main import run as command

    asked: list[str] = []
    plain = run.open_capture

    def opened(paths: list[str], rewindable: bool = True, spool: str = "") -> Any:
        asked.append(spool)
        return plain(paths, rewindable, spool)

    monkeypatch.setattr(run, "open_capture", opened)
    path = tmp_path / "file.pcap"
    path.write_bytes(capture)
    assert command(["analyze", "--spool", str(tmp_path), str(path), "--level", "brief"]) == 0
    assert command(["conversations", "--spool", str(tmp_path), str(path)]) == 0
    assert command(["report", "--spool", str(tmp_path), str(path), "-o", str(tmp_path / "out.json")]) == 0
    assert command(["analyze", str(path), "--level", "brief"]) == 0
    assert asked == [str(tmp_path)] * 3 + [""]
    assert command(["analyze", "--spool", str(tmp_path / "nowhere"), str(path)]) == 2
