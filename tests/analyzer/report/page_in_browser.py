"""The page of an analysis, as a file and in a browser."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.html import html_page


def page_of(analysis: Analysis) -> str:
    return "".join(html_page(analysis))


def graphs_of(capture: Path) -> Analysis:
    return analyze([str(capture)], Options(graphs=True, listed=True))


def opened(
    browser: Any, path: Path, analysis: Analysis, viewport: dict[str, int] | None = None, scheme: str = "light",
    fragment: str = "", **asked: str
) -> tuple[Any, list[str]]:
    """The page in a browser, and a list that collects what goes wrong in it. fragment: of its address; asked: what else
    the browser is told of its user."""
    target = path / "report.html"
    target.write_text(page_of(analysis), encoding="utf-8")
    tab = browser.new_page(viewport=viewport or {"width": 1300, "height": 900}, color_scheme=scheme, **asked)
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
    tab.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
    tab.goto(target.as_uri() + fragment)
    tab.wait_for_selector("body[data-ready]", timeout=10_000)
    return tab, wrong
