"""What HTTP/1 hands on: upgrades, tunnels, and the protocols inside bodies."""
from __future__ import annotations

from base64 import urlsafe_b64encode

from http1_feed import Connection, request, response

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields
from dissectors.kit.protocol import ANYONE, BENEATH
from dissectors.wire.http.events import TUNNEL, UPGRADED

WEBSOCKET = ("Upgrade: WebSocket", "Connection: Upgrade", "Sec-WebSocket-Key: a2V5", "Cookie: sid=1")


def test_an_upgrade_hands_both_directions_on_with_the_fields_of_both() -> None:
    it = Connection()
    it.send(request("/chat", "GET", *WEBSOCKET))
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
    it.answer(head + b"\x81\x01a")
    handoff, = it.handoffs
    assert (handoff.by, handoff.direction, handoff.position) == (("upgrade", "websocket"), BACKWARD, len(head))
    asked, answered = handoff.opening
    assert isinstance(asked, Fields)
    assert isinstance(answered, Fields)
    assert (asked.kind, asked.direction, asked.get(b":path"), asked.get(b"cookie")) == (
        "request", FORWARD, b"/chat", b"sid=1"
    )
    assert (answered.kind, answered.get(b":status"), answered.get(b"sec-websocket-accept")) == (
        "response", b"101", b"x"
    )
    assert it.exchanges[0].ended == UPGRADED
    assert it.send("GET / HTTP/1.1\r\n\r\n") == []


def test_an_upgrade_to_http2_and_to_anything_else() -> None:
    for token in ("h2c", "TLS/1.2"):
        it = Connection()
        it.send(request("/", "GET", f"Upgrade: {token}"))
        it.answer(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {token}\r\n\r\n")
        assert [handoff.by for handoff in it.handoffs] == [("upgrade", token.lower())]


def test_a_preface_of_http2_in_the_middle() -> None:
    it = Connection()
    it.send(request())
    it.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    handoff, = it.handoffs
    assert (handoff.by, handoff.direction, handoff.position) == (("upgrade", "h2c"), FORWARD, len(request()))


def test_connect_opens_a_tunnel_only_on_success() -> None:
    it = Connection()
    it.send("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
    it.answer("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    assert it.handoffs == []
    it.send("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
    it.answer("HTTP/1.1 200 Connection established\r\n\r\n")
    assert [(handoff.by, handoff.opening) for handoff in it.handoffs] == [(ANYONE, ())]
    assert [exchange.ended for exchange in it.exchanges][-1] == TUNNEL


def test_a_stream_of_events_goes_to_its_own_protocol() -> None:
    it = Connection()
    it.send(request("/events", "GET", "Last-Event-ID: 7"))
    it.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    handoff, = it.handoffs
    assert (handoff.by, handoff.position, handoff.stream) == (("media", "text/event-stream"), BENEATH, 1)
    assert [fields.kind for fields in handoff.opening if isinstance(fields, Fields)] == ["request", "response"]
    first, = it.answer("9\r\ndata: a\n\n\r\n")
    second, = it.answer("9\r\ndata: b\n\n\r\n")
    assert isinstance(first, Chunk)
    assert isinstance(second, Chunk)
    assert (first.data, first.position, first.stream, first.direction) == (b"data: a\n\n", 0, 1, BACKWARD)
    assert (second.data, second.position) == (b"data: b\n\n", 9)
    it.answer("0\r\n\r\n")
    ends = it.of(Close)
    assert [(end.stream, end.direction) for end in ends] == [(1, BACKWARD), (1, NEITHER)]


def test_dns_over_https_goes_to_dns_as_datagrams() -> None:
    question, answer = b"\x00\x01question", b"\x00\x01answer"
    it = Connection()
    it.send(request("/dns-query", "POST", "Content-Type: application/dns-message", body=question))
    it.answer(response("200 OK", "Content-Type: application/dns-message", body=answer))
    encoded = urlsafe_b64encode(question).decode().rstrip("=")
    it.send(request(f"/dns-query?dns={encoded}", "GET", "Accept: application/dns-message"))
    it.answer(response("200 OK", "Content-Type: application/dns-message", body=answer))
    assert [handoff.by for handoff in it.handoffs] == [("media", "application/dns-message"), ("query", "dns")]
    messages = [(one.data, one.direction, one.stream) for one in it.of(Datagram)]
    assert messages == [(question, 0, 1), (answer, 1, 1), (question, 0, 2), (answer, 1, 2)]
    assert [one.stream for one in it.of(Close)] == [1, 2]


def test_grpc_web_gets_fields_and_both_bodies() -> None:
    it = Connection()
    it.send(request("/a.B/Get", "POST", "Content-Type: application/grpc-web+proto", body=b"\x00\x00\x00\x00\x01a"))
    it.answer(response("200 OK", "Content-Type: application/grpc-web+proto", body=b"\x00\x00\x00\x00\x01b"))
    handoff, = it.handoffs
    assert (handoff.by, handoff.stream) == (("media", "application/grpc-web"), 1)
    assert [fields.kind for fields in it.of(Fields)] == ["response"]
    assert [(chunk.data[-1:], chunk.direction) for chunk in it.of(Chunk)] == [(b"a", 0), (b"b", 1)]
    assert [end.direction for end in it.of(Close)] == [FORWARD, BACKWARD, NEITHER]


def test_ordinary_bodies_go_nowhere() -> None:
    it = Connection()
    it.send(request())
    it.answer(response("200 OK", "Content-Type: text/html", body=b"data: x\n\n"))
    assert it.handoffs == []
    assert it.of(Chunk) == []
