"""Findings about how a TCP connection began."""
from __future__ import annotations

from operator import attrgetter
from typing import Final

from analyzer.explain.checksums import sums_step
from analyzer.explain.floods import floods
from analyzer.explain.rule import (
    CERTAIN,
    DENIAL,
    FAILURE,
    LIKELY,
    NOTE,
    OUTLOOK,
    POSSIBLE,
    SLOW,
    WEAK,
    Case,
    Found,
    Rule,
    frames_of,
    place,
    times,
)
from analyzer.explain.usual import TOO_SOON
from dissectors.kit.captured import CopiesSeen
from dissectors.kit.observation import Absence, what_ended
from dissectors.kit.units import plural, size, span
from dissectors.protocols.icmp import IcmpError
from dissectors.protocols.tcp.events import capital
from dissectors.protocols.tcp.events_answers import AnswerReset, OldAnswer
from dissectors.protocols.tcp.events_handshake import (
    HalfOpen,
    Midstream,
    Syn,
    SynAck,
    TcpEstablished,
    TcpRefused,
    TcpUnanswered,
)
from dissectors.protocols.tcp.events_loss import Loss
from dissectors.protocols.tcp.events_transfer import Transfer, Turns
from dissectors.protocols.tcp.options import AUTHENTICATION, MD5

# A SYN is sent again after a second (RFC 6298 §2); a silence shorter than that shows nothing.
PATIENCE_NS: Final = 1_000_000_000
SOONEST_NS: Final = 100_000_000     # no timer of a stack sends a SYN again sooner
HEARD_NS: Final = 3_000_000_000     # by which a SYN-ACK without an answer is sent again, also by slow timers
# Delay that a person notices in every exchange: about what a satellite adds, or twice around half the globe.
HIGH_RTT_NS: Final = 250_000_000
CHECK_KEYS: Final = (
    "Compare the keys of both ends (on Linux `nstat -az 'TcpExtTCPMD5*' 'TcpExtTCPAO*'` counts what is dropped there). "
    "If they agree, capture at the other end: does the SYN arrive?"
)
ENOUGH_TRIPS: Final = 3      # ACK times of each direction, of which the least is the way
ENOUGH_SERVERS: Final = 2    # others to which the way is as long: then it is usual here
SHORTER: Final = 2           # times, which sets two ways apart
# The least packet that every link must carry (RFC 8200 §5: 1280 bytes), without the headers of IPv6 and TCP.
SMALL_MSS: Final = 1220


def refused(case: Case) -> list[Found]:
    events = case.of(TcpRefused)
    if not events:
        return []
    first = events[0]
    again = f" {times(len(events))}" if len(events) > 1 else ""
    sentence = (
        f"{place(case.end(first.direction))} refused the connection{again}: a RST answered the SYN after "
        f"{span(first.after_ns)}."
    )
    if first.exact:
        return [Found(sentence, frames_of(events), case.conversation, basis="the RST acknowledges the SYN's number")]
    return [Found(
        sentence, frames_of(events), case.conversation, confidence=LIKELY,
        basis="the RST does not acknowledge the SYN's number, so the caller may have ignored it",
    )]


def old_connection(case: Case) -> list[Found]:
    """The SYN meets a connection that the other side still holds, or one whose numbers it mixes up."""
    answers, wrong = case.of(OldAnswer), [event for event in case.of(SynAck) if event.expected >= 0]
    if not answers:
        return []
    first = answers[0]
    resets = [event for event in case.of(AnswerReset) if not event.of_syn]
    again = f" {times(len(answers))}" if len(answers) > 1 else ""
    sentence = (
        f"{place(case.end(first.direction))} answered the SYN{again} with an ACK of {first.ack}, where the SYN asks "
        f"for {first.expected}: it still holds an old connection of these addresses and ports (half open, or in "
        "TIME-WAIT)"
    )
    opened = case.of(TcpEstablished)
    cost = max((opened[0].time if opened else case.conversation.end_ns) - first.time, 0)
    sentence += f". The connection opened {span(cost)} after that answer." if opened else (
        ", and no connection came of it." if not wrong else "."
    )
    return [Found(
        sentence, frames_of([*answers, *resets]), case.conversation, cost_ns=cost, severity="note" if opened else "",
        confidence=LIKELY,
        basis="an ACK without a SYN tells the numbers of a connection that exists"
        + (f"; {resets[0].who()} answers it with a RST (RFC 9293 §3.10.7.3)" if resets else ""),
    )]


