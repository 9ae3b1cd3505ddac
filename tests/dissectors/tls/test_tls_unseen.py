"""What of a TLS connection cannot be seen, for want of a key or of packets: nothing is concluded from it."""
from __future__ import annotations

import ssl
from struct import pack

import pytest
from tls_connection import CLIENT, SERVER, Connection
from tls_real import Talk
from tls_wire import (
    CHANGE,
    client_hello,
    extension,
    groups,
    hello12,
    hello13,
    hidden,
    message,
    record,
    server_hello,
    server_hello13,
    server_name,
    versions,
)

from dissectors.kit.observation import ALWAYS, HIDDEN, NOT_CAPTURED, OCTETS
from dissectors.kit.provided import Provided

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ALERT = 19       # octets of an encrypted alert of TLS 1.3: level, description, type, tag
DRAFT_18, EXPERIMENT = 0x7F12, 0x7E01


def names(connection: Connection) -> list[str]:
    return [event.name.removeprefix("tls.") for event in connection.events]


def full13(connection: Connection) -> None:
    connection.client(record(22, hello13(), 0x0301))
    connection.server(record(22, server_hello13()) + CHANGE + hidden(900))
    connection.client(CHANGE + hidden(53))


def full12(connection: Connection) -> None:
    connection.client(record(22, hello12(), 0x0301))
    connection.server(record(22, server_hello(0x002F) + message(11, bytes(3)) + message(14, b"")))
    connection.client(record(22, message(16, bytes(66))) + CHANGE + record(22, bytes(40)))
    connection.server(CHANGE + record(22, bytes(40)))


def open_ended(connection: Connection, direction: int) -> bool:
    """That direction is hidden to the end."""
    spot = connection.context.observed.blind(direction, ALWAYS, ALWAYS, (HIDDEN,))
    return spot is not None


def only(provided: Provided, *lacking: bytes) -> Provided:
    """The same keys without those of these labels."""
    given = Provided()
    given.secrets = {name: one for name, one in provided.secrets.items() if not name.startswith(lacking)}
    return given


# -- hidden is not absent ----------------------------------------------------------------------------------

def test_what_is_encrypted_without_a_key_is_hidden() -> None:
    for full in (full12, full13):
        connection = Connection()
        full(connection)
        connection.client(record(23, bytes(100)))
        assert open_ended(connection, CLIENT)
        assert open_ended(connection, SERVER)
        assert connection.context.observed.absence(SERVER, kinds=OCTETS).proven


