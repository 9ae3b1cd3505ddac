"""Hellos: what each field says, GREASE, damage; held against OpenSSL's own hellos."""
from __future__ import annotations

import ssl
from random import Random

import pytest

from dissectors.wire.tls.extensions import ALPN, ECH, SERVER_NAME, SUPPORTED_VERSIONS
from dissectors.wire.tls.hello import OUTER, RETRY_RANDOM, ClientHello, ServerHello

RANDOM = bytes(range(32))


def vector(length: int, data: bytes) -> bytes:
    return len(data).to_bytes(length, "big") + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, data)


def client_hello(extensions: bytes = b"", suites: bytes = b"\x13\x01\x13\x02", session: bytes = b"") -> bytes:
    return b"\x03\x03" + RANDOM + vector(1, session) + vector(2, suites) + b"\x01\x00" + vector(2, extensions)


def server_hello(extensions: bytes = b"", random: bytes = RANDOM, suite: bytes = b"\x13\x01") -> bytes:
    return b"\x03\x03" + random + vector(1, b"id") + suite + b"\x00" + vector(2, extensions)


def real_hello(alpn: list[str], name: str, version: ssl.TLSVersion) -> bytes:
    """The body of a hello that OpenSSL makes."""
    context = ssl.create_default_context()
    context.maximum_version = version
    context.set_alpn_protocols(alpn)
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = context.wrap_bio(inside, outside, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        side.do_handshake()
    record = outside.read()
    assert record[0] == 22
    return record[9:]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_openssl_offers(version: ssl.TLSVersion) -> None:
    hello = ClientHello(real_hello(["h2", "http/1.1"], "shop.test", version))
    assert hello.problem == ""
    assert hello.server_name == "shop.test"
    assert hello.alpn == ["h2", "http/1.1"]
    assert hello.version == int(version)
    assert hello.extended_master_secret
    assert hello.encrypt_then_mac
    assert hello.ticket == 0
    assert hello.secure_renegotiation
    assert 0x001D in hello.groups
    assert 0x0403 in hello.schemes
    assert 0xC02F in hello.suites
    assert (0x1301 in hello.suites) == (version == ssl.TLSVersion.TLSv1_3)
    if version == ssl.TLSVersion.TLSv1_3:
        assert hello.psk_modes == [1]
        assert hello.key_shares == [(0x001D, 32)]
        assert len(hello.session_id) == 32


def test_grease_is_kept_and_never_taken_for_an_offer() -> None:
    versions = extension(SUPPORTED_VERSIONS, vector(1, b"\x7a\x7a\x03\x04\x03\x03"))
    names = extension(ALPN, vector(2, vector(1, b"\x0a\x0a") + vector(1, b"h2")))
    hello = ClientHello(client_hello(extension(0xFAFA, b"") + versions + names, b"\xda\xda\x13\x01"))
    assert hello.versions == [0x7A7A, 0x0304, 0x0303]
    assert hello.version == 0x0304
    assert hello.suites == [0xDADA, 0x1301]
    assert hello.alpn == ["GREASE (0x0A0A)", "h2"]
    assert [one.name for one in hello.extensions] == [
        "GREASE (64250)", "supported_versions", "application_layer_protocol_negotiation",
    ]


def test_unknown_extensions_are_data() -> None:
    outer = b"\x00" + bytes(5) + vector(2, b"key") + vector(2, b"hidden")
    hello = ClientHello(client_hello(extension(4711, b"abc") + extension(ECH, outer)))
    first = hello.extensions[0]
    assert (first.type, first.name, first.data) == (4711, "unknown (4711)", b"abc")
    assert hello.ech == OUTER
    assert hello.problem == ""


def test_a_broken_extension_leaves_the_others() -> None:
    broken = extension(SERVER_NAME, b"\x00\x09\x00\x00\x06abc")
    hello = ClientHello(client_hello(broken + extension(ALPN, vector(2, vector(1, b"h2")))))
    assert hello.alpn == ["h2"]
    assert hello.server_name == ""
    assert "server name" in hello.problem or "list of names" in hello.problem


def test_a_hello_that_ends_early_keeps_what_came_before() -> None:
    body = client_hello(extension(ALPN, vector(2, vector(1, b"h2"))))
    hello = ClientHello(body[:-3])
    assert hello.suites == [0x1301, 0x1302]
    assert hello.alpn == []
    assert hello.problem
    assert ClientHello(b"").problem


def test_a_repeated_extension_is_told_and_the_first_counts() -> None:
    twice = extension(ALPN, vector(2, vector(1, b"h2"))) + extension(ALPN, vector(2, vector(1, b"x")))
    hello = ClientHello(client_hello(twice))
    assert hello.alpn == ["h2"]
    assert hello.extended.repeated == [ALPN]


def test_the_hello_of_ssl2() -> None:
    body = b"\x01\x03\x01" + b"\x00\x06\x00\x00\x00\x10" + b"\x00\x00\x2f\x01\x00\x80" + b"c" * 16
    hello = ClientHello(body, True)
    assert hello.legacy_version == 0x0301
    assert hello.suites == [0x00002F, 0x010080]
    assert hello.random == bytes(16) + b"c" * 16
    assert hello.problem == ""


def test_the_server_chooses() -> None:
    chosen = extension(SUPPORTED_VERSIONS, b"\x03\x04") + extension(51, b"\x00\x1d" + vector(2, b"k" * 32))
    hello = ServerHello(server_hello(chosen))
    assert (hello.version, hello.suite, hello.key_share, hello.psk) == (0x0304, 0x1301, 0x001D, -1)
    assert hello.tls13
    assert not hello.retry
    again = extension(SUPPORTED_VERSIONS, b"\x03\x04") + extension(51, b"\x00\x17")
    retry = ServerHello(server_hello(again, RETRY_RANDOM))
    assert retry.retry
    assert retry.key_share == 0x0017


@pytest.mark.parametrize(
    ("end", "expected"), [(b"DOWNGRD\x01", "TLS 1.2"), (b"DOWNGRD\x00", "TLS 1.1 or below"), (b"else" * 2, "")]
)
def test_a_downgrade_warns(end: bytes, expected: str) -> None:
    assert ServerHello(server_hello(random=RANDOM[:24] + end)).downgrade == expected
    chosen = extension(SUPPORTED_VERSIONS, b"\x03\x04")
    assert ServerHello(server_hello(chosen, RANDOM[:24] + end)).downgrade == ""


def test_whatever_comes_is_read() -> None:
    random = Random(5)
    real = real_hello(["h2"], "a.test", ssl.TLSVersion.TLSv1_3)
    for body in (client_hello(extension(ALPN, b"\x00\x03\x02h2")), server_hello(), real):
        for _ in range(400):
            data = bytearray(body)
            for _ in range(random.randint(1, 6)):
                data[random.randrange(len(data))] = random.randrange(256)
            cut = bytes(data[:random.randrange(len(data) + 1)])
            for hello in (ClientHello(cut), ClientHello(cut, True), ServerHello(cut)):
                assert hello.problem or len(hello.random) == 32 or hello.ssl2
                assert 0 <= hello.problem_at <= len(cut)
