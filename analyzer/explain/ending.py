"""Findings about how a TCP connection ended, or did not."""
from __future__ import annotations

from typing import Final

from analyzer.explain.checksums import sums_step
from analyzer.explain.forgotten import forgotten
from analyzer.explain.idle import LEAST_NS, LOOSE_NS, idle_timeout
from analyzer.explain.losses import carried, too_big
from analyzer.explain.rule import FAILURE, LIKELY, OUTLOOK, POSSIBLE, WEAK, Case, Found, Rule, frames_of, place, times
from analyzer.model import Analysis
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import OBSERVED_ENDED, Absence, what_ended
from dissectors.kit.units import plural, size, span
from dissectors.protocols.icmp import IcmpError
from dissectors.protocols.tcp.events import capital
from dissectors.protocols.tcp.events_handshake import Midstream, Syn, SynAck
from dissectors.protocols.tcp.events_teardown import ChallengeAck, NotEnded, TcpReset
from dissectors.protocols.tcp.reset_causes import ALONE, AT_REST, FOREIGN, FORGOTTEN, GAVE_UP, LONG_SILENCE_NS, UNKNOWN

UNREAD: Final = "unread data"
# By cause, where a reset is neither of the two: how much it matters.
SEVERITIES: Final = {
    "aborted": "warn", "unknown connection": "warn", "late data": "note", "handshake given up": "note",
    "after own FIN": "chat", "instead of FIN": "chat", ALONE: "note",
    AT_REST: "note",
}
UNENDED: Final = (UNREAD, UNKNOWN, FORGOTTEN, AT_REST, "aborted")
FOREIGN_STEP: Final = (
    "Look for a firewall or another machine on the path that ends connections: capture on both sides of it."
)
OWN_STEP: Final = (
    "Ask the log of the program on the side that sent the RST; it does not look like one of a machine on the path."
)
HEARD_STEP: Final = "See why the other side, which is alive, does not take these data: what it sends instead says more."
BRIEF_NS: Final = 1_000_000     # a silence shorter than this before the end of the capture is none
# Resends without an answer from which on a host is to suspect the path (R1, RFC 9293 §3.8.3).
SUSPICIOUS: Final = 3
# How long a pair of ports is not to be used again: twice the longest life of a segment, which RFC 9293 §3.4.2
# takes as 2 minutes.
TIME_WAIT_NS: Final = 2 * 120_000_000_000
LOOKED_NS: Final = 1_000_000_000     # within which a client that only looks whether somebody listens is gone again
# How long after the last segment of a connection another one may still be on its way.
STRAY_NS: Final = 1_000_000_000


def reset(case: Case) -> list[Found]:
    """A SYN that finds the way ends with a reset, once it has arrived."""
    if case.conversation.number in case.capture.traced:
        return []
    return [_reset(case, event) for event in _ends(case) if event.cause not in (UNREAD, GAVE_UP)]


def unread(case: Case) -> list[Found]:
    return [_reset(case, event) for event in _ends(case) if event.cause == UNREAD]


def gave_up(case: Case) -> list[Found]:
    return [_reset(case, event) for event in _ends(case) if event.cause == GAVE_UP]


def _ends(case: Case) -> list[TcpReset]:
    """The first RST that ended the connection, or else the first: what follows it adds nothing."""
    resets = case.of(TcpReset)
    return ([event for event in resets if not event.survived] or resets)[:1]


