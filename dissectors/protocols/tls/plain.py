"""What bytes that are no TLS look like, by their first octets."""
from __future__ import annotations

from typing import Final

from dissectors.wire.beginnings import beginning_of

_STARTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"GET ", "an HTTP request in plain text"), (b"POST ", "an HTTP request in plain text"),
    (b"HEAD ", "an HTTP request in plain text"), (b"PUT /", "an HTTP request in plain text"),
    (b"OPTIO", "an HTTP request in plain text"), (b"DELET", "an HTTP request in plain text"),
    (b"PATCH", "an HTTP request in plain text"), (b"CONNE", "an HTTP request to a proxy in plain text"),
    (b"PRI *", "the preface of HTTP/2 in plain text"), (b"HTTP/", "an HTTP answer in plain text"),
    (b"220 ", "the greeting of a mail or FTP server"), (b"220-", "the greeting of a mail or FTP server"),
    (b"* OK", "the greeting of an IMAP server"), (b"+OK", "the greeting of a POP3 server"),
    (b"EHLO ", "SMTP in plain text"), (b"HELO ", "SMTP in plain text"),
    (b"PROXY", "the header of a proxy (PROXY protocol)"),
    (b"\r\n\r\n\x00", "the header of a proxy (PROXY protocol, version 2)"), (b"<?xml", "XML in plain text"),
    (b"\x05\x01", "SOCKS 5"), (b"\x05\x02", "SOCKS 5"), (b"\x04\x01", "SOCKS 4"), (b"\x03\x00", "TPKT, as RDP uses it"),
    (b"<html", "HTML in plain text"), (b"<!DOC", "HTML in plain text"), (b"\x12\x01", "TDS, as SQL Server uses it"),
)


def is_text(first: bytes) -> bool:
    """Printable ASCII and line ends alone."""
    return bool(first) and all(32 <= octet < 127 or octet in (9, 10, 13) for octet in first)


def looks_like(first: bytes) -> str:
    """first: up to five octets. "" where they look like nothing known."""
    for start, name in _STARTS:
        if first.startswith(start):
            return name
    if len(first) == 5 and first.startswith(b"\0\0") and first.endswith(b"\x04\0"):    # RFC 9113 §6.5
        return "the SETTINGS of HTTP/2 in plain text"
    return beginning_of(first) or ("text" if is_text(first) else "")
