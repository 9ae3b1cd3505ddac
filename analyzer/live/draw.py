"""What the screen shows, as rows: heading, table of conversations, log, timeline. No terminal is needed for it.

Every text goes through `Row`, which escapes what a terminal would obey.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.style import Style

from analyzer.live.audience import Detail, Line, LogLine, Status, Totals
from analyzer.live.lines import clock, losses_in_words
from analyzer.report.rows import DIM, FRAME, LABEL, SECTION, SEVERITY, SIDES, TITLE, Row, cells, fit, joined, paragraph
from analyzer.report.words import ARROWS, BOTH_WAYS
from dissectors.kit.event import CORE
from dissectors.kit.units import duration, grouped, plural, rate, size

ALARM: Final = Style(bold=True, color="red")
WELL: Final = Style(color="green")
PAUSED: Final = Style(bold=True, color="yellow", reverse=True)
ENDED: Final = Style(dim=True)
WIDE: Final = 120            # from this width on the table has all columns
NARROW: Final = 72           # below this width the round trip makes room
GAP: Final = 1
LATE_NS: Final = 500_000_000
FULL: Final = 0.25
WORST: Final = {"error": "E", "warn": "W", "note": "N", "chat": "c"}


def head_rows(status: Status, totals: Totals, width: int, paused: bool) -> list[Row]:
    """What is captured and how fast; then, always, what is missing from it."""
    first = Row().add(f" {fit(totals.title, max(width // 4, 12))}", TITLE)
    rows = [first]
    pieces = [
        f"{short(totals.frames_per_second)} frames/s", rate(totals.bits_per_second),
        f"{plural(totals.conversations, 'conversation')}, {grouped(totals.open)} open",
    ]
    found = [
        piece for piece in (
            plural(totals.errors, "error") if totals.errors else "",
            plural(totals.warnings, "warning") if totals.warnings else "",
            plural(totals.notes, "note") if totals.notes else "",
        ) if piece
    ]
    if totals.filter:
        pieces.insert(0, totals.filter)
    room = width - (8 if paused else 0)
    alarm = SEVERITY["error" if totals.errors else "warn" if totals.warnings else "note"]
    for piece, style in [(piece, None) for piece in pieces] + [(piece, alarm) for piece in found]:
        if first.used + 3 + cells(piece) <= room:
            first.add(" · ", DIM).add(piece, style)
    if paused:
        first.right("PAUSED ", width, PAUSED)
    skipped = status.untold + status.untold_frames + status.left + status.lines_lost + status.unwritten
    lag = duration(status.lag_ns) if status.lag_ns >= 0 else "unknown"
    measures: list[tuple[str, Style | None]] = [
        (f"system drops {grouped(status.kernel) if status.kernel >= 0 else 'unknown'}", health(status.kernel)),
        (f"interface drops {grouped(status.interface) if status.interface >= 0 else 'unknown'}",
         health(status.interface)),
        (f"lag {lag}", ALARM if status.lag_ns > LATE_NS else None),
        (f"buffer {round(status.backlog * 100)} %", ALARM if status.backlog > FULL else None),
        (f"skipped {grouped(skipped)}", health(skipped)),
    ]
    second = Row().add(" ")
    rows.append(second)
    for text, style in measures:
        if second.used > 1 and second.used + 3 + cells(text) > width:
            second = Row().add(" ")
            rows.append(second)
        second.add(" · " if second.used > 1 else "", DIM).add(text, style)
    if status.shortened:
        rows.append(Row().add(" "))
        paragraph(rows, status.shortened, 1, width, ALARM)
    elif skipped:
        words_of_loss = losses_in_words(status._replace(kernel=0, interface=0))
        if words_of_loss:
            rows.append(Row().add(" ").add(fit("; ".join(words_of_loss), width - 2), DIM))
    elif second.used + 12 < width:
        second.right(f"{duration(totals.elapsed_ns)} ", width, DIM)
    return rows


class Column:
    """One column of the table. key: of the order it stands for."""

    def __init__(
        self, title: str, width: int, right: bool, text: Callable[[Line], tuple[str, Style | None]], key: str = ""
    ) -> None:
        self.title = title
        self.width = width
        self.right = right
        self.text = text
        self.key = key


def columns_for(width: int) -> list[Column]:
    """The columns that fit; the conversation's own takes what the others leave."""
    wide = width >= WIDE
    trip = Column("TRIP", 8, True, lambda line: (duration(line.rtt_ns) if line.rtt_ns >= 0 else "", None), "rtt")
    found = [
        Column("#", 5, True, lambda line: (str(line.number), DIM), "number"),
        Column("CONVERSATION", 0, False, lambda line: (who(line, wide), None if line.is_open else ENDED)),
        Column("PHASE", 18 if wide else 14, False, lambda line: (line.phase, phase_style(line))),
        Column("→ b/s", 7, True, lambda line: (pace(line.rate_out), SIDES[0] if line.rate_out >= 1 else DIM), "rate"),
        Column("← b/s", 7, True, lambda line: (pace(line.rate_in), SIDES[1] if line.rate_in >= 1 else DIM), "rate"),
        *([trip] if width >= NARROW else []),
        Column("FIND", 4, True, findings_cell, "findings"),
    ]
    if wide:
        found.insert(3, Column("PROTOCOL", 9, False, lambda line: (line.protocol or line.transport, None)))
        found.insert(6, Column("BYTES", 10, True, lambda line: (size(octets_of(line)), None), "octets"))
        found.insert(7, Column("FRAMES", 8, True, lambda line: (grouped(line.frames), None)))
        found.insert(8, Column("RESENT", 6, True, lambda line: (grouped(line.resent) if line.resent else "",
                                                                SEVERITY["warn"])))
        found.append(Column("LAST", 9, True, lambda line: (clock(line.last_ns)[:8], DIM), "last"))
    taken = sum(column.width for column in found) + GAP * (len(found) - 1) + 1
    for column in found:
        if not column.width:
            column.width = max(width - taken, 12)
    return found


