"""Handshake messages out of records: several in one, or one over several (RFC 8446 §5.1, RFC 5246 §6.2.1)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.tls.records import MAX_FRAMES, TlsRecord

MAX_MESSAGE: Final[i64] = 262_144  # octets of one message that are put together; its length field allows 16 MiB
MESSAGE_HEADER: Final[i64] = 4     # type and length (RFC 8446 §4)


class TlsMessage:
    """One handshake message. raw: with its header, as the transcript hash wants it; b"" where it passed the cap."""

    def __init__(self, type: int, raw: bytes, length: int, frames: tuple[int, ...], time: int) -> None:
        self.type = type
        self.raw = raw
        self.length = length
        self.frames = frames
        self.time = time

    @property
    def body(self) -> bytes:
        return self.raw[4:]


class TlsMessages:
    """The handshake messages of one direction. What is held is at most one, up to MAX_MESSAGE."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.held: i64 = 0
        self.needed: i64 = MESSAGE_HEADER
        self.skip: i64 = 0           # octets still to come of a message that is larger than the cap
        self.too_large: i64 = 0      # its length
        self.type: i64 = 0
        self.frames: list[int] = []

    @property
    def within(self) -> bool:
        """A message has begun and its end has not come."""
        return self.held > 0 or self.skip > 0

    def awaited(self) -> int:
        """The type of the message in hand, -1 where there is none."""
        if self.skip:
            return int(self.type)
        return self.parts[0][0] if self.held else -1

    def feed(self, record: TlsRecord, fragment: bytes) -> list[TlsMessage]:
        """The messages that end in this fragment."""
        out: list[TlsMessage] = []
        size: i64 = len(fragment)
        at: i64 = 0
        while at < size:
            self._note(record.frames)
            if self.skip:
                take = min(self.skip, size - at)
                self.skip -= take
                at += take
                if not self.skip:
                    out.append(TlsMessage(
                        int(self.type), b"", int(self.too_large), self._frames(), record.time
                    ))
                    self.clear()
                continue
            take = min(self.needed - self.held, size - at)
            self.parts.append(fragment[at:at + take])
            self.held += take
            at += take
            if self.held < self.needed:
                break
            raw = b"".join(self.parts)
            self.parts = [raw]
            if self.needed == MESSAGE_HEADER:
                length = i64(raw[1]) << 16 | i64(raw[2]) << 8 | i64(raw[3])
                self.needed += length
                self.type = i64(raw[0])
                if length > MAX_MESSAGE:
                    self.skip = length
                    self.too_large = length
                    self.parts = []
                    self.held = 0
                    continue
                if length:
                    continue
            out.append(TlsMessage(raw[0], raw, len(raw) - 4, self._frames(), record.time))
            self.clear()
        return out

    def clear(self) -> None:
        self.parts = []
        self.held = 0
        self.needed = MESSAGE_HEADER
        self.skip = 0
        self.frames = []

    def _note(self, frames: tuple[int, ...]) -> None:
        for number in frames:
            if not self.frames or number > self.frames[-1]:
                if len(self.frames) < MAX_FRAMES:
                    self.frames.append(number)
                else:
                    self.frames[-1] = number

    def _frames(self) -> tuple[int, ...]:
        return tuple(self.frames)
