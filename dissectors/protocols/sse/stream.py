"""An event stream cut into lines, and lines put together to events (WHATWG HTML §9.2.5, §9.2.6).

What is kept of a line or an event is bounded; the rest of it is counted.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited

MAX_LINE: Final = 65_536       # octets of one line that are held; of a longer one the rest is only counted
MAX_KEPT: Final = 4_096        # octets of the data of one event that are kept to be shown
MAX_NAME: Final = 200          # characters of the name or the id of an event

BOM: Final = b"\xef\xbb\xbf"
LF: Final = 10
CR: Final = 13
LONGEST_RETRY: Final = 9       # digits of a time in milliseconds that anybody means


class SseBlock:
    """What stood between two blank lines. size: octets of its data; lines: of data; comments: lines that begin with a
    colon; kept: the beginning of the data, its lines joined by line feeds.
    """

    def __init__(self) -> None:
        self.began: int = -1
        self.cited = Cited()
        self.name: str = ""
        self.id: str | None = None
        self.retry: int = -1
        self.lines: i64 = 0
        self.size: i64 = 0
        self.kept: bytes = b""
        self.comments: i64 = 0
        self.comment: str = ""
        self.unknown: i64 = 0        # fields that the standard does not know, which clients ignore

    @property
    def empty(self) -> bool:
        return self.began < 0


class LineReader:
    """Lines ended by LF, CR or CRLF, whatever the pieces in which they come. `line` holds the current one.

    long: the current line has more octets than are held.
    """

    def __init__(self) -> None:
        self.held: bytes = b""
        self.beyond: i64 = 0        # octets of the current line that are not held
        self.after_cr: bool = False
        self.data: bytes = b""
        self.at: i64 = 0
        self.line: bytes = b""
        self.size: i64 = 0          # of the line, with what is not held
        self.long_lines: i64 = 0

    def load(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        if self.after_cr and data:
            self.after_cr = False
            if data[0] == LF:
                self.at = 1

    def next(self) -> bool:
        """Whether another line has ended."""
        data = self.data
        size: i64 = len(data)
        if self.at >= size:
            return False
        end = _line_end(data, self.at)
        if end < 0:
            self._hold(data[self.at:])
            self.at = size
            return False
        self._hold(data[self.at:end])
        self.at = end + 1
        if data[end] == CR:
            if self.at < size:
                if data[self.at] == LF:
                    self.at += 1
            else:
                self.after_cr = True
        self.line = self.held
        self.size = len(self.held) + self.beyond
        if self.beyond:
            self.long_lines += 1
        self.held = b""
        self.beyond = 0
        return True

    def _hold(self, part: bytes) -> None:
        room = MAX_LINE - len(self.held)
        if len(part) > room:
            self.beyond += len(part) - room
            part = part[:room]
        self.held = self.held + part if self.held else part

    def reset(self) -> None:
        """Bytes are missing: nothing of the line in hand can be used."""
        self.held = b""
        self.beyond = 0
        self.after_cr = False


def _line_end(data: bytes, at: i64) -> i64:
    """Where the next LF or CR stands, -1 for nowhere."""
    feed: i64 = data.find(b"\n", at)
    limit = int(feed) if feed >= 0 else len(data)
    carriage: i64 = data.find(b"\r", at, limit)
    return carriage if carriage >= 0 else feed


def add_line(block: SseBlock, line: bytes, size: i64) -> None:
    """One line that is not blank."""
    colon = line.find(b":")
    if colon == 0:
        block.comments += 1
        if not block.comment:
            block.comment = line[1:1 + MAX_NAME].decode("utf-8", "replace").strip()
        return
    if colon < 0:
        name, value = line, b""
    else:
        name, value = line[:colon], line[colon + 1:]
        if value[:1] == b" ":
            value = value[1:]
    if name == b"data":
        octets = size - (len(line) - len(value))
        if block.lines:
            octets += 1
        block.size += octets
        room = MAX_KEPT - len(block.kept)
        if room > 0:
            joined = b"\n" + value if block.lines else value
            block.kept += joined[:room]
        block.lines += 1
    elif name == b"event":
        block.name = value[:MAX_NAME].decode("utf-8", "replace")
    elif name == b"id":
        if 0 not in value:
            block.id = value[:MAX_NAME].decode("utf-8", "replace")
    elif name == b"retry":
        if value.isdigit() and len(value) <= LONGEST_RETRY:
            block.retry = int(value)
    else:
        block.unknown += 1
