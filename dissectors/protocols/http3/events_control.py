"""What is said of streams of HTTP/3 beside requests and responses: their order, and what a server sends unasked."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, SUMMED, Event, JsonValue, Observed
from dissectors.kit.identity import Identity
from dissectors.wire.http.describe import request_short
from dissectors.wire.http.events import PHASE
from dissectors.wire.http.identity import identities_of
from dissectors.wire.http.message import Head
from dissectors.wire.http.priority import priority_of


class H3PriorityUpdate(Event):
    """The order of RFC 9218 changes. element: the stream, or the push, that it is about.

    urgency: 0 first to 7 last; incremental: parts are of use before the whole.
    """

    name: ClassVar[str] = "http3.priority_update"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9218 §7.2"
    WHY: ClassVar[str] = (
        "What a client needs first can change after it has asked, and it may say so before its request has come. The "
        "frame goes over the control stream and names the stream of the request."
    )

    def __init__(self, observed: Observed, element: int, value: str, *, push: bool) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.element = element
        self.push = push
        self.value = value
        self.urgency, self.incremental = priority_of(value)

    def label(self) -> str:
        return "PRIORITY_UPDATE"

    def _what(self) -> str:
        return f"{'push' if self.push else 'stream'} {self.element}"

    def detail(self) -> str:
        return f"{self._what()}, {self.value or 'defaults'}"

    def what(self) -> str:
        alike = "and is of use in parts" if self.incremental else "and is wanted whole"
        name = self._what()
        return f"{name[0].upper()}{name[1:]} gets urgency {self.urgency} (0 is first, 7 last) {alike}."

    def fields(self) -> dict[str, JsonValue]:
        return {
            "element": self.element, "push": self.push, "value": self.value, "urgency": self.urgency,
            "incremental": self.incremental,
        }


class H3PushPromise(Event):
    """A server is going to answer what nobody asked for. head: the request that it stands for, None where it cannot be
    read.     stream_id: of the request that led to it."""

    name: ClassVar[str] = "http3.push_promise"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9114 §4.6; RFC 9114 §7.2.5"
    WHY: ClassVar[str] = (
        "A server may send what a client will ask for next. It says so on the stream of the request that needs it, and "
        "sends the response on a stream of its own. Browsers do not take it any more."
    )

    def __init__(self, observed: Observed, push: int, stream_id: int, head: Head | None) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.push = push
        self.stream_id = stream_id
        self.head = head

    def label(self) -> str:
        return "PUSH_PROMISE"

    def detail(self) -> str:
        return f"push {self.push}" + (f", {request_short(self.head)}" if self.head is not None else "")

    def what(self) -> str:
        asked = request_short(self.head) if self.head is not None else "a request whose fields cannot be read here"
        return f"The server announces push {self.push} on stream {self.stream_id}: its answer to {asked}."

    def identifies(self) -> list[Identity]:
        return identities_of(self.head, ())

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"push": self.push, "stream_id": self.stream_id}
        if self.head is not None:
            out["method"], out["url"] = self.head.method, self.head.url()
        return out


class H3PushCancelled(Event):
    """CANCEL_PUSH: a client does not want it, or the server does not send it."""

    name: ClassVar[str] = "http3.cancel_push"
    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9114 §7.2.3"
    WHY: ClassVar[str] = "A push can be called off by either side before it is over."

    def __init__(self, observed: Observed, push: int) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.push = push

    def label(self) -> str:
        return "CANCEL_PUSH"

    def detail(self) -> str:
        return f"push {self.push}"

    def what(self) -> str:
        return f"Push {self.push} is called off."

    def fields(self) -> dict[str, JsonValue]:
        return {"push": self.push}
