"""Whatever order, doubling and overlap segments come in, a stream is what was sent, or a gap that says so."""
from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.reassembly import (
    MAX_WAITING,
    MAX_WAITING_BYTES,
    OWN_BYTES,
    SHARED_BYTES,
    Assembler,
    Piece,
    WaitingRoom,
)
from analyzer.flows.streams import Streams
from dissectors.kit.inputs import Chunk, Gap, Overlap
from dissectors.protocols.tcp.flags import ACK, SYN
from dissectors.protocols.tcp.side import TcpSide

MASK = 0xFFFFFFFF
bases = st.one_of(st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, MASK, MASK - 20]), st.integers(0, MASK))


@st.composite
def sent(draw: st.DrawFn, whole: bool) -> tuple[int, bytes, list[tuple[int, int]]]:
    """A first sequence number, a stream, and (start, end) of its segments in the order of their arrival.

    whole: they cover all of it.
    """
    stream = draw(st.binary(min_size=1, max_size=120))
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=12))
    edges = sorted({0, len(stream), *cuts})
    parts = list(pairwise(edges))
    if not whole:
        parts = draw(st.lists(st.sampled_from(parts), max_size=len(parts)))
    spans = st.tuples(st.integers(0, len(stream)), st.integers(0, len(stream))).map(lambda pair: tuple(sorted(pair)))
    parts += draw(st.lists(spans.filter(lambda span: span[0] < span[1]), max_size=8 if whole else 2))
    return draw(bases), stream, draw(st.permutations(parts))


def assemble(base: int, stream: bytes, arrivals: list[tuple[int, int]]) -> tuple[Assembler, list[Piece]]:
    """Frame n is the nth arrival, counted from 1."""
    assembler = Assembler(0)
    assembler.begin(base)
    out: list[Piece] = []
    for number, (start, end) in enumerate(arrivals, 1):
        out += assembler.segment((base + start) & MASK, stream[start:end], end - start, number, number * 10, start)
    return assembler, out


def check_pieces(pieces: list[Piece], stream: bytes, arrivals: list[tuple[int, int]]) -> None:
    """In order, each byte once, each from a frame that carried it, and each gap where nothing arrived."""
    position = 0
    for piece in pieces:
        assert isinstance(piece, Chunk | Gap)
        assert piece.position == position
        if isinstance(piece, Gap):
            assert piece.length > 0
            position += piece.length
            continue
        end = position + len(piece.data)
        assert piece.data == stream[position:end]
        start_of_frame, end_of_frame = arrivals[piece.frame - 1]
        assert start_of_frame <= position < end <= end_of_frame
        assert piece.time == piece.frame * 10
        assert piece.offset == position   # as `assemble` places bytes in their frame
        assert piece.released_by >= piece.frame
        position = end


@given(sent(whole=True))
def test_any_order_gives_the_stream(case: tuple[int, bytes, list[tuple[int, int]]]) -> None:
    base, stream, arrivals = case
    assembler, pieces = assemble(base, stream, arrivals)
    check_pieces(pieces, stream, arrivals)
    assert b"".join(piece.data for piece in pieces if isinstance(piece, Chunk)) == stream
    assert not assembler.waiting
    assert assembler.waiting_bytes == 0
    assert assembler.finish(99, 99) == []


@given(sent(whole=False))
def test_what_never_came_is_a_gap(case: tuple[int, bytes, list[tuple[int, int]]]) -> None:
    base, stream, arrivals = case
    assembler, pieces = assemble(base, stream, arrivals)
    pieces += assembler.finish(len(arrivals) + 1, 10_000)
    check_pieces(pieces, stream, arrivals)
    arrived = {at for start, end in arrivals for at in range(start, end)}
    missing = {at for gap in pieces if isinstance(gap, Gap) for at in range(gap.position, gap.position + gap.length)}
    last = max(arrived, default=-1)
    assert missing == set(range(last + 1)) - arrived
    assert assembler.waiting_bytes == 0


