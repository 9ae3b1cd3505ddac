"""The streams of one conversation over time: a bar each, with what it waited for. It shows what ran beside what."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.style import Style

from analyzer.model import Silence, Told
from analyzer.report.rows import BARS, DIM, LABEL, SECTION, Row, cells, fit, joined
from analyzer.report.spans import BLOCKED, MEANINGS, RECEIVE, SEND, WAIT, Span, streams_of
from analyzer.report.terminal_story import axis, bar
from analyzer.report.words import took, unsure
from dissectors.kit.units import plural

STREAMS: Final = "STREAMS"
EXCHANGES: Final = "EXCHANGES"    # of a connection that carries one after another
LEAST_STREAMS: Final = 2       # one alone is told by its events
MAX_ROWS: Final = 40           # streams drawn where nobody asked for that conversation
LAST_ROWS: Final = 8           # of them, those from its end
LEAST_TEXT: Final = 20
LEAST_BAR: Final = 16          # below this there is no chart
WIDEST_BAR: Final = 100
TIME: Final = 10               # a duration, right-aligned
PARTS: Final = (SEND, BLOCKED, WAIT, RECEIVE)
MARKS: Final = {SEND: "▪", BLOCKED: "╌", WAIT: "░", RECEIVE: "▇"}
STYLES: Final = {
    SEND: BARS[1 % len(BARS)], BLOCKED: Style(color="red"), WAIT: Style(color="bright_black"), RECEIVE: BARS[0],
}


def stream_rows(told: Told, width: int, whole: bool, silences: Sequence[Silence] = ()) -> list[Row]:
    """The chart, at most `width` columns wide; [] where nothing ran in streams or there is no room.

    whole: every stream, however many.
    """
    spans = streams_of(told)
    if len(spans) < LEAST_STREAMS:
        return []
    start = min(span.start_ns for span in spans)
    length = max(span.end_ns for span in spans) - start
    number = max(len(str(span.stream)) for span in spans)
    text_at = number + 2
    time = TIME + any(unsure(span.start_ns, span.end_ns, silences) for span in spans)
    room = width - text_at - time - 3
    if room < LEAST_TEXT + LEAST_BAR or length <= 0:
        return []
    text = min(max(cells(span.text) for span in spans), max(room * 45 // 100, LEAST_TEXT))
    time_end = text_at + text + 1 + time
    bar_at = time_end + 2
    columns = min(width - bar_at, WIDEST_BAR)
    heading, one = (STREAMS, "stream") if any(span.stream for span in spans) else (EXCHANGES, "exchange")
    rows = [Row().add(heading, SECTION).to(bar_at).add(axis(length, columns), DIM)]
    left_out = 0 if whole else max(len(spans) - MAX_ROWS, 0)
    for place, span in enumerate(spans):
        if left_out and place == MAX_ROWS - LAST_ROWS:
            words = f"… {plural(left_out, one)} not drawn (--conversation {span.conversation} draws all)"
            rows.append(Row().add(fit(words, width), DIM))
        if left_out and MAX_ROWS - LAST_ROWS <= place < len(spans) - LAST_ROWS:
            continue
        row = Row()
        if span.stream:
            row.right(str(span.stream), number, LABEL)
        row.to(text_at).add(fit(span.text, text))
        row.right(took(span.start_ns, span.end_ns, silences) if span.end_ns > span.start_ns else "", time_end, DIM)
        rows.append(drawn(row, span, start, length, bar_at, columns))
    kinds = {part.kind for span in spans for part in span.parts}
    legend = [f"{MARKS[kind]} {MEANINGS[kind]}" for kind in PARTS if kind in kinds]
    count = f"{plural(len(spans), one)}, at most {most_at_once(spans)} at once"
    joined(rows, [count, *legend], " · ", 0, width, DIM)
    return rows


def drawn(row: Row, span: Span, start_ns: int, span_ns: int, at: int, columns: int) -> Row:
    """The bar of a stream behind its row: each column shows what the stream did for most of its time."""
    first, length = bar(span.start_ns - start_ns, span.end_ns - start_ns, span_ns, columns)
    row.to(at + first)
    for column in range(first, first + length):
        begin = start_ns + column * span_ns // columns
        end = start_ns + (column + 1) * span_ns // columns
        kind = span.parts[-1].kind     # of a bar too short for any part to fill a column
        most = 0
        for part in span.parts:
            shared = min(part.end_ns, end) - max(part.start_ns, begin)
            if shared > most:
                kind, most = part.kind, shared
        row.add(MARKS[kind], STYLES[kind])
    return row


def most_at_once(spans: list[Span]) -> int:
    """How many of them were open at the same moment."""
    edges = sorted([(span.start_ns, 1) for span in spans] + [(span.end_ns, -1) for span in spans])
    most = now = 0
    for _time, step in edges:
        now += step
        most = max(most, now)
    return most
