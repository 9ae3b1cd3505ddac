"""Calls of the four patterns, their deadlines, statuses and ends; messages in any pieces; gRPC-Web."""
from __future__ import annotations

import zlib
from base64 import b64encode
from random import Random

import pytest
from event_checks import check_events
from grpc_wire import CLIENT, MS, SECOND, SERVER, Exchange, descriptors, message, number, octets

from dissectors.kit.event import Malformed
from dissectors.protocols.grpc.codes import from_http, status_name, timeout_ns, unescaped
from dissectors.protocols.grpc.dissector import MAX_SHOWN
from dissectors.protocols.grpc.ended import NO_STATUS, OPEN, RESET, UNKNOWN_STATUS, GrpcEnded
from dissectors.protocols.grpc.events import Began, GrpcIncomplete, GrpcMessage, GrpcMessageRun
from dissectors.protocols.grpc.framing import Base64Reader
from dissectors.protocols.grpc.protocol import GRPC

ITEM = octets(1, b"pen") + number(2, 3)


def gzip(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=31)
    return engine.compress(data) + engine.flush()


def test_a_unary_call() -> None:
    call = Exchange(grpc_timeout=b"5S", authorization=b"Bearer abcdefghijk", x_id=b"7")
    call.send(CLIENT, message(ITEM))
    call.answer(message(ITEM))
    began = call.of(Began)[0]
    assert (began.call.service, began.call.method) == ("shop.v1.Shop", "Get")
    assert "allows 5.00 s" in began.what()
    assert began.call.metadata == [("authorization", "Bearer [redacted]"), ("x-id", "7")]
    assert [event.content.short() for event in call.of(GrpcMessage)] == ['1: "pen", 2: 3'] * 2
    ended = call.of(GrpcEnded)
    assert len(ended) == 1
    outcome = ended[0].outcome
    assert (outcome.status, outcome.pattern, outcome.counts) == (0, "unary", (1, 1))
    assert (outcome.sent_ns, outcome.headers_ns, outcome.first_ns) == (2 * MS, 3 * MS, 4 * MS)
    assert "% of the 5.00 s" in ended[0].what()
    assert not ended[0].failed()


@pytest.mark.parametrize(("sent", "received", "early", "pattern"), [
    (1, 1, False, "unary"), (1, 3, False, "server streaming"), (3, 1, False, "client streaming"),
    (3, 3, False, "bidirectional streaming"), (2, 1, True, "bidirectional streaming"),
])
def test_the_pattern_is_told_from_what_was_sent(sent: int, received: int, early: bool, pattern: str) -> None:
    call = Exchange()
    for _ in range(sent):
        call.send(CLIENT, message(ITEM))
    if early:
        call.send(SERVER, message(ITEM))
        received -= 1
    call.answer(*[message(ITEM)] * received)
    assert call.of(GrpcEnded)[0].outcome.pattern == pattern
    assert "it looks" in call.of(GrpcEnded)[0].what()


def test_the_schema_knows_names_and_pattern() -> None:
    call = Exchange(b"/shop.v1.Shop/Watch", schema=descriptors())
    call.send(CLIENT, message(ITEM + octets(3, b"hush")))
    call.answer(message(ITEM), message(b"\xff\xff"))
    first, second, third = call.of(GrpcMessage)
    assert first.fields()["message"] == {"name": "pen", "count": 3, "api_token": "[redacted]"}
    assert first.content.type == "shop.v1.Item"
    assert second.content.short() == 'shop.v1.Item {"name": "pen", "count": 3}'
    assert third.fields()["schema_problem"] == "it is no shop.v1.Item"
    assert call.of(GrpcEnded)[0].outcome.pattern == "server streaming"
    assert call.of(GrpcEnded)[0].outcome.declared


@pytest.mark.parametrize(("path", "schema"), [
    (b"/shop.v1.Shop/Other", descriptors()), (b"/a.B/C", descriptors()), (b"/a.B/C", b"\xff\xff\xff"),
])
def test_what_the_schema_does_not_know_is_said(path: bytes, schema: bytes) -> None:
    call = Exchange(path, schema=schema)
    call.send(CLIENT, message(ITEM))
    shown = call.of(GrpcMessage)[0]
    assert "descriptor set" in str(shown.fields()["schema_problem"])
    assert shown.content.short() == '1: "pen", 2: 3'


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_pieces_do_not_matter(size: int) -> None:
    call = Exchange()
    sent = message(b"") + message(ITEM) + message(ITEM * 20)
    for at in range(0, len(sent), size):
        call.send(CLIENT, sent[at:at + size])
    assert [event.wire for event in call.of(GrpcMessage)] == [0, len(ITEM), len(ITEM) * 20]
    assert all(event.content.complete for event in call.of(GrpcMessage))


