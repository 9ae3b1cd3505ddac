"""Where rows go: a terminal, a file, a pager."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import Final

import click
from rich.console import Console
from rich.segment import Segments

from analyzer.cli.common import ALWAYS, AUTO, NARROWEST
from analyzer.report.rows import Row, segments

PLAIN_WIDTH: Final = 80      # where the output is no terminal and COLUMNS says nothing


class Output(Console):
    """Rich's console, which leaves it to us what a reader that went away means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Prints blocks of rows.

    width: columns, None to ask the terminal.     pager: show what is longer than the screen in a pager.
    """

    def __init__(self, width: int | None = None, color: str = AUTO, pager: bool = False) -> None:
        self.terminal = sys.stdout.isatty()
        self.width = width or _columns(self.terminal)
        self.colored = _colored(color, self.terminal)
        self.pager = pager and self.terminal
        self.console = Output(
            file=sys.stdout, width=self.width, force_terminal=self.colored, highlight=False, markup=False, emoji=False,
            color_system="standard" if self.colored else None,
        )

    def show(self, blocks: Iterator[list[Row]]) -> None:
        """Print blocks as they come."""
        if self.pager:
            self._page(blocks)
            return
        for rows in blocks:
            self._print(rows)

    def printed(self, rows: list[Row]) -> bytes:
        """Rows as they would be printed."""
        with self.console.capture() as captured:
            self._print(rows)
        return captured.get().encode(errors="surrogateescape")

    def put(self, pieces: Iterator[bytes]) -> None:
        """Print what `printed()` gave."""
        if self.pager:
            click.echo_via_pager((piece.decode(errors="replace") for piece in pieces), color=self.colored)
            return
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()

    def _print(self, rows: list[Row]) -> None:
        self.console.print(Segments(segments(rows)), end="", soft_wrap=True)

    def _page(self, blocks: Iterator[list[Row]]) -> None:
        """Gather until a screen is full; only then is a pager started."""
        height = shutil.get_terminal_size().lines
        first: list[Row] = []
        for rows in blocks:
            first += rows
            if len(first) >= height:
                click.echo_via_pager(self._texts(first, blocks), color=self.colored)
                return
        self._print(first)

    def _texts(self, first: list[Row], rest: Iterator[list[Row]]) -> Iterator[str]:
        for rows in _with(first, rest):
            with self.console.capture() as captured:
                self._print(rows)
            yield captured.get()


def _with(first: list[Row], rest: Iterator[list[Row]]) -> Iterator[list[Row]]:
    yield first
    yield from rest


def _columns(terminal: bool) -> int:
    if terminal:
        return max(shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns, NARROWEST)
    asked = os.environ.get("COLUMNS", "")
    return max(int(asked), NARROWEST) if asked.isdecimal() and int(asked) else PLAIN_WIDTH


def _colored(color: str, terminal: bool) -> bool:
    """NO_COLOR: https://no-color.org; TERM=dumb is a terminal that knows no escapes."""
    if color != AUTO:
        return color == ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return terminal or bool(os.environ.get("FORCE_COLOR"))
