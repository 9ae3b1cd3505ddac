"""Records out of a byte stream: whole, in pieces, cut, behind a gap, in the middle of a capture."""
from __future__ import annotations

from random import Random

import pytest
from tls_wire import record

from dissectors.kit.cited import MAX_CITED
from dissectors.kit.inputs import Chunk, Gap
from dissectors.protocols.tls.handshake import MAX_MESSAGE, TlsMessages
from dissectors.protocols.tls.records import BROKEN, FOUND, PLAIN, Found, Notice, RecordLayer, TlsRecord, TlsRun

RANDOM = Random("records")
STREAM = [
    record(22, b"\x01\0\0\x05hello", 0x0301), record(20, b"\x01"), record(22, bytes(40)),
    record(23, RANDOM.randbytes(700)), record(23, b""), record(21, b"\x01\0"), record(24, b"\x01\0\x02ab" + bytes(16)),
]


def chunks(data: bytes, sizes: list[int]) -> list[Chunk]:
    out = []
    at = 0
    while at < len(data):
        size = sizes[min(len(out), len(sizes) - 1)]
        out.append(Chunk(len(out) + 1, 10 * (len(out) + 1), 0, data[at:at + size], at, 0, 54))
        at += size
    return out


def feed(layer: RecordLayer, data: bytes, sizes: list[int]) -> list[Found]:
    found: list[Found] = []
    for chunk in chunks(data, sizes):
        found += layer.data(chunk)
    return found


def shape(found: list[Found]) -> list[tuple[int, int, int, bytes]]:
    assert all(isinstance(one, TlsRecord) for one in found)
    return [(r.content_type, r.version, r.length, r.fragment) for r in found if isinstance(r, TlsRecord)]


def notices(found: list[Found]) -> list[str]:
    return [one.kind for one in found if isinstance(one, Notice)]


@pytest.mark.parametrize("sizes", [[10_000], [1], [3], [5, 1, 7, 2], [16, 4, 300]], ids=str)
def test_pieces_do_not_matter(sizes: list[int]) -> None:
    layer = RecordLayer(False)
    layer.keep = True
    found = shape(feed(layer, b"".join(STREAM), sizes))
    assert found == [
        (raw[0], raw[1] << 8 | raw[2], len(raw) - 5, raw[5:]) for raw in STREAM
    ]


def test_the_payload_of_application_data_is_not_kept_unless_it_is_wanted() -> None:
    found = feed(RecordLayer(False), b"".join(STREAM), [100])
    assert [(r.content_type, r.fragment) for r in found if isinstance(r, TlsRecord) and r.content_type == 23] == [
        (23, b""), (23, b"")
    ]


def test_frames_of_a_record_over_several_segments() -> None:
    found = feed(RecordLayer(False), record(22, bytes(95)), [2, 2, 50, 46])
    assert len(found) == 1
    assert isinstance(found[0], TlsRecord)
    assert found[0].frames == (1, 2, 3, 4)
    assert found[0].number == 4
    assert found[0].time == 40


def test_a_record_stands_on_the_frame_that_released_it() -> None:
    layer = RecordLayer(False)
    layer.data(Chunk(5, 50, 0, record(22, bytes(20))[:10], 0, 0, 54))
    found = layer.data(Chunk(3, 30, 0, record(22, bytes(20))[10:], 10, 5, 54))
    assert isinstance(found[0], TlsRecord)
    assert found[0].number == 5
    assert found[0].frames == (3, 5)
    assert found[0].time == 50, "later than the chunk, which had to wait"
    assert (found[0].start, found[0].end) == (-1, -1)


def test_the_frames_of_a_large_record_are_bounded() -> None:
    found = feed(RecordLayer(False), record(22, bytes(16_000)), [100])
    assert isinstance(found[0], TlsRecord)
    assert len(found[0].frames) <= MAX_CITED + 1
    assert found[0].frames[-1] == found[0].number == 161


def test_where_the_bytes_lie() -> None:
    found = feed(RecordLayer(False), record(22, bytes(20)) + record(21, b"\x02\x28"), [1000])
    assert [(r.start, r.end) for r in found if isinstance(r, TlsRecord)] == [(54, 79), (79, 86)]