def _reset(case: Case, event: TcpReset) -> Found:
    if event.survived:
        return _survived(case, event)
    seen = " in this capture" if case.observed.midstream else ""
    sent, got = carried(case, event.direction), carried(case, 1 - event.direction)
    amounts = f"sent {size(sent)} and received {size(got)}{seen}"
    where = place(case.end(event.direction))
    sentence = f"{capital(event.who())} ({where}) reset the connection after it had {amounts}"
    if event.cause == ALONE:
        sentence = f"{where} reset a connection of which the capture holds nothing else"
    elif event.cause == FOREIGN:
        sentence = f"A RST in the name of {event.who()} ({where}) came after it had {amounts}"
    # Each of these rests on what neither side sent: no FIN of its sender, no data of the other that were left unread.
    fin = case.absence(NEITHER, event.open_at, event.time) if event.cause in UNENDED else Absence(True)
    if event.says and fin.proven:
        sentence += f": it looks as if {event.says}"
    if event.went_on:
        sentence += f"; {event.who()} went on after it (#{event.went_on}) as if it had sent none"
    if event.unacknowledged > 0:
        sentence += f"; {size(event.unacknowledged)} sent by {event.peer()} had not been acknowledged"
    severity = SEVERITIES.get(event.cause, "")
    basis = "; ".join([text for text in (event.because, event.made_by()) if text])
    if _only_looked(case, event, sent + got):
        sentence += ", as a check does that only wants to know whether somebody listens"
        severity = "note"
    return Found(
        sentence + ".", event.evidence.frames, case.conversation,
        severity=severity if fin.proven else "note",
        confidence=LIKELY if fin.proven else POSSIBLE,
        basis=basis if fin.proven else f"{basis}; but {fin.why}",
        next_step=FOREIGN_STEP if event.cause == FOREIGN else OWN_STEP if event.made_by() else "",
        absent=case.absence(1 - event.direction, event.since, event.time) if event.since >= 0 else None,
        otherwise=sentence + ".",
    )


def _only_looked(case: Case, event: TcpReset, octets: int) -> bool:
    """Whether the client opened the connection and reset it at once, before either side said a word: nothing is lost
    by it. One that waits for a greeting first has been waiting for something."""
    return (
        event.direction == 0 and not octets and event.cause not in (FOREIGN, ALONE) and not case.observed.midstream
        and case.conversation.start_ns >= 0 and event.time - case.conversation.start_ns < LOOKED_NS
    )


def _survived(case: Case, event: TcpReset) -> Found:
    """One that nobody took for the end: of an outsider, or not taken at its word (RFC 5961 §3.2)."""
    return Found(
        f"The connection outlived a RST in the name of {event.who()} ({place(case.end(event.direction))}): each side "
        "still acknowledged data that the other one sent after it.",
        (event.evidence.frames[-1], event.survived), case.conversation, severity="note",
        basis=f"both sides go on up to #{event.survived}", next_step=FOREIGN_STEP if event.cause == FOREIGN else "",
    )


def data_unanswered(case: Case) -> list[Found]:
    found = []
    large = any(too_big(error) for error in case.of(IcmpError))
    for event in case.of(NotEnded):
        if not event.unanswered:
            continue
        sentence = f"{event.resent()} {times(event.unanswered)} "
        told = "without an answer in this capture."
        if event.heard:
            told = f"and not acknowledged in this capture, although {event.peer()} was still heard (#{event.heard})."
        if event.silence >= LONG_SILENCE_NS and not event.heard:
            told += (
                f" They were the first after {span(event.silence)} in which neither side had sent anything: a machine "
                "on the path may have forgotten the connection meanwhile, or the other side is gone."
            )
        next_step = sums_step(case, event.direction & 1) or (HEARD_STEP if event.heard else "")
        found.append(Found(
            sentence + told, event.evidence.frames, case.conversation, cost_ns=max(event.silent_ns, 0),
            severity=("warn" if event.fin else "") if event.unanswered >= SUSPICIOUS else "note",
            confidence=LIKELY if event.unanswered >= SUSPICIOUS else POSSIBLE,
            basis=f"no ACK of {'it' if event.fin else 'them'} is in the capture",
            next_step="Let the sender heed the ICMP messages that call its packets too large." if large else next_step,
            absent=case.absence(1 - (event.direction & 1), event.since) if event.since >= 0 else None,
            otherwise=sentence + f"and no ACK of {'it' if event.fin else 'them'} is in the capture.",
        ))
    return found


def not_ended(case: Case) -> list[Found]:
    found = []
    for event in case.of(NotEnded):
        if event.unanswered or event.how == "capacity":    # what is followed no further may well go on
            continue
        if event.unheard >= 0:     # it may have closed; that it is not in the capture is told by itself
            continue
        if event.how in OBSERVED_ENDED:
            later = f", {span(event.silent_ns)} after its last segment" if event.silent_ns >= BRIEF_NS else ""
            sentence = (
                f"The connection with {place(case.conversation.responder)} is not over when {what_ended(event.how)} "
                f"ends{later}."
            )
        else:
            silent = span(event.silent_ns)
            until = f"{silent} before the next one on its ports" if event.how == "reused" else f"nothing for {silent}"
            sentence = f"The connection with {place(case.conversation.responder)} fell silent without an end: {until}."
        found.append(Found(
            sentence, event.evidence.frames, case.conversation, basis="no FIN from both sides, and no RST",
        ))
    return found


