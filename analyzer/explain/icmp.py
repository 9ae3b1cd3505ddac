"""Findings about what ICMP reports of a conversation, and about echo requests without a reply."""
from __future__ import annotations

from typing import Final

from analyzer.explain.losses import too_big
from analyzer.explain.rule import LIKELY, POSSIBLE, Case, Found, Rule, frames_of, place, times
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.icmp import EchoUnanswered, IcmpError
from dissectors.protocols.tcp.events import capital
from dissectors.protocols.tcp.events_loss import Loss

REDIRECT_V4: Final = 5       # RFC 792
HEADERS: Final = 40          # of IPv4 and TCP without options, the least that is added to a segment
UNHEEDED_NS: Final = 1_000_000_000     # a sender that heeds a message has shrunk its packets by then
PATIENCE_NS: Final = 1_000_000_000     # ping waits about this long between its requests


def icmp_error(case: Case) -> list[Found]:
    """Errors other than "too big", one finding for each sender and reason."""
    found = []
    seen: dict[tuple[str, str], list[IcmpError]] = {}
    for event in case.of(IcmpError):
        if not too_big(event):
            seen.setdefault((event.sender, event.reason()), []).append(event)
    for (sender, reason), events in seen.items():
        again = f" {times(len(events))}" if len(events) > 1 else ""
        redirect = events[0].version == 4 and events[0].kind == REDIRECT_V4
        found.append(Found(
            f"{sender} reports{again} about packets to {place(case.end(events[0].direction))}: {reason}.",
            frames_of(events), case.conversation, severity="note" if redirect else "", confidence=LIKELY,
            basis="an ICMP message that quotes a packet of this conversation; such messages can be forged",
        ))
    return found


def icmp_too_big(case: Case) -> list[Found]:
    found = []
    seen: dict[tuple[str, int], list[IcmpError]] = {}
    for event in case.of(IcmpError):
        if too_big(event):
            seen.setdefault((event.sender, event.mtu), []).append(event)
    for (sender, mtu), events in seen.items():
        carries = f"at most {mtu} bytes" if mtu > 0 else "less"
        unheeded = _unheeded(case, events, mtu)
        found.append(Found(
            f"{sender} dropped {plural(len(events), 'packet')} that {'were' if len(events) > 1 else 'was'} too large: "
            f"the next link carries {carries}.{unheeded}",
            frames_of(events), case.conversation, severity="warn" if unheeded else "", confidence=LIKELY,
            basis="ICMP messages that quote packets of this conversation",
        ))
    return found


def _unheeded(case: Case, errors: list[IcmpError], mtu: int) -> str:
    """Of a sender that goes on with segments as large as those that were dropped. An error goes against its packet."""
    for event in case.of_base(Loss):
        repair = event.repair
        since = [error.time for error in errors if error.direction != event.direction]
        if not since or repair.repaired or not 0 < repair.size <= repair.last_size or repair.size + HEADERS <= mtu:
            continue
        if repair.last_ns - since[0] >= UNHEEDED_NS:
            return (
                f" {capital(event.who())} still sent segments of {size(repair.last_size)} "
                f"{duration(repair.last_ns - since[0])} later: it ignores these messages, or they do not reach it."
            )
    return ""


def echo_unanswered(case: Case) -> list[Found]:
    events = case.of(EchoUnanswered)
    if not events:
        return []
    count = sum([event.count for event in events])
    early = case.capture.end_ns - events[-1].time < PATIENCE_NS
    return [Found(
        f"{plural(count, 'echo request')} to {place(case.conversation.responder)} had no reply.", frames_of(events),
        case.conversation, severity="note" if early else "", confidence=POSSIBLE if early else LIKELY,
        basis="the capture ends soon after the request" if early else "no reply with their number is in the capture",
    )]


ICMP_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "icmp.error", "warn", icmp_error,
        "Look at the router or host that sent it: it knows why it dropped the packet.",
        "Packets of this conversation that arrive all the same: the message may be forged or old.",
    ),
    Rule(
        "icmp.too_big", "note", icmp_too_big,
        "Nothing, if the sender goes on with smaller packets; else let this ICMP message reach it.",
        "Larger packets that still pass.",
    ),
    Rule(
        "icmp.echo_unanswered", "warn", echo_unanswered,
        "Try TCP to an open port of the same host: many filters drop only ICMP.",
        "Replies that took another way.", "", True,
    ),
)