def wrong_number(case: Case) -> list[Found]:
    """SYN-ACKs that do not acknowledge the SYN."""
    wrong = [event for event in case.of(SynAck) if event.expected >= 0]
    if not wrong:
        return []
    first = wrong[0]
    resets = [event for event in case.of(AnswerReset) if event.of_syn]
    went_on = bool(case.of(TcpEstablished))
    sentence = (
        f"{plural(len(wrong), 'SYN-ACK')} of {place(case.end(first.direction))} "
        f"{'acknowledges' if len(wrong) == 1 else 'acknowledge'} {first.ack}, not the {first.expected} that the SYN "
        "asks for"
    )
    if resets:
        sentence += f"; {resets[0].who()} has to answer with a RST"
    sentence += ", and the connection opened all the same." if went_on else "."
    return [Found(
        sentence, frames_of([*wrong, *resets]), case.conversation, confidence=LIKELY,
        severity="note" if went_on else "", cost_ns=max(case.conversation.end_ns - first.time, 0) if not went_on else 0,
        basis="the numbers of the SYN and of its answer; a machine that rewrites one of them shows the same",
    )]


def not_accepted(case: Case) -> list[Found]:
    """SYN-ACKs that come again after they were acknowledged: the third segment was lost, or not taken."""
    opened = case.of(TcpEstablished)
    trip = max(opened[0].total_ns, 0) if opened else 0
    again = [event for event in case.of(SynAck) if event.after_third_ns > trip]
    if not again:
        return []
    who, peer, lasted = capital(again[0].who()), again[0].peer(), again[-1].after_third_ns
    data = _first_data(case, 1 - again[0].direction)
    ignored = [
        event for event in case.of_base(Loss)
        if event.direction == 1 - again[0].direction and event.time <= again[-1].time
    ]
    severity = "note" if len(again) == 1 else ""
    sentence = (
        f"{who} sent its SYN-ACK again {times(len(again))}, the last time {span(lasted)} after {peer} had acknowledged "
        "it"
    )
    heard = case.observed.last_ns[again[0].direction]
    if data is not None and again[-1].time < data.time < heard and not _resent(case, data):
        severity = "note"
        sentence += (
            f", until the first data of {peer} came (#{data.evidence.frames[0]}), which it took: it waits for data "
            "before it opens a connection (deferred accept), or its queue was full until then."
        )
    elif ignored:
        sentence += (
            f", and ignored the data that {peer} sent meanwhile: it does not take the third segment of the handshake. "
            "Its accept queue may be full, or something on the way drops what the client sends."
        )
    elif len(again) == 1:
        sentence = (
            f"{who} sent its SYN-ACK again {span(lasted)} after it had been acknowledged: that ACK, the third "
            "segment of the handshake, was lost behind this point, or not taken."
        )
    else:
        sentence += (
            ": it does not take the third segment of the handshake. Its accept queue may be full, or something on the "
            "way drops what the client sends."
        )
    return [Found(
        sentence, frames_of([*opened, *again]), case.conversation, cost_ns=lasted, severity=severity,
        confidence=LIKELY, basis="each SYN-ACK after the first came later than a round trip after its ACK",
    )]


def _first_data(case: Case, direction: int) -> Transfer | Turns | None:
    """The event that tells of the first data of this direction, None where there were none."""
    told: list[Transfer | Turns] = [event for event in case.of(Transfer) if event.direction == direction]
    told += case.of(Turns)
    return min(told, key=attrgetter("time"), default=None)


