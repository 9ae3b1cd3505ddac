"""Findings about HTTP: each rule over a connection that meets it, and over one that does not."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from http1_feed import Connection, request, response
from told_accounts import MS, account, analysis, conversation

from analyzer.explain.http import HTTP_RULES
from analyzer.explain.http_answers import HTTP_ANSWER_RULES
from analyzer.explain.http_patterns import HTTP_CAPTURE_RULES
from analyzer.explain.rule import Case, Found
from analyzer.model import SEVERITIES, Account, Analysis
from dissectors.kit.event import BACKWARD

SECOND_MS = 1_000
RULES = HTTP_RULES + HTTP_ANSWER_RULES
Story = Callable[[Connection], None]


def told(story: Story, number: int = 1, inside: str = "http", start_ms: int = 0) -> Account:
    it = Connection()
    it.time = start_ms * MS
    it.frame = number * 1_000
    story(it)
    it.close()
    of = conversation(number, port=50_000 + number, server_port=80)
    of.protocol = inside
    of.start_ns = start_ms * MS
    return account(*it.events, of=of)


def found(code: str, *accounts: Account) -> list[Found]:
    """What the rule of that code finds."""
    made: Analysis = analysis(*accounts)
    for rule in RULES:
        if rule.code == code:
            return [one for entry in made.told for one in rule.examine(Case(entry, made.capture))]
    for capture_rule in HTTP_CAPTURE_RULES:
        if capture_rule.code == code:
            return capture_rule.examine(made)
    raise AssertionError(code)


def exchange(
    answer: bytes, *fields: str, target: str = "/", method: str = "GET", body: bytes = b"", wait: int = 10
) -> Story:
    def play(it: Connection) -> None:
        it.send(request(target, method, *fields, body=body))
        it.answer(answer, wait)
    return play


def both(*stories: Story) -> Story:
    def play(it: Connection) -> None:
        for story in stories:
            story(it)
    return play


def silence(it: Connection) -> None:
    it.send(request("/x"))


def cut_short(it: Connection) -> None:
    it.send(request("/big"))
    it.answer("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf")


def pipelined(it: Connection) -> None:
    it.send(request("/slow") + request("/fast"))
    it.answer(response(body=b"a"), 50)
    it.answer(response(body=b"b"))


def held(it: Connection, wait: int = 1_000) -> None:
    it.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    it.send("hi", after_ms=wait)
    it.answer(response())


OK = response("200 OK", "Content-Type: text/plain", body=b"ok")
BIG = response("200 OK", "Content-Type: application/json", body=b"[" + b"1," * 8_000 + b"1]")
FAILED = response("200 OK", "Content-Type: application/json", body=b'{"data": null, "errors": [{"message": "no"}]}')


def says(text: str, type_: str = "application/json") -> bytes:
    return response("200 OK", f"Content-Type: {type_}", body=text.encode())


SMUGGLED = "Transfer-Encoding: chunked\r\nContent-Length: 4"

CASES: dict[str, tuple[Story, Story, str]] = {
    "http.server_error": (exchange(response("502 Bad Gateway")), exchange(OK), "502 Bad Gateway"),
    "http.client_error": (exchange(response("404 Not Found")), exchange(OK), "404 Not Found"),
    "http.slow": (exchange(OK, wait=2_000), exchange(OK, wait=900), "waited 2.00 s"),
    "http.blocked": (pipelined, exchange(OK), "waited 50.0 ms"),
    "http.unanswered": (silence, exchange(OK), "GET /x"),
    "http.cut": (cut_short, exchange(OK), "4 bytes of 5000 bytes had come"),
    "http.surplus": (
        both(exchange(OK), lambda it: it.answer(OK)), exchange(OK),
        "sent 1 response more than there were requests, the first of them 200 OK after the answer to GET /",
    ),
    "http.no_head": (
        exchange(b"<html>all of it</html>"), exchange(OK), "no status line and no fields, as in HTTP/0.9: 22 bytes",
    ),
    "http.graphql_errors": (
        exchange(FAILED, target="/graphql"), exchange(FAILED, target="/other"), "1 answer of GraphQL holds 1 error",
    ),
    "http.json_error": (
        exchange(says('{"ok": false, "why": "no"}')), exchange(says('{"ok": true, "error": null}')),
        '1 answer in JSON says "ok: false" behind the status 200: GET /',
    ),
    "http.ambiguous": (
        exchange(OK, SMUGGLED, method="POST"), exchange(OK, method="POST", body=b"a"), "more than one way"
    ),
    "http.uncompressed": (exchange(BIG, "Accept-Encoding: gzip, br;q=0.5"), exchange(BIG), "16.0 kB"),
    "http.undecodable": (
        exchange(response("200 OK", "Content-Encoding: gzip", body=b"plain text")), exchange(OK), "says that it is gzip"
    ),
    "http.plain_credentials": (exchange(OK, "Authorization: Basic YTpi"), exchange(OK), "scheme Basic"),
    "http.cookie": (
        exchange(response("200 OK", "Set-Cookie: a=1; SameSite=None")),
        exchange(response("200 OK", "Set-Cookie: a=1; HttpOnly")), "SameSite=None",
    ),
    "http.held_back": (held, lambda it: held(it, 20), "100 Continue that did not come"),
    "http.preflight": (
        exchange(response("204 No Content", "Access-Control-Allow-Origin: *"), "Origin: http://a",
                 "Access-Control-Request-Method: PUT", method="OPTIONS"), exchange(OK, method="OPTIONS"), "preflight",
    ),
    "http.hsts_over_plain": (
        exchange(response("200 OK", "Strict-Transport-Security: max-age=9")), exchange(OK), "have to ignore it"
    ),
}


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_each_rule_of_a_connection(code: str) -> None:
    meets, misses, words = CASES[code]
    one, = found(code, told(meets))
    assert words in one.sentence
    assert one.sentence.endswith((".", "end."))
    assert one.frames
    assert one.severity in ("", *SEVERITIES)
    assert found(code, told(misses)) == []


def test_an_answer_in_json_fails_by_what_stands_in_it() -> None:
    rpc = '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "a secret"}}'
    (one,) = found("http.json_error", told(exchange(says(rpc))))
    assert "error -32601 of JSON-RPC" in one.sentence
    assert "secret" not in one.sentence
    assert one.confidence == "certain"
    assert "RFC 9457" in found("http.json_error", told(exchange(says("{}", "application/problem+json"))))[0].sentence
    for harmless in ('{"error": ""}', '{"errors": []}', '{"error": {}, "result": 1}', '["error"]', '{"success": true}'):
        assert found("http.json_error", told(exchange(says(harmless)))) == []
    failed = exchange(response("404 Not Found", "Content-Type: application/json", body=b'{"error": "no"}'))
    assert found("http.json_error", told(failed)) == []


def test_a_slow_answer_says_what_of_it_was_the_way() -> None:
    (one,) = found("http.slow", told(exchange(OK, wait=2_000)))
    assert "acknowledged" not in one.sentence          # no ACK of its own was seen


def test_a_challenge_that_is_met_is_no_error() -> None:
    challenge = exchange(response("401 Unauthorized", 'WWW-Authenticate: Basic realm="a"'))
    assert len(found("http.client_error", told(challenge))) == 1
    assert found("http.client_error", told(both(challenge, exchange(OK, "Authorization: Basic YTpi")))) == []


def test_what_is_inside_tls_is_not_plain() -> None:
    story = exchange(response("200 OK", "Strict-Transport-Security: max-age=9"), "Authorization: Basic YTpi")
    for code in ("http.plain_credentials", "http.hsts_over_plain"):
        assert found(code, told(story, inside="tls")) == []


def test_a_refused_preflight_is_worse() -> None:
    story = exchange(response("200 OK"), "Origin: http://a", "Access-Control-Request-Method: PUT", method="OPTIONS")
    one, = found("http.preflight", told(story))
    assert one.severity == "warn"


def test_shapes_of_lesser_weight_are_notes() -> None:
    one, = found("http.ambiguous", told(exchange(OK, "X: a\r\n b")))
    assert one.severity == "note"


def test_redirects_are_followed_from_hop_to_hop() -> None:
    first = exchange(response("301 Moved Permanently", "Location: http://shop.test/b"), target="/a")
    second = exchange(response("302 Found", "Location: /c"), target="/b")
    last = exchange(OK, target="/c")
    one, = found("http.redirects", told(first, 1), told(second, 2, start_ms=40), told(last, 3, start_ms=80))
    assert one.sentence == (
        "2 redirects in a row took 80.0 ms: http://shop.test/a (301) → http://shop.test/b (302) → "
        "http://shop.test/c (200)."
    )
    assert one.severity == ""
    single, = found("http.redirects", told(both(second, last)))
    assert single.severity == "chat"
    assert found("http.redirects", told(first), told(last, 2, start_ms=40)) == []


def test_redirects_in_a_circle() -> None:
    there = exchange(response("302 Found", "Location: /b"), target="/a")
    back = exchange(response("302 Found", "Location: /a"), target="/b")
    one = found("http.redirects", told(both(there, back, there, back)))[0]
    assert one.severity == "warn"
    assert "in a circle" in one.sentence


def asking(pause: int, wait: int, count: int = 6, status: str = "200 OK") -> Story:
    def play(it: Connection) -> None:
        for number in range(count):
            it.send(request(f"/news?since={number}"), after_ms=pause)
            it.answer(response(status, body=b"same" if status.startswith("200") else None), wait)
    return play


def test_polling_is_told_by_its_rhythm() -> None:
    one, = found("http.polling", told(asking(2_000, 20)))
    assert "every 2.02 s (6 times): polling" in one.sentence
    assert "5 answers brought nothing new" in one.sentence
    assert "wait 1.01 s on average" in one.sentence
    assert found("http.polling", told(asking(2_000, 20, count=3))) == []
    assert found("http.polling", told(asking(10, 5))) == []
    assert found("http.long_polling", told(asking(2_000, 20))) == []


def test_long_polling_is_told_by_the_wait() -> None:
    one, = found("http.long_polling", told(asking(30, 5_000, status="204 No Content")))
    assert "after 5.00 s (median of 6)" in one.sentence
    assert "6 answers had nothing to say" in one.sentence
    assert "could not speak for 30.0 ms" in one.sentence
    assert found("http.polling", told(asking(30, 5_000))) == []


def test_polling_over_connections_of_their_own() -> None:
    accounts = [told(asking(10, 20, count=1), number, start_ms=number * 3_000) for number in range(1, 6)]
    one, = found("http.polling", *accounts)
    assert "every 3.00 s (5 times)" in one.sentence


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n" + b"#EXTINF:2.0,\ns.ts\n" * 5


def film(wait: int) -> Story:
    def play(it: Connection) -> None:
        it.send(request("/live.m3u8"))
        it.answer(response("200 OK", "Content-Type: application/vnd.apple.mpegurl", body=PLAYLIST))
        for number in range(4):
            it.send(request(f"/s{number}.ts"))
            it.answer(response("200 OK", "Content-Type: video/mp2t", body=bytes(250_000)), wait)
    return play


def test_streaming_is_told_from_manifest_and_segments() -> None:
    smooth, = found("http.streaming", told(film(1_000)))
    assert "HLS streaming: 4 segments, 1.00 MB, at 2.00 Mbit/s to 2.00 Mbit/s" in smooth.sentence
    assert smooth.severity == ""
    late, = found("http.streaming", told(film(2_500)))
    assert "4 segments took longer to come than it plays, 2.00 s in all" in late.sentence
    assert late.severity == "warn"
    assert found("http.streaming", told(exchange(OK))) == []


def test_what_is_fetched_again_while_fresh() -> None:
    fresh = response("200 OK", "Cache-Control: max-age=60", body=b"x" * 100)
    one, = found("http.fetched_again", told(both(exchange(fresh), exchange(fresh))))
    assert "fetched twice" in one.sentence
    assert "100 bytes came again" in one.sentence
    stale = response("200 OK", "Cache-Control: no-cache", body=b"x")
    assert found("http.fetched_again", told(both(exchange(stale), exchange(stale)))) == []
    assert found("http.fetched_again", told(both(exchange(fresh), exchange(fresh, 'If-None-Match: "a"')))) == []


def test_connections_with_one_request_each() -> None:
    closed = response("200 OK", "Connection: close")
    accounts = [
        told(exchange(closed, target=f"/{number}"), number, start_ms=number * 100) for number in range(1, 6)
    ]
    one, = found("http.one_request_each", *accounts)
    checks = [told(exchange(closed), number, start_ms=number * 100) for number in range(1, 6)]
    assert found("http.one_request_each", *checks) == []
    assert "5 connections to 10.0.0.2:80 carried one request each" in one.sentence
    assert "saved 96.0 ms of handshakes. The server closes after each answer." in one.sentence
    assert found("http.one_request_each", *accounts[:3]) == []


def test_a_response_until_the_end_is_not_cut() -> None:
    def whole(it: Connection) -> None:
        it.send(request())
        it.answer("HTTP/1.0 200 OK\r\n\r\nall of it")
        it.close(BACKWARD)
    assert found("http.cut", told(whole)) == []


def test_codes_are_unique_and_every_rule_has_a_case() -> None:
    codes = [rule.code for rule in RULES] + [rule.code for rule in HTTP_CAPTURE_RULES]
    assert len(set(codes)) == len(codes)
    assert set(CASES) == {rule.code for rule in RULES}
