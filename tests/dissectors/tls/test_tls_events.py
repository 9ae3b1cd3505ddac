"""What the events of TLS say, with the values of a case."""
from __future__ import annotations

from struct import pack

import pytest
from tls_connection import Connection
from tls_wire import (
    certificate,
    client_hello,
    dhe,
    extension,
    hello13,
    key_share,
    message,
    psk,
    record,
    server_hello,
    versions,
)

from dissectors.kit.event import CORE, Event
from dissectors.protocols.tls.causes import cause
from dissectors.protocols.tls.events import TlsObserved
from dissectors.protocols.tls.events_data import (
    ACCEPTED,
    KEYS_MISSING,
    KEYS_WRONG,
    OFFERED,
    REJECTED,
    ApplicationData,
    Decryption,
    EarlyData,
    KeyUpdateSeen,
)
from dissectors.protocols.tls.events_end import AlertSeen, Plaintext, Stalled, TlsClosed, TlsRefused
from dissectors.protocols.tls.events_hello import ClientHelloSeen, NewSessionTicketSeen
from dissectors.protocols.tls.events_proof import CertificateSeen, FinishedSeen, ServerKeyExchangeSeen
from dissectors.protocols.tls.events_summary import Summary, TlsEstablished
from dissectors.protocols.tls.protocol import TLS
from dissectors.protocols.tls.records import PLAIN, Notice, TlsRun
from dissectors.protocols.tls.state import Hidden, Session
from dissectors.wire.tls.hello import ClientHello
from dissectors.wire.tls.messages import Alert, Certificate, KeyUpdate, NewSessionTicket, ServerKeyExchange

MS = 1_000_000


def hello_event(hello: bytes) -> Event:
    connection = Connection()
    connection.client(record(22, hello, 0x0301))
    return connection.one("tls.client_hello")


def session(hello: bytes) -> Session:
    out = Session()
    out.hello = ClientHello(hello[4:])
    return out


def test_a_client_hello_says_what_is_offered() -> None:
    event = hello_event(hello13())
    text = event.what()
    assert "TLS 1.3" in text
    assert "shop.test" in text
    assert "h2" in text
    fields = event.fields()
    assert fields["server_name"] == "shop.test"
    assert fields["alpn"] == ["h2", "http/1.1"]
    assert fields["versions"] == ["TLS 1.3", "TLS 1.2"]
    assert "shop.test" in event.detail()


def test_grease_is_told_apart() -> None:
    shares = extension(51, b"\0\x05\x1a\x1a\0\x01\0")
    event = hello_event(client_hello((0x1A1A, 0x1301), versions(0x2A2A, 0x0304) + shares + extension(0x3A3A, b"")))
    fields = event.fields()
    assert fields["grease"] is True
    assert fields["versions"] == ["TLS 1.3"]
    assert fields["key_shares"] == []
    assert len(fields["suites"] if isinstance(fields["suites"], list) else []) == 1
    assert "1 cipher suite" in event.what()


def test_early_data_comes_with_its_warning() -> None:
    event = hello_event(hello13(extra=psk(True)))
    assert "early data" in event.what()
    sent = Hidden()
    sent.add(2, 500, 1, 1, (1,))
    for outcome, word in ((OFFERED, "sends"), (ACCEPTED, "takes"), (REJECTED, "does not take")):
        early = EarlyData(TlsObserved(1, 0, (1,), 0), outcome, sent)
        assert word in early.what()
        assert "again" in early.what()
    assert "replay" in EarlyData.WHY


def test_ech_is_not_claimed_to_be_real() -> None:
    body = b"\0\0\x01\0\x01\x42\0\x20" + bytes(32) + b"\0\x10" + bytes(16)
    event = hello_event(client_hello((0x1301,), versions(0x0304) + key_share() + extension(0xFE0D, body)))
    assert event.fields()["ech"] == "outer"
    assert "nobody on the way can tell" in event.what()


