from __future__ import annotations

import gzip
import struct

import pytest
from ingest_captures import EPOCH, FRAME, Opener, frames, pcap, record, snoop, snoop_record

from analyzer.ingest.source import CaptureError


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "scale"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_frames_times_and_lengths(opened: Opener, order: str, magic: int, scale: int) -> None:
    source = opened(pcap(
        record(order=order, fraction=7), record(b"", order=order, fraction=9, length=1514), magic=magic, order=order,
    ))
    assert frames(source) == [
        (1, EPOCH * 10**9 + 7 * scale, len(FRAME), FRAME), (2, EPOCH * 10**9 + 9 * scale, 1514, b""),
    ]
    assert not source.damage
    assert source.interfaces[0].resolution == 10**9 // scale
    assert source.interfaces[0].snaplen == 65535
    assert source.position == source.size


def test_seconds_are_unsigned(opened: Opener) -> None:
    assert frames(opened(pcap(record(seconds=0xFFFFFFFF, fraction=1))))[0][1] == 0xFFFFFFFF * 10**9 + 1000


def test_the_modified_format_has_longer_record_headers(opened: Opener) -> None:
    extra = struct.pack("<IHBB", 2, 8, 0, 0)
    source = opened(pcap(record(extra=extra), record(extra=extra), magic=0xA1B2CD34))
    assert [frame[3] for frame in frames(source)] == [FRAME, FRAME]


@pytest.mark.parametrize(("magic", "scale"), [(0x1C0001AC, 1), (0x1C0001AB, 1000)])
def test_ixia_files_say_their_size_after_the_header(opened: Opener, magic: int, scale: int) -> None:
    source = opened(pcap(bytes(4), record(fraction=5), magic=magic))
    assert frames(source) == [(1, EPOCH * 10**9 + 5 * scale, len(FRAME), FRAME)]


@pytest.mark.parametrize("version", [(2, 2), (543, 0), (2, 3)])
def test_old_versions_put_the_captured_length_last(opened: Opener, version: tuple[int, int]) -> None:
    source = opened(pcap(record(captured=100, length=len(FRAME)), version=version))
    assert frames(source) == [(1, EPOCH * 10**9, 100, FRAME)]


def test_version_2_3_is_believed_where_it_makes_sense(opened: Opener) -> None:
    assert frames(opened(pcap(record(length=100), version=(2, 3)))) == [(1, EPOCH * 10**9, 100, FRAME)]


def test_the_fcs_length_is_no_part_of_the_link_type(opened: Opener) -> None:
    source = opened(pcap(record(), link=0x24000001))
    assert source.next()
    assert source.link == 1
    assert source.interfaces[0].fcs == 4
    assert not source.damage


def test_reserved_bits_are_told_and_ignored(opened: Opener) -> None:
    source = opened(pcap(record(), link=0x00200001))
    assert len(frames(source)) == 1
    assert source.link == 1
    assert source.damage[0].offset == 20


def test_more_than_the_snap_length_or_the_wire_length_is_still_a_frame(opened: Opener) -> None:
    assert [frame[2] for frame in frames(opened(pcap(record(), record(length=10), snaplen=16)))] == [60, 10]


@pytest.mark.parametrize("cut", [1, 10, len(FRAME), len(FRAME) + 1, len(FRAME) + 15])
def test_a_record_cut_short_is_no_frame(opened: Opener, cut: int) -> None:
    whole = pcap(record(), record())
    source = opened(whole[:-cut])
    assert len(frames(source)) == 1
    assert [(damage.offset, damage.frames_before) for damage in source.damage] == [(24 + 16 + 60, 1)]
    assert "ends in the middle of" in str(source.damage[0])


def test_a_length_that_lies_ends_the_reading(opened: Opener) -> None:
    source = opened(pcap(record(), record(captured=262_145), record()))
    assert len(frames(source)) == 1
    assert [(damage.offset, damage.frames_before) for damage in source.damage] == [(100, 1)]
    assert "262145" in source.damage[0].reason


