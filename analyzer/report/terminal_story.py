"""The waterfall: one row for each thing that happened, with a bar where it lies in time."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.style import Style

from analyzer.model import Silence, StoryRow
from analyzer.report.rows import BARS, DIM, LABEL, SECTION, Row, cells, fit
from analyzer.report.words import STORY, took, unsure

MARGIN: Final = 1
WIDEST_LABEL: Final = 10
LEAST_TEXT: Final = 24      # columns for the text before the bars get more than their least
LEAST_BAR: Final = 12       # below this the bars are left away
WIDEST_BAR: Final = 90
TIME: Final = 10            # a duration, right-aligned
BAR: Final = "▇"
# Largest span, in nanoseconds, that each unit labels; unit in nanoseconds; its name.
UNITS: Final = (
    (2_000, 1, "ns"), (2_000_000, 1_000, "µs"), (2_000_000_000, 1_000_000, "ms"),
    (1_200_000_000_000, 1_000_000_000, "s"), (14_400_000_000_000, 60_000_000_000, "min"),
    (1 << 63, 3_600_000_000_000, "h"),
)


class Columns:
    """Where each column begins and how wide it is; bar is 0 where there is no room for bars."""

    def __init__(self, rows: list[StoryRow], width: int, silences: Sequence[Silence] = ()) -> None:
        time = TIME + any(unsure(row.start_ns, row.end_ns, silences) for row in rows)
        self.number = max(len(str(row.conversation)) for row in rows)
        self.label_at = MARGIN + self.number + 2
        self.label = min(max(cells(row.label) for row in rows), WIDEST_LABEL)
        self.text_at = self.label_at + self.label + 2
        widest = max(cells(row.text) for row in rows)
        room = width - self.text_at - time - 2
        share = max(room * 35 // 100, LEAST_BAR)
        if room - LEAST_BAR < LEAST_TEXT:
            share = -2
        self.text = min(widest, max(room - 2 - share, 8))
        self.time_end = self.text_at + self.text + 1 + time
        self.bar_at = self.time_end + 2
        self.bar = 0 if share < 0 else min(width - self.bar_at, WIDEST_BAR)


def story_rows(story: list[StoryRow], width: int, silences: Sequence[Silence] = ()) -> list[Row]:
    """The waterfall with its axis, at most `width` columns wide."""
    start = min(row.start_ns for row in story)
    span = max(row.end_ns for row in story) - start
    columns = Columns(story, width, silences)
    styles: dict[str, Style] = {}
    head = Row().to(MARGIN).add(STORY, SECTION)
    if columns.bar and span > 0:
        head.to(columns.bar_at).add(axis(span, columns.bar), DIM)
    rows = [head]
    for entry in story:
        kind = entry.label.split(" ")[0]
        style = styles.setdefault(kind, BARS[len(styles) % len(BARS)])
        row = Row().to(MARGIN)
        if entry.conversation:
            row.right(str(entry.conversation), MARGIN + columns.number, DIM)
        row.to(columns.label_at).add(fit(entry.label, columns.label), LABEL)
        row.to(columns.text_at).add(fit(entry.text, columns.text))
        if entry.end_ns > entry.start_ns:
            row.right(took(entry.start_ns, entry.end_ns, silences), columns.time_end, DIM)
        if columns.bar:
            first, length = bar(entry.start_ns - start, entry.end_ns - start, span, columns.bar)
            row.to(columns.bar_at + first).add(BAR * length, style)
        rows.append(row)
    return rows


def bar(start_ns: int, end_ns: int, span_ns: int, width: int) -> tuple[int, int]:
    """First column and length of a bar, at least one column long and within `width`."""
    if span_ns <= 0:
        return 0, 1
    first = min(start_ns * width // span_ns, width - 1)
    last = max(-(-end_ns * width // span_ns), first + 1)
    return first, min(last, width) - first


def axis(span_ns: int, width: int) -> str:
    """Round times above the columns where they fall: `0 ms      400       800     1200`."""
    unit, name = next((unit, name) for limit, unit, name in UNITS if span_ns < limit)
    step = unit
    factors = (2, 5, 10)
    decade = 1
    place = 0
    widest = len(str(span_ns // unit)) + 3
    while step * width < widest * span_ns:
        step = unit * decade * factors[place]
        place += 1
        if place == len(factors):
            place, decade = 0, decade * 10
    line = f"0 {name}"
    for tick in range(step, span_ns + 1, step):
        text = str(tick // unit)
        column = tick * width // span_ns
        if column + len(text) > width:
            break
        if column > len(line):
            line += " " * (column - len(line)) + text
    return line
