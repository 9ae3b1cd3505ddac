"""Whatever the bytes are: frames, damage, or CaptureError; never another exception, never an endless loop."""
from __future__ import annotations

import gzip
import os
import struct
import tempfile

import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_captures import (
    END,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    pcap,
    record,
    section,
    simple,
    snoop,
    snoop_record,
)

from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError, Source

PCAPNG = (
    section(options=option(1, b"note") + END) + interface(options=option(9, b"\x09") + option(14, bytes(8)) + END)
    + block(10, struct.pack("<II", 0x544C534B, 4) + b"keys") + enhanced(options=option(1, b"here") + END)
    + block(4, struct.pack("<HH", 1, 6) + bytes(4) + b"a\x00" + bytes(2) + END) + simple() + obsolete()
    + block(5, struct.pack("<III", 0, 0, 0) + option(4, bytes(8))) + block(0xBAD, bytes(8))
    + section(">") + interface(">", link=101) + enhanced(order=">")
)
WHOLE = {
    "pcap": pcap(record(), record(b"abc"), record(b"")),
    "modified": pcap(
        record(extra=bytes(8), order=">"), record(b"", extra=bytes(8), order=">"), magic=0xA1B2CD34, order=">",
    ),
    "pcapng": PCAPNG,
    "snoop": snoop(snoop_record(), snoop_record(b"abc", pad=1)),
    "gzip": gzip.compress(PCAPNG) + gzip.compress(PCAPNG),
    "zstd": zstandard.ZstdCompressor().compress(PCAPNG),
    "lz4": lz4.frame.compress(PCAPNG),
}
PATH = os.path.join(tempfile.mkdtemp(), "hostile")


def told(data: bytes) -> Source | None:
    """Read it all; frames must make sense, and their number is bounded by the bytes."""
    with open(PATH, "wb") as file:
        file.write(data)
    try:
        source = open_capture([PATH])
    except CaptureError:
        return None
    before = 0
    count = 0
    while source.next():
        assert 0 <= source.start <= source.end <= len(source.data)
        assert source.number > before
        assert 0 <= source.interface < len(source.interfaces)
        before = source.number
        count += 1
        assert count <= 10_000
    assert not source.next()
    assert all(str(damage) for damage in source.damage)
    source.close()
    return source


@pytest.mark.parametrize("kind", WHOLE)
def test_cut_at_every_offset(kind: str) -> None:
    whole = told(WHOLE[kind])
    assert whole is not None
    assert not whole.damage
    for cut in range(len(WHOLE[kind])):
        source = told(WHOLE[kind][:cut])
        if source is not None and cut:
            assert source.number <= whole.number
            assert len(source.damage) <= 1


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated(kind: str, data: st.DataObject) -> None:
    spoiled = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(spoiled) - 1))
        value = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
        spoiled[at:at + data.draw(st.sampled_from([1, 1, 2, 4, 8]))] = bytes([value]) * data.draw(st.integers(1, 8))
    told(bytes(spoiled))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"", pcap(), section() + interface(), snoop(), section(">")]),
    st.binary(max_size=400),
)
def test_noise(head: bytes, noise: bytes) -> None:
    told(head + noise)


@settings(max_examples=100, deadline=None)
@given(st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 10, 0xBAD, 0x77, 0x0A0D0D0A]), st.binary(max_size=80)), max_size=12,
))
def test_blocks_framed_right_with_anything_inside(blocks: list[tuple[int, bytes]]) -> None:
    assert told(section() + interface() + b"".join(block(kind, body) for kind, body in blocks)) is not None
