"""Sequence analysis: the flags of each segment by the table of rules in `flags.py`, and the state that they rest on.

Two entry points share the rules: `analyse` for every packet, with a short cut for what is ordinary, and
`analyse_in_detail`. Both ask first, of the state before the segment; `_remember` changes it afterwards.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.tcp.flags import (
    ACK,
    ACK_LOST_SEGMENT,
    DUPLICATE_ACK,
    FAST_RETRANSMISSION,
    KEEP_ALIVE,
    KEEP_ALIVE_ACK,
    LOST_SEGMENT,
    OUT_OF_ORDER,
    RETRANSMISSION,
    SFR,
    SPURIOUS_RETRANSMISSION,
    SYN,
    SYN_FIN,
    WINDOW_FULL,
    WINDOW_UPDATE,
    ZERO_WINDOW,
    ZERO_WINDOW_PROBE,
    ZERO_WINDOW_PROBE_ACK,
    acks_beyond_gap,
    acks_lost_segment,
    acks_unseen,
    answers_keep_alive,
    answers_probe,
    closes_window,
    comes_late,
    duplicates_ack,
    fills_window,
    goes_back,
    keeps_alive,
    leaves_gap,
    probes_zero_window,
    resends_acknowledged,
    resends_at_once,
    updates_window,
)
from dissectors.protocols.tcp.side import (
    MASK,
    SCALE_UNKNOWN,
    SCALE_UNUSED,
    UNSEEN,
    Detail,
    Handshake,
    TcpSide,
    Unacked,
    after,
)

MAX_UNACKED: Final[i64] = 10_000            # segments remembered per direction while no ACK is seen


def note_bases(fwd: TcpSide, rev: TcpSide, flags: i64, seq: i64, ack: i64) -> None:
    """Where each direction starts counting. Without a SYN the first number seen stands in for it."""
    if not fwd.base_known:
        fwd.base_seq = seq if flags & SYN else (seq - 1) & MASK
        fwd.base_known = True
    if not rev.base_known and flags & ACK:
        rev.base_seq = (ack - 1) & MASK
        rev.base_known = True


def analyse(
    hand: Handshake, fwd: TcpSide, rev: TcpSide, frame: i64, time: i64, flags: i64, seq: i64, ack: i64,
    window: i64, length: i64,
) -> i64:
    """The flags of one segment, without details; then the state moves on. The path of every packet."""
    if (
        flags & SFR == 0 and flags & ACK and seq == fwd.next_seq and seq != 0 and window != 0 and rev.window != 0
        and (rev.max_acked == 0 or not after(ack, rev.max_acked))
    ):
        end = (seq + length) & MASK
        if length > 0 and (rev.last_ack == 0 or after(end, rev.last_ack)):
            # The next data in order, and an ACK of nothing unseen: the ordinary segment.
            bits: i64 = 0
            if fills_window(rev, flags, seq, length):
                bits = WINDOW_FULL
            if ack != fwd.last_ack:
                fwd.last_new_ack = frame
                fwd.duplicates = 0
            if fwd.max_acked in (0, seq):
                fwd.max_acked = end
            fwd.next_seq = end
            fwd.next_frame = frame
            fwd.next_time = time
            _remember_ack(fwd, time, ack, window, bits)
            rev.flight_known = True
            return bits
        if length == 0 and ack != fwd.last_ack:
            # A pure ACK that moves on.
            fwd.last_new_ack = frame
            fwd.duplicates = 0
            if fwd.max_acked == 0:
                fwd.max_acked = seq
            _remember_ack(fwd, time, ack, window, 0)
            rev.flight_known = True
            return 0
    bits = _rules(hand, fwd, rev, time, flags, seq, ack, window, length)
    _remember(fwd, rev, frame, time, flags, seq, ack, window, length, bits)
    return bits


def analyse_in_detail(
    hand: Handshake, fwd: TcpSide, rev: TcpSide, frame: i64, time: i64, flags: i64, seq: i64, ack: i64,
    window: i64, length: i64, detail: Detail,
) -> i64:
    """As `analyse`, and also bytes in flight, round trips and timeouts, from the unacknowledged segments."""
    if acks_unseen(rev, flags, ack):
        detail.said = True
    bits = _rules(hand, fwd, rev, time, flags, seq, ack, window, length)
    if bits & RETRANSMISSION:
        detail.rto_ns = time - fwd.next_time
        detail.rto_frame = fwd.next_frame
        if fwd.unacked:
            oldest = fwd.unacked[0]
            detail.rto_ns = time - oldest.time
            detail.rto_frame = oldest.frame
    if length != 0 or flags & SYN_FIN:
        _keep(fwd, frame, time, seq, (seq + length + (1 if flags & SYN_FIN else 0)) & MASK)
    _remember(fwd, rev, frame, time, flags, seq, ack, window, length, bits)
    if bits & DUPLICATE_ACK:
        detail.duplicate_number = fwd.duplicates
        detail.duplicate_of = fwd.last_new_ack
    if rev.unacked:
        _acknowledge(rev, frame, time, ack, detail)
    if length != 0 and fwd.unacked and fwd.flight_known:
        detail.said = True
        if fwd.flight_stale:
            _measure_flight(fwd)
        in_flight = (fwd.flight_to - fwd.flight_from - rev.sacked) & MASK
        if 0 < in_flight < 2_000_000_000:
            in_flight -= 1 if flags & SYN_FIN else 0
            if in_flight:
                detail.bytes_in_flight = in_flight
    if bits:
        detail.said = True
    return bits


def _rules(
    hand: Handshake, fwd: TcpSide, rev: TcpSide, time: i64, flags: i64, seq: i64, ack: i64, window: i64, length: i64
) -> i64:
    """The flags of a segment by the table of rules, unrolled: called by name a predicate costs next to nothing."""
    bits: i64 = 0
    if probes_zero_window(fwd, rev, seq, length):
        bits = ZERO_WINDOW_PROBE
    else:
        if closes_window(flags, window):
            bits = ZERO_WINDOW
        if fills_window(rev, flags, seq, length):
            bits |= WINDOW_FULL
    if leaves_gap(fwd, flags, seq):
        bits |= LOST_SEGMENT
    if updates_window(fwd, flags, seq, ack, window, length):
        bits |= WINDOW_UPDATE
    elif answers_keep_alive(fwd, rev, flags, seq, ack, window, length):
        bits |= KEEP_ALIVE_ACK
    elif answers_probe(fwd, rev, flags, seq, ack, window, length):
        bits |= ZERO_WINDOW_PROBE_ACK
    elif duplicates_ack(fwd, flags, seq, ack, window, length):
        bits |= DUPLICATE_ACK
    if acks_lost_segment(rev, flags, ack):
        bits |= ACK_LOST_SEGMENT
    if keeps_alive(fwd, flags, seq, length):
        return bits | KEEP_ALIVE
    if resends_acknowledged(rev, seq, length):
        return bits | SPURIOUS_RETRANSMISSION
    if not goes_back(fwd, flags, seq, length):
        return bits
    if resends_at_once(fwd, rev, time, flags, seq, ack, length):
        return bits | FAST_RETRANSMISSION
    if comes_late(hand, fwd, time, flags, seq, length):
        return bits | OUT_OF_ORDER
    return bits | RETRANSMISSION


def _remember(
    fwd: TcpSide, rev: TcpSide, frame: i64, time: i64, flags: i64, seq: i64, ack: i64, window: i64, length: i64,
    bits: i64,
) -> None:
    """Move the state on. A window probe does not advance the sender: its byte was not accepted yet."""
    if flags & ACK:
        rev.flight_known = True
    if bits & LOST_SEGMENT:
        fwd.flight_known = False
    if acks_unseen(rev, flags, ack):
        # The capture missed what this acknowledges, for it did arrive.
        if acks_beyond_gap(rev, flags, ack):
            rev.duplicates = UNSEEN
        else:
            rev.max_acked = rev.next_seq
    if ack != fwd.last_ack:
        fwd.last_new_ack = frame
        fwd.duplicates = 0
    elif bits & DUPLICATE_ACK:
        fwd.duplicates = 1 if fwd.duplicates == UNSEEN else fwd.duplicates + 1
    if not bits & ZERO_WINDOW_PROBE:
        end = (seq + length + (1 if flags & SYN_FIN else 0)) & MASK
        if fwd.next_seq == 0 or after(end, fwd.next_seq):
            fwd.next_seq = end
            fwd.next_frame = frame
            fwd.next_time = time
        if fwd.max_acked in (0, seq):
            fwd.max_acked = fwd.next_seq
    _remember_ack(fwd, time, ack, window, bits)


def _remember_ack(fwd: TcpSide, time: i64, ack: i64, window: i64, bits: i64) -> None:
    fwd.window = window
    fwd.last_ack = ack
    fwd.last_ack_time = time
    fwd.last_bits = bits


def after_segment(hand: Handshake, fwd: TcpSide, time: i64, flags: i64) -> None:
    """What Wireshark notes once a segment is analysed: the initial round trip, and whether windows scale."""
    if flags & SYN:
        if not flags & ACK:
            hand.syn_time = time
        fwd.first_ack = True
    elif flags & ACK:
        if hand.syn_time and not hand.initial_rtt:
            hand.initial_rtt = time - hand.syn_time
        fwd.first_ack = False


def settle_scaling(fwd: TcpSide, rev: TcpSide, flags: i64) -> None:
    """After the options of a SYN: scaling holds only where both sides offered it (RFC 7323 §2.2)."""
    if fwd.scale == SCALE_UNKNOWN:
        fwd.scale = SCALE_UNUSED
        rev.scale = SCALE_UNUSED
    elif flags & ACK and rev.scale == SCALE_UNUSED:
        fwd.scale = SCALE_UNUSED


def _keep(fwd: TcpSide, frame: i64, time: i64, seq: i64, end: i64) -> None:
    if len(fwd.unacked) >= MAX_UNACKED:
        return
    start_at = (seq - fwd.base_seq) & MASK
    end_at = (end - fwd.base_seq) & MASK
    if not fwd.unacked:
        fwd.flight_from = start_at
        fwd.flight_to = end_at
        fwd.flight_stale = False
    elif not fwd.flight_stale:
        fwd.flight_from = min(fwd.flight_from, start_at)
        fwd.flight_to = max(fwd.flight_to, end_at)
    fwd.unacked.append(Unacked(frame, time, seq, end))


def _measure_flight(side: TcpSide) -> None:
    first = side.unacked[0]
    low = (first.seq - side.base_seq) & MASK
    high = (first.end - side.base_seq) & MASK
    for segment in side.unacked:
        start_at = (segment.seq - side.base_seq) & MASK
        end_at = (segment.end - side.base_seq) & MASK
        low = min(low, start_at)
        high = max(high, end_at)
    side.flight_from = low
    side.flight_to = high
    side.flight_stale = False


def _acknowledge(sender: TcpSide, frame: i64, time: i64, ack: i64, detail: Detail) -> None:
    """Forget what this ACK covers. A round trip is measured where it ends exactly at a segment.

    Where a segment was resent the first sending counts, so the time includes the repair.
    """
    kept: list[Unacked] | None = None
    for index, segment in enumerate(sender.unacked):
        if ack == segment.end:
            if detail.acked_frame < 0:
                detail.said = True
                detail.acked_frame = segment.frame
                detail.ack_rtt_ns = time - segment.time
            if kept is None:
                kept = sender.unacked[:index]
        elif after(segment.end, ack):
            if after(ack, segment.seq):
                segment.seq = ack
                sender.flight_stale = True
            if kept is not None:
                kept.append(segment)
        elif kept is None:
            kept = sender.unacked[:index]
    if kept is not None:
        sender.unacked = kept
        sender.flight_stale = True
