"""The chart of streams in a terminal."""
from __future__ import annotations

import pytest
from sample_feeds import SAMPLES

from analyzer.model import Told
from analyzer.pipeline.run import Options, analyze
from analyzer.report.rows import cells
from analyzer.report.spans import BLOCKED, RECEIVE, WAIT, Span, streams_of
from analyzer.report.terminal_streams import LAST_ROWS, MARKS, MAX_ROWS, most_at_once, stream_rows


def told(name: str) -> Told:
    analysis = analyze([str(SAMPLES / name / "capture.pcapng")], Options())
    return next(one for one in analysis.told if len(streams_of(one)) > 1)


def chart(name: str, width: int = 120, whole: bool = False) -> list[str]:
    return ["".join(part.text for part in row.parts) for row in stream_rows(told(name), width, whole)]


def test_what_waits_beside_what_is_seen() -> None:
    lines = chart("http2/multiplexed")
    assert lines[0].startswith("STREAMS")
    assert "0 ms" in lines[0]
    assert [line.split()[0] for line in lines[1:-1]] == ["13", "15", "17", "19", "21"]
    assert lines[-1] == "5 streams, at most 5 at once · ░ waiting · ▇ receiving"
    waits = [line.count(MARKS[WAIT]) for line in lines[1:-1]]
    assert waits == sorted(waits), "each response waits for the one before it"
    assert all(MARKS[RECEIVE] in line for line in lines[1:-1])


def test_what_is_held_up_by_another_is_marked_in_shape_and_not_in_colour_alone() -> None:
    lines = chart("http1/pipelining")
    assert lines[0].startswith("EXCHANGES")
    assert MARKS[BLOCKED] not in lines[1]
    assert all(MARKS[BLOCKED] in line for line in lines[2:4])
    assert "blocked" in lines[-1]


def test_many_streams_are_shortened_unless_they_are_asked_for() -> None:
    streams = len(streams_of(told("http2/many-streams")))
    lines = chart("http2/many-streams")
    assert len(lines) == MAX_ROWS + 3       # the axis, what is left out, the legend
    assert lines[1 + MAX_ROWS - LAST_ROWS].startswith(f"… {streams - MAX_ROWS} streams not drawn")
    assert len(chart("http2/many-streams", whole=True)) == streams + 2


@pytest.mark.parametrize("width", [64, 80, 120, 200])
def test_it_fits_the_terminal(width: int) -> None:
    lines = chart("http2/multiplexed", width)
    assert lines
    assert max(cells(line) for line in lines) <= width


def test_without_room_there_is_no_chart() -> None:
    assert chart("http2/multiplexed", 40) == []


def test_one_that_begins_where_another_ends_is_not_beside_it() -> None:
    spans = [Span(1, n, "", "", start, end, [], 0, 0) for n, (start, end) in enumerate([(0, 10), (10, 20), (5, 15)])]
    assert most_at_once(spans) == 2
