"""One direction cut into frames, and the pieces of their payloads (RFC 6455 §5.2).

Payloads are not gathered here: they are passed on as they come, so that a frame of any length is read in constant
memory.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.websocket.codes import is_known

# What is wrong with a header by itself: bits, so that a sound one costs one comparison.
RESERVED_OPCODE: Final = 1
NOT_MINIMAL: Final = 2
CONTROL_FRAGMENTED: Final = 4
CONTROL_LONG: Final = 8
LENGTH_TOO_LARGE: Final = 16     # the topmost bit of a length in 64 bits is set: no frame can be that long

LARGEST_CONTROL: Final = 125     # octets (RFC 6455 §5.5)
LENGTH_16: Final = 126
LENGTH_64: Final = 127

# What became of a gap.
INSIDE: Final = 0     # it lies within the payload of a frame
ENDS: Final = 1       # it takes the rest of a payload away, no more
LOST: Final = 2       # where the next frame begins is not known


def unmask(data: bytes, key: bytes, at: i64) -> bytes:
    """Octets of a payload from its octet `at` on, as they were before the client masked them (RFC 6455 §5.3)."""
    size: i64 = len(data)
    if size == 0:
        return data
    phase = at & 3
    if phase:
        key = key[phase:] + key[:phase]
    mask = (key * (int(size >> 2) + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")).to_bytes(int(size), "little")


class FrameCutter:
    """Load a chunk, then call `next()` while it is true: each time there is a piece of a payload to take.

    begins, ends: the piece is the first or last of its frame; a frame within one chunk is both.
    piece: octets as sent, still masked; piece_at: where in the payload they begin.
    began: the number of the TCP frame in which the header began.
    """

    def __init__(self) -> None:
        self.data: bytes = b""
        self.at: i64 = 0
        self.head: bytes = b""       # a header that is not whole yet
        self.remaining: i64 = 0      # octets of the payload in hand still to come
        self.open: bool = False      # within a frame, its header read
        self.broken: bool = False    # where the next frame begins cannot be known
        self.fin: bool = False
        self.reserved: i64 = 0       # RSV1 is 4, RSV2 is 2, RSV3 is 1
        self.opcode: i64 = 0
        self.masked: bool = False
        self.key: bytes = b""
        self.length: i64 = 0
        self.faults: i64 = 0
        self.began: int = 0
        self.head_began: int = 0
        self.piece: bytes = b""
        self.piece_at: i64 = 0
        self.begins: bool = False
        self.ends: bool = False

    def load(self, data: bytes, frame: int) -> None:
        """The next octets of the direction. Whatever was loaded before has been taken."""
        if self.head:
            data = self.head + data
            self.head = b""
        else:
            self.head_began = frame
        self.data = data
        self.at = 0

    def next(self, frame: int) -> bool:
        """Whether there is another piece."""
        size: i64 = len(self.data)
        if not self.open:
            if self.at >= size or self.broken or not self._header(size):
                return False
            self.began = self.head_began
            self.begins = True
        elif self.at >= size:
            return False
        else:
            self.begins = False
        take = min(self.remaining, size - self.at)
        self.piece = self.data[self.at:self.at + take]
        self.piece_at = self.length - self.remaining
        self.at += take
        self.remaining -= take
        self.ends = self.remaining == 0
        self.open = not self.ends
        if self.ends:
            self.head_began = frame
        return True

    def _header(self, size: i64) -> bool:
        """Read a header, or hold its beginning until the rest is there: 2 to 14 octets."""
        data = self.data
        at = self.at
        need: i64 = 2
        if size - at >= 2:
            second = i64(data[at + 1])
            short = second & 0x7F
            need += 4 if second & 0x80 else 0
            need += 2 if short == LENGTH_16 else (8 if short == LENGTH_64 else 0)
        if size - at < need:
            self.head = data[at:]
            self.at = size
            return False
        first = i64(data[at])
        second = i64(data[at + 1])
        length = second & 0x7F
        faults: i64 = 0
        at += 2
        if length == LENGTH_16:
            length = i64(data[at]) << 8 | i64(data[at + 1])
            at += 2
            if length < LENGTH_16:
                faults = NOT_MINIMAL
        elif length == LENGTH_64:
            if data[at] & 0x80:
                faults = LENGTH_TOO_LARGE
            length = i64(data[at] & 0x7F)
            for index in range(at + 1, at + 8):
                length = length << 8 | i64(data[index])
            at += 8
            if length < 1 << 16:
                faults |= NOT_MINIMAL
        self.opcode = first & 0x0F
        self.fin = first & 0x80 != 0
        self.reserved = first >> 4 & 0x07
        if self.opcode > 2:
            if self.opcode < 8 or self.opcode > 10:
                faults |= RESERVED_OPCODE
            if self.opcode >= 8:
                if not self.fin:
                    faults |= CONTROL_FRAGMENTED
                if length > LARGEST_CONTROL:
                    faults |= CONTROL_LONG
        self.masked = second & 0x80 != 0
        if self.masked:
            self.key = data[at:at + 4]
            at += 4
        self.length = length
        self.remaining = length
        self.faults = faults
        self.broken = faults & LENGTH_TOO_LARGE != 0
        self.at = at
        return True

    def gap(self, length: int) -> int:
        """Octets are missing: INSIDE, ENDS or LOST."""
        if self.open and length <= self.remaining:
            self.remaining -= length
            if self.remaining:
                return INSIDE
            self.open = False
            self.piece = b""
            return ENDS
        self.open = False
        self.head = b""
        return LOST


class Look:
    """A header met while looking for the beginning of frames. end: where its frame ends."""

    def __init__(self, opcode: int, fin: bool, reserved: int, masked: bool, payload: int, end: int) -> None:
        self.opcode = opcode
        self.fin = fin
        self.reserved = reserved
        self.masked = masked
        self.payload = payload    # where it begins
        self.end = end

    def octets(self, data: bytes) -> bytes:
        """The payload, unmasked."""
        octets = data[self.payload:max(self.end, self.payload)]
        return unmask(octets, data[self.payload - 4:self.payload], 0) if self.masked else octets


def look(data: bytes, at: int) -> Look | None:
    """The header at that place; None where it is not whole, or breaks a rule that any sender keeps."""
    cutter = FrameCutter()
    cutter.load(data, 0)
    cutter.at = at
    if not cutter._header(len(data)) or cutter.faults or not is_known(int(cutter.opcode)):
        return None
    begins = int(cutter.at)
    return Look(
        int(cutter.opcode), cutter.fin, int(cutter.reserved), cutter.masked, begins, begins + int(cutter.length)
    )


def whole_header(data: bytes, at: int) -> bool:
    """Enough octets are there to read a header."""
    cutter = FrameCutter()
    cutter.load(data, 0)
    cutter.at = at
    return cutter._header(len(data))
