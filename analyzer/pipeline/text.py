"""JSON text written into a buffer: in a line that is written for every frame, objects cost more than digits."""
from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

ZERO: Final[i64] = 48
MINUS: Final[u8] = 45
SMALLEST: Final[i64] = -(1 << 63)
MAX_KEPT: Final = 4_096           # short strings whose text is kept: names of fields, methods, hosts
MAX_LENGTH: Final = 64            # characters of such a string
_kept: Final[dict[str, bytes]] = {}


def put_number(out: BytesWriter, value: i64) -> None:
    """Decimal digits, as in JSON."""
    if value < 0:
        if value == SMALLEST:
            out.write(str(value).encode())
            return
        out.append(MINUS)
        value = -value
    size: i64 = 1
    rest = value // 10
    while rest:
        size += 1
        rest //= 10
    at: i64 = len(out) + size
    while size:
        out.append(MINUS)
        size -= 1
    while True:
        at -= 1
        rest = value // 10
        out[at] = u8(ZERO + value - rest * 10)
        if rest == 0:
            return
        value = rest


def quoted(text: str) -> bytes:
    """A JSON string in ASCII, with its quotation marks (RFC 8259 §7)."""
    found = _kept.get(text)
    if found is None:
        found = encode_basestring_ascii(text).encode()
        if len(text) <= MAX_LENGTH:
            if len(_kept) >= MAX_KEPT:
                _kept.clear()
            _kept[text] = found
    return found


def put_json(out: BytesWriter, value: object) -> None:
    """A record: numbers, strings, truth values, None; lists and dictionaries of them. TypeError for others."""
    if isinstance(value, str):
        out.write(quoted(value))
    elif isinstance(value, bool):
        out.write(b"true" if value else b"false")
    elif isinstance(value, int):
        out.write(str(value).encode())
    elif value is None:
        out.write(b"null")
    elif isinstance(value, dict):
        before = b"{"
        for key, item in value.items():
            out.write(before)
            out.write(quoted(key))
            out.write(b":")
            put_json(out, item)
            before = b","
        out.write(b"}" if value else b"{}")
    elif isinstance(value, list | tuple):
        before = b"["
        for item in value:
            out.write(before)
            put_json(out, item)
            before = b","
        out.write(b"]" if value else b"[]")
    elif isinstance(value, float):
        out.write(repr(value).encode())
    else:
        raise TypeError(f"not a value of JSON: {value!r}")
