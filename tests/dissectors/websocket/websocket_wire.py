"""WebSocket frames put together byte by byte, and a connection to feed them to."""
from __future__ import annotations

import zlib
from struct import pack
from typing import TypeVar

from dissectors.kit.event import DissectorFault, Event
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.kit.provided import Provided
from dissectors.protocols.websocket.protocol import WEBSOCKET

MS = 1_000_000
SECOND = 1_000 * MS
CLIENT, SERVER = 0, 1
KEY = b"\x11\x22\x33\x44"
NONCE = b"dGhlIHNhbXBsZSBub25jZQ=="                # the example of RFC 6455 §1.3
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
E = TypeVar("E", bound=Event)


def frame(
    opcode: int, payload: bytes = b"", *, masked: bool = False, fin: bool = True, reserved: int = 0, form: int = 0
) -> bytes:
    """form: 16 or 64 to write the length in that many bits whether it needs them or not."""
    head = bytes([fin << 7 | reserved << 4 | opcode])
    size, mask = len(payload), masked << 7
    if form == 64 or size > 0xFFFF:
        head += bytes([mask | 127]) + pack(">Q", size)
    elif form == 16 or size > 125:
        head += bytes([mask | 126]) + pack(">H", size)
    else:
        head += bytes([mask | size])
    if masked:
        head += KEY
        payload = bytes(octet ^ KEY[index % 4] for index, octet in enumerate(payload))
    return head + payload


def request(**extra: bytes) -> Fields:
    pairs = {
        b":method": b"GET", b":path": b"/chat?token=s3cr3t&room=1", b":authority": b"shop.test",
        b"upgrade": b"websocket", b"sec-websocket-key": NONCE, b"sec-websocket-version": b"13",
        b"sec-websocket-protocol": b"v2, v1",
        b"sec-websocket-extensions": b"permessage-deflate; client_max_window_bits",
    }
    pairs |= {name.replace("_", "-").encode(): value for name, value in extra.items()}
    return Fields(1, 0, CLIENT, "request", tuple(pairs.items()))


def response(**extra: bytes) -> Fields:
    pairs = {b":status": b"101", b"upgrade": b"websocket", b"sec-websocket-accept": ACCEPT}
    pairs |= {name.replace("_", "-").encode(): value for name, value in extra.items()}
    return Fields(2, MS, SERVER, "response", tuple(pairs.items()))


class Peer:
    """Feeds a dissector; every call takes the next frame of the capture, a millisecond later."""

    def __init__(self, opened: bool = True, each_pdu: bool = False, show_secrets: bool = False, **extra: bytes) -> None:
        provided = Provided()
        provided.show_secrets = show_secrets
        assert WEBSOCKET.create is not None
        self.dissector: Dissector = WEBSOCKET.create(Context("tcp", 50_000, 80, False, each_pdu, provided))
        self.number, self.time = 2, MS
        self.positions = [0, 0]
        self.events: list[Event] = []
        if opened:
            self._take(self.dissector.on_fields(request()))
            self._take(self.dissector.on_fields(response(**extra)))

    def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            assert isinstance(output, Event), output
            assert not isinstance(output, DissectorFault)
            self.events.append(output)

    def send(self, direction: int, data: bytes, after: int = MS) -> None:
        self.number += 1
        self.time += after
        self._take(self.dissector.on_data(
            Chunk(self.number, self.time, direction, data, self.positions[direction])
        ))
        self.positions[direction] += len(data)

    def lose(self, direction: int, octets: int) -> None:
        self.number += 1
        self._take(self.dissector.on_gap(Gap(self.number, self.time, direction, self.positions[direction], octets)))
        self.positions[direction] += octets

    def close(self, how: str = "fin", direction: int = 2) -> None:
        self.number += 1
        self.time += MS
        self._take(self.dissector.on_close(Close(self.number, self.time, direction, how)))

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def names(self) -> list[str]:
        return [event.name for event in self.events]


class Deflater:
    """As a sender compresses: one context for all messages, or one for each."""

    def __init__(self, keeps: bool = True, bits: int = 15) -> None:
        self.keeps, self.bits = keeps, bits
        self.engine = self._fresh()

    def _fresh(self) -> zlib._Compress:
        return zlib.compressobj(wbits=-self.bits)

    def message(self, data: bytes) -> bytes:
        if not self.keeps:
            self.engine = self._fresh()
        return (self.engine.compress(data) + self.engine.flush(zlib.Z_SYNC_FLUSH))[:-4]
