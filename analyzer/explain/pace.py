"""Findings about what set the pace of a TCP transfer."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import FAILURE, LIKELY, OUTLOOK, POSSIBLE, SLOW, Case, Found, Rule, frames_of, place, times
from analyzer.explain.usual import LONG_NS, MANY_TIMES, NOTICED_NS, SURE, TOO_SOON, TRIPS, WAIT, loaded_way, patience
from dissectors.kit.observation import ALWAYS
from dissectors.kit.units import plural, rate, size, span
from dissectors.protocols.tcp.events import capital
from dissectors.protocols.tcp.events_hops import HopsChanged
from dissectors.protocols.tcp.events_teardown import TcpReset
from dissectors.protocols.tcp.events_transfer import (
    CongestionMarks,
    KeepAlive,
    Limits,
    Transfer,
    Turns,
    WindowShrunk,
    ZeroWindow,
    closed_for,
)
from dissectors.protocols.tcp.events_windows import AckAwaited, WindowOverrun, WindowUnscaled
from dissectors.protocols.tcp.reset_causes import GAVE_UP

# An answer to a keep-alive comes within this time; so many without one are no single loss.
PATIENCE_NS: Final = 1_000_000_000
ENOUGH_PROBES: Final = 2
SHORT_STOP_NS: Final = 10_000_000        # a window closed for less is seldom noticed
LIMITED: Final = 20                      # per cent of the sending time, from which on it is told
MOSTLY_LIMITED: Final = 50               # and from which on it is the thing to change
LONG_WAITS_NS: Final = 1_000_000_000     # as much in sum, for ACKs that were delayed
SLOW_ANSWER_NS: Final = LONG_NS          # where nothing is known of its other answers
# Round trips that grow under load: against the shortest, with samples enough, and more than a delayed ACK adds
# (RFC 9293 §3.8.6.3 allows up to 500 ms; stacks take 40 ms to 200 ms, so a mean over many rounds stays below).
GROWN: Final = 3
GROWN_NS: Final = 100_000_000
ENOUGH_SAMPLES: Final = 20
ENOUGH_OCTETS: Final = 100_000    # fewer do not fill a queue; their ACKs wait for the application


def zero_window(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(ZeroWindow):
        cost = sum([event.lasted_ns for event in events])
        probes = sum([event.probes for event in events])
        closed = any(event.how == "end" for event in events)
        sentence = (
            f"{capital(events[0].who())} had no room for more data"
            + closed_for(events)
            + (f" ({times(len(events))})" if len(events) > 1 else "")
            + (f", and {events[0].peer()} had to probe {times(probes)}" if probes else "")
            + ("; at the end its window was still closed." if closed else ".")
        )
        stuck = max([event.most_ns for event in events if event.how == "end"], default=-1) >= SHORT_STOP_NS
        severity = "error" if stuck else "note" if cost < SHORT_STOP_NS else ""
        found.append(Found(
            sentence, frames_of(events), case.conversation, cost_ns=cost, severity=severity,
            basis="the window field of its own segments",
        ))
    return found


def window_limited(case: Case) -> list[Found]:
    """An open window that is too small for the path; the time in which it was closed is `zero_window`'s."""
    found = []
    for event in case.of(Limits):
        stops = [stop for stop in case.of(ZeroWindow) if stop.direction != event.direction]
        closed = sum([max(stop.lasted_ns, stop.most_ns) for stop in stops])
        spent = max(dict(event.shares).get("receiver", 0) - closed, 0)
        share = event.percent(spent)
        if share < LIMITED:
            continue
        found.append(Found(
            f"The window of {event.peer()} held {event.who()} back for {share} % of the sending time"
            f"{_ceiling(case, event.direction)}.",
            event.evidence.frames, case.conversation, cost_ns=spent, severity="warn" if share >= MOSTLY_LIMITED else "",
            confidence=LIKELY, basis=event.basis,
        ))
    return found


def _ceiling(case: Case, direction: int) -> str:
    """No more than one window can be sent in a round trip, whatever the link can do (RFC 7323 §1.1)."""
    tcp = case.conversation.tcp
    if tcp is None:
        return ""
    window, rtt = tcp.max_window[1 - (direction & 1)], tcp.initial_rtt_ns
    if window <= 0 or rtt <= 0:
        return ""
    return (
        f": at most {size(window)} in each round trip of {span(rtt)} allow about "
        f"{rate(window * 8e9 / rtt)}"
    )


