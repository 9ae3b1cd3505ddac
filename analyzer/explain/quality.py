"""Findings about the capture itself, and about what the analyser could not read."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    FAILURE,
    LIKELY,
    OUTLOOK,
    POSSIBLE,
    Case,
    Found,
    Rule,
    frames_of,
    place,
    times,
)
from analyzer.model import Analysis, Told
from dissectors.kit.captured import ClockSet, CopiesSeen, OrderSet
from dissectors.kit.event import DissectorFault, LimitReached, Malformed, OtherProtocol
from dissectors.kit.units import grouped, plural, span
from dissectors.protocols.tcp.events_transfer import Duplicates
from dissectors.wire.secrets.gate import Said

ONE_SIDED_FRAMES: Final = 4  # frames of one side, with none of the other, from which on it is told
# Events that say that nobody knew where the next message begins.
OUT_OF_STEP: Final = frozenset({"http.skipped", "tls.resynchronised", "websocket.gap"})


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
        # Where the messages begin was not seen, and nothing shows that it was guessed rightly.
        late = case.observed.midstream and not case.told_before(events[0], protocol, OUT_OF_STEP)
        found.append(Found(
            f"{plural(len(events), 'message')} of {protocol} {'break' if len(events) > 1 else 'breaks'} the rules of "
            f"the protocol; first: {events[0].reason}.",
            frames_of(events), case.conversation, severity="note" if late else "",
            confidence=POSSIBLE if late else CERTAIN,
            basis=f"byte {events[0].offset} of the first of them" + (
                "; what was read begins in the middle of this conversation: it may be no message at all" if late else ""
            ),
        ))
    return found


def other_protocol(case: Case) -> list[Found]:
    """A client that speaks one protocol to a server of another."""
    return [
        Found(
            f"{Said(event).what()[:-1]}. What answers is {place(case.end(event.direction))}.",
            event.evidence.frames, case.conversation, basis="the first octets of each direction",
        )
        for event in case.of(OtherProtocol)
    ]


def duplicates(case: Case) -> list[Found]:
    """Packets that are in the capture more than once: as a first look at the whole conversation shows, or, where there
    is none (while capturing), as each one shows by itself."""
    found = []
    for seen in case.of(CopiesSeen):
        sure = seen.copies.moved() or seen.copies.certain
        found.append(Found(
            f"{seen.lead()}: {seen.where()}.", seen.evidence.frames, case.conversation,
            confidence=CERTAIN if sure else LIKELY, basis=f"{seen.copies.basis}; each packet is told once",
        ))
    for _side, events in case.by_side(Duplicates):
        count = sum([event.count for event in events])
        found.append(Found(
            f"{plural(count, 'packet')} of {events[0].who()} {'are' if count > 1 else 'is'} in the capture twice.",
            frames_of(events), case.conversation, confidence=LIKELY,
            basis="the copies repeat the numbers and options, or the timestamp, of the first, and nothing was lost",
        ))
    return found


def order(case: Case) -> list[Found]:
    found = []
    for event in case.of(OrderSet):
        text = ". ".join([text for text in (event.disorder(), event.lateness()) if text])
        why = "nobody acknowledges what has not arrived" if event.acks else (
            "sorted by their times they follow from one another" if event.follows else "nothing else tells their order"
        )
        found.append(Found(
            f"{text}.", event.evidence.frames, case.conversation, severity="" if event.matters() else "chat",
            basis=f"{why}; {lower(event.remedy())}",
        ))
    return found


def clock(analysis: Analysis) -> list[Found]:
    """Each step once, by the conversation that shows it most closely."""
    steps: dict[tuple[int, int], list[tuple[ClockSet, Told]]] = {}
    for told in analysis.told:
        for phase in told.phases:
            for event in phase.events:
                if isinstance(event, ClockSet):
                    steps.setdefault((event.by_ns, event.evidence.frames[-1]), []).append((event, told))
    found = []
    for seen in steps.values():
        event, told = seen[0]
        found.append(Found(
            f"{event.lead()}.", event.evidence.frames, told.conversation if len(seen) == 1 else None,
            confidence=CERTAIN if event.moved_ns >= 0 else LIKELY, basis=event.remedy(),
        ))
    return found


def silence(analysis: Analysis) -> list[Found]:
    """Of the whole capture, in the middle of connections: findings that rest on its length say so too."""
    found = []
    for one in analysis.capture.silences:
        text = (
            f"By its clock nothing is in the whole capture for {span(one.lasted_ns)}, between #{one.before} and "
            f"#{one.after}, in the middle of conversations: "
        )
        if one.stood:
            hosts = " and ".join(one.stood)
            found.append(Found(
                f"{text}by the TCP timestamps {hosts} {'were' if len(one.stood) > 1 else 'was'} suspended meanwhile.",
                (one.before, one.after), confidence=LIKELY,
                basis=f"the TCP timestamps of {hosts} stood still, and those of another host went on; a wait across it "
                      "is not the other side's",
            ))
        else:
            found.append(Found(
                f"{text}either all were silent, or the clock was set forward.", (one.before, one.after),
                confidence=POSSIBLE,
                basis="nothing tells the two apart for certain; every duration across it rests on the stamps alone",
            ))
    return found


def lower(text: str) -> str:
    return text[:1].lower() + text[1:]


QUALITY_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "analyzer.fault", "error", OUTLOOK, faults,
        "wiretale itself failed at something; the rest of the capture is told.",
        "Please report it, with the capture if you can share it.", "A run without it on the same bytes.",
    ),
    Rule(
        "analyzer.limit", "note", OUTLOOK, limits,
        "A cap of wiretale's own was reached, and what lies beyond was left out.",
        "Nothing, unless what lies beyond the cap matters to you.", "No frames of this conversation after it.",
    ),
    Rule(
        "protocol.mismatch", "error", FAILURE, other_protocol,
        "A client speaks one protocol to a server that speaks another.",
        "Check the address and port of the client, and whether TLS is to be used there.",
        "A protocol that begins like the one that is named.",
    ),
    Rule(
        "malformed", "warn", FAILURE, malformed,
        "Bytes do not follow the protocol that they belong to.",
        "Look at the bytes: a bug of the sender, damage on the way, another protocol, or an attack.",
        "A protocol that was recognised wrongly.",
    ),
    Rule(
        "capture.duplicates", "note", OUTLOOK, duplicates,
        "Packets are in the capture more than once.",
        "Capture at one place only, or take copies out (editcap -d), before you count anything.",
        "Timestamps or an IP identification that differ between the copies: then they are resends.",
    ),
    Rule(
        "capture.order", "note", OUTLOOK, order,
        "Frames are not in the order in which they were sent.",
        "Capture both directions with one clock: on the host itself, or with one queue of one network card; sort "
        "what is not sorted with reordercap.",
        "The segments that seem to come late, earlier in a capture of the same time elsewhere.",
    ),
)

QUALITY_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "capture.clock", "warn", OUTLOOK, clock,
        "The clock of the capture was set while it was taken.",
        "Take no time from one side of the step to the other; let the clock be slewed and not set while you capture.",
        "Another capture of the same time whose clock shows the same.",
    ),
    Rule(
        "capture.silence", "note", OUTLOOK, silence,
        "For a long time there is no frame at all, in the middle of connections.",
        "Compare with another clock: the log of one of the hosts, or of the machine that captured.",
        "TCP timestamps, or another capture of the same time.",
    ),
    Rule(
        "capture.damage", "warn", OUTLOOK, damage,
        "The file is damaged, and is read up to that place.",
        "Record again, or repair the file, if what is missing matters.", "Another reader that finds the file whole.",
    ),
    Rule(
        "capture.dropped", "warn", OUTLOOK, dropped,
        "The capturing system lost frames.",
        "Capture with a larger buffer, a narrower filter or a shorter snap length.",
        "Counters that include frames which the filter would not have kept.",
    ),
    Rule(
        "capture.truncated", "note", OUTLOOK, truncated,
        "Frames were cut short when they were captured.",
        "Capture whole frames (snap length 0) if their contents matter.", "Frames that were this short on the wire.",
    ),
    Rule(
        "capture.length", "note", OUTLOOK, unsized,
        "Frames have an IP header that gives no length, as before segmentation offload.",
        "Nothing; switch off segmentation offload (ethtool -K) for a capture that shows what the wire carries.",
        "Frames that had this length on the wire too: then their sender is at fault.",
    ),
    Rule(
        "capture.one_sided", "note", OUTLOOK, one_sided,
        "The capture shows one direction only of connections that carry data.",
        "Capture where both directions pass: on the host itself, or with a mirror port for both directions.",
        "Frames of the other side under another VLAN or in a tunnel.",
    ),
)
