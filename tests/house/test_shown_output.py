"""What a document shows as the output of commands is what they print, run one after another in a folder of its own."""
from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```console\n(\$ wiretale .*?)^```", re.M | re.S)
COMMAND = re.compile(r"^\$ wiretale ([^\n]*)\n(.*?)(?=^\$ |\Z)", re.M | re.S)
CODE = "; echo $?"
LEFT_OUT = "…"
SHOWN = {path: BLOCK.findall(path.read_text(encoding="utf-8")) for path in DOCUMENTS}
WITH_OUTPUT = [path for path in DOCUMENTS if SHOWN[path]]


@pytest.mark.parametrize("path", WITH_OUTPUT, ids=[path.stem for path in WITH_OUTPUT])
def test_the_output_that_is_shown_is_what_is_printed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, text in [found for block in SHOWN[path] for found in COMMAND.findall(block)]:
        done = CliRunner().invoke(cli, shlex.split(words.removesuffix(CODE)))
        printed = [line.rstrip() for line in done.output.splitlines()]
        if words.endswith(CODE):
            printed.append(str(done.exit_code))
        head, cut, tail = text.rstrip("\n").partition(f"\n{LEFT_OUT}\n")
        shown = [*head.splitlines(), *tail.splitlines()]
        if cut:      # what stands between them is left out
            printed = printed[:len(head.splitlines())] + printed[len(printed) - len(tail.splitlines()):]
        assert printed == shown, f"run it anew: wiretale {words}"


def test_there_are_such_examples() -> None:
    assert len(WITH_OUTPUT) >= 2
