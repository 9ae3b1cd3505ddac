"""Rows of a terminal: composed by cell, escaped, and handed to rich as ready segments.

Rich's own layout measures and wraps every piece anew, which costs more than the analysis of a large
capture; here a row is put together once and rich only turns styles into what the terminal understands.
"""
from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from analyzer.report.escape import terminal_text

TITLE: Final = Style(bold=True)
SECTION: Final = Style(bold=True, color="cyan")
DIM: Final = Style(dim=True)
FRAME: Final = Style(color="cyan")
LABEL: Final = Style(bold=True)
WHY: Final = Style(italic=True, color="blue")
TERM: Final = Style(bold=True, color="blue")
SIDES: Final = {0: Style(color="green", bold=True), 1: Style(color="magenta", bold=True)}   # by direction
SEVERITY: Final = {
    "error": Style(bold=True, color="red"), "warn": Style(bold=True, color="yellow"),
    "note": Style(bold=True, color="cyan"), "chat": Style(dim=True),
}
BARS: Final = tuple(Style(color=name) for name in ("blue", "cyan", "magenta", "green", "yellow", "bright_blue"))

ELLIPSIS: Final = "…"
NEW_LINE: Final = Segment("\n")
MINIMUM: Final = 8   # cells: no column gets less, however narrow the terminal


def cells(text: str) -> int:
    """How many columns of the terminal `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


class Row:
    """One line. Whatever is added is escaped here, so nothing from a capture reaches the terminal raw."""

    __slots__ = ("parts", "used")

    def __init__(self) -> None:
        self.parts: list[Segment] = []
        self.used = 0

    def add(self, text: str, style: Style | None = None) -> Row:
        text = terminal_text(text)
        if text:
            self.parts.append(Segment(text, style))
            self.used += cells(text)
        return self

    def to(self, column: int) -> Row:
        """Spaces up to `column`, counted from 0; none where the row is longer already."""
        if column > self.used:
            self.parts.append(Segment(" " * (column - self.used)))
            self.used = column
        return self

    def trim(self) -> None:
        """Take spaces off the end."""
        while self.parts and not self.parts[-1].text.strip(" "):
            self.used -= len(self.parts.pop().text)

    def tab(self, column: int) -> Row:
        """Spaces up to `column`; one space where the row is there already."""
        return self.to(max(column, self.used + 1))

    def right(self, text: str, width: int, style: Style | None = None) -> Row:
        """Add `text` so that it ends at column `width`."""
        text = terminal_text(text)
        return self.to(width - cells(text)).add(text, style) if text else self

    def behind(self, lead: str, style: Style) -> Row:
        """A new row: `lead` in front of this one."""
        out = Row().add(lead if self.parts else lead.rstrip(" "), style)
        out.parts += self.parts
        out.used += self.used
        return out

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


def segments(rows: list[Row]) -> list[Segment]:
    """Rows as rich prints them."""
    out: list[Segment] = []
    for row in rows:
        out += row.parts
        out.append(NEW_LINE)
    return out


def cut(text: str, width: int) -> int:
    """How many characters of `text` fit into `width` columns, at least one."""
    if text.isascii():
        return max(width, 1)
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return max(index, 1)
    return len(text)


def fit(text: str, width: int) -> str:
    """`text` escaped, and shortened with `…` where it is wider than `width` columns."""
    text = terminal_text(text)
    if cells(text) <= width:
        return text
    piece = text[:cut(text, max(width - 1, 1))].rstrip()
    return piece + ELLIPSIS if cells(piece) < width else ELLIPSIS


def wrap(text: str, first: int, rest: int = 0) -> list[str]:
    """`text` escaped and broken at spaces into lines of at most `first` columns, then `rest` (0: like the first).

    A word wider than a line is broken where the line ends. Narrow no-break spaces inside numbers hold.
    """
    text = terminal_text(text)
    room = max(first, MINIMUM)
    rest = max(rest or first, MINIMUM)
    if cells(text) <= room:
        return [text]
    lines: list[str] = []
    line = ""
    used = 0
    for word in text.split(" "):
        width = cells(word)
        if line and used + 1 + width <= room:
            line += " " + word
            used += 1 + width
            continue
        if line:
            lines.append(line)
            room = rest
        piece = word
        while width > room:
            length = cut(piece, room)
            lines.append(piece[:length])
            piece = piece[length:]
            width -= cells(lines[-1])      # measuring the rest anew at each line would take quadratic time
            room = rest
        line, used = piece, width
    if line:
        lines.append(line)
    return lines


def paragraph(rows: list[Row], text: str, indent: int, width: int, style: Style | None = None) -> None:
    """Append `text` wrapped: the last row goes on from where it stands, further rows begin at `indent`.

    A row with hardly any room left is left as it is.
    """
    row = rows[-1]
    if row.used > indent and width - row.used < MINIMUM < cells(text):
        row.trim()
        row = Row()
        rows.append(row)
    for index, line in enumerate(wrap(text, width - max(row.used, indent), width - indent)):
        if index:
            row = Row()
            rows.append(row)
        row.to(indent).add(line, style)


def joined(rows: list[Row], pieces: list[str], between: str, indent: int, width: int, style: Style | None) -> None:
    """Append `pieces`, going to a new row at `indent` rather than breaking one that fits a row of its own.

    `between` stands between pieces, and before the first where the row says something already.
    """
    row = rows[-1]
    for piece in pieces:
        clean = terminal_text(piece)
        gap = between if row.used > indent else ""
        if gap and row.used + cells(gap) + cells(clean) > width:
            row = Row().to(indent)
            rows.append(row)
            gap = ""
        row.add(gap, DIM)
        if row.used + cells(clean) > width:
            paragraph(rows, clean, indent, width, style)
            row = rows[-1]
        else:
            row.add(clean, style)
