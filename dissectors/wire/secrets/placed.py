"""Secrets that their place in a structure gives away: segments of paths, arguments of commands, parameters of a login
by XML-RPC, the lines of a PuTTY key, and texts in base64."""
from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from typing import Final

from dissectors.wire.secrets.forms import Spans
from dissectors.wire.secrets.names import is_secret_call

_SEGMENT: Final = re.compile(
    r"/(?:tokens?|(?:password|passwd|pwd)[-_/]?reset|reset[-_/]?(?:password|passwd|pwd)?|magic[-_]?links?|invit(?:e|ation)s?|"
    r"activat(?:e|ion)|secrets?|api[-_]?keys?)/([^/\s?#\"'<>“”‘’&)\\]{8,})"
)
_HOOK: Final = re.compile(
    r"/bot[0-9]{1,20}:([\w-]{8,})|/services/t[0-9a-z]{1,32}/b[0-9a-z]{1,32}/([\w-]{8,})|"
    r"/webhooks/[0-9]{1,32}/([\w-]{8,})"
)
_USER: Final = re.compile(
    r"(?:^|[\s\"'])(?:-u|--user|--proxy-user)[ =]{0,4}[\"']?[^\s:\"'@/]{1,64}:([^\s\"'”’]{1,256})"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]*")
_DIGITS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
LEAST_BASE64: Final = 24     # characters of base64 that can hold a name and a value
_PRINTABLE: Final = bytes(range(32, 127))
_URL_SIGNS: Final = str.maketrans("-_", "+/")
LONG: Final = 20      # characters of a segment that is taken for no word, whatever it is made of


def placed_spans(text: str, low: str, out: Spans) -> None:
    """Add where such secrets stand. low: the text in lower case, of the same length."""
    if "/" in text:
        for match in _SEGMENT.finditer(low):
            start, end = match.span(1)
            word = text[start:end]
            if end - start >= LONG or word != word.lower() or any(one.isdigit() for one in word):
                out.append((start, end))
        for match in _HOOK.finditer(low):
            out.append(match.span(match.lastindex or 0))
    if "-u" in low:
        if "curl" in low or "-user" in low:
            for match in _USER.finditer(text):
                out.append(match.span(1))
        if "putty-user-key" in low:
            _putty(low, out)
    if "<" in text and "<methodname>" in low:
        _xml_rpc(low, out)


def _putty(low: str, out: Spans) -> None:
    """The lines behind `Private-Lines: 8`, to the end of the file."""
    at = low.find("private-lines")
    if at >= 0:
        end = low.find("\n\n", at)
        out.append((at + len("private-lines"), len(low) if end < 0 else end))


def _xml_rpc(low: str, out: Spans) -> None:
    """The parameters of a call that proves who somebody is have no names."""
    at = low.find("<methodname>")
    while at >= 0:
        start = at + len("<methodname>")
        end = low.find("</", start)
        end = len(low) if end < 0 else end
        following = low.find("<methodname>", end)
        if is_secret_call(low[start:min(end, start + 256)]):
            first = low.find("<params>", end)
            if first >= 0 and (following < 0 or first < following):
                last = low.find("</params>", first)
                out.append((first + len("<params>"), len(low) if last < 0 else last))
        at = following


def base64_runs(text: str) -> list[tuple[int, int, str]]:
    """(start, end, octets as Latin-1) of base64 that is nearly all text."""
    found: list[tuple[int, int, str]] = []
    size = len(text)
    before = -1      # a run may begin behind it; it is none where its last character would be another
    while before + LEAST_BASE64 < size:
        at = before + LEAST_BASE64
        while at > before and text[at] in _DIGITS:
            at -= 1
        if at > before:
            before = at
            continue
        start, end = before + 1, _run_end(text, before + 1)
        before = end
        digits = text[start:end].translate(_URL_SIGNS)
        try:
            octets = b64decode(digits[:len(digits) & ~3])
        except (Error, ValueError):
            continue
        if len(octets.translate(None, _PRINTABLE)) * 5 <= len(octets):
            found.append((start, end, octets.decode("latin-1")))
    return found


def _run_end(text: str, at: int) -> int:
    match = _BASE64.match(text, at)
    return match.end() if match is not None else at
