"""Request methods and what they promise (RFC 9110 §9, RFC 5789, WebDAV of RFC 4918)."""
from __future__ import annotations

from typing import Final


class Method:
    """safe: it asks for nothing but information (§9.2.1).   idempotent: sent twice it does the same as once (§9.2.2).

    does: what it asks for, to be put behind "The client".
    """

    def __init__(self, name: str, safe: bool, idempotent: bool, does: str, spec: str) -> None:
        self.name = name
        self.safe = safe
        self.idempotent = idempotent
        self.does = does
        self.spec = spec


_METHODS: Final = {
    method.name: method for method in (
        Method("GET", True, True, "asks for", "RFC 9110 §9.3.1"),
        Method("HEAD", True, True, "asks for the fields alone of", "RFC 9110 §9.3.2"),
        Method("POST", False, False, "sends data to be processed by", "RFC 9110 §9.3.3"),
        Method("PUT", False, True, "asks to store its data as", "RFC 9110 §9.3.4"),
        Method("DELETE", False, True, "asks to remove", "RFC 9110 §9.3.5"),
        Method("CONNECT", False, False, "asks for a tunnel to", "RFC 9110 §9.3.6"),
        Method("OPTIONS", True, True, "asks which options there are for", "RFC 9110 §9.3.7"),
        Method("TRACE", True, True, "asks for its own request to be sent back, by way of", "RFC 9110 §9.3.8"),
        Method("PATCH", False, False, "asks to change a part of", "RFC 5789 §2"),
        Method("PROPFIND", True, True, "asks for the properties of", "RFC 4918 §9.1"),
        Method("PROPPATCH", False, True, "asks to change the properties of", "RFC 4918 §9.2"),
        Method("MKCOL", False, True, "asks to make the collection", "RFC 4918 §9.3"),
        Method("COPY", False, True, "asks to copy", "RFC 4918 §9.8"),
        Method("MOVE", False, True, "asks to move", "RFC 4918 §9.9"),
        Method("LOCK", False, False, "asks to lock", "RFC 4918 §9.10"),
        Method("UNLOCK", False, True, "asks to unlock", "RFC 4918 §9.11"),
        Method("REPORT", True, True, "asks for a report on", "RFC 3253 §3.6"),
        Method("SEARCH", True, True, "asks to search", "RFC 5323 §2"),
    )
}


def method_of(name: str) -> Method | None:
    """None for a method that is not known; methods are case-sensitive (§9.1)."""
    return _METHODS.get(name)


def promise(method: Method) -> str:
    """`safe and idempotent` in a sentence of what that means."""
    if method.safe:
        return f"{method.name} is safe: it should change nothing, so it may be repeated and fetched ahead."
    if method.idempotent:
        return f"{method.name} is idempotent: sent twice it has the effect of once, so a client may try again."
    return f"{method.name} promises neither: a client must not repeat it by itself when no answer comes."
