"""Requests and responses out of bytes: heads, bodies, matching, timing."""
from __future__ import annotations

import gzip

from http1_feed import MS, Connection, request, response

from dissectors.kit.event import BACKWARD, FORWARD, LimitReached, Malformed
from dissectors.protocols.http1.events import HttpSkipped
from dissectors.protocols.http1.exchanges import MAX_PIPELINED
from dissectors.protocols.http1.reader import MAX_HEAD
from dissectors.wire.http.events import CAPTURE, CLOSED, COMPLETE, CUT, UNANSWERED


def test_an_exchange_is_told_with_its_heads_and_times() -> None:
    it = Connection()
    it.send(request("/a?b=1", "GET", "Accept: */*", "X-Twice: 1", "X-Twice: 2"))
    it.answer(response("200 OK", "Content-Type: image/png", body=b"x" * 100), 30)
    asked, = it.requests
    answered, = it.responses
    whole, = it.exchanges
    assert (asked.head.method, asked.head.target, asked.head.authority) == ("GET", "/a?b=1", "shop.test")
    assert asked.head.pairs == ((b"Host", b"shop.test"), (b"Accept", b"*/*"), (b"X-Twice", b"1"), (b"X-Twice", b"2"))
    assert asked.head.text(b"x-twice") == "1, 2"
    assert (answered.head.status, answered.head.reason, answered.head.version) == (200, "OK", "HTTP/1.1")
    assert answered.request is not None
    assert (asked.direction, answered.direction) == (FORWARD, BACKWARD)
    assert (whole.times.begun, whole.times.sent, whole.times.first, whole.times.ended) == (10 * MS, 10 * MS, 40 * MS,
                                                                                         40 * MS)
    assert (whole.times.waited_ns(), whole.times.received_ns(), whole.times.blocked_ns()) == (30 * MS, 0, 0)
    assert whole.ended == COMPLETE
    assert whole.received.octets == 100
    assert whole.evidence.frames == (1, 2)
    headline = whole.headline()
    assert headline is not None
    assert (headline.label, headline.text) == ("HTTP/1.1", "GET /a?b=1 → 200, 100 bytes")
    assert (headline.start_ns, headline.end_ns) == (10 * MS, 40 * MS)


def test_the_bytes_of_a_head_are_pointed_at() -> None:
    it = Connection()
    it.send(b"\r\n" + request(), offset=54)
    evidence = it.requests[0].evidence
    assert (evidence.start, evidence.end) == (56, 54 + 2 + len(request()))


def test_a_connection_carries_one_exchange_after_another() -> None:
    it = Connection()
    for number in range(3):
        it.send(request(f"/{number}"))
        it.answer(response(body=b"ok"))
    assert [exchange.exchange for exchange in it.exchanges] == [1, 2, 3]
    assert [exchange.summary() for exchange in it.exchanges] == [f"GET /{n} → 200, 2 bytes" for n in range(3)]


def test_pipelined_requests_wait_for_the_response_before_them() -> None:
    it = Connection()
    it.send(request("/slow") + request("/fast"))            # 10 ms
    it.answer(response(body=b"slow"), 90)                   # 100 ms
    it.answer(response(body=b"fast"), 5)                    # 105 ms
    slow, fast = it.exchanges
    assert (slow.times.blocked_ns(), slow.times.waited_ns()) == (0, 90 * MS)
    assert (fast.times.blocked_ns(), fast.times.waited_ns()) == (90 * MS, 5 * MS)
    assert fast.detail() == "blocked 90.0 ms by the response before it, waited 5.00 ms"
    assert fast.what().startswith("GET /fast → 200, 4 bytes, in 95.0 ms.")


def test_a_chunked_body_with_trailers() -> None:
    it = Connection()
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n5;name=x\r\nhello\r\n")
    it.answer("7\r\n, world\r\n0\r\nX-Sum: 12\r\n\r\n" + response("404 Not Found").decode())
    whole = it.exchanges[0]
    assert whole.received.octets == 12
    assert whole.received.summary == "“hello, world”"
    assert whole.response_trailers == ((b"X-Sum", b"12"),)
    assert it.responses[1].head.status == 404


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    it = Connection()
    it.send(request())
    it.answer(response("200 OK", "Content-Type: text/html", body=None) + b"<p>")
    it.answer("more")
    assert not it.exchanges
    it.close(BACKWARD)
    whole, = it.exchanges
    assert (whole.ended, whole.received.octets, whole.received.whole) == (CLOSED, 7, True)


def test_a_response_to_head_and_some_codes_have_no_body() -> None:
    it = Connection()
    for method, status in (("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")):
        it.send(request("/", method))
        it.answer(f"HTTP/1.1 {status}\r\nContent-Length: 500\r\n\r\n")
    assert [exchange.response.status for exchange in it.exchanges if exchange.response] == [200, 204, 304]
    assert not any(exchange.received.octets for exchange in it.exchanges)


