"""Recordings of OpenSSL, opened with the keys that it logged."""
from __future__ import annotations

import ssl
from contextlib import suppress
from random import Random

import pytest
from tls_connection import CLIENT, SERVER, Connection
from tls_real import Talk, identity, inside

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import BENEATH, Handoff
from dissectors.kit.provided import Provided

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
ANSWER = Random("answer").randbytes(40_000)


def conversation(talk: Talk) -> None:
    talk.say(CLIENT, REQUEST)
    talk.say(SERVER, ANSWER)
    talk.say(CLIENT, b"more")


def names(connection: Connection) -> list[str]:
    return [event.name.removeprefix("tls.") for event in connection.events]


@pytest.mark.parametrize(("version", "ciphers"), [
    (V13, ""), (V12, "ECDHE-RSA-AES128-GCM-SHA256"), (V12, "ECDHE-RSA-CHACHA20-POLY1305"),
    (V12, "ECDHE-RSA-AES256-SHA384"), (V12, "AES128-SHA"), (V12, "AES256-CCM8:@SECLEVEL=0"),
])
def test_what_was_said_inside(version: ssl.TLSVersion, ciphers: str) -> None:
    talk = Talk(version, ciphers)
    conversation(talk)
    connection = talk.told(talk.provided())
    assert inside(connection, CLIENT) == REQUEST + b"more"
    assert inside(connection, SERVER) == ANSWER
    handoffs = [one for one in connection.others if isinstance(one, Handoff)]
    assert [(one.by, one.position) for one in handoffs] == [(("alpn", "h2"), BENEATH)]
    assert connection.one("tls.decryption").fields()["outcome"] == "found"
    assert [event.fields()["verified"] for event in connection.named("tls.finished")] == ["yes", "yes"]
    assert connection.one("tls.established").fields()["decrypted"] is True


def test_the_handshake_of_tls_1_3_is_read_like_one_in_clear() -> None:
    talk = Talk(V13)
    connection = talk.told(talk.provided())
    found = names(connection)
    assert [name for name in found if name not in ("change_cipher_spec", "decryption", "new_session_ticket")] == [
        "client_hello", "server_hello", "encrypted_extensions", "certificate", "certificate_verify", "finished",
        "finished", "established",
    ]
    assert "new_session_ticket" in found
    assert "shop.test" in connection.one("tls.certificate").what()
    assert connection.one("tls.established").fields()["alpn"] == "h2"


def test_frames_show_the_inner_type() -> None:
    talk = Talk(V13)
    conversation(talk)
    records = [event.frame_record() for event in talk.told(talk.provided(), True).named("tls.record")]
    inner = [one for one in records if one is not None and one.get("opaque_type") == 23]
    assert inner[0] == {"content_type": 22, "opaque_type": 23, "version": 0x0303, "handshake": [8]}
    shut = [event.frame_record() for event in talk.told(Provided(), True).named("tls.record")]
    assert all("opaque_type" not in one for one in shut if one is not None)
    assert len(shut) == len(records)


@pytest.mark.parametrize("version", [V12, V13])
def test_keys_that_are_not_in_the_log(version: ssl.TLSVersion) -> None:
    talk, other = Talk(version), Talk(version)
    conversation(talk)
    connection = talk.told(other.provided())
    told = connection.one("tls.decryption")
    assert told.fields()["outcome"] == "missing"
    assert "not in the log" in told.what()
    assert connection.others == []
    connection.close("fin")
    assert connection.named("tls.application_data")


def test_a_late_start_cannot_choose_its_keys() -> None:
    talk = Talk(V13)
    talk.say(CLIENT, REQUEST)
    talk.say(SERVER, ANSWER)
    connection = Connection(True, False, talk.provided())
    for direction, data in talk.flight[-2:]:
        connection.send(direction, data)
    assert "ClientHello is not in the capture" in connection.one("tls.decryption").what()
    assert connection.others == []


@pytest.mark.parametrize("version", [V12, V13])
def test_keys_that_are_wrong(version: ssl.TLSVersion) -> None:
    talk = Talk(version)
    conversation(talk)
    provided = talk.provided()
    provided.secrets = {key: bytes(len(secret)) for key, secret in provided.secrets.items()}
    connection = talk.told(provided)
    assert connection.one("tls.decryption").fields()["outcome"] == "wrong"
    assert connection.others == []
    assert connection.one("tls.established")


