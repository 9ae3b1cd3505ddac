"""Messages cut out of a body: a flag, a length of four octets, the message (gRPC over HTTP2; gRPC-Web)."""
from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Final

from mypy_extensions import i64

from dissectors.kit.framer import NEED, NONE, Framer
from dissectors.kit.octets import be32

HEADER: Final = 5
COMPRESSED: Final = 1          # the flag of a message that is compressed
TRAILERS: Final = 0x80         # the flag of the trailers, which gRPC-Web puts into the body
MAX_KEPT: Final = 16_384       # octets of one message that are kept to be shown; trailers are kept to the same size


class MessageCutter(Framer):
    """Messages, of which so many octets are kept as is wanted of the next one (`room`). Out of step it stays so."""

    def __init__(self) -> None:
        super().__init__()
        self.flag: i64 = 0
        self.room: i64 = MAX_KEPT

    def header(self, data: bytes, at: i64) -> i64:
        if len(data) - at < HEADER:
            return NEED
        self.flag = i64(data[at])
        if self.flag & ~(COMPRESSED | TRAILERS):
            return NONE
        self.length = be32(data, at + 1)
        self.most = MAX_KEPT if self.flag & TRAILERS else self.room
        return HEADER


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