def _resent(case: Case, data: Transfer | Turns) -> bool:
    """Were these data sent again?"""
    return any(event.direction == data.direction and event.time <= data.time for event in case.of_base(Loss))


def unanswered(case: Case) -> list[Found]:
    found = []
    errors = case.of(IcmpError)
    if any(not error.exceeded and not error.gateway for error in errors):
        return []      # an answer of another form, which says why
    for event in case.of(TcpUnanswered):
        if errors and event.attempts == 1:
            continue       # a probe that was to go no further, as traceroute sends them
        # A SYN of the responder is what a capture shows that holds only one direction.
        target = place(case.end(1 - event.direction))
        waited = event.lasted_ns + event.waited_ns
        early = waited < PATIENCE_NS
        tried = plural(event.attempts, "SYN")
        sentence = f"{target} did not answer {tried} within the {span(waited)} that the capture goes on."
        if early:
            after = f" {span(waited)} after" if waited else " with"
            sentence = f"{capital(what_ended(event.how))} ends{after} {tried} to {target}, before an answer."
        signed = signature(case, event.direction)
        if signed and not early:
            sentence += (
                f" The {'SYN is' if event.attempts == 1 else 'SYNs are'} signed ({signed}): a receiver that has "
                "another key, or none, drops them without a word, which looks the same."
            )
        found.append(Found(
            sentence, event.evidence.frames, case.conversation, cost_ns=waited, severity="note" if early else "",
            next_step=sums_step(case, event.direction) or (CHECK_KEYS if signed and not early else ""),
            absent=case.absence(1 - event.direction, event.time - event.lasted_ns),
            otherwise=f"No answer of {target} to {tried} is in the capture.",
            confidence=POSSIBLE if early else LIKELY,
            basis=f"{what_ended(event.how)} ends soon after the SYN" if early else
            "no segment of the other side is in the capture",
        ))
    return found


def signature(case: Case, side: int) -> str:
    """How this side signs its SYNs, all of them: "" where it does not. A receiver must drop what does not fit its key
    (RFC 2385 §2.0, RFC 5925 §7.3), and nothing of that is in the capture; a host that is down looks the same."""
    syns = [syn for syn in case.of(Syn) if syn.direction == side]
    for kind, name in ((MD5, "TCP MD5, RFC 2385"), (AUTHENTICATION, "TCP-AO, RFC 5925")):
        if syns and all(kind in syn.options.kinds for syn in syns):
            return name
    return ""


def resent(case: Case) -> list[Found]:
    """SYNs or SYN-ACKs that had to be repeated before the connection was open. A lost SYN-ACK brings both.

    What was repeated after another answer, or after it was acknowledged, is told by what came instead.
    """
    opened = case.of(TcpEstablished)
    if not opened or case.of(OldAnswer) or any(event.expected >= 0 for event in case.of(SynAck)):
        return []
    parts: list[str] = []
    frames: set[int] = set()
    cost = 0
    absent = Absence(True)
    sent: tuple[tuple[str, list[Syn] | list[SynAck]], ...] = (("SYN", case.of(Syn)), ("SYN-ACK", case.of(SynAck)))
    for name, events in sent:
        again = [event for event in events if event.attempt > 1 and not _acknowledged(event)]
        if again:
            parts.append(f"the {name} was sent {times(max([event.attempt for event in again]))}")
            frames.update(frames_of(again))
            frames.update(frames_of(events[:1]))
            cost = max(cost, sum([max(event.since_ns, 0) for event in again]))
            absent = absent if not absent.proven else case.absence(
                1 - again[0].direction, again[0].time - max(again[0].since_ns, 0), again[-1].time
            )
    if not parts:
        return []
    sentence = (
        f"{capital(' and '.join(parts))} before the connection was open; {span(cost)} passed between the first "
        "and the last."
    )
    sentence += _left_out(case.of(Syn))
    return [Found(
        sentence, tuple(sorted(frames)), case.conversation, cost_ns=cost, confidence=LIKELY, absent=absent,
        otherwise=sentence, severity=NOTE if cost < SOONEST_NS else "",
        next_step=sums_step(case, 0) or sums_step(case, 1),
        basis="no answer to the earlier ones was seen before they were sent again"
        + ("; no timer sends again so soon, so nothing says that one was lost" if cost < SOONEST_NS else ""),
    )]


