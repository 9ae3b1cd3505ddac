"""IPv6 extension headers, and datagrams put together from fragments."""
from __future__ import annotations

from itertools import permutations
from struct import pack

import pytest
from packet_frames import A4, A6, B4, C4, decoded, ends, eth, eth6, ip4, ip6, payload, tcp, udp

from analyzer.packet import NOTHING, OTHER_IP, TCP, UDP, Packet
from analyzer.packets import fragments
from analyzer.packets.decode import Decoder

DATA = bytes(range(200)) * 12
WHOLE = udp(DATA, 40000, 40001)
SECOND = 1_000_000_000


def pieces4(content: bytes = WHOLE, size: int = 800, number: int = 7, src: bytes = A4) -> list[bytes]:
    found = []
    for start in range(0, len(content), size):
        more = 0x2000 if start + size < len(content) else 0
        found.append(eth(ip4(content[start:start + size], 17, src=src, fragment=more | start >> 3, number=number)))
    return found


def pieces6(content: bytes = WHOLE, size: int = 800, number: int = 7, before: bytes = b"") -> list[bytes]:
    found = []
    for start in range(0, len(content), size):
        more = 1 if start + size < len(content) else 0
        header = pack(">BBHI", 17, 0, start | more, number)
        part = before + header + content[start:start + size]
        found.append(eth6(part, 60 if before else 44))
    return found


