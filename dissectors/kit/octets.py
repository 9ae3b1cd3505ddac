"""Numbers in network byte order, at a place of which the caller knows that it is there."""
from __future__ import annotations

from mypy_extensions import i64


def be16(data: bytes, at: i64) -> i64:
    """Two octets, most significant first."""
    return i64(data[at]) << 8 | i64(data[at + 1])


def be24(data: bytes, at: i64) -> i64:
    """Three octets."""
    return i64(data[at]) << 16 | i64(data[at + 1]) << 8 | i64(data[at + 2])


def be32(data: bytes, at: i64) -> i64:
    """Four octets."""
    return i64(data[at]) << 24 | i64(data[at + 1]) << 16 | i64(data[at + 2]) << 8 | i64(data[at + 3])
