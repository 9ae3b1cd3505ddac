"""What a document shows as the output of a command is what the command prints."""
from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SHOWN = re.compile(r"^```console\n\$ wiretale ([^\n]*)\n(.*?)^```", re.M | re.S)
EXAMPLES = [(path, *match) for path in DOCUMENTS for match in SHOWN.findall(path.read_text(encoding="utf-8"))]


NAMES = [f"{path.name}: {words}" for path, words, _text in EXAMPLES]


@pytest.mark.parametrize(("path", "words", "text"), EXAMPLES, ids=NAMES)
def test_the_output_that_is_shown_is_what_is_printed(path: Path, words: str, text: str) -> None:
    printed = CliRunner().invoke(cli, shlex.split(words)).output
    assert [line.rstrip() for line in printed.splitlines()] == text.splitlines(), f"{path.name}: run it anew"


def test_there_are_such_examples() -> None:
    assert len(EXAMPLES) >= 2
