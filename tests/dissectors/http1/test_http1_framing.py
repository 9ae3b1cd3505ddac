"""Where bodies end, what is read in more than one way, and what is read although it is not as it should be."""
from __future__ import annotations

import pytest
from http1_feed import Connection, request, response

from dissectors.kit.event import BACKWARD, Malformed
from dissectors.protocols.http1.events import HttpAmbiguous


def codes(it: Connection) -> list[str]:
    return [event.code for event in it.of(HttpAmbiguous)]


def post(*fields: str, body: str = "") -> str:
    return "\r\n".join(["POST / HTTP/1.1", "Host: a", *fields]) + "\r\n\r\n" + body


@pytest.mark.parametrize(("message", "code"), [
    (post("Content-Length: 4", "Transfer-Encoding: chunked", body="0\r\n\r\n"), "both_lengths"),
    (post("Content-Length: 4", "Content-Length: 5", body="abcd"), "lengths_differ"),
    (post("Content-Length: 4, 4", body="abcd"), "length_repeated"),
    (post("Content-Length: +4", body=""), "length_value"),
    (post("Transfer-Encoding: chunked, identity", body=""), "transfer_encoding"),
    (post("Transfer-Encoding: xchunked", body=""), "transfer_encoding"),
    (post("Transfer-Encoding : chunked", body="0\r\n\r\n"), "space_before_colon"),
    (post("X: a\rTransfer-Encoding: chunked", body="0\r\n\r\n"), "bare_cr"),
    (post("X: a", " Transfer-Encoding: chunked"), "folded_field"),
    (post("X[y]: a"), "field_name"),
    (post(": a"), "empty_name"),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked_in_1_0"),
    (post("Transfer-Encoding: chunked", body="0x3\r\nabc\r\n0\r\n\r\n"), "chunk_size"),
])
def test_shapes_that_smuggle_are_named(message: str, code: str) -> None:
    it = Connection()
    it.send(message)
    assert codes(it) == [code]
    assert it.of(HttpAmbiguous)[0].what().endswith((".", "}"))


def test_an_ordinary_message_is_not_ambiguous() -> None:
    it = Connection()
    it.send(request("/", "POST", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n")
    it.send(request("/next"))
    it.answer(response("200 OK", "X-Empty:", "X-Odd:value"))
    assert codes(it) == []
    assert [asked.head.target for asked in it.requests] == ["/", "/next"]
    assert it.responses[0].head.pairs[:2] == ((b"X-Empty", b""), (b"X-Odd", b"value"))


def test_transfer_encoding_goes_before_content_length() -> None:
    """What hides in the body stays body here."""
    it = Connection()
    hidden = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
    it.send(post("Content-Length: 4", "Transfer-Encoding: chunked", body=f"{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n"))
    it.send(request("/next"))
    assert [asked.head.target for asked in it.requests] == ["/", "/next"]


def test_of_two_lengths_the_first_counts() -> None:
    it = Connection()
    it.send(post("Content-Length: 3", "Content-Length: 30", body="abc") + request("/next").decode())
    assert [asked.head.target for asked in it.requests] == ["/", "/next"]


@pytest.mark.parametrize(("head", "note"), [
    ("GET / HTTP/1.1\nHost: a\n\n", "Lines end in LF without CR."),
    ("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", "single spaces"),
    ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "white space"),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", "The version is written http/1.1."),
    ("GET HTTP/1.1\r\nHost: a\r\n\r\n", "names no target"),
    ("GET / HTTP/1.1\r\nno colon here\r\nHost: a\r\n\r\n", "has no colon"),
    ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "Empty lines stand before"),
])
def test_leniencies_are_named(head: str, note: str) -> None:
    it = Connection()
    it.send(head)
    asked, = it.requests
    assert note in " ".join(asked.notes)
    assert asked.head.authority == "a" or "target" in note
    assert note in asked.what()


def test_a_plain_request_needs_no_leniency() -> None:
    it = Connection()
    it.send(b"\r\n" + request())
    assert it.requests[0].notes == ()


@pytest.mark.parametrize(("line", "status"), [
    ("HTTP/1.1 200", 200), ("HTTP/1.1  204  Fine", 204), ("http/1.0 404 Not there", 404), ("ICY 200 OK", 200),
    ("HTTP/1.1 20x No", -1), ("HTTP/1.1", -1), ("HTTP/1.1 000 Zero", 0), ("HTTP/2 200", 200),
])
def test_status_lines_are_read_as_browsers_do(line: str, status: int) -> None:
    it = Connection()
    it.send(request())
    it.answer(f"{line}\r\nContent-Length: 0\r\n\r\n")
    answered, = it.responses
    assert answered.head.status == status
    assert not answered.head.request
    assert answered.what()
    if line not in ("HTTP/1.1 200",):
        assert answered.notes or status == 204


@pytest.mark.parametrize("body", ["zz\r\n", "-1\r\n", "5\r\nhelloXX", "ffffffffffffffffff\r\n"])
def test_a_broken_chunk_ends_the_message(body: str) -> None:
    it = Connection()
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert len(it.of(Malformed)) == 1
    it.send(request("/2"))
    it.answer(response("404 Not Found"))
    assert [exchange.response.status for exchange in it.exchanges if exchange.response] == [200, 404]
    assert [exchange.received.whole for exchange in it.exchanges] == [body.startswith(("zz", "-1", "ff")), True]


def test_a_response_with_a_broken_length_lasts_until_the_end() -> None:
    it = Connection()
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc")
    it.answer("def")
    it.close(BACKWARD)
    assert it.exchanges[0].received.octets == 6
    assert codes(it) == ["length_value"]
