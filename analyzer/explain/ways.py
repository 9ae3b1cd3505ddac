"""Traceroute: packets whose hop limit is small on purpose, so that each router on the way has to name itself.

Looks alike: a routing loop, in which packets die that were sent with an ordinary hop limit; a program that bounds its
packets to its own network, which uses one small hop limit and not several. So it takes two hop limits, both small, that
were seen on the packets which the reports quote.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.explain.rule import LIKELY, Found, Rule
from analyzer.model import Analysis, Scan, Told
from dissectors.kit.units import plural, span
from dissectors.protocols.icmp import IcmpError

LIMITS: Final = 2                       # hop limits that make a trace
NEAR_NS: Final = 30_000_000_000         # probes so long before or after those that were reported belong to the trace
PROBES: Final = {"icmp": "echo requests", "icmpv6": "echo requests", "tcp": "SYNs"}
MAX_HOPS: Final = 30                    # that a sentence lists
MAX_FRAMES: Final = 200


class Trace:
    """The way from one machine to another. hops: by hop limit, who reported and after how long, the quickest report.

    reached: the hop limit with which the target itself was reached, 0 where it was not.
    """

    def __init__(self, source: str, target: str, transport: str) -> None:
        self.source = source
        self.target = target
        self.transport = transport
        self.hops: dict[int, dict[str, int]] = {}
        self.reached = 0
        self.frames: set[int] = set()
        self.start_ns = -1
        self.end_ns = -1

    def add(self, error: IcmpError) -> None:
        quickest = self.hops.setdefault(error.hop, {})
        known = quickest.get(error.sender, -1)
        quickest[error.sender] = error.after_ns if known < 0 else min(known, error.after_ns)
        if len(self.frames) < MAX_FRAMES:
            self.frames.update(error.evidence.frames)
        if not error.exceeded:
            self.reached = min(self.reached or error.hop, error.hop)
        self.start_ns = error.time if self.start_ns < 0 else min(self.start_ns, error.time)
        self.end_ns = max(self.end_ns, error.time)

    def answers(self, analysis: Analysis) -> bool:
        """Whether the target itself answered, by what the transport has for that."""
        return any(
            one.frames[1] and one.transport == self.transport
            and (one.originator.address, one.responder.address) == (self.source, self.target)
            for one in analysis.conversations
        )

    def words(self) -> str:
        """`1 10.0.1.1 (1.20 ms), 2 no report, 3 10.0.3.2 (12.1 ms)`."""
        last = self.reached or max(self.hops)
        said = []
        for hop in range(1, min(last, MAX_HOPS) + 1):
            who = [f"{sender} ({span(after)})" for sender, after in self.hops.get(hop, {}).items()]
            said.append(f"{hop} {' or '.join(who) or 'no report'}")
        return ", ".join(said)


def _errors(told: Told) -> Iterator[IcmpError]:
    for phase in told.phases:
        for event in phase.events:
            if isinstance(event, IcmpError) and event.hop > 0:
                yield event


def traces(analysis: Analysis) -> list[Trace]:
    found: dict[tuple[str, str, str], Trace] = {}
    for told in analysis.told:
        one = told.conversation
        ends = (one.originator.address, one.responder.address)
        for error in _errors(told):
            source, target = ends[1 - error.direction], ends[error.direction]
            key = (source, target, one.transport)
            found.setdefault(key, Trace(*key)).add(error)
    return [
        one for one in found.values()
        if len(one.hops) >= LIMITS and any(sender != one.target for each in one.hops.values() for sender in each)
    ]


def traced(analysis: Analysis) -> set[int]:
    """The conversations that are part of a trace, also those of its packets of which nobody reported anything."""
    found: set[int] = set()
    for trace in traces(analysis):
        for told in analysis.told:
            one = told.conversation
            if one.transport == trace.transport and (one.originator.address, one.responder.address) == (
                trace.source, trace.target
            ) and one.end_ns >= trace.start_ns - NEAR_NS and one.start_ns <= trace.end_ns + NEAR_NS:
                if one.transport != "tcp" or not any(one.payload):
                    found.add(one.number)
    return found


def without_traces(analysis: Analysis) -> list[Scan]:
    """Scans that are none: each port is tried with a hop limit that is small on purpose."""
    probing = {
        (one.originator.address, one.responder.address, one.transport) for one in analysis.conversations if one.few_hops
    }
    return [
        scan for scan in analysis.capture.scans
        if not scan.host or (scan.client, scan.host, scan.transport) not in probing
    ]


def traceroute(analysis: Analysis) -> list[Found]:
    found = []
    for trace in traces(analysis):
        transport = PROBES.get(trace.transport, "datagrams")
        count = trace.reached or max(trace.hops)
        end = f"which is reached after {plural(count, 'hop')}" if trace.reached else \
            f"of which {plural(count, 'hop')} are seen{' and which answers' if trace.answers(analysis) else ''}"
        found.append(Found(
            f"{trace.source} traces the way to {trace.target} with {transport}, {end}: {trace.words()}.",
            tuple(sorted(trace.frames)), confidence=LIKELY, about=(trace.source, trace.target),
            basis="reports about packets of which each had one hop more than the one before",
        ))
    return found


WAY_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "icmp.traceroute", "chat", traceroute,
        "Nothing: the packets were meant to die on the way. A hop without a report may pass everything else on.",
        "One hop limit for all of the packets.", "icmp || icmpv6",
    ),
)
