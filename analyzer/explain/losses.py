"""Findings about segments that were lost, repeated, late, doubled, or missing from the capture."""
from __future__ import annotations

from typing import Final

from analyzer.explain.checksums import sums_step
from analyzer.explain.rule import FAILURE, LIKELY, OUTLOOK, POSSIBLE, SLOW, Case, Found, Rule, frames_of, times
from dissectors.kit.units import plural, size, span
from dissectors.protocols.icmp import IcmpError
from dissectors.protocols.tcp.events import capital
from dissectors.protocols.tcp.events_holes import Conflict, SackOutside, StreamGap, Unrepaired
from dissectors.protocols.tcp.events_loss import (
    CaptureLoss,
    FastRetransmit,
    Loss,
    LossSummary,
    OldTimestamps,
    Reordering,
    SpuriousRetransmission,
    TailLossProbe,
    Timeout,
)
from dissectors.protocols.tcp.events_teardown import TcpReset
from dissectors.protocols.tcp.events_transfer import Transfer, Turns

# Shares of a side's data that had to be sent again, in per cent, each with the least number of segments for it:
# one lost segment of five is a large share and says little.
MANY_OVERTOOK: Final = 3     # as many duplicate ACKs make a sender resend (RFC 5681 §3.2)
WARN_SHARE: Final = 1.0
WARN_SEGMENTS: Final = 3
ERROR_SHARE: Final = 10.0
ERROR_SEGMENTS: Final = 10
ERROR_EPISODES: Final = 3     # one burst is how slow start finds the end of a queue (RFC 5681 §3.1)
# A path that lets nothing large through: so many segments' worth of data, and this share of all, in vain.
BLACK_HOLE_SEGMENTS: Final = 3
BLACK_HOLE_SHARE: Final = 90
# A segment of this size makes a packet above 1280 bytes, which every IPv6 link carries (RFC 8200 §5).
LARGE_OCTETS: Final = 1220
BLACK_HOLE_ROUNDS: Final = 3
# A sender that still wants to resend does it within this time (RFC 6298 §2 begins with a timer of 1 s, and doubles it).
RESEND_NS: Final = 3_000_000_000


def carried(case: Case, direction: int) -> int:
    """Stream bytes of one direction, each once, as far as they are told."""
    octets = sum([event.octets for event in case.of(Transfer) if event.direction == direction])
    for more in case.of(Turns):
        octets += more.octets_backward if direction == 1 else more.octets_forward
    return octets


def too_big(event: IcmpError) -> bool:
    """RFC 1191 §4: IPv4 type 3, code 4; RFC 4443 §3.2: ICMPv6 type 2."""
    return event.kind == 2 if event.version == 6 else (event.kind, event.code) == (3, 4)


def loss(case: Case) -> list[Found]:
    """Repairs that did not wait for the timer."""
    found = []
    reported = any(too_big(event) for event in case.of(IcmpError))
    for side in (0, 1):
        quick: list[Loss] = [
            event for kind in (FastRetransmit, Loss, TailLossProbe) for event in case.of(kind)
            if event.direction == side
        ]
        found += twice(case, [event for event in quick if event.repair.hasty()])
        quick = [event for event in quick if not event.repair.hasty()]
        more = [event for event in case.of(LossSummary) if event.direction == side and event.segments]
        if not quick and not more:
            continue
        segments = sum([event.repair.segments for event in quick]) + sum([event.segments for event in more])
        octets = sum([event.repair.octets for event in quick]) + sum([event.octets for event in more])
        cost = sum([event.repair.lasted_ns for event in quick if event.repair.repaired])
        cost += sum([event.lasted_ns for event in more])
        episodes = len(quick) + sum([event.episodes for event in more])
        whole = carried(case, side)
        share = 100.0 * octets / whole if whole else 0.0
        who = capital((quick or more)[0].who())
        part = f", {min(share, 99):.2g} % of its data" if 0 < share < 100 else ""
        resent = f"{plural(segments, 'segment')} ({size(octets)}{part})" if octets else "its FIN"
        sentence = f"{who} had to resend {resent} in {plural(episodes, 'episode')}{_repaired(quick, episodes, cost)}."
        frames = tuple(sorted({*frames_of(quick), *frames_of(more)}))
        found.append(Found(
            sentence, frames, case.conversation, cost_ns=cost,
            severity="note" if reported else _loss_severity(share, segments, episodes), confidence=_sureness(case),
            basis="ICMP messages say that packets were too large" if reported
            else "duplicate ACKs, SACK blocks or the resends themselves",
        ))
    return found