def test_no_keys_at_all_is_no_news() -> None:
    talk = Talk(V13)
    conversation(talk)
    assert talk.told(Provided()).named("tls.decryption") == []


def test_only_the_secrets_of_application_data() -> None:
    talk = Talk(V13)
    conversation(talk)
    provided = talk.provided()
    provided.secrets = {key: secret for key, secret in provided.secrets.items() if b"_TRAFFIC_SECRET_0" in key}
    connection = talk.told(provided)
    assert inside(connection, SERVER) == ANSWER
    assert inside(connection, CLIENT) == REQUEST + b"more"


def test_by_the_private_key_where_it_opens_anything() -> None:
    talk = Talk(V12, "AES128-GCM-SHA256")
    conversation(talk)
    provided = Provided()
    provided.private_keys = [identity()[0]]
    assert inside(talk.told(provided), SERVER) == ANSWER
    forward = Talk(V12, "ECDHE-RSA-AES128-GCM-SHA256")
    conversation(forward)
    told = forward.told(provided)
    assert inside(told, SERVER) == b""
    assert "RSA key exchange" in told.one("tls.decryption").what()


def test_resumption_with_keys() -> None:
    talk = Talk(V12)
    conversation(talk)
    talk.connect(talk.client.session)
    conversation(talk)
    connection = talk.told(talk.provided())
    assert connection.one("tls.established").fields()["resumption"] == "session ticket"
    assert inside(connection, SERVER) == ANSWER


def test_resumption_of_tls_1_3() -> None:
    talk = Talk(V13)
    conversation(talk)
    talk.connect(talk.client.session)
    conversation(talk)
    connection = talk.told(talk.provided())
    assert connection.one("tls.established").fields()["resumption"] == "PSK"
    assert connection.named("tls.certificate") == []
    assert inside(connection, SERVER) == ANSWER


@pytest.mark.parametrize("version", [V12, V13])
def test_pieces_do_not_matter_inside(version: ssl.TLSVersion) -> None:
    talk = Talk(version)
    conversation(talk)
    random = Random(version.value)
    connection = Connection(provided=talk.provided())
    for direction, data in talk.flight:
        at = 0
        while at < len(data):
            size = random.randint(1, 1_500)
            connection.send(direction, data[at:at + size])
            at += size
    assert inside(connection, SERVER) == ANSWER
    chunks = [one for one in connection.others if isinstance(one, Chunk)]
    assert all(one.frame == one.released_by and one.offset == -1 for one in chunks)


@pytest.mark.parametrize(("version", "ciphers"), [(V13, ""), (V12, ""), (V12, "ECDHE-RSA-AES128-SHA")])
def test_a_gap_within_the_answer(version: ssl.TLSVersion, ciphers: str) -> None:
    """Whole records are lost: the next that opens tells where the sequence stands."""
    talk = Talk(version, ciphers)
    talk.say(CLIENT, REQUEST)
    for part in range(10):
        talk.say(SERVER, bytes((part,)) * 1_000)
    connection = Connection(provided=talk.provided())
    answers = 0
    for direction, data in talk.flight:
        answers += direction == SERVER and 1_000 < len(data) < 1_100
        if direction == SERVER and 3 < answers <= 6:
            connection.gap(SERVER, len(data))
        else:
            connection.send(direction, data)
    gaps = [one for one in connection.others if isinstance(one, Gap)]
    assert len(gaps) == 3
    got = [one.data[0] for one in connection.others if isinstance(one, Chunk) and one.direction == SERVER]
    assert got == [0, 1, 2, 6, 7, 8, 9]


def test_the_end_is_passed_on() -> None:
    talk = Talk(V13)
    conversation(talk)
    with suppress(ssl.SSLWantReadError):
        talk.client.unwrap()
    talk.carry(CLIENT)
    connection = talk.told(talk.provided())
    assert [(one.direction, one.how) for one in connection.others if isinstance(one, Close)] == [(CLIENT, "fin")]
    alert: Event = connection.one("tls.alert")
    assert "close_notify" in alert.what()
