"""CSV: no cell is a formula, at whichever separator a spreadsheet divides a line; numbers stay numbers."""
from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_example import Said, example
from test_report_formats import hostile

from analyzer.model import Analysis
from analyzer.report.escape import terminal_text
from analyzer.report.tables import TABLES, csv_cell, csv_table, harmless
from dissectors.kit.event import FORWARD, JsonValue

SEPARATORS = (",", ";", "\t", "|")
ATTACKS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", ";=HYPERLINK(1)", "a;=HYPERLINK(1)",
    "a; =1", 'a;"=1', 'a";"=1', "a|=1", "a,=1", 'a","=1', "a\t=1", " =1", "\u00a0=1", '"=1"', "'=1", "\uff1d1",
    "\uff0b1", "\uff0d1", "\uff201", "a;\uff1d1", "\ufe661", "{;=1", '{"a;=1', ";;=1", "a;;;+1;-1;@x", "\u200b=1",
    "\ufeff=1", 'x"";=1', "",
)


class Told(Said):
    """With data of its own."""

    data: dict[str, JsonValue]

    def fields(self) -> dict[str, JsonValue]:
        return self.data


def filled(text: str) -> Analysis:
    analysis = hostile()
    event = Told(1, FORWARD, (1,), text, text, text)
    event.data = {"a" + text: text, "list": [text, -1, ";", -2], "less": -5, "exchange": 1, "ended": text, "url": text}
    for told in analysis.told:
        told.conversation.originator.name = told.conversation.scope = text
        told.phases[0].events.append(event)
    for finding in analysis.findings:
        finding.sentence = finding.code = text
    return analysis


def begins_a_formula(cell: str) -> bool:
    """As a spreadsheet that drops spaces and quotation marks, and knows full-width signs, would see it."""
    start = unicodedata.normalize("NFKC", cell.strip().strip('"').strip()[:1])
    if start not in ("=", "+", "-", "@"):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("table", TABLES)
def test_no_cell_is_a_formula_at_any_separator(table: str, text: str) -> None:
    written = "".join(csv_table(filled(text), "teach", TABLES[table]))
    for separator in SEPARATORS:
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE) if separator != "," else (csv.QUOTE_MINIMAL,):
            for row in csv.reader(io.StringIO(written), delimiter=separator, quoting=quoting):
                for cell in row:
                    assert not begins_a_formula(cell), (separator, cell)


PIECES = st.sampled_from([*ATTACKS, ";", "|", '"', "'", " ", "=", "-", "a", ","]) | st.text(max_size=3)


@given(st.lists(PIECES).map("".join))
def test_so_does_any_cell(text: str) -> None:
    line = csv_cell(text) + "," + csv_cell(7) + "," + csv_cell(text)
    for separator in SEPARATORS:
        for cell in next(csv.reader([line], delimiter=separator)):
            assert not begins_a_formula(cell), (separator, cell)
    first, number, last = next(csv.reader([line]))
    assert (first, number) == (last, "7")
    assert first.replace("'", "") == terminal_text(text).replace("'", ""), "apostrophes are all that is added"


def test_numbers_stay_numbers_and_text_is_quoted() -> None:
    assert [csv_cell(one) for one in (-1, 0, 1.5, None, "", "tcp", 'a"b', "-1")] == [
        "-1", "0", "1.5", "", "", '"tcp"', '"a""b"', "\"'-1\"",
    ]
    analysis = example()
    analysis.told[0].conversation.start_ns = -5
    rows = list(csv.DictReader(io.StringIO("".join(csv_table(analysis, "teach", TABLES["conversations"])))))
    assert rows[0]["start_ns"] == "-5"
    assert [int(row["octets_forward"]) for row in rows] == [one.octets[0] for one in analysis.conversations]


@pytest.mark.parametrize("text", ATTACKS)
def test_fields_are_the_same_to_a_reader_of_json(text: str) -> None:
    rows = csv.DictReader(io.StringIO("".join(csv_table(filled(text), "teach", TABLES["events"]))))
    found = [json.loads(row["fields"]) for row in rows if "less" in row["fields"]]
    assert found
    for one in found:
        assert one["a" + text] == text
        assert one["list"] == [text, -1, ";", -2]


def test_only_what_begins_a_formula_is_changed() -> None:
    for text in ("a=1", "a-b", "2+2", "me@shop.test", "a; b", "seq 77, -5 ms", "x=1,-2", "it's", "'=1"):
        assert harmless(text) == text
    assert harmless("=1") == "'=1"
    assert harmless("a; -1") == "a; '-1"
