"""The head of a message: what a request or a response says before its body (RFC 9110 §6).

A head is read with its secrets and shown without them: `shown_head` gives what may become part of an event.
"""
from __future__ import annotations

from typing import Final

from dissectors.kit.inputs import Fields
from dissectors.wire.hpack.decoder import UNKNOWN
from dissectors.wire.secrets.fields import HARMLESS, shown_authority, shown_name, shown_target, shown_value

Pairs = tuple[tuple[bytes, bytes], ...]

NO_STATUS: Final = -1
LARGEST_LENGTH: Final = 10**18
UNKNOWN_METHOD: Final = "(method unknown)"    # of a request whose fields refer to what the capture did not see
UNKNOWN_TARGET: Final = "(path unknown)"
MAX_FIELD_TEXT: Final = 2_000    # characters of one value in texts and data; the head itself keeps it whole


class Head:
    """A request or a response up to its body.

    version: "HTTP/0.9" to "HTTP/3".     method, scheme, authority, target: of a request, "" in a response.
    status, reason: of a response, 0 and "" in a request; the status is NO_STATUS in a response without one
    (HTTP/0.9, a broken status line), and the reason is "" in HTTP/2, which has none.
    authority: what the request is addressed to, from its target, `:authority` or Host; "" where it says nothing.
    pairs: every field in order, with its name as it was sent; pseudo-header fields are not among them.
    repeated: some field is there twice; known once `index` was looked at.
    partial: the rest of it is not in the capture.
    login: a number that is the same for the same Authorization, and says nothing of it; 0 without one.
    """

    def __init__(
        self, version: str, method: str, scheme: str, authority: str, target: str, status: int, reason: str,
        pairs: Pairs,
    ) -> None:
        self.version = version
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.target = target
        self.status = status
        self.reason = reason
        self.pairs = pairs
        self.repeated: bool = False
        self.partial: bool = False
        self.login: int = 0
        self._index: dict[bytes, bytes] | None = None

    @property
    def index(self) -> dict[bytes, bytes]:
        """The first value of each field, by its name in lower case."""
        found = self._index
        if found is None:
            found = {}
            for name, value in self.pairs:
                key = name.lower()
                if key in found:
                    self.repeated = True
                else:
                    found[key] = value
            self._index = found
        return found

    @property
    def request(self) -> bool:
        return self.method != ""

    @property
    def whole(self) -> bool:
        """All of its fields are known: one that is not there was not sent."""
        return not self.partial and UNKNOWN not in self.index

    @property
    def named(self) -> bool:
        """What a request asks for is known: not where it refers to a table of header fields from before the capture."""
        return self.target not in (UNKNOWN_TARGET, as_text(UNKNOWN)) and self.method != UNKNOWN_METHOD

    def get(self, name: bytes) -> bytes:
        """The first value of the field of that name (in lower case), b"" where there is none."""
        return self.index.get(name, b"")

    def has(self, name: bytes) -> bool:
        return name in self.index

    def all(self, name: bytes) -> list[bytes]:
        """The values of every field of that name (in lower case), in order."""
        value = self.index.get(name)
        if value is None:
            return []
        if not self.repeated:
            return [value]
        return [value for key, value in self.pairs if key.lower() == name]

    def text(self, name: bytes) -> str:
        """The values of that name as one list, as a recipient may join them (RFC 9110 §5.3)."""
        values = self.all(name)
        if not values:
            return ""
        return as_text(values[0] if len(values) == 1 else b", ".join(values))

    def elements(self, name: bytes) -> list[str]:
        """The elements of a field that is a list, in lower case and without empty ones (RFC 9110 §5.6.1)."""
        if name not in self.index:
            return []
        return [word for word in [part.strip() for part in self.text(name).lower().split(",")] if word]

    def url(self) -> str:
        """The target URI as far as it is known (RFC 9110 §7.1)."""
        if not self.target.startswith("/") or not self.authority:
            return self.target or self.authority
        return f"{self.scheme or 'http'}://{self.authority}{self.target}"


def as_text(value: bytes) -> str:
    """A field's value to read. Octets that are not UTF-8 are written as `\\xff`."""
    return value.decode("utf-8", "backslashreplace")


def number_of(value: bytes) -> int:
    """A value of decimal digits alone, -1 for anything else (or for more digits than any length has)."""
    return int(value) if value.isdigit() and len(value) < 19 else -1


def length_of(value: bytes) -> int:
    """A Content-Length, -1 for what is no number. It may be of any size and begin with zeros (RFC 9110 §8.6); what is
    beyond LARGEST_LENGTH counts as that, for no body of a capture comes near it."""
    if not value.isdigit():
        return -1
    digits = value.lstrip(b"0")
    return int(digits or b"0") if len(digits) < 19 else LARGEST_LENGTH


def shown_head(head: Head, show_secrets: bool) -> Head:
    """The head as it may be shown: credentials, cookies and tokens replaced. The same one where it holds none."""
    if show_secrets:
        return head
    target = shown_target(head.target)
    authority = shown_authority(head.authority) if "@" in head.authority else head.authority
    if target is head.target and authority is head.authority and HARMLESS.issuperset(head.index):
        return head
    changed = target != head.target or authority != head.authority
    pairs = list(head.pairs)
    for place, (name, value) in enumerate(head.pairs):
        key = name.lower()
        if key in HARMLESS:
            continue
        shown, called = shown_value(key, value), shown_name(name)
        if shown is not value or called is not name:
            changed = True
            pairs[place] = (called, shown)
    if not changed:
        return head
    found = Head(
        head.version, head.method, head.scheme, authority, target, head.status, head.reason, tuple(pairs)
    )
    found.partial = head.partial
    found.login = hash(head.get(b"authorization")) if head.has(b"authorization") else 0
    return found


def as_fields(head: Head, frame: int, time: int, direction: int, stream: int) -> Fields:
    """The head as an input for the protocol that is carried, in the form of HTTP/2. With its secrets."""
    pairs: list[tuple[bytes, bytes]] = []
    if head.request:
        pairs.append((b":method", head.method.encode("utf-8", "replace")))
        pairs.append((b":scheme", head.scheme.encode("utf-8", "replace")))
        pairs.append((b":authority", head.authority.encode("utf-8", "replace")))
        pairs.append((b":path", head.target.encode("utf-8", "replace")))
    else:
        pairs.append((b":status", str(head.status).encode()))
    for name, value in head.pairs:
        pairs.append((name.lower(), value))
    return Fields(frame, time, direction, "request" if head.request else "response", tuple(pairs), stream)
