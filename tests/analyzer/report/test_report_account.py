"""Where the time went, in every format."""
from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path

import pytest

from analyzer.model import Analysis, Verdict
from analyzer.pipeline.run import Options, analyze
from analyzer.report.account import length_of, matters, together
from analyzer.report.document import json_document, json_lines
from analyzer.report.html import MOST_BOOKINGS, page_json
from analyzer.report.markdown import markdown
from analyzer.report.tables import TABLES, csv_table
from analyzer.report.terminal_account import LONGEST, account_pieces, account_rows, conversation_account
from dissectors.kit.account import CAUSES
from dissectors.kit.units import duration

SAMPLES = Path(__file__).parents[3] / "samples"


@cache
def sample(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options())


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_terminal_shows_the_causes_with_bars_within_its_width(width: int) -> None:
    rows = account_rows(sample("tcp/zero-window"), width)
    text = "\n".join(row.text for row in rows)
    assert text.startswith(" WHERE THE TIME WENT  (conversation")
    assert all(row.used <= width for row in rows)
    assert "closed window 2.88 s" in text
    assert "the rest " in text, "what is less than a hundredth stands together"
    assert len(rows) <= (6 if width == 40 else 3)
    if width > 40:
        assert LONGEST - 5 < text.count("█") <= LONGEST


def test_of_several_conversations_all_together_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = sample("http1/browser")
    text = "\n".join(row.text for row in account_rows(analysis, 140))
    whole = sum(ns for _cause, ns in together(analysis))
    assert whole == sum(one.conversation.end_ns - one.conversation.start_ns for one in analysis.told)
    assert text.startswith(" WHERE THE TIME WENT  (6 conversations together, 1.76 s)")      # none matters more
    assert "(conversation " not in text
    monkeypatch.setattr(analysis.verdict, "kind", Verdict.CAUSES)
    text = "\n".join(row.text for row in account_rows(analysis, 140))
    assert text.startswith(" WHERE THE TIME WENT  (conversation 6, ")
    assert "6 conversations together, 1.76 s:" in text


def test_the_short_form_leaves_nothing_out_in_silence() -> None:
    """Small causes are told together, as everywhere."""
    told = sample("tcp/loss-fast-retransmit").told[0]
    small = [ns for _cause, ns in told.books.totals() if ns * 100 < length_of(told.books.totals())]
    assert len(small) > 1
    assert account_pieces(told)[-1] == f"the rest {duration(sum(small))}"


def test_what_has_one_cause_only_needs_no_account() -> None:
    analysis = sample("dns/a")
    assert matters(analysis) is None
    assert account_rows(analysis, 80) == []
    assert conversation_account(analysis.told[0], 80) == []


def test_the_gravest_finding_says_which_conversation_comes_first() -> None:
    analysis = sample("tls/closed-after-client-hello")
    first = matters(analysis)
    assert first is not None
    grave = [one.conversation for one in analysis.findings if one.severity in ("warn", "error") and one.conversation]
    assert not grave or first.conversation.number in grave


def test_json_has_every_booking_and_brief_their_sums() -> None:
    analysis = sample("tcp/zero-window")
    document = json.loads("".join(json_document(analysis, "normal")))
    one = document["conversations"][0]
    assert sum(each["ns"] for each in one["time"]["totals"]) == one["end_ns"] - one["start_ns"]
    booked = [each["until_ns"] - each["since_ns"] for each in one["time"]["bookings"]]
    assert sum(booked) == one["end_ns"] - one["start_ns"]
    assert document["time"] == {"conversations": 1, "totals": one["time"]["totals"]}
    brief = json.loads("".join(json_document(analysis, "brief")))["conversations"][0]["time"]
    assert brief == {"totals": one["time"]["totals"], "bookings": []}
    lines = [json.loads(line) for line in "".join(json_lines(analysis, "normal")).splitlines()]
    assert [line["totals"] for line in lines if line["record"] == "time"] == [one["time"]["totals"]] * 2
    assert len([line for line in lines if line["record"] == "booking"]) == len(one["time"]["bookings"])


def test_csv_has_a_row_for_each_booking() -> None:
    analysis = sample("http1/browser")
    rows = list(csv.DictReader(io.StringIO("".join(csv_table(analysis, "normal", TABLES["time"])))))
    assert len(rows) == sum(len(told.books.bookings) for told in analysis.told)
    for told in analysis.told:
        own = [row for row in rows if row["conversation"] == str(told.conversation.number)]
        assert sum(int(row["ns"]) for row in own) == told.conversation.end_ns - told.conversation.start_ns
        assert {row["confidence"] for row in own} <= {"certain", "likely", "possible"}


def test_markdown_has_a_table_of_the_causes() -> None:
    text = "".join(markdown(sample("tcp/zero-window"), "normal"))
    assert "## Where the time went" in text
    assert "| closed window | 2.88 s | 89.9 % |" in text


def test_the_page_holds_sums_and_the_first_bookings() -> None:
    analysis = sample("tcp/zero-window")
    data = json.loads(page_json(analysis))
    assert [cause["word"] for cause in data["time"]["causes"]] == [cause.word for cause in CAUSES]
    one = data["conversations"][0]["time"]
    assert data["time"]["totals"] == one["totals"]
    assert len(one["bookings"]) == min(one["count"], MOST_BOOKINGS)
    assert one["bookings"][0][1] == data["conversations"][0]["start"]