def test_interim_responses_come_before_the_final_one() -> None:
    it = Connection()
    it.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    it.answer("HTTP/1.1 100 Continue\r\n\r\n")
    it.send("hello")
    it.answer("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + response("201 Created").decode())
    whole, = it.exchanges
    assert [one.status for one in whole.informational] == [100, 103]
    assert whole.response is not None
    assert whole.response.status == 201
    assert whole.sent.octets == 5
    assert whole.times.sent_ns() == 20 * MS
    assert [answer.interim for answer in it.responses] == [True, True, False]


def test_http_0_9_is_a_line_and_a_document() -> None:
    it = Connection()
    it.send("GET /old.html\r\n")
    it.answer("<html>")
    it.answer("</html>")
    it.close(BACKWARD)
    whole, = it.exchanges
    assert whole.request is not None
    assert (whole.request.version, whole.request.target) == ("HTTP/0.9", "/old.html")
    assert (whole.ended, whole.received.octets) == (CLOSED, 13)
    assert "HTTP/0.9" in it.requests[0].what()


def test_a_newer_server_may_answer_an_http_0_9_request_with_a_head() -> None:
    it = Connection()
    it.send("GET /old.html\r\n")
    it.answer(response("400 Bad Request"))
    assert it.exchanges[0].response is not None
    assert it.exchanges[0].response.status == 400


def test_an_error_may_come_before_the_request_is_sent() -> None:
    it = Connection()
    it.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\npart")
    it.answer(response("413 Content Too Large", "Connection: close"))
    assert not it.exchanges
    it.close()
    whole, = it.exchanges
    assert whole.response is not None
    assert whole.response.status == 413
    assert not whole.sent.whole


def test_what_ended_early_is_said() -> None:
    for how, ended in (("rst", CUT), ("capture", CAPTURE), ("fin", CUT)):
        it = Connection()
        it.send(request())
        it.answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
        it.close(how=how)
        assert [exchange.ended for exchange in it.exchanges] == [ended]
        assert not it.exchanges[0].received.whole
    it = Connection()
    it.send(request())
    it.close()
    it.close()
    assert [exchange.ended for exchange in it.exchanges] == [UNANSWERED]
    assert it.exchanges[0].evidence.frames == (1, 2)
    assert "without a response" in it.exchanges[0].what()


def test_a_fin_that_was_captured_early_ends_nothing_that_is_not_whole() -> None:
    it = Connection()
    it.send(request())
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    it.close(BACKWARD)
    assert not it.exchanges
    it.answer("more")
    assert it.exchanges[0].ended == COMPLETE
    late = Connection()
    late.send(request())
    late.close(BACKWARD)
    late.close(how="capture")
    assert late.exchanges[0].ended == UNANSWERED


def test_a_response_without_its_request() -> None:
    it = Connection()
    it.answer(response("200 OK", body=b"late"))
    whole, = it.exchanges
    assert whole.request is None
    assert whole.times.waited_ns() == -1
    assert whole.what()


def test_an_endless_head_is_given_up() -> None:
    it = Connection()
    it.send("GET / HTTP/1.1\r\n")
    for _ in range(int(MAX_HEAD) // 1000 + 2):
        it.send(b"X-A: " + b"a" * 993 + b"\r\n")
    limits = it.of(LimitReached)
    assert [(limit.cap, limit.limit) for limit in limits] == [("MAX_HEAD", MAX_HEAD)]
    it.send(request("/next"))
    assert it.requests[-1].head.target == "/next"
    assert it.of(HttpSkipped)[0].octets > MAX_HEAD


def test_endless_pipelining_is_bounded() -> None:
    """Those behind the cap are not followed; nobody's response becomes another's, and later ones are followed again."""
    it = Connection()
    for number in range(MAX_PIPELINED + 5):
        it.send(request(f"/{number}"))
    assert [limit.cap for limit in it.of(LimitReached)] == ["MAX_PIPELINED"]
    assert [one.summary() for one in it.exchanges] == [f"GET /{MAX_PIPELINED + at} → not followed" for at in range(5)]
    for number in range(MAX_PIPELINED + 5):
        it.answer(response(body=b"x" * (number % 90 + 2)))
    found = [one.summary() for one in it.exchanges[5:]]
    assert found[7:-5] == [f"GET /{at} → 200, {at % 90 + 2} bytes" for at in range(7, MAX_PIPELINED)]
    assert [one.partition(",")[0] for one in found[-5:]] == ["(request not followed) → 200"] * 5
    it.send(request("/last"))
    it.answer(response(body=b"ok"))
    assert it.exchanges[-1].summary() == "GET /last → 200, 2 bytes"


def test_lines_that_are_no_http_are_malformed_once() -> None:
    it = Connection()
    it.send(request())
    it.send("nonsense without end\r\nmore of it\r\n")
    it.send("again nonsense\r\n")
    it.send(request("/after"))
    assert len(it.of(Malformed)) == 1
    assert [asked.head.target for asked in it.requests] == ["/", "/after"]
    assert it.of(HttpSkipped)[0].octets == 50


def test_a_body_is_decoded_and_described() -> None:
    it = Connection()
    it.send(request("/", "POST", "Content-Type: application/x-www-form-urlencoded", body=b"user=me&password=secret"))
    packed = gzip.compress(b'{"items": [1, 2], "next": null}' + b" " * 1000)
    it.answer(response("200 OK", "Content-Type: application/json", "Content-Encoding: gzip", body=packed))
    whole, = it.exchanges
    assert whole.sent.summary == "a form with user, password (password redacted)"
    assert (whole.received.octets, whole.received.decoded) == (len(packed), 1031)
    assert whole.received.summary == "a JSON object with items, next"
    assert "secret" not in str(whole.fields()) + whole.what()


def test_secrets_are_shown_only_when_asked_for() -> None:
    fields = ("Authorization: Bearer abcdefgh", "Cookie: sid=12345", "X-Api-Key: k1", "Referer: http://a/?token=t1")
    for show in (False, True):
        it = Connection(show_secrets=show)
        it.send(request("/?access_token=zzz", "GET", *fields))
        it.answer(response("200 OK", "Set-Cookie: sid=67890; HttpOnly"))
        told = " ".join([str(event.fields()) + event.what() for event in it.events])
        for secret in ("abcdefgh", "12345", "k1", "t1", "zzz", "67890"):
            assert (secret in told) is show, secret
        assert "sid" in told
        assert "Bearer" in told
