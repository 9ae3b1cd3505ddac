"""The tables beside this file: tab-separated rows, `#` before what is no row."""
from __future__ import annotations

from pathlib import Path

EXCEPTIONS = Path(__file__).with_name("exceptions.tsv")
OPEN = Path(__file__).with_name("open.tsv")


def rows(path: Path) -> list[tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


def write_rows(path: Path, found: list[tuple[str, ...]]) -> None:
    """The head of the table stays."""
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    path.write_text("\n".join([*head, *("\t".join(row) for row in sorted(found))]) + "\n", encoding="utf-8")
