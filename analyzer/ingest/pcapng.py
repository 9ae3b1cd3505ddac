"""pcapng, the format of Wireshark (draft-ietf-opsawg-pcapng).

What a damaged file costs: where a block's length or trailer lies, or a packet's own fields do, nothing after
it can be trusted and reading ends there, as in Wireshark. Where the block is framed right and only comments,
names, statistics or secrets in it are broken, those are lost, which is told, and reading goes on.
"""
from __future__ import annotations

from typing import Final

from librt.strings import read_i32_be, read_i32_le
from mypy_extensions import i64

from analyzer.ingest import pcapng_blocks as ng
from analyzer.ingest.pcapng_blocks import Lane, u16, u32
from analyzer.ingest.records import LARGE_FRAME, LARGEST_FRAME, MAX_HELD, RecordSource
from analyzer.ingest.source import (
    MAX_INTERFACE_TEXT,
    MAX_INTERFACES,
    MAX_NAME_BYTES,
    MAX_NAMES,
    MAX_SECRET_BYTES,
    MAX_SECRETS_BLOCKS,
    MAX_TIME,
    CaptureError,
    Interface,
    Secrets,
    Source,
)
from analyzer.ingest.streams import Stream

MAGIC: Final = b"\x0a\x0d\x0d\x0a"

# A longer block is no block, as Wireshark has it.
LARGEST_BLOCK: Final = (128 << 20) + (128 << 10)
# The largest block that is held in memory.
HELD_BLOCK: Final = MAX_HELD
MAX_RECORDS: Final = MAX_NAMES      # records of one name resolution block that are looked at

MORE_OPTIONS: Final = f"options beyond {ng.MAX_OPTIONS} of one block"
MORE_RECORDS: Final = f"names beyond {MAX_RECORDS} of one block"
MORE_NAMES: Final = f"names beyond {MAX_NAMES} or {MAX_NAME_BYTES >> 20} MiB"
MORE_TEXTS: Final = f"descriptions of interfaces beyond {MAX_INTERFACE_TEXT >> 20} MiB"
MORE_SECRETS: Final = f"secrets blocks beyond {MAX_SECRETS_BLOCKS} or {MAX_SECRET_BYTES >> 20} MiB"
PACKETS: Final = (ng.ENHANCED, ng.PACKET, ng.SIMPLE)

# What became of a block that is no enhanced packet block.
ENDED: Final = 0
READ: Final = 1
FRAME: Final = 2


