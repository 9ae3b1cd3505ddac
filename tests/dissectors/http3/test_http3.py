"""HTTP/3: frames in pieces, fields that wait for the table, holes, and what ends an exchange."""
from __future__ import annotations

from event_checks import check_events

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context
from dissectors.protocols.http3.dissector import Http3Dissector
from dissectors.protocols.http3.events import H3Exchange
from dissectors.protocols.http3.protocol import HTTP3
from dissectors.protocols.http3.stream import MAX_WAITING

MS = 1_000_000
GET = b"\0\0\xd1\xd7\x50\x01x\xc1"       # :method GET, :scheme https, :authority x, :path /
OK = b"\0\0\xd9"                         # :status 200
SETTINGS = b"\x04\x05\x01\x40\xdc\x07\x10"


def frame(kind: int, payload: bytes) -> bytes:
    return bytes((kind,)) + (0x4000 | len(payload)).to_bytes(2, "big") + payload


class Talk:
    """Feeds a dissector; the number of each input is its frame and its time."""

    def __init__(self) -> None:
        self.observer = Http3Dissector(Context("udp", 50_000, 443, beneath=("quic",)))
        self.events: list[Event] = []
        self.positions: dict[tuple[int, int], int] = {}
        self.frame = 0

    def send(self, direction: int, stream: int, data: bytes) -> None:
        self.frame += 1
        position = self.positions.get((direction, stream), 0)
        self.positions[direction, stream] = position + len(data)
        self.said(self.observer.on_data(
            Chunk(self.frame, self.frame * MS, direction, data, position, self.frame, -1, stream)
        ))

    def end(self, direction: int, stream: int, how: str = "fin") -> None:
        self.said(self.observer.on_close(Close(self.frame, self.frame * MS, direction, how, stream)))

    def said(self, outputs: list[object]) -> None:
        self.events += [one for one in outputs if isinstance(one, Event)]
        check_events(self.events, self.frame, HTTP3.events, "made")

    def exchanges(self) -> list[H3Exchange]:
        return [event for event in self.events if isinstance(event, H3Exchange)]


def test_an_exchange_in_pieces_of_any_size() -> None:
    for size in (1, 2, 7, 1_000):
        talk = Talk()
        talk.send(0, 2, b"\0" + SETTINGS)
        talk.send(1, 3, b"\0" + SETTINGS)
        asked, answered = frame(1, GET), frame(1, OK) + frame(0x21, b"grease") + frame(0, b"x" * 100) + frame(0, b"yz")
        for direction, octets in ((0, asked), (1, answered)):
            for at in range(0, len(octets), size):
                talk.send(direction, 0, octets[at:at + size])
            talk.end(direction, 0)
        exchange, = talk.exchanges()
        assert exchange.summary() == "GET / → 200, 102 bytes"
        assert (exchange.ended, exchange.exchange, exchange.facts.stream_id) == ("complete", 1, 0)
        assert [event.name for event in talk.events].count("http3.settings") == 2


def test_fields_wait_for_the_table() -> None:
    talk = Talk()
    talk.send(1, 3, b"\0" + SETTINGS)
    talk.send(0, 0, frame(1, b"\x02\x80\xd1\xd7\x10"))
    talk.end(0, 0)
    assert not [event for event in talk.events if event.name == "http3.request"]
    talk.send(0, 6, b"\x02" + b"\x3f\xbd\x01" + b"\xc1\x05/late")
    assert [event.name for event in talk.events if event.name == "http3.request"]
    talk.send(1, 0, frame(1, OK))
    talk.end(1, 0)
    exchange, = talk.exchanges()
    assert exchange.summary() == "GET /late → 200"
    assert exchange.facts.blocked_ns == MS


def test_a_hole_within_data_is_counted_and_one_elsewhere_is_the_end() -> None:
    talk = Talk()
    talk.send(0, 0, frame(1, GET))
    talk.end(0, 0)
    talk.send(1, 0, frame(1, OK) + frame(0, b"x" * 100)[:53])
    talk.said(talk.observer.on_gap(Gap(9, 9 * MS, 1, 59, 20, 0)))
    talk.send(1, 0, b"x" * 30)
    talk.end(1, 0)
    talk.send(0, 4, frame(1, GET))
    talk.said(talk.observer.on_gap(Gap(9, 9 * MS, 1, 0, 20, 4)))
    talk.end(2, 0, "capture")
    first, second = talk.exchanges()
    assert first.facts.missing == (0, 20)
    assert first.received.octets == 100
    assert (second.ended, second.response) == ("capture", None)


def test_what_ends_an_exchange() -> None:
    for how, ended in (("rst", "unanswered"), ("capture", "capture")):
        talk = Talk()
        talk.send(0, 0, frame(1, GET))
        talk.end(0, 0)
        talk.end(2, 0, how)
        assert [exchange.ended for exchange in talk.exchanges()] == [ended]
    talk = Talk()
    talk.send(0, 0, frame(1, GET))
    talk.send(1, 0, frame(1, OK) + b"\0\x40\x64part")
    talk.end(1, 0, "rst")
    exchange, = talk.exchanges()
    assert (exchange.ended, exchange.facts.reset) == ("cut", True)


def test_streams_without_end_are_bounded() -> None:
    talk = Talk()
    for number in range(2_100):
        talk.frame += 1
        talk.observer.on_data(Chunk(talk.frame, talk.frame, 0, frame(1, GET), 0, talk.frame, -1, 4 * number))
    assert len(talk.observer.messages.streams) == 2_000
    talk.send(1, 0, frame(1, OK))
    talk.end(1, 0)
    talk.end(0, 0)
    assert [one.summary() for one in talk.exchanges()] == ["GET / → 200"]
    talk.send(1, 8_396, frame(1, OK))       # of one that is not followed, though there is room now
    talk.end(1, 8_396)
    assert len(talk.exchanges()) == 1
    waiting = Talk()
    waiting.send(1, 3, b"\0" + SETTINGS)
    octets = frame(1, b"\x02\x80" + b"\x21x\x7f\xb1\x6c" + b"v" * 14_000)
    for number in range(100):
        waiting.observer.on_data(Chunk(2, 2, 0, octets, number * len(octets), 2, -1, 0))
    waiting.frame = 2
    waiting.end(2, 0, "capture")
    assert waiting.observer.messages.waiting <= MAX_WAITING


def test_priorities_and_pushes_are_told_and_their_damage_too() -> None:
    talk = Talk()
    update = b"\x80\x0f\x07\x00" + bytes((6,)) + b"\x04u=1,i"
    talk.send(0, 2, b"\0" + SETTINGS + update + frame(3, b"\x05") + b"\x80\x0f\x07\x00\x01\x40")
    talk.send(1, 3, b"\0" + SETTINGS)
    talk.send(0, 0, frame(1, GET))
    talk.send(1, 0, frame(5, b"\x07" + GET) + frame(5, b"\x40") + frame(1, OK))
    told = {event.name: event.what() for event in talk.events}
    assert told["http3.priority_update"] == "Stream 4 gets urgency 1 (0 is first, 7 last) and is of use in parts."
    assert told["http3.cancel_push"] == "Push 5 is called off."
    assert told["http3.push_promise"] == "The server announces push 7 on stream 0: its answer to GET /."
    assert [event.name for event in talk.events].count("malformed") == 2
