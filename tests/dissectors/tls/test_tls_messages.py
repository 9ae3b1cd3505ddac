"""Handshake messages besides the hellos: their fields, and what breaks them."""
from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random

import pytest
from test_tls_hello import extension, vector

from dissectors.kit.cursor import WireError
from dissectors.wire.tls.messages import (
    MAX_CERTIFICATES,
    MAX_UNCOMPRESSED,
    Alert,
    Certificate,
    CertificateRequest,
    CertificateStatus,
    CertificateVerify,
    CompressedCertificate,
    EncryptedExtensions,
    Heartbeat,
    KeyUpdate,
    NewSessionTicket,
    ServerKeyExchange,
    scts_of,
)

TLS12, TLS13 = 0x0303, 0x0304
STAPLE = b"\x01" + vector(3, b"ocsp")
SCTS = vector(2, vector(2, b"first") + vector(2, b"second"))


def chain13() -> bytes:
    extensions = extension(5, STAPLE) + extension(18, SCTS)
    entries = vector(3, b"leaf") + vector(2, extensions) + vector(3, b"issuer") + vector(2, b"")
    return vector(1, b"ctx") + vector(3, entries)


def test_a_chain_of_tls12_and_of_tls13() -> None:
    old = Certificate(vector(3, vector(3, b"leaf") + vector(3, b"issuer")), False)
    assert old.ders == [b"leaf", b"issuer"]
    new = Certificate(chain13(), True)
    assert new.context == b"ctx"
    assert new.ders == [b"leaf", b"issuer"]
    assert new.chain[0].ocsp == b"ocsp"
    assert new.chain[0].scts == [b"first", b"second"]
    assert new.chain[1].ocsp == b""


def test_a_long_chain_is_capped_and_counted() -> None:
    long = Certificate(vector(3, vector(3, b"x") * (MAX_CERTIFICATES + 3)), False)
    assert len(long.chain) == MAX_CERTIFICATES
    assert long.left_out == 3


def test_compressed_certificates() -> None:
    body = chain13()
    packed = b"\x00\x01" + len(body).to_bytes(3, "big") + vector(3, zlib.compress(body))
    assert CompressedCertificate(packed).body() == body
    brotli = pytest.importorskip("brotli", reason="brotli is not installed")
    packed = b"\x00\x02" + len(body).to_bytes(3, "big") + vector(3, brotli.compress(body))
    assert CompressedCertificate(packed).body() == body
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    zstd = vector(3, zstandard.ZstdCompressor().compress(body))
    assert CompressedCertificate(b"\x00\x03" + len(body).to_bytes(3, "big") + zstd).body() == body


@pytest.mark.parametrize(
    ("algorithm", "size", "data"),
    [
        (1, 5, zlib.compress(b"longer than five")), (1, 50, zlib.compress(b"shorter")), (1, 9, b"no zlib"),
        (2, 9, b"no brotli at all"), (3, 9, b"no zstd"), (9, 9, b"who knows"),
        (1, MAX_UNCOMPRESSED + 1, zlib.compress(bytes(MAX_UNCOMPRESSED + 1))),
    ],
)
def test_a_compressed_certificate_that_lies_is_refused(algorithm: int, size: int, data: bytes) -> None:
    with pytest.raises(WireError):
        CompressedCertificate(algorithm.to_bytes(2, "big") + size.to_bytes(3, "big") + vector(3, data)).body()


def test_key_exchanges() -> None:
    point = b"\x03\x00\x1d" + vector(1, b"k" * 32)
    curve = ServerKeyExchange(point + b"\x08\x04" + vector(2, b"sig"), "ECDHE", TLS12, True)
    assert (curve.group, curve.key_length, curve.scheme) == (0x001D, 32, 0x0804)
    prime = b"\x00" + b"\xff" * 128
    finite = ServerKeyExchange(vector(2, prime) + vector(2, b"\x02") + vector(2, b"y" * 128), "DHE", 0x0301, True)
    assert (finite.prime_bits, finite.key_length, finite.scheme) == (1024, 128, -1)
    assert ServerKeyExchange(b"anything", "PSK", TLS12, False).group == 0


def test_requests_tickets_and_the_rest() -> None:
    asked = CertificateRequest(b"\x02\x01\x40" + vector(2, b"\x04\x03") + vector(2, vector(2, b"name")), TLS12)
    assert (asked.types, asked.schemes, asked.authorities) == ([1, 64], [0x0403], [b"name"])
    newer = CertificateRequest(b"\x00" + vector(2, extension(13, vector(2, b"\x08\x04"))), TLS13)
    assert newer.schemes == [0x0804]
    old = NewSessionTicket(b"\x00\x00\x1c\x20" + vector(2, b"ticket"), False)
    assert (old.lifetime, old.ticket, old.early_data) == (7200, b"ticket", 0)
    allows = vector(2, extension(42, b"\x00\x00\x40\x00"))
    new = NewSessionTicket(b"\x00\x00\x1c\x20" + b"aaaa" + vector(1, b"n") + vector(2, b"ticket") + allows, True)
    assert (new.nonce, new.ticket, new.early_data) == (b"n", b"ticket", 16384)
    assert EncryptedExtensions(vector(2, extension(16, vector(2, vector(1, b"h2"))))).alpn == "h2"
    assert CertificateVerify(b"\x08\x04" + vector(2, b"sig"), TLS13).scheme == 0x0804
    assert CertificateVerify(vector(2, b"sig"), 0x0302).scheme == -1
    assert KeyUpdate(b"\x01").requested
    assert not KeyUpdate(b"\x00").requested
    assert (Alert(b"\x02\x28").level, Alert(b"\x02\x28").description) == (2, 40)
    assert CertificateStatus(STAPLE).ocsp == b"ocsp"
    assert scts_of(SCTS[:-3]) == [b"first"]


@pytest.mark.parametrize(("body", "kind", "claimed", "overread"), [
    (b"\x01\0\x04ping" + bytes(16), "request", 4, False), (b"\x02\0\x04ping", "response", 4, False),
    (b"\x01\0\x05ping", "request", 5, True), (b"\x01\x40\0", "request", 16_384, True),
    (b"\x07\0\0", "of type 7", 0, False),
])
def test_heartbeats(body: bytes, kind: str, claimed: int, overread: bool) -> None:
    found = Heartbeat(body)
    assert (found.kind, found.claimed, found.overread) == (kind, claimed, overread)


@pytest.mark.parametrize(
    "read",
    [
        lambda data: Certificate(data, True), lambda data: Certificate(data, False), CompressedCertificate,
        lambda data: CertificateRequest(data, TLS12), lambda data: CertificateRequest(data, TLS13),
        lambda data: ServerKeyExchange(data, "ECDHE", TLS12, True),
        lambda data: ServerKeyExchange(data, "DHE", TLS12, True), lambda data: CertificateVerify(data, TLS13),
        lambda data: NewSessionTicket(data, True),
        KeyUpdate, CertificateStatus, Alert,
    ],
)
def test_noise_is_refused_and_nothing_worse(read: Callable[[bytes], object]) -> None:
    random = Random(3)
    refused = []
    for _ in range(500):
        try:
            read(random.randbytes(random.randint(0, 60)))
        except WireError as error:
            refused.append(error)
    assert refused
    assert all(error.reason and error.offset >= 0 for error in refused)
