"""Spans: the bars of every chart, taken from events alone."""
from __future__ import annotations

import pytest
from report_example import example
from sample_feeds import SAMPLES

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.spans import (
    BLOCKED,
    CLOSE,
    CONNECT,
    OPEN,
    RECEIVE,
    SEND,
    WAIT,
    parts_of,
    spans_of,
    story_parts,
    streams_of,
)
from dissectors.kit.event import JsonValue


def sample(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"waited_ns": 30, "received_ns": 70, "sent_ns": 0, "blocked_ns": 0}, [(WAIT, 0, 30), (RECEIVE, 30, 100)]),
        ({"sent_ns": 10, "blocked_ns": 20, "waited_ns": 30, "received_ns": 40},
         [(SEND, 0, 10), (BLOCKED, 10, 30), (WAIT, 30, 60), (RECEIVE, 60, 100)]),
        ({"sent_ns": 10, "waited_ns": 30}, [(SEND, 0, 10), (WAIT, 10, 40), (RECEIVE, 40, 100)]),
        ({"sent_ns": 10, "blocked_ns": 0}, [(SEND, 0, 10), (WAIT, 10, 100)]),
        ({"sent_ns": 0, "waited_ns": 500}, [(WAIT, 0, 100)]),
        ({"sent_ns": 5}, []),
    ],
)
def test_parts_follow_one_another_within_the_bar(
    fields: dict[str, JsonValue], expected: list[tuple[str, int, int]]
) -> None:
    found = [(part.kind, part.start_ns, part.end_ns) for part in parts_of(fields, 0, 100)]
    assert found == expected


def test_every_stream_of_http2_is_a_bar() -> None:
    told = sample("http2/multiplexed").told[0]
    spans = streams_of(told)
    assert [span.stream for span in spans] == [13, 15, 17, 19, 21]
    for span in spans:
        assert [part.kind for part in span.parts] == [WAIT, RECEIVE]
        assert (span.parts[0].start_ns, span.parts[-1].end_ns) == (span.start_ns, span.end_ns)
        assert told.phases[span.phase].events[span.place].stream == span.stream


def test_what_a_stream_carries_is_named_beside_it() -> None:
    span, = streams_of(sample("grpc/server-streaming").told[0])
    assert span.text.startswith("POST /shop.v1.Catalogue/Watch → 200")
    assert "gRPC Catalogue/Watch → OK" in span.text


def test_exchanges_of_http1_are_bars_too() -> None:
    told = sample("http1/pipelining").told[0]
    spans = streams_of(told)
    assert len(spans) > 1
    assert any(part.kind == BLOCKED for span in spans for part in span.parts)


def test_the_row_of_a_connection_lasts_to_its_close() -> None:
    analysis = sample("http2/multiplexed")
    parts = story_parts(analysis)
    assert [[part.kind for part in row] for row in parts[:2]] == [[CONNECT, OPEN, CLOSE], [WAIT, RECEIVE]]
    assert parts[0][-1].end_ns == analysis.told[0].phases[-1].end_ns


def test_a_conversation_without_headlines_has_no_bars() -> None:
    assert [spans_of(told) for told in example().told] == [[], [], []]
    assert len(story_parts(example())) == len(example().story)
