from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tcp_wire import MS, Wire

from dissectors.kit.event import BASE, CORE, EXTRA, Event
from dissectors.protocols.tcp.narrator import TcpNarrator
from dissectors.protocols.tcp.protocol import TCP
from dissectors.protocols.tcp.segment import Segment
from dissectors.protocols.tcp.terms import TERMS


def test_ordinary_data_and_acks_make_no_event() -> None:
    wire = Wire().open()
    before = len(wire.events)
    for index in range(1000):
        wire.server(1 + 1000 * index, 1, 1000).client(1, 1001 + 1000 * index)
    assert len(wire.events) == before
    told = wire.end().one("tcp.transfer")
    assert told.fields()["octets"] == 1_000_000
    assert told.fields()["segments"] == 1000


def test_numbers_wrap() -> None:
    wire = Wire().open()                    # the server's numbers wrap after some 300 bytes
    wire.server(1, 1, 1000).client(1, 1001).server(1001, 1, 1000).client(1, 2001).end()
    assert wire.one("tcp.transfer").fields()["octets"] == 2000
    assert wire.names()[-1] == "tcp.not_ended"
    assert len(wire.names()) == 5


def test_turns_tell_how_long_an_answer_took() -> None:
    wire = Wire().open().client(1, 1, 100, at=30).server(1, 101, 1000, at=75).client(101, 1001, 100, at=80).end()
    turns = [event.fields() for event in wire.events if event.name == "tcp.transfer"]
    assert [turn["turn"] for turn in turns] == [1, 2, 3]
    assert turns[1]["after_peer_ns"] == 45 * MS


def test_a_pause_begins_a_new_run() -> None:
    wire = Wire().open().server(1, 1, 100, at=30).server(101, 1, 100, at=3030).end()
    runs = [event.fields() for event in wire.events if event.name == "tcp.transfer"]
    assert len(runs) == 2
    assert runs[1]["pause_ns"] == 3000 * MS


def test_many_turns_are_told_as_a_sum() -> None:
    wire = Wire().open()
    for index in range(100):
        wire.client(1 + 10 * index, 1 + 20 * index, 10).server(1 + 20 * index, 11 + 10 * index, 20)
    wire.end()
    assert wire.names().count("tcp.transfer") == 24
    assert wire.one("tcp.turns").fields()["octets"] == [880, 1760]
    assert wire.one("tcp.turns").fields()["turns"] == 176


def test_one_direction_alone_is_told() -> None:
    wire = Wire().client(0, 0, flags=2, at=0)
    for index in range(10):
        wire.client(1 + 100 * index, 1 + 1000 * index, 100)
    wire.end()
    assert wire.one("tcp.transfer").fields()["octets"] == 1000
    assert "tcp.capture_loss" not in wire.names()


def test_segments_that_were_left_out_are_no_loss() -> None:
    wire = Wire().open().server(1, 1, 1000, at=30).client(1, 1001, at=31)
    wire.events += wire.narrator.on_skip()
    wire.server(900_001, 1, 1000, at=90).client(1, 901_001, at=91).server(901_001, 1, 1000, at=92).end()
    assert not [name for name in wire.names() if "loss" in name or "reorder" in name]
    assert [event.fields()["octets"] for event in wire.events if event.name == "tcp.transfer"] == [1000, 2000]


def test_every_event_is_complete() -> None:
    names = [event.name for event in TCP.events]
    assert len(set(names)) == len(names)
    for kind in TCP.events:
        assert kind.name.startswith("tcp.")
        assert kind.phase in ("handshake", "transfer", "teardown")
        assert kind.importance in (CORE, BASE, EXTRA)
        assert kind.spec.startswith("RFC ")
        assert " §" in kind.spec
        assert kind.WHY.endswith((".", "?"))


def test_every_term_is_complete_and_refers_to_others() -> None:
    known = {term.term for term in TERMS}
    assert len(known) == len(TERMS)
    for term in TERMS:
        assert 40 < len(term.text) < 600
        assert term.text.endswith(".")
        assert set(term.see) <= known - {term.term}


def check(events: list[Event]) -> None:
    kinds = set(TCP.events)
    for event in events:
        assert event.name == "limit_reached" or type(event) in kinds
        assert event.what().rstrip().endswith(".")
        assert "  " not in event.what()
        assert list(event.evidence.frames) == sorted(set(event.evidence.frames))
        assert event.evidence.frames
        assert event.detail() == event.detail().strip()
        json.dumps(event.fields())


SEGMENTS = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 511), st.integers(0, 6000), st.integers(0, 6000), st.integers(0, 3000),
        st.sampled_from([0, 1, 500, 65535]), st.integers(0, 32767),
        st.sampled_from([0, 1000, 1_000_000, 300_000_000, 5_000_000_000]), st.binary(max_size=40),
        st.integers(0, 3),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(SEGMENTS, st.sampled_from(["closed", "idle", "capture", "reused"]))
def test_any_segments_are_told_without_fault(
    drawn: list[tuple[int, int, int, int, int, int, int, int, bytes, int]], how: str
) -> None:
    narrator = TcpNarrator()
    events: list[Event] = []
    time = 0
    for number, (side, flags, seq, ack, length, window, bits, step, options, ecn) in enumerate(drawn, 1):
        time += step
        segment = Segment(number, time, side, flags, seq, ack, window, length)
        segment.analysis = bits
        segment.options = options
        segment.ip_ecn = ecn
        segment.rto_ns = step
        segment.scale_known = bool(ecn)
        events += narrator.on_segment(segment)
    events += narrator.on_end(how, time)
    check(events)
    assert narrator.on_end(how, time) == []
