"""Waits for a receiver, silences, and packets that come before their keys can be found."""
from __future__ import annotations

from pathlib import Path

import pytest
from test_quic_dissector import MS, NOW, client_hello, crypto, feed, initial, keys_for, told

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event, LimitReached
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Context
from dissectors.kit.provided import Provided
from dissectors.protocols.http3.events import H3Exchange
from dissectors.protocols.quic.connection import MAX_IDS
from dissectors.protocols.quic.dissector import MAX_EARLY, QuicDissector
from dissectors.protocols.quic.events_flow import IdleEnd, StreamsHeldUp
from dissectors.protocols.quic.flow import CONNECTION, COUNT, MAX_WAITS, STREAM_OF, FlowControl, WaitSum
from dissectors.protocols.quic.frames import Frames, QuicFrame
from dissectors.protocols.quic.observer import MAX_CHALLENGES
from dissectors.protocols.quic.parameters import Parameters
from dissectors.protocols.quic.protection import PacketKeys, keys_of
from dissectors.protocols.quic.streams import MAX_HELD_UP, MAX_STREAMS, Streams
from dissectors.protocols.quic.versions import version_of

SAMPLES = Path(__file__).parents[3] / "samples" / "quic"
LIMITS = b"\x04\x02\x40\x64" + b"\x05\x02\x40\x3c" + b"\x06\x02\x40\x3c" + b"\x07\x01\x05"     # 100 in all, 60, 60, 5


def stream(id: int, offset: int, octets: int) -> QuicFrame:
    return Frames(b"\x0e" + bytes((id,)) + offset.to_bytes(1, "big") + bytes((octets,)) + bytes(octets)).all[0]


def allow(kind: int, *fields: int) -> QuicFrame:
    return Frames(bytes((kind,)) + b"".join((0x4000 | field).to_bytes(2, "big") for field in fields)).all[0]


class Talk:
    """The server (direction 1) sends; the client allows."""

    def __init__(self) -> None:
        self.streams = Streams()
        self.streams.flows[1].allowed(Parameters(LIMITS))
        self.time = 0

    def send(self, id: int, offset: int, octets: int, at: int) -> None:
        self.streams.take(stream(id, offset, octets), 1, at, at, 0, [])

    def allow(self, at: int, kind: int, *fields: int) -> None:
        self.streams.raised(allow(kind, *fields), 1, at, at)

    def waits(self) -> list[tuple[str, int, int, int]]:
        return [(one.kind, one.limit, one.since_ns, one.over_ns) for one in self.streams.over]


def test_a_wait_is_from_the_last_octet_that_is_allowed_to_the_next() -> None:
    talk = Talk()
    talk.send(0, 0, 60, 10)
    talk.allow(30, 0x11, 0, 200)
    talk.send(0, 60, 20, 50)
    talk.send(4, 0, 20, 60)
    talk.allow(70, 0x10, 400)
    talk.send(4, 20, 10, 90)
    assert talk.waits() == [(STREAM_OF, 60, 10, 50), (CONNECTION, 100, 60, 90)]


def test_near_the_receiver_more_is_allowed_before_the_limit_is_reached() -> None:
    talk = Talk()
    talk.send(0, 0, 30, 10)
    talk.allow(12, 0x11, 0, 120)
    talk.send(0, 30, 30, 15)          # sent before that was known
    talk.send(0, 60, 10, 40)
    assert talk.waits() == [(STREAM_OF, 60, 15, 40)]


def test_who_is_not_at_a_limit_or_has_no_more_to_send_does_not_wait() -> None:
    talk = Talk()
    talk.send(0, 0, 59, 10)
    talk.allow(30, 0x11, 0, 200)
    talk.send(0, 59, 2, 50)           # beyond what was allowed first, and not up to it
    talk.send(3, 0, 5, 60)            # and the end of that stream
    talk.allow(80, 0x11, 3, 100)
    assert talk.waits() == []


