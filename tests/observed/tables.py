"""The tables beside this file: tab-separated rows, `#` before what is no row."""
from __future__ import annotations

from pathlib import Path

from claims import FAULT, Wrong

EXCEPTIONS = Path(__file__).with_name("exceptions.tsv")
OPEN = Path(__file__).with_name("open.tsv")
OPEN_CORPUS = Path(__file__).with_name("open_corpus.tsv")


def rows(path: Path) -> list[tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


class Settled:
    """What a table of open claims knows, and what turns out to be so.

    writing: take what turns out as what is known, and write it in the end. A fault of ours is never known.
    """

    def __init__(self, path: Path, writing: bool) -> None:
        self.path = path
        self.writing = writing
        self.excepted = {row[:3] for row in rows(EXCEPTIONS)}
        self.known = set(rows(path))
        self.found: dict[tuple[str, str], set[str]] = {}

    def differ(self, name: str, way: str, wrong: list[Wrong]) -> list[str]:
        """What a capture, observed in this way, claims against the tables, in words."""
        texts = {each.code: each.text for each in reversed(wrong)}
        excepted = {code for one, its_way, code in self.excepted if (one, its_way) == (name, way)}
        known = {code for one, its_way, code in self.known if (one, its_way) == (name, way)}
        new = {code for code in texts if code not in excepted}
        if self.writing:
            self.found[name, way] = new - {FAULT}
            known = new - {FAULT}
        return [
            *(f"{name} {way}: false: {texts[code]}" for code in sorted(new - known)),
            *(f"{name} {way} {code}: holds now: take it out of {self.path.name}" for code in sorted(known - new)),
            *(
                f"{name} {way} {code}: is not claimed: take it out of {EXCEPTIONS.name}"
                for code in sorted(excepted - texts.keys())
            ),
        ]

    def write(self) -> None:
        """Replace the rows of what was examined; the others and the head of the table stay."""
        if not self.writing:
            return
        kept = {row for row in self.known if row[:2] not in self.found}
        kept |= {(*key, code) for key, codes in self.found.items() for code in codes}
        head = [line for line in self.path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        self.path.write_text("\n".join([*head, *("\t".join(row) for row in sorted(kept))]) + "\n", encoding="utf-8")
