"""An event stream cut into lines, and lines put together to events (WHATWG HTML §9.2.5, §9.2.6).

What is kept of a line or an event is bounded; the rest of it is counted.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.runs import LikeRun
from dissectors.wire.rhythm import Intervals

MAX_LINE: Final = 65_536       # octets of one line that are held; of a longer one the rest is only counted
MAX_KEPT: Final = 4_096        # octets of the data of one event that are kept to be shown
MAX_NAME: Final = 200          # characters of the name or the id of an event
MAX_NAMES: Final = 32          # names of events that are counted apart
MESSAGE: Final = "message"     # the name of an event that has none (WHATWG HTML §9.2.6)
OTHER: Final = "others"

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

    @property
    def whole(self) -> bool:
        """All of its data is kept."""
        return len(self.kept) == self.size


class SseRun(LikeRun):
    """Events that are counted together. names: how many of each."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}


class SseStream:
    """What is known of one event stream so far.

    path: of the request.    resumed: the last id that the client named, "" for none.    begun: ns, -1 before it.
    names: how many events of each.    octets: of their data.    times: of events.    longest: silence between two, ns.
    last_id, retry: as the server said last; "" and -1 where it did not.
    """

    def __init__(self) -> None:
        self.path: str = ""
        self.resumed: str = ""
        self.begun: int = -1
        self.names: dict[str, int] = {}
        self.octets: i64 = 0
        self.times = Intervals()
        self.longest: i64 = 0
        self.comments = Intervals()
        self.last_id: str = ""
        self.retry: int = -1

    def add(self, block: SseBlock, time: int) -> None:
        """An event came."""
        if self.times.count:
            self.longest = max(self.longest, i64(time - self.times.last))
        self.times.add(time)
        self.octets += block.size
        count_name(self.names, block.name or MESSAGE)


def count_name(names: dict[str, int], name: str) -> None:
    """Count an event under its name; one of too many names under OTHER."""
    if name not in names and len(names) >= MAX_NAMES:
        name = OTHER
    names[name] = names.get(name, 0) + 1


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
