"""Moments and durations as people write them."""
from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from analyzer.ingest.part import ABSOLUTE, CLOCK, RELATIVE, Moment

SECOND: Final = 1_000_000_000
UNITS: Final = {"ms": 1_000_000, "s": SECOND, "m": 60 * SECOND, "min": 60 * SECOND, "h": 3600 * SECOND}
_LASTED: Final = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?\s*(ms|s|min|m|h)?\Z")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?\Z")
_RELATIVE: Final = re.compile(r"\+?(\d{1,9}(?:\.\d{1,9})?(?:ms|s|min|m|h)?)\Z")
_FRACTION: Final = re.compile(r"(T\d\d:\d\d:\d\d)\.(\d{1,9})")


def duration_of(text: str) -> int:
    """`30s`, `500ms`, `10m` in nanoseconds; without a unit, seconds. Raises ValueError with what may be written."""
    found = _LASTED.match(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no duration: a number, perhaps with one of {', '.join(UNITS)}.")
    unit = UNITS[found[3] or "s"]
    return int(found[1]) * unit + int((found[2] or "").ljust(9, "0")) * unit // SECOND


def moment_of(text: str) -> Moment:
    """`12.5` (seconds after the first frame), `14:05:30` (UTC), or a time of ISO 8601 with its zone.

    Raises ValueError with what may be written.
    """
    said = text.strip()
    if found := _RELATIVE.match(said.lower()):
        plain = found[1][-1].isdigit()
        return Moment(said + (" s" if plain else ""), RELATIVE, duration_of(found[1]))
    if clock := _CLOCK.match(said):
        seconds = int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3] or 0)
        return Moment(f"{said} UTC", CLOCK, seconds * SECOND + int((clock[4] or "").ljust(9, "0")))
    return Moment(said, ABSOLUTE, _absolute(said))


def _absolute(text: str) -> int:
    """A time of ISO 8601 with its zone, in nanoseconds since 1970."""
    fraction = _FRACTION.search(text)
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no time: seconds after the first frame (12.5), a time of the day in UTC (14:05:30), or a "
            "time with its zone (2026-11-30T14:05:30Z)."
        ) from error
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no zone: {text}Z is UTC, {text}+01:00 an hour ahead of it.")
    return int(found.timestamp()) * SECOND + int((fraction[2] if fraction else "").ljust(9, "0"))
