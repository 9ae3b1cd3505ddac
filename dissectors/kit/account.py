"""The account of the time: what a conversation waited for, or did, in each nanosecond of it.

Whoever knows why time passed says so by a `Claim`: a transport for what its packets show, a protocol for what its
messages mean (`Event.claims`). The timeline lays them over one another and books each nanosecond once
(`analyzer/timeline/account.py`). The booked account is a `Books`, which an event may read again (`Event.read_books`).
"""
from __future__ import annotations

from bisect import bisect_right
from typing import Final

from mypy_extensions import mypyc_attr

CERTAIN: Final = "certain"
LIKELY: Final = "likely"
POSSIBLE: Final = "possible"
CONFIDENCES: Final = (POSSIBLE, LIKELY, CERTAIN)     # the weakest first


@mypyc_attr(allow_interpreted_subclasses=True)
class Cause:
    """What time goes to. key: stable, for data.     word: for a legend.     means: in a sentence."""

    def __init__(self, key: str, word: str, means: str) -> None:
        self.key = key
        self.word = word
        self.means = means


LOOKUP: Final = Cause("lookup", "lookup", "A name was asked for, and its answer awaited.")
CONNECTING: Final = Cause(
    "connecting", "connecting", "The connection was being opened: the way there and back, and the answer of the hosts."
)
RETRYING: Final = Cause(
    "connecting_retry", "retrying", "Nobody had answered, and the side that asked waited before it asked again."
)
SECURING_NETWORK: Final = Cause(
    "securing_network", "securing", "Messages of the handshake that secures the connection were on their way."
)
SECURING_CLIENT: Final = Cause(
    "securing_client", "securing (client)", "The client prepared its part of the handshake that secures the connection."
)
SECURING_SERVER: Final = Cause(
    "securing_server", "securing (server)", "The server prepared its part of the handshake that secures the connection."
)
CLIENT: Final = Cause("client", "client", "It was the client's turn.")
REQUEST: Final = Cause("request", "request", "A request was being sent, or was on its way to the server.")
SERVER: Final = Cause("server", "server", "It was the server's turn.")
APPLICATION: Final = Cause(
    "data_application", "application", "Data were under way, and the program that sends had nothing more to send."
)
RECEIVER: Final = Cause("data_receiver", "window", "The receiver's window let the sender send no more.")
CONGESTION: Final = Cause(
    "data_congestion", "congestion", "The sender held back for the network: after a loss, or as it sped up."
)
FAST_REPAIR: Final = Cause(
    "data_fast_repair", "loss repair", "Lost data were sent again because the receiver's ACKs asked for them."
)
TIMEOUT_REPAIR: Final = Cause(
    "data_timeout", "loss timeout", "Lost data were sent again when the sender's timer had run out."
)
PATH: Final = Cause(
    "data_path", "path", "Data were on their way, and nothing is seen that held the sender back: the rate or the "
    "delay of the path, or the sender's own pace."
)
DELAYED_ACK: Final = Cause(
    "data_delayed_ack", "delayed ACK", "A small piece waited for an ACK that the other side delayed (Nagle's "
    "algorithm)."
)
CLOSED_WINDOW: Final = Cause("data_closed_window", "closed window", "The receiver had no room at all.")
IDLE: Final = Cause("idle", "idle", "Neither side owed the other anything, and neither sent.")
ENDING: Final = Cause("closing", "closing", "The connection was being closed.")
UNSEEN: Final = Cause(
    "not_observable", "not observable", "What happened, or for how long, the capture does not show."
)

# In the order in which an account is told.
CAUSES: Final = (
    LOOKUP, CONNECTING, RETRYING, SECURING_NETWORK, SECURING_CLIENT, SECURING_SERVER, CLIENT, REQUEST, SERVER,
    APPLICATION, RECEIVER, CONGESTION, FAST_REPAIR, TIMEOUT_REPAIR, PATH, DELAYED_ACK, CLOSED_WINDOW, IDLE, ENDING,
    UNSEEN,
)