def shrunk(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(WindowShrunk):
        count = sum([event.count for event in events])
        found.append(Found(
            f"{capital(events[0].who())} took back room that it had promised, {times(count)}, up to "
            f"{size(max([event.largest for event in events]))}.",
            frames_of(events), case.conversation, basis="the right edge of its window moved back",
        ))
    return found


def window_overrun(case: Case) -> list[Found]:
    return [
        Found(
            f"{event.says()}: it looks as if the two do not agree on window scaling.",
            event.evidence.frames, case.conversation, confidence=LIKELY,
            basis="at least twice the largest window, as the handshake scales it, was not acknowledged",
            absent=case.absence(1 - event.direction, -1, event.time),
        )
        for event in case.of(WindowOverrun)
    ]


def window_unscaled(case: Case) -> list[Found]:
    return [
        Found(
            f"{event.says()}: it looks as if the scale was taken out of the handshake on the way.",
            event.evidence.frames, case.conversation, confidence=LIKELY,
            basis="the bytes under way are as many as the number in the field, each time",
        )
        for event in case.of(WindowUnscaled)
    ]


def ack_awaited(case: Case) -> list[Found]:
    return [
        Found(
            f"{capital(event.says())}: {span(event.waited_ns)} in all.",
            event.evidence.frames, case.conversation, cost_ns=event.waited_ns, confidence=LIKELY,
            severity="warn" if event.waited_ns >= LONG_WAITS_NS else "",
            basis="each next piece left right after the ACK, as Nagle's algorithm has it, and not before",
        )
        for event in case.of(AckAwaited)
    ]


def keep_alive(case: Case) -> list[Found]:
    found = []
    if any(event.cause == GAVE_UP and not event.survived for event in case.of(TcpReset)):
        return []    # told as that, with the keep-alives as its reason
    for side, events in case.by_side(KeepAlive):
        silent = [event for event in events if event.answers == 0 or event.unanswered >= ENOUGH_PROBES]
        # A side that is heard later is not gone.
        if silent and case.observed.last_ns[1 - side] <= silent[-1].time + silent[-1].lasted_ns:
            probes = sum([event.unanswered for event in silent])
            since, last = silent[0].time, silent[-1].time + silent[-1].lasted_ns
            enough = patience(case.conversation, PATIENCE_NS)
            waited = probes if case.capture.end_ns - last >= enough else probes - 1
            cost = sum([event.lasted_ns for event in silent])
            found.append(Found(
                f"{plural(probes, 'keep-alive')} of {silent[0].who()} had no answer: {silent[0].peer()} is gone, or "
                "cannot be reached any more.",
                frames_of(silent), case.conversation, cost_ns=cost, confidence=LIKELY,
                basis="no segment of the other side is in the capture after them",
                absent=case.absence(1 - silent[0].direction, since, -1 if waited >= ENOUGH_PROBES else ALWAYS),
                otherwise=f"{plural(probes, 'keep-alive')} of {silent[0].who()} had no answer in this capture.",
            ))
    return found


def congestion_marks(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(CongestionMarks):
        marked = sum([event.marked for event in events])
        echoes = sum([event.echoes for event in events])
        if marked or echoes:
            what = f"{plural(marked, 'packet')} of {events[0].who()} carried" if marked else (
                f"{plural(echoes, 'segment')} of {events[0].peer()} echoed"
            )
            found.append(Found(
                f"{what} the mark for congestion: a queue on the way ran full, and said so without dropping.",
                frames_of(events), case.conversation, basis="the ECN bits",
            ))
    return found


def queueing(case: Case) -> list[Found]:
    tcp = case.conversation.tcp
    if tcp is None:
        return []
    found = []
    for side in (0, 1):
        samples, least = tcp.rtt_samples[side], tcp.rtt_min_ns[side]
        if samples < ENOUGH_SAMPLES or least <= 0 or tcp.unique[side] < ENOUGH_OCTETS:
            continue
        mean = tcp.rtt_sum_ns[side] // samples
        if mean >= GROWN * least and mean - least >= GROWN_NS:
            frames = frames_of([event for event in case.of(Transfer) if event.direction == side])
            found.append(Found(
                f"Data to {place(case.end(1 - side))} are acknowledged after {span(mean)} on average, and after "
                f"{span(least)} at best: they wait in a queue on the way.",
                frames, case.conversation, cost_ns=mean - least, confidence=POSSIBLE,
                basis=f"{plural(samples, 'ACK time')}, up to {span(tcp.rtt_max_ns[side])}; a receiver that delays "
                "its ACKs or is busy looks alike",
            ))
    return found


def slow_answer(case: Case) -> list[Found]:
    turns = case.of(Transfer)
    if not turns:
        return []
    asked = turns[0].direction
    slow = [
        (turn.after_ns, turn.evidence.frames) for turn in turns
        if turn.direction != asked and _is_late(case, turn.after_ns)
    ]
    for untold in case.of(Turns):
        wait, frame = untold.longest[1 - asked]
        if _is_late(case, wait):
            slow.append((wait, (frame,)))
    if not slow:
        return []
    worst = max(slow)[0]
    who = turns[0].peer()
    others = case.usual.turns(case.conversation, worst)
    beside = f", where {len(others.waits)} other times it took {others.middle()} (median)" \
        if others.far_beyond(worst) else ""
    again = "" if len(slow) == 1 else f" ({times(len(slow))} as late, or nearly)"
    sure = len(others.waits) >= SURE and others.far_beyond(worst, MANY_TIMES) and worst >= SLOW_ANSWER_NS
    return [Found(
        f"{capital(who)} took {span(worst)} to begin its answer{beside}{again}.",
        tuple(sorted({frame for _wait, frames in slow for frame in frames})), case.conversation,
        cost_ns=sum([wait for wait, _frames in slow]), confidence=LIKELY if sure else POSSIBLE,
        basis="the time from the last data of one side to the first of the other; whether these are question and "
        "answer only the application knows",
    )]


def _is_late(case: Case, wait: int) -> bool:
    """Far beyond what this server took at other times, or long where that is not known; without the way, and what
    waits in queues on it. A server whose pauses are of all lengths does not answer: it speaks when it has to."""
    own = wait - loaded_way(case.conversation)
    if own < NOTICED_NS:
        return False
    others = case.usual.turns(case.conversation, wait)
    answers = others.steady() or 0 <= others.most_ns <= NOTICED_NS
    if others.enough and not answers:
        return False
    return own >= SLOW_ANSWER_NS or others.far_beyond(wait)


def offload(case: Case) -> list[Found]:
    """Segments larger than the MSS cannot have been on the wire like that."""
    tcp = case.conversation.tcp
    if tcp is None or case.capture.unsized:     # then `capture.length` has said so
        return []
    found = []
    for side in (0, 1):
        mss = tcp.mss[1 - side]
        large = [
            turn for turn in case.of(Transfer)
            if turn.direction == side and turn.segments and 0 < mss < turn.octets // turn.segments
        ]
        if large:
            worst = max([turn.octets // turn.segments for turn in large])
            found.append(Found(
                f"Segments of {large[0].who()} hold {size(worst)} on average where {size(mss)} are the most that was "
                "agreed: the capture was taken before the network card splits them (or after it joins them), so it "
                "shows fewer and larger packets than the wire had.",
                frames_of(large), case.conversation, confidence=LIKELY,
                basis="more bytes in a segment than the MSS of the handshake; a sender that ignores it looks the same",
            ))
    return found


def hops_changed(case: Case) -> list[Found]:
    return [
        Found(
            f"{capital(event.lead())}: {event.means()}.", event.evidence.frames, case.conversation,
            severity="note" if event.answer or event.alone else "",
            confidence=LIKELY if event.changes == 1 else POSSIBLE,
            basis=f"a host sends with the same {event.word} each time, and each router takes one off",
            narrow="ipv6.hlim" if event.word != "TTL" else "ip.ttl",
        )
        for event in case.of(HopsChanged)
    ]


PACE_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tcp.zero_window", "warn", SLOW, zero_window,
        "A receiver had no room for more data and closed its window.",
        "Look at the program that receives: it did not read. Its CPU, its disk or a lock may be the reason.",
        "A window that only looks closed because its scaling is unknown.",
        "(tcp.analysis.zero_window || tcp.analysis.zero_window_probe || tcp.analysis.window_update)",
        threshold=f"{span(SHORT_STOP_NS)} make it a warning: a program that reads all the time has made room again by "
        "then. The way is not in it, as both ends of it are sent by the receiver.",
    ),
    Rule(
        "tcp.window_limited", "note", SLOW, window_limited,
        "A receive window was too small for the path and held the sender back.",
        "Raise the receive buffer (or let the system scale it), above rate times round trip.",
        "Bytes in flight that stay well below the window.", "tcp.len > 0",
        threshold=f"{LIMITED} % of the time in which data were sent; a warning from {MOSTLY_LIMITED} %.",
    ),
    Rule(
        "tcp.window_shrunk", "note", SLOW, shrunk,
        "A receiver took back room that it had promised.",
        "Update the receiver's TCP or the middlebox that rewrites windows.",
        "Window scaling that is not known rightly.", "tcp.window_size",
    ),
    Rule(
        "tcp.window_overrun", "warn", FAILURE, window_overrun,
        "A sender sent more than the receiver's window takes.",
        "Compare the SYN and the SYN-ACK at both ends: which of them lost its window scale option on the way?",
        "ACKs of the receiver that the capture missed.", "tcp.len > 0", absence=True,
    ),
    Rule(
        "tcp.ack_awaited", "note", SLOW, ack_awaited,
        "A sender held small pieces back until a delayed ACK arrived (Nagle's algorithm).",
        "Write a message in one piece, or switch Nagle's algorithm off (TCP_NODELAY) in the program that sends.",
        "A program that waits by itself between the pieces.", "tcp.len >= 0",
        threshold=f"a warning from {span(LONG_WAITS_NS)} in all; less is lost in what else takes time.",
    ),
    Rule(
        "tcp.window_unscaled", "warn", SLOW, window_unscaled,
        "A sender fills the window as if it were not scaled.",
        "Compare the SYN and the SYN-ACK at both ends: a machine on the path clears or changes the scale.",
        "An application that writes pieces of just this size and waits for each answer.", "tcp.len > 0",
    ),
    Rule(
        "tcp.keep_alive_unanswered", "warn", FAILURE, keep_alive,
        "Keep-alives had no answer: the other side is gone or cannot be reached.",
        "Find out when the other side went away, and whether a firewall forgot the connection.",
        "Answers that took another way.", "tcp.analysis.keep_alive", absence=True,
        threshold=f"{span(PATIENCE_NS)}, or {TRIPS} round trips, without an answer: {TOO_SOON}.",
    ),
    Rule(
        "tcp.congestion_marks", "note", SLOW, congestion_marks,
        "A queue on the way marked packets, since it ran full (ECN).",
        "Find the queue that marks: ECN told of it before anything was lost.",
        "A middlebox that sets the bits wrongly on every packet.", "tcp.flags.ece == 1 || ip.dsfield.ecn == 3",
    ),
    Rule(
        "tcp.queueing", "note", SLOW, queueing,
        "Round trips grow under load: data wait in a queue on the way.",
        "Measure the round trip while the line is idle and while it is busy; shape or manage the queue.",
        "ACK times that are as long when hardly anything is under way.", "tcp.analysis.ack_rtt",
        threshold=f"{GROWN} times the shortest round trip, and {span(GROWN_NS)} more than that, as ACKs may be delayed "
        f"by up to 500 ms; from {ENOUGH_SAMPLES} samples.",
    ),
    Rule(
        "tcp.slow_answer", "note", SLOW, slow_answer,
        "The other side paused for long before it sent something.",
        "Ask the log of the side that answers what it did in this time.",
        "Data that answer nothing: the next thing that this side had to say.", "tcp.len > 0",
        threshold=f"{WAIT}. Where most other pauses are of all lengths, they are no answers.",
    ),
    Rule(
        "tcp.path_changed", "chat", OUTLOOK, hops_changed,
        "The hop limit of a host's packets changed, as if they took another way.",
        "Nothing, if nothing was slow or lost; else compare with what the routers log of this time.",
        "A capture at two places, of which each shows one of the values.",
    ),
    Rule(
        "capture.offload", "note", OUTLOOK, offload,
        "Segments are larger than the wire carries: the capture shows them before they are split.",
        "Switch off segmentation and receive offload (ethtool -K) for a capture that shows what the wire carries.",
        "A loopback or jumbo link whose segments are this large.", "tcp.len > 0",
    ),
)
