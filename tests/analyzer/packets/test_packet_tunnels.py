"""Packets in packets: tunnels over IP and UDP, and what ICMP errors quote."""
from __future__ import annotations

from struct import pack

import pytest
from packet_frames import (
    A4,
    A6,
    B4,
    B6,
    C4,
    D4,
    decoded,
    ends,
    eth,
    eth4,
    eth6,
    ip4,
    ip6,
    payload,
    tcp,
    udp,
)

from analyzer.packet import ICMP, ICMPV6, NOTHING, OTHER_IP, TCP, UDP, Packet
from analyzer.packets.decode import scope_text

INNER4 = ip4(tcp(b"data"), src=C4, dst=D4)
INNER6 = ip6(tcp(b"data"))
FRAME = eth(INNER4)


def over(port: int, content: bytes) -> bytes:
    return eth4(udp(content, 50000, port), 17)


def gre(kind: int, content: bytes, flags: int = 0, fields: bytes = b"") -> bytes:
    return eth4(pack(">HH", flags, kind) + fields + content, 47)


def gtp(content: bytes, flags: int = 0x30, options: bytes = b"") -> bytes:
    return over(2152, pack(">BBHI", flags, 255, len(options) + len(content), 77) + options + content)


BETWEEN = " between 10.0.0.1 and 10.0.0.2"

