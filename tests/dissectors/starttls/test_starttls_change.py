"""The change from plain text to TLS, in every protocol that has it."""
from __future__ import annotations

import random

import pytest
from starttls_dialogue import (
    ALL,
    CHANGES,
    CLIENT_HELLO,
    FEATURES,
    MS,
    REFUSALS,
    SERVER_HELLO,
    SSL_REQUEST,
    START_TLS,
    XMPP_OPEN,
    Dialogue,
    only,
    talk,
    told,
)

from dissectors.kit.event import Event, LimitReached
from dissectors.kit.protocol import NO, YES
from dissectors.protocols.starttls.events import Agreed, Injected, Offered, Requested, StarttlsRefused, Stripped
from dissectors.protocols.starttls.observer import MAX_EARLY

HANDSHAKE = [(0, CLIENT_HELLO), (1, SERVER_HELLO), (0, b"\x17\x03\x03\x00\x01\x00")]
TLS_GOT = [f"tls 0 {CLIENT_HELLO.hex()}170303000100", f"tls 1 {SERVER_HELLO.hex()}"]
WITH_OFFER = ("SMTP", "IMAP", "POP3", "FTP", "XMPP")


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize("protocol", CHANGES)
def test_tls_gets_every_byte_after_the_agreement(protocol: str, step: int) -> None:
    events = talk(*CHANGES[protocol], *HANDSHAKE, step=step)
    assert told(events)[-4:] == ["requested", "agreed", *TLS_GOT]
    agreed = only(events, Agreed)
    assert agreed.protocol == protocol
    assert agreed.took_ns == MS
    assert agreed.direction == 1
    frames = agreed.evidence.frames
    assert frames == (len(CHANGES[protocol]) - 1, len(CHANGES[protocol]))
    assert only(events, Requested).offered is (protocol in WITH_OFFER)


@pytest.mark.parametrize("protocol", WITH_OFFER)
def test_the_offer_is_told_once(protocol: str) -> None:
    events = talk(*CHANGES[protocol], *HANDSHAKE)
    offered = only(events, Offered)
    assert (offered.protocol, offered.direction) == (protocol, 1)
    assert offered.required is (protocol == "XMPP")


@pytest.mark.parametrize("protocol", CHANGES)
def test_tls_in_the_frame_of_the_agreement(protocol: str) -> None:
    """Bytes behind the answer belong to TLS, whatever they are."""
    *before, (_side, answer) = CHANGES[protocol]
    events = talk(*before, (1, answer + SERVER_HELLO))
    assert told(events)[-1] == f"tls 1 {SERVER_HELLO.hex()}"


@pytest.mark.parametrize("protocol", CHANGES)
def test_a_refusal(protocol: str) -> None:
    *before, _agreed = CHANGES[protocol]
    answer, text = REFUSALS[protocol]
    events = talk(*before, (1, answer))
    refused = only(events, StarttlsRefused)
    assert refused.answer == text
    assert refused.offered is (protocol in WITH_OFFER)
    assert f"does not change to TLS: it answers {refused.command} with {text}." in refused.what()
    assert "agreed" not in told(events)


@pytest.mark.parametrize("protocol", CHANGES)
def test_the_client_hello_that_was_captured_before_the_agreement(protocol: str) -> None:
    *before, (_side, answer) = CHANGES[protocol]
    events = talk(*before, (0, CLIENT_HELLO), (1, answer), (1, SERVER_HELLO))
    assert told(events)[-3:] == ["agreed", f"tls 0 {CLIENT_HELLO.hex()}", f"tls 1 {SERVER_HELLO.hex()}"]


@pytest.mark.parametrize("protocol", CHANGES)
def test_an_agreement_that_the_capture_missed(protocol: str) -> None:
    """The server's side is lost, or not captured at all."""
    *before, (_side, answer) = CHANGES[protocol]
    dialogue = Dialogue()
    for side, data in before:
        dialogue.say(side, data)
    dialogue.say(0, CLIENT_HELLO).lose(1, len(answer)).say(1, SERVER_HELLO)
    assert told(dialogue.end())[-2:] == [f"tls 0 {CLIENT_HELLO.hex()}", f"tls 1 {SERVER_HELLO.hex()}"]
    alone = [piece for piece in before if piece[0] == 0]
    if alone[0] != before[0]:
        alone = alone[1:] if len(alone) > 1 and protocol in ("POP3", "FTP") else alone
    many = told(talk(*alone, *[(0, CLIENT_HELLO)] * (MAX_EARLY + 2)))
    assert many[-1] == f"tls 0 {CLIENT_HELLO.hex() * (MAX_EARLY + 2)}"


@pytest.mark.parametrize("protocol", CHANGES)
def test_a_capture_that_ends_in_the_middle(protocol: str) -> None:
    pieces = [*CHANGES[protocol], *HANDSHAKE]
    for count in range(1, len(pieces)):
        assert talk(*pieces[:count]) is not None
    *before, _agreed = CHANGES[protocol]
    events = talk(*before, (0, CLIENT_HELLO))
    assert told(events)[-1] == f"tls 0 {CLIENT_HELLO.hex()}"


