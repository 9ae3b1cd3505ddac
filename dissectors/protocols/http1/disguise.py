"""The head of an HTTP/1 message without what may name somebody, octet for octet as long (RFC 9112 §2.1).

What is kept stands in lists: a field that nobody has heard of may be called after somebody.
"""
from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from dissectors.kit.stand_ins import StandIns, hidden, host_stand_in

_REQUEST: Final = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) (\S+) (HTTP/\d\.\d)\Z")
_STATUS: Final = re.compile(rb"(HTTP/\d\.\d) (\d{3})(?: (.*))?\Z")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([ \t]*)(.*?)([ \t]*)\Z", re.DOTALL)
_TARGET: Final = re.compile(rb"[^/?&=:*]")
_NUMBER: Final = re.compile(rb"\d{1,18}\Z")
_DATE: Final = re.compile(rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\Z")     # RFC 9110 §5.6.7
_WORDS: Final = re.compile(rb"[,;= \t]+")

NAMED: Final = frozenset((
    b"host", b"content-length", b"content-type", b"transfer-encoding", b"content-encoding", b"connection",
    b"keep-alive", b"accept", b"accept-encoding", b"accept-language", b"accept-ranges", b"age", b"allow",
    b"authorization", b"cache-control", b"content-range", b"content-language", b"content-location", b"cookie",
    b"date", b"etag", b"expect", b"expires", b"if-match", b"if-modified-since", b"if-none-match", b"last-modified",
    b"location", b"origin", b"pragma", b"proxy-authenticate", b"proxy-authorization", b"range", b"referer",
    b"retry-after", b"server", b"set-cookie", b"te", b"trailer", b"upgrade", b"user-agent", b"vary", b"via",
    b"www-authenticate", b"sec-websocket-key", b"sec-websocket-accept", b"sec-websocket-version",
    b"sec-websocket-protocol", b"sec-websocket-extensions",
))
# Values that are kept where every word of them is one of these, or a number.
WORDS: Final = frozenset((
    b"chunked", b"gzip", b"deflate", b"br", b"zstd", b"compress", b"identity", b"close", b"upgrade", b"websocket",
    b"keep-alive", b"timeout", b"max", b"no-cache", b"no-store", b"max-age", b"public", b"private", b"must-revalidate",
    b"bytes", b"none", b"*", b"*/*", b"q", b"text/html", b"text/plain", b"text/css", b"text/event-stream",
    b"application/json", b"application/javascript", b"text/javascript", b"application/octet-stream", b"image/png",
    b"image/jpeg", b"image/gif", b"image/svg+xml", b"image/webp", b"charset", b"utf-8", b"100-continue", b"h2c",
))
VALUES: Final = frozenset((
    b"content-length", b"content-type", b"transfer-encoding", b"content-encoding", b"connection", b"keep-alive",
    b"accept", b"accept-encoding", b"accept-ranges", b"age", b"cache-control", b"expect", b"pragma", b"retry-after",
    b"te", b"upgrade", b"sec-websocket-version",
))
PHRASES: Final = {int(one): one.phrase.encode() for one in HTTPStatus}
DATES: Final = frozenset((b"date", b"expires", b"last-modified", b"if-modified-since"))


def disguise(payload: bytes, carrier: str, on_port: bool, names: StandIns) -> bytes:
    """The complete lines of a head that begins with the segment."""
    if carrier != "tcp":
        return b""
    lines = payload.split(b"\r\n")
    first = _first(lines[0]) if len(lines) > 1 else b""
    if not first:
        return b""
    found = [first]
    for line in lines[1:-1]:        # behind the last CRLF stands what is no complete line
        found.append(_line(line, names))
        if not line:
            break
    return b"".join([line + b"\r\n" for line in found])


def _first(line: bytes) -> bytes:
    """The request or status line; b"" for what is neither."""
    if asked := _REQUEST.match(line):
        return asked[1] + b" " + _TARGET.sub(b"x", asked[2]) + b" " + asked[3]
    if answered := _STATUS.match(line):
        number, said = int(answered[2]), answered[3]
        usual = PHRASES.get(number) == said
        return answered[1] + b" " + answered[2] + (b"" if said is None else b" " + (said if usual else hidden(said)))
    return b""


def _line(line: bytes, names: StandIns) -> bytes:
    found = _FIELD.match(line)
    if found is None:
        return hidden(line)
    name, before, value, behind = found.groups()
    lower = name.lower()
    if lower not in NAMED:
        return hidden(name) + b":" + before + hidden(value) + behind
    if lower == b"host":
        host, colon, port = value.partition(b":")
        shown = host_stand_in(host, names) + colon + (port if _NUMBER.match(port) else hidden(port))
    elif lower in DATES:
        shown = value if _DATE.match(value) else hidden(value)
    else:
        words = _WORDS.split(value.lower())
        usual = lower in VALUES and all(word in WORDS or _NUMBER.match(word) for word in words)
        shown = value if usual else hidden(value)
    return name + b":" + before + shown + behind
