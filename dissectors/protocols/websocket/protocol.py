"""WebSocket as the registry knows it."""
from __future__ import annotations

from typing import Final

from dissectors.kit.display_field import BOOLEAN, NUMBER, DisplayField
from dissectors.kit.protocol import UPGRADE, Context, Dissector, Protocol
from dissectors.protocols.websocket.dissector import WebSocketDissector
from dissectors.protocols.websocket.ended import WsEnded
from dissectors.protocols.websocket.events import (
    CloseSeen,
    FrameSeen,
    Joined,
    Missing,
    Pong,
    WsMessage,
    WsMessageRun,
    WsOpened,
    WsPing,
)
from dissectors.protocols.websocket.events_rules import VIOLATIONS, AcceptMismatch
from dissectors.protocols.websocket.probe import probe
from dissectors.protocols.websocket.terms import TERMS


def _create(context: Context) -> Dissector:
    return WebSocketDissector(context)


WEBSOCKET: Final = Protocol(
    "websocket", "WebSocket", "Messages in both directions over one connection that began as HTTP.",
    ("RFC 6455", "RFC 7692", "RFC 8441"), _create, ("tcp",), {},
    (
        WsOpened, AcceptMismatch, Joined, WsMessage, WsMessageRun, WsPing, Pong, CloseSeen, WsEnded, Missing, FrameSeen,
        *VIOLATIONS,
    ),
    TERMS, probe, reached_by=((UPGRADE, "websocket"),),
    fields=(
        DisplayField("websocket.opcode", NUMBER, "of a frame: 1 text, 2 binary, 8 close, 9 ping", "opcode"),
        DisplayField("websocket.fin", BOOLEAN, "it ends a message", "fin"),
        DisplayField("websocket.payload_length", NUMBER, "octets of its payload", "length"),
    ),
)
