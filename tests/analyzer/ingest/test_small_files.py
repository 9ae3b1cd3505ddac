"""A small file cannot take much memory or time: whatever of it repeats is kept up to a cap, and the rest is counted."""
from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from ingest_captures import END, Opener, block, enhanced, frames, interface, option, pcap, pcapng, record, section

from analyzer.ingest import source as caps
from analyzer.ingest.merged import MergedSource
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError

MIB = 1 << 20
MOST_MEMORY = 150       # MiB of a whole process; Python and the modules take about 40 of them
MOST_SECONDS = 120.0    # generous, for a busy machine without the compiled modules; most take seconds
TLS_KEY_LOG = 0x544C534B
NO_COMMENT = option(1, b"")

# What is run in a process of its own: the command, then its peak of memory. The kernel's `ru_maxrss` is no use: it
# begins with that of the process that started this one.
CHILD = """
import json, sys
from analyzer.cli.main import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([code, int(peak.split()[1]) // 1024]), file=sys.stderr)
"""
needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of memory is read from /proc")


def many(block_of_few: bytes, size: int = 16 * MIB) -> bytes:
    return block_of_few * (size // len(block_of_few))


def with_comments(comment: bytes) -> bytes:
    """40 frames with all the comments that 16 MiB hold."""
    return pcapng(*[enhanced(bytes([n] * 60), options=many(comment, 16 * MIB // 40) + END) for n in range(40)])


def names(size: int) -> Iterator[bytes]:
    """Records for addresses that all differ, with names of this size."""
    for number in range(16 * MIB // (size + 8)):
        yield option(1, struct.pack("<I", number) + b"n" * (size - 1) + b"\x00")


def name_blocks(size: int) -> bytes:
    records = list(names(size))
    step = max(8 * MIB // (size + 8), 1)
    return pcapng(*[block(4, b"".join(records[at:at + step]) + END) for at in range(0, len(records), step)], enhanced())


def key_lines() -> bytes:
    return b"".join(b"A %064x 00\n" % number for number in range(15 * MIB // 70))


HOSTILE = {
    "comments on frames": lambda: with_comments(NO_COMMENT),
    "comments of a letter": lambda: with_comments(option(1, b"x")),
    "long comments": lambda: with_comments(option(1, "😀".encode() * 16_000)),
    "a comment a frame": lambda: pcapng(many(enhanced(bytes(60), options=NO_COMMENT + END))),
    "comments of a section": lambda: section(options=many(NO_COMMENT, 15 * MIB) + END) + interface() + enhanced(),
    "comments of an interface": lambda: pcapng(enhanced()) + interface(options=many(NO_COMMENT, 15 * MIB) + END),
    "comments of statistics": lambda: pcapng(block(5, bytes(12) + many(NO_COMMENT, 15 * MIB) + END), enhanced()),
    "interfaces": lambda: pcapng(enhanced()) + many(interface()) + enhanced(),
    "interfaces with long names": lambda: section() + many(interface(options=option(2, b"x" * 65_000) + END), 64 * MIB),
    "sections with long names": lambda: many(section(options=option(3, b"x" * 65_000) + END) + interface(), 64 * MIB),
    "short names": lambda: name_blocks(4),
    "long names": lambda: name_blocks(60_000),
    "records of no name": lambda: pcapng(block(4, many(option(7, b""), 15 * MIB) + END), enhanced()),
    "empty secrets": lambda: pcapng(many(block(10, struct.pack("<II", TLS_KEY_LOG, 0))), enhanced()),
    "a key log of empty lines": lambda: pcapng(
        block(10, struct.pack("<II", TLS_KEY_LOG, 15 * MIB) + b"\n" * (15 * MIB)), enhanced()
    ),
    "a key log": lambda: pcapng(
        block(10, struct.pack("<II", TLS_KEY_LOG, len(key_lines())) + key_lines()), enhanced()
    ),
    "custom blocks": lambda: pcapng(
        *[block(0xBAD, struct.pack("<I", number)) for number in range(16 * MIB // 16)], enhanced()
    ),
    "blocks of all types": lambda: pcapng(*[block(1000 + number, b"") for number in range(16 * MIB // 12)], enhanced()),
    "damage": lambda: pcapng(many(enhanced(bytes(60), options=option(1, b"", size=9)))),
    "a frame of D-Bus": lambda: pcap(record(bytes(100 * MIB)), record(bytes(60)), link=231),
    "a block of D-Bus": lambda: section() + interface(link=231) + enhanced(bytes(100 * MIB)) + enhanced(),
}


@needs_proc
@pytest.mark.slow(reason="each reads many megabytes in a process of its own")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_small_file_takes_little_memory_and_time(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "small.pcapng.zst"
    path.write_bytes(zstandard.ZstdCompressor(level=3).compress(HOSTILE[kind]()))
    began = time.monotonic()
    code, peak = ended(["analyze", str(path)])
    assert code == 0
    assert peak < MOST_MEMORY
    assert time.monotonic() - began < MOST_SECONDS


@needs_proc
@pytest.mark.slow(reason="each reads many megabytes in a process of its own")
@pytest.mark.parametrize("kind", ["comments on frames", "interfaces"])
def test_an_annotated_copy_takes_little_memory_and_time(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "small.pcapng.zst"
    path.write_bytes(zstandard.ZstdCompressor(level=3).compress(HOSTILE[kind]()))
    began = time.monotonic()
    code, peak = ended(["report", str(path), "-o", str(tmp_path / "told.pcapng")])
    assert code == 0
    assert peak < MOST_MEMORY
    assert time.monotonic() - began < MOST_SECONDS


@needs_proc
@pytest.mark.slow(reason="each reads many megabytes in a process of its own")
@pytest.mark.parametrize("kind", ["comments on frames", "interfaces", "short names"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_same_through_a_pipe(tmp_path: Path, kind: str, packed: bool) -> None:
    whole = HOSTILE[kind]()
    code, peak = ended(["sniff", "-"], zstandard.ZstdCompressor(level=3).compress(whole) if packed else whole)
    assert code == 0
    assert peak < MOST_MEMORY


def ended(arguments: list[str], given: bytes = b"") -> tuple[int, int]:
    """The exit code of a command, and the peak of its memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD, *arguments], input=given, capture_output=True, check=True, timeout=300,
    )
    code, peak = json.loads(done.stderr.splitlines()[-1])
    return code, peak


def test_a_window_that_is_too_large_is_said(tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=28)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    path = tmp_path / "wide.zst"
    path.write_bytes(packer.compress(pcapng(enhanced())) + packer.flush())
    with pytest.raises(CaptureError, match="window of more than 128 MiB"):
        open_capture([str(path)])


def test_comments_beyond_the_cap_are_counted(opened: Opener) -> None:
    two = option(1, b"one") + option(1, b"two") + END
    source = opened(pcapng(*[enhanced(options=two)] * (caps.MAX_REMARKS // 2 + 3)))
    assert len(frames(source)) == caps.MAX_REMARKS // 2 + 3
    assert len(source.remarks) == caps.MAX_REMARKS
    assert source.skipped_blocks == {"comments beyond 10000 or 4 MiB": 6}


def test_long_comments_beyond_the_cap_are_counted(opened: Opener) -> None:
    source = opened(pcapng(*[enhanced(options=option(1, b"x" * 60_000) + END)] * 80))
    assert len(frames(source)) == 80
    assert sum(len(remark.text) for remark in source.remarks) <= caps.MAX_REMARK_BYTES
    assert source.skipped_blocks == {"comments beyond 10000 or 4 MiB": 80 - len(source.remarks)}


def test_options_beyond_those_that_are_looked_at_are_said(opened: Opener) -> None:
    source = opened(pcapng(enhanced(options=option(2, bytes(4)) * 10_001 + option(1, b"late")), enhanced()))
    assert len(frames(source)) == 2
    assert not source.remarks
    assert source.skipped_blocks == {"options beyond 10000 of one block": 1}


def test_the_times_of_an_interface_are_never_guessed(opened: Opener) -> None:
    source = opened(pcapng(enhanced()) + interface(options=NO_COMMENT * 10_001 + option(9, b"\x09")) + enhanced())
    assert len(frames(source)) == 1
    assert "more than 10000 options" in source.damage[0].reason


def test_interfaces_beyond_the_cap_end_the_reading(opened: Opener) -> None:
    source = opened(section() + interface() * (caps.MAX_INTERFACES + 1) + enhanced())
    assert frames(source) == []
    assert len(source.interfaces) == caps.MAX_INTERFACES
    assert [damage.reason for damage in source.damage] == ["more than 10000 interfaces"]


def test_texts_names_and_secrets_beyond_the_cap_are_counted(opened: Opener) -> None:
    long = option(2, b"x" * 60_000) + END
    source = opened(
        section() + interface(options=long) * 80
        + block(4, b"".join(option(1, struct.pack("<I", n) + b"n" * 60_000 + b"\x00") for n in range(80)) + END)
        + block(10, struct.pack("<II", TLS_KEY_LOG, 9 * MIB) + bytes(9 * MIB)) * 2
    )
    assert frames(source) == []
    assert len([one for one in source.interfaces if one.name]) == len(source.names) == 69    # of 60 000 octets in 4 MiB
    assert len(source.secrets) == 1
    assert source.skipped_blocks == {
        "descriptions of interfaces beyond 4 MiB": 11, "names beyond 50000 or 4 MiB": 11,
        "secrets blocks beyond 50000 or 16 MiB": 1,
    }


def test_captures_that_are_merged_share_the_caps(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two", "three"):
        path = tmp_path / name
        path.write_bytes(pcapng(*[enhanced(options=option(1, b"here") + END)] * 4000))
        paths.append(str(path))
    source = open_capture(paths)
    assert isinstance(source, MergedSource)
    assert len(frames(source)) == 12_000
    assert len(source.remarks) == caps.MAX_REMARKS
    assert source.skipped_blocks == {"comments beyond 10000 or 4 MiB": 2000}
    again = source.reopen()
    assert len(frames(again)) == 12_000
    assert len(again.remarks) == caps.MAX_REMARKS


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_a_frame_too_large_to_hold_takes_its_number(opened: Opener, form: str) -> None:
    large = bytes(17 * MIB)
    if form == "pcap":
        source = opened(pcap(record(large), record(b"abc"), link=231))
    else:
        source = opened(section() + interface(link=231) + enhanced(large) + enhanced(b"abc"))
    assert [(frame[0], frame[3]) for frame in frames(source)] == [(2, b"abc")]
    assert source.skipped_blocks == {"frames beyond 16 MiB": 1}
    assert not source.damage
