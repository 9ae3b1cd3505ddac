"""Findings about what ICMP reports of a conversation, and about echo requests without a reply."""
from __future__ import annotations

from typing import Final

from analyzer.explain.losses import too_big
from analyzer.explain.rule import (
    DENIAL,
    FAILURE,
    LIKELY,
    POSSIBLE,
    SLOW,
    WEAK,
    Case,
    Found,
    Rule,
    frames_of,
    place,
    times,
)
from dissectors.kit.event import Event
from dissectors.kit.observation import what_ended
from dissectors.kit.units import plural, size, span
from dissectors.protocols.icmp import (
    UNREACHABLE,
    Echo,
    EchoUnanswered,
    IcmpError,
    IcmpRedirect,
    RoutingLoop,
    by_filter,
)
from dissectors.protocols.tcp.events import capital
from dissectors.protocols.tcp.events_loss import Loss

TRACED: Final = 3             # routers that drop packets of one conversation for their hop limit
HEADERS: Final = 40          # of IPv4 and TCP without options, the least that is added to a segment
UNHEEDED_NS: Final = 1_000_000_000     # a sender that heeds a message has shrunk its packets by then
# A reply that takes longer than the usual wait between requests, or than so many times the slowest of that host (and no
# less than a tenth of a second), is not to be expected.
PATIENCE_NS: Final = 1_000_000_000
SLOWER: Final = 3
LEAST_PATIENCE_NS: Final = 100_000_000


def icmp_error(case: Case) -> list[Found]:
    """Errors other than those that have a finding of their own, one finding for each sender and reason."""
    found: list[Found] = []
    if case.conversation.number in case.capture.traced:
        return found
    seen: dict[tuple[str, str], list[IcmpError]] = {}
    looped = bool(case.of(RoutingLoop))
    # In a loop they die at the same two routers, or three; packets that die at more are sent so on purpose, also where
    # it was not captured with which hop limits.
    many = not looped and len({event.sender for event in case.of(IcmpError) if event.exceeded}) >= TRACED
    for event in case.of(IcmpError):
        if filtered(case, event) or event.gateway:
            continue
        # A packet with a hop limit that small was sent to find the way, also where no more of that was captured.
        if not too_big(event) and not (event.exceeded and (looped or many)) and (looped or not event.hop):
            seen.setdefault((event.sender, event.reason()), []).append(event)
    for (sender, reason), events in seen.items():
        again = f" {times(len(events))}" if len(events) > 1 else ""
        late = all(nobody_waits(case, event) for event in events)
        told = " What came late found that the program which had asked was gone." if late else ""
        found.append(Found(
            f"{sender} reports{again} about packets to {place(case.end(events[0].direction))}: {reason}.{told}",
            frames_of(events), case.conversation, severity="note" if late else "", confidence=LIKELY,
            basis="an ICMP message that quotes a packet of this conversation; such messages can be forged",
        ))
    return found


def filtered(case: Case, event: IcmpError) -> bool:
    return by_filter(event.version, event.kind, event.code, case.conversation.transport == "tcp")


def prohibited(case: Case) -> list[Found]:
    """Looks alike: a UDP port on which nothing listens, of which the host says the same words; that is `icmp.error`. A
    cluster that has no machine behind a service rejects with the same rule of a filter."""
    seen: dict[tuple[str, str, int], list[IcmpError]] = {}
    if case.conversation.number not in case.capture.traced:
        for event in case.of(IcmpError):
            if filtered(case, event) and not event.hop:
                seen.setdefault((event.sender, event.reason(), event.direction), []).append(event)
    found = []
    for (sender, reason, direction), events in seen.items():
        end = case.end(direction)
        own = sender == end.address
        where = "the host itself answers so" if own else f"{sender} answers so, on the way there"
        spelled = (events[0].kind, events[0].code) == ((1, 4) if events[0].version == 6 else (UNREACHABLE, 3))
        why = " It calls the port unreachable; a host whose port is closed answers TCP with a RST." \
            if spelled else f" It says: {reason}."
        found.append(Found(
            f"A filter rejects packets to {place(end)}, {times(len(events))}: {where} (ICMP).{why}", frames_of(events),
            case.conversation, confidence=LIKELY,
            basis="ICMP messages that quote packets of this conversation; such messages can be forged",
            next_step="Look at the firewall rules of the host itself." if own else "",
        ))
    return found


def redirect(case: Case) -> list[Found]:
    """Looks alike: somebody on the link who wants the traffic for himself; only who the router is can tell. What was
    redirected was passed on, so nothing is lost by it."""
    seen: dict[tuple[str, str, str, str], list[Event]] = {}
    ends = (case.conversation.originator, case.conversation.responder)
    for event in case.of(IcmpError):
        if event.gateway:
            whom, target = ends[1 - event.direction].address, ends[event.direction].address
            seen.setdefault((event.sender, whom, target, event.gateway), []).append(event)
    for message in case.of(IcmpRedirect):
        router, whom = ends[message.direction].address, ends[1 - message.direction].address
        seen.setdefault((router, whom, message.destination, message.gateway), []).append(message)
    return [
        Found(
            f"{router} told {whom} {times(len(events))}"
            f"{f' within {span(events[-1].time - events[0].time)}' if len(events) > 1 else ''} that "
            f"{f'{target} is on its own link' if target == gateway else f'the first hop to {target} is {gateway}'}: "
            "what it sends there goes a longer way than it has to.", frames_of(events), case.conversation,
            confidence=LIKELY, basis="the redirects; such messages can be forged", about=(whom, gateway),
        )
        for (router, whom, target, gateway), events in seen.items()
    ]


