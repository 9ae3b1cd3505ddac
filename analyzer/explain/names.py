"""Findings about DNS lookups, each lookup once, whatever conversations it took."""
from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from itertools import pairwise
from typing import Final

from analyzer.explain.names_answers import ANSWER_CAPTURE_RULES, ANSWER_RULES
from analyzer.explain.names_lame import LAME_RULES, lame_servers, told_as_lame
from analyzer.explain.names_loops import LOOP_RULES
from analyzer.explain.names_servers import NAME_CAPTURE_RULES, listed, of_lookups, searches, silent_servers
from analyzer.explain.rule import (
    CERTAIN,
    DENIAL,
    LIKELY,
    NOTE,
    OUTLOOK,
    POSSIBLE,
    SLOW,
    Case,
    Found,
    Rule,
    frames_of,
    times,
)
from analyzer.explain.usual import TOO_SOON, Usual
from analyzer.model import Analysis, Conversation, Told
from dissectors.kit.event import BACKWARD, FORWARD
from dissectors.kit.lookup import ANSWERED, NO_DATA, NO_NAME, TRUNCATED, UNANSWERED, Lookup
from dissectors.kit.observation import NOWHERE, what_ended
from dissectors.kit.units import grouped, plural, span
from dissectors.protocols.dns.events import DnsIncomplete, Mismatch
from dissectors.protocols.dns.lookups import SOONEST_NS
from dissectors.protocols.dns.outcome import FAILED
from dissectors.protocols.icmp import IcmpError
from dissectors.wire.dns_types import PORT as DNS_PORT
from dissectors.wire.dns_types import type_name

# A server or a resolver with the answer at hand needs one round trip; above this a person begins to notice.
SLOW_NS: Final = 200_000_000
VERY_SLOW_NS: Final = 1_000_000_000
# Most clients ask again after 1 to 5 s (resolv.conf(5): 5 s).
PATIENCE_NS: Final = 5_000_000_000
# An answer that takes longer than a second, or than so many times the slowest of its server, is not to be expected.
SLOWEST_NS: Final = 1_000_000_000
SLOWER: Final = 3
ROUND_TRIPS: Final = 2  # of the client's connections that a lookup may take
SURELY: Final = 3       # times that a client asks which hears nothing, where the capture may not hold what it hears
OFTEN: Final = 5        # where a new id and a new port each time hide that it is the same one that asks
TCP_NS: Final = 5_000_000_000       # within which a truncated answer is followed by a connection
BROADCAST: Final = "255.255.255.255"
DNSSEC: Final = frozenset((1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27))     # extended errors (RFC 8914 §4)


def _to_everyone(lookup: Lookup) -> bool:
    """Asked of everyone on the link (RFC 919 §7): silence then only says that nobody has the name."""
    try:
        server = ip_address(lookup.server)
        return server.is_multicast or str(server) == BROADCAST
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


def _span(lookup: Lookup) -> int:
    return lookup.end_ns - lookup.start_ns


def _retried(lookup: Lookup) -> bool:
    return any(step.attempts > 1 for step in lookup.steps)


def _asked(count: int) -> str:
    return f" (asked {times(count)})" if count > 1 else ""


def _late(lookup: Lookup) -> bool:
    return any(step.late_ns >= 0 for step in lookup.steps)


def _waited(lookup: Lookup) -> str:
    """For which server it waited in vain."""
    for step, following in pairwise(lookup.steps):
        wait = following.start_ns - step.start_ns
        if step.end_ns < 0 and following.server != step.server and 2 * wait > _span(lookup):
            return f", {span(wait)} of it without an answer of {step.server}, until {following.server} was asked"
    return ""


def _often(lookups: list[Lookup]) -> str:
    return f" (looked up {times(len(lookups))})" if len(lookups) > 1 else ""


