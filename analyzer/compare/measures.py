"""What is measured again and again of a service: round trips, opening and securing connections, the server, the rate of
transfers, what was sent again."""
from __future__ import annotations

from typing import Final

from analyzer.compare.exchanges import LOOKUP
from analyzer.compare.seen import OVER, SECURE, secured
from analyzer.compare.services import Key
from analyzer.compare.spread import MANY, measured, shares
from analyzer.comparison import Exchange, Measure
from analyzer.model import Conversation, TcpSummary, Told
from dissectors.kit.account import APPLICATION as PAUSES
from dissectors.kit.account import (
    CLOSED_WINDOW,
    CONGESTION,
    CONNECTING,
    FAST_REPAIR,
    PATH,
    RECEIVER,
    RETRYING,
    SERVER,
    TIMEOUT_REPAIR,
    Cause,
)

LARGE: Final = 30_000          # octets of a transfer from which on it has a rate: beyond what a sender starts with
FEWEST_SEGMENTS: Final = 20    # of a direction whose share of resends means something
OPENING: Final = (CONNECTING, RETRYING)
MOVING: Final = (RECEIVER, CONGESTION, FAST_REPAIR, TIMEOUT_REPAIR, PATH, CLOSED_WINDOW, PAUSES)
ROUND_TRIP: Final = "round trip"
RESENT: Final = "retransmission"
LATE: Final = ("lost_segment", "out_of_order")     # of a capture behind the loss: a hole, and what fills it


def measures_of(
    services: dict[Key, str], told: tuple[dict[Key, list[Told]], dict[Key, list[Told]]],
    exchanges: tuple[list[Exchange], list[Exchange]], *, same_side: bool, steady: bool,
) -> list[Measure]:
    """Of every service that both captures hold, from conversations of which every packet was seen.

    same_side: both were taken at the same end of the path, so that what depends on the place can be compared.
    steady: times can be compared.
    """
    found: list[Measure] = []
    for key in told[0]:
        if key not in told[1]:
            continue
        title = services.get(key, key[1])
        sides = (told[0][key], told[1][key])
        if not steady:
            _add_shares(found, title, sides)
            continue
        _add(found, title, "connecting", Measure.NS, [_opening(side) for side in sides])
        _add(found, title, ROUND_TRIP, Measure.NS, [_round_trips(side) for side in sides])
        if same_side:
            _add(found, title, "data round trip", Measure.NS, [_loaded(side) for side in sides])
        whole = [[one for one in side if secured(one)] for side in sides]
        _add(found, title, "securing", Measure.NS, [_booked(side, SECURE) for side in whole])
        server = [_server(side, every) for side, every in zip(sides, exchanges, strict=True)]
        if not all(server):
            server = [_booked([one for one in side if one.conversation.state in OVER], (SERVER,)) for side in sides]
            if min(map(len, server)) < MANY:       # all turns of a connection in sum: too frail for a few of them
                server = [[], []]
        _add(found, title, "server", Measure.NS, server)
        rates = [_rates(side) for side in sides]
        if rates[0] and rates[1]:
            found.append(measured(title, "rate", Measure.RATE, rates[0], rates[1], more_is_worse=False))
        _add_shares(found, title, sides)
    lookups = [[one.total_ns for one in side if one.label == LOOKUP and one.total_ns >= 0] for side in exchanges]
    if steady:
        _add(found, "names", "lookup", Measure.NS, lookups)
    return found


def _add_shares(found: list[Measure], title: str, sides: tuple[list[Told], list[Told]]) -> None:
    resent = [[pair for one in side for pair in _resent(one)] for side in sides]
    made = shares(title, "sent again", resent[0], resent[1]) if resent[0] and resent[1] else None
    if made is not None and any(one.median for one in made.numbers):
        found.append(made)


def _add(found: list[Measure], title: str, word: str, unit: str, values: list[list[int]]) -> None:
    if values[0] and values[1]:
        found.append(measured(title, word, unit, values[0], values[1]))


def _opening(every: list[Told]) -> list[int]:
    """How long connections took to be opened, where all of it was seen and it led to something."""
    return [
        total for one in every if one.conversation.tcp is not None and one.conversation.tcp.initial_rtt_ns > 0
        and (total := _total(one, OPENING))
    ]


def _round_trips(every: list[Told]) -> list[int]:
    """Of the handshake: there and back, wherever on the path it is captured."""
    return [one.conversation.tcp.initial_rtt_ns for one in every
            if one.conversation.tcp is not None and one.conversation.tcp.initial_rtt_ns > 0]


def _loaded(every: list[Told]) -> list[int]:
    """The mean time of data until their ACK, where many were measured and it is more than the way to the sender."""
    found = []
    for one in every:
        tcp = one.conversation.tcp
        if tcp is None or tcp.initial_rtt_ns <= 0:
            continue
        side = _heavy(one.conversation)
        if tcp.rtt_samples[side] >= FEWEST_SEGMENTS and tcp.rtt_min_ns[side] * 2 >= tcp.initial_rtt_ns:
            found.append(tcp.rtt_sum_ns[side] // tcp.rtt_samples[side])
    return found


def _heavy(conversation: Conversation) -> int:
    return 0 if conversation.payload[0] > conversation.payload[1] else 1


def _total(told: Told, causes: tuple[Cause, ...]) -> int:
    return sum([ns for cause, ns in told.books.totals() if cause in causes])


def _booked(every: list[Told], causes: tuple[Cause, ...]) -> list[int]:
    return [total for one in every if (total := _total(one, causes))]


def _server(every: list[Told], exchanges: list[Exchange]) -> list[int]:
    """Of each exchange."""
    numbers = {one.conversation.number for one in every}
    return [one.server_ns for one in exchanges if one.conversation in numbers and one.server_ns >= 0]


def _rates(every: list[Told]) -> list[int]:
    """Bits per second of what moved most in a conversation, over the time in which data moved."""
    found = []
    for one in every:
        tcp, moved = one.conversation.tcp, _total(one, MOVING)
        if tcp is None or not moved:
            continue
        octets = max(tcp.unique)
        if octets >= LARGE:
            found.append(octets * 8_000_000_000 // moved)
    return found


def _resent(told: Told) -> list[tuple[int, int]]:
    """(packets that were sent again, packets) of the direction that carried most."""
    conversation = told.conversation
    tcp = conversation.tcp
    side = _heavy(conversation)
    packets = conversation.sent_frames()[side]
    if tcp is None or packets < FEWEST_SEGMENTS:
        return []
    return [(min(resends(tcp, conversation, side), packets), packets)]


def resends(tcp: TcpSummary, conversation: Conversation, side: int) -> int:
    """Segments of this direction that were sent again, or that filled a hole."""
    flags = conversation.as_sent.flags[side] if conversation.as_sent is not None else tcp.flags[side]
    again = sum([count for flag, count in flags.items() if RESENT in flag])
    return again + flags.get(LATE[1], 0) if flags.get(LATE[0]) else again
