"""The verdict stands first in every format, and says the same in each."""
from __future__ import annotations

import csv
import io
import json

import pytest
from report_example import example

from analyzer.explain.verdict import judge
from analyzer.model import Analysis, Verdict
from analyzer.report.comments import summary_of
from analyzer.report.document import json_document, json_lines
from analyzer.report.har import har
from analyzer.report.html import page_data
from analyzer.report.markdown import markdown
from analyzer.report.tables import TABLES, csv_table
from analyzer.report.terminal import render
from analyzer.report.words import first_sentence

LONG = " And a further sentence of some length says what else there is to know of it, with a number or two." * 3


def text(analysis: Analysis, width: int, level: str = "normal") -> list[str]:
    return [row.text for rows in render(analysis, level, width) for row in rows]


def wordy() -> Analysis:
    """Three causes of many sentences."""
    analysis = example()
    for finding in analysis.findings:
        finding.sentence += LONG
        finding.severity = "warn"
    judge(analysis)
    return analysis


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("analysis", [example(), wordy()], ids=["short", "wordy"])
def test_the_verdict_ends_within_the_first_twelve_lines(analysis: Analysis, width: int) -> None:
    lines = text(analysis, width)
    assert lines[0].startswith(" shop.pcapng   412 frames")
    assert lines.index(" VERDICT") <= 3
    first = analysis.findings[analysis.verdict.causes[-1].finding - 1]
    place = next(at for at, line in enumerate(lines) if first.code in line)
    assert place < 12


def test_what_the_verdict_leaves_out_for_room_stands_among_the_findings() -> None:
    lines = " ".join(" ".join(text(wordy(), 80)).split())
    found = lines[lines.index(" FINDINGS"):]
    assert found.count("And a further sentence") >= 2 * 3
    assert first_sentence(f"It took 1.5 s.{LONG}") == "It took 1.5 s."
    assert first_sentence("The client (10.0.0.1:80) left. ") == "The client (10.0.0.1:80) left. "


def test_a_cause_is_told_once() -> None:
    lines = "\n".join(text(example(), 200))
    assert lines.count("The receiver's window held the transfer back.") == 1
    assert "tcp.window_limited, second of the verdict" in lines


def test_a_clean_capture_says_so_and_what_it_covers() -> None:
    analysis = example()
    analysis.findings = []
    judge(analysis)
    assert " clean  Nothing went wrong that this capture shows (412 frames, 3 conversations, all read)." in text(
        analysis, 120
    )


def test_json_begins_with_it() -> None:
    whole = json.loads("".join(json_document(example(), "normal")))
    assert next(iter(whole)) == "verdict"
    assert [cause["code"] for cause in whole["verdict"]["causes"]] == ["tcp.refused", "tcp.window_limited"]
    line = json.loads(next(json_lines(example(), "normal")))
    assert line["record"] == "verdict"
    assert line["causes"] == whole["verdict"]["causes"]


def test_every_other_format_begins_with_it() -> None:
    analysis = example()
    said = "".join(markdown(analysis, "normal"))
    assert 0 < said.index("## Verdict") < said.index("## The story") < said.index("## Findings")
    assert next(iter(json.loads("".join(har(analysis)))["log"])) == "_verdict"
    assert summary_of(analysis)[0].startswith("verdict: error: Port 8443")
    assert page_data(analysis)["verdict"]
    rows = list(csv.DictReader(io.StringIO("".join(csv_table(analysis, "normal", TABLES["findings"])))))
    assert [row["verdict"] for row in rows] == ["1", "2", ""]
    assert rows[0]["code"] == "tcp.refused"


def test_a_report_that_nobody_judged_has_none() -> None:
    analysis = example()
    analysis.verdict = Verdict()
    assert " VERDICT" not in text(analysis, 80)
    assert "## Verdict" not in "".join(markdown(analysis, "normal"))
