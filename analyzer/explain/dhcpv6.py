"""Findings about DHCPv6: nobody offers an address, servers refuse, leases are not renewed.

As with DHCP, nothing rests on an answer that was not seen, since servers answer the client alone: who has heard an
offer asks for it, and who has heard a reply does not ask again.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, NOTE, Case, Found, Rule, frames_of, times
from analyzer.model import CaptureSummary
from dissectors.kit.event import FORWARD, Event
from dissectors.kit.units import span
from dissectors.protocols.dhcpv6.events import (
    Advertise,
    Dhcp6Said,
    InformationRequest,
    Rebind,
    Release6,
    Renew,
    Reply6,
    Request6,
    Solicit,
)
from dissectors.protocols.dhcpv6.wire import (
    NO_ADDRESSES,
    NO_BINDING,
    NO_PREFIXES,
    NOT_ON_LINK,
    STATUSES,
    USE_MULTICAST,
)

PATIENCE_NS: Final = 1_000_000_000     # RFC 8415 §7.6: SOL_TIMEOUT, REQ_TIMEOUT, INF_TIMEOUT
EXHAUSTED: Final = frozenset((NO_ADDRESSES, NO_PREFIXES))
MANAGED: Final = ("M", "M and O")
OTHER: Final = ("O", "M and O")


def messages(case: Case) -> list[Dhcp6Said]:
    return case.of_base(Dhcp6Said)


def says(capture: CaptureSummary, flags: tuple[str, ...]) -> tuple[str, int] | None:
    """The router, and the frame, that tells machines of the link to ask DHCPv6 (M and O flag, RFC 4861 §4.2)."""
    for router in capture.routers:
        if router.values.get("flags") in flags and router.lifetime:
            return router.address, router.frame
    return None


def no_advertise(case: Case) -> list[Found]:
    """Looks alike: a client that asks whatever routers say, where there is no server and none is needed: without a
    router that sends it there (M flag) this is a note. An offer that the capture does not see: then the client goes on
    with a REQUEST. An offer of nothing: that is `dhcpv6.refused`."""
    found = []
    asked: list[Solicit] = []
    refused = any(one.message.refusals() and not one.message.lent() for one in case.of(Advertise))
    for message in [*messages(case), None]:
        if isinstance(message, Solicit):
            asked.append(message)
            continue
        lasted = asked[-1].time - asked[0].time if asked else 0
        unheard = message is None or isinstance(message, Release6)
        if len(asked) > 1 and lasted >= PATIENCE_NS and unheard and not refused:
            managed = says(case.capture, MANAGED)
            told = f", as {managed[0]} tells machines of this link to do (#{managed[1]})" if managed is not None else ""
            found.append(Found(
                f"{asked[-1].client} asked {times(len(asked))} within {span(lasted)} for {asked[-1].wants()}{told}, "
                "and heard no offer.",
                tuple(sorted({*frames_of(asked), *([managed[1]] if managed is not None else [])})),
                case.conversation, cost_ns=lasted if managed is not None else 0,
                severity="" if managed is not None else NOTE,
                confidence=LIKELY, basis="it asked again and again, and never for what was offered (RFC 8415 §18.2.1)",
                absent=case.absence(FORWARD, asked[0].time, asked[-1].time - 1),
            ))
        if not isinstance(message, Advertise) or message.message.lent():
            asked = []
    return found


def refused(case: Case) -> list[Found]:
    """Looks alike: a server that has prefixes and no addresses, or the other way round, and gives what it has; another
    server that gives all: both are notes at most. A machine that comes from another link is refused its old address,
    and gets a new one."""
    found = []
    answers: list[Advertise | Reply6] = [*case.of(Advertise), *case.of(Reply6)]
    answers.sort(key=_time)
    groups: dict[tuple[str, int], list[Advertise | Reply6]] = {}
    for answer in answers:
        for code, _says in answer.message.refusals():
            groups.setdefault((answer.server, code), []).append(answer)
    for (server, code), mine in groups.items():
        first, last = mine[0], mine[-1]
        name, meaning = STATUSES.get(code, (f"status {code}", ""))
        after = next((one for one in answers if one.time >= first.time and one.message.lent()), None)
        if after is not None and code in EXHAUSTED and after in mine:
            continue        # it gives what it has
        again = f" {times(len(mine))}" if len(mine) > 1 else ""
        text = f"{server} refused {first.client}{again}: {name}{f', {meaning}' if meaning else ''}"
        cost, proof = last.time - first.time, list(mine)
        if after is not None:
            cost = after.time - first.time
            text += f"; {span(cost)} later it had {after.given()} from {after.server}"
            proof.append(after)
        mild = after is not None or code in (NO_BINDING, NOT_ON_LINK, USE_MULTICAST)
        found.append(Found(
            f"{text}.", frames_of(proof), case.conversation, cost_ns=cost, severity=NOTE if mild else "",
            basis="the status in the answers of the server (RFC 8415 §21.13)", about=(server,),
        ))
    return found


def _time(event: Event) -> int:
    return event.time


def renewal_failed(case: Case) -> list[Found]:
    """Looks alike: a renewal whose reply the capture does not see; such a client never turns to all servers, nor begins
    anew."""
    found = []
    alone: list[Renew] = []
    anybody: list[Rebind] = []
    server = "its server"
    for message in [*messages(case), None]:
        if isinstance(message, Renew) and not anybody:
            alone.append(message)
        elif isinstance(message, Rebind):
            anybody.append(message)
        elif message is None or isinstance(message, (Reply6, Solicit, Release6)):
            if alone and (anybody or isinstance(message, Solicit)):
                found.append(_failed(case, server, alone, anybody, message))
            alone, anybody = [], []
            server = message.server if isinstance(message, Reply6) and message.message.lent() else server
    return found


def _failed(
    case: Case, server: str, alone: list[Renew], anybody: list[Rebind], after: Dhcp6Said | None
) -> Found:
    first = alone[0]
    text = f"{server} did not answer {first.client}, which asked {times(len(alone))} for more time with {first.has()}"
    if anybody:
        text += f", then {times(len(anybody))} all servers"
    asked: list[Event] = [*alone, *anybody]
    ends, severity = asked[-1].time, ""
    if isinstance(after, Solicit):
        text += ". It begins anew"
        ends, severity = after.time, "error"
        asked.append(after)
    elif isinstance(after, Reply6) and after.message.lent():
        text += f"; {after.server} gave it {span(after.time - first.time)} after the first question"
        ends, severity = after.time, NOTE if after.server == server else ""
        asked.append(after)
    return Found(
        f"{text}.", frames_of(asked), case.conversation, cost_ns=ends - first.time, severity=severity,
        confidence=LIKELY, basis="a client turns to all servers, or begins anew, only where its own is silent (RFC "
        "8415 §18.2.5)", absent=case.absence(FORWARD, first.time, ends - 1),
    )


def unanswered(case: Case) -> list[Found]:
    """A REQUEST or a question for settings that is repeated with the same number (RFC 8415 §15). Looks alike: a client
    that asks for settings whatever routers say: without one that sends it there (O flag) this is a note. A CONFIRM that
    nobody answers is as it should be (§18.2.3)."""
    found = []
    groups: dict[tuple[type[Event], int], list[Dhcp6Said]] = {}
    answered = {one.message.xid for one in case.of(Reply6)}
    for message in messages(case):
        if isinstance(message, (Request6, InformationRequest)) and message.message.xid not in answered:
            groups.setdefault((type(message), message.message.xid), []).append(message)
    for (kind, _xid), asked in groups.items():
        first, last = asked[0], asked[-1]
        lasted = last.time - first.time
        if len(asked) < 2 or lasted < PATIENCE_NS:
            continue
        what = f"for {first.has()}, which it was offered," if kind is Request6 else "for settings of the network"
        needed = kind is Request6 or says(case.capture, OTHER) is not None
        found.append(Found(
            f"{first.client} asked {times(len(asked))} {what} within {span(lasted)}, and heard nothing.",
            frames_of(asked), case.conversation, cost_ns=lasted if needed else 0, severity="" if needed else NOTE,
            confidence=LIKELY, basis="who has heard an answer does not ask again with the same number",
            absent=case.absence(FORWARD, first.time, last.time - 1),
        ))
    return found


DHCPV6_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "dhcpv6.no_advertise", "error", FAILURE, no_advertise,
        "A client asked for addresses of IPv6, and no server offered any.",
        "See whether a server of DHCPv6 is on this link and runs, or a relay where it is on another; else take the M "
        "flag out of what the router advertises.", "An offer that the client heard: a REQUEST for it.",
        "dhcpv6", absence=True, threshold=f"{span(PATIENCE_NS)}: a client asks again after a second (RFC 8415 §7.6).",
    ),
    Rule(
        "dhcpv6.refused", "error", FAILURE, refused,
        "A server of DHCPv6 refused what a client asked for, with a status.",
        "Look into the log and the pools of the server: are they used up, is the client on the link that they are "
        "meant for?", "A lease of the same addresses at the same time.", "dhcpv6",
    ),
    Rule(
        "dhcpv6.renewal_failed", "warn", FAILURE, renewal_failed,
        "A lease of DHCPv6 could not be renewed at its server.",
        "See whether the server still runs, and whether a filter lets UDP to port 547 through to it.",
        "A reply before the client turned to all servers.", "dhcpv6", absence=True,
    ),
    Rule(
        "dhcpv6.unanswered", "warn", FAILURE, unanswered,
        "A request of DHCPv6 had no answer.",
        "Look into the log of the server whether it heard the request and what it made of it.",
        "An answer that the client heard.", "dhcpv6", absence=True,
        threshold=f"{span(PATIENCE_NS)}: a client asks again after a second (RFC 8415 §7.6).",
    ),
)
