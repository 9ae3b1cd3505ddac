"""Header blocks into fields, with the dynamic table that one direction of a connection builds up (RFC 7541).

An observer may have missed blocks. What refers to an entry that was set in one of them is a field that is not known,
and says so; entries that are added afterwards are known again, so the table heals as it fills.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.wire.hpack.huffman import decode as huffman
from dissectors.wire.hpack.static import STATIC

ENTRY_OVERHEAD: Final[i64] = 32         # octets counted for an entry beside its name and value (RFC 7541 §4.1)
DEFAULT_SIZE: Final[i64] = 4_096        # of the dynamic table (RFC 9113 §6.5.2)
TEXT_OVERHEAD: Final[i64] = 4           # ": " and CRLF, which a field takes in HTTP/1.1 (RFC 9112 §5)
MAX_TABLE_OCTETS: Final[i64] = 1 << 18  # of a dynamic table that are kept, whatever size it may have
MAX_FIELDS: Final[i64] = 2_000          # of one block that are kept; the rest is read for the table's sake
# Names and values of one block that are kept, beyond its own size: two octets refer to as much as the table holds, and
# a browser takes no more than four times as many in all.
MAX_LIST_OCTETS: Final[i64] = 1 << 16
MAX_INTEGER: Final[i64] = 1 << 32       # a length or index beyond it is an error (RFC 7541 §5.1 allows a limit)
COMPACT_AT: Final[i64] = 1_024          # places of evicted entries that are kept before the list is moved up

UNKNOWN: Final = b"(unknown)"           # in the place of a name or a value that is not known

# How a field was represented.
INDEXED: Final = 0
ADDED: Final = 1      # a literal that became an entry of the table (RFC 7541 §6.2.1)
PLAIN: Final = 2      # a literal that did not (§6.2.2)
NEVER: Final = 3      # a literal that no intermediary may ever index: its sender says it is sensitive (§6.2.3)


class Field:
    """One header field. It does not change once it is made: an entry of the table and every field that refers to it
    are the same object.

    name_known, value_known: False for what an entry held that was set before the capture could see it.
    form: how the literal was represented from which it comes.
    """

    def __init__(self, name: bytes, value: bytes, name_known: bool, value_known: bool, form: int) -> None:
        self.name = name
        self.value = value
        self.name_known = name_known
        self.value_known = value_known
        self.form = form
        self.size: i64 = len(name) + len(value)


_UNSEEN: Final = Field(UNKNOWN, UNKNOWN, False, False, INDEXED)
_STATIC_FIELDS: Final = [Field(name, value, True, True, INDEXED) for name, value in STATIC]
_STATIC_SIZE: Final[i64] = len(STATIC)


class Block:
    """What one header block held.

    fields: in order.     octets: of the block.     text_octets: of the same fields in HTTP/1.1.
    left_out: fields beyond the caps.     unknown: fields whose name or value is not known.
    error: why it breaks RFC 7541, "" where it does not;  error_at: the offset in the block.
    """

    def __init__(self, octets: int) -> None:
        self.fields: list[Field] = []
        self.octets = octets
        self.text_octets: i64 = 0
        self.left_out: i64 = 0
        self.unknown: i64 = 0
        self.error = ""
        self.error_at: i64 = -1


class Decoder:
    """The decoding context of one direction.

    whole: every block so far was seen, so that an index beyond the table is an error of the sender.
    limit: the largest size that the receiver allows the table (SETTINGS_HEADER_TABLE_SIZE), -1 while not known.
    """

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        self.limit: i64 = DEFAULT_SIZE if whole else -1
        # The real size is not known to one who came late: entries are kept as long as they might be referred to.
        self.most: i64 = DEFAULT_SIZE if whole else MAX_TABLE_OCTETS
        self.capped = False                # a size beyond MAX_TABLE_OCTETS was set
        self.size: i64 = 0
        self.entries: list[Field] = []     # oldest first; those before `first` are evicted
        self.first: i64 = 0
        self.data = b""
        self.at: i64 = 0
        self.block = Block(0)
        self.faults: i64 = 0   # after which nothing more of the block in hand can be read
        self.readable = True   # the string in hand is a Huffman code, where it says so

    def lose(self) -> None:
        """A block was missed: no entry so far has a place that is known any more."""
        self.whole = False
        self.limit = -1
        self.most = MAX_TABLE_OCTETS
        self.size = 0
        self.entries = []
        self.first = 0

    def decode(self, data: bytes) -> Block:
        """Read a whole header block. On an error what was read before it is kept, and the context counts as lost."""
        self.data = data
        self.at = 0
        self.faults = 0
        block = self.block = Block(len(data))
        size: i64 = len(data)
        kept: i64 = 0
        while self.at < size:
            field = self._representation()
            if self.faults:
                self.lose()
                break
            if field is None:
                continue
            block.text_octets += field.size + TEXT_OVERHEAD
            kept += field.size
            if not (field.name_known and field.value_known):
                block.unknown += 1
            if len(block.fields) < MAX_FIELDS and kept <= MAX_LIST_OCTETS + size:
                block.fields.append(field)
            else:
                block.left_out += 1
        self.data = b""
        return block

    # -- representations (RFC 7541 §6) -----------------------------------------------------------------

    def _representation(self) -> Field | None:
        first = i64(self.data[self.at])
        if first & 0x80:
            start = self.at
            index = self._integer(first & 0x7F, 0x7F)
            if self.faults:
                return None
            return self._entry(index, start)
        if first & 0x40:
            field = self._literal(first & 0x3F, 0x3F, ADDED)
            if field is not None:
                self._add(field)
            return field
        if first & 0x20:
            self._resize(first & 0x1F)
            return None
        return self._literal(first & 0x0F, 0x0F, NEVER if first & 0x10 else PLAIN)

    def _literal(self, prefix: i64, full: i64, form: int) -> Field | None:
        start = self.at
        index = self._integer(prefix, full)
        if self.faults:
            return None
        if index:
            entry = self._entry(index, start)
            name, known = entry.name, entry.name_known
        else:
            name = self._string()
            known = self.readable
        value = self._string()
        if self.faults:
            return None
        return Field(name, value, known, self.readable, form)

    def _resize(self, prefix: i64) -> None:
        """A dynamic table size update: at the beginning of a block only, and within the limit (RFC 7541 §4.2)."""
        start = self.at
        most = self._integer(prefix, 0x1F)
        if self.faults:
            return
        if self.block.text_octets:
            self._complain("a table size update after a field", start)
        elif most > self.limit >= 0:
            self._complain(f"a table size of {most} where the receiver allows {self.limit}", start)
        if most > MAX_TABLE_OCTETS:
            self.capped = True
            most = MAX_TABLE_OCTETS
        self.most = most
        self._evict(0)

    # -- the tables (RFC 7541 §2.3) --------------------------------------------------------------------

    def _entry(self, index: i64, start: i64) -> Field:
        if index == 0:
            self._fail("index 0", start)
            return _UNSEEN
        if index <= _STATIC_SIZE:
            return _STATIC_FIELDS[index - 1]
        place: i64 = len(self.entries) - (index - _STATIC_SIZE)
        if place >= self.first:
            return self.entries[place]
        if self.whole and not self.capped:
            self._complain(f"index {index} is beyond the table, which has {self.held()} entries", start)
        return _UNSEEN

    def held(self) -> int:
        """Entries of the dynamic table whose place is known."""
        return int(len(self.entries) - self.first)

    def _add(self, field: Field) -> None:
        """An entry larger than the whole table empties it and is not added (RFC 7541 §4.4)."""
        size = field.size + ENTRY_OVERHEAD
        self._evict(size)
        if size <= self.most:
            self.entries.append(field)
            self.size += size

    def _evict(self, room: i64) -> None:
        """Drop the oldest entries until there is room (RFC 7541 §4.3, §4.4)."""
        count: i64 = len(self.entries)
        while self.first < count and self.size + room > self.most:
            self.size -= self.entries[self.first].size + ENTRY_OVERHEAD
            self.entries[self.first] = _UNSEEN
            self.first += 1
        if self.first == count or self.first >= COMPACT_AT:
            if self.first:
                self.entries = self.entries[self.first:]
                self.first = 0

    # -- primitive types (RFC 7541 §5) -----------------------------------------------------------------

    def _integer(self, prefix: i64, full: i64) -> i64:
        """An integer whose prefix was read from the octet at self.at; goes past it."""
        data = self.data
        start = self.at
        at = start + 1
        value = prefix
        if prefix == full:
            size: i64 = len(data)
            shift: i64 = 0
            while True:
                if at >= size:
                    self._fail("the block ends within an integer", start)
                    return 0
                octet = i64(data[at])
                at += 1
                value += (octet & 0x7F) << shift
                if not octet & 0x80:
                    break
                shift += 7
                if value > MAX_INTEGER or shift > 35:
                    self._fail("an integer beyond 32 bits", start)
                    return 0
        self.at = at
        return value

    def _string(self) -> bytes:
        data = self.data
        start = self.at
        self.readable = True
        size: i64 = len(data)
        if start >= size:
            self._fail("the block ends where a string should begin", start)
            return b""
        first = i64(data[start])
        length = self._integer(first & 0x7F, 0x7F)
        if self.faults:
            return b""
        begin = self.at
        end = begin + length
        if end > size:
            self._fail(f"a string of {length} octets where {size - begin} are left", start)
            return b""
        self.at = end
        if not first & 0x80:
            return data[begin:end]
        text = huffman(data, begin, end)
        if text is None:
            self._complain("a string that is no Huffman code", start)
            self.readable = False
            return UNKNOWN
        return text

    # -- errors ----------------------------------------------------------------------------------------

    def _complain(self, reason: str, at: i64) -> None:
        """Against the rules, but what follows can still be read. The first of a block is told."""
        if not self.block.error:
            self.block.error = reason
            self.block.error_at = at

    def _fail(self, reason: str, at: i64) -> None:
        """Nothing behind it in the block can be read."""
        self._complain(reason, at)
        self.faults += 1
