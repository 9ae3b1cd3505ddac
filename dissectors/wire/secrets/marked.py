"""Values that a dissector marked, found again wherever they stand and however they are written."""
from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from dissectors.kit.marks import MAX_MARKED_OCTETS
from dissectors.wire.secrets.forms import Spans

LEAST: Final = 4       # characters of a value that is looked for anywhere; a shorter one must stand alone
_SPACE: Final = re.compile(r"\s")
LEAST_PART: Final = 8  # characters of a part of it, where a text was cut


@lru_cache(maxsize=1_024)
def written(value: bytes) -> tuple[str, ...]:
    """The ways in which octets may stand in a text; octets of a frame are a text in Latin-1."""
    found: dict[str, None] = {}
    found[value.decode("latin-1")] = None
    found[value.decode("utf-8", "replace")] = None
    found[value.decode("utf-8", "backslashreplace")] = None
    if len(value) >= LEAST:
        found[b64encode(value).decode().rstrip("=")] = None
        found[urlsafe_b64encode(value).decode().rstrip("=")] = None
        found[value.hex()] = None
        found[value.hex(" ")] = None
        found[quote(value, safe="")] = None
        found[repr(value)[2:-1]] = None
    return tuple(found)


def marked_spans(text: str, values: dict[bytes, None], out: Spans) -> None:
    """Add where one of these values stands in the text, or where its beginning does at the end of the text."""
    for value in values:
        for form in written(value):
            if len(form) < LEAST:
                _alone(text, form, out)
                continue
            before = len(out)
            _anywhere(text, form, out)
            if len(value) >= MAX_MARKED_OCTETS:      # which may be the beginning of one that is not kept whole
                out[before:] = [(start, _word_end(text, end)) for start, end in out[before:]]


def _word_end(text: str, at: int) -> int:
    found = _SPACE.search(text, at)
    return found.start() if found is not None else len(text)


def _alone(text: str, form: str, out: Spans) -> None:
    at = text.find(form)
    while form and at >= 0:
        end = at + len(form)
        if not text[at - 1:at].isalnum() and not text[end:end + 1].isalnum():
            out.append((at, end))
        at = text.find(form, end)


def _anywhere(text: str, form: str, out: Spans) -> None:
    """Whole, or as far as a text goes that shows the beginning of something only."""
    if len(form) < 2 * LEAST_PART:
        at = text.find(form)
        while at >= 0:
            out.append((at, at + len(form)))
            at = text.find(form, at + len(form))
        return
    start = form[:LEAST_PART]
    at = text.find(start)
    while at >= 0:
        end = at + LEAST_PART
        most = min(at + len(form), len(text))
        while end < most and text[end] == form[end - at]:
            end += 1
        out.append((at, end))
        at = text.find(start, end)
