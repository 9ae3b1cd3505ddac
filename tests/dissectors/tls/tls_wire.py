"""TLS as bytes."""
from __future__ import annotations

from struct import pack

CLIENT_RANDOM = bytes(range(32))
SERVER_RANDOM = bytes(range(100, 132))


def record(kind: int, fragment: bytes, version: int = 0x0303) -> bytes:
    return pack(">BHH", kind, version, len(fragment)) + fragment


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    return pack(">HH", kind, len(body)) + body


def server_name(name: str) -> bytes:
    host = name.encode()
    return extension(0, pack(">HBH", len(host) + 3, 0, len(host)) + host)


def alpn(*names: str) -> bytes:
    listed = b"".join(bytes((len(name),)) + name.encode() for name in names)
    return extension(16, pack(">H", len(listed)) + listed)


def versions(*numbers: int) -> bytes:
    return extension(43, bytes((2 * len(numbers),)) + b"".join(pack(">H", number) for number in numbers))


def key_share(group: int = 29, length: int = 32) -> bytes:
    entry = pack(">HH", group, length) + bytes(length)
    return extension(51, pack(">H", len(entry)) + entry)


def groups(*numbers: int) -> bytes:
    return extension(10, pack(">H", 2 * len(numbers)) + b"".join(pack(">H", number) for number in numbers))


def psk(early: bool) -> bytes:
    """Early data and one identity; the pre-shared key comes last (RFC 8446 §4.2.11)."""
    identity = pack(">H", 8) + b"identity" + bytes(4)
    binder = bytes((32,)) + bytes(32)
    offered = pack(">H", len(identity)) + identity + pack(">H", len(binder)) + binder
    return (extension(42, b"") if early else b"") + extension(45, b"\x01\x01") + extension(41, offered)


def client_hello(
    suites: tuple[int, ...] = (0x1301, 0xC02F), extensions: bytes = b"", session: bytes = b"", version: int = 0x0303
) -> bytes:
    listed = b"".join(pack(">H", number) for number in suites)
    body = pack(">H", version) + CLIENT_RANDOM + bytes((len(session),)) + session
    body += pack(">H", len(listed)) + listed + b"\x01\x00"
    return message(1, body + (pack(">H", len(extensions)) + extensions if extensions else b""))


def hello13(name: str = "shop.test", extra: bytes = b"") -> bytes:
    return client_hello(
        (0x1301, 0x1302), server_name(name) + alpn("h2", "http/1.1") + versions(0x0304, 0x0303) + groups(29, 23)
        + key_share() + extra, bytes(32),
    )


def hello12(name: str = "shop.test", session: bytes = b"") -> bytes:
    return client_hello((0xC02F, 0x002F), server_name(name) + groups(29, 23), session)


def server_hello(
    suite: int, extensions: bytes = b"", session: bytes = b"", version: int = 0x0303, random: bytes = SERVER_RANDOM
) -> bytes:
    body = pack(">H", version) + random + bytes((len(session),)) + session + pack(">HB", suite, 0)
    return message(2, body + (pack(">H", len(extensions)) + extensions if extensions else b""))


def server_hello13(suite: int = 0x1301, with_psk: bool = False) -> bytes:
    share = extension(51, pack(">HH", 29, 32) + bytes(32))
    chosen = extension(41, b"\0\0") if with_psk else b""
    return server_hello(suite, extension(43, b"\x03\x04") + share + chosen, bytes(32))


def certificate(ders: tuple[bytes, ...]) -> bytes:
    """A chain, as up to TLS 1.2."""
    listed = b"".join([len(der).to_bytes(3, "big") + der for der in ders])
    return message(11, len(listed).to_bytes(3, "big") + listed)


def dhe(bits: int) -> bytes:
    """A server's half of a key exchange, signed as in TLS 1.2."""
    prime = b"\xff" * (bits // 8)
    public = pack(">H", len(prime)) + prime
    return message(12, public + b"\0\x01\x02" + public + b"\x04\x01\0\x04sign")


CHANGE = record(20, b"\x01")


def hidden(length: int) -> bytes:
    """An encrypted record of TLS 1.3."""
    return record(23, bytes(length))