def challenge(case: Case) -> list[Found]:
    events = case.of(ChallengeAck)
    if not events:
        return []
    return [Found(
        f"{capital(events[0].who())} did not obey {plural(len(events), events[0].challenged)} and asked back with an "
        "ACK, as a receiver does when the number is not the one it expects.",
        frames_of(events), case.conversation, confidence=POSSIBLE,
        basis="an ACK at once, and the connection went on",
    )]


def not_translated(analysis: Analysis) -> list[Found]:
    """A stray segment that belongs to another connection of the side that resets it, under another address."""
    found = []
    strays = _strays(analysis)
    at_end: dict[str, list[tuple[Case, int]]] = {}
    for told in analysis.told if strays else []:
        if told.conversation.transport == "tcp":
            other = Case(told, analysis.capture)
            at_end.setdefault(str(told.conversation.originator), []).append((other, 0))
            at_end.setdefault(str(told.conversation.responder), []).append((other, 1))
    for case, event in strays:
        here, stranger = case.end(event.direction), case.end(1 - event.direction)
        if event.ack >= 0 or carried(case, event.direction) or event.cause == ALONE:
            continue    # RFC 9293 §3.5.2: an answer to what is not known has no ACK, and just the number of that
        for other, side in at_end.get(str(here), []):
            if other.conversation is case.conversation or not _within(other, side, event.seq):
                continue
            if not other.conversation.start_ns <= event.time <= other.conversation.end_ns + STRAY_NS:
                continue
            real = other.end(1 - side)
            if str(real) == str(stranger):
                continue
            found.append(Found(
                f"A segment of {place(stranger)} acknowledges just what {place(here)} sent to {place(real)} in "
                f"conversation {other.conversation.number}: it looks like a segment of that same connection whose "
                f"address was not translated on its way. {place(here)} knows no connection with {stranger} and resets "
                "it.",
                event.evidence.frames, case.conversation, confidence=LIKELY,
                basis=f"the number {event.seq}, which belongs to the stream of conversation "
                f"{other.conversation.number}; one in four thousand million would by chance",
            ))
            break
    return found


def _strays(analysis: Analysis) -> list[tuple[Case, TcpReset]]:
    """Connections that begin in their middle and are reset."""
    found = []
    for told in analysis.told:
        if any(isinstance(event, Midstream) for phase in told.phases[:1] for event in phase.events):
            case = Case(told, analysis.capture)
            found += [(case, event) for event in case.of(TcpReset)[:1]]
    return found


def _within(case: Case, side: int, number: int) -> bool:
    """Does this raw number lie in the stream of this side, or just behind it?"""
    first = -1
    for syn in case.of(Syn):
        first = syn.seq if syn.direction == side else first
    for answer in case.of(SynAck):
        first = answer.seq if answer.direction == side else first
    for event in case.of(Midstream):
        first = event.seq if event.direction == side else event.ack
    tcp = case.conversation.tcp
    octets = tcp.unique[side] if tcp is not None else 0
    return first >= 0 and 0 < (number - first) % (1 << 32) <= octets + 2 and octets > 0


def port_reuse(analysis: Analysis) -> list[Found]:
    """Connections whose addresses and ports had just been used."""
    found = []
    last: dict[tuple[str, str, str], tuple[int, int, str]] = {}
    for conversation in analysis.conversations:
        if conversation.transport != "tcp":
            continue
        key = (str(conversation.originator), str(conversation.responder), conversation.scope)
        before = last.get(key)
        if before is not None and 0 <= conversation.start_ns - before[0] < TIME_WAIT_NS:
            found.append(Found(
                f"{place(conversation.originator)} opens a connection from the same port "
                f"{span(conversation.start_ns - before[0])} after conversation {before[1]} with it was last heard.",
                (conversation.first_frame,), conversation,
                basis=f"the same addresses and ports as conversation {before[1]}, state {before[2]}",
            ))
        last[key] = (conversation.end_ns, conversation.number, conversation.state)
    return found


