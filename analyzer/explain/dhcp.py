"""Findings about leases: nobody offers one, servers contradict each other, what a lease names is not there.

A server may send its answers to the hardware address of the client alone, and a capture elsewhere on the link does not
see them. So nothing here rests on an answer that was not seen: what a client does next says what it has heard. Who has
heard an offer asks for it (REQUEST); who has heard a confirmation does not ask again; and a client whose server answers
never turns to all servers.
"""
from __future__ import annotations

from itertools import pairwise
from operator import attrgetter
from typing import Final

from analyzer.explain.rule import DENIAL, FAILURE, LIKELY, SLOW, Case, Found, Rule, frames_of, times
from analyzer.explain.usual import TOO_SOON
from dissectors.kit.event import FORWARD, Event
from dissectors.kit.units import span
from dissectors.protocols.dhcp.events import (
    REBINDING,
    RENEWING,
    Ack,
    Decline,
    DhcpRequest,
    DhcpSaid,
    Discover,
    Nak,
    Offer,
    Release,
)
from dissectors.protocols.dhcp.wire import NAME_SERVER, ROUTER, ROUTES, DhcpMessage

SECOND: Final = 1_000_000_000
PATIENCE_NS: Final = 1_000_000_000     # RFC 2131 §4.1: a client waits four seconds, give or take one; some wait two
LATE_NS: Final = 4_000_000_000         # more than the first wait: the first question was heard by nobody
SAME_NS: Final = 5_000_000_000         # in which several servers answer one question
ROUTES_OF_MICROSOFT: Final = 249       # the same as 121, in an older number
NET_BITS: Final = 30                   # a longer prefix has no room for a router beside the machine (RFC 3021, clouds)


def said(case: Case) -> list[DhcpSaid]:
    """The messages of a client, in order."""
    found: list[DhcpSaid] = []
    for kind in (Discover, Offer, DhcpRequest, Ack, Nak, Decline, Release):
        found += case.of(kind)
    found.sort(key=attrgetter("time"))
    return found


class Run:
    """Questions of one kind, one after the other, and what came next: None for nothing."""

    def __init__(self, asked: list[DhcpSaid], after: DhcpSaid | None) -> None:
        self.asked = asked
        self.after = after
        self.first = asked[0].time
        self.last = asked[-1].time

    def lasted(self) -> int:
        return self.last - self.first


def discovers(case: Case) -> list[Run]:
    runs: list[Run] = []
    asked: list[DhcpSaid] = []
    for message in said(case):
        if isinstance(message, Discover):
            asked.append(message)
        elif asked:
            runs.append(Run(asked, message))
            asked = []
    return [*runs, Run(asked, None)] if asked else runs


def unheard(case: Case) -> list[Run]:
    """Of these, the ones in which the client asked again and has not heard an offer by the end."""
    return [
        run for run in discovers(case)
        if len(run.asked) > 1 and run.lasted() >= PATIENCE_NS and (run.after is None or isinstance(run.after, Release))
    ]


def beside(case: Case) -> bool:
    """Whether others of the capture talk, and the client never had an address: what it lacks is then not what the
    capture is about. So do access points and bridges ask, which serve others and do without an address themselves."""
    return case.capture.two_sided > (1 if all(case.conversation.frames) else 0) and not case.of(Ack)


def no_offer(case: Case) -> list[Found]:
    """Looks alike: a capture that sees the client alone. Then the client would go on with a REQUEST."""
    found = []
    for run in unheard(case):
        who = run.asked[-1].client
        aside = beside(case)
        found.append(Found(
            f"{who} asked {times(len(run.asked))} within {span(run.lasted())} for an address, and heard no offer: it "
            "has no address from a server.", frames_of(run.asked), case.conversation,
            cost_ns=0 if aside else run.lasted(), severity="note" if aside else "",
            basis="it asked again and again, and never for one that was offered (RFC 2131 §3.1)",
            absent=case.absence(FORWARD, run.first, run.last - 1),
        ))
    return found


def not_taken(case: Case) -> list[Found]:
    """Looks alike: the client takes the offer of another server, which it tells everybody; or the capture missed its
    REQUEST, and then it does not ask again."""
    found = []
    messages = said(case)
    if any(isinstance(one, (DhcpRequest, Ack)) for one in messages):
        return []
    offers = [one for one in messages if isinstance(one, Offer)]
    again = [
        one for one in messages
        if isinstance(one, Discover) and offers and one.time - offers[0].time > PATIENCE_NS
    ]
    if again:
        lasted = again[-1].time - messages[0].time
        found.append(Found(
            f"{offers[0].server} offered {offers[0].client} an address {times(len(offers))}, and the client asked anew "
            f"each time, over {span(lasted)}: the offers do not reach it, or it may not take them.",
            frames_of([*offers, *again]), case.conversation, cost_ns=lasted, confidence=LIKELY,
            basis="it asks again after the offer, and never for what was offered",
            absent=case.absence(FORWARD, offers[0].time, again[-1].time - 1),
        ))
    return found


