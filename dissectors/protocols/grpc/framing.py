"""Messages cut out of a body: a flag, a length of four octets, the message (gRPC over HTTP2; gRPC-Web)."""
from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Final

from mypy_extensions import i64

HEADER: Final = 5
COMPRESSED: Final = 1          # the flag of a message that is compressed
TRAILERS: Final = 0x80         # the flag of the trailers, which gRPC-Web puts into the body
MAX_KEPT: Final = 16_384       # octets of one message that are kept to be shown; trailers are kept to the same size
MAX_FRAMES: Final = 32         # of the capture, named as the evidence of one message: the first ones, and the last


class MessageCutter:
    """Load octets, then call `next()` while it is true: each time a message has ended.

    room: octets of the next message that are to be kept.   broken: the octets do not have this form.
    """

    def __init__(self) -> None:
        self.data: bytes = b""
        self.at: i64 = 0
        self.head: bytes = b""
        self.open: bool = False
        self.flag: i64 = 0
        self.length: i64 = 0
        self.remaining: i64 = 0
        self.room: i64 = MAX_KEPT
        self.kept: list[bytes] = []
        self.held: i64 = 0
        self.frames: list[int] = []
        self.began: int = -1         # the time of its first octet
        self.broken: bool = False
        self.passed: i64 = 0         # octets since then

    def load(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        if self.broken:
            self.passed += len(data)

    def next(self, frame: int, time: int) -> bool:
        size: i64 = len(self.data)
        if self.broken or (self.at >= size and not (self.open and self.remaining == 0)):
            return False
        if not self.open:
            if self.began < 0:
                self._clear(frame, time)
            take = min(HEADER - len(self.head), size - self.at)
            self.head += self.data[self.at:self.at + take]
            self.at += take
            if len(self.head) < HEADER:
                return False
            self.flag = i64(self.head[0])
            self.length = int.from_bytes(self.head[1:], "big")
            self.head = b""
            self.remaining = self.length
            self.open = True
            if self.flag & ~(COMPRESSED | TRAILERS):
                self.broken = True
                self.passed = size - self.at
                return False
        if self.frames[-1] != frame and len(self.frames) < MAX_FRAMES:
            self.frames.append(frame)
        take = min(self.remaining, size - self.at)
        if take:
            room = (MAX_KEPT if self.flag & TRAILERS else self.room) - self.held
            if room > 0:
                part = min(room, take)
                self.kept.append(self.data[self.at:self.at + part])
                self.held += part
            self.at += take
            self.remaining -= take
        if self.remaining:
            return False
        self.open = False
        return True

    def take(self) -> bytes:
        """What was kept of the message that has ended; the next one begins."""
        octets = b"".join(self.kept)
        self.began = -1
        return octets

    def inside(self) -> int:
        """Octets of a message that is not whole, with its header; -1 between messages."""
        if self.open:
            return int(self.length - self.remaining) + HEADER
        return len(self.head) if self.head else -1

    def lose(self, octets: int) -> bool:
        """Octets are missing. Whether it is still known where the next message begins."""
        if self.open and octets <= self.remaining:
            self.remaining -= octets
            self.room = 0
            if self.remaining == 0:
                self.open = False
                self.began = -1
            return True
        self.open = False
        self.broken = True
        self.head = b""
        return False

    def _clear(self, frame: int, time: int) -> None:
        self.began = time
        self.frames = [frame]
        self.held = 0
        if self.kept:
            self.kept = []


class Base64Reader:
    """The text form of gRPC-Web: base64 in pieces, each of which may end in padding."""

    def __init__(self) -> None:
        self.rest: bytes = b""
        self.broken: bool = False

    def feed(self, data: bytes) -> bytes:
        """The octets that are whole."""
        if self.broken:
            return b""
        data = self.rest + data if self.rest else data
        whole = len(data) // 4 * 4
        self.rest = data[whole:]
        data = data[:whole]
        out: list[bytes] = []
        try:
            at = 0
            while at < len(data):
                padding = data.find(b"=", at)
                end = len(data) if padding < 0 else (padding // 4 + 1) * 4
                out.append(a2b_base64(data[at:end], strict_mode=True))
                at = end
        except Error:
            self.broken = True
        return b"".join(out)


def inflated(octets: bytes, coding: str, most: int) -> bytes | None:
    """A message without its compression, at most so many octets of it; None where it cannot be undone here."""
    import zlib

    if coding in ("", "identity"):
        return None
    if coding not in ("gzip", "deflate"):
        return None
    engine = zlib.decompressobj(16 + zlib.MAX_WBITS if coding == "gzip" else zlib.MAX_WBITS)
    try:
        return engine.decompress(octets, most)
    except zlib.error:
        return None
