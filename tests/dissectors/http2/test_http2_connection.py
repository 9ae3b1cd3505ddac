"""Settings, pings, windows, resets, priorities, ends: what is told of the connection itself."""
from __future__ import annotations

from struct import pack

import pytest

pytest.importorskip("hpack", reason="makes the header blocks")

from http2_wire import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    MS,
    OK,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Connection,
    frame,
    settings,
    window_update,
)

from dissectors.kit.event import LimitReached, Malformed
from dissectors.protocols.http2.connection import MAX_STREAMS, MAX_TOLD
from dissectors.protocols.http2.events_control import GoAway, PingAck, SettingsAck
from dissectors.protocols.http2.events_state import Blocked
from dissectors.protocols.http2.events_summary import H2ConnectionSummary as Summary
from dissectors.protocols.http2.flow import MAX_POINTS, Series
from dissectors.protocols.http2.meaning import error_text


def malformed(talk: Connection) -> list[str]:
    return [event.reason for event in talk.events if isinstance(event, Malformed)]


def test_settings_by_name_and_effect_and_how_soon_they_hold() -> None:
    talk = Connection()
    talk.send(0, PREFACE, settings((3, 100), (4, 1_000_000), (0x9999, 7)))
    talk.send(1, settings(ack=True), after=5 * MS)
    event = talk.one("http2.settings")
    assert event.detail() == "MAX_CONCURRENT_STREAMS 100, INITIAL_WINDOW_SIZE 1\u202f000\u202f000, setting 0x9999 7"
    assert "Each stream may bring 1.00 MB before it needs a WINDOW_UPDATE." in event.what()
    assert event.fields()["settings"] == {
        "MAX_CONCURRENT_STREAMS": 100, "INITIAL_WINDOW_SIZE": 1_000_000, "setting 0x9999": 7,
    }
    ack = talk.one("http2.settings_ack")
    assert isinstance(ack, SettingsAck)
    assert (ack.ack_ns, ack.evidence.frames) == (5 * MS, (1, 2))


@pytest.mark.parametrize(("pair", "said"), [
    ((2, 7), "ENABLE_PUSH 7, which can only be 0 or 1"),
    ((4, 1 << 31), "beyond 2^31-1"),
    ((5, 100), "MAX_FRAME_SIZE 100, not within 2^14 and 2^24-1"),
])
def test_settings_that_may_not_be(pair: tuple[int, int], said: str) -> None:
    talk = Connection()
    talk.send(0, PREFACE, settings(pair))
    assert said in talk.one("http2.violation").what()


def test_pings() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, frame(PING, 0, 0, b"12345678"))
    talk.send(1, frame(PING, ACK, 0, b"12345678"), after=24 * MS)
    talk.send(1, frame(PING, ACK, 0, b"whatever"))
    first, second = talk.named("http2.ping_ack")
    assert isinstance(first, PingAck)
    assert isinstance(second, PingAck)
    assert (first.rtt_ns, first.what()) == (24 * MS, "The echo of the PING came after 24.0 ms.")
    assert second.rtt_ns == -1


def test_who_waited_for_a_window_and_how_long() -> None:
    talk = Connection()
    talk.open((4, 1000))
    talk.send(0, window_update(0, 1_000_000), talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(1000)))
    talk.send(0, window_update(1, 500), after=30 * MS)
    talk.send(1, frame(DATA, 0, 1, bytes(500)))
    talk.send(0, window_update(1, 500), after=10 * MS)
    talk.send(1, frame(DATA, END_STREAM, 1, bytes(10)))
    blocked = talk.one("http2.blocked")
    assert isinstance(blocked, Blocked)
    assert (blocked.stream, blocked.times, blocked.total_ns, blocked.longest_ns) == (1, 2, 40 * MS, 30 * MS)
    assert blocked.evidence.frames == (5, 6)
    assert blocked.what() == (
        "The server had used up the window of stream 1 and waited for a WINDOW_UPDATE: 2 times, 40.0 ms in all, "
        "30.0 ms at most."
    )
    assert "waited 40.0 ms in all for a WINDOW_UPDATE" in talk.one("http2.exchange").what()


def test_the_connection_has_a_window_too() -> None:
    talk = Connection()
    talk.open((4, 1_000_000))
    talk.send(0, talk.headers(0, 1, GET, True), talk.headers(0, 3, GET, True))
    talk.send(1, talk.headers(1, 1, OK), *[frame(DATA, 0, 1, bytes(16_384))] * 3, frame(DATA, 0, 1, bytes(16_383)))
    talk.send(0, window_update(0, 1_000), after=12 * MS)
    talk.send(1, talk.headers(1, 3, OK), frame(DATA, END_STREAM, 3, b"1"), frame(DATA, END_STREAM, 1, b"2"))
    talk.close()
    blocked = talk.one("http2.blocked")
    assert isinstance(blocked, Blocked)
    assert (blocked.stream, blocked.total_ns) == (0, 12 * MS)
    summary = talk.one("http2.connection")
    assert isinstance(summary, Summary)
    assert summary.server.lowest_window == 0
    assert [value for _time, value in zip(summary.server.window.times, summary.server.window.values, strict=True)] == [
        49_151, 32_767, 16_383, 0, 1000, 999, 998,
    ]


