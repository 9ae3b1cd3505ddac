"""Lengths within lengths are used up exactly; what is not says where, and the rest of a hello stays."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from test_tls_hello import client_hello, extension, server_hello, vector

from dissectors.kit.cursor import WireError
from dissectors.wire.tls.extensions import (
    ALPN,
    CERTIFICATE_AUTHORITIES,
    EARLY_DATA,
    ECH,
    EXTENDED_MASTER_SECRET,
    KEY_SHARE,
    PRE_SHARED_KEY,
    RENEGOTIATION_INFO,
    SERVER_NAME,
    SIGNATURE_ALGORITHMS,
    STATUS_REQUEST,
    SUPPORTED_VERSIONS,
)
from dissectors.wire.tls.hello import RETRY_RANDOM, ClientHello, ServerHello
from dissectors.wire.tls.messages import (
    Certificate,
    CertificateRequest,
    CertificateStatus,
    EncryptedExtensions,
    NewSessionTicket,
    ServerKeyExchange,
)
from dissectors.wire.tls.names import suite_name
from dissectors.wire.tls.suites import suite

HOST = b"\x00" + vector(2, b"a.test")
SHARE = b"\x00\x1d" + vector(2, bytes(32))
IDENTITY = vector(2, b"ticket") + bytes(4)
OUTER_ECH = b"\x00" + bytes(5) + vector(2, bytes(32)) + vector(2, bytes(144))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (SERVER_NAME, vector(2, HOST)), (ALPN, vector(2, vector(1, b"h2"))), (KEY_SHARE, vector(2, SHARE)),
        (PRE_SHARED_KEY, vector(2, IDENTITY) + vector(2, vector(1, bytes(32)))), (ECH, OUTER_ECH), (ECH, b"\x01"),
        (RENEGOTIATION_INFO, b"\x00"), (EXTENDED_MASTER_SECRET, b""), (EARLY_DATA, b""),
        (SUPPORTED_VERSIONS, vector(1, b"\x03\x04")), (SIGNATURE_ALGORITHMS, vector(2, b"\x04\x03")),
    ],
)
def test_an_octet_more_or_less_in_an_extension_is_told_with_its_place(kind: int, data: bytes) -> None:
    others = extension(SIGNATURE_ALGORITHMS if kind == SERVER_NAME else SERVER_NAME, {
        True: vector(2, b"\x04\x03"), False: vector(2, HOST),
    }[kind == SERVER_NAME])
    good = ClientHello(client_hello(extension(kind, data) + others))
    assert good.problem == ""
    for changed in (data + b"\x00", data[:-1]):
        if changed == data:
            continue
        hello = ClientHello(client_hello(extension(kind, changed) + others))
        start = hello.extensions[0].start
        assert hello.problem, changed
        assert start <= hello.problem_at <= start + len(changed)
        assert len(hello.extensions) == 2
        assert hello.schemes == [0x0403] if kind == SERVER_NAME else hello.server_name == "a.test"


def test_the_first_host_name_stays_where_what_follows_is_broken() -> None:
    hello = ClientHello(client_hello(extension(SERVER_NAME, vector(2, HOST) + b"more")))
    assert hello.server_name == "a.test"
    assert "4 octets are left over" in hello.problem


def test_what_a_server_chose_is_as_long_as_it_must_be() -> None:
    chosen = extension(SUPPORTED_VERSIONS, b"\x03\x04")
    whole = ServerHello(server_hello(chosen + extension(KEY_SHARE, SHARE) + extension(PRE_SHARED_KEY, b"\x00\x00")))
    assert (whole.problem, whole.version, whole.key_share, whole.psk) == ("", 0x0304, 29, 0)
    retry = ServerHello(server_hello(chosen + extension(KEY_SHARE, b"\x00\x17"), random=RETRY_RANDOM))
    assert (retry.problem, retry.retry, retry.key_share) == ("", True, 23)
    for broken in (
        extension(SUPPORTED_VERSIONS, b"\x03\x04\x00"), extension(KEY_SHARE, b"\x00\x1d"),
        extension(KEY_SHARE, SHARE + b"\x00"), extension(PRE_SHARED_KEY, b"\x00"),
    ):
        assert ServerHello(server_hello(broken)).problem


def test_session_ids_have_a_largest_size() -> None:
    hello = ClientHello(client_hello(session=bytes(33)))
    assert "33" in hello.problem
    assert hello.problem_at == 34
    assert hello.suites == [0x1301, 0x1302]


def test_cipher_kinds_of_ssl2_have_three_octets() -> None:
    def body(kinds: bytes, more: bytes = b"") -> bytes:
        lengths = len(kinds).to_bytes(2, "big") + b"\x00\x00\x00\x10"
        return b"\x01\x03\x01" + lengths + kinds + b"\x11" * 16 + more

    hello = ClientHello(body(b"\x01\x00\x80\x00\x00\x2f"), ssl2=True)
    assert (hello.problem, hello.random) == ("", bytes(16) + b"\x11" * 16)
    names = [suite_name(number) for number in hello.suites]
    assert names == ["SSL_CK_RC4_128_WITH_MD5", "TLS_RSA_WITH_AES_128_CBC_SHA"]
    assert ClientHello(body(b"\x01\x00\x80\x00"), ssl2=True).problem
    assert ClientHello(body(b"\x00\x00\x2f", b"more"), ssl2=True).problem


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (lambda body: CertificateRequest(body, 0x0303), vector(1, b"\x01") + vector(2, b"\x04\x03") + vector(2, b"")),
        (lambda body: CertificateRequest(body, 0x0301), vector(1, b"\x01") + vector(2, vector(2, b"name"))),
        (
            lambda body: CertificateRequest(body, 0x0304),
            b"\x00" + vector(2, extension(CERTIFICATE_AUTHORITIES, vector(2, vector(2, b"name")))),
        ),
        (lambda body: NewSessionTicket(body, False), bytes(4) + vector(2, b"ticket")),
        (
            lambda body: NewSessionTicket(body, True),
            bytes(8) + vector(1, b"n") + vector(2, b"ticket") + vector(2, extension(EARLY_DATA, bytes(4))),
        ),
        (lambda body: ServerKeyExchange(body, "ECDHE", 0x0303, True), b"\x03\x00\x1d\x01x\x04\x03" + vector(2, b"sig")),
        (lambda body: ServerKeyExchange(body, "ECDHE", 0x0301, True), b"\x03\x00\x1d\x01x" + vector(2, b"sig")),
        (
            lambda body: ServerKeyExchange(body, "DHE", 0x0303, False, psk=True),
            vector(2, b"hint") + vector(2, b"\x7f") + vector(2, b"\x02") + vector(2, b"\x05"),
        ),
        (CertificateStatus, b"\x01" + vector(3, b"der")),
        (CertificateStatus, b"\x02" + vector(3, vector(3, b"") + vector(3, b"der"))),
        (EncryptedExtensions, vector(2, extension(ALPN, vector(2, vector(1, b"h2"))))),
        (lambda body: Certificate(body, False), vector(3, vector(3, b"der"))),
        (lambda body: Certificate(body, True), b"\x00" + vector(3, vector(3, b"der") + vector(2, b""))),
    ],
)
def test_messages_end_where_their_lengths_say(read: Callable[[bytes], object], body: bytes) -> None:
    read(body)
    for changed in (body + b"\x00", body[:-1]):
        with pytest.raises(WireError) as caught:
            read(changed)
        assert 0 <= caught.value.offset <= len(changed)


def test_key_exchanges_with_a_hint() -> None:
    curve = ServerKeyExchange(vector(2, b"who") + b"\x03\x00\x17\x01x", "ECDHE", 0x0303, False, psk=True)
    assert (curve.hint, curve.group, curve.scheme) == (b"who", 23, -1)


def test_a_chain_stays_where_an_extension_of_it_is_broken() -> None:
    status = extension(STATUS_REQUEST, b"\x01" + vector(3, b"ocsp"))
    entry = vector(3, b"der") + (len(status) + 9).to_bytes(2, "big") + status + b"\x00\x12\x00\x09short"
    found = Certificate(b"\x00" + vector(3, entry), True)
    assert found.ders == [b"der"]
    assert "9 octets" in found.problem
    with pytest.raises(WireError):
        Certificate(b"\x00" + vector(3, vector(3, b"") + vector(2, b"")), True)


def test_suites_whose_names_mislead() -> None:
    integrity, gost = suite(0xC0B4), suite(0xC103)
    assert integrity is not None
    assert integrity.weak == "it does not encrypt"
    assert gost is not None
    assert (gost.tls13, gost.key_exchange, gost.forward_secret) == (True, "", True)