def unanswered(analysis: Analysis) -> list[Found]:
    """A question that nothing answered: no answer, no error, no end of its connection, no ICMP message."""
    found = []
    told = {told.conversation.number: told for told in analysis.told}
    strays = Strays(analysis.told)
    slowest: dict[str, int] = {}
    for step in [step for lookup in analysis.lookups for step in lookup.steps if step.end_ns >= 0]:
        slowest[step.server] = max(slowest.get(step.server, 0), step.end_ns - step.start_ns)
    for group in _groups(analysis, (UNANSWERED,)):
        if any(step.elsewhere for step in group[0].steps):
            continue
        closed = [lookup for lookup in group if any(step.closed for step in lookup.steps)]
        if closed:
            found.append(_closed(analysis, closed))
        elif _to_everyone(group[0]):
            found.append(_nobody(analysis, group))
        else:
            found.append(_silent(analysis, group, told, strays, slowest.get(group[0].server, -1)))
    return found


def _nobody(analysis: Analysis, group: list[Lookup]) -> Found:
    first = group[0]
    tried = sum([lookup.attempts for lookup in group])
    return of_lookups(
        analysis, group, f"Nobody on the link answered the question for {first.name} {first.type}{_asked(tried)}.",
        severity="chat", confidence=LIKELY, basis="a name that nobody owns is met with silence",
    )


def _closed(analysis: Analysis, group: list[Lookup]) -> Found:
    """The connection ended, or the client gave up its stream of it."""
    first = group[0]
    step = next(step for step in first.steps if step.closed)
    given_up = step.closed.startswith("the client")
    return of_lookups(
        analysis, group, f"The question for {first.name} {first.type} to {first.server} has no answer: "
        f"{step.closed} {span(step.end_ns - step.start_ns)} after it.", cost_ns=_span(first),
        severity="note" if given_up else "", basis="the end of the stream that carried the question",
    )


def _silent(
    analysis: Analysis, group: list[Lookup], told: dict[int, Told], strays: Strays, slowest: int
) -> Found:
    """slowest: answer of this server to another question, -1 without one.

    tries: that show by id or server that the client had no answer to the one before; like: those that only look so,
    too, of which several are several only of a program that got nothing.
    """
    first = group[0]
    waited = max(analysis.capture.end_ns - first.start_ns, 0)
    asked = sum([lookup.attempts for lookup in group])
    tries = max([_tries(lookup, True) for lookup in group])
    like = max([_tries(lookup, False) for lookup in group])
    sentence = f"{first.server} did not answer the question for {first.name} {first.type}{_asked(asked)}"
    refused = _refused(first, told)
    about = told.get(first.conversations[0]) if first.conversations else None
    stray = strays.to(first)
    absent = NOWHERE
    severity, confidence = "", LIKELY
    basis = f"the capture goes on for {span(waited)} after the question and shows no answer"
    if about is not None:
        answers = BACKWARD if about.conversation.originator.address == first.client else FORWARD
        until = analysis.capture.end_ns - 1
        absent = about.observed.absence(answers, first.start_ns, until)
        if not absent.proven and (tries >= SURELY or like >= OFTEN):
            absent = about.observed.absence(1 - answers, first.start_ns, until)    # it rests on what the client did
            basis += f"; the client asked {times(max(tries, like))}, as one does that hears nothing"
    if refused:
        sentence += f": {refused}"
        confidence, basis = CERTAIN, "the ICMP message that quotes the question"
    elif stray:
        absent, severity, confidence = NOWHERE, NOTE, POSSIBLE
        basis = f"#{stray} answers this question and is stamped before it: the times of the two may be wrong"
    elif tries < 2 and like < SURELY:
        severity, confidence = NOTE, POSSIBLE
        if waited < max(SLOWEST_NS, SLOWER * slowest):
            over = what_ended(analysis.capture.ended)
            basis = f"{over} ends {span(waited)} after the question, before most clients ask again"
        elif waited < PATIENCE_NS:
            basis += f", where its other answers took {span(slowest)} at most" if slowest >= 0 else ""
        else:
            basis += "; the client asked only once, as one does that has its answer" if like == 1 else \
                "; the question that came again has another id, and may be that of another program"
    return of_lookups(
        analysis, group, f"{sentence}.", cost_ns=waited, severity=severity, confidence=confidence, basis=basis,
        absent=absent, otherwise=f"No answer of {first.server} to the question for {first.name} {first.type} is in "
        f"the capture{_asked(asked)}.",
    )


