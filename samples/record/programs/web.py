"""A web server with paths of special behaviour: `web.py ADDRESS PORT [LATE_S]`. HTTP/1.1, one thread a connection;
LATE_S: how long it thinks before each answer.

/slow/SECONDS answers late, /chunked in chunks with a trailer, /coded/gzip (deflate, br, zstd) compressed, /old
without a length and with a close, /hints after a 103, /login with a cookie, /events as server-sent events, /wait when
there is news, /news at once, /busy says to ask later (429), /form and /graphql take what is posted, /rpc knows one
method, /items is a collection with GET, POST, PUT and DELETE.
"""
from __future__ import annotations

import gzip
import json
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LINE = "the quick brown fox jumps over the lazy dog, line by line\n"
TEXT = "".join(f"{n:06d} {LINE}" for n in range(60)).encode()
EVENTS = 5                       # on one connection of /events
EVERY_S = 0.4
NEWS_AFTER_S = 0.7               # how long /wait waits for something to tell


def coded(name: str) -> bytes:
    """The text in a content coding (RFC 9110 §8.4.1)."""
    if name == "gzip":
        return gzip.compress(TEXT)
    if name == "deflate":
        return zlib.compress(TEXT)
    if name == "br":
        import brotli
        return bytes(brotli.compress(TEXT))
    import zstandard
    return zstandard.ZstdCompressor().compress(TEXT)


ITEMS = {1: "apples", 2: "pears"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    late_s = 0.0

    def log_message(self, format: str, *args: object) -> None:
        return

    def answer(self, status: int, body: bytes = b"", kind: str = "text/plain", **fields: str) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def told(self, status: int, value: object, **fields: str) -> None:
        self.answer(status, json.dumps(value).encode(), "application/json", **fields)

    def posted(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do_GET(self) -> None:
        _, first, *rest = self.path.partition("?")[0].split("/")
        act = getattr(self, f"get_{first}", None)
        time.sleep(self.late_s)
        if act is None:
            self.answer(404, b"there is no such page\n")
        else:
            act(*rest)

    def get_busy(self) -> None:
        self.answer(429, Retry_After="2")

    def get_slow(self, seconds: str) -> None:
        time.sleep(float(seconds))
        self.answer(200, TEXT[:400])

    def get_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Trailer", "X-Lines")
        self.end_headers()
        for start in range(0, 3000, 1000):
            self.wfile.write(b"3e8\r\n" + TEXT[start:start + 1000] + b"\r\n")
            time.sleep(0.1)
        self.wfile.write(b"0\r\nX-Lines: 46\r\n\r\n")

    def get_coded(self, name: str) -> None:
        self.answer(200, coded(name), Content_Encoding=name, Vary="Accept-Encoding", Cache_Control="max-age=60")

    def get_old(self) -> None:
        self.protocol_version = "HTTP/1.0"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(TEXT)
        self.close_connection = True

    def get_hints(self) -> None:
        self.send_response_only(103)
        self.send_header("Link", "</style.css>; rel=preload; as=style")
        self.end_headers()
        time.sleep(0.3)
        self.answer(200, b"<!doctype html><link rel=stylesheet href=/style.css>\n", "text/html")

    def get_login(self) -> None:
        self.answer(200, b"welcome\n", Set_Cookie="session=8f14e45fceea167a; Path=/; HttpOnly; SameSite=Lax",
                    Cache_Control="no-store")

    def get_account(self) -> None:
        known = "session=" in self.headers.get("Cookie", "")
        self.answer(200 if known else 403, b"your orders: none\n" if known else b"who are you?\n")

    def get_events(self) -> None:
        first = int(self.headers.get("Last-Event-ID", "0")) + 1
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"retry: 500\n: the retry is in milliseconds\n\n")
        for number in range(first, first + EVENTS):
            name = "price" if number % 2 else "stock"
            data = f'data: {{"item": "apples",\ndata:  "value": {number}}}'
            self.wfile.write(f"id: {number}\nevent: {name}\n{data}\n\n".encode())
            time.sleep(EVERY_S)
        self.close_connection = True

    def get_wait(self) -> None:
        time.sleep(NEWS_AFTER_S)
        self.told(200, {"news": f"seen at {time.time():.1f}"})

    def get_news(self) -> None:
        self.told(200, {"news": []})

    def get_items(self, number: str = "") -> None:
        if not number:
            self.told(200, ITEMS)
        elif int(number) in ITEMS:
            self.told(200, {number: ITEMS[int(number)]})
        else:
            self.told(404, {"error": "no such item"})

    def do_POST(self) -> None:
        body = self.posted()
        if self.path == "/graphql":
            self.told(200, {"data": {"item": {"name": "apples", "price": 3}}})
        elif self.path == "/rpc":
            asked = json.loads(body)
            known = {"result": 3, "error": None} if asked["method"] == "price" else {
                "error": {"code": -32601, "message": "Method not found"}}
            self.told(200, {"jsonrpc": "2.0", "id": asked["id"], **known})
        elif self.path == "/items":
            ITEMS[3] = body.decode()
            self.told(201, {"3": ITEMS[3]}, Location="/items/3")
        else:
            self.told(200, {"received": len(body), "kind": self.headers.get("Content-Type")},
                      Access_Control_Allow_Origin="https://www.shop.test")

    def do_PUT(self) -> None:
        ITEMS[int(self.path.rsplit("/", 1)[1])] = self.posted().decode()
        self.answer(204)

    def do_DELETE(self) -> None:
        ITEMS.pop(int(self.path.rsplit("/", 1)[1]), None)
        self.answer(204)

    def do_OPTIONS(self) -> None:
        self.answer(204, Access_Control_Allow_Origin="https://www.shop.test",
                    Access_Control_Allow_Methods="POST", Access_Control_Allow_Headers="content-type",
                    Access_Control_Max_Age="600")


def main(arguments: list[str]) -> None:
    Handler.late_s = float(arguments[2]) if len(arguments) > 2 else 0.0
    ThreadingHTTPServer((arguments[0], int(arguments[1])), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
