"""What is wrong with a filter, and where."""
from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

SHOWN: Final = 60      # characters of a long filter that are shown around the place


class FilterError(Exception):
    """A filter that cannot be used. at, length: of what is wrong, in characters from 0.

    As text: the reason, then the filter with a mark beneath the place.
    """

    def __init__(self, reason: str, text: str, at: int, length: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text
        self.at = at
        self.length = length

    def lines(self) -> list[str]:
        """The reason with its column, the filter, and the mark."""
        if not self.text.strip():
            return [f"the filter cannot be used: {self.reason}"]
        start = max(self.at - SHOWN, 0)
        piece = self.text[start:self.at + SHOWN]
        shown = "".join([one if one.isprintable() else " " for one in piece])
        mark = " " * (self.at - start) + "^" * max(min(self.length, len(piece) - (self.at - start)), 1)
        return [f"the filter is wrong at column {self.at + 1}: {self.reason}", f"  {shown}", f"  {mark}"]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean `tcp.port`?` where a name is near; else nothing."""
    near = get_close_matches(word.lower(), list(known), 3, 0.7)
    if not near:
        return ""
    return "; did you mean " + " or ".join([f"`{one}`" for one in near]) + "?"
