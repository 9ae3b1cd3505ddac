"""The conversation table and its JSON."""
from __future__ import annotations

import json

import pytest
from report_example import example

from analyzer.model import Conversation
from analyzer.report.records import conversation_record
from analyzer.report.table import SORTS, table_rows
from analyzer.report.words import left_out_of_table


def lines(width: int) -> list[str]:
    analysis = example()
    blocks = table_rows(analysis.conversations, analysis.capture.start_ns, width)
    return [row.text for rows in blocks for row in rows]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 200])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, lines(width))) <= width


def test_narrow_terminals_drop_columns_and_stack_long_addresses() -> None:
    narrow = "\n".join(lines(80))
    assert "history" not in narrow
    assert "⇄ [2001:db8:0:1::22]:8443" in narrow
    wide = "\n".join(lines(200))
    assert "ShADadTtFf" in wide
    assert "[2001:db8::10]:51040 ⇄ [2001:db8:0:1::22]:8443" in wide


def test_an_empty_table_has_its_header() -> None:
    assert [len(rows) for rows in table_rows([], -1, 80)] == [1]


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [("start", [1, 2, 3]), ("bytes", [2, 3, 1]), ("retransmissions", [2, 1, 3]), ("duration", [2, 3, 1]),
     ("frames", [2, 1, 3])],
)
def test_sorting(sort: str, numbers: list[int]) -> None:
    ordered = sorted(example().conversations, key=SORTS[sort])
    assert [conversation.number for conversation in ordered] == numbers


# What only rules, the display filter and the bytes of frames ask for.
FOR_RULES = {"next_hops", "few_hops", "shown_by", "encrypted"}


def test_json_holds_every_field() -> None:
    lookup, transfer, _refused = (conversation_record(entry) for entry in example().conversations)
    known = vars(Conversation(1, "tcp", *[example().told[0].conversation.originator] * 2))
    assert set(known) - FOR_RULES <= set(transfer)
    assert "tcp" not in lookup
    tcp = transfer["tcp"]
    assert isinstance(tcp, dict)
    assert set(vars(example().conversations[1].tcp)) == set(tcp)
    assert transfer["as_sent"] is None
    assert tcp["mss"] == [None, None]
    assert tcp["flags"] == [{"duplicate_ack": 3}, {"fast_retransmission": 1, "retransmission": 2}]
    assert json.loads(json.dumps(transfer)) == transfer


def test_what_a_table_leaves_out_is_said() -> None:
    assert left_out_of_table(0) == ""
    assert left_out_of_table(5) == "… 5 more conversations; --all lists all"