def test_runs_are_counted_without_a_record_each() -> None:
    layer = RecordLayer(True)
    data = b"".join(record(23, bytes(size)) for size in (100, 300, 200)) + record(21, bytes(30)) + record(23, bytes(9))
    found = feed(layer, data, [40])
    assert isinstance(found[0], TlsRun)
    assert isinstance(found[1], TlsRecord)
    assert (found[0].records, found[0].octets, found[0].largest) == (3, 600, 300)
    assert found[0].cited.frames() == (3, 11, 16), "the frames in which its records end"
    last = layer.end_run()
    assert last is not None
    assert (last.records, last.octets) == (1, 9)
    assert layer.end_run() is None


def test_a_gap_within_a_record_is_counted_out() -> None:
    layer = RecordLayer(False)
    data = record(23, bytes(1000)) + record(21, b"\x01\0")
    assert layer.data(Chunk(1, 1, 0, data[:300], 0)) == []
    assert layer.gap(Gap(2, 2, 0, 300, 400)) == []
    found = layer.data(Chunk(2, 2, 0, data[700:], 700))
    assert [(r.content_type, r.cut) for r in found if isinstance(r, TlsRecord)] == [(23, 400), (21, 0)]


def test_a_gap_over_records_is_resynchronised_at_a_segment() -> None:
    layer = RecordLayer(False)
    layer.data(Chunk(1, 1, 0, record(23, bytes(50)) + record(23, bytes(1000))[:100], 0))
    assert layer.gap(Gap(2, 2, 0, 155, 5000)) == []
    noise = bytes(RANDOM.choice([b for b in range(256) if b != 3]) for _ in range(300))
    assert layer.data(Chunk(2, 2, 0, noise, 5155)) == []
    found = layer.data(Chunk(3, 3, 0, record(23, bytes(70)), 5455))
    assert notices(found) == [FOUND]
    assert isinstance(found[0], Notice)
    assert (found[0].passed, found[0].lost) == (400, 5000)
    assert isinstance(found[1], TlsRecord)
    assert found[1].length == 70


def test_a_gap_is_resynchronised_within_a_segment() -> None:
    layer = RecordLayer(False)
    layer.data(Chunk(1, 1, 0, record(22, bytes(20)), 0))
    layer.gap(Gap(2, 2, 0, 25, 5000))
    found = layer.data(Chunk(2, 2, 0, bytes(33) + record(23, bytes(70)) + record(23, bytes(80)), 5025))
    assert notices(found) == [FOUND]
    assert [r.length for r in found if isinstance(r, TlsRecord)] == [70, 80]


def test_a_header_that_was_none_is_left_again() -> None:
    """Five bytes that look like a header by chance, followed by nothing that does."""
    layer = RecordLayer(False)
    layer.gap(Gap(1, 1, 0, 0, 100))
    found = layer.data(Chunk(2, 2, 0, bytes(33) + record(22, bytes(70)) + bytes(200), 100))
    assert notices(found) == [FOUND, BROKEN]
    assert not layer.in_step
    assert notices(layer.data(Chunk(3, 3, 0, record(23, bytes(70)), 408))) == [FOUND]


@pytest.mark.parametrize("sizes", [[10_000], [1], [2, 3], [7]], ids=str)
def test_records_are_found_again_whatever_the_pieces(sizes: list[int]) -> None:
    layer = RecordLayer(False)
    layer.data(Chunk(1, 1, 0, record(22, bytes(20)), 0))
    layer.gap(Gap(2, 2, 0, 25, 700))
    found = feed(layer, bytes(57) + record(22, bytes(90)) + record(20, b"\x01"), sizes)
    assert [(one.kind, one.passed, one.lost) for one in found if isinstance(one, Notice)] == [(FOUND, 57, 700)]
    assert [(one.content_type, one.length) for one in found if isinstance(one, TlsRecord)] == [(22, 90), (20, 1)]


