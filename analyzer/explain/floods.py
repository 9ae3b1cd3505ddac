"""Findings about connections that nobody means to complete."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, Case, Found, Rule
from analyzer.model import Analysis, Group
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED, Absence, Observation
from dissectors.kit.units import grouped, span

SECOND_NS: Final = 1_000_000_000
FLOOD_LEAST: Final = 50      # connections of one service that came to nothing, most of them close to the one before


def floods(group: Group, case: Case) -> bool:
    """Whether this conversation is one of a flood."""
    service = case.conversation.responder
    return group.service.address == service.address and group.service.port == service.port and is_flood(group)


def is_flood(group: Group) -> bool:
    """RFC 4987 §2: SYNs of many senders that never answer. What else looks so: a scan has one sender, a path that loses
    the third segment has few and its clients send again, and a capture that misses them holds their data all the same.
    The clients of a service that is down send their SYNs again after a second, so that they are not counted here.
    """
    return group.count >= FLOOD_LEAST and group.clients * 2 >= group.count and group.runs.close() * 2 >= group.count


def _some(group: Group) -> str:
    if group.answered == group.count:
        return "each"
    return f"{grouped(group.answered)} of them" if group.answered else "none"


def flood(analysis: Analysis) -> list[Found]:
    found = []
    for group in analysis.capture.half_open:
        if not is_flood(group):
            continue
        lasted = group.end_ns - group.start_ns
        within = f" within {span(lasted)}" if lasted > 0 else ""
        found.append(Found(
            f"{group.service} got {grouped(group.count)} SYNs from {grouped(group.clients)} addresses{within}, "
            f"answered {_some(group)}, and no handshake was completed: it looks like a SYN flood with forged senders.",
            tuple(group.frames), cost_ns=max(lasted, 0), confidence=LIKELY, victims=group.count,
            about=(str(group.service),),
            basis="so many connections to one port, nearly each from another address, and no third segment of any",
            narrow=f"tcp.flags.syn == 1 && tcp.port == {group.service.port}",
            absent=_nothing_more(analysis, group), otherwise=f"The capture holds {grouped(group.count)} SYNs of "
            f"{grouped(group.clients)} addresses to {group.service}, and nothing more of these connections.",
        ))
    return found


def _nothing_more(analysis: Analysis, group: Group) -> Absence:
    """That no handshake was completed. A capture filter that leaves SYNs alone shows the same; of a server that sends
    its SYN-ACKs again it is known all the same."""
    if analysis.capture.syns_only and not group.again:
        unseen = Observation()
        unseen.miss(NOT_CAPTURED, NEITHER, -1, ALWAYS, 0, "of all connections the capture holds nothing but SYNs")
        return unseen.absence(NEITHER)
    return analysis.capture.observed.absence(NEITHER, group.start_ns, group.end_ns + SECOND_NS)


FLOOD_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "tcp.syn_flood", "error", FAILURE, flood,
        "One service has so many half-open connections that it looks like a SYN flood.",
        "See whether the service still takes connections; SYN cookies and filters at the edge help (RFC 4987 §3).",
        "Third segments of these connections in a capture at another place.", "tcp.flags.syn == 1", absence=True,
        threshold=f"{FLOOD_LEAST} connections of one service that came to nothing, half of them of clients of their "
        "own and close to the one before.",
    ),
)