class PcapngSource(RecordSource):
    """A pcapng file. `head` is what was read already. Raises CaptureError where its first section is not usable.

    lanes: the interfaces of the current section, by the number that its packets use.
    large: frames of the section may be larger than what is held; such a frame is passed over.
    """

    def __init__(self, name: str, stream: Stream, head: bytes) -> None:
        super().__init__(name, stream, head)
        self.big: bool = False
        self.lanes: list[Lane] = []
        self.lane = Lane(0, 0, 0, 1_000_000, 0)
        self.current: i64 = -1
        self.large: bool = False
        self.system = ""
        self.time_told: bool = False
        if not self.section():
            raise CaptureError(f"{name}: {self.damage[0].reason if self.damage else 'the file ends early'}")

    def next(self) -> bool:
        while True:
            if self.limit - self.cursor < 12 and not self.header_read():
                return False
            at = self.cursor
            if self.big:
                kind = i64(read_i32_be(self.data, at))
                total = i64(read_i32_be(self.data, at + 4)) & 0xFFFFFFFF
            else:
                kind = i64(read_i32_le(self.data, at))
                total = i64(read_i32_le(self.data, at + 4)) & 0xFFFFFFFF
            if kind == ng.ENHANCED and 32 <= total <= HELD_BLOCK:
                whole = (total + 3) & ~3
                if self.limit - at < whole:
                    if not self.fill(whole):
                        return self.cut_short("a packet block")
                    at = self.cursor
                return self.packet(at, total, whole, u32(self.data, at + 8, self.big))
            outcome = self.block(kind & 0xFFFFFFFF, total)
            if outcome != READ:
                return outcome == FRAME

    def header_read(self) -> bool:
        """Whether the start of a block stands at the cursor."""
        if self.ended:
            return False
        return self.fill(12) or self.cut_short("a block's header")

    def packet(self, at: i64, total: i64, whole: i64, interface: i64) -> bool:
        """An enhanced packet block; an obsolete packet block has its fields at the same places."""
        data = self.data
        if self.big:
            trailer = i64(read_i32_be(data, at + whole - 4))
            high = i64(read_i32_be(data, at + 12))
            low = i64(read_i32_be(data, at + 16))
            captured = i64(read_i32_be(data, at + 20))
            length = i64(read_i32_be(data, at + 24))
        else:
            trailer = i64(read_i32_le(data, at + whole - 4))
            high = i64(read_i32_le(data, at + 12))
            low = i64(read_i32_le(data, at + 16))
            captured = i64(read_i32_le(data, at + 20))
            length = i64(read_i32_le(data, at + 24))
        captured &= 0xFFFFFFFF
        high &= 0xFFFFFFFF
        if trailer & 0xFFFFFFFF != total:
            return self.wrong_trailer(at, total, trailer)
        if interface != self.current and not self.choose(at, interface):
            return False
        lane = self.lane
        if captured > lane.largest:
            return self.stop(at, f"a packet block claims {captured} captured bytes, more than {lane.largest}")
        if captured > total - 32:
            return self.stop(at, f"a packet block of {total} bytes claims to hold {captured} captured bytes")
        if high < lane.high:
            self.time = (high << 32 | low & 0xFFFFFFFF) * lane.scale + lane.base
        else:
            self.time = self.exact_time(at, int(high), int(low & 0xFFFFFFFF))
        self.start = at + 28
        self.end = at + 28 + captured
        self.length = length & 0xFFFFFFFF
        self.cursor = at + whole
        self.number += 1
        rest = at + 28 + ((captured + 3) & ~3)
        if at + whole - 4 - rest >= 4:
            self.packet_options(rest, at + whole - 4)
        return True

    def packet_options(self, at: i64, end: i64) -> None:
        found = ng.scan(self.data, at, end, self.big)
        if found != ng.NO_COMMENT:
            options = ng.OptionWalk(self.data, at, end, self.big)
            while options.next():
                if options.code == ng.OPT_COMMENT:
                    self.remark(self.number, options.start, options.stop)
            self.walked(options, at, "the options of a packet block")

    def choose(self, at: i64, interface: i64) -> bool:
        """Make this interface of the section the current one."""
        if interface >= len(self.lanes):
            return self.stop(
                at, f"a packet block names interface {interface}, but its section has {len(self.lanes)}"
            )
        self.lane = self.lanes[interface]
        self.current = interface
        self.link = self.lane.link
        self.interface = self.lane.index
        return True

    def exact_time(self, at: i64, high: int, low: int) -> int:
        """Times that machine integers do not hold half way; -1 for those that no frame may have."""
        time = self.lane.exact(high << 32 | low)
        if 0 <= time <= MAX_TIME:
            return time
        if not self.time_told:
            self.time_told = True
            self.complain(
                self.offset + at, "a time stamp lies outside of the years 1970 to 2116; frames like this have no time"
            )
        return -1

    def block(self, kind: i64, total: i64) -> i64:
        """Any block but an enhanced packet block: ENDED, READ or FRAME."""
        at = self.cursor
        if kind == ng.SECTION:
            return READ if self.section() else ENDED
        if total < ng.SMALLEST.get(int(kind), 12):
            self.stop(at, f"a block of type {int(kind):#x} claims a length of {total} bytes, less than it needs")
            return ENDED
        needed = kind == ng.INTERFACE or (kind in PACKETS and not self.large)
        if total > LARGEST_BLOCK or (needed and total > HELD_BLOCK):
            self.stop(at, f"a block of type {int(kind):#x} claims a length of {total} bytes")
            return ENDED
        whole = (total + 3) & ~3    # some writers leave the padding out of the length, and write it
        if total > HELD_BLOCK:
            return self.pass_over(kind, total, whole)
        if not self.fill(whole):
            self.cut_short(f"a block of {total} bytes")
            return ENDED
        at = self.cursor
        trailer = u32(self.data, at + whole - 4, self.big)
        if trailer != total:
            self.wrong_trailer(at, total, trailer)
            return ENDED
        if kind == ng.PACKET:
            return FRAME if self.packet(at, total, whole, u16(self.data, at + 8, self.big)) else ENDED
        if kind == ng.SIMPLE:
            return FRAME if self.simple(at, total, whole) else ENDED
        self.cursor = at + whole
        return self.metadata(int(kind), at + 8, at + whole - 4)

    def pass_over(self, kind: i64, total: i64, whole: i64) -> i64:
        """A block too large to hold, and none that we need."""
        packet = kind in PACKETS
        self.count(LARGE_FRAME if packet else f"{ng.block_name(int(kind))} beyond {HELD_BLOCK} bytes")
        if not self.skip(whole - 4) or not self.fill(4):
            if self.stream.growing:
                self.stop(self.cursor, f"a block of {total} bytes, more than is waited for")
            else:
                self.cut_short(f"a block of {total} bytes")
            return ENDED
        trailer = u32(self.data, self.cursor, self.big)
        if trailer != total:
            self.wrong_trailer(self.cursor, total, trailer)
            return ENDED
        self.cursor += 4
        if packet or int(kind) in ng.NUMBERED:
            self.number += 1
        return READ

    def wrong_trailer(self, at: i64, total: i64, trailer: i64) -> bool:
        return self.stop(at, f"a block's length is {total} bytes at its start and {trailer & 0xFFFFFFFF} at its end")

    def simple(self, at: i64, total: i64, whole: i64) -> bool:
        """A simple packet block: of the section's first interface, and without a time."""
        if self.current != 0 and not self.choose(at, 0):
            return False
        lane = self.lane
        length = u32(self.data, at + 8, self.big)
        captured = min(length, lane.snaplen) if lane.snaplen else length
        if captured > total - 16 or captured > lane.largest:
            return self.stop(at, f"a simple packet block of {total} bytes claims a packet of {length} bytes")
        self.time = -1
        self.start = at + 12
        self.end = at + 12 + captured
        self.length = length
        self.cursor = at + whole
        self.number += 1
        return True

    def section(self) -> bool:
        """A section header block at the cursor: the byte order and the interfaces begin anew."""
        if not self.fill(28):
            return self.cut_short("a section header")
        at = self.cursor
        if u32(self.data, at + 8, False) == ng.BYTE_ORDER_MAGIC:
            self.big = False
        elif u32(self.data, at + 8, True) == ng.BYTE_ORDER_MAGIC:
            self.big = True
        else:
            return self.stop(at, "a pcapng section header without its byte-order magic")
        total = u32(self.data, at + 4, self.big)
        major = u16(self.data, at + 12, self.big)
        minor = u16(self.data, at + 14, self.big)
        if major != 1:
            return self.stop(at, f"a section of pcapng version {major}.{minor}, which is not supported")
        if total < 28 or total > HELD_BLOCK:
            return self.stop(at, f"a section header claims a length of {total} bytes")
        whole = (total + 3) & ~3
        if not self.fill(whole):
            return self.cut_short("a section header")
        at = self.cursor
        trailer = u32(self.data, at + whole - 4, self.big)
        if trailer != total:
            return self.wrong_trailer(at, total, trailer)
        self.lanes = []
        self.current = -1
        self.large = False
        self.system = ""
        options = ng.OptionWalk(self.data, at + 24, at + whole - 4, self.big)
        while options.next():
            if options.code == ng.OPT_COMMENT:
                self.remark(0, options.start, options.stop)
            elif options.code == ng.SHB_OS:
                self.system = self.text(options.start, options.stop)
        self.walked(options, at + 24, "the options of a section header")
        self.cursor = at + whole
        return True

    def metadata(self, kind: int, at: i64, end: i64) -> i64:
        """The body of a block that holds no packet."""
        if kind == ng.INTERFACE:
            return READ if self.interface_description(at, end) else ENDED
        if kind == ng.STATISTICS:
            self.statistics(at, end)
        elif kind == ng.NAMES:
            self.name_resolution(at, end)
        elif kind == ng.SECRETS:
            self.decryption_secrets(at, end)
        else:
            if kind in ng.NUMBERED:
                self.number += 1
            if kind in (ng.CUSTOM, ng.CUSTOM_LOCAL):
                maker = f" of enterprise {u32(self.data, at, self.big)}" if end - at >= 4 else ""
                self.count("custom block" + maker)
            else:
                self.count(ng.block_name(kind))
        return READ

    def walked(self, options: ng.OptionWalk, at: i64, what: str) -> None:
        """Say what a walk over options did not reach."""
        if not options.whole:
            self.complain(self.offset + at, f"{what} are broken; the rest of them is passed over")
        if options.more:
            self.count(MORE_OPTIONS)

    def text(self, start: i64, stop: i64) -> str:
        """A text that describes interfaces; "" where there is no room for it."""
        if self.rooms.texts.take(stop - start):
            return self.data[start:stop].decode("utf-8", "replace")
        self.count(MORE_TEXTS)
        return ""

    def interface_description(self, at: i64, end: i64) -> bool:
        """Broken options end the reading: without if_tsresol, the times of the packets would be guesses."""
        if not self.rooms.interfaces.take(0):
            return self.stop(at, f"more than {MAX_INTERFACES} interfaces")
        link = int(u16(self.data, at, self.big))
        interface = Interface(link, int(u32(self.data, at + 4, self.big)))
        interface.system = self.system
        offset = 0
        options = ng.OptionWalk(self.data, at + 8, end, self.big)
        while options.next():
            code = options.code
            size = options.stop - options.start
            if code == ng.OPT_COMMENT:
                self.remark(0, options.start, options.stop)
            elif code == ng.IF_TSRESOL and size == 1:
                interface.resolution = ng.resolution(options.value())
            elif code == ng.IF_TSOFFSET and size == 8:
                offset = ng.number(options.value(), self.big, signed=True)
            elif code in (ng.IF_TSRESOL, ng.IF_TSOFFSET):
                self.complain(self.offset + at, f"an interface option for time stamps has {size} bytes; ignored")
            else:
                self.describe(interface, code, options.start, options.stop)
        if not options.whole:
            return self.stop(at + 8, "the options of an interface description are broken")
        if options.more:
            return self.stop(at + 8, f"an interface description of more than {ng.MAX_OPTIONS} options")
        lane = Lane(len(self.interfaces), link, interface.snaplen, interface.resolution, offset)
        self.lanes.append(lane)
        self.interfaces.append(interface)
        self.large = self.large or lane.largest > LARGEST_FRAME
        return True

    def describe(self, interface: Interface, code: i64, start: i64, stop: i64) -> None:
        """The options that describe an interface without changing how its packets are read."""
        if code == ng.IF_FCSLEN:
            if stop - start == 1:   # the draft counts bits, and gives 4 as the example, which can only be bytes
                fcs = int(self.data[start])
                interface.fcs = fcs if fcs <= 8 else fcs // 8
        elif code == ng.IF_FILTER:
            if stop > start and self.data[start] == 0:      # a filter string; other kinds are programs
                interface.filter = self.text(start + 1, stop)
        elif code == ng.IF_NAME:
            interface.name = self.text(start, stop)
        elif code == ng.IF_DESCRIPTION:
            interface.description = self.text(start, stop)
        elif code == ng.IF_OS:
            interface.system = self.text(start, stop)
        elif code == ng.IF_HARDWARE:
            interface.hardware = self.text(start, stop)

    def statistics(self, at: i64, end: i64) -> None:
        interface = u32(self.data, at, self.big)
        if interface >= len(self.lanes):
            self.complain(self.offset + at, f"interface statistics for interface {interface}, which its section lacks")
            return
        counted = self.interfaces[self.lanes[interface].index]
        dropped = -1     # by the interface, and behind it by the system
        options = ng.OptionWalk(self.data, at + 12, end, self.big)
        while options.next():
            if options.code == ng.OPT_COMMENT:
                self.remark(0, options.start, options.stop)
            elif options.stop - options.start == 8:
                if options.code == ng.ISB_IFRECV:
                    counted.received = ng.number(options.value(), self.big)
                elif options.code in (ng.ISB_IFDROP, ng.ISB_OSDROP):
                    dropped = max(dropped, 0) + ng.number(options.value(), self.big)
        self.walked(options, at + 12, "the options of interface statistics")
        if dropped >= 0:
            counted.dropped = dropped

    def name_resolution(self, at: i64, end: i64) -> None:
        """Of each record, its address and the first of its names; of several records for one address, the first."""
        records = ng.OptionWalk(self.data, at, end, self.big, MAX_RECORDS)
        while records.next():
            width: i64 = 4 if records.code == 1 else 16 if records.code == 2 else 0   # nrb_record_ipv4, nrb_record_ipv6
            if width and records.stop - records.start > width:
                value = records.value()
                name, _rest, _others = value[width:].partition(b"\x00")
                if name:
                    self.name_address(value[:width], name)
        if not records.whole:
            self.complain(self.offset + at, "a name resolution block is broken; the rest of it is passed over")
        if records.more:
            self.count(MORE_RECORDS)

    def name_address(self, address: bytes, name: bytes) -> None:
        if address in self.names:
            return
        if self.rooms.names.take(len(name)):
            self.names[address] = name.decode("utf-8", "replace")
        else:
            self.count(MORE_NAMES)

    def decryption_secrets(self, at: i64, end: i64) -> None:
        kind = u32(self.data, at, self.big)
        size = u32(self.data, at + 4, self.big)
        if size > end - at - 8:
            self.complain(self.offset + at, f"a secrets block claims {size} bytes and has {end - at - 8}; passed over")
            return
        if self.rooms.secrets.take(size):
            self.secrets.append(Secrets(int(kind), self.data[at + 8:at + 8 + size]))
        else:
            self.count(MORE_SECRETS)

    def reopen(self) -> Source:
        return PcapngSource(self.name, self.stream.reopen(), b"")
