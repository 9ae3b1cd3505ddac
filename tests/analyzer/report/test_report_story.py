"""The waterfall."""
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_example import example

from analyzer.model import StoryRow
from analyzer.report.terminal_story import axis, bar, story_rows

MS = 1_000_000


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 200))
def test_a_bar_is_seen_and_stays_inside(start: int, length: int, after: int, width: int) -> None:
    first, cells = bar(start, start + length, start + length + after, width)
    assert cells >= 1
    assert 0 <= first < first + cells <= width


@pytest.mark.parametrize("width", [12, 20, 45, 90])
@pytest.mark.parametrize("span", [1, 900, 7_300, 1_840 * MS, 61_000 * MS, 3_600_000 * MS * 30, 10**18])
def test_axis_labels_stand_where_they_belong(span: int, width: int) -> None:
    line = axis(span, width)
    units = {"ns": 1, "µs": 1_000, "ms": MS, "s": 1_000 * MS, "min": 60_000 * MS, "h": 3_600_000 * MS}
    unit = units[line.split(" ")[1]]
    assert len(line) <= max(width, 5)
    for match in re.finditer(r"(?<= )\d+", line[3:]):
        assert match.start() + 3 == int(match.group()) * unit * width // span


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200, 300])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    rows = story_rows(example().story, width)
    assert max(row.used for row in rows) <= width
    assert len(rows) == 6


def test_narrow_terminals_lose_the_bars_and_keep_the_text() -> None:
    text = "\n".join(row.text for row in story_rows(example().story, 50))
    assert "▇" not in text
    assert "586 ms" in text


def test_a_story_of_one_moment_has_no_axis() -> None:
    rows = story_rows([StoryRow(1, "TCP", "refused", 5, 5)], 80)
    assert rows[0].text == " THE STORY"
    assert rows[1].text.count("▇") == 1
