"""How the data went over time, the same in every report."""
from __future__ import annotations

import csv
import json
from functools import cache

import pytest
from report_example import example
from sample_feeds import SAMPLES

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.courses import ALL_COLUMNS, courses_of, rates_in, with_rates
from analyzer.report.diagrams import outstanding
from analyzer.report.document import json_document, json_lines
from analyzer.report.tables import TABLES, csv_table
from analyzer.report.terminal import render
from analyzer.report.terminal_courses import causes_in, course_rows

BURST = "tcp/sack-loss-burst"


@cache
def told(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options(graphs=True))


def chart(name: str, width: int) -> list[str]:
    return [row.text for row in course_rows(told(name).told[0], width)]


@pytest.mark.parametrize("name", [BURST, "tcp/loss-at-queue", "tcp/zero-window", "tcp/loss-timeout"])
def test_all_pictures_of_a_transfer_show_the_same_outstanding(name: str) -> None:
    """The time-sequence graph, the diagram of what is outstanding, the terminal's lines and the page."""
    one = told(name).told[0]
    for direction, columns in courses_of(one):
        way, _allowed = outstanding(one.points[direction])
        data = [value for time, value in way if time <= columns["time_ns"][-1]]
        assert abs(max(data) - max(columns["outstanding_most"])) <= 1       # a FIN counts as one byte there
        drawn = max(columns["sent"]) - 1, max(last for _time, _first, last, *_rest in one.points[direction].segments)
        assert 0 <= drawn[1] - drawn[0] <= 2


def test_a_burst_of_losses_has_fifty_kilobytes_outstanding_and_most_of_them_arrived() -> None:
    lines = chart(BURST, 100)
    assert "at most 50.7 kB" in next(line for line in lines if "outstanding" in line)
    assert "at most 43.4 kB" in next(line for line in lines if "SACKed" in line)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_lines_stand_over_one_axis(width: int) -> None:
    lines = chart("tcp/zero-window", width)
    assert lines
    assert max(map(len, lines)) <= width
    head, legend = lines[0], lines[-1]
    end = len(head)
    for line in lines[1:-1]:
        assert len(line[16:end]) == end - 16
        assert line[15] == " "
    assert "closed window" in legend


def test_a_narrow_terminal_gets_no_chart() -> None:
    assert chart("tcp/zero-window", 48) == []


def test_what_went_in_one_flight_has_no_chart() -> None:
    one = told("http1/browser").told[2]
    assert courses_of(one)
    assert course_rows(one, 120) == []


def test_times_of_acks_are_points_with_nothing_between() -> None:
    line = next(line for line in chart("tcp/zero-window", 120) if "ACK times" in line)
    assert "          " in line[16:88], "nobody measured anything while the window was closed"


def test_a_rate_is_taken_over_a_round_trip() -> None:
    """An ACK that covers what waited behind a hole is no burst of goodput: SACK had told of it."""
    (_direction, columns), = courses_of(told(BURST).told[0])
    assert max(columns["goodput_bps"]) < 1.2 * max(columns["throughput_bps"])
    times = {"time_ns": [0, 10, 20], "octets": [100, 100, 300], "acknowledged": [0, 0, 0], "sacked": [0, 0, 0]}
    found = with_rates(times, trip=10)
    assert found["throughput_bps"] == [80_000_000_000, 0, 160_000_000_000]
    assert rates_in(found, "octets", 0, 20, 2, 10) == [0, 160_000_000_000]


def test_a_stretch_is_of_the_cause_that_took_most_of_it() -> None:
    books = told("tcp/zero-window").told[0].books
    start, end = books.start_ns, books.end_ns
    causes = causes_in(books.bookings, start, end, 10)
    assert len(causes) == 10
    assert all(cause >= 0 for cause in causes)
    assert causes_in([], 0, 10, 3) == [-1, -1, -1]


def test_the_chart_comes_at_teach_and_for_a_conversation_that_was_asked_for() -> None:
    analysis = told(BURST)
    for level, whole, there in (("teach", False, True), ("normal", True, True), ("normal", False, False)):
        text = "\n".join(row.text for rows in render(analysis, level, 100, None, whole) for row in rows)
        assert ("THE WINDOW" in text) == there, (level, whole)


def test_json_has_the_columns() -> None:
    document = json.loads("".join(json_document(told(BURST), "normal")))
    courses = document["conversations"][0]["courses"]
    assert courses["forward"] is None, "81 bytes are no transfer"
    columns = courses["backward"]
    assert tuple(columns) == ALL_COLUMNS
    assert {len(column) for column in columns.values()} == {len(columns["time_ns"])}
    assert max(columns["outstanding_most"]) == 50_680
    assert None in columns["ack_time_least"], "not every row has a measure"
    assert None in columns["congestion"]
    records = [json.loads(line) for line in json_lines(told(BURST), "normal")]
    assert [one["columns"] for one in records if one["record"] == "course"] == [columns]
    assert "courses" not in json.loads("".join(json_document(told(BURST), "brief")))["conversations"][0]


def test_csv_has_a_row_a_moment() -> None:
    rows = list(csv.DictReader("".join(csv_table(told(BURST), "normal", TABLES["courses"])).splitlines()))
    (_direction, columns), = courses_of(told(BURST).told[0])
    assert [int(row["outstanding_most"]) for row in rows] == columns["outstanding_most"]
    assert {row["direction"] for row in rows} == {"backward"}
    assert "" in {row["ack_time_most"] for row in rows}


def test_a_conversation_without_a_stream_has_no_course() -> None:
    analysis = example()
    assert [bool(courses_of(one)) for one in analysis.told] == [False, True, False]
