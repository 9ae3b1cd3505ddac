"""Whatever octets come: nothing is raised, nothing grows without bound, and pieces do not matter."""
from __future__ import annotations

import json
from random import Random

import pytest

pytest.importorskip("hpack", reason="makes the header blocks")

from http2_wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    OK,
    PADDED,
    PING,
    PREFACE,
    PUSH_PROMISE,
    RST_STREAM,
    Connection,
    frame,
    settings,
    window_update,
)
from hypothesis import given
from hypothesis import strategies as st

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.wire.http.events import RequestEvent
from dissectors.wire.secrets.fields import MAX_VALUES, shown_value


def conversation() -> list[tuple[int, bytes]]:
    """A bit of everything."""
    talk = Connection()
    block = talk.block(0, [*GET, (b"cookie", b"a=b")])
    return [
        (0, PREFACE + settings((3, 100), (4, 300)) + window_update(0, 100_000)),
        (1, settings((1, 2048), (5, 20_000)) + settings(ack=True)),
        (0, settings(ack=True) + frame(HEADERS, END_STREAM, 1, block[:4])),
        (0, frame(CONTINUATION, END_HEADERS, 1, block[4:]) + talk.headers(0, 3, GET)),
        (1, talk.headers(1, 1, OK) + frame(DATA, PADDED, 1, b"\x05" + bytes(205))),
        (0, window_update(1, 500) + frame(DATA, END_STREAM, 3, b"body") + frame(PING, 0, 0, b"pingpong")),
        (1, frame(PING, 1, 0, b"pingpong")
         + frame(PUSH_PROMISE, END_HEADERS, 3, b"\x00\x00\x00\x02" + talk.block(1, GET))),
        (1, frame(DATA, END_STREAM, 1, bytes(90)) + talk.headers(1, 3, [(b":status", b"103")])
         + talk.headers(1, 2, OK)),
        (0, frame(RST_STREAM, 0, 2, b"\x00\x00\x00\x08") + frame(16, 0, 0, b"\x00\x00\x00\x03u=2")),
        (1, talk.headers(1, 3, OK) + frame(DATA, 0, 3, b"x") + talk.headers(1, 3, [(b"sum", b"1")], True)),
        (1, frame(12, 0, 0, b"\x00\x08https://") + frame(GOAWAY, 0, 0, bytes(8) + b"bye")),
    ]


PARTS = conversation()
TOTAL = sum(len(data) for _direction, data in PARTS)


def run(parts: list[tuple[int, bytes]], midstream: bool = False, each_pdu: bool = False) -> list[Event]:
    talk = Connection(midstream, each_pdu)
    for direction, data in parts:
        talk.send(direction, data, after=0)
    talk.close()
    for event in talk.events:
        assert event.what()
        assert isinstance(event.detail(), str)
        event.fields()
        event.headline()
        event.phase_facts()
        assert list(event.evidence.frames) == sorted(set(event.evidence.frames))
        assert event.evidence.frames[0] > 0
    return talk.events


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.name, event.what()) for event in events]


def test_the_whole() -> None:
    names = {name for name, _what in told(run(PARTS))}
    assert {"http2.exchange", "http2.trailers", "http2.push_promise", "http2.reset", "http2.goaway"} <= names
    assert "malformed" not in names


@pytest.mark.parametrize("size", [1, 2, 5, 13, 100])
def test_the_same_in_pieces(size: int) -> None:
    whole = told(run(PARTS))
    pieces = [(direction, data[at:at + size]) for direction, data in PARTS for at in range(0, len(data), size)]
    assert told(run(pieces)) == whole


def test_cut_anywhere() -> None:
    for end in range(TOTAL):
        left = end
        parts = []
        for direction, data in PARTS:
            parts.append((direction, data[:left]))
            left = max(left - len(data), 0)
        run([part for part in parts if part[1]], each_pdu=end % 2 == 0)


def test_a_gap_anywhere() -> None:
    random = Random(5)
    for _ in range(400):
        talk = Connection(each_pdu=random.random() < 0.3)
        number = random.randrange(len(PARTS))
        for index, (direction, data) in enumerate(PARTS):
            end = 0
            if index == number:
                start = random.randrange(len(data))
                end = random.randint(start + 1, len(data))
                if start:
                    talk.send(direction, data[:start])
                talk.skip(direction, end - start + random.choice((0, 0, 1_000)))
            if data[end:]:
                talk.send(direction, data[end:])
        talk.close()
        assert talk.events