@pytest.mark.parametrize("protocol", CHANGES)
def test_inside_tls_nothing_is_in_clear_and_nothing_changes(protocol: str) -> None:
    events = talk(*CHANGES[protocol], *HANDSHAKE, beneath=("tls",))
    kinds = set(told(events))
    assert not kinds & {"requested", "offered", "agreed", "in_clear", "greeting", "exchange"}


@pytest.mark.parametrize("protocol", ["SMTP", "IMAP", "POP3", "FTP", "XMPP", "LDAP"])
def test_text_behind_the_request(protocol: str) -> None:
    more = {
        "SMTP": b"RSET\r\n", "IMAP": b"c NOOP\r\n", "POP3": b"NOOP\r\n", "FTP": b"NOOP\r\n", "XMPP": b"<x/>",
        "LDAP": bytes.fromhex("30050201024200"),
    }[protocol]
    *before, (_side, request), answer = CHANGES[protocol]
    events = talk(*before, (0, request + more), answer, *HANDSHAKE)
    assert told(events)[-3:] == ["agreed", *TLS_GOT]
    assert only(events, Injected).evidence.frames == (len(before) + 1,)


def test_letters_in_the_place_of_starttls() -> None:
    events = talk(
        (1, b"220 mx.test ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250-mx.test\r\n250 XXXXXXXA\r\n"),
        (0, b"MAIL FROM:<a@b>\r\n"),
    )
    stripped = only(events, Stripped)
    assert (stripped.sign, stripped.direction) == ("XXXXXXXA", 1)
    assert told(events) == ["greeting", "stripped", "exchange", "in_clear"]
    events = talk((1, b"220 mx.test ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250 STARTTLS\r\n"), (0, b"XXXXXXXX\r\n"))
    assert only(events, Stripped).direction == 0


def test_tls_without_a_word_before() -> None:
    """Nothing of the dialogue is there; TLS is recognised as such."""
    assert told(talk(*HANDSHAKE, port=25)) == TLS_GOT


def test_a_long_line_is_a_limit_and_no_loss_of_what_follows() -> None:
    events = talk(
        (1, b"220 mx.test ESMTP\r\n"), (0, b"EHLO " + b"x" * 9_000), (0, b"y\r\nSTARTTLS\r\n"), (1, b"220 go\r\n"),
        *HANDSHAKE,
    )
    assert only(events, LimitReached).cap == "MAX_LINE"
    assert told(events)[-3:] == ["agreed", *TLS_GOT]


def test_no_mutation_raises() -> None:
    source = random.Random(3)
    for _ in range(700):
        pieces = [*CHANGES[source.choice(list(CHANGES))], *HANDSHAKE]
        at = source.randrange(len(pieces))
        data = bytearray(pieces[at][1])
        for _ in range(source.randint(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        pieces[at] = (pieces[at][0], bytes(data))
        if source.random() < 0.3:
            pieces.pop(source.randrange(len(pieces)))
        events: list[Event] = talk(*pieces, step=source.choice([0, 0, 1, 5]), port=source.choice([25, 143, 389, 5432]))
        for event in events:
            assert event.what()
            assert isinstance(event.fields(), dict)


PROBES = [
    (b"220 mx.test ESMTP\r\n", "SMTP"), (b"220 mx\r\n250-mx\r\n", "SMTP"), (b"ehlo me\r\n", "SMTP"),
    (b"220 FTP ready\r\n", "FTP"), (b"220 x\r\n331 y\r\n", "FTP"), (b"AUTH TLS\r\n", "FTP"),
    (b"* OK ready\r\n", "IMAP"), (b"a1 CAPABILITY\r\n", "IMAP"), (b"+OK ready\r\n", "POP3"), (b"CAPA\r\n", "POP3"),
    (START_TLS, "LDAP"), (SSL_REQUEST, "PostgreSQL"), (XMPP_OPEN, "XMPP"), (XMPP_OPEN + FEATURES, "XMPP"),
    (b"+OK\r\n", ""), (b"220 x\r\n", ""), (b"GET / HTTP/1.1\r\n", ""), (b"SSH-2.0-x\r\n", ""), (CLIENT_HELLO, ""),
    (b"USER bob\r\n", ""), (b"*1\r\n$4\r\nPING\r\n", ""), (b"\0\0\0\x08\0\0\0\0", ""), (b"* OK", ""),
    (b"<html>", ""), (b"HTTP/1.1 200 OK\r\n", ""), (b"0\x82\xff\xff", ""),
]


@pytest.mark.parametrize(("data", "title"), PROBES)
def test_who_recognises_the_bytes(data: bytes, title: str) -> None:
    found = [one.title for one in ALL if one.probe is not None and one.probe(data, 0) == YES]
    assert found == ([title] if title else [])


@pytest.mark.parametrize(("data", "title"), [probe for probe in PROBES if probe[1]])
def test_no_prefix_is_refused(data: bytes, title: str) -> None:
    protocol, = [one for one in ALL if one.title == title]
    assert protocol.probe is not None
    assert NO not in [protocol.probe(data[:size], 0) for size in range(1, len(data))]


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"SSH-2.0-x\r\n", CLIENT_HELLO, b"<html>", b"\0" * 40])
def test_other_protocols_are_refused_for_good(data: bytes) -> None:
    assert {one.probe(data, 0) for one in ALL if one.probe is not None} == {NO}
