"""Authentication by its schemes and realms; credentials are never read here (RFC 9110 §11)."""
from __future__ import annotations

from typing import Final

from dissectors.wire.http.message import Head, as_text

MAX_SCHEMES: Final = 8     # challenges of one head that are told

# What each scheme sends (IANA HTTP authentication schemes), to be put behind "which sends".
_SCHEMES: Final = {
    "basic": "name and password, only encoded: anyone who reads the request has them",       # RFC 7617 §4
    "bearer": "a token that whoever holds it may use",                                       # RFC 6750 §1.2
    "digest": "a hash of the password and the server's nonce",                               # RFC 7616 §3.1
    "negotiate": "a Kerberos or NTLM token",                                                 # RFC 4559 §4
    "ntlm": "an NTLM message",
    "hoba": "a signature with a key of the browser",                                         # RFC 7486 §3
    "mutual": "a proof of the password that also proves the server",                         # RFC 8120 §2
    "aws4-hmac-sha256": "a signature of the request with the caller's key",
}


def scheme_sent(head: Head) -> str:
    """The scheme of Authorization, as it was written; "" for none."""
    for name in (b"authorization", b"proxy-authorization"):
        if head.has(name):
            return as_text(head.get(name)).strip().partition(" ")[0][:40]
    return ""


def credentials_sentence(head: Head) -> str:
    """What the request proves who it comes from with, "" where it does not."""
    scheme = scheme_sent(head)
    if not scheme:
        return ""
    what = _SCHEMES.get(scheme.lower(), "")
    return f"It says who asks, with the scheme {scheme}" + (f": {what}." if what else ".")


def challenges(head: Head) -> list[str]:
    """`Basic for "files"`, one for each scheme that the server offers (RFC 9110 §11.6.1)."""
    found: list[str] = []
    for name in (b"www-authenticate", b"proxy-authenticate"):
        for value in head.all(name):
            text = as_text(value).strip()
            scheme, _space, rest = text.partition(" ")
            realm = ""
            at = rest.lower().find("realm=")
            if at >= 0:
                realm = rest[at + 6:].partition(",")[0].strip().strip('"')[:80]
            if scheme:
                found.append(f'{scheme[:40]} for "{realm}"' if realm else scheme[:40])
    return found[:MAX_SCHEMES]
