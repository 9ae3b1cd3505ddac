"""What the capture does not hold: its beginning, octets in the middle, frames behind a loss."""
from __future__ import annotations

from struct import pack

import pytest

pytest.importorskip("hpack", reason="makes the header blocks")

from http2_wire import (
    DATA,
    END_STREAM,
    GET,
    GOAWAY,
    MS,
    OK,
    PING,
    PREFACE,
    RST_STREAM,
    Connection,
    frame,
    settings,
    window_update,
)

from dissectors.kit.inputs import Chunk
from dissectors.kit.observation import ALWAYS, HIDDEN
from dissectors.kit.protocol import MORE, NO, YES, Context
from dissectors.protocols.http2.connection import Conn
from dissectors.protocols.http2.events import H2Exchange, Request
from dissectors.protocols.http2.events_state import HeadOfLine, OutOfStep
from dissectors.protocols.http2.header import probe


def test_the_table_heals() -> None:
    talk = Connection(midstream=True)
    talk.block(0, [*GET, (b"user-agent", b"early")])     # adds entries that nobody saw
    talk.send(0, talk.headers(0, 3, [*GET, (b"user-agent", b"early"), (b"x-new", b"one")], True))
    first = talk.one("http2.request")
    assert isinstance(first, Request)
    assert "refer to entries of the compression table" in first.what()
    assert (b"x-new", b"one") in first.head.pairs
    assert (b"(unknown)", b"(unknown)") in first.head.pairs
    assert first.head.method == "GET"
    talk.send(0, talk.headers(0, 5, [(b":method", b"GET"), (b"x-new", b"one"), (b"x-more", b"two")], True))
    second = talk.named("http2.request")[1]
    assert isinstance(second, Request)
    assert second.head.pairs == ((b"x-new", b"one"), (b"x-more", b"two"))


def test_a_response_to_a_request_that_was_not_seen() -> None:
    talk = Connection(midstream=True)
    talk.send(0, frame(PING, 0, 0, bytes(8)) * 2)
    talk.send(1, talk.headers(1, 5, OK), frame(DATA, END_STREAM, 5, b"abc"))
    event = talk.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    assert event.summary() == "(request not seen) → 200, 3 bytes"
    assert not talk.named("http2.violation")


def test_the_client_may_be_the_other_side() -> None:
    talk = Connection(midstream=True)
    talk.send(0, talk.headers(0, 7, OK), frame(DATA, END_STREAM, 7, b"abc"))
    talk.send(1, talk.headers(1, 9, GET, True))
    talk.send(0, talk.headers(0, 9, OK, True))
    assert [event.direction for event in talk.named("http2.request")] == [1]
    whole = talk.named("http2.exchange")[-1]
    assert isinstance(whole, H2Exchange)
    assert whole.summary() == "GET /big.bin → 200"


def test_a_stream_that_begins_within_a_frame() -> None:
    talk = Connection(midstream=True)
    tail = bytes(range(1, 200))
    talk.send(1, tail, frame(PING, 0, 0, b"12345678"), frame(PING, 0, 0, b"22345678"))
    found = talk.one("http2.out_of_step")
    assert isinstance(found, OutOfStep)
    assert found.passed == len(tail)
    assert len(talk.named("http2.ping")) == 2


def test_octets_of_data_are_missing() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    data = frame(DATA, END_STREAM, 1, bytes(1000))
    talk.send(1, talk.headers(1, 1, OK), data[:209])
    talk.skip(1, 300)
    talk.send(1, data[509:])
    event = talk.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    assert event.received.octets == 1000
    assert not event.received.whole
    assert "300 bytes of the response are not in the capture." in event.what()


def test_a_gap_that_ends_with_the_frame() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    data = frame(DATA, END_STREAM, 1, bytes(1000))
    talk.send(1, talk.headers(1, 1, OK), data[:209])
    talk.skip(1, 800)
    assert talk.one("http2.exchange").evidence.frames == (4, 5, 6)


def test_frames_are_found_again_behind_a_gap() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True), talk.headers(0, 3, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(100)))
    talk.block(1, [(b":status", b"200"), (b"x-lost", b"entry")])
    talk.skip(1, 5_000)
    talk.send(1, bytes([7]) * 50, frame(DATA, 0, 1, bytes(100)),
              talk.headers(1, 3, [(b":status", b"200"), (b"x-lost", b"entry"), (b"x-kept", b"1")], True))
    found = talk.one("http2.out_of_step")
    assert isinstance(found, OutOfStep)
    assert (found.passed, found.lost) == (50, 5_000)
    event = talk.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    assert event.response is not None
    assert event.response.pairs == ((b"(unknown)", b"(unknown)"), (b"x-kept", b"1"))
    talk.send(1, frame(DATA, END_STREAM, 1, b"end"))
    assert "may have been larger" in talk.named("http2.exchange")[1].what()
    assert not talk.named("http2.violation")


def test_what_is_no_frame_is_passed_over() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, b"\xff" * 60, frame(PING, 0, 0, bytes(8)), frame(PING, 0, 0, bytes(8)))
    broken, found = talk.named("http2.out_of_step")
    assert (broken.label(), found.label()) == ("not a frame", "frames found")
    assert len(talk.named("http2.ping")) == 2


