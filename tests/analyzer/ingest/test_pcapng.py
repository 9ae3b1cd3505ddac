from __future__ import annotations

import itertools
import struct

import pytest
from ingest_captures import (
    END,
    EPOCH,
    FRAME,
    Opener,
    block,
    enhanced,
    frames,
    interface,
    obsolete,
    option,
    pcapng,
    section,
    simple,
)

from analyzer.ingest import pcapng as reader
from analyzer.ingest.source import MAX_TIME, CaptureError

NS = EPOCH * 10**9


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_three_packet_blocks(opened: Opener, order: str) -> None:
    source = opened(pcapng(enhanced(order=order, length=99), simple(order=order), obsolete(order=order), order=order))
    assert frames(source) == [(1, NS, 99, FRAME), (2, -1, 60, FRAME), (3, NS, 60, FRAME)]
    assert not source.damage
    assert source.link == 1


def test_sections_have_their_own_byte_order_and_interfaces(opened: Opener) -> None:
    source = opened(
        section("<") + interface("<", link=113) + interface("<", link=1) + enhanced(number=1)
        + section(">") + interface(">", link=101) + enhanced(order=">") + simple(order=">")
    )
    seen = []
    while source.next():
        seen.append((source.link, source.interface))
    assert seen == [(1, 1), (101, 2), (101, 2)]
    assert [one.link for one in source.interfaces] == [113, 1, 101]


