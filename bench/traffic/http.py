"""HTTP/1.1 messages, cut into segments, with the checksum sums of what is sent again and again."""
from __future__ import annotations

from random import Random
from typing import Final

from bench.traffic.frames import words
from bench.traffic.tcp import Payload

V4_PAYLOAD: Final = 1448  # MSS 1460 less the timestamps option
V6_PAYLOAD: Final = 1428
BLOCKS: Final = 256
_VOCABULARY: Final = [
    "segment", "window", "acknowledgement", "stream", "sender", "receiver", "octet", "checksum", "sequence",
    "number", "port", "urgent", "reliable", "in", "order", "delivery", "of", "the", "data", "a", "host",
]
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "curl/8.8.0",
)
_KINDS: Final = ("text/html; charset=utf-8", "text/css", "application/octet-stream", "font/woff2", "text/plain")


class Bodies:
    """A pool of body blocks. The blocks for IPv6 are the same, a little shorter."""

    def __init__(self, rng: Random) -> None:
        blocks = []
        for _ in range(BLOCKS):
            line = " ".join(rng.choices(_VOCABULARY, k=240))[:V4_PAYLOAD - 1] + "\n"
            blocks.append(line.encode())
        self.blocks: dict[int, list[Payload]] = {
            size: [(block[:size], words(block[:size])) for block in blocks] for size in (V4_PAYLOAD, V6_PAYLOAD)
        }

    def cut(self, rng: Random, head: bytes, length: int, size: int) -> list[Payload]:
        """head and a body of `length` bytes, in payloads of `size` and a rest."""
        pool = self.blocks[size]
        start = rng.randrange(BLOCKS)
        first = (head + pool[start][0])[:min(size, len(head) + length)]
        payloads = [(first, words(first))]
        full, rest = divmod(len(head) + length - len(first), size)
        payloads += [pool[(start + number) % BLOCKS] for number in range(1, full + 1)]
        if rest:
            last = pool[(start + full + 1) % BLOCKS][0][:rest]
            payloads.append((last, words(last)))
        return payloads


def get(rng: Random, host: str, close: bool) -> bytes:
    cookie = f"Cookie: id={rng.getrandbits(96):024x}\r\n" if rng.random() < 0.3 else ""
    return (f"GET /{rng.choice(('a', 'img', 'static', 'v1/items'))}/{rng.getrandbits(40):x} HTTP/1.1\r\n"
            f"Host: {host}\r\nUser-Agent: {rng.choice(_AGENTS)}\r\nAccept: */*\r\n"
            f"Accept-Encoding: identity\r\n{cookie}Connection: {'close' if close else 'keep-alive'}\r\n\r\n").encode()


def put(rng: Random, host: str, length: int) -> bytes:
    return (f"PUT /upload/{rng.getrandbits(40):x} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {rng.choice(_AGENTS)}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n").encode()


def response(rng: Random, status: str, length: int, close: bool) -> bytes:
    return (f"HTTP/1.1 {status}\r\nServer: bench\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
            f"Content-Type: {rng.choice(_KINDS)}\r\nContent-Length: {length}\r\nCache-Control: max-age=3600\r\n"
            f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n").encode()


def pieces(data: bytes, size: int) -> list[Payload]:
    """data in payloads of `size` and a rest."""
    parts = [data[start:start + size] for start in range(0, len(data), size)]
    return [(part, words(part)) for part in parts]
