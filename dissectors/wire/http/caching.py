"""What a head says of keeping a response and using it again (RFC 9111)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.units import duration
from dissectors.wire.http.message import Head, as_text, number_of

SECOND_NS: Final = 1_000_000_000
MAX_SECONDS: Final = 1 << 31       # RFC 9111 §1.2.2: a larger one counts as this
MAX_DIRECTIVES: Final = 64

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def directives(value: str) -> dict[str, str]:
    """Cache-Control taken apart, names in lower case (RFC 9111 §5.2)."""
    found: dict[str, str] = {}
    for part in value.split(",")[:MAX_DIRECTIVES]:
        name, _equals, given = part.strip().partition("=")
        if name:
            found[name.lower()] = given.strip().strip('"')
    return found


def seconds_of(text: str) -> int:
    """A delta of seconds, -1 for none (RFC 9111 §1.2.2)."""
    number = number_of(text.strip().encode("latin-1", "replace"))
    return min(number, MAX_SECONDS) if number >= 0 else -1


def date_of(text: str) -> int:
    """An HTTP date as seconds since 1970, -1 where it is none (RFC 9110 §5.6.7, in its preferred form)."""
    words = text.replace("-", " ").split()
    if len(words) < 5 or words[0][:3].lower() not in _DAYS:
        return -1
    month = words[2][:3].lower()
    clock = words[4].split(":")
    if month not in _MONTHS or len(clock) != 3:
        return -1
    numbers = [number_of(word.encode("latin-1", "replace")) for word in (words[1], words[3], *clock)]
    day, year, hour, minute, second = numbers
    if min(numbers) < 0 or not (1 <= day <= 31 and 1970 <= year < 10_000 and hour < 24 and minute < 60 and second < 61):
        return -1
    return ((_days(year, _MONTHS.index(month) + 1, day) * 24 + hour) * 60 + minute) * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the Gregorian calendar."""
    year -= month <= 2
    cycle = year // 400
    in_cycle = year - cycle * 400
    in_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return cycle * 146_097 + in_cycle * 365 + in_cycle // 4 - in_cycle // 100 + in_year - 719_468


class Freshness:
    """How long a response may be used again. seconds: -1 where it says nothing, 0 where it must be asked for again.

    stored: it may be kept.   shared: by a cache that many share.   source: the field and directive that say so.
    """

    def __init__(self, stored: bool, shared: bool, seconds: int, source: str) -> None:
        self.stored = stored
        self.shared = shared
        self.seconds = seconds
        self.source = source


def freshness(head: Head) -> Freshness:
    """RFC 9111 §4.2.1, for a cache of one user: s-maxage is left to shared ones."""
    if not (head.has(b"cache-control") or head.has(b"expires") or head.has(b"pragma")):
        return Freshness(True, True, -1, "")
    found = directives(head.text(b"cache-control"))
    shared = "private" not in found
    if "no-store" in found:
        return Freshness(False, False, 0, "no-store")
    if "no-cache" in found:
        return Freshness(True, shared, 0, "no-cache")
    if "max-age" in found:
        seconds = seconds_of(found["max-age"])
        return Freshness(True, shared, max(seconds, 0), "max-age")
    if head.has(b"expires"):
        until = date_of(as_text(head.get(b"expires")))
        since = date_of(as_text(head.get(b"date")))
        if until < 0:      # RFC 9111 §5.3: an invalid date, `0` above all, is one in the past
            return Freshness(True, shared, 0, "Expires")
        return Freshness(True, shared, max(until - since, 0) if since >= 0 else -1, "Expires")
    if not found and "no-cache" in head.text(b"pragma").lower():
        return Freshness(True, shared, 0, "Pragma")
    return Freshness(True, shared, -1, "")


def caching_sentences(head: Head) -> list[str]:
    """What the response says of being kept."""
    fresh = freshness(head)
    out: list[str] = []
    if not fresh.stored:
        out.append("No cache may keep it (no-store).")
    elif fresh.seconds == 0 and fresh.source:
        out.append(f"A cache has to ask again before every use ({fresh.source}).")
    elif fresh.seconds > 0:
        who = "Any cache" if fresh.shared else "The browser's own cache, and no shared one,"
        out.append(f"{who} may use it for {duration(fresh.seconds * SECOND_NS)} without asking ({fresh.source}).")
    age = seconds_of(head.text(b"age"))
    if age > 0:
        out.append(f"It comes out of a cache, where it has been for {duration(age * SECOND_NS)} (Age).")
    vary = head.text(b"vary")
    if vary and fresh.stored:
        out.append(
            "It depends on more than the request's fields, so no cache can use it again (Vary: *)." if "*" in vary
            else f"A cache may use it only for requests with the same {vary[:120]} (Vary)."
        )
    validators = [name for name, key in (("ETag", b"etag"), ("Last-Modified", b"last-modified")) if head.has(key)]
    if validators and fresh.stored:
        out.append(f"It can be asked for again on condition that it changed ({' and '.join(validators)}).")
    return out


def condition_of(head: Head) -> str:
    """The condition of a request, in words; "" for none (RFC 9110 §13.1)."""
    if head.has(b"if-none-match"):
        return f"unless it is still {head.text(b'if-none-match')[:80]} (If-None-Match)"
    if head.has(b"if-modified-since"):
        return f"only if it changed since {head.text(b'if-modified-since')[:40]} (If-Modified-Since)"
    if head.has(b"if-match"):
        return f"only if it is still {head.text(b'if-match')[:80]} (If-Match)"
    if head.has(b"if-unmodified-since"):
        return f"only if it did not change since {head.text(b'if-unmodified-since')[:40]} (If-Unmodified-Since)"
    return ""
