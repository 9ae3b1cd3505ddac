"""One direction of HTTP/1, cut into messages: heads, bodies, trailers. Nothing is kept of a body.

What is held is at most one head or one chunk line. Frames are named by the segments that carried a head and by
the one that completed the message.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import Evidence
from dissectors.kit.inputs import Chunk, Gap
from dissectors.kit.marks import quoted
from dissectors.protocols.http1.framing import CHUNKED, HANDED_OVER, LENGTH, UNTIL_CLOSE
from dissectors.protocols.http1.lines import (
    MAX_TAIL,
    NO_START,
    SIMPLE,
    blank_line,
    chunk_size,
    find_start,
    is_strict_size,
    known_start,
    line_kind,
    resembles,
)
from dissectors.wire.http.events import HttpSeen
from dissectors.wire.http.message import as_text

MAX_HEAD: Final[i64] = 256 << 10      # octets of a header or trailer section
MAX_CHUNK_LINE: Final[i64] = 4_096    # octets of a chunk size with its extensions (RFC 9112 §7.1.1)
PREFACE: Final = b"PRI * HTTP/2.0\r\n"  # how the connection preface of HTTP/2 begins (RFC 9113 §3.4)

# States. In START nothing of a message was seen yet; in LOST the next start line is searched for.
START: Final[i64] = 0
HEAD: Final[i64] = 1
BODY_LENGTH: Final[i64] = 2
BODY_OPEN: Final[i64] = 3
CHUNK_SIZE: Final[i64] = 4
CHUNK_DATA: Final[i64] = 5
CHUNK_END: Final[i64] = 6
TRAILERS: Final[i64] = 7
LOST: Final[i64] = 8
OVER: Final[i64] = 9


class Watcher:
    """Who is told what a direction carries; the dissector."""

    def on_head(self, half: Http1Half, block: bytes) -> None:
        """A head is complete: the start line and the fields, without the blank line. Calls `half.body`."""
        raise NotImplementedError

    def headless(self, half: Http1Half) -> bool:
        """What comes next answers an HTTP/0.9 request: a document without a head, most likely."""
        raise NotImplementedError

    def bare(self, half: Http1Half, data: bytes) -> bool:
        """What begins no message is an answer all the same: a document without a head, as a whole."""
        return False

    def on_body(self, half: Http1Half, data: bytes) -> None:
        raise NotImplementedError

    def on_missing(self, half: Http1Half, octets: int) -> None:
        """Octets of the body in hand are not in the capture."""
        raise NotImplementedError

    def on_preface(self, half: Http1Half) -> None:
        """HTTP/2 begins at `half.position` (RFC 9113 §3.4)."""
        raise NotImplementedError

    def on_end(self, half: Http1Half, trailers: bytes, lost: bool) -> None:
        """The message in hand is over. lost: its end was not seen."""
        raise NotImplementedError

    def on_unread(self, line: bytes) -> None:
        """A line that should be the size of a chunk, and may be anything."""

    def on_odd_chunk(self, half: Http1Half, line: bytes) -> None:
        """A chunk size that is read, and written as it should not be."""
        raise NotImplementedError

    def on_fault(self, half: Http1Half, code: str, reason: str) -> None:
        """Bytes that are no HTTP where HTTP should be; the message in hand, if any, is over."""
        raise NotImplementedError


class Http1Half:
    """One direction.

    begun: time of the first octet of the message in hand; now: of the last one that was read.
    wire: octets of the message in hand, with its head and the framing of its body.
    frame: that completes what is being told.     skipped: octets that belong to no message.
    at: where in the stream the next octet belongs.     ends: where the stream ends, -1 while that is not known.
    whole: it was read from its beginning, and step was never lost.
    """

    def __init__(self, direction: int, in_step: bool) -> None:
        self.direction = direction
        self.state: i64 = START if in_step else LOST
        self.remaining: i64 = 0
        self.held = bytearray()
        self.begun = 0
        self.now = 0
        self.wire: i64 = 0
        self.frame = 0
        self.cited = Cited()
        self.start: i64 = -1           # of what is told, within the captured bytes of `frame`
        self.end: i64 = -1
        self.position: i64 = 0         # in the stream, of what comes after what is told
        self.skipped: i64 = 0
        self.passed_over: bool = False     # some of its octets were told as skipped
        self.empty_lines: i64 = 0      # before the start line
        self.line_known: bool = False  # the start line of the head in hand was looked at
        self.searching: bool = not in_step
        self.carrier = 0               # the frame of the chunk that was read last
        self.cut: bool = False         # the capture cut that frame short, and with it the message in hand
        self.fin: bool = False         # its end was seen
        self.partial: bool = False     # the head in hand ends before its end
        self.at: i64 = 0
        self.ends: i64 = -1
        self.whole: bool = in_step
        self.headless: bool = False    # the answer to an HTTP/0.9 request comes next: it has no head

    # -- what comes in ---------------------------------------------------------------------------------

    def data(self, chunk: Chunk, watcher: Watcher) -> None:
        data = chunk.data
        size: i64 = len(data)
        at: i64 = 0
        self.now = max(self.now, chunk.time)
        self.frame = chunk.released_by
        self.carrier = chunk.frame
        self.at = chunk.position + size
        while at < size:
            state = self.state
            if state <= HEAD:
                at = self._head(chunk, data, at, watcher)
            elif state in (BODY_LENGTH, CHUNK_DATA):
                at = self._counted(data, at, watcher)
            elif state == BODY_OPEN:
                self.wire += size - at
                watcher.on_body(self, data[at:] if at else data)
                at = size
            elif state == LOST:
                at = self._searched(chunk, data, at)
            elif state == OVER:
                return
            else:
                at = self._framing(chunk, data, at, watcher)

    def gap(self, gap: Gap, watcher: Watcher) -> None:
        """Octets are missing. Within a body whose length is known they can be counted out; else step is lost."""
        self.now = max(self.now, gap.time)
        self.frame = gap.frame
        lost: i64 = gap.length
        state = self.state
        self.at = gap.position + lost
        self.whole = False
        if state == OVER:
            return
        self.cut = self.cut or gap.frame == self.carrier
        if state == BODY_OPEN:
            watcher.on_missing(self, int(lost))
        elif state in (BODY_LENGTH, CHUNK_DATA) and lost <= self.remaining:
            watcher.on_missing(self, int(lost))
            self.wire += lost
            self.remaining -= lost
            self._counted_out(watcher)
        elif state == HEAD and (self.line_known or (self.cut and known_start(bytes(self.held[:32])))):
            block = bytes(self.held[:self.held.rfind(b"\n") + 1]) if self.line_known else bytes(self.held)
            self.held = bytearray()
            self.partial = True
            self._told(watcher, block)
            self.partial = False
            self._lose(watcher, True)
        else:
            inside = state > HEAD and state != LOST
            if state in (HEAD, LOST):
                self.skipped += len(self.held)
            self._lose(watcher, inside)

    def body(self, kind: i64, length: i64, watcher: Watcher) -> None:
        """What follows the head that was just told."""
        if self.partial:
            self.state = LOST
        elif kind == LENGTH:
            self.state = BODY_LENGTH
            self.remaining = length
        elif kind == CHUNKED:
            self.state = CHUNK_SIZE
        elif kind == UNTIL_CLOSE:
            self.state = BODY_OPEN
        elif kind == HANDED_OVER:
            self.state = OVER
        else:
            self._message_over(watcher, b"")

    def give_up(self, watcher: Watcher) -> None:
        """The head that was just told is none: search for the next."""
        self._lose(watcher, False)

    def restart(self) -> None:
        """What lasted until the end is over; what still comes was sent before it."""
        self.state = START
        self._clear()

    def unsure(self) -> None:
        """What was handed to nobody was passed over: the next message has to be looked for."""
        self.whole = False
        self.state = LOST
        self.searching = True

    def missing(self) -> int:
        """Octets before the end of the stream, where that was seen, that did not come."""
        return max(int(self.ends - self.at), 0) if self.ends >= 0 else 0

    def evidence(self) -> Evidence:
        """The frames of the message so far, the one in hand as the last."""
        return Evidence(self.cited.upto(self.frame), int(self.start), int(self.end))

    def seen(self, evidence: Evidence) -> HttpSeen:
        """What this proves of the message so far."""
        return HttpSeen(self.now, self.direction, evidence)

    # -- heads -----------------------------------------------------------------------------------------

    def _head(self, chunk: Chunk, data: bytes, at: i64, watcher: Watcher) -> i64:
        """The start line and the fields, up to the blank line. Returns where to go on."""
        size: i64 = len(data)
        if self.state == START:
            while at < size and (data[at] == 13 or data[at] == 10):   # RFC 9112 §2.2
                at += 1
                self.empty_lines += 1
            if at == size:
                return at
            if data.startswith(PREFACE, at):
                self.position = chunk.position + at
                watcher.on_preface(self)
                return size
            self.state = HEAD
            self.begun = self.now
            self.line_known = False
            self.headless = watcher.headless(self)
            if self.headless and data[at] != 72:   # H
                return self._no_head(watcher, at)
        self.cited.add(chunk.frame)
        if self.held:
            return self._held_head(chunk, data, at, watcher)
        line_end: i64 = data.find(b"\n", at)
        kind = line_kind(data, at, line_end) if line_end >= 0 else resembles(data[at:at + 32])
        if kind == NO_START:
            return self._no_start(data, at, 0, watcher)
        end = line_end + 1
        if kind != SIMPLE:
            end = blank_line(data, line_end, size) if line_end >= 0 else -1
        if end < 0:
            self.held += data[at:]
            self.line_known = line_end >= 0
            self._cap(watcher)
            return size
        self._place(chunk, at, end)
        self._told(watcher, data[at:end])
        return end

    def _held_head(self, chunk: Chunk, data: bytes, at: i64, watcher: Watcher) -> i64:
        """As before, where the head began in an earlier chunk."""
        size: i64 = len(data)
        before: i64 = len(self.held)
        self.held += data[at:]
        start = max(before - 3, 0)
        end: i64 = -1
        if not self.line_known:
            line_end: i64 = self.held.find(b"\n", before)
            line = bytes(self.held[:line_end + 1]) if line_end >= 0 else bytes(self.held[:32])
            kind = line_kind(line, 0, line_end) if line_end >= 0 else resembles(line)
            if kind == NO_START:
                return self._no_start(data, at, before, watcher)
            self.line_known = line_end >= 0
            start = line_end
            end = line_end + 1 if kind == SIMPLE else -1
        if end < 0 and self.line_known:
            tail = bytes(self.held[start:])
            end = blank_line(tail, 0, len(tail))
            if end >= 0:
                end += start
        if end < 0:
            self._cap(watcher)
            return size
        block = bytes(self.held[:end])
        at += end - before
        self._place(chunk, at - min(end, at), at)
        self.held = bytearray()
        self._told(watcher, block)
        return at

    def _told(self, watcher: Watcher, block: bytes) -> None:
        self.wire = len(block)
        self.searching = False
        self.headless = False
        watcher.on_head(self, block)

    def _no_head(self, watcher: Watcher, at: i64) -> i64:
        """The body of an HTTP/0.9 response begins at once."""
        self.headless = False
        held = bytes(self.held)
        self.held = bytearray()
        self.wire = len(held)
        self.state = BODY_OPEN
        watcher.on_head(self, b"")
        if held:
            watcher.on_body(self, held)
        return at

    def _no_start(self, data: bytes, at: i64, before: i64, watcher: Watcher) -> i64:
        """The line in hand begins no message. before: octets of it that came earlier."""
        if self.headless or watcher.bare(self, bytes(self.held) if before else data[at:]):
            return self._no_head(watcher, i64(len(data)) if before else at)
        if not self.searching:
            watcher.on_fault(self, "start_line", "a line that begins neither a request nor a response")
        earlier = bytes(self.held[:before])
        self._lose(watcher, False)
        self.held += earlier
        return at

    def _cap(self, watcher: Watcher) -> None:
        if len(self.held) > MAX_HEAD:
            self.skipped += len(self.held)
            watcher.on_fault(self, "MAX_HEAD", "")
            self._lose(watcher, False)

    def _searched(self, chunk: Chunk, data: bytes, at: i64) -> i64:
        """The next place where a message begins without doubt; what may be the beginning of one is held."""
        held: i64 = len(self.held)
        buffer = bytes(self.held) + data[at:] if held else data[at:]
        self.held = bytearray()
        self.searching = True
        place = find_start(buffer)
        preface: i64 = buffer.find(PREFACE, held)
        if preface >= 0 and (place < 0 or preface < place):
            place = preface
        if place < 0:
            size: i64 = len(buffer)
            kept = min(size, MAX_TAIL)
            self.skipped += size - kept
            self.held += buffer[size - kept:]
            self.cited.restart(chunk.frame)
            return len(data)
        self.skipped += place
        if place >= held:
            self.cited.clear()
            self.state = START
            return at + place - held
        self.state = HEAD
        self.begun = self.now
        self.line_known = False
        self.held += buffer[place:held]
        return at

    # -- bodies ----------------------------------------------------------------------------------------

    def _counted(self, data: bytes, at: i64, watcher: Watcher) -> i64:
        """Octets of a body, or of a chunk, whose length is known."""
        size: i64 = len(data)
        take = min(self.remaining, size - at)
        self.wire += take
        self.remaining -= take
        watcher.on_body(self, data if take == size else data[at:at + take])
        self._counted_out(watcher)
        return at + take

    def _counted_out(self, watcher: Watcher) -> None:
        if self.remaining:
            return
        if self.state == CHUNK_DATA:
            self.state = CHUNK_END
        elif self.state == BODY_LENGTH:
            self.start = -1
            self.end = -1
            self._message_over(watcher, b"")

    def _framing(self, chunk: Chunk, data: bytes, at: i64, watcher: Watcher) -> i64:
        """A line of the chunked framing: a size, the end of a chunk, a trailer field (RFC 9112 §7.1)."""
        line_end: i64 = data.find(b"\n", at)
        stop = line_end + 1 if line_end >= 0 else i64(len(data))
        self.wire += stop - at
        self.held += data[at:stop]
        if self.state == CHUNK_END:
            ended = bytes(self.held[:3])
            if ended in (b"\r\n", b"\n"):
                self.held = bytearray()
                self.state = CHUNK_SIZE
            elif ended != b"\r":
                self._broken(watcher, "chunk_end", "a chunk is not followed by the end of its line")
            return stop
        if line_end < 0:
            most = MAX_HEAD if self.state == TRAILERS else MAX_CHUNK_LINE
            if len(self.held) > most:
                self._broken(watcher, "MAX_HEAD" if self.state == TRAILERS else "MAX_CHUNK_LINE", "")
            return stop
        if self.state == TRAILERS:
            self._trailer(watcher)
            return stop
        line = bytes(self.held).strip(b" \t\r\n")
        self.held = bytearray()
        if not line:        # empty lines are passed over
            return stop
        size = chunk_size(line)
        if size >= 0 and not is_strict_size(line):
            watcher.on_unread(line)
            watcher.on_odd_chunk(self, line)
        if size < 0:
            watcher.on_unread(line)
            self._broken(watcher, "chunk_size", f"{quoted(as_text(line[:40]))} is no chunk size")
        elif size == 0:
            self.state = TRAILERS
        else:
            self.state = CHUNK_DATA
            self.remaining = size
        return stop

    def _trailer(self, watcher: Watcher) -> None:
        """Another line of the trailer section is complete; an empty one ends it."""
        held = self.held
        size: i64 = len(held)
        empty = size <= 2 or held.endswith((b"\n\r\n", b"\n\n"))
        if empty:
            trailers = bytes(held).strip(b"\r\n")
            self.held = bytearray()
            self.start = -1
            self.end = -1
            self._message_over(watcher, trailers)
        elif size > MAX_HEAD:
            self._broken(watcher, "MAX_HEAD", "")

    def _broken(self, watcher: Watcher, code: str, reason: str) -> None:
        """The framing of the body is broken: where the message ends cannot be known."""
        watcher.on_fault(self, code, reason)
        self._lose(watcher, True)

    # -- bookkeeping -----------------------------------------------------------------------------------

    def _message_over(self, watcher: Watcher, trailers: bytes) -> None:
        self.state = START
        watcher.on_end(self, trailers, False)
        self._clear()

    def _lose(self, watcher: Watcher, inside: bool) -> None:
        self.whole = False
        self.state = LOST
        self.searching = True
        if inside:
            watcher.on_end(self, b"", True)
        self._clear()

    def _clear(self) -> None:
        self.held = bytearray()
        self.cited.clear()
        self.wire = 0
        self.start = -1
        self.end = -1
        self.empty_lines = 0
        self.cut = False

    def _place(self, chunk: Chunk, start: i64, end: i64) -> None:
        """Where the head in hand ends in the stream, and which bytes of the frame it is."""
        self.position = chunk.position + end
        if chunk.offset >= 0 and chunk.released_by == chunk.frame:
            self.start = chunk.offset + start
            self.end = chunk.offset + end
