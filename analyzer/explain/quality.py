"""Findings about the capture itself, about what the analyser could not read, and about what ICMP reports."""
from __future__ import annotations

from typing import Final

from analyzer.explain.losses import too_big
from analyzer.explain.rule import LIKELY, POSSIBLE, Case, Found, frames_of, place, times
from analyzer.model import Analysis
from dissectors.kit.event import DissectorFault, LimitReached, Malformed
from dissectors.kit.units import grouped, plural
from dissectors.protocols.icmp import EchoUnanswered, IcmpError

REDIRECT_V4: Final = 5       # RFC 792
PATIENCE_NS: Final = 1_000_000_000     # ping waits about this long between its requests
ONE_SIDED_FRAMES: Final = 4  # frames of one side, with none of the other, from which on it is told


def damage(analysis: Analysis) -> list[Found]:
    return [
        Found(f"{text}.", (), basis="what could be read before it, and after it where that was possible, is told")
        for text in analysis.capture.damage
    ]


def dropped(analysis: Analysis) -> list[Found]:
    count = analysis.capture.dropped
    if count <= 0:
        return []
    return [Found(
        f"The capturing system lost {plural(count, 'frame')}, beside the {grouped(analysis.capture.frames)} that are "
        "in the capture.", (), basis="the interface statistics in the file",
    )]


def truncated(analysis: Analysis) -> list[Found]:
    count = analysis.capture.truncated_frames
    if not count:
        return []
    return [Found(
        f"{plural(count, 'frame')} of {grouped(analysis.capture.frames)} {'are' if count > 1 else 'is'} captured only "
        "in part (snap length); what lay behind the cut is unknown.", (), narrow="frame.cap_len < frame.len",
        basis="the length on the wire is larger than the length captured",
    )]


def one_sided(analysis: Analysis) -> list[Found]:
    """Connections that carry data, of which the capture shows one direction only."""
    silent = [
        conversation for conversation in analysis.conversations
        if conversation.transport == "tcp" and any(conversation.payload)
        and max(conversation.frames) >= ONE_SIDED_FRAMES and min(conversation.frames) == 0
    ]
    return [
        Found(
            f"Only {place(conversation.originator if conversation.frames[0] else conversation.responder)} is heard in "
            "this connection: the capture shows one direction.",
            (conversation.first_frame,), conversation, confidence=LIKELY,
            basis=f"{plural(max(conversation.frames), 'frame')} one way and none the other",
        )
        for conversation in silent
    ]


def faults(case: Case) -> list[Found]:
    events = case.of(DissectorFault)
    if not events:
        return []
    count = sum([event.again or 1 for event in events])
    return [Found(
        f"wiretale itself failed in its {events[0].protocol} dissector {times(count)} ({events[0].error}); the "
        "rest is told.",
        frames_of(events), case.conversation, basis="a fault of the analyser, not of the capture",
    )]


def limits(case: Case) -> list[Found]:
    found = []
    caps = {(event.protocol, event.cap): event.limit for event in case.of(LimitReached)}
    for (protocol, cap), limit in caps.items():
        events = [event for event in case.of(LimitReached) if (event.protocol, event.cap) == (protocol, cap)]
        found.append(Found(
            f"The {protocol} cap {cap} = {grouped(limit)} was reached; what lies beyond it was not examined.",
            frames_of(events), case.conversation, basis="a stated cap",
        ))
    return found


def malformed(case: Case) -> list[Found]:
    found = []
    for protocol in dict.fromkeys([event.protocol for event in case.of(Malformed)]):
        events = [event for event in case.of(Malformed) if event.protocol == protocol]
        found.append(Found(
            f"{plural(len(events), 'message')} of {protocol} {'break' if len(events) > 1 else 'breaks'} the rules of "
            f"the protocol; first: {events[0].reason}.",
            frames_of(events), case.conversation, basis=f"byte {events[0].offset} of the first of them",
        ))
    return found


def icmp_error(case: Case) -> list[Found]:
    """Errors other than "too big", one finding for each sender and reason."""
    found = []
    seen: dict[tuple[str, str], list[IcmpError]] = {}
    for event in case.of(IcmpError):
        if not too_big(event):
            seen.setdefault((event.sender, event.reason()), []).append(event)
    for (sender, reason), events in seen.items():
        again = f" {times(len(events))}" if len(events) > 1 else ""
        redirect = events[0].version == 4 and events[0].kind == REDIRECT_V4
        found.append(Found(
            f"{sender} reports{again} about packets to {place(case.end(events[0].direction))}: {reason}.",
            frames_of(events), case.conversation, severity="note" if redirect else "", confidence=LIKELY,
            basis="an ICMP message that quotes a packet of this conversation; such messages can be forged",
        ))
    return found


def icmp_too_big(case: Case) -> list[Found]:
    found = []
    seen: dict[tuple[str, int], list[IcmpError]] = {}
    for event in case.of(IcmpError):
        if too_big(event):
            seen.setdefault((event.sender, event.mtu), []).append(event)
    for (sender, mtu), events in seen.items():
        carries = f"at most {mtu} bytes" if mtu > 0 else "less"
        found.append(Found(
            f"{sender} dropped {plural(len(events), 'packet')} that {'were' if len(events) > 1 else 'was'} too large: "
            f"the next link carries {carries}.",
            frames_of(events), case.conversation, confidence=LIKELY,
            basis="ICMP messages that quote packets of this conversation",
        ))
    return found


def echo_unanswered(case: Case) -> list[Found]:
    events = case.of(EchoUnanswered)
    if not events:
        return []
    count = sum([event.count for event in events])
    early = case.capture.end_ns - events[-1].time < PATIENCE_NS
    return [Found(
        f"{plural(count, 'echo request')} to {place(case.conversation.responder)} had no reply.", frames_of(events),
        case.conversation, severity="note" if early else "", confidence=POSSIBLE if early else LIKELY,
        basis="the capture ends soon after the request" if early else "no reply with their number is in the capture",
    )]
