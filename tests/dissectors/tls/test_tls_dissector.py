"""A TLS connection followed record by record: what is said of it, and what is missing."""
from __future__ import annotations

from tls_connection import CLIENT, MS, SERVER, Connection
from tls_wire import (
    CHANGE,
    alpn,
    client_hello,
    extension,
    hello12,
    hello13,
    hidden,
    key_share,
    message,
    psk,
    record,
    server_hello,
    server_hello13,
    versions,
)

from dissectors.kit.event import Event, LimitReached, Malformed
from dissectors.protocols.tls.connection import MAX_TOLD
from dissectors.protocols.tls.dissector import MAX_RUNS
from dissectors.protocols.tls.events_data import ApplicationData
from dissectors.protocols.tls.events_summary import TlsEstablished

FINISHED_SIZE = 53     # of a TLS 1.3 record with a Finished over SHA-256
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")   # RFC 8446 §4.1.3


def names(events: list[Event]) -> list[str]:
    return [event.name.removeprefix("tls.") for event in events]


def full12(connection: Connection) -> None:
    """A handshake of TLS 1.2 with ECDHE up to both Finished."""
    connection.client(record(22, hello12(), 0x0301))
    exchange = message(12, b"\x03\0\x17\x41" + bytes(65) + b"\x04\x01\0\x04sign")
    connection.server(record(22, server_hello(0xC02F) + message(11, bytes(3)) + exchange + message(14, b"")), 20 * MS)
    connection.client(record(22, message(16, b"\x41" + bytes(65))) + CHANGE + record(22, bytes(8) + bytes(range(32))))
    connection.server(CHANGE + record(22, bytes(8) + bytes(range(32))), 20 * MS)


def full13(connection: Connection) -> None:
    connection.client(record(22, hello13(), 0x0301))
    connection.server(
        record(22, server_hello13()) + CHANGE + hidden(40) + hidden(900) + hidden(280) + hidden(FINISHED_SIZE), 20 * MS
    )
    connection.client(CHANGE + hidden(FINISHED_SIZE), 5 * MS)


def established(connection: Connection) -> TlsEstablished:
    found = connection.one("tls.established")
    assert isinstance(found, TlsEstablished)
    return found


def test_a_handshake_of_tls_1_2() -> None:
    connection = Connection()
    full12(connection)
    assert names(connection.events) == [
        "client_hello", "server_hello", "certificate", "server_key_exchange", "server_hello_done",
        "client_key_exchange", "change_cipher_spec", "finished", "change_cipher_spec", "finished", "established",
    ]
    one = established(connection)
    assert one.summary.round_trips == 2
    assert one.summary.version == "TLS 1.2"
    assert one.summary.forward == "yes"
    assert one.summary.server_ns == 20 * MS
    assert one.summary.client_ns == MS
    assert one.evidence.frames == (1, 3, 4)
    head = one.headline()
    assert head is not None
    assert head.label == "TLS 1.2"
    assert head.end_ns - head.start_ns == 41 * MS
    assert "shop.test" in head.text
    assert one.phase_title() == "TLS 1.2 handshake"
    assert "2 round trips" in one.phase_facts()


def test_a_handshake_of_tls_1_3_without_keys() -> None:
    connection = Connection()
    full13(connection)
    assert names(connection.events) == [
        "client_hello", "server_hello", "change_cipher_spec", "change_cipher_spec", "encrypted_handshake", "finished",
        "established",
    ]
    one = established(connection)
    assert one.summary.round_trips == 1
    assert one.summary.inferred
    assert one.summary.client_ns == 5 * MS
    assert connection.named("tls.encrypted_handshake")[0].fields()["octets"] == 40 + 900 + 280 + FINISHED_SIZE
    assert "told by the sizes" in one.what()
    head = one.headline()
    assert head is not None
    assert head.label == "TLS 1.3"
    assert head.text.startswith("X25519 · AES-128-GCM")
    assert head.text.endswith("shop.test")


