"""Findings about DNS lookups, each lookup once, whatever conversations it took."""
from __future__ import annotations

from bisect import bisect_left
from ipaddress import ip_address
from operator import attrgetter
from typing import Final

from analyzer.explain.rule import CERTAIN, LIKELY, POSSIBLE, Case, Found, Rule, frames_of, times
from analyzer.model import Analysis
from dissectors.kit.lookup import ANSWERED, NO_DATA, NO_NAME, TRUNCATED, UNANSWERED, Lookup
from dissectors.kit.units import duration, grouped, plural
from dissectors.protocols.dns.events import DnsIncomplete, Mismatch, Query
from dissectors.protocols.dns.message import HEADER
from dissectors.protocols.dns.outcome import FAILED

# A server or a resolver with the answer at hand needs one round trip; above this a person begins to notice.
SLOW_NS: Final = 200_000_000
VERY_SLOW_NS: Final = 1_000_000_000
# Clients wait some seconds before they ask again; a question right before the end of the capture shows nothing.
PATIENCE_NS: Final = 1_000_000_000
EARLY_NS: Final = 1_000_000_000     # by which a capture may hold an answer before its question


def _multicast(lookup: Lookup) -> bool:
    """Asked of everyone on the link: silence then only says that nobody has the name."""
    try:
        return ip_address(lookup.server).is_multicast
    except ValueError:
        return False


def _groups(analysis: Analysis, kinds: tuple[str, ...]) -> list[list[Lookup]]:
    """Lookups of these kinds; those of the same client, server and question together, in order of start."""
    groups: dict[tuple[str, str, str, str, str], list[Lookup]] = {}
    for lookup in analysis.lookups:
        if lookup.kind in kinds:
            key = (lookup.client, lookup.server, lookup.name, lookup.type, lookup.summary)
            groups.setdefault(key, []).append(lookup)
    return list(groups.values())


def _found(
    analysis: Analysis, lookups: list[Lookup], sentence: str, *, cost_ns: int = 0, severity: str = "",
    confidence: str = CERTAIN, basis: str = "",
) -> Found:
    """A finding about the same lookup, made once or several times; it stands with the conversation of the first."""
    conversation = None
    if lookups[0].conversations:
        number = lookups[0].conversations[0]
        place = bisect_left(analysis.conversations, number, key=attrgetter("number"))    # they are in this order
        conversation = analysis.conversations[place]
    frames = tuple(sorted({frame for lookup in lookups for frame in lookup.frames}))
    return Found(
        sentence, frames, conversation, cost_ns=cost_ns, severity=severity, confidence=confidence, basis=basis
    )


def _span(lookup: Lookup) -> int:
    return lookup.end_ns - lookup.start_ns


def _retried(lookup: Lookup) -> bool:
    return any(step.attempts > 1 for step in lookup.steps)


def _often(lookups: list[Lookup]) -> str:
    return f" (looked up {times(len(lookups))})" if len(lookups) > 1 else ""


def unanswered(analysis: Analysis) -> list[Found]:
    found = []
    ahead = _answered_ahead(analysis)
    for whole in _groups(analysis, (UNANSWERED,)):
        group = [one for one in whole if not any((number, one.start_ns) in ahead for number in one.conversations)]
        if not group:
            continue
        first = group[0]
        waited = max(analysis.capture.end_ns - first.start_ns, 0)
        asked = sum([lookup.attempts for lookup in group])
        tried = f" (asked {times(asked)})" if asked > 1 else ""
        if _multicast(first):
            sentence = f"Nobody on the link answered the question for {first.name} {first.type}{tried}."
            severity, confidence, basis = "chat", LIKELY, "a name that nobody owns is met with silence"
        else:
            sentence = f"{first.server} did not answer the question for {first.name} {first.type}{tried}."
            early = waited < PATIENCE_NS
            severity, confidence = ("note", POSSIBLE) if early else ("", LIKELY)
            basis = f"the capture goes on for {duration(waited)} after the question and shows no answer"
        found.append(_found(
            analysis, group, sentence, cost_ns=waited, severity=severity, confidence=confidence, basis=basis
        ))
    return found


