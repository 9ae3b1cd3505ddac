"""The blocks and options of pcapng (draft-ietf-opsawg-pcapng): their numbers, and what reads them off the fast path."""
from __future__ import annotations

from typing import Final

from librt.strings import read_i32_be, read_i32_le
from mypy_extensions import i64

from analyzer.ingest.records import largest_frame
from analyzer.ingest.source import MAX_TIME

# Block types.
SECTION: Final = 0x0A0D0D0A
INTERFACE: Final = 1
PACKET: Final = 2               # obsolete
SIMPLE: Final = 3
NAMES: Final = 4
STATISTICS: Final = 5
ENHANCED: Final = 6
SECRETS: Final = 10
CUSTOM: Final = 0x00000BAD
CUSTOM_LOCAL: Final = 0x40000BAD

BLOCK_NAMES: Final[dict[int, str]] = {
    7: "IRIG timestamp block", 8: "ARINC 429 block", 9: "systemd journal export block",
    0x101: "Hone machine info block", 0x102: "Hone connection event block",
    0x201: "Sysdig machine info block", 0x202: "Sysdig process list block", 0x203: "Sysdig file descriptor block",
    0x204: "Sysdig event block", 0x205: "Sysdig interface list block", 0x206: "Sysdig user list block",
    0x216: "Sysdig event block", 0x221: "Sysdig event block",
}
# No packets, but Wireshark lists each as a frame, so they take a number here too.
NUMBERED: Final = (9, CUSTOM, CUSTOM_LOCAL, 0x204, 0x216, 0x221)

BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
# The fewest bytes that a block of each type can have, its own frame of 12 included.
SMALLEST: Final[dict[int, int]] = {
    SECTION: 28, INTERFACE: 20, PACKET: 32, SIMPLE: 16, STATISTICS: 24, ENHANCED: 32, SECRETS: 20,
}

# Option codes: of every block, of a section, of an interface, of interface statistics.
OPT_COMMENT: Final = 1
SHB_OS: Final = 3
IF_NAME: Final = 2
IF_DESCRIPTION: Final = 3
IF_TSRESOL: Final = 9
IF_FILTER: Final = 11
IF_OS: Final = 12
IF_FCSLEN: Final = 13
IF_TSOFFSET: Final = 14
IF_HARDWARE: Final = 15
ISB_IFRECV: Final = 4
ISB_IFDROP: Final = 5
ISB_OSDROP: Final = 7

NO_COMMENT: Final = 0
COMMENT: Final = 1
BROKEN: Final = 2

MAX_OPTIONS: Final = 10_000     # options of one block that are looked at


class Lane:
    """How the packets of one interface of the current section are read.

    index: into the source's `interfaces`.      resolution: time units a second.    offset: seconds to add.
    scale, base, high: time = units × scale + base in nanoseconds, where the upper 32 bits of the units are
    below `high`, so that it is neither negative nor beyond MAX_TIME; anything else goes the exact way.
    """

    def __init__(self, index: int, link: int, snaplen: int, resolution: int, offset: int) -> None:
        self.index: i64 = index
        self.link: i64 = link
        self.snaplen: i64 = snaplen
        self.largest: i64 = largest_frame(link)
        self.resolution = resolution
        self.offset = offset
        self.scale: i64 = 0
        self.base: i64 = 0
        self.high: i64 = 0
        if 1_000_000_000 % resolution == 0 and 0 <= offset < 1 << 32:
            scale = 1_000_000_000 // resolution
            base = offset * 1_000_000_000
            self.scale = scale
            self.base = base
            self.high = ((MAX_TIME - base) // scale) >> 32

    def exact(self, units: int) -> int:
        """Nanoseconds since 1970, of any size."""
        return units * 1_000_000_000 // self.resolution + self.offset * 1_000_000_000


def u16(data: bytes, at: i64, big: bool) -> i64:
    one = i64(data[at])
    two = i64(data[at + 1])
    return one << 8 | two if big else two << 8 | one


def u32(data: bytes, at: i64, big: bool) -> i64:
    return i64(read_i32_be(data, at) if big else read_i32_le(data, at)) & 0xFFFFFFFF


def number(value: bytes, big: bool, signed: bool = False) -> int:
    return int.from_bytes(value, "big" if big else "little", signed=signed)


class OptionWalk:
    """A walk over the options, or records, in data[at:end], without an object for each.

    `next()` moves to the next one: its code, and its value in data[start:stop]. Fewer than four bytes at the end are
    padding.
    whole: none claims more bytes than there are.     more: there are others behind the `most` that were walked over.
    """

    def __init__(self, data: bytes, at: i64, end: i64, big: bool, most: int = MAX_OPTIONS) -> None:
        self.data = data
        self.at: i64 = at
        self.end: i64 = end
        self.big: bool = big
        self.left: i64 = most
        self.code: i64 = 0
        self.start: i64 = 0
        self.stop: i64 = 0
        self.whole: bool = True
        self.more: bool = False

    def next(self) -> bool:
        at = self.at
        if self.end - at < 4:
            return False
        code = u16(self.data, at, self.big)
        size = u16(self.data, at + 2, self.big)
        at += 4
        if code == 0:           # opt_endofopt, nrb_record_end
            return self.over()
        if size > self.end - at:
            self.whole = False
            return self.over()
        if self.left == 0:
            self.more = True
            return self.over()
        self.left -= 1
        self.code = code
        self.start = at
        self.stop = at + size
        self.at = at + ((size + 3) & ~3)
        return True

    def over(self) -> bool:
        self.at = self.end
        return False

    def value(self) -> bytes:
        return self.data[self.start:self.stop]


def scan(data: bytes, at: i64, end: i64, big: bool) -> i64:
    """Whether these options hold a COMMENT, without making anything; BROKEN where one claims too many bytes.

    Options beyond the first MAX_OPTIONS count as a comment: whoever walks over them finds that there are more.
    """
    result: i64 = NO_COMMENT
    left: i64 = MAX_OPTIONS
    while end - at >= 4:
        code = u16(data, at, big)
        size = u16(data, at + 2, big)
        at += 4
        if code == 0:
            break
        if size > end - at:
            return BROKEN
        if left == 0:
            return COMMENT
        left -= 1
        if code == OPT_COMMENT:
            result = COMMENT
        at += (size + 3) & ~3
    return result


def resolution(value: bytes) -> int:
    """if_tsresol: units a second, a power of two where the highest bit is set, else of ten."""
    exponent = value[0] & 0x7F
    return 1 << exponent if value[0] & 0x80 else int(10 ** exponent)


def block_name(kind: int) -> str:
    return BLOCK_NAMES.get(kind, f"block of type {kind:#x}")
