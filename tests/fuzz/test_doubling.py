"""Twice as large a capture takes no more than about twice the time, whatever it holds."""
from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from pcap_bytes import ethernet, ipv4, pcap, tcp

from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import Layout, by_name

CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"
SIZE = 1_400
MOST = 3.0          # times as long for twice as much; what is quadratic takes four times
FIXED = 0.02        # seconds that nothing depends on


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
            part = data[at:at + SIZE]
            self.frames.append(self._frame(direction, part, self.next[direction], 24))
            self.next[direction] += len(part)

    def ask(self, request: bytes, response: bytes) -> None:
        self.send(0, request)
        self.send(1, response)

    def scattered(self, data: bytes, places: list[int]) -> None:
        """Single octets of the client's stream, in any order."""
        self.frames += [self._frame(0, data[at:at + 1], 100 + at, 24) for at in places]


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


ATTACKS: list[Callable[[Talk, int], None]] = [
    one_secret_everywhere, a_secret_each, many_names, bombs_of_brotli, bombs_of_gzip, fields_of_a_form,
    secrets_of_json, requests_at_once, header_fields, events_of_a_stream, octets_backwards, every_other_octet,
]


def seconds(path: Path) -> float:
    """Of this process: what is read is told, as a page and without a name."""
    html = by_name("html")
    assert html is not None
    begun = time.process_time()
    analysis = analyze([str(path)], Options(graphs=True))
    assert b"".join(html.write(analysis, Layout(anonymous=True)))
    return time.process_time() - begun


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.__name__ for attack in ATTACKS])
def test_twice_as_much_takes_no_more_than_about_twice_as_long(
    attack: Callable[[Talk, int], None], tmp_path: Path
) -> None:
    paths = []
    for scale in (1, 2):
        talk = Talk()
        attack(talk, scale)
        paths.append(tmp_path / f"{scale}.pcap")
        paths[-1].write_bytes(pcap(talk.frames))
    small, large = 0.0, 1.0
    for _attempt in range(4):       # a machine that does something else is no failure
        small, large = seconds(paths[0]), seconds(paths[1])
        if large <= MOST * small + FIXED:
            break
    assert large <= MOST * small + FIXED
