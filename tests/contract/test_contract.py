"""What every registered protocol must hold, run over its samples without being asked."""
from __future__ import annotations

import gc
import sys
from random import Random
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest
from event_checks import check_events, deadline, declared_by, signature
from sample_feeds import Feed, Item, all_feeds, feeds_by_protocol, run
from variations import HOWS, as_gap, cut, damaged, joined, split

from dissectors.kit.cursor import WireError
from dissectors.kit.event import Event, Evidence, Malformed, Observed
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap
from dissectors.kit.protocol import NO, WAYS, YES, Above, Context, Dissector, Handoff, Output, Protocol, Readers
from dissectors.registry import protocols

ALL = protocols()
READERS = Readers(ALL)
OBSERVERS = [protocol for protocol in ALL if protocol.create is not None]
# A protocol without a sample of its own, and why. Empty is the aim.
WITHOUT_SAMPLE = {
    "llmnr": "no free program sends it; its format is that of DNS, on another port and address",
    "ssdp": "its requests are those of HTTP, in datagrams of devices that are not at hand",
}

MOST_FEEDS = 16         # conversations of a protocol taken apart, spread over its samples
CUTS = 200              # offsets tried in a conversation; every one where it has no more bytes
DAMAGED = 300           # damaged conversations of a protocol
LARGEST = 64_000        # bytes of a conversation taken apart; a larger one says the same more often
MOST_ITEMS = 100        # ... and its chunks or datagrams
ENDLESS_ITEMS = 12_000
PADDING = 4_000         # bytes behind each message
MAX_HELD = 8 << 20      # bytes that a dissector may hold after any input
MAX_GROWTH = 1 << 20    # ... and what three times the input may add to it
PROGRAM = (type, ModuleType, FunctionType, BuiltinFunctionType, Protocol)


def named(protocol: Protocol) -> str:
    return protocol.name


def sampled(protocol: Protocol) -> list[Feed]:
    """Its conversations; for one without a sample, those that its probe takes for its own."""
    own = feeds_by_protocol().get(protocol.name, [])
    own = [*spread([feed for feed in own if carries_stream(feed)]), *spread([f for f in own if not carries_stream(f)])]
    if own or protocol.name not in WITHOUT_SAMPLE:
        return own
    return spread([feed for feed in all_feeds() if _resembles(protocol, feed)])


def carries_stream(feed: Feed) -> bool:
    return any(isinstance(item, Chunk) for item in feed.items)


