"""A gRPC server or client for the service in shop.proto: `catalogue.py server ADDRESS`, `catalogue.py client ADDRESS
CALL...` (ADDRESS with its port), or `catalogue.py web URL CALL...` over gRPC-Web.

Calls: get:ID, watch:ID, add:COUNT, haggle:COUNT, picture, deadline (half a second for an answer that takes two), cancel
(a stream after its second message), missing:NAME (a method that nobody has), compressed:COUNT (add, with gzip),
idle:SECONDS (nothing said; keep-alive pings). Before them: modest, the windows stay as HTTP/2 has them at first;
together, the calls are made at once.
Item 404 is not found, item 403 is not allowed, item 503 is unavailable once, item 2 takes two seconds.
"""
from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from importlib import import_module
from pathlib import Path
from typing import Any

grpc: Any = import_module("grpc")      # it brings no types

sys.path.insert(0, str(Path(__file__).parent))
messages, services = grpc.protos_and_services("shop.proto")
EVERY_S = 0.15
PICTURE = 80_000                # bytes: more than a window of 65535
TOKEN = (("authorization", "Bearer not-a-real-token"), ("x-request-id", "sample-1"))
PROBLEMS = {404: grpc.StatusCode.NOT_FOUND, 403: grpc.StatusCode.PERMISSION_DENIED}


def item(number: int) -> Any:
    return messages.Item(id=number, name=f"item {number}", price=2.5 * number, tags=["fresh", "red"], size=2)


class Catalogue:
    """What the server answers. Its methods have the names of the service's."""

    unavailable = True

    def Get(self, request: Any, context: Any) -> Any:
        if request.id in PROBLEMS:
            context.set_trailing_metadata((("x-hint", "ask for 1"),))
            context.abort(PROBLEMS[request.id], f"item {request.id} is none of your business – 100 % sure")
        if request.id == 503 and Catalogue.unavailable:
            Catalogue.unavailable = False
            context.abort(grpc.StatusCode.UNAVAILABLE, "come back later")
        if request.id == 2:
            time.sleep(2)
        return item(request.id)

    def Watch(self, request: Any, context: Any) -> Iterator[Any]:
        for number in range(6):
            yield item(request.id + number)
            time.sleep(EVERY_S)

    def Add(self, request_iterator: Iterator[Any], context: Any) -> Any:
        prices = [one.price for one in request_iterator]
        return messages.Summary(count=len(prices), total=sum(prices))

    def Haggle(self, request_iterator: Iterator[Any], context: Any) -> Iterator[Any]:
        for one in request_iterator:
            one.price *= 0.9
            yield one

    def Picture(self, request: Any, context: Any) -> Any:
        return messages.Blob(data=bytes(range(256)) * (PICTURE // 256))


def server(address: str) -> None:
    made = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.http2.min_ping_interval_without_data_ms", 100)])
    services.add_CatalogueServicer_to_server(Catalogue(), made)
    made.add_insecure_port(address)
    made.start()
    made.wait_for_termination()


def some(count: int) -> Iterator[Any]:
    for number in range(1, count + 1):
        yield item(number)
        time.sleep(EVERY_S)


def wordy(one: Any) -> Any:
    """The item with so much said of it that compression pays."""
    one.tags.extend(["ripe and ready to eat"] * 20)
    return one


def call(channel: Any, stub: Any, name: str, value: str) -> None:
    if name == "get":
        stub.Get(messages.ItemRequest(id=int(value)), metadata=TOKEN)
    elif name == "compressed":
        stub.Add((wordy(one) for one in some(int(value))), compression=grpc.Compression.Gzip)
    elif name == "watch":
        list(stub.Watch(messages.ItemRequest(id=int(value))))
    elif name == "add":
        stub.Add(some(int(value)))
    elif name == "haggle":
        list(stub.Haggle(some(int(value))))
    elif name == "picture":
        stub.Picture(messages.ItemRequest(id=1))
    elif name == "deadline":
        stub.Get(messages.ItemRequest(id=2), timeout=0.5)
    elif name == "cancel":
        answers = stub.Watch(messages.ItemRequest(id=1))
        for _ in range(2):
            next(answers)
        answers.cancel()
    elif name == "missing":
        channel.unary_unary(f"/shop.v1.Catalogue/{value}")(b"")
    elif name == "idle":
        time.sleep(float(value))
    else:
        raise SystemExit(f"no such call: {name}")


def client(address: str, calls: list[str]) -> None:
    policy = {"methodConfig": [{"name": [{"service": "shop.v1.Catalogue"}], "retryPolicy": {
        "maxAttempts": 3, "initialBackoff": "0.3s", "maxBackoff": "1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]}}]}
    pings = [("grpc.keepalive_time_ms", 500), ("grpc.keepalive_timeout_ms", 1000),
             ("grpc.http2.max_pings_without_data", 0), ("grpc.keepalive_permit_without_calls", 1)]
    options: list[tuple[str, Any]] = [("grpc.service_config", json.dumps(policy))]
    if any(one.startswith("idle") for one in calls):
        options += pings
    if "modest" in calls:
        calls.remove("modest")
        options += [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535),
                    ("grpc.http2.max_frame_size", 16_384)]
    together = "together" in calls
    if together:
        calls.remove("together")
    with grpc.insecure_channel(address, options) as channel:
        stub = services.CatalogueStub(channel)

        def make(one: str) -> None:
            name, _, value = one.partition(":")
            try:
                call(channel, stub, name, value)
            except grpc.RpcError as error:
                print(error)

        with futures.ThreadPoolExecutor(len(calls) if together else 1) as callers:
            list(callers.map(make, calls))
        time.sleep(0.2)


def web_client(url: str, calls: list[str]) -> None:
    """gRPC-Web over HTTP/1.1, by sonora; its channel knows unary calls and streams of answers."""
    with import_module("sonora.client").insecure_web_channel(url) as channel:
        for one in calls:
            name, _, value = one.partition(":")
            made = channel.unary_stream if name == "watch" else channel.unary_unary
            method = made(f"/shop.v1.Catalogue/{name.capitalize()}", messages.ItemRequest.SerializeToString,
                          messages.Item.FromString)
            try:
                answer = method(messages.ItemRequest(id=int(value)))
                if name == "watch":
                    list(answer)
            except grpc.RpcError as error:
                print(error)


def main(arguments: list[str]) -> None:
    role, address, *calls = arguments
    if role == "server":
        server(address)
    elif role == "web":
        web_client(address, calls)
    else:
        client(address, calls)


if __name__ == "__main__":
    main(sys.argv[1:])
