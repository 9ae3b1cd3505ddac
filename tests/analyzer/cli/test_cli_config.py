"""Defaults that a user has chosen, in a file and in the environment."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzer.cli.main import run
from analyzer.cli.settings import MAX_OCTETS


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("WIRETALE_CONFIG", str(path))
    return path


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> int:
    """How long what a command prints is."""
    assert run(list(arguments)) == 0
    return len(capsys.readouterr().out.splitlines())


def test_the_command_line_before_the_environment_before_the_file(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lines(capsys, "analyze", "x.pcap")
    file.write_text('level = "brief"\n', encoding="utf-8")
    brief = lines(capsys, "analyze", "x.pcap")
    assert brief < whole
    assert lines(capsys, "x.pcap") == brief
    monkeypatch.setenv("WIRETALE_LEVEL", "normal")
    assert lines(capsys, "analyze", "x.pcap") == whole
    monkeypatch.setenv("WIRETALE_ANALYZE_LEVEL", "brief")
    assert lines(capsys, "analyze", "x.pcap") == brief
    assert lines(capsys, "analyze", "--level", "normal", "x.pcap") == whole


def test_a_table_holds_for_its_command_before_what_holds_for_all(
    file: Path, capsys: pytest.CaptureFixture[str], pipeline: Any
) -> None:
    file.write_text('limit = 7\nall = false\n[analyze]\nlimit = 3\n[report]\nlevel = "teach"\n', encoding="utf-8")
    assert run(["analyze", "x.pcap"]) == 0
    assert pipeline.last.limit == 3
    assert run(["analyze", "--limit", "9", "x.pcap"]) == 0
    assert pipeline.last.limit == 9
    capsys.readouterr()


def test_options_that_are_given_more_than_once_are_lists(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("", encoding="utf-8")
    file.write_text('keylog = ["~/a.log", "~/none.log"]\n', encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["analyze", "x.pcap"]) == 2
    assert "none.log" in capsys.readouterr().err
    monkeypatch.setenv("WIRETALE_KEYLOG", f"{tmp_path}/a.log:{tmp_path}/gone.log")
    assert run(["analyze", "x.pcap"]) == 2
    assert "gone.log" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('levl = "brief"', "nothing is called 'levl'; did you mean 'level'?"),
        ('[analyze]\nlevl = "brief"', "[analyze] nothing is called 'levl'; did you mean 'level'?"),
        ("[analyse]\nlimit = 1", ""),
        ('analyze = "brief"', "'analyze' is a command, so what holds for it is a table: [analyze]"),
        ('level = "bref"', "--level: 'bref' is not one of"),
        ("limit = [1, 2]", "--limit takes one value"),
        ("limit = {low = 1}", "--limit takes one value"),
        ("keylog = [[1]]", "--keylog takes a list"),
        ("version = true", "nothing is called 'version'"),
        ("= 3", "(at line 1, column 1)"),
        ("x" * (MAX_OCTETS + 1), "are no settings"),
    ],
)
def test_what_no_option_means_is_one_clear_line(
    file: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    file.write_text(text, encoding="utf-8")
    assert run(["analyze", "x.pcap"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert str(file) in error
    assert len(error.splitlines()) == 1


def test_a_file_that_cannot_be_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.mkdir()
    assert run(["analyze", "x.pcap"]) == 2
    assert "Is a directory" in capsys.readouterr().err
    assert run(["--help"]) == 0


def test_config_shows_what_holds(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["config"]) == 0
    assert f"{file} (not there)\nNothing was chosen" in capsys.readouterr().out
    file.write_text('level = "brief"\n[report]\nanonymize = true\n', encoding="utf-8")
    monkeypatch.setenv("WIRETALE_REPORT_LEVEL", "teach")
    assert run(["config"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  --level      brief  the file, for analyze, sniff",
        "  --level      teach  WIRETALE_REPORT_LEVEL, for report",
        "  --anonymize  true   the file, for report",
    ]
    assert run(["config", "--path"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    monkeypatch.setenv("WIRETALE_CONFIG", "")
    monkeypatch.delenv("WIRETALE_REPORT_LEVEL")
    assert run(["config"]) == 0
    assert "No file is read" in capsys.readouterr().out
