"""One direction cut into frames, and the pieces of their payloads (RFC 6455 §5.2).

Payloads are not gathered here: they are passed on as they come, so that a frame of any length is read in constant
memory.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.framer import NEED, Framer
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


class FrameCutter(Framer):
    """Feed it a chunk, then take steps: each PART is a piece of a payload, still masked, from its octet piece_at on.

    begins, ends: the piece is the first or last of its frame; a frame within one chunk is both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parted = True
        self.broken: bool = False    # where the next frame begins cannot be known
        self.fin: bool = False
        self.reserved: i64 = 0       # RSV1 is 4, RSV2 is 2, RSV3 is 1
        self.opcode: i64 = 0
        self.masked: bool = False
        self.key: bytes = b""
        self.faults: i64 = 0
        self.piece: bytes = b""
        self.piece_at: i64 = 0

    @property
    def ends(self) -> bool:
        return not self.open

    @property
    def began(self) -> int:
        """The frame of the capture in which the header began."""
        return self.cited.first[0]

    def take(self) -> None:
        """The octets of the PART."""
        self.piece = self.buffer[self.part:self.at]
        self.piece_at = self.length - self.rest - (self.at - self.part)

    def header(self, data: bytes, at: i64) -> i64:
        """2 to 14 octets."""
        left: i64 = len(data) - at
        need: i64 = 2
        if left < need:
            return NEED
        second = i64(data[at + 1])
        length = second & 0x7F
        need += 4 if second & 0x80 else 0
        need += 2 if length == LENGTH_16 else (8 if length == LENGTH_64 else 0)
        if left < need:
            return NEED
        first = i64(data[at])
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
        self.length = length
        self.faults = faults
        self.broken = faults & LENGTH_TOO_LARGE != 0
        return need


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


_LOOKING: Final = FrameCutter()    # only its header is read, which sets all that is asked for


def look(data: bytes, at: int) -> Look | None:
    """The header at that place; None where it is not whole, or breaks a rule that any sender keeps."""
    cutter = _LOOKING
    size = cutter.header(data, at)
    if size < 0 or cutter.faults or not is_known(int(cutter.opcode)):
        return None
    begins = at + int(size)
    return Look(
        int(cutter.opcode), cutter.fin, int(cutter.reserved), cutter.masked, begins, begins + int(cutter.length)
    )


def whole_header(data: bytes, at: int) -> bool:
    """Enough octets are there to read a header."""
    return _LOOKING.header(data, at) >= 0
