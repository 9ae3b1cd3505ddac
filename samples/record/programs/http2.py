"""HTTP/2 in clear with the `h2` library, for what other programs do not do on request.

`http2.py server ADDRESS PORT`, with prior knowledge or after an upgrade. Paths: /page/BYTES, /slow/SECONDS, /hints
(103 first), /reset/CODE (headers, some data, RST_STREAM), /refuse (RST_STREAM alone), /failed (GOAWAY with an
error and a close), /alternative (ALTSVC first), /dns-query (RFC 8484).
`http2.py client ADDRESS PORT [upgrade:PATH] STEP...`. Steps: get:PATH, post:PATH:BYTES (and two trailer fields),
doh-get:NAME, doh-post:NAME, wait (for all answers), sleep:SECONDS, ping, hold and release (room for data is not given
back; all at once), reset:STREAM:CODE,
websocket:PATH:TEXT..., leave (GOAWAY).
"""
from __future__ import annotations

import base64
import select
import socket
import sys
import threading
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

Headers = list[tuple[str, str]]
LINE = b"the quick brown fox jumps over the lazy dog, line by line\n"
DNS_TYPE = "application/dns-message"
MASK = bytes([17, 34, 51, 68])
ADDRESS = bytes([10, 0, 1, 20])


def question(name: str) -> bytes:
    """A DNS query for an A record, with identifier 0 as RFC 8484 §4.1 advises."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return bytes.fromhex("00000100000100000000" + "0000") + labels + bytes.fromhex("0000010001")


def answer(query: bytes) -> bytes:
    """The address of whatever was asked for, valid for five minutes."""
    return (query[:2] + bytes.fromhex("81800001000100000000") + query[12:]
            + bytes.fromhex("c00c000100010000012c0004") + ADDRESS)


class Peer:
    """A connection, what is still to be sent on its streams, and the loop that moves bytes."""

    def __init__(self, s: socket.socket, client: bool) -> None:
        self.socket = s
        self.h2 = H2Connection(H2Configuration(client_side=client, header_encoding="utf-8"))
        self.queued: dict[int, bytes] = {}       # stream: what waits for room
        self.trailers: dict[int, Headers] = {}
        self.open = True

    def flush(self) -> None:
        for stream in list(self.queued):
            self.push(stream)
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def push(self, stream: int) -> None:
        """Sends what the windows allow of one stream, and its end."""
        while True:
            rest = self.queued[stream]
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if rest and room <= 0:
                return
            part, self.queued[stream] = rest[:room], rest[room:]
            last = not self.queued[stream]
            trailers = self.trailers.get(stream)
            self.h2.send_data(stream, part, end_stream=last and not trailers)
            if last:
                if trailers:
                    self.h2.send_headers(stream, trailers, end_stream=True)
                del self.queued[stream]
                return

    def read(self, seconds: float) -> list[Event]:
        """What happens within that time; the connection may end."""
        self.flush()
        if not select.select([self.socket], [], [], seconds)[0]:
            return []
        data = self.socket.recv(65536)
        if not data:
            self.open = False
            return []
        try:
            return list(self.h2.receive_data(data))
        except ProtocolError as error:
            print(error)
            self.flush()
            self.open = False
            return []


class Server(Peer):
    def __init__(self, s: socket.socket) -> None:
        super().__init__(s, client=False)
        self.asked: dict[int, tuple[str, str]] = {}      # stream: method, path
        self.bodies: dict[int, bytes] = {}
        self.later: list[tuple[float, int, Headers, bytes]] = []

    def serve(self) -> None:
        first = self.socket.recv(65536, socket.MSG_PEEK)
        if first.startswith(b"GET "):
            self.upgrade(self.socket.recv(65536))
        else:
            self.h2.initiate_connection()
        while self.open:
            for event in self.read(0.02):
                self.meet(event)
            now = time.monotonic()
            for entry in [e for e in self.later if e[0] <= now]:
                self.later.remove(entry)
                self.respond(*entry[1:])
        self.socket.close()

    def upgrade(self, request: bytes) -> None:
        """RFC 7540 §3.2: the settings stand in a header, and the request becomes stream 1."""
        lines = request.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.socket.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        self.h2.initiate_upgrade_connection(fields["http2-settings"].encode())
        self.asked[1] = ("GET", lines[0].split()[1])
        self.answer(1)

    def meet(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            fields = {str(name): str(value) for name, value in event.headers}
            self.asked[event.stream_id] = (fields[":method"], fields[":path"])
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.answer(event.stream_id)
        elif isinstance(event, StreamReset):
            self.queued.pop(event.stream_id, None)
        elif isinstance(event, ConnectionTerminated):
            self.open = False

    def respond(self, stream: int, fields: Headers, body: bytes) -> None:
        fields = [(":status", "200"), ("content-length", str(len(body))), *fields]
        self.h2.send_headers(stream, fields, end_stream=not body)
        if body:
            self.queued[stream] = body

    def answer(self, stream: int) -> None:
        method, path = self.asked[stream]
        _, act, *rest = path.partition("?")[0].split("/")
        text: Headers = [("content-type", "text/plain")]
        if act == "page":
            self.respond(stream, text, (LINE * (int(rest[0]) // len(LINE) + 1))[:int(rest[0])])
        elif act == "slow":
            self.later.append((time.monotonic() + float(rest[0]), stream, text, LINE))
        elif act == "hints":
            self.h2.send_headers(stream, [(":status", "103"), ("link", "</style.css>; rel=preload; as=style")])
            self.later.append((time.monotonic() + 0.3, stream, text, LINE))
        elif act == "reset":
            self.h2.send_headers(stream, [(":status", "200"), *text])
            self.h2.send_data(stream, LINE * 4)
            self.h2.reset_stream(stream, int(rest[0]))
        elif act == "refuse":
            self.h2.reset_stream(stream, 7)
        elif act == "failed":
            self.h2.close_connection(2, b"out of memory", last_stream_id=stream)
            self.open = False
            self.flush()
        elif act == "alternative":
            self.h2.advertise_alternative_service(b'h3=":443"; ma=60', stream_id=stream)
            self.respond(stream, text, LINE)
        elif act == "dns-query":
            encoded = path.partition("dns=")[2]
            query = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)) if encoded else self.bodies[stream]
            self.respond(stream, [("content-type", DNS_TYPE), ("cache-control", "max-age=300")], answer(query))
        else:
            self.respond(stream, text, f"{method} with {len(self.bodies.get(stream, b''))} bytes\n".encode())


class Client(Peer):
    def __init__(self, s: socket.socket, name: str) -> None:
        super().__init__(s, client=True)
        self.name = name
        self.waiting: set[int] = set()
        self.holding = False
        self.held: list[tuple[int, int]] = []            # bytes not given back, and their stream

    def begin(self, path: str) -> None:
        """With prior knowledge, or by an upgrade when a path is given."""
        if not path:
            self.h2.initiate_connection()
            return
        settings = self.h2.initiate_upgrade_connection() or b""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.name}\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                            f"Upgrade: h2c\r\nHTTP2-Settings: {settings.decode()}\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.socket.recv(1)
        self.waiting.add(1)

    def pump(self, seconds: float, until_done: bool = False) -> None:
        deadline = time.monotonic() + seconds
        while self.open and time.monotonic() < deadline and not (until_done and not self.waiting):
            for event in self.read(min(0.02, max(0.0, deadline - time.monotonic()))):
                self.meet(event)
        self.flush()

    def meet(self, event: Event) -> None:
        if isinstance(event, DataReceived):
            if self.holding:
                self.held.append((event.flow_controlled_length, event.stream_id))
            else:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded | StreamReset):
            self.waiting.discard(event.stream_id)
        elif isinstance(event, ConnectionTerminated):
            self.waiting = {s for s in self.waiting if s <= (event.last_stream_id or 0) and not event.error_code}
        elif isinstance(event, WindowUpdated):
            pass

    def request(self, method: str, path: str, fields: Headers, body: bytes, trailers: Headers) -> None:
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", self.name), (":path", path), *fields]
        self.h2.send_headers(stream, head, end_stream=not body)
        if body:
            self.queued[stream] = body
            self.trailers[stream] = trailers
        self.waiting.add(stream)

    def tunnel(self, path: str, texts: list[str]) -> None:
        """A WebSocket on a stream (RFC 8441 §4): texts, each of which is echoed, and a close frame."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
            (":authority", self.name), ("sec-websocket-version", "13")])
        for opcode, payload in [*((1, text.encode()) for text in texts), (8, (1000).to_bytes(2, "big"))]:
            self.pump(0.2)
            frame = bytes([0x80 | opcode, 0x80 | len(payload), *MASK])
            self.h2.send_data(stream, frame + bytes(b ^ MASK[n % 4] for n, b in enumerate(payload)))
        self.pump(0.2)
        self.h2.end_stream(stream)

    def act(self, name: str, values: list[str]) -> None:
        if name == "get":
            self.request("GET", values[0], [("user-agent", "wiretale-sample"), ("accept", "*/*")], b"", [])
        elif name == "post":
            body = (LINE * (int(values[1]) // len(LINE) + 1))[:int(values[1])]
            self.request("POST", values[0], [("content-type", "text/plain"), ("trailer", "x-lines")], body,
                         [("x-lines", str(body.count(b"\n"))), ("x-checked", "yes")])
        elif name == "doh-post":
            self.request("POST", "/dns-query", [("content-type", DNS_TYPE), ("accept", DNS_TYPE)],
                         question(values[0]), [])
        elif name == "doh-get":
            encoded = base64.urlsafe_b64encode(question(values[0])).decode().rstrip("=")
            self.request("GET", f"/dns-query?dns={encoded}", [("accept", DNS_TYPE)], b"", [])
        elif name == "websocket":
            self.tunnel(values[0], values[1:])
        elif name == "wait":
            self.pump(10, until_done=True)
        elif name == "sleep":
            self.pump(float(values[0]))
        elif name == "ping":
            self.h2.ping(b"there???")
        elif name == "hold":
            self.holding = True
        elif name == "release":
            self.holding = False
            for length, stream in self.held:
                self.h2.acknowledge_received_data(length, stream)
        elif name == "reset":
            self.h2.reset_stream(int(values[0]), int(values[1]))
            self.waiting.discard(int(values[0]))
        elif name == "leave":
            self.h2.close_connection()
        else:
            raise SystemExit(f"no such step: {name}")


def main(arguments: list[str]) -> None:
    role, address, port, *words = arguments
    if role == "server":
        with socket.create_server((address, int(port))) as listener:
            while True:
                s = listener.accept()[0]
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=Server(s).serve, daemon=True).start()
    with socket.create_connection((address, int(port))) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(s, address)
        upgrade = [word for word in words if word.startswith("upgrade:")]
        client.begin(upgrade[0].partition(":")[2] if upgrade else "")
        client.flush()
        for word in words:
            name, *values = word.split(":")
            if name != "upgrade":
                client.act(name, values)
                client.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
