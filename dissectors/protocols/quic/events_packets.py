"""Events within a connection: how its packets change, and what ends it."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CARRYING, CLOSING, CORE, EXTRA, LINED, JsonValue, Observed
from dissectors.kit.units import duration, plural
from dissectors.protocols.quic.codes import APPLICATION_ERROR, NO_ERROR, application_error, is_alert, transport_error
from dissectors.protocols.quic.events import PACKETS, QuicEvent, capital

END: Final = "quic end"


class QuicClosed(QuicEvent):
    """A CONNECTION_CLOSE. application: with an error of the protocol that is carried.     alpn: which that is.
    trigger: the type of the frame that caused it, 0 where that is not known."""

    name: ClassVar[str] = "quic.close"
    phase: ClassVar[str] = END
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9000 §10.2; RFC 9000 §19.19"
    WHY: ClassVar[str] = (
        "A side that ends a connection says so once, with a code and perhaps a reason, and answers what still comes "
        "with the same. There is no farewell in two directions as with TCP."
    )

    def __init__(
        self, observed: Observed, client: int, code: int, reason: bytes, *, alpn: str, application: bool, early: bool,
        trigger: int = 0,
    ) -> None:
        super().__init__(observed, client)
        self.code = code
        self.reason = reason[:256].decode("utf-8", "backslashreplace")
        self.alpn = alpn
        self.application = application
        self.early = early           # before the handshake was complete
        self.trigger = trigger

    def error(self) -> tuple[str, str]:
        """(its name, what it means)"""
        return application_error(self.code, self.alpn) if self.application else transport_error(self.code)

    @property
    def failed(self) -> bool:
        """It tells of an error, as far as its code is known."""
        name, meaning = self.error()
        if self.application:
            return bool(meaning) and not name.endswith("NO_ERROR")
        return self.code not in (NO_ERROR, APPLICATION_ERROR)     # the latter hides why (RFC 9000 §10.2.3)

    @property
    def alert(self) -> int:
        """Of TLS, -1 for none."""
        return self.code - 0x100 if not self.application and is_alert(self.code) else -1

    def label(self) -> str:
        return "CONNECTION_CLOSE"

    def detail(self) -> str:
        name = self.error()[0]
        return f"{name}: {self.reason}" if self.reason else name

    def what(self) -> str:
        name, meaning = self.error()
        level = "the application's code" if self.application else "the code"
        text = f"{capital(self.who())} ends the connection with {level} {name}"
        text += f" ({meaning})." if meaning else "."
        if self.reason:
            text += f" Its reason: {self.reason.rstrip('.')}."
        if self.trigger:
            text += f" It names a frame of the type 0x{self.trigger:x} as the cause."
        if self.early:
            text += " The handshake was not complete by then."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "code": self.code, "error": self.error()[0], "application": self.application, "reason": self.reason,
            "early": self.early,
        }
        if self.alert >= 0:
            out["alert"] = self.alert
        return out


class ResetPossible(QuicEvent):
    """A datagram that may be a stateless reset, or that is one. proven: it ends with a token of that side."""

    name: ClassVar[str] = "quic.stateless_reset"
    phase: ClassVar[str] = END
    rank: ClassVar[int] = CLOSING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9000 §10.3"
    WHY: ClassVar[str] = (
        "A side that has lost all it knew of a connection, after a restart for instance, cannot send packets of it any "
        "more. A stateless reset looks like any packet, and only its last 16 bytes tell whoever was told them before."
    )

    def __init__(self, observed: Observed, client: int, octets: int, *, proven: bool) -> None:
        super().__init__(observed, client)
        self.octets = octets
        self.proven = proven

    def label(self) -> str:
        return "stateless reset" if self.proven else "stateless reset?"

    def what(self) -> str:
        if self.proven:
            return f"{capital(self.who())} does not know the connection any more: it sends a stateless reset."
        return (
            f"The last datagram of {self.who()} is of {plural(self.octets, 'byte')} and names a connection ID that was "
            "not seen before: it may be a stateless reset, and may be something else."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"proven": self.proven, "octets": self.octets}


class KeysUpdated(QuicEvent):
    """A side uses new keys from here on. generation: counted from 0."""

    name: ClassVar[str] = "quic.key_update"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 9001 §6"
    WHY: ClassVar[str] = (
        "Keys wear out with use. Either side may go on to the next ones at any time; a bit in its packets says so, and "
        "the other side follows."
    )

    def __init__(self, observed: Observed, client: int, generation: int) -> None:
        super().__init__(observed, client)
        self.generation = generation

    def label(self) -> str:
        return "key update"

    def detail(self) -> str:
        return f"generation {self.generation}"

    def what(self) -> str:
        return f"{capital(self.who())} goes on with new keys, generation {self.generation}."

    def fields(self) -> dict[str, JsonValue]:
        return {"generation": self.generation}


class StreamReset(QuicEvent):
    """RESET_STREAM or STOP_SENDING. stream_id: of QUIC.     stops: the other side is asked to send no more."""

    name: ClassVar[str] = "quic.stream_reset"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9000 §3.5; RFC 9000 §19.4; RFC 9000 §19.5"
    WHY: ClassVar[str] = (
        "A stream can be given up without the connection: its sender says that no more will come, or its receiver that "
        "it wants no more."
    )

    def __init__(self, observed: Observed, client: int, stream_id: int, error: str, *, stops: bool) -> None:
        super().__init__(observed, client)
        self.stream_id = stream_id
        self.error = error
        self.stops = stops

    def label(self) -> str:
        return "STOP_SENDING" if self.stops else "RESET_STREAM"

    def detail(self) -> str:
        return f"stream {self.stream_id}, {self.error}"

    def what(self) -> str:
        if self.stops:
            return f"{capital(self.who())} wants no more of stream {self.stream_id}: {self.error}."
        return f"{capital(self.who())} gives up stream {self.stream_id}: {self.error}."

    def fields(self) -> dict[str, JsonValue]:
        return {"stream_id": self.stream_id, "error": self.error, "stops": self.stops}


class PathChecked(QuicEvent):
    """PATH_CHALLENGE and its PATH_RESPONSE. took_ns: between them."""

    name: ClassVar[str] = "quic.path"
    phase: ClassVar[str] = PACKETS
    rank: ClassVar[int] = CARRYING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9000 §8.2"
    WHY: ClassVar[str] = (
        "A side that sees its peer at another address, or wants to use another one, first sends something there that "
        "can only be answered by who gets it."
    )

    def __init__(self, observed: Observed, client: int, took_ns: int) -> None:
        super().__init__(observed, client)
        self.took_ns = took_ns

    def label(self) -> str:
        return "path"

    def detail(self) -> str:
        return f"answered in {duration(self.took_ns)}"

    def what(self) -> str:
        took = duration(self.took_ns)
        return f"{capital(self.who())} answers a challenge of {self.peer()} to its path, {took} after it."

    def fields(self) -> dict[str, JsonValue]:
        return {"took_ns": self.took_ns}