def test_compressed_messages() -> None:
    call = Exchange(grpc_encoding=b"gzip")
    call.send(CLIENT, message(gzip(ITEM), flag=1))
    call.send(CLIENT, message(gzip(bytes(1 << 24)), flag=1))
    call.send(CLIENT, message(b"not gzip", flag=1))
    first, second, third = call.of(GrpcMessage)
    assert first.content.short() == '1: "pen", 2: 3'
    assert not second.content.complete
    assert third.content.short() == "compressed with gzip"
    unknown = Exchange(grpc_encoding=b"snappy")
    unknown.send(CLIENT, message(b"abc", flag=1))
    assert unknown.of(GrpcMessage)[0].content.packed == "snappy"


def test_later_messages_of_a_stream_are_counted() -> None:
    call = Exchange()
    call.send(CLIENT, message(ITEM))
    call.answer(*[message(ITEM)] * 50)
    assert len(call.of(GrpcMessage)) == MAX_SHOWN + 1
    assert call.of(GrpcMessageRun)[0].counts == (0, 50 - MAX_SHOWN)
    every = Exchange(each_pdu=True)
    every.answer(*[message(ITEM)] * 50)
    assert [event.frame_record() for event in every.of(GrpcMessage)] == [{"length": 7, "compressed": False}] * 50


def test_a_status_alone() -> None:
    call = Exchange()
    call.send(CLIENT, message(ITEM))
    call.close(CLIENT)
    call.fields(SERVER, "response", **{
        ":status": b"200", "content-type": b"application/grpc", "grpc-status": b"5", "grpc-message": b"no %C3%A9 here",
        "grpc-retry-pushback-ms": b"250",
    })
    call.close(SERVER)
    ended = call.of(GrpcEnded)[0]
    assert (ended.result(), ended.outcome.trailers_only, ended.outcome.message) == ("NOT_FOUND", True, "no é here")
    assert "wait 250 ms" in ended.what()
    assert ended.failed()


def test_a_call_that_is_given_up() -> None:
    late = Exchange(grpc_timeout=b"100m")
    late.send(CLIENT, message(ITEM))
    late.close(how="rst", after=100 * MS)
    assert late.of(GrpcEnded)[0].result() == "given up at the deadline"
    assert late.of(GrpcEnded)[0].deadline_passed()
    early = Exchange(grpc_timeout=b"10S")
    early.close(how="rst")
    assert (early.of(GrpcEnded)[0].outcome.how, early.of(GrpcEnded)[0].deadline_passed()) == (RESET, False)
    still = Exchange()
    still.close(how="capture")
    assert still.of(GrpcEnded)[0].outcome.how == OPEN


def test_a_response_without_a_status() -> None:
    call = Exchange()
    call.close(CLIENT)
    call.fields(SERVER, "response", **{":status": b"503"})
    call.close(SERVER)
    assert (call.of(GrpcEnded)[0].outcome.how, call.of(GrpcEnded)[0].outcome.implied) == (NO_STATUS, 14)
    assert "UNAVAILABLE of HTTP 503" in call.of(GrpcEnded)[0].what()


def test_another_attempt_says_so() -> None:
    assert "attempt 3: 2 earlier ones failed" in Exchange(grpc_previous_rpc_attempts=b"2").of(Began)[0].what()


@pytest.mark.parametrize("text", [False, True])
def test_grpc_web_has_its_trailers_in_the_body(text: bool) -> None:
    kind = b"application/grpc-web-text+proto" if text else b"application/grpc-web+proto"
    call = Exchange(kind=kind)
    parts = [message(ITEM), message(b"grpc-status:3\r\ngrpc-message:bad\r\n", flag=0x80)]
    call.send(CLIENT, b64encode(parts[0]) if text else parts[0])
    call.close(CLIENT)
    call.fields(SERVER, "response", **{":status": b"200", "content-type": kind})
    for part in parts:
        data = b64encode(part) if text else part
        call.send(SERVER, data[:3])
        call.send(SERVER, data[3:])
    call.close(SERVER)
    ended = call.of(GrpcEnded)[0]
    assert (ended.result(), ended.outcome.message, ended.outcome.counts) == ("INVALID_ARGUMENT", "bad", (1, 1))


def test_base64_in_padded_pieces() -> None:
    pieces = [b"a", b"bc", b"def", b"ghij"]
    sent = b"".join(b64encode(piece) for piece in pieces)
    for size in (1, 3, 4, 50):
        reader = Base64Reader()
        assert b"".join(reader.feed(sent[at:at + size]) for at in range(0, len(sent), size)) == b"abcdefghij"
    assert reader.feed(b"!!!!") == b""
    assert reader.broken


