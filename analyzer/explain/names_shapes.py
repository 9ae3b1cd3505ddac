"""Findings from many lookups together: names that carry data, answers where there is no name, servers that differ."""
from __future__ import annotations

import re
from typing import Final

from analyzer.explain.names_servers import listed, of_lookups
from analyzer.explain.rule import DENIAL, LIKELY, NOTE, POSSIBLE, WEAK, Found, Rule
from analyzer.model import Analysis
from dissectors.kit.lookup import ANSWERED, NO_NAME, Lookup
from dissectors.kit.units import grouped, plural

# A tunnel puts its data into names, each of them new, so that no cache answers it, and long. What else looks so:
# - look-ups of hashes (files, mail senders) are all of one length;
# - content networks and trackers have few names, which come again;
# - reverse names of IPv6 are long, and end in arpa;
# - keys of mail (DKIM) and of certificates are few, and beneath many domains.
TUNNEL_NAMES: Final = 30        # different names beneath one domain
TUNNEL_LENGTH: Final = 40       # characters in front of the domain, on average
TUNNEL_NEW: Final = 0.8         # of all lookups there, those of a name that was not asked for before
CARRIERS: Final = frozenset(("TXT", "NULL", "CNAME", "MX", "SRV", "KEY", "TYPE65399", "PRIVATE"))   # answers with room
PROBES: Final = 3               # names of one label that are answered with one address
ESCAPED: Final = re.compile(r"\\(?:\d{3}|.)")
OF_ADDRESSES: Final = ("A", "AAAA")


def tunnels(analysis: Analysis) -> list[Found]:
    groups: dict[tuple[str, str], list[Lookup]] = {}
    for lookup in analysis.lookups:
        labels = lookup.name.lower().split(".")
        if len(labels) > 2 and labels[-1] != "arpa":
            groups.setdefault((lookup.client, ".".join(labels[-2:])), []).append(lookup)
    return [
        _tunnel(analysis, client, lookups) for (client, parent), lookups in groups.items()
        if len(lookups) >= TUNNEL_NAMES and _carries(parent, lookups)
    ]


def _carries(parent: str, lookups: list[Lookup]) -> bool:
    """Whether the names in front of the domain are long, new each time, and not of one length."""
    names = {lookup.name.lower() for lookup in lookups}
    if len(names) < TUNNEL_NAMES or len(names) < TUNNEL_NEW * len(lookups):
        return False
    fronts = [_octets(name) - len(parent) for name in names]
    return sum(fronts) >= TUNNEL_LENGTH * len(names) and len(set(fronts)) > 1


def _octets(name: str) -> int:
    """Without what its octets are written with (RFC 1035 §5.1)."""
    return len(ESCAPED.sub("x", name))


def _tunnel(analysis: Analysis, client: str, lookups: list[Lookup]) -> Found:
    names = sorted({lookup.name.lower() for lookup in lookups})
    domain = _common(names)
    carried = sum([_octets(name) - len(domain) for name in names])
    types = sorted({lookup.type for lookup in lookups})
    roomy = 2 * len([lookup for lookup in lookups if lookup.type in CARRIERS]) >= len(lookups)
    return of_lookups(
        analysis, lookups, f"{client} asked for {grouped(len(names))} different names beneath {domain}, with "
        f"{grouped(carried // len(names))} characters in front of it on average (type {listed(types)}): so does a "
        "tunnel, which carries its data in them.", severity="" if roomy else NOTE,
        confidence=LIKELY if roomy else POSSIBLE,
        basis=f"{grouped(carried)} characters in names that are new each time, and none of which a cache could answer"
        + ("" if roomy else "; a tracker that puts a number into each name looks alike"),
        victims=len({number for lookup in lookups for number in lookup.conversations}),
    )


def _common(names: list[str]) -> str:
    """The domain that all of them end in."""
    labels = names[0].split(".")
    count = 0
    while count < len(labels) and all(name.split(".")[-1 - count:][0] == labels[-1 - count] for name in names):
        count += 1
        if any(len(name.split(".")) <= count for name in names):
            break
    return ".".join(labels[len(labels) - count:])


def rewritten(analysis: Analysis) -> list[Found]:
    """The root has no such names. What else looks so: a name server of the house with a wildcard; the sentence says
    what was answered, and no more."""
    groups: dict[tuple[str, str], list[Lookup]] = {}
    for lookup in analysis.lookups:
        if "." not in lookup.name and lookup.kind == ANSWERED and lookup.type in OF_ADDRESSES and lookup.addresses:
            groups.setdefault((lookup.server, " ".join(sorted(lookup.addresses))), []).append(lookup)
    found = []
    for (server, addresses), lookups in groups.items():
        names = list(dict.fromkeys([lookup.name for lookup in lookups]))
        if len(names) >= PROBES:
            found.append(of_lookups(
                analysis, lookups, f"{server} answers {plural(len(names), 'name')} of a single label ({listed(names)}) "
                f"with the same address, {addresses}, where there should be no such name: it seems to put its own "
                "answer in place of NXDOMAIN.", confidence=LIKELY,
                basis="names of a single label, of which the root has none",
            ))
    return found


def servers_differ(analysis: Analysis) -> list[Found]:
    """One says that a name exists, another one that it does not. What else looks so: a name that was made, or taken
    away, in between; a server that had to ask others (steps of its own) is judged by its answer alone."""
    by_name: dict[tuple[str, str, str], dict[str, Lookup]] = {}
    for lookup in analysis.lookups:
        if lookup.kind in (ANSWERED, NO_NAME):
            by_name.setdefault((lookup.client, lookup.name.lower(), lookup.type), {}).setdefault(lookup.server, lookup)
    groups: dict[tuple[str, str], list[Lookup]] = {}
    for servers in by_name.values():
        no = [lookup for lookup in servers.values() if lookup.kind == NO_NAME]
        yes = [lookup for lookup in servers.values() if lookup.kind == ANSWERED]
        if no and yes:
            groups.setdefault((no[0].server, yes[0].server), []).extend([no[0], yes[0]])
    found = []
    for (no_server, yes_server), lookups in groups.items():
        names = list(dict.fromkeys([lookup.name for lookup in lookups]))
        found.append(of_lookups(
            analysis, lookups, f"{no_server} says that {listed(names)} {'do' if len(names) > 1 else 'does'} not exist, "
            f"and {yes_server} has an answer: what the client gets depends on whom it asks.",
            confidence=LIKELY, basis="NXDOMAIN of one server, and an answer of another one to the same question",
        ))
    return found


SHAPE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.tunnel", "warn", WEAK, tunnels,
        "Questions look as if they carried data in their names.",
        "Find out which program of this client asks, and who runs the name servers of the domain.",
        "A program whose long names are known: a filter of mail or of files, a tracker.", "dns",
    ),
    Rule(
        "dns.rewritten", "note", WEAK, rewritten,
        "A resolver gives addresses for names that do not exist.",
        "Ask another resolver for the same names; programs that rely on NXDOMAIN (search lists, mail filters) go wrong "
        "with this one.", "A name server of your own that is meant to answer any name.", "dns",
    ),
    Rule(
        "dns.servers_differ", "note", DENIAL, servers_differ,
        "Name servers answer the same question differently.",
        "Let the client ask for this domain only the servers that know it, or let all of its servers know it.",
        "A name that was made, or taken away, between the two answers.", "dns",
    ),
)
