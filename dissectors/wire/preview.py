"""What a payload holds, as a reader wants to see it: text, JSON, or the first bytes."""
from __future__ import annotations

import json
from typing import Final, cast

from dissectors.kit.event import JsonValue

MAX_KEPT: Final = 4_096        # octets of one message that are kept to be shown
MAX_SHORT: Final = 120         # characters of it in a sentence
MAX_HEX: Final = 24            # octets of binary data in a sentence
MAX_NESTED: Final = 200        # brackets in a text that is read as JSON


def hex_preview(octets: bytes, size: int) -> str:
    """`16 03 01 02 …`."""
    shown = octets[:MAX_HEX].hex(" ")
    return f"{shown} …" if size > MAX_HEX else shown


def text_of(octets: bytes, whole: bool) -> str:
    """The beginning of a text; a character that the cut goes through is left out."""
    if whole:
        return octets.decode("utf-8", "replace")
    for short in range(4):
        try:
            return octets[:max(len(octets) - short, 0)].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return octets.decode("utf-8", "replace")


def shortened(text: str) -> str:
    """One line of at most MAX_SHORT characters."""
    line = " ".join(text[:MAX_SHORT * 4].split())
    return line if len(line) <= MAX_SHORT else line[:MAX_SHORT - 1].rstrip() + "…"


def json_value(text: str) -> JsonValue:
    """The value that the text is in JSON (an object or an array), None where it is none that can be shown as such."""
    if not text or text.lstrip()[:1] not in ("{", "["):
        return None
    if text.count("[") + text.count("{") > MAX_NESTED:
        return None
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode("utf-8")    # a lone surrogate is no character
    except (ValueError, UnicodeEncodeError):
        return None
    return cast(JsonValue, value)


def _refuse(word: str) -> JsonValue:
    """NaN and Infinity are no JSON (RFC 8259 §6)."""
    raise ValueError(word)


def _finite(digits: str) -> float:
    value = float(digits)
    if value - value != 0:
        raise ValueError(digits)
    return value
