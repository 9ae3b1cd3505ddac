"""Secrets that their own form gives away, wherever they stand: tokens, keys, what follows a scheme, users in URLs."""
from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from typing import Final

Spans = list[tuple[int, int]]


def word_starts(*patterns: str) -> str:
    """A pattern of any of these at the start of a word. Each begins with a plain letter: `re` looks for these letters
    alone, and where `\\b` stood in front it would try all patterns at every character."""
    return "|".join([f"{one[0]}(?<!\\w{one[0]}){one[1:]}" for one in patterns])


_TOKEN: Final = re.compile(r"[\w.~+/=-]+", re.ASCII)     # token68, RFC 9110 §11.2
_WORD: Final = re.compile(r"[\w-]+", re.ASCII)
_SCHEME: Final = re.compile(
    "(" + word_starts(
        "bearer", "basic", "ntlm", "negotiate", "token", "apikey", "dpop", "plain", "xoauth2", "oauthbearer"
    ) + r")\s{1,8}"
)
# Something of each of them.
_SCHEMES: Final = ("bearer", "basic", "token", "ntlm", "negotiate", "plain", "xoauth2", "apikey", "dpop")
# Words of sentences that follow the name of a scheme.
_PROSE: Final = frozenset((
    "token", "tokens", "authentication", "authorization", "credentials", "challenge", "realm", "scheme", "access",
    "auth",
))
# Tokens that name their issuer: the prefix, and how many more characters there are at least.
_ISSUED: Final = re.compile(word_starts(
    "AKIA", "ASIA", "ABIA", "ACCA", "xapp-", "gh[pousr]_", "github_pat_", "glpat-", "xox[abeoprs]-", "sk-", "sk_live_",
    "sk_test_", "rk_live_", "pk_live_", "AIza", "npm_", "pypi-", r"SG\.", "hf_", "dop_v1_", "shpat_", r"ya29\.",
    "whsec_", r"v1\.public\.", r"v2\.local\.",
))
# Something of each of them, by a sign that stands in it and is in few texts.
_ISSUERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("_", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "k_live_", "sk_test_", "npm_", "hf_", "dop_v1_",
           "shpat_", "whsec_")),
    ("-", ("glpat-", "sk-", "pypi-", "xapp-", "xox")),
    (".", ("SG.", "ya29.", "v1.public.", "v2.local.")),
    ("A", ("AKIA", "ASIA", "ABIA", "ACCA", "AIza")),
)
_LEAST_ISSUED: Final = 16
_DIGEST: Final = re.compile(r"\b(?:response|rspauth)=\\?\"?([0-9a-f]{16,128})")     # RFC 7616 §3.4.1
_KEY_LOG: Final = re.compile(     # of TLS, as programs write it (RFC 9850)
    r"\b(?:client_random|[a-z_]{1,40}_secret(?:_0)?) [0-9a-f]{64} ([0-9a-f]{32,128})"
)
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY")
_AUTHORITY: Final = re.compile(r"[^/?#\s\"'<>`“”|\\^{}\[\]]*(?:\[redacted\]@)?[^/?#\s\"'<>`“”|\\^{}\[\]]*")
_REST: Final = re.compile(r"[^\s\"'<>`“”|\\^{}]{1,256}")
_EDGES: Final = frozenset(" \t\r\n\"'<>(){}[],;/?#`“”‘’")
# What stands before a colon in addresses that are no user with a password.
_ADDRESSED: Final = frozenset((
    "mailto", "sip", "sips", "xmpp", "acct", "im", "pres", "to", "from", "cc", "bcc", "sender", "subject", "reply-to",
))
LEAST_WORD: Final = 6      # letters of a token that looks like a word
_HOST: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789[")
MAX_USER: Final = 256


def _addressed(low: str, start: int, colon: int) -> bool:
    """An address of another kind, whatever stands before its scheme: `!^.*$!sip:info@shop.test`."""
    at = colon
    while at > start and (low[at - 1].isalpha() or low[at - 1] == "-"):
        at -= 1
    return low[at:colon] in _ADDRESSED


def form_spans(text: str, low: str, out: Spans) -> None:
    """Add where such secrets stand. low: the text in lower case, of the same length."""
    if "eyj" in low:
        _web_tokens(text, out)
    if "-----begin" in low:
        _private_keys(text, out)
    if "@" in text or "//" in text:
        _users(text, low, out)
    if "=" in text and ("response=" in low or "rspauth=" in low):
        for match in _DIGEST.finditer(low):
            out.append((match.start(1), match.end(1)))
    if "_" in text and ("client_" in low or "server_" in low):
        for match in _KEY_LOG.finditer(low):
            out.append((match.start(1), match.end(1)))
    if holds(low, _SCHEMES):
        for match in _SCHEME.finditer(low):
            scheme = match.group(1)
            if scheme not in ("ntlm", "negotiate") or text[match.start()] == "N":     # in lower case it is a verb
                _credentials(text, scheme, match.end(), out)
    for sign, issuers in _ISSUERS:
        if sign in text and holds(text, issuers):
            _issued(text, out)
            break


def holds(text: str, parts: tuple[str, ...]) -> bool:
    """Whether one of them is in the text."""
    for part in parts:  # noqa: SIM110 - every text passes here, and a generator costs more
        if part in text:
            return True
    return False


def _issued(text: str, out: Spans) -> None:
    passed = 0
    for match in _ISSUED.finditer(text):
        if match.start() < passed:
            continue
        end = passed = _run(_TOKEN, text, match.end())
        if end - match.end() >= _LEAST_ISSUED or (end == len(text) and end - match.start() >= _LEAST_ISSUED):
            out.append((match.start(), end))


def _run(of: re.Pattern[str], text: str, at: int) -> int:
    match = of.match(text, at)
    return match.end() if match is not None else at


def _web_tokens(text: str, out: Spans) -> None:
    """RFC 7515 §3.1: base64url of an object, then more of the same behind points."""
    at = text.find("eyJ")
    while at >= 0:
        end = _run(_WORD, text, at)
        if end - at >= 8 and (end == len(text) or text[end] == "."):
            while end < len(text) and text[end] == ".":
                end = _run(_WORD, text, end + 1)
            out.append((at, end))
        at = text.find("eyJ", end)


def _private_keys(text: str, out: Spans) -> None:
    """RFC 7468 §10: everything between the lines that begin and end a private key."""
    match = _KEY_BEGINS.search(text)
    while match is not None:
        start = match.end()
        end = text.find("-----END", start)
        end = len(text) if end < 0 else end
        out.append((start, end))
        match = _KEY_BEGINS.search(text, end)


def _credentials(text: str, scheme: str, at: int, out: Spans) -> None:
    """What follows the name of an authentication scheme (RFC 9110 §11.4), unless it is a word of a sentence."""
    end = _run(_TOKEN, text, at)
    word = text[at:end]
    if scheme in ("basic", "plain"):
        if _user_and_password(word):
            out.append((at, end))
        return
    if len(word) < 4 or word.lower() in _PROSE or word[:-1].lower() in _PROSE or _equals(text, end):
        return
    if _mixed(word) or (scheme != "token" and len(word) >= LEAST_WORD and scheme in ("bearer", "dpop", "apikey")):
        out.append((at, end))


def _equals(text: str, end: int) -> bool:
    """The word before is the name of a parameter: `Digest username="..."`."""
    return text[end - 1:end] == "=" and text[end:end + 1] in ('"', "'")


def _mixed(word: str) -> bool:
    """No word of a language: it has digits, signs of base64 or capitals within."""
    return any(one.isdigit() or one in "+/=_" for one in word) or not (word[1:].islower() or word.isupper())


def _user_and_password(word: str) -> bool:
    """base64 of text (RFC 7617 §2, RFC 4616 §2), as far as it is there."""
    whole = word.rstrip("=")
    whole = whole[:len(whole) & ~3] or whole
    try:
        plain = b64decode(whole, validate=True)
    except (Error, ValueError):
        return False
    readable = plain.isascii() and plain.decode().isprintable()
    return bool(plain) and (b":" in plain or b"\0" in plain or readable)


def _users(text: str, low: str, out: Spans) -> None:
    """`//user:password@host` (RFC 3986 §3.2.1), and `user:password@host` without a scheme, as CONNECT may have it."""
    at = low.find("//")
    while at >= 0:
        end = _run(_AUTHORITY, text, at + 2)
        last = text.rfind("@", at + 2, end)
        if last > at + 2:
            out.append((at + 2, last))
        elif end == len(text) or text[end] == "…":     # cut: what follows a colon is a port, or a password
            colon = text.find(":", at + 2, end)
            if at + 2 < colon < end - 1 and not text[colon + 1:end].isdigit():
                out.append((colon + 1, end))
        elif text[end] == "/":
            colon = text.find(":", at + 2, end)      # a password with a slash in it
            if at + 2 < colon and not text[colon + 1:end].isdigit() and colon + 1 < end:
                last = _run(_REST, text, end)
                last = text.rfind("@", end, min(last, end + MAX_USER))
                if last > 0 and text[last + 1:last + 2] in _HOST:
                    out.append((at + 2, last))
        at = low.find("//", max(end, at + 2))
    passed = 0
    at = text.find("@")
    while at >= 0:
        start = at
        least = max(passed, at - MAX_USER)
        while start > least and text[start - 1] not in _EDGES:
            start -= 1
        colon = text.find(":", start, at)
        if start < colon < at - 1 and text[at + 1:at + 2] in _HOST and not _addressed(low, start, colon):
            out.append((start, at))
        passed = at + 1
        at = text.find("@", passed)
