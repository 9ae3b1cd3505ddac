"""What the page about CI shows is what the commands print."""
from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ci.md"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.M | re.S)


def commands() -> list[tuple[str, str]]:
    """Each command of the page with what stands below it."""
    found = []
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def test_each_command_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(commands()) >= 4
    for command, shown in commands():
        words, _, code = command.partition("; ")
        result = CliRunner().invoke(cli, shlex.split(words)[1:])
        printed = result.stdout + (f"{result.exit_code}\n" if code == "echo $?" else "")
        kept = [re.escape(piece) for piece in shown.split("…\n")]
        assert re.fullmatch("(?s:.*)".join(kept), printed), f"{command}\n{printed}"
