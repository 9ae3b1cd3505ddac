"""Numbers as a person reads them. Used by `Event.what()`; data always carries raw integers."""
from __future__ import annotations

from typing import Final

# So much of a unit is told in the next one: rounded to three digits it would be 1000 of it.
FULL: Final = 999.5


def duration(ns: int) -> str:
    """Nanoseconds as `850 ns`, `12.3 µs`, `24.1 ms`, `1.84 s`, `3 min 20 s`, `2 h 5 min`."""
    if ns < 0:
        return "-" + duration(-ns)
    if ns < 1_000:
        return f"{ns} ns"
    if ns < FULL * 1_000:
        return f"{_three(ns / 1_000)} µs"
    if ns < FULL * 1_000_000:
        return f"{_three(ns / 1_000_000)} ms"
    if ns < 119_500_000_000:
        return f"{_three(ns / 1_000_000_000)} s"
    seconds = max(ns // 1_000_000_000, 120)
    if seconds < 7_200:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 172_800:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds // 86_400} days {seconds % 86_400 // 3_600} h"


def span(ns: int) -> str:
    """A duration for a sentence: what two frames with the same time have between them is not nothing, but not known."""
    return duration(ns) if ns else "no measurable time"


def size(octets: int) -> str:
    """Bytes with decimal prefixes, as links are rated: `517 bytes`, `1.25 MB`."""
    if octets < 10_000:
        return f"{octets} byte" if octets == 1 else f"{grouped(octets)} bytes"
    for divisor, unit in ((1_000, "kB"), (1_000_000, "MB"), (1_000_000_000, "GB")):
        if octets < FULL * divisor:
            return f"{_three(octets / divisor)} {unit}"
    return f"{_three(octets / 1_000_000_000_000)} TB"


def grouped(number: int) -> str:
    """12480 as `12 480`, with a narrow no-break space only from five digits on."""
    return f"{number:,}".replace(",", "\u202f") if abs(number) >= 10_000 else str(number)


def plural(number: int, one: str, many: str = "") -> str:
    """`1 frame`, `3 frames`."""
    return f"{grouped(number)} {one if number == 1 else many or one + 's'}"


def rate(bits_per_second: float) -> str:
    """`9.87 Mbit/s`."""
    for divisor, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bits_per_second >= divisor * FULL / 1_000:
            return f"{_three(bits_per_second / divisor)} {unit}"
    return f"{bits_per_second:.0f} bit/s"


def median(numbers: list[int]) -> float:
    """The middle one, or halfway between the two in the middle; of one at least. To import `statistics` for it would
    lengthen each start."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _three(value: float) -> str:
    """Three significant digits without an exponent."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
