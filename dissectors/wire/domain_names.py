"""Domain names: from the wire, with compression, to text (RFC 1035 §3.1, §4.1.4, §5.1)."""
from __future__ import annotations

import re
from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import WireError

MAX_NAME: Final = 255      # octets on the wire, length octets and root included (RFC 1035 §2.3.4, §3.1)
MAX_POINTERS: Final = 126  # followed in one name; one that adds no label is of no use, so no honest name has more

# Why a name cannot be read: results of `skip_name` below zero.
CUT: Final = -1         # it ends beyond the end of the message
LABEL_TYPE: Final = -2  # a length octet of 0x40 to 0xBF: no label type in use (RFC 6891 §5)
TOO_LONG: Final = -3
FORWARD_POINTER: Final = -4
POINTERS: Final = -5

REASONS: Final[dict[int, str]] = {
    CUT: "a name ends beyond the bytes that hold it",
    LABEL_TYPE: "a label of a type that is not in use",
    TOO_LONG: f"a name longer than {MAX_NAME} octets",
    FORWARD_POINTER: "a compression pointer that does not lead backwards",
    POINTERS: f"more than {MAX_POINTERS} compression pointers in one name",
}


class Name:
    """A name as it was read: its labels, and where its own bytes end. Compare names by `key()`."""

    def __init__(self, labels: list[bytes], end: int) -> None:
        self.labels = labels
        self.end = end

    def key(self) -> bytes:
        """Equal for names that are the same to DNS: ASCII letters compare without case (RFC 4343 §3)."""
        return wire(self.labels).lower()

    def text(self) -> str:
        """Presentation format without the final dot, `.` for the root (RFC 1035 §5.1)."""
        return presentation(self.labels)

    def display(self) -> str:
        """As Wireshark writes names: UTF-8 where it is, control characters as C escapes; dots are not told apart."""
        return _display(b".".join(self.labels))


def skip_name(data: bytes, offset: i64, end: i64) -> i64:
    """Where the bytes of the name at `offset` end, once all of it is seen to be sound; below zero where it is not.

    end: of the message, or of the record data that holds the name.
    A pointer must lead to a place before the labels that it continues ("a prior occurrence of the same
    name", RFC 1035 §4.1.4), so a name cannot loop; MAX_POINTERS bounds chains of bare pointers.
    """
    at = offset
    while at < end:
        length = i64(data[at])
        if length == 0:
            return at + 1 if at - offset < MAX_NAME else TOO_LONG
        if length >= 0x40:
            if length < 0xC0:
                return LABEL_TYPE
            if at + 2 > end:
                return CUT
            target = (length & 0x3F) << 8 | i64(data[at + 1])
            if target == 12 and at == offset and at > 12:
                return at + 2  # the name of the question, seen already: by far the most frequent case
            code = _follow(data, target, offset, at - offset)
            return code if code < 0 else at + 2
        at += length + 1
    return CUT


def _follow(data: bytes, target: i64, begin: i64, size: i64) -> i64:
    """0 where the rest of a name is sound. begin: of the labels before the pointer; size: their octets."""
    limit: i64 = len(data)
    pointers: i64 = 1
    while True:
        if target >= begin:
            return FORWARD_POINTER
        if pointers > MAX_POINTERS:
            return POINTERS
        at = begin = target
        while True:
            if at >= limit:
                return CUT
            length = i64(data[at])
            if length == 0:
                return 0 if size < MAX_NAME else TOO_LONG
            if length >= 0x40:
                break
            size += length + 1
            if size >= MAX_NAME:
                return TOO_LONG
            at += length + 1
        if length < 0xC0:
            return LABEL_TYPE
        if at + 2 > limit:
            return CUT
        target = (length & 0x3F) << 8 | i64(data[at + 1])
        pointers += 1


def read_name(data: bytes, offset: int, end: int) -> Name:
    """The name at `offset`, whose own bytes must end by `end`. Raises WireError."""
    after = skip_name(data, offset, end)
    if after < 0:
        raise WireError(offset, REASONS[int(after)])
    labels: list[bytes] = []
    at: i64 = offset
    while True:
        length = i64(data[at])
        if length == 0:
            return Name(labels, int(after))
        if length >= 0x40:
            at = (length & 0x3F) << 8 | i64(data[at + 1])
        else:
            labels.append(data[at + 1:at + 1 + length])
            at += length + 1


def names_in(data: bytes, most: int) -> list[Name] | None:
    """Names one behind the other, `most` of them; None where one of them cannot be read."""
    found: list[Name] = []
    at = 0
    while at < len(data) and len(found) < most:
        end = int(skip_name(data, at, len(data)))
        if end < 0:
            return None
        found.append(read_name(data, at, len(data)))
        at = end
    return found


def wire(labels: list[bytes]) -> bytes:
    """The uncompressed form of a name."""
    out = b""
    for label in labels:
        out += bytes([len(label)]) + label
    return out + b"\x00"


def presentation(labels: list[bytes]) -> str:
    """RFC 1035 §5.1: a dot within a label and a backslash are escaped, other octets than printable ASCII as \\DDD."""
    if not labels:
        return "."
    return ".".join([escape_label(label) for label in labels])


def escape_label(label: bytes) -> str:
    if label.isalnum():
        return label.decode("ascii")
    out = ""
    for octet in label:
        if octet in b'."();@$\\':  # what master files give a meaning to (RFC 1035 §5.1)
            out += "\\" + chr(octet)
        elif 0x21 <= octet <= 0x7E:
            out += chr(octet)
        else:
            out += f"\\{octet:03d}"
    return out


def escape_text(octets: bytes) -> str:
    """A character string between its quotes (RFC 1035 §5.1)."""
    out = ""
    for octet in octets:
        if octet in b'"\\':
            out += "\\" + chr(octet)
        elif 0x20 <= octet <= 0x7E:
            out += chr(octet)
        else:
            out += f"\\{octet:03d}"
    return out


# A lead octet with as many continuation octets as it asks for and gets: what counts as one character, or as one
# that cannot be read. Five and six octets were in the first definition of UTF-8 (RFC 2279 §2).
_UTF8_UNIT: Final = re.compile(
    rb"[\x00-\x7f]|[\xc0-\xdf][\x80-\xbf]?|[\xe0-\xef][\x80-\xbf]{0,2}|[\xf0-\xf7][\x80-\xbf]{0,3}"
    rb"|[\xf8-\xfb][\x80-\xbf]{0,4}|[\xfc-\xfd][\x80-\xbf]{0,5}|[\x80-\xff]"
)

_C_ESCAPES: Final[dict[str, str]] = {
    "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
}


def _display(octets: bytes) -> str:
    if octets.isascii() and b"\x7f" not in octets and octets.decode("ascii").isprintable():
        return octets.decode("ascii")
    out = ""
    for match in _UTF8_UNIT.finditer(octets):
        unit = match[0]
        char = unit.decode("utf-8", "ignore") or "\ufffd"
        if char in _C_ESCAPES:
            out += _C_ESCAPES[char]
        elif char < " " or char == "\x7f":
            out += f"\\{ord(char):03o}"
        else:
            out += char
    return out


def ancestor(parent: bytes, child: bytes) -> bool:
    """Whether the name with key `parent` is `child` or above it. Both are keys, as `Name.key` gives."""
    if not child.endswith(parent):
        return False
    at: i64 = 0
    end: i64 = len(child) - len(parent)
    while at < end:
        at += i64(child[at]) + 1
    return at == end
