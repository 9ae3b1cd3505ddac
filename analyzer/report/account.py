"""The account of the time as every report shows it: which conversation first, what it adds up to, in which colours."""
from __future__ import annotations

from typing import Final

from analyzer.model import SEVERITIES, Analysis, Told
from analyzer.report.words import BRIEF
from dissectors.kit.account import CAUSES, Booking, Books, Cause
from dissectors.kit.event import JsonValue

# One colour for each cause, the same in every report, readable on dark and on light.
COLOURS: Final[dict[str, str]] = {
    "lookup": "#2aa5b8", "connecting": "#4c78c8", "connecting_retry": "#c4507b", "securing_network": "#6f8fd8",
    "securing_client": "#8f7fd0", "securing_server": "#a66fc4", "client": "#54a24b", "request": "#6fb0d8",
    "server": "#e0913b", "data_application": "#9c9f3d", "data_receiver": "#d9b310", "data_congestion": "#b07a4b",
    "data_fast_repair": "#e86f5c", "data_timeout": "#d62f2f", "data_path": "#3f9c8f", "data_delayed_ack": "#d671a8",
    "data_closed_window": "#a8322f", "idle": "#a9adb2", "closing": "#868b91", "not_observable": "#63686e",
}
SERIOUS: Final = "warn"     # findings from this severity on say which conversation matters

Totals = list[tuple[Cause, int]]


def length_of(totals: Totals) -> int:
    return sum([ns for _cause, ns in totals])


def matters(analysis: Analysis) -> Told | None:
    """The conversation whose account stands at the top: that of the gravest finding, else the one with most payload,
    and of equal ones the longest. None where no account says more than one thing."""
    known = analysis.told if analysis.sums is None else analysis.sums.examples
    worth = {told.conversation.number: told for told in known if len(told.books.totals()) > 1}
    least = SEVERITIES.index(SERIOUS)
    grave = [
        finding for finding in analysis.findings
        if finding.conversation in worth and SEVERITIES.index(finding.severity) >= least
    ]
    if grave:
        return worth[max(grave, key=lambda finding: SEVERITIES.index(finding.severity)).conversation]
    return max(worth.values(), key=lambda told: (
        sum(told.conversation.sent_payload()), told.conversation.end_ns - told.conversation.start_ns,
    ), default=None)


def together(analysis: Analysis) -> Totals:
    """What the time of all conversations that were read went to, added up."""
    found: dict[str, int] = {} if analysis.sums is None else dict(analysis.sums.totals)
    for told in analysis.every() if analysis.sums is None else ():
        for cause, ns in told.books.totals():
            found[cause.key] = found.get(cause.key, 0) + ns
    return [(cause, found[cause.key]) for cause in CAUSES if cause.key in found]


def count_of(analysis: Analysis) -> int:
    """How many conversations were read."""
    return len(analysis.every()) if analysis.sums is None else analysis.sums.told


def accounted(analysis: Analysis) -> int:
    """How many conversations these are."""
    if analysis.sums is not None:
        return analysis.sums.accounted
    return sum([1 for told in analysis.every() if told.books.totals()])


def whole_record(analysis: Analysis) -> dict[str, JsonValue]:
    """The account of the capture: that of the conversations that were read, added up."""
    return {"conversations": count_of(analysis), "totals": totals_record(together(analysis))}


def books_record(books: Books, level: str) -> dict[str, JsonValue]:
    """The account of one conversation; at `brief` without the single bookings."""
    bookings: list[JsonValue] = []
    if level != BRIEF:
        bookings += [booking_record(booking) for booking in books.bookings]
    return {"totals": totals_record(books.totals()), "bookings": bookings}


def totals_record(totals: Totals) -> list[JsonValue]:
    return [{"cause": cause.key, "ns": ns} for cause, ns in totals]


def booking_record(booking: Booking) -> dict[str, JsonValue]:
    return {
        "since_ns": booking.since, "until_ns": booking.until, "cause": booking.cause.key, "frames": [*booking.frames],
        "confidence": booking.confidence, "basis": booking.ground,
    }
