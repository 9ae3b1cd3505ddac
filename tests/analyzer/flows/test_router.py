"""Who gets the bytes: probes, handoffs, layers that carry streams, and what happens when a dissector fails."""
from __future__ import annotations

from collections.abc import Callable

from analyzer.flows.router import MAX_CHANGES, MAX_CHILDREN, MAX_DEPTH, MAX_FAULTS, Router
from dissectors.kit.cursor import TooShort
from dissectors.kit.event import FORWARD, NEITHER, DissectorFault, Event, Evidence, LimitReached, Malformed
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap
from dissectors.kit.protocol import ANYONE, BENEATH, NO, YES, Context, Dissector, Handoff, Output, Protocol


class Heard(Event):
    """Says what a dissector was given."""

    name = "test.heard"

    def __init__(self, by: str, what: str) -> None:
        super().__init__(0, FORWARD, Evidence((1,)))
        self.by = by
        self.said = what

    def what(self) -> str:
        return f"{self.by}: {self.said}"


class Listener(Dissector):
    """Tells every input it gets."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_data(self, chunk: Chunk) -> list[Output]:
        return [Heard(self.name, f"{chunk.data!r} at {chunk.position}")]

    def on_gap(self, gap: Gap) -> list[Output]:
        return [Heard(self.name, f"gap of {gap.length}")]

    def on_close(self, close: Close) -> list[Output]:
        return [Heard(self.name, f"{close.how} {close.direction}")]

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        return [Heard(self.name, f"datagram {datagram.data!r}")]

    def on_fields(self, fields: Fields) -> list[Output]:
        return [Heard(self.name, f"{fields.kind} {fields.get(b':path')!r}")]


class Scripted(Dissector):
    """Answers the n-th chunk with the n-th list of outputs."""

    def __init__(self, *answers: list[Output]) -> None:
        self.answers = list(answers)

    def on_data(self, chunk: Chunk) -> list[Output]:
        return self.answers.pop(0) if self.answers else []


def record(name: str, dissector: Dissector, start: bytes = b"") -> Protocol:
    """A protocol whose every conversation gets this dissector; its probe looks for `start`."""
    def probe(data: bytes, _direction: int) -> int:
        return YES if data.startswith(start) else NO

    return Protocol(name, name, "A test.", ("RFC 0",), lambda _context: dissector, ("tcp",), {}, (Heard,), (),
                    probe if start else None, reached_by=(("alpn", name),))


def router(*protocols: Protocol) -> Router:
    return Router(protocols, Context("tcp", 1, 2), 7)


def chunk(data: bytes, position: int = 0, direction: int = 0, stream: int = 0) -> Chunk:
    return Chunk(1, 0, direction, data, position, stream=stream)


def said(events: list[Event]) -> list[str]:
    return [event.what() for event in events]


def test_the_probe_that_recognises_the_bytes_decides() -> None:
    one = router(record("a", Listener("a"), b"A"), record("b", Listener("b"), b"B"))
    assert said(one.chunk(chunk(b"Bytes"))) == ["b: b'Bytes' at 0"]
    assert one.protocol == "b"
    assert not one.idle


def test_bytes_that_nobody_knows_stay_unknown() -> None:
    one = router(record("a", Listener("a"), b"A"))
    assert one.chunk(chunk(b"x")) == []
    assert not one.idle, "the other direction may still tell"
    assert one.chunk(chunk(b"y", direction=1)) == []
    assert one.idle


def test_a_handoff_gives_the_rest_of_the_chunk_and_both_directions() -> None:
    plain = Scripted([Handoff(("alpn", "inner"), 0, 3)])
    one = router(record("outer", plain, b"go "), record("inner", Listener("inner")))
    assert said(one.chunk(chunk(b"go on"))) == ["inner: b'on' at 3"]
    assert said(one.chunk(chunk(b"back", direction=1))) == ["inner: b'back' at 0"]
    assert one.protocol == "outer", "the conversation is still called by what it began with"


def test_what_led_to_a_handoff_comes_first() -> None:
    opening = (Fields(1, 0, 0, "request", ((b":path", b"/chat"),)),)
    plain = Scripted([Handoff(("alpn", "inner"), 0, 2, 0, opening)])
    one = router(record("outer", plain, b"up"), record("inner", Listener("inner")))
    assert said(one.chunk(chunk(b"up!"))) == ["inner: request b'/chat'", "inner: b'!' at 2"]


def test_a_handoff_to_whoever_recognises_the_bytes() -> None:
    tunnel = Scripted([Handoff(ANYONE, 0, 2)])
    one = router(record("outer", tunnel, b"ok"), record("a", Listener("a"), b"A"), record("b", Listener("b"), b"B"))
    assert said(one.chunk(chunk(b"okB"))) == ["b: b'B' at 2"]


def test_each_stream_beneath_has_a_reader_of_its_own() -> None:
    outputs: list[Output] = [
        Handoff(("alpn", "inner"), 0, BENEATH, 1), Handoff(("alpn", "inner"), 0, BENEATH, 3),
        chunk(b"one", stream=1), Datagram(1, 0, 0, b"three", 5, stream=3), Gap(1, 0, 0, 3, 9, 1),
        chunk(b"nobody", stream=5),
    ]
    readers = [Listener("first"), Listener("second")]
    inner = Protocol("inner", "inner", "A test.", ("RFC 0",), lambda _context: readers.pop(0), ("tcp",), {}, (Heard,),
                     reached_by=(("alpn", "inner"),))
    one = router(record("outer", Scripted(outputs), b"x"), inner)
    events = one.chunk(chunk(b"x"))
    assert said(events) == ["first: b'one' at 0", "second: datagram b'three'", "first: gap of 9"]
    assert [event.stream for event in events] == [1, 3, 1]
    assert {event.conversation for event in events} == {7}


def test_a_stream_that_is_over_is_forgotten() -> None:
    outputs: list[Output] = [
        Handoff(("alpn", "inner"), 0, BENEATH, 1), Close(1, 0, NEITHER, "fin", 1), chunk(b"late", stream=1),
    ]
    one = router(record("outer", Scripted(outputs), b"x"), record("inner", Listener("inner")))
    assert said(one.chunk(chunk(b"x"))) == ["inner: fin 2"]


def test_the_end_of_the_connection_reaches_every_layer() -> None:
    outputs: list[Output] = [Handoff(("alpn", "inner"), 0, BENEATH), Handoff(("alpn", "other"), 0, BENEATH, 4)]
    one = router(
        record("outer", Scripted(outputs), b"x"), record("inner", Listener("inner")), record("other", Listener("other"))
    )
    one.chunk(chunk(b"x"))
    assert said(one.close(Close(1, 0, 0, "fin"))) == ["inner: fin 0"], "one direction only: streams end by themselves"
    assert said(one.close(Close(1, 0, NEITHER, "capture"))) == ["inner: capture 2", "other: capture 2"]


def test_caps_are_told_once() -> None:
    many: list[Output] = [Handoff(("alpn", "inner"), 0, BENEATH, 1 + i) for i in range(MAX_CHILDREN + 5)]
    one = router(record("outer", Scripted(many), b"x"), record("inner", Listener("inner")))
    told = one.chunk(chunk(b"x"))
    assert [type(event) for event in told] == [LimitReached]
    assert told[0].fields()["limit"] == MAX_CHILDREN


class Tower(Dissector):
    """Puts itself above itself."""

    def on_data(self, chunk: Chunk) -> list[Output]:
        return [Handoff(("alpn", "tower"), 0, BENEATH), chunk]


class Restless(Dissector):
    """Hands the same bytes on for ever."""

    def on_data(self, chunk: Chunk) -> list[Output]:
        return [Handoff(("alpn", "restless"), chunk.direction, chunk.position)]


def test_protocols_above_one_another_are_capped() -> None:
    one = router(record("tower", Tower(), b"x"))
    told = one.chunk(chunk(b"x"))
    assert [event.fields()["limit"] for event in told] == [MAX_DEPTH]


def test_changes_of_protocol_are_capped() -> None:
    one = router(record("restless", Restless(), b"x"))
    told = one.chunk(chunk(b"x"))
    assert [event.fields()["limit"] for event in told] == [MAX_CHANGES]


class Failing(Dissector):
    """Raises at every chunk, or at those that say so."""

    def __init__(self, error: Exception, at: bytes = b"") -> None:
        self.error = error
        self.at = at

    def on_data(self, chunk: Chunk) -> list[Output]:
        if self.at in chunk.data:
            raise self.error
        return [Heard("failing", f"{chunk.data!r}")]


def record_of(name: str, create: Callable[[Context], Dissector], start: bytes = b"") -> Protocol:
    """A protocol whose every dissector is another."""
    made = record(name, Dissector(), start)
    made.create = create
    return made


def test_a_fault_is_told_once_and_counted() -> None:
    one = router(record("outer", Failing(ValueError("what?")), b"x"))
    first = one.chunk(chunk(b"x"))
    assert [type(event) for event in first] == [DissectorFault]
    assert one.chunk(chunk(b"y", 1)) == [], "the same again"
    assert said(one.close(Close(1, 0, NEITHER, "fin"))) == [
        "wiretale failed 1 more time in the same way inside its outer dissector (ValueError: what?)."
    ]


def test_faults_are_capped() -> None:
    one = router(record("outer", Failing(ValueError("what?")), b"x"))
    told = [event for place in range(MAX_FAULTS + 2) for event in one.chunk(chunk(b"x", place))]
    assert [type(event) for event in told] == [DissectorFault, DissectorFault, LimitReached]
    assert [event.fields() for event in told[1:]] == [
        {"protocol": "outer", "error": "ValueError: what?", "again": MAX_FAULTS - 1},
        {"protocol": "outer", "cap": "MAX_FAULTS", "limit": MAX_FAULTS},
    ]
    assert one.close(Close(1, 0, NEITHER, "fin")) == []


def test_after_a_fault_a_new_dissector_begins_in_the_middle() -> None:
    made: list[Context] = []

    def create(context: Context) -> Dissector:
        made.append(context)
        return Failing(IndexError("index out of range"), b"bad")

    one = router(record_of("outer", create, b"x"))
    assert said(one.chunk(chunk(b"x"))) == ["failing: b'x'"]
    assert [type(event) for event in one.chunk(chunk(b"bad", 1))] == [DissectorFault], "an index error is ours"
    assert said(one.chunk(chunk(b"good", 4))) == ["failing: b'good'"]
    assert [context.midstream for context in made] == [False, True]


class Carrier(Dissector):
    """Gives everything to the layer above, until it fails."""

    def on_data(self, chunk: Chunk) -> list[Output]:
        if chunk.data == b"bad":
            raise KeyError("lost")
        return [Handoff("inner", 0, BENEATH, ""), chunk] if chunk.position == 0 else [chunk]


def test_who_read_above_a_fault_hears_that_no_more_comes() -> None:
    one = router(record_of("outer", lambda _context: Carrier(), b"x"), record("inner", Listener("inner")))
    one.chunk(chunk(b"x"))
    told = one.chunk(chunk(b"bad", 1))
    assert said(told[:1]) == ["inner: capture 2"]
    assert [type(event) for event in told[1:]] == [DissectorFault]
    assert one.chunk(chunk(b"y", 4)) == []


def test_a_wire_error_tells_of_the_bytes_and_the_dissector_goes_on() -> None:
    bad = Failing(TooShort(7, "4 octets needed where 2 are left"), b"bad")
    one = router(record("outer", bad, b"x"))
    one.chunk(chunk(b"x"))
    told = one.chunk(chunk(b"bad", 1))
    assert [event.fields() for event in told] == [
        {"protocol": "outer", "offset": 7, "reason": "4 octets needed where 2 are left"}
    ]
    assert [type(event) for event in told] == [Malformed]
    assert said(one.chunk(chunk(b"good", 4))) == ["failing: b'good'"], "the same one"
    assert len([one.chunk(chunk(b"bad", 8)) for _ in range(9)]) == 9, "not counted as faults"
    assert said(one.chunk(chunk(b"good", 99))) == ["failing: b'good'"]
