"""Bits: the TCP header's control bits, and the analysis flags as one table of rules.

The rules agree with Wireshark's `tcp.analysis.*` (4.0), one by one and in the same order, so that a display
filter copied from one tool means the same in the other. A predicate looks at the state as it was before the
segment and changes nothing; `sequence.py` evaluates them and then moves the state on.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from dissectors.protocols.tcp.side import (
    MASK,
    SCALE_UNKNOWN,
    UNSEEN,
    Handshake,
    TcpSide,
    after,
    at_or_before,
    window_edge,
)

# RFC 9293 §3.1, control bits; CWR and ECE from RFC 3168 §6.1.
FIN: Final[i64] = 1
SYN: Final[i64] = 2
RST: Final[i64] = 4
PSH: Final[i64] = 8
ACK: Final[i64] = 16
URG: Final[i64] = 32
ECE: Final[i64] = 64
CWR: Final[i64] = 128
AE: Final[i64] = 256   # accurate ECN, RFC 9768 §3.1
SFR: Final[i64] = SYN | FIN | RST
SYN_FIN: Final[i64] = SYN | FIN    # each takes one sequence number (RFC 9293 §3.4)

# Analysis flags, one bit each, in the order of the table.
REUSED_PORTS: Final[i64] = 1
ZERO_WINDOW_PROBE: Final[i64] = 2
ZERO_WINDOW: Final[i64] = 4
LOST_SEGMENT: Final[i64] = 8
KEEP_ALIVE: Final[i64] = 16
WINDOW_UPDATE: Final[i64] = 32
WINDOW_FULL: Final[i64] = 64
KEEP_ALIVE_ACK: Final[i64] = 128
ZERO_WINDOW_PROBE_ACK: Final[i64] = 256
DUPLICATE_ACK: Final[i64] = 512
ACK_LOST_SEGMENT: Final[i64] = 1024
SPURIOUS_RETRANSMISSION: Final[i64] = 2048
FAST_RETRANSMISSION: Final[i64] = 4096
OUT_OF_ORDER: Final[i64] = 8192
RETRANSMISSION: Final[i64] = 16384

# A segment this soon after the highest one is taken as reordered where no round trip is known yet.
REORDERING_DEFAULT_NS: Final[i64] = 3_000_000
# RFC 5681 §3.2 resends at once on the third duplicate ACK; this much later it is no longer "at once".
FAST_RETRANSMIT_NS: Final[i64] = 20_000_000
FAST_RETRANSMIT_DUPLICATES: Final[i64] = 2  # two are enough here: the capture may have missed one


# -- The predicates. fwd has sent the segment, rev is its peer: both as they were before it. ----------------------


def reuses_ports(fwd: TcpSide, flags: i64, seq: i64) -> bool:
    return flags & SYN != 0 and fwd.base_known and seq != fwd.base_seq


def probes_zero_window(fwd: TcpSide, rev: TcpSide, seq: i64, length: i64) -> bool:
    return length == 1 and seq == fwd.next_seq and rev.window == 0


def closes_window(flags: i64, window: i64) -> bool:
    return window == 0 and flags & SFR == 0


def leaves_gap(fwd: TcpSide, flags: i64, seq: i64) -> bool:
    return fwd.next_seq != 0 and flags & RST == 0 and after(seq, fwd.next_seq)


def keeps_alive(fwd: TcpSide, flags: i64, seq: i64, length: i64) -> bool:
    return flags & SFR == 0 and length <= 1 and seq == (fwd.next_seq - 1) & MASK


def fills_window(rev: TcpSide, flags: i64, seq: i64, length: i64) -> bool:
    return (
        flags & SFR == 0 and length > 0 and rev.scale != SCALE_UNKNOWN and (seq + length) & MASK == window_edge(rev)
    )


def repeats_ack(fwd: TcpSide, flags: i64, seq: i64, ack: i64, length: i64) -> bool:
    """A pure ACK with the numbers of the segment before it: what four of the rules have in common."""
    return length == 0 and flags & SFR == 0 and seq == fwd.next_seq and ack == fwd.last_ack


def updates_window(fwd: TcpSide, flags: i64, seq: i64, ack: i64, window: i64, length: i64) -> bool:
    return window not in (0, fwd.window) and repeats_ack(fwd, flags, seq, ack, length)


def answers_keep_alive(fwd: TcpSide, rev: TcpSide, flags: i64, seq: i64, ack: i64, window: i64, length: i64) -> bool:
    return rev.last_bits & KEEP_ALIVE != 0 and duplicates_ack(fwd, flags, seq, ack, window, length)


def answers_probe(fwd: TcpSide, rev: TcpSide, flags: i64, seq: i64, ack: i64, window: i64, length: i64) -> bool:
    return (
        window == 0 and fwd.window == 0 and rev.last_bits & ZERO_WINDOW_PROBE != 0
        and repeats_ack(fwd, flags, seq, ack, length)
    )


def duplicates_ack(fwd: TcpSide, flags: i64, seq: i64, ack: i64, window: i64, length: i64) -> bool:
    return window != 0 and window == fwd.window and repeats_ack(fwd, flags, seq, ack, length)


def acks_unseen(rev: TcpSide, flags: i64, ack: i64) -> bool:
    """It acknowledges more than may be acknowledged without surprise."""
    return flags & ACK != 0 and rev.max_acked != 0 and after(ack, rev.max_acked)


def acks_beyond_gap(rev: TcpSide, flags: i64, ack: i64) -> bool:
    """`acks_unseen`, and more than the segments before have told already: nothing is left that could be told."""
    return acks_unseen(rev, flags, ack) and not after(rev.next_seq, rev.max_acked)


def acks_lost_segment(rev: TcpSide, flags: i64, ack: i64) -> bool:
    return acks_unseen(rev, flags, ack) and (rev.duplicates == 0 or after(rev.next_seq, rev.max_acked))


def goes_back(fwd: TcpSide, flags: i64, seq: i64, length: i64) -> bool:
    """It begins before the highest number seen, save new data that begin with the byte of an earlier window probe."""
    return (
        (length > 0 or flags & SYN_FIN != 0) and fwd.next_seq != 0 and after(fwd.next_seq, seq)
        and not (length > 1 and (fwd.next_seq - 1) & MASK == seq)
    )


def resends_acknowledged(rev: TcpSide, seq: i64, length: i64) -> bool:
    return length > 0 and rev.last_ack != 0 and at_or_before((seq + length) & MASK, rev.last_ack)


def resends_at_once(fwd: TcpSide, rev: TcpSide, time: i64, flags: i64, seq: i64, ack: i64, length: i64) -> bool:
    since = time - rev.last_ack_time
    duplicates = (
        rev.duplicates >= FAST_RETRANSMIT_DUPLICATES or rev.duplicates == UNSEEN or acks_beyond_gap(rev, flags, ack)
    )
    return duplicates and rev.last_ack == seq and 0 <= since < FAST_RETRANSMIT_NS and goes_back(fwd, flags, seq, length)


def comes_late(hand: Handshake, fwd: TcpSide, time: i64, flags: i64, seq: i64, length: i64) -> bool:
    since = time - fwd.next_time
    threshold = hand.initial_rtt if hand.initial_rtt else REORDERING_DEFAULT_NS
    end = (seq + length + (1 if flags & SYN_FIN else 0)) & MASK
    return 0 <= since < threshold and end != fwd.next_seq and goes_back(fwd, flags, seq, length)


# -- The table. --------------------------------------------------------------------------------------------------


class TcpRule:
    """A flag, and all that is to know of it.

    bit: one bit of `Segment.analysis`.   name: Wireshark's, without `tcp.analysis.`.
    holds: of what it names among (hand, fwd, rev, time, flags, seq, ack, window, length), as `sequence.analyse` has it.
    supersedes: the rules further down that are not asked where this one holds.
    severity: Wireshark's.   text: what it says of a segment.   term: of the glossary, to read on with.
    """

    def __init__(
        self, bit: int, name: str, holds: Callable[..., bool], supersedes: int, severity: str, text: str, term: str
    ) -> None:
        self.bit = bit
        self.name = name
        self.holds = holds
        self.supersedes = supersedes
        self.severity = severity
        self.text = text
        self.term = term

    def display_filter(self) -> str:
        return f"tcp.analysis.{self.name}"


RULES: Final[tuple[TcpRule, ...]] = (
    TcpRule(
        REUSED_PORTS, "reused_ports", reuses_ports, 0, "note",
        "A SYN between the same addresses and ports as an earlier connection, with another initial sequence number: "
        "a new connection begins.", "initial sequence number",
    ),
    TcpRule(
        ZERO_WINDOW_PROBE, "zero_window_probe", probes_zero_window, ZERO_WINDOW | WINDOW_FULL, "note",
        "One byte sent although the receiver's last window was zero, to learn whether it has room again.",
        "window probe",
    ),
    TcpRule(
        ZERO_WINDOW, "zero_window", closes_window, 0, "warn",
        "The sender of this segment takes no more bytes for now: its window is zero.", "zero window",
    ),
    TcpRule(
        LOST_SEGMENT, "lost_segment", leaves_gap, 0, "warn",
        "The segment begins behind the next number that was expected: the capture lacks what lies between. It was "
        "lost on the way, or by the capture.", "capture loss",
    ),
    TcpRule(
        KEEP_ALIVE, "keep_alive", keeps_alive,
        SPURIOUS_RETRANSMISSION | FAST_RETRANSMISSION | OUT_OF_ORDER | RETRANSMISSION, "note",
        "No byte, or one, with a number that was sent already: it asks only whether the other side is still there.",
        "keep-alive",
    ),
    TcpRule(
        WINDOW_UPDATE, "window_update", updates_window, 0, "chat",
        "An ACK without news but another window: the receiver's room has changed.", "window update",
    ),
    TcpRule(
        WINDOW_FULL, "window_full", fills_window, 0, "warn",
        "The segment ends exactly where the receiver's window ends: the sender now has to wait.", "window full",
    ),
    TcpRule(
        KEEP_ALIVE_ACK, "keep_alive_ack", answers_keep_alive, DUPLICATE_ACK, "note",
        "The answer to a keep-alive: nothing but the same ACK again.", "keep-alive",
    ),
    TcpRule(
        ZERO_WINDOW_PROBE_ACK, "zero_window_probe_ack", answers_probe, 0, "note",
        "The answer to a zero window probe: there is still no room.", "window probe",
    ),
    TcpRule(
        DUPLICATE_ACK, "duplicate_ack", duplicates_ack, 0, "note",
        "An ACK that repeats the one before, with the same window and no data: a segment arrived, but not the one "
        "that is awaited.", "duplicate ACK",
    ),
    TcpRule(
        ACK_LOST_SEGMENT, "ack_lost_segment", acks_lost_segment, 0, "warn",
        "It acknowledges bytes that the capture has not seen: they were delivered, so the capture missed them.",
        "capture loss",
    ),
    TcpRule(
        SPURIOUS_RETRANSMISSION, "spurious_retransmission", resends_acknowledged,
        FAST_RETRANSMISSION | OUT_OF_ORDER | RETRANSMISSION, "note",
        "Bytes sent again although their ACK had been seen already: resending them was not needed.",
        "spurious retransmission",
    ),
    TcpRule(
        FAST_RETRANSMISSION, "fast_retransmission", resends_at_once, OUT_OF_ORDER | RETRANSMISSION, "note",
        "Bytes sent again after two or more duplicate ACKs that ask for exactly these, within 20 ms of the last one.",
        "fast retransmit",
    ),
    TcpRule(
        OUT_OF_ORDER, "out_of_order", comes_late, RETRANSMISSION, "warn",
        "Bytes from before the highest number seen, so soon after it that the network is likelier to have reordered "
        "them than the sender to have resent them.", "out of order",
    ),
    TcpRule(
        RETRANSMISSION, "retransmission", goes_back, 0, "note",
        "Bytes from before the highest number seen that none of the other rules explains: they were sent again.",
        "retransmission",
    ),
)


def names(bits: int) -> list[str]:
    """The names of the analysis flags that are set, in rule order.

    As in Wireshark, a fast or a spurious retransmission carries the plain name as well.
    """
    if bits & (SPURIOUS_RETRANSMISSION | FAST_RETRANSMISSION):
        bits |= RETRANSMISSION
    return [rule.name for rule in RULES if bits & rule.bit]


def by_name(counts: list[int]) -> dict[str, int]:
    """What was counted for each rule, in the order of the table; those never met are left out."""
    return {rule.name: count for rule, count in zip(RULES, counts, strict=True) if count}
