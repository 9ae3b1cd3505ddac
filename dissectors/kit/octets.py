"""Numbers in network byte order, at a place of which the caller knows that it is there."""
from __future__ import annotations

from librt.strings import read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i64


def be16(data: bytes, at: i64) -> i64:
    """Two octets, most significant first."""
    return i64(read_i16_be(data, at)) & 0xFFFF


def be24(data: bytes, at: i64) -> i64:
    """Three octets."""
    return i64(data[at]) << 16 | be16(data, at + 1)


def be32(data: bytes, at: i64) -> i64:
    """Four octets."""
    return i64(read_i32_be(data, at)) & 0xFFFFFFFF


def bits64(data: bytes, at: i64) -> i64:
    """Eight octets, to compare: a number with these bits, negative where the first is set."""
    return read_i64_be(data, at)
