"""What the first octets and the lines of HTTP/1 look like, before a head is read."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.http1.grammar import METHODS, is_token

# What a line, or its beginning, is.
NO_START: Final[i64] = 0      # neither a request nor a response
INCOMPLETE: Final[i64] = 1    # it may be one
SIMPLE: Final[i64] = 2        # a whole request of HTTP/0.9, without fields
NORMAL: Final[i64] = 3

MAX_TAIL: Final[i64] = 4_096  # octets held back while the next start line is searched for, so the longest found
MAX_CHUNK_DIGITS: Final = 16  # hexadecimal digits of a chunk size


def line_kind(data: bytes, at: i64, line_end: i64) -> i64:
    """The line data[at:line_end] as the first of a message."""
    if data.startswith(b"HTTP/", at):
        return NORMAL
    space: i64 = data.find(b" ", at, line_end)
    if space > at and data.find(b" HTTP/", space, line_end) > 0 and is_token(data[at:space]):
        return NORMAL
    line = data[at:line_end].rstrip(b"\r")
    if line[:5].upper() == b"HTTP/" or line[:4] == b"ICY ":
        return NORMAL
    words = line.split()
    if len(words) < 2 or not is_token(words[0]):
        return NO_START
    if words[-1][:5].upper() == b"HTTP/":
        return NORMAL
    return SIMPLE if len(words) == 2 and words[0] == b"GET" else NO_START


def resembles(start: bytes) -> i64:
    """Whether a message may begin like this: INCOMPLETE or NO_START. start: 32 octets, or as many as there are."""
    word, space, _rest = start.partition(b" ")
    if space:
        if word in METHODS or word in (b"ICY", b"HTTP"):
            return INCOMPLETE
        return INCOMPLETE if word[:5].upper() == b"HTTP/" else NO_START
    if len(start) < 32 and (is_token(start) or start[:5].upper() == b"HTTP/"):
        return INCOMPLETE
    return NO_START


def known_start(start: bytes) -> bool:
    """A method that is known and a space, or a version: no doubt what this is, though the line is not whole."""
    word, space, _rest = start.partition(b" ")
    return bool(space) and (word in METHODS or word[:7] == b"HTTP/1.")


def blank_line(data: bytes, start: i64, stop: i64) -> i64:
    """Where the blank line that ends a section ends, -1 where there is none.

    Lines may end in LF alone (RFC 9112 §2.2), and a blank line may have one CR too many.
    """
    at = start
    while at < stop:
        if data[at] == 10:
            after = at + 1
            if after < stop and data[after] == 13:
                after += 1
                if after < stop and data[after] == 13:
                    after += 1
            if after < stop and data[after] == 10:
                return after + 1
        at += 1
    return -1


def find_start(data: bytes) -> i64:
    """Where a status line or a request line with a known method begins, wherever in a line; -1 where none does.

    The end of the body before it need not be the end of a line, and the pieces in which it came mean nothing.
    """
    size: i64 = len(data)
    at: i64 = data.find(b"HTTP/1.")
    while at >= 0 and at + 9 <= size:
        after = i64(data[at + 8])
        if after == 32 and at + 12 <= size and data[at + 9:at + 12].isdigit():
            return at
        if after in (13, 10) and at > 0 and data[at - 1] == 32:
            begin = _request_line(data, at)
            if begin >= 0:
                return begin
        at = data.find(b"HTTP/1.", at + 1)
    return -1


def _request_line(data: bytes, version: i64) -> i64:
    """Where the request line with its version at that place begins, -1 where it is none."""
    first = max(i64(data.rfind(b"\n", 0, version)) + 1, version - MAX_TAIL)
    words = data[first:version - 1].split(b" ")
    if len(words) > 1 and words[0] in METHODS:     # a line of its own, whatever spaces its target has
        return first
    if len(words) < 2 or not words[-1]:
        return -1
    longest = b""
    for method in METHODS:
        if words[-2].endswith(method) and len(method) > len(longest):
            longest = method
    return version - len(words[-1]) - len(longest) - 2 if longest else -1


def chunk_size(line: bytes) -> i64:
    """The size at the beginning of a chunk, -1 where there is none (RFC 9112 §7.1). What follows it is passed over."""
    size: i64 = 0
    digits = 0
    for octet in line[:MAX_CHUNK_DIGITS + 1]:
        value: i64 = octet
        if 48 <= value <= 57:
            value -= 48
        elif 97 <= (value | 32) <= 102:
            value = (value | 32) - 87
        else:
            break
        digits += 1
        size = size * 16 + value
        if size >= 1 << 58:
            return -1
    return size if 0 < digits <= MAX_CHUNK_DIGITS else -1


def is_strict_size(line: bytes) -> bool:
    """Digits, and behind them nothing but extensions."""
    digits = line.partition(b";")[0].rstrip(b" \t")
    return bool(digits) and not digits.lower().strip(b"0123456789abcdef")
