"""One HTTP/1 connection, fed as bytes: → of the client, ← of the server."""
from __future__ import annotations

from typing import TypeVar

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Handoff, Output, Readers
from dissectors.kit.provided import Provided
from dissectors.protocols.http1.events import HttpExchange, HttpRequest, HttpResponse
from dissectors.protocols.http1.protocol import HTTP
from dissectors.registry import built_in

MS = 1_000_000
E = TypeVar("E")


class Connection:
    """Every step is a frame of its own, 10 ms after the one before it. out: all that the dissector gave back."""

    def __init__(self, each_pdu: bool = False, midstream: bool = False, show_secrets: bool = False) -> None:
        provided = Provided()
        provided.show_secrets = show_secrets
        assert HTTP.create is not None
        context = Context("tcp", 50000, 80, midstream, each_pdu, provided)
        context.readers = Readers(built_in())
        self.dissector = HTTP.create(context)
        self.frame = 0
        self.time = 0
        self.position = [0, 0]
        self.out: list[Output] = []

    def _next(self, after_ms: int) -> None:
        self.frame += 1
        self.time += after_ms * MS

    def send(self, data: bytes | str, direction: int = FORWARD, after_ms: int = 10, offset: int = -1) -> list[Output]:
        octets = data.encode("latin-1") if isinstance(data, str) else data
        self._next(after_ms)
        out = self.dissector.on_data(Chunk(
            self.frame, self.time, direction, octets, self.position[direction], offset=offset
        ))
        self.position[direction] += len(octets)
        self.out += out
        return out

    def answer(self, data: bytes | str, after_ms: int = 10) -> list[Output]:
        return self.send(data, BACKWARD, after_ms)

    def lose(self, length: int, direction: int, same_frame: bool = False) -> list[Output]:
        if not same_frame:
            self._next(10)
        out = self.dissector.on_gap(Gap(self.frame, self.time, direction, self.position[direction], length))
        self.position[direction] += length
        self.out += out
        return out

    def close(self, direction: int = NEITHER, how: str = "fin") -> list[Output]:
        self._next(10)
        out = self.dissector.on_close(Close(self.frame, self.time, direction, how))
        self.out += out
        return out

    def of(self, kind: type[E]) -> list[E]:
        return [output for output in self.out if isinstance(output, kind)]

    @property
    def requests(self) -> list[HttpRequest]:
        return self.of(HttpRequest)

    @property
    def responses(self) -> list[HttpResponse]:
        return self.of(HttpResponse)

    @property
    def exchanges(self) -> list[HttpExchange]:
        return self.of(HttpExchange)

    @property
    def handoffs(self) -> list[Handoff]:
        return self.of(Handoff)

    @property
    def events(self) -> list[Event]:
        return self.of(Event)


def request(target: str = "/", method: str = "GET", *fields: str, body: bytes = b"") -> bytes:
    """A request with Host and these fields."""
    lines = [f"{method} {target} HTTP/1.1", "Host: shop.test", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def response(status: str = "200 OK", *fields: str, body: bytes | None = b"") -> bytes:
    """A response with its Content-Length; without one where body is None."""
    lines = [f"HTTP/1.1 {status}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")
