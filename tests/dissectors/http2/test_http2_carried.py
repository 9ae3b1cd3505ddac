"""What streams carry: DNS, WebSocket, gRPC, server-sent events, tunnels; and the upgrade from HTTP/1.1."""
from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

pytest.importorskip("hpack", reason="makes the header blocks")

from http2_wire import (
    DATA,
    END_STREAM,
    GET,
    MS,
    OK,
    PADDED,
    PREFACE,
    RST_STREAM,
    Connection,
    Fields,
    frame,
    settings,
)

from analyzer.flows.router import Router
from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Datagram
from dissectors.kit.inputs import Fields as FieldsInput
from dissectors.kit.protocol import ANYONE, By, Context, Dissector, Handoff, Output, Protocol
from dissectors.protocols.dns.protocol import DNS
from dissectors.protocols.http1.protocol import HTTP
from dissectors.protocols.http2.events import H2Exchange
from dissectors.protocols.http2.protocol import HTTP2

QUERY = bytes.fromhex("000001000001000000000000") + b"\x04shop\x04test\x00" + bytes.fromhex("00010001")
ANSWER = bytes.fromhex("000081800001000100000000") + QUERY[12:] + bytes.fromhex("c00c0001000100000e1000040a000002")
DNS_TYPE = (b"content-type", b"application/dns-message")
POST: Fields = [(b":method", b"POST"), *GET[1:3], (b":path", b"/dns-query"), DNS_TYPE]
SAID: Fields = [(b":status", b"200"), DNS_TYPE]