def twice(case: Case, hasty: list[Loss]) -> list[Found]:
    """What was sent again before anything could have been missed."""
    if not hasty:
        return []
    segments = sum([event.repair.segments for event in hasty])
    longest = max([max(event.repair.waited_ns, event.repair.longest_ns) for event in hasty])
    return [Found(
        f"{capital(hasty[0].who())} sent {plural(segments, 'segment')} twice, up to {span(longest)} apart, sooner "
        "than an ACK of the first copy was to be expected: nothing says that anything was lost.",
        frames_of(hasty), case.conversation, severity="note", confidence=LIKELY,
        basis="the time between both, and until the ACK; a device or a driver that sends everything twice does so",
        next_step="Look which device on the way, or which setting of the sender, sends packets twice.",
    )]


def _repaired(quick: list[Loss], episodes: int, cost: int) -> str:
    """How long the repair took, as far as an ACK shows that there was one."""
    unrepaired = len([event for event in quick if not event.repair.repaired])
    if unrepaired == episodes:
        return ", and no ACK of them is in the capture"
    took = f"; the repair took {span(cost)}{' in all' if episodes > 1 else ''}" if cost > 0 else ""
    return f"{took}; of {plural(unrepaired, 'episode')} no ACK is in the capture" if unrepaired else took


def _sureness(case: Case) -> str:
    """Where the capture missed segments it may have missed the signs for a resend too."""
    return POSSIBLE if case.of(CaptureLoss) else LIKELY


def _loss_severity(share: float, segments: int, episodes: int) -> str:
    if share >= ERROR_SHARE and segments >= ERROR_SEGMENTS and episodes >= ERROR_EPISODES:
        return "error"
    return "warn" if share >= WARN_SHARE and segments >= WARN_SEGMENTS else "note"


def timeout(case: Case) -> list[Found]:
    found = []
    for side, events in case.by_side(Timeout):
        lost = [event for event in events if not event.repair.repaired]
        cost = max(sum([_stalled(event) for event in events]), 0)
        segments = sum([event.repair.segments for event in events])
        waits = sum([
            max(event.repair.timers, 1 if event.signs() else event.repair.rounds, 1) for event in events
        ])
        sentence = (
            f"{capital(events[0].who())} waited for its retransmission timer {times(waits)} and resent "
            f"{plural(segments, 'segment')}: {span(cost)} passed without progress"
        )
        sentence += f", and {'in the end ' if len(events) > 1 else ''}no ACK of them came." if lost else "."
        asked = any(event.signs() for event in events)
        mend = sums_step(case, side)
        basis = "the silence before each resend"
        if asked:
            basis += ", far beyond the round trip in which a sender answers duplicate ACKs or SACK blocks"
        elif not mend and not any(too_big(error) for error in case.of(IcmpError)):
            basis += ", which nothing else explains"
        soon = bool(lost) and case.capture.end_ns - _last_resend(lost[-1]) < RESEND_NS
        unheard = not case.observed.frames[1 - side]
        found.append(Found(
            sentence, frames_of(events), case.conversation, cost_ns=cost,
            severity="note" if unheard or (soon and segments == 1) else "",
            confidence=POSSIBLE if unheard else _sureness(case), basis=basis,
            next_step=mend or ("Find out why the duplicate ACKs brought no repair: a resend that was lost too, or ACKs "
            "that the sender did not get or could not use." if asked else ""),
        ))
    return found


def _last_resend(event: Timeout) -> int:
    return event.repair.last_ns or event.time


def _stalled(event: Timeout) -> int:
    """From the sending that was lost, where that is known, to the ACK that ends the wait."""
    repair = event.repair
    before = repair.waited_ns if repair.waited_ns > 0 and not repair.duplicates and not repair.sacked else 0
    answered = repair.answered_ns if repair.repaired else 0
    shown = max(repair.lasted_ns - answered, 0) if answered else 0     # a hole, before the resend
    return repair.lasted_ns + max(before - shown, 0)


