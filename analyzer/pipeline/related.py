"""What is told beside the conversations that were chosen: lookups, and what was asked for again."""
from __future__ import annotations

from typing import Final

from analyzer.flows.flow import Flow
from analyzer.packet import TCP, UDP
from analyzer.pipeline.survey import Survey

MAX_REPEATS: Final = 8              # conversations that are told with a lookup that was asked for, as parts of it
REPEATED_NS: Final = 30_000_000_000     # within which a client asks again
DNS_PORT: Final = b"\x00\x35"


def with_lookups(survey: Survey, chosen: list[Flow]) -> list[Flow]:
    """The chosen conversations and the lookups that gave their addresses a name."""
    found = {int(flow.number): flow for flow in chosen}
    for flow in chosen:
        size = int(flow.address_size)
        for address in (flow.forward[:size], flow.forward[size:2 * size]):
            named = survey.names.names.get(address)
            if named is not None and named.frame < flow.first_frame:
                found.setdefault(int(named.flow.number), named.flow)
    return [found[number] for number in sorted(found)]


def with_repeats(survey: Survey, chosen: list[Flow]) -> list[Flow]:
    """The chosen conversations, and for each lookup those by which the same client asked again, there or elsewhere:
    what came of it may lie in them."""
    found = {int(flow.number): flow for flow in chosen}
    lookups = [flow for flow in chosen if _asks(flow)]
    for other in survey.keeper.chosen(0) if lookups else []:
        if len(found) >= len(chosen) + MAX_REPEATS:
            break
        if _asks(other) and any(_again(flow, other) for flow in lookups):
            found.setdefault(int(other.number), other)
    return [found[number] for number in sorted(found)]


def _asks(flow: Flow) -> bool:
    size = int(flow.address_size)
    return flow.protocol in (TCP, UDP) and flow.forward[2 * size + 2:2 * size + 4] == DNS_PORT


def _again(flow: Flow, other: Flow) -> bool:
    size = int(flow.address_size)
    near = other.first_time <= flow.last_time + REPEATED_NS and flow.first_time <= other.last_time + REPEATED_NS
    return near and flow.forward[:size] == other.forward[:size]
