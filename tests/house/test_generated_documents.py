"""Pages that are made from the code are those that the code makes."""
from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", ["limits.py", "commands.py", "man.py", "api.py"])
def test_the_page_is_current(script: str) -> None:
    made = runpy.run_path(str(ROOT / "docs" / script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), f"run: python docs/{script}"


@pytest.mark.parametrize("page", ["how-to/filter.md", "how-to/slow-transfer.md", "explanation/sliding-window.md"])
def test_what_a_page_shows_is_what_is_printed(page: str) -> None:
    made = runpy.run_path(str(ROOT / "docs" / "shown.py"))
    path = ROOT / "docs" / page
    text = path.read_text(encoding="utf-8")
    assert path in made["PAGES"]
    assert text.count("$ wiretale") == len(made["BLOCK"].findall(text)) > 2
    assert text == made["page"](path), "run: python docs/shown.py"


def test_a_part_that_is_not_printed_is_not_shown() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "shown.py"))
    lines = ["one", "two", "three", "four"]
    assert made["part_of"](lines, "two | three") == ["two", "three"]
    assert made["part_of"](lines, "") == lines
    with pytest.raises(LookupError):
        made["part_of"](lines, "five | six")
    with pytest.raises(LookupError):
        made["part_of"](lines, "two | six")


@pytest.mark.parametrize("page", ["events.md", "fields.md", "findings.md", "terms.md"])
def test_the_reference_is_current(page: str) -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "reference.py"))["PAGES"]
    path = ROOT / "docs" / "reference" / page
    assert path.read_text(encoding="utf-8") == pages[path](), "run: python docs/reference.py"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_page_of_man_is_set_without_a_warning() -> None:
    page = ROOT / "docs" / "reference" / "wiretale.1"
    done = subprocess.run(["groff", "-man", "-ww", "-z", str(page)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
