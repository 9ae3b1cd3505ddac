"""What in a message of DNS identifies somebody: every name in it, and the hosts that its texts name."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import JsonValue
from dissectors.kit.identity import HOST, UNIQUE, Identity, hosts_in
from dissectors.wire.domain_names import escape_text

# Fields that hold a name, whatever it looks like, and those of EDNS options, which have names of another kind.
NAMES: Final = frozenset(("name", "target", "mname", "rname", "signer", "next", "zone", "chain", "servers"))
OPTIONS: Final = "options"


def named_in(value: JsonValue, key: str = "") -> list[Identity]:
    """The names in the fields of an event."""
    found: list[Identity] = []
    if isinstance(value, dict):
        for inner, held in value.items():
            if inner == "nsid" and isinstance(held, str):     # which of many servers this is: RFC 5001 §1
                found += [(UNIQUE, held), (UNIQUE, escape_text(bytes.fromhex(held)))]
            found += named_in(held, OPTIONS if key == OPTIONS else inner)
    elif isinstance(value, list):
        for one in value:
            found += named_in(one, key)
    elif isinstance(value, str):
        if key in NAMES and value not in ("", "."):
            found.append((HOST, value))
        else:
            found += hosts_in(value)
    return found
