"""Requests, responses, trailers, pushes: what becomes an exchange, and what is told of it."""
from __future__ import annotations

from struct import pack

import pytest

pytest.importorskip("hpack", reason="makes the header blocks")

from hpack import NeverIndexedHeaderTuple
from http2_wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    HEADERS,
    MS,
    OK,
    PADDED,
    PREFACE,
    PRIORITIZED,
    PUSH_PROMISE,
    RST_STREAM,
    Connection,
    Fields,
    frame,
    settings,
)

from dissectors.kit.event import Malformed
from dissectors.protocols.http2.events import H2Exchange, Request
from dissectors.protocols.http2.events_summary import H2ConnectionSummary as Summary


def exchange_of(connection: Connection) -> H2Exchange:
    event = connection.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    return event


def test_a_download() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, b"x" * 1000))
    talk.send(1, frame(DATA, END_STREAM, 1, b"y" * 200))
    event = exchange_of(talk)
    headline = event.headline()
    assert headline is not None
    assert (headline.label, headline.text) == ("HTTP/2", "GET /big.bin → 200, 1200 bytes")
    assert (headline.start_ns, headline.end_ns) == (4 * MS, 6 * MS)
    assert event.evidence.frames == (4, 5, 6)
    assert (event.times.waited_ns(), event.times.received_ns()) == (MS, MS)
    assert event.stream == event.exchange == 1
    data = event.fields()
    assert data["response_data_frames"] == 2
    assert data["state"] == "closed"
    assert [one.label() for one in talk.events if one.importance == "core"] == ["GET /big.bin", "200 OK"]


def test_trailers_and_interim_responses() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, [*GET[:3], (b":path", b"/up"), (b"expect", b"100-continue")]))
    talk.send(1, talk.headers(1, 1, [(b":status", b"100")]))
    talk.send(0, frame(DATA, END_STREAM, 1, b"body"))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, b"fine"), talk.headers(1, 1, [(b"x-sum", b"7")], True))
    event = exchange_of(talk)
    assert [one.status for one in event.informational] == [100]
    assert event.response_trailers == ((b"x-sum", b"7"),)
    assert event.sent.octets == 4
    assert talk.one("http2.trailers").what() == "1 trailer field on stream 1: x-sum."
    assert not talk.named("http2.violation")


def test_header_blocks_in_parts_with_padding_and_priority() -> None:
    talk = Connection()
    talk.open()
    block = talk.block(0, GET)
    first = bytes([3]) + pack(">IB", 0x8000_0000, 15) + block[:2] + bytes(3)
    talk.send(0, frame(HEADERS, END_STREAM | PADDED | PRIORITIZED, 1, first))
    talk.send(0, frame(CONTINUATION, 0, 1, block[2:5]))
    talk.send(0, frame(CONTINUATION, END_HEADERS, 1, block[5:]))
    request = talk.one("http2.request")
    assert isinstance(request, Request)
    assert request.head.target == "/big.bin"
    assert request.evidence.frames == (4, 5, 6)
    assert talk.one("http2.priority").what() == (
        "Stream 1 depends on no other, with weight 16 of 256, in front of everything else that does."
    )


def test_a_push() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    pushed: Fields = [*GET[:3], (b":path", b"/style.css")]
    talk.send(1, frame(PUSH_PROMISE, END_HEADERS, 1, pack(">I", 2) + talk.block(1, pushed)))
    talk.send(1, talk.headers(1, 1, OK, True))
    talk.send(1, talk.headers(1, 2, OK), frame(DATA, END_STREAM, 2, b"body{}"))
    assert talk.one("http2.push_promise").what() == (
        "Along with stream 1 the server promises the response to GET /style.css on stream 2."
    )
    events = [event for event in talk.events if isinstance(event, H2Exchange)]
    assert [event.summary() for event in events] == ["GET /big.bin → 200", "GET /style.css → 200, 6 bytes"]
    assert "The server pushed it without being asked." in events[1].what()


def test_a_push_that_the_client_forbade() -> None:
    talk = Connection()
    talk.open((2, 0))
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, frame(PUSH_PROMISE, END_HEADERS, 1, pack(">I", 2) + talk.block(1, GET)))
    assert "the client allows no push" in talk.one("http2.violation").what()


