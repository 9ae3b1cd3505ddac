"""Integers of a variable length, whose first two bits say how long they are (RFC 9000 §16)."""
from __future__ import annotations

from mypy_extensions import i64

from dissectors.kit.cursor import TooShort


def read_varint(data: bytes, at: i64) -> i64:
    """The integer at data[at]. Raises TooShort."""
    if at >= len(data):
        raise TooShort(int(at), "an integer is missing")
    value = i64(data[at])
    end = at + (1 << (value >> 6))
    if end > len(data):
        raise TooShort(int(at), f"an integer of {end - at} octets where {len(data) - at} are left")
    value &= 0x3F
    at += 1
    while at < end:
        value = value << 8 | i64(data[at])
        at += 1
    return value
