"""Frames put together octet by octet, and a connection to feed them to."""
from __future__ import annotations

from struct import pack

from hpack import Encoder

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Output, Readers
from dissectors.kit.provided import Provided
from dissectors.protocols.http2.dissector import Http2Dissector
from dissectors.registry import built_in

MS = 1_000_000
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20
Fields = list[tuple[bytes, bytes]]

GET: Fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.test"), (b":path", b"/big.bin")]
OK: Fields = [(b":status", b"200"), (b"content-type", b"text/plain")]


def frame(type_: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return pack(">I", len(payload))[1:] + bytes([type_, flags]) + pack(">I", stream) + payload


def settings(*pairs: tuple[int, int], ack: bool = False) -> bytes:
    return frame(SETTINGS, ACK if ack else 0, 0, b"".join(pack(">HI", *pair) for pair in pairs))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, pack(">I", increment))


class Connection:
    """One connection; every chunk is a frame of the capture, a millisecond after the last."""

    def __init__(self, midstream: bool = False, each_pdu: bool = False, show_secrets: bool = False) -> None:
        provided = Provided()
        provided.show_secrets = show_secrets
        self.context = Context("tcp", 50_000, 80, midstream, each_pdu, provided)
        self.context.readers = Readers(built_in())
        self.dissector = Http2Dissector(self.context)
        self.encoders = [Encoder(), Encoder()]
        self.number = 0
        self.now = 0
        self.position = [0, 0]
        self.outputs: list[Output] = []

    @property
    def events(self) -> list[Event]:
        return [output for output in self.outputs if isinstance(output, Event)]

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def one(self, name: str) -> Event:
        found = self.named(name)
        assert len(found) == 1, [event.what() for event in found]
        return found[0]

    def send(self, direction: int, *parts: bytes, after: int = MS) -> list[Event]:
        """Octets in one chunk; the events that they make."""
        data = b"".join(parts)
        self.number += 1
        self.now += after
        chunk = Chunk(self.number, self.now, direction, data, self.position[direction], 0, 54)
        self.position[direction] += len(data)
        return self._take(self.dissector.on_data(chunk))

    def skip(self, direction: int, length: int) -> list[Event]:
        self.number += 1
        self.now += MS
        gap = Gap(self.number, self.now, direction, self.position[direction], length)
        self.position[direction] += length
        return self._take(self.dissector.on_gap(gap))

    def open(self, *client: tuple[int, int], server: tuple[tuple[int, int], ...] = ()) -> None:
        """Prefaces and SETTINGS of both sides, acknowledged."""
        self.send(0, PREFACE, settings(*client))
        self.send(1, settings(*server), settings(ack=True))
        self.send(0, settings(ack=True))

    def block(self, direction: int, fields: Fields) -> bytes:
        encoded: bytes = self.encoders[direction].encode(fields)
        return encoded

    def headers(self, direction: int, stream: int, fields: Fields, ends: bool = False) -> bytes:
        return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, self.block(direction, fields))

    def close(self, how: str = "capture") -> list[Event]:
        self.now += MS
        return self._take(self.dissector.on_close(Close(self.number, self.now, 2, how)))

    def _take(self, outputs: list[Output]) -> list[Event]:
        self.outputs += outputs
        return [output for output in outputs if isinstance(output, Event)]
