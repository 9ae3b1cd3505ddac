"""Content codings: how a body was packed, and unpacking it within bounds (RFC 9110 §8.4.1)."""
from __future__ import annotations

import zlib
from typing import Any, Final

from dissectors.kit.allowance import ENDLESS, Allowance

MAX_CODINGS: Final = 4               # applied to one body
MAX_DECODED: Final = 64 << 20        # octets that come out of each coding of one body
# ... and how many come out for each that goes in, beyond the first ones. Pages and logs grow to 50 times; what grows
# to more is a run of one octet, or a bomb, and either would cost as much as a capture of its decoded size.
MAX_GROWTH: Final = 200
FREE: Final = 256 << 10
BROTLI_WINDOW: Final = 16 << 20       # RFC 7932 §9.1: the largest window, which is filled before it gives anything
ZSTD_WINDOW: Final = 8 << 20         # RFC 9659 §3: the largest window of the coding zstd
ZSTD_SLICE: Final = 256              # octets given to it at once: it takes no limit for what comes out

# RFC 9110 §8.4.1.1 and §8.4.1.3: these are to be taken for the others.
_NAMES: Final = {"x-gzip": "gzip", "x-compress": "compress"}
KNOWN: Final = ("gzip", "deflate", "br", "zstd")   # br: RFC 7932; zstd: RFC 8878

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b"        # RFC 1952 §2.3.1


class Decoder:
    """The codings of one body, the one that was applied last taken off first.

    codings: in the order in which they were applied, without `identity`.
    problem: why nothing more comes out, "" while all is well.
    """

    def __init__(self, codings: tuple[str, ...], allowance: Allowance = ENDLESS) -> None:
        self.allowance = allowance
        self.codings: tuple[str, ...] = tuple([_NAMES.get(name, name) for name in codings if name != "identity"])
        self.problem = ""
        self.stages: list[Stage] = []
        if len(self.codings) > MAX_CODINGS:
            self.problem = f"it has more than MAX_CODINGS = {MAX_CODINGS} content codings"
            return
        for name in self.codings[::-1]:
            if name not in KNOWN:
                self.problem = f"the content coding {name[:40]} is not known here"
            self.stages.append(Stage(name, allowance))

    def note(self) -> str:
        """The leniencies that were needed."""
        return "; ".join([stage.note for stage in self.stages if stage.note])

    def feed(self, data: bytes) -> bytes:
        if self.problem:
            return b""
        self.allowance.fed += len(data)
        for stage in self.stages:
            data = stage.feed(data)
            if stage.problem:
                self.problem = stage.problem
                break
        return data

    def lose(self) -> None:
        """Octets are missing: whatever follows may refer to them."""
        if not self.problem:
            self.problem = "bytes of it are missing from the capture"

    def finish(self, whole: bool) -> str:
        """The body is over. Why it could not be decoded, "" where it was."""
        if not self.problem and whole:
            for stage in self.stages:
                if stage.fed and not stage.ended:
                    self.problem = f"the {stage.name} data ends in the middle"
        return self.problem


class Stage:
    """One coding. The libraries of the later ones are loaded when a body needs them.

    ended: the coding's own end was reached; what follows it is ignored, as browsers do.     octets: that came out.
    """

    def __init__(self, name: str, allowance: Allowance = ENDLESS) -> None:
        self.allowance = allowance
        self.name = name
        self.fed = 0
        self.octets = 0
        self.problem = ""
        self.note = ""
        self.ended = False
        self.engine: Any = None
        self.rest = b""        # behind the end of a gzip member, while it is too short to tell

    def feed(self, data: bytes) -> bytes:
        """The next octets decoded; a problem is set where they cannot be, or where too much comes out."""
        if not data or (self.ended and self.name != "gzip"):
            return b""
        first = self.fed == 0
        self.fed += len(data)
        most = min(MAX_DECODED, FREE + MAX_GROWTH * self.fed)
        left = self.allowance.room()
        room = min(most - self.octets, left)
        if left == 0:
            self.problem = self.allowance.problem()
            return b""
        if self.name == "br":
            out = self._brotli(data, room)
        elif self.name == "zstd":
            out = self._zstd(data, room)
        elif self.name == "gzip":
            out = self._gzip(data, room)
        else:
            out = self._deflate(data, room, first)
        self.octets += len(out)
        beyond = len(out) > room
        self.allowance.spent += max(len(out), BROTLI_WINDOW) if beyond and self.name == "br" else len(out)
        if beyond:
            if room == left:
                self.problem = self.allowance.problem()
                return out[:room]
            self.problem = (
                f"it grows beyond MAX_DECODED = {MAX_DECODED} bytes" if most == MAX_DECODED else
                f"it grows beyond MAX_GROWTH = {MAX_GROWTH} times its size"
            )
            return out[:room]
        return out

    def _gzip(self, data: bytes, room: int) -> bytes:
        """Members one after the other (RFC 1952 §2.2)."""
        parts: list[bytes] = []
        held = 0
        data = self.rest + data
        self.rest = b""
        try:
            while data and held <= room:
                if self.engine is None or self.ended:
                    if self.ended and not data.startswith(_MAGIC):
                        self.rest = data if data == _MAGIC[:1] else b""
                        break
                    self.engine = zlib.decompressobj(_GZIP)
                out: bytes = self.engine.decompress(data, room + 1 - held)
                self.ended = self.engine.eof
                data = self.engine.unused_data if self.ended else b""
                parts.append(out)
                held += len(out)
        except zlib.error as error:
            self.problem = f"the gzip data is damaged ({error})"
        return b"".join(parts)

    def _deflate(self, data: bytes, room: int, first: bool) -> bytes:
        """Meant to be zlib (RFC 1950), and sent without its header by some (RFC 9110 §8.4.1.2)."""
        if first:
            if data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0):   # RFC 1950 §2.2
                self.engine = zlib.decompressobj()
            else:
                self.note = "deflate without its zlib header"
                self.engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            out: bytes = self.engine.decompress(data, room + 1)
        except zlib.error as error:
            self.problem = f"the deflate data is damaged ({error})"
            return b""
        self.ended = self.engine.eof
        return out

    def _brotli(self, data: bytes, room: int) -> bytes:
        import brotli

        if self.engine is None:
            self.engine = brotli.Decompressor()
        parts: list[bytes] = []
        held = 0
        try:
            while True:
                out: bytes = self.engine.process(data, output_buffer_limit=room + 1)
                data = b""
                parts.append(out)
                held += len(out)
                if held > room or self.engine.can_accept_more_data() or not out:
                    break
        except brotli.error as error:
            self.problem = f"the br data is damaged ({error})"
            return b"".join(parts)
        self.ended = bool(self.engine.is_finished())
        return b"".join(parts)

    def _zstd(self, data: bytes, room: int) -> bytes:
        import zstandard

        if self.engine is None:
            self.engine = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        parts: list[bytes] = []
        held = 0
        at = 0
        try:
            while at < len(data) and held <= room and not self.engine.eof:
                out: bytes = self.engine.decompress(data[at:at + ZSTD_SLICE])
                at += ZSTD_SLICE
                parts.append(out)
                held += len(out)
        except zstandard.ZstdError as error:
            self.problem = f"the zstd data is damaged ({error})"
        self.ended = bool(self.engine.eof)
        return b"".join(parts)
