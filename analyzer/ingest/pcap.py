"""pcap, the format of tcpdump (pcap-savefile(5), draft-ietf-opsawg-pcap), in all its common variants."""
from __future__ import annotations

from typing import Final

from librt.strings import read_i32_be, read_i32_le
from mypy_extensions import i64

from analyzer.ingest.records import LARGE_FRAME, MAX_HELD, RecordSource, largest_frame
from analyzer.ingest.source import CaptureError, Interface, Source
from analyzer.ingest.streams import Stream

MICROSECONDS: Final = 0xA1B2C3D4
NANOSECONDS: Final = 0xA1B23C4D
MODIFIED: Final = 0xA1B2CD34        # Kuznetzov's patch: eight more bytes in each record's header
IXIA_NANOSECONDS: Final = 0x1C0001AC   # "lcap" of Ixia hardware; Wireshark 4.0 still took its times for microseconds
IXIA_MICROSECONDS: Final = 0x1C0001AB
MAGICS: Final = (MICROSECONDS, NANOSECONDS, MODIFIED, IXIA_NANOSECONDS, IXIA_MICROSECONDS)

FILE_HEADER: Final = 24
RECORD_HEADER: Final = 16
MODIFIED_RECORD_HEADER: Final = 24

# The upper half of the link type field: FCS length in 16-bit units, R, P (FCS length present), reserved.
FCS_PRESENT: Final = 0x04000000
RESERVED: Final = 0x0BFF0000

# In which order the two lengths of a record stand.
CAPTURED_FIRST: Final = 0
CAPTURED_LAST: Final = 1
CAPTURED_SMALLER: Final = 2


def is_pcap(head: bytes) -> bool:
    return int.from_bytes(head[:4], "little") in MAGICS or int.from_bytes(head[:4], "big") in MAGICS


class PcapSource(RecordSource):
    """A pcap file. `head` is what was read already. Raises CaptureError where the file's header is not usable."""

    def __init__(self, name: str, stream: Stream, head: bytes) -> None:
        super().__init__(name, stream, head)
        if not self.fill(FILE_HEADER):
            raise CaptureError(f"{name}: the pcap file ends in its header, after {self.limit} bytes")
        self.big: bool = int.from_bytes(self.data[:4], "big") in MAGICS
        order = "big" if self.big else "little"
        magic = self.field(0, 4)
        major = self.field(4, 2)
        minor = self.field(6, 2)
        if major < 2:
            raise CaptureError(f"{name}: pcap version {major}.{minor} is not supported ({order}-endian header)")
        nano = magic in (NANOSECONDS, IXIA_NANOSECONDS)
        self.fraction: i64 = 1 if nano else 1_000
        self.header: i64 = MODIFIED_RECORD_HEADER if magic == MODIFIED else RECORD_HEADER
        self.order: i64 = length_order(major, minor)
        network = self.field(20, 4)
        self.link = network & 0xFFFF
        self.largest: i64 = largest_frame(network & 0xFFFF)
        self.held: i64 = min(self.largest, MAX_HELD)
        interface = Interface(network & 0xFFFF, self.field(16, 4), 1_000_000_000 if nano else 1_000_000)
        if network & FCS_PRESENT:
            interface.fcs = (network >> 28) * 2
        self.interfaces.append(interface)
        if network & RESERVED:
            self.complain(20, f"reserved bits of the link type are set ({network:#010x}); they are ignored")
        self.cursor = FILE_HEADER
        if magic in (IXIA_NANOSECONDS, IXIA_MICROSECONDS):
            self.cursor += 4 if self.fill(FILE_HEADER + 4) else 0   # the size of all records

    def field(self, at: int, width: int) -> int:
        return int.from_bytes(self.data[at:at + width], "big" if self.big else "little")

    def next(self) -> bool:
        while True:
            at = self.cursor
            start = at + self.header
            if start > self.limit:
                if not self.header_read():
                    return False
                at = self.cursor
                start = at + self.header
            data = self.data
            if self.big:
                seconds = i64(read_i32_be(data, at))
                fraction = i64(read_i32_be(data, at + 4))
                captured = i64(read_i32_be(data, at + 8))
                length = i64(read_i32_be(data, at + 12))
            else:
                seconds = i64(read_i32_le(data, at))
                fraction = i64(read_i32_le(data, at + 4))
                captured = i64(read_i32_le(data, at + 8))
                length = i64(read_i32_le(data, at + 12))
            captured &= 0xFFFFFFFF
            length &= 0xFFFFFFFF
            if self.order != CAPTURED_FIRST and (self.order == CAPTURED_LAST or captured > length):
                captured, length = length, captured
            if captured > self.held:
                if self.pass_over(at, captured):
                    continue
                return False
            if start + captured > self.limit:
                if not self.fill(self.header + captured):
                    return self.cut_short(f"a frame of {captured} captured bytes")
                start = self.header
            self.start = start
            self.end = start + captured
            self.cursor = start + captured
            self.time = (seconds & 0xFFFFFFFF) * 1_000_000_000 + (fraction & 0xFFFFFFFF) * self.fraction
            self.length = length
            self.number += 1
            return True

    def pass_over(self, at: i64, captured: i64) -> bool:
        """A frame too large to hold, which takes its number; False where nothing after it can be read."""
        if captured > self.largest:
            return self.stop(at, f"a record claims {captured} captured bytes, more than {self.largest}")
        if not self.skip(self.header + captured):
            if self.stream.growing:
                return self.stop(self.cursor, f"a frame of {captured} captured bytes, more than is waited for")
            return self.cut_short(f"a frame of {captured} captured bytes")
        self.number += 1
        self.count(LARGE_FRAME)
        return True

    def header_read(self) -> bool:
        """Whether a whole record header stands at the cursor."""
        if self.ended:
            return False
        return self.fill(self.header) or self.cut_short("a record's header")

    def seek(self, place: int, number: int) -> bool:
        if self.file is None or self.ended:
            return False
        self.data = b""
        self.cursor = 0
        self.limit = 0
        self.offset = place - self.header
        self.base = self.offset
        self.stream.position = self.offset
        self.number = number - 1
        return True

    def reopen(self) -> Source:
        return PcapSource(self.name, self.stream.reopen(), b"")


def length_order(major: int, minor: int) -> int:
    """Version 2.3 put the captured length first, but some of its writers did not; DG/UX wrote 543.0 the old way."""
    if major == 543 or (major == 2 and minor < 3):
        return CAPTURED_LAST
    return CAPTURED_SMALLER if major == 2 and minor == 3 else CAPTURED_FIRST