def feed(frames: list[bytes], decoder: Decoder | None = None, step: int = 0) -> list[Packet]:
    decoder = decoder or Decoder()
    return [decoded(frame, decoder=decoder, number=at + 1, time=at * step) for at, frame in enumerate(frames)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("version", [4, 6])
def test_fragments_in_any_order(version: int, order: tuple[int, ...]) -> None:
    frames = pieces4() if version == 4 else pieces6()
    assert len(frames) == 4
    packets = feed([frames[at] for at in order])
    assert [packet.undecoded for packet in packets] == ["fragment"] * 3 + [""]
    packet = packets[-1]
    assert packet.kind == UDP
    assert payload(packet, 8) == DATA
    assert (packet.sport, packet.dport, packet.base, packet.ip_version) == (40000, 40001, -1, version)
    assert sorted(packet.fragments) == [1, 2, 3, 4]
    assert ends(packet) == ends(packets[0])
    assert packet.layers[-1] == "udp"


def test_fragments_of_others_are_kept_apart() -> None:
    one, two, three = pieces4(), pieces4(number=8), pieces4(src=C4)
    frames = [frame for group in zip(one, two, three, strict=True) for frame in group]
    packets = feed(frames)
    assert [packet.kind == UDP for packet in packets] == [False] * 9 + [True] * 3
    assert [packet.fragments for packet in packets[9:]] == [[1, 4, 7, 10], [2, 5, 8, 11], [3, 6, 9, 12]]


def test_fragments_of_different_vlans_are_kept_apart() -> None:
    def tagged(frame: bytes, vlan: int) -> bytes:
        return frame[:12] + pack(">HH", 0x8100, vlan) + frame[12:]

    frames = pieces4()
    packets = feed([tagged(frames[0], 1), *[tagged(frame, 2) for frame in frames]])
    assert [packet.kind == UDP for packet in packets] == [False] * 4 + [True]
    assert packets[-1].fragments == [2, 3, 4, 5]


def test_copies_of_fragments_change_nothing() -> None:
    frames = pieces4()
    decoder = Decoder()
    packets = feed([frames[0], frames[0], frames[1], frames[2], frames[1], frames[3]], decoder)
    assert payload(packets[-1], 8) == DATA
    assert packets[-1].fragments == [1, 3, 4, 6]
    assert decoder.counts() == {}


def test_overlapping_bytes_stay_with_the_fragment_that_begins_earlier() -> None:
    decoder = Decoder()
    first = eth(ip4(WHOLE[:800], 17, fragment=0x2000, number=7))
    late = eth(ip4(bytes(80) + WHOLE[800:], 17, fragment=90, number=7))
    packet = feed([late, first], decoder)[-1]
    assert payload(packet, 8) == DATA
    assert decoder.counts() == {fragments.CONFLICT: 1}


def test_overlaps_that_agree_are_counted_apart() -> None:
    decoder = Decoder()
    first = eth(ip4(WHOLE[:800], 17, fragment=0x2000, number=7))
    rest = eth(ip4(WHOLE[720:], 17, fragment=90, number=7))
    assert payload(feed([first, rest], decoder)[-1], 8) == DATA
    assert decoder.counts() == {fragments.OVERLAP: 1}


def test_a_datagram_that_stays_incomplete_is_given_up() -> None:
    decoder = Decoder()
    frames = pieces4()
    feed(frames[:3], decoder)
    packet = decoded(frames[3], decoder=decoder, number=9, time=61 * SECOND)
    assert packet.undecoded == "fragment"
    assert decoder.counts() == {fragments.EXPIRED: 1}
    decoder.finish()
    assert decoder.counts() == {fragments.EXPIRED: 1, fragments.UNFINISHED: 1}


def test_incomplete_datagrams_are_capped() -> None:
    decoder = Decoder()
    for number in range(fragments.MAX_DATAGRAMS + 10):
        decoded(pieces4(number=number)[0], decoder=decoder)
    assert decoder.counts() == {fragments.EVICTED: 10}
    assert len(decoder.walk.fragments.waiting) == fragments.MAX_DATAGRAMS


def test_bytes_of_incomplete_datagrams_are_capped() -> None:
    decoder = Decoder()
    big = udp(bytes(60000))
    for number in range(400):
        decoded(eth(ip4(big, 17, fragment=0x2000, number=number)), decoder=decoder)
    held = decoder.walk.fragments
    assert held.held <= fragments.MAX_HELD
    assert held.held == sum(datagram.held for datagram in held.waiting.values())
    assert decoder.counts()[fragments.EVICTED] == 400 - len(held.waiting)


def test_fragments_of_one_datagram_are_capped() -> None:
    decoder = Decoder()
    for at in range(fragments.MAX_PIECES + 5):
        decoded(eth(ip4(bytes(8), 17, fragment=0x2000 | at, number=1)), decoder=decoder)
    assert decoder.counts() == {fragments.TOO_MANY: 5}


def test_a_fragment_beyond_the_largest_datagram_is_refused() -> None:
    decoder = Decoder()
    packet = decoded(eth(ip4(bytes(1000), 17, fragment=0x1FFF)), decoder=decoder)
    assert packet.undecoded == "fragment"
    assert decoder.counts() == {fragments.TOO_LONG: 1}


def test_the_first_fragment_alone_still_tells_its_ports_where_it_is_cut() -> None:
    """Nothing can be put together from bytes that were not captured."""
    packet = decoded(pieces4()[0], captured=60)
    assert (packet.kind, packet.sport, packet.fragments, packet.undecoded) == (UDP, 40000, [], "fragment")
    assert decoded(pieces4()[1], captured=60).undecoded == "fragment"


def test_congestion_experienced_by_one_fragment_holds_for_the_datagram() -> None:
    frames = [
        eth(ip4(WHOLE[:800], 17, fragment=0x2000, tos=2)), eth(ip4(WHOLE[800:1600], 17, fragment=0x2064, tos=3)),
        eth(ip4(WHOLE[1600:], 17, fragment=200, tos=2)),
    ]
    assert feed(frames)[-1].ecn == 3


def test_a_tunnel_in_fragments() -> None:
    inner = ip4(tcp(b"data" * 300))
    content = [inner[:800], inner[800:]]
    frames = [eth(ip4(content[0], 4, fragment=0x2000)), eth(ip4(content[1], 4, fragment=100))]
    packet = feed(frames)[-1]
    assert (packet.kind, payload(packet, 20)) == (TCP, b"data" * 300)
    assert ends(packet) == (A4, B4)


def test_an_atomic_fragment_is_the_whole_datagram() -> None:
    packet = decoded(eth6(pack(">BBHI", 17, 0, 0, 1) + udp(b"abc"), 44))
    assert (packet.kind, payload(packet, 8), packet.fragments) == (UDP, b"abc", [])


def test_fragments_behind_another_extension_header() -> None:
    packet = feed(pieces6(before=b"\x2c\x00\x01\x04\x00\x00\x00\x00"))[-1]
    assert payload(packet, 8) == DATA
    assert packet.layers == ["eth", "ipv6", "ipv6.dstopts", "ipv6.fraghdr", "udp"]


OPTIONS = b"\x06\x00\x01\x04\x00\x00\x00\x00"


@pytest.mark.parametrize(("kind", "layer"), [
    (0, "ipv6.hopopts"), (43, "ipv6.routing"), (60, "ipv6.dstopts"), (140, "shim6"),
])
def test_extension_headers_are_passed_over(kind: int, layer: str) -> None:
    packet = decoded(eth6(OPTIONS + tcp(b"data"), kind))
    assert (packet.kind, packet.protocol, payload(packet, 20)) == (TCP, 6, b"data")
    assert packet.layers == ["eth", "ipv6", layer, "tcp"]
    assert packet.true_end == packet.end


@pytest.mark.parametrize(("content", "kind", "undecoded"), [
    (b"", 59, ""),
    (OPTIONS, 135, "IP protocol 135 Mobility Header"),
    (OPTIONS[:5], 0, "truncated IPv6 extension header"),
    (b"\x06\xff" + bytes(60), 60, "truncated IPv6 extension header"),
    (OPTIONS[:4], 44, "truncated IPv6 fragment header"),
])
def test_extension_headers_that_end_the_packet(content: bytes, kind: int, undecoded: str) -> None:
    packet = decoded(eth6(content, kind))
    assert packet.kind == OTHER_IP
    assert packet.undecoded == undecoded
    assert packet.ip_version == 6


def test_a_jumbogram_has_its_length_in_an_option() -> None:
    """RFC 2675 §2."""
    content = b"\x06\x00\xc2\x04" + pack(">I", 8 + 20 + 70000) + tcp(bytes(70000))
    packet = decoded(eth(ip6(content, 0, length=0) + bytes(4), 0x86DD))
    assert packet.kind == TCP
    assert packet.true_end - packet.transport == 70020


def test_hostile_offsets_leave_nothing_behind() -> None:
    decoder = Decoder()
    for start in range(0, 0x2000, 64):
        for flags in (0, 0x2000, 0x4000, 0x8000):
            packet = decoded(eth(ip4(bytes(16), 17, fragment=flags | start)), decoder=decoder)
            assert packet.kind != NOTHING
    assert decoder.walk.fragments.held < fragments.MAX_HELD
    assert len(decoder.walk.fragments.waiting) <= 1
    assert ends(decoded(eth6(b""), decoder=decoder))[0] == A6
