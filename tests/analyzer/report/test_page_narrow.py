"""What a page is narrowed to: words, a filter, a stretch of time; and that a link brings all of it back."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_in_browser import graphs_of, opened
from sample_feeds import SAMPLES
from test_report_formats import hostile

from analyzer.report.disguise import disguised, pseudonyms_for

BROWSER = SAMPLES / "http1" / "browser" / "capture.pcapng"
LOOKUP = SAMPLES / "dns" / "dns-then-http" / "capture.pcapng"


def settled(tab: Any, condition: str) -> None:
    """Waits until it holds; the page's policy keeps Playwright from waiting in the page itself."""
    for _attempt in range(100):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(30)
    pytest.fail(f"it never came to {condition}")


def ask(tab: Any, text: str) -> str:
    """Types it into the box; what the page says of it."""
    before = tab.evaluate("narrow.turn")
    tab.fill("#search", text)
    settled(tab, f"narrow.turn > {before} && narrow.query === {text!r}")
    return str(tab.locator("#found").inner_text())


def test_words_narrow_story_conversations_and_events_with_a_count_and_marks(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(BROWSER))
    bars = tab.locator("#story .row[aria-label]").count()
    said = ask(tab, "picture-6")
    assert said.startswith("Words: 1 of 6 conversations · 2 events")
    assert tab.locator("tbody tr[data-number]").count() == 1
    assert 0 < tab.locator("#story .row[aria-label]").count() < bars
    tab.locator("tbody tr[data-number]").click()
    assert tab.locator(".event").count() == 2
    assert set(tab.locator("#timeline mark").all_text_contents()) == {"picture-6"}
    assert tab.locator("#story mark").first.text_content() == "picture-6"
    ask(tab, "")
    assert tab.locator("#story .row[aria-label]").count() == bars
    assert tab.locator("#found").inner_text() == ""
    assert wrong == []


def test_a_filter_of_the_command_narrows_everything(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(BROWSER))
    assert ask(tab, 'http.request.uri contains "css"').startswith("Filter: 1 frame of 110 · 1 of 6 conversations")
    assert tab.locator("tbody tr[data-number]").get_attribute("data-number") == "1"
    assert tab.evaluate("narrow.events.size") == int(tab.locator("#found").inner_text().split(" event")[0].split()[-1])
    said = ask(tab, "tcp.prt == 80")
    assert "wrong at column 1: no field `tcp.prt`; did you mean `tcp.port`" in said
    assert tab.locator("#found pre").inner_text().splitlines()[1] == "^^^^^^^"
    assert tab.locator("#search").get_attribute("aria-invalid") == "true"
    assert tab.locator("tbody tr[data-number]").count() == 1        # as it was before
    ask(tab, "tcp.srcport == 80 && (tcp.len > 0")
    assert tab.locator("#found pre").inner_text().splitlines()[1].index("^") == 21
    assert wrong == []


def test_a_stretch_of_time_narrows_everything(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(BROWSER))
    field = tab.locator("#traffic .field").first
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 20, steps=5)
    tab.mouse.up()
    span = tab.evaluate("narrow.span")
    length = tab.evaluate("lengthOfTraffic()")
    assert span == pytest.approx([0.9 * length, 0.99 * length], rel=0.02)
    assert tab.evaluate("[...document.querySelectorAll('#story .row[aria-label]')].length") < tab.evaluate(
        "page.data.story.length"
    )
    assert all(span[0] <= time <= span[1] for time in tab.evaluate(
        "conversationOf(page.conversation).phases.flatMap((phase) => phase.events.filter(told).map(({ time }) => time))"
    ))
    assert "Time: +" in tab.locator("#found").inner_text()
    field.focus()
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate("narrow.span[0]") < span[0]
    tab.click("#found button:has-text('Whole capture')")
    assert tab.evaluate("narrow.span") is None
    assert wrong == []


