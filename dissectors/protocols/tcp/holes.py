"""A hole in what was seen of a direction, and how two timestamps or two waits compare."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.tcp.flow import HALF, MASK

# RFC 6298 §5.5 doubles the timer; a wait of so many tenths of the one before counts as doubled.
DOUBLED_LEAST: Final = 16
DOUBLED_MOST: Final = 26


class Hole:
    """Bytes [start, end) that were jumped over. ts: timestamp of the segment that jumped, or -1.    after: how many
    segments of the direction came before that one."""

    def __init__(self, start: i64, end: i64, time: i64, ts: i64, after: i64) -> None:
        self.start: i64 = start
        self.end: i64 = end
        self.time: i64 = time
        self.ts: i64 = ts
        self.after: i64 = after
        self.acked: bool = False


def before(a: i64, b: i64) -> bool:
    """Timestamp a is older than b, modulo 2**32 (RFC 7323 §5.2)."""
    d = (b - a) & MASK
    return d != 0 and d < HALF


def doubled(earlier: int, wait: int) -> bool:
    """The wait is about twice the earlier one (RFC 6298 §5.5)."""
    return DOUBLED_LEAST * earlier <= 10 * wait <= DOUBLED_MOST * earlier
