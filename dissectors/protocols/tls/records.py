"""One direction of a TLS connection, cut into records (RFC 8446 §5.1, RFC 5246 §6.2.1, RFC 6101 §5.2.1).

The fragment of an application-data record is not kept unless somebody is going to decrypt it: its octets are
counted past, and the records of one run are added up without an object for each.
"""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from dissectors.kit.inputs import Chunk, Gap
from dissectors.protocols.tls.header import (
    APPLICATION_DATA,
    HEADER,
    LARGEST,
    SSL2,
    SSL2_HEADER,
    find_next,
    is_record,
    is_ssl2_answer,
    is_ssl2_hello,
    may_be_ssl2_hello,
)

MAX_FRAMES: Final = 32     # named as the evidence of one record, message or run; the last always is

BROKEN: Final = "broken"   # octets where a record header was due are none
FOUND: Final = "found"     # records are in step again
PLAIN: Final = "plain"     # the stream does not begin with a record


class TlsRecord:
    """A record, or an SSL 2.0 message. fragment: b"" where it is not kept.

    length: as the header says. cut: octets of the fragment that the capture does not hold.
    start, end: its bytes in the last frame, or -1. number: of the frame that completed it.
    """

    def __init__(
        self, content_type: int, version: int, length: int, fragment: bytes, frames: tuple[int, ...], number: int,
        time: int, start: int, end: int, cut: int,
    ) -> None:
        self.content_type = content_type
        self.version = version
        self.length = length
        self.fragment = fragment
        self.frames = frames
        self.number = number
        self.time = time
        self.start = start
        self.end = end
        self.cut = cut


class TlsRun:
    """Application-data records that follow one another without a word from the other side."""

    def __init__(self) -> None:
        self.records: i64 = 0
        self.octets: i64 = 0       # of fragments, as they were sent
        self.plain: i64 = -1       # of what was inside; -1 where they were not decrypted
        self.largest: i64 = 0
        self.begin: int = 0
        self.end: int = 0
        self.frames: list[int] = []
        self.last: int = 0

    def named(self) -> tuple[int, ...]:
        """The frames of the run, ascending: the first ones and the last."""
        return named(self.frames, self.last)

    def merge(self, other: TlsRun) -> None:
        """Add a later run to this one."""
        if not self.records:
            self.begin = other.begin
            self.frames = other.frames
            self.plain = other.plain
        elif other.plain >= 0:
            self.plain = max(self.plain, 0) + other.plain
        self.records += other.records
        self.octets += other.octets
        self.largest = max(self.largest, other.largest)
        self.end = other.end
        self.last = other.last


class Notice:
    """Something about the stream itself: BROKEN, FOUND or PLAIN.

    passed: octets not read as records; lost: octets not in the capture; first: the octets that are no header.
    """

    def __init__(self, kind: str, frame: int, time: int, passed: int, lost: int, first: bytes) -> None:
        self.kind = kind
        self.frame = frame
        self.time = time
        self.passed = passed
        self.lost = lost
        self.first = first


Found = Union[TlsRecord, TlsRun, Notice]


def named(frames: list[int], last: int) -> tuple[int, ...]:
    """Frame numbers, ascending, each once."""
    if not frames or (len(frames) == 1 and frames[0] == last):
        return (last,)
    return tuple(sorted({*frames, last}))