def test_a_link_brings_everything_back(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(BROWSER))
    ask(tab, "http")
    tab.locator("tbody tr[data-number='2']").click()
    tab.select_option("#level", "teach")
    tab.locator(".event .frames").nth(1).click()
    tab.click("#tab-ladder")
    tab.evaluate("setSpan([1000, 300000000])")
    tab.evaluate("history.replaceState(null, '', location.href + '&mine=2&other=5')")
    tab.select_option("#level", "normal")
    tab.select_option("#level", "teach")
    shown = """() => [page.conversation, page.level, state.frame, state.view, narrow.span, narrow.query,
        byId("search").value, page.event && page.event.text, byId("ladder").hidden, byId("frame").hidden,
        fragment.read().get("mine"), fragment.read().get("other")]"""
    before = tab.evaluate(shown)
    assert before[:6] == [2, "teach", before[2], "ladder", [1000, 300000000], "http"]
    assert before[2] > 0
    assert before[8:] == [False, False, "2", "5"]
    tab.reload()
    tab.wait_for_selector("body[data-ready]")
    assert tab.evaluate(shown) == before
    tab.evaluate("location.hash = 'c=1&q=dns'")
    settled(tab, "page.conversation === 1 && narrow.query === 'dns'")
    assert wrong == []


@pytest.mark.parametrize("link", [
    "c=999&e=9.9&f=99999&t=9-1&q=%22&v=nothing&l=x", "c=__proto__&e=__proto__&t=1e9-2&v=__proto__",
    "q=%E2%80%AE<script>", "e=-1.-1&f=-3&c=1&v=time", "c=1&f=1e308&t=99999999999999999-0",
])
def test_a_link_that_means_harm_does_none(browser: Any, tmp_path: Path, link: str) -> None:
    tab, wrong = opened(browser, tmp_path, hostile())
    tab.goto(tab.url.split("#")[0] + "#" + link)
    tab.reload()
    tab.wait_for_selector("body[data-ready]")
    assert tab.locator("main script").count() == 0
    assert wrong == []


def test_what_is_copied_is_what_it_says(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(BROWSER))
    tab.evaluate("window.copied = []; copyText = async (text) => { copied.push(text); return true; }; 0")
    tab.locator(".event", has_text="GET /index.html").first.locator(".frames").click()
    for words in ("Link", "Frame numbers", "Filter", "curl"):
        tab.locator("#frame-copy button", has_text=words).first.click()
    tab.locator("#detail-copy button").first.click()
    link, numbers, wanted, command, conversation = tab.evaluate("copied")
    assert link == tab.url
    assert numbers == "9"
    assert wanted == "frame.number == 9"
    assert command.startswith("curl -i -H 'Upgrade-Insecure-Requests: 1' -H 'User-Agent: Mozilla/5.0")
    assert command.endswith("-- 'http://www.shop.test/index.html'")
    assert conversation == tab.evaluate("conversationOf(page.conversation).display_filter")
    assert tab.locator("#spoken").inner_text().startswith("Copied: ")
    assert wrong == []


def test_a_command_that_is_copied_holds_a_hostile_request_in_quotes(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, graphs_of(LOOKUP))
    command = tab.evaluate("""() => {
        const fields = { exchange: 1, method: "X'; rm -rf /", fields: [["A'b", "$(id)`id`"], [":path", "/"]] };
        const events = [{ fields, stream: 0 }, { fields: { exchange: 1, url: "http://x/'$(id)" }, stream: 0 }];
        return curlOf({ phases: [{ events }] }, events[0]);
    }""")
    assert command == (
        "curl -i -X 'X'\\''; rm -rf /' -H 'A'\\''b: $(id)`id`' -- 'http://x/'\\''$(id)'"
    )
    assert wrong == []


def test_a_page_without_addresses_holds_no_frames(browser: Any, tmp_path: Path) -> None:
    analysis = graphs_of(LOOKUP)
    tab, wrong = opened(browser, tmp_path, disguised(analysis, pseudonyms_for(analysis)))
    assert tab.locator("#traffic").is_visible()
    assert "10.0.1.10" not in tab.evaluate("JSON.stringify(page.data)")
    assert ask(tab, "tcp.port == 80").startswith("Words: 0 of")
    assert wrong == []
