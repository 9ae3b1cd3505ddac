"""The page: what is in the file, and what a real browser makes of it."""
from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hidden import hidden_analysis, may_not_be_raw
from page_in_browser import graphs_of, opened, page_of
from report_example import Said, example
from sample_feeds import SAMPLES
from test_report_formats import hostile

from analyzer.model import Analysis, Points
from analyzer.report.courses import ALL_COLUMNS, SIDES, courses_of
from analyzer.report.escape import terminal_text

LOSS = SAMPLES / "tcp" / "loss-fast-retransmit" / "capture.pcapng"
LONGEST_TASK_MS = 200
LONGEST_DRAWING_MS = 600    # of a graph of 100 000 points, when it is first looked at
OPENED_MS = 1_000
ATTEMPTS = 5               # of what is measured in time: a machine that does much else is slow now and then
MANY = 1_000


def data_of(page: str) -> Any:
    packed = re.search(r'<script type="application/octet-stream" id="data">([^<]*)</script>', page)
    assert packed is not None
    return json.loads(zlib.decompress(base64.b64decode(packed.group(1))))


def code_of(page: str) -> str:
    """The script that the page unpacks."""
    packed = re.search(r'<script type="application/octet-stream" id="code">([^<]*)</script>', page)
    assert packed is not None
    return zlib.decompress(base64.b64decode(packed.group(1))).decode()


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_file_stands_alone_and_allows_only_its_own_script() -> None:
    page = page_of(example())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    (style,), (loader,) = (re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("style", "script"))
    assert policy.group(1) == (
        f"default-src 'none'; script-src {digest(loader)} {digest(code_of(page))}; style-src {digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    assert len(page) < 1_000_000


def test_nothing_of_a_packet_is_in_the_page_but_as_data() -> None:
    page = page_of(hostile())
    assert "<script>alert" not in page
    assert data_of(page)["findings"][0]["sentence"] == terminal_text(hostile().findings[0].sentence)


def test_the_data_hold_every_event_with_exact_times() -> None:
    analysis = graphs_of(LOSS)
    data = data_of(page_of(analysis))
    events = [event for one in data["conversations"] for phase in one["phases"] for event in phase["events"]]
    expected = [event for told in analysis.told for phase in told.phases for event in phase.events]
    assert [event["text"] for event in events] == [event.what() for event in expected]
    assert [event["time"] + analysis.capture.start_ns for event in events] == [event.time for event in expected]


def test_graphs_hold_every_segment_and_frames_their_bytes() -> None:
    analysis = graphs_of(LOSS)
    points = analysis.told[0].points
    resent = [segment for segment in points[1].segments if segment[3] == 1]
    assert len(resent) == 1
    assert sum(segment[2] - segment[1] for segment in points[1].segments) >= 90_000
    assert points[1].sacks
    cited = {frame for told in analysis.told for phase in told.phases for event in phase.events
             for frame in event.evidence.frames[-8:]}
    assert set(analysis.octets) == cited
    data, more = analysis.octets[resent[0][4]]
    assert len(data) + more == 1514


def rows_of(columns: list[list[int]], start: int) -> list[tuple[int, ...]]:
    """Columns of steps as rows, the first column from `start`."""
    whole = [list(itertools.accumulate(column)) for column in columns]
    return [(time + start, *rest) for time, *rest in zip(*whole, strict=True)]


def test_the_data_hold_every_point_and_every_series_as_steps() -> None:
    analysis = graphs_of(LOSS)
    data = data_of(page_of(analysis))
    told = analysis.told[0]
    start = told.conversation.start_ns
    drawn = data["points"][str(told.conversation.number)]
    for side, points in zip(("forward", "backward"), told.points, strict=True):
        assert points.segments
        for name in ("segments", "acks", "sacks", "trips"):
            assert rows_of(drawn[side][name], start) == getattr(points, name), (side, name)
        assert drawn[side]["left_out"] == points.left_out
    expected = {SIDES[direction]: columns for direction, columns in courses_of(told)}
    assert expected
    assert {
        side: {name: [*itertools.accumulate(steps)] for name, steps in columns.items()}
        for side, columns in data["courses"][str(told.conversation.number)].items()
    } == {
        side: {
            name: [value - start if name == "time_ns" else value for value in columns[name]] for name in ALL_COLUMNS
        } for side, columns in expected.items()
    }


def test_a_browser_shows_it_and_views_are_linked(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(LOSS))
    assert tab.locator(".finding").count() == 1
    assert tab.locator("#story .row[aria-label]").count() == 2
    assert tab.locator("tbody tr").count() == 1
    tab.click(".finding")
    assert tab.locator(".event.chosen").count() == 1
    tab.click(".event.chosen .frames")
    assert tab.locator("#hex").inner_text().startswith("0000  ")
    assert tab.evaluate("document.querySelector('#frame').getBoundingClientRect().bottom <= innerHeight"), "in view"
    tab.keyboard.press("Escape")
    assert not tab.locator("#frame").is_visible()
    tab.click("#tab-ladder")
    assert tab.locator("#ladder g.arrow.chosen").count() == 1
    tab.click("#tab-graph")
    tab.wait_for_selector("#graph canvas")
    tab.locator("#graph canvas").nth(2).wait_for()   # sequence, window, round trip
    assert wrong == []


def test_the_browser_draws_nothing_that_hides_or_acts(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, hidden_analysis())
    tab.select_option("#level", "teach")
    for row in range(tab.locator("tbody tr[data-number]").count()):
        tab.locator("tbody tr[data-number]").nth(row).click()
        for view in ("timeline", "ladder", "streams", "graph"):
            if tab.locator(f"#tab-{view}").is_visible():
                tab.click(f"#tab-{view}")
        tab.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        tab.wait_for_timeout(100)
        shown = tab.evaluate("""[...document.querySelectorAll("body, body *:not(script)")].flatMap((element) => [
            ...[...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data),
            ...[...element.attributes].map((attribute) => attribute.value)]).join("\\n")""")
        assert "\\u202e" in shown
        assert [f"{ord(one):04x}" for one in set(shown) - {"\n"} if may_not_be_raw(one)] == []
    assert wrong == []


def test_levels_search_and_zoom_work(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, example())
    tab.locator("tbody tr[data-number='2']").click()
    normal = tab.locator(".event").count()
    tab.select_option("#level", "teach")
    assert tab.locator(".event").count() > normal
    assert tab.locator(".why").count() > 0
    tab.select_option("#level", "brief")
    assert tab.locator(".event:not(.alarming)").count() == 0
    rows = tab.locator("tbody tr").count()
    tab.fill("#search", "refused")
    tab.wait_for_timeout(300)
    assert 0 < tab.locator("tbody tr").count() < rows
    first = tab.locator("#story .row[aria-label] .track").first
    first.scroll_into_view_if_needed()
    track = first.bounding_box()
    tab.mouse.move(track["x"] + 20, track["y"] + 5)
    tab.mouse.down()
    tab.mouse.move(track["x"] + 120, track["y"] + 5, steps=4)
    tab.mouse.up()
    whole = tab.locator("#story .whole")
    assert whole.is_visible()
    whole.click()
    assert not whole.is_visible()
    tab.click("#story [aria-label='Zoom in']")
    assert whole.is_visible()
    assert wrong == []


def test_keys_alone_are_enough(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, example())
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "search"
    tab.locator("#tab-timeline").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#ladder").is_visible()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("n")
    assert tab.locator(".event.chosen").count() == 1
    assert tab.evaluate("document.activeElement.matches('.event.chosen .frames')")
    assert wrong == []


def test_hostile_strings_stay_inert(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, hostile())
    for name in ("timeline", "ladder", "graph"):
        tab.click(f"#tab-{name}")
    for folded in tab.locator("summary").all():
        folded.click()
    assert tab.locator("script").count() == 4       # data, frames, the code, and what unpacks it
    assert tab.locator("main a, main img, main iframe").count() == 0
    assert "<script>alert(1)</script>" in tab.locator("#timeline").inner_text()
    assert wrong == []


def test_streams_are_bars_with_their_parts(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(SAMPLES / "http2" / "multiplexed" / "capture.pcapng"))
    tab.click("#tab-streams")
    assert tab.locator("#streams .row[aria-label]").count() == 5
    assert tab.locator("#streams .row .bar.server").count() == 5
    assert tab.locator("#streams .row .bar.data_path").count() == 5
    tab.locator("#streams .row[aria-label]").nth(2).click()
    assert tab.locator("#streams .row.chosen").count() == 1
    tab.click("#tab-timeline")
    assert "GET /script.js" in tab.locator(".event.chosen").text_content()
    assert wrong == []


def test_header_fields_and_certificates_are_lists_of_names_and_values(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(SAMPLES / "tls" / "client-certificate-13" / "capture.pcapng"))
    tab.locator("summary", has_text="2 certificates").first.click()
    shown = tab.locator("details[open] dl.fields").first.inner_text()
    assert "CN=www.shop.test" in shown
    assert "not after" in shown
    assert "{" not in shown
    tab.locator("summary", has_text="fields").first.click()
    assert tab.locator("details[open] table.pairs th").first.inner_text() == "Content-Type"
    assert wrong == []


def test_a_graph_and_a_frame_lead_to_their_events(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(LOSS))
    tab.click("#tab-graph")
    tab.wait_for_selector("#graph .u-over")
    tab.locator("#graph .u-over").first.click(position={"x": 30, "y": 30})
    assert tab.locator("#frame").is_visible()
    tab.click("#tab-timeline")
    assert tab.locator(".event.chosen").count() == 1
    before = tab.locator(".event.chosen .frames").inner_text()
    tab.click(".finding")
    assert tab.locator(".event.chosen .frames").inner_text() != before
    tab.locator("#frame-links button").last.click()
    assert tab.locator(".event.chosen").count() == 1
    assert wrong == []


def test_a_browser_draws_the_points_and_series_that_there_are(browser: Any, tmp_path: Path) -> None:
    analysis = graphs_of(LOSS)
    tab, wrong = opened(browser, tmp_path, analysis)
    told = analysis.told[0]
    start = told.conversation.start_ns
    for side, points in zip(("forward", "backward"), told.points, strict=True):
        drawn = tab.evaluate(f"pointsOf(page.data.points[{told.conversation.number}].{side})")
        for name in ("segments", "acks", "sacks"):
            expected = [[time - start, *rest] for time, *rest in getattr(points, name)]
            assert drawn[name] == expected, (side, name)
    figures = tab.evaluate(f"""() => {{
        showGraphs(conversationOf({told.conversation.number}));
        return graphs.waiting.filter((figure) => figure[0] === seriesFigure).map((figure) => figure[2]);
    }}""")
    found = [one for figure in figures for one in figure]
    (_direction, course), = courses_of(told)
    times = [time - start for time in course["time_ns"]]
    assert {title: (at, values) for title, at, values in found if not title.startswith("data ")} == {
        title: _known(times, course[name]) for title, name in (
            ("outstanding", "outstanding_most"), ("SACKed", "sacked"), ("window", "window_least"),
            ("congestion window, inferred", "congestion"), ("throughput", "throughput_bps"), ("goodput", "goodput_bps"),
        )
    }
    assert [[*zip(times, values, strict=True)] for title, times, values in found if title.startswith("data ")] == [
        [(time - start, taken) for time, taken in points.trips] for points in told.points if points.trips
    ]
    assert wrong == []


def _known(times: list[int], values: list[int]) -> tuple[list[int], list[int]]:
    """Where a number is known."""
    found = [(time, value) for time, value in zip(times, values, strict=True) if value >= 0]
    return [time for time, _value in found], [value for _time, value in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1300])