class Recorder(Dissector):
    """Remembers what it is given, in words."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def on_fields(self, fields: FieldsInput) -> list[Output]:
        self.said.append(f"{fields.kind} {fields.stream} {fields.direction}")
        return []

    def on_data(self, chunk: Chunk) -> list[Output]:
        self.said.append(f"data {chunk.stream} {chunk.direction} {chunk.position} {chunk.data!r}")
        return []

    def on_close(self, close: Close) -> list[Output]:
        self.said.append(f"close {close.stream} {close.direction} {close.how}")
        return []


def recorder(name: str, said: list[str], by: By) -> Protocol:
    def create(_context: Context) -> Dissector:
        return Recorder(said)

    return Protocol(name, name, "A recorder.", ("RFC 9113",), create, ("tcp",), {}, (), reached_by=(by,))


def outputs_of(talk: Connection, kind: type[Output]) -> list[Output]:
    return [output for output in talk.outputs if isinstance(output, kind)]


@pytest.mark.parametrize("each_pdu", [False, True])
def test_dns_over_https(each_pdu: bool) -> None:
    talk = Connection(each_pdu=each_pdu)
    talk.open()
    talk.send(0, talk.headers(0, 1, POST), frame(DATA, 0, 1, QUERY[:9]))
    talk.send(0, frame(DATA, PADDED | END_STREAM, 1, b"\x03" + QUERY[9:] + bytes(3)))
    talk.send(1, talk.headers(1, 1, SAID), frame(DATA, 0, 1, ANSWER))
    talk.send(1, frame(DATA, END_STREAM, 1))
    handoffs = [output for output in talk.outputs if isinstance(output, Handoff)]
    assert [(one.by, one.position, one.stream) for one in handoffs] == [
        (("media", "application/dns-message"), -1, 1),
    ]
    datagrams = [output for output in talk.outputs if isinstance(output, Datagram)]
    assert [(one.frame, one.direction, one.data, one.stream) for one in datagrams] == [
        (5, 0, QUERY, 1), (7, 1, ANSWER, 1),
    ]


def test_a_query_in_the_target() -> None:
    path = b"/dns-query?ct&dns=" + urlsafe_b64encode(QUERY).rstrip(b"=")
    asked: Fields = [*GET[:3], (b":path", path), (b"accept", b"application/dns-message")]
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, asked, True))
    talk.send(1, talk.headers(1, 1, SAID), frame(DATA, END_STREAM, 1, ANSWER))
    datagrams = [output for output in talk.outputs if isinstance(output, Datagram)]
    assert [(one.direction, one.data) for one in datagrams] == [(0, QUERY), (1, ANSWER)]
    broken = Connection()
    broken.open()
    broken.send(0, broken.headers(0, 1, [*GET[:3], (b":path", b"/dns-query?dns=a"), asked[-1]], True))
    assert not outputs_of(broken, Datagram)
    frames = Connection(each_pdu=True)      # the octets of that query are in no frame
    frames.open()
    frames.send(0, frames.headers(0, 1, asked, True))
    assert not outputs_of(frames, Datagram)


def test_dns_is_read_through_the_router() -> None:
    talk = Connection()
    router = Router((DNS, HTTP2), Context("tcp", 50_000, 80), 7)
    events: list[Event] = []
    parts = [
        (0, PREFACE + settings() + talk.headers(0, 1, POST) + frame(DATA, END_STREAM, 1, QUERY)),
        (1, settings() + talk.headers(1, 1, SAID) + frame(DATA, END_STREAM, 1, ANSWER)),
    ]
    for number, (direction, data) in enumerate(parts, 1):
        events += router.chunk(Chunk(number, number * MS, direction, data, 0))
    events += router.close(Close(3, 3 * MS, 2, "fin"))
    dns = [event for event in events if event.name.startswith("dns.")]
    assert [event.name for event in dns] == ["dns.query", "dns.response"]
    assert {(event.conversation, event.stream) for event in dns} == {(7, 1)}
    assert dns[1].what() == "shop.test is 10.0.0.2; may be cached for 3600 s; answered in 1.00 ms."


def test_websocket_by_extended_connect() -> None:
    said: list[str] = []
    talk = Connection()
    router = Router((recorder("websocket", said, ("upgrade", "websocket")), HTTP2), Context("tcp", 50_000, 80), 1)
    asked: Fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]]
    parts = [
        (0, PREFACE + settings() + talk.headers(0, 1, asked)),
        (1, settings((8, 1)) + talk.headers(1, 1, [(b":status", b"200")]) + frame(DATA, 0, 1, b"hello")),
        (0, frame(DATA, 0, 1, b"abc") + frame(DATA, END_STREAM, 1, b"d")),
        (1, frame(DATA, END_STREAM, 1)),
    ]
    at = [0, 0]
    for number, (direction, data) in enumerate(parts, 1):
        router.chunk(Chunk(number, number * MS, direction, data, at[direction]))
        at[direction] += len(data)
    assert said == [
        "request 1 0", "response 1 1", "data 1 1 0 b'hello'", "data 1 0 0 b'abc'", "data 1 0 3 b'd'", "close 1 0 fin",
        "close 1 1 fin", "close 1 2 fin",
    ]


def test_grpc_gets_fields_data_and_ends() -> None:
    said: list[str] = []
    talk = Connection()
    router = Router((recorder("grpc", said, ("media", "application/grpc")), HTTP2), Context("tcp", 50_000, 80), 1)
    asked: Fields = [(b":method", b"POST"), *GET[1:], (b"content-type", b"application/grpc+proto")]
    answer: Fields = [(b":status", b"200"), (b"content-type", b"application/grpc")]
    parts = [
        (0, PREFACE + settings() + talk.headers(0, 1, asked) + frame(DATA, END_STREAM, 1, b"ask")),
        (1, settings() + talk.headers(1, 1, answer) + frame(DATA, 0, 1, b"say")),
        (1, talk.headers(1, 1, [(b"grpc-status", b"0")], True)),
        (0, talk.headers(0, 3, asked)),
        (0, frame(RST_STREAM, 0, 3, b"\x00\x00\x00\x08")),
    ]
    at = [0, 0]
    for number, (direction, data) in enumerate(parts, 1):
        router.chunk(Chunk(number, number * MS, direction, data, at[direction]))
        at[direction] += len(data)
    assert said == [
        "request 1 0", "data 1 0 0 b'ask'", "close 1 0 fin", "response 1 1", "data 1 1 0 b'say'", "trailers 1 1",
        "close 1 1 fin", "close 1 2 fin", "request 3 0", "close 3 0 rst",
    ]


def test_a_tunnel_goes_to_whoever_knows_its_bytes() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, [(b":method", b"CONNECT"), (b":authority", b"shop.test:443")]))
    talk.send(1, talk.headers(1, 1, [(b":status", b"200")]))
    talk.send(0, frame(DATA, 0, 1, b"inner"))
    handoff = outputs_of(talk, Handoff)[0]
    assert isinstance(handoff, Handoff)
    assert (handoff.by, handoff.stream) == (ANYONE, 1)
    assert len(outputs_of(talk, Chunk)) == 1
    talk.send(0, frame(DATA, END_STREAM, 1))
    talk.send(1, frame(DATA, END_STREAM, 1))
    event = talk.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    assert event.summary() == "CONNECT shop.test:443 → 200"
    assert event.ended == "tunnel"


def test_server_sent_events() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, [(b":status", b"200"), (b"content-type", b"text/event-stream; charset=utf-8")]))
    talk.send(1, frame(DATA, 0, 1, b"data: 1\n\n"))
    handoff = outputs_of(talk, Handoff)[0]
    assert isinstance(handoff, Handoff)
    assert (handoff.by, [one.kind for one in handoff.opening if isinstance(one, FieldsInput)]) == (
        ("media", "text/event-stream"), ["request", "response"],
    )


def test_the_upgrade_from_http1() -> None:
    talk = Connection()
    router = Router((HTTP, HTTP2), Context("tcp", 50_000, 80), 1)
    value = urlsafe_b64encode(settings((4, 5))[9:]).rstrip(b"=")
    parts = [
        (0, b"GET /first HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: " + value + b"\r\n\r\n"),
        (1, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + settings()),
        (1, talk.headers(1, 1, OK) + frame(DATA, 0, 1, b"12345")),
        (0, PREFACE + settings()),
        (0, frame(8, 0, 1, b"\x00\x00\x00\x05")),
        (1, frame(DATA, END_STREAM, 1, b"6") + settings(ack=True)),
        (0, talk.headers(0, 3, GET, True)),
        (1, talk.headers(1, 3, OK, True)),
    ]
    at = [0, 0]
    events: list[Event] = []
    for number, (direction, data) in enumerate(parts, 1):
        events += router.chunk(Chunk(number, number * MS, direction, data, at[direction]))
        at[direction] += len(data)
    found = [event for event in events if isinstance(event, H2Exchange)]
    assert [event.summary() for event in found] == ["GET /first → 200, 6 bytes", "GET /big.bin → 200"]
    assert found[0].evidence.frames[1:] == (3, 6)
    blocked = [event.what() for event in events if event.name == "http2.blocked"]
    assert blocked == [
        "The server had used up the window of stream 1 and waited for a WINDOW_UPDATE: once, 2.00 ms at most."
    ]
    assert not [event.what() for event in events if event.name in ("http2.violation", "malformed", "dissector_fault")]