@pytest.mark.parametrize(("value", "units", "time"), [
    (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
    (0, 1_700_000_000, NS),
    (3, 1_700_000_000_123, NS + 123_000_000),
    (12, 1_700_000_123_456_789_012, 1_700_000_123_456_789),
    (0x80 | 10, (EPOCH << 10) + 512, NS + 500_000_000),
    (0x80 | 32, (EPOCH << 32) + (1 << 31), NS + 500_000_000),
    (127, 1 << 63, 0),
    (0xFF, 1 << 63, 0),
])
def test_resolutions(opened: Opener, value: int, units: int, time: int) -> None:
    source = opened(section() + interface(options=option(9, bytes([value])) + END) + enhanced(units=units))
    assert frames(source)[0][1] == time
    assert source.interfaces[0].resolution == (2 ** (value & 0x7F) if value & 0x80 else 10**value)


@pytest.mark.parametrize("offset", [3600, -3600, -EPOCH, MAX_TIME // 10**9 - EPOCH])
def test_offsets(opened: Opener, offset: int) -> None:
    source = opened(section() + interface(options=option(14, struct.pack("<q", offset))) + enhanced())
    assert frames(source)[0][1] == (EPOCH + offset) * 10**9


def test_times_out_of_bounds_are_unknown_and_told_once(opened: Opener) -> None:
    late = (1 << 64) - 1
    last = MAX_TIME // 1000
    source = opened(pcapng(*(enhanced(units=one) for one in (late, last + 1, last, (1 << 63) // 1000, NS // 1000, 0))))
    assert [frame[1] for frame in frames(source)] == [-1, -1, last * 1000, -1, NS, 0]
    assert len(source.damage) == 1
    assert "1970 to 2116" in source.damage[0].reason


@pytest.mark.parametrize("offset", [-EPOCH - 5, -(1 << 63), (1 << 63) - 1, 1 << 32, MAX_TIME // 10**9 + 1 - EPOCH])
@pytest.mark.parametrize("resolution", [0, 6, 9, 30, 0x80, 0xFF])
def test_no_offset_brings_a_time_out_of_bounds(opened: Opener, offset: int, resolution: int) -> None:
    told = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset))
    units = (0, EPOCH, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)
    source = opened(section() + interface(options=told) + b"".join(enhanced(units=one) for one in units))
    per_second = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    exact = [one * 10**9 // per_second + offset * 10**9 for one in units]
    assert [frame[1] for frame in frames(source)] == [time if 0 <= time <= MAX_TIME else -1 for time in exact]


def test_a_resolution_of_two_bytes_is_ignored_and_told(opened: Opener) -> None:
    source = opened(section() + interface(options=option(9, b"\x09\x00")) + enhanced())
    assert frames(source)[0][1] == NS
    assert "time stamps" in source.damage[0].reason


def test_what_describes_an_interface(opened: Opener) -> None:
    source = opened(
        section(options=option(3, b"Linux 6.1"))
        + interface(snaplen=96, options=option(2, b"eth0") + option(3, b"uplink") + option(11, b"\x00tcp port 80")
                    + option(13, b"\x04") + option(15, b"virtio") + END)
        + interface(options=option(12, b"BSD") + option(13, b"\x20"))
    )
    assert frames(source) == []
    one, two = source.interfaces
    assert (one.name, one.description, one.filter, one.system, one.hardware, one.fcs, one.snaplen) == (
        "eth0", "uplink", "tcp port 80", "Linux 6.1", "virtio", 4, 96,
    )
    assert (two.system, two.fcs) == ("BSD", 4)


def test_comments(opened: Opener) -> None:
    source = opened(
        section(options=option(1, b"the capture")) + interface(options=option(1, b"the interface"))
        + enhanced() + enhanced(options=option(2, bytes(4)) + option(1, b"first") + option(1, "zweïter".encode()) + END)
        + enhanced(options=END + option(1, b"after the end"))
    )
    frames(source)
    assert [(remark.frame, remark.text) for remark in source.remarks] == [
        (0, "the capture"), (0, "the interface"), (2, "first"), (2, "zweïter"),
    ]


def test_statistics_names_and_secrets(opened: Opener) -> None:
    names = (
        struct.pack("<HH", 1, 9) + b"\x0a\x00\x00\x01host\x00" + bytes(3)
        + struct.pack("<HH", 2, 23) + bytes(15) + b"\x01six\x00al\x00" + bytes(1)
        + struct.pack("<HH", 9, 4) + b"what" + END
    )
    source = opened(pcapng(
        block(10, struct.pack("<II", 0x544C534B, 5) + b"CLIEN"),
        block(4, names),
        block(5, bytes(12) + option(4, struct.pack("<Q", 70)) + option(5, struct.pack("<Q", 7)) + END),
        enhanced(),
    ))
    assert len(frames(source)) == 1
    assert [(secret.kind, secret.data) for secret in source.secrets] == [(0x544C534B, b"CLIEN")]
    assert source.names == {b"\x0a\x00\x00\x01": "host", bytes(15) + b"\x01": "six"}
    assert (source.interfaces[0].received, source.interfaces[0].dropped) == (70, 7)
    assert not source.damage
    assert not source.skipped_blocks


def test_other_blocks_are_counted_by_name_and_numbered_as_wireshark_does(opened: Opener) -> None:
    source = opened(pcapng(
        enhanced(), block(0x77, b"what"), block(9, b"MESSAGE=hi\n"), enhanced(),
        block(0xBAD, struct.pack("<I", 32473) + b"ours"), block(0x40000BAD, struct.pack("<I", 32473)), enhanced(),
        block(0x80000001, b""), block(7, b""),
    ))
    assert [frame[0] for frame in frames(source)] == [1, 3, 6]
    assert source.skipped_blocks == {
        "block of type 0x77": 1, "systemd journal export block": 1, "custom block of enterprise 32473": 2,
        "block of type 0x80000001": 1, "IRIG timestamp block": 1,
    }
    assert not source.damage


def test_a_simple_packet_block_is_as_long_as_the_snap_length(opened: Opener) -> None:
    source = opened(section() + interface(snaplen=40) + simple(FRAME[:40], length=1514))
    assert frames(source) == [(1, -1, 1514, FRAME[:40])]


@pytest.mark.parametrize(("broken", "said"), [
    (enhanced(total=0), "length of 0"),
    (enhanced(trailer=0), "0 at its end"),
    (enhanced(trailer=96), "96 at its end"),
    (enhanced(total=0xFFFFFFF0), "length of"),
    (enhanced(number=3), "interface 3"),
    (enhanced(captured=5000), "claims to hold 5000"),
    (enhanced(captured=0xFFFFFFFF), "4294967295 captured bytes"),
    (enhanced(bytes(262_145)), "262145 captured bytes"),
    (simple(length=600), "600 bytes"),
    (block(6, b"abcd"), "less than it needs"),
    (block(1, b""), "less than it needs"),
    (block(0x77, b"", total=4), "less than it needs"),
    (block(0x77, b"", trailer=4), "4 at its end"),
    (interface(options=option(2, b"eth0", size=500)), "interface description"),
    (section(version=(2, 0)), "version 2.0"),
    (block(0x0A0D0D0A, bytes(16)), "byte-order magic"),
    (enhanced()[:-2], "ends in the middle"),
    (enhanced()[:40], "ends in the middle"),
    (enhanced()[:6], "ends in the middle"),
    (section()[:20], "ends in the middle"),
    (block(0x77, bytes(50))[:30], "ends in the middle"),
    (b"\xde\xad\xbe\xef" * 9, "length of"),
], ids=itertools.count())
def test_damage_ends_the_reading_where_it_stands(opened: Opener, broken: bytes, said: str) -> None:
    whole = pcapng(enhanced())
    tail = b"" if said == "ends in the middle" else enhanced()
    source = opened(whole + broken + tail)
    assert len(frames(source)) == 1
    (damage,) = source.damage
    assert said in damage.reason
    assert damage.frames_before == 1
    assert len(whole) <= damage.offset <= len(whole) + 16


@pytest.mark.parametrize(("broken", "count"), [
    (enhanced(options=option(1, b"abc", size=500)), 3),
    (block(10, struct.pack("<II", 0x544C534B, 400) + b"abcd"), 2),
    (block(4, struct.pack("<HH", 1, 900) + bytes(8)), 2),
    (block(5, struct.pack("<III", 7, 0, 0)), 2),
    (block(5, struct.pack("<III", 0, 0, 0) + option(4, b"", size=80)), 2),
])
def test_broken_details_cost_only_themselves(opened: Opener, broken: bytes, count: int) -> None:
    source = opened(pcapng(enhanced(), broken, enhanced()))
    assert len(frames(source)) == count
    assert len(source.damage) == 1
    assert not source.secrets
    assert not source.names


def test_damage_that_repeats_is_counted(opened: Opener) -> None:
    source = opened(pcapng(*[enhanced(options=option(1, b"", size=9))] * 50))
    assert len(frames(source)) == 50
    assert len(source.damage) == 20
    assert source.skipped_blocks == {"further damage": 30}


def test_a_length_without_its_padding(opened: Opener) -> None:
    body = struct.pack("<IIIII", 0, 0, 0, 61, 61) + FRAME + b"z"
    odd = struct.pack("<II", 6, 12 + len(body)) + body + bytes(3) + struct.pack("<I", 12 + len(body))
    assert [frame[3] for frame in frames(opened(pcapng(odd, enhanced())))] == [FRAME + b"z", FRAME]


def test_a_block_too_large_to_hold_is_passed_over(opened: Opener) -> None:
    size = reader.HELD_BLOCK + (1 << 20)
    source = opened(pcapng(block(0x77, bytes(size)), enhanced(), block(0x77, bytes(size), trailer=1)))
    assert len(frames(source)) == 1
    assert sum(source.skipped_blocks.values()) == 2
    assert "1 at its end" in source.damage[0].reason
    assert len(source.data) < 1 << 20


@pytest.mark.parametrize("data", [
    section()[:20], section(version=(2, 0)), block(0x0A0D0D0A, bytes(16)),
    struct.pack("<IIIHHq", 0x0A0D0D0A, 0xFFFFFFF0, 0x1A2B3C4D, 1, 0, -1),
])
def test_a_first_section_that_is_no_use(opened: Opener, data: bytes) -> None:
    with pytest.raises(CaptureError):
        opened(data)


def test_packets_without_an_interface(opened: Opener) -> None:
    for packet in (enhanced(), simple(), obsolete()):
        source = opened(section() + packet)
        assert frames(source) == []
        assert "interface 0" in source.damage[0].reason
