"""The rows of the screen: they fit, they keep losses in sight, and they escape what packets say."""
from __future__ import annotations

import pytest
from live_examples import HOSTILE, LOSSES, QUIET, TOTALS, detail, line, told

from analyzer.live.draw import columns_for, detail_rows, head_rows, log_row, short, table_head, table_row
from analyzer.report.rows import Row, cells

WIDTHS = (60, 80, 100, 120, 200)


def text(rows: list[Row]) -> str:
    return "\n".join(row.text for row in rows)


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_fit(width: int) -> None:
    columns = columns_for(width)
    rows = [
        *head_rows(QUIET, TOTALS, width, False), *head_rows(LOSSES, TOTALS, width, True),
        table_head(columns, "rate", True), table_row(line(1), columns),
        table_row(line(99_999, name=HOSTILE * 9, owner=HOSTILE, phase=HOSTILE, protocol=HOSTILE), columns),
        table_row(line(2, rate_out=9.9e11, rate_in=9.9e11, octets_in=10**15, frames=10**9, resent=10**6), columns),
        log_row(told(1, HOSTILE * 30), width), *detail_rows(detail(1, HOSTILE * 30), width),
    ]
    assert [row.text for row in rows if cells(row.text) > width] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_packet_says_is_inert(width: int) -> None:
    columns = columns_for(width)
    rows = [
        *head_rows(LOSSES, TOTALS._replace(title=HOSTILE, filter=HOSTILE), width, False),
        table_row(line(1, name=HOSTILE, owner=HOSTILE, phase=HOSTILE, protocol=HOSTILE, originator=HOSTILE), columns),
        log_row(told(1, HOSTILE)._replace(label=HOSTILE, ends=HOSTILE), width), *detail_rows(detail(1, HOSTILE), width),
    ]
    for row in rows:
        assert row.text.isprintable(), repr(row.text)


@pytest.mark.parametrize("width", WIDTHS)
def test_losses_are_always_in_sight(width: int) -> None:
    quiet = text(head_rows(QUIET, TOTALS, width, False))
    for word in ("system drops 0", "interface drops 0", "lag 3.00 ms", "buffer 0 %", "skipped 0"):
        assert word in quiet
    lost = text(head_rows(LOSSES, TOTALS, width, True))
    for word in ("system drops 12", "interface drops 3", "lag 900 ms", "buffer 60 %", "skipped 55", "only counted"):
        assert word in lost
    assert "PAUSED" in lost


def test_what_nobody_counts_is_unknown() -> None:
    assert "system drops unknown" in text(head_rows(QUIET._replace(kernel=-1), TOTALS, 100, False))


def test_the_order_is_marked_at_its_column() -> None:
    columns = columns_for(80)
    assert "TRIP▼" in table_head(columns, "rtt", False).text
    assert "TRIP▲" in table_head(columns, "rtt", True).text


def test_a_conversation_shows_phase_rates_trip_and_findings() -> None:
    shown = table_row(line(3), columns_for(100)).text
    for part in ("3", "10.0.0.1:50003⇄shop.test:443", "TLS handshake", "2.0k", "90.0k", "24.3 ms", "1W"):
        assert part in shown


def test_the_timeline_shows_phases_with_their_events_and_what_is_hidden() -> None:
    shown = text(detail_rows(detail(5), 100))
    assert shown.index("Three-way handshake") < shown.index("SYN") < shown.index("TLS 1.3 handshake")
    assert "3 earlier events not shown" in shown
    assert "Something is odd." in shown


@pytest.mark.parametrize(("number", "said"), [(0, "0"), (812, "812"), (4_100, "4.1k"), (8e7, "80.0M"), (1.3e9, "1.3G")])
def test_numbers_are_short(number: float, said: str) -> None:
    assert short(number) == said