# How much a claim weighs where several are made for the same time; of equal ones the one that began last counts.
GROUND: Final = 0       # nothing else is known
TURN: Final = 1         # of the transport: whose data came next
MESSAGE: Final = 2      # a message was under way: when none of it moves, its sender has nothing to send
AWAITED: Final = 3      # of a protocol: whose turn it was, by what its messages mean
MOVING: Final = 4       # of the transport: data came one after another
DOING: Final = 5        # of a protocol: what all of this time was for
LIMITED: Final = 6      # of the transport: what held a sender back
STOPPED: Final = 7      # of the transport: nothing could go on
BLIND: Final = 8        # nobody can know
# Of the transport: what was sent last had not arrived. It claims nothing by itself, but says what becomes of a claim
# that takes this time for the turn of somebody: its cause, or SECURING_NETWORK.
ON_THE_WAY: Final = 9


@mypyc_attr(allow_interpreted_subclasses=True)
class Claim:
    """Why time passed, in the view of one who knows. since, until: nanoseconds, the end not included.

    frames: that bound it.     confidence: CERTAIN, LIKELY or POSSIBLE.     ground: what it rests on, in a few words.
    in_handshake: what a TURN comes to while a connection is made safe.     acked_ns: of ON_THE_WAY, when the ACK of
    what was sent came in a frame of its own, -1 where none did.
    """

    def __init__(
        self, since: int, until: int, cause: Cause, weight: int, frames: tuple[int, ...], confidence: str, ground: str,
        in_handshake: Cause = SECURING_NETWORK, acked_ns: int = -1,
    ) -> None:
        self.since = since
        self.until = until
        self.cause = cause
        self.weight = weight
        self.frames = frames
        self.confidence = confidence
        self.ground = ground
        self.in_handshake = in_handshake
        self.acked_ns = acked_ns


@mypyc_attr(allow_interpreted_subclasses=True)
class Booking:
    """Time that is booked: one cause, from `since` to `until` (nanoseconds, the end not included)."""

    def __init__(
        self, since: int, until: int, cause: Cause, frames: tuple[int, ...], confidence: str, ground: str
    ) -> None:
        self.since = since
        self.until = until
        self.cause = cause
        self.frames = frames
        self.confidence = confidence
        self.ground = ground


@mypyc_attr(allow_interpreted_subclasses=True)
class Books:
    """The account of one conversation: bookings one after another, without a gap, from its first frame to its last.

    ways: of what was sent and acknowledged before it was answered, (when sent, when acknowledged), in order.
    """

    def __init__(self, start_ns: int, end_ns: int, bookings: list[Booking], ways: list[tuple[int, int]]) -> None:
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.bookings = bookings
        self.ways = ways
        self._starts = [booking.since for booking in bookings]

    def totals(self) -> list[tuple[Cause, int]]:
        """How long each cause took, in nanoseconds, in the order of CAUSES; those that took no time are left out."""
        found: dict[str, int] = {}
        for booking in self.bookings:
            found[booking.cause.key] = found.get(booking.cause.key, 0) + booking.until - booking.since
        return [(cause, found[cause.key]) for cause in CAUSES if found.get(cause.key)]

    def between(self, since: int, until: int) -> list[tuple[Cause, int]]:
        """What the time from `since` to `until` went to, one after another."""
        found: list[tuple[Cause, int]] = []
        at = max(bisect_right(self._starts, since) - 1, 0)
        while at < len(self.bookings) and self.bookings[at].since < until:
            booking = self.bookings[at]
            length = min(booking.until, until) - max(booking.since, since)
            if length > 0:
                found.append((booking.cause, length))
            at += 1
        return found

    def acknowledged(self, sent: int) -> int:
        """When what was sent last at this time was acknowledged, in a frame of its own before the answer; -1 where the
        frames do not show it."""
        at = bisect_right(self.ways, (sent, -1))
        return self.ways[at][1] if at < len(self.ways) and self.ways[at][0] == sent else -1