@given(sent(whole=True), st.integers(0, 120))
def test_cut_frames_leave_gaps(case: tuple[int, bytes, list[tuple[int, int]]], snaplen: int) -> None:
    """A capture that keeps `snaplen` bytes of each segment: what is delivered is right, and the rest is a gap."""
    base, stream, arrivals = case
    assembler = Assembler(0)
    assembler.begin(base)
    pieces: list[Piece] = []
    for number, (start, end) in enumerate(arrivals, 1):
        kept = stream[start:min(end, start + snaplen)]
        pieces += assembler.segment((base + start) & MASK, kept, end - start, number, number * 10, start)
    pieces += assembler.finish(99, 99)
    check_pieces(pieces, stream, arrivals)
    told = sum(piece.length if isinstance(piece, Gap) else len(piece.data) for piece in pieces
               if isinstance(piece, Chunk | Gap))
    assert told == len(stream)


@given(sent(whole=False), st.lists(st.integers(0, 120), max_size=6))
def test_acknowledged_bytes_are_not_waited_for(
    case: tuple[int, bytes, list[tuple[int, int]]], acks: list[int]
) -> None:
    """After an ACK nothing before it waits, and what comes out is still in order."""
    base, stream, arrivals = case
    assembler = Assembler(0)
    assembler.begin(base)
    pieces: list[Piece] = []
    pending = [*acks]
    for number, (start, end) in enumerate(arrivals, 1):
        pieces += assembler.segment((base + start) & MASK, stream[start:end], end - start, number, number * 10, start)
        if pending:
            ack = pending.pop()
            pieces += assembler.acknowledged((base + ack) & MASK, number, number * 10)
            assert all(waiting.at > ack for waiting in assembler.waiting)
    pieces += assembler.finish(99, 99)
    check_pieces([piece for piece in pieces if not isinstance(piece, Overlap)], stream, arrivals)


@given(bases, st.binary(min_size=2, max_size=40), st.data())
def test_other_bytes_in_the_same_place_are_a_conflict(base: int, stream: bytes, data: st.DataObject) -> None:
    """What was delivered stays; the first byte that differs is named."""
    at = data.draw(st.integers(0, len(stream) - 1))
    start = data.draw(st.integers(0, at))
    end = data.draw(st.integers(at + 1, len(stream)))
    if end - start < 2:
        return  # a window probe may carry any byte
    again = bytearray(stream[start:end])
    again[at - start] ^= 0x20
    assembler, pieces = assemble(base, stream, [(0, len(stream))])
    assert [type(piece) for piece in pieces] == [Chunk]
    later = assembler.segment((base + start) & MASK, bytes(again), end - start, 2, 20, -1)
    assert len(later) == 1
    conflict = later[0]
    assert isinstance(conflict, Overlap)
    assert (conflict.position, conflict.frame, conflict.first_frame) == (at, 2, 1)


hostile = st.tuples(st.integers(-3 << 30, 3 << 30), st.integers(0, 3000), st.integers(0, 2000))


@given(st.lists(hostile, max_size=60), bases)
def test_any_numbers_at_all(segments: list[tuple[int, int, int]], base: int) -> None:
    """Hostile sequence numbers: positions only move on, and the caps hold."""
    assembler = Assembler(1)
    position = 0
    for number, (jump, length, captured) in enumerate(segments, 1):
        seq = (base + jump) & MASK
        pieces = assembler.segment(seq, bytes(min(captured, length)), length, number, number, -1)
        if jump % 3 == 0:
            pieces += assembler.acknowledged((base - jump) & MASK, number, number)
        for piece in pieces:
            if not isinstance(piece, Overlap):
                assert piece.position == position
                position += piece.length if isinstance(piece, Gap) else len(piece.data)
        assert len(assembler.waiting) <= MAX_WAITING
        assert assembler.waiting_bytes <= MAX_WAITING_BYTES + 3000
        assert [waiting.at for waiting in assembler.waiting] == sorted(waiting.at for waiting in assembler.waiting)


