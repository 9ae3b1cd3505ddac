"""Pages that are made from the code are those that the code makes."""
from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", ["limits.py", "commands.py", "api.py"])
def test_the_page_is_current(script: str) -> None:
    made = runpy.run_path(str(ROOT / "docs" / script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), f"run: python docs/{script}"


@pytest.mark.parametrize("page", ["events.md", "findings.md", "terms.md"])
def test_the_reference_is_current(page: str) -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "reference.py"))["PAGES"]
    path = ROOT / "docs" / "reference" / page
    assert path.read_text(encoding="utf-8") == pages[path](), "run: python docs/reference.py"
