"""Which share a packet belongs to: the same for both directions, for fragments, in tunnels, and everywhere."""
from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcap_bytes import ethernet, ipv4, tcp, udp

from analyzer.flows.tracker import parties_of
from analyzer.packet import ICMP, NOTHING, Packet
from analyzer.packets.decode import Decoder
from analyzer.partition import SHARES, share_of, share_of_pair, share_quoted
from dissectors.registry import protocols

ADDRESSES = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))


def decoded(*frames: bytes) -> Packet:
    """The last of these frames, after the others."""
    decoder, packet = Decoder(), Packet()
    for number, frame in enumerate(frames, 1):
        decoder.decode(frame, 0, len(frame), len(frame), 1, number, number, packet)
    return packet


def share(*frames: bytes) -> int:
    return int(share_of(decoded(*frames), SHARES))


def pair(one: bytes, other: bytes, shares: int = SHARES) -> int:
    return int(share_of_pair(one + other, 0, len(one), len(one), shares))


def host(number: int) -> bytes:
    return bytes((10, 0, number >> 8, number & 255))


@given(st.data(), st.integers(1, 1000))
def test_both_directions_are_in_one_share_whatever_lies_around(data: st.DataObject, shares: int) -> None:
    one = data.draw(ADDRESSES)
    other = data.draw(st.binary(min_size=len(one), max_size=len(one)))
    found = pair(one, other, shares)
    assert 0 <= found < shares
    assert found == pair(other, one, shares)
    assert found == share_of_pair(b"before" + one + other + b"behind", 6, 6 + len(one), len(one), shares)


# What machines and versions of Python agree on: these numbers never change, or shares of one capture that were
# followed elsewhere do not fit together.
@pytest.mark.parametrize(("one", "other", "expected"), [
    ("0a000001", "0a000002", 5), ("c6120001", "0a14000a", 4), ("00000000", "00000000", 0), ("ffffffff", "ffffffff", 6),
    ("20010db8000a00140000000000000001", "20010db800c600120000000000000002", 0),
])
def test_the_shares_are_the_same_everywhere(one: str, other: str, expected: int) -> None:
    assert pair(bytes.fromhex(one), bytes.fromhex(other)) == expected


def test_another_process_finds_the_same() -> None:
    script = (
        "from analyzer.partition import share_of_pair as s\n"
        "print([int(s(bytes((10, 0, n >> 4, n, 192, 168, n, 1)), 0, 4, 4, 8)) for n in range(64)])"
    )
    found = {
        subprocess.run([sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True,
                       text=True).stdout
        for seed in ("0", "1")
    }
    expected = [pair(bytes((10, 0, n >> 4, n)), bytes((192, 168, n, 1))) for n in range(64)]
    assert found == {f"{expected}\n"}


@pytest.mark.parametrize("pairs", [
    [(host(client), host(5000)) for client in range(2000)], [(host(n % 50), host(300 + n // 50)) for n in range(2000)],
    [(bytes(15) + bytes((n & 255,)), bytes(14) + n.to_bytes(2)) for n in range(2000)],
])
def test_shares_are_about_equal(pairs: list[tuple[bytes, bytes]]) -> None:
    counts = [0] * SHARES
    for one, other in pairs:
        counts[pair(one, other)] += 1
    assert min(counts) > 0.7 * 2000 / SHARES
    assert max(counts) < 1.3 * 2000 / SHARES


def fragment(payload: bytes, at: int, more: bool) -> bytes:
    header = bytearray(ipv4(payload, 17, host(7), host(11)))
    header[4:8] = (77).to_bytes(2) + ((0x2000 if more else 0) | at // 8).to_bytes(2)
    return ethernet(bytes(header))


def test_fragments_are_where_their_datagram_is() -> None:
    whole = udp(bytes(40), 5000, 53)
    first, second = fragment(whole[:16], 0, True), fragment(whole[16:], 16, False)
    expected = pair(host(7), host(11))
    assert expected != 0
    assert decoded(first, second).fragments == [1, 2]
    assert [share(first, second), share(second, first), share(first), share(second)] == [expected] * 4


def error(quoted: bytes) -> bytes:
    return ethernet(ipv4(bytes((3, 1, 0, 0, 0, 0, 0, 0)) + quoted, 1, host(4), host(7)))


def test_an_error_is_heard_of_where_its_quoted_packet_is() -> None:
    packet = decoded(error(ipv4(tcp(b"", 5000, 80), 6, host(7), host(11))[:28]))
    assert packet.kind == ICMP
    assert share_of(packet, SHARES) == pair(host(4), host(7))
    assert share_quoted(packet, SHARES) == pair(host(7), host(11)) != pair(host(4), host(7))
    assert share_quoted(decoded(error(b"")), SHARES) == -1


def test_tunnels_and_vlans_do_not_count() -> None:
    inner = ipv4(tcp(b"", 5000, 80), 6, host(7), host(11))
    tagged = bytes(12) + b"\x81\x00\x00\x05\x08\x00" + inner
    wrapped = [ethernet(ipv4(inner, 4, host(20 + end), host(40))) for end in range(3)]
    assert {share(ethernet(inner)), share(tagged), *map(share, wrapped)} == {pair(host(7), host(11))}


@pytest.mark.parametrize(("sport", "dport"), [(68, 67), (67, 68), (67, 67), (5000, 67), (546, 547), (547, 546)])
def test_dhcp_is_in_one_share(sport: int, dport: int) -> None:
    ends = [(host(7), host(11)), (bytes(4), b"\xff" * 4), (host(11), host(8))]
    frames = [ethernet(ipv4(udp(b"", sport, dport), 17, one, other)) for one, other in ends]
    assert {share(frame) for frame in frames} == {0}
    assert {int(share_quoted(decoded(error(frame[14:])), SHARES)) for frame in frames} == {0}


@pytest.mark.parametrize("frame", [
    b"", bytes(60), ethernet(bytes(28), 0x0806), ethernet(b"\x45"), ethernet(b"", 0x86DD),
])
def test_what_has_no_addresses_is_in_the_first(frame: bytes) -> None:
    packet = decoded(frame)
    assert packet.ip_version == 0 or packet.kind == NOTHING
    assert share_of(packet, SHARES) == 0


def test_conversations_that_go_by_their_client_are_in_one_share() -> None:
    """Their datagrams have one address in common at the most: a protocol with parties must have its ports here."""
    known = parties_of(protocols())
    assert known
    for port in known:
        for sport, dport in ((5000, port), (port, 5000)):
            for number in range(20):
                assert share(ethernet(ipv4(udp(b"?" * 60, sport, dport), 17, host(number), host(7)))) == 0
