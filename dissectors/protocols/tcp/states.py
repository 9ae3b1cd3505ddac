"""The states of both ends, as far as the frames prove them (RFC 9293 §3.3.2).

An observer sees segments, not endpoints, so the inputs are what a frame proves of an endpoint: that it sent
something, that its peer acknowledged it, or that it has itself acknowledged what the peer sent.
"""
from __future__ import annotations

from typing import Final

CLOSED: Final = 0
SYN_SENT: Final = 1
SYN_RECEIVED: Final = 2
ESTABLISHED: Final = 3
FIN_WAIT_1: Final = 4
FIN_WAIT_2: Final = 5
CLOSE_WAIT: Final = 6
CLOSING: Final = 7
LAST_ACK: Final = 8
TIME_WAIT: Final = 9

NAMES: Final[tuple[str, ...]] = (
    "CLOSED", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",
    "LAST-ACK", "TIME-WAIT",
)

# Inputs.
SENT_SYN: Final = 0          # a SYN without ACK
SENT_SYN_ACK: Final = 1      # a SYN that acknowledges the peer's
SYN_ACKED: Final = 2         # the peer acknowledged our SYN
ACKED_SYN: Final = 3         # we acknowledged the peer's SYN, without a SYN of our own
SENT_FIN: Final = 4
FIN_ACKED: Final = 5         # the peer acknowledged our FIN
ACKED_FIN: Final = 6         # we acknowledged the peer's FIN: it was received
RESET: Final = 7
INPUTS: Final = 8

# (state, input, next). What is not listed changes nothing. RFC 9293 §3.3.2, figure 5; the second LISTEN
# column is folded into CLOSED, since a capture cannot see a passive open.
TRANSITIONS: Final[tuple[tuple[int, int, int], ...]] = (
    (CLOSED, SENT_SYN, SYN_SENT),
    (CLOSED, SENT_SYN_ACK, SYN_RECEIVED),
    (SYN_SENT, SENT_SYN_ACK, SYN_RECEIVED),       # simultaneous open
    (SYN_SENT, ACKED_SYN, ESTABLISHED),
    (SYN_RECEIVED, SYN_ACKED, ESTABLISHED),
    (SYN_RECEIVED, SENT_FIN, FIN_WAIT_1),
    (ESTABLISHED, SENT_FIN, FIN_WAIT_1),
    (ESTABLISHED, ACKED_FIN, CLOSE_WAIT),
    (FIN_WAIT_1, FIN_ACKED, FIN_WAIT_2),
    (FIN_WAIT_1, ACKED_FIN, CLOSING),
    (FIN_WAIT_2, ACKED_FIN, TIME_WAIT),
    (CLOSE_WAIT, SENT_FIN, LAST_ACK),
    (CLOSING, FIN_ACKED, TIME_WAIT),
    (LAST_ACK, FIN_ACKED, CLOSED),
    (SYN_SENT, RESET, CLOSED),
    (SYN_RECEIVED, RESET, CLOSED),
    (ESTABLISHED, RESET, CLOSED),
    (FIN_WAIT_1, RESET, CLOSED),
    (FIN_WAIT_2, RESET, CLOSED),
    (CLOSE_WAIT, RESET, CLOSED),
    (CLOSING, RESET, CLOSED),
    (LAST_ACK, RESET, CLOSED),
)


def _table() -> list[int]:
    table = [index // INPUTS for index in range(len(NAMES) * INPUTS)]
    for state, given, following in TRANSITIONS:
        table[state * INPUTS + given] = following
    return table


_NEXT: Final = _table()


def step(state: int, given: int) -> int:
    """The state after an input."""
    return _NEXT[state * INPUTS + given]
