"""A WebSocket server or client of the `websockets` library.

`websocket.py server ADDRESS PORT ACT [CERTIFICATE KEY]`. Acts: echo, push (six prices, then close), ping (every 0.4 s),
limit (takes 1000 bytes, no more), policy (closes with 1008 at the first message), leave (goes away with 1001), abort
(drops the connection without a word), chat (chooses chat.v2), refuse (403), plain (echo, no compression), silent,
thrifty (compression with small windows that forgets).
`websocket.py client URL [trust:FILE keys:FILE] [protocols:A,B] [plain] STEP...`. Steps: text:TEXT, bytes:LENGTH,
parts:TEXT:TEXT... (one message in fragments), ping, recv[:COUNT], all (read to the end), sleep:SECONDS,
close:CODE:REASON, abort. What goes wrong is printed.
"""
from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

PRICES = 6
EVERY_S = 0.3


class Server:
    def __init__(self, act: str) -> None:
        self.act = act

    async def meet(self, connection: ServerConnection) -> None:
        try:
            if self.act == "push":
                for number in range(PRICES):
                    await connection.send(json.dumps({"item": "apples", "price": 300 + number, "currency": "EUR"}))
                    await asyncio.sleep(EVERY_S)
                return
            async for message in connection:
                if self.act == "policy":
                    await connection.close(1008, "that is not said here")
                elif self.act == "leave":
                    await connection.close(1001, "the server goes home")
                elif self.act == "abort":
                    connection.transport.abort()
                elif self.act != "silent":
                    await connection.send(message)
        except ConnectionClosed as closed:
            print(closed)

    async def refuse(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.act != "refuse":
            return None
        return connection.respond(HTTPStatus.FORBIDDEN, "members only\n")

    async def run(self, address: str, port: int, files: list[str]) -> None:
        tls = None
        if files:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*files)
        thrifty = ServerPerMessageDeflateFactory(
            server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=9,
            client_max_window_bits=9)
        async with serve(
            self.meet, address, port, ssl=tls, process_request=self.refuse,
            subprotocols=[Subprotocol("chat.v2"), Subprotocol("chat.v1")] if self.act == "chat" else None,
            ping_interval=0.4 if self.act == "ping" else None, max_size=1000 if self.act == "limit" else 2**20,
            compression=None if self.act in {"plain", "thrifty"} else "deflate",
            extensions=[thrifty] if self.act == "thrifty" else None,
        ) as server:
            await server.serve_forever()


async def fragments(connection: ClientConnection, parts: list[str]) -> AsyncIterator[str]:
    """The parts of one message, with a ping before the last."""
    for number, part in enumerate(parts):
        if number == len(parts) - 1:
            await connection.ping(b"between")
        yield part
        await asyncio.sleep(0.1)


async def act(connection: ClientConnection, name: str, values: list[str]) -> None:
    if name == "text":
        await connection.send(":".join(values))
    elif name == "bytes":
        await connection.send((bytes(range(256)) * (int(values[0]) // 256 + 1))[:int(values[0])])
    elif name == "parts":
        await connection.send(fragments(connection, values))
    elif name == "ping":
        await (await connection.ping(b"are you there?"))
    elif name == "recv":
        for _ in range(int(values[0]) if values else 1):
            await connection.recv()
    elif name == "all":
        async for _ in connection:
            pass
    elif name == "sleep":
        await asyncio.sleep(float(values[0]))
    elif name == "close":
        await connection.close(int(values[0]), ":".join(values[1:]))
    elif name == "abort":
        connection.transport.abort()
    else:
        raise SystemExit(f"no such step: {name}")


async def client(url: str, words: list[str]) -> None:
    tls = None
    protocols: list[Subprotocol] | None = None
    compression: str | None = "deflate"
    steps: list[tuple[str, list[str]]] = []
    for word in words:
        name, *values = word.split(":")
        if name == "trust":
            tls = ssl.create_default_context(cafile=values[0])
        elif name == "keys" and tls is not None:
            tls.keylog_filename = values[0]
        elif name == "protocols":
            protocols = [Subprotocol(one) for one in values[0].split(",")]
        elif name == "plain":
            compression = None
        else:
            steps.append((name, values))
    try:
        async with connect(url, ssl=tls, subprotocols=protocols, compression=compression, ping_interval=None,
                           proxy=None) as connection:
            for name, values in steps:
                await act(connection, name, values)
    except (WebSocketException, OSError) as error:
        print(f"{type(error).__name__}: {error}")


def main(arguments: list[str]) -> None:
    role, *rest = arguments
    if role == "server":
        asyncio.run(Server(rest[2]).run(rest[0], int(rest[1]), rest[3:]))
    else:
        asyncio.run(client(rest[0], rest[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
