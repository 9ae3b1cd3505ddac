"""Records that other implementations protected open to exactly what was sent, and nothing else opens."""
from __future__ import annotations

import random
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tls_peers import (
    FINISHED,
    HANDSHAKE,
    NO_ENCRYPT_THEN_MAC,
    Identity,
    Record,
    Session,
    application,
    opened,
    talk,
)
from tls_recorded import RECORDED, RFC8448, UPDATED, Recorded, Updated

from dissectors.wire.tls.protection import BadRecord, Opener, Opener13, opener13, openers12
from dissectors.wire.tls.schedule import finished

SAID = (
    [b"GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n", b"x", bytes(5000)],
    [b"HTTP/1.1 200 OK\r\n\r\n", random.Random(5).randbytes(40_000)],
)
TLS10, TLS11, TLS12 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2

# As OpenSSL names them; of each cipher one suite, and each MAC.
CIPHERS12 = [
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256", "AES128-CCM", "AES256-CCM", "ECDHE-ECDSA-AES128-CCM", "AES128-CCM8", "AES256-CCM8",
    "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305",
    "AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA256", "ECDHE-RSA-AES256-SHA384", "CAMELLIA128-SHA",
    "CAMELLIA256-SHA256", "ECDHE-RSA-CAMELLIA256-SHA384", "NULL-SHA", "NULL-SHA256", "NULL-MD5",
]
CIPHERS10 = ["AES128-SHA", "ECDHE-RSA-AES256-SHA", "CAMELLIA128-SHA", "NULL-MD5"]


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    folder = tmp_path_factory.mktemp("identities")
    return [
        Identity(folder, rsa.generate_private_key(65537, 2048)),
        Identity(folder, ec.generate_private_key(ec.SECP256R1())),
    ]


def spoken(
    identities: list[Identity], folder: Path, version: ssl.TLSVersion, cipher: str, options: int = 0
) -> Session:
    identity = identities["ECDSA" in cipher]
    try:
        return talk(identity, folder / "keys", version, cipher, SAID, options)
    except ssl.SSLError as error:
        pytest.skip(f"the OpenSSL of this Python does not speak it: {error.reason}")


def pair(session: Session, encrypt_then_mac: bool = False) -> tuple[Opener, Opener]:
    made = openers12(
        session.suite, session.version, session.secret("CLIENT_RANDOM"), session.client_random,
        session.server_random, encrypt_then_mac,
    )
    assert made is not None
    return made


@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC], ids=["", "mac-then-encrypt"])
@pytest.mark.parametrize(
    ("version", "cipher"),
    [(TLS12, cipher) for cipher in CIPHERS12] + [(old, cipher) for old in (TLS10, TLS11) for cipher in CIPHERS10],
    ids=str,
)
def test_every_cipher_up_to_tls_1_2(
    identities: list[Identity], tmp_path: Path, version: ssl.TLSVersion, cipher: str, options: int
) -> None:
    session = spoken(identities, tmp_path, version, cipher, options)
    encrypt_then_mac = b"\x00\x16\x00\x00" in session.extensions      # RFC 7366 §2
    assert not (options and encrypt_then_mac)
    for side, opener in enumerate(pair(session, encrypt_then_mac)):
        inside = opened(opener, session.protected(side))
        assert inside[0][0] == HANDSHAKE
        assert inside[0][1][0] == FINISHED
        assert application(inside) == b"".join(SAID[side])
        assert opener.sequence == len(session.protected(side))


def test_encrypt_then_mac_was_really_spoken(identities: list[Identity], tmp_path: Path) -> None:
    session = spoken(identities, tmp_path, TLS12, "AES128-SHA")
    assert b"\x00\x16\x00\x00" in session.extensions
    with pytest.raises(BadRecord):
        opened(pair(session, False)[0], session.protected(0))


def test_tls_1_3_of_another_implementation(identities: list[Identity], tmp_path: Path) -> None:
    session = spoken(identities, tmp_path, ssl.TLSVersion.TLSv1_3, "ALL")
    for side, name in enumerate(("CLIENT", "SERVER")):
        handshake = opener13(session.suite, session.secret(f"{name}_HANDSHAKE_TRAFFIC_SECRET"))
        data = opener13(session.suite, session.secret(f"{name}_TRAFFIC_SECRET_0"))
        assert handshake is not None
        assert data is not None
        flight = session.protected(side)
        if side:
            flight = [record for record in session.sent[1] if record.content_type == 23]
        inside: list[tuple[int, bytes]] = []
        for record in flight:
            finishing = bool(inside) and inside[-1][0] == HANDSHAKE and inside[-1][1][0] == FINISHED
            use = data if finishing or data.sequence else handshake
            inside.append((use.open(23, 0x0303, record.fragment), use.inner_type)[::-1])
        assert handshake.sequence >= 1
        assert application(inside) == b"".join(SAID[side])


