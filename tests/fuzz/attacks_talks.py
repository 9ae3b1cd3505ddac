"""Attacks of one HTTP/1 connection: what it unpacks to, its names, secrets, messages, and octets in any order."""

from __future__ import annotations

import gzip

import brotli
import zstandard
from pcap_bytes import ethernet, ipv4, tcp

CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"
SIZE = 1_400


class Talk:
    """One connection to port 80. parts: (direction, octets of its stream) in the order in which they are sent."""

    def __init__(self) -> None:
        self.next = [100, 500]
        self.frames = [self._frame(0, b"", 99, 2), self._frame(1, b"", 499, 18), self._frame(0, b"", 100, 16)]

    def _frame(self, direction: int, data: bytes, seq: int, flags: int) -> bytes:
        ends, ports = (CLIENT, SERVER), (40_000, 80)
        step = -1 if direction else 1
        segment = tcp(data, *ports[::step], seq, self.next[1 - direction], flags)
        return ethernet(ipv4(segment, 6, *ends[::step]))

    def send(self, direction: int, data: bytes) -> None:
        for at in range(0, len(data), SIZE):
            part = data[at : at + SIZE]
            self.frames.append(self._frame(direction, part, self.next[direction], 24))
            self.next[direction] += len(part)

    def ask(self, request: bytes, response: bytes) -> None:
        self.send(0, request)
        self.send(1, response)

    def scattered(self, data: bytes, places: list[int]) -> None:
        """Single octets of the client's stream, in any order."""
        self.frames += [self._frame(0, data[at : at + 1], 100 + at, 24) for at in places]