def test_what_is_read_is_not_hidden() -> None:
    for version in (V12, V13):
        talk = Talk(version)
        talk.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
        talk.say(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
        connection = talk.told(talk.provided())
        assert connection.context.observed.blind(2, kinds=(HIDDEN,)) is None


def test_a_hidden_handshake_before_data_that_are_read() -> None:
    talk = Talk(V13)
    talk.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    keys = only(talk.provided(), b"CLIENT_HANDSHAKE_TRAFFIC_SECRET", b"SERVER_HANDSHAKE_TRAFFIC_SECRET")
    connection = talk.told(keys)
    assert connection.context.observed.blind(CLIENT, kinds=(HIDDEN,)) is not None
    assert not open_ended(connection, CLIENT)
    assert "partial" not in [event.fields()["outcome"] for event in connection.named("tls.decryption")]


@pytest.mark.parametrize(("direction", "label"), [
    (CLIENT, b"CLIENT_TRAFFIC_SECRET_0"), (SERVER, b"SERVER_TRAFFIC_SECRET_0"),
])
def test_the_secret_of_one_side_is_missing(direction: int, label: bytes) -> None:
    talk = Talk(V13)
    talk.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    talk.say(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
    connection = talk.told(only(talk.provided(), label))
    assert open_ended(connection, direction)
    assert not open_ended(connection, 1 - direction)
    found = [event for event in connection.named("tls.decryption") if event.fields()["outcome"] == "partial"]
    assert [event.direction for event in found] == [direction]
    assert label.decode() in found[0].what()


def test_an_end_that_is_encrypted_says_nothing_of_close_notify() -> None:
    connection = Connection()
    full13(connection)
    connection.client(hidden(80))
    connection.server(hidden(400) + hidden(ALERT))
    connection.close("fin", SERVER)
    connection.close("fin", CLIENT)
    closed = connection.one("tls.closed")
    assert closed.fields()["notified"] == []
    assert set(closed.fields()["unseen"]) == {"client", "server"}
    assert "Neither" not in closed.what()
    assert "server's last record (19 bytes, #5) is as long as an alert" in closed.what()


def test_an_end_in_tls_1_2_shows_its_alerts() -> None:
    connection = Connection()
    full12(connection)
    connection.server(record(23, bytes(400)))
    connection.close("fin", SERVER)
    connection.close("fin", CLIENT)
    assert "unseen" not in connection.one("tls.closed").fields()
    assert "Neither side said close_notify" in connection.one("tls.closed").what()


def test_a_record_of_the_size_of_an_alert_is_called_that() -> None:
    connection = Connection()
    full13(connection)
    connection.server(hidden(ALERT))
    connection.client(hidden(300))
    connection.close("fin")
    sizes = [event.what() for event in connection.named("tls.application_data")]
    assert "1 encrypted record, 19 bytes: the size of an alert" in sizes[0]
    assert "alerts and tickets look the same" in sizes[1]


def test_early_data_may_be_as_short_as_an_alert() -> None:
    connection = Connection()
    early = extension(42, b"")
    connection.client(record(22, hello13(extra=early), 0x0301) + hidden(ALERT))
    connection.server(record(22, server_hello13(with_psk=True)) + CHANGE + hidden(150) + hidden(ALERT))
    assert connection.named("tls.refused") == []


# -- a hole is not an end ----------------------------------------------------------------------------------

def test_an_alert_after_a_hole_ends_no_handshake() -> None:
    """In TLS 1.2, of a client whose server's half of the handshake is not there."""
    connection = Connection()
    connection.context.observed.miss(NOT_CAPTURED, SERVER, 0, ALWAYS, 0, "only the client is there")
    connection.client(record(22, hello12(), 0x0301))
    connection.client(record(22, message(16, bytes(66))) + CHANGE + record(22, bytes(40)))
    connection.client(record(23, bytes(100)) + record(21, bytes(26)))
    connection.close("capture")
    assert connection.named("tls.refused") == []
    assert "at this place it mostly is close_notify" in connection.one("tls.alert").what().lower()


def test_a_handshake_that_was_not_seen_whole_did_not_stop() -> None:
    connection = Connection()
    connection.client(record(22, hello12(), 0x0301))
    connection.context.observed.miss(NOT_CAPTURED, SERVER, 0, ALWAYS, 2, "1448 bytes are not in the capture")
    connection.close("rst", CLIENT)
    stalled = connection.one("tls.stalled")
    assert "1448 bytes are not in the capture" in stalled.what()
    assert "not finished" not in f"{stalled.label()} {stalled.what()} {stalled.phase_title()}"
    headline = stalled.headline()
    assert headline is not None
    assert "not seen whole" in headline.text


def test_keys_are_not_wrong_after_a_hole() -> None:
    talk, other = Talk(V12), Talk(V12)
    for holes, outcomes in ((False, ["wrong"]), (True, [])):
        keys = Provided()
        for name, one in other.provided().secrets.items():
            keys.secrets[name[:-32] + talk.flight[0][1][11:43]] = one
        connection = Connection(provided=keys)
        if holes:
            connection.context.observed.miss(NOT_CAPTURED, SERVER, 0, ALWAYS, 1, "something is not there")
        for direction, data in talk.flight:
            connection.send(direction, data)
        assert [event.fields()["outcome"] for event in connection.named("tls.decryption")] == outcomes


def test_octets_in_the_middle_of_a_stream_are_no_plain_text() -> None:
    connection = Connection()
    connection.position[SERVER] = 1_448
    connection.server(b"\xc2\x8f\x48\xb2\xb2" + bytes(60))
    assert "plaintext" not in names(connection)
    again = Connection()
    again.server(b"\xc2\x8f\x48\xb2\xb2" + bytes(60))
    assert "plaintext" in names(again)


@pytest.mark.parametrize("body", [b"\x04\x01\0\x04sign", b"\0\x04sign"])
def test_a_signature_whose_version_was_not_seen(body: bytes) -> None:
    connection = Connection()
    connection.client(record(22, hello12(), 0x0301) + record(22, message(16, bytes(66)) + message(15, body)))
    assert "malformed" not in [event.name for event in connection.events]
    assert len(connection.named("tls.certificate_verify")) == 1


# -- back to plain text ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("first", "told"), [
    (b"PASV\r\nLIST\r\n", "tls.back_to_clear"), (b"\xff\x00\x81\x02\x03\x04\x05\x06", "malformed"),
])
def test_text_after_tls_is_no_broken_record(first: bytes, told: str) -> None:
    """FTP goes back with CCC (RFC 4217 §12.3), often without a close_notify."""
    connection = Connection(ports=(50_000, 21))
    full12(connection)
    connection.client(record(23, bytes(30)))
    connection.client(first)
    connection.close("fin")
    assert [event.name for event in connection.events if event.name in ("tls.back_to_clear", "malformed")] == [told]
    assert connection.one("tls.closed").fields()["unfinished"] == []


