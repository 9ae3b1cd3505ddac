"""What heads mean: methods, status codes, caching, cookies, authentication, redaction."""
from __future__ import annotations

from email.utils import formatdate

import pytest

from dissectors.wire.http.auth import challenges, credentials_sentence, scheme_sent
from dissectors.wire.http.caching import caching_sentences, condition_of, date_of, freshness
from dissectors.wire.http.cookies import cookies_sent, cookies_set
from dissectors.wire.http.describe import (
    MAX_HEAD_TEXT,
    head_json,
    is_preflight,
    request_sentences,
    response_sentences,
)
from dissectors.wire.http.events import Times
from dissectors.wire.http.message import MAX_FIELD_TEXT, NO_STATUS, Head, as_fields, number_of, shown_head
from dissectors.wire.http.methods import method_of
from dissectors.wire.http.status import class_of, status_name, status_of
from dissectors.wire.secrets.fields import shown_target


def asked(method: str = "GET", target: str = "/", **fields: str) -> Head:
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
    return Head("HTTP/1.1", method, "http", "shop.test", target, 0, "", pairs)


def answered(status: int = 200, *fields: tuple[str, str]) -> Head:
    pairs = tuple((name.encode(), value.encode()) for name, value in fields)
    return Head("HTTP/1.1", "", "", "", "", status, "", pairs)


def said(head: Head, request: Head | None = None) -> str:
    return " ".join(response_sentences(head, request))


def test_fields_are_found_whatever_their_case() -> None:
    head = answered(200, ("Via", "a"), ("X-One", "1"), ("via", "b"))
    assert head.get(b"via") == b"a"
    assert head.all(b"via") == [b"a", b"b"]
    assert head.text(b"via") == "a, b"
    assert head.all(b"x-one") == [b"1"]
    assert head.elements(b"nothing") == []
    assert not head.request
    assert not Head("HTTP/0.9", "", "", "", "", NO_STATUS, "", ()).request


def test_numbers_are_digits_alone() -> None:
    assert [number_of(text) for text in (b"0", b"12", b"", b"-1", b"+1", b"1 ", b"\xb2", b"9" * 19)] == [
        0, 12, -1, -1, -1, -1, -1, -1
    ]


def test_methods_keep_their_promises() -> None:
    for name, promises in (("GET", (True, True)), ("PUT", (False, True)), ("POST", (False, False))):
        method = method_of(name)
        assert method is not None
        assert (method.safe, method.idempotent) == promises
    assert method_of("get") is None
    assert "INVENT" in " ".join(request_sentences(asked("INVENT")))


def test_every_status_has_a_sentence() -> None:
    for code in (100, 200, 206, 302, 404, 429, 503):
        known = status_of(code)
        assert known is not None
        assert known.says.endswith(".")
    assert status_name(404) == "404 Not Found"
    assert status_name(299, "Odd") == "299 Odd"
    assert [class_of(code) for code in (299, 600, 0)] == ["success", "unknown", "unknown"]
    assert "a client takes it for a success" in said(answered(299))


@pytest.mark.parametrize(("head", "request_head", "words"), [
    (answered(301, ("Location", "/new")), None, "on to /new"),
    (answered(304), asked(If_None_Match='"a"'), "no body is sent"),
    (answered(206, ("Content-Range", "bytes 0-9/100")), None, "bytes 0-9/100"),
    (answered(401, ("WWW-Authenticate", 'Basic realm="files"')), None, 'Basic for "files"'),
    (answered(503, ("Retry-After", "120")), None, "in 2 min 0 s"),
    (answered(405, ("Allow", "GET, HEAD")), None, "GET, HEAD"),
    (answered(200, ("Strict-Transport-Security", "max-age=86400; includeSubDomains")), None, "every name below it"),
    (answered(200, ("Access-Control-Allow-Origin", "*")), None, "any origin"),
    (answered(200), asked("OPTIONS", Origin="http://a", Access_Control_Request_Method="PUT"), "will not send"),
    (answered(101, ("Upgrade", "websocket")), None, "It is websocket."),
])
def test_what_a_status_means_here(head: Head, request_head: Head | None, words: str) -> None:
    assert words in said(head, request_head)


def test_a_plain_response_says_nothing_more() -> None:
    assert said(answered(200, ("Content-Type", "text/html"))) == "200 OK. The request succeeded."


@pytest.mark.parametrize(("fields", "words"), [
    ({"If_None_Match": '"x"'}, "unless it is still"), ({"Range": "bytes=0-9"}, "bytes=0-9"),
    ({"Expect": "100-continue"}, "100 Continue"), ({"Upgrade": "websocket"}, "websocket"),
    ({"Cookie": "a=1; b=2"}, "2 cookies: a, b"), ({"Authorization": "Bearer x"}, "whoever holds it"),
    ({"Last_Event_ID": "9"}, "after 9"), ({"Cache_Control": "no-cache"}, "No cache on the way"),
])
def test_what_a_request_asks_for(fields: dict[str, str], words: str) -> None:
    assert words in " ".join(request_sentences(asked(**fields)))
    assert words not in " ".join(request_sentences(asked()))


def test_a_preflight_is_named() -> None:
    head = asked("OPTIONS", Origin="http://a.test", Access_Control_Request_Method="PUT")
    assert is_preflight(head)
    assert "CORS preflight" in request_sentences(head)[0]
    assert not is_preflight(asked("OPTIONS"))


DATE = formatdate(1_700_000_000, usegmt=True)
LATER = formatdate(1_700_000_600, usegmt=True)


