"""Numbers as a person reads them."""
from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from dissectors.kit.units import median


@given(st.lists(st.integers(-(1 << 52), 1 << 52), min_size=1))
def test_the_median_is_that_of_the_standard_library_and_the_list_stays(numbers: list[int]) -> None:
    before = list(numbers)
    assert median(numbers) == statistics.median(numbers)
    assert numbers == before