def failed(analysis: Analysis) -> list[Found]:
    return [
        _found(
            analysis, group, f"{group[0].server} could not or would not answer for {group[0].name} {group[0].type}"
            f"{_often(group)}: {group[0].summary}.", cost_ns=sum([_span(lookup) for lookup in group]),
            basis="the code of the response",
        )
        for group in _groups(analysis, (FAILED,))
    ]


def no_name(analysis: Analysis) -> list[Found]:
    return [
        _found(
            analysis, group, f"The name {group[0].name} does not exist (asked for {group[0].type}){_often(group)}.",
            cost_ns=sum([_span(lookup) for lookup in group]), basis="NXDOMAIN in the response",
        )
        for group in _groups(analysis, (NO_NAME,))
    ]


def slow(analysis: Analysis) -> list[Found]:
    """Answered without a retry, and still late."""
    found = []
    for group in _groups(analysis, (ANSWERED, NO_NAME, NO_DATA)):
        late = [lookup for lookup in group if _span(lookup) >= SLOW_NS and not _retried(lookup)]
        if not late:
            continue
        worst = max(late, key=_span)
        exchanges = len(worst.steps) + worst.left_out
        how = f" in {plural(exchanges, 'exchange')}" if exchanges > 1 else ""
        again = f", and was as slow {times(len(late) - 1)} more" if len(late) > 1 else ""
        found.append(_found(
            analysis, late, f"The lookup of {worst.name} {worst.type} took {duration(_span(worst))}{how}{again}.",
            cost_ns=sum([_span(lookup) for lookup in late]),
            severity="warn" if _span(worst) >= VERY_SLOW_NS else "", basis="from the first question to the last answer",
        ))
    return found


def retried(analysis: Analysis) -> list[Found]:
    found = []
    for lookup in analysis.lookups:
        if lookup.kind == UNANSWERED or not _retried(lookup) or _multicast(lookup):
            continue
        again = sum([step.attempts - 1 for step in lookup.steps])
        found.append(_found(
            analysis, [lookup], f"The question for {lookup.name} {lookup.type} had to be repeated {times(again)} "
            f"before it was answered, and the lookup took {duration(_span(lookup))}.",
            cost_ns=_span(lookup), confidence=LIKELY, basis="no answer was seen before the question came again",
        ))
    return found


def repeated(analysis: Analysis) -> list[Found]:
    found = []
    groups: dict[tuple[str, str, str], list[Lookup]] = {}
    for lookup in analysis.lookups:
        if lookup.repeated_before_ttl > 0:
            groups.setdefault((lookup.client, lookup.name, lookup.type), []).append(lookup)
    for (client, name, type_), group in groups.items():
        longest = max([lookup.repeated_before_ttl for lookup in group])
        found.append(_found(
            analysis, group, f"{client} asked for {name} {type_} {times(len(group))} more although the answer it had "
            f"was good for another {grouped(longest)} s.", cost_ns=sum([_span(lookup) for lookup in group]),
            confidence=LIKELY, basis="the TTL of the earlier answer to the same address; several programs without a "
            "common cache look the same",
        ))
    return found


def truncated(analysis: Analysis) -> list[Found]:
    found = []
    for lookup in analysis.lookups:
        about = f"The answer for {lookup.name} {lookup.type} did not fit into a datagram"
        if lookup.over_tcp:
            found.append(_found(
                analysis, [lookup], f"{about}; asking again over TCP made the lookup take {duration(_span(lookup))}.",
                cost_ns=_span(lookup), basis="the TC bit of the response, then the question over TCP",
            ))
        elif lookup.kind == TRUNCATED:
            found.append(_found(
                analysis, [lookup], f"{about}, and nobody was seen to ask again over TCP.", severity="warn",
                confidence=LIKELY, basis="the TC bit of the response, and no question over TCP in this capture",
            ))
    return found


