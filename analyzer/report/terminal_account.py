"""Where the time went, in a terminal: what matters first with bars, and a line for each conversation."""
from __future__ import annotations

from typing import Final

from rich.style import Style

from analyzer.model import Analysis, Told, Verdict
from analyzer.report.account import COLOURS, Totals, accounted, length_of, matters, together
from analyzer.report.rows import DIM, SECTION, Row, cells, paragraph
from analyzer.report.words import TIME
from dissectors.kit.units import duration, plural

MARGIN: Final = 1
INDENT: Final = 3
GAP: Final = 2
LONGEST: Final = 30         # cells of all bars together
SHORTEST: Final = 6         # however narrow the terminal
WORDS: Final = 48           # cells that are left for words
SMALL: Final = 100          # what is less than one part in so many is told together with the others
EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
REST: Final = "the rest"


def account_rows(analysis: Analysis, width: int) -> list[Row]:
    """The account of the conversation that matters, and where there are several, of all of them together; where nothing
    went wrong, of these alone."""
    first = matters(analysis)
    if first is None:
        return []
    rows = [Row().to(MARGIN).add(TIME, SECTION).add("  ")]
    others = accounted(analysis)
    every = together(analysis)
    all_of_them = f"{plural(others, 'conversation')} together, {duration(length_of(every))}"
    if others > 1 and analysis.verdict.kind == Verdict.CLEAN:      # none of them matters more than the others
        paragraph(rows, f"({all_of_them})", INDENT, width, DIM)
        _parts(rows, every, INDENT, width, bars=True)
        return rows
    totals = first.books.totals()
    paragraph(rows, f"(conversation {first.conversation.number}, {duration(length_of(totals))})", INDENT, width, DIM)
    _parts(rows, totals, INDENT, width, bars=True)
    if others > 1:
        rows.append(Row().to(INDENT).add(f"{all_of_them}:", DIM))
        _parts(rows, every, INDENT, width, bars=False)
    return rows


def account_pieces(told: Told) -> list[str]:
    """`connecting 25.0 ms` for each cause that matters; [] where there is nothing to divide."""
    totals = told.books.totals()
    return [f"{word} {duration(ns)}" for word, _colour, ns in _shares(totals)] if len(totals) > 1 else []


def conversation_account(told: Told, width: int) -> list[Row]:
    """One line, at the head of the conversation; [] where there is nothing to divide."""
    totals = told.books.totals()
    if len(totals) < 2:
        return []
    rows = [Row().to(INDENT).add("time: ", DIM)]
    _parts(rows, totals, INDENT + 2, width, bars=False)
    return rows


def _parts(rows: list[Row], totals: Totals, indent: int, width: int, *, bars: bool) -> None:
    """`connecting 92 ms ▎  server 310 ms ▌`, in the order of what happens; small ones together at the end."""
    whole = max(length_of(totals), 1)
    if bars or rows[-1].used > width // 2:
        rows.append(Row().to(indent))
    for word, colour, ns in _shares(totals):
        style = Style(color=colour) if colour else DIM
        text = f"{word} {duration(ns)}"
        bar = _bar(ns, whole, min(LONGEST, max(width - WORDS, SHORTEST))) if bars and colour else ""
        used = cells(text) + (1 + cells(bar) if bar else 0)
        row = rows[-1]
        if row.used > indent and row.used + GAP + used > width:
            row = Row().to(indent)
            rows.append(row)
        elif row.parts and row.parts[-1].text.strip(" ") and row.used > indent and not row.text.endswith(": "):
            row.to(row.used + GAP)
        row.add(f"{word} ", None if bars else style).add(duration(ns), None if bars else DIM)
        if bar:
            row.add(" ").add(bar, style)


def _shares(totals: Totals) -> list[tuple[str, str, int]]:
    """(word, colour, nanoseconds) of each cause; small ones together, without a colour."""
    whole = max(length_of(totals), 1)
    small = [ns for _cause, ns in totals if ns * SMALL < whole]
    shown = [(cause.word, COLOURS[cause.key], ns) for cause, ns in totals if len(small) < 2 or ns * SMALL >= whole]
    return [*shown, (REST, "", sum(small))] if len(small) > 1 else shown


def _bar(ns: int, whole: int, cells_of_all: int) -> str:
    """A bar of its share, to an eighth of a cell; what is there is never nothing."""
    eighths = max(ns * cells_of_all * 8 // whole, 1)
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip(" ")
