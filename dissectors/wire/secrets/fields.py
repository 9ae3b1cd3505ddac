"""What of the head of a message is secret: credentials, cookies, tokens, by their field's name and by their form."""
from __future__ import annotations

import re
from typing import Final

from dissectors.wire.secrets.data import named_value
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.names import HARMLESS as NO_SECRET
from dissectors.wire.secrets.names import secrecy
from dissectors.wire.secrets.text import without_secrets

Pairs = tuple[tuple[bytes, bytes], ...]

_REDACTED: Final = REDACTED.encode()
UNREAD: Final = b"(unknown)"     # in place of a name that the capture does not show
_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGIT: Final = re.compile(r"[0-9]")
MAX_VALUES: Final = 2_000             # of fields that are remembered, with how they may be shown
MAX_REMEMBERED: Final = 1 << 20       # octets of them
LEAST_TOKEN: Final = 16      # characters of an element of Sec-WebSocket-Protocol that may be a token

# Fields whose name cannot mean a secret, so that most names need no closer look.
HARMLESS: Final = frozenset((
    b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"accept-ranges",
    b"access-control-allow-credentials", b"access-control-allow-headers", b"access-control-allow-methods",
    b"access-control-allow-origin", b"access-control-expose-headers", b"access-control-max-age",
    b"access-control-request-headers", b"access-control-request-method", b"age", b"allow", b"alt-svc",
    b"cache-control", b"connection", b"content-disposition", b"content-encoding", b"content-language",
    b"content-length", b"content-range", b"content-security-policy", b"content-type", b"date", b"dnt", b"etag",
    b"expect", b"expires", b"host", b"http2-settings", b"if-match", b"if-modified-since", b"if-none-match",
    b"if-range", b"if-unmodified-since", b"keep-alive", b"last-event-id", b"last-modified", b"max-forwards", b"origin",
    b"p3p", b"pragma", b"priority", b"proxy-connection", b"range", b"retry-after", b"sec-ch-ua", b"sec-fetch-dest",
    b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user", b"sec-websocket-accept", b"sec-websocket-extensions",
    b"sec-websocket-key", b"sec-websocket-version", b"server", b"server-timing", b"strict-transport-security", b"te",
    b"timing-allow-origin", b"trailer", b"transfer-encoding", b"upgrade", b"upgrade-insecure-requests", b"user-agent",
    b"vary", b"via", b"www-authenticate", b"proxy-authenticate", b"x-content-type-options", b"x-forwarded-for",
    b"x-forwarded-host", b"x-forwarded-proto", b"x-frame-options", b"x-powered-by", b"x-requested-with",
    b"x-xss-protection",
))


class _Shown:
    """Values that were looked at, since most fields come again and again: (name, value) -> as it may be shown."""

    def __init__(self) -> None:
        self.values: dict[tuple[bytes, bytes], bytes] = {}
        self.octets = 0

    def keep(self, name: bytes, value: bytes, shown: bytes) -> None:
        self.octets += len(value) + len(shown)
        if self.octets > MAX_REMEMBERED or len(self.values) >= MAX_VALUES:
            self.values = {}
            self.octets = len(value) + len(shown)
        self.values[name, value] = shown


_SHOWN: Final = _Shown()


def shown_value(name: bytes, value: bytes) -> bytes:
    """The value of the field of that name (in lower case) as it may be shown; the same object where it is no secret."""
    if name in HARMLESS or not value:
        return value
    known = _SHOWN.values.get((name, value))
    if known is not None:
        return value if known == value else known
    shown = _shown_value(name, value)
    _SHOWN.keep(name, value, shown)
    return shown


def _shown_value(name: bytes, value: bytes) -> bytes:
    text = value.decode("latin-1")
    if name == b"sec-websocket-protocol":
        shown = ", ".join(shown_protocols([one.strip() for one in text.split(",")]))
    else:
        field = name.decode("latin-1")
        if secrecy(field) != NO_SECRET:
            shown = str(named_value(field, text))
        else:
            shown = without_secrets(text)
    return value if shown == text else shown.encode("latin-1")


def shown_name(name: bytes) -> bytes:
    """The name of a field; what is none (RFC 9110 §5.1) may be anything."""
    return name if name == UNREAD or name.translate(None, _TOKEN) in (b"", b":") else _REDACTED


def shown_pairs(pairs: Pairs, show_secrets: bool) -> Pairs:
    """Fields as they may be shown."""
    if show_secrets:
        return pairs
    return tuple([(shown_name(name), shown_value(name.lower(), value)) for name, value in pairs])


def shown_protocols(names: list[str]) -> list[str]:
    """Subprotocols of WebSocket. Browsers let a page set no other field, so pages put their tokens there: behind a name
    that says so (`bearer, ...`), as part of a name, or alone."""
    out: list[str] = []
    behind = False
    for name in names:
        low = name.lower()
        if behind or _like_a_token(name) or without_secrets(name) != name:
            head, point, rest = name.rpartition(".")
            out.append(f"{head}.{REDACTED}" if point and rest and secrecy(head) != NO_SECRET else REDACTED)
            behind = False
            continue
        head, point, rest = name.rpartition(".")
        if point and rest and secrecy(head) != NO_SECRET and low not in ("v1", "v2"):
            out.append(f"{head}.{REDACTED}")
            continue
        behind = secrecy(name) != NO_SECRET
        out.append(name)
    return out


def _like_a_token(name: str) -> bool:
    """No name: long, with digits among letters, and in no words (IANA WebSocket subprotocol names have such)."""
    longest = max([len(word) for word in name.replace("_", "-").replace("/", "-").replace(".", "-").split("-")])
    mixed = name not in (name.lower(), name.upper())
    return longest >= LEAST_TOKEN and (mixed or _DIGIT.search(name) is not None)


def shown_target(target: str) -> str:
    """A request target or a URI without the secrets in its user information, its query and its fragment."""
    path, mark, fragment = target.partition("#")
    if not mark:
        return without_secrets(target)
    return f"{without_secrets(path)}#{without_secrets(fragment)}"


def shown_authority(authority: str) -> str:
    """RFC 3986 §3.2: no user information."""
    user, at, host = authority.rpartition("@")
    return f"{REDACTED}@{host}" if at and user else authority
