"""Findings about the addresses of a link: who has them, who asks in vain, who contradicts whom (ARP, RFC 826 and RFC
5227; neighbour discovery and router advertisements, RFC 4861; duplicate addresses, RFC 4862 §5.4)."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import DENIAL, FAILURE, LIKELY, POSSIBLE, Found, Rule, times
from analyzer.model import Analysis
from analyzer.neighbourhood import Advertised, Missing
from dissectors.kit.event import NEITHER
from dissectors.kit.units import plural, span

ASKED_FOR_NS: Final = 500_000_000      # in which they come; hosts ask once a second (RFC 1122 §2.3.2.1)
ASKED_IN_VAIN: Final = 3     # questions for an address; one or two may cross with the start of its machine
TOLD: Final = 3              # answers without a question; the question to one or two may not have been captured
BEYOND: Final = 50           # addresses behind a router that a finding is about
PROXY: Final = 4             # addresses for which one machine answers: it does so for others (RFC 1027)
# Addresses of a pair of routers that stand in for each other: VRRP (RFC 9568 §7.3), HSRP (RFC 2281 §3, and version 2).
SHARED: Final = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")


def contested(analysis: Analysis) -> list[Found]:
    """Two machines answer for one address. One that takes over from another, or moves, claims it and the other is
    silent from then on."""
    return [
        Found(
            f"{address} is claimed by two machines at the same time: {owners[0][0]} (#{owners[0][1]}) and "
            f"{owners[1][0]} (#{owners[1][1]}). What is sent to it reaches one or the other.",
            tuple(frame for _mac, frame in owners), confidence=LIKELY,
            basis="both link-layer addresses answer for it within 5 s; a proxy, or one machine with two interfaces, "
            "looks the same", about=(address,),
        )
        for address, owners in analysis.capture.contested
    ]


def _heard(analysis: Analysis, one: Missing) -> bool:
    """Whether packets came from the address afterwards: then the answer was not captured."""
    return any(
        end.address == one.address and other.frames[side] and other.end_ns > one.start_ns
        for other in analysis.conversations
        for side, end in enumerate((other.originator, other.responder))
    )


def behind_routers(analysis: Analysis) -> dict[tuple[str, str], list[str]]:
    """(who sends, the address of the router) -> to whom beyond the link, as the stations say that they send to.

    A router is whoever gets packets for an address that is not its own. IPv4 only: of IPv6 a machine has several.
    """
    owns: dict[str, list[str]] = {}
    for one in analysis.capture.addresses:
        for mac, _frame in one.owners:
            owns.setdefault(mac, []).append(one.address)
    found: dict[tuple[str, str], list[str]] = {}
    for other in analysis.conversations:
        for side, (mine, theirs) in enumerate((
            (other.originator, other.responder), (other.responder, other.originator)
        )):
            addresses = owns.get(other.next_hops[side], [])
            if theirs.address not in addresses and ":" not in theirs.address:
                for address in addresses:
                    beyond = found.setdefault((mine.address, address), [])
                    if theirs.address not in beyond:
                        beyond.append(theirs.address)
    return found


def missing(analysis: Analysis) -> list[Found]:
    """A machine asks for an address of its own link, and nobody has it: what it wants to send there never leaves.

    Who sweeps a whole link is answered by few of it, and asks each once or twice.
    """
    found = []
    routers = behind_routers(analysis)
    for one in analysis.capture.missing:
        lasted = one.end_ns - one.start_ns
        if one.count < ASKED_IN_VAIN or lasted < ASKED_FOR_NS or one.address == "0.0.0.0" or _heard(analysis, one):
            continue
        if (one.asker, one.address) in analysis.capture.offered:
            continue       # a server of DHCP hopes for no answer before it offers the address
        within = f" within {span(lasted)}" if lasted > 0 else ""
        gone = f", which a machine had until #{one.spoke}" if one.spoke else ""
        asked = f"{one.asker} asked {times(one.count)}{within} which machine has the address {one.address}{gone}"
        beyond = routers.get((one.asker, one.address), [])
        both = any(
            one.asker in (other.originator.address, other.responder.address) and other.frames[0] and other.frames[1]
            for other in analysis.conversations
        )
        otherwise = f"{asked}, and no answer is in the capture: what it wanted to send there cannot have left."
        sentence = f"{asked}, and none answered: what it wanted to send there never left."
        if beyond:
            sentence = _router_gone(asked, one, beyond)
        found.append(Found(
            sentence if both else otherwise,
            tuple(sorted({one.spoke, *one.frames} - {0})), severity="error" if beyond and both else "",
            cost_ns=max(lasted, 0),
            confidence=LIKELY if both else POSSIBLE, otherwise=otherwise,
            basis=("neighbour solicitations" if ":" in one.address else "ARP requests") + " and no reply" + (
                "" if both else "; the answer goes to the asker alone, so a capture elsewhere does not see it"
            ),
            about=(one.address, *beyond[:BEYOND]),
            absent=analysis.capture.observed.absence(
                NEITHER, one.start_ns, min(one.end_ns, analysis.capture.end_ns - 1)
            ),
        ))
    return found


def _router_gone(asked: str, one: Missing, beyond: list[str]) -> str:
    more = f" and {plural(len(beyond) - 1, 'other machine')}" if len(beyond) > 1 else ""
    return f"{asked}, and none answered: that is its router, by which it reached {beyond[0]}{more}, so nothing that " \
        f"{one.asker} sends beyond its link leaves any more."


def in_use(analysis: Analysis) -> list[Found]:
    """Looks alike: a router that answers for all addresses of a link (proxy), which then keeps every machine from its
    address; so where one machine answers for many, that is said."""
    found = []
    held: dict[str, int] = {}
    for one in analysis.capture.addresses:
        for mac, _frame in one.owners:
            held[mac] = held.get(mac, 0) + 1
    for used in analysis.capture.in_use:
        prober, owner = used.wanted, used.owner
        many = held.get(owner[0], 0)
        proxy = f" It answers for {many} addresses, as a proxy does." if many >= PROXY else ""
        how = "RFC 5227 §2.1.1" if used.version == 4 else "RFC 4862 §5.4"
        found.append(Found(
            f"{prober[0]} wanted the address {used.address} and asked first whether anybody has it (#{prober[1]}): "
            f"{owner[0]} has it (#{owner[1]}), so {prober[0]} may not use it.{proxy}",
            tuple(sorted((prober[1], owner[1]))), basis=f"the probe and the answer to it ({how})",
            about=(used.address,),
        ))
    return found


def taken_over(analysis: Analysis) -> list[Found]:
    """Answers that nobody asked for, to single machines, for an address that another machine has: so is the traffic of
    a link led past somebody. Looks alike: a pair of routers, or a machine with two cards, that takes over: it tells
    everybody, once or twice, and not single machines; the questions were not captured: then there are few."""
    found = []
    for one in analysis.capture.unasked:
        if one.count < TOLD or one.mac.startswith(SHARED) or one.other[0].startswith(SHARED):
            continue
        whom = one.told[0] if len(one.told) == 1 else plural(len(one.told), "machine")
        lasted = one.end_ns - one.start_ns
        found.append(Found(
            f"{one.mac} told {whom} {times(one.count)} within {span(lasted)}, and was not asked, that it has the "
            f"address {one.address}; {one.other[0]} has it (#{one.other[1]}). What is sent to that address goes to "
            f"{one.mac} instead.", tuple(sorted({*one.frames, one.other[1]})), confidence=LIKELY,
            cost_ns=max(lasted, 0),
            basis="ARP answers to no question that was seen, to single machines, and another owner of the address",
            about=(one.address, *one.told),
        ))
    return found


def routers_disagree(analysis: Analysis) -> list[Found]:
    """RFC 4861 §6.2.7: what routers of a link have to say alike. Looks alike: two routers with prefixes of their own,
    for two providers, which is allowed; and one that has said that it is no router any more."""
    found = []
    routers = [one for one in analysis.capture.routers if one.lifetime]
    for index, other in enumerate(routers[1:], 1):
        one = routers[index - 1]
        ways = [
            f"{name} {value} and {other.values[name]}" for name, value in one.values.items()
            if other.values.get(name, value) != value
        ]
        ways += [
            f"{prefix} valid for {valid} s and {other.prefixes[prefix]} s" for prefix, valid in one.prefixes.items()
            if other.prefixes.get(prefix, valid) != valid
        ]
        if ways:
            found.append(_differ(one, other, "; ".join(ways), ""))
        elif set(one.prefixes) != set(other.prefixes) and one.prefixes and other.prefixes:
            said = f"the prefix {', '.join(one.prefixes)} and {', '.join(other.prefixes)}"
            found.append(_differ(one, other, said, "note"))
    return found


def _differ(one: Advertised, other: Advertised, ways: str, severity: str) -> Found:
    return Found(
        f"Two routers advertise themselves on this link, {one.address} and {other.address}, and say different things: "
        f"{ways}. Machines take what they heard last, or both.", tuple(sorted((one.frame, other.frame))),
        severity=severity, basis="their router advertisements", about=(one.address, other.address),
    )


LINK_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "link.address_claimed_twice", "error", FAILURE, contested,
        "Two machines answer for the same address.",
        "Find both machines by their link-layer addresses, and give one of them another address.",
        "Both link-layer addresses on one machine.", "arp || icmpv6.type == 136",
    ),
    Rule(
        "link.taken_over", "error", FAILURE, taken_over,
        "Another machine took an address over without having been asked.",
        "Find the machine with that link-layer address on the switch, and see what it does there; dynamic ARP "
        "inspection on the switch keeps such answers out.", "Both link-layer addresses on one machine, or on a pair "
        "that takes over.",
        "arp",
    ),
    Rule(
        "link.address_in_use", "warn", FAILURE, in_use,
        "A machine found that the address that it wanted is in use already.",
        "Find both machines by their link-layer addresses, and give one of them another address.",
        "Both link-layer addresses on one machine.", "arp || icmpv6",
    ),
    Rule(
        "link.routers_disagree", "warn", FAILURE, routers_disagree,
        "Routers of one link advertise things that do not fit together.",
        "Find out whether both routers belong here, and set them alike; router advertisement guard on the switch (RFC "
        "6105) keeps strangers out.", "Both routers are meant to say this.", "icmpv6.type == 134",
    ),
    Rule(
        "link.unanswered", "note", DENIAL, missing,
        "A machine asks for an address of its own link, and nobody answers for it.",
        "See whether the machine with this address is switched on and in this network (VLAN, netmask), and whether the "
        "address is right.",
        "An answer that the place of the capture does not see, such as another port of the switch.",
        "arp || icmpv6.type == 135", absence=True,
        threshold=f"{ASKED_IN_VAIN} questions within {span(ASKED_FOR_NS)} or more: one or two may cross with the start "
        "of a machine (RFC 1122 §2.3.2.1).",
    ),
)
