"""A conversation of HTTP/2 for measurements: a page of forty requests, and downloads in full DATA frames."""
from __future__ import annotations

from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FULL: Final = 16_384        # octets of DATA, the default limit of a frame
STREAMS: Final = 40

Pairs = list[tuple[bytes, bytes]]


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def request(number: int) -> Pairs:
    """Ten fields, as a browser sends them: two of them are new with each request."""
    return [
        (b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"www.shop.test"),
        (b":path", b"/assets/images/product-%05d.webp?size=large" % number),
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"),
        (b"accept", b"image/avif,image/webp,image/*,*/*;q=0.8"), (b"accept-encoding", b"gzip, deflate, br, zstd"),
        (b"accept-language", b"en-GB,en;q=0.9,de;q=0.8"), (b"referer", b"https://www.shop.test/catalogue/page/7"),
        (b"x-request-id", b"7f3c9a52-11d8-4c3e-9b7e-%012d" % number),
    ]


def response(number: int) -> Pairs:
    return [
        (b":status", b"200"), (b"content-type", b"image/webp"), (b"content-length", b"%d" % (4 * FULL)),
        (b"etag", b'"%08x"' % number), (b"cache-control", b"public, max-age=31536000"),
    ]


def conversation(rounds: int) -> list[tuple[int, bytes, int]]:
    """(direction, octets, frames in them): each round is `STREAMS` requests, and their responses taking turns."""
    from hpack import Encoder

    encoders = (Encoder(), Encoder())
    large = (0x7FFF_0000).to_bytes(4, "big")
    out = [(0, PREFACE + frame(4, 0, 0, b"\x00\x04" + large) + frame(8, 0, 0, large), 2),
           (1, frame(4, 0, 0, b"") + frame(4, 1, 0, b""), 2), (0, frame(4, 1, 0, b""), 1)]
    stream = 1
    for _ in range(rounds):
        streams = range(stream, stream + 2 * STREAMS, 2)
        stream += 2 * STREAMS
        for number in streams:
            out.append((0, frame(1, 5, number, encoders[0].encode(request(number))), 1))
        for number in streams:
            out.append((1, frame(1, 4, number, encoders[1].encode(response(number))), 1))
        for turn in range(4):
            for number in streams:
                data = frame(0, turn == 3, number, bytes(FULL))
                out += [(1, data[at:at + 1_448], 0) for at in range(0, len(data) - 1_448, 1_448)]
                out.append((1, data[len(data) - len(data) % 1_448:], 1))
        out.append((0, frame(8, 0, 0, (4 * FULL * STREAMS).to_bytes(4, "big")), 1))
    return out