def test_a_hello_retry_costs_a_round_trip() -> None:
    connection = Connection()
    connection.client(record(22, hello13(), 0x0301))
    retry = server_hello(0x1301, extension(43, b"\x03\x04") + extension(51, b"\0\x17"), bytes(32), random=RETRY)
    connection.server(record(22, retry) + CHANGE)
    connection.client(CHANGE + record(22, hello13()))
    connection.server(record(22, server_hello13()) + hidden(800) + hidden(FINISHED_SIZE))
    connection.client(hidden(FINISHED_SIZE))
    assert [name for name in names(connection.events) if "hello" in name] == [
        "client_hello", "hello_retry", "client_hello", "server_hello"
    ]
    assert connection.named("tls.client_hello")[1].label() == "ClientHello again"
    one = established(connection)
    assert one.summary.round_trips == 2
    assert one.summary.retried
    assert one.summary.began_ns == MS


def test_resumption_by_session_id() -> None:
    connection = Connection()
    session = bytes(range(32))
    connection.client(record(22, hello12(session=session), 0x0301))
    connection.server(record(22, server_hello(0xC02F, session=session)) + CHANGE + record(22, bytes(40)))
    connection.client(CHANGE + record(22, bytes(40)))
    one = established(connection)
    assert one.summary.resumption == "session id"
    assert one.summary.round_trips == 1


def test_early_data_that_the_server_may_take() -> None:
    connection = Connection()
    connection.client(record(22, hello13(extra=psk(True)), 0x0301) + CHANGE + hidden(300) + hidden(200))
    connection.server(record(22, server_hello13(with_psk=True)) + CHANGE + hidden(60) + hidden(FINISHED_SIZE))
    connection.client(hidden(21) + hidden(FINISHED_SIZE))
    early = connection.one("tls.early_data")
    assert early.fields() == {"outcome": "offered", "records": 2, "octets": 500}
    assert established(connection).summary.resumption == "PSK"
    connection.close()
    assert connection.one("tls.data").fields()["octets"] == [500, 0]


def test_early_data_that_the_server_refuses() -> None:
    connection = Connection()
    connection.client(record(22, hello13(extra=psk(True)), 0x0301) + hidden(300))
    connection.server(record(22, server_hello13()) + hidden(900) + hidden(FINISHED_SIZE))
    connection.client(hidden(FINISHED_SIZE))
    assert connection.one("tls.early_data").fields()["outcome"] == "rejected"
    assert established(connection).summary.round_trips == 1


def test_runs_of_application_data() -> None:
    connection = Connection()
    full12(connection)
    connection.client(record(23, bytes(200)))
    assert connection.server(record(23, bytes(5_000))[:1_000])  == []
    connection.server(record(23, bytes(5_000))[1_000:])
    connection.server(record(23, bytes(3_000)))
    connection.client(record(23, bytes(30)))
    connection.close()
    runs = [event for event in connection.named("tls.application_data") if isinstance(event, ApplicationData)]
    assert [(run.direction, run.records, run.octets) for run in runs] == [
        (CLIENT, 1, 200), (SERVER, 2, 8_000), (CLIENT, 1, 30)
    ]
    assert runs[1].evidence.frames == (7, 8)
    assert runs[1].end_ns - runs[1].time == MS


def test_data_in_all() -> None:
    connection = Connection()
    full12(connection)
    connection.client(record(23, bytes(200)))
    connection.server(record(23, bytes(5_000)) + record(23, bytes(700)))
    connection.close()
    data = connection.one("tls.data")
    assert data.fields()["octets"] == [200, 5_700]
    assert data.phase_facts() == ["200 bytes →, 5700 bytes ←", "2 runs"]
    head = data.headline()
    assert head is not None
    assert (head.end_ns - head.start_ns, head.text) == (MS, "200 bytes →, 5700 bytes ←, encrypted")


