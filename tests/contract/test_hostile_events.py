"""Hostile text in every text of every event that the samples show, in every format: a new one is in it unasked."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hidden import may_not_be_raw
from hostile_events import hostile_events, one_of_each
from page_in_browser import opened
from report_example import example
from test_nothing_raw import SEEN, raw_in

from analyzer.model import Analysis
from analyzer.report.formats import FORMATS, Format, Layout
from analyzer.report.tables import TABLES
from dissectors.kit import event
from dissectors.registry import built_in

pytestmark = pytest.mark.skipif(
    not (event.__file__ or "").endswith(".py"),
    reason="a compiled event lets nothing else in the place of what it holds; the same sources run interpreted too",
)
EACH = 400          # events of one analysis


def analyses() -> list[Analysis]:
    """The example of the reports, with the events in the place of its own."""
    events = hostile_events()
    found = []
    for at in range(0, len(events), EACH):
        analysis = example()
        phase = analysis.told[1].phases[0]
        phase.events[:] = events[at:at + EACH]
        for one in phase.events:
            one.conversation = analysis.told[1].conversation.number
        found.append(analysis)
    return found


def test_most_kinds_of_events_are_among_them() -> None:
    declared = {kind for protocol in built_in() for kind in protocol.events}
    shown = {type(one) for one in one_of_each()}
    assert len(shown & declared) > 0.6 * len(declared)
    assert len({type(one) for one in hostile_events()}) > 0.5 * len(shown)


@pytest.mark.parametrize("form", [one for one in FORMATS if not one.packets], ids=lambda one: one.name)
def test_no_format_lets_one_act(form: Format) -> None:
    for analysis in analyses():
        for anonymous in (False, True):
            tables = TABLES if form.name in ("csv", "parquet") else ("events",)
            for table in tables:
                written = b"".join(form.write(analysis, Layout("teach", table, anonymous=anonymous)))
                for text in SEEN.get(form.name, lambda octets: [octets.decode()])(written):
                    assert raw_in(text) == []
                check(form.name, written)


def check(name: str, written: bytes) -> None:
    """What is more than a character."""
    text = written.decode("utf-8", "replace")
    if name in ("html", "svg"):
        assert "<img" not in text
        assert "<script>alert" not in text
        assert "onerror=alert(1)>" not in text.replace("&gt;", "")
    elif name == "csv":
        assert not any(cell[:1] in ("=", "+", "@") for line in text.splitlines() for cell in line.split(","))
    elif name in ("json", "har", "sarif"):
        json.loads(text)


def test_a_browser_runs_and_loads_nothing_of_it(browser: Any, tmp_path: Path) -> None:
    for analysis in analyses():
        tab, wrong = opened(browser, tmp_path, analysis)
        tab.wait_for_timeout(200)
        assert tab.locator("script").count() == 4
        assert tab.locator("main img, main iframe, main object, main a[href^=javascript]").count() == 0
        links = tab.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
        assert all(link.startswith(("file:", "https://www.rfc-editor.org/")) for link in links), links
        assert wrong == []
        assert not any(map(may_not_be_raw, set(tab.locator("body").inner_text()) - {"\n", "\t"}))
        tab.close()
