"""How streams fill, in bounded memory."""
from __future__ import annotations

from dissectors.kit.filling import MAX_PIECES, MAX_STREAMS, Filling


def test_pieces_add_up_and_those_of_one_frame_are_one() -> None:
    filling = Filling()
    filling.add(1, 1, 7, 100, 100, 10)
    filling.add(1, 1, 7, 100, 100, 5)
    filling.add(1, 1, 8, 110, 150, 20)
    filling.add(3, 1, 8, 110, 150, 0)
    filling.add(1, 0, 9, 120, 120, 1)
    assert filling.pieces == {(1, 1): [(100, 100, 15, 7), (110, 150, 35, 8)], (1, 0): [(120, 120, 1, 9)]}


def test_of_too_many_the_longest_waits_and_the_sums_stay() -> None:
    filling = Filling()
    for number in range(5 * MAX_PIECES):
        came = number * 10
        waited = 5_000 if number % 1_000 == 7 else 0
        filling.add(number % 2, 1, number + 1, came, came + waited, 3)
    assert sum(map(len, filling.pieces.values())) <= MAX_PIECES
    for stream in (0, 1):
        pieces = filling.pieces[stream, 1]
        assert pieces[-1][2] == 3 * 5 * MAX_PIECES // 2
        assert pieces == sorted(pieces)
    assert max(handed - came for came, handed, _octets, _frame in filling.pieces[1, 1]) == 5_000


def test_streams_beyond_the_cap_are_counted() -> None:
    filling = Filling()
    for stream in range(MAX_STREAMS + 7):
        filling.add(stream, 0, 1, 1, 1, 1)
    assert len(filling.pieces) == MAX_STREAMS
    assert filling.untold == 7
