"""Messages that are counted together."""
from __future__ import annotations

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER
from dissectors.kit.runs import MAX_RUN_CITED, LikeRun


def test_what_a_run_came_to() -> None:
    run = LikeRun()
    assert run.begin == -1, "nothing to tell"
    run.add(FORWARD, 10, 95, 100, 1)
    run.add(FORWARD, 30, 110, 120, 1)
    assert run.direction() == FORWARD
    run.add(BACKWARD, 20, 130, 140, 2)
    assert run.direction() == NEITHER
    assert (run.counts(), run.octets(), int(run.largest)) == ((2, 1), (40, 20), 30)
    assert (run.begin, run.end, run.cited.frames()) == (95, 140, (1, 2))


def test_something_beside_messages_is_of_the_run_and_counts_as_none() -> None:
    run = LikeRun()
    run.note(5, 5, 9)
    assert (run.begin, run.end, run.counts(), run.direction()) == (5, 5, (0, 0), NEITHER)
    assert run.cited.frames() == (9,)


def test_each_further_run_takes_twice_as_many() -> None:
    run = LikeRun(first=4)
    told = []
    for number in range(1, 61):
        if run.add(BACKWARD, 1, number, number, number):
            told.append(run.counts()[BACKWARD])
            run.restart()
    assert told == [4, 8, 16, 32]
    assert run.begin == -1


def test_a_run_that_is_told_before_it_is_full_leaves_the_next_as_it_was() -> None:
    run = LikeRun(first=4)
    run.add(FORWARD, 1, 1, 1, 1)
    run.restart()
    assert [run.add(FORWARD, 1, 2, 2, 2) for _ in range(4)] == [False, False, False, True]


def test_frames_are_bounded() -> None:
    run = LikeRun()
    for frame in range(1, 500):
        run.add(FORWARD, 1, frame, frame, frame)
    assert run.cited.frames() == (*range(1, MAX_RUN_CITED + 1), 499)