class Strays:
    """Answers that answer nothing that came before them, by their ends and their question: the frame of the first."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._frames: dict[tuple[frozenset[str], str], int] = {}
        for about in told:
            ends = frozenset((about.conversation.originator.address, about.conversation.responder.address))
            for phase in about.phases:
                for event in phase.events:
                    question = event.message.question() if isinstance(event, Mismatch) else None
                    if question is not None:
                        asked = f"{question.name.text()} {type_name(question.type)}"
                        self._frames.setdefault((ends, asked), event.evidence.frames[0])

    def to(self, lookup: Lookup) -> int:
        """The one to this question, by its server; 0 for none."""
        return self._frames.get((frozenset((lookup.server, lookup.client)), f"{lookup.name} {lookup.type}"), 0)


def _tries(lookup: Lookup, surely: bool) -> int:
    """How often its own client asked its own question."""
    return sum([
        step.attempts - (step.alike if surely else 0) for step in lookup.steps
        if step.client == lookup.client and step.question == f"{lookup.name} {lookup.type}"
    ])


def _refused(lookup: Lookup, told: dict[int, Told]) -> str:
    """What an ICMP message says of its question."""
    for number in lookup.conversations:
        about = told.get(number)
        for phase in about.phases if about is not None else []:
            for event in phase.events:
                if isinstance(event, IcmpError) and not event.gateway and event.time >= lookup.start_ns \
                        and event.sender != lookup.client:
                    return f"{event.sender} reports that {event.reason()}"
    return ""


def failed(analysis: Analysis) -> list[Found]:
    lame = lame_servers(analysis.lookups)
    return [
        of_lookups(
            analysis, group, f"{group[0].server} could not or would not answer for {group[0].name} {group[0].type}"
            f"{_often(group)}: {group[0].summary}{_errors(group[0])}.",
            cost_ns=sum([_span(lookup) for lookup in group]), basis="the code of the response",
            next_step=_against(group[0]),
        )
        for group in _groups(analysis, (FAILED,)) if not told_as_lame(group[0], lame)
    ]


def _errors(lookup: Lookup) -> str:
    """What the server adds to its code (RFC 8914)."""
    if not lookup.errors:
        return ""
    said = f", with {' and '.join(lookup.errors.values())}"
    return f"{said}: the answer was found, but not proven by DNSSEC" if DNSSEC & lookup.errors.keys() else said


def _against(lookup: Lookup) -> str:
    """What to do about a failed validation; "" where it is none."""
    if not DNSSEC & lookup.errors.keys():
        return ""
    return (
        "Check the signatures, keys and DS records of the zone, and the clock of the server; a question with the CD "
        "bit shows the answer that was not proven."
    )


def no_name(analysis: Analysis) -> list[Found]:
    searched = {id(lookup) for search in searches(analysis.lookups) for lookup in search.vain}
    found = []
    for same in _groups(analysis, (NO_NAME,)):
        group = [lookup for lookup in same if id(lookup) not in searched]
        if group:
            first = group[0]
            found.append(of_lookups(
                analysis, group,
                f"The name {first.name} does not exist (asked for {first.type}){_often(group)}{_errors(first)}.",
                cost_ns=sum([_span(lookup) for lookup in group]), basis="NXDOMAIN in the response",
            ))
    return found


def slow(analysis: Analysis) -> list[Found]:
    """Answered without a retry, and still late."""
    found = []
    silent = silent_servers(analysis)
    usual = Usual(analysis.told)
    for group in _groups(analysis, (ANSWERED, NO_NAME, NO_DATA)):
        late = [
            lookup for lookup in group
            if _span(lookup) - _way(usual, lookup) >= SLOW_NS and not _retried(lookup) and not _late(lookup)
            and not any(step.server in silent for step in lookup.steps)
        ]
        if not late:
            continue
        worst = max(late, key=_span)
        exchanges = len(worst.steps) + worst.left_out
        how = f" in {plural(exchanges, 'exchange')}" if exchanges > 1 else ""
        again = f", and was as slow {times(len(late) - 1)} more" if len(late) > 1 else ""
        found.append(of_lookups(
            analysis, late,
            f"The lookup of {worst.name} {worst.type} took {span(_span(worst))}{how}{again}{_waited(worst)}.",
            cost_ns=sum([_span(lookup) for lookup in late]),
            severity="warn" if _span(worst) - _way(usual, worst) >= VERY_SLOW_NS else "",
            basis="from the first question to the last answer",
        ))
    return found


def _way(usual: Usual, lookup: Lookup) -> int:
    """What a lookup takes where the client is far from everything: two round trips of its connections, for the server
    asks others in turn. 0 where it has no connections with which that can be told."""
    ways = usual.way_elsewhere(lookup.client, lookup.server)
    return ROUND_TRIPS * ways[len(ways) // 2] if ways else 0


def retried(analysis: Analysis) -> list[Found]:
    found = []
    for lookup in analysis.lookups:
        if lookup.kind in (UNANSWERED, TRUNCATED) or not _retried(lookup) or _to_everyone(lookup):
            continue
        again = sum([step.attempts - 1 for step in lookup.steps])
        alike = sum([step.alike for step in lookup.steps])
        longest = max([step.waited_ns for step in lookup.steps])
        if longest < SOONEST_NS:
            found.append(of_lookups(
                analysis, [lookup], f"The question for {lookup.name} {lookup.type} was sent {times(again + 1)}, up to "
                f"{span(max(longest, 0))} apart, sooner than anybody gives up an answer: nothing says it was lost.",
                severity=NOTE, confidence=LIKELY, basis="the same question again, before any resolver's timer",
            ))
            continue
        found.append(of_lookups(
            analysis, [lookup], f"The question for {lookup.name} {lookup.type} had to be repeated {times(again)} "
            f"before it was answered, and the lookup took {span(_span(lookup))}.",
            cost_ns=_span(lookup), severity=NOTE if alike == again else "",
            confidence=POSSIBLE if alike == again else LIKELY,
            basis="no answer was seen before the question came again" + (
                ", with another id and from another port: it may be that of another program" if alike == again else ""
            ),
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
        found.append(of_lookups(
            analysis, group, f"{client} asked for {name} {type_} {times(len(group))} more although the answer it had "
            f"was good for another {grouped(longest)} s.", cost_ns=sum([_span(lookup) for lookup in group]),
            confidence=LIKELY, basis="the TTL of the earlier answer to the same address; several programs without a "
            "common cache look the same",
        ))
    return found


def truncated(analysis: Analysis) -> list[Found]:
    found = []
    over_tcp: dict[tuple[str, str], list[Conversation]] = {}
    for one in analysis.conversations:
        if one.transport == "tcp" and one.responder.port == DNS_PORT:
            over_tcp.setdefault((one.originator.address, one.responder.address), []).append(one)
    for lookup in analysis.lookups:
        about = f"The answer for {lookup.name} {lookup.type} did not fit into a datagram"
        if lookup.kind == TRUNCATED:
            found.append(_untruncated(analysis, lookup, about, over_tcp.get((lookup.client, lookup.server), [])))
        elif lookup.over_tcp:
            found.append(of_lookups(
                analysis, [lookup], f"{about}; asking again over TCP made the lookup take {span(_span(lookup))}.",
                cost_ns=_span(lookup), basis="the TC bit of the response, then the question over TCP",
            ))
    return found


def _untruncated(analysis: Analysis, lookup: Lookup, about: str, connections: list[Conversation]) -> Found:
    """Truncated, and no whole answer came of it. connections: of this client with this server, for whole answers."""
    over_tcp = [step for step in lookup.steps if step.tcp]
    closed = [step for step in over_tcp if step.closed]
    if closed:
        spans = [span(step.end_ns - step.start_ns) for step in closed]
        return of_lookups(
            analysis, [lookup], f"{about}, and over TCP it had no answer either: {closed[0].closed} "
            f"{spans[0]} after the question{f' ({times(len(closed))}, after {listed(spans)})' if spans[1:] else ''}.",
            cost_ns=_span(lookup), severity="error", basis="the TC bit of the response, then the end of the connection",
            next_step="Ask the server over TCP: it has to answer there as it does over UDP (RFC 7766 §5).",
        )
    if over_tcp:
        return of_lookups(
            analysis, [lookup], f"{about}, and no answer over TCP was seen.", confidence=POSSIBLE,
            basis="the TC bit of the response, and the question over TCP",
        )
    for conversation in connections:
        refused = _no_connection(conversation, lookup)
        if refused:
            return of_lookups(
                analysis, [lookup], f"{about}, and over TCP {refused}.", severity="error", confidence=LIKELY,
                basis=f"the TC bit of the response, and conversation {conversation.number}",
                next_step="Let TCP to port 53 of the server pass: an answer has to be had there too (RFC 7766 §5).",
            )
    since = analysis.capture.end_ns - lookup.end_ns
    early = since < TCP_NS
    return of_lookups(
        analysis, [lookup], f"{about}, and nobody was seen to ask again over TCP.", severity=NOTE if early else "warn",
        confidence=POSSIBLE if early else LIKELY,
        basis="the TC bit of the response, and no question over TCP in this capture, which goes on for "
        f"{span(since)}",
    )


def _no_connection(conversation: Conversation, lookup: Lookup) -> str:
    """How the connection failed that was to bring the whole answer; "" where this is none."""
    if not 0 <= conversation.start_ns - lookup.end_ns <= TCP_NS:
        return ""
    return {
        "REJ": f"{lookup.server} refused the connection", "S0": f"no answer of {lookup.server} to the SYN was seen",
    }.get(conversation.state, "")


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
    *ANSWER_RULES,
    Rule(
        "dns.incomplete", "note", OUTLOOK, incomplete,
        "A message of DNS over TCP is not whole.",
        "Capture from the start of the connection, without losses.", "A protocol on this port that is not DNS.",
    ),
)

DNS_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "dns.unanswered", "error", DENIAL, unanswered,
        "A question had no answer.",
        "Ask the same server from elsewhere, and see whether a filter drops port 53.",
        "An answer that took another way than the one captured.", "dns", absence=True,
        threshold=f"{span(PATIENCE_NS)}, by which most clients ask again; or {SLOWER} times the slowest answer of this "
        f"server, and {span(SLOWEST_NS)}: {TOO_SOON}.", lasting=True,
    ),
    Rule(
        "dns.failed", "error", DENIAL, failed,
        "A server answered that it could not or would not say (SERVFAIL, REFUSED and others).",
        "Ask the servers of the zone directly; SERVFAIL often means broken DNSSEC or servers out of reach.",
        "Another server that answers the same question.", "dns.flags.rcode != 0",
    ),
    Rule(
        "dns.no_name", "note", DENIAL, no_name,
        "The name does not exist (NXDOMAIN).",
        "Check the spelling, and the search list of the client.", "A server of the zone that knows the name.",
        "dns.flags.rcode == 3",
    ),
    Rule(
        "dns.retried", "warn", SLOW, retried,
        "A question had to be asked again.",
        "See whether question or answer was lost, by a capture at the server.",
        "An answer to the first question that the capture missed.", "dns", absence=True,
        threshold=f"{span(SOONEST_NS)}: no resolver gives an answer up sooner, so what comes sooner is no retry.",
    ),
    Rule(
        "dns.slow", "note", SLOW, slow,
        "A lookup took long, although nothing was lost.",
        "See what the resolver waited for: a cold cache, a distant server, one that does not answer.",
        "The same question again, just as slow from a warm cache.", "dns",
        threshold=f"{span(SLOW_NS)} beyond {ROUND_TRIPS} round trips of the client's connections to other servers; a "
        f"warning from {span(VERY_SLOW_NS)}. A server with the answer at hand needs one round trip, and "
        "above this a person begins to notice.",
    ),
    Rule(
        "dns.truncated", "note", SLOW, truncated,
        "An answer was too long for UDP, and was asked for again over TCP.",
        "Let the client announce a larger EDNS size, or the answer be smaller.", "A whole answer over UDP.", "dns",
        threshold=f"{span(TCP_NS)} within which a truncated answer is asked for over TCP.",
    ),
    Rule(
        "dns.repeated", "chat", SLOW, repeated,
        "A client asked again for what it could have kept.",
        "Run a cache on the client, if it happens often.", "Different programs, or different hosts behind one address.",
        "dns",
    ),
    *ANSWER_CAPTURE_RULES,
    *NAME_CAPTURE_RULES,
    *LAME_RULES, *LOOP_RULES,
)