def test_what_follows_close_notify_is_no_broken_record() -> None:
    """LDAP takes TLS off in this way, and goes on in BER (RFC 4511 §4.14.3.1)."""
    connection = Connection(ports=(50_000, 389))
    full12(connection)
    connection.client(record(21, bytes(26)))
    connection.client(b"\x30\x0c\x02\x01\x02\x60\x07\x02\x01\x03")
    assert "malformed" not in [event.name for event in connection.events]
    assert connection.one("tls.back_to_clear").fields()["closed"] is True


# -- drafts ------------------------------------------------------------------------------------------------

def draft_hello(version: int, kind: int) -> bytes:
    entry = pack(">HH", 29, 32) + bytes(32)
    share = extension(kind, pack(">H", len(entry)) + entry)
    return client_hello((0x1301,), server_name("shop.test") + versions(version, 0x0303) + groups(29) + share)


def draft_answer(version: int, kind: int) -> bytes:
    """Before draft 22 the version stood where that of TLS 1.2 does, without session id and compression."""
    share = extension(kind, pack(">HH", 29, 32) + bytes(32))
    if version == DRAFT_18:
        body = pack(">H", version) + bytes(range(100, 132)) + pack(">H", 0x1301)
        return message(2, body + pack(">H", len(share)) + share)
    return server_hello(0x1301, share + extension(43, pack(">H", version)), bytes(32))


@pytest.mark.parametrize("version", [DRAFT_18, EXPERIMENT])
def test_a_draft_has_its_key_share_under_another_number(version: int) -> None:
    connection = Connection()
    connection.client(record(22, draft_hello(version, 40), 0x0301))
    connection.server(record(22, draft_answer(version, 40)) + hidden(900))
    connection.client(hidden(53))
    fields = connection.one("tls.established").fields()
    assert (fields["forward_secret"], fields["group"]) == ("yes", "X25519")
    assert "x25519" in connection.one("tls.client_hello").what()


def test_a_key_share_that_was_not_read_is_no_pre_shared_key() -> None:
    connection = Connection()
    connection.client(record(22, hello13(), 0x0301))
    connection.server(record(22, server_hello(0x1301, extension(43, b"\x03\x04"), bytes(32))) + hidden(900))
    connection.client(hidden(53))
    assert connection.one("tls.established").fields()["forward_secret"] == "unknown"


def test_the_number_of_the_drafts_means_nothing_in_the_standard() -> None:
    connection = Connection()
    connection.client(record(22, draft_hello(0x0304, 40), 0x0301))
    assert connection.one("tls.client_hello").fields()["key_shares"] == []