def test_one_event_for_every_record_where_each_is_wanted() -> None:
    connection = Connection(each_pdu=True)
    full13(connection)
    connection.client(hidden(100) + hidden(200))
    records = [event.frame_record() for event in connection.named("tls.record")]
    assert records[0] == {"content_type": 22, "version": 0x0301, "handshake": [1]}
    assert records[1] == {"content_type": 22, "version": 0x0303, "handshake": [2]}
    assert [one["content_type"] for one in records if one is not None] == [22, 22, 20, 23, 23, 23, 23, 20, 23, 23, 23]
    assert connection.named("tls.application_data") == []
    assert [event.name for event in connection.events if event.name != "tls.record" and event.frame_record()] == []


def test_runs_beyond_the_cap_are_added_up() -> None:
    connection = Connection()
    full12(connection)
    for _ in range(MAX_RUNS + 50):
        connection.client(record(23, bytes(10)))
        connection.server(record(23, bytes(20)))
    connection.close()
    client = [e for e in connection.named("tls.application_data") if e.direction == CLIENT]
    assert len(client) == MAX_RUNS + 1
    assert client[-1].fields()["runs"] == 50
    assert client[-1].fields()["octets"] == 500


def test_a_late_start_is_in_step_at_once() -> None:
    connection = Connection(midstream=True)
    connection.client(bytes(500))
    connection.client(record(23, bytes(100)))
    connection.server(record(23, bytes(900)))
    connection.close("fin")
    assert names(connection.events) == ["resynchronised", "application_data", "application_data", "data"]
    assert connection.one("tls.resynchronised").fields() == {"passed": 500, "lost": 0}


def test_a_gap_over_records() -> None:
    connection = Connection()
    full12(connection)
    connection.server(record(23, bytes(100)))
    connection.gap(SERVER, 7_000)
    connection.server(record(23, bytes(100)) + record(23, bytes(100)))
    assert connection.one("tls.resynchronised").fields() == {"passed": 0, "lost": 7_000}


def test_a_fatal_alert_ends_the_handshake() -> None:
    connection = Connection()
    connection.client(record(22, hello13(), 0x0301))
    connection.server(record(21, b"\x02\x78"))
    connection.close("fin")
    alert = connection.one("tls.refused")
    assert "h2" in alert.what()
    head = alert.headline()
    assert head is not None
    assert "shop.test" in head.text
    assert connection.named("tls.stalled") == []


def test_an_alert_behind_encryption_is_told_by_its_size() -> None:
    connection = Connection()
    connection.client(record(22, hello13(), 0x0301))
    connection.server(record(22, server_hello13()) + hidden(900) + hidden(FINISHED_SIZE))
    connection.client(CHANGE + hidden(19))
    alert = connection.one("tls.refused")
    assert alert.fields()["encrypted"]
    assert "certificate" in alert.what()
    assert connection.named("tls.established") == []


def test_a_fatal_alert_in_the_data_has_its_row() -> None:
    connection = Connection()
    full12(connection)
    connection.client(record(23, bytes(100)))
    connection.server(record(21, b"\x02\x14"))
    head = connection.one("tls.alert").headline()
    assert head is not None
    assert "bad_record_mac" in head.text
    assert connection.named("tls.refused") == []


def test_close_notify_and_truncation() -> None:
    connection = Connection()
    full12(connection)
    connection.client(record(21, b"\x01\0"))
    connection.server(record(23, bytes(100))[:60])
    connection.close("fin", CLIENT)
    connection.close("fin", SERVER)
    closed = connection.one("tls.closed")
    assert closed.fields()["notified"] == ["client"]
    assert closed.fields()["unfinished"] == ["server"]
    connection.close("fin")
    assert len(connection.named("tls.closed")) == 1


