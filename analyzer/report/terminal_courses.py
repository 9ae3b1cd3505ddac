"""How the data of a connection went, in a terminal: lines of blocks over one axis of time, and what held them."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.style import Style

from analyzer.model import Told
from analyzer.report.account import COLOURS
from analyzer.report.courses import RATES, Columns, binned, courses_of, held, rates_in, round_trip
from analyzer.report.rows import DIM, FRAME, SECTION, SIDES, Row, joined
from analyzer.report.spark import sparkline
from analyzer.report.words import ARROWS, since_start
from dissectors.kit.account import CAUSES, Booking
from dissectors.kit.units import duration, rate, size

INDENT: Final = 3
BLOCKS_AT: Final = INDENT + 13
WORDS: Final = 26               # columns for numbers behind the blocks
WIDEST: Final = 72
LEAST: Final = 16               # blocks; with less room nothing is drawn
TITLE: Final = "THE WINDOW"
NOTHING: Final = "·"


class Line:
    """name: at its left.     numbers: one a block, -1 for none.     top: what the highest block stands for."""

    def __init__(self, name: str, numbers: list[int], top: int, words: str) -> None:
        self.name = name
        self.numbers = numbers
        self.top = top
        self.words = words


def course_rows(told: Told, width: int) -> list[Row]:
    """A chart for each direction that carried a good part of the data; [] where there is none, or no room."""
    blocks = min(width - BLOCKS_AT - WORDS, WIDEST)
    if blocks < LEAST:
        return []
    rows: list[Row] = []
    for direction, columns in courses_of(told):
        start, end = columns["time_ns"][0], columns["time_ns"][-1]
        if end - start < max(round_trip(told), 1):     # what went in one flight has no shape
            continue
        first, last = (since_start(time - told.conversation.start_ns) for time in (start, end))
        head = Row().to(INDENT).add(TITLE, SECTION).add(f" {ARROWS[direction]}", SIDES[direction])
        head.tab(BLOCKS_AT).add(first, DIM)
        rows.append(head.to(BLOCKS_AT + blocks - len(last)).add(last, DIM))
        causes = causes_in(told.books.bookings, start, end, blocks)
        styles = [Style(color=COLOURS[CAUSES[cause].key]) if cause >= 0 else None for cause in causes]
        for line in lines_of(columns, start, end, blocks, round_trip(told)):
            row = Row().to(INDENT).add(line.name, DIM).tab(BLOCKS_AT)
            for place, number in enumerate(line.numbers):
                row.add(sparkline([number], line.top) if number >= 0 else " ", styles[place] or FRAME)
            rows.append(row.add(" ").add(line.words, DIM))
        if max(causes) >= 0:
            _went_to(rows, causes, width)
    return rows


def lines_of(columns: Columns, start: int, end: int, blocks: int, trip: int) -> list[Line]:
    """Those of which there is anything to see."""
    most = max(columns["outstanding_most"])
    outstanding = held(binned(columns, "outstanding_most", start, end, blocks), columns, "outstanding_most", start, end)
    lines = [Line("outstanding", outstanding, most, f"at most {size(most)}")]
    sacked = max(columns["sacked"])
    if sacked > 0:
        numbers = held(binned(columns, "sacked", start, end, blocks), columns, "sacked", start, end)
        lines.append(Line("SACKed", numbers, most, f"at most {size(sacked)}"))
    inferred = [value for value in columns["congestion"] if value >= 0]
    if inferred:
        numbers = held(binned(columns, "congestion", start, end, blocks), columns, "congestion", start, end)
        lines.append(Line("congestion", numbers, max(most, *inferred), f"about {_span(inferred, size)}"))
    windows = [value for value in columns["window_least"] if value >= 0]
    if windows:
        numbers = held(
            binned(columns, "window_least", start, end, blocks, least=True), columns, "window_least", start, end
        )
        widest = max(columns["window_most"])
        lines.append(Line("window", numbers, max(widest, most), _span([min(windows), widest], size)))
    trips = [value for name in ("ack_time_least", "ack_time_most") for value in columns[name] if value >= 0]
    if trips:
        numbers = binned(columns, "ack_time_most", start, end, blocks)
        lines.append(Line("ACK times", numbers, max(trips), _span(trips, duration)))
    sent, taken = (rates_in(columns, of, start, end, blocks, trip) for _name, of in RATES)
    top = max([*sent, *taken])
    lines.append(Line("throughput", sent, top, f"at most {rate(max(sent))}"))
    lines.append(Line("goodput", taken, top, f"at most {rate(max(taken))}"))
    return lines


def _span(numbers: list[int], words: Callable[[int], str]) -> str:
    low, high = words(min(numbers)), words(max(numbers))
    return f"{low}" if low == high else f"{low} to {high}"


def causes_in(bookings: list[Booking], start: int, end: int, count: int) -> list[int]:
    """Which cause most of each of so many equal stretches is booked to, by its place in CAUSES; -1 for none."""
    span = max(end - start, 1)
    shares: list[dict[int, int]] = [{} for _ in range(count)]
    for booking in bookings:
        if booking.until <= start or booking.since >= end:
            continue
        cause = CAUSES.index(booking.cause)
        first = max((booking.since - start) * count // span, 0)
        last = min((booking.until - 1 - start) * count // span, count - 1)
        for place in range(first, last + 1):
            since, until = start + place * span // count, start + (place + 1) * span // count
            shared = min(booking.until, until) - max(booking.since, since)
            shares[place][cause] = shares[place].get(cause, 0) + max(shared, 0)
    return [max(share, key=lambda cause: (share[cause], -cause)) if share else -1 for share in shares]


def _went_to(rows: list[Row], causes: list[int], width: int) -> None:
    """A letter a block, and what each stands for."""
    letters: dict[int, str] = {}
    for cause in sorted({cause for cause in causes if cause >= 0}):
        word = CAUSES[cause].word
        choice = word[0] + word[0].upper() + word
        free = [letter for letter in choice if letter.isalpha() and letter not in letters.values()]
        letters[cause] = free[0] if free else NOTHING
    row = Row().to(INDENT).add("time is of", DIM).tab(BLOCKS_AT)
    for cause in causes:
        row.add(letters.get(cause, NOTHING), Style(color=COLOURS[CAUSES[cause].key]) if cause >= 0 else DIM)
    rows.append(row)
    rows.append(Row().to(BLOCKS_AT))
    legend = [f"{letter} {CAUSES[cause].word}" for cause, letter in letters.items()]
    joined(rows, legend, " · ", BLOCKS_AT, width, DIM)
