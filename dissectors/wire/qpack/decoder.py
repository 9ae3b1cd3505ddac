"""Field sections into fields, with the dynamic table that one side's encoder stream builds up (RFC 9204).

An observer may have missed instructions of that stream. The table is then not known any more, and neither is what
refers to it; static and literal fields still are. A section that needs insertions which have not come yet is blocked,
as it is for the receiver.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import TooShort, WireError
from dissectors.wire.hpack.decoder import (
    ADDED,
    ENTRY_OVERHEAD,
    INDEXED,
    MAX_FIELDS,
    MAX_INTEGER,
    MAX_LIST_OCTETS,
    NEVER,
    PLAIN,
    TEXT_OVERHEAD,
    UNKNOWN,
    Block,
    Field,
)
from dissectors.wire.hpack.huffman import decode as huffman
from dissectors.wire.qpack.static import STATIC

MAX_TABLE_OCTETS: Final[i64] = 1 << 18       # of a dynamic table that are kept, whatever size it may have
MAX_INSTRUCTION: Final[i64] = 1 << 15        # octets of an instruction that is not whole yet

_UNSEEN: Final = Field(UNKNOWN, UNKNOWN, False, False, INDEXED)
_STATIC_FIELDS: Final = [Field(name, value, True, True, INDEXED) for name, value in STATIC]


class Octets:
    """Goes over octets that hold the primitives of HPACK with prefixes of any size (RFC 9204 §4.1)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at: i64 = 0
        self.readable = True       # the string in hand is a Huffman code, where it says so

    def integer(self, bits: i64) -> i64:
        """An integer whose prefix of so many bits is in the octet at `at`. Raises TooShort or WireError."""
        data, at = self.data, self.at
        size: i64 = len(data)
        if at >= size:
            raise TooShort(int(at), "an integer is missing")
        full: i64 = (1 << bits) - 1
        value = i64(data[at]) & full
        at += 1
        if value == full:
            shift: i64 = 0
            while True:
                if at >= size:
                    raise TooShort(int(at), "an integer is not whole")
                octet = i64(data[at])
                at += 1
                value += (octet & 0x7F) << shift
                if not octet & 0x80:
                    break
                shift += 7
                if value > MAX_INTEGER or shift > 35:
                    raise WireError(int(self.at), "an integer beyond 32 bits")
        self.at = at
        return value

    def string(self, bits: i64) -> bytes:
        """A string whose length has a prefix of so many bits, with the bit for Huffman in front of it."""
        at = self.at
        if at >= len(self.data):
            raise TooShort(int(at), "a string is missing")
        coded = i64(self.data[at]) >> bits & 1
        length = self.integer(bits)
        begin = self.at
        end = begin + length
        if end > len(self.data):
            raise TooShort(int(begin), f"a string of {length} octets where {len(self.data) - begin} are left")
        self.at = end
        self.readable = True
        if not coded:
            return self.data[begin:end]
        text = huffman(self.data, begin, end)
        if text is None:
            self.readable = False
            return UNKNOWN
        return text


