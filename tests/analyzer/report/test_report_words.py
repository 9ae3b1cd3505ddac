"""Numbers and frames in words."""
from __future__ import annotations

import pytest

from analyzer.report.spark import sparkline, spread
from analyzer.report.words import TCP_STATES, frame_list, frame_runs, since_start, state_in_words


@pytest.mark.parametrize(
    ("frames", "text"),
    [((), ""), ((7,), "#7"), ((3, 4), "#3–#4"), ((3, 9), "#3,#9"), ((201, 202, 203), "#201–#203"),
     ((201, 203, 230), "#201…#230"), ((5, 5), "#5")],
)
def test_frames_in_little_room(frames: tuple[int, ...], text: str) -> None:
    assert frame_list(frames) == text


@pytest.mark.parametrize(
    ("frames", "text"),
    [((), ""), ((40, 300, 380), "#40, #300, #380"), ((1, 2, 3, 9), "#1–#3, #9"), ((1, 2), "#1–#2"),
     ((1, 3, 5, 7, 9, 10), "#1, #3, #5, #7 and 2 more frames")],
)
def test_frames_as_runs(frames: tuple[int, ...], text: str) -> None:
    assert frame_runs(frames) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "+0.000"), (850, "+850 ns"), (24_100_000, "+24.1 ms"), (999_499_999, "+999 ms"), (999_999_999, "+1.000 s"),
     (12_345_600_000, "+12.346 s"), (200_001_000_000, "+200.001 s"), (-1_500_000, "-1.50 ms")],
)
def test_time_since_the_start(ns: int, text: str) -> None:
    assert since_start(ns) == text


def test_every_state_of_zeek_has_words() -> None:
    states = {"S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"}
    assert set(TCP_STATES) == states
    assert state_in_words("udp", "S0") != state_in_words("tcp", "S0")
    assert state_in_words("icmp", "OTH") == ""


def test_a_stretch_without_a_number_keeps_the_last() -> None:
    assert spread([0, 50], [3, 9], 0, 100, 4) == [3, 3, 9, 9]
    assert spread([0, 1, 2], [1, 8, 2], 0, 100, 2) == [8, 8]
    assert spread([500], [1], 0, 100, 2) == [0, 1]


def test_sparks_reach_from_the_lowest_to_the_highest_block() -> None:
    assert sparkline([0, 1, 50, 100], 100) == "▁▂▄▇"
    assert sparkline([0, 0], 0) == "▁▁"
