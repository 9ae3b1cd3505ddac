"""Findings about names that lead back to themselves: aliases, and delegations whose servers cannot be found."""
from __future__ import annotations

from typing import Final

from analyzer.explain.names_servers import listed, of_lookups
from analyzer.explain.rule import FAILURE, LIKELY, Found, Rule
from analyzer.model import Analysis
from dissectors.kit.lookup import Lookup
from dissectors.protocols.dns.outcome import FAILED

MAX_ZONES: Final = 1_000       # whose delegations are followed
MAX_MEMBERS: Final = 100       # conversations of the lookups that came to such a zone


def alias_loop(analysis: Analysis) -> list[Found]:
    """Nothing looks like it: a name that stands twice in one chain of aliases is behind itself. Cases of letters do
    not matter (RFC 4343), and a chain that several answers make is not looked at as one."""
    groups: dict[tuple[str, ...], list[Lookup]] = {}
    for lookup in analysis.lookups:
        if lookup.ring:
            names = [name.lower() for name in lookup.ring]
            first = names.index(min(names))
            groups.setdefault((*names[first:], *names[:first]), []).append(lookup)
    found = []
    for ring, lookups in groups.items():
        names = list(ring)
        asked = [name for name in dict.fromkeys([one.name.lower() for one in lookups]) if name not in names]
        before = f"{listed(asked)} {'lead' if len(asked) > 1 else 'leads'} there, and " if asked else ""
        found.append(of_lookups(
            analysis, lookups, f"Aliases lead back to where they began: {' → '.join([*names, names[0]])}; {before}no "
            f"address is at the end of them, as {listed(list(dict.fromkeys([one.server for one in lookups])))} says.",
            basis="the CNAME records of one answer", victims=len(lookups),
            cost_ns=sum([max(lookup.end_ns - lookup.start_ns, 0) for lookup in lookups]),
        ))
    return found


def delegation_loop(analysis: Analysis) -> list[Found]:
    """Each zone's servers are named in the next one, and none comes with an address. Looks alike: an address that the
    resolver has from before; then it goes on and has an answer, and the lookup is none of these. A zone of which one
    server is named elsewhere has a way out."""
    needs: dict[str, list[str]] = {}
    referred: dict[str, list[Lookup]] = {}
    for lookup in analysis.lookups:
        for zone, servers in lookup.referred:
            referred.setdefault(zone.lower(), []).append(lookup)
            if len(needs) < MAX_ZONES:
                needs.setdefault(zone.lower(), [])
            if servers and zone.lower() in needs:
                needs[zone.lower()] = [server.lower() for server in servers]
    zones = list(needs)
    next_of = {zone: _zone_of(needs[zone][0], zones) if needs[zone] else "" for zone in zones}
    found, told = [], set[str]()
    for zone in zones:
        ring = _ring(zone, next_of)
        if not ring or told & set(ring) or not all(_zone_of(one, ring) for name in ring for one in needs[name]):
            continue
        told |= set(ring)
        there = [each for name in ring for each in referred[name]]
        below = [each for each in analysis.lookups if each.kind == FAILED and _zone_of(each.name.lower(), ring)]
        failed = list({id(each): each for each in (*there, *below)}.values())
        if any(each.addresses for each in there):
            continue
        said = "; ".join([
            f"the server{'s' if len(needs[name]) > 1 else ''} of {name} {'are' if len(needs[name]) > 1 else 'is'} "
            f"{listed(needs[name])}" for name in ring
        ])
        one = of_lookups(
            analysis, failed, f"Delegations lead back to where they began, and nobody gives an address: {said}. No "
            f"name below {listed(ring)} can be found.", confidence=LIKELY, victims=len(failed),
            basis="referrals without addresses of the servers that they name (glue, RFC 1034 §4.2.1)",
            cost_ns=sum([max(each.end_ns - each.start_ns, 0) for each in failed]),
        )
        numbers = dict.fromkeys([number for lookup in failed for number in lookup.conversations])
        one.members = tuple(numbers)[:MAX_MEMBERS]
        found.append(one)
    return found


def _zone_of(name: str, zones: list[str]) -> str:
    """The nearest of these zones that the name is in; "" for none."""
    within = [zone for zone in zones if name == zone or name.endswith("." + zone)]
    return max(within, key=len, default="")


def _ring(zone: str, next_of: dict[str, str]) -> list[str]:
    """The zones from this one back to it; [] where the way does not come back."""
    ring = [zone]
    while next_of.get(ring[-1]) and len(ring) <= len(next_of):
        after = next_of[ring[-1]]
        if after == zone:
            return ring
        ring.append(after)
    return []


LOOP_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.alias_loop", "error", FAILURE, alias_loop,
        "Aliases (CNAME records) lead back to where they began.",
        "Look at the CNAME records of these names in the zone: one of them has to be an address, or another name.",
        "An address for one of the names, from the same server.", "dns.cname",
    ),
    Rule(
        "dns.delegation_loop", "error", FAILURE, delegation_loop,
        "Zones name servers in one another, and nobody gives an address of them.",
        "Add the addresses of the servers (glue) to one of the delegations in the zone above, or take a server of "
        "another zone.", "An address of one of these servers, from whoever delegates.", "dns.ns",
    ),
)