def black_hole(case: Case) -> list[Found]:
    """Everything large had to be sent again and again, and nobody said that it was too large."""
    tcp = case.conversation.tcp
    if tcp is None or any(too_big(event) for event in case.of(IcmpError)) or case.of(OldTimestamps):
        return []
    found = _large_in_vain(case)
    for event in [] if found else case.of(Timeout):
        mss = tcp.mss[1 - (event.direction & 1)]
        octets = event.repair.octets
        whole = carried(case, event.direction)
        if (
            mss > 0 and event.repair.rounds >= 2 and not _full_passed(event)
            and octets >= BLACK_HOLE_SEGMENTS * mss and octets * 100 >= whole * BLACK_HOLE_SHARE
        ):
            found.append(Found(
                f"Nearly all that {event.who()} sent ({size(octets)}) had to be sent again after timeouts: the path "
                "may drop large packets without saying so.",
                event.evidence.frames, case.conversation, cost_ns=event.repair.lasted_ns, confidence=POSSIBLE,
                basis="the handshake passed, full segments did not, and no ICMP message told that they are too large",
            ))
    return found


def _full_passed(event: Timeout) -> bool:
    """An ACK or a SACK block shows that the peer got a segment as large as the one that was sent again."""
    repair = event.repair
    return repair.large_passed or 0 < repair.size <= repair.sacked_size


def _large_in_vain(case: Case) -> list[Found]:
    """The first large segment was never acknowledged, however often it was sent, while smaller ones were."""
    found = []
    for event in case.of(Timeout):
        repair = event.repair
        if repair.size < LARGE_OCTETS or _full_passed(event) or sums_step(case, event.direction & 1):
            continue
        if repair.pieces_passed and repair.failed:
            found.append(_in_pieces(case, event))
        elif not repair.repaired and repair.failed >= BLACK_HOLE_ROUNDS and (
            repair.sacked_size or 0 < repair.passed < repair.size
        ):
            found.append(_never(case, event))
    return found


def _in_pieces(case: Case, event: Timeout) -> Found:
    """The same bytes passed once they were sent in smaller segments. A burst of losses that ended just then looks the
    same, where the large one had failed but once."""
    repair = event.repair
    return Found(
        f"{capital(event.who())} sent a segment of {size(repair.size)} {times(repair.failed + 1)} in "
        f"{span(repair.shrunk_ns - event.time + max(repair.waited_ns, 0))} and got no ACK of it; in pieces of "
        f"{size(repair.shrunk)} (#{repair.shrunk_frame}) it passed: the path drops larger packets without saying so.",
        tuple(sorted({*event.evidence.frames, repair.shrunk_frame})), case.conversation, cost_ns=repair.lasted_ns,
        confidence=LIKELY if repair.failed >= BLACK_HOLE_ROUNDS else POSSIBLE,
        basis="no segment as large was acknowledged, the smaller ones were, and no ICMP message told that it is too "
        "large",
        otherwise=f"{capital(event.who())} sent a segment of {size(repair.size)} again in pieces of "
        f"{size(repair.shrunk)}, which passed.",
    )


def _never(case: Case, event: Timeout) -> Found:
    """A peer that went away at that moment looks the same, so it stays possible only, unless the peer reports with SACK
    that something smaller came that was sent later."""
    repair = event.repair
    sent = (
        f"{capital(event.who())} sent a segment of {size(repair.size)} {times(repair.failed + 1)} in "
        f"{span(repair.last_ns - event.time + max(repair.waited_ns, 0))} and got no ACK of it, while "
    )
    said = f"{sent}those of up to {size(repair.passed)} had been acknowledged: the path may drop large packets"
    passed = f"{sent}one of {size(repair.passed)} had been acknowledged"
    basis = "no segment as large was ever acknowledged, and no ICMP message told that it is too large"
    if repair.sacked_size:
        passed = f"{sent}{size(repair.sacked_size)} behind it arrived, as SACK blocks say"
        said = f"{passed}: the path drops large packets"
    else:
        basis += "; a peer that went away at that moment looks the same"
    return Found(
        f"{said} without saying so.", event.evidence.frames, case.conversation, cost_ns=repair.lasted_ns,
        confidence=LIKELY if repair.sacked_size else POSSIBLE, basis=basis,
        otherwise=f"{passed}: the path may drop large packets, or larger ones passed before.",
    )


