"""Parts of a field: octets of its value (`eth.src[0:3]`), and its headers of one layer (`ip.src#1`).

Both are written alike, as Wireshark has it (wireshark-filter(4), "The slice operator" and "The layer operator").
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from analyzer.filter.errors import FilterError
from analyzer.filter.sources import Source
from analyzer.filter.view import Value, View
from analyzer.filter.words import END, NAME, TEXT, Word

MAX_PARTS: Final = 64       # behind one field
_NUMBER: Final = r"-?[0-9]{1,9}"
_FORMS: Final = (
    re.compile(rf"(?P<first>{_NUMBER}):(?P<length>{_NUMBER})\Z"),
    re.compile(rf"(?P<first>{_NUMBER})-(?P<last>{_NUMBER})\Z"),
    re.compile(rf":(?P<length>{_NUMBER})\Z"),
    re.compile(rf"(?P<first>{_NUMBER})(?P<rest>:)?\Z"),
)


@dataclass(frozen=True)
class Part:
    """first: where it begins; below zero, counted from the end.   length: 0 for all of the rest.

    last: its last one instead of a length, where `by_last`; below zero likewise.
    """

    first: int
    length: int = 0
    last: int = 0
    by_last: bool = False

    def of(self, size: int, base: int = 0) -> tuple[int, int]:
        """Begin and end of it, from 0, in what has so many; it may lie outside.

        base: what the first one is called.
        """
        begin = self.first + size if self.first < 0 else self.first - base
        if self.by_last:
            return begin, (self.last + size if self.last < 0 else self.last - base) + 1
        return begin, begin + self.length if self.length else size


def parts_of(found: list[Word], opened: Word, text: str) -> tuple[Part, ...]:
    """What stands between brackets. found: the words from `opened` on, `[`. Raises FilterError."""
    said: list[list[str]] = [[]]
    for word in found[1:]:
        if word.kind in (END, TEXT):
            break
        if word.text == "]":
            if len(said) > MAX_PARTS:
                raise FilterError(f"more than {MAX_PARTS} parts of one field", text, opened.at)
            return tuple([_part(one, word, text) for one in said])
        if word.text == ",":
            said.append([])
        elif word.kind == NAME:
            said[-1].append(word.text)
        else:
            raise FilterError(f"`{word.text}` stands where a number or `]` was expected", text, word.at, word.length)
    raise FilterError("`[` is not closed", text, opened.at)


def length_of(found: list[Word]) -> int:
    """How many words it takes to the closing bracket, both brackets counted."""
    return next(index for index, word in enumerate(found) if word.text == "]") + 1


def _part(said: list[str], behind: Word, text: str) -> Part:
    whole = "".join(said)
    at = behind.at - len(whole) if whole else behind.at
    found = next((match for form in _FORMS if (match := form.match(whole))), None)
    if found is None or (len(said) > 1 and not any(":" in one for one in said)):
        reason = "a part is written [offset:length], [first-last], [offset] or [offset:]"
        raise FilterError(reason, text, max(at, 0), max(len(whole), 1))
    got = found.groupdict()
    first = int(got.get("first") or 0)
    if got.get("last"):
        last = int(got["last"])
        if (first < 0) == (last < 0) and last < first:
            raise FilterError("this part ends before it begins", text, at, len(whole))
        return Part(first, 0, last, True)
    if got.get("length"):
        length = int(got["length"])
        if length <= 0:
            raise FilterError("a part has a length of 1 or more", text, at, len(whole))
        return Part(first, length)
    return Part(first, 0 if got.get("rest") else 1)


class Sliced(Source):
    """Octets of each value; texts are taken as UTF-8. What a value has no room for is none of it."""

    def __init__(self, source: Source, parts: tuple[Part, ...]) -> None:
        self.source = source
        self.parts = parts

    def values(self, view: View) -> list[Value]:
        found: list[Value] = []
        for value in self.source.values(view):
            if isinstance(value, int):
                continue
            octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            bounds = [one.of(len(octets)) for one in self.parts]
            taken = b"".join([octets[begin:end] for begin, end in bounds if 0 <= begin < end <= len(octets)])
            if taken:
                found.append(taken)
        return found


class Layered(Source):
    """The values of some headers, counted from 1, the outermost.   each: values that one header has."""

    def __init__(self, source: Source, parts: tuple[Part, ...], each: int) -> None:
        self.source = source
        self.parts = parts
        self.each = each

    def values(self, view: View) -> list[Value]:
        values = self.source.values(view)
        each = self.each
        bounds = [one.of(len(values) // each, 1) for one in self.parts]
        return [
            value for at, value in enumerate(values) if any(begin <= at // each < end for begin, end in bounds)
        ]