@pytest.mark.parametrize("recorded", RECORDED, ids=[recorded.title for recorded in RECORDED])
def test_recorded_sessions_of_older_ciphers(recorded: Recorded) -> None:
    """SSL 3.0, RC4 and 3DES, which the OpenSSL of today no longer speaks."""
    made = openers12(
        recorded.suite, recorded.version, recorded.master, recorded.client_random, recorded.server_random,
        recorded.encrypt_then_mac,
    )
    assert made is not None
    before = recorded.transcript
    for side in (0, 1):
        inside = opened(made[side], [Record(kind, recorded.version, data) for kind, data in recorded.sent[side]])
        kind, message = inside[0]
        assert kind == HANDSHAKE
        assert message[4:] == finished(recorded.suite, recorded.version, recorded.master, side == 0, before)
        before += message
        assert application(inside) == recorded.said[side]


def test_the_trace_of_rfc_8448() -> None:
    """Section 3: data both ways, the server's after a ticket that is left out here, then both alerts."""
    client, server = (opener13(0x1301, secret) for secret in (RFC8448.client_secret, RFC8448.server_secret))
    assert client is not None
    assert server is not None
    assert client.open(23, 0x0303, RFC8448.client_data) == bytes(range(50))
    assert client.inner_type == 23
    assert server.resync(23, 0x0303, RFC8448.server_data, 0) is None
    server.skip(1)
    assert server.open(23, 0x0303, RFC8448.server_data) == bytes(range(50))
    assert client.open(23, 0x0303, RFC8448.client_alert) == b"\x01\x00"
    assert client.inner_type == 21
    assert server.open(23, 0x0303, RFC8448.server_alert) == b"\x01\x00"


def sealed13(opener: Opener13, content: bytes, content_type: int, padding: int, sequence: int) -> bytes:
    """The other way round, with the same library's encryption."""
    inner = content + bytes((content_type,)) + bytes(padding)
    header = b"\x17\x03\x03" + (len(inner) + opener.found.tag).to_bytes(2, "big")
    return opener.aead.encrypt((opener.iv ^ sequence).to_bytes(12, "big"), inner, header)


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303, 0x1304, 0x1305])
def test_padding_and_empty_content_of_tls_1_3(suite: int) -> None:
    opener = opener13(suite, bytes(range(48 if suite == 0x1302 else 32)))
    assert opener is not None
    for number, (content, kind, padding) in enumerate(
        ((b"", 23, 0), (b"", 23, 9), (b"\x00\x00", 22, 3), (bytes(16_384), 21, 0), (b"a", 23, 10_000))
    ):
        assert opener.open(23, 0x0303, sealed13(opener, content, kind, padding, number)) == content
        assert opener.inner_type == kind
    with pytest.raises(BadRecord, match="no content type"):
        opener.open(23, 0x0303, sealed13(opener, b"", 0, 5, opener.sequence))


def test_a_gap_is_bridged_within_the_window(identities: list[Identity], tmp_path: Path) -> None:
    for cipher in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "AES128-SHA", "NULL-SHA256"):
        session = spoken(identities, tmp_path, TLS12, cipher, NO_ENCRYPT_THEN_MAC)
        opener = pair(session)[1]
        given = session.protected(1)
        assert len(given) >= 5
        last = given[-1]
        assert opener.resync(last.content_type, last.version, last.fragment, len(given) - 2) is None
        assert opener.sequence == 0
        plain = opener.resync(last.content_type, last.version, last.fragment, len(given) - 1)
        assert plain is not None
        assert SAID[1][-1].endswith(plain)
        assert opener.sequence == len(given)


def test_nonces_that_count_bridge_a_gap_of_any_length(identities: list[Identity], tmp_path: Path) -> None:
    session = spoken(identities, tmp_path, TLS12, "ECDHE-RSA-AES128-GCM-SHA256")
    opener = pair(session)[1]
    given = session.protected(1)
    opened(opener, given[:1])
    last = given[-1]
    altered_one = last.fragment[:-1] + bytes((last.fragment[-1] ^ 1,))
    assert opener.resync(last.content_type, last.version, altered_one, 0) is None
    assert opener.sequence == 1
    assert opener.resync(last.content_type, last.version, last.fragment, 0) is not None
    assert opener.sequence == len(given)


def test_a_gap_before_tls_1_1_costs_the_record_after_it(identities: list[Identity], tmp_path: Path) -> None:
    """The IV of a record is the end of the one before, so that the first one behind a gap stays shut."""
    session = spoken(identities, tmp_path, TLS10, "AES128-SHA", NO_ENCRYPT_THEN_MAC)
    opener = pair(session)[1]
    given = session.protected(1)
    opened(opener, given[:2])
    third, fourth, fifth = given[3:6]
    assert opener.resync(third.content_type, third.version, third.fragment, 9) is None
    plain = opener.resync(fourth.content_type, fourth.version, fourth.fragment, 9)
    assert plain is not None
    assert plain in b"".join(SAID[1])
    assert opener.sequence == 5
    opened(opener, [fifth])


