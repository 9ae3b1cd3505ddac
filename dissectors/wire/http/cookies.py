"""Cookies by their names and attributes; their values are never read here (RFC 6265)."""
from __future__ import annotations

from typing import Final

from dissectors.wire.http.message import Head, as_text

MAX_COOKIES: Final = 50      # of one head that are told apart


class Cookie:
    """One Set-Cookie. attributes: names in lower case."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes

    def text(self) -> str:
        """`session (HttpOnly, Secure, SameSite=Lax)`."""
        words = [word for word, key in (("HttpOnly", "httponly"), ("Secure", "secure")) if key in self.attributes]
        if self.attributes.get("samesite"):
            words.append(f"SameSite={self.attributes['samesite'][:20]}")
        if "max-age" in self.attributes or "expires" in self.attributes:
            words.append("kept")
        return f"{self.name} ({', '.join(words)})" if words else self.name

    def faults(self, secure: bool) -> list[str]:
        """Why browsers refuse it, or what it leaves open. secure: it came over TLS."""
        found: list[str] = []
        attributes = self.attributes
        if attributes.get("samesite", "").lower() == "none" and "secure" not in attributes:
            found.append("SameSite=None without Secure, which browsers refuse")
        if self.name.startswith("__Secure-") and "secure" not in attributes:
            found.append("the name begins with __Secure- and it is not Secure, so browsers refuse it")
        if self.name.startswith("__Host-") and (
            "secure" not in attributes or attributes.get("path") != "/" or "domain" in attributes
        ):
            found.append("the name begins with __Host-, which asks for Secure, Path=/ and no Domain")
        if not secure and "secure" in attributes:
            found.append("Secure, but set over a connection without TLS, so browsers refuse it")
        return found


def cookies_set(head: Head) -> list[Cookie]:
    """RFC 6265 §5.2."""
    found: list[Cookie] = []
    for value in head.all(b"set-cookie")[:MAX_COOKIES]:
        parts = as_text(value).split(";")
        name = parts[0].partition("=")[0].strip()
        attributes: dict[str, str] = {}
        for part in parts[1:]:
            key, _equals, given = part.partition("=")
            attributes[key.strip().lower()] = given.strip()
        found.append(Cookie(name, attributes))
    return found


def cookies_sent(head: Head) -> list[str]:
    """The names in Cookie (RFC 6265 §4.2)."""
    if not head.has(b"cookie"):
        return []
    names = [part.partition("=")[0].strip() for part in head.text(b"cookie").split(";")]
    return [name for name in names if name][:MAX_COOKIES]