def get(path: str, fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: shop.test\r\n{fields}\r\n".encode()


def post(body: str, kind: str) -> bytes:
    fields = f"Content-Type: application/{kind}\r\nContent-Length: {len(body)}"
    return f"POST / HTTP/1.1\r\nHost: shop.test\r\n{fields}\r\n\r\n{body}".encode()


def ok(body: bytes, fields: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


# -- attacks, of which `scale` makes more ---------------------------------------------------------------------------


def one_secret_everywhere(talk: Talk, scale: int) -> None:
    for number in range(80 * scale):
        talk.ask(
            get(f"/{number}?x=hunter2hunter2", "Authorization: Bearer hunter2hunter2\r\nX-A: hunter2hunter2\r\n"),
            ok(b"<p>hunter2hunter2 " * 10, "Content-Type: text/html\r\n"),
        )


def a_secret_each(talk: Talk, scale: int) -> None:
    for number in range(80 * scale):
        talk.ask(
            get(f"/{number}?token=t{number:08x}secret", f"Cookie: sid=s{number:010x}abc\r\n"),
            ok(b"x", f"Set-Cookie: sid=z{number:010x}def\r\n"),
        )


def many_names(talk: Talk, scale: int) -> None:
    for number in range(80 * scale):
        fields = f"Referer: http://h{number}.ex{number}.test/p\r\nFrom: u{number}@m{number}.test\r\n"
        talk.ask(get(f"/{number}", f"{fields}X-Forwarded-For: 10.9.{number >> 8}.{number & 255}\r\n"), ok(b"x"))


def bombs_of_brotli(talk: Talk, scale: int) -> None:
    bomb = brotli.compress(bytes(4 << 20))
    for number in range(16 * scale):
        talk.ask(get(f"/{number}"), ok(bomb, "Content-Encoding: br\r\n"))


def bombs_of_gzip(talk: Talk, scale: int) -> None:
    bomb = gzip.compress(bytes(4 << 20))
    for number in range(16 * scale):
        talk.ask(get(f"/{number}"), ok(bomb, "Content-Encoding: gzip\r\nContent-Type: text/html\r\n"))


def fields_of_a_form(talk: Talk, scale: int) -> None:
    talk.ask(post("&".join(f"n{at}={at}" for at in range(30_000 * scale)), "x-www-form-urlencoded"), ok(b"x"))


def secrets_of_json(talk: Talk, scale: int) -> None:
    body = ",".join(f'"password{at}": "pw{at}xxxx"' for at in range(12_000 * scale))
    talk.ask(post(f"{{{body}}}", "json"), ok(b"x"))


def requests_at_once(talk: Talk, scale: int) -> None:
    talk.send(0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (400 * scale))
    talk.send(1, ok(b"") * (400 * scale))


def header_fields(talk: Talk, scale: int) -> None:
    fields = "".join(f"X-{at}: v{at}\r\n" for at in range(800))
    for number in range(4 * scale):
        talk.ask(get(f"/{number}", fields), ok(b"x", fields))


def events_of_a_stream(talk: Talk, scale: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    talk.ask(get("/e"), head + b"data: x\n\n" * (16_000 * scale))


def octets_backwards(talk: Talk, scale: int) -> None:
    data = bytes(1_500 * scale)
    talk.scattered(data, list(range(len(data)))[::-1])


def every_other_octet(talk: Talk, scale: int) -> None:
    data = bytes(1_500 * scale)
    talk.scattered(data, [*range(1, len(data), 2), *range(0, len(data), 2)])


def bombs_of_zstd(talk: Talk, scale: int) -> None:
    bomb = zstandard.compress(bytes(4 << 20))
    for number in range(16 * scale):
        talk.ask(get(f"/{number}"), ok(bomb, "Content-Encoding: zstd\r\n"))


def small_bombs(talk: Talk, scale: int) -> None:
    """Each body is tiny, unpacks to what is free for any body, and says that its window is the largest."""
    packer = brotli.Compressor(lgwin=24)
    bomb = packer.process(bytes(256 << 10)) + packer.flush()
    for number in range(60 * scale):
        talk.ask(get(f"/{number}"), ok(bomb, "Content-Encoding: br\r\n"))


def codings_on_codings(talk: Talk, scale: int) -> None:
    bomb = bytes(32 << 20)
    for _ in range(4):
        bomb = gzip.compress(bomb)
    for number in range(60 * scale):
        talk.ask(get(f"/{number}"), ok(bomb, "Content-Encoding: gzip, gzip, gzip, gzip\r\n"))


def words_like_secrets(talk: Talk, scale: int) -> None:
    """What the expressions of redaction begin to match again and again."""
    text = ("Bearer " * 40 + "token=" * 40 + "https://u:" * 30 + "eyJ" * 40 + "-----BEGIN " * 10 + "password " * 30) * 8
    for number in range(12 * scale):
        talk.ask(get(f"/{number}?{text[:3000].replace(' ', '%20')}"), ok(text.encode(), "Content-Type: text/plain\r\n"))


def one_long_word(talk: Talk, scale: int) -> None:
    for letter in ("a", "A0", "=", "%41", "a.", "a@", "\\", "&", "eyJhbGciOi"):
        talk.ask(get("/"), ok((letter * (20_000 * scale)).encode(), "Content-Type: text/html\r\n"))


def parts_of_a_form(talk: Talk, scale: int) -> None:
    part = '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter{}\r\n'
    body = "".join(part.format(at) for at in range(2_000 * scale)) + "--x--\r\n"
    head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}"
    talk.ask(f"{head}\r\n\r\n{body}".encode(), ok(b"x"))


def chunks_of_one_octet(talk: Talk, scale: int) -> None:
    body = b"1\r\na\r\n" * (20_000 * scale) + b"0\r\n\r\n"
    talk.ask(get("/"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n" + body)


def interim_answers(talk: Talk, scale: int) -> None:
    talk.ask(get("/"), b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * (1_500 * scale) + ok(b"x"))


def sent_again_otherwise(talk: Talk, scale: int) -> None:
    """The same octets with other contents, over and over."""
    for number in range(700 * scale):
        talk.frames.append(talk._frame(0, bytes((65 + number % 20,)) * 100, 100 + number % 7 * 50, 24))