def test_padding_is_counted_and_no_content() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, PADDED | END_STREAM, 1, bytes([10]) + b"abc" + bytes(10)))
    event = exchange_of(talk)
    assert event.received.octets == 3
    assert event.facts.padding == 10


def test_credentials_are_redacted() -> None:
    secret = [
        *GET, (b"authorization", b"Bearer abcdef"), (b"cookie", b"sid=12345"),
        NeverIndexedHeaderTuple(b"x-custom", b"hidden"),
    ]
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, secret, True))
    request = talk.one("http2.request")
    said = str(request.fields())
    assert "abcdef" not in said
    assert "12345" not in said
    assert "hidden" not in said
    assert "['cookie', 'sid=[redacted]']" in said
    assert "['x-custom', '[redacted]']" in said
    shown = Connection(show_secrets=True)
    shown.open()
    shown.send(0, shown.headers(0, 1, secret, True))
    said = str(shown.one("http2.request").fields())
    assert "abcdef" in said
    assert "hidden" in said


def test_content_length_must_fit() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, [*OK, (b"content-length", b"5")]), frame(DATA, END_STREAM, 1, b"four"))
    assert talk.one("http2.violation").what() == (
        "The server breaks a rule: 4 octets on stream 1 where content-length says 5."
    )


def test_rules_of_a_header_section_are_noted() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, [*GET, (b"Connection", b"close"), (b"te", b"gzip"), (b":path", b"/again")], True))
    what = talk.one("http2.request").what()
    assert "The field name Connection is not in lower case" in what
    assert "The field te has no place in HTTP/2" in what
    assert ":path comes after a regular field" in what


def test_a_capture_that_ends_first() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True), talk.headers(0, 3, GET, True))
    talk.send(1, talk.headers(1, 3, OK), frame(DATA, 0, 3, b"abc"))
    talk.close()
    texts = [event.what() for event in talk.named("http2.exchange")]
    assert [text.endswith("The capture ends before the exchange does.") for text in texts] == [True, True]
    assert talk.close() == []


def test_a_connection_that_ends_first() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True), talk.headers(0, 3, GET, True))
    talk.send(1, talk.headers(1, 3, OK), frame(DATA, 0, 3, b"abc"))
    talk.close("rst")
    ends = [event.fields()["ended"] for event in talk.named("http2.exchange")]
    assert ends == ["unanswered", "cut"]


def test_the_sum() -> None:
    talk = Connection()
    talk.open(server=((3, 100),))
    for stream in (1, 3, 5):
        talk.send(0, talk.headers(0, stream, GET, True))
    for stream in (1, 3, 5):
        talk.send(1, talk.headers(1, stream, OK, True))
    talk.send(0, talk.headers(0, 7, GET, True))
    talk.close()
    event = talk.one("http2.connection")
    assert isinstance(event, Summary)
    assert event.concurrency() == "4 streams, 3 at once of 100 allowed"
    assert event.client.text_octets - event.client.header_octets > 100
    assert event.phase_facts()[1].endswith("less)")
    assert event.settings_ack_ns == (MS, MS)


def test_an_answer_to_what_was_given_up() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(0, frame(RST_STREAM, 0, 1, pack(">I", 8)))
    event = exchange_of(talk)
    assert event.ended == "unanswered"
    assert "reset with CANCEL" in event.what()
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, END_STREAM, 1, b"late"))
    assert "comes to nothing" in talk.one("http2.response").what()
    assert not talk.named("http2.violation")
    assert len(talk.named("http2.exchange")) == 1


def test_a_bad_header_block_is_malformed_and_the_connection_goes_on() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"))
    malformed = [event for event in talk.events if isinstance(event, Malformed)]
    assert [event.reason for event in malformed] == ["header block of stream 1: index 0"]
    talk.send(0, talk.headers(0, 3, GET, True))
    assert len(talk.named("http2.request")) == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 23, 1000])
def test_pieces_do_not_matter(size: int) -> None:
    whole, pieces = Connection(), Connection()
    octets = b"".join((PREFACE, settings((3, 5)), whole.headers(0, 1, GET, True), frame(99, 3, 0, b"later")))
    whole.send(0, octets)
    for at in range(0, len(octets), size):
        pieces.send(0, octets[at:at + size], after=0)
    assert [event.what() for event in pieces.events] == [event.what() for event in whole.events]
