"""How the data of a connection went over time, as every report has it: which directions, which columns, how fast."""
from __future__ import annotations

from bisect import bisect_right
from typing import Final

from analyzer.model import Told
from dissectors.kit.course import COLUMNS
from dissectors.kit.event import JsonValue

MINOR: Final = 10           # per cent of all bytes: a direction with less is not drawn
LEAST_ROWS: Final = 4       # fewer have no shape
PACES: Final = 60           # a rate is over at least this part of the time
SIDES: Final = ("forward", "backward")
RATES: Final = (("throughput_bps", "octets"), ("goodput_bps", "delivered"))
ALL_COLUMNS: Final = (*COLUMNS, *(name for name, _of in RATES))
COUNTED: Final = ("octets", "sent", "acknowledged")

Columns = dict[str, list[int]]


def courses_of(told: Told) -> list[tuple[int, Columns]]:
    """(direction, columns) of each direction with a good part of the bytes, from the first of them to the last that
    changed anything, with its rates."""
    found = [course.columns() for course in told.courses]
    carried = [max(columns["octets"], default=0) for columns in found]
    trip = round_trip(told)
    out: list[tuple[int, Columns]] = []
    for direction, whole in enumerate(found):
        columns = under_way(whole)
        if len(columns["sent"]) >= LEAST_ROWS and carried[direction] * 100 > sum(carried) * MINOR:
            out.append((direction, with_rates(columns, trip)))
    return out


def round_trip(told: Told) -> int:
    """Of the path, both halves of the handshake together; -1 where it was not seen."""
    tcp = told.conversation.tcp
    return max(tcp.initial_rtt_ns, tcp.handshake_rtt_ns) if tcp is not None else -1


def under_way(columns: Columns) -> Columns:
    """Without rows before anything was sent and after everything was acknowledged."""
    rows = range(len(columns["time_ns"]))
    first = next((row for row in rows if columns["octets"][row] > 0), len(rows))
    last = len(rows)
    while last > first + 1 and all(columns[name][last - 1] == columns[name][last - 2] for name in COUNTED):
        last -= 1
    return {name: values[first:last] for name, values in columns.items()}


def with_rates(columns: Columns, trip: int = -1) -> Columns:
    """The same with throughput (all that was sent) and goodput (what the receiver has, acknowledged by number or by
    SACK), in bits a second over the stretch before each row. trip: the round trip, -1 where it is not known."""
    stretch = pace_stretch(columns, trip)
    found = dict(columns)
    found["delivered"] = [acked + more for acked, more in zip(columns["acknowledged"], columns["sacked"], strict=True)]
    for name, of in RATES:
        found[name] = [rate_at(found, of, time, stretch) for time in columns["time_ns"]]
    return found


def pace_stretch(columns: Columns, trip: int) -> int:
    """Over how long a rate is taken: a round trip, or where that is shorter a part of the whole time."""
    span = columns["time_ns"][-1] - columns["time_ns"][0]
    return max(span // PACES, trip, 1)


def rate_at(columns: Columns, of: str, time: int, stretch: int) -> int:
    """Bits a second over so long before this time. of: a column that adds up."""
    times, totals = columns["time_ns"], columns[of]
    now, before = bisect_right(times, time) - 1, bisect_right(times, time - stretch) - 1
    if now < 0:
        return 0
    return max(totals[now] - (totals[before] if before >= 0 else 0), 0) * 8_000_000_000 // stretch


def course_records(told: Told) -> dict[str, JsonValue]:
    """For JSON: of each direction, columns of equal length, null where a number is not known; null for a direction that
    carried nothing to speak of."""
    found = dict(courses_of(told))
    return {
        side: {name: [_known(value) for value in found[direction][name]] for name in ALL_COLUMNS}
        if direction in found else None for direction, side in enumerate(SIDES)
    }


def _known(value: int) -> JsonValue:
    return None if value < 0 else value


def binned(columns: Columns, name: str, start: int, end: int, count: int, *, least: bool = False) -> list[int]:
    """A column in so many equal stretches of time: its largest number in each, or its smallest; -1 where none falls."""
    out = [-1] * count
    span = max(end - start, 1)
    for time, value in zip(columns["time_ns"], columns[name], strict=True):
        place = min(max((time - start) * count // span, 0), count - 1)
        if value >= 0 and (out[place] < 0 or (value < out[place]) == least):
            out[place] = value
    return out


def held(numbers: list[int], columns: Columns, name: str, start: int, end: int) -> list[int]:
    """What stayed as it was in stretches in which nothing came: the last number of the row before them."""
    times, values = columns["time_ns"], columns[name]
    span = max(end - start, 1)
    out = list(numbers)
    for place, number in enumerate(numbers):
        if number < 0:
            row = bisect_right(times, start + place * span // len(numbers)) - 1
            out[place] = values[row] if row >= 0 else 0
    return out


def rates_in(columns: Columns, of: str, start: int, end: int, count: int, trip: int) -> list[int]:
    """Bits a second at the end of each of so many equal stretches of time. of: a column that adds up."""
    span = max(end - start, 1)
    stretch = max(pace_stretch(columns, trip), span // count)
    return [rate_at(columns, of, start + (place + 1) * span // count, stretch) for place in range(count)]
