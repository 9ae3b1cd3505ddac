"""The page for who reads it on a phone, on paper, in high contrast, with keys, or with a screen reader."""
from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from page_in_browser import graphs_of, opened
from report_example import example
from sample_feeds import SAMPLES

from analyzer.model import Analysis

VIEWS = ("timeline", "ladder", "streams", "graph", "player")
BAD = ("serious", "critical")      # as axe-core calls what keeps people out


def of(name: str) -> Analysis:
    return graphs_of(SAMPLES / name / "capture.pcapng")


def show(tab: Any, view: str) -> None:
    if tab.locator(f"#tab-{view}").is_visible():
        tab.click(f"#tab-{view}")
        tab.wait_for_timeout(400)       # what appears has its colours


def objections(tab: Any) -> list[str]:
    """What axe-core has against the page as it is shown, that keeps people out."""
    found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['html'][:200]}" for one in found["violations"] if one["impact"] in BAD
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tcp/sack-loss-burst", "http2/lost-segment", "quic/http3", "http1/browser"])
def test_axe_has_no_serious_objection(browser: Any, tmp_path: Path, name: str, scheme: str) -> None:
    if find_spec("axe_playwright_python") is None:
        pytest.skip("axe-core is not installed: pip install axe-playwright-python")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    tab, wrong = opened(browser, tmp_path, of(name), scheme=scheme)
    tab.evaluate(axe)
    found = {}
    for view in VIEWS:
        show(tab, view)
        if view == "player":
            tab.evaluate("seek(player.played.end / 2)")
            if tab.locator(".lens-list button").count():
                tab.locator(".lens-list button").first.click()
        found[view] = objections(tab)
    tab.select_option("#level", "teach")
    show(tab, "timeline")
    tab.locator(".event .frames").first.click()
    found["bytes"] = objections(tab)
    assert found == {view: [] for view in found}
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["tcp/sack-loss-burst", "http2/lost-segment", "http1/browser", "tls/client-certificate-13"]
)
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Any, tmp_path: Path, name: str) -> None:
    tab, wrong = opened(browser, tmp_path, of(name), {"width": 390, "height": 844})
    tab.select_option("#level", "teach")
    for view in VIEWS:
        show(tab, view)
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
    show(tab, "timeline")
    tab.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    tab.locator(".event .frames").first.click()
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert wrong == []


@pytest.mark.parametrize("view", VIEWS)
def test_paper_has_one_column_with_all_phases_and_no_controls(browser: Any, tmp_path: Path, view: str) -> None:
    analysis = of("http2/lost-segment")
    tab, wrong = opened(browser, tmp_path, analysis)
    show(tab, view)
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 720, "height": 1000})
    phases = sum([len(told.phases) for told in analysis.told[:1]])
    assert tab.locator(".phase:visible").count() == phases
    for control in ("#controls", "[role=tablist]", ".play-controls", ".play-links", ".zooms", ".skip"):
        for one in tab.locator(control).all():
            assert not one.is_visible(), control
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    lefts = tab.evaluate("[...document.querySelectorAll('main > section')].filter((one) => one.checkVisibility())"
                         ".map((one) => Math.round(one.getBoundingClientRect().left))")
    assert len(set(lefts)) == 1
    assert wrong == []


def test_paper_has_every_event_of_a_long_conversation(browser: Any, tmp_path: Path) -> None:
    from test_report_html import busy

    tab, wrong = opened(browser, tmp_path, busy(900))
    assert tab.locator(".event").count() < 900
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator(".event").count() >= 900
    assert wrong == []


def test_high_contrast_keeps_what_colours_say(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(
        browser, tmp_path, of("http2/lost-segment"), forced_colors="active", fragment="#play=1&at=130ms"
    )
    backs = tab.evaluate("['.play-bar .flight', '.play-stream .handed', '#time .stack span'].map((one) =>"
                         " getComputedStyle(document.querySelector(one)).backgroundColor)")
    assert all(back not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)", "rgb(0, 0, 0)") for back in backs)
    tab.emulate_media(forced_colors="none", contrast="more")
    dim, text = (tab.evaluate(f"getComputedStyle(document.querySelector('{one}')).color") for one in (".dim", "body"))
    assert dim == text
    assert wrong == []


def test_keys_reach_every_view_and_what_is_in_it(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, of("http2/lost-segment"))
    tab.locator("#tab-timeline").focus()
    for view in VIEWS[1:]:
        tab.keyboard.press("ArrowRight")
        assert tab.locator(f"#{view}").is_visible()
        assert tab.evaluate("document.activeElement.id") == f"tab-{view}"
    tab.keyboard.press("Tab")
    reached = set()
    for _ in range(40):
        reached.add(tab.evaluate("document.activeElement.id || document.activeElement.className"))
        tab.keyboard.press("Tab")
    assert {"play-pause", "play-speed", "play-skip", "play-time", "play-link"} <= reached
    assert wrong == []


def test_a_screen_reader_is_told_names_roles_and_steps(browser: Any, tmp_path: Path) -> None:
    tab, wrong = opened(browser, tmp_path, example())
    show(tab, "player")
    for role, name in (
        ("button", "Play (space)"), ("button", "Step on (arrow right)"), ("slider", "Time in the conversation"),
        ("combobox", "Speed"), ("checkbox", "skip pauses"), ("region", "Packets, the latest at the bottom"),
    ):
        assert tab.get_by_role(role, name=name).count() == 1, name
    assert tab.locator("#play-said").get_attribute("aria-live") == "polite"
    assert "of" in tab.locator("#play-time").get_attribute("aria-valuetext")
    assert wrong == []
