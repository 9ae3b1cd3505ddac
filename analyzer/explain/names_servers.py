"""Findings about the servers that a client asks, and about the names that it tries: each cause once."""
from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import Final

from analyzer.explain.rule import CERTAIN, FAILURE, LIKELY, SLOW, Found, Rule, times
from analyzer.model import Analysis, Conversation
from dissectors.kit.lookup import ANSWERED, NO_DATA, NO_NAME, UNANSWERED, Lookup, Step
from dissectors.kit.observation import Absence
from dissectors.kit.units import plural, span
from dissectors.protocols.dns.outcome import FAILED

FEWEST: Final = 2               # questions to a server before its silence is told as its own
SEARCH_NS: Final = 5_000_000_000    # from one name of a search list to the next
NAMED: Final = 4                # names in a sentence


def listed(words: list[str]) -> str:
    """`a, b and c`; what is beyond NAMED is counted."""
    if len(words) > NAMED:
        words = [*words[:NAMED - 1], f"{len(words) - NAMED + 1} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class Silent:
    """A server that answered none of the questions that went to it. waits: until another one was asked, in ns."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.asked = 0
        self.instead: dict[str, int] = {}
        self.waits: list[int] = []
        self.lookups: list[Lookup] = []


def silent_servers(analysis: Analysis) -> dict[str, Silent]:
    """Those from which nothing at all came, and in whose place another one answered."""
    found: dict[str, Silent] = {}
    heard = _heard(analysis)
    for lookup in analysis.lookups:
        for place, step in enumerate(lookup.steps):
            if step.end_ns >= 0 or step.server in heard or step.elsewhere:
                continue
            silent = found.setdefault(step.server, Silent(step.server))
            silent.asked += 1
            after = _turned(lookup.steps, place)
            if after is not None:
                silent.waits.append(after.start_ns - step.start_ns)
                silent.instead[after.server] = silent.instead.get(after.server, 0) + 1
                silent.lookups.append(lookup)
    return {
        server: silent for server, silent in found.items() if silent.asked >= FEWEST and len(silent.waits) >= FEWEST
    }


def _turned(steps: list[Step], place: int) -> Step | None:
    """The next server that the client turned to, with the same question, and that answered."""
    silent = steps[place]
    for step in steps[place + 1:]:
        if step.question == silent.question and step.client == silent.client and step.server != silent.server:
            return step if step.end_ns >= 0 else None
    return None


def _heard(analysis: Analysis) -> set[str]:
    """Addresses that something came from."""
    found = set(analysis.heard)
    for conversation in analysis.conversations:
        for side, end in enumerate((conversation.originator, conversation.responder)):
            if conversation.frames[side]:
                found.add(end.address)
    return found


def server_silent(analysis: Analysis) -> list[Found]:
    found = []
    for server, silent in silent_servers(analysis).items():
        low, high = span(min(silent.waits)), span(max(silent.waits))
        wait = low if low == high else f"{low} to {high}"
        of = "each time" if len(silent.waits) == silent.asked else times(len(silent.waits))
        count = len({id(lookup) for lookup in silent.lookups})
        found.append(of_lookups(
            analysis, silent.lookups, f"{server} answered 0 of {plural(silent.asked, 'question')}; {of} the client "
            f"turned to {listed(list(silent.instead))} after {wait}, which answered: {plural(count, 'lookup')} took "
            "that much longer.", cost_ns=sum(silent.waits), confidence=LIKELY, victims=count,
            basis=f"nothing at all from {server} is in the capture, and the client waited for it in vain",
        ))
    return found


def fallback(analysis: Analysis) -> list[Found]:
    """An error is an answer: the client goes on in another way, or elsewhere."""
    groups: dict[tuple[str, str, str, str, bool], list[Lookup]] = {}
    for lookup in analysis.lookups:
        for place, step in enumerate(lookup.steps[:-1]):
            after = lookup.steps[place + 1]
            if step.failure and lookup.kind not in (FAILED, UNANSWERED) and after.question == step.question:
                plain = step.edns and not after.edns and after.server == step.server
                groups.setdefault((step.client, step.server, after.server, step.failure, plain), []).append(lookup)
                break
    return [
        _fallback(analysis, server, other, failure, plain, lookups)
        for (_client, server, other, failure, plain), lookups in groups.items()
    ]


def _fallback(
    analysis: Analysis, server: str, other: str, failure: str, plain: bool, lookups: list[Lookup]
) -> Found:
    first = lookups[0]
    step = next(step for step in first.steps if step.failure)
    more = f", and {plural(len(lookups) - 1, 'more lookup')} went the same way" if len(lookups) > 1 else ""
    said = f"{server} answered the question for {first.name} {first.type} with {failure} after " \
        f"{span(step.end_ns - step.start_ns)}"
    if plain:
        text = f"{said}: it does not understand EDNS. Asked again without it, it answered"
        basis = "the error, and the question without an OPT record that followed (RFC 6891 §7)"
    else:
        where = other if other != server else "the same server"
        text = f"{said}; the client asked {where} again and had an answer"
        basis = "the error, and the question that followed"
    return of_lookups(
        analysis, lookups, f"{text} {span(first.end_ns - first.start_ns)} after the first question{more}.",
        cost_ns=sum([lookup.end_ns - lookup.start_ns for lookup in lookups]), confidence=LIKELY, basis=basis,
    )


def extended_error(analysis: Analysis) -> list[Found]:
    """What a server says beside an answer; of failures and names that do not exist it is told with them."""
    groups: dict[tuple[str, str], list[Lookup]] = {}
    for lookup in analysis.lookups:
        if lookup.errors and lookup.kind in (ANSWERED, NO_DATA):
            groups.setdefault((lookup.server, " and ".join(lookup.errors.values())), []).append(lookup)
    return [
        of_lookups(
            analysis, lookups, f"{server} answered the question for {lookups[0].name} {lookups[0].type}"
            f"{_and_more(lookups)} with {errors}.", basis="the extended error in the response (RFC 8914)",
        )
        for (server, errors), lookups in groups.items()
    ]


def _and_more(lookups: list[Lookup]) -> str:
    return f" and {plural(len(lookups) - 1, 'more lookup')}" if len(lookups) > 1 else ""


class Search:
    """A name that a client tried with the domains of its search list.

    vain: the lookups that found nothing; tried: these and the one of the name that was meant.
    """

    def __init__(self, client: str, name: str) -> None:
        self.client = client
        self.name = name
        self.vain: list[Lookup] = []
        self.tried: list[Lookup] = []
        self.domains: dict[str, None] = {}


def searches(lookups: list[Lookup]) -> list[Search]:
    """Of each client, names that do not exist and that are another name, asked for within SEARCH_NS, with a domain
    behind it. Two of them at least, or a domain twice: a name that is spelled wrong once looks the same."""
    by_client: dict[str, list[Lookup]] = {}
    for lookup in lookups:
        by_client.setdefault(lookup.client, []).append(lookup)
    found: list[Search] = []
    for client, mine in by_client.items():
        bases: dict[str, list[Lookup]] = {}
        for lookup in mine:
            bases.setdefault(lookup.name.lower(), []).append(lookup)
        made: dict[str, Search] = {}
        for lookup in mine:
            if lookup.kind == NO_NAME:
                _searched(client, lookup, bases, made)
        for name, search in made.items():
            if len(search.vain) >= FEWEST:
                search.tried = search.vain + [
                    lookup for lookup in bases[name] if any(_near(lookup, vain) for vain in search.vain)
                ]
                found.append(search)
    return found


def _searched(client: str, lookup: Lookup, bases: dict[str, list[Lookup]], made: dict[str, Search]) -> None:
    """Note the search that this lookup, of a name that does not exist, is part of."""
    labels = lookup.name.lower().split(".")
    for count in range(len(labels) - 1, 0, -1):
        base = ".".join(labels[:count])
        if any(_near(lookup, meant) for meant in bases.get(base, ())):
            search = made.setdefault(base, Search(client, base))
            search.vain.append(lookup)
            search.domains[".".join(labels[count:])] = None
            return


def _near(one: Lookup, other: Lookup) -> bool:
    return abs(one.start_ns - other.start_ns) <= SEARCH_NS


def search_list(analysis: Analysis) -> list[Found]:
    groups: dict[tuple[str, tuple[str, ...]], list[Search]] = {}
    for search in searches(analysis.lookups):
        groups.setdefault((search.client, tuple(search.domains)), []).append(search)
    found = []
    for (client, domains), made in groups.items():
        first = made[0]
        vain = [lookup for search in made for lookup in search.vain]
        needed = len(first.tried) - len(first.vain)
        more = f"; {plural(len(made) - 1, 'more name')} had it the same way" if len(made) > 1 else ""
        found.append(of_lookups(
            analysis, [lookup for search in made for lookup in search.tried],
            f"{client} put the domains of its search list ({listed(list(domains))}) behind {first.name}: "
            f"{len(first.tried)} questions where {needed} would do, {len(first.vain)} of them for names that do not "
            f"exist{more}.", cost_ns=sum([lookup.end_ns - lookup.start_ns for lookup in vain]), confidence=LIKELY,
            basis="the name by itself was asked for within 5 s of the same name with a domain behind it",
        ))
    return found


def of_lookups(
    analysis: Analysis, lookups: list[Lookup], sentence: str, *, cost_ns: int = 0, severity: str = "",
    confidence: str = CERTAIN, basis: str = "", absent: Absence | None = None, otherwise: str = "",
    next_step: str = "", victims: int = 0,
) -> Found:
    """A finding about the same lookup, made once or several times; it stands with the conversation of the first."""
    conversation: Conversation | None = None
    if lookups[0].conversations:
        number = lookups[0].conversations[0]
        place = bisect_left(analysis.conversations, number, key=attrgetter("number"))    # they are in this order
        if place < len(analysis.conversations) and analysis.conversations[place].number == number:
            conversation = analysis.conversations[place]
    frames = tuple(sorted({frame for lookup in lookups for frame in lookup.frames}))
    found = Found(
        sentence, frames, conversation, cost_ns=cost_ns, severity=severity, confidence=confidence, basis=basis,
        absent=absent, otherwise=otherwise, next_step=next_step, victims=victims,
    )
    first = lookups[0]
    found.of = first.client, first.name, first.type, first.server, first.summary
    return found


NAME_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.server_silent", "error", SLOW, server_silent,
        "A name server answered none of many questions, while others did.",
        "Take the server out of the client's list, or make it answer; a shorter timeout makes it cost less "
        "(resolv.conf(5): timeout, rotate).",
        "An answer of it that took another way than the one captured.", "dns",
    ),
    Rule(
        "dns.fallback", "note", SLOW, fallback,
        "After an error a client asked in another way, or elsewhere, and had its answer.",
        "Mend the server that gave the error: each new client pays for it.", "An answer without the error.", "dns",
    ),
    Rule(
        "dns.search_list", "note", SLOW, search_list,
        "A client asked for names that its search list makes and that do not exist.",
        "Write the name with a dot at its end, or lower ndots or shorten the search list (resolv.conf(5)).",
        "A program that asks for these names on purpose.", "dns",
        threshold=f"{span(SEARCH_NS)} from one name of the list to the next.",
    ),
    Rule(
        "dns.extended_error", "note", FAILURE, extended_error,
        "An answer carries an extended error.",
        "Ask another server whether it says the same: filters and stale answers are of this one.",
        "The same answer without the error.", "dns",
    ),
)
