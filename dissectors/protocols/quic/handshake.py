"""Handshake messages in CRYPTO frames: put in order for each space of packet numbers, and cut.

RFC 9000 §7.5, §19.6; RFC 8446 §4.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.octets import be24
from dissectors.protocols.quic.ordered import OrderedStream, Part

MAX_CRYPTO: Final[i64] = 65_536        # octets of a space that are held behind a hole
MAX_MESSAGE: Final[i64] = 262_144      # octets of one message that are put together
HEADER: Final[i64] = 4                 # type and length (RFC 8446 §4)


class Message:
    """One handshake message, with its header."""

    def __init__(self, raw: bytes, frames: tuple[int, ...], time: int) -> None:
        self.type = raw[0]
        self.raw = raw
        self.frames = frames
        self.time = time


class CryptoStream:
    """Of one direction and one space. broken: a message passed the cap, or octets are missing for good; nothing after
    it can be cut."""

    def __init__(self) -> None:
        self.stream = OrderedStream(MAX_CRYPTO)
        self.parts: list[bytes] = []     # of the message in hand
        self.size: i64 = 0               # their octets
        self.wanted: i64 = HEADER        # that it takes; HEADER while that is not known
        self.cited = Cited()        # frames of the capture that brought the message in hand
        self.came = Cited()         # that brought anything
        self.broken = False

    def feed(self, offset: i64, data: bytes, frame: i64, time: i64) -> list[Message]:
        """The messages that are whole with these octets."""
        out: list[Message] = []
        if self.broken:
            return out
        self.came.add(int(frame))
        parts = self.stream.add(offset, data, frame, time)
        for part in parts:
            self._part(part, time, out)
        return out

    def _part(self, part: Part, time: i64, out: list[Message]) -> None:
        if part.lost or self.broken:
            self._break()
            return
        self.cited.add(int(part.frame))
        self.parts.append(part.data)
        self.size += len(part.data)
        while self.size >= self.wanted:
            data = b"".join(self.parts)      # once a message, however small its parts are
            if self.wanted == HEADER:
                self.wanted = HEADER + be24(data, 1)
                self.parts = [data]
                if self.wanted > MAX_MESSAGE:
                    self._break()
                    return
                if self.size < self.wanted:
                    return
            frames = tuple(sorted({*self.cited.frames(), int(part.released)}))
            out.append(Message(data[:self.wanted], frames, int(time)))
            self.parts = [data[self.wanted:]]
            self.size -= self.wanted
            self.wanted = HEADER
            self.cited.clear()
            if self.size:
                self.cited.add(int(part.frame))

    def _break(self) -> None:
        self.broken = True
        self.parts = []
        self.size = 0

    def incomplete(self) -> bool:
        """Something of a message came, and not all of it."""
        return self.size > 0 or self.stream.waits()


class Handshake:
    """Of one direction: a stream for each space of packet numbers."""

    def __init__(self) -> None:
        self.spaces = [CryptoStream(), CryptoStream(), CryptoStream()]

    def restart(self) -> None:
        """A Retry or a Version Negotiation: the client begins again."""
        self.spaces[0] = CryptoStream()