def mismatch(case: Case) -> list[Found]:
    """Answers to no question. One whose question follows, with an identifier that nobody can know before it is asked,
    was captured before it: that is the order of the capture, and no stray answer."""
    questions = case.of_base(Query)
    early = {id(event): _lead(event, questions) for event in case.of(Mismatch)}
    ahead = [event for event in case.of(Mismatch) if early[id(event)] > 0]
    events = [event for event in case.of(Mismatch) if early[id(event)] <= 0]
    found: list[Found] = []
    if ahead:
        who, by = case.end(ahead[0].direction), duration(max(early.values()))
        stand, its = ("stand", "their questions") if len(ahead) > 1 else ("stands", "its question")
        found.append(Found(
            f"{plural(len(ahead), 'response')} of {who} {stand} in the capture up to {by} before {its}: the two "
            "directions are not captured in their order.", frames_of(ahead), case.conversation, severity="note",
            basis="the identifier and the question are those of a query that follows",
        ))
    if not events:
        return found
    return [*found, Found(
        f"{plural(len(events), 'response')} of {case.end(events[0].direction)} "
        f"{'match' if len(events) > 1 else 'matches'} no question as it was asked.",
        frames_of(events), case.conversation, confidence=POSSIBLE, basis=events[0].reason.rstrip("."),
    )]


def _answered_ahead(analysis: Analysis) -> set[tuple[int, int]]:
    """(conversation, time) of questions that the capture holds behind their answers."""
    found: set[tuple[int, int]] = set()
    for told in analysis.told:
        events = [event for phase in told.phases for event in phase.events]
        strays = [event for event in events if isinstance(event, Mismatch)]
        questions = [event for event in events if isinstance(event, Query)] if strays else []
        found |= {
            (told.conversation.number, one.time) for one in questions if any(_lead(stray, [one]) for stray in strays)
        }
    return found


def _lead(response: Mismatch, questions: list[Query]) -> int:
    """How long this response stands before its question; 0 where none follows soon."""
    for query in questions:
        asked, answered = query.message, response.message
        same = asked.id == answered.id and asked.question_end > 0 and (
            asked.data[HEADER:asked.question_end].lower() == answered.data[HEADER:answered.question_end].lower()
        )
        if same and query.direction != response.direction and 0 < query.time - response.time <= EARLY_NS:
            return query.time - response.time
    return 0


def incomplete(case: Case) -> list[Found]:
    events = case.of(DnsIncomplete)
    if not events:
        return []
    octets = sum([event.held for event in events])
    return [Found(
        f"{plural(octets, 'byte')} of DNS over TCP cannot be told as messages.", frames_of(events), case.conversation,
        basis=events[0].reason,
    )]


DNS_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "dns.mismatch", "warn", mismatch,
        "Compare id, ports and question: a duplicated or late answer is harmless, a forged one is not.",
        "The question, in a part of the capture that is missing.", "dns.flags.response == 1", True,
    ),
    Rule(
        "dns.incomplete", "note", incomplete,
        "Capture from the start of the connection, without losses.", "A protocol on this port that is not DNS.",
    ),
)

DNS_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.unanswered", "error", unanswered,
        "Ask the same server from elsewhere, and see whether a filter drops port 53.",
        "An answer that took another way than the one captured.", "dns", True,
    ),
    Rule(
        "dns.failed", "error", failed,
        "Ask the servers of the zone directly; SERVFAIL often means broken DNSSEC or servers out of reach.",
        "Another server that answers the same question.", "dns.flags.rcode != 0",
    ),
    Rule(
        "dns.no_name", "note", no_name,
        "Check the spelling, and the search list of the client.", "A server of the zone that knows the name.",
        "dns.flags.rcode == 3",
    ),
    Rule(
        "dns.retried", "warn", retried,
        "See whether question or answer was lost, by a capture at the server.",
        "An answer to the first question that the capture missed.", "dns", True,
    ),
    Rule(
        "dns.slow", "note", slow,
        "See what the resolver waited for: a cold cache, a distant server, one that does not answer.",
        "The same question again, just as slow from a warm cache.", "dns",
    ),
    Rule(
        "dns.truncated", "note", truncated,
        "Let the client announce a larger EDNS size, or the answer be smaller.", "A whole answer over UDP.", "dns",
    ),
    Rule(
        "dns.repeated", "chat", repeated,
        "Run a cache on the client, if it happens often.", "Different programs, or different hosts behind one address.",
        "dns",
    ),
)
