"""A server and a client of QUIC, of aioquic: HTTP/3 or another protocol above.

`quic.py serve ADDRESS PORT CERTIFICATES KEY [--retry] [--versions 1,..] [--alpn NAME] [--ids OCTETS] [--forget]
[--idle SECONDS] [--apart SECONDS]` answers each request for /N with N octets. --forget: it keeps no session. --idle:
its patience. --apart: between its answers.
`quic.py get ADDRESS PORT NAME ROOT [--keys FILE] [--alpn NAME] [--versions 1,..] [--first VERSION] [--cipher NAME]
[--again] [--update] [--idle SECONDS] [--one-by-one] [--move KIND] [--after SECONDS] PATH ..` asks for each of the
paths, all at once. --again: then once more over a second connection, resumed, with 0-RTT. --idle: what it says of its
patience; it then waits until that is over. --move: after its first request it goes on from another port: as one who
moves (`migration`), or as one whose NAT has changed it (`rebinding`), while that is answered. --after: it pauses for
so long before that, or between requests that are asked one by one. --window: octets that it takes ahead of what it has
read, of a stream and in all. --stubborn: silence ends no connection for it, for --patience of SECONDS it waits for an
answer. --late: with --again, nothing is sent early. With --alpn doq paths are names that are looked up. --qlog: the
folder for what aioquic logs.
"""
from __future__ import annotations

import argparse
import asyncio
import socket
from contextlib import suppress
from importlib import import_module
from typing import Any

H3: Any = import_module("aioquic.h3.connection")
EVENTS: Any = import_module("aioquic.h3.events")
SESSIONS: Any = import_module("aioquic.asyncio")
PROTOCOL: Any = import_module("aioquic.asyncio.protocol").QuicConnectionProtocol
QUIC_EVENTS: Any = import_module("aioquic.quic.events")
CONFIGURATION: Any = import_module("aioquic.quic.configuration").QuicConfiguration
LOGGER: Any = import_module("aioquic.quic.logger").QuicFileLogger
SUITES: Any = import_module("aioquic.tls").CipherSuite
FILLING = b"All work and no play makes a dull capture.\n"
DONE_S = 15.0


def configured(arguments: argparse.Namespace, *, client: bool) -> Any:
    found = CONFIGURATION(is_client=client, alpn_protocols=[arguments.alpn])
    if arguments.versions:
        found.supported_versions = [int(version, 0) for version in arguments.versions.split(",")]
    return found