@pytest.mark.parametrize(("fields", "expected"), [
    ([], (True, True, -1)), ([("Cache-Control", "no-store, max-age=9")], (False, False, 0)),
    ([("Cache-Control", "private, max-age=60")], (True, False, 60)), ([("Cache-Control", "no-cache")], (True, True, 0)),
    ([("Expires", LATER), ("Date", DATE)], (True, True, 600)), ([("Expires", "0")], (True, True, 0)),
    ([("Cache-Control", "max-age=5"), ("Expires", LATER), ("Date", DATE)], (True, True, 5)),
    ([("Pragma", "no-cache")], (True, True, 0)), ([("Cache-Control", 'max-age="7"')], (True, True, 7)),
])
def test_freshness(fields: list[tuple[str, str]], expected: tuple[bool, bool, int]) -> None:
    fresh = freshness(answered(200, *fields))
    assert (fresh.stored, fresh.shared, fresh.seconds) == expected


def test_caching_in_words() -> None:
    text = " ".join(caching_sentences(answered(
        200, ("Cache-Control", "max-age=60"), ("Age", "30"), ("Vary", "Accept"), ("ETag", '"x"')
    )))
    for words in ("60.0 s", "30.0 s", "same Accept", "ETag"):
        assert words in text
    assert condition_of(asked(If_Modified_Since=DATE)).startswith("only if it changed since")


@pytest.mark.parametrize("seconds", [0, 86_399, 951_782_400, 951_868_800, 1_700_000_000, 4_102_444_799])
def test_dates_are_read_as_the_standard_library_writes_them(seconds: int) -> None:
    assert date_of(formatdate(seconds, usegmt=True)) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "Foo, 99 Bar 2000 1:2:3 GMT", "Sun, 06 Nov 1994 25:00:00 GMT"])
def test_what_is_no_date(text: str) -> None:
    assert date_of(text) == -1


def test_cookies_by_name_and_attribute() -> None:
    head = answered(200, ("Set-Cookie", "sid=secret; HttpOnly; Secure; SameSite=Lax; Path=/"), ("Set-Cookie", "b=2"))
    first, second = cookies_set(head)
    assert first.text() == "sid (HttpOnly, Secure, SameSite=Lax)"
    assert second.text() == "b"
    assert first.faults(True) == []
    assert "without TLS" in first.faults(False)[0]
    assert cookies_sent(asked(Cookie="a=1; b=2;; c")) == ["a", "b", "c"]


@pytest.mark.parametrize(("value", "fault"), [
    ("a=1; SameSite=None", "SameSite=None"), ("__Secure-a=1", "__Secure-"), ("__Host-a=1; Secure", "Path=/"),
])
def test_cookies_that_browsers_refuse(value: str, fault: str) -> None:
    cookie, = cookies_set(answered(200, ("Set-Cookie", value)))
    assert fault in cookie.faults(True)[0]


def test_authentication_without_credentials() -> None:
    head = asked(Authorization="Basic dXNlcjpwYXNz")
    assert scheme_sent(head) == "Basic"
    assert "dXNl" not in credentials_sentence(head)
    assert challenges(answered(401, ("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM"))) == [
        "Negotiate", "NTLM"
    ]


@pytest.mark.parametrize(("name", "value", "shown"), [
    ("Authorization", "Basic dXNlcjpwYXNz", "Basic [redacted]"), ("Cookie", "a=1; b=2", "a=[redacted]; b=[redacted]"),
    ("Set-Cookie", "sid=1; Path=/; HttpOnly", "sid=[redacted]; Path=/; HttpOnly"), ("X-Auth-Token", "t", "[redacted]"),
    ("Location", "http://a/?code=1&token=abc", "http://a/?code=[redacted]&token=[redacted]"),
    ("Location", "http://a/#access_token=abc", "http://a/#access_token=[redacted]"),
    ("Server", "nginx token=1", "nginx token=1"), ("X-Request-Id", "77", "77"),
    ("Referer", "http://user:pw@a/b", "http://[redacted]@a/b"),
])
def test_redaction(name: str, value: str, shown: str) -> None:
    head = answered(200, (name, value))
    assert shown_head(head, False).pairs[0][1].decode() == shown
    assert shown_head(head, True) is head
    if shown == value:
        assert shown_head(head, False) is head


def test_targets_lose_their_secrets() -> None:
    assert shown_target("/a?x=1&password=abc#top") == "/a?x=1&password=[redacted]#top"
    assert shown_target("/plain?x=1") == "/plain?x=1"


def test_a_head_in_the_form_of_http2() -> None:
    fields = as_fields(asked("GET", "/x", Host="shop.test", X_Y="1"), 3, 4, 0, 5)
    assert fields.pairs == (
        (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.test"), (b":path", b"/x"),
        (b"host", b"shop.test"), (b"x-y", b"1"),
    )
    assert as_fields(answered(204), 3, 4, 1, 5).get(b":status") == b"204"


def test_data_is_bounded() -> None:
    for octets, kept in (20, 200), (5_000, MAX_HEAD_TEXT // (MAX_FIELD_TEXT + 1)):
        data = head_json(Head("HTTP/1.1", "GET", "", "", "/", 0, "", ((b"a", b"b" * octets),) * 300))
        fields = data["fields"]
        assert isinstance(fields, list)
        assert len(fields) == kept
        assert data["fields_left_out"] == 300 - kept


def test_times_that_were_not_seen_are_not_invented() -> None:
    times = Times(-1, -1, 50, 60)
    assert (times.blocked_ns(), times.sent_ns(), times.waited_ns(), times.received_ns(), times.total_ns()) == (
        0, -1, -1, 10, -1
    )
    early = Times(10, 100, 50, 60)      # the answer began before the request was out
    assert (early.waited_ns(), early.sent_ns()) == (0, 90)
    held = Times(10, 20, 90, 95, 80)
    assert (held.blocked_ns(), held.waited_ns()) == (60, 10)
