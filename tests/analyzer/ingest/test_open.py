from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from ingest_captures import (
    EPOCH,
    FRAME,
    Opener,
    enhanced,
    frames,
    option,
    pcap,
    pcapng,
    record,
    simple,
    snoop,
    snoop_record,
)

from analyzer.ingest import streams
from analyzer.ingest.link_names import link_name
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError

Compressor = Callable[[bytes], bytes]
COMPRESSORS: dict[str, Compressor] = {
    "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "lz4": lz4.frame.compress,
}
MANY = pcap(*(record(bytes([n % 256]) * 700, fraction=n) for n in range(2000)))


@pytest.mark.parametrize("kind", COMPRESSORS)
@pytest.mark.parametrize("data", [pcap(record()), pcapng(enhanced()), snoop(snoop_record())])
def test_compressed_captures(opened: Opener, kind: str, data: bytes) -> None:
    source = opened(COMPRESSORS[kind](data))
    assert [frame[3] for frame in frames(source)] == [FRAME]
    assert not source.damage
    assert source.position == source.size


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_several_members_are_one_capture(opened: Opener, kind: str) -> None:
    pieces = [MANY[:10], MANY[10:5000], b"", MANY[5000:]]
    source = opened(b"".join(COMPRESSORS[kind](piece) for piece in pieces))
    assert len(frames(source)) == 2000
    assert not source.damage


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_compressed_data_that_ends_early(opened: Opener, kind: str) -> None:
    noise = pcap(*(record(os.urandom(700)) for _ in range(2000)))
    packed = COMPRESSORS[kind](noise)
    source = opened(packed[: len(packed) // 2])
    assert 700 < len(frames(source)) < 1010
    (damage,) = source.damage
    assert damage.reason == f"the {kind} data ends early"
    assert damage.frames_before == source.number
    assert damage.offset <= len(noise)


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_compressed_data_that_is_damaged(opened: Opener, kind: str) -> None:
    packed = bytearray(b"".join(COMPRESSORS[kind](part) for part in (MANY[:900_000], MANY[900_000:])))
    middle = len(COMPRESSORS[kind](MANY[:900_000])) + 4
    packed[middle:middle + 12] = b"\xff" * 12
    source = opened(bytes(packed))
    assert len(frames(source)) == 900_000 // 716
    assert kind in source.damage[0].reason


def test_gzip_gives_everything_before_the_damage(opened: Opener) -> None:
    packed = bytearray(gzip.compress(MANY))
    packed[-8] ^= 1     # the checksum
    source = opened(bytes(packed))
    assert len(frames(source)) == 2000
    assert [damage.reason for damage in source.damage] == ["the gzip data is damaged"]


def test_padding_after_gzip_is_no_damage_and_garbage_is(opened: Opener) -> None:
    padded = opened(gzip.compress(MANY) + bytes(512))
    assert len(frames(padded)) == 2000
    assert not padded.damage
    spoiled = opened(gzip.compress(MANY) + b"garbage")
    assert len(frames(spoiled)) == 2000
    assert spoiled.damage[0].reason == "what follows the gzip data is not gzip data"


def test_zstd_may_begin_with_a_skippable_frame(opened: Opener) -> None:
    skippable = b"\x5e\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    assert len(frames(opened(skippable + COMPRESSORS["zstd"](MANY)))) == 2000


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_a_bomb_never_stands_in_memory(opened: Opener, kind: str) -> None:
    source = opened(COMPRESSORS[kind](pcap(record()) + pcap(record(bytes(200_000)))[24:] * 1000))
    largest = 0
    while source.next():
        largest = max(largest, len(source.data))
    assert source.number == 1001
    assert largest < 20 << 20


@pytest.mark.parametrize(("data", "said"), [
    (b"", "is empty"), (b"hello, world", "no capture of a kind that is read"), (b"BZh91AY", "bzip2"),
    (b"\xfd7zXZ\x00\x00", "xz"),
    (b"GMBU\x00\x00", "Network Monitor 2"), (gzip.compress(b"", mtime=0), "is empty"),
    (gzip.compress(b"{}", mtime=0), "holds a JSON file"),
    (gzip.compress(MANY, mtime=0)[:9], "ends early"), (b"\xa1", "no capture of a kind that is read"),
    (b"\x1f\x8b", "ends early"),
])
def test_what_is_no_capture(opened: Opener, data: bytes, said: str) -> None:
    with pytest.raises(CaptureError, match=said):
        opened(data)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        open_capture([str(tmp_path / "missing.pcap")])
    with pytest.raises(CaptureError, match="is a directory"):
        open_capture([str(tmp_path)])
    with pytest.raises(CaptureError, match="is empty"):
        open_capture([os.devnull])
    with pytest.raises(CaptureError, match="cannot be opened"):
        open_capture(["nul\x00byte"])
    with pytest.raises(CaptureError, match="no capture"):
        open_capture([])
    with pytest.raises(CaptureError, match="only once"):
        open_capture(["-", "-"])


@pytest.mark.parametrize("data", [MANY, gzip.compress(MANY, mtime=0), COMPRESSORS["zstd"](MANY),
                                  COMPRESSORS["lz4"](MANY), pcapng(enhanced(), enhanced()), snoop(snoop_record())])
def test_reopening_gives_the_same_frames(opened: Opener, data: bytes) -> None:
    first = opened(data)
    assert first.rewindable
    assert first.next()
    second = first.reopen()
    first.close()
    assert not first.next()
    seen = frames(second)
    third = second.reopen()
    second.close()
    second.close()
    assert frames(third) == seen
    assert seen[0][0] == 1


@pytest.mark.parametrize("size", [1, streams.SHORT, streams.SHORT + 1])
def test_the_rest_of_a_block_comes_back_with_what_follows_it(tmp_path: Path, size: int) -> None:
    content = bytes(n % 251 for n in range(int(streams.BLOCK) * 2 + 100))
    path = tmp_path / "bytes"
    path.write_bytes(content)
    stream = streams.FileStream(os.open(path, os.O_RDONLY), len(content))
    taken = stream.read()
    while True:
        following = stream.read_on(taken[-size:])
        if following == taken[-size:]:
            break
        taken = taken[:-size] + following
        assert stream.position == len(taken)
    assert taken == content
    assert not stream.trouble
    stream.close()


def test_a_file_that_became_shorter_ends_with_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(bytes(200_000))
    stream = streams.FileStream(os.open(path, os.O_RDONLY), 200_000)
    first = stream.read()
    os.truncate(path, 1000)
    assert stream.read_on(first[-10:]) == first[-10:]
    assert stream.position == len(first)
    stream.close()


def test_a_file_that_grows_keeps_its_first_size(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(pcap(record()))
    source = open_capture([str(path)])
    path.write_bytes(pcap(record(), record()))
    assert len(frames(source)) == 1
    assert len(frames(source.reopen())) == 1


READER = textwrap.dedent("""
    import sys
    from analyzer.ingest.open import open_capture
    source = open_capture(["-"], rewindable={rewindable})
    print("name", source.name, source.size, flush=True)
    while source.next():
        print(source.number, source.end - source.start, flush=True)
    print("damage", len(source.damage), flush=True)
    if {rewindable}:
        again = source.reopen()
        source.close()
        while again.next():
            pass
        print("again", again.number, flush=True)
""")


def reader(rewindable: bool = True) -> list[str]:
    return [sys.executable, "-c", READER.format(rewindable=rewindable)]


@pytest.mark.parametrize("rewindable", [True, False])
@pytest.mark.parametrize("data", [pcap(record(), record(b"ab")), gzip.compress(pcap(record(), record(b"ab")), mtime=0)])
def test_standard_input_through_a_pipe(data: bytes, rewindable: bool) -> None:
    said = subprocess.run(reader(rewindable), input=data, capture_output=True, check=True).stdout.decode().splitlines()
    assert said == ["name standard input -1", "1 60", "2 2", "damage 0"] + (["again 2"] if rewindable else [])


def test_standard_input_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(MANY)
    with path.open("rb") as file:
        said = subprocess.run(reader(), stdin=file, capture_output=True, check=True).stdout.decode().splitlines()
    assert said[0] == f"name standard input {len(MANY)}"
    assert said[-1] == "again 2000"


def test_a_live_pipe_is_told_frame_by_frame() -> None:
    with subprocess.Popen(reader(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        process.stdin.write(pcap())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"name")
        for number in (1, 2, 3):
            whole = record(bytes(number))
            process.stdin.write(whole[:7])
            process.stdin.flush()
            process.stdin.write(whole[7:])
            process.stdin.flush()
            assert process.stdout.readline() == b"%d %d\n" % (number, number)
        process.stdin.close()
        assert process.stdout.readline() == b"damage 0\n"
        assert process.stdout.readline() == b"again 3\n"
        watchdog.cancel()


def named_pipe(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(data), daemon=True).start()
    return str(path)


def test_a_pipe_is_kept_on_disk_beyond_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_capture([named_pipe(tmp_path, MANY)])
    assert source.rewindable
    assert source.next()
    ahead = source.reopen()         # may read on where the first has not been
    assert len(frames(ahead)) == 2000
    assert len(frames(source)) == 1999
    last = source.reopen()
    for one in (source, ahead):
        one.close()
    assert len(frames(last)) == 2000
    last.close()


def test_a_pipe_that_is_not_kept(tmp_path: Path) -> None:
    source = open_capture([named_pipe(tmp_path, MANY)], rewindable=False)
    assert not source.rewindable
    assert len(frames(source)) == 2000
    with pytest.raises(CaptureError, match="not kept"):
        source.reopen()


def test_the_spool_serves_any_offset(tmp_path: Path) -> None:
    descriptor = os.open(named_pipe(tmp_path, MANY), os.O_RDONLY)
    spool = streams.Spool(descriptor, True)
    one, two = streams.PipeStream(spool), streams.PipeStream(spool)
    read = [b"", b""]
    for turn in range(200):
        which = (turn // 3) % 2
        read[which] += (one, two)[which].read()
    assert read == [MANY, MANY]
    one.close()
    assert two.read() == b""
    two.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    def at(*seconds: int) -> list[bytes]:
        return [record(bytes([n]), seconds=EPOCH + n) for n in seconds]

    one, two = tmp_path / "one.pcap", tmp_path / "two.pcap"
    one.write_bytes(pcap(*at(1, 5, 3, 9)))      # its third frame is older than its second
    two.write_bytes(pcap(*at(2, 5, 6), link=113))
    source = open_capture([str(one), str(two)])
    seen = []
    while source.next():
        seen.append((source.number, source.data[source.start], source.link, source.interface))
    assert seen == [
        (1, 1, 1, 0), (2, 2, 113, 1), (3, 5, 1, 0), (4, 3, 1, 0), (5, 5, 113, 1), (6, 6, 113, 1), (7, 9, 1, 0),
    ]
    assert not source.next()
    assert [one.link for one in source.interfaces] == [1, 113]
    assert source.position == source.size == one.stat().st_size + two.stat().st_size
    assert len(frames(source.reopen())) == 7
    source.close()


def test_merging_joins_what_the_files_say(tmp_path: Path) -> None:
    one, two = tmp_path / "one.pcapng", tmp_path / "two.pcapng"
    one.write_bytes(pcapng(enhanced(units=5), enhanced(units=20, options=option(1, b"late")), b"\x06\x00"))
    two.write_bytes(pcapng(enhanced(units=7, options=option(1, b"early"))))
    missing = str(tmp_path / "missing.pcap")
    source = open_capture([str(one), missing, str(two)])
    origins = []
    while source.next():
        origins.append(getattr(source, "file_index"))  # noqa: B009
    assert origins == [0, 1, 0]
    assert [(remark.frame, remark.text) for remark in source.remarks] == [(2, "early"), (3, "late")]
    assert [damage.source for damage in source.damage] == [missing, str(one)]


def test_frames_without_a_time_stay_in_their_place(tmp_path: Path) -> None:
    one, two = tmp_path / "one.pcapng", tmp_path / "two.pcap"
    start = EPOCH * 10**6
    one.write_bytes(pcapng(enhanced(b"a", units=start + 5), simple(b"b"), enhanced(b"c", units=start + 9)))
    two.write_bytes(pcap(record(b"x", fraction=1), record(b"y", fraction=7)))
    assert [frame[3] for frame in frames(open_capture([str(one), str(two)]))] == [b"x", b"a", b"b", b"y", b"c"]


def test_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"one\.pcap.*; .*two\.pcap"):
        open_capture([str(tmp_path / "one.pcap"), str(tmp_path / "two.pcap")])


def test_names_of_link_types() -> None:
    assert link_name(1) == "Ethernet"
    assert link_name(276) == "Linux cooked v2"
    assert link_name(9999) == "link type 9999"
