"""Facts of the phases of an application protocol: lookups where there are any, counts of any other."""
from __future__ import annotations

from statistics import median
from typing import Final

from analyzer.model import Conversation, Phase
from dissectors.kit.event import Malformed
from dissectors.kit.units import duration, plural
from dissectors.protocols.dns.events import Mismatch, Query, Response, Retry, Unanswered
from dissectors.protocols.dns.lookup import Lookup
from dissectors.wire.secrets.gate import Said

MAX_LINE: Final = 120    # characters of one of them
MAX_NAMED: Final = 3     # lookups named in the line of a phase
MAX_FACTS: Final = 8     # that events add to the line of their phase


def in_short(lookup: Lookup) -> str:
    """One line for a lookup, however long its records are."""
    line = lookup.line()
    return line if len(line) <= MAX_LINE else line[:MAX_LINE - 1].rstrip() + "…"


def application_facts(phase: Phase, conversation: Conversation, lookups: list[Lookup]) -> list[str]:
    """What the phase amounts to, in a few short words each: what its events say of it, then counts."""
    facts = list(dict.fromkeys([fact for event in phase.events for fact in Said(event).phase_facts()]))
    if len(facts) > MAX_FACTS:
        facts = [*facts[:MAX_FACTS], f"{plural(len(facts) - MAX_FACTS, 'further fact')} below"]
    if any(isinstance(event, (Query, Response, Unanswered)) for event in phase.events):
        facts += _lookup_facts(conversation.number, lookups) + _message_facts(phase)
    broken = sum(isinstance(event, Malformed) for event in phase.events)
    if broken:
        facts.append(plural(broken, "malformed message"))
    return facts


def _lookup_facts(number: int, lookups: list[Lookup]) -> list[str]:
    begun = [lookup for lookup in lookups if lookup.conversations and lookup.conversations[0] == number]
    facts = [in_short(lookup) for lookup in begun] if len(begun) <= MAX_NAMED else [plural(len(begun), "lookup")]
    for lookup in begun[:MAX_NAMED]:
        exchanges = len(lookup.steps) + lookup.left_out
        if exchanges > 1:
            facts.append(plural(exchanges, "exchange"))
        if lookup.over_tcp:
            facts.append("truncated, then over TCP")
        if lookup.repeated_before_ttl >= 0:
            facts.append("asked again before the TTL ran out")
    for lookup in lookups[:MAX_NAMED]:
        if lookup not in begun:
            facts.append(f"part of the lookup of {lookup.name} {lookup.type} in conversation {lookup.conversations[0]}")
    return facts


def _message_facts(phase: Phase) -> list[str]:
    """Counts of messages; the time of the answers."""
    questions = sum(isinstance(event, Query) and not isinstance(event, Retry) for event in phase.events)
    again = sum(isinstance(event, Retry) for event in phase.events)
    answers = [
        event for event in phase.events if isinstance(event, Response) and not isinstance(event, Mismatch)
        and not event.continued
    ]
    stray = sum(isinstance(event, Mismatch) for event in phase.events)
    times = [event.response_ns for event in answers if event.response_ns >= 0]
    facts: list[str] = []
    if questions > 1 or len(answers) > 1:
        facts.append(f"{plural(questions, 'question')}, {plural(len(answers), 'answer')}")
    elif questions and not answers:
        facts.append("no answer seen")
    if again:
        facts.append(f"asked again {plural(again, 'time')}")
    if len(times) == 1:
        facts.append(f"answered in {duration(times[0])}")
    elif times:
        facts.append(f"answered in {duration(int(median(times)))} (median), {duration(max(times))} at most")
    if stray:
        facts.append(plural(stray, "stray answer"))
    return facts
