"""The one framer, with a small protocol of its own: whatever the pieces, gaps and caps, frames come out as they are."""
from __future__ import annotations

from random import Random

import pytest

from dissectors.kit.framer import (
    BROKEN,
    ENDS,
    FOUND,
    FRAME,
    INSIDE,
    LOST,
    NEED,
    NONE,
    NOTHING,
    PART,
    Framer,
)
from dissectors.kit.inputs import Chunk
from dissectors.kit.octets import be16

MARK = 0x7E      # the first octet of every header; a length of two octets follows
STREAMED = 0x80  # the bit of a length that stands for a payload handed out as it comes


class Marked(Framer):
    """A frame: a mark, a length, a payload."""

    def header(self, data: bytes, at: int) -> int:
        if data[at] != MARK:
            return NONE
        if len(data) - at < 3:
            return NEED
        self.parted = data[at + 1] & STREAMED != 0
        self.length = be16(data, at + 1) & 0x7FFF
        return 3

    def search(self, data: bytes, at: int) -> int:
        found = data.find(bytes((MARK,)), at)
        return found if found >= 0 else -1 - len(data)


class Unknown(Framer):
    """A protocol that says nothing."""


def frame(payload: bytes, streamed: bool = False) -> bytes:
    return bytes((MARK,)) + (len(payload) | (STREAMED << 8 if streamed else 0)).to_bytes(2, "big") + payload


def chunks(data: bytes, sizes: Random | int) -> list[Chunk]:
    out: list[Chunk] = []
    at = 0
    while at < len(data):
        size = sizes if isinstance(sizes, int) else sizes.randint(1, 9)
        out.append(Chunk(len(out) + 1, 10 * (len(out) + 1), 0, data[at:at + size], at, 0, 54))
        at += size
    return out


def payloads(framer: Framer, data: list[Chunk]) -> list[bytes]:
    """Of all frames; that of one handed out in parts is put together here."""
    out: list[bytes] = []
    parts = b""
    for chunk in data:
        framer.feed(chunk)
        while (step := framer.step()) != NOTHING:
            if step == FRAME:
                out.append(framer.payload)
            elif step == PART:
                parts = b"" if framer.begins else parts
                parts += framer.buffer[framer.part:framer.at]
                if not framer.open:
                    out.append(parts)
    return out


@pytest.mark.parametrize(
    "sizes", [1, 2, 7, 1_000, *[Random(seed) for seed in range(20)]],
    ids=["1", "2", "7", "1000", *[f"seed {seed}" for seed in range(20)]],
)
def test_pieces_do_not_matter(sizes: Random | int) -> None:
    wanted = [b"one", b"", b"three" * 30, bytes(300), b""]
    data = b"".join(frame(payload, index % 2 == 0) for index, payload in enumerate(wanted))
    framer = Marked()
    assert payloads(framer, chunks(data, sizes)) == wanted
    assert not framer.within


def test_a_frame_knows_where_it_lies_and_what_carried_it() -> None:
    framer = Marked()
    data = frame(b"first") + frame(b"second")
    framer.feed(Chunk(3, 30, 0, data[:10], 0, 0, 54))
    assert framer.step() == FRAME
    assert (framer.start, framer.end, framer.frames(), framer.begun_ns) == (54, 62, (3,), 30)
    assert framer.step() == NOTHING
    assert framer.within, "two octets of a header"
    framer.feed(Chunk(5, 50, 0, data[10:], 10, 0, 54))
    assert framer.step() == FRAME
    assert (framer.start, framer.end, framer.frames()) == (54, 61, (3, 5)), "what of it lies in the last frame"
    assert (framer.begun_ns, framer.now) == (30, 50)


def test_a_chunk_that_had_to_wait() -> None:
    framer = Marked()
    framer.feed(Chunk(4, 40, 0, frame(b"a") + frame(b"b"), 0, 9, 54))
    for _ in range(2):
        assert framer.step() == FRAME
        assert framer.frames() == (4, 9), "the one it came in, and the one that released it"
        assert (framer.start, framer.end) == (-1, -1)