def _left_out(syns: list[Syn]) -> str:
    """What all SYNs carried but the last one, which was answered. Losses that ended just then look the same."""
    if len(syns) < 2:
        return ""
    carried = [_offers(syn) for syn in syns]
    left = [one for one in carried[0] if one not in carried[-1] and all(one in other for other in carried[:-1])]
    if not left:
        return ""
    return (
        f" The one that was answered (#{syns[-1].evidence.frames[-1]}) leaves out {' and '.join(left)}, which the "
        "others had: something on the way may drop SYNs with that; mere loss looks the same."
    )


def _offers(syn: Syn) -> list[str]:
    """Of a SYN, what machines on the way are known to stumble over (RFC 3168 §6.1.1.1; RFC 7413 §7.1)."""
    options = syn.options
    found = [syn.ecn] if syn.ecn else []
    if syn.length:
        found.append("its data")
    if options.fast_open >= 0:
        found.append("Fast Open")
    if options.mptcp >= 0:
        found.append("multipath TCP")
    if options.ts_value >= 0:
        found.append("timestamps")
    return found


def _acknowledged(event: Syn | SynAck) -> bool:
    """It repeats a SYN-ACK that had been acknowledged."""
    return isinstance(event, SynAck) and event.after_third_ns >= 0


def half_open(case: Case) -> list[Found]:
    found = []
    if any(floods(group, case) for group in case.capture.half_open):
        return []     # one flood, and not a fault of each
    for event in case.of(HalfOpen):
        waited = event.lasted_ns + event.waited_ns
        early = waited < PATIENCE_NS
        # A server sends its SYN-ACK again after about a second (RFC 6298 §2): one that does not has got an answer.
        heard = event.attempts == 1 and event.waited_ns >= HEARD_NS
        caller, sent = place(case.end(1 - event.direction)), plural(event.attempts, "SYN-ACK")
        sentence = f"{caller} never completed the handshake: {sent} without an acknowledgment in {span(waited)}."
        if early:
            after = f" {span(waited)} after" if waited else " with"
            sentence = f"{capital(what_ended(event.how))} ends{after} {sent} to {caller}, before an acknowledgment."
        found.append(Found(
            sentence, event.evidence.frames, case.conversation, cost_ns=waited,
            severity="note" if early or heard else "",
            next_step=sums_step(case, event.direction),
            absent=case.absence(1 - event.direction, event.time - event.lasted_ns),
            otherwise=f"No acknowledgment of {sent} by {caller} is in the capture.",
            confidence=POSSIBLE if early or heard else LIKELY,
            basis=f"{what_ended(event.how)} ends soon after the SYN-ACK" if early else "no third segment is in the "
            "capture" + (", but the SYN-ACK is not sent again, as if it had been answered" if heard else ""),
        ))
    return found


def midstream(case: Case) -> list[Found]:
    return [
        Found(
            f"The connection of {place(case.conversation.originator)} with {place(case.conversation.responder)} began "
            "before what was read of it, so its window scaling and its handshake's round trip are unknown.",
            event.evidence.frames, case.conversation, basis="what was read holds no SYN of it",
        )
        for event in case.of(Midstream)
    ]


