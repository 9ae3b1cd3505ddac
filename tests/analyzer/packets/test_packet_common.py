"""The common shapes, and that both ways through the decoder tell the same."""
from __future__ import annotations

import pytest
from packet_frames import A4, A6, B4, B6, BEFORE, decoded, ends, eth, eth4, eth6, ip4, ip6, payload, tcp, udp

from analyzer.address import address_text
from analyzer.packet import ARP, NOTHING, OTHER_IP, TCP, UDP, Packet
from analyzer.packets.decode import Decoder

START = len(BEFORE)


def test_ethernet_ipv4_tcp() -> None:
    packet = decoded(eth(ip4(tcp(b"GET /"), tos=3, ttl=61)))
    assert packet.kind == TCP
    assert (packet.sport, packet.dport, packet.ttl, packet.ecn) == (40000, 80, 61, 3)
    assert (packet.base, packet.network, packet.transport) == (START, START + 14, START + 34)
    assert ends(packet) == (A4, B4)
    assert payload(packet, 20) == b"GET /"
    assert packet.true_end == packet.end
    assert packet.layers == ["eth", "ip", "tcp"]
    assert packet.undecoded == ""
    assert packet.scope == b""


def test_ethernet_ipv6_udp() -> None:
    packet = decoded(eth(ip6(udp(b"hello"), 17, tos=0x02), 0x86DD))
    assert (packet.kind, packet.ip_version, packet.ecn) == (UDP, 6, 2)
    assert ends(packet) == (A6, B6)
    assert payload(packet, 8) == b"hello"
    assert packet.layers == ["eth", "ipv6", "udp"]


def test_padding_is_no_payload() -> None:
    packet = decoded(eth4(tcp()) + bytes(6))
    assert packet.end == packet.transport + 20


def test_udp_length_bounds_the_payload() -> None:
    packet = decoded(eth4(udp(b"abcdef", length=11), 17))
    assert payload(packet, 8) == b"abc"
    assert packet.true_end == packet.end


def test_a_cut_frame_keeps_its_true_length() -> None:
    frame = eth4(tcp(bytes(1000)))
    packet = decoded(frame, captured=80)
    assert packet.kind == TCP
    assert packet.end == START + 80
    assert packet.true_end - packet.transport - 20 == 1000


def test_a_total_length_beyond_the_frame_is_bounded() -> None:
    packet = decoded(eth(ip4(tcp(b"abc"), total=9000)))
    assert packet.true_end - packet.transport - 20 == 3


def test_total_length_zero_means_the_rest_of_the_frame() -> None:
    packet = decoded(eth(ip4(tcp(bytes(3000)), total=0)))
    assert packet.kind == TCP
    assert packet.true_end - packet.transport - 20 == 3000


def test_ipv4_options_are_passed_over() -> None:
    packet = decoded(eth(ip4(tcp(b"x"), options=b"\x94\x04\x00\x00")))
    assert packet.transport == START + 14 + 24
    assert payload(packet, 20) == b"x"


