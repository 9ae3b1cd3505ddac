"""Frames as they come through a pipe, and out of a file that grows."""
from __future__ import annotations

import gzip
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from ingest_captures import EPOCH, FRAME, pcap, record

from analyzer.ingest.live.source import LiveSource
from analyzer.ingest.live.streamed import open_stream
from analyzer.ingest.pcapng_write import block, interface, section, statistics
from analyzer.ingest.source import CaptureError, Interface

ETHERNET = 1


def named(name: str) -> Interface:
    return Interface(ETHERNET, 262_144, 1_000_000_000, name)


def packet(place: int, payload: bytes, time_ns: int = EPOCH * 10**9) -> bytes:
    """An enhanced packet block."""
    body = b"".join(
        value.to_bytes(4, "little")
        for value in (place, time_ns >> 32, time_ns & 0xFFFFFFFF, len(payload), len(payload))
    )
    return block(6, body + payload + bytes(-len(payload) % 4))


class Pipe:
    """A named pipe whose writing end the test holds."""

    def __init__(self, folder: Path, begun: bytes = b"") -> None:
        path = folder / "pipe"
        os.mkfifo(path)
        self.writer = -1
        opener = threading.Thread(target=self.open, args=(path, begun))
        opener.start()
        self.source = open_stream(str(path), False)
        opener.join()

    def open(self, path: Path, begun: bytes) -> None:
        self.writer = os.open(path, os.O_WRONLY)
        os.write(self.writer, begun)

    def write(self, data: bytes) -> None:
        os.write(self.writer, data)

    def end(self) -> None:
        os.close(self.writer)


def frames(source: LiveSource) -> list[bytes]:
    """What is there now."""
    found = []
    while source.next():
        found.append(source.data[source.start:source.end])
    return found


def test_a_frame_is_handed_out_as_soon_as_the_pipe_has_all_of_it(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path)
    source = pipe.source
    assert not source.wait(0.01)
    pipe.write(pcap()[:10])
    assert frames(source) == []
    pipe.write(pcap()[10:] + record(FRAME))
    assert source.wait(1.0)
    assert frames(source) == [FRAME]
    second = record(b"a second frame")
    pipe.write(second[:20])
    assert frames(source) == []
    assert not source.wait(0.01)
    pipe.write(second[20:])
    assert source.wait(1.0)
    assert frames(source) == [b"a second frame"]
    assert (source.number, source.time) == (2, EPOCH * 10**9)
    assert not source.ended
    pipe.end()
    assert source.wait(1.0)
    assert frames(source) == []
    assert source.ended
    assert source.damage == []
    source.close()


def test_a_pipe_that_ends_inside_a_frame_is_damaged(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, pcap(record(FRAME)) + record(FRAME)[:30])
    pipe.end()
    assert frames(pipe.source) == [FRAME]
    assert pipe.source.ended
    assert [each.reason for each in pipe.source.damage] == [f"the file ends in the middle of a frame of {len(FRAME)} "
                                                           "captured bytes"]
    pipe.source.close()


def test_stopping_a_pipe_hands_out_what_was_read(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, pcap(record(FRAME), record(FRAME)))
    source = pipe.source
    assert source.next()
    source.stop()
    source.stop()
    assert source.wait(5.0)
    assert frames(source) == [FRAME]
    assert source.ended
    pipe.end()
    source.close()


@pytest.mark.parametrize("size", [1, 7, 64])
def test_pcapng_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    capture = section("test", "", []) + interface(named("one")) + packet(0, b"first") + interface(named("two"))
    capture += packet(1, b"second") + statistics(0, 1, 2, 70, 5, 2, 63) + section("again", "", [])
    capture += interface(named("three")) + packet(0, b"third")
    pipe = Pipe(tmp_path)
    found = []
    for at in range(0, len(capture), size):
        pipe.write(capture[at:at + size])
        found += frames(pipe.source)
    pipe.end()
    source = pipe.source
    assert found + frames(source) == [b"first", b"second", b"third"]
    assert source.damage == []
    counts = source.counts()
    assert [count.name for count in counts] == ["one", "two", "three"]
    assert (counts[0].frames, counts[0].received, counts[0].dropped, counts[1].dropped) == (1, 70, 7, -1)
    assert source.dropped() == 7
    source.close()


def test_a_compressed_pipe_is_read_too(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, gzip.compress(pcap(record(FRAME), record(b"another"))))
    pipe.end()
    assert frames(pipe.source) == [FRAME, b"another"]
    assert pipe.source.ended
    pipe.source.close()


def test_what_is_no_capture_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----")
    with pytest.raises(CaptureError, match="notes: is a PEM file"):
        open_stream(str(path), True)
    pipe = Pipe(tmp_path)
    pipe.write(b"neither pcap nor pcapng")
    with pytest.raises(CaptureError, match="is no capture of a kind that is read"):
        pipe.source.next()
    pipe.end()
    pipe.source.close()


@pytest.mark.parametrize(("name", "message"), [("missing", "cannot be opened"), (".", "is a directory"),
                                               ("-", "only a file can be followed")])
def test_what_cannot_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        with pytest.raises(CaptureError, match=message):
            open_stream(name if name == "-" else str(tmp_path / name), True)
    os.close(writer)


def test_a_compressed_file_cannot_be_followed(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap.gz"
    path.write_bytes(gzip.compress(pcap(record(FRAME))))
    with pytest.raises(CaptureError, match="what is compressed cannot be followed"):
        open_stream(str(path), True)


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_file_is_followed_while_it_grows(tmp_path: Path, kind: str) -> None:
    begin = pcap() if kind == "pcap" else section("test", "", []) + interface(named("one"))
    pieces = [record(each) if kind == "pcap" else packet(0, each) for each in (b"first", b"second", b"third")]
    path = tmp_path / "growing"
    path.write_bytes(b"")
    source = open_stream(str(path), True)
    assert frames(source) == []
    assert not source.wait(0.01)
    with path.open("ab", buffering=0) as file:
        file.write(begin + pieces[0] + pieces[1][:9])
        assert frames(source) == [b"first"]
        assert frames(source) == []
        assert not source.ended
        file.write(pieces[1][9:])
        began = time.monotonic()
        assert source.wait(5.0)
        assert time.monotonic() - began < 1.0
        assert frames(source) == [b"second"]
        file.write(pieces[2] + pieces[0][:5])
        source.stop()
        file.write(pieces[0][5:] + pieces[0])
    assert frames(source) == [b"third"]
    assert source.ended
    assert source.damage == []      # its last frame was only not written to its end yet
    source.close()


@pytest.mark.parametrize(("how", "says"), [("replaced", "removed or replaced"), ("removed", "removed or replaced"),
                                           ("cut", "became shorter")])
def test_a_file_that_is_followed_and_lost(tmp_path: Path, how: str, says: str) -> None:
    path = tmp_path / "growing"
    path.write_bytes(pcap(record(FRAME)))
    source = open_stream(str(path), True)
    assert frames(source) == [FRAME]
    if how == "cut":
        path.write_bytes(b"")
    else:
        path.unlink()
        if how == "replaced":
            path.write_bytes(pcap(record(b"of another capture")))
    end = time.monotonic() + 5
    while not source.ended and time.monotonic() < end:
        source.wait(0.05)
        assert frames(source) == []
    assert source.ended
    assert [says in str(notice) for notice in source.take_notices()] == [True]
    source.close()
