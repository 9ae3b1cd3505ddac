"""Keys out of secrets: published numbers, and what the `ssl` module derived itself."""
from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tls_peers import (
    APPLICATION,
    CLIENT_KEY_EXCHANGE,
    FINISHED,
    HANDSHAKE,
    NEW_SESSION_TICKET,
    NO_EXTENDED_MASTER_SECRET,
    Identity,
    Session,
    messages,
    opened,
    talk,
)

from dissectors.wire.tls.premaster import premaster_by_rsa
from dissectors.wire.tls.protection import opener13, openers12
from dissectors.wire.tls.schedule import (
    extended_master_secret,
    finished,
    handshake_hash,
    hkdf_expand_label,
    master_secret,
    message_hash,
    prf,
)

QUIET: tuple[list[bytes], list[bytes]] = ([], [b"x"])
EXTENDED_MASTER_SECRET = b"\x00\x17\x00\x00"      # RFC 7627 §5.1
VERSIONS = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("server"), rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("stranger"), rsa.generate_private_key(65537, 2048))


def test_the_published_vector_of_the_prf_with_sha_256() -> None:
    """Of the IETF's mailing list for TLS, 2009-01-13; the RFC has none."""
    found = prf(
        "sha256", 0x0303, bytes.fromhex("9bbe436ba940f017b17652849a71db35"), b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"), 100,
    )
    assert found == bytes.fromhex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7"
        "077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )


def test_traffic_keys_of_rfc_8448() -> None:
    """Section 3: the server's handshake keys."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert hkdf_expand_label("sha256", secret, b"key", b"", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert hkdf_expand_label("sha256", secret, b"iv", b"", 12).hex() == "5d313eb2671276ee13000b30"


def rsa_session(server: Identity, folder: Path, version: ssl.TLSVersion, options: int) -> Session:
    try:
        return talk(server, folder / "keys", version, "AES128-SHA", QUIET, options)
    except ssl.SSLError as error:
        pytest.skip(f"the OpenSSL of this Python does not speak it: {error.reason}")


def encrypted_premaster(session: Session) -> bytes:
    exchange = next(message for message in session.clear(0) if message[0] == CLIENT_KEY_EXCHANGE)
    return exchange[6:]     # behind the header and two octets of length


@pytest.mark.parametrize("options", [0, NO_EXTENDED_MASTER_SECRET], ids=["extended", "plain"])
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_private_key_leads_to_the_master_secret(
    server: Identity, stranger: Identity, tmp_path: Path, version: ssl.TLSVersion, options: int
) -> None:
    session = rsa_session(server, tmp_path, version, options)
    premaster = premaster_by_rsa([stranger.key, b"no key", server.key], encrypted_premaster(session), session.version)
    assert len(premaster) == 48
    assert (EXTENDED_MASTER_SECRET in session.extensions) == (not options)
    if options:
        found = master_secret(
            premaster, session.client_random, session.server_random, session.version, session.suite
        )
    else:
        hello, *rest = session.clear(0)
        until = [message for message in session.clear(1) if message[0] != NEW_SESSION_TICKET]
        transcript = hello + b"".join(until) + b"".join(rest)
        digest = handshake_hash(session.suite, session.version, transcript)
        found = extended_master_secret(premaster, digest, session.version, session.suite)
    assert found == session.secret("CLIENT_RANDOM")


def test_a_private_key_that_does_not_fit_gives_nothing(server: Identity, stranger: Identity, tmp_path: Path) -> None:
    session = rsa_session(server, tmp_path, ssl.TLSVersion.TLSv1_2, 0)
    encrypted = encrypted_premaster(session)
    elliptic = Identity(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    for _ in range(40):       # a library may answer with random octets: none of them may pass
        assert premaster_by_rsa([stranger.key, elliptic.key], encrypted, 0x0303) == b""
    for broken in (b"", encrypted[:-1], encrypted + b"\x00", bytes(256), b"\xff" * 256):
        assert premaster_by_rsa([server.key], broken, 0x0303) == b""


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_finished_up_to_tls_1_2(server: Identity, tmp_path: Path, version: ssl.TLSVersion) -> None:
    session = rsa_session(server, tmp_path, version, 0)
    master = session.secret("CLIENT_RANDOM")
    made = openers12(session.suite, session.version, master, session.client_random, session.server_random, True)
    assert made is not None
    hello, *rest = session.clear(0)
    tickets = [message for message in session.clear(1) if message[0] == NEW_SESSION_TICKET]
    first = [message for message in session.clear(1) if message not in tickets]
    transcript = hello + b"".join(first) + b"".join(rest)
    client = opened(made[0], session.protected(0)[:1])[0][1]
    assert client[4:] == finished(session.suite, session.version, master, True, transcript)
    assert client[4:] != finished(session.suite, session.version, bytes(48), True, transcript)
    # A ticket stands in the clear between the client's Finished and the server's.
    last = opened(made[1], session.protected(1)[:1])[0][1]
    transcript += client + b"".join(tickets)
    assert last[4:] == finished(session.suite, session.version, master, False, transcript)


@pytest.mark.parametrize("retry", [False, True], ids=["", "HelloRetryRequest"])
def test_finished_of_tls_1_3(server: Identity, tmp_path: Path, retry: bool) -> None:
    session = talk(server, tmp_path / "keys", ssl.TLSVersion.TLSv1_3, "ALL", QUIET, curve="secp521r1" if retry else "")
    hellos = [
        messages(b"".join(record.fragment for record in side if record.content_type == HANDSHAKE))
        for side in session.sent
    ]
    assert [len(side) for side in hellos] == [1 + retry, 1 + retry]
    transcript = hellos[0][0] + hellos[1][0]
    if retry:
        transcript = message_hash(session.suite, hellos[0][0]) + hellos[1][0] + hellos[0][1] + hellos[1][1]
    secret = session.secret("SERVER_HANDSHAKE_TRAFFIC_SECRET")
    opener = opener13(session.suite, secret)
    assert opener is not None
    for record in session.sent[1]:
        if record.content_type == APPLICATION:
            message = opener.open(record.content_type, record.version, record.fragment)
            if message[0] == FINISHED:
                break
            transcript += message
    assert message[4:] == finished(session.suite, 0x0304, secret, False, transcript)
    assert message[4:] != finished(session.suite, 0x0304, bytes(48), False, transcript)


def test_nothing_is_derived_for_a_suite_that_is_not_known() -> None:
    assert master_secret(bytes(48), bytes(32), bytes(32), 0x0303, 0x0A0A) == b""
    assert extended_master_secret(bytes(48), bytes(32), 0x0303, 0x0A0A) == b""
    assert finished(0x0A0A, 0x0304, bytes(32), True, b"") == b""
    assert message_hash(0x0A0A, b"") == b""
