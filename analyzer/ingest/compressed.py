"""Captures compressed with gzip, zstd or lz4, unpacked as they are read.

Every call to a library is limited in what it can produce, so a decompression bomb costs time in proportion
to the frames it holds, and never memory. Several compressed members one after the other are one capture.
"""
from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

from analyzer.ingest.streams import BLOCK, Stream

if TYPE_CHECKING:
    from zstandard import ZstdDecompressionObj

GZIP: Final = b"\x1f\x8b"               # RFC 1952 §2.3.1
ZSTD: Final = b"\x28\xb5\x2f\xfd"       # RFC 8878 §3.1.1
LZ4: Final = b"\x04\x22\x4d\x18"        # the LZ4 frame format

# A zstd block grows to 128 KiB (RFC 8878 §3.1.1.2.4) from as few as four bytes, and the library sets no
# limit on what one call produces, so the input goes in by the spoonful: at most 512 / 4 × 128 KiB a call.
ZSTD_STEP: Final = 512
# The largest window a decoder needs to support is 8 MiB (RFC 8878 §3.1.1.1.2); the tools' own limit is 128 MiB.
MAX_WINDOW: Final = 1 << 27     # octets of what was unpacked that zstd may look back at: `zstd --long` asks for so many


class Unpacker(Stream):
    """What the three have in common: input taken from another stream, and how a broken end is told.

    packed: compressed bytes not yet used.   fresh: between two members, so the input may end here.
    """

    def __init__(self, inner: Stream, head: bytes, kind: str) -> None:
        super().__init__(inner.size)
        self.inner = inner
        self.packed = head
        self.kind = kind
        self.fresh = False
        self.position = inner.position
        self.rewindable = inner.rewindable

    def read(self) -> bytes:
        while not self.trouble:
            if not self.packed and not self.pending():
                self.packed = self.inner.read()
                self.position = self.inner.position
                self.forgets = self.inner.forgets
                if not self.packed:
                    self.at_end()
                    return b""
            block = self.unpack()
            if block:
                return block
        return b""

    def keeping(self) -> str:
        return self.inner.keeping()

    def pending(self) -> bool:
        """Whether more output can come without more input."""
        return False

    def unpack(self) -> bytes:
        """Use some of `packed`; what came of it, b"" where nothing did yet."""
        return b""

    def at_end(self) -> None:
        if self.inner.trouble:
            self.trouble = self.inner.trouble
        elif not self.fresh:
            self.trouble = f"the {self.kind} data ends early"

    def broken(self) -> None:
        """The library refused the data: after a complete member it is only something appended."""
        self.packed = b""
        if self.fresh:
            self.trouble = f"what follows the {self.kind} data is not {self.kind} data"
        else:
            self.trouble = f"the {self.kind} data is damaged"

    def close(self) -> None:
        self.inner.close()


class GzipStream(Unpacker):
    """gzip, RFC 1952."""

    def __init__(self, inner: Stream, head: bytes) -> None:
        super().__init__(inner, head, "gzip")
        self.unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def unpack(self) -> bytes:
        if self.fresh:
            self.packed = self.packed.lstrip(b"\x00")   # padding, as tapes and block devices leave it
            if not self.packed:
                return b""
        before = self.unzip.copy()
        try:
            block = self.unzip.decompress(self.packed, BLOCK)
        except zlib.error:
            block = self.salvage(before)
            self.broken()
            return block
        self.fresh = self.unzip.eof
        if self.fresh:
            self.packed = self.unzip.unused_data
            self.unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        else:
            self.packed = self.unzip.unconsumed_tail
        return block

    def salvage(self, unzip: zlib._Decompress) -> bytes:
        """What stands before the damage: a failing call keeps its output to itself, so go a byte at a time."""
        parts: list[bytes] = []
        size = 0
        for at in range(len(self.packed)):
            try:
                part = unzip.decompress(self.packed[at:at + 1])
            except zlib.error:
                break
            parts.append(part)
            size += len(part)
            if size > BLOCK:    # the failing call had produced less than this
                break
        return b"".join(parts)

    def reopen(self) -> Stream:
        return GzipStream(self.inner.reopen(), b"")


class ZstdStream(Unpacker):
    """Zstandard, RFC 8878."""

    def __init__(self, inner: Stream, head: bytes) -> None:
        super().__init__(inner, head, "zstd")
        self.at = 0
        self.unzip: ZstdDecompressionObj = self.begin()

    def begin(self) -> ZstdDecompressionObj:
        from zstandard import ZstdDecompressor
        return ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()

    def unpack(self) -> bytes:
        from zstandard import ZstdError
        parts: list[bytes] = []
        size = 0
        while self.at < len(self.packed) and size < BLOCK:
            step = self.packed[self.at:self.at + ZSTD_STEP]
            try:
                part = self.unzip.decompress(step)
            except ZstdError as error:
                self.broken()
                if "too much memory" in str(error):
                    self.trouble = f"the zstd data needs a window of more than {MAX_WINDOW >> 20} MiB"
                break
            self.at += len(step)
            self.fresh = self.unzip.eof
            if self.fresh:
                self.at -= len(self.unzip.unused_data)
                self.unzip = self.begin()
            parts.append(part)
            size += len(part)
        if self.at >= len(self.packed):
            self.packed = b""
            self.at = 0
        return b"".join(parts)

    def reopen(self) -> Stream:
        return ZstdStream(self.inner.reopen(), b"")


class Lz4Stream(Unpacker):
    """The LZ4 frame format."""

    def __init__(self, inner: Stream, head: bytes) -> None:
        super().__init__(inner, head, "lz4")
        self.unzip: Any = self.begin()

    def begin(self) -> Any:
        from lz4.frame import LZ4FrameDecompressor
        return LZ4FrameDecompressor()

    def pending(self) -> bool:
        return not self.unzip.eof and not self.unzip.needs_input

    def unpack(self) -> bytes:
        try:
            block: bytes = self.unzip.decompress(self.packed, BLOCK)
        except RuntimeError:    # what the library raises for bad data
            self.broken()
            return b""
        self.packed = b""       # the library keeps what it has not used
        self.fresh = bool(self.unzip.eof)
        if self.fresh:
            self.packed = self.unzip.unused_data or b""
            self.unzip = self.begin()
        return block

    def reopen(self) -> Stream:
        return Lz4Stream(self.inner.reopen(), b"")