def test_who_had_nothing_more_to_send_waited_for_nothing() -> None:
    talk = Connection()
    talk.open((4, 100))
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(100)))
    talk.send(0, window_update(1, 100))
    talk.send(1, frame(DATA, END_STREAM, 1))
    assert not talk.named("http2.blocked")


def test_a_smaller_initial_window_holds_from_the_acknowledgment_on() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True), settings((4, 10)))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(100)))
    assert not talk.named("http2.violation")
    talk.send(1, settings(ack=True), frame(DATA, 0, 1, b"x"))
    assert "1 octets beyond the window" in talk.one("http2.violation").what()


def test_data_beyond_the_window() -> None:
    talk = Connection()
    talk.open((4, 10))
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, bytes(11)))
    assert talk.one("http2.violation").what() == (
        "The server breaks a rule: DATA on stream 1 goes 1 octets beyond the window."
    )


def test_a_goaway_and_what_was_running() -> None:
    talk = Connection()
    talk.open()
    for stream in (1, 3, 5):
        talk.send(0, talk.headers(0, stream, GET, True))
    talk.send(1, talk.headers(1, 1, OK, True))
    talk.send(1, frame(GOAWAY, 0, 0, pack(">II", 3, 11) + b"too_many_pings"))
    event = talk.one("http2.goaway")
    assert isinstance(event, GoAway)
    assert (event.running, event.refused) == ([3], [5])
    assert event.what() == (
        "The server ends the connection with ENHANCE_YOUR_CALM: the peer causes too much load. It says: "
        "too_many_pings. The last stream that it has looked at is 3. Still running: 3. Not looked at, and safe to "
        "send again: 5."
    )


def test_a_reset_and_its_likely_reason() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, 0, 1, b"abc"))
    talk.send(0, frame(RST_STREAM, 0, 1, pack(">I", 8)))
    assert talk.one("http2.reset").what() == (
        "The client resets stream 1 (GET /big.bin) with CANCEL: the stream is no longer needed. The stream was "
        "half-closed by the client. The client gave up while it received."
    )


def test_a_reset_of_what_is_over_changes_nothing() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(1, talk.headers(1, 1, OK, True))
    talk.send(0, frame(RST_STREAM, 0, 1, pack(">I", 5)))
    assert talk.one("http2.reset").what() == (
        "The client resets stream 1 with STREAM_CLOSED: the sender takes the stream for closed already. Both sides had "
        "ended it before, so it changes nothing."
    )


def test_a_client_refuses_what_is_pushed() -> None:
    assert error_text(7, by_client=True) == "what the server wants to push is not wanted"
    assert "safe to send it again" in error_text(7)


def test_content_in_the_answer_to_a_head() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, [(b":method", b"HEAD"), *GET[1:]], True))
    talk.send(1, talk.headers(1, 1, OK), frame(DATA, END_STREAM, 1, b"abc"))
    assert "3 octets of DATA answer the HEAD of stream 1" in talk.one("http2.violation").what()


def test_extensions() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, frame(16, 0, 0, pack(">I", 3) + b"u=1, i"))
    talk.send(1, frame(10, 0, 0, pack(">H", 12) + b"http://a.test" [:12] + b'h3=":443"'))
    talk.send(1, frame(12, 0, 0, pack(">H", 14) + b"https://b.test" + pack(">H", 14) + b"https://c.test"))
    talk.send(1, frame(0xbb, 1, 5, b"grease"))
    assert talk.one("http2.priority_update").what() == (
        "Stream 3 gets urgency 1 (0 is first, 7 last) and is of use in parts."
    )
    assert talk.one("http2.altsvc").fields()["value"] == 'h3=":443"'
    assert talk.one("http2.origin").fields()["origins"] == ["https://b.test", "https://c.test"]
    assert talk.one("http2.unknown_frame").fields() == {
        "type": 0xbb, "flags": 1, "stream": 5, "length": 6, "payload": b"grease".hex(),
    }


@pytest.mark.parametrize(("octets", "reason"), [
    (frame(RST_STREAM, 0, 1, b"abc"), "a RST_STREAM frame of 3 octets where it has 4"),
    (frame(PING, 0, 0, b""), "a PING frame of 0 octets where it has 8"),
    (frame(PRIORITY, 0, 1, b"12"), "a PRIORITY frame of 2 octets where it has 5"),
    (frame(WINDOW_UPDATE, 0, 1, b"12"), "a WINDOW_UPDATE frame of 2 octets where it has 4"),
    (frame(SETTINGS, 0, 0, b"12"), "a SETTINGS frame of 2 octets, which is no multiple of 6"),
    (frame(GOAWAY, 0, 0, b"12"), "a GOAWAY frame of 2 octets where it has 8 at least"),
    (frame(HEADERS, END_HEADERS | 8, 1, b"\x05abc"), "a HEADERS frame with more padding than it has octets"),
    (frame(10, 0, 1, b"\x00\xffa"), "an ALTSVC frame that ends within its origin"),
    (frame(12, 0, 0, b"\x00\xffa"), "an ORIGIN frame that ends within an origin"),
])
def test_frames_of_a_wrong_length(octets: bytes, reason: str) -> None:
    talk = Connection()
    talk.open()
    talk.send(0, octets)
    assert malformed(talk) == [reason]
    talk.send(0, frame(PING, 0, 0, b"12345678"))
    assert talk.one("http2.ping")