def test_a_gap_within_a_frame_is_counted_out() -> None:
    framer = Marked()
    data = frame(b"0123456789") + frame(b"next")
    framer.feed(Chunk(1, 1, 0, data[:6], 0))
    assert framer.step() == NOTHING
    assert framer.miss(4, 2, 2) == INSIDE
    framer.feed(Chunk(3, 3, 0, data[10:], 10))
    assert framer.step() == FRAME
    assert (framer.payload, framer.cut) == (b"012", 4), "what follows the hole is not joined to what was before it"
    assert framer.step() == FRAME
    assert (framer.payload, framer.cut) == (b"next", 0)


def test_a_gap_that_ends_a_frame() -> None:
    framer = Marked()
    framer.feed(Chunk(1, 1, 0, frame(b"0123456789")[:6], 0))
    framer.step()
    assert framer.miss(7, 2, 2) == ENDS
    assert framer.step() == FRAME
    assert (framer.payload, framer.cut, framer.frames(), framer.start) == (b"012", 7, (1, 2), -1)


def test_a_gap_beyond_a_frame_loses_step_until_one_is_found() -> None:
    framer = Marked()
    framer.feed(Chunk(1, 1, 0, frame(b"0123456789")[:6], 0))
    framer.step()
    assert framer.miss(8, 2, 2) == LOST
    framer.feed(Chunk(2, 2, 0, b"xyz", 14))
    assert framer.step() == NOTHING
    framer.feed(Chunk(3, 3, 0, b"q" + frame(b"found"), 17))
    assert framer.step() == FOUND
    assert (framer.passed, framer.lost) == (6 + 4, 8)
    assert framer.step() == FRAME
    assert (framer.payload, framer.frames()) == (b"found", (3,))


def test_what_is_no_header_is_told_once() -> None:
    framer = Marked()
    framer.feed(Chunk(1, 1, 0, frame(b"good") + b"bad" + frame(b"again"), 0))
    assert [framer.step() for _ in range(5)] == [FRAME, BROKEN, FOUND, FRAME, NOTHING]
    framer.feed(Chunk(2, 2, 0, b"bad", 20))
    assert [framer.step(), framer.step()] == [BROKEN, NOTHING], "a frame was found in between"
    framer.feed(Chunk(3, 3, 0, b"worse", 20))
    assert framer.step() == NOTHING


def test_a_payload_is_held_up_to_its_cap() -> None:
    framer = Marked(most=100)
    largest = 0
    for chunk in chunks(frame(bytes(20_000)), 50):
        framer.feed(chunk)
        while framer.step() != NOTHING:
            assert (len(framer.payload), framer.length, framer.cut) == (100, 20_000, 0)
        largest = max(largest, sum(map(len, framer._parts)) + len(framer.buffer))
    assert framer.payload
    assert largest <= 100


def test_noise_is_not_held() -> None:
    framer = Marked(in_step=False)
    for chunk in chunks(b"n" * 10_000, 100):
        framer.feed(chunk)
        assert framer.step() == NOTHING
        assert not framer.within
    assert framer.passed == 10_000


def test_a_protocol_without_rules_reads_nothing() -> None:
    framer = Unknown()
    framer.feed(Chunk(1, 1, 0, b"anything", 0))
    assert [framer.step() for _ in range(3)] == [BROKEN, NOTHING, NOTHING]


def test_who_stops_early_loses_nothing() -> None:
    framer = Marked()
    data = frame(b"one") + frame(b"two")
    framer.feed(Chunk(1, 1, 0, data, 0))
    assert framer.step() == FRAME
    framer.feed(Chunk(2, 2, 0, frame(b"three"), len(data)))
    assert framer.step() == FRAME
    assert framer.payload == b"two"
    assert framer.step() == FRAME
    assert framer.payload == b"three"