ENDING_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tcp.reset", "warn", FAILURE, reset,
        "A connection was ended by a reset.",
        "Ask the log of the side that sent the RST; a TTL unlike its other packets points to a machine in between.",
        "A FIN of this side before the RST, or an orderly end of the application protocol.", "tcp.flags.reset == 1",
        threshold=f"{span(BRIEF_NS)} of silence before the end are worth a word; a client that resets within "
        f"{span(LOOKED_NS)} of opening, without a byte, only looked whether somebody listens.",
    ),
    Rule(
        "tcp.unread_data", "warn", FAILURE, unread,
        "A connection was reset since a program closed it without having read all.",
        "See that the program reads all that was sent to it before it closes its socket.",
        "Another RST with the same cause from a machine in between.", "tcp.flags.reset == 1",
    ),
    Rule(
        "tcp.gave_up", "error", FAILURE, gave_up,
        "A side gave a connection up after it had sent again and again in vain.",
        "Find out why the other side fell silent: host down, path down, or a firewall that forgot the connection.",
        "ACKs of the other side that the capture missed.", "tcp.flags.reset == 1", absence=True,
    ),
    Rule(
        "tcp.data_unanswered", "error", FAILURE, data_unanswered,
        "Data were never acknowledged, though they were sent again.",
        "Find out why the other side fell silent: host down, path down, or a firewall that forgot the connection.",
        "ACKs of the other side that the capture missed.", "tcp.analysis.retransmission", absence=True,
    ),
    Rule(
        "tcp.challenge", "note", WEAK, challenge,
        "A segment that does not fit was answered with an ACK that asks back (challenge ACK).",
        "Look where the RST or SYN came from: a late packet of an old connection, or somebody who guesses numbers.",
        "A connection that ends right after it.", "tcp.flags.reset == 1 || tcp.flags.syn == 1",
    ),
    Rule(
        "tcp.not_ended", "chat", OUTLOOK, not_ended,
        "The connection is still open where the capture ends.",
        "Capture for longer if the end matters.", "A FIN or RST after the last frame.",
    ),
)

ENDING_CAPTURE_RULES: Final[tuple[Rule[Analysis], ...]] = (
    Rule(
        "tcp.not_translated", "warn", FAILURE, not_translated,
        "A segment passed an address translation as it was, and the other side reset it.",
        "Look at the address translation between the two addresses: what it takes for invalid may pass as it is.",
        "Another connection between these two addresses with the same numbers.", "",
        threshold=f"{span(STRAY_NS)} in which a last segment may still be on its way.",
    ),
    Rule(
        "tcp.idle_timeout", "warn", FAILURE, idle_timeout,
        "Connections were ended after a silence that is always as long: a timeout.",
        "Send something more often than the timeout, or raise it.",
        "A log of one side that shows that its program ended each of them for another reason.",
        "tcp.flags.reset == 1", absence=True,
        threshold=f"three silences of the same length, at least {span(LEAST_NS)} each; they may differ by "
        f"{span(LOOSE_NS)}, for timers that are looked at now and then.",
    ),
    Rule(
        "tcp.forgotten", "warn", FAILURE, forgotten,
        "Connections got no answer any more after a silence, while new ones do: a machine on the way forgot them.",
        "Send something more often, or raise the timeout of the machine on the way.",
        "A capture on the other side of that machine in which the data arrive.",
        "tcp.analysis.retransmission || tcp.flags.reset == 1", absence=True,
        threshold=f"two connections, each silent for at least {span(LEAST_NS)}, none of them or of others of that host "
        "for as long without harm; three make it likely.",
    ),
    Rule(
        "tcp.port_reuse", "note", WEAK, port_reuse,
        "A connection uses addresses and ports that had just been used by another one.",
        "Look whether the caller runs out of ports, or binds a fixed one, before the old connection is forgotten.",
        "A new connection on another host behind the same address.", "tcp.flags.syn == 1",
        threshold=f"{span(TIME_WAIT_NS)} after the connection before: twice the longest life of a segment (RFC 9293 "
        "§3.4.2).",
    ),
)
