"""What the events of a TLS connection share, and the record itself.

`client` is the direction in which the client sends: the side that sent the ClientHello, which need not be the one
that opened the connection.
"""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CARRYING, EXTRA, Event, Evidence, JsonValue
from dissectors.protocols.tls.header import SSL2
from dissectors.protocols.tls.records import Notice, TlsRecord
from dissectors.wire.tls.names import content_type_name, handshake_name, version_name

HANDSHAKE: Final = "tls handshake"
DATA: Final = "tls data"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def message_name(number: int) -> str:
    """`ServerHelloDone`: a handshake message as the standards write it in their text."""
    name = handshake_name(number)
    if name.startswith("unknown"):
        return name
    return "".join([word.capitalize() for word in name.partition(" ")[0].split("_")])


def some(words: list[str], most: int) -> str:
    """The first words of a list: `a, b, c and 4 more`."""
    if len(words) <= most:
        return ", ".join(words)
    return ", ".join(words[:most]) + f" and {len(words) - most} more"


def texts(words: list[str]) -> list[JsonValue]:
    """A list of strings as data."""
    out: list[JsonValue] = []
    out.extend(words)
    return out


def numbers(values: list[int]) -> list[JsonValue]:
    """A list of integers as data."""
    out: list[JsonValue] = []
    out.extend(values)
    return out


class TlsObserved:
    """When something was seen, of which direction it tells, and in which frames.

    client: the direction in which the client sends. length: octets of the record's fragment or the message's body that
    it was read from, 0 where it is about more than one.
    """

    def __init__(self, time: int, direction: int, frames: tuple[int, ...], client: int, length: int = 0) -> None:
        self.time = time
        self.direction = direction
        self.frames = frames
        self.client = client
        self.length = length


class TlsEvent(Event):
    """One statement about a TLS connection. client: the direction in which the client sends."""

    def __init__(self, observed: TlsObserved) -> None:
        super().__init__(observed.time, observed.direction, Evidence(observed.frames))
        self.client = observed.client

    def from_client(self) -> bool:
        return self.direction == self.client

    def who(self) -> str:
        """The side that the event is about: the sender of its direction."""
        return "the client" if self.direction == self.client else "the server"

    def peer(self) -> str:
        return "the server" if self.direction == self.client else "the client"


class RecordSeen(TlsEvent):
    """One record. content_type: the true one where it was decrypted, else that of the header (`outer`).

    version: as the header has it. length: of the fragment. handshake: the types of the handshake messages that end
    in it. cut: the capture holds only its beginning.
    """

    name: ClassVar[str] = "tls.record"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 8446 §5.1"
    WHY: ClassVar[str] = (
        "TLS cuts what it carries into records of at most 16 384 bytes. Each is protected by itself, so a receiver "
        "can check and use one before the next has arrived."
    )

    def __init__(self, observed: TlsObserved, record: TlsRecord, content_type: int, handshake: list[int]) -> None:
        super().__init__(observed)
        self.content_type = content_type
        self.outer = record.content_type
        self.version = record.version
        self.length = record.length
        self.handshake = handshake
        self.cut = record.cut > 0

    def label(self) -> str:
        return "record"

    def detail(self) -> str:
        return f"{content_type_name(self.content_type)}, {version_name(self.version)}, {self.length} bytes"

    def what(self) -> str:
        text = f"A record of {self.who()}: {content_type_name(self.content_type)}, {self.length} bytes"
        if self.handshake:
            text += f" ({', '.join([message_name(number) for number in self.handshake])})"
        return text + (", cut short by the capture." if self.cut else ".")

    def fields(self) -> dict[str, JsonValue]:
        out = self._record()
        out["length"] = self.length
        out["cut"] = self.cut
        return out

    def frame_record(self) -> dict[str, JsonValue] | None:
        return self._record()

    def _record(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"version": self.version}
        if self.content_type != SSL2:
            out["content_type"] = self.content_type
        if self.outer != self.content_type:
            out["opaque_type"] = self.outer
        if self.handshake:
            out["handshake"] = numbers(self.handshake)
        return out


class MessageSeen(TlsEvent):
    """One handshake message of a transport that carries it without records. type: by its number."""

    name: ClassVar[str] = "tls.message"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9001 §4.1.3"
    WHY: ClassVar[str] = (
        "QUIC takes the messages of TLS without its records: it protects its packets itself, with keys that TLS agrees "
        "on."
    )

    def __init__(self, observed: TlsObserved, type: int) -> None:
        super().__init__(observed)
        self.type = type
        self.length = observed.length

    def label(self) -> str:
        return "message"

    def detail(self) -> str:
        return f"{message_name(self.type)}, {self.length} bytes"

    def what(self) -> str:
        return f"A handshake message of {self.who()}: {message_name(self.type)}, {self.length} bytes."

    def fields(self) -> dict[str, JsonValue]:
        return {"type": self.type, "length": self.length}

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"handshake": [self.type]}


class Resynchronised(TlsEvent):
    """Records were found again. passed: bytes that could not be read as records; lost: bytes not in the capture."""

    name: ClassVar[str] = "tls.resynchronised"
    phase: ClassVar[str] = DATA
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §5.1"
    WHY: ClassVar[str] = (
        "A record begins right after the one before it, and nothing marks its start. Where bytes are missing, the "
        "next header can only be counted out or recognised by its look."
    )

    def __init__(self, observed: TlsObserved, notice: Notice) -> None:
        super().__init__(observed)
        self.passed = notice.passed
        self.lost = notice.lost

    def label(self) -> str:
        return "in step again"

    def what(self) -> str:
        why = f"{self.lost} bytes are not in the capture" if self.lost else "what was read starts within the stream"
        text = f"Records of {self.who()} are in step again"
        if self.passed:
            text += f" after {self.passed} bytes that could not be read as records"
        return f"{text}: {why}."

    def fields(self) -> dict[str, JsonValue]:
        return {"passed": self.passed, "lost": self.lost}
