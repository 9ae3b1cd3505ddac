"""When two sets of measurements differ, and when nobody can say."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.compare.spread import measured, numbers_of, shares
from analyzer.comparison import ALIKE, BETTER, WORSE, Measure

MS = 1_000_000
VALUES = st.lists(st.integers(0, 10_000 * MS), min_size=1, max_size=30)


def of(a: list[float], b: list[float], *, more_is_worse: bool = True) -> Measure:
    """In milliseconds."""
    sides = [[int(value * MS) for value in side] for side in (a, b)]
    return measured("s", "server", Measure.NS, *sides, more_is_worse=more_is_worse)


@pytest.mark.parametrize(("a", "b", "change", "confidence"), [
    ([24], [24.5], ALIKE, ""),
    ([24], [40], ALIKE, ""),                                    # less than twice as much, once
    ([24], [124], WORSE, "possible"),
    ([124], [24], BETTER, "possible"),
    ([0.2], [1.9], ALIKE, ""),                                  # too little for single measurements
    ([24, 25, 26], [40, 41, 42], WORSE, "possible"),
    ([24, 25, 90], [40, 41, 92], ALIKE, ""),                    # within what each of them varies by
    ([10, 11, 12, 13, 14], [20, 21, 22, 23, 24], WORSE, "likely"),
    ([10, 11, 12, 13, 14], [10.5, 11, 11.5, 12.5, 14.5], ALIKE, ""),
    ([100, 101, 102, 103, 104], [106, 107, 108, 109, 110], ALIKE, ""),     # apart, and hardly so
    ([0.20, 0.21, 0.22, 0.23, 0.24], [0.40, 0.41, 0.42, 0.43, 0.44], WORSE, "likely"),
])
def test_a_difference_exceeds_what_repeats_vary_by(
    a: list[float], b: list[float], change: str, confidence: str
) -> None:
    made = of(a, b)
    assert (made.change, made.confidence) == (change, confidence)


def test_a_rate_that_falls_is_worse() -> None:
    assert of([10], [2], more_is_worse=False).change == WORSE


def test_one_outlier_makes_no_difference_and_no_spread() -> None:
    made = of([10 + at / 10 for at in range(12)] + [900], [20 + at / 10 for at in range(12)] + [1])
    assert made.change == WORSE
    assert made.numbers[0].spread < MS


@given(VALUES)
def test_the_same_twice_is_alike(values: list[int]) -> None:
    assert measured("s", "server", Measure.NS, values, list(reversed(values))).change == ALIKE


@given(VALUES, VALUES)
def test_the_other_way_round_it_is_the_other_way_round(a: list[int], b: list[int]) -> None:
    turned = {WORSE: BETTER, BETTER: WORSE, ALIKE: ALIKE}
    there, back = measured("s", "x", Measure.NS, a, b), measured("s", "x", Measure.NS, b, a)
    assert (turned[there.change], there.confidence) == (back.change, back.confidence)


@given(VALUES)
def test_the_middle_lies_within_the_spread(values: list[int]) -> None:
    made = numbers_of(values)
    assert min(values) <= made.low <= made.median + 1
    assert made.median <= made.high <= max(values)
    assert made.count == len(values)


def test_shares_differ_where_counts_do() -> None:
    few = shares("s", "sent again", [(1, 200)], [(30, 200)])
    assert few is not None
    assert (few.change, few.numbers[1].some, few.numbers[1].of) == (WORSE, 30, 200)
    alike = shares("s", "sent again", [(4, 200)], [(7, 200)])
    assert alike is not None
    assert alike.change == ALIKE
    assert shares("s", "sent again", [(0, 0)], [(1, 2)]) is None