def late(case: Case) -> list[Found]:
    """An offer that comes after several questions. Looks alike: answers to each of them, which the capture missed; the
    client would have taken one."""
    found = []
    for run in discovers(case):
        after = run.after
        if not isinstance(after, (Offer, DhcpRequest, Ack)) or len(run.asked) < 2:
            continue
        waited = after.time - run.first
        if any(silence.within(run.first, after.time) for silence in case.capture.silences):
            continue        # the clock may have been set meanwhile
        if waited >= LATE_NS and run.lasted() >= PATIENCE_NS:
            found.append(Found(
                f"{run.asked[-1].client} asked {times(len(run.asked))} over {span(run.lasted())} before the first "
                f"offer reached it, {span(waited)} after the first question.", frames_of([*run.asked, after]),
                case.conversation, cost_ns=waited, confidence=LIKELY,
                basis="it asks again only as long as it has heard no offer",
            ))
    return found


def renewal_failed(case: Case) -> list[Found]:
    """Looks alike: renewals whose confirmations the capture does not see. The client of those asks anew with another
    number each time, and never turns to all servers, nor begins anew."""
    found = []
    asked: list[DhcpRequest] = []
    server = "its server"
    for message in said(case):
        if isinstance(message, DhcpRequest) and message.purpose in (RENEWING, REBINDING):
            asked.append(message)
            continue
        if asked and not isinstance(message, Offer):
            found += _failed(case, server, asked, message)
            asked = []
        if isinstance(message, Ack):
            server = message.server
    return found + (_failed(case, server, asked, None) if asked else [])


def _failed(case: Case, server: str, asked: list[DhcpRequest], after: DhcpSaid | None) -> list[Found]:
    alone = [one for one in asked if one.purpose == RENEWING]
    anybody = [one for one in asked if one.purpose == REBINDING]
    anew = isinstance(after, Discover)
    # Whoever renews says for how long it has been trying (RFC 2131 §2, secs).
    again = any(0 < one.time - asked[0].time <= 2 * SECOND * one.message.seconds for one in asked)
    # A confirmation that came in time is none of this; one that comes late, or by another server, ends it.
    if not alone or not (anybody or anew or (again and not isinstance(after, (Ack, Nak)))):
        return []
    first = alone[0]
    sentence = (
        f"{server} did not answer {first.client}, which asked {times(len(alone))} for more time with {first.wanted}"
    )
    if anybody:
        sentence += f", then {times(len(anybody))} all servers"
    ends = asked[-1].time
    severity = ""
    if anew and after is not None:
        sentence += ". It has lost the address, and begins anew"
        ends, severity = after.time, "error"
    elif isinstance(after, Ack):
        sentence += f"; {after.server} gave it {span(after.time - first.time)} after the first question"
        ends, severity = after.time, "note" if after.server == server else ""
    proof: list[Event] = [*asked, *([after] if after is not None and (anew or isinstance(after, Ack)) else [])]
    return [Found(
        sentence + ".", frames_of(proof), case.conversation, cost_ns=ends - first.time, severity=severity,
        confidence=LIKELY, basis="a client turns to all servers, or begins anew, only where its own is silent "
        "(RFC 2131 §4.4.5)" if anybody or anew else "it says itself for how long it has been trying",
        absent=case.absence(FORWARD, first.time, asked[-1].time - 1),
    )]


def unanswered(case: Case) -> list[Found]:
    """A REQUEST that is repeated with the same number, or given up for a new beginning. Looks alike: an ACK that the
    capture missed; the client would not ask again."""
    found = []
    asked: list[DhcpRequest] = []
    for message in [*said(case), None]:
        if isinstance(message, DhcpRequest) and message.purpose not in (RENEWING, REBINDING):
            if asked and message.purpose != asked[0].purpose:
                asked = []
            asked.append(message)
            continue
        if asked and (isinstance(message, Discover) or (len(asked) > 1 and message is None)):
            lasted = (message.time if message is not None else asked[-1].time) - asked[0].time
            same = len({one.message.xid for one in asked}) == 1
            if lasted >= PATIENCE_NS and (same or message is not None):
                proof: list[Event] = [*asked, *([message] if message is not None else [])]
                found.append(Found(
                    f"{asked[0].client} asked {times(len(asked))} for {asked[0].wanted} and heard nothing"
                    f"{'; it began anew' if message is not None else ''}, {span(lasted)} after the first request.",
                    frames_of(proof), case.conversation, cost_ns=lasted, confidence=LIKELY,
                    severity="note" if message is not None else "",
                    basis="who has heard an answer does not ask again",
                    absent=case.absence(FORWARD, asked[0].time, asked[-1].time - 1),
                ))
        if not isinstance(message, Offer):
            asked = []
    return found


