"""The observer of QUIC: ClientHellos in pieces, several connections, floods, and what it keeps of them."""
from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from event_checks import check_events

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event, LimitReached
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Above, Context, Output
from dissectors.protocols.quic.dissector import MAX_CONNECTIONS, QuicDissector
from dissectors.protocols.quic.handshake import MAX_CRYPTO
from dissectors.protocols.quic.protection import PacketKeys, initial_keys
from dissectors.protocols.quic.protocol import QUIC
from dissectors.protocols.quic.versions import version_of

SAMPLES = Path(__file__).parents[3] / "samples" / "quic"
NOW = 1_700_000_000_000_000_000
MS = 1_000_000


def varint(value: int) -> bytes:
    for octets, mark in ((1, 0), (2, 0x40), (4, 0x80), (8, 0xC0)):
        if value < 1 << (8 * octets - 2):
            raw = value.to_bytes(octets, "big")
            return bytes((raw[0] | mark,)) + raw[1:]
    raise ValueError(value)


def initial(keys: PacketKeys, dcid: bytes, scid: bytes, number: int, payload: bytes) -> bytes:
    """An Initial of version 1, protected (RFC 9001 §5)."""
    payload = payload.ljust(24, b"\0")
    head = b"\xc3\0\0\0\1" + bytes((len(dcid),)) + dcid + bytes((len(scid),)) + scid + b"\0"
    head += (0x4000 | len(payload) + 4 + 16).to_bytes(2, "big") + number.to_bytes(4, "big")
    sealed = keys.aead.encrypt((keys.iv ^ number).to_bytes(12, "big"), payload, head)
    mask = keys.mask(sealed[:16])
    at = len(head) - 4
    plain = bytes((head[0] ^ mask[0] & 0x0F,)) + head[1:at]
    return plain + bytes(one ^ other for one, other in zip(head[at:], mask[1:5], strict=True)) + sealed


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + varint(offset) + varint(len(data)) + data


def client_hello() -> bytes:
    """Of the recording of a handshake."""
    found = [event for event in told("http3") if event.name == "tls.client_hello"]
    assert len(found) == 1
    hello = getattr(found[0], "hello", None)
    assert hello is not None
    body = b"\x03\x03" + hello.random + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    extensions = b"".join(
        one.type.to_bytes(2, "big") + len(one.data).to_bytes(2, "big") + one.data for one in hello.extensions
    )
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body


def told(sample: str) -> list[Event]:
    analysis = analyze([str(SAMPLES / sample / "capture.pcapng")], Options())
    return [event for one in analysis.told for phase in one.phases for event in phase.events]


def keys_for(dcid: bytes) -> tuple[PacketKeys, PacketKeys]:
    version = version_of(1)
    assert version is not None
    return initial_keys(version, dcid)


def feed(observer: QuicDissector, datagrams: Iterable[tuple[int, bytes]]) -> list[Output]:
    out: list[Output] = []
    frame = 0
    for frame, (direction, data) in enumerate(datagrams, 1):
        out += observer.on_datagram(Datagram(frame, NOW + frame * MS, direction, data, len(data)))
    out += observer.on_close(Close(frame, NOW + frame * MS, 2, "capture"))
    events = [one for one in out if isinstance(one, Event)]
    check_events(events, frame, QUIC.events, "made")
    return out


def handed(out: list[Output]) -> list[Datagram]:
    return [one.item for one in out if isinstance(one, Above) and isinstance(one.item, Datagram)]


def test_a_hello_in_shuffled_pieces_over_several_packets() -> None:
    hello, dcid = client_hello(), b"\x11" * 8
    keys, random = keys_for(dcid)[0], Random(3)
    for _ in range(20):
        cuts = sorted({0, len(hello), *random.sample(range(1, len(hello)), 9)})
        parts = [crypto(start, hello[start:end + 2]) for start, end in pairwise(cuts)]
        random.shuffle(parts)
        half = len(parts) // 2
        packets = [b"\x01".join(parts[:half]) + bytes(9), b"\0\0\x01".join(parts[half:])]
        out = feed(QuicDissector(Context("udp", 50_000, 443)), [
            (0, initial(keys, dcid, b"c", number, payload)) for number, payload in enumerate(packets)
        ])
        messages = handed(out)
        assert [message.data for message in messages] == [hello]
        assert messages[0].frames == (1, 2)
    incomplete = feed(QuicDissector(Context("udp", 50_000, 443)), [(0, initial(keys, dcid, b"c", 0, packets[0]))])
    assert "quic.incomplete_hello" in [one.name for one in incomplete if isinstance(one, Event)]
    assert not handed(incomplete)