class QpackTable:
    """What one side's encoder has put into the table of the other. inserts: counted from the beginning.

    limit: SETTINGS_QPACK_MAX_TABLE_CAPACITY of the other side, -1 while it is not known.     known: no instruction was
    missed.     problem: why the encoder stream cannot be read any further.
    """

    def __init__(self, known: bool) -> None:
        self.known = known
        self.limit: i64 = -1
        self.capacity: i64 = 0
        self.size: i64 = 0
        self.inserts: i64 = 0
        self.entries: list[Field] = []      # oldest first, the last of all inserts
        self.buffer = b""
        self.problem = ""

    def lose(self) -> None:
        """Instructions were missed."""
        self.known = False
        self.entries = []
        self.size = 0
        self.buffer = b""

    def feed(self, data: bytes) -> None:
        """The next octets of the encoder stream (RFC 9204 §4.3)."""
        if self.problem or not self.known:
            return
        octets = Octets(self.buffer + data)
        done: i64 = 0
        try:
            while octets.at < len(octets.data):
                done = octets.at
                self._instruction(octets)
            done = octets.at
        except TooShort:
            pass
        except WireError as error:
            self.problem = error.reason
            self.lose()
            return
        self.buffer = octets.data[done:]
        if len(self.buffer) > MAX_INSTRUCTION:
            self.problem = f"an instruction of more than {MAX_INSTRUCTION} octets"
            self.lose()

    def _instruction(self, octets: Octets) -> None:
        first = i64(octets.data[octets.at])
        if first & 0x80:
            index = octets.integer(6)
            entry = self.static(index) if first & 0x40 else self.relative(index)
            value = octets.string(7)
            self._insert(Field(entry.name, value, entry.name_known, octets.readable, ADDED))
        elif first & 0x40:
            name = octets.string(5)
            known = octets.readable
            value = octets.string(7)
            self._insert(Field(name, value, known, octets.readable, ADDED))
        elif first & 0x20:
            capacity = octets.integer(5)
            if capacity > self.limit >= 0:
                raise WireError(int(octets.at), f"a table of {capacity} octets where {self.limit} are allowed")
            self.capacity = capacity
            self._evict(0)
        else:
            self._insert(self.relative(octets.integer(5)))

    def _insert(self, field: Field) -> None:
        size = field.size + ENTRY_OVERHEAD
        self.inserts += 1
        if size > self.capacity:
            raise WireError(0, f"an entry of {size} octets in a table of {self.capacity}")
        self._evict(size)
        self.entries.append(field)
        self.size += size

    def _evict(self, room: i64) -> None:
        most = min(self.capacity, MAX_TABLE_OCTETS)
        count = 0
        while count < len(self.entries) and self.size + room > most:
            self.size -= self.entries[count].size + ENTRY_OVERHEAD
            count += 1
        if count:
            del self.entries[:count]

    def static(self, index: i64) -> Field:
        if index >= len(_STATIC_FIELDS):
            raise WireError(0, f"index {index} is beyond the static table")
        return _STATIC_FIELDS[index]

    def relative(self, index: i64) -> Field:
        """Counted back from the newest."""
        return self.absolute(self.inserts - 1 - index)

    def absolute(self, number: i64) -> Field:
        """By its number among all inserts, from 0; a field that is not known where it is not there any more."""
        place = number - (self.inserts - len(self.entries))
        return self.entries[place] if self.known and 0 <= place < len(self.entries) else _UNSEEN

    # -- field sections (RFC 9204 §4.5) ----------------------------------------------------------------

    def required(self, encoded: i64) -> i64:
        """The Required Insert Count of a section (RFC 9204 §4.5.1.1); -1 where it cannot be known."""
        if not encoded:
            return 0
        most = self.limit >> 5
        if not self.known or most <= 0:
            return -1
        wrap = 2 * most
        largest = self.inserts + most
        count = largest // wrap * wrap + encoded - 1
        return count - wrap if count > largest else count

    def needs(self, data: bytes) -> int:
        """How many insertions there have to be before this section can be read; -1 where that cannot be known."""
        try:
            return int(self.required(Octets(data).integer(8)))
        except WireError:
            return -1

    def blocked(self, data: bytes) -> bool:
        """This section needs insertions that have not come yet."""
        return self.needs(data) > self.inserts

    def decode(self, data: bytes) -> Block:
        """Read a whole section. On an error what was read before it is kept."""
        block = Block(len(data))
        octets = Octets(data)
        kept: i64 = 0
        try:
            required = self.required(octets.integer(8))
            negative = i64(data[octets.at]) & 0x80 if octets.at < len(data) else 0
            delta = octets.integer(7)
            base: i64 = -1
            if required >= 0:
                base = required - delta - 1 if negative else required + delta
            while octets.at < len(data):
                field = self._line(octets, base)
                block.text_octets += field.size + TEXT_OVERHEAD
                kept += field.size
                if not (field.name_known and field.value_known):
                    block.unknown += 1
                if len(block.fields) < MAX_FIELDS and kept <= MAX_LIST_OCTETS + len(data):
                    block.fields.append(field)
                else:
                    block.left_out += 1
        except WireError as error:
            block.error = error.reason
            block.error_at = error.offset
        return block

    def _line(self, octets: Octets, base: i64) -> Field:
        first = i64(octets.data[octets.at])
        if first & 0x80:
            index = octets.integer(6)
            return self.static(index) if first & 0x40 else self._based(base, base - 1 - index)
        if first & 0x40:
            index = octets.integer(4)
            entry = self.static(index) if first & 0x10 else self._based(base, base - 1 - index)
            return self._valued(octets, entry.name, entry.name_known, first & 0x20)
        if first & 0x20:
            name = octets.string(3)
            return self._valued(octets, name, octets.readable, first & 0x10)
        if first & 0x10:
            return self._based(base, base + octets.integer(4))
        entry = self._based(base, base + octets.integer(3))
        return self._valued(octets, entry.name, entry.name_known, first & 0x08)

    def _based(self, base: i64, number: i64) -> Field:
        return self.absolute(number) if base >= 0 else _UNSEEN

    def _valued(self, octets: Octets, name: bytes, known: bool, never: i64) -> Field:
        value = octets.string(7)
        return Field(name, value, known, octets.readable, NEVER if never else PLAIN)
