"""The page: what is in the file, and what a real browser makes of it."""
from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_example import Said, example
from sample_feeds import SAMPLES
from test_report_formats import hostile

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.html import html_page
from dissectors.kit.event import FORWARD

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
LOSS = SAMPLES / "tcp" / "loss-fast-retransmit" / "capture.pcapng"
LONGEST_TASK_MS = 200
MANY = 1_000


def page_of(analysis: Analysis) -> str:
    return "".join(html_page(analysis))


def data_of(page: str) -> Any:
    packed = re.search(r'<script type="application/octet-stream" id="data">([^<]*)</script>', page)
    assert packed is not None
    return json.loads(zlib.decompress(base64.b64decode(packed.group(1))))


def graphs_of(capture: Path) -> Analysis:
    return analyze([str(capture)], Options(graphs=True))


def test_the_file_stands_alone_and_allows_only_its_own_script() -> None:
    page = page_of(example())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy.group(1).startswith("default-src 'none';")
    for tag, kind in (("script", "script-src"), ("style", "style-src")):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(texts) == 1
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy.group(1)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    assert len(page) < 1_000_000


def test_nothing_of_a_packet_is_in_the_page_but_as_data() -> None:
    page = page_of(hostile())
    assert "<script>alert" not in page
    assert data_of(page)["findings"][0]["sentence"] == hostile().findings[0].sentence


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


def opened(browser: Any, path: Path, analysis: Analysis) -> tuple[Any, list[str]]:
    """The page in a browser, and a list that collects what goes wrong in it."""
    target = path / "report.html"
    target.write_text(page_of(analysis), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1300, "height": 900})
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
    tab.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
    tab.goto(target.as_uri())
    tab.wait_for_selector("body[data-ready]", timeout=10_000)
    return tab, wrong


def test_a_browser_shows_it_and_views_are_linked(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(LOSS))
    assert tab.locator(".finding").count() == 1
    assert tab.locator("#story .row").count() == 2
    assert tab.locator("tbody tr").count() == 1
    tab.click(".finding")
    assert tab.locator(".event.chosen").count() == 1
    tab.click(".event.chosen .frames")
    assert tab.locator("#hex").inner_text().startswith("0000  ")
    tab.click("#tab-ladder")
    assert tab.locator("#ladder g.arrow.chosen").count() == 1
    tab.click("#tab-graph")
    tab.wait_for_selector("#graph canvas")
    assert tab.locator("#graph canvas").count() == 2
    assert wrong == []


def test_levels_search_and_zoom_work(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, example())
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
    track = tab.locator("#story .track").first.bounding_box()
    tab.mouse.move(track["x"] + 20, track["y"] + 5)
    tab.mouse.down()
    tab.mouse.move(track["x"] + 120, track["y"] + 5, steps=4)
    tab.mouse.up()
    assert tab.locator("#whole").is_visible()
    tab.click("#whole")
    assert not tab.locator("#whole").is_visible()
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
    assert wrong == []


def test_hostile_strings_stay_inert(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, hostile())
    for name in ("timeline", "ladder", "graph"):
        tab.click(f"#tab-{name}")
    assert tab.locator("script").count() == 2
    assert tab.locator("main a, main img, main iframe").count() == 0
    assert "<script>alert(1)</script>" in tab.locator("#timeline").inner_text()
    assert wrong == []


def test_a_thousand_events_open_and_scroll_without_a_long_task(browser: Any, tmp_path: Path) -> None:
    analysis = example()
    phase = analysis.told[0].phases[0]
    phase.events = [Said(number * 1000, FORWARD, (number + 1,), "data", f"Event {number}.") for number in range(MANY)]
    tab, wrong = opened(browser, tmp_path, analysis)
    took = tab.evaluate("performance.now()")
    assert took < 5_000
    tab.click("tbody tr:first-child")
    tab.evaluate("""() => {
        window.longest = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
        }).observe({ entryTypes: ["longtask"] });
    }""")
    for _ in range(20):
        tab.mouse.wheel(0, 3_000)
        tab.wait_for_timeout(20)
    assert tab.evaluate("window.longest") < LONGEST_TASK_MS
    assert wrong == []
