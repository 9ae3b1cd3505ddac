"""The account of the time: each nanosecond of a conversation booked once, from the claims of those who know.

Of the claims for one time the weightiest counts (`dissectors/kit/account.py`), and what the others say of whose turn it
was, and of what was on its way, makes it more exact. Where nobody claims anything, and where the observation does not
reach, the time is not observable.
"""
from __future__ import annotations

from heapq import heappop, heappush
from operator import attrgetter
from typing import Final

from analyzer.model import Account
from dissectors.kit.account import (
    APPLICATION,
    AWAITED,
    BLIND,
    CERTAIN,
    CLIENT,
    CONFIDENCES,
    GROUND,
    IDLE,
    MESSAGE,
    ON_THE_WAY,
    PATH,
    POSSIBLE,
    REQUEST,
    SECURING_NETWORK,
    TURN,
    UNSEEN,
    Booking,
    Books,
    Claim,
)
from dissectors.kit.observation import NOT_CAPTURED, NOT_READ
from dissectors.wire.secrets.text import shown_text

UNCLAIMED: Final = "nothing in the frames says what either side waited for"

Heap = list[tuple[int, int, int, Claim]]      # (-weight, -since, its number, the claim)


def books_of(account: Account) -> Books:
    """Where the time of a conversation went. What messages mean is claimed by the events that are kept."""
    conversation = account.conversation
    start, end = conversation.start_ns, conversation.end_ns
    if end <= start:        # no time passed, or clocks that were set leave none that could be told
        return Books(start, start, [], [])
    claims = [*account.claims, *_blind(account)]
    said = [claim for event in account.events for claim in event.claims()]
    if said and not any(claim.weight == GROUND for claim in account.claims):
        # The transport shows nothing by itself, and what the messages mean leaves nothing open.
        claims.append(Claim(start, end, IDLE, GROUND, (), POSSIBLE, "nothing was asked that had no answer yet"))
    claims += said
    ways = sorted([(claim.since, claim.acked_ns) for claim in claims if claim.acked_ns >= 0])
    bookings = _booked(claims, start, end)
    shown: dict[str, str] = {}
    for booking in bookings:
        if booking.ground not in shown:
            shown[booking.ground] = shown_text(booking.ground, account.marks)
        booking.ground = shown[booking.ground]
        if len(booking.frames) > 1:     # whose order in the file is not always that of their times
            booking.frames = tuple(sorted(set(booking.frames)))
    return Books(start, end, bookings, ways)


def _blind(account: Account) -> list[Claim]:
    """Times in which packets are missing that would have shown what went on."""
    conversation = account.conversation
    return [
        Claim(
            max(spot.since, conversation.start_ns), min(spot.until, conversation.end_ns), UNSEEN, BLIND,
            (spot.frame,) if spot.frame else (), CERTAIN, spot.why,
        )
        for spots in account.observed.spots for spot in spots if spot.kind in (NOT_CAPTURED, NOT_READ)
    ]


def _booked(claims: list[Claim], start: int, end: int) -> list[Booking]:
    """Bookings from start to end, one after another."""
    coming = [claim for claim in claims if claim.until > claim.since and claim.until > start and claim.since < end]
    coming.sort(key=attrgetter("since"))
    bounds = {start, end}
    for claim in coming:
        bounds.add(max(claim.since, start))
        bounds.add(min(claim.until, end))
    moments = sorted(bounds)
    main: Heap = []
    turns: Heap = []
    ways: Heap = []
    found: list[Booking] = []
    index = 0
    for at in range(len(moments) - 1):
        since, until = moments[at], moments[at + 1]
        while index < len(coming) and coming[index].since <= since:
            claim = coming[index]
            entry = (-claim.weight, -claim.since, index, claim)
            heappush(ways if claim.weight == ON_THE_WAY else main, entry)
            if claim.weight == TURN:
                heappush(turns, entry)
            index += 1
        _add(found, _decided(since, until, _top(main, since), _top(turns, since), _top(ways, since)))
    return found


def _top(heap: Heap, since: int) -> Claim | None:
    """The weightiest claim that is not over."""
    while heap and heap[0][3].until <= since:
        heappop(heap)
    return heap[0][3] if heap else None


def _decided(since: int, until: int, main: Claim | None, turn: Claim | None, way: Claim | None) -> Booking:
    if main is None:
        return Booking(since, until, UNSEEN, (), CERTAIN, UNCLAIMED)
    said, cause = main, main.cause
    if main.cause is SECURING_NETWORK:
        if way is not None:
            said = way
        elif turn is not None:
            said, cause = turn, turn.in_handshake
    elif main.cause is REQUEST and main.weight != ON_THE_WAY:
        if turn is not None and turn.cause is APPLICATION and way is None:
            said, cause = turn, APPLICATION       # its sender paused in the middle of it
    elif way is not None and main.weight <= AWAITED:
        said, cause = way, PATH if main.weight == MESSAGE else way.cause
    elif main.cause is IDLE and main.weight == MESSAGE and main.confidence is POSSIBLE:
        if turn is not None and turn.cause is CLIENT:
            said, cause = turn, CLIENT            # which is no less sure, and more exact
    return Booking(since, until, cause, said.frames, said.confidence, said.ground)


def _add(found: list[Booking], booking: Booking) -> None:
    """What goes on with the same cause is one booking, as sure as the less sure of the two, for the longer one's
    reason."""
    last = found[-1] if found else None
    if last is None or last.cause is not booking.cause:
        found.append(booking)
        return
    if booking.until - booking.since > last.until - last.since:
        last.ground = booking.ground
    last.confidence = min(last.confidence, booking.confidence, key=CONFIDENCES.index)
    frames = [*last.frames, *booking.frames]
    last.frames = (min(frames), max(frames)) if frames else ()
    last.until = booking.until


def told_to(account: Account, books: Books) -> None:
    """Let the events read the account that they are part of."""
    for event in account.events:
        event.read_books(books)