def high_rtt(case: Case) -> list[Found]:
    tcp = case.conversation.tcp
    syns, answers, opened = case.of(Syn), case.of(SynAck), case.of(TcpEstablished)
    once = all(syn.attempt == 1 for syn in syns) and all(answer.attempt == 1 for answer in answers)
    if tcp is None or not opened or not once or tcp.initial_rtt_ns < HIGH_RTT_NS:
        return []
    frames = frames_of([*syns, *answers, *opened])
    later = sum(tcp.rtt_min_ns) if min(tcp.rtt_samples) >= ENOUGH_TRIPS else -1
    if 0 <= later * SHORTER <= tcp.initial_rtt_ns:
        return [Found(
            f"The handshake with {place(case.conversation.responder)} took {span(tcp.initial_rtt_ns)}, and a round "
            f"trip after it {span(later)}: the host was slow to accept, or something nearer acknowledges in its place.",
            frames, case.conversation, cost_ns=tcp.initial_rtt_ns, confidence=LIKELY,
            basis="the least ACK times of both directions, against SYN, SYN-ACK and ACK, each sent once",
        )]
    one = case.conversation
    elsewhere = case.usual.way_elsewhere(one.originator.address, one.responder.address)
    alike = len(elsewhere) >= ENOUGH_SERVERS and tcp.initial_rtt_ns <= SHORTER * elsewhere[len(elsewhere) // 2]
    same = ""
    if alike:
        usual = span(elsewhere[len(elsewhere) // 2])
        same = f"; so it is to {len(elsewhere)} other servers (median {usual}), as over a satellite or a slow access"
    return [Found(
        f"A round trip to {place(case.conversation.responder)} takes {span(tcp.initial_rtt_ns)}, so every "
        f"question and answer takes at least that long{same}.",
        frames, case.conversation, cost_ns=tcp.initial_rtt_ns, severity="chat" if alike else "", confidence=LIKELY,
        basis="SYN, SYN-ACK and ACK, each sent once; a host that is slow to accept looks the same",
    )]


def small_mss(case: Case) -> list[Found]:
    tcp = case.conversation.tcp
    if tcp is None:
        return []
    found = []
    for side in (0, 1):
        sent = [*[syn for syn in case.of(Syn) if syn.direction == side],
                *[answer for answer in case.of(SynAck) if answer.direction == side]]
        if sent and 0 <= tcp.mss[side] < SMALL_MSS:
            found.append(Found(
                f"{place(case.end(side))} takes segments of at most {tcp.mss[side]} bytes, so more of the link goes "
                "to headers and more packets are needed.",
                frames_of(sent), case.conversation, basis="the MSS option of its SYN",
            ))
    return found


def mss_changed(case: Case) -> list[Found]:
    """The same SYN at two places with two values. A SYN that is sent again with another one is another packet."""
    found = []
    for seen in case.of(CopiesSeen):
        for side in (0, 1):
            changed = seen.copies.mss[side]
            if changed is None:
                continue
            first, before, second, after = changed
            low, high = sorted((before, after))
            overhead = 60 if case.conversation.originator.address.count(":") > 1 else 40     # of IP and TCP
            found.append(Found(
                "A machine between the two places of the capture changes the MSS in the SYN of "
                f"{place(case.end(side))}: {before} in #{first}, {after} in #{second}. With {low} the other side sends "
                f"packets as for a link that carries {low + overhead} bytes, with {high} as for {high + overhead}.",
                (first, second), case.conversation,
                confidence=LIKELY if not seen.copies.certain else CERTAIN, basis=seen.copies.basis,
            ))
    return found


OPENING_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tcp.refused", "error", DENIAL, refused,
        "A connection was refused: the answer to the SYN was a reset.",
        "Check that the service runs and listens on this address and port, and that no firewall rejects it.",
        "A connection to the same port that opens at the same time.", "tcp.flags.reset == 1",
    ),
    Rule(
        "tcp.unanswered", "error", DENIAL, unanswered,
        "A SYN had no answer at all.",
        "Capture at the other end: if the SYN arrives there, look for the answer; if not, for a filter on the way.",
        "A SYN-ACK that took another way than the one captured.", "tcp.flags.syn == 1", absence=True,
        threshold=f"{span(PATIENCE_NS)}: a SYN is sent again by then (RFC 6298 §2), and {TOO_SOON}.", lasting=True,
    ),
    Rule(
        "tcp.old_connection", "warn", DENIAL, old_connection,
        "The other side answers a SYN as if it still had an older connection of the same ports.",
        "Find out why the old connection was not closed at both ends, or why the caller uses its port again so soon.",
        "A SYN-ACK to this SYN that the capture missed, and an ACK that belongs to it.", "tcp.flags.ack == 1",
    ),
    Rule(
        "tcp.wrong_number", "warn", FAILURE, wrong_number,
        "A SYN-ACK acknowledges a number that the SYN did not have.",
        "Compare the numbers of the SYN at both ends: the host, or a machine between, counts wrongly.",
        "Another SYN with the number that is acknowledged.", "tcp.flags.syn == 1",
    ),
    Rule(
        "tcp.not_accepted", "warn", FAILURE, not_accepted,
        "A SYN-ACK came again although it had been acknowledged: the server did not take it.",
        "See whether the listener's accept queue overflows (ss -lnt, nstat TcpExtListenOverflows), and whether the "
        "third segment arrives there.",
        "The third segment, captured at the other end as lost.", "tcp.flags.syn == 1",
    ),
    Rule(
        "tcp.syn_resent", "warn", SLOW, resent,
        "A SYN or SYN-ACK had to be sent again before the connection was open.",
        "See whether the first SYN arrived at the other end: a full backlog drops it there, a lossy path before.",
        "An answer to the first one that the capture missed.", "tcp.flags.syn == 1", absence=True,
        threshold=f"{span(SOONEST_NS)}: no timer of a stack sends a SYN again sooner.",
    ),
    Rule(
        "tcp.half_open", "warn", FAILURE, half_open,
        "A SYN-ACK was never acknowledged, so the connection stayed half open.",
        "If many come from many addresses it is a SYN flood; if only from one, look for its lost third segment.",
        "The third segment, captured elsewhere.", "tcp.flags.syn == 1", absence=True,
        threshold=f"{span(HEARD_NS)}, by which a SYN-ACK that nobody acknowledged is sent again, also by slow timers.",
        lasting=True,
    ),
    Rule(
        "tcp.midstream", "chat", OUTLOOK, midstream,
        "The connection began before what was read of it.",
        "Let the capture, and what is read of it, begin before the connection, to see its handshake.",
        "A SYN of this connection in an earlier part of the capture.",
    ),
    Rule(
        "tcp.high_rtt", "note", SLOW, high_rtt,
        "A round trip of the handshake took long.",
        "Save round trips: keep connections open, ask for several things at once, or serve from nearer by.",
        "Later round trips (the ACK times of the data) that are much shorter.", "tcp.analysis.ack_rtt",
        threshold=f"{span(HIGH_RTT_NS)}: what a satellite adds, noticed in each exchange. Where the way is as long to "
        "other servers it is a remark; where later round trips are much shorter it is told of the handshake "
        "alone.",
    ),
    Rule(
        "tcp.mss_changed", "note", WEAK, mss_changed,
        "The MSS of a SYN was changed on the way.",
        "Nothing, where a tunnel or PPPoE lies between; else find who does it (MSS clamping), and whether it need be.",
        "Two SYNs of which one was sent again with another MSS.", "tcp.flags.syn == 1",
    ),
    Rule(
        "tcp.small_mss", "note", WEAK, small_mss,
        "A side takes only small segments (a small MSS).",
        "Look for the reason: a tunnel, a middlebox that clamps the MSS, or a setting of the host.",
        "A link of this size on the way, which makes it right.", "tcp.flags.syn == 1",
        threshold=f"less than {size(SMALL_MSS)}: every link carries packets of 1280 bytes (RFC 8200 §5).",
    ),
)
