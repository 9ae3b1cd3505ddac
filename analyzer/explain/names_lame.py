"""Findings about delegations: servers that the zone above names, and that do not answer for the zone."""
from __future__ import annotations

from typing import Final

from analyzer.explain.names_servers import listed, of_lookups
from analyzer.explain.rule import FAILURE, LIKELY, NOTE, Found, Rule, times
from analyzer.model import Analysis
from dissectors.kit.lookup import ANSWERED, NO_DATA, NO_NAME, Lookup, Step

# What a server says that does not have a zone, or cannot load it (RFC 9499 §7, "lame delegation").
LAME: Final = ("REFUSED", "SERVFAIL", "NOTAUTH", "refers upward")
ROOT: Final = "."
MAX_MEMBERS: Final = 100      # conversations of the lookups that came to such a server, for what they have in common


def is_lame(step: Step) -> bool:
    """Asked as the authority for a zone, by somebody who was referred to it, a server says that it is none."""
    return bool(step.zone) and step.zone != ROOT and step.answer.startswith(LAME)


def lame_servers(lookups: list[Lookup]) -> set[tuple[str, str, str]]:
    """Who was told so by which server of which zone."""
    return {(step.client, step.server, step.zone.lower()) for one in lookups for step in one.steps if is_lame(step)}


def told_as_lame(lookup: Lookup, lame: set[tuple[str, str, str]]) -> bool:
    """Whether it failed by such an answer, also where it went there at once, and not by that of a resolver."""
    if any(is_lame(step) and step.client == lookup.client for step in lookup.steps):
        return True
    labels = lookup.name.lower().split(".")
    return any((lookup.client, lookup.server, ".".join(labels[at:])) in lame for at in range(len(labels)))


def lame(analysis: Analysis) -> list[Found]:
    """Looks alike: a server that has the zone and refuses this resolver alone, by its address or its rate, which the
    sentence leaves open; an error for one name, where the server answers for others of the zone: then it has it."""
    groups: dict[tuple[str, str], list[tuple[Lookup, Step]]] = {}
    answers: set[tuple[str, str]] = set()
    for lookup in analysis.lookups:
        for step in lookup.steps:
            if is_lame(step):
                groups.setdefault((step.server, step.zone), []).append((lookup, step))
            elif step.zone and step.answer and not step.failure:
                answers.add((step.server, step.zone))
    found = []
    for (server, zone), made in groups.items():
        if (server, zone) in answers:
            continue
        lookups = list({id(lookup): lookup for lookup, _step in made}.values())
        said = list(dict.fromkeys([step.answer.partition(",")[0] for _lookup, step in made]))
        clients = list(dict.fromkeys([step.client for _lookup, step in made]))
        mended = all(lookup.kind in (ANSWERED, NO_DATA, NO_NAME) for lookup in lookups)
        count = len({frame for _lookup, step in made for frame in step.frames[-1:]})
        one = of_lookups(
            analysis, lookups, f"The zone above names {server} as a server of {zone}, and it does not answer for it "
            f"({' and '.join(said)}, {times(count)}): it does not have the zone, or does not serve {listed(clients)}"
            f"{'. Another server did' if mended else ''}.", severity=NOTE if mended else "", confidence=LIKELY,
            basis=f"{clients[0]} was referred to it before it asked, and the answer", victims=len(lookups),
            cost_ns=sum([max(step.end_ns - step.start_ns, 0) for _lookup, step in made]),
        )
        numbers = dict.fromkeys([number for lookup in lookups for number in lookup.conversations])
        one.members = tuple(numbers)[:MAX_MEMBERS]
        found.append(one)
    return found


LAME_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.lame", "error", FAILURE, lame,
        "A server to which a zone is delegated does not answer for it.",
        "Ask that server for the zone's SOA record yourself; load the zone there, or take the server out of the NS "
        "records of the zone and of the one above.", "An answer of it with the authoritative flag, for the same zone.",
        "dns",
    ),
)
