"""What in an event identifies a person or a machine: found in the texts that hold it."""
from __future__ import annotations

import re
from typing import Final

Identity = tuple[str, str]     # (kind, text)

HOST: Final = "host"           # the name of a machine or a service, with dots or without
USER: Final = "user"           # the name of a person or an account
PARTY: Final = "party"         # who a certificate names: a distinguished name (RFC 4514), or one part of it
UNIQUE: Final = "unique"       # what is nobody else's and says nothing by itself: a serial number, a digest, raw octets

KINDS: Final = (HOST, USER, PARTY, UNIQUE)

DOTTED: Final = re.compile(r"(?<![\w*-])[\w*-]+(?:\.[\w-]+)+")
_URL: Final = re.compile(r"(?i)(?:\b[a-z][a-z0-9+.-]*:|^)//(?:[^/\s@\"'<>]*@)?([\w.-]+)")


def hosts_in(text: str) -> list[Identity]:
    """Every name with a dot in a text of which it is known that its names are hosts. What ends in a number is none: an
    address, a version."""
    if "." not in text:
        return []
    return [(HOST, name) for name in DOTTED.findall(text) if not name.rpartition(".")[2][0].isdigit()]


def host_of(authority: str) -> list[Identity]:
    """The host of `host:port`, whatever it looks like; none where it is an address in brackets."""
    name = authority.strip().partition(":")[0].rstrip(".")
    return [(HOST, name)] if name and not name.startswith("[") else []


def hosts_of_urls(text: str) -> list[Identity]:
    """The hosts of the URLs in a text."""
    return [(HOST, host) for host in _URL.findall(text)] if "//" in text else []