def nobody_waits(case: Case, event: IcmpError) -> bool:
    """A client closed its socket, and an answer came after that: one that was repeated, or that took too long. What
    looks the same, a service that stopped, has the lower port; who is the client is not asked, for a capture that began
    late takes the first sender for it."""
    ends = (case.conversation.originator, case.conversation.responder)
    mine = ends[event.direction & 1]
    unreachable = (event.kind, event.code) == ((1, 4) if event.version == 6 else (3, 3))
    return (
        case.conversation.transport == "udp" and unreachable and event.sender == mine.address
        and mine.port > ends[1 - (event.direction & 1)].port and case.conversation.frames[event.direction & 1] > 0
    )


def routing_loop(case: Case) -> list[Found]:
    found = []
    for event in case.of(RoutingLoop):
        reports = [one for one in case.of(IcmpError) if one.exceeded]
        sentence = (
            f"{plural(event.packets, 'packet')} to {place(case.end(1 - event.direction))} went round in a routing "
            "loop: "
            f"{'it' if event.packets == 1 else 'each'} passed here up to {event.most} times, and its hop limit fell "
            f"from {event.hops[0]} to {event.hops[1]}"
        )
        if reports:
            sentence += f"; {reports[0].sender} dropped {'it' if len(reports) == 1 else 'them'} where none was left"
        found.append(Found(
            sentence + ".", tuple(sorted({*event.evidence.frames, *frames_of(reports)})), case.conversation,
            cost_ns=max(case.conversation.end_ns - event.time, 0),
            basis="the same packets, by their identification and their headers, with fewer hops left each time",
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
                f"{span(repair.last_ns - since[0])} later: it ignores these messages, or they do not reach it."
            )
    return ""


def echo_unanswered(case: Case) -> list[Found]:
    events = case.of(EchoUnanswered)
    ends = (case.conversation.originator.address, case.conversation.responder.address)
    if not events or case.conversation.number in case.capture.traced or ends in case.capture.offered:
        return []
    count = sum([event.count for event in events])
    slowest = max([echo.rtt for echo in case.of(Echo)], default=-1)
    patience = max(SLOWER * slowest, LEAST_PATIENCE_NS) if slowest >= 0 else PATIENCE_NS
    waits = sorted([case.capture.end_ns - time for event in events for time in event.times])
    early = [wait for wait in waits if wait < patience]
    due = count - len(early)
    once = due == 1 and slowest >= 0     # which a capture misses as easily as a line loses it
    target = place(case.conversation.responder)
    sentence = f"{plural(due or count, 'echo request')} to {target} had no reply"
    if due and early:
        sentence += f", and {len(early)} more came in the last {span(patience)} of the capture"
    took = f", where the others took {span(slowest)} at most" if slowest >= 0 else ""
    return [Found(
        f"{sentence}.", frames_of(events), case.conversation,
        severity="" if due and not once else "note", confidence=LIKELY if due else POSSIBLE,
        basis=f"no reply with their number is in the capture{took}" if due else
        f"{what_ended(events[-1].how)} ends {span(waits[-1])} after the request",
        absent=case.absence(1 - events[-1].direction, min([event.times[0] for event in events])),
        otherwise=f"{plural(count, 'echo request')} to {target}: no reply in the capture.",
    )]


ICMP_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "icmp.error", "warn", FAILURE, icmp_error,
        "A host or router says by ICMP that it dropped packets of this conversation, and why.",
        "Look at the router or host that sent it: it knows why it dropped the packet.",
        "Packets of this conversation that arrive all the same: the message may be forged or old.",
    ),
    Rule(
        "icmp.prohibited", "warn", FAILURE, prohibited,
        "A filter rejects packets of this conversation, and says so by ICMP.",
        "Look at the filter with that address: which of its rules names this destination and port? Where the "
        "destination is the address of a service in a cluster, see whether a machine is behind it.",
        "Packets of this conversation that arrive all the same: the message may be forged.",
    ),
    Rule(
        "icmp.redirect", "note", WEAK, redirect,
        "A router names a nearer first hop for what it passes on.",
        "Give the machine a route by that first hop, or the right netmask; where the sender of the redirects is no "
        "router, find out what it does.",
        "A first hop that the machine cannot use: the redirect may be forged.", "icmp.type == 5 || icmpv6.type == 137",
    ),
    Rule(
        "icmp.routing_loop", "error", FAILURE, routing_loop,
        "Packets go round between routers until their hop limit is used up.",
        "Compare the routes to this address on both routers of the loop: each takes the other for the way to it.",
        "The same identification on packets that are not the same.",
    ),
    Rule(
        "icmp.too_big", "note", SLOW, icmp_too_big,
        "A packet was too large for a link on the way, and a router says so.",
        "Nothing, if the sender goes on with smaller packets; else let this ICMP message reach it.",
        "Larger packets that still pass.",
        threshold=f"{span(UNHEEDED_NS)}, by which a sender that heeds the message has shrunk its packets.",
    ),
    Rule(
        "icmp.echo_unanswered", "warn", DENIAL, echo_unanswered,
        "An echo request (ping) had no reply.",
        "Try TCP to an open port of the same host: many filters drop only ICMP.",
        "Replies that took another way.", "", absence=True,
        threshold=f"{SLOWER} times the slowest reply of that host, and {span(LEAST_PATIENCE_NS)}; {span(PATIENCE_NS)}, "
        "the usual wait between requests, where it never replied.", lasting=True,
    ),
)
