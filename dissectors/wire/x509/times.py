"""Times of certificates: integer nanoseconds since 1970, UTC."""
from __future__ import annotations

import datetime
from typing import Final

UNKNOWN: Final = -(1 << 62)       # no time could be read; before any year that a certificate can name
EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def nanoseconds(moment: datetime.datetime | None) -> int:
    """Of a moment with its time zone, in whole microseconds; UNKNOWN for None."""
    if moment is None:
        return UNKNOWN
    since = moment - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def date(time_ns: int) -> str:
    """`2026-03-01 12:00:00 UTC`, to the second; `an unknown time`, and so beyond the year 9999."""
    try:
        moment = EPOCH + datetime.timedelta(seconds=time_ns // 1_000_000_000)
    except OverflowError:
        return "an unknown time"
    return moment.replace(tzinfo=None).isoformat(" ") + " UTC"


def day(time_ns: int) -> str:
    """`2026-03-01`; `an unknown time`."""
    text = date(time_ns)
    return text.partition(" ")[0] if text[-3:] == "UTC" else text