@pytest.mark.parametrize(("octets", "code"), [
    (frame(DATA, 0, 7, b"abc"), "data_on_idle"),
    (frame(DATA, 0, 0, b"abc"), "data_on_connection"),
    (frame(RST_STREAM, 0, 7, bytes(4)), "reset_of_idle"),
    (frame(WINDOW_UPDATE, 0, 7, pack(">I", 5)), "window_of_idle"),
    (frame(WINDOW_UPDATE, 0, 0, pack(">I", 0)), "no_increment"),
    (frame(WINDOW_UPDATE, 0, 0, pack(">I", 0x7FFF_FFFF)), "window_overflow"),
    (frame(CONTINUATION, 0, 7, b"abc"), "stray_continuation"),
    (frame(SETTINGS, 0, 7), "settings_on_stream"),
    (frame(0, 0, 0, bytes(16_385)), "frame_size"),
])
def test_frames_that_may_not_be(octets: bytes, code: str) -> None:
    talk = Connection()
    talk.open()
    talk.send(0, octets)
    assert code in [event.fields()["code"] for event in talk.named("http2.violation")]


def test_too_many_streams_at_once() -> None:
    talk = Connection()
    talk.open(server=((3, 1),))
    talk.send(0, talk.headers(0, 1, GET, True))
    talk.send(0, talk.headers(0, 3, GET, True))
    assert talk.one("http2.violation").what() == (
        "The client breaks a rule: 2 streams are open at once where 1 are allowed."
    )


def test_a_flood_of_resets_is_counted() -> None:
    talk = Connection()
    talk.open()
    for number in range(5_000):
        stream = 2 * number + 1
        talk.send(0, talk.headers(0, stream, GET, True), frame(RST_STREAM, 0, stream, pack(">I", 8)))
    talk.close()
    assert len(talk.named("http2.reset")) == MAX_TOLD
    assert len(talk.events) < 1000
    summary = talk.one("http2.connection")
    assert isinstance(summary, Summary)
    assert (summary.streams, summary.resets) == (5_000, 5_000)
    assert summary.untold["RST_STREAM"] == 5_000 - MAX_TOLD
    assert summary.untold["request of a flood"] > 4_000


@pytest.mark.parametrize("octets", [
    settings((3, 1)), frame(PING, 0, 0, b"12345678"), window_update(0, 1), frame(PRIORITY, 0, 1, bytes(5)),
    frame(DATA, 0, 1), frame(0xbb, 0, 0, b"x"), frame(DATA, 0, 99, b"x"),
])
def test_floods_of_one_frame_are_counted(octets: bytes) -> None:
    talk = Connection()
    talk.open()
    talk.send(0, talk.headers(0, 1, GET))
    for _ in range(40):
        talk.send(0, octets * 100)
    talk.close()
    assert len(talk.events) < 250
    summary = talk.one("http2.connection")
    assert isinstance(summary, Summary)
    assert max(summary.client.counts.values()) >= 4_000


def test_a_header_block_without_end() -> None:
    talk = Connection()
    talk.open()
    talk.send(0, frame(HEADERS, 0, 1, b"\x82"))
    for _ in range(400):
        talk.send(0, frame(CONTINUATION, 0, 1, bytes(1_000)))
    caps = [event.cap for event in talk.events if isinstance(event, LimitReached)]
    assert caps == ["MAX_BLOCK"]
    block = talk.dissector.conn.sides[0].block
    assert block is not None
    assert block.parts == []
    talk.close()
    summary = talk.one("http2.connection")
    assert isinstance(summary, Summary)
    assert summary.client.longest_block == 400


def test_ten_thousand_streams_in_bounded_memory() -> None:
    talk = Connection()
    talk.open()
    talk.dissector.conn.each_pdu = True
    for number in range(10_000):
        talk.send(0, talk.headers(0, 2 * number + 1, GET))
    caps = [event.cap for event in talk.events if isinstance(event, LimitReached)]
    assert caps == ["MAX_STREAMS"]
    assert len(talk.dissector.conn.streams) == MAX_STREAMS
    talk.send(1, talk.headers(1, 19_999, OK, True))      # of one that is not followed
    talk.send(1, talk.headers(1, 1, OK, True))
    talk.send(0, talk.headers(0, 20_001, GET))           # ... and this is followed again
    talk.close()
    assert not [event for event in talk.events if event.name == "http2.violation"]


def test_a_series_keeps_its_lows() -> None:
    series = Series()
    for time in range(1_000):
        series.add(time, 0 if time == 777 else 50)
    assert len(series.times) < MAX_POINTS
    assert 0 in series.values
