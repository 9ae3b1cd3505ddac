"""Numbers over time as a row of blocks."""
from __future__ import annotations

from typing import Final

BLOCKS: Final = "▁▂▃▄▅▆▇"


def spread(times_ns: list[int], values: list[int], start_ns: int, end_ns: int, width: int) -> list[int]:
    """The largest value in each of `width` equal stretches of time; a stretch without one keeps the last value."""
    span = max(end_ns - start_ns, 1)
    out = [-1] * width
    for time, value in zip(times_ns, values, strict=True):
        place = min(max((time - start_ns) * width // span, 0), width - 1)
        out[place] = max(out[place], value)
    held = 0
    for place, value in enumerate(out):
        held = held if value < 0 else value
        out[place] = held
    return out


def sparkline(numbers: list[int], top: int) -> str:
    """One block a number, the lowest for zero, the highest for `top`."""
    if top <= 0:
        return BLOCKS[0] * len(numbers)
    highest = len(BLOCKS) - 1
    return "".join(BLOCKS[min((number * highest + top - 1) // top, highest)] for number in numbers)