def test_a_hole_that_is_never_filled_holds_no_more_than_the_cap() -> None:
    assembler = Assembler(0)
    assembler.begin(0)
    gaps = 0
    for number in range(3 * MAX_WAITING):
        pieces = assembler.segment(100 + number * 1448 * 2, bytes(1448), 1448, number + 1, number, -1)
        gaps += sum(isinstance(piece, Gap) for piece in pieces)
        assert len(assembler.waiting) <= MAX_WAITING
        assert assembler.waiting_bytes <= MAX_WAITING_BYTES
    assert gaps


def test_what_is_under_way_on_a_fast_long_path_waits_for_a_resend() -> None:
    """8 MiB behind one lost segment; after it nothing is held, and nothing taken from others."""
    room = WaitingRoom()
    assembler = Assembler(0, room)
    assembler.begin(0)
    for number in range(1, 5_800):
        assert assembler.segment(number * 1448, bytes(1448), 1448, number, number, -1) == []
    assert room.left == SHARED_BYTES - (5_799 * 1448 - OWN_BYTES)
    pieces = assembler.segment(0, bytes(1448), 1448, 6_000, 6_000, -1)
    assert all(isinstance(piece, Chunk) for piece in pieces)
    assert assembler.position == 5_800 * 1448
    assert room.left == SHARED_BYTES


def test_one_direction_may_hold_its_own_whatever_others_hold() -> None:
    room = WaitingRoom()
    room.left = 10_000
    assembler = Assembler(0, room)
    assembler.begin(0)
    most, found = 0, []
    for number in range(1, 1_000):
        found += assembler.segment(number * 1448, bytes(1448), 1448, number, number, -1)
        most = max(most, assembler.waiting_bytes)
    gap = next(piece for piece in found if isinstance(piece, Gap))
    assert OWN_BYTES + 10_000 - 1448 < most <= OWN_BYTES + 10_000
    assert OWN_BYTES < gap.unheld <= OWN_BYTES + 10_000 + 1448
    assert room.left == 10_000


def test_a_capture_that_starts_with_a_keep_alive_misses_nothing() -> None:
    for guessed, flags, expected in ((True, ACK, [Chunk]), (False, SYN, [])):
        streams, side = Streams(), TcpSide()
        side.base_known, side.base_seq = True, 99
        assert streams.segment(0, side, flags, 100 if guessed else 99, 0, 0, b"", 1, 1, -1) == []
        pieces = streams.segment(0, side, ACK, 101, 0, 5, b"hello", 2, 2, -1)
        assert [type(piece) for piece in pieces] == expected
        assert len(streams.segment(0, side, ACK, 106, 0, 3, b"all", 3, 3, -1)) == len(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30)), min_size=1, max_size=20), bases, bases)
def test_both_directions_apart(turns: list[tuple[bool, int]], client: int, server: int) -> None:
    """A conversation in turns, every segment acknowledging what came before."""
    streams, sides = Streams(), (TcpSide(), TcpSide())
    for side, base in zip(sides, (client, server), strict=True):
        side.base_known, side.base_seq = True, base
    sent_bytes, got = [b"", b""], [b"", b""]
    for frame, (backward, size) in enumerate(turns, 1):
        direction = int(backward)
        data = bytes((frame + at) & 0xFF for at in range(size))
        seq = ((client, server)[direction] + 1 + len(sent_bytes[direction])) & MASK
        ack = ((server, client)[direction] + 1 + len(sent_bytes[1 - direction])) & MASK
        sent_bytes[direction] += data
        for piece in streams.segment(direction, sides[direction], ACK, seq, ack, size, data, frame, frame, -1):
            assert isinstance(piece, Chunk)
            assert piece.direction == direction
            got[piece.direction] += piece.data
    assert got == sent_bytes
    assert streams.finish(99, 99) == []
