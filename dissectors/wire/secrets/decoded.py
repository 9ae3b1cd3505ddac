"""Text with its escapes resolved, and where each character came from.

A name may be written `p%61ssword`, `p\\u0061ssword` or `&#112;assword`, and the whole of a query may be the value of
another one. Rules look at the text as it is and as it is meant.
"""
from __future__ import annotations

import re
from typing import Final

MAX_ROUNDS: Final = 8     # escapes within escapes; a text that has more is hidden

_ESCAPE: Final = re.compile(
    r"%([0-9A-Fa-f]{2})|\\u00([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|&#[xX]0{0,4}([0-9A-Fa-f]{2});|&#0{0,4}([0-9]{2,3});"
    r"|(\\/)|&(quot|amp|apos|lt|gt);"
)
_PRINTABLE: Final = bytes(range(32, 127))
_NAMED: Final = {"quot": '"', "amp": "&", "apos": "'", "lt": "<", "gt": ">"}


# Octets spelled out, at least as many as a name and a value take.
HEX: Final = re.compile(r"[0-9a-fA-F][0-9a-fA-F](?:(?: [0-9a-fA-F]{2}){10,}|[0-9a-fA-F]{18,})")


def hex_runs(text: str) -> list[tuple[int, int, str, int]]:
    """(start, end, octets as Latin-1, characters an octet) of octets that are spelled out and are nearly all text."""
    found: list[tuple[int, int, str, int]] = []
    for match in HEX.finditer(text):
        digits = match.group()
        step = 3 if digits[2:3] == " " else 2
        octets = bytes.fromhex(digits if step == 3 else digits[:len(digits) & ~1])
        if len(octets.translate(None, _PRINTABLE)) * 5 <= len(octets):
            found.append((match.start(), match.end(), octets.decode("latin-1"), step))
    return found


class Decoded:
    """text: with escapes resolved.    places: where each of its characters began in the original, and the end.    more:
    it has escapes that were not resolved."""

    def __init__(self, text: str, places: list[int]) -> None:
        self.text = text
        self.places = places
        self.more = False


def decoded(text: str) -> Decoded | None:
    """The text as it is meant; None where it says what it says."""
    if "%" not in text and "\\" not in text and "&" not in text:
        return None
    found: Decoded | None = None
    current = text
    for _round in range(MAX_ROUNDS):
        once = _once(current)
        if once is None:
            break
        if found is not None:
            once.places = [found.places[place] for place in once.places]
        found = once
        current = once.text
    else:
        if found is not None:
            found.more = _once(current) is not None
    return found


def _once(text: str) -> Decoded | None:
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        character = _meant(match)
        if not character:
            continue
        start = match.start()
        pieces.append(text[at:start])
        places.extend(range(at, start + 1))
        pieces.append(character)
        at = match.end()
    if not pieces:
        return None
    pieces.append(text[at:])
    places.extend(range(at, len(text) + 1))
    return Decoded("".join(pieces), places)


def _meant(match: re.Match[str]) -> str:
    """One printable character of ASCII, a tab or the end of a line; "" for anything else, which stays as it is."""
    octet, short, hexed, entity, decimal, slash, named = match.groups()
    if slash:
        return "/"
    if named:
        return _NAMED[named]
    code = int(decimal) if decimal else int(octet or short or hexed or entity, 16)
    return chr(code) if 32 <= code < 127 or code in (9, 10, 13) else ""
