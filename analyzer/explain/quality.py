"""Findings about the capture itself, and about what the analyser could not read."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import LIKELY, Case, Found, Rule, frames_of, place, times
from analyzer.model import Analysis
from dissectors.kit.event import DissectorFault, LimitReached, Malformed
from dissectors.kit.units import grouped, plural

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


def unsized(analysis: Analysis) -> list[Found]:
    count = analysis.capture.unsized
    if not count:
        return []
    return [Found(
        f"{plural(count, 'packet')} {'carry' if count > 1 else 'carries'} TCP data behind an IP total length of 0, or "
        "of the bare header: a placeholder that the network card fills in when it splits them (segmentation offload). "
        "Their length is taken from the frame.",
        analysis.capture.unsized_frames, narrow="ip.len == 0 || ip.len == 20", confidence=LIKELY,
        basis="a TCP header follows, and more than the padding of a short frame",
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


QUALITY_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "analyzer.fault", "error", faults,
        "Please report it, with the capture if you can share it.", "A run without it on the same bytes.",
    ),
    Rule(
        "analyzer.limit", "note", limits,
        "Nothing, unless what lies beyond the cap matters to you.", "No frames of this conversation after it.",
    ),
    Rule(
        "malformed", "warn", malformed,
        "Look at the bytes: a bug of the sender, damage on the way, another protocol, or an attack.",
        "A protocol that was recognised wrongly.",
    ),
)

QUALITY_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "capture.damage", "warn", damage,
        "Record again, or repair the file, if what is missing matters.", "Another reader that finds the file whole.",
    ),
    Rule(
        "capture.dropped", "warn", dropped,
        "Capture with a larger buffer, a narrower filter or a shorter snap length.",
        "Counters that include frames which the filter would not have kept.",
    ),
    Rule(
        "capture.truncated", "note", truncated,
        "Capture whole frames (snap length 0) if their contents matter.", "Frames that were this short on the wire.",
    ),
    Rule(
        "capture.length", "note", unsized,
        "Nothing; switch off segmentation offload (ethtool -K) for a capture that shows what the wire carries.",
        "Frames that had this length on the wire too: then their sender is at fault.",
    ),
    Rule(
        "capture.one_sided", "note", one_sided,
        "Capture where both directions pass: on the host itself, or with a mirror port for both directions.",
        "Frames of the other side under another VLAN or in a tunnel.",
    ),
)
