"""Sequence analysis: the table of rules, and the state of each direction that they look at.

The flags agree with Wireshark's `tcp.analysis.*` (4.0), rule by rule and in the same order, so that a
display filter copied from one tool means the same in the other. Predicates look at the state as it was
before the segment; `_remember` changes it afterwards. All sequence arithmetic is modulo 2**32
(RFC 9293 §3.4): `after(a, b)` is true where a lies within 2**31 beyond b.

A number of 0 for `next_seq`, `max_acked` and `last_ack` means "not seen yet". A stream that passes
exactly through 0 is therefore unknown for one segment, here as there.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

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
    RST,
    SPURIOUS_RETRANSMISSION,
    SYN,
    WINDOW_FULL,
    WINDOW_UPDATE,
    ZERO_WINDOW,
    ZERO_WINDOW_PROBE,
    ZERO_WINDOW_PROBE_ACK,
)

MASK: Final[i64] = 0xFFFFFFFF
HALF: Final[i64] = 0x80000000
SFR: Final[i64] = 7                        # SYN, FIN or RST
SYN_FIN: Final[i64] = 3

UNKNOWN_WINDOW: Final[i64] = 0xFFFFFFFF    # nothing advertised yet
SCALE_UNKNOWN: Final[i64] = -1             # the handshake was not seen
SCALE_UNUSED: Final[i64] = -2              # not negotiated (RFC 7323 §2.2: both SYNs must carry it)

# A segment this soon after the highest one is taken as reordered where no round trip is known yet.
REORDERING_DEFAULT_NS: Final[i64] = 3_000_000
# RFC 5681 §3.2 resends at once on the third duplicate ACK; this much later it is no longer "at once".
FAST_RETRANSMIT_NS: Final[i64] = 20_000_000
FAST_RETRANSMIT_DUPLICATES: Final[i64] = 2  # two are enough here: the capture may have missed one
UNSEEN: Final[i64] = -1  # the peer acknowledged bytes that were never seen: so may its duplicate ACKs have been
MAX_UNACKED: Final[i64] = 10_000            # segments remembered per direction while no ACK is seen


def after(a: i64, b: i64) -> bool:
    """a > b modulo 2**32."""
    d = (a - b) & MASK
    return d != 0 and d < HALF


def at_or_before(a: i64, b: i64) -> bool:
    """a <= b modulo 2**32."""
    return ((b - a) & MASK) < HALF


@mypyc_attr(acyclic=True)
class Unacked:
    """A segment that was sent and not acknowledged yet. end: the sequence number after it."""

    def __init__(self, frame: i64, time: i64, seq: i64, end: i64) -> None:
        self.frame: i64 = frame
        self.time: i64 = time
        self.seq: i64 = seq
        self.end: i64 = end


@mypyc_attr(acyclic=True)
class TcpSide:
    """What one direction has sent so far. `window` is the raw header value."""

    def __init__(self) -> None:
        self.base_known: bool = False
        self.base_seq: i64 = 0
        self.next_seq: i64 = 0         # highest sequence end seen
        self.next_time: i64 = 0
        self.next_frame: i64 = 0
        self.max_acked: i64 = 0        # up to here the peer may acknowledge without surprise
        self.last_ack: i64 = 0
        self.last_ack_time: i64 = 0
        self.window: i64 = UNKNOWN_WINDOW
        self.scale: i64 = SCALE_UNKNOWN
        self.first_ack: bool = False   # only the SYN was sent so far: windows are unscaled (RFC 7323 §2.2)
        self.duplicates: i64 = 0
        self.last_new_ack: i64 = 0     # frame of the ACK that duplicates repeat
        self.last_bits: i64 = 0
        self.flight_known: bool = True
        self.sacked: i64 = 0           # bytes in the SACK blocks of the last segment
        self.sack_blocks: i64 = 0
        # Filled in detail only.
        self.unacked: list[Unacked] = []
        self.flight_from: i64 = 0      # lowest start and highest end of `unacked`, relative to base_seq
        self.flight_to: i64 = 0
        self.flight_stale: bool = False


class Detail:
    """What a segment meant beyond its flags. -1 where it does not apply. Used again for each segment."""

    def __init__(self) -> None:
        self.said: bool = False          # anything at all was learned from this segment
        self.bytes_in_flight: i64 = -1
        self.ack_rtt_ns: i64 = -1
        self.acked_frame: i64 = -1
        self.rto_ns: i64 = -1
        self.rto_frame: i64 = -1
        self.duplicate_number: i64 = -1
        self.duplicate_of: i64 = -1

    def clear(self) -> None:
        self.said = False
        self.bytes_in_flight = -1
        self.ack_rtt_ns = -1
        self.acked_frame = -1
        self.rto_ns = -1
        self.rto_frame = -1
        self.duplicate_number = -1
        self.duplicate_of = -1


@mypyc_attr(acyclic=True)
class Handshake:
    """Of the connection as a whole: when the last SYN was sent, and the round trip that followed."""

    def __init__(self) -> None:
        self.syn_time: i64 = 0
        self.initial_rtt: i64 = 0


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
            if rev.scale != SCALE_UNKNOWN and end == window_edge(rev):
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
    bits = _rules(hand, fwd, rev, frame, time, flags, seq, ack, window, length)
    _remember(fwd, frame, time, flags, seq, ack, window, length, bits)
    return bits


def analyse_in_detail(
    hand: Handshake, fwd: TcpSide, rev: TcpSide, frame: i64, time: i64, flags: i64, seq: i64, ack: i64,
    window: i64, length: i64, detail: Detail,
) -> i64:
    """As `analyse`, and also bytes in flight, round trips and timeouts, from the unacknowledged segments."""
    if flags & ACK and rev.max_acked and after(ack, rev.max_acked):
        detail.said = True
    bits = _rules(hand, fwd, rev, frame, time, flags, seq, ack, window, length)
    if bits & DUPLICATE_ACK:
        detail.duplicate_number = fwd.duplicates
        detail.duplicate_of = fwd.last_new_ack
    if bits & RETRANSMISSION:
        detail.rto_ns = time - fwd.next_time
        detail.rto_frame = fwd.next_frame
        if fwd.unacked:
            oldest = fwd.unacked[0]
            detail.rto_ns = time - oldest.time
            detail.rto_frame = oldest.frame
    if length != 0 or flags & SYN_FIN:
        _keep(fwd, frame, time, seq, (seq + length + (1 if flags & SYN_FIN else 0)) & MASK)
    _remember(fwd, frame, time, flags, seq, ack, window, length, bits)
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


def window_edge(receiver: TcpSide) -> i64:
    """The first sequence number beyond what `receiver` has room for."""
    shift: i64 = 0
    if not receiver.first_ack and receiver.scale > 0:
        shift = receiver.scale
    return (receiver.last_ack + (receiver.window << shift)) & MASK


def _rules(
    hand: Handshake, fwd: TcpSide, rev: TcpSide, frame: i64, time: i64, flags: i64, seq: i64, ack: i64,
    window: i64, length: i64,
) -> i64:
    """Rules 1 to 10 and the retransmission family, in their order of precedence."""
    if flags & ACK:
        rev.flight_known = True
    if length == 1 and seq == fwd.next_seq and rev.window == 0:
        bits = ZERO_WINDOW_PROBE
    else:
        bits = _forward_rules(fwd, rev, flags, seq, ack, window, length)
    if ack != fwd.last_ack:
        fwd.last_new_ack = frame
        fwd.duplicates = 0
    if flags & ACK and rev.max_acked and after(ack, rev.max_acked):
        # An ACK of bytes that were never seen: the capture missed them, for they did arrive.
        if after(rev.next_seq, rev.max_acked):
            rev.max_acked = rev.next_seq
            bits |= ACK_LOST_SEGMENT
        else:
            if rev.duplicates == 0:
                bits |= ACK_LOST_SEGMENT
            rev.duplicates = UNSEEN
    if (length > 0 or flags & SYN_FIN) and not bits & KEEP_ALIVE:
        bits |= _resent(hand, fwd, rev, time, flags, seq, length)
    return bits


def _forward_rules(fwd: TcpSide, rev: TcpSide, flags: i64, seq: i64, ack: i64, window: i64, length: i64) -> i64:
    """Rules 2 to 9: what this segment says beside what its own direction said before."""
    bits: i64 = 0
    plain = flags & SFR == 0
    if window == 0 and plain:
        bits |= ZERO_WINDOW
    if fwd.next_seq and not flags & RST and after(seq, fwd.next_seq):
        bits |= LOST_SEGMENT
        fwd.flight_known = False
    if not plain:
        return bits
    if length <= 1 and seq == (fwd.next_seq - 1) & MASK:
        bits |= KEEP_ALIVE
    if length > 0:
        if rev.scale != SCALE_UNKNOWN and (seq + length) & MASK == window_edge(rev):
            bits |= WINDOW_FULL
        return bits
    if seq != fwd.next_seq or ack != fwd.last_ack:
        return bits
    # A pure ACK that repeats the numbers of the segment before it.
    if window != fwd.window:
        return bits | WINDOW_UPDATE if window else bits
    if window == 0:
        return bits | ZERO_WINDOW_PROBE_ACK if rev.last_bits & ZERO_WINDOW_PROBE else bits
    if rev.last_bits & KEEP_ALIVE:
        return bits | KEEP_ALIVE_ACK
    fwd.duplicates = 1 if fwd.duplicates == UNSEEN else fwd.duplicates + 1
    return bits | DUPLICATE_ACK


def _resent(hand: Handshake, fwd: TcpSide, rev: TcpSide, time: i64, flags: i64, seq: i64, length: i64) -> i64:
    """The retransmission family: the first rule that holds wins. 0 where the segment brings something new."""
    behind = fwd.next_seq != 0 and after(fwd.next_seq, seq)
    if length > 1 and (fwd.next_seq - 1) & MASK == seq:
        behind = False  # new data that begins with the byte of an earlier window probe
    if length > 0 and rev.last_ack and at_or_before((seq + length) & MASK, rev.last_ack):
        return SPURIOUS_RETRANSMISSION
    if not behind:
        return 0
    since = time - rev.last_ack_time
    duplicates = rev.duplicates >= FAST_RETRANSMIT_DUPLICATES or rev.duplicates == UNSEEN
    if duplicates and rev.last_ack == seq and 0 <= since < FAST_RETRANSMIT_NS:
        return FAST_RETRANSMISSION
    since = time - fwd.next_time
    threshold = hand.initial_rtt if hand.initial_rtt else REORDERING_DEFAULT_NS
    if 0 <= since < threshold and fwd.next_seq != (seq + length + (1 if flags & SYN_FIN else 0)) & MASK:
        return OUT_OF_ORDER
    return RETRANSMISSION


def _remember(
    fwd: TcpSide, frame: i64, time: i64, flags: i64, seq: i64, ack: i64, window: i64, length: i64, bits: i64
) -> None:
    """Move the state of the sender on. A window probe does not advance it: its byte was not accepted yet."""
    if not bits & ZERO_WINDOW_PROBE:
        # RFC 9293 §3.4: SYN and FIN each take one sequence number.
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
