"""One direction of a TLS connection, cut into records (RFC 8446 §5.1, RFC 5246 §6.2.1, RFC 6101 §5.2.1).

The fragment of an application-data record is not kept unless somebody is going to decrypt it: its octets are
counted past, and the records of one run are added up without an object for each.
"""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from dissectors.kit import framer as kit
from dissectors.kit.cited import Cited
from dissectors.kit.framer import ENDS, NEED, NONE, Framer
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

BROKEN: Final = "broken"   # octets where a record header was due are none
FOUND: Final = "found"     # records are in step again
PLAIN: Final = "plain"     # the stream does not begin with a record


class TlsRecord:
    """A record, or an SSL 2.0 message. fragment: b"" where it is not kept.

    length: as the header says. cut: octets of the fragment that the capture does not hold.
    start, end: its bytes in the last frame, or -1. number: of the frame that completed it.
    carrier, arrived: the frame that brought its end, and when, where all of it waited for an earlier segment; else the
    same as number and time.
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
        self.carrier = number
        self.arrived = time


class TlsRun:
    """Application-data records that follow one another without a word from the other side."""

    def __init__(self) -> None:
        self.records: i64 = 0
        self.octets: i64 = 0       # of fragments, as they were sent
        self.plain: i64 = -1       # of what was inside; -1 where they were not decrypted
        self.largest: i64 = 0
        self.last: i64 = 0         # octets of the last one
        self.begin: int = 0
        self.end: int = 0
        self.cited = Cited()       # the frames in which its records end

    def add(self, octets: i64, frame: int, time: int) -> None:
        """A record of so many octets."""
        if not self.records:
            self.begin = time
        self.records += 1
        self.octets += octets
        self.largest = max(self.largest, octets)
        self.last = octets
        self.end = time
        self.cited.add(frame)

    def merge(self, other: TlsRun) -> None:
        """Add a later run to this one."""
        if not self.records:
            self.begin = other.begin
            self.cited = other.cited
            self.plain = other.plain
        elif other.plain >= 0:
            self.plain = max(self.plain, 0) + other.plain
        self.records += other.records
        self.octets += other.octets
        self.largest = max(self.largest, other.largest)
        self.last = other.last
        self.end = other.end
        self.cited.last = other.cited.last


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


class RecordLayer(Framer):
    """One direction. What is held is at most one record.

    keep: fragments of application data are wanted, for decryption. count: they are not, and their records need not
    be told one by one.
    """

    def __init__(self, count: bool) -> None:
        super().__init__(False)
        self.keep: bool = False
        self.count: bool = count
        self.begun: bool = False     # the first octets were judged
        self.ssl2: bool = False      # messages are framed as SSL 2.0 does
        self.may_be_ssl2: bool = False   # the other side began like that, so this one may answer so
        self.type: i64 = 0           # of the record in hand
        self.version: i64 = 0
        self.last_version: i64 = 0   # of the last record that was in step
        self.first = b""             # octets with which the stream begins, where they are no record
        self.run: TlsRun = TlsRun()

    def passes(self, chunk: Chunk) -> bool:
        """Take a chunk that lies within a record whose fragment nobody wants; most of a download is that."""
        size: i64 = len(chunk.data)
        if size >= self.rest or self.most or not self.count:
            return False
        self.rest -= size
        self.carrier = chunk.frame
        self.now = max(self.now, chunk.time)
        return True

    def data(self, chunk: Chunk) -> list[Found]:
        """The records that this chunk completes, and runs that one of them ends."""
        out: list[Found] = []
        self.feed(chunk)
        while True:
            step = self.step()
            if self.first:
                out.append(Notice(PLAIN, self.frame, self.now, 0, 0, self.first))
                self.first = b""
            if step == kit.FRAME:
                self._completed(out)
            elif step == kit.BROKEN:
                out.append(Notice(BROKEN, self.frame, self.now, 0, 0, self.buffer[self.at:self.at + HEADER]))
            elif step == kit.FOUND:
                if self.passed or self.lost:
                    out.append(Notice(FOUND, self.frame, self.now, int(self.passed), int(self.lost), b""))
                self.passed = 0
                self.lost = 0
            else:
                return out

    def gap(self, gap: Gap) -> list[Found]:
        """Octets are missing. Within one record the next can be counted out; beyond it, step is lost."""
        out: list[Found] = []
        self.begun = True
        if self.open and gap.length > self.rest and gap.frame == self.carrier:
            self.miss(self.rest, gap.frame, gap.time)     # the capture holds only the beginning of that frame
            self.step()
            self._finish(out)
            self.miss(gap.length, gap.frame, gap.time)
        elif self.miss(gap.length, gap.frame, gap.time) == ENDS and self.step() == kit.FRAME:
            self._finish(out)
        self.ssl2 = self.ssl2 and self.in_step
        return out

    def add(self, record: TlsRecord, plain: i64) -> None:
        """Count a record that was told by itself to the run in hand. plain: -1 where it was not decrypted."""
        self.run.add(record.length, record.number, record.time)
        if plain >= 0:
            self.run.plain = max(self.run.plain, 0) + plain

    def end_run(self) -> TlsRun | None:
        """The run in hand is over, if there is one."""
        if not self.run.records:
            return None
        run = self.run
        self.run = TlsRun()
        return run

    def unfinished(self) -> i64:
        """Octets of a record whose end never came, its header among them."""
        if not self.in_step:
            return 0
        return self.seen() if self.open else len(self.buffer)

    # -- what the kit asks -----------------------------------------------------------------------------

    def header(self, data: bytes, at: i64) -> i64:
        left: i64 = len(data) - at
        if self.ssl2:
            if not is_record_start(data, at):
                return self._ssl2(data, at, left)
            self.ssl2 = False     # the hello was the only message framed so
        if left < HEADER:
            return NEED
        kind = i64(data[at])
        length = i64(data[at + 3]) << 8 | i64(data[at + 4])
        if not 20 <= kind <= 24 or data[at + 1] != 3 or length > LARGEST:
            return NONE
        self._is(kind, i64(data[at + 1]) << 8 | i64(data[at + 2]), length)
        return HEADER

    def _ssl2(self, data: bytes, at: i64, left: i64) -> i64:
        """Two octets of length, the highest bit set where there is no padding; else a third one that counts it."""
        if left < 3:
            return NEED
        self._is(SSL2, 2, (i64(data[at]) << 8 | i64(data[at + 1])) & 0x7FFF)
        return 2 if data[at] & 0x80 else 3

    def _is(self, kind: i64, version: i64, length: i64) -> None:
        self.type = kind
        self.version = version
        self.last_version = version
        self.length = length
        self.most = length if kind != APPLICATION_DATA or self.keep else 0

    def search(self, data: bytes, at: i64) -> i64:
        left: i64 = len(data) - at
        if not self.begun:
            if left < HEADER or (left < SSL2_HEADER and may_be_ssl2_hello(data, at)):
                return -1 - at
            self.begun = True
            if (left >= SSL2_HEADER and is_ssl2_hello(data, at)) or (self.may_be_ssl2 and is_ssl2_answer(data, at)):
                self.ssl2 = True
                return at
            if not is_record(data, at):
                self.first = data[at:at + HEADER]
        found = find_next(data, at, self.last_version)
        if found >= 0:
            return found
        return -1 - max(at, i64(len(data)) - (HEADER - 1))    # a header may begin in the last octets

    # -- the end of a record ---------------------------------------------------------------------------

    def _completed(self, out: list[Found]) -> None:
        if self.count and self.type == APPLICATION_DATA and not self.most:
            self.run.add(self.length, self.frame, self.now)
        else:
            self._finish(out)

    def _finish(self, out: list[Found]) -> None:
        run = self.end_run() if self.type != APPLICATION_DATA else None
        if run is not None:
            out.append(run)
        record = TlsRecord(
            int(self.type), int(self.version), int(self.length), self.payload, self.frames(), self.frame, self.now,
            self.start, self.end, int(self.cut),
        )
        if self.waited:
            record.carrier = self.carrier
            record.arrived = self.arrived
        out.append(record)


def is_record_start(data: bytes, at: i64) -> bool:
    """Whether what follows an SSL 2.0 hello is framed as SSL 3.0 and later do."""
    return 20 <= i64(data[at]) <= 24 and len(data) - at > 1 and data[at + 1] == 3
