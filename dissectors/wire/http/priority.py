"""The order in which responses are wanted, as a client says it (RFC 9218)."""
from __future__ import annotations

from typing import Final

DEFAULT_URGENCY: Final = 3         # RFC 9218 §4.1


def priority_of(value: str) -> tuple[int, bool]:
    """Urgency and incremental out of `u=1, i`, a dictionary of RFC 9651 (RFC 9218 §4)."""
    urgency = DEFAULT_URGENCY
    incremental = False
    for part in value.split(","):
        key, _equals, given = part.strip().partition("=")
        if key == "u" and len(given) == 1 and "0" <= given <= "7":
            urgency = int(given)
        elif key == "i":
            incremental = given in ("", "?1")
    return urgency, incremental