def altered(fragment: bytes, dice: random.Random) -> bytes:
    choice = dice.randrange(4)
    at = dice.randrange(len(fragment)) if fragment else 0
    if choice == 0:
        return fragment[:at]
    if choice == 1:
        return fragment + dice.randbytes(dice.randrange(1, 40))
    if choice == 2:
        return dice.randbytes(dice.randrange(70))
    return fragment[:at] + bytes((fragment[at] ^ (1 << dice.randrange(8)),)) + fragment[at + 1:]


@pytest.mark.parametrize("cipher", [*CIPHERS12, "TLS 1.0", "TLS 1.3"])
def test_what_was_altered_never_opens_and_the_true_record_still_does(
    identities: list[Identity], tmp_path: Path, cipher: str
) -> None:
    dice = random.Random(cipher)
    opener: Opener
    if cipher == "TLS 1.3":
        made = opener13(0x1302, bytes(48))
        assert made is not None
        opener, good = made, Record(23, 0x0303, sealed13(made, b"some words", 23, 4, 0))
    else:
        old = cipher == "TLS 1.0"
        session = spoken(identities, tmp_path, TLS10 if old else TLS12, "AES128-SHA" if old else cipher)
        opener, good = pair(session, b"\x00\x16\x00\x00" in session.extensions)[0], session.protected(0)[0]
    for _ in range(300):
        fragment = altered(good.fragment, dice)
        if fragment == good.fragment:
            continue
        with pytest.raises(BadRecord):
            opener.open(good.content_type, good.version, fragment)
        assert opener.sequence == 0
    if cipher != "TLS 1.0":            # whose next IV is the end of what came before it
        opener.open(good.content_type, good.version, good.fragment)
        assert opener.sequence == 1


def test_headers_are_authenticated() -> None:
    opener = opener13(0x1301, bytes(32))
    assert opener is not None
    fragment = sealed13(opener, b"words", 23, 0, 0)
    for content_type, version in ((22, 0x0303), (23, 0x0301), (-1, -1), (1 << 40, 1 << 40)):
        with pytest.raises(BadRecord):
            opener.open(content_type, version, fragment)
    with pytest.raises(BadRecord, match="longer"):
        opener.open(23, 0x0303, bytes(1 << 16))


@pytest.mark.parametrize("recorded", UPDATED, ids=[recorded.title for recorded in UPDATED])
def test_every_cipher_of_tls_1_3_over_two_key_updates(recorded: Updated) -> None:
    opener = opener13(recorded.suite, recorded.secret)
    assert opener is not None
    inside = []
    for fragment in recorded.fragments:
        plain = opener.open(23, 0x0303, fragment)
        inside.append((opener.inner_type, plain))
        if opener.inner_type == HANDSHAKE:
            before, opener = opener, opener.next_generation()
            assert opener.sequence == 0
            assert before.resync(23, 0x0303, recorded.fragments[len(inside)], 5) is None
    assert tuple(inside) == recorded.inside


def test_no_suite_lets_anything_but_a_bad_record_out() -> None:
    dice = random.Random(3)
    tried = 0
    for suite in range(0x10000):
        made: list[Opener] = []
        for version in (0x0300, 0x0301, 0x0302, 0x0303):
            for encrypt_then_mac in (False, True):
                made += openers12(suite, version, bytes(48), bytes(32), bytes(32), encrypt_then_mac) or ()
        thirteen = opener13(suite, bytes(32))
        made += [thirteen] if thirteen else []
        for opener in made[::3]:
            tried += 1
            for length in (*range(0, 50, 7), 64, 80, 256):
                with pytest.raises(BadRecord):
                    opener.open(23, 0x0303, dice.randbytes(length))
                assert opener.resync(23, 0x0303, dice.randbytes(length), 1) is None
    assert tried > 500


def test_suites_that_nobody_can_open_make_no_opener() -> None:
    assert opener13(0x1399, bytes(32)) is None                                    # unknown
    assert opener13(0xC02F, bytes(32)) is None                                    # of TLS 1.2
    for suite, version in ((0x1301, 0x0303), (0xC02F, 0x0301), (0xC050, 0x0303), (0x003C, 0x0300), (0x0A0A, 0x0303),
                           (0xCC13, 0x0303), (0x0003, 0x0301), (0x0000, 0x0303)):
        assert openers12(suite, version, bytes(48), bytes(32), bytes(32), False) is None
