"""Slow start that ends before anything is lost, because round trips grow: HyStart, as an inference.

RFC 9406 §4.2: a sender keeps the shortest round trip of each round, and leaves slow start where one is longer than that
of the round before by an eighth, but by 4 ms at least and by 16 ms at most. CUBIC in Linux compares with the shortest
of all by the same numbers (net/ipv4/tcp_cubic.c, hystart_update).

What looks alike: a threshold that the sender remembered from an earlier connection, a receiver's window or a program
that holds the sender back. In none of these do round trips grow just then.
"""
from __future__ import annotations

from typing import Final

LEAST_RISE_NS: Final = 4_000_000
MOST_RISE_NS: Final = 16_000_000
PART: Final = 8
AFTER: Final = 3            # rounds of slower growth that have to follow


def rise_wanted(least_ns: int) -> int:
    """By how much a round trip has to be longer than this one, in nanoseconds."""
    return min(max(least_ns // PART, LEAST_RISE_NS), MOST_RISE_NS)


def early_exit(rounds: list[tuple[int, int]], fast_to: int) -> tuple[int, int]:
    """(shortest round trip before, that of the round in which the growth ended), in ns; (-1, -1) where it does not look
    so.

    rounds: (octets outstanding, shortest round trip or -1) of each round of a first climb, none of them with a loss.
    fast_to: up to what it grew fast.
    """
    at = next((index for index, (octets, _trip) in enumerate(rounds) if octets == fast_to), -1)
    before = [trip for _octets, trip in rounds[:max(at, 1)] if trip >= 0]
    if at < 0 or len(rounds) - at <= AFTER or not before or rounds[-1][0] <= fast_to:
        return -1, -1
    least = min(before)
    then = max([trip for _octets, trip in rounds[at:at + 2]])
    return (least, then) if then - least >= rise_wanted(least) else (-1, -1)
