"""Where the body of a message ends (RFC 9112 §6.3), and what of it is read differently by different recipients."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.wire.http.message import Head, as_text, length_of

NO_BODY: Final[i64] = 0
LENGTH: Final[i64] = 1
CHUNKED: Final[i64] = 2
UNTIL_CLOSE: Final[i64] = 3
_CONTROLS: Final = "".join([chr(code) for code in (*range(33), 127)])

HANDED_OVER: Final[i64] = 4     # what follows is no longer HTTP: a tunnel, or the protocol of an upgrade


class Framing:
    """kind: one of the above.   length: of a body of LENGTH.   ambiguous: (code, sentence), see `grammar`."""

    def __init__(self, kind: i64, length: i64) -> None:
        self.kind: i64 = kind
        self.length: i64 = length
        self.ambiguous: list[tuple[str, str]] = []


def request_framing(head: Head) -> Framing:
    """A request has a body where it says so."""
    if not (head.has(b"transfer-encoding") or head.has(b"content-length")):
        return Framing(NO_BODY, 0)
    return _framing(head, True)


def response_framing(head: Head, method: str) -> Framing:
    """method: of the request, "" where that was not seen."""
    status = head.status
    if status == 101 or (method == "CONNECT" and 200 <= status < 300):
        return Framing(HANDED_OVER, 0)
    if method == "HEAD" or status in (204, 304) or 100 <= status < 200:
        return Framing(NO_BODY, 0)
    return _framing(head, False)


def _framing(head: Head, request: bool) -> Framing:
    open_end = NO_BODY if request else UNTIL_CLOSE
    plain = head.get(b"content-length")
    if plain.isdigit() and not head.repeated and not head.has(b"transfer-encoding"):
        length = length_of(plain)
        return Framing(LENGTH if length else NO_BODY, length)
    lengths: list[bytes] = []
    if head.has(b"content-length"):
        for value in head.all(b"content-length"):
            lengths += [part.strip() for part in value.split(b",")]
    if head.has(b"transfer-encoding"):
        codings = [word.strip(_CONTROLS) for word in head.elements(b"transfer-encoding")]
        # The last coding of a request has to be chunked; browsers look for it anywhere in a response.
        chunked = "chunked" in (codings[-1:] if request else codings)
        framing = Framing(CHUNKED if chunked else open_end, 0)
        if lengths:
            framing.ambiguous.append((
                "both_lengths",
                f"Both Transfer-Encoding and Content-Length ({as_text(lengths[0][:40])}) say where the body ends; "
                "Transfer-Encoding counts, and whoever goes by the other finds another end.",
            ))
        if not chunked:
            framing.ambiguous.append((
                "transfer_encoding",
                f"Transfer-Encoding is {head.text(b'transfer-encoding')[:60]!r}, which is not chunked in the end: "
                "the end of the body is not marked.",
            ))
        elif len(codings) > 1 or as_text(head.get(b"transfer-encoding")).lower() != "chunked":
            framing.ambiguous.append((
                "transfer_encoding",
                f"Transfer-Encoding is written {head.text(b'transfer-encoding')[:60]!r}; recipients differ in what "
                "they take for chunked.",
            ))
        if head.version == "HTTP/1.0":
            framing.ambiguous.append((
                "chunked_in_1_0",
                "The message is HTTP/1.0, which has no Transfer-Encoding: some read it as chunked, some do not.",
            ))
        return framing
    if not lengths:
        return Framing(open_end, 0)
    digits = lengths[0].partition(b" ")[0]     # of a folded `68 34` the first is what most read
    length = length_of(digits)
    framing = Framing(LENGTH if length > 0 else NO_BODY if length == 0 else open_end, max(length, 0))
    if digits != lengths[0] or length < 0:
        framing.ambiguous.append((
            "length_value", f"Content-Length is {as_text(lengths[0][:40])!r}, which is no number of bytes."
        ))
    if len(lengths) > 1:
        if len(set(lengths)) == 1:
            framing.ambiguous.append((
                "length_repeated", f"Content-Length is given {len(lengths)} times, each time {length}."
            ))
        else:
            framing.ambiguous.append((
                "lengths_differ",
                f"Content-Length is given as {as_text(b' and '.join(lengths[:4]))[:80]}: the first is used here, and "
                "whoever uses another finds another end.",
            ))
    return framing
