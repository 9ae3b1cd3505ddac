"""One TCP segment with everything that the sequence analysis learned from it.

Made only for conversations that are told and for `wiretale frames`; the pass over a large capture
keeps machine integers instead.
"""
from __future__ import annotations

from mypy_extensions import i64


class Segment:
    """seq, ack, window: raw header values. length: payload bytes as sent (the capture may hold fewer).

    relative_seq, relative_ack: counted from the initial sequence number of their direction (from the
      first number seen where the SYN is missing), so the first payload byte has relative_seq 1.
    window_bytes: scaled; equal to window where the shift is unknown (`scale_known` is then False).
    analysis: bits of flags.py.      options: the raw option bytes.      offset: of the payload in the frame, or -1.
    ip_id: of the IPv4 header, -1 for none.      station: the sender's address on the link, -1 where it is unknown.
    The rest is -1 where it does not apply: bytes_in_flight; ack_rtt_ns and acked_frame (the segment that this
    ACK answers); rto_ns and rto_frame (for retransmissions: since which segment); duplicate_number and
    duplicate_of (the nth duplicate of the ACK in that frame); initial_rtt_ns (from the SYN to the first ACK).
    """

    def __init__(
        self, frame: i64, time: i64, direction: i64, flags: i64, seq: i64, ack: i64, window: i64, length: i64
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.flags = flags
        self.seq = seq
        self.ack = ack
        self.window = window
        self.length = length
        self.captured: i64 = length      # payload bytes that the capture holds
        self.options = b""
        self.offset: i64 = -1
        self.urgent: i64 = 0
        self.ttl: i64 = -1
        self.ip_id: i64 = -1             # IP identification; 0 where the sender does not number its packets
        self.station: i64 = -1
        self.ip_ecn: i64 = 0             # RFC 3168 §5: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE
        self.wire_length: i64 = 0        # frame length on the wire
        self.relative_seq: i64 = 0
        self.relative_ack: i64 = 0
        self.window_bytes: i64 = window
        self.scale_known = False
        self.analysis: i64 = 0
        self.bytes_in_flight: i64 = -1
        self.ack_rtt_ns: i64 = -1
        self.acked_frame: i64 = -1
        self.rto_ns: i64 = -1
        self.rto_frame: i64 = -1
        self.duplicate_number: i64 = -1
        self.duplicate_of: i64 = -1
        self.initial_rtt_ns: i64 = -1
