"""A WebSocket hands its messages on to whoever is reached by the subprotocol that was agreed."""
from __future__ import annotations

from typing import ClassVar

import pytest
from websocket_wire import ACCEPT, CLIENT, MS, NONCE, SERVER, Deflater, frame

from analyzer.flows.router import Router
from dissectors.kit.event import Event, Evidence, LimitReached
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.protocol import Context, Dissector, Output, Protocol
from dissectors.protocols.http1.protocol import HTTP
from dissectors.protocols.websocket.above import MAX_MESSAGE
from dissectors.protocols.websocket.protocol import WEBSOCKET


class Heard(Event):
    name: ClassVar[str] = "made.heard"

    def __init__(self, text: str) -> None:
        super().__init__(0, 0, Evidence((1,)))
        self.text = text

    def what(self) -> str:
        return self.text


class Listener(Dissector):
    def on_data(self, chunk: Chunk) -> list[Output]:
        return [Heard(f"{chunk.direction} {chunk.position} {chunk.data!r}")]

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        return [Heard(f"{datagram.direction} whole {datagram.data[:20]!r}")]

    def on_gap(self, gap: Gap) -> list[Output]:
        return [Heard(f"{gap.direction} {gap.position} lacks {gap.length}")]

    def on_close(self, close: Close) -> list[Output]:
        return [Heard(f"close {close.direction} {close.how}")]


def made(whole: tuple[str, ...] = (), token: str = "made.v1") -> Protocol:
    return Protocol("made", "Made", "Made.", ("RFC 1",), lambda context: Listener(), ("tcp",), {}, (Heard,),
                    reached_by=(("subprotocol", token),), whole_by=whole)


class Talk:
    def __init__(self, protocol: Protocol, extensions: bytes = b"", token: bytes = b"made.v1") -> None:
        self.router = Router((HTTP, WEBSOCKET, protocol), Context("tcp", 50_000, 80), 1)
        self.number = 0
        self.positions = [0, 0]
        self.events: list[Event] = []
        self.send(CLIENT, b"GET /chat HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Key: " + NONCE + b"\r\nSec-WebSocket-Version: 13\r\n"
                  b"Sec-WebSocket-Protocol: other, " + token + b"\r\n\r\n")
        self.send(SERVER, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Protocol: " + token + b"\r\n" + extensions
                  + b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n")

    def send(self, direction: int, data: bytes) -> None:
        self.number += 1
        self.events += self.router.chunk(
            Chunk(self.number, self.number * MS, direction, data, self.positions[direction])
        )
        self.positions[direction] += len(data)

    def lose(self, direction: int, octets: int) -> None:
        self.number += 1
        self.events += self.router.gap(Gap(self.number, self.number * MS, direction, self.positions[direction], octets))
        self.positions[direction] += octets

    def heard(self) -> list[str]:
        return [event.what() for event in self.events if isinstance(event, Heard)]


def test_messages_are_one_stream_of_octets_however_they_were_cut() -> None:
    talk = Talk(made())
    talk.send(CLIENT, frame(2, b"ab", masked=True, fin=False) + frame(9, b"ping", masked=True))
    talk.send(CLIENT, frame(0, b"cd", masked=True) + frame(1, b"ef", masked=True))
    talk.send(SERVER, frame(2, b"answer"))
    talk.events += talk.router.close(Close(9, 9 * MS, 2, "fin"))
    assert talk.heard() == ["0 0 b'ab'", "0 2 b'cd'", "0 4 b'ef'", "1 0 b'answer'", "close 2 fin"]
    assert "websocket.message" in [event.name for event in talk.events], "it still tells its own messages"


def test_messages_come_whole_where_the_protocol_wants_them_so() -> None:
    talk = Talk(made(("subprotocol",)))
    talk.send(CLIENT, frame(2, b"ab", masked=True, fin=False))
    talk.send(CLIENT, frame(0, b"cd", masked=True))
    talk.send(SERVER, frame(2, bytes(int(MAX_MESSAGE) + 1)) + frame(1, b"next"))
    assert talk.heard() == ["0 whole b'abcd'", "1 whole b'next'"]
    assert [event.cap for event in talk.events if isinstance(event, LimitReached)] == ["octets of a message handed on"]


@pytest.mark.parametrize("whole", [(), ("subprotocol",)])
def test_compressed_messages_are_handed_on_as_they_were_meant(whole: tuple[str, ...]) -> None:
    talk = Talk(made(whole), b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    packed = Deflater().message(b"again and again and again")
    talk.send(SERVER, frame(1, packed, reserved=4))
    assert talk.heard() == [f"1 {'whole' if whole else '0'} {b'again and again and again'[:20 if whole else None]!r}"]


def test_what_the_capture_lacks_is_said() -> None:
    for whole, heard in (((), ["1 0 b'abc'", "1 3 lacks 4", "1 7 b'hij'", "1 10 b'next'"]),
                         (("subprotocol",), ["1 whole b'next'"])):
        talk = Talk(made(whole))
        data = frame(2, b"abcdefghij")
        talk.send(SERVER, data[:5])
        talk.lose(SERVER, 4)
        talk.send(SERVER, data[9:])
        talk.send(SERVER, frame(2, b"next"))
        assert talk.heard() == heard


def test_a_subprotocol_that_nobody_reads_is_not_handed_on() -> None:
    talk = Talk(made(token="MADE.V1"))
    talk.send(CLIENT, frame(2, b"ab", masked=True))
    assert talk.heard() == []
    assert "websocket.message" in [event.name for event in talk.events]
