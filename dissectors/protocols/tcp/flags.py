"""Bits: the TCP header's control bits, and the analysis flags with Wireshark's names and severities."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

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

# Analysis flags, one bit each, in the order in which the rules are evaluated.
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

ANALYSIS: Final[tuple[tuple[int, str, str], ...]] = (
    (1, "reused_ports", "note"),
    (2, "zero_window_probe", "note"),
    (4, "zero_window", "warn"),
    (8, "lost_segment", "warn"),
    (16, "keep_alive", "note"),
    (32, "window_update", "chat"),
    (64, "window_full", "warn"),
    (128, "keep_alive_ack", "note"),
    (256, "zero_window_probe_ack", "note"),
    (512, "duplicate_ack", "note"),
    (1024, "ack_lost_segment", "warn"),
    (2048, "spurious_retransmission", "note"),
    (4096, "fast_retransmission", "note"),
    (8192, "out_of_order", "warn"),
    (16384, "retransmission", "note"),
)


def names(bits: int) -> list[str]:
    """The names of the analysis flags that are set, in rule order.

    As in Wireshark, a fast or a spurious retransmission carries the plain name as well.
    """
    if bits & (SPURIOUS_RETRANSMISSION | FAST_RETRANSMISSION):
        bits |= RETRANSMISSION
    return [name for bit, name, _severity in ANALYSIS if bits & bit]
