"""Worked examples at the end of a help text."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 76       # columns of an example
WIDEST: Final = 46      # ... of a command beside which its meaning has room
INDENT: Final = 8       # ... before a meaning that stands below

Example = tuple[str, str]


def examples(pairs: Sequence[Example]) -> str:
    """As the epilog of a command, laid out as it stands (which is what \\b asks click for)."""
    column = max([len(command) for command, _meaning in pairs if len(command) <= WIDEST], default=0)
    lines = []
    for command, meaning in pairs:
        if len(command) <= column and column + 2 + len(meaning) <= WIDTH:
            lines.append(f"  {command.ljust(column)}  {meaning}")
        else:
            lines += [f"  {command}", f"  {' ' * INDENT}{meaning}"]
    return "\b\nExamples:\n" + "\n".join(lines)
