"""How a direction went over time is kept in bounded memory, and no extreme is lost."""
from __future__ import annotations

import random

import pytest

from dissectors.kit.course import COLUMNS, MAX_ROWS, Course


def long_course(steps: int, seed: int) -> tuple[Course, list[tuple[int, int, int]]]:
    """A course of so many samples at uneven times, and of each (time, outstanding, window)."""
    made, dice = Course(), random.Random(seed)
    time = sent = acked = 0
    given = []
    for _step in range(steps):
        time += dice.choice((1, 1_000, 1_000, 50_000, 3_000_000))
        sent += dice.randrange(1, 3_000)
        acked += (sent - acked) * dice.randrange(0, 11) // 10
        window = dice.randrange(0, 60_000)
        made.sample(time, sent, sent, acked, 0, acked + window)
        given.append((time, sent - acked, window))
    return made, given


def test_few_samples_are_rows_of_their_own() -> None:
    made = Course()
    made.sample(10, 100, 100, 0, 0, 5_000)
    made.sample(20, 300, 200, 0, 50, 5_000)
    made.sample(30, 300, 200, 200, 0, -1)
    made.trip(30, 20)
    columns = made.columns()
    assert tuple(columns) == COLUMNS
    assert columns["time_ns"] == [10, 20, 30]
    assert columns["octets"] == [100, 300, 300]
    assert columns["outstanding_most"] == [100, 200, 0]
    assert columns["sacked"] == [0, 50, 0]
    assert columns["window_least"] == [5_000, 5_000, -1]
    assert columns["ack_time_most"] == [-1, -1, 20]
    assert made.columns() == columns, "reading it changes nothing"


@pytest.mark.parametrize("seed", range(5))
def test_no_extreme_is_lost_and_memory_is_bounded(seed: int) -> None:
    made, given = long_course(40_000, seed)
    columns = made.columns()
    assert MAX_ROWS // 4 < len(columns["time_ns"]) <= MAX_ROWS
    assert columns["time_ns"] == sorted(columns["time_ns"])
    assert columns["time_ns"][-1] == given[-1][0]
    assert max(columns["outstanding_most"]) == max(outstanding for _time, outstanding, _window in given)
    assert min(columns["outstanding_least"]) == min(outstanding for _time, outstanding, _window in given)
    assert max(columns["window_most"]) == max(window for _time, _outstanding, window in given)
    assert min(columns["window_least"]) == min(window for _time, _outstanding, window in given)
    worst = max(given, key=lambda one: one[1])
    at = columns["outstanding_most"].index(worst[1])
    assert abs(columns["time_ns"][at] - worst[0]) <= made.stretch_ns, "and it stands where it was"


def test_a_time_that_goes_back_or_is_missing_does_no_harm() -> None:
    made = Course()
    for time in (100, 50, -1, 120):
        made.sample(time, 10, 10 + time, 0, 0, -1)
    assert made.columns()["time_ns"] == [100, 120]


def test_a_course_without_samples_has_no_rows() -> None:
    assert made_of_nothing()["time_ns"] == []


def made_of_nothing() -> dict[str, list[int]]:
    made = Course()
    made.trip(5, 5)
    return made.columns()
