"""Handshake messages out of records: several in one, or one over several (RFC 8446 §5.1, RFC 5246 §6.2.1)."""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.framer import FRAME, NEED, Framer
from dissectors.kit.octets import be24
from dissectors.protocols.tls.records import TlsRecord

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


RecordOrMessage = Union[TlsRecord, TlsMessage]


class TlsMessages(Framer):
    """The handshake messages of one direction. What is held is at most one, up to MAX_MESSAGE."""

    def __init__(self) -> None:
        super().__init__()
        self.type: i64 = 0
        self.carried = Cited()       # the frames that carried the message in hand

    def header(self, data: bytes, at: i64) -> i64:
        """Header and body are kept as one, as `raw`."""
        if len(data) - at < MESSAGE_HEADER:
            return NEED
        self.type = i64(data[at])
        length = be24(data, at + 1)
        self.length = MESSAGE_HEADER + length
        self.most = self.length if length <= MAX_MESSAGE else 0
        return 0

    def awaited(self) -> int:
        """The type of the message in hand, -1 where there is none."""
        if self.open:
            return int(self.type)
        return self.buffer[0] if self.buffer else -1

    def feed_record(self, record: TlsRecord, fragment: bytes) -> list[TlsMessage]:
        """The messages that end in this fragment."""
        out: list[TlsMessage] = []
        if not self.within:
            self.carried.clear()
        self.carried.add_all(record.frames)
        self.load(fragment, record.number, record.number, record.time)
        while self.step() == FRAME:
            out.append(TlsMessage(
                int(self.type), self.payload, int(self.length - MESSAGE_HEADER), self.carried.frames(), record.time
            ))
            self.carried.clear()
            self.carried.add_all(record.frames)
        return out

    def clear(self) -> None:
        """What is in hand is given up; a message begins with what comes next."""
        self.buffer = b""
        self.leave()