def test_several_connections_between_two_ports() -> None:
    hello = client_hello()
    datagrams = []
    for number in range(3):
        dcid, scid = bytes((number + 1,)) * 8, bytes((0x20 + number,)) * 4
        keys = keys_for(dcid)
        datagrams += [
            (0, initial(keys[0], dcid, scid, 0, crypto(0, hello))),
            (1, initial(keys[1], scid, b"server" + bytes((number,)), 0, b"\x02\0\0\0\0")),
        ]
    datagrams += [(0, b"\x40server" + bytes((number,)) + bytes(range(40))) for number in range(3)]
    out = feed(QuicDissector(Context("udp", 50_000, 443)), datagrams)
    established = [one for one in out if isinstance(one, Event) and one.name == "quic.established"]
    assert [event.evidence.frames for event in established] == [(1, 7), (3, 8), (5, 9)]


def test_floods_are_bounded() -> None:
    """Connection IDs without end, CRYPTO an octet at a time and behind a hole, frames of 0 octets."""
    observer = QuicDissector(Context("udp", 50_000, 443))
    datagrams = []
    for number in range(MAX_CONNECTIONS + 20):
        dcid = number.to_bytes(8, "big")
        datagrams.append((0, initial(keys_for(dcid)[0], dcid, dcid, 0, b"\x01")))
    out = feed(observer, datagrams)
    assert len(observer.watched) == MAX_CONNECTIONS
    assert [one.cap for one in out if isinstance(one, LimitReached)] == ["MAX_CONNECTIONS"]
    observer = QuicDissector(Context("udp", 50_000, 443))
    keys = keys_for(b"\x07" * 8)[0]
    payloads = [
        b"".join(crypto(2 + 2 * (200 * number + place), b"x") for place in range(200)) for number in range(60)
    ] + [crypto(1_000 * number, bytes(1_000)) for number in range(100, 300)]
    feed(observer, [(0, initial(keys, b"\x07" * 8, b"s", number, one)) for number, one in enumerate(payloads)])
    stream = observer.watched[0].connection.sides[0].handshake.spaces[0]
    assert stream.broken
    assert stream.stream.ahead <= MAX_CRYPTO + 1_000
    assert not stream.parts


def test_a_server_at_its_limit_waits_for_the_client() -> None:
    """Once it has sent three times what it got; a resend by its own timer is none of it."""
    hello, dcid = client_hello(), b"\x11" * 8
    keys = keys_for(dcid)
    first = initial(keys[0], dcid, b"abcd", 0, crypto(0, hello)).ljust(1_200, b"\0")
    flight = [initial(keys[1], b"abcd", b"wxyz", number, b"\1" * 1_100).ljust(1_200, b"\0") for number in range(4)]
    ack = initial(keys[0], b"wxyz", b"abcd", 1, b"\2\0\0\0\0").ljust(1_200, b"\0")
    for gap, expected in ((1, ["quic.amplification_stall"]), (900, [])):
        observer = QuicDissector(Context("udp", 50_000, 443))
        out: list[Output] = []
        times = (0, 20, 20, 20, 21, 21 + gap)
        order = ((0, first), (1, flight[0]), (1, flight[1]), (1, flight[2]), (0, ack), (1, flight[3]))
        for frame, (after, (direction, data)) in enumerate(zip(times, order, strict=True), 1):
            out += observer.on_datagram(Datagram(frame, NOW + after * MS, direction, data, len(data)))
        names = [one.name for one in out if isinstance(one, Event)]
        assert [name for name in names if name == "quic.amplification_stall"] == expected


def test_damage_raises_nothing() -> None:
    random = Random(5)
    hello, dcid = client_hello(), b"\x11" * 8
    keys = keys_for(dcid)
    good = [
        (0, initial(keys[0], dcid, b"abcd", 0, crypto(0, hello))), (1, initial(keys[1], b"abcd", b"wxyz", 0, b"\1")),
    ]
    told_of = 0
    for _ in range(300):
        bad = []
        for direction, data in good * 2:
            octets = bytearray(data)
            for _ in range(random.randint(0, 3)):
                octets[random.randrange(min(len(octets), 60))] = random.randrange(256)
            bad.append((direction, bytes(octets[:random.randint(1, len(octets))])))
        told_of += len(feed(QuicDissector(Context("udp", 50_000, 443)), bad))
    assert told_of > 50


@pytest.mark.parametrize(("sample", "names"), [
    ("retry", {"quic.retry", "quic.established", "tls.established", "http3.exchange", "quic.close"}),
    ("version-negotiation", {"quic.version_negotiation", "quic.established", "http3.exchange"}),
    ("resumed", {"quic.zero_rtt", "http3.exchange"}),
    ("key-update", {"quic.key_update", "http3.exchange"}),
    ("hidden", {"quic.established", "quic.hidden_data", "tls.client_hello", "tls.server_hello"}),
    ("no-protocol", {"tls.refused", "quic.close"}),
    ("unanswered", {"quic.stalled"}),
])
def test_what_recordings_show(sample: str, names: set[str]) -> None:
    found = {event.name for event in told(sample)}
    assert names <= found
    if sample == "hidden":
        assert not {name for name in found if name.startswith("http3.")} | {"tls.established"} & found


