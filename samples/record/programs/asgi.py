"""Hypercorn, a server of ASGI applications: `asgi.py echo ADDRESS PORT` echoes what comes over a WebSocket, over
HTTP/1.1 or over a stream of HTTP/2 (RFC 8441); `asgi.py grpc-web ADDRESS PORT` answers gRPC-Web calls, by sonora,
from the catalogue of catalogue.py.
"""
from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def echo(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


def grpc_web() -> Any:
    """sonora's gateway around the catalogue: an application of the older kind, WSGI."""
    catalogue: Any = import_module("catalogue")
    application = import_module("sonora.wsgi").grpcWSGI(None)
    catalogue.services.add_CatalogueServicer_to_server(catalogue.Catalogue(), application)
    return application


def main(arguments: list[str]) -> None:
    what, address, port = arguments
    config: Any = import_module("hypercorn.config").Config()
    config.bind = [f"{address}:{port}"]
    serve: Any = import_module("hypercorn.asyncio").serve
    asyncio.run(serve(echo, config) if what == "echo" else serve(grpc_web(), config, mode="wsgi"))


if __name__ == "__main__":
    main(sys.argv[1:])
