"""How two findings are related: whose conversations, peers, names and frames they have in common."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from analyzer.explain.causes import (
    ADDRESS,
    AFTER,
    CAPTURE,
    CLIENT,
    ENDPOINT,
    NAME,
    OVERLAP,
    SAME,
    SERVER,
    SERVICE,
    UPSTREAM,
    WORTH,
)
from analyzer.explain.rule import SLOW
from analyzer.explain.rules import RULES
from analyzer.model import Analysis, Conversation, Finding

Key = str | int


class Subject:
    """What a finding is about. first, last: the first and the last frame that it rests on; 0 for none.

    conversations: their numbers.     clients, servers: addresses.     ends: of clients, with ports.
    services: of servers, with ports.     given: addresses that lookups in these conversations gave.
    peers: the conversations that it belongs to.
    many: it is about more than one conversation.     partial: not all of them are known here.
    """

    def __init__(self, finding: Finding, conversations: Sequence[Conversation], given: Iterable[str]) -> None:
        self.finding = finding
        self.peers = conversations
        self.first = min(finding.proof, default=0)
        self.last = max(finding.proof, default=0)
        if RULES[finding.code].lasting:
            self.last = max([self.last, *[one.last_frame for one in conversations]])
        self.conversations: set[Key] = set()
        self.clients: set[Key] = set()
        self.ends: set[Key] = set()
        self.servers: set[Key] = set()
        self.services: set[Key] = set()
        for one in conversations:
            self.conversations.add(one.number)
            self.clients.add(one.originator.address)
            self.ends.add(str(one.originator))
            self.servers.add(one.responder.address)
            self.services.add(str(one.responder))
        if finding.clients:        # an ICMP error is a conversation of its own, whose client is the reporter
            self.clients = set(finding.clients)
        self.about: set[Key] = set(finding.about)
        self.many = not finding.conversation and max(finding.victims, len(conversations)) > 1
        self.partial = self.many and finding.victims > len(conversations)
        self.given: set[Key] = set(given)


def _before(cause: Subject, symptom: Subject) -> bool:
    return cause.first <= symptom.last or not symptom.last


def _overlap(cause: Subject, symptom: Subject) -> bool:
    return cause.first <= symptom.last and symptom.first <= cause.last


def _worth(cause: Subject, symptom: Subject) -> bool:
    return _overlap(cause, symptom) and cause.finding.cost_ns * 2 >= symptom.finding.cost_ns


def _elsewhere(cause: Subject, symptom: Subject) -> bool:
    return _before(cause, symptom) and not cause.conversations & symptom.conversations


def _after(cause: Subject, symptom: Subject) -> bool:
    return cause.last < symptom.first


def _within(cause: Subject, symptom: Subject) -> bool:
    """The other conversation was waiting while this one was at it. On a loopback nobody can tell who asks for whom."""
    if cause.clients & symptom.clients or not symptom.first <= cause.first <= symptom.last:
        return False
    return RULES[symptom.finding.code].matter != SLOW or cause.finding.cost_ns * 2 >= symptom.finding.cost_ns


class Relation:
    """Two findings are related if they have a key in common and `also` says so."""

    def __init__(
        self, of_cause: Callable[[Subject], set[Key]], of_symptom: Callable[[Subject], set[Key]],
        also: Callable[[Subject, Subject], bool],
    ) -> None:
        self.of_cause = of_cause
        self.of_symptom = of_symptom
        self.also = also


def _conversations(one: Subject) -> set[Key]:
    return one.conversations


def _capture(_one: Subject) -> set[Key]:
    return {0}


def _clients(one: Subject) -> set[Key]:
    return one.about or one.clients


def _clients_of_all(one: Subject) -> set[Key]:
    """Of a finding about many conversations of which some are not known: all that it is about, which nothing has."""
    return one.clients if one.finding.clients or not one.many else one.about or one.clients


def _all_ends(one: Subject) -> set[Key]:
    return one.ends | one.services


RELATION: Final[dict[str, Relation]] = {
    SAME: Relation(_conversations, _conversations, _before),
    AFTER: Relation(_conversations, _conversations, _after),
    OVERLAP: Relation(_conversations, _conversations, _overlap),
    WORTH: Relation(_conversations, _conversations, _worth),
    ENDPOINT: Relation(_all_ends, lambda one: one.ends, _elsewhere),
    SERVER: Relation(lambda one: one.servers, lambda one: one.servers, _before),
    SERVICE: Relation(lambda one: one.about or one.services, lambda one: one.services | one.about, _before),
    CLIENT: Relation(_clients, _clients_of_all, _before),
    ADDRESS: Relation(lambda one: one.about, lambda one: one.clients | one.servers, _before),
    NAME: Relation(lambda one: one.given, lambda one: one.servers, _elsewhere),
    UPSTREAM: Relation(lambda one: one.clients, lambda one: one.servers, _within),
    CAPTURE: Relation(_capture, _capture, lambda _cause, _symptom: True),
}


def covers(relation: Relation, cause: Subject, symptom: Subject) -> bool:
    """Whether it can explain all that the other finding is about: what is told of many conversations is not explained
    by what happened in one of them."""
    if not symptom.many:
        return True
    if symptom.partial and relation.of_symptom is _conversations:
        return False
    return relation.of_symptom(symptom) <= relation.of_cause(cause)


def subjects(analysis: Analysis, findings: list[Finding]) -> list[Subject]:
    """What each of them is about. One of several conversations belongs to those that its frames were told in."""
    known = {one.number: one for one in analysis.conversations}
    known.update({told.conversation.number: told.conversation for told in analysis.told})
    shared = [one for one in findings if not one.conversation or one.code.startswith("dns.")]
    places = _places(analysis, {frame for one in shared for frame in one.proof})
    given: dict[int, list[str]] = {}
    for lookup in analysis.lookups:
        for number in lookup.conversations:
            given.setdefault(number, []).extend(lookup.addresses)
    made = []
    for finding in findings:
        numbers = {*finding.members, finding.conversation} - {0}
        if not finding.conversation or finding.code.startswith("dns."):
            for frame in finding.proof:
                numbers |= places.get(frame, set())
        made.append(Subject(
            finding, [known[number] for number in sorted(numbers) if number in known],
            [address for number in numbers for address in given.get(number, [])],
        ))
    return made


def _places(analysis: Analysis, frames: set[int]) -> dict[int, set[int]]:
    """In which conversations each of these frames is told."""
    found: dict[int, set[int]] = {}
    if frames:
        for told in analysis.told:
            number = told.conversation.number
            for phase in told.phases:
                for event in phase.events:
                    for frame in event.evidence.frames:
                        if frame in frames:
                            found.setdefault(frame, set()).add(number)
    return found