def table_head(columns: list[Column], sort: str, reverse: bool) -> Row:
    """Titles of the columns; the one that orders the rows is marked."""
    row = Row()
    at = 0
    for column in columns:
        title = column.title
        if sort and column.key == sort:
            mark = "▲" if reverse else "▼"
            title = fit(title, column.width - 1) + mark
        _cell(row, title, at, column, SECTION)
        at += column.width + GAP
    return row


def table_row(line: Line, columns: list[Column]) -> Row:
    row = Row()
    at = 0
    for column in columns:
        text, style = column.text(line)
        _cell(row, text, at, column, style)
        at += column.width + GAP
    return row


def _cell(row: Row, text: str, at: int, column: Column, style: Style | None) -> None:
    text = fit(text, column.width)
    row.to(at + (column.width - cells(text) if column.right else 0)).add(text, style)


def who(line: Line, wide: bool) -> str:
    """`10.0.0.1:51034 ⇄ shop.test:443`, with the process where it is known."""
    second = line.responder
    if line.name:
        port = line.responder.rpartition(":")[2] if line.transport in ("tcp", "udp") else ""
        second = f"{line.name}:{port}" if port else line.name
    lead = "" if line.transport == "tcp" else f"{line.transport} "
    owner = f"  {line.owner}" if line.owner else ""
    text = f"{lead}{line.originator} {BOTH_WAYS} {second}{owner}"
    return text if wide else text.replace(f" {BOTH_WAYS} ", BOTH_WAYS)


def phase_style(line: Line) -> Style | None:
    if line.phase in ("reset", "refused", "no answer"):
        return SEVERITY["warn"]
    return None if line.is_open and line.phase != "closed" else ENDED


def findings_cell(line: Line) -> tuple[str, Style | None]:
    if not line.findings:
        return "", None
    return f"{line.findings}{WORST.get(line.worst, '')}", SEVERITY.get(line.worst)


def log_row(told: LogLine, width: int) -> Row:
    """One line of the log, cut where the screen ends."""
    row = Row().add(clock(told.time_ns)[:12] if told.time_ns > 0 else " " * 12, DIM)
    if told.severity:
        row.add(f" {told.severity.upper()}", SEVERITY.get(told.severity))
        if told.conversation:
            row.add(f" [{told.conversation}]", FRAME)
        row.add(" ").add(fit(told.text, max(width - row.used, 8)))
        return row
    row.add(f" [{told.conversation}]", FRAME)
    row.add(f" {ARROWS.get(told.direction, '·')} ", SIDES.get(told.direction))
    row.add(fit(told.label, max(width // 3, 8)), LABEL if told.importance == CORE else None).add("  ")
    room = width - row.used
    if room > 8:
        row.add(fit(told.text, room))
    return row


def detail_rows(detail: Detail, width: int) -> list[Row]:
    """The timeline of one conversation, phase by phase, as it stands now."""
    rows = [Row().add(f" {detail.number} ", FRAME)]
    paragraph(rows, detail.title, 1, width, TITLE)
    rows.append(Row().to(1))
    joined(rows, detail.facts, " · ", 1, width, DIM)
    for severity, sentence in detail.findings:
        rows.append(Row().to(1).add(f"{severity} ", SEVERITY.get(severity)))
        paragraph(rows, sentence, 3, width)
    if detail.hidden:
        rows.append(Row().to(1).add(f"… {plural(detail.hidden, 'earlier event')} not shown", DIM))
    for index, (title, facts) in enumerate(detail.phases):
        rows.append(Row().add(f" {index + 1}  ", DIM).add(fit(title, max(width - 4, 8)), TITLE))
        joined(rows, facts, " · ", 4, width, None)
        for phase, frames, since, direction, label, short_text, what, _spec in detail.events:
            if phase == index:
                _event(rows, frames, since, direction, label, short_text or what, width)
    return rows


def _event(rows: list[Row], frames: str, since: str, direction: int, label: str, text: str, width: int) -> None:
    row = Row().to(1).add(fit(frames, 10), FRAME).tab(11).add(since, DIM).tab(22)
    row.add(ARROWS.get(direction, "·"), SIDES.get(direction)).add(" ")
    row.add(fit(label, 20), LABEL).add("  ")
    rows.append(row)
    if width - row.used < 24 and cells(text) > width - row.used:
        row = Row()
        rows.append(row)
    paragraph(rows, text, 24, width)


def health(count: int) -> Style | None:
    return ALARM if count > 0 else None if count < 0 else WELL


def octets_of(line: Line) -> int:
    return line.octets_out + line.octets_in


def pace(bits: float) -> str:
    return short(bits) if bits >= 1 else ""


def short(number: float) -> str:
    """`812`, `4.1k`, `80.0M`, `1.2G`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.1f}{unit}"
    return f"{number:.0f}"
