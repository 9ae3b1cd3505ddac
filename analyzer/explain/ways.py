"""Traceroute: packets whose hop limit is small on purpose, so that each router on the way has to name itself.

Looks alike: a routing loop, in which packets die that were sent with an ordinary hop limit; a program that bounds its
packets to its own network, which uses one small hop limit and not several. So it takes two hop limits, both small, that
were seen on the packets which the reports quote.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from analyzer.explain.rule import LIKELY, OUTLOOK, Found, Rule
from analyzer.model import Analysis, Conversation, Scan, Told
from dissectors.kit.event import Event
from dissectors.kit.units import plural, span
from dissectors.protocols.icmp import IcmpError

LIMITS: Final = 2                       # hop limits that make a trace
NEAR_NS: Final = 30_000_000_000         # probes so long before or after those that were reported belong to the trace
PROBES: Final = {"icmp": "echo requests", "icmpv6": "echo requests", "tcp": "SYNs"}
MAX_HOPS: Final = 30                    # that a sentence lists
MAX_FRAMES: Final = 200
MAX_TRACES: Final = 10_000              # pairs of ends between which one may be


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


class Tracing:
    """What may become traces, from the events of conversations, as they come."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Trace] = {}

    def add(self, one: Conversation, events: Iterable[Event]) -> None:
        """The next conversation."""
        ends = (one.originator.address, one.responder.address)
        for error in events:
            if isinstance(error, IcmpError) and error.hop > 0:
                key = (ends[1 - error.direction], ends[error.direction], one.transport)
                trace = self._known.get(key)
                if trace is None and len(self._known) < MAX_TRACES:
                    trace = self._known[key] = Trace(*key)
                if trace is not None:
                    trace.add(error)

    def found(self) -> list[Trace]:
        return [
            one for one in self._known.values()
            if len(one.hops) >= LIMITS and any(sender != one.target for each in one.hops.values() for sender in each)
        ]

    def parts(self, told: Sequence[Told]) -> set[int]:
        """Those of them that are part of a trace, also with packets of which nobody reported anything."""
        traces = self.found()
        return {each.conversation.number for each in told if _is_part(each.conversation, traces)} if traces else set()


def _is_part(one: Conversation, traces: list[Trace]) -> bool:
    return any(
        one.transport == trace.transport and one.originator.address == trace.source
        and one.responder.address == trace.target and (one.transport != "tcp" or not any(one.payload))
        and one.end_ns >= trace.start_ns - NEAR_NS and one.start_ns <= trace.end_ns + NEAR_NS
        for trace in traces
    )


def _tracing(analysis: Analysis) -> Tracing:
    made = Tracing()
    for told in analysis.told:
        made.add(told.conversation, (event for phase in told.phases for event in phase.events))
    return made


def traces(analysis: Analysis) -> list[Trace]:
    return _tracing(analysis).found()


def traced(analysis: Analysis) -> set[int]:
    """The conversations that are part of a trace."""
    return _tracing(analysis).parts(analysis.told)


def without_traces(analysis: Analysis) -> list[Scan]:
    """Scans that are none: each port is tried with a hop limit that is small on purpose."""
    return scans_but_traces(analysis.capture.scans, analysis.conversations)


def scans_but_traces(scans: list[Scan], conversations: Iterable[Conversation]) -> list[Scan]:
    """Without those that these conversations show to be traces."""
    probing = {(one.originator.address, one.responder.address, one.transport) for one in conversations if one.few_hops}
    return [scan for scan in scans if not scan.host or (scan.client, scan.host, scan.transport) not in probing]


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
        "icmp.traceroute", "chat", OUTLOOK, traceroute,
        "A client let packets die on the way on purpose, to see which routers there are.",
        "Nothing: the packets were meant to die on the way. A hop without a report may pass everything else on.",
        "One hop limit for all of the packets.", "icmp || icmpv6",
        threshold=f"{span(NEAR_NS)} before and after probes that a router reported, within which others belong to the "
        "trace.",
    ),
)
