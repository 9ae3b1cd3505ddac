"""`wiretale report`: endings, several outputs, and what it refuses."""
from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from analyzer.cli.main import cli

SAMPLE = "sample:dns/dns-then-http"


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["report", *words])
    return result.exit_code, result.output


def test_endings_choose_the_format_of_each_output(tmp_path: Path) -> None:
    names = ("a.json", "a.jsonl", "a.md", "a.csv", "a.txt")
    words = [word for name in names for word in ("-o", str(tmp_path / name))]
    assert run(SAMPLE, *words) == (0, "")
    assert json.loads((tmp_path / "a.json").read_text())["capture"]["frames"] == 412
    assert all(json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines())
    assert (tmp_path / "a.md").read_text().startswith("# ")
    assert (tmp_path / "a.csv").read_text().startswith("conversation,phase,")
    assert "CONVERSATION 1" in (tmp_path / "a.txt").read_text()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)


def test_a_format_and_a_table_may_be_named() -> None:
    code, output = run(SAMPLE, "-o", "-", "--format", "csv", "--table", "conversations")
    assert code == 0
    assert output.startswith("number,transport,")
    assert len(output.splitlines()) == 4


def test_findings_only_leaves_the_conversations_out() -> None:
    code, output = run("sample:tcp/loss-fast-retransmit", "-o", "-", "--format", "json", "--findings-only")
    assert code == 0
    document = json.loads(output)
    assert document["conversations"] == []
    assert len(document["findings"]) == 3


def test_an_ending_that_says_nothing_is_refused(tmp_path: Path) -> None:
    code, output = run(SAMPLE, "-o", str(tmp_path / "report.xyz"))
    assert code == 2
    assert "--format" in output


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    code, output = run(SAMPLE, "-o", str(tmp_path / "none" / "a.json"))
    assert code != 0
    assert "Traceback" not in output
    assert "a.json" in output