class Serving(PROTOCOL):  # type: ignore[misc]
    """Answers /N with N octets."""

    http: Any = None
    apart = 0.0       # seconds between its answers
    asked = 0

    def quic_event_received(self, event: Any) -> None:
        if isinstance(event, QUIC_EVENTS.ProtocolNegotiated) and event.alpn_protocol == "h3":
            self.http = H3.H3Connection(self._quic)
        if self.http is None:
            if isinstance(event, QUIC_EVENTS.StreamDataReceived) and self._quic.configuration.alpn_protocols == ["doq"]:
                self.resolve(event.stream_id, event.data)
            elif isinstance(event, QUIC_EVENTS.StreamDataReceived) and event.end_stream:
                self._quic.send_stream_data(event.stream_id, FILLING, end_stream=True)
                self.transmit()
            return
        for told in self.http.handle_event(event):
            if isinstance(told, EVENTS.HeadersReceived):
                path = dict(told.headers).get(b":path", b"/").lstrip(b"/")
                asyncio.get_running_loop().call_later(self.apart * self.asked, self.answer, told.stream_id, path)
                self.asked += 1

    def resolve(self, stream: int, query: bytes) -> None:
        """DNS over QUIC: every name has one address, but for those that begin with an x, which do not exist."""
        question = query[14:query.index(b"\0", 14) + 5]
        known = question[1:2] != b"x"
        answer = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x0a\0\1\x1e" if known else b""
        message = b"\0\0" + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1\0" + bytes((known,)) + bytes(4)
        message += question + answer
        self._quic.send_stream_data(stream, len(message).to_bytes(2, "big") + message, end_stream=True)
        self.transmit()

    def answer(self, stream: int, path: bytes) -> None:
        size = int(path) if path.isdigit() else -1
        body = (FILLING * (size // len(FILLING) + 1))[:max(size, 0)]
        self.http.send_headers(stream, [
            (b":status", b"200" if size >= 0 else b"404"), (b"content-type", b"text/plain"),
            (b"content-length", str(len(body)).encode()), (b"server", b"aioquic"), (b"x-path", path or b"none"),
        ])
        self.http.send_data(stream, body, end_stream=True)
        self.transmit()


class Asking(PROTOCOL):  # type: ignore[misc]
    """Asks for paths, and is done when all answers have come."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.waiting: set[int] = set()
        self.done = asyncio.Event()
        self.http: Any = None
        self.plain = self._quic.configuration.alpn_protocols != ["h3"]
        if not self.plain:
            self.http = H3.H3Connection(self._quic)

    def ask(self, name: str, paths: list[str]) -> None:
        for path in paths:
            stream = self._quic.get_next_available_stream_id()
            self.waiting.add(stream)
            if self._quic.configuration.alpn_protocols == ["doq"]:
                labels = b"".join(bytes((len(label),)) + label.encode() for label in path.split("."))
                query = b"\0\0\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
                self._quic.send_stream_data(stream, len(query).to_bytes(2, "big") + query, end_stream=True)
            elif self.plain:
                self._quic.send_stream_data(stream, path.encode() + b"\r\n", end_stream=True)
            else:
                self.http.send_headers(stream, [
                    (b":method", b"GET"), (b":scheme", b"https"), (b":authority", name.encode()),
                    (b":path", path.encode()), (b"user-agent", b"aioquic"), (b"accept", b"text/plain"),
                ], end_stream=True)
        self.transmit()

    def quic_event_received(self, event: Any) -> None:
        if isinstance(event, QUIC_EVENTS.ConnectionTerminated):
            self.done.set()
        ended = self.plain and isinstance(event, QUIC_EVENTS.StreamDataReceived) and event.end_stream
        if ended:
            self.waiting.discard(event.stream_id)
        elif self.http is not None:
            for told in self.http.handle_event(event):
                if getattr(told, "stream_ended", False):
                    self.waiting.discard(told.stream_id)
        if not self.waiting:
            self.done.set()


async def serve(arguments: argparse.Namespace) -> None:
    configuration = configured(arguments, client=False)
    configuration.load_cert_chain(arguments.certificates, arguments.key)
    if arguments.ids:
        configuration.connection_id_length = arguments.ids
    tickets: dict[bytes, Any] = {}

    def keep(ticket: Any) -> None:
        tickets[ticket.ticket] = ticket

    if arguments.idle:
        configuration.idle_timeout = arguments.idle
    Serving.apart = arguments.apart
    await SESSIONS.serve(
        arguments.address, arguments.port, configuration=configuration, create_protocol=Serving, retry=arguments.retry,
        session_ticket_handler=keep, session_ticket_fetcher={}.get if arguments.forget else tickets.get,
    )
    await asyncio.Event().wait()


async def get(arguments: argparse.Namespace) -> None:
    configuration = configured(arguments, client=True)
    configuration.load_verify_locations(arguments.root)
    configuration.server_name = arguments.name
    if arguments.first:
        configuration.original_version = int(arguments.first, 0)
    if arguments.cipher:
        configuration.cipher_suites = [SUITES[arguments.cipher]]
    if arguments.idle:
        configuration.idle_timeout = arguments.idle
    if arguments.qlog:
        configuration.quic_logger = LOGGER(arguments.qlog)
    if arguments.window:
        configuration.max_data = configuration.max_stream_data = arguments.window
    if arguments.keys:
        configuration.secrets_log_file = open(arguments.keys, "a", buffering=1)  # noqa: SIM115
    kept: list[Any] = []
    for attempt in range(2 if arguments.again else 1):
        if attempt:
            configuration.session_ticket = kept[-1]
        async with SESSIONS.connect(
            arguments.address, arguments.port, configuration=configuration, create_protocol=Asking,
            session_ticket_handler=kept.append, wait_connected=not attempt or arguments.late,
        ) as session:
            await asked(session, arguments)


async def moved(session: Any, kind: str) -> None:
    """The session goes on with another socket."""
    if kind == "migration":
        session._quic.change_connection_id()      # which by itself sends nothing
    here = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    here.bind(("::", 0, 0, 0))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: session, sock=here)


async def asked(session: Any, arguments: argparse.Namespace) -> None:
    apart = arguments.one_by_one or arguments.update or arguments.move
    groups = [[path] for path in arguments.paths] if apart else [arguments.paths]
    if arguments.stubborn:
        session._quic._idle_timeout = lambda: DONE_S
    for place, group in enumerate(groups):
        session.done.clear()
        if place and arguments.one_by_one:
            await asyncio.sleep(arguments.after)
        if place and arguments.move == "migration":
            await moved(session, arguments.move)
        session.ask(arguments.name, group)
        if not place and arguments.move == "rebinding":
            await asyncio.sleep(arguments.after)
            await moved(session, arguments.move)
            await session.ping()
        await asyncio.wait_for(session.done.wait(), arguments.patience)
        if arguments.update and place < len(groups) - 1:
            session.request_key_update()
            await session.ping()
    if arguments.idle:
        await session.wait_closed()


def main() -> None:
    parser = argparse.ArgumentParser()
    ways = parser.add_subparsers(dest="way", required=True)
    server, client = ways.add_parser("serve"), ways.add_parser("get")
    for one in (server, client):
        one.add_argument("address")
        one.add_argument("port", type=int)
        one.add_argument("--alpn", default="h3")
        one.add_argument("--versions", default="")
    server.add_argument("certificates")
    server.add_argument("key")
    server.add_argument("--retry", action="store_true")
    server.add_argument("--ids", type=int, default=0)
    server.add_argument("--forget", action="store_true")
    server.add_argument("--idle", type=float, default=0.0)
    server.add_argument("--apart", type=float, default=0.0)
    client.add_argument("name")
    client.add_argument("root")
    client.add_argument("paths", nargs="+")
    client.add_argument("--keys", default="")
    client.add_argument("--qlog", default="")
    client.add_argument("--first", default="")
    client.add_argument("--cipher", default="")
    client.add_argument("--idle", type=float, default=0.0)
    client.add_argument("--move", default="")
    client.add_argument("--patience", type=float, default=DONE_S)
    client.add_argument("--window", type=int, default=0)
    client.add_argument("--after", type=float, default=0.04)
    for flag in ("--again", "--update", "--one-by-one", "--stubborn", "--late"):
        client.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    with suppress(ConnectionError, TimeoutError):
        asyncio.run(serve(arguments) if arguments.way == "serve" else get(arguments))


if __name__ == "__main__":
    main()
