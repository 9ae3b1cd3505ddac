"""What holds of every account, whatever the capture."""
from __future__ import annotations

from analyzer.model import Told
from dissectors.kit.account import CAUSES, CONFIDENCES


def assert_tiled(told: Told) -> None:
    """Each nanosecond from the first frame to the last is booked once, to one known cause, with a reason."""
    conversation, books = told.conversation, told.books
    at = conversation.start_ns
    before = None
    for booking in books.bookings:
        assert booking.since == at
        assert booking.until > booking.since
        assert booking.cause in CAUSES
        assert booking.cause is not before, "what goes on is one booking"
        assert booking.confidence in CONFIDENCES
        assert booking.ground
        assert list(booking.frames) == sorted(booking.frames)
        at, before = booking.until, booking.cause
    assert at == max(conversation.end_ns, conversation.start_ns)
    assert sum(ns for _cause, ns in books.totals()) == at - conversation.start_ns
    assert all(isinstance(ns, int) for _cause, ns in books.totals())