@pytest.mark.parametrize(("description", "from_client", "word"), [
    (40, False, "2 cipher suites"), (48, True, "the server's certificate"), (48, False, "the client's certificate"),
    (70, False, "TLS 1.3"), (112, False, "shop.test"), (120, False, "h2, http/1.1"), (116, False, "client certificate"),
    (45, True, "expired"), (51, True, "signature"), (20, False, "did not decrypt"), (86, False, "older version"),
])
def test_the_cause_of_an_alert(description: int, from_client: bool, word: str) -> None:
    assert word in cause(description, from_client, session(hello13()), False)


def test_a_certificate_that_was_wanted() -> None:
    assert "showed none" in cause(40, False, session(hello13()), True)


def test_no_cause_is_invented() -> None:
    assert cause(40, False, Session(), False) == ""
    assert cause(0, False, session(hello13()), False) == ""
    assert cause(200, True, session(hello13()), False) == ""


def test_an_alert_of_the_handshake_has_a_headline() -> None:
    handshake = session(hello13())
    handshake.began_ns = 10 * MS
    event = TlsRefused(TlsObserved(30 * MS, 1, (3,), 0, 2), Alert(b"\x02\x28"), "why", handshake)
    head = event.headline()
    assert head is not None
    assert (head.label, head.start_ns, head.end_ns) == ("TLS", 10 * MS, 30 * MS)
    assert event.phase_facts()
    assert AlertSeen(TlsObserved(1, 1, (3,), 0, 2), Alert(b"\x01\0"), "", handshake).headline() is None


def summary() -> Summary:
    out = Summary()
    out.version, out.suite, out.cipher, out.group = "TLS 1.3", "TLS_AES_128_GCM_SHA256", "AES-128-GCM", "X25519"
    out.alpn, out.server_name, out.forward, out.round_trips = "h2", "shop.test", "yes", 1
    out.began_ns, out.ended_ns = 10 * MS, 36 * MS
    return out


def established(one: Summary) -> TlsEstablished:
    return TlsEstablished(TlsObserved(36 * MS, 0, (1, 2, 3), 0), one)


def test_the_line_of_the_story() -> None:
    event = established(summary())
    head = event.headline()
    assert head is not None
    assert (head.label, head.text) == ("TLS 1.3", "X25519 · AES-128-GCM · h2 · shop.test")
    assert event.phase_title() == "TLS 1.3 handshake"
    assert event.phase_facts() == ["one round trip", "26.0 ms", "forward secret"]
    assert "forward secret" in event.what()


def test_what_is_weak_is_said() -> None:
    one = summary()
    one.forward = "no"
    one.weak = ["RC4 is broken"]
    event = established(one)
    assert "RC4 is broken" in event.what()
    assert "not forward secret" in event.what()
    assert "weak: RC4 is broken" in event.phase_facts()


def test_resumed_and_early() -> None:
    one = summary()
    one.resumption, one.early_data, one.round_trips = "PSK", ACCEPTED, 0
    event = established(one)
    assert "no round trip" in event.phase_facts()
    head = event.headline()
    assert head is not None
    assert head.text.endswith("0-RTT")


def test_encryption_hides_the_content_and_not_its_size() -> None:
    run = TlsRun()
    run.records, run.octets, run.largest, run.end = 80, 1_250_000, 16_401, 612 * MS
    event = ApplicationData(TlsObserved(0, 1, (4, 9), 0), run, 1)
    assert "80 records" in event.what()
    assert "1.25 MB" in event.what()
    assert "timing" in event.what()
    run.plain = 1_240_000
    assert "1.24 MB inside" in ApplicationData(TlsObserved(0, 1, (4, 9), 0), run, 1).detail()


def test_keys_that_do_not_help() -> None:
    observed = TlsObserved(0, 1, (2,), 0)
    missing = Decryption(observed, KEYS_MISSING, [], "")
    assert missing.what() == "The keys for this TLS session are not in the log."
    assert "do not open" in Decryption(observed, KEYS_WRONG, ["CLIENT_RANDOM"], "").what()
    assert missing.importance == CORE