def spread(feeds: list[Feed]) -> list[Feed]:
    """At most MOST_FEEDS of them, from all over."""
    return feeds[::-(-len(feeds) // MOST_FEEDS) or 1]


def _resembles(protocol: Protocol, feed: Feed) -> bool:
    first = next(item for item in feed.items if isinstance(item, Chunk | Datagram))
    return feed.context.transport in protocol.carriers and protocol.probe is not None \
        and protocol.probe(first.data, first.direction) == YES


def small(protocol: Protocol) -> list[Feed]:
    return [feed for feed in sampled(protocol) if feed.octets <= LARGEST and len(feed.items) <= MOST_ITEMS]


def feed_to(dissector: Dissector, items: list[Item]) -> list[Output]:
    """Straight to a dissector, without the router's catch: a WireError tells of the bytes, all else is a fault."""
    out: list[Output] = []
    for item in items:
        try:
            out += handed(dissector, item)
        except WireError as error:
            out.append(Malformed(
                Observed(item.time, item.direction, Evidence((item.frame,))), "its protocol", error.offset, error.reason
            ))
    return out


def handed(dissector: Dissector, item: Item) -> list[Output]:
    if isinstance(item, Chunk):
        return dissector.on_data(item)
    if isinstance(item, Gap):
        return dissector.on_gap(item)
    if isinstance(item, Close):
        return dissector.on_close(item)
    if isinstance(item, Fields):
        return dissector.on_fields(item)
    return dissector.on_datagram(item)


def observer(protocol: Protocol, context: Context) -> Dissector:
    assert protocol.create is not None
    context.readers = READERS
    return protocol.create(context)


def check(protocol: Protocol, feed: Feed, items: list[Item], what: str) -> list[Output]:
    """Feed a fresh dissector and hold what it says against the contract."""
    with deadline(what):
        outputs = feed_to(observer(protocol, feed.context), items)
    events: list[Event] = []
    for output in outputs:
        if isinstance(output, Event):
            events.append(output)
        else:
            assert isinstance(output, Handoff | Above | Chunk | Gap | Close | Datagram | Fields), what
    check_events(events, feed.last, protocol.events, what)
    return outputs


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_a_sample_shows_it(protocol: Protocol) -> None:
    if protocol.name in WITHOUT_SAMPLE:
        assert protocol.name not in feeds_by_protocol(), "it has a sample now: take it out of WITHOUT_SAMPLE"
    else:
        assert protocol.name in feeds_by_protocol(), f"no sample under samples/ holds {protocol.name}"
        assert sampled(protocol), "nothing to test it with"


@pytest.mark.parametrize("protocol", ALL, ids=named)
def test_its_record_is_complete(protocol: Protocol) -> None:
    assert protocol.name == protocol.name.lower()
    assert protocol.title
    assert protocol.summary.endswith(".")
    assert protocol.specs
    assert protocol.carriers
    assert set(protocol.ports) <= set(protocol.carriers)
    assert protocol.events
    if not protocol.probe_anywhere:
        assert protocol.ports, "never asked"
    for way, token in protocol.reached_by:
        assert way in WAYS, "no carrier says that"
        assert token
        assert READERS.of((way, token)) is protocol, "another one has it already"
    assert set(protocol.whole_by) <= {way for way, _token in protocol.reached_by}


@pytest.mark.parametrize("protocol", [p for p in ALL if p.probe is not None], ids=named)
def test_its_probe_answers_whatever_it_is_asked(protocol: Protocol) -> None:
    random = Random(protocol.name)
    assert protocol.probe is not None
    for _ in range(3000):
        data = random.randbytes(random.randint(0, 64))
        for direction in (0, 1):
            assert NO <= protocol.probe(data, direction) <= 2
    for feed in all_feeds():
        for item in feed.items[:4]:
            if isinstance(item, Chunk | Datagram):
                for end in range(min(len(item.data), 96)):
                    assert NO <= protocol.probe(item.data[:end], item.direction) <= 2


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_its_probe_says_no_to_random_bytes(protocol: Protocol) -> None:
    """A probe that decides on any port must not take noise for its own more than once in a thousand times."""
    if protocol.probe is None or not protocol.probe_anywhere:
        pytest.skip("asked on its own ports only")
    random = Random(1)
    if set(protocol.carriers).isdisjoint({"tcp", "udp"}):
        pytest.skip("not carried in a port's bytes")
    taken = sum(protocol.probe(random.randbytes(random.randint(12, 400)), 0) == YES for _ in range(10_000))
    assert taken <= 10


@pytest.mark.parametrize("protocol", [p for p in ALL if p.namer is not None], ids=named)
def test_its_namer_never_raises(protocol: Protocol) -> None:
    random = Random(protocol.name)
    assert protocol.namer is not None
    for feed in all_feeds():
        for item in feed.items:
            if isinstance(item, Datagram):
                for data in (item.data, item.data[:random.randrange(len(item.data) + 1)],
                             *(with_damage(item.data, random) for _ in range(3))):
                    for address, name in protocol.namer(data):
                        assert len(address) in (4, 16)
                        assert name


def with_damage(data: bytes, random: Random) -> bytes:
    octets = bytearray(data)
    octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
    return bytes(octets)


@pytest.mark.parametrize("feed", all_feeds(), ids=str)
def test_whole_through_the_router(feed: Feed) -> None:
    events = run(feed.router(), feed.items)
    check_events(events, feed.last, declared_by(ALL), str(feed))
    assert {event.conversation for event in events} <= {feed.number}
    if feed.protocol:
        assert events, "recognised, and nothing told"


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_pieces_do_not_matter(protocol: Protocol) -> None:
    """Whole, a byte at a time, in random pieces: the same events in the same order."""
    streams = [feed for feed in small(protocol) if carries_stream(feed)]
    if not streams and "tcp" not in protocol.carriers:
        pytest.skip("not carried in streams")
    assert streams or protocol.name in WITHOUT_SAMPLE, "no sample carries it in a stream"
    for feed in streams:
        usual = [signature(event) for event in check(protocol, feed, feed.items, str(feed)) if isinstance(event, Event)]
        ways = {"joined": joined(feed.items), "a byte at a time": split(feed.items, 1)}
        ways |= {f"random pieces, seed {seed}": split(feed.items, Random(seed)) for seed in range(5)}
        for way, items in ways.items():
            what = f"{feed}, {way}"
            said = [signature(e) for e in check(protocol, feed, items, what) if isinstance(e, Event)]
            assert by_direction(said) == by_direction(usual), what
            if begins_well(protocol, feed):
                router = feed.router()
                run(router, items)
                assert router.protocol == feed.protocol, f"{what}: not recognised"


def begins_well(protocol: Protocol, feed: Feed) -> bool:
    """Its first bytes show what it is. Where the capture starts late, where a segment begins shows it, or nothing."""
    first = next(item for item in feed.items if isinstance(item, Chunk))
    return not feed.inner and protocol.probe is not None and protocol.probe(first.data, first.direction) != NO


def by_direction(said: list[tuple[str, int, str]]) -> list[list[tuple[str, int, str]]]:
    """Joined chunks come later, so only the order within a direction can be held."""
    return [[one for one in said if one[1] == direction] for direction in (0, 1, 2)]


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_cut_at_every_offset(protocol: Protocol) -> None:
    for feed in sampled(protocol):
        stride = max(feed.octets // CUTS, 1)
        for octets in range(0, feed.octets + 1, stride):
            check(protocol, feed, cut(feed.items, octets), f"{feed}, cut after {octets} bytes")


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_gap_anywhere(protocol: Protocol) -> None:
    """A gap in the place of any chunk, or of a part of one."""
    for feed in small(protocol):
        pieces = split(feed.items, Random(3))
        places = [index for index, item in enumerate(pieces) if isinstance(item, Chunk)]
        for index in places[:: max(len(places) // CUTS, 1)]:
            chunk = pieces[index]
            assert isinstance(chunk, Chunk)
            items = [*pieces[:index], as_gap(chunk), *pieces[index + 1:]]
            check(protocol, feed, items, f"{feed}, gap at byte {chunk.position}")


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_close_anywhere(protocol: Protocol) -> None:
    """An end in any place, and bytes that come after it all the same."""
    for feed in small(protocol):
        for index in range(0, len(feed.items), max(len(feed.items) // 20, 1)):
            beside = feed.items[index]
            for how in HOWS:
                for direction in (0, 1, 2):
                    end = Close(beside.frame, beside.time, direction, how)
                    check(protocol, feed, [*feed.items[:index], end, *feed.items[index:]], f"{feed}, {how} at {index}")


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
def test_damage_is_never_a_fault(protocol: Protocol) -> None:
    known = small(protocol)
    if not known:
        pytest.skip(WITHOUT_SAMPLE[protocol.name])
    for seed in range(DAMAGED):
        random = Random(f"{protocol.name} {seed}")
        feed = random.choice(known)
        items = damaged(feed.items, random)
        what = f"{feed}, damaged with seed {seed}"
        check(protocol, feed, items, what)
        if feed.inner:
            continue
        with deadline(what):
            events = run(feed.router(), items)
        check_events(events, feed.last, declared_by(ALL), what)


@pytest.mark.parametrize("protocol", OBSERVERS, ids=named)
@pytest.mark.parametrize("way", ["its own bytes", "noise", "padded"])
@pytest.mark.slow(reason="tens of thousands of messages, until every cap is full")
def test_endless_input_in_constant_memory(protocol: Protocol, way: str) -> None:
    """One conversation that never ends: of what its samples hold, of damaged forms of it, of messages grown large."""
    for transport in protocol.carriers:
        kind = Chunk if transport == "tcp" else Datagram
        pool = [item for feed in small(protocol) for item in feed.items if isinstance(item, kind)]
        if not pool or (way == "padded" and kind is Chunk):
            continue
        endless = Endless(observer(protocol, Context(transport, 50_000, protocol.ports.get(transport, (0,))[0])), way)
        endless.feed(pool, ENDLESS_ITEMS)
        first = size_of(endless.dissector)
        endless.feed(pool, 2 * ENDLESS_ITEMS)
        then = size_of(endless.dissector)
        assert then < MAX_HELD, f"{protocol.name} over {transport} holds {then} bytes"
        assert then - first < MAX_GROWTH, f"{protocol.name} over {transport} grows from {first} to {then} bytes"


class Endless:
    """Feeds a dissector without end; every message has another number in its first two bytes."""

    def __init__(self, dissector: Dissector, way: str) -> None:
        self.dissector = dissector
        self.way = way
        self.random = Random(way)
        self.frame = 0
        self.position = [0, 0]

    def feed(self, pool: list[Chunk | Datagram], count: int) -> None:
        for _ in range(count):
            item = pool[self.frame % len(pool)]
            self.frame += 1
            data = bytearray(item.data)
            if self.way == "noise":
                for _flip in range(4):
                    data[self.random.randrange(len(data))] = self.random.randrange(256)
            if isinstance(item, Chunk):
                at = self.position[item.direction]
                self.position[item.direction] += len(data)
                self.dissector.on_data(Chunk(self.frame, self.frame, item.direction, bytes(data), at))
                continue
            data[:2] = self.random.randbytes(2)[: len(data)]
            if self.way == "padded":
                data += bytes(PADDING)
            self.dissector.on_datagram(Datagram(self.frame, self.frame, item.direction, bytes(data), len(data)))


def size_of(thing: object) -> int:
    """Bytes of everything that an object holds on to, but for what its program is made of."""
    seen: set[int] = set()
    waiting = [thing]
    total = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, PROGRAM):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total
