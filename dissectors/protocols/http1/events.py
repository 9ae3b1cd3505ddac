"""Events of HTTP/1. What requests, responses and exchanges mean stands with what all versions share."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, CORE, SUMMED, Event, Evidence, JsonValue
from dissectors.kit.units import plural
from dissectors.protocols.http1.reader import Http1Half
from dissectors.wire.http.events import PHASE, ExchangeEvent, HttpSeen, RequestEvent, ResponseEvent


class HttpRequest(RequestEvent):
    """A request of HTTP/1."""

    name: ClassVar[str] = "http.request"
    normally: ClassVar[str] = SUMMED

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"method": self.head.method, "uri": self.head.target}


class HttpResponse(ResponseEvent):
    """A response of HTTP/1."""

    name: ClassVar[str] = "http.response"
    normally: ClassVar[str] = SUMMED

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"status": self.head.status} if self.head.status >= 0 else None


class HttpExchange(ExchangeEvent):
    """An exchange of HTTP/1."""

    name: ClassVar[str] = "http.exchange"
    on_wire: ClassVar[bool] = False


class HttpAmbiguous(Event):
    """A message that two recipients may read differently. code: which shape."""

    name: ClassVar[str] = "http.ambiguous"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9112 §11.2"
    WHY: ClassVar[str] = (
        "Messages follow one another without a mark between them. Where a proxy and a server disagree on where one "
        "ends, what the one takes for a body the other takes for the next request: so requests are smuggled past "
        "filters."
    )

    def __init__(self, seen: HttpSeen, exchange: int, code: str, reason: str) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.exchange = exchange
        self.code = code
        self.reason = reason

    def label(self) -> str:
        return "ambiguous"

    def what(self) -> str:
        return self.reason

    def detail(self) -> str:
        return self.code.replace("_", " ")

    def fields(self) -> dict[str, JsonValue]:
        return {"exchange": self.exchange, "code": self.code, "reason": self.reason}


class HttpSkipped(Event):
    """Bytes that belong to no message that could be read. octets: how many; missing: bytes the capture does not hold.

    found: a message begins right behind them; otherwise nothing followed.
    """

    name: ClassVar[str] = "http.skipped"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9112 §6.3"
    WHY: ClassVar[str] = (
        "Without the head of a message nobody can say where it ends. Reading goes on where the next request or "
        "response begins."
    )

    def __init__(self, half: Http1Half, missing: int, *, found: bool) -> None:
        super().__init__(half.now, half.direction, Evidence((half.frame,)))
        self.octets = int(half.skipped)
        self.missing = missing
        self.found = found

    def label(self) -> str:
        return "skipped"

    def what(self) -> str:
        parts = [plural(self.octets, "byte") + " that belong to no message" if self.octets else ""]
        parts.append(plural(self.missing, "byte") + " that the capture does not hold" if self.missing else "")
        said = " and ".join([part for part in parts if part]) or "An unknown number of bytes"
        tail = "the next message begins here" if self.found else "no message was found behind them"
        return f"{said[0].upper()}{said[1:]}: {tail}."

    def fields(self) -> dict[str, JsonValue]:
        return {"octets": self.octets, "missing_octets": self.missing, "message_found": self.found}