def test_json_messages_are_shown_as_json() -> None:
    call = Exchange(kind=b"application/grpc+json")
    call.send(CLIENT, message(b'{"password": "hush", "n": 1}'))
    assert call.of(GrpcMessage)[0].fields()["json"] == {"password": "[redacted]", "n": 1}


def test_a_gap_within_a_message_and_one_over_a_header() -> None:
    call = Exchange()
    sent = message(ITEM * 30)
    call.send(CLIENT, sent[:20])
    call.lose(CLIENT, 100)
    call.send(CLIENT, sent[120:] + message(ITEM))
    assert [(event.wire, event.content.complete) for event in call.of(GrpcMessage)] == [(210, False), (7, True)]
    call.lose(CLIENT, 3)
    call.send(CLIENT, message(ITEM))
    assert len(call.of(GrpcMessage)) == 2
    assert [event.octets for event in call.of(GrpcIncomplete)] == [100, 3]


def test_a_side_that_ends_within_a_message() -> None:
    call = Exchange()
    call.send(CLIENT, message(ITEM)[:8])
    call.close(CLIENT)
    assert call.of(GrpcIncomplete)[0].reason == "its side ended within a message"
    broken = Exchange()
    broken.send(CLIENT, b"\x42\x00\x00\x00\x01a")
    assert "0x42" in broken.of(Malformed)[0].what()


def test_codes_and_deadlines() -> None:
    assert [timeout_ns(value) for value in (b"1H", b"20S", b"5m", b"7u", b"9n")] == [
        3600 * SECOND, 20 * SECOND, 5 * MS, 7_000, 9,
    ]
    assert [timeout_ns(value) for value in (b"", b"S", b"5", b"123456789S", b"-1S", b"5x")] == [-1] * 6
    assert (status_name(16), status_name(99)) == ("UNAUTHENTICATED", "status 99")
    assert (from_http(404), from_http(418)) == (12, 2)
    assert unescaped(b"100%, %e2%82%ac %zz%") == "100%, € %zz%"


def test_any_bytes_at_all() -> None:
    for seed in range(400):
        random = Random(seed)
        kind = random.choice((b"application/grpc", b"application/grpc-web-text", b"application/grpc+json"))
        call = Exchange(kind=kind, schema=random.choice((b"", descriptors())), each_pdu=seed % 2 == 0,
                        request=seed % 5 > 0, grpc_encoding=random.choice((b"gzip", b"")))
        for _ in range(random.randrange(20)):
            pieces = (message(ITEM), message(random.randbytes(30), 1), random.randbytes(9), b"AAAA", b"\x80\x00")
            action = random.randrange(12)
            direction = random.randrange(2)
            if action == 0:
                call.lose(direction, random.randint(1, 90))
            elif action == 1:
                call.close(random.randrange(3), random.choice(("fin", "rst", "capture", "timeout")))
            elif action == 2:
                call.fields(direction, random.choice(("response", "trailers")), grpc_status=random.randbytes(2))
            else:
                data = random.choice(pieces)
                call.send(direction, data[:random.randrange(len(data) + 1)])
        call.close(how="capture")
        check_events(call.events, call.frame, GRPC.events, f"seed {seed}")


def test_a_page_of_a_proxy_is_no_message() -> None:
    call = Exchange()
    call.fields(SERVER, "response", **{":status": b"502", "content-type": b"text/html"})
    call.send(SERVER, b"<html>Bad Gateway</html>")
    call.close(SERVER)
    call.close()
    end, = call.of(GrpcEnded)
    assert not [event for event in call.events if event.name == "malformed"]
    assert "without a status; it is text/html, and no message of gRPC" in end.what()
    assert end.outcome.implied == 14


def test_a_status_that_comes_after_the_client_gave_up() -> None:
    call = Exchange(**{"grpc-timeout": b"20m"})
    call.close(CLIENT, how="rst", after=20 * MS)
    call.fields(SERVER, "response", **{":status": b"200", "grpc-status": b"4"})
    call.close(SERVER)
    end, = call.of(GrpcEnded)
    assert "given up by the client after" in end.what()
    assert "The status of the server, DEADLINE_EXCEEDED (4), came" in end.what()
    assert end.outcome.total_ns < end.time - end.begun


def test_a_status_in_fields_that_nobody_saw() -> None:
    call = Exchange()
    call.fields(SERVER, "response", **{":status": b"200"})
    call.fields(SERVER, "trailers", **{"(unknown)": b"(unknown)"})
    call.close(SERVER)
    call.close()
    end, = call.of(GrpcEnded)
    assert end.outcome.how == UNKNOWN_STATUS