SHAPES = {
    "tcp4": eth4(tcp(b"abc")), "tcp6": eth6(tcp(b"abc")), "udp4": eth4(udp(b"abc"), 17), "udp6": eth6(udp(b"abc"), 17),
    "padded": eth4(tcp()) + bytes(6), "options": eth(ip4(tcp(b"x"), options=bytes(4))),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("captured", [None, 70, 60])
def test_step_by_step_tells_the_same(name: str, captured: int | None) -> None:
    """The fast way and the slow one (here through LINKTYPE_RAW, which has no fast way) must agree."""
    frame = SHAPES[name]
    fast = decoded(frame, captured=captured)
    slow = decoded(frame[14:], link=101, captured=None if captured is None else captured - 14)
    for field in ("kind", "ip_version", "protocol", "sport", "dport", "ttl", "ecn", "undecoded", "scope"):
        assert getattr(fast, field) == getattr(slow, field), field
    for field in ("network", "src", "dst", "transport", "end", "true_end"):
        assert getattr(fast, field) - 14 == getattr(slow, field), field
    assert slow.layers == ["raw", *fast.layers[1:]]


def test_a_packet_is_cleared_for_the_next_frame() -> None:
    packet = Packet()
    decoder = Decoder()
    vlan = eth(b"\x00\x64\x08\x00" + ip4(tcp()), 0x8100)
    decoded(vlan, decoder=decoder, packet=packet)
    assert packet.scope != b""
    decoded(eth(bytes(50), 0x88CC), decoder=decoder, packet=packet)
    assert (packet.kind, packet.ip_version, packet.scope) == (NOTHING, 0, b"")
    assert packet.undecoded == "EtherType 0x88cc LLDP"
    decoded(eth4(tcp()), decoder=decoder, packet=packet)
    assert (packet.kind, packet.undecoded, packet.scope, packet.layers) == (TCP, "", b"", [])


@pytest.mark.parametrize(("frame", "undecoded", "layers"), [
    (eth(b"\x35" + ip4(tcp())[1:]), "IP version 3", ["eth", "ip"]),
    (eth(b"\x44" + ip4(tcp())[1:]), "IPv4 header length below 20", ["eth", "ip"]),
    (eth(ip4(tcp(), total=19)), "IPv4 total length below its header", ["eth", "ip"]),
    (eth(ip4(b"")), "IPv4 header without payload", ["eth", "ip"]),
    (eth(ip4(tcp()[:3])), "truncated TCP header", ["eth", "ip", "tcp"]),
    (eth(ip4(udp()[:7], 17)), "truncated UDP header", ["eth", "ip", "udp"]),
    (eth(ip4(tcp(offset=4))), "TCP header length below 20", ["eth", "ip", "tcp"]),
    (eth(ip4(udp(length=7), 17)), "UDP length below 8", ["eth", "ip", "udp"]),
    (eth(ip4(tcp()), 0x86DD), "IP version 4 where IPv6 was announced", ["eth"]),
    (eth(ip4(bytes(20), 50)), "IP protocol 50 ESP", ["eth", "ip", "esp"]),
    (eth(ip4(bytes(20), 201)), "IP protocol 201", ["eth", "ip"]),
    (eth(bytes(20), 0x1234), "EtherType 0x1234", ["eth"]),
    (eth(bytes(20), 1510), "neither length nor EtherType: 1510", ["eth"]),
    (eth(b"")[:13], "truncated Ethernet header", ["eth"]),
])
def test_what_stops_the_decoding_is_named(frame: bytes, undecoded: str, layers: list[str]) -> None:
    packet = decoded(frame)
    assert packet.undecoded == undecoded
    assert packet.layers == layers


def test_other_ip_protocols_keep_their_addresses() -> None:
    packet = decoded(eth4(bytes(20), 50))
    assert (packet.kind, packet.protocol) == (OTHER_IP, 50)
    assert ends(packet) == (A4, B4)
    assert packet.transport == START + 34


def test_ipv6_under_the_ethertype_of_ipv4_is_read() -> None:
    packet = decoded(eth(ip6(tcp(b"x"))))
    assert (packet.kind, packet.ip_version) == (TCP, 6)
    assert packet.layers == ["eth", "ip", "ipv6", "tcp"]


def test_arp() -> None:
    frame = eth(bytes.fromhex("0001080006040001") + b"\x02\0\0\0\0\x01" + A4 + bytes(6) + B4 + bytes(18), 0x0806)
    packet = decoded(frame)
    assert (packet.kind, packet.ip_version, packet.layers) == (ARP, 0, ["eth", "arp"])
    assert packet.data[packet.transport + 14:packet.transport + 18] == A4
    assert packet.undecoded == ""


def test_sctp_has_ports() -> None:
    packet = decoded(eth4(b"\x0b\x59\x0b\x5a" + bytes(12), 132))
    assert (packet.kind, packet.sport, packet.dport, packet.layers[-1]) == (132, 2905, 2906, "sctp")


@pytest.mark.parametrize(("address", "text"), [
    (A4, "10.0.0.1"), (A6, "2001:db8::1"), (bytes(16), "::"), (bytes(15) + b"\x01", "::1"),
    (bytes.fromhex("20010db8000000010001000100010001"), "2001:db8:0:1:1:1:1:1"),
    (b"\x02\0\0\0\0\x01", "02:00:00:00:00:01"), (bytes(10) + b"\xff\xff" + A4, "::ffff:10.0.0.1"),
])
def test_addresses_as_text(address: bytes, text: str) -> None:
    assert address_text(address) == text
