"""The life of a stream as a table (RFC 9113 §5.1), told by who did what and not from one end's point of view."""
from __future__ import annotations

from typing import Final

IDLE: Final = 0
RESERVED: Final = 1        # promised by the server: "reserved (local)" there, "reserved (remote)" at the client
OPEN: Final = 2
CLIENT_DONE: Final = 3     # the client has ended its side: "half-closed (local)" there
SERVER_DONE: Final = 4
CLOSED: Final = 5

STATE_NAMES: Final = (
    "idle", "reserved", "open", "half-closed by the client", "half-closed by the server", "closed",
)

# What happens to a stream, and below who did it.
OPENS: Final = 0       # HEADERS
ENDS: Final = 1        # a frame with END_STREAM
RESETS: Final = 2      # RST_STREAM
PROMISES: Final = 3    # PUSH_PROMISE that names it

CLIENT: Final = 0
SERVER: Final = 1

# (state, what, who) -> the next state. What is not here is against the rules in that state.
TABLE: Final[dict[tuple[int, int, int], int]] = {
    (IDLE, OPENS, CLIENT): OPEN,
    (IDLE, PROMISES, SERVER): RESERVED,
    (RESERVED, OPENS, SERVER): CLIENT_DONE,
    (RESERVED, RESETS, CLIENT): CLOSED,
    (RESERVED, RESETS, SERVER): CLOSED,
    (OPEN, OPENS, CLIENT): OPEN,                # trailers
    (OPEN, OPENS, SERVER): OPEN,                # the response, interim ones before it, trailers after it
    (OPEN, ENDS, CLIENT): CLIENT_DONE,
    (OPEN, ENDS, SERVER): SERVER_DONE,
    (OPEN, RESETS, CLIENT): CLOSED,
    (OPEN, RESETS, SERVER): CLOSED,
    (CLIENT_DONE, OPENS, SERVER): CLIENT_DONE,
    (CLIENT_DONE, ENDS, SERVER): CLOSED,
    (CLIENT_DONE, RESETS, CLIENT): CLOSED,
    (CLIENT_DONE, RESETS, SERVER): CLOSED,
    (SERVER_DONE, OPENS, CLIENT): SERVER_DONE,
    (SERVER_DONE, ENDS, CLIENT): CLOSED,
    (SERVER_DONE, RESETS, CLIENT): CLOSED,
    (SERVER_DONE, RESETS, SERVER): CLOSED,
    (CLOSED, RESETS, CLIENT): CLOSED,           # both may reset at once, and late frames cross
    (CLOSED, RESETS, SERVER): CLOSED,
}


def after(state: int, what: int, who: int) -> int:
    """The state that follows, -1 where this may not happen in that state."""
    return TABLE.get((state, what, who), -1)


def may_send(state: int, who: int) -> bool:
    """Whether that side may send DATA in that state."""
    return state in (OPEN, SERVER_DONE if who == CLIENT else CLIENT_DONE)
