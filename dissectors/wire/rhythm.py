"""Times between like things, and whether they make a rhythm. Bounded memory."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MAX_SAMPLES: Final = 256         # intervals that are kept for a median; later ones are counted
REGULAR: Final = 4               # equal intervals that make a rhythm
TOLERANCE: Final = 4             # an interval may differ from the median by a quarter of it


class Intervals:
    """Times between like things."""

    def __init__(self) -> None:
        self.count: i64 = 0
        self.last: int = -1
        self.samples: list[int] = []

    def add(self, time: int) -> None:
        if self.count and len(self.samples) < MAX_SAMPLES:
            self.samples.append(time - self.last)
        self.count += 1
        self.last = time

    def regular(self) -> int:
        """The interval where it is steady, else -1. At least REGULAR of them, most near the median."""
        samples = self.samples
        if len(samples) < REGULAR:
            return -1
        middle = median(samples)
        near = sum(abs(sample - middle) * TOLERANCE <= middle for sample in samples)
        return middle if middle > 0 and near * 5 >= len(samples) * 4 else -1


def median(samples: list[int]) -> int:
    """The middle one; -1 of none."""
    if not samples:
        return -1
    ordered = sorted(samples)
    return ordered[len(ordered) // 2]
