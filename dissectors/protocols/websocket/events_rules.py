"""Events of rules that a side broke. One is told for each kind and side; how often stands in the summary at the end."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import CORE, JsonValue
from dissectors.protocols.websocket.events import WebSocketEvent, WsObserved
from dissectors.protocols.websocket.upgrade import Upgrade

# Kinds of violations.
MASKING: Final = "masking"
RESERVED: Final = "reserved"
LENGTH: Final = "length"
CONTROL: Final = "control"
FRAGMENTS: Final = "fragments"
NOT_UTF8: Final = "utf8"
CLOSING: Final = "closing"
COMPRESSION: Final = "compression"
UPGRADE: Final = "upgrade"


class WsViolation(WebSocketEvent):
    """A rule that was broken. rule: which of them, as in `kind`; reason: a clause that says what was seen."""

    importance: ClassVar[str] = CORE
    rule: ClassVar[str] = ""

    def __init__(self, observed: WsObserved, reason: str) -> None:
        super().__init__(observed)
        self.reason = reason

    def label(self) -> str:
        return "violation"

    def what(self) -> str:
        return f"{self.who()} breaks a rule of WebSocket: {self.reason}."

    def fields(self) -> dict[str, JsonValue]:
        return {"rule": self.rule, "reason": self.reason, "by_client": self.by_client}


class MaskingViolation(WsViolation):
    """A client that does not mask, or a server that does."""

    name: ClassVar[str] = "websocket.masking_violation"
    spec: ClassVar[str] = "RFC 6455 §5.1"
    rule: ClassVar[str] = MASKING
    WHY: ClassVar[str] = (
        "A client masks every frame with a fresh random key, so that no script can choose the bytes on the wire and "
        "fool a proxy that takes them for HTTP. A server must not mask. Whoever receives otherwise has to close."
    )


class ReservedViolation(WsViolation):
    """Reserved bits or opcodes without an extension that gives them a meaning."""

    name: ClassVar[str] = "websocket.reserved_violation"
    spec: ClassVar[str] = "RFC 6455 §5.2"
    rule: ClassVar[str] = RESERVED
    WHY: ClassVar[str] = (
        "Three bits and ten opcodes are kept for extensions. Without an agreed extension nobody can know what they "
        "mean, so the receiver has to give the connection up."
    )


class LengthViolation(WsViolation):
    """A length in a longer form than it needs, or beyond 2^63."""

    name: ClassVar[str] = "websocket.length_violation"
    spec: ClassVar[str] = "RFC 6455 §5.2"
    rule: ClassVar[str] = LENGTH
    WHY: ClassVar[str] = (
        "A length stands in 7 bits, in 16 or in 64, whichever is the shortest that holds it. Other forms are either "
        "a mistake or an attempt to slip past something that inspects frames."
    )


class ControlViolation(WsViolation):
    """A control frame in fragments or with too much in it."""

    name: ClassVar[str] = "websocket.control_violation"
    spec: ClassVar[str] = "RFC 6455 §5.5"
    rule: ClassVar[str] = CONTROL
    WHY: ClassVar[str] = (
        "Close, ping and pong may come in the middle of a large message, so they must be small (125 bytes) and whole."
    )


class FragmentViolation(WsViolation):
    """A continuation of nothing, or a new message before the last one ended."""

    name: ClassVar[str] = "websocket.fragment_violation"
    spec: ClassVar[str] = "RFC 6455 §5.4"
    rule: ClassVar[str] = FRAGMENTS
    WHY: ClassVar[str] = (
        "The frames of two messages are never mixed: a message starts with its kind, goes on with continuations, and "
        "ends with FIN before the next one starts."
    )


class TextViolation(WsViolation):
    """A text message that is not UTF-8."""

    name: ClassVar[str] = "websocket.text_violation"
    spec: ClassVar[str] = "RFC 6455 §8.1"
    rule: ClassVar[str] = NOT_UTF8
    WHY: ClassVar[str] = (
        "Text is always UTF-8, so that both sides read the same characters. A receiver closes with code 1007 when it "
        "finds bytes that are not."
    )


class CloseViolation(WsViolation):
    """A Close frame with a code that must not be sent, half a code, or data after it."""

    name: ClassVar[str] = "websocket.close_violation"
    spec: ClassVar[str] = "RFC 6455 §5.5.1; RFC 6455 §7.4"
    rule: ClassVar[str] = CLOSING
    WHY: ClassVar[str] = (
        "Codes such as 1005 and 1006 are only told to a program when no Close frame or no code came; a frame that "
        "holds one contradicts itself. Nothing may follow a Close frame, for the other side will not read it."
    )


class CompressionViolation(WsViolation):
    """RSV1 where it has no meaning, or data that does not inflate."""

    name: ClassVar[str] = "websocket.compression_violation"
    spec: ClassVar[str] = "RFC 7692 §6; RFC 7692 §7.2.2"
    rule: ClassVar[str] = COMPRESSION
    WHY: ClassVar[str] = (
        "With permessage-deflate the bit RSV1 of the first frame says that a message is compressed. Elsewhere it has "
        "no meaning, and data that does not inflate spoils every message that refers to it."
    )


class UpgradeViolation(WsViolation):
    """Something in the handshake that the rules forbid, though the connection was opened."""

    name: ClassVar[str] = "websocket.upgrade_violation"
    spec: ClassVar[str] = "RFC 6455 §4.1; RFC 6455 §4.2.2"
    rule: ClassVar[str] = UPGRADE
    WHY: ClassVar[str] = (
        "A server may only choose from what the client offered. A client that gets something else has to fail the "
        "connection, because both sides would understand different things."
    )


class AcceptMismatch(WebSocketEvent):
    """The server's answer to the key is not what the key demands."""

    name: ClassVar[str] = "websocket.accept_mismatch"
    on_wire: ClassVar[bool] = False
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 6455 §4.1; RFC 6455 §4.2.2"
    WHY: ClassVar[str] = (
        "Sec-WebSocket-Accept is the SHA-1 of the client's key and a fixed text, in base64. A wrong value means that "
        "whoever answered did not read this request: a cache, a proxy, or a server that does not know WebSocket. "
        "The client must give the connection up."
    )

    def __init__(self, observed: WsObserved, upgrade: Upgrade) -> None:
        super().__init__(observed)
        self.upgrade = upgrade

    def label(self) -> str:
        return "wrong accept"

    def what(self) -> str:
        upgrade = self.upgrade
        if not upgrade.accept:
            return "The server switched to WebSocket without Sec-WebSocket-Accept: it did not prove that it understood."
        if not upgrade.key:
            return f"The server answers Sec-WebSocket-Accept: {upgrade.accept} to a request without a key."
        return (
            f"The server answers Sec-WebSocket-Accept: {upgrade.accept}; for the key {upgrade.key} "
            f"it must be {upgrade.expected}."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"key": self.upgrade.key, "accept": self.upgrade.accept, "accept_expected": self.upgrade.expected}


VIOLATIONS: Final = (
    MaskingViolation, ReservedViolation, LengthViolation, ControlViolation, FragmentViolation, TextViolation,
    CloseViolation, CompressionViolation, UpgradeViolation,
)


def violation(rule: str, observed: WsObserved, reason: str) -> WsViolation:
    """The event of that kind."""
    if rule == MASKING:
        return MaskingViolation(observed, reason)
    if rule == RESERVED:
        return ReservedViolation(observed, reason)
    if rule == LENGTH:
        return LengthViolation(observed, reason)
    if rule == CONTROL:
        return ControlViolation(observed, reason)
    if rule == FRAGMENTS:
        return FragmentViolation(observed, reason)
    if rule == NOT_UTF8:
        return TextViolation(observed, reason)
    if rule == CLOSING:
        return CloseViolation(observed, reason)
    if rule == COMPRESSION:
        return CompressionViolation(observed, reason)
    return UpgradeViolation(observed, reason)
