"""For a list of frames: each message on the frame that completes it; the probe; HTTP over UDP."""
from __future__ import annotations

import pytest
from http1_feed import Connection, request

from dissectors.kit.event import BACKWARD, FORWARD
from dissectors.kit.inputs import Datagram
from dissectors.kit.protocol import MORE, NO, YES, Context
from dissectors.protocols.http1.events import HttpRequest, HttpResponse
from dissectors.protocols.http1.protocol import HTTP, SSDP, probe, probe_ssdp


def records(it: Connection) -> list[tuple[int, object]]:
    return [(event.evidence.frames[-1], event.frame_record()) for event in it.events if event.frame_record()]


def test_a_message_stands_where_its_body_ends() -> None:
    it = Connection(each_pdu=True)
    it.send("POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
    it.send("ab")
    it.send("cd")
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    it.answer("cd")
    assert records(it) == [(3, {"method": "POST", "uri": "/a"}), (5, {"status": 200})]


def test_a_response_without_a_length_stands_on_the_end() -> None:
    it = Connection(each_pdu=True)
    it.send(request())
    it.answer("HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\nab")
    it.close(BACKWARD)
    assert records(it)[1:] == [(3, {"status": 200})]


def test_what_never_was_whole_is_not_listed() -> None:
    it = Connection(each_pdu=True)
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
    it.lose(8, BACKWARD)
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
    it.close()
    assert [record for _frame, record in records(it)] == [{"method": "GET", "uri": "/"}] * 2


def test_a_frame_that_was_cut_short_has_all_there_will_be() -> None:
    it = Connection(each_pdu=True)
    it.send("GET /x HTTP/1.1\r\nHos")
    it.lose(100, FORWARD, same_frame=True)
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab")
    it.lose(998, BACKWARD, same_frame=True)
    assert records(it) == [(1, {"method": "GET", "uri": "/x"}), (2, {"status": 200})]


def test_a_switch_of_protocols_and_interim_responses_are_listed() -> None:
    it = Connection(each_pdu=True)
    it.send(request("/", "GET", "Upgrade: websocket"))
    it.answer("HTTP/1.1 103 Early Hints\r\n\r\n")
    it.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
    assert [record for _frame, record in records(it)] == [
        {"method": "GET", "uri": "/"}, {"status": 103}, {"status": 101}
    ]


@pytest.mark.parametrize(("data", "answer"), [
    (b"GET / HTTP/1.1\r\n", YES), (b"HTTP/1.0 200 OK\r\n", YES), (b"FOO /x HTTP/1.1\r\n", NO),
    (b"GET / HT", MORE), (b"GE", MORE), (b"HTTP/1.", MORE), (b"", MORE), (b"GET /old\r\n", YES), (b"GET old\r\n", NO),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO), (b"\x16\x03\x01\x02\x00\x01", NO), (b"SSH-2.0-OpenSSH_9\r\n", NO),
    (b"OPTIONS rtsp://a RTSP/1.0\r\n", NO), (b"EHLO mail.test\r\n", NO), (b"GET " + b"a" * 5_000, NO),
    (b"\r\nGET / HTTP/1.1\r\n", YES),
])
def test_the_probe(data: bytes, answer: int) -> None:
    assert probe(data, 0) == answer


def test_ssdp_is_heads_in_datagrams() -> None:
    assert SSDP.create is not None
    dissector = SSDP.create(Context("udp", 5000, 1900))
    search = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n\r\n'
    assert probe_ssdp(search, 0) == YES
    assert probe_ssdp(b"\x00\x01\n", 0) == NO
    asked, = dissector.on_datagram(Datagram(1, 5, 0, search, len(search), 42))
    answered, = dissector.on_datagram(Datagram(2, 6, 1, b"HTTP/1.1 200 OK\r\nST: x\r\n\r\n", 25))
    assert isinstance(asked, HttpRequest)
    assert isinstance(answered, HttpResponse)
    assert asked.frame_record() == {"method": "M-SEARCH", "uri": "*"}
    assert (asked.evidence.start, asked.evidence.end) == (42, 42 + len(search))
    assert answered.head.text(b"st") == "x"
    assert dissector.on_datagram(Datagram(3, 7, 0, b"nothing", 7)) == []


def test_the_record_names_every_event() -> None:
    assert {kind.name for kind in HTTP.events} == {
        "http.request", "http.response", "http.exchange", "http.ambiguous", "http.skipped"
    }