def test_the_largest_frame_depends_on_the_link_type(opened: Opener) -> None:
    large = bytes(300_000)
    assert [frame[3] for frame in frames(opened(pcap(record(large), link=231)))] == [large]
    assert not frames(opened(pcap(record(large), link=1)))
    assert len(frames(opened(pcap(record(bytes(262_144)), link=1)))) == 1


def test_frames_across_blocks(opened: Opener) -> None:
    many = [bytes([n % 251]) * (n * 37 % 3000) for n in range(500)]
    source = opened(pcap(*(record(data) for data in many)))
    assert [frame[3] for frame in frames(source)] == many


@pytest.mark.parametrize("data", [pcap()[:20], pcap(version=(1, 0))])
def test_a_header_that_is_no_use(opened: Opener, data: bytes) -> None:
    with pytest.raises(CaptureError, match="pcap"):
        opened(data)


def test_no_frames_is_no_damage(opened: Opener) -> None:
    source = opened(pcap())
    assert frames(source) == []
    assert not source.damage


def test_snoop(opened: Opener) -> None:
    source = opened(snoop(snoop_record(micros=5, drops=3), snoop_record(b"abc", pad=1)))
    assert frames(source) == [(1, EPOCH * 10**9 + 5000, len(FRAME), FRAME), (2, EPOCH * 10**9, 3, b"abc")]
    assert source.link == 1


def test_snoop_counts_drops_so_far(opened: Opener) -> None:
    source = opened(snoop(snoop_record(drops=3), snoop_record(drops=8)))
    assert source.next()
    assert source.interfaces[0].dropped == 3
    assert source.next()
    assert source.interfaces[0].dropped == 8


@pytest.mark.parametrize("data", [snoop(version=3), snoop(link=9), snoop()[:12]])
def test_snoop_that_is_no_use(opened: Opener, data: bytes) -> None:
    with pytest.raises(CaptureError, match="snoop"):
        opened(data)


@pytest.mark.parametrize("broken", [
    struct.pack(">IIIIII", 60, 60, 30, 0, 0, 0) + FRAME,
    struct.pack(">IIIIII", 60, 0x7FFFFFFF, 0x7FFFFFFF, 0, 0, 0) + FRAME,
    struct.pack(">IIIIII", 60, 60, 0x7FFFFFFF, 0, 0, 0) + FRAME,
    snoop_record()[:-1],
    snoop_record()[:10],
])
def test_snoop_damage(opened: Opener, broken: bytes) -> None:
    source = opened(snoop(snoop_record(), broken))
    assert len(frames(source)) == 1
    assert [(damage.offset, damage.frames_before) for damage in source.damage] == [(16 + 24 + 60 + 2, 1)]


@pytest.mark.parametrize(("magic", "extra"), [(0xA1B2C3D4, b""), (0xA1B2CD34, bytes(8))])
def test_reading_goes_on_at_a_place(opened: Opener, magic: int, extra: bytes) -> None:
    source = opened(pcap(
        *(record(bytes([at & 255]) * (at % 700), fraction=at, extra=extra) for at in range(600)), magic=magic
    ))
    places = []
    expected = []
    while source.next():
        places.append(int(source.base + source.start))
        expected.append((source.number, source.time, source.length, source.data[source.start:source.end]))
    again = source.reopen()
    for at in (0, 450, 3, 599, 200):
        assert again.seek(places[at], at + 1)
        for one in expected[at:at + 130]:
            assert again.next()
            assert (again.number, again.time, again.length, again.data[again.start:again.end]) == one
            assert again.base + again.start == places[one[0] - 1]
    assert not again.damage


def test_what_is_no_file_goes_to_no_place(opened: Opener) -> None:
    source = opened(gzip.compress(pcap(record(), record())))
    assert not source.seek(40, 1)
    assert [frame[0] for frame in frames(source)] == [1, 2]
