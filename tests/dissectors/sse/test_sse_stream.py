"""Event streams in any pieces: fields, names, ids, comments, gaps and ends."""
from __future__ import annotations

from random import Random
from typing import TypeVar

import pytest
from event_checks import check_events

from dissectors.kit.event import Event, LimitReached
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Output
from dissectors.protocols.sse.dissector import MAX_SHOWN
from dissectors.protocols.sse.events import Comment, EventRun, SseEnded, SseIncomplete, SseOpened, SseRetry, StreamEvent
from dissectors.protocols.sse.protocol import SSE

SECOND = 1_000_000_000
E = TypeVar("E", bound=Event)


class Stream:
    """Feeds a dissector; every call takes the next frame of the capture."""

    def __init__(self, last_id: bytes = b"") -> None:
        assert SSE.create is not None
        self.dissector = SSE.create(Context("tcp", 50_000, 80))
        self.number, self.time, self.position = 2, 0, 0
        self.events: list[Event] = []
        asked = ((b":method", b"GET"), (b":path", b"/feed"), (b"last-event-id", last_id))
        self.take(self.dissector.on_fields(Fields(1, 0, 0, "request", asked)))
        self.take(self.dissector.on_fields(Fields(2, 0, 1, "response", ((b":status", b"200"),))))

    def take(self, outputs: list[Output]) -> None:
        self.events += [output for output in outputs if isinstance(output, Event)]
        assert len(outputs) == sum(isinstance(output, Event) for output in outputs)

    def send(self, data: bytes, after: int = SECOND) -> None:
        self.number += 1
        self.time += after
        self.take(self.dissector.on_data(Chunk(self.number, self.time, 1, data, self.position)))
        self.position += len(data)

    def close(self, how: str = "fin") -> None:
        self.number += 1
        self.take(self.dissector.on_close(Close(self.number, self.time, 2, how)))

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


TEXT = (
    "\ufeffretry: 3000\n\n: hello\n\nevent: add\ndata: {\"n\": 1}\nid: 7\n\ndata:first\r\ndata: second\r\n\r\n"
    "data\rdata\r\rid: a\x00b\ndata: x\n\nevent: lonely\n\ndata: not finished\n"
).encode()


def seen(stream: Stream) -> list[tuple[str, str | None, bytes]]:
    return [(event.event, event.id, event.octets) for event in stream.of(StreamEvent)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_fields_are_put_together_whatever_the_pieces(size: int) -> None:
    stream = Stream()
    for at in range(0, len(TEXT), size):
        stream.send(TEXT[at:at + size])
    stream.close()
    assert seen(stream) == [
        ("add", "7", b'{"n": 1}'), ("", None, b"first\nsecond"), ("", None, b"\n"), ("", None, b"x"),
    ]
    assert [event.retry for event in stream.of(SseRetry)] == [3000]
    assert stream.of(Comment)[0].text == "hello"
    assert stream.of(StreamEvent)[0].fields()["json"] == {"n": 1}
    assert stream.of(SseIncomplete)[0].held == len("not finished")
    ended = stream.of(SseEnded)[0]
    assert (ended.names, ended.last_id, ended.retry) == ({"add": 1, "message": 3}, "7", 3000)


def test_a_client_that_comes_back_says_what_it_saw_last() -> None:
    assert "7" in Stream(b"7").of(SseOpened)[0].what()
    assert Stream(b"7").of(SseOpened)[0].label() == "resumed"


def test_later_events_are_counted_and_the_rhythm_is_told() -> None:
    stream = Stream()
    for number in range(60):
        stream.send(b"event: tick\ndata: %d\n\n" % number)
        if number % 10 == 0:
            stream.send(b":\n\n")
    stream.close("capture")
    stream.close("capture")
    assert len(stream.of(StreamEvent)) == MAX_SHOWN
    assert stream.of(EventRun)[0].names == {"tick": 60 - MAX_SHOWN}
    ended = stream.of(SseEnded)
    assert len(ended) == 1
    assert (ended[0].every_ns, ended[0].heartbeat_ns // SECOND) == (SECOND, 11)


def test_after_a_gap_the_next_event_begins_behind_a_blank_line() -> None:
    stream = Stream()
    stream.send(b"data: one\n\ndata: tw")
    stream.take(stream.dissector.on_gap(Gap(4, stream.time, 1, stream.position, 99)))
    stream.send(b"ree\ndata: of something\n\ndata: four\n\n")
    assert [octets for _name, _id, octets in seen(stream)] == [b"one", b"four"]
    assert stream.of(SseIncomplete)[0].lost == 99


def test_a_line_without_end_is_held_within_bounds() -> None:
    stream = Stream()
    for _ in range(100):
        stream.send(b"data: " + b"x" * 10_000 if _ == 0 else b"x" * 10_000)
    stream.send(b"\n\ndata: y\n\n")
    first, second = stream.of(StreamEvent)
    assert (first.size, first.complete, len(first.octets)) == (1_000_000, False, 4_096)
    assert second.octets == b"y"
    assert stream.of(LimitReached)[0].cap == "MAX_LINE"


def test_any_bytes_at_all() -> None:
    for seed in range(300):
        random = Random(seed)
        stream = Stream()
        for _ in range(random.randrange(40)):
            stream.send(b"".join(random.choices(
                (b"data:", b"\n", b"\r", b"id:", b"event:", b":", b"retry:", b"5", b"\xff\x00", b"{}", b" "), k=9
            )))
        stream.close(random.choice(("fin", "rst", "capture", "timeout")))
        check_events(stream.events, stream.number, SSE.events, f"seed {seed}")
