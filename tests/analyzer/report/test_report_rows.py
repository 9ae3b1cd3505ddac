"""Composing rows: widths are kept and no text is lost."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.escape import terminal_text
from analyzer.report.rows import MINIMUM, Row, cells, fit, joined, paragraph, segments, wrap

TEXTS = st.text(st.sampled_from("ab c→例\u202f\x1b"), max_size=120)


@given(TEXTS, st.integers(1, 60), st.integers(0, 60))
def test_wrapped_lines_fit_and_hold_every_word(text: str, first: int, rest: int) -> None:
    lines = wrap(text, first, rest)
    room = max(first, MINIMUM)
    assert cells(lines[0]) <= room
    assert all(cells(line) <= max(rest or first, MINIMUM) for line in lines[1:])
    assert "".join(lines).replace(" ", "") == terminal_text(text).replace(" ", "")


@given(TEXTS, st.integers(2, 60))
def test_fitted_text_fits(text: str, width: int) -> None:
    shown = fit(text, width)
    assert cells(shown) <= width
    assert shown == terminal_text(text) or shown.endswith("…")


def test_a_row_escapes_what_is_added() -> None:
    assert Row().add("a\x1b[1mb").text == "a\\x1b[1mb"


def test_markup_is_text() -> None:
    assert [segment.text for segment in segments([Row().add("[bold]x[/bold]")])] == ["[bold]x[/bold]", "\n"]


def test_columns_are_reached_and_never_cut() -> None:
    row = Row().add("ab").to(5).add("c").to(3).tab(4).right("z", 12)
    assert row.text == "ab   c     z"
    assert row.used == 12


def test_a_paragraph_hangs_under_its_column() -> None:
    rows = [Row().add("label: ")]
    paragraph(rows, "one two three four five", 2, 18)
    assert [row.text for row in rows] == ["label: one two", "  three four five"]


def test_pieces_move_whole_to_the_next_row() -> None:
    rows = [Row()]
    joined(rows, ["first piece", "second piece", "third"], " · ", 2, 24, None)
    assert [row.text for row in rows] == ["first piece", "  second piece · third"]
