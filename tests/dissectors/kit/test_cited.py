"""Frames that prove a statement: the first ones and the last, ascending, each once."""
from __future__ import annotations

from dissectors.kit.cited import MAX_CITED, Cited


def test_none_and_one() -> None:
    cited = Cited()
    assert cited.frames() == ()
    assert cited.upto(4) == (4,)
    cited.add(7)
    cited.add(7)
    assert cited.frames() == (7,)
    assert cited.upto(7) == (7,)


def test_many_are_the_first_ones_and_the_last() -> None:
    cited = Cited()
    for frame in range(1, 1_000):
        cited.add(frame)
    assert cited.frames() == (*range(1, MAX_CITED + 1), 999)
    assert cited.upto(2_000) == (*range(1, MAX_CITED + 1), 2_000)
    assert len(cited.first) == MAX_CITED, "no more is held"


def test_whatever_the_order_they_ascend_and_stand_once() -> None:
    cited = Cited(4)
    cited.add_all((9, 3, 3, 9, 12, 5))
    assert cited.frames() == (3, 5, 9, 12)
    assert cited.upto(8) == (3, 8, 9, 12), "the last is the one that completes it"


def test_something_else_begins() -> None:
    cited = Cited(2)
    cited.add_all((1, 2, 3))
    cited.restart(3)
    assert cited.frames() == (3,)
    cited.add(4)
    cited.restart(4)
    assert cited.frames() == (4,)
    cited.clear()
    assert cited.frames() == ()