TUNNELS: dict[str, tuple[bytes, str]] = {
    "IP in IP": (eth4(INNER4, 4), "IP-in-IP" + BETWEEN),
    "6in4": (eth4(INNER6, 41), "IP-in-IP" + BETWEEN),
    "4in6": (eth6(INNER4, 4), "IP-in-IP between 2001:db8::1 and 2001:db8::2"),
    "GRE": (gre(0x0800, INNER4), "GRE" + BETWEEN),
    "GRE, all fields": (gre(0x86DD, INNER6, 0xB000, bytes(4) + pack(">II", 9, 1)), "GRE 9" + BETWEEN),
    "GRE, routing": (gre(0x0800, INNER4, 0x4000, bytes(4) + b"\x08\x00\x00\x04abcd" + bytes(4)), "GRE" + BETWEEN),
    "GRE, MPLS": (gre(0x8847, b"\x00\x01\x01\xff" + INNER4), "GRE" + BETWEEN),
    "GRE, Frame Relay": (gre(0x6559, b"\x18\x41\x03\xcc" + INNER4), "GRE" + BETWEEN),
    "NVGRE": (gre(0x6558, FRAME, 0x2000, b"\x00\x00\x2a\x07"), "NVGRE 42" + BETWEEN),
    "PPTP": (gre(0x880B, b"\xff\x03\x00\x21" + INNER4, 0x3081, pack(">HHII", 64, 7, 1, 1)), "PPTP" + BETWEEN),
    "WCCP 1": (gre(0x883E, INNER4), "GRE" + BETWEEN),
    "WCCP 2": (gre(0x883E, bytes(4) + INNER4), "GRE" + BETWEEN),
    "ERSPAN I": (gre(0x88BE, FRAME), "ERSPAN" + BETWEEN),
    "ERSPAN II": (gre(0x88BE, b"\x10" + bytes(7) + FRAME, 0x1000, bytes(4)), "ERSPAN" + BETWEEN),
    "ERSPAN III": (gre(0x22EB, b"\x20" + bytes(11) + FRAME, 0x1000, bytes(4)), "ERSPAN" + BETWEEN),
    "ERSPAN III, more": (gre(0x22EB, b"\x20" + bytes(10) + b"\x01" + bytes(8) + FRAME, 0x1000, bytes(4)),
                         "ERSPAN" + BETWEEN),
    "GRE in UDP": (over(4754, pack(">HH", 0, 0x0800) + INNER4), "GRE" + BETWEEN),
    "EtherIP": (eth4(b"\x30\x00" + FRAME, 97), "Ethernet in IP" + BETWEEN),
    "Ethernet in IP": (eth4(FRAME, 143), "Ethernet in IP" + BETWEEN),
    "MPLS in IP": (eth4(b"\x00\x01\x01\xff" + INNER4, 137), "MPLS in IP" + BETWEEN),
    "MPLS in UDP": (over(6635, b"\x00\x01\x01\xff" + INNER4), "MPLS in IP" + BETWEEN),
    "VXLAN": (over(4789, b"\x08\x00\x00\x00\x00\x00\x2a\x00" + FRAME), "VXLAN 42" + BETWEEN),
    "VXLAN, VLAN": (over(4789, b"\x08\x00\x00\x00\x00\x00\x2a\x00" + eth(b"\x00\x64\x08\x00" + INNER4, 0x8100)),
                    "VXLAN 42" + BETWEEN + ", VLAN 100"),
    "VXLAN-GPE": (over(4790, b"\x0c\x00\x00\x02\x00\x00\x2a\x00" + INNER6), "VXLAN 42" + BETWEEN),
    "GENEVE": (over(6081, b"\x00\x00\x65\x58\x00\x00\x2a\x00" + FRAME), "GENEVE 42" + BETWEEN),
    "GENEVE, options": (over(6081, b"\x02\x00\x08\x00\x00\x00\x2a\x00\x01\x02\x03\x01abcd" + INNER4),
                        "GENEVE 42" + BETWEEN),
    "GTP": (gtp(INNER4), "GTP-U" + BETWEEN),
    "GTP, sequence": (gtp(INNER6, 0x32, b"\x00\x01\x00\x00"), "GTP-U" + BETWEEN),
    "GTP, extensions": (gtp(INNER4, 0x34, b"\x00\x01\x00\x85\x01\x00\x00\xc0\x01\x00\x00\x00"), "GTP-U" + BETWEEN),
    "GTP 0": (over(3386, b"\x1e\xff" + pack(">H", len(INNER4)) + bytes(16) + INNER4), "GTP-U" + BETWEEN),
    "Teredo": (over(3544, INNER6), "Teredo" + BETWEEN),
    "Teredo, indications": (over(3544, b"\x00\x01\x00\x00" + bytes(9) + bytes(8) + INNER6), "Teredo" + BETWEEN),
    "L2TP": (over(1701, b"\x00\x02\x00\x01\x00\x02\xff\x03\x00\x21" + INNER4), "L2TP" + BETWEEN),
    "L2TP, all fields": (over(1701, b"\x4a\x02\x00\x50" + bytes(8) + b"\x00\x02ab\x00\x21" + INNER4), "L2TP" + BETWEEN),
    "LISP": (over(4341, bytes(8) + INNER6), "LISP" + BETWEEN),
    "TZSP": (over(37008, b"\x01\x00\x00\x01\x0a\x01\xaa\x00\x01" + FRAME), "TZSP" + BETWEEN),
    "CAPWAP": (over(5247, b"\x00\x10\x02\x00\x00\x00\x00\x00" + FRAME), "CAPWAP" + BETWEEN),
    "AYIYA": (over(5072, b"\x44\x51\x11\x29" + bytes(40) + INNER6), "AYIYA" + BETWEEN),
    "PIM register": (eth4(b"\x21" + bytes(7) + INNER4, 103), "PIM register" + BETWEEN),
    "authentication": (eth4(b"\x06\x04" + bytes(22) + tcp(b"data"), 51), ""),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_the_inner_packet_is_told(name: str) -> None:
    frame, text = TUNNELS[name]
    packet = decoded(frame)
    assert packet.kind == TCP, packet.undecoded
    assert payload(packet, 20) == b"data"
    assert packet.true_end == packet.end
    assert scope_text(packet.scope) == text
    assert packet.undecoded == ""
    if text:
        assert ends(packet) == ((C4, D4) if packet.ip_version == 4 else (A6, B6))


@pytest.mark.parametrize("name", TUNNELS)
def test_cut_at_every_offset(name: str) -> None:
    frame, _text = TUNNELS[name]
    whole = decoded(frame)
    for captured in range(len(frame)):
        packet = decoded(frame, captured=captured)
        assert packet.layers == whole.layers[:len(packet.layers)]
        assert packet.end <= packet.true_end
        if packet.layers != whole.layers:
            assert packet.undecoded
            assert packet.kind != TCP


def test_both_directions_of_a_tunnel_have_one_scope() -> None:
    def tunnelled(src: bytes, dst: bytes) -> Packet:
        content = b"\x08\x00\x00\x00\x00\x00\x2a\x00" + FRAME
        return decoded(eth4(udp(content, 50000, 4789), 17, src, dst))

    assert tunnelled(A4, B4).scope == tunnelled(B4, A4).scope
    assert tunnelled(A4, B4).scope != tunnelled(A4, C4).scope


def test_tunnel_endpoint_identifiers_differ_by_direction_so_they_are_left_out() -> None:
    frame = gtp(INNER4)
    other = frame.replace(pack(">I", 77), pack(">I", 78))
    assert other != frame
    assert decoded(frame).scope == decoded(other).scope


def test_a_tunnel_that_carries_something_else_stays_the_outer_conversation() -> None:
    packet = decoded(over(4789, b"\x08\x00\x00\x00\x00\x00\x2a\x00" + eth(bytes(50), 0x88CC)))
    assert (packet.kind, packet.dport, packet.scope) == (UDP, 4789, b"")
    assert packet.undecoded == "EtherType 0x88cc LLDP"
    assert ends(packet) == (A4, B4)


@pytest.mark.parametrize(("frame", "undecoded"), [
    (over(2152, b"\x32\x01\x00\x04" + bytes(8)), "GTP version 1 message 1"),
    (over(2123, b"\x48\x20\x00\x0c" + bytes(12)), "GTP version 2 message 32"),
    (gtp(bytes(4) + INNER4, 0x34, b"\x00\x01\x00\x85"), "GTP extension header cut or of length 0"),
    (over(1701, b"\xc8\x02\x00\x0c" + bytes(8)), "L2TP control message"),
    (over(1701, b"\x00\x03" + bytes(20)), "L2TP version 3"),
    (over(4500, b"\x00\x00\x01\x01" + bytes(40)), "IP protocol 50 ESP"),
    (over(5247, b"\x00\x10\x02\x80\x00\x01\x00\x00" + FRAME), "CAPWAP fragment"),
    (over(5247, b"\x01\x00\x00\x00" + FRAME), "CAPWAP in DTLS"),
    (gre(0x1234, bytes(20)), "EtherType 0x1234"),
])
def test_what_a_tunnel_does_not_tell(frame: bytes, undecoded: str) -> None:
    packet = decoded(frame)
    assert packet.undecoded == undecoded
    assert packet.kind in (UDP, OTHER_IP)


def test_a_system_port_is_no_tunnel() -> None:
    packet = decoded(eth4(udp(b"\x08\x00\x00\x00\x00\x00\x2a\x00" + FRAME, 53, 4789), 17))
    assert packet.layers == ["eth", "ip", "udp"]
    assert packet.dport == 4789


def test_nesting_is_bounded() -> None:
    inner = tcp(b"data")
    protocol = 6
    for _ in range(90):
        inner = ip4(inner, protocol)
        protocol = 4
    packet = decoded(eth(inner))
    assert packet.undecoded == "more than 64 headers"


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
def test_an_icmp_error_quotes(kind: int) -> None:
    quoted = ip4(udp(b"who asked", 5353, 4444), 17, src=C4, dst=D4)[:28]
    packet = decoded(eth4(bytes((kind, 1)) + bytes(2) + b"\x00\x01\x02\x03" + quoted, 1))
    assert packet.kind == ICMP
    assert ends(packet) == (A4, B4)
    assert (packet.quoted_kind, packet.quoted_version) == (UDP, 4)
    assert (packet.quoted_sport, packet.quoted_dport) == (5353, 4444)
    assert packet.data[packet.quoted_src:packet.quoted_src + 8] == C4 + D4
    assert packet.layers == ["eth", "ip", "icmp", "ip", "udp"]
    assert packet.undecoded == ""


def test_an_icmp_echo_quotes_nothing() -> None:
    packet = decoded(eth4(b"\x08\x00" + bytes(6) + INNER4, 1))
    assert (packet.kind, packet.quoted_kind) == (ICMP, NOTHING)
    assert packet.layers == ["eth", "ip", "icmp"]


def test_a_quote_ends_before_the_extensions() -> None:
    """RFC 4884 §4: the length counts words; what follows is no part of the quoted datagram."""
    beyond = ip4(udp(), 17, src=D4, dst=C4)
    quoted = ip4(ip4(ip4(beyond, 4, src=C4, dst=D4, options=bytes(28)), 4, options=bytes(40)), 4)
    assert len(quoted) - len(beyond) == 128

    def innermost(words: int) -> bytes:
        packet = decoded(eth4(bytes((11, 0, 0, 0, 0, words, 0, 0)) + quoted, 1))
        return packet.data[packet.quoted_src:packet.quoted_src + 4]

    assert innermost(0) == D4
    assert innermost(32) == C4


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_an_icmpv6_error_quotes(kind: int) -> None:
    packet = decoded(eth6(bytes((kind, 0)) + bytes(6) + ip6(tcp(b"x"), src=B6, dst=A6), 58))
    assert packet.kind == ICMPV6
    assert (packet.quoted_kind, packet.quoted_version, packet.quoted_dport) == (TCP, 6, 80)
    assert packet.data[packet.quoted_src:packet.quoted_src + 32] == B6 + A6
    assert packet.layers == ["eth", "ipv6", "icmpv6", "ipv6", "tcp"]


def test_an_icmpv6_redirect_quotes_in_an_option() -> None:
    option = b"\x02\x01" + bytes(6) + b"\x04\x09" + bytes(6) + ip6(udp(b"12345678", 1111, 2222), 17)
    packet = decoded(eth6(b"\x89\x00" + bytes(38) + option, 58))
    assert (packet.quoted_kind, packet.quoted_sport, packet.quoted_dport) == (UDP, 1111, 2222)


def test_a_quoted_tunnel_gives_the_conversation_inside() -> None:
    packet = decoded(eth4(b"\x03\x01" + bytes(6) + ip4(INNER4, 4), 1))
    assert packet.quoted_kind == TCP
    assert packet.data[packet.quoted_src:packet.quoted_src + 8] == C4 + D4
    assert packet.quoted_scope == decoded(eth4(INNER4, 4)).scope