def test_a_reset_after_the_client_hello() -> None:
    connection = Connection()
    connection.client(record(22, hello13(), 0x0301))
    connection.close("rst", SERVER, 3 * MS)
    stalled = connection.one("tls.stalled")
    assert stalled.fields()["after"] == "ClientHello"
    assert stalled.fields()["awaited"] == "ServerHello"
    assert stalled.fields()["waited_ns"] == 3 * MS
    assert "firewall" in stalled.what()


def test_a_handshake_that_waits_for_the_client() -> None:
    connection = Connection()
    connection.client(record(22, hello12(), 0x0301))
    connection.server(record(22, server_hello(0x002F) + message(11, bytes(3)) + message(14, b"")))
    connection.close("timeout", after=30_000 * MS)
    fields = connection.one("tls.stalled").fields()
    assert (fields["after"], fields["awaited"], fields["awaited_from"]) == (
        "ServerHelloDone", "ClientKeyExchange", "client"
    )


def test_plain_text_where_tls_is_due() -> None:
    connection = Connection()
    connection.client(record(22, hello13(), 0x0301))
    connection.server(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    plain = connection.one("tls.plaintext")
    assert "HTTP" in plain.what()
    assert plain.fields()["answer"] is True
    head = plain.headline()
    assert head is not None
    assert "HTTP" in head.text
    connection.close("fin")
    assert connection.named("tls.stalled") == []


def test_renegotiation_without_keys() -> None:
    connection = Connection()
    full12(connection)
    connection.client(record(22, bytes(range(1, 200))))
    assert connection.one("tls.renegotiation").fields()["readable"] is False


def test_heartbleed() -> None:
    connection = Connection()
    connection.client(record(22, hello12(), 0x0301) + record(24, b"\x01\x40\0"))
    assert connection.one("tls.heartbeat").fields()["overread"] is True
    connection.client(record(24, b"\x01\0\x02ab" + bytes(16)))
    assert connection.named("tls.heartbeat")[1].fields()["overread"] is False


def test_a_client_that_was_called() -> None:
    """Active FTP: the server of TLS opens the connection."""
    connection = Connection(ports=(20, 50_000))
    connection.server(record(22, hello13(), 0x0301))
    connection.client(record(22, server_hello13()) + hidden(900))
    connection.server(hidden(FINISHED_SIZE))
    assert connection.one("tls.client_hello").direction == 1
    assert "the server" in connection.one("tls.server_hello").what().lower()
    assert established(connection).direction == 1


def test_a_broken_hello_is_malformed_and_the_stream_goes_on() -> None:
    connection = Connection()
    events = connection.client(record(22, message(1, b"\x03\x03" + bytes(10)), 0x0301))
    assert isinstance(events[0], Malformed)
    assert "ClientHello" in events[0].reason
    connection.server(record(22, server_hello13()))
    assert connection.one("tls.server_hello")


def test_what_is_told_one_by_one_is_bounded() -> None:
    connection = Connection()
    for _ in range(MAX_TOLD + 100):
        connection.client(record(21, b"\x01\x5a"))
    assert len(connection.named("tls.alert")) == MAX_TOLD
    assert [event.cap for event in connection.events if isinstance(event, LimitReached)] == ["messages told one by one"]


def test_alpn_of_a_server_hello_names_the_protocol() -> None:
    connection = Connection()
    connection.client(record(22, client_hello((0xC02F,), alpn("h2")), 0x0301))
    connection.server(record(22, server_hello(0xC02F, alpn("h2"))))
    assert connection.one("tls.server_hello").fields()["alpn"] == "h2"


def test_an_offer_that_was_changed_on_the_way() -> None:
    mark = bytes(24) + b"DOWNGRD\x01"   # RFC 8446 §4.1.3
    connection = Connection()
    connection.client(record(22, client_hello((0x1301, 0xC02F), versions(0x0304, 0x0303) + key_share()), 0x0301))
    connection.server(record(22, server_hello(0xC02F, random=mark)))
    assert connection.one("tls.server_hello").fields()["downgrade"]
