"""Writes docs/reference/limits.md from the constants in the code: python docs/limits.py"""
from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "limits.md"
NAME = re.compile(r"^(MAX_\w+|CAPACITY|RECORD_CAP|FULL_FRAMES|DEFAULT_LIMIT|LARGEST_FRAME|SPOOL_MEMORY|MAX_POINTS)$")
HEAD = """# Limits

Everything that a capture or a peer controls has a cap, so that no capture can exhaust memory or time. Reaching one is
said: as an event, in the summary, or beside what was shortened. This page is made from the constants in the code by
`python docs/limits.py`; the last column is the remark that stands beside each.

A capture file is read with these caps in less than 150 MiB of memory, whatever it holds and however well it is
compressed; a zstd window beyond 64 MiB, which only `zstd --long` and `--ultra` ask for, comes on top of that. What is
beyond a cap is counted and named among what was not decoded.

| where | cap | value | what it bounds |
|---|---|---|---|
"""


def remark(lines: list[str], number: int) -> str:
    """The comment on the constant's line, or the lines of comment right above it."""
    _code, mark, beside = lines[number - 1].partition("  # ")
    if mark:
        return beside.strip()
    above: list[str] = []
    at = number - 2
    while at >= 0 and lines[at].startswith("#"):
        above.insert(0, lines[at].lstrip("# ").strip())
        at -= 1
    return " ".join(above)


def rows() -> list[str]:
    found: list[str] = []
    for path in sorted([*(ROOT / "dissectors").rglob("*.py"), *(ROOT / "analyzer").rglob("*.py")]):
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None \
                    and NAME.match(node.target.id):
                value = ast.unparse(node.value)
                what = remark(lines, node.lineno).replace("|", "\\|")
                found.append(f"| `{path.relative_to(ROOT).as_posix()}` | `{node.target.id}` | `{value}` | {what} |")
    return found


def page() -> str:
    return HEAD + "\n".join(rows()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