def test_head_of_line() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, *[talk.headers(0, stream, GET, True) for stream in (1, 3, 5)])
    parts = [
        talk.headers(1, 1, OK) + frame(DATA, END_STREAM, 1, b"a"), talk.headers(1, 3, OK, True),
        talk.headers(1, 5, OK, True),
    ]
    at = talk.position[1]
    base = talk.now
    # The first segment was lost and comes last, in frame 9; the others wait since frames 7 and 8.
    talk._take(talk.dissector.on_data(Chunk(9, base + 30 * MS, 1, parts[0], at)))
    talk._take(talk.dissector.on_data(Chunk(7, base + 5 * MS, 1, parts[1], at + len(parts[0]), 9)))
    talk._take(talk.dissector.on_data(Chunk(8, base + 6 * MS, 1, parts[2], at + len(parts[0] + parts[1]), 9)))
    talk.close()
    event = talk.one("http2.head_of_line")
    assert isinstance(event, HeadOfLine)
    assert (event.streams, event.longest_ns, event.evidence.frames) == ([3, 5], 25 * MS, (9,))
    assert "Octets of streams 3 (25.0 ms) and 5 (24.0 ms) had arrived" in event.what()
    assert "waited up to 25.0 ms behind a missing TCP segment" in talk.named("http2.exchange")[1].what()


def test_the_probe() -> None:
    assert probe(PREFACE, 0) == YES
    assert [probe(PREFACE[:length], 0) for length in (1, 10, 23)] == [MORE] * 3
    assert probe(b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", 0) == NO
    assert probe(b"GET / HTTP/1.1\r\n\r\n", 0) == NO
    assert probe(settings((3, 100)), 1) == YES
    assert probe(settings((3, 100)), 0) == MORE
    assert probe(settings((77, 100)), 1) == MORE
    assert probe(settings(), 1) == MORE
    assert probe(settings((3, 100)) + settings(ack=True), 1) == YES
    assert probe(settings((3, 100)) + window_update(0, 5) + b"\x00", 1) != NO
    assert probe(bytes(64), 0) == NO
    assert probe(pack(">I", 4) + bytes(20), 0) == NO


def test_a_status_that_is_not_known() -> None:
    """The field stands in an entry that nobody saw: it is still the response, and not its trailers."""
    talk = Connection(midstream=True)
    talk.block(1, [(b":status", b"302")])
    talk.send(0, talk.headers(0, 5, GET, True))
    talk.send(1, talk.headers(1, 5, [(b":status", b"302"), (b"location", b"/there")]))
    talk.send(1, frame(DATA, 0, 5, b"x"), talk.headers(1, 5, [(b"x-sum", b"1")], True))
    event = talk.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    assert event.summary() == "GET /big.bin → HTTP/2, 1 byte"
    assert event.response is not None
    assert (b"location", b"/there") in event.response.pairs
    assert event.response_trailers == ((b"x-sum", b"1"),)
    assert not talk.named("http2.violation")


def test_who_is_who_is_told_by_what_only_one_side_sends() -> None:
    """The server is heard first, and says that it has looked at the client's stream 3."""
    talk = Connection(midstream=True)
    talk.send(0, frame(PING, 0, 0, bytes(8)), frame(GOAWAY, 0, 0, pack(">II", 3, 11) + b"too_many_pings"))
    said = talk.one("http2.goaway").what()
    assert said.startswith("The server ends the connection with ENHANCE_YOUR_CALM")
    assert "Nothing was running" not in said
    by_port = Conn(Context("tcp", 50_051, 40_000, True))
    assert (by_port.client, by_port.certain) == (1, False)


def test_a_server_without_its_client_breaks_no_rule() -> None:
    """Only one direction was captured, or can be decrypted."""
    talk = Connection()
    talk.send(1, settings(), talk.headers(1, 1, OK), frame(DATA, END_STREAM, 1, b"abc"), window_update(3, 9))
    talk.send(1, frame(RST_STREAM, 0, 5, pack(">I", 8)))
    talk.close("fin")
    assert not talk.named("http2.violation")
    assert talk.one("http2.exchange").fields()["ended"] == "complete"


def test_a_request_that_is_stored_behind_its_answer() -> None:
    talk = Connection()
    talk.open()
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, END_STREAM, 1, b"abc"))
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.close("fin")
    event = talk.one("http2.exchange")
    assert isinstance(event, H2Exchange)
    assert event.summary() == "GET /big.bin → 200, 3 bytes"
    assert not talk.named("http2.violation")


def test_an_answer_to_nobody_is_told_once_the_connection_is_over() -> None:
    talk = Connection()
    talk.open()
    talk.send(1, talk.headers(1, 1, OK, True))
    assert not talk.named("http2.violation")
    talk.close("fin")
    assert "a response on stream 1, which nobody opened" in talk.one("http2.violation").what()


def test_an_end_that_may_be_hidden_is_no_end() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.context.observed.miss(HIDDEN, 1, -1, ALWAYS, 1, "the keys of the server are not there")
    talk.close("fin")
    assert talk.one("http2.exchange").fields()["ended"] == "hidden"


def test_names_that_are_not_known_are_out_of_no_order() -> None:
    talk = Connection(midstream=True)
    talk.block(0, [(b"x-early", b"1")])
    talk.send(0, talk.headers(0, 5, [(b"x-early", b"1"), *GET], True))
    assert "malformed" not in talk.one("http2.request").what()
    assert not talk.named("http2.violation")
