"""What of a text is secret. The text may be anything: a sentence of ours, a message, octets as Latin-1, cut anywhere.

What is secret beyond doubt is found, and what may be; a secret under an innocent name is not. All of it takes time in
proportion to the text, whatever the text is.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.marks import CLOSING, OPENING, Marks
from dissectors.wire.secrets.decoded import decoded, hex_runs
from dissectors.wire.secrets.forms import Spans, form_spans, holds
from dissectors.wire.secrets.marked import marked_spans
from dissectors.wire.secrets.named import REDACTED, element_spans, named_spans
from dissectors.wire.secrets.placed import base64_runs, placed_spans

LEAST: Final = 5      # characters of a text that can hold a name and a value
# One of these stands between every name and its value.
_BETWEEN: Final = ("=", ":", "<", "'", '"', " ")
_HEX: Final = ("3d", "3a", "3c", "65794a")     # of these, and of a web token, as octets that are spelled out
LEAST_HEX: Final = 20


def _lower(text: str) -> str:
    """In lower case, of the same length: a few letters outside ASCII would become two."""
    low = text.lower()
    return low if len(low) == len(text) else "".join([one.lower() if len(one.lower()) == 1 else one for one in text])


def secret_spans(text: str) -> Spans:
    """(start, end) of what is secret in it, in order and apart."""
    if len(text) < LEAST:
        return []
    found: Spans = []
    low = _lower(text)
    _look(text, low, found)
    if len(text) >= LEAST_HEX and holds(low, _HEX):
        for start, end, inside, step in hex_runs(text):
            for first, last in secret_spans(inside):
                found.append((start + step * first, min(start + step * last, end)))
    for start, end, inside in base64_runs(text):
        if secret_spans(inside):
            found.append((start, end))
    if "%" in text or "\\" in text or "&" in text:
        meant = decoded(text)
        if meant is not None:
            more: Spans = []
            _look(meant.text, _lower(meant.text), more)
            if meant.more:
                return [(0, len(text))]
            for start, end in more:
                found.append((meant.places[start], meant.places[end]))
    return merged(found)


def _look(text: str, low: str, out: Spans) -> None:
    if holds(text, _BETWEEN):
        named_spans(text, low, out)
        if "</" in text:
            element_spans(text, low, out)
    form_spans(text, low, out)
    placed_spans(text, low, out)


def merged(spans: Spans) -> Spans:
    """In order, with those joined that touch or overlap."""
    if len(spans) < 2:
        return spans
    spans.sort()
    out: Spans = []
    last_start, last_end = spans[0]
    for start, end in spans[1:]:
        if start <= last_end:
            last_end = max(last_end, end)
        else:
            out.append((last_start, last_end))
            last_start, last_end = start, end
    out.append((last_start, last_end))
    return out


def replaced(text: str, spans: Spans) -> str:
    """The text with what stands at the spans replaced."""
    if not spans:
        return text
    pieces: list[str] = []
    at = 0
    for start, end in spans:
        if text[start:end] == REDACTED:
            continue
        pieces.append(text[at:start])
        pieces.append(f'"{REDACTED}"' if _is_member(text, start) else REDACTED)
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


def _is_member(text: str, start: int) -> bool:
    """A list, an object or a number that is the value of a member in JSON; a text takes its place."""
    if text[start:start + 1] not in "[{-0123456789":
        return False
    at = start
    while at > 0 and text[at - 1] in " \t\r\n" and start - at < 16:
        at -= 1
    return text[max(at - 2, 0):at] == '":' and text[max(at - 3, 0):at - 2] != "\\"


_SHOWN: Final[dict[str, str]] = {}
MAX_SHOWN: Final = 8_192       # texts whose judgement is remembered: the same ones come in every report
MAX_SHOWN_TEXT: Final = 500    # characters of one of them


def without_secrets(text: str) -> str:
    """The text with everything replaced that is secret in it, or may be; the same object where nothing is."""
    known = _SHOWN.get(text)
    if known is not None:
        return text if known == text else known
    spans = secret_spans(text)
    shown = replaced(text, spans) if spans else text
    if len(text) <= MAX_SHOWN_TEXT:
        if len(_SHOWN) >= MAX_SHOWN:
            _SHOWN.clear()
        _SHOWN[text] = shown
    return shown


def shown_text(text: str, marks: Marks) -> str:
    """A text that may hold something of a capture, as it may be shown; the same object where nothing is hidden."""
    if marks.show:
        if OPENING in text or CLOSING in text:
            return text.replace(OPENING, "").replace(CLOSING, "")
        return text
    if OPENING in text or CLOSING in text:
        text = _unquoted(text)
    text = without_secrets(text)
    if marks.values and text:
        found: Spans = []
        marked_spans(text, marks.values, found)
        if found:
            text = replaced(text, merged(found))
    return text


def _unquoted(text: str) -> str:
    """Without what stands between the signs of a quotation, or behind one that is cut."""
    out: list[str] = []
    for index, piece in enumerate(text.split(OPENING)):
        if index == 0:
            out.append(piece.replace(CLOSING, ""))
            continue
        inside, _closing, after = piece.partition(CLOSING)
        out.append(f"{REDACTED if inside else ''}{after.replace(CLOSING, '')}")
    return "".join(out)