def test_a_late_start_finds_the_next_record() -> None:
    layer = RecordLayer(False)
    found = layer.data(Chunk(1, 1, 0, bytes(200), 0))
    assert notices(found) == [PLAIN]
    found = layer.data(Chunk(2, 2, 0, record(23, bytes(100)), 200))
    assert notices(found) == [FOUND]


def test_broken_headers_are_told_once() -> None:
    layer = RecordLayer(False)
    found = layer.data(Chunk(1, 1, 0, record(22, bytes(20)) + b"GET / HTTP/1.1\r\n", 0))
    assert [type(one).__name__ for one in found] == ["TlsRecord", "Notice"]
    assert notices(found) == [BROKEN]
    assert notices(layer.data(Chunk(2, 2, 0, b"Host: shop.test\r\n\r\n", 41))) == []


def test_a_length_that_no_record_has_is_broken() -> None:
    layer = RecordLayer(False)
    found = layer.data(Chunk(1, 1, 0, record(22, bytes(20)) + b"\x17\x03\x03\xff\xff" + bytes(30), 0))
    assert notices(found) == [BROKEN]


def test_a_snapped_frame_shows_the_records_that_begin_in_it() -> None:
    layer = RecordLayer(False)
    data = record(22, bytes(60))
    assert layer.data(Chunk(1, 1, 0, data[:30], 0)) == []
    found = layer.gap(Gap(1, 1, 0, 30, 35))
    assert isinstance(found[0], TlsRecord)
    assert (found[0].cut, found[0].number, len(found[0].fragment)) == (35, 1, 25)


def test_an_ssl2_hello_and_what_follows_it() -> None:
    hello = b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + b"\0\0\x2f" * 7 + bytes(16)
    layer = RecordLayer(False)
    found = feed(layer, hello + STREAM[1] + STREAM[2], [4, 3, 9])
    assert [r.content_type for r in found if isinstance(r, TlsRecord)] == [128, 20, 22]
    assert isinstance(found[0], TlsRecord)
    assert found[0].fragment == hello[2:]


def test_what_is_unfinished_at_the_end() -> None:
    layer = RecordLayer(False)
    layer.data(Chunk(1, 1, 0, record(23, bytes(100))[:50], 0))
    assert layer.unfinished() == 50


# -- messages ------------------------------------------------------------------------------------------------


def message_record(fragment: bytes, frame: int) -> TlsRecord:
    return TlsRecord(22, 0x0303, len(fragment), fragment, (frame,), frame, frame * 10, -1, -1, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 30, 1000])
def test_messages_over_records_and_records_of_messages(size: int) -> None:
    data = b"\x02\0\0\x06server" + b"\x0e\0\0\0" + b"\x0b\0\x00\x20" + bytes(32) + b"\0\0\0\0"
    messages = TlsMessages()
    found = []
    for number, at in enumerate(range(0, len(data), size), 1):
        found += messages.feed_record(message_record(data[at:at + size], number), data[at:at + size])
    assert [(one.type, one.body) for one in found] == [(2, b"server"), (14, b""), (11, bytes(32)), (0, b"")]
    assert not messages.within
    for one in found:
        assert one.frames == tuple(sorted(set(one.frames)))


def test_a_message_names_all_its_frames() -> None:
    messages = TlsMessages()
    data = b"\x0b\0\x00\x20" + bytes(32)
    assert messages.feed_record(message_record(data[:10], 3), data[:10]) == []
    assert messages.feed_record(message_record(data[10:20], 5), data[10:20]) == []
    assert messages.feed_record(message_record(data[20:], 9), data[20:])[0].frames == (3, 5, 9)


def test_a_message_beyond_the_cap_is_stepped_over() -> None:
    messages = TlsMessages()
    length = int(MAX_MESSAGE) + 10
    data = b"\x0b" + length.to_bytes(3, "big") + bytes(length) + b"\x0e\0\0\0"
    found = []
    for number, at in enumerate(range(0, len(data), 16_000), 1):
        found += messages.feed_record(message_record(data[at:at + 16_000], number), data[at:at + 16_000])
        assert sum(map(len, messages._parts)) <= MAX_MESSAGE
    assert [(one.type, one.raw, one.length) for one in found] == [(11, b"", length), (14, b"\x0e\0\0\0", 0)]