def refused(case: Case) -> list[Found]:
    """Looks alike: a machine that comes from another network is refused its old address, and gets a new one at once."""
    found = []
    naks = case.of(Nak)
    acks = case.of(Ack)
    for server in dict.fromkeys([nak.server for nak in naks]):
        mine = [nak for nak in naks if nak.server == server]
        first, last = mine[0], mine[-1]
        asked = first.asked.message if first.asked is not None else None
        wanted = (asked.one(50) or asked.ciaddr) if asked is not None else ""
        reason = f" ({first.reason()})" if first.reason() else ""
        text = f"{server} refused {first.client} {f'the address {wanted}' if wanted else 'its address'}{reason}" \
            f"{f' {times(len(mine))}' if len(mine) > 1 else ''}"
        against = [
            ack for ack in acks
            if ack.message.xid == first.message.xid and ack.server != server and abs(ack.time - first.time) < SAME_NS
        ]
        after = [ack for ack in acks if ack.time > last.time]
        severity = ""
        cost = 0
        proof: list[Event] = [*mine]
        if against:
            text += f", which {against[0].server} confirmed: the two servers contradict each other"
            proof.append(against[0])
        elif after:
            cost = after[0].time - first.time
            text += f"; {span(cost)} later it had {after[0].leased()} from {after[0].server}"
            severity = "note"
            proof.append(after[0])
        found.append(Found(
            text + ".", frames_of(proof), case.conversation, cost_ns=cost, severity=severity,
            basis="the DHCPNAK" + (" and the DHCPACK to the same request" if against else ""),
        ))
    return found


def declined(case: Case) -> list[Found]:
    found = []
    owners = {one.address: one.owners for one in case.capture.addresses}
    for event in case.of(Decline):
        address = event.message.one(50)
        leases = [ack for ack in case.of(Ack) if ack.time <= event.time and ack.message.yiaddr == address]
        server = leases[-1].server if leases else event.message.one(54) or "the server"
        held = [(mac, frame) for mac, frame in owners.get(address, []) if mac != event.message.client()]
        who = f"{held[0][0]} (#{held[0][1]})" if held else "another machine"
        found.append(Found(
            f"{event.client} declined {address or 'the address'} of {server}: {who} uses it already, outside the "
            "leases of that server.",
            tuple(sorted({*frames_of([*leases[-1:], event]), *[frame for _mac, frame in held[:1]]})),
            case.conversation, basis="the DHCPDECLINE of the client" + (", and what ARP says" if held else ""),
            about=(address,) if address else (),
        ))
    return found


def servers_differ(case: Case) -> list[Found]:
    """Two servers that offer to one question. Looks alike: a pair that shares the work, whose offers agree; a server
    that only says where to boot from offers no address."""
    found = []
    offers = [one for one in case.of(Offer) if one.message.yiaddr]
    by_server: dict[str, Offer] = {}
    for offer in offers:
        first = by_server.setdefault(offer.server, offer)
        if offer.time - first.time > SAME_NS and len(by_server) < 2:
            by_server[offer.server] = offer
    known = sorted(by_server.values(), key=attrgetter("time"))
    for one, other in pairwise(known):
        if other.time - one.time > SAME_NS:
            continue
        ways = _ways(one.message, other.message)
        if ways:
            taken = [ack.server for ack in case.of(Ack) if ack.time >= one.time]
            took = f" It took that of {taken[0]}." if taken else ""
            found.append(Found(
                f"Two servers offer {one.client} different networks: {one.server} {ways[0]}, and {other.server} "
                f"{ways[1]}.{took}", frames_of([one, other]), case.conversation, about=(one.server, other.server),
                basis="two offers to one question",
            ))
            break
    return found


def _ways(one: DhcpMessage, other: DhcpMessage) -> tuple[str, str] | None:
    """In which way two offers differ that matters to what the client can reach; None where they agree."""
    for code, name in ((ROUTER, "router"), (NAME_SERVER, "name server")):
        mine, theirs = one.all(code), other.all(code)
        if sorted(mine) != sorted(theirs):
            return _names(name, mine), _names(name, theirs)
    if _net(one) != _net(other):
        return f"gives {_net(one)}", f"gives {_net(other)}"
    return None


def _names(name: str, addresses: list[str]) -> str:
    return f"names the {name} {' and '.join(addresses)}" if addresses else f"names no {name}"


def _net(message: DhcpMessage) -> str:
    bits = message.bits()
    if bits < 0:
        return message.yiaddr
    return f"{_dotted(_number(message.yiaddr) & _mask(bits))}/{bits}"