def unrepaired(case: Case) -> list[Found]:
    """What the receiver asked for in vain. A capture that ends soon after it may have missed the resend."""
    found = []
    for event in case.of(Unrepaired):
        were = "was" if event.hole.octets == 1 else "were"
        sofar = f"{capital(event.missing())} {were} missing at the end of what was seen: {event.grounds()}."
        reset = any(not one.survived for one in case.of(TcpReset)) and event.hole.watched_ns < RESEND_NS
        soon = reset or case.capture.end_ns < event.time + RESEND_NS
        found.append(Found(
            sofar if soon else f"{capital(event.missing())} never arrived and {were} not resent: {event.grounds()}.",
            event.evidence.frames, case.conversation, cost_ns=event.hole.watched_ns,
            severity="note" if soon else "", confidence=POSSIBLE if soon else LIKELY,
            absent=case.absence(event.direction, event.time, -1 if soon else event.time + RESEND_NS), otherwise=sofar,
            basis="the receiver's own ACKs, and no frame behind them that carries the bytes",
        ))
    return found


def sack_outside(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(SackOutside):
        count = sum([event.segments for event in events])
        found.append(Found(
            f"{plural(count, 'segment')} of {events[0].peer()} {'carry' if count > 1 else 'carries'} SACK blocks "
            f"that do not fit the stream of {events[0].who()}: the first lies {events[0].where()}. Something on the "
            "path may change sequence numbers and not the SACK blocks.",
            frames_of(events), case.conversation, confidence=LIKELY,
            basis="no window that was advertised, and no earlier byte of the stream, reaches there",
        ))
    return found


def old_timestamps(case: Case) -> list[Found]:
    found = []
    for event in case.of(OldTimestamps):
        who, peer = event.who(), event.peer()
        cost = sum([one.repair.lasted_ns for one in case.of(Timeout) if one.direction == event.direction])
        found.append(Found(
            f"{capital(peer)} dropped {plural(event.count, 'segment')} of {who} for an old timestamp and answered each "
            f"with an ACK: they carry up to {event.stamp}, and {peer} has had {event.held}.",
            event.evidence.frames, case.conversation, cost_ns=cost, confidence=LIKELY,
            severity="" if event.count > 1 else "note",
            basis="each begins just at the byte that is waited for, and was answered with the ACK of before (RFC 7323 "
            "§5.3)",
        ))
    return found


def spurious(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(SpuriousRetransmission):
        segments = sum([event.repair.segments for event in events])
        octets = sum([event.repair.octets for event in events])
        found.append(Found(
            f"{capital(events[0].who())} resent {plural(segments, 'segment')} ({size(octets)}) that the other side had "
            "already.",
            frames_of(events), case.conversation, confidence=LIKELY, basis=events[0].repair.basis,
        ))
    return found


def reordering(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(Reordering):
        late = sum([event.late for event in events])
        longest = max([event.late_ns for event in events])
        what = plural(late, "segment") if late else "Segments"
        delay = f", up to {span(longest)} late" if longest > 0 else ""
        overtaken = max([event.overtaken for event in events])
        if overtaken:
            delay += f" and behind up to {plural(overtaken, 'later one')}"
        if overtaken >= MANY_OVERTOOK:
            delay += ", which is enough for a sender to take one for lost"
        found.append(Found(
            f"{what} of {events[0].who()} came out of order{delay}, and nothing had to be resent for it.",
            frames_of(events), case.conversation, cost_ns=max(longest, 0), confidence=LIKELY,
            basis="the missing bytes came without a resend",
        ))
    return found


def capture_loss(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(CaptureLoss):
        octets = sum([event.octets for event in events])
        found.append(Found(
            f"{size(octets) if octets else 'Data'} of {events[0].who()} that the capture never saw "
            f"{'was' if octets == 1 else 'were'} acknowledged: the capture is incomplete.",
            frames_of(events), case.conversation, confidence=LIKELY,
            basis="an ACK covers bytes that no frame of this capture carried",
        ))
    return found


def gap(case: Case) -> list[Found]:
    found = []
    missed = {side for side, _events in case.by_side(CaptureLoss)}
    for side, events in case.by_side(StreamGap):
        absent = [event for event in events if not event.unheld]
        if side in missed or not absent:
            continue
        octets = sum([event.length for event in absent])
        found.append(Found(
            f"{size(octets)} of the stream of {absent[0].who()} are not in the capture.", frames_of(absent),
            case.conversation,
            basis="frames were cut short when they were captured" if case.capture.truncated_frames
            else "a hole in the sequence numbers that nothing fills",
        ))
    return found


def conflict(case: Case) -> list[Found]:
    found = []
    for _side, events in case.by_side(Conflict):
        octets = sum([event.length for event in events])
        found.append(Found(
            f"{capital(events[0].who())} sent {size(octets)} of its stream twice with different content.",
            frames_of(events), case.conversation, basis="the same sequence numbers with other bytes",
        ))
    return found


LOSS_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tcp.loss", "note", SLOW, loss,
        "Segments were lost, and were sent again without waiting for the timer.",
        "Compare captures at both ends to find the link that drops; a few losses are how TCP finds the rate of a path.",
        "Resends without a loss: a duplicate SACK that reports them as needless.", "tcp.analysis.retransmission",
        threshold=f"a warning from {WARN_SHARE:g} % and {WARN_SEGMENTS} segments, an error from {ERROR_SHARE:g} %, "
        f"{ERROR_SEGMENTS} segments and {ERROR_EPISODES} times: one burst is how slow start finds the end of "
        "a queue (RFC 5681 §3.1).",
    ),
    Rule(
        "tcp.timeout", "warn", SLOW, timeout,
        "Segments were sent again only when the retransmission timer ran out.",
        "Find out why no duplicate ACKs came: losses at the end of a burst, a path that was down, a silent peer.",
        "A sender that had paused by itself, without anything outstanding.", "tcp.analysis.retransmission",
    ),
    Rule(
        "tcp.black_hole", "warn", FAILURE, black_hole,
        "Large segments never arrive and small ones do: the path takes less than both sides believe.",
        "Ping with large packets that may not be fragmented, and let ICMP \"too big\" pass, or lower the MTU.",
        "A segment of full size that was acknowledged, or small ones lost just as often.",
        "tcp.analysis.retransmission", absence=True,
    ),
    Rule(
        "tcp.unrepaired", "warn", FAILURE, unrepaired,
        "The receiver asked for missing bytes that were never sent again.",
        "Capture at the sender too: see whether it sent these bytes, and whether the ACKs that ask for them reach it.",
        "A frame with the missing bytes in another capture of the same time.",
        "(tcp.analysis.duplicate_ack || tcp.options.sack_le || tcp.analysis.lost_segment)", absence=True,
        threshold=f"{span(RESEND_NS)} in which a sender that still wants to would have resent (RFC 6298 §2).",
    ),
    Rule(
        "tcp.sack_outside", "warn", FAILURE, sack_outside,
        "SACK blocks name bytes that were never sent.",
        "Look for a firewall that randomises sequence numbers; have it translate SACK blocks, or leave the numbers.",
        "The same blocks at the receiver's own side, where nothing can have changed them.", "tcp.options.sack_le",
    ),
    Rule(
        "tcp.old_timestamps", "error", FAILURE, old_timestamps,
        "Segments were thrown away since their TCP timestamps were too old.",
        "Look for a machine on the way that changes timestamps, two senders behind one address, or a clock that was "
        "set back.",
        "Another reason for the same ACK: a checksum that is wrong at the receiver.", "tcp.options.timestamp.tsval",
    ),
    Rule(
        "tcp.spurious", "note", SLOW, spurious,
        "Segments were sent again although they had arrived.",
        "Look for late ACKs or a jump of the round trip just before: the sender's timer was too early.",
        "A first copy that was lost beyond the capture.", "tcp.analysis.retransmission",
    ),
    Rule(
        "tcp.reordering", "note", SLOW, reordering,
        "Segments arrived in another order than they were sent.",
        "Look for parallel paths (link bundles, load balancing by packet) if it is frequent.",
        "A resend of the same bytes that the capture missed.", "tcp.analysis.out_of_order",
    ),
    Rule(
        "tcp.conflict", "warn", FAILURE, conflict,
        "The same place of a stream was sent twice with different bytes.",
        "Compare both versions: a machine that rewrites, a faulty sender, or an attempt to mislead an observer.",
        "Damage of one copy, which its checksum would show.", "tcp.analysis.retransmission",
    ),
    Rule(
        "capture.loss", "warn", OUTLOOK, capture_loss,
        "Bytes that were acknowledged are missing from the capture.",
        "Capture again with a larger buffer, a narrower filter, or at a place that sees both directions.",
        "The missing bytes in a capture of the same time elsewhere that lost them too.",
        "tcp.analysis.ack_lost_segment",
    ),
    Rule(
        "capture.gap", "note", OUTLOOK, gap,
        "Bytes of a stream are not in the capture.",
        "Check whether the frames before the gap were captured at all.",
        "The missing bytes, later in the capture.", "tcp.analysis.lost_segment",
    ),
)
