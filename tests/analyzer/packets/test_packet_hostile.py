"""Whatever bytes come, decoding ends, stays inside the frame and says what stopped it."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_frames import BEFORE, BEHIND, decoded
from test_packet_common import SHAPES
from test_packet_links import CARRIERS
from test_packet_tunnels import TUNNELS

from analyzer.packet import ICMP, ICMPV6, NOTHING, SCTP, TCP, UDP, Packet
from analyzer.packets.decode import Decoder
from analyzer.packets.scope import scope_text

SEEDS = [*CARRIERS.values(), *[(1, frame) for frame, _text in TUNNELS.values()]]
LINKS = sorted({link for link, _frame in SEEDS} | {51, 166, 205, 206, 248, 149, 18, 136})


def check(packet: Packet) -> None:
    """What every reader of a packet may rely on."""
    size = len(packet.data)
    assert packet.kind != NOTHING or packet.undecoded
    assert packet.transport >= 0
    if packet.kind in (TCP, UDP, SCTP):
        assert packet.transport + 4 <= packet.end <= packet.true_end
    if packet.kind != NOTHING:
        assert packet.end <= size
    if packet.ip_version:
        length = 4 if packet.ip_version == 4 else 16
        assert packet.dst == packet.src + length
        assert packet.dst + length <= size
    if packet.kind in (ICMP, ICMPV6) and packet.quoted_kind != NOTHING:
        length = 4 if packet.quoted_version == 4 else 16
        assert packet.quoted_dst == packet.quoted_src + length
        assert packet.quoted_dst + length <= size
    assert 0 <= packet.sport <= 65535
    assert 0 <= packet.dport <= 65535
    assert len(packet.layers) <= 256
    scope_text(packet.scope)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(LINKS), st.binary(max_size=300))
def test_any_bytes(link: int, frame: bytes) -> None:
    check(decoded(frame, link))


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 250), st.one_of(st.sampled_from([0, 1, 255]), st.integers(0, 255))), max_size=4),
    st.integers(0, 300),
)
def test_changed_and_cut_frames(seed: tuple[int, bytes], changes: list[tuple[int, int]], captured: int) -> None:
    link, frame = seed
    changed = bytearray(frame)
    for at, value in changes:
        changed[at % len(changed)] = value
    check(decoded(bytes(changed), link, captured))


@settings(max_examples=100, deadline=None)
@given(st.lists(
    st.tuples(st.sampled_from(SEEDS), st.integers(0, 300), st.integers(14, 40), st.integers(0, 255)), max_size=30
))
def test_one_decoder_and_one_packet_for_many_frames(
    frames: list[tuple[tuple[int, bytes], int, int, int]]
) -> None:
    """What a frame leaves behind must not show in the next: a fresh packet tells the same."""
    decoder = Decoder()
    used = Packet()
    used.want_layers = True
    for number, ((link, frame), captured, at, value) in enumerate(frames):
        changed = bytearray(frame)
        changed[at % len(changed)] = value
        decoded(bytes(changed), link, captured, decoder, number, number, used)
        check(used)
        fresh = decoded(bytes(changed), link, captured)
        if not used.fragments:
            for field in ("kind", "ip_version", "sport", "dport", "end", "true_end", "scope", "undecoded", "layers"):
                assert getattr(used, field) == getattr(fresh, field), field


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("filler", [0x00, 0xFF, 0x45, 0x60, 0x80, 0x88])
def test_uniform_bytes(link: int, filler: int) -> None:
    for size in (0, 1, 2, 3, 4, 7, 8, 15, 16, 39, 40, 63, 64, 300):
        check(decoded(bytes([filler]) * size, link))


def test_a_length_on_the_wire_below_what_was_captured_is_not_believed() -> None:
    packet = Packet()
    link, frame = CARRIERS["802.1Q"]
    data = BEFORE + frame + BEHIND
    Decoder().decode(data, len(BEFORE), len(BEFORE) + len(frame), 10, link, 1, 0, packet)
    check(packet)
    assert packet.kind == TCP
    fast = Packet()
    data = BEFORE + SHAPES["tcp4"] + BEHIND
    Decoder().decode(data, len(BEFORE), len(BEFORE) + len(SHAPES["tcp4"]), 55, 1, 1, 0, fast)
    check(fast)
    assert fast.true_end - fast.transport - 20 == 3
