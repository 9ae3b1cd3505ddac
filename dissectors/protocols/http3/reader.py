"""Frames of one direction of one stream (RFC 9114 §7.1)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.protocols.http3.codes import DATA
from dissectors.wire.varint import read_varint

MAX_FRAME: Final[i64] = 1 << 16     # octets of a frame other than DATA that are held; of larger ones nothing is read


class H3Piece:
    """A frame that is whole, or a part of DATA. ends: the frame is complete with it.     length: of the whole frame.

    time, frame: of the octets that completed it; begun_ns, frames: from its first one on.     skipped: it was too large
    to be held.
    """

    def __init__(self, type: int, payload: bytes, length: int, *, ends: bool) -> None:
        self.type = type
        self.payload = payload
        self.length = length
        self.ends = ends
        self.time = 0
        self.frame = 0
        self.begun_ns = 0
        self.first_frame = 0
        self.skipped = False


class H3Reader:
    """lost_step: octets are missing where nobody can tell where the next frame begins."""

    def __init__(self) -> None:
        self.buffer = b""
        self.parts: list[bytes] = []     # of a frame that is not whole yet
        self.held: i64 = 0               # their octets
        self.type: i64 = -1
        self.length: i64 = 0
        self.left: i64 = 0
        self.begun_ns: int = -1
        self.first_frame: int = 0
        self.lost_step = False
        self.octets: i64 = 0
        self.cited = Cited()

    def feed(self, data: bytes, frame: int, time: int) -> list[H3Piece]:
        """The frames, and parts of DATA, that these octets bring."""
        out: list[H3Piece] = []
        if self.lost_step:
            return out
        self.octets += len(data)
        self.cited.add(frame)
        if self.parts:
            self.parts.append(data)
            self.held += len(data)
            if self.held < self.left:
                return out
            data = b"".join(self.parts)      # once a frame, however small its parts are
            self.parts = []
        elif self.buffer:
            data = self.buffer + data
            self.buffer = b""
        at: i64 = 0
        size: i64 = len(data)
        while True:
            if self.type < 0:
                at = self._header(data, at, size, frame, time)
                if self.type < 0:
                    break
                if self.left == 0:
                    out.append(self._made(b"", frame, time, ends=True))
                    continue
            if at >= size:
                break
            took = min(self.left, size - at)
            if self.type != DATA and self.length <= MAX_FRAME and took < self.left:
                self.parts = [data[at:]]
                self.held = size - at
                return out
            self.left -= took
            ends = self.left == 0
            if self.type == DATA or self.length <= MAX_FRAME or ends:
                payload = data[at:at + took] if self.length <= MAX_FRAME or self.type == DATA else b""
                out.append(self._made(payload, frame, time, ends=ends))
            at += took
        self.buffer = data[at:]
        return out

    def _header(self, data: bytes, at: i64, size: i64, frame: int, time: int) -> i64:
        """Type and length; where they are not whole, they wait."""
        if at >= size:
            return at
        if self.begun_ns < 0:
            self.begun_ns, self.first_frame = time, frame
        kind_end = at + (1 << (i64(data[at]) >> 6))
        if kind_end >= size:
            return at
        length_end = kind_end + (1 << (i64(data[kind_end]) >> 6))
        if length_end > size:
            return at
        self.type = read_varint(data, at)
        self.length = self.left = read_varint(data, kind_end)
        return length_end

    def _made(self, payload: bytes, frame: int, time: int, *, ends: bool) -> H3Piece:
        piece = H3Piece(int(self.type), payload, int(self.length), ends=ends)
        piece.time, piece.frame = time, frame
        piece.begun_ns, piece.first_frame = self.begun_ns, self.first_frame
        piece.skipped = self.type != DATA and self.length > MAX_FRAME
        if ends:
            self.type = -1
            self.begun_ns = -1
        return piece

    def miss(self, octets: i64) -> i64:
        """Octets are not in the capture: how many of them were of the DATA in hand. Where it holds them all, the next
        frame begins behind it."""
        if self.lost_step or (self.type == DATA and self.left >= octets):
            if self.lost_step:
                return 0
            self.left -= octets
            if self.left == 0:
                self.type = -1
                self.begun_ns = -1
            return octets
        self.lost_step = True
        self.buffer = b""
        self.parts = []
        return self.left if self.type == DATA else 0
