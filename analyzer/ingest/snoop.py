"""snoop, the format of Solaris' packet monitor (RFC 1761)."""
from __future__ import annotations

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from analyzer.ingest.records import LARGEST_FRAME, RecordSource
from analyzer.ingest.source import CaptureError, Interface, Source
from analyzer.ingest.streams import Stream

MAGIC: Final = b"snoop\x00\x00\x00"   # RFC 1761 §3
FILE_HEADER: Final = 16
RECORD_HEADER: Final = 24             # RFC 1761 §4

# RFC 1761 §3 data link type -> LINKTYPE_ value, where there is one with the same bytes;
# 18 is Solaris' own, ATM with the pseudo-header of LINKTYPE_SUNATM.
LINKS: Final[dict[int, int]] = {0: 1, 2: 6, 4: 1, 8: 10, 18: 123}
# A record's length holds the frame and its padding, which has no stated limit.
LARGEST_RECORD: Final = RECORD_HEADER + 2 * LARGEST_FRAME


class SnoopSource(RecordSource):
    """A snoop file. Raises CaptureError where the file's header is not usable."""

    def __init__(self, name: str, stream: Stream, head: bytes) -> None:
        super().__init__(name, stream, head)
        if not self.fill(FILE_HEADER):
            raise CaptureError(f"{name}: the snoop file ends in its header, after {self.limit} bytes")
        version = int.from_bytes(self.data[8:12], "big")
        if version != 2:
            raise CaptureError(f"{name}: snoop version {version} is not supported, only version 2")
        datalink = int.from_bytes(self.data[12:16], "big")
        if datalink not in LINKS:
            raise CaptureError(f"{name}: the snoop data link type {datalink} is not supported")
        self.link = LINKS[datalink]
        self.interfaces.append(Interface(LINKS[datalink], 0))
        self.cursor = FILE_HEADER

    def next(self) -> bool:
        if self.ended:
            return False
        if not self.fill(RECORD_HEADER):
            return self.cut_short("a record's header")
        at = self.cursor
        data = self.data
        length = i64(read_i32_be(data, at)) & 0xFFFFFFFF
        captured = i64(read_i32_be(data, at + 4)) & 0xFFFFFFFF
        record = i64(read_i32_be(data, at + 8)) & 0xFFFFFFFF
        drops = i64(read_i32_be(data, at + 12)) & 0xFFFFFFFF
        seconds = i64(read_i32_be(data, at + 16)) & 0xFFFFFFFF
        fraction = i64(read_i32_be(data, at + 20)) & 0xFFFFFFFF
        if captured > LARGEST_FRAME:
            return self.stop(at, f"a record claims {captured} captured bytes, more than {LARGEST_FRAME}")
        if record < RECORD_HEADER + captured or record > LARGEST_RECORD:
            return self.stop(at, f"a record of {record} bytes claims to hold {captured} captured bytes")
        if not self.fill(record):
            return self.cut_short(f"a frame of {captured} captured bytes")
        at = self.cursor
        self.start = at + RECORD_HEADER
        self.end = self.start + captured
        self.cursor = at + record
        self.time = seconds * 1_000_000_000 + fraction * 1_000
        self.length = length
        self.number += 1
        self.interfaces[0].dropped = int(drops)   # so far, RFC 1761 §4
        return True

    def reopen(self) -> Source:
        return SnoopSource(self.name, self.stream.reopen(), b"")