def test_nothing_runs_over_the_side(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(LOSS), {"width": width, "height": 800}, scheme)
    for name in ("timeline", "ladder", "streams", "graph"):
        tab.click(f"#tab-{name}")
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    text, back = (tab.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor"))
    assert (_lightness(text) < _lightness(back)) == (scheme == "light")
    assert wrong == []


def _lightness(colour: str) -> int:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_print_shows_the_timeline_without_the_controls(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, example())
    tab.emulate_media(media="print")
    assert not tab.locator("#controls").is_visible()
    assert not tab.locator("[role=tablist]").is_visible()
    assert tab.locator(".event").first.is_visible()
    assert tab.evaluate("getComputedStyle(document.querySelector('.event')).contentVisibility") == "visible"
    assert wrong == []


def test_everything_that_can_be_clicked_has_a_name_and_a_role(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(LOSS))
    for name in ("timeline", "ladder", "streams", "graph"):
        tab.click(f"#tab-{name}")
        nameless = tab.evaluate("""() => [
                ...document.querySelectorAll("button, summary, input, select, [tabindex='0']")
            ].filter((one) => one.checkVisibility() && !(
                one.getAttribute("aria-label") || one.textContent.trim() || one.labels && one.labels.length
                || one.getAttribute("aria-labelledby"))).map((one) => one.outerHTML)""")
        assert nameless == []
    levels = tab.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    assert wrong == []


WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
    }).observe({ entryTypes: ["longtask"] });
}"""


def busy(count: int, points: int = 0) -> Analysis:
    """One conversation with that many events, and that many points in its graph."""
    analysis = example()
    told = analysis.told[1]
    phase = told.phases[1]
    start = told.conversation.start_ns
    phase.events = [
        Said(number * 1000, number % 2, (number + 1,), "data", f"Event {number}.") for number in range(count)
    ]
    if points:
        told.points = [Points(), Points()]
        told.points[1].segments = [
            (start + at * 1000, at * 1000, at * 1000 + 1000, int(at % 500 == 0), at + 1) for at in range(points)
        ]
        told.points[1].acks = [(start + at * 1000 + 500, at * 1000, at * 1000 + 60_000) for at in range(0, points, 2)]
        told.points[1].trips = [(start + at * 1000 + 500, 20_000_000 + at) for at in range(0, points, 10)]
    for finding in analysis.findings:      # so that it is shown first
        finding.conversation = 2
    return analysis


def test_a_thousand_events_open_within_a_second_and_scroll_without_a_long_task(browser: Any, tmp_path: Path) -> None:
    found = []
    for _attempt in range(ATTEMPTS):
        tab, wrong = opened(browser, tmp_path, busy(MANY))
        took = tab.evaluate("performance.now()")
        tab.evaluate(WATCH)
        for _ in range(20):
            tab.mouse.wheel(0, 3_000)
            tab.wait_for_timeout(20)
        longest = tab.evaluate("window.longest")
        assert tab.locator(".event").count() > 300
        assert wrong == []
        tab.close()
        found.append((took, longest))
        if took < OPENED_MS and longest < LONGEST_TASK_MS:
            return
    pytest.fail(f"milliseconds until it was open, and of its longest task: {found}")


def test_ten_thousand_events_and_a_hundred_thousand_points_stay_fluid(browser: Any, tmp_path: Path) -> None:
    analysis = busy(10 * MANY, Points.MAX_POINTS)
    found = []
    for _attempt in range(ATTEMPTS):
        scrolled, drawn, zoomed = longest_tasks(browser, tmp_path, analysis)
        found.append((scrolled, drawn, zoomed))
        if scrolled < LONGEST_TASK_MS and drawn < LONGEST_DRAWING_MS and zoomed < LONGEST_TASK_MS:
            return
    pytest.fail(f"milliseconds that scrolling, drawing and zooming took at a stretch: {found}")


def longest_tasks(browser: Any, tmp_path: Path, analysis: Analysis) -> tuple[float, float, float]:
    """Of scrolling the timeline, of drawing the graphs, and of zooming into one, in milliseconds."""
    tab, wrong = opened(browser, tmp_path, analysis)
    tab.wait_for_timeout(300)
    tab.evaluate(WATCH)
    for _ in range(20):
        tab.mouse.wheel(0, 5_000)
        tab.wait_for_timeout(20)
    scrolled = tab.evaluate("window.longest")
    tab.evaluate("window.longest = 0")
    tab.click("#tab-ladder")
    tab.click("#tab-graph")
    tab.locator("#graph canvas").nth(2).wait_for()
    tab.wait_for_timeout(300)
    drawn = tab.evaluate("window.longest")
    tab.evaluate("window.longest = 0")
    box = tab.locator("#graph .u-over").first.bounding_box()
    tab.mouse.move(box["x"] + 200, box["y"] + 20)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 500, box["y"] + 20, steps=10)
    tab.mouse.up()
    tab.wait_for_timeout(300)
    zoomed = tab.evaluate("window.longest")
    assert wrong == []
    tab.close()
    return scrolled, drawn, zoomed


@pytest.mark.slow(reason="starts a browser")
def test_a_browser_draws_where_the_time_went(browser: Any, tmp_path: Path) -> None:
    """A bar for the capture and one for the conversation, each part as long as its share, with the same colours."""
    analysis = graphs_of(LOSS)
    tab, wrong = opened(browser, tmp_path, analysis)
    totals = analysis.told[0].books.totals()
    whole = sum(ns for _cause, ns in totals)
    for place in ("#time", "#detail-time"):
        parts = tab.locator(f"{place} .stack span")
        assert parts.count() == len(totals) == tab.locator(f"{place} .time-legend li").count()
        width = tab.locator(f"{place} .stack").bounding_box()["width"]
        for index, (_cause, ns) in enumerate(totals):
            assert abs(parts.nth(index).bounding_box()["width"] - width * ns / whole) < len(totals)
    colours = "[...document.querySelectorAll('{} .stack span')].map((part) => part.style.background)"
    assert tab.evaluate(colours.format("#time")) == tab.evaluate(colours.format("#detail-time"))
    assert tab.locator("#detail-time .bookings li").count() == len(analysis.told[0].books.bookings)
    assert wrong == []
