"""What of a text is secret. The text may be anything: a sentence of ours, a message, octets as Latin-1, cut anywhere.

What is secret beyond doubt is found, and what may be; a secret under an innocent name is not. All of it takes time in
proportion to the text, whatever the text is.
"""
from __future__ import annotations

from typing import Final

from dissectors.wire.secrets.decoded import HEX, decoded, hex_runs
from dissectors.wire.secrets.forms import Spans, form_spans
from dissectors.wire.secrets.named import REDACTED, STEM, element_spans, named_spans

LEAST: Final = 5      # characters of a text that can hold a name and a value
# One of them is in every text that holds a secret which can be found.
_SIGNS: Final = ("=", ":", "<", "@", "[", "eyJ", "%", "\\", "'")
_PREFIXES: Final = (
    "earer", "asic", "BASIC", "BEARER", "NTLM", "egotiate", "oken", "PLAIN", "XOAUTH", "OAUTHBEARER", "AKIA", "ASIA",
    "gh", "glpat", "xox", "sk", "AIza", "npm_", "pypi-", "SG.", "hf_", "dop_v1", "shpat", "ya29", "whsec", "ABIA",
    "ACCA", "-----BEGIN", "eyJ", "ApiKey", "apikey", "APIKEY", "DPoP", "pk_live", "rk_live", "v1.public", "v2.local",
)


def may_hold_secrets(text: str) -> bool:
    """A cheap look that most texts end with."""
    if len(text) < LEAST:
        return False
    for sign in _SIGNS:     # no generator in what every text passes
        if sign in text:
            return True
    for prefix in _PREFIXES:  # noqa: SIM110
        if prefix in text:
            return True
    return False


def secret_spans(text: str) -> Spans:
    """(start, end) of what is secret in it, in order and apart."""
    if not may_hold_secrets(text) and HEX.search(text) is None:
        return []
    found: Spans = []
    _look(text, found)
    for start, end, inside, step in hex_runs(text):
        for first, last in secret_spans(inside):
            found.append((start + step * first, min(start + step * last, end)))
    meant = decoded(text)
    if meant is not None:
        more: Spans = []
        _look(meant.text, more)
        for start, end in more:
            found.append((meant.places[start], meant.places[end]))
    return merged(found)


def _look(text: str, out: Spans) -> None:
    low = text.lower()
    if len(low) != len(text):     # a few letters outside ASCII become two in lower case
        low = "".join([one.lower() if len(one.lower()) == 1 else one for one in text])
    if STEM.search(low) is not None:
        named_spans(text, low, out)
        if "</" in text:
            element_spans(text, low, out)
    form_spans(text, low, out)


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


def without_secrets(text: str) -> str:
    """The text with everything replaced that is secret in it, or may be; the same object where nothing is."""
    spans = secret_spans(text)
    return replaced(text, spans) if spans else text
