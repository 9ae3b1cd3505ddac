"""Start lines and fields of HTTP/1, read as browsers and servers read them (RFC 9112 §3 to §5).

Every place where a rule is broken and the text is still read is named: as a leniency where recipients agree on
what is meant, as an ambiguity where they do not, because requests can be smuggled through the difference.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.marks import quoted
from dissectors.wire.http.message import NO_STATUS, Head, Pairs, number_of

MAX_FIELDS: Final = 1_000       # of one message; further ones are not read
MAX_NOTES: Final = 8            # leniencies named for one message

REQUEST: Final = 1
RESPONSE: Final = 2
NO_KIND: Final = 0

_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# Known names, so that other text is not taken for a request: RFC 9110 §9, WebDAV and its extensions, UPnP, RPC.
METHODS: Final = frozenset((
    b"ACL", b"BASELINE-CONTROL", b"BCOPY", b"BDELETE", b"BIND", b"BMOVE", b"BPROPFIND", b"BPROPPATCH", b"CCM_POST",
    b"CHECKIN", b"CHECKOUT", b"CONNECT", b"COPY", b"DEBUG", b"DELETE", b"GET", b"HEAD", b"LABEL", b"LINK", b"LOCK",
    b"M-SEARCH", b"MERGE", b"MKACTIVITY", b"MKCALENDAR", b"MKCOL", b"MKWORKSPACE", b"MOVE", b"NOTIFICATION",
    b"NOTIFY", b"OPTIONS", b"ORDERPATCH", b"PATCH", b"POLL", b"POST", b"PROPFIND", b"PROPPATCH", b"PURGE", b"PUT",
    b"QUERY", b"REBIND", b"REPORT", b"RPC_CONNECT", b"RPC_IN_DATA", b"RPC_OUT_DATA", b"SEARCH", b"SSTP_DUPLEX_POST",
    b"SUBSCRIBE", b"TRACE", b"UNBIND", b"UNCHECKOUT", b"UNLINK", b"UNLOCK", b"UNSUBSCRIBE", b"UPDATE",
    b"VERSION-CONTROL",
))

_VERSION: Final = b"HTTP/1."
_TOKEN_TABLE: Final = bytes([code in _TOKEN for code in range(256)])


class Start:
    """A start line. kind: REQUEST, RESPONSE or NO_KIND, for a line that is none of them.

    version: as text, "HTTP/0.9" for a request line without one.     notes: leniencies.
    """

    def __init__(self, kind: int, method: str, target: str, version: str, status: int, reason: str) -> None:
        self.kind = kind
        self.method = method
        self.target = target
        self.version = version
        self.status = status
        self.reason = reason
        self.notes: list[str] = []


def is_token(word: bytes) -> bool:
    """RFC 9110 §5.6.2."""
    return bool(word) and not word.translate(None, _TOKEN)


def text_of(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


def is_status_line(line: bytes) -> bool:
    """Whether this begins a response: `HTTP/`, in whatever case, or the `ICY` of SHOUTcast."""
    return line[:5].upper() == b"HTTP/" or line[:4] == b"ICY "


def parse_start(line: bytes) -> Start:
    """line: without its end."""
    if line.startswith(_VERSION) and len(line) > 12 and line[8] == 32 and (line[7] == 49 or line[7] == 48):
        code = line[9:12]
        if line[12] == 32 and code.isdigit() and line[9] > 48 and len(line) > 13 and line[13] > 32:
            version = "HTTP/1.1" if line[7] == 49 else "HTTP/1.0"
            return Start(RESPONSE, "", "", version, int(code), text_of(line[13:]))
    if is_status_line(line):
        return _status_line(line)
    parts = line.split(b" ")
    if len(parts) == 3 and parts[2][:7] == _VERSION and parts[1] and is_token(parts[0]):
        version = "HTTP/1.1" if parts[2] == b"HTTP/1.1" else text_of(parts[2])
        method = "GET" if parts[0] == b"GET" else text_of(parts[0])
        start = Start(REQUEST, method, text_of(parts[1]), version, 0, "")
        if len(parts[2]) != 8:
            start.notes.append(f"The version is written {start.version[:40]}.")
        return start
    return _odd_request_line(line)


def parse_cut_start(line: bytes) -> Start:
    """A start line that the capture cut short: what is there of it."""
    if is_status_line(line):
        return _status_line(line)
    words = line.split(b" ")
    start = Start(REQUEST, text_of(words[0]), text_of(words[1]) if len(words) > 1 else "", "HTTP/1", 0, "")
    start.notes.append("The start line is cut short.")
    return start


def _odd_request_line(line: bytes) -> Start:
    """A request line that is not as it should be, or none at all (RFC 9112 §3)."""
    words = line.split()
    if len(words) < 2 or not is_token(words[0]):
        return Start(NO_KIND, "", "", "", 0, "")
    method = text_of(words[0])
    version = words[-1]
    if version[:5].upper() != b"HTTP/":
        if len(words) == 2 and words[0] == b"GET":     # RFC 1945 §5, Simple-Request
            return Start(REQUEST, method, text_of(words[1]), "HTTP/0.9", 0, "")
        return Start(NO_KIND, "", "", "", 0, "")
    if len(words) == 2:
        target = b""
    else:
        first = line.index(words[1], len(words[0]) + line.index(words[0]))
        target = line[first:line.rindex(version)].rstrip()
    start = Start(REQUEST, method, text_of(target), text_of(version), 0, "")
    if len(words) == 2:
        start.notes.append("The request line names no target.")
    elif len(words) > 3:
        start.notes.append("The target holds white space, which a request line cannot.")
    else:
        start.notes.append("The request line is not separated by single spaces.")
    if version[:5] != b"HTTP/":
        start.notes.append(f"The version is written {start.version[:40]}.")
    return start


def _status_line(line: bytes) -> Start:
    """RFC 9112 §4."""
    words = line.replace(b"\t", b" ").strip(b" ").split(b" ")
    version = text_of(words[0])
    rest = [word for word in words[1:] if word]
    code = rest[0] if rest else b""
    reason = text_of(b" ".join(rest[1:]))
    status = number_of(code[:3]) if len(code) >= 3 else NO_STATUS
    start = Start(RESPONSE, "", "", version, status, reason)
    if status < 100 or len(code) != 3:
        start.notes.append(f"The status code is written {quoted(text_of(code[:20]))}.")
    if version[:7] != "HTTP/1." or len(version) != 8:
        start.notes.append(f"The version is written {version[:40]}.")
    return start


class Http1Section:
    """A header or trailer section.

    notes: leniencies.    ambiguous: (code, sentence) where recipients read it differently.
    left_out: fields beyond MAX_FIELDS.
    """

    def __init__(self) -> None:
        self.pairs: Pairs = ()
        self.notes: list[str] = []
        self.ambiguous: list[tuple[str, str]] = []
        self.left_out = 0


def _plain_pairs(block: bytes) -> Pairs | None:
    """Lines that are `name: value` and nothing else, which nearly all are; None where one is not."""
    pairs: list[tuple[bytes, bytes]] = []
    size: i64 = len(block)
    table = _TOKEN_TABLE
    at: i64 = 0
    while at < size:
        colon = at
        while colon < size and table[block[colon]]:
            colon += 1
        if colon in (at, size) or block[colon] != 58 or len(pairs) >= MAX_FIELDS:
            return None
        start = colon + 1
        while start < size and (block[start] == 32 or block[start] == 9):
            start += 1
        end = start
        while end < size and block[end] > 13:
            end += 1
        while end < size and block[end] != 13 and block[end] != 10:
            end += 1
        after = end + 2
        if end < size and (block[end] != 13 or after > size or block[end + 1] != 10):
            return None
        while end > start and (block[end - 1] == 32 or block[end - 1] == 9):
            end -= 1
        pairs.append((block[at:colon], block[start:end]))
        at = after
    return tuple(pairs)


def parse_section(block: bytes) -> Http1Section:
    """The field lines of a section, without the blank line behind it."""
    section = Http1Section()
    if not block:
        return section
    found = _plain_pairs(block)
    if found is not None:
        section.pairs = found
        return section
    lines = block.split(b"\r\n")
    plain = block.count(b"\n") == len(lines) - 1 and block.count(b"\r") == len(lines) - 1
    pairs: list[tuple[bytes, bytes]] = []
    if not plain:
        lines = _unusual_lines(block, section)
    for line in lines:
        colon = line.find(b":")
        if colon <= 0 or line[0] in (32, 9) or line[colon - 1] in (32, 9):
            _odd_line(line, colon, pairs, section)
            continue
        if len(pairs) >= MAX_FIELDS:
            section.left_out += 1
            continue
        pairs.append((line[:colon], line[colon + 1:].strip(b" \t")))
    for name, _value in pairs:
        if name.translate(None, _TOKEN):
            shown = quoted(text_of(name[:60]))
            _ambiguous(section, "field_name", f"The field name {shown} holds what no name may hold.")
    section.pairs = tuple(pairs)
    return section


def _unusual_lines(block: bytes, section: Http1Section) -> list[bytes]:
    """Lines that end in LF alone (RFC 9112 §2.2) or in CR alone, as browsers read them."""
    text = block.replace(b"\r\r\n", b"\r\n")
    pairs = text.count(b"\r\n")
    if text.count(b"\n") != pairs:
        section.notes.append("Lines end in LF without CR.")
    if text.count(b"\r") != pairs or len(text) != len(block):
        at = text.replace(b"\r\n", b"\n\n").find(b"\r")
        where = f" before {quoted(text_of(text[at + 1:at + 41]))}" if at >= 0 else ""
        _ambiguous(section, "bare_cr", f"A CR without LF stands{where}: some end the line there, some do not.")
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def _odd_line(line: bytes, colon: int, pairs: list[tuple[bytes, bytes]], section: Http1Section) -> None:
    """A line that is no plain `name: value`."""
    if line[:1] in (b" ", b"\t"):
        if pairs:   # RFC 9112 §5.2
            name, value = pairs[-1]
            pairs[-1] = (name, value + b" " + line.strip(b" \t"))
            _ambiguous(
                section, "folded_field",
                f"The field {text_of(name[:60])} goes on in a further line: an obsolete form, read differently.",
            )
            return
        _ambiguous(section, "space_first", "White space stands before the first field.")
        line = line.strip(b" \t")
        colon = line.find(b":")
    if colon > 0 and line[colon - 1:colon] in (b" ", b"\t"):   # RFC 9112 §5.1
        name = line[:colon].rstrip(b" \t")
        _ambiguous(
            section, "space_before_colon",
            f"White space stands between the field name {quoted(text_of(name[:60]))} and its colon: some drop the "
            "field.",
        )
        pairs.append((name, line[colon + 1:].strip(b" \t")))
    elif colon > 0:
        pairs.append((line[:colon], line[colon + 1:].strip(b" \t")))
    elif colon == 0:
        _ambiguous(section, "empty_name", "A field has no name before its colon.")
    elif line and len(section.notes) < MAX_NOTES and colon < 0:
        section.notes.append(f"The line {quoted(text_of(line[:60]))} has no colon and is passed over.")


def _ambiguous(section: Http1Section, code: str, sentence: str) -> None:
    if len(section.ambiguous) < MAX_NOTES and code not in [known for known, _said in section.ambiguous]:
        section.ambiguous.append((code, sentence))


def authority_of(head: Head) -> str:
    """What a request is addressed to (RFC 9112 §3.2, §3.3)."""
    target = head.target
    if head.method == "CONNECT":
        return target
    if "://" in target[:16]:
        return target.partition("://")[2].partition("/")[0]
    return text_of(head.get(b"host"))