def _number(address: str) -> int:
    value = 0
    for part in address.split("."):
        value = value << 8 | int(part)
    return value


def _dotted(value: int) -> str:
    return ".".join([str(value >> shift & 255) for shift in (24, 16, 8, 0)])


def _mask(bits: int) -> int:
    return (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF


def leases_of(case: Case) -> list[Ack]:
    """Each network that it got an address in, once."""
    found: dict[tuple[str, bytes, bytes], Ack] = {}
    for ack in case.of(Ack):
        if ack.message.yiaddr:
            options = ack.message.options
            found.setdefault((ack.message.yiaddr, options.get(ROUTER, b""), options.get(NAME_SERVER, b"")), ack)
    return list(found.values())


def router_outside(case: Case) -> list[Found]:
    """Looks alike: an address without a network of its own (/31, /32), as clouds give it, and routes of their own
    (RFC 3442), which say how the router is reached."""
    found = []
    for ack in leases_of(case):
        message = ack.message
        bits, routers = message.bits(), message.all(ROUTER)
        if not 0 < bits <= NET_BITS or not routers or ROUTES in message.options:
            continue
        mine = _number(message.yiaddr) & _mask(bits)
        away = all(_number(router) & _mask(bits) != mine for router in routers)
        if away and ROUTES_OF_MICROSOFT not in message.options:
            found.append(Found(
                f"{ack.server} leases {ack.leased()} to {ack.client} and names {routers[0]} as router, which is not in "
                f"the network {_dotted(mine)}/{bits}: the client has no way to it.", frames_of([ack]),
                case.conversation, basis="the subnet mask and the router of the lease",
                about=(routers[0], message.yiaddr),
            ))
    return found


DHCP_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "dhcp.no_offer", "error", DENIAL, no_offer,
        "A client asked for an address, and nobody offered one.",
        "See whether a server of DHCP is on this link and runs, or a relay where it is on another; capture beside it: "
        "do the questions arrive?", "An offer that the client heard: a REQUEST for it.", "dhcp", absence=True,
    ),
    Rule(
        "dhcp.offer_not_taken", "error", FAILURE, not_taken,
        "A client took none of the addresses that it was offered.",
        "Capture at the client: does the offer arrive there? If it does, look which option or address it cannot take.",
        "A REQUEST for one of the offers.", "dhcp", absence=True,
    ),
    Rule(
        "dhcp.late", "warn", SLOW, late,
        "An answer of DHCP took long.",
        "If it is so each time the cable is plugged in, let the port of the switch forward at once (spanning tree: "
        "edge port, portfast); else see what the server was waiting for.",
        "Offers that the client heard and did not take.", "dhcp",
        threshold=f"{span(LATE_NS)}: more than the first wait, so that the first question was heard by nobody.",
    ),
    Rule(
        "dhcp.renewal_failed", "warn", FAILURE, renewal_failed,
        "A lease could not be renewed at its server.",
        "See whether the server still runs at that address, and whether a filter lets UDP to port 67 through to it.",
        "A confirmation before the client turned to all servers.", "dhcp", absence=True,
    ),
    Rule(
        "dhcp.unanswered", "warn", FAILURE, unanswered,
        "A request of DHCP had no answer.",
        "Look into the log of the server whether it heard the request and what it made of it.",
        "An answer that the client heard.", "dhcp", absence=True,
        threshold=f"{span(PATIENCE_NS)}: a client asks again after four seconds, give or take one, and some after two "
        f"(RFC 2131 §4.1); {TOO_SOON}.",
    ),
    Rule(
        "dhcp.refused", "warn", FAILURE, refused,
        "A server of DHCP refused an address (NAK).",
        "Look into the log of the server why it refuses this address; if the client has moved, nothing is to be done.",
        "A lease of the same address at the same time.", "dhcp",
    ),
    Rule(
        "dhcp.declined", "warn", FAILURE, declined,
        "A client gave a leased address back, since another machine uses it.",
        "Find the machine that uses the address, and take it out of what the server lends, or let that machine ask "
        "too.",
        "The address on the client alone.", "dhcp || arp",
    ),
    Rule(
        "dhcp.servers_differ", "warn", FAILURE, servers_differ,
        "Two servers of DHCP say different things.",
        "Find out which of the two servers belongs here, and take the other one off this link; DHCP snooping on the "
        "switch keeps strangers out.", "Both servers are meant to be there, and what they say works.", "dhcp",
        threshold=f"{span(SAME_NS)} in which several servers answer one question.",
    ),
    Rule(
        "dhcp.router_outside", "error", FAILURE, router_outside,
        "The router that DHCP gave is not in the client's own network.",
        "Correct the subnet mask or the router (options 1 and 3) at the server.",
        "A route to the router that the client has by other means.", "dhcp",
    ),
)
