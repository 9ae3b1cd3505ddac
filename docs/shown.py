"""Puts real output into the pages that show some: python docs/shown.py

A block of code that begins with `$ wiretale …` is run and shows what it prints. A remark before it says which part:
`<!-- shown: THE WINDOW | path -->` is from the first line with the one to the first line after it with the other.
"""
from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = (
    DOCS / "how-to" / "filter.md", DOCS / "how-to" / "slow-transfer.md", DOCS / "explanation" / "sliding-window.md",
)
BLOCK = re.compile(r"(?:<!-- shown: (?P<part>[^\n]*) -->\n)?```\n\$ wiretale (?P<words>[^\n]*)\n.*?```\n", re.S)
WIDTH = "96"


@cache
def printed(words: str) -> list[str]:
    """What is printed; of a call that is refused, what is said."""
    command = shlex.split(words)
    wide = ["--width", WIDTH] if command[0] != "frames" else []
    call = [sys.executable, "-m", "analyzer.cli.main", *command, *wide]
    run = subprocess.run(call, capture_output=True, check=False)
    return (run.stdout or run.stderr).decode().splitlines()


def part_of(lines: list[str], part: str) -> list[str]:
    """The lines from one with the first words to one with the last; all where no part is named."""
    if not part:
        return lines
    first, _bar, last = (words.strip() for words in part.partition("|"))
    starts = [at for at, line in enumerate(lines) if first in line]
    ends = [at for at, line in enumerate(lines) if starts and at > starts[0] and last in line]
    if not ends:
        raise LookupError(f"nothing is printed from {first!r} to {last!r}")
    return lines[starts[0]:ends[0] + 1]


def current(block: re.Match[str]) -> str:
    part, words = block["part"] or "", block["words"]
    remark = f"<!-- shown: {part} -->\n" if part else ""
    shown = "\n".join(part_of(printed(words), part))
    return f"{remark}```\n$ wiretale {words}\n{shown}\n```\n"


def page(path: Path) -> str:
    """The page as it should stand."""
    return BLOCK.sub(current, path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path), encoding="utf-8")