class RecordLayer:
    """One direction. What is held is at most one record.

    keep: fragments of application data are wanted, for decryption. count: they are not, and their records need not
    be told one by one.
    """

    def __init__(self, count: bool) -> None:
        self.keep: bool = False
        self.count: bool = count
        self.begun: bool = False     # the first octets were judged
        self.in_step: bool = False   # it is known where the next record begins
        self.ssl2: bool = False      # messages are framed as SSL 2.0 does
        self.may_be_ssl2: bool = False   # the other side began like that, so this one may answer so
        self.told: bool = False      # that step was lost
        self.head: bytes = b""       # part of a header, or octets in which one may begin
        self.held_from: i64 = 0      # where in the data at hand those begin
        self.type: i64 = 0           # of the record in hand
        self.version: i64 = 0
        self.length: i64 = 0
        self.rest: i64 = 0           # octets of its fragment still to come
        self.open: bool = False      # a record is in hand
        self.kept: bool = False
        self.cut: i64 = 0
        self.parts: list[bytes] = []
        self.frames: list[int] = []
        self.last_version: i64 = 0   # of the last record that was in step
        self.passed: i64 = 0         # octets that were not read as records since step was lost
        self.lost: i64 = 0
        self.now: int = 0            # a chunk that had to wait is older than the one that released it
        self.frame: int = 0          # of the last chunk
        self.run: TlsRun = TlsRun()

    def passes(self, chunk: Chunk) -> bool:
        """Take a chunk that lies within a record whose fragment nobody wants; most of a download is that."""
        size: i64 = len(chunk.data)
        if size >= self.rest or self.kept or not self.count:
            return False
        self.rest -= size
        self.frame = chunk.frame
        self.now = max(self.now, chunk.time)
        return True

    def data(self, chunk: Chunk) -> list[Found]:
        """The records that this chunk completes, and runs that one of them ends."""
        out: list[Found] = []
        self.now = max(self.now, chunk.time)
        self.frame = chunk.frame
        data = chunk.data
        at: i64 = 0
        before: i64 = len(self.head)   # octets that came with earlier chunks
        if before:
            data = self.head + data
        size: i64 = len(data)
        while True:
            if self.open:
                take = min(self.rest, size - at)
                if self.kept and take:
                    self.parts.append(data[at:at + take])
                self.rest -= take
                at += take
                if len(self.frames) < MAX_FRAMES and (not self.frames or self.frames[-1] != chunk.frame):
                    self.frames.append(chunk.frame)
                if self.rest:
                    break
                self._complete(chunk, at - before, out)
            if at == size:
                break
            after = self._header(data, at, chunk, out)
            if after < 0:
                self._hold(data[max(at, self.held_from):], chunk)
                self.held_from = 0
                return out
            at = after
        self.head = b""
        return out

    def gap(self, gap: Gap) -> list[Found]:
        """Octets are missing. Within one record the next can be counted out; beyond it, step is lost."""
        out: list[Found] = []
        self.begun = True
        lost: i64 = gap.length
        cut_short = gap.frame == self.frame   # the capture holds only the beginning of that frame
        if self.open and lost <= self.rest:
            self.kept = False
            self.rest -= lost
            self.cut += lost
            if not self.rest:
                self._finish(gap.frame, max(self.now, gap.time), -1, -1, out)
            return out
        if self.open and cut_short:
            self.cut += self.rest
            self._finish(gap.frame, max(self.now, gap.time), -1, -1, out)
        elif self.open:
            self.passed += self.length - self.rest + HEADER
        self.passed += len(self.head)
        self.lost += lost
        self._lose()
        return out

    def add(self, record: TlsRecord, plain: i64) -> None:
        """Count a record that was told by itself to the run in hand. plain: -1 where it was not decrypted."""
        run = self.run
        if not run.records:
            run.begin = record.time
        run.records += 1
        run.octets += record.length
        if plain >= 0:
            run.plain = max(run.plain, 0) + plain
        run.largest = max(run.largest, i64(record.length))
        run.end = record.time
        run.last = record.number
        if len(run.frames) < MAX_FRAMES and (not run.frames or run.frames[-1] != run.last):
            run.frames.append(run.last)

    def end(self) -> TlsRun | None:
        """The run in hand is over, if there is one."""
        if not self.run.records:
            return None
        run = self.run
        self.run = TlsRun()
        return run

    def unfinished(self) -> i64:
        """Octets of a record whose end never came, its header among them."""
        if self.open:
            return HEADER + self.length - self.rest
        return len(self.head)

    # -- headers ---------------------------------------------------------------------------------------

    def _header(self, data: bytes, at: i64, chunk: Chunk, out: list[Found]) -> i64:
        """Read the header at that place; where the fragment begins, or -1 where the header is not whole."""
        left: i64 = len(data) - at
        if not self.in_step:
            return self._search(data, at, chunk, out)
        if self.ssl2:
            return self._ssl2(data, at)
        if left < HEADER:
            return -1
        kind = i64(data[at])
        length = i64(data[at + 3]) << 8 | i64(data[at + 4])
        if not 20 <= kind <= 24 or data[at + 1] != 3 or length > LARGEST:
            if not self.told:
                out.append(Notice(BROKEN, chunk.released_by, self.now, 0, 0, data[at:at + HEADER]))
            self._lose()
            return self._search(data, at, chunk, out)
        self._begin(kind, i64(data[at + 1]) << 8 | i64(data[at + 2]), length)
        return at + HEADER

    def _begin(self, kind: i64, version: i64, length: i64) -> None:
        self.type = kind
        self.version = version
        self.last_version = version
        self.length = length
        self.rest = length
        self.open = True
        self.told = False
        self.kept = kind != APPLICATION_DATA or self.keep

    def _search(self, data: bytes, at: i64, chunk: Chunk, out: list[Found]) -> i64:
        """Look for a record from there on; -1 to wait for more octets."""
        left: i64 = len(data) - at
        if not self.begun:
            if left < HEADER or (left < SSL2_HEADER and may_be_ssl2_hello(data, at)):
                return -1
            self.begun = True
            if (left >= SSL2_HEADER and is_ssl2_hello(data, at)) or (self.may_be_ssl2 and is_ssl2_answer(data, at)):
                self.in_step = True
                self.ssl2 = True
                return self._ssl2(data, at)
            if not is_record(data, at):
                out.append(Notice(PLAIN, chunk.released_by, self.now, 0, 0, data[at:at + HEADER]))
        found = find_next(data, at, self.last_version)
        if found < 0:
            keep = min(left, HEADER - 1)   # a header may begin in the last octets
            self.passed += left - keep
            self.held_from = at + left - keep
            return -1
        if found >= len(self.head):
            self.frames = []
        self.passed += found - at
        if self.passed or self.lost:
            out.append(Notice(FOUND, chunk.released_by, self.now, int(self.passed), int(self.lost), b""))
        self.passed = 0
        self.lost = 0
        self.in_step = True
        return self._header(data, found, chunk, out)

    def _ssl2(self, data: bytes, at: i64) -> i64:
        """Two octets of length, the highest bit set where there is no padding; -1 where more are needed."""
        left: i64 = len(data) - at
        if is_record_start(data, at):
            self.ssl2 = False
            return -1 if left < HEADER else self._again(data, at)
        if left < 3:
            return -1
        self._begin(SSL2, 2, (i64(data[at]) << 8 | i64(data[at + 1])) & 0x7FFF)
        return at + 2 if data[at] & 0x80 else at + 3

    def _again(self, data: bytes, at: i64) -> i64:
        self._begin(
            i64(data[at]), i64(data[at + 1]) << 8 | i64(data[at + 2]), i64(data[at + 3]) << 8 | i64(data[at + 4])
        )
        return at + HEADER

    def _hold(self, data: bytes, chunk: Chunk) -> None:
        """Part of a header."""
        self.head = data
        if len(self.frames) < MAX_FRAMES and (not self.frames or self.frames[-1] != chunk.frame):
            self.frames.append(chunk.frame)

    def _lose(self) -> None:
        self.in_step = False
        self.ssl2 = False
        self.told = True
        self.head = b""
        self._reset()

    # -- the end of a record ---------------------------------------------------------------------------

    def _complete(self, chunk: Chunk, at: i64, out: list[Found]) -> None:
        """The record in hand ends at data[at] of the chunk."""
        if self.count and self.type == APPLICATION_DATA and not self.kept:
            run = self.run
            if not run.records:
                run.begin = self.now
            run.records += 1
            run.octets += self.length
            run.largest = max(run.largest, self.length)
            run.end = self.now
            run.last = chunk.released_by
            if len(run.frames) < MAX_FRAMES and (not run.frames or run.frames[-1] != run.last):
                run.frames.append(run.last)
            self._reset()
            return
        start: i64 = -1
        end: i64 = -1
        if chunk.offset >= 0 and chunk.released_by == chunk.frame:
            end = chunk.offset + at
            start = max(end - self.length - HEADER, i64(chunk.offset))
        self._finish(chunk.released_by, self.now, int(start), int(end), out)

    def _finish(self, frame: int, time: int, start: int, end: int, out: list[Found]) -> None:
        run = self.end() if self.type != APPLICATION_DATA else None
        if run is not None:
            out.append(run)
        fragment = b"".join(self.parts) if len(self.parts) != 1 else self.parts[0]
        out.append(TlsRecord(
            int(self.type), int(self.version), int(self.length), fragment, named(self.frames, frame), frame, time,
            start, end, int(self.cut),
        ))
        self._reset()

    def _reset(self) -> None:
        self.open = False
        self.rest = 0
        self.cut = 0
        if self.parts:
            self.parts = []
        if self.frames:
            self.frames = []


def is_record_start(data: bytes, at: i64) -> bool:
    """Whether what follows an SSL 2.0 hello is framed as SSL 3.0 and later do."""
    return 20 <= i64(data[at]) <= 24 and len(data) - at > 1 and data[at + 1] == 3
