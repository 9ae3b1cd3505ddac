"""What of a head is never shown unless asked for: credentials, cookies, tokens, by the name of their field."""
from __future__ import annotations

from typing import Final

from dissectors.wire.body_secrets import REDACTED, is_secret_name, without_secrets

_REDACTED: Final = REDACTED.encode()

# Fields whose name cannot mean a secret, so that most names need no closer look.
HARMLESS: Final = frozenset((
    b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"accept-ranges",
    b"access-control-allow-credentials", b"access-control-allow-headers", b"access-control-allow-methods",
    b"access-control-allow-origin", b"access-control-expose-headers", b"access-control-max-age",
    b"access-control-request-headers", b"access-control-request-method", b"age", b"allow", b"alt-svc",
    b"cache-control", b"connection", b"content-disposition", b"content-encoding", b"content-language",
    b"content-length", b"content-range", b"content-security-policy", b"content-type", b"date", b"dnt", b"etag",
    b"expect", b"expires", b"host", b"http2-settings", b"if-match", b"if-modified-since", b"if-none-match",
    b"if-range", b"if-unmodified-since", b"keep-alive", b"last-event-id", b"last-modified", b"max-forwards",
    b"origin", b"p3p", b"pragma", b"priority", b"proxy-connection", b"range", b"retry-after",
    b"sec-ch-ua", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user",
    b"sec-websocket-accept", b"sec-websocket-extensions", b"sec-websocket-key", b"sec-websocket-protocol",
    b"sec-websocket-version", b"server", b"server-timing", b"strict-transport-security", b"te", b"timing-allow-origin",
    b"trailer", b"transfer-encoding", b"upgrade", b"upgrade-insecure-requests", b"user-agent", b"vary", b"via",
    b"www-authenticate", b"proxy-authenticate", b"x-content-type-options", b"x-forwarded-for", b"x-forwarded-host",
    b"x-forwarded-proto", b"x-frame-options", b"x-powered-by", b"x-requested-with", b"x-xss-protection",
))
_ADDRESSES: Final = frozenset((b"referer", b"location", b"content-location", b"refresh", b"link", b"destination"))


def shown_value(name: bytes, value: bytes) -> bytes:
    """The value of the field of that name (in lower case) as it may be shown; the same object where it is no secret."""
    if name in HARMLESS or not value:
        return value
    if name in _ADDRESSES:
        text = value.decode("latin-1")
        shown = shown_target(text)
        return value if shown == text else shown.encode("latin-1")
    if name in (b"authorization", b"proxy-authorization"):
        return _credentials(value)
    if name == b"cookie":
        return b"; ".join([_cookie(part.strip()) for part in value.split(b";") if part.strip()])
    if name == b"set-cookie":
        first, semicolon, attributes = value.partition(b";")
        return _cookie(first.strip()) + semicolon + attributes
    if is_secret_name(name.decode("latin-1")) or name in (b"x-csrf", b"x-amz-signature", b"authentication-info"):
        return _REDACTED
    return value


def shown_target(target: str) -> str:
    """A request target or a URI without the secrets in its user information, its query and its fragment."""
    if "@" in target and "//" in target:
        before, _slashes, rest = target.partition("//")
        user, at, host = rest.partition("@")
        if at and "/" not in user and "?" not in user:      # RFC 3986 §3.2.1
            target = f"{before}//{REDACTED}@{host}"
    if "=" not in target:
        return target
    path, mark, fragment = target.partition("#")
    if "?" in path or ";" in path:
        path = without_secrets(path)
    return f"{path}#{without_secrets(fragment)}" if mark else path


def _credentials(value: bytes) -> bytes:
    """The scheme stays (RFC 9110 §11.4)."""
    scheme, space, _rest = value.strip().partition(b" ")
    return scheme + b" " + _REDACTED if space else _REDACTED


def _cookie(pair: bytes) -> bytes:
    """The name stays (RFC 6265 §4.1.1)."""
    name, equals, _value = pair.partition(b"=")
    return name + b"=" + _REDACTED if equals else _REDACTED
