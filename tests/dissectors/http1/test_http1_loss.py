"""Missing bytes, late starts, and bytes that come in any pieces."""
from __future__ import annotations

import json
from random import Random

import pytest
from http1_feed import MS, Connection, request, response

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event
from dissectors.kit.inputs import Chunk, Close
from dissectors.kit.protocol import Context
from dissectors.protocols.http1.events import HttpSkipped
from dissectors.protocols.http1.protocol import HTTP
from dissectors.wire.http.events import COMPLETE, LOST

STREAM = (
    (FORWARD, request("/a") + request("/b", "POST", "Content-Type: text/plain", body=b"hello")),
    (BACKWARD, b"HTTP/1.1 100 Continue\r\n\r\n" + response("200 OK", "Content-Type: text/plain", body=b"some text")
     + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n4\r\nabcd\r\n00\r\nX-T: 1\r\nX-U: 2\r\n\r\n"),
    (FORWARD, b"\r\nGET /c HTTP/1.1\nHost: a\n\nGET /old\r\n"),
    (BACKWARD, b"HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\nnono head"),
)


def told(sizes: Random | None, at_once: int) -> list[tuple[str, str]]:
    """Name and data of each event, times and frames left out."""
    assert HTTP.create is not None
    dissector = HTTP.create(Context("tcp", 5, 80))
    out = []
    position = [0, 0]
    for direction, data in STREAM:
        at = 0
        while at < len(data):
            take = sizes.randint(1, at_once) if sizes else at_once
            piece = data[at:at + take]
            out += dissector.on_data(Chunk(1, 1, direction, piece, position[direction]))
            position[direction] += len(piece)
            at += take
    out += dissector.on_close(Close(1, 1, NEITHER, "fin"))
    return [(event.name, json.dumps(event.fields())) for event in out if isinstance(event, Event)]


def test_pieces_change_nothing() -> None:
    whole = told(None, 10_000)
    names = [name for name, _data in whole]
    assert (names.count("http.request"), names.count("http.response"), names.count("http.exchange")) == (4, 5, 4)
    assert told(None, 1) == whole
    for seed in range(40):
        assert told(Random(seed), 40) == whole


def test_a_gap_inside_a_body_is_counted_out() -> None:
    it = Connection()
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Encoding: gzip\r\n\r\n" + "x" * 30)
    it.lose(50, BACKWARD)
    it.answer(b"y" * 20)
    it.send(request("/2"))
    it.answer(response())
    first, second = it.exchanges
    assert (first.ended, first.received.octets, first.received.whole) == (COMPLETE, 100, False)
    assert "damaged" in first.received.problem or "missing" in first.received.problem
    assert second.exchange == 2


def test_when_a_response_ended_in_a_hole_is_not_known() -> None:
    """What the next request waited for then is not known either: when the hole shows says nothing of it."""
    it = Connection()
    it.send(request("/1"))
    it.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + "x" * 30)
    it.send(request("/2"))
    it.lose(500, BACKWARD)
    it.answer(response(body=b"second"), after_ms=400)
    it.close()
    first, second = it.exchanges
    assert (first.ended, second.ended) == (LOST, COMPLETE)
    assert (first.times.ended, first.times.received_ns(), first.times.total_ns()) == (-1, -1, -1)
    assert (second.times.blocked_ns(), second.times.waited_ns()) == (0, 410 * MS)
    bar = first.headline()
    assert bar is not None
    assert bar.end_ns == first.times.first


def test_a_gap_inside_a_chunk_is_counted_out() -> None:
    it = Connection()
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + "x" * 30)
    it.lose(70, BACKWARD)
    it.answer("\r\n0\r\n\r\n")
    assert it.exchanges[0].ended == COMPLETE
    assert it.exchanges[0].received.octets == 100


def test_after_a_gap_beyond_the_body_reading_goes_on_at_the_next_head() -> None:
    it = Connection()
    it.send(request("/1"))
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    it.lose(500, BACKWARD)
    it.answer("tail of something")
    it.send(request("/3"))
    it.answer(response("404 Not Found"))
    assert it.exchanges[0].ended == LOST
    assert it.exchanges[-1].summary() == "GET /3 → 404"
    skipped, = it.of(HttpSkipped)
    assert (skipped.octets, skipped.found) == (17, True)


def test_requests_before_a_gap_in_the_responses_are_not_paired_with_later_ones() -> None:
    it = Connection()
    it.send(request("/1"))
    it.lose(500, BACKWARD)
    it.send(request("/2"))
    it.answer(response("404 Not Found"))
    assert [(exchange.summary(), exchange.ended) for exchange in it.exchanges] == [
        ("GET /1 → no response seen", LOST), ("GET /2 → 404", COMPLETE)
    ]


def test_a_head_that_is_cut_tells_what_there_is() -> None:
    it = Connection()
    it.send("GET /x HTTP/1.1\r\nHost: shop.test\r\nCook")
    it.lose(300, FORWARD, same_frame=True)
    asked, = it.requests
    assert asked.head.pairs == ((b"Host", b"shop.test"),)
    assert "not in the capture" in asked.what()
    it.answer(response())
    assert it.exchanges[0].summary() == "GET /x → 200"


@pytest.mark.parametrize("each_pdu", [False, True])
def test_a_capture_that_starts_late_begins_with_the_next_head(each_pdu: bool) -> None:
    it = Connection(each_pdu, midstream=True)
    it.answer("the end of a body")
    it.send(request("/now"))
    it.answer(response())
    assert [asked.head.target for asked in it.requests] == ["/now"]
    assert [answered.head.status for answered in it.responses] == [200]


@pytest.mark.parametrize("step", [1, 5, 30, 10_000])
def test_a_head_is_found_wherever_the_end_of_a_body_lies(step: int) -> None:
    it = Connection(midstream=True)
    tail = b"}\x00\xffHTTP/1.x HTTP/1.1 in a text </html>"
    for direction, data in ((BACKWARD, tail + response("404 Not Found")), (FORWARD, b"a=bPOST" + request("/x", "PUT"))):
        for at in range(0, len(data), step):
            it.send(data[at:at + step], direction)
    assert [answered.head.status for answered in it.responses] == [404]
    assert [asked.head.method for asked in it.requests] == ["PUT"]
    assert [skipped.octets for skipped in it.of(HttpSkipped)] == [len(tail), 7]


@pytest.mark.parametrize("line", ["GET  /  HTTP/1.1", "GET /a shell;wget+ http://b/ HTTP/1.1"])
def test_a_request_line_with_spaces_too_many_is_found_where_a_capture_starts_late(line: str) -> None:
    it = Connection(midstream=True)
    it.send(f"{line}\r\nHost: shop.test\r\n\r\n".encode())
    assert [asked.head.method for asked in it.requests] == ["GET"]
    assert it.of(HttpSkipped) == []


def test_an_endless_body_is_read_without_keeping_it() -> None:
    it = Connection()
    it.send(request())
    it.answer(response("200 OK", "Content-Type: text/plain", body=None))
    for _ in range(2_000):
        assert it.answer(b"line of text\n" * 100) == []
    reader = it.dissector.exchanges.answering.receiving  # type: ignore[attr-defined]
    assert sum(len(part) for part in reader.sample) <= 16_384
    it.close(BACKWARD)
    assert it.exchanges[0].received.octets == 2_000 * 1_300
