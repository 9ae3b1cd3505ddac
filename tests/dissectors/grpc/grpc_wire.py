"""A call put together piece by piece, and a schema for its messages."""
from __future__ import annotations

from struct import pack
from typing import TypeVar

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Output
from dissectors.kit.provided import Provided
from dissectors.protocols.grpc.protocol import GRPC

MS = 1_000_000
SECOND = 1_000 * MS
CLIENT, SERVER = 0, 1
E = TypeVar("E", bound=Event)


def message(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + pack(">I", len(data)) + data


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def octets(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def descriptors() -> bytes:
    """`shop.v1.Shop` with a unary and a streaming method, as a serialised FileDescriptorSet."""
    item = octets(1, b"Item") + b"".join(
        octets(2, octets(1, name) + number(3, at) + number(4, 1) + number(5, kind))
        for at, (name, kind) in enumerate(((b"name", 9), (b"count", 5), (b"api_token", 9)), 1)
    )
    types = octets(2, b".shop.v1.Item") + octets(3, b".shop.v1.Item")
    service = octets(1, b"Shop") + octets(2, octets(1, b"Get") + types)
    service += octets(2, octets(1, b"Watch") + types + number(6, 1))
    file = octets(1, b"shop.proto") + octets(2, b"shop.v1") + octets(4, item) + octets(6, service)
    return octets(1, file + octets(12, b"proto3"))


class Exchange:
    """One call; every step takes the next frame of the capture, a millisecond later."""

    def __init__(
        self, path: bytes = b"/shop.v1.Shop/Get", kind: bytes = b"application/grpc", schema: bytes = b"",
        each_pdu: bool = False, request: bool = True, **extra: bytes,
    ) -> None:
        provided = Provided()
        provided.descriptors = schema
        assert GRPC.create is not None
        self.dissector = GRPC.create(Context("tcp", 50_000, 50_051, False, each_pdu, provided))
        self.frame, self.time = 0, 0
        self.positions = [0, 0]
        self.events: list[Event] = []
        self.kind = kind
        if request:
            self.fields(CLIENT, "request", **{":path": path, "content-type": kind, **extra})

    def step(self, after: int) -> None:
        self.frame += 1
        self.time += after

    def take(self, outputs: list[Output]) -> None:
        for output in outputs:
            assert isinstance(output, Event), output
            self.events.append(output)

    def fields(self, direction: int, section: str, after: int = MS, **pairs: bytes) -> None:
        self.step(after)
        listed = tuple((name.replace("_", "-").encode(), value) for name, value in pairs.items())
        self.take(self.dissector.on_fields(Fields(self.frame, self.time, direction, section, listed, 1)))

    def send(self, direction: int, data: bytes, after: int = MS) -> None:
        self.step(after)
        self.take(self.dissector.on_data(
            Chunk(self.frame, self.time, direction, data, self.positions[direction], stream=1)
        ))
        self.positions[direction] += len(data)

    def lose(self, direction: int, size: int) -> None:
        self.step(MS)
        self.take(self.dissector.on_gap(Gap(self.frame, self.time, direction, self.positions[direction], size, 1)))

    def close(self, direction: int = 2, how: str = "fin", after: int = MS) -> None:
        self.step(after)
        self.take(self.dissector.on_close(Close(self.frame, self.time, direction, how, 1)))

    def answer(self, *messages: bytes, status: bytes = b"0", **extra: bytes) -> None:
        """The request is over; headers, messages, trailers."""
        self.close(CLIENT)
        self.fields(SERVER, "response", **{":status": b"200", "content-type": self.kind})
        for one in messages:
            self.send(SERVER, one)
        self.fields(SERVER, "trailers", grpc_status=status, **extra)
        self.close(SERVER)
        self.close()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