def test_the_sender_says_that_it_waits_for_streams() -> None:
    talk = Talk()
    flow = talk.streams.flows[1]
    flow.blocked(allow(0x16, 4), 10, 1)
    talk.allow(20, 0x12, 4)
    assert talk.waits() == []
    talk.allow(40, 0x12, 8)
    assert talk.waits() == [(COUNT, 4, 10, 40)]
    total = WaitSum(talk.streams.over[0])
    total.add(talk.streams.over[0])
    assert (total.times, total.said, total.total_ns) == (1, 1, 30)


def test_waits_are_capped() -> None:
    flow = FlowControl(0)
    for id in range(MAX_WAITS + 5):
        flow.blocked(allow(0x15, id, 10), 10, 1)
    assert len(flow.waits) == MAX_WAITS
    assert flow.full


def test_a_small_window_is_waited_for_in_a_recording() -> None:
    analysis = analyze([str(SAMPLES / "window" / "capture.pcapng")], Options())
    assert [finding.code for finding in analysis.findings] == ["quic.blocked"]


def test_a_loss_holds_up_its_own_stream() -> None:
    analysis = analyze([str(SAMPLES / "loss-parallel" / "capture.pcapng")], Options())
    events = [event for phase in analysis.told[0].phases for event in phase.events]
    (held,) = [event for event in events if isinstance(event, StreamsHeldUp)]
    answered = {event.facts.stream_id for event in events if isinstance(event, H3Exchange)}
    assert set(held.streams()) < answered
    assert held.longest().others > 0
    assert held.longest().until_ns - held.longest().since_ns > 10 * MS
    assert "quic.held_up" not in [event.name for event in told("http3")]


def test_holes_that_are_filled_are_capped() -> None:
    streams = Streams()
    for number in range(MAX_HELD_UP + 5):
        first, second = stream(0, 0, 1), stream(0, 0, 1)
        first.offset, second.offset = 2 * number + 1, 2 * number
        for frame in (first, second):
            streams.take(frame, 1, number, number, 0, [])
    assert len(streams.held_up) == MAX_HELD_UP
    assert streams.most_held_up


def test_floods_of_control_frames_are_bounded() -> None:
    """Challenges, connection IDs, limits of streams that nobody has opened, and words of being blocked."""
    frames = [b"\x1a" + number.to_bytes(8, "big") for number in range(1_000)]
    frames += [
        b"\x18" + (0x4000 | number).to_bytes(2, "big") + b"\0\x08" + number.to_bytes(8, "big") + bytes(16)
        for number in range(1, 300)
    ]
    frames += [b"\x19" + (0x4000 | number).to_bytes(2, "big") for number in range(300)]
    frames += [
        bytes((kind,)) + (0x8000_0000 | number).to_bytes(4, "big") + b"\x05"
        for kind in (0x11, 0x15) for number in range(3_000)
    ]
    payloads = [b"".join(frames[at:at + 30]) for at in range(0, len(frames), 30)]
    dcid = b"\x11" * 8
    keys = keys_for(dcid)[0]
    observer = QuicDissector(Context("udp", 50_000, 443))
    out = feed(observer, [
        (0, initial(keys, dcid, b"abcd", number, payload)) for number, payload in enumerate(payloads)
    ])
    watched = observer.watched[0]
    assert len(watched.challenges) == MAX_CHALLENGES
    assert len(watched.connection.sides[1].ids) == MAX_IDS
    assert len(watched.streams.flows[1].streams) == MAX_STREAMS
    assert len(watched.connection.tokens) == 1
    assert "MAX_WAITS" in [one.cap for one in out if isinstance(one, LimitReached)]


# -- silence ---------------------------------------------------------------------------------------------------


