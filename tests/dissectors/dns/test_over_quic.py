"""DNS over QUIC: the stream tells questions apart whose IDs are all 0, and what is under way is bounded."""
from __future__ import annotations

from pathlib import Path

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event, LimitReached
from dissectors.kit.inputs import Chunk, Close
from dissectors.kit.protocol import Context
from dissectors.protocols.dns.events import DnsResponse, Query
from dissectors.protocols.dns.over_quic import MAX_STREAMS, DnsOverQuic
from dissectors.protocols.dns.protocol import DNS

CAPTURE = Path(__file__).parents[3] / "samples" / "quic" / "dns" / "capture.pcapng"
QUESTION = b"\0\0\1\0\0\1\0\0\0\0\0\0\3www\4shop\4test\0\0\1\0\1"


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def test_a_recording_of_three_lookups_at_once() -> None:
    events = [
        event for one in analyze([str(CAPTURE)], Options()).told for phase in one.phases for event in phase.events
    ]
    asked = [event for event in events if isinstance(event, Query)]
    answered = [event for event in events if isinstance(event, DnsResponse)]
    assert [len(asked), len(answered)] == [3, 3]
    assert {event.message.rcode for event in answered} == {0, 3}


def test_streams_are_bounded_and_let_go() -> None:
    assert DNS.create is not None
    observer = DNS.create(Context("udp", 50_000, 853, beneath=("quic",)))
    assert isinstance(observer, DnsOverQuic)
    out = []
    for number in range(MAX_STREAMS + 3):
        out += observer.on_data(Chunk(number + 1, number, 0, framed(QUESTION), 0, stream=4 * number))
    assert [one.cap for one in out if isinstance(one, LimitReached)] == ["MAX_STREAMS"]
    answer = QUESTION[:2] + b"\x81\x83" + QUESTION[4:]
    for number in range(MAX_STREAMS):
        out += observer.on_data(Chunk(5_000, 5_000, 1, framed(answer), 0, stream=4 * number))
        for direction in (0, 1):
            out += observer.on_close(Close(5_000, 5_000, direction, "fin", 4 * number))
    assert not observer.streams
    assert not observer.ended
    names = [one.name for one in out if isinstance(one, Event)]
    assert names.count("dns.response") == MAX_STREAMS