@pytest.mark.parametrize("seed", range(300))
def test_damage(seed: int) -> None:
    random = Random(seed)
    parts = []
    for direction, data in PARTS:
        octets = bytearray(data)
        for _ in range(random.choice((0, 0, 1, 1, 4))):
            octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
        parts.append((direction, bytes(octets)))
    if random.random() < 0.3:
        random.shuffle(parts)
    run(parts, midstream=random.random() < 0.3, each_pdu=random.random() < 0.3)


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=80)), max_size=8), st.booleans())
def test_any_octets(parts: list[tuple[int, bytes]], midstream: bool) -> None:
    run([part for part in parts if part[1]], midstream)


@given(st.lists(st.tuples(
    st.integers(0, 1), st.integers(0, 17), st.integers(0, 255), st.sampled_from([0, 1, 2, 3, 4, 5, 0x7FFF_FFFF]),
    st.binary(max_size=24),
), max_size=20))
def test_any_frames(frames: list[tuple[int, int, int, int, bytes]]) -> None:
    run([(0, PREFACE)] + [(direction, frame(kind, flags, stream, payload))
                          for direction, kind, flags, stream, payload in frames])


def test_closes_in_any_place_and_octets_behind_them() -> None:
    for index in range(len(PARTS)):
        for how in ("fin", "rst", "capture"):
            for side in (0, 1, 2):
                talk = Connection()
                for number, (direction, data) in enumerate(PARTS):
                    talk.send(direction, data)
                    if number == index:
                        talk.dissector.on_close(Close(talk.number, talk.now, side, how))
                assert all(event.what() for event in talk.events)
                assert talk.events or index == 0


def test_memory_is_bounded() -> None:
    """Streams without end, of every shape: what is held stays below its caps."""
    talk = Connection()
    talk.open()
    block = talk.block(0, GET)
    for number in range(20_000):
        stream = 2 * number + 1
        talk.dissector.on_data(Chunk(number, number, 0, frame(HEADERS, END_HEADERS | (number & 1), stream, block),
                                     talk.position[0]))
        talk.dissector.on_data(Chunk(number, number, 0, frame(RST_STREAM, 0, stream, bytes(4)), 0))
    conn = talk.dissector.conn
    assert len(conn.streams) == 0
    assert len(conn.closed) <= 512
    assert len(conn.lingering) <= 100
    talk.dissector.on_gap(Gap(1, 1, 0, 0, 5))


def test_one_octet_that_refers_to_a_large_entry_does_not_become_kilobytes() -> None:
    """RFC 7541 §6.1: an indexed field takes an octet or two, whatever it stands for."""
    talk = Connection()
    large = (b"x-large", b"v" * 3_900)
    talk.send(0, PREFACE + settings() + talk.headers(0, 1, [*GET, large], True), after=0)
    for stream in range(3, 43, 2):
        talk.send(0, frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x82\x86\x84" + b"\xbe" * 120), after=0)
        talk.send(1, talk.headers(1, stream, OK, True), after=0)
    talk.close()
    requests = [event for event in talk.events if isinstance(event, RequestEvent)][1:]
    assert len(requests) == 20
    for event in requests:
        assert sum(len(name) + len(value) for name, value in event.head.pairs) < 70_000
        assert any("more fields are not kept" in note for note in event.notes)
    for event in talk.events:
        assert len(json.dumps(event.fields())) < 20_000


def test_the_same_value_is_looked_at_once() -> None:
    """Most fields come again with every message; what is secret in them is decided once."""
    first = shown_value(b"x-key", b"token=" + b"s" * 40)
    assert b"sss" not in first
    assert shown_value(b"x-key", b"token=" + b"s" * 40) is first
    assert shown_value(b"x-plain", b"nothing here") == b"nothing here"
    for number in range(MAX_VALUES + 10):      # what is remembered does not grow without bound
        shown_value(b"x-plain", b"value %d" % number)
    assert shown_value(b"x-key", b"token=" + b"s" * 40) == first
