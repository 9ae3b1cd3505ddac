"""Who is asked whether a stream is theirs, and for how long."""
from __future__ import annotations

from analyzer.flows.probing import MAX_ONE_SIDED, MAX_PROBE_CHUNKS, Known, Search
from dissectors.kit.inputs import Chunk, Datagram, Gap
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol

PORT = 4_000


def starting_with(name: str, start: bytes, ports: dict[str, tuple[int, ...]]) -> Protocol:
    def probe(data: bytes, _direction: int) -> int:
        if data.startswith(start):
            return YES
        return MORE if start.startswith(data) else NO

    return Protocol(
        name, name, "Made.", ("RFC 1",), lambda _context: Dissector(), ("tcp",), ports, (), (), probe=probe
    )


HINTED = starting_with("hinted", b"HELLO, WORLD", {"tcp": (PORT,)})
OTHER = starting_with("other", b"\0BYE", {})


def search(port: int = PORT) -> Search:
    return Search(Known((HINTED, OTHER)).candidates(Context("tcp", 50_000, port)))


def chunk(data: bytes, direction: int = 0, position: int = 0) -> Chunk:
    return Chunk(1, 0, direction, data, position)


def test_a_damaged_datagram_belongs_to_the_protocol_of_its_port_only() -> None:
    strict = Protocol(
        "named", "named", "Made.", ("RFC 1",), lambda _context: Dissector(), ("udp",), {"udp": (PORT,)}, (), (),
        probe=lambda data, _direction: YES if data == b"whole" else NO,
        probe_on_port=lambda data, _direction: YES if data.startswith(b"who") else NO,
    )
    other = Protocol(
        "other", "other", "Made.", ("RFC 1",), lambda _context: Dissector(), ("udp",), {}, (), (),
        probe=lambda data, _direction: YES if data == b"who am I" else NO,
    )
    known = Known((strict, other))
    for port, data, name in (
        (PORT, b"whole", "named"), (PORT, b"whol", "named"), (PORT, b"who am I", "other"), (PORT, b"us", ""),
        (PORT + 1, b"whole", "named"), (PORT + 1, b"whol", ""),
    ):
        context = Context("udp", 50_000, port)
        found = Search(known.candidates(context)).datagram(Datagram(1, 0, 0, data, len(data)), context)
        assert (found.name if found is not None else "") == name, (port, data)


def test_either_direction_decides_for_both() -> None:
    one = search(port=1)
    assert one.chunk(chunk(b"nobody's")) is None
    assert one.undecided
    assert one.chunk(chunk(b"HELLO", 1)) is None
    assert one.chunk(chunk(b", WORLD", 1, 5)) is HINTED
    assert [(held.direction, held.data) for held in one.held] == [(0, b"nobody's"), (1, b"HELLO"), (1, b", WORLD")]


def test_a_stream_that_nobody_wants_is_given_up_at_once_where_no_port_hints() -> None:
    one = search(port=1)
    one.chunk(chunk(b"nobody's"))
    one.chunk(chunk(b"nobody's either", 1))
    assert not one.undecided
    assert one.held == []


def test_a_later_segment_is_asked_of_the_protocol_of_the_port_only() -> None:
    one = search()
    assert one.chunk(chunk(b"the rest of something")) is None
    assert one.chunk(chunk(b"\0BYE", 0, 21)) is None
    assert one.chunk(chunk(b"HELLO, WORLD", 0, 25)) is HINTED
    assert [held.position for held in one.held] == [25]


def test_one_octet_that_another_protocol_waits_behind_hides_nothing() -> None:
    """A keep-alive probe may carry an octet of no meaning."""
    one = search()
    assert one.chunk(chunk(b"\0")) is None
    assert one.chunk(chunk(b"HELLO, WORLD", 0, 1)) is HINTED
    assert [held.data for held in one.held] == [b"HELLO, WORLD"]


def test_a_beginning_that_is_cut_short_belongs_to_the_protocol_of_the_port() -> None:
    one = search()
    assert one.chunk(chunk(b"HELLO, WO")) is None
    assert one.gap(Gap(1, 0, 0, 9, 100)) is HINTED
    elsewhere = search(port=1)
    assert elsewhere.chunk(chunk(b"HELLO, WO")) is None
    assert elsewhere.gap(Gap(1, 0, 0, 9, 100)) is None
    assert elsewhere.held == []


def test_after_a_gap_there_is_a_new_beginning() -> None:
    one = search(port=1)
    one.chunk(chunk(b"nobody's"))
    one.gap(Gap(2, 0, 0, 8, 100))
    assert one.chunk(chunk(b"HELLO, WORLD", 0, 108)) is HINTED


def test_what_is_held_and_how_long_is_waited_have_caps() -> None:
    one = search()
    for number in range(MAX_ONE_SIDED):
        assert one.undecided
        assert one.chunk(chunk(b"x" * 100, 0, 100 * number)) is None
        assert len(one.held) <= MAX_PROBE_CHUNKS
    assert not one.undecided