def test_a_stall_names_the_message() -> None:
    handshake = session(hello13())
    handshake.last_message, handshake.last_ns = "ServerHelloDone", 10 * MS
    event = Stalled(TlsObserved(15 * MS, 0, (1, 2), 0), handshake, "ClientKeyExchange", "rst")
    assert "after ServerHelloDone" in event.what()
    assert "ClientKeyExchange of the client was due, and 5.00 ms later" in event.what()
    head = event.headline()
    assert head is not None
    assert head.text == "handshake reset after ServerHelloDone · shop.test"


def test_the_end() -> None:
    observed = TlsObserved(0, 2, (9,), 0)
    text = TlsClosed(observed, [], "fin", ["server"], inferred=False).what()
    assert "Neither side" in text
    assert "record of the server is cut off" in text
    assert "Both sides" in TlsClosed(observed, ["client", "server"], "fin", [], inferred=False).what()


@pytest.mark.parametrize(("first", "word"), [
    (b"GET /", "HTTP request"), (b"HTTP/", "HTTP answer"), (b"SSH-2", "SSH"), (b"220 m", "mail"),
    (b"\x05\x01\0", "SOCKS"), (b"hello", "text"), (b"\x00\x01\x02\x03\x04", ""),
])
def test_what_plain_text_looks_like(first: bytes, word: str) -> None:
    event = Plaintext(TlsObserved(0, 0, (1,), 0), Notice(PLAIN, 1, 0, 0, 0, first), Session())
    assert word in event.guess
    assert bool(event.guess) == bool(word)
    assert event.what().endswith(f"(the first are {first.hex(' ')}).")


def test_small_ones() -> None:
    observed = TlsObserved(0, 0, (4,), 0)
    assert "checksum is right" in FinishedSeen(observed, "yes", encrypted=False, inferred=False).what()
    exchange = ServerKeyExchange(dhe(1_024)[4:], "DHE", 0x0303, True)
    assert "too few" in ServerKeyExchangeSeen(observed, "DHE", exchange).what()
    assert "update 2" in KeyUpdateSeen(observed, KeyUpdate(b"\x01"), 2).what()
    none = Certificate(certificate(())[4:], False)
    assert CertificateSeen(observed, none, Session(), []).what() == "The client shows no certificate."


def test_a_ticket_says_how_long_it_is_valid_and_what_it_allows() -> None:
    observed, ticket = TlsObserved(0, 1, (5,), 0), pack(">H", 192) + bytes(192)
    plain = NewSessionTicket(pack(">I", 7_200) + ticket, False)
    assert "valid for 2 h" in NewSessionTicketSeen(observed, plain).what()
    assert "2.00 h" not in NewSessionTicketSeen(observed, plain).what()
    assert "early data" not in NewSessionTicketSeen(observed, plain).what()
    allowed = extension(42, pack(">I", 16_384))
    early = NewSessionTicket(pack(">II", 7_200, 0) + b"\0" + ticket + pack(">H", len(allowed)) + allowed, True)
    assert "up to 16384 bytes of early data" in NewSessionTicketSeen(observed, early).what()


def test_every_event_is_declared_and_has_a_name() -> None:
    declared = [event.name for event in TLS.events]
    assert len(declared) == len(set(declared))
    assert all(name.startswith("tls.") for name in declared)
    assert ClientHelloSeen in TLS.events


def test_a_server_that_downgrades_is_marked() -> None:
    connection = Connection()
    connection.client(record(22, client_hello((0x1301, 0xC02F), versions(0x0304, 0x0303) + key_share()), 0x0301))
    connection.server(record(22, server_hello(0xC02F, random=bytes(24) + b"DOWNGRD\x01") + message(14, b"")))
    assert "would have changed its offer" in connection.one("tls.server_hello").what()
