"""What in a head of HTTP identifies a person or a machine."""
from __future__ import annotations

import re
from typing import Final

from dissectors.kit.identity import UNIQUE, USER, Identity, host_of, hosts_in, hosts_of_urls
from dissectors.wire.http.message import Head, Pairs, as_text

# Fields whose values are, or begin with, the name of a host (RFC 9110 §7.2, RFC 7239, and what proxies write).
_ONE_HOST: Final = frozenset((
    b"host", b"x-forwarded-host", b"x-forwarded-server", b"server-name", b"x-served-by", b"x-server", b"x-hostname",
    b"x-backend", b"x-backend-server",
))
# Fields in which every name with a dot is a host.
_HOSTS: Final = frozenset((
    b"alt-svc", b"set-cookie", b"via", b"forwarded", b"x-forwarded-for", b"x-real-ip", b"from", b"origin",
))
_VIA: Final = re.compile(r"(?:^|,)\s*\S+\s+([\w.-]+)")            # RFC 9110 §7.6.3: protocol, then who received
_FORWARDED: Final = re.compile(r"(?i)\b(?:host|by|for)=\"?([\w.-]+)")   # RFC 7239 §4
_ALTERNATIVE: Final = re.compile(r"=\"([\w.-]+):\d+\"")          # RFC 7838 §3
_UUID: Final = re.compile(r"(?i)\buuid:([\w-]+)")                # of a device (UPnP Device Architecture 2.0 §1.1.4)
_PATTERNS: Final = {b"via": _VIA, b"forwarded": _FORWARDED, b"alt-svc": _ALTERNATIVE}
_USERNAME: Final = re.compile(r"(?i)\busername=\"([^\"]+)\"")     # RFC 7616 §3.4


def identities_of(head: Head | None, trailers: Pairs = ()) -> list[Identity]:
    """Hosts and users in the target and the fields of a request or a response."""
    if head is None:
        return []
    found = host_of(head.authority) + hosts_of_urls(head.target)
    if head.method == "CONNECT":
        found += host_of(head.target)
    for name, value in (*head.pairs, *trailers):
        key = name.lower()
        text = as_text(value)
        found += hosts_of_urls(text)
        if key in _ONE_HOST:
            for part in text.split(","):
                found += host_of(part)
        elif key in _HOSTS:
            found += hosts_in(text)
            pattern = _PATTERNS.get(key)
            for host in pattern.findall(text) if pattern is not None else ():
                found += host_of(host)
        elif key == b"usn":
            found += [(UNIQUE, device) for device in _UUID.findall(text)]
        elif key in (b"authorization", b"proxy-authorization"):
            found += [(USER, user) for user in _USERNAME.findall(text)]
    return found