def silent(after_s: float, later: tuple[int, ...]) -> list[IdleEnd]:
    """The client gives up after 60 s, says the hello of a recording; a second lies between what comes later."""
    hello, dcid = client_hello(), b"\x11" * 8
    keys = keys_for(dcid)
    datagrams = [
        (0, 0, initial(keys[0], dcid, b"abcd", 0, crypto(0, hello))),
        (20, 1, initial(keys[1], b"abcd", b"serverid", 0, b"\x02\0\0\0\0")),
        (40, 0, b"\x40serverid" + bytes(40)),
    ]
    for place, side in enumerate(later):
        data = (b"\x40serverid", b"\x40abcd")[side] + bytes(40)
        datagrams.append((int(40 + 1_000 * (after_s + place)), side, data))
    observer = QuicDissector(Context("udp", 50_000, 443))
    out = []
    for frame, (at, side, data) in enumerate(datagrams, 1):
        out += observer.on_datagram(Datagram(frame, NOW + at * MS, side, data, len(data)))
    out += observer.on_close(Close(len(datagrams), NOW + datagrams[-1][0] * MS, 2, "capture"))
    return [one for one in out if isinstance(one, IdleEnd)]


@pytest.mark.parametrize(("after_s", "later", "after"), [
    (61.0, (0, 0, 0), [[3, 0]]), (61.0, (1, 1, 1), [[0, 3]]),
    (59.0, (0, 0, 0), []),            # it lives
    (61.0, (0, 0), []),               # that may be a clock that was set
    (61.0, (0, 0, 1), []),            # both go on: something was said that was not seen
])
def test_who_goes_on_after_a_silence_that_is_too_long(after_s: float, later: tuple[int, ...], after: list[int]) -> None:
    found = silent(after_s, later)
    assert [event.silence.after for event in found] == after
    assert all(event.silence.whose == "client" for event in found)


def test_a_connection_that_the_server_has_forgotten() -> None:
    analysis = analyze([str(SAMPLES / "idle-forgotten" / "capture.pcapng")], Options())
    assert "quic.idle_timeout" in [finding.code for finding in analysis.findings if finding.severity == "warn"]


# -- packets before their keys ---------------------------------------------------------------------------------


def handshake(keys: PacketKeys, dcid: bytes, scid: bytes, number: int, payload: bytes) -> bytes:
    payload = payload.ljust(24, b"\0")
    head = b"\xe3\0\0\0\1" + bytes((len(dcid),)) + dcid + bytes((len(scid),)) + scid
    head += (0x4000 | len(payload) + 4 + 16).to_bytes(2, "big") + number.to_bytes(4, "big")
    sealed = keys.aead.encrypt((keys.iv ^ number).to_bytes(12, "big"), payload, head)
    mask = keys.mask(sealed[:16])
    at = len(head) - 4
    plain = bytes((head[0] ^ mask[0] & 0x0F,)) + head[1:at]
    return plain + bytes(one ^ other for one, other in zip(head[at:], mask[1:5], strict=True)) + sealed


@pytest.mark.parametrize("early", [1, MAX_EARLY, MAX_EARLY + 8])
def test_packets_that_overtake_the_hello_are_opened_once_it_is_whole(early: int) -> None:
    hello, dcid = client_hello(), b"\x11" * 8
    version = version_of(1)
    assert version is not None
    keys = keys_of(0x1301, b"s" * 32, version)
    assert keys is not None
    provided = Provided()
    provided.secrets[b"SERVER_HANDSHAKE_TRAFFIC_SECRET " + hello[6:38]] = b"s" * 32
    first = keys_for(dcid)[0]
    observer = QuicDissector(Context("udp", 50_000, 443, provided=provided))
    out = feed(observer, [
        (0, initial(first, dcid, b"abcd", 0, crypto(0, hello[:100]))),
        *((1, handshake(keys, b"abcd", b"serverid", number, b"\x01")) for number in range(early)),
        (0, initial(first, dcid, b"abcd", 1, crypto(100, hello[100:]))),
    ])
    server = observer.watched[0].connection.sides[1]
    assert server.opened == min(early, MAX_EARLY)
    assert server.sealed_packets == early - server.opened
    capped = [one.cap for one in out if isinstance(one, LimitReached)]
    assert capped == (["MAX_EARLY"] if early > MAX_EARLY else [])
    assert "quic.decryption" in [one.name for one in out if isinstance(one, Event)]
