"""Numbers as a person reads them."""
from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.kit.units import duration, median, rate, size


@given(st.lists(st.integers(-(1 << 52), 1 << 52), min_size=1))
def test_the_median_is_that_of_the_standard_library_and_the_list_stays(numbers: list[int]) -> None:
    before = list(numbers)
    assert median(numbers) == statistics.median(numbers)
    assert numbers == before


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (999, "999 ns"), (1_000, "1.00 µs"), (999_499, "999 µs"), (999_500, "1.00 ms"), (999_999, "1.00 ms"),
        (999_499_999, "999 ms"), (999_500_000, "1.00 s"), (999_999_999, "1.00 s"), (1_000_000_000, "1.00 s"),
        (119_499_999_999, "119 s"), (119_500_000_000, "2 min 0 s"), (120_000_000_000, "2 min 0 s"),
        (-999_900_000, "-1.00 s"),
    ],
)
def test_a_duration_that_rounds_up_to_the_next_unit_is_told_in_it(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_so_is_a_size_and_a_rate() -> None:
    assert [size(999_499), size(999_500), size(999_999_999)] == ["999 kB", "1.00 MB", "1.00 GB"]
    assert [rate(999.4), rate(999_499), rate(999_500), rate(999_999_999.0)] == [
        "999 bit/s", "999 kbit/s", "1.00 Mbit/s", "1.00 Gbit/s",
    ]
    assert rate(999.6) == "1.00 kbit/s"
