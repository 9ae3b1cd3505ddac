"""Pairs of datagrams by their timing, and what looks like them: media, telemetry, pushes."""
from __future__ import annotations

from random import Random

import pytest
from sample_feeds import SAMPLES

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.datagrams import AnswerWatch, DatagramAnswers

MS = 1_000_000


def watched(datagrams: list[tuple[int, int]]) -> AnswerWatch:
    """(ms, direction) of each."""
    watch = AnswerWatch()
    for frame, (at, direction) in enumerate(sorted(datagrams), 1):
        watch.take(direction, at * MS, frame)
    return watch


def test_turns_are_questions_and_answers() -> None:
    chance = Random(1)
    at, datagrams = 0, []
    for number in range(20):
        at += chance.randrange(20, 400)
        datagrams += [(at, 0), (at + (15 if number == 7 else 3), 1)]
    watch = watched(datagrams)
    assert watch.paired()
    told = DatagramAnswers(watch)
    assert told.what() == (
        "20 of 20 datagrams → are followed by one ← before the next: by that timing answers took 3.00 ms to 15.0 ms "
        "(the longest was asked for in #15), half of them at most 3.00 ms."
    )
    assert told.evidence.frames[:4] == (1, 2, 3, 4)


def test_of_many_the_middle_is_that_of_the_first_ones_and_the_shortest_of_all() -> None:
    watch = watched([(100 * turn, 0) for turn in range(2_500)] + [
        (100 * turn + (1 if turn == 2_400 else 5), 1) for turn in range(2_500)
    ])
    told = DatagramAnswers(watch)
    assert (told.answered, told.kept, told.least_ns, told.most_ns) == (2_500, 2_000, MS, 5 * MS)
    assert "answers took 1.00 ms to 5.00 ms" in told.what()
    assert "half of the first 2000 at most 5.00 ms" in told.what()


@pytest.mark.parametrize("datagrams", [
    [(20 * turn + 7 * side, side) for turn in range(100) for side in (0, 1)],       # speech both ways, at one pace
    [(97 * turn, 0) for turn in range(50)],                                         # nobody answers
    [(100 * turn * turn, 0) for turn in range(9)] + [(50 * turn, 1) for turn in range(200)],    # most is not asked for
    [(33 * turn * turn % 5_000, 0) for turn in range(40)] + [(130 * turn, 1) for turn in range(9)],     # few have any
    [(turn * turn * 100 + 3 * side, side) for turn in range(3) for side in (0, 1)],                     # too few
])
def test_other_datagrams_are_none(datagrams: list[tuple[int, int]]) -> None:
    assert not watched(datagrams).paired()


def test_a_recording() -> None:
    told = analyze([str(SAMPLES / "link" / "udp-answers" / "capture.pcapng")], Options()).told[0]
    one, = [event for phase in told.phases for event in phase.events if isinstance(event, DatagramAnswers)]
    assert (one.asks, one.answered, one.direction) == (20, 20, 1)
