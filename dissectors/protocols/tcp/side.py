"""What each direction of a connection has shown so far: the state that the sequence analysis looks at.

All sequence arithmetic is modulo 2**32 (RFC 9293 §3.4): `after(a, b)` is true where a lies within 2**31 beyond b.

A number of 0 for `next_seq`, `max_acked` and `last_ack` means "not seen yet". A stream that passes
exactly through 0 is therefore unknown for one segment, in Wireshark as here.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

MASK: Final[i64] = 0xFFFFFFFF
HALF: Final[i64] = 0x80000000

UNKNOWN_WINDOW: Final[i64] = 0xFFFFFFFF    # nothing advertised yet
SCALE_UNKNOWN: Final[i64] = -1             # the handshake was not seen
SCALE_UNUSED: Final[i64] = -2              # not negotiated (RFC 7323 §2.2: both SYNs must carry it)
UNSEEN: Final[i64] = -1  # the peer acknowledged bytes that were never seen: so may its duplicate ACKs have been


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


def window_edge(receiver: TcpSide) -> i64:
    """The first sequence number beyond what `receiver` has room for."""
    shift: i64 = 0
    if not receiver.first_ack and receiver.scale > 0:
        shift = receiver.scale
    return (receiver.last_ack + (receiver.window << shift)) & MASK
