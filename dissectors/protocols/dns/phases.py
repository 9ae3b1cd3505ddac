"""What a phase of DNS amounts to: its lookups, counts of messages, and how long the answers took."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import Event
from dissectors.kit.lookup import Lookup
from dissectors.kit.phase import Stretch, Summary, summed_up
from dissectors.kit.units import duration, median, plural
from dissectors.protocols.dns.events import DnsResponse, DnsRetry, DnsUnanswered, Mismatch, Query

MAX_NAMED: Final = 3     # lookups named in the line of a phase


def summarise(stretch: Stretch) -> Summary:
    """The facts of a phase of questions and answers."""
    counted: list[str] = []
    if any(isinstance(event, (Query, DnsResponse, DnsUnanswered)) for event in stretch.events):
        counted = _lookups(stretch.traffic.number, stretch.traffic.lookups) + _messages(stretch.events)
    return summed_up(stretch, counted)


def _lookups(number: int, lookups: list[Lookup]) -> list[str]:
    begun = [lookup for lookup in lookups if lookup.conversations and lookup.conversations[0] == number]
    facts = [lookup.short() for lookup in begun] if len(begun) <= MAX_NAMED else [plural(len(begun), "lookup")]
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


def _messages(events: list[Event]) -> list[str]:
    """Counts of messages; the time of the answers."""
    questions = again = answers = stray = 0
    times: list[int] = []
    for event in events:
        if isinstance(event, DnsRetry):
            again += 1
        elif isinstance(event, Query):
            questions += 1
        elif isinstance(event, Mismatch):
            stray += 1
        elif isinstance(event, DnsResponse) and not event.continued:
            answers += 1
            if event.response_ns >= 0:
                times.append(event.response_ns)
    facts: list[str] = []
    if questions > 1 or answers > 1:
        facts.append(f"{plural(questions, 'question')}, {plural(answers, 'answer')}")
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
