"""HTTP and what it carries, where a capture shows only a part of it, and where its rules have exceptions."""
from __future__ import annotations

import re
from pathlib import Path
from struct import pack

import pytest
from http_captures import ACK, CLIENT, SERVER, Wire, alarms, codes, events, finding, only_first, said
from told_accounts import MS

from dissectors.wire.http.events import LOST, NOT_READ, UNANSWERED, ExchangeEvent

GET = b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
SECOND = 1_000 * MS
# Words of an end, which nobody has seen.
ENDED = re.compile(r"connection ended|ended in (order|the middle)|broken off|without (an answer|a response|a status)")


def response(body: bytes = b"ok", *fields: str, length: int = -1) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {length if length >= 0 else len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def exchange(wire: Wire, folder: Path) -> ExchangeEvent:
    found, = events(wire.told(folder), "http.exchange")
    assert isinstance(found, ExchangeEvent)
    return found


# -- what was not read -----------------------------------------------------------------------------------

def download(wire: Wire) -> None:
    wire.say(CLIENT, GET)
    wire.say(SERVER, response(b"", length=40_000))
    for _segment in range(40):
        wire.say(SERVER, b"x" * 1_000)


def stream_of_events(wire: Wire) -> None:
    wire.say(CLIENT, GET)
    wire.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    for number in range(40):
        wire.say(SERVER, b"data: %d\n\n" % number)


def websocket(wire: Wire) -> None:
    wire.say(CLIENT, GET[:-2] + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    wire.say(SERVER, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    for _message in range(40):
        wire.say(SERVER, b"\x81\x05hello")


def lookups(wire: Wire) -> None:
    question = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01"
    wire.say(CLIENT, pack("!H", len(question)) + question)
    for _segment in range(40):
        wire.put(CLIENT, ACK)


@pytest.mark.parametrize(("story", "port"), [
    (download, 80), (stream_of_events, 80), (websocket, 80), (lookups, 53),
])
def test_nothing_is_concluded_from_what_was_not_read(
    story: object, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_first(monkeypatch, 12)
    wire = Wire(port)
    assert callable(story)
    story(wire)
    wire.close()
    analysis = wire.told(tmp_path)
    assert any("counted but not told" in text for phase in analysis.told[0].phases for text in phase.left_out)
    assert alarms(analysis) == set()
    assert not ENDED.search(said(analysis)), said(analysis)


def test_an_exchange_that_was_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_first(monkeypatch, 12)
    wire = Wire()
    download(wire)
    wire.close()
    found = exchange(wire, tmp_path)
    assert found.ended == NOT_READ
    assert "8000 bytes of 40.0 kB had come" in found.what() or "7000 bytes of 40.0 kB had come" in found.what()


# -- what comes after the end of the capture ------------------------------------------------------------------

@pytest.mark.parametrize("story", [download, stream_of_events, websocket])
def test_what_is_open_when_the_capture_ends(story: object, tmp_path: Path) -> None:
    wire = Wire()
    assert callable(story)
    story(wire)
    if story is download:
        wire.frames = wire.frames[:-5]
    analysis = wire.told(tmp_path)
    assert alarms(analysis) == set()
    assert not ENDED.search(said(analysis)), said(analysis)
    assert re.search("not finished when the capture ends|still open where the capture ends", said(analysis))


def test_a_fin_behind_octets_that_did_not_come(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.say(SERVER, b"x" * 1_010, seen=False)
    wire.fin(SERVER, 20 * SECOND)
    analysis = wire.told(tmp_path)
    assert "connection ended" not in said(analysis)
    found = finding(analysis, "http.unanswered")
    assert found.severity == "note"
    assert "1010 bytes that the server sent before its FIN are not in it" in found.sentence


def test_an_exchange_ends_with_its_own_connection(tmp_path: Path) -> None:
    wire, later = Wire(), Wire(opened=False)
    wire.say(CLIENT, GET)
    wire.say(SERVER, response(b"half", length=1_000))
    last = len(wire.frames)
    later.ports = (40_001, 80)
    later.now = wire.now + 9 * SECOND
    later.put(CLIENT, 2)
    wire.frames += later.frames
    found = exchange(wire, tmp_path)
    assert max(found.evidence.frames) == last
    assert found.time - found.times.begun < SECOND


# -- holes --------------------------------------------------------------------------------------------------------

def test_an_answer_that_the_capture_missed_is_not_missing(tmp_path: Path) -> None:
    """The client has acknowledged it."""
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.say(SERVER, response(), seen=False)
    wire.put(CLIENT, ACK)
    wire.put(CLIENT, 20)    # a reset: nothing of the server follows
    analysis = wire.told(tmp_path)
    assert "http.unanswered" not in alarms(analysis)
    found, = events(analysis, "http.exchange")
    assert found.fields()["ended"] == LOST


def test_an_answer_whose_request_the_capture_missed_is_not_unasked(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET, seen=False)
    wire.say(SERVER, response())
    wire.close()
    analysis = wire.told(tmp_path)
    assert "http.surplus" not in codes(analysis)
    assert "(request not seen) → 200, 2 bytes" in said(analysis)


def test_an_answer_after_a_gap_belongs_to_the_last_request(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.say(SERVER, response(b"first"), seen=False)
    wire.say(CLIENT, GET.replace(b"/a", b"/b"))
    wire.say(SERVER, response(b"second"))
    wire.put(CLIENT, ACK)
    wire.close()
    analysis = wire.told(tmp_path)
    assert [event.fields()["ended"] for event in events(analysis, "http.exchange")] == [LOST, "complete"]
    assert "GET /b → 200, 6 bytes" in said(analysis)
    assert alarms(analysis) == {"capture.loss"}


def test_a_silent_server_is_still_one(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.put(SERVER, ACK)
    wire.close()
    analysis = wire.told(tmp_path)
    assert finding(analysis, "http.unanswered").sentence == "The connection ended without an answer to GET /a."
    assert events(analysis, "http.exchange")[0].fields()["ended"] == UNANSWERED


def test_a_capture_that_begins_in_a_body(tmp_path: Path) -> None:
    wire = Wire(opened=False)
    wire.say(SERVER, b"the middle of a text\n" * 40)
    wire.say(CLIENT, GET)
    wire.say(SERVER, response())
    analysis = wire.told(tmp_path)
    assert "malformed" not in codes(analysis)
    assert "GET /a → 200, 2 bytes" in said(analysis)


# -- what is said after an upgrade, before its answer ----------------------------------------------------------------

def test_frames_of_a_client_that_are_stored_before_the_answer_to_its_upgrade(tmp_path: Path) -> None:
    wire = Wire()
    websocket(wire)
    wire.frames = wire.frames[:5]
    answer = wire.frames.pop()
    wire.next[SERVER] = 5_001 + 129
    wire.say(CLIENT, b"\x81\x82\x00\x00\x00\x00hi")
    wire.frames.append((wire.now + MS, answer[1]))
    analysis = wire.told(tmp_path)
    assert alarms(analysis) == set()
    assert [event.label() for event in events(analysis, "websocket.message")] == ["text 2"] or \
        len(events(analysis, "websocket.message")) == 1


def test_frames_of_a_client_whose_server_is_not_seen(tmp_path: Path) -> None:
    wire = Wire()
    websocket(wire)
    wire.frames = [wire.frames[0], wire.frames[2], wire.frames[3]]
    for _message in range(5):
        wire.say(CLIENT, b"\x81\x82\x00\x00\x00\x00hi")
    assert "malformed" not in codes(wire.told(tmp_path))


# -- rules of HTTP ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("length", "octets"), [("0" * 30 + "50", 50), ("050", 50)])
def test_a_length_may_begin_with_zeros(length: str, octets: int, tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode() + b"X" * octets + GET)
    wire.say(SERVER, response() * 2)
    wire.close()
    analysis = wire.told(tmp_path)
    assert alarms(analysis) == set()
    assert "The request carried 50 bytes" in said(analysis)
    assert "GET /a → 200" in said(analysis)


def test_a_length_may_be_larger_than_any_body(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n" + GET * 3)
    analysis = wire.told(tmp_path)
    assert alarms(analysis) == set()
    assert f"Of the request, {3 * len(GET)} bytes of 18446744073709551615 bytes had come." in said(analysis)


def test_responses_that_nobody_asked_for(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.say(SERVER, response() * 3)
    wire.close()
    assert "sent 2 responses more than there were requests" in finding(wire.told(tmp_path), "http.surplus").sentence
    timeout = Wire()
    timeout.say(SERVER, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", SECOND)
    timeout.close()
    assert "http.surplus" not in codes(timeout.told(tmp_path))


def test_what_is_no_request_is_what_an_error_answers(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.say(SERVER, response())
    wire.say(CLIENT, b"T / HTTP\r\n")
    wire.say(SERVER, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    wire.close()
    assert finding(wire.told(tmp_path), "http.client_error").sentence.startswith(
        "The server answered 400 Bad Request, to what is no request of HTTP."
    )


def test_a_document_without_a_head_is_an_answer(tmp_path: Path) -> None:
    wire = Wire()
    wire.say(CLIENT, GET)
    wire.say(SERVER, b"<html>without more ado</html>\n")
    wire.close()
    analysis = wire.told(tmp_path)
    assert alarms(analysis) == {"http.no_head"}
    assert "GET /a → HTTP/0.9, 30 bytes" in said(analysis)


# -- another protocol ---------------------------------------------------------------------------------------------

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
SETTINGS = bytes((0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100))


@pytest.mark.parametrize(("asked", "answered", "words"), [
    (GET, b"SSH-2.0-OpenSSH_9.6\r\n", "speaks HTTP/1, and the server speaks SSH (SSH-2.0-OpenSSH_9.6)"),
    (GET, bytes.fromhex("15030100020246"), "speaks HTTP/1, and the server speaks TLS"),
    (GET, SETTINGS, "speaks HTTP/1, and the server speaks HTTP/2"),
    (PREFACE, b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP/2, and the server speaks HTTP/1 (HTTP/1.1 400 Bad"),
    (PREFACE, bytes.fromhex("15030100020246"), "speaks HTTP/2, and the server speaks TLS"),
])
def test_both_directions_decide(asked: bytes, answered: bytes, words: str, tmp_path: Path) -> None:
    wire = Wire(8080)
    wire.say(CLIENT, asked)
    wire.say(SERVER, answered)
    wire.close()
    analysis = wire.told(tmp_path)
    assert words in finding(analysis, "protocol.mismatch").sentence
    assert alarms(analysis) == {"protocol.mismatch"}
    assert "malformed" not in said(analysis).lower()


def test_a_server_that_does_not_speak_http2_and_says_nothing(tmp_path: Path) -> None:
    wire = Wire(50_051)
    wire.say(CLIENT, PREFACE)
    wire.put(SERVER, ACK)
    wire.close()
    analysis = wire.told(tmp_path)
    assert "10.0.0.2:50051 ended the connection 2.00 ms later without a byte in answer" in \
        finding(analysis, "http2.not_spoken").sentence
    spoken = Wire(50_051)
    spoken.say(CLIENT, PREFACE)
    spoken.say(SERVER, SETTINGS)
    spoken.close()
    assert "http2.not_spoken" not in codes(spoken.told(tmp_path))


# -- who ended a WebSocket ----------------------------------------------------------------------------------------

def test_who_ended_a_websocket_after_which_silence(tmp_path: Path) -> None:
    wire = Wire()
    websocket(wire)
    wire.fin(SERVER, 3 * SECOND)
    wire.fin(CLIENT)
    wire.put(SERVER, ACK)
    found = finding(wire.told(tmp_path), "websocket.abnormal_end")
    assert "because the server (10.0.0.2:80) closed the connection beneath 3.00 s after the last" in found.sentence
    assert "a silence of 3 s so exactly looks like a timeout" in found.basis
