"""The observer of one event stream: the body of one response."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import NEITHER, Evidence, LimitReached, Observed
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.sse.events import (
    Comment,
    EventRun,
    SseEnded,
    SseIncomplete,
    SseOpened,
    SseRetry,
    StreamEvent,
)
from dissectors.protocols.sse.stream import (
    BOM,
    MAX_LINE,
    MESSAGE,
    LineReader,
    SseBlock,
    SseRun,
    SseStream,
    add_line,
    count_name,
)
from dissectors.wire.preview import text_of
from dissectors.wire.secrets.text import without_secrets

MAX_SHOWN: Final[i64] = 20       # events of a stream that are told one by one


class SseDissector(Dissector):
    """Only one direction carries the stream; what the client sent before it comes as fields."""

    def __init__(self, context: Context) -> None:
        self.show_secrets: bool = context.provided.show_secrets
        self.lines = LineReader()
        self.block = SseBlock()
        self.doubt: bool = False      # bytes are missing, and no blank line has come since
        self.first: bool = True
        self.head: bytes = b""        # the first three octets, which may be a byte order mark
        self.stream = SseStream()
        self.cited = Cited()
        self.now: int = 0
        self.side: int = NEITHER
        self.shown: i64 = 0
        self.run = SseRun()
        self.long_told: bool = False
        self.told: bool = False

    def on_fields(self, fields: Fields) -> list[Output]:
        out: list[Output] = []
        stream = self.stream
        self.cited.add(fields.frame)
        if fields.kind == "request":
            path = fields.get(b":path").decode("utf-8", "replace")
            stream.path = path if self.show_secrets else without_secrets(path)
            stream.resumed = fields.get(b"last-event-id").decode("utf-8", "replace")
        elif fields.kind == "response" and stream.begun < 0:
            stream.begun = self.now = fields.time
            self.side = fields.direction
            out.append(SseOpened(self._seen(self.cited.frames()), stream))
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        out: list[Output] = []
        if self.stream.begun < 0:
            self.stream.begun = chunk.time
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
            self.stream.comments.add(self.now)
            if self.stream.comments.count == 1:
                out.append(Comment(self._seen((chunk.released_by,)), block.comment))
        if lines.long_lines and not self.long_told:
            self.long_told = True
            out.append(LimitReached(self._seen((chunk.released_by,)), "sse", "MAX_LINE", MAX_LINE))

    def _blank(self, frame: int, out: list[Output]) -> None:
        """A blank line ends an event."""
        self.doubt = False
        block = self.block
        if block.empty:
            return
        self.block = SseBlock()
        if block.id is not None:
            self.stream.last_id = block.id
        if block.retry >= 0:
            self.stream.retry = block.retry
        if block.lines == 0:
            if block.retry >= 0:
                out.append(SseRetry(self._seen(block.cited.upto(frame)), block.retry))
            return
        self.stream.add(block, self.now)
        if self.shown < MAX_SHOWN:
            self.shown += 1
            self._show(block, frame, out)
        else:
            self._count(block, frame, out)

    def _show(self, block: SseBlock, frame: int, out: list[Output]) -> None:
        octets = block.kept
        if not self.show_secrets:
            octets = without_secrets(text_of(octets, block.whole)).encode("utf-8", "replace")
        out.append(StreamEvent(self._seen(block.cited.upto(frame)), block, octets))

    def _count(self, block: SseBlock, frame: int, out: list[Output]) -> None:
        run = self.run
        count_name(run.names, block.name or MESSAGE)
        if run.add(self.side, block.size, self.now, self.now, frame):
            self._flush(out)

    def _flush(self, out: list[Output]) -> None:
        run = self.run
        if run.begin >= 0:
            out.append(EventRun(run, self.side, self.stream.last_id))
            run.names = {}
            run.restart()

    def on_gap(self, gap: Gap) -> list[Output]:
        if self.stream.begun < 0 or gap.direction != self.side:
            return []
        self.lines.reset()
        self.block = SseBlock()
        self.doubt = True
        self.first = False
        self.now = max(self.now, gap.time)
        return [SseIncomplete(self._seen((gap.frame,)), gap.length, 0)]

    def on_close(self, close: Close) -> list[Output]:
        """The end of the response; that of the request says nothing."""
        out: list[Output] = []
        if self.told or self.stream.begun < 0 or (close.how == "fin" and close.direction not in (self.side, NEITHER)):
            return out
        self.told = True
        self.now = max(self.now, close.time)
        self._flush(out)
        held = self.block.size
        if held and close.how != "capture":
            out.append(SseIncomplete(self._seen(self.block.cited.upto(close.frame)), 0, int(held)))
        out.append(SseEnded(self._seen(self.cited.upto(close.frame)), close.how, self.stream))
        return out

    def _seen(self, frames: tuple[int, ...]) -> Observed:
        """Now, in these frames."""
        return Observed(self.now, self.side, Evidence(frames))
