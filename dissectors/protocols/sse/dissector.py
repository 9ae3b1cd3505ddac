"""The observer of one event stream: the body of one response."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import NEITHER, Evidence, LimitReached
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.kit.runs import LikeRun
from dissectors.protocols.sse.events import (
    MESSAGE,
    Comment,
    EventRun,
    SseEnded,
    SseIncomplete,
    SseOpened,
    SseRetry,
    StreamEvent,
)
from dissectors.protocols.sse.stream import BOM, MAX_LINE, LineReader, SseBlock, add_line
from dissectors.wire.preview import text_of
from dissectors.wire.rhythm import Intervals, median
from dissectors.wire.secrets.text import without_secrets

MAX_SHOWN: Final[i64] = 20       # events of a stream that are told one by one
MAX_NAMES: Final = 32            # names of events that are counted apart
OTHER: Final = "others"


class SseRun(LikeRun):
    """Events that are counted together."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}


class SseDissector(Dissector):
    """Only one direction carries the stream; what the client sent before it comes as fields."""

    def __init__(self, context: Context) -> None:
        self.show_secrets: bool = context.provided.show_secrets
        self.lines = LineReader()
        self.block = SseBlock()
        self.doubt: bool = False      # bytes are missing, and no blank line has come since
        self.first: bool = True
        self.head: bytes = b""        # the first three octets, which may be a byte order mark
        self.path: str = ""
        self.resumed: str = ""
        self.cited = Cited()
        self.begun: int = -1
        self.now: int = 0
        self.side: int = NEITHER
        self.shown: i64 = 0
        self.run = SseRun()
        self.names: dict[str, int] = {}
        self.octets: i64 = 0
        self.times = Intervals()
        self.longest: i64 = 0
        self.comments = Intervals()
        self.last_id: str = ""
        self.retry: int = -1
        self.long_told: bool = False
        self.told: bool = False

    def on_fields(self, fields: Fields) -> list[Output]:
        out: list[Output] = []
        self.cited.add(fields.frame)
        if fields.kind == "request":
            path = fields.get(b":path").decode("utf-8", "replace")
            self.path = path if self.show_secrets else without_secrets(path)
            self.resumed = fields.get(b"last-event-id").decode("utf-8", "replace")
        elif fields.kind == "response" and self.begun < 0:
            self.begun = self.now = fields.time
            self.side = fields.direction
            out.append(SseOpened(
                fields.time, fields.direction, Evidence(self.cited.frames()), self.path, self.resumed
            ))
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        out: list[Output] = []
        if self.begun < 0:
            self.begun = chunk.time
            self.cited.restart(chunk.frame)
        self.side = chunk.direction
        self.now = max(self.now, chunk.time)
        data = self._without_mark(chunk.data) if self.first else chunk.data
        lines = self.lines
        lines.load(data)
        while lines.next():
            if lines.size == 0:
                self._blank(chunk.released_by, out)
            elif not self.doubt:
                self._line(lines, chunk, out)
        return out

    def _without_mark(self, data: bytes) -> bytes:
        """One byte order mark at the very beginning is not part of the stream."""
        self.head += data
        if len(self.head) < len(BOM) and BOM.startswith(self.head):
            return b""
        self.first = False
        data, self.head = self.head, b""
        return data[len(BOM):] if data.startswith(BOM) else data

    def _line(self, lines: LineReader, chunk: Chunk, out: list[Output]) -> None:
        block = self.block
        if block.began < 0:
            block.began = chunk.time
        block.cited.add(chunk.released_by)
        comments = block.comments
        add_line(block, lines.line, lines.size)
        if block.comments > comments:
            self.comments.add(self.now)
            if self.comments.count == 1:
                out.append(Comment(self.now, self.side, Evidence((chunk.released_by,)), block.comment))
        if lines.long_lines and not self.long_told:
            self.long_told = True
            out.append(LimitReached(
                self.now, self.side, Evidence((chunk.released_by,)), "sse", "MAX_LINE", MAX_LINE
            ))

    def _blank(self, frame: int, out: list[Output]) -> None:
        """A blank line ends an event."""
        self.doubt = False
        block = self.block
        if block.empty:
            return
        self.block = SseBlock()
        if block.id is not None:
            self.last_id = block.id
        if block.retry >= 0:
            self.retry = block.retry
        if block.lines == 0:
            if block.retry >= 0:
                out.append(SseRetry(self.now, self.side, Evidence(block.cited.upto(frame)), block.retry))
            return
        if self.times.count:
            self.longest = max(self.longest, i64(self.now - self.times.last))
        self.times.add(self.now)
        self.octets += block.size
        name = block.name or MESSAGE
        count_name(self.names, name)
        if self.shown < MAX_SHOWN:
            self.shown += 1
            self._show(block, frame, out)
        else:
            self._count(block, name, frame, out)

    def _show(self, block: SseBlock, frame: int, out: list[Output]) -> None:
        octets = block.kept
        complete = len(octets) == block.size
        if not self.show_secrets:
            octets = without_secrets(text_of(octets, complete)).encode("utf-8", "replace")
        out.append(StreamEvent(
            self.now, self.side, Evidence(block.cited.upto(frame)), block.name, block.id, block.retry, octets,
            int(block.size), complete, block.began,
        ))

    def _count(self, block: SseBlock, name: str, frame: int, out: list[Output]) -> None:
        run = self.run
        count_name(run.names, name)
        if run.add(self.side, block.size, self.now, self.now, frame):
            self._flush(out)

    def _flush(self, out: list[Output]) -> None:
        run = self.run
        if run.begin >= 0:
            out.append(EventRun(
                run.begin, self.side, Evidence(run.cited.frames()), run.names, sum(run.octets()), int(run.largest),
                run.end, self.last_id,
            ))
            run.names = {}
            run.restart()

    def on_gap(self, gap: Gap) -> list[Output]:
        if self.begun < 0 or gap.direction != self.side:
            return []
        self.lines.reset()
        self.block = SseBlock()
        self.doubt = True
        self.first = False
        self.now = max(self.now, gap.time)
        return [SseIncomplete(self.now, gap.direction, Evidence((gap.frame,)), gap.length, 0)]

    def on_close(self, close: Close) -> list[Output]:
        """The end of the response; that of the request says nothing."""
        out: list[Output] = []
        if self.told or self.begun < 0 or (close.how == "fin" and close.direction not in (self.side, NEITHER)):
            return out
        self.told = True
        self.now = max(self.now, close.time)
        self._flush(out)
        held = self.block.size
        if held and close.how != "capture":
            out.append(SseIncomplete(self.now, self.side, Evidence(self.block.cited.upto(close.frame)), 0, int(held)))
        out.append(SseEnded(
            self.now, self.side, Evidence(self.cited.upto(close.frame)), close.how, self.path,
            self.begun, self.names, int(self.octets), median(self.times.samples), int(self.longest),
            int(self.comments.count), self.comments.regular(), self.last_id, self.retry,
        ))
        return out


def count_name(names: dict[str, int], name: str) -> None:
    """Count an event under its name; one of too many names under OTHER."""
    if name not in names and len(names) >= MAX_NAMES:
        name = OTHER
    names[name] = names.get(name, 0) + 1
