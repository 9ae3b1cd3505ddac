"""Link types, and what stands between them and IP."""
from __future__ import annotations

from struct import pack

import pytest
from packet_frames import A4, B4, MACS, decoded, ends, eth, ip4, ip6, payload, tcp

from analyzer.packet import NOTHING, TCP
from analyzer.packets.scope import scope_text

IP4 = ip4(tcp(b"data"))
IP6 = ip6(tcp(b"data"))
FRAME = eth(IP4)
SNAP = b"\xaa\xaa\x03\x00\x00\x00\x08\x00" + IP4
LABEL = b"\x00\x01\x01\xff"
WIFI = b"\x08\x02\x00\x00" + bytes(18) + b"\x10\x00" + SNAP
QOS = b"\x88\x02\x00\x00" + bytes(18) + b"\x10\x00" + b"\x00\x00" + SNAP
MSDU = MACS + pack(">H", len(SNAP)) + SNAP


def sll(kind: int, payload_: bytes, hardware: int = 1) -> bytes:
    return pack(">HHH8sH", 0, hardware, 6, bytes(8), kind) + payload_


def radiotap(fields: bytes, present: int, payload_: bytes) -> bytes:
    return pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + payload_


CARRIERS: dict[str, tuple[int, bytes]] = {
    "802.3 SNAP": (1, MACS + pack(">H", len(SNAP)) + SNAP + bytes(9)),
    "802.3 SNAP, bridge tunnel": (1, MACS + pack(">H", len(SNAP)) + SNAP[:5] + b"\xf8" + SNAP[6:]),
    "802.3 LLC": (1, MACS + pack(">H", 3 + len(IP4)) + b"\x06\x06\x03" + IP4),
    "bridged SNAP": (1, MACS + pack(">H", 200) + b"\xaa\xaa\x03\x00\x80\xc2\x00\x07\x00\x00" + FRAME),
    "ISL": (1, bytes.fromhex("01000c000000020000000001005aaaaa0300000c") + b"\x00\xc8" + bytes(4) + FRAME + bytes(4)),
    "802.1Q": (1, eth(b"\x00\x64\x08\x00" + IP4, 0x8100)),
    "802.1ad": (1, eth(b"\x00\x07\x81\x00\x00\x64\x08\x00" + IP4, 0x88A8)),
    "802.1Q with a length": (1, eth(b"\x00\x64" + pack(">H", len(SNAP)) + SNAP, 0x8100)),
    "802.1ah": (1, eth(bytes(4) + MACS + b"\x08\x00" + IP4, 0x88E7)),
    "VN-Tag": (1, eth(bytes(4) + b"\x08\x00" + IP4, 0x8926)),
    "E-Tag": (1, eth(bytes(6) + b"\x08\x00" + IP4, 0x893F)),
    "HSR": (1, eth(bytes(4) + b"\x08\x00" + IP4, 0x892F)),
    "R-Tag": (1, eth(bytes(4) + b"\x08\x00" + IP4, 0xF1C1)),
    "Cisco metadata": (1, eth(bytes(6) + b"\x08\x00" + IP4, 0x8909)),
    "FabricPath": (1, eth(bytes(2) + FRAME, 0x8903)),
    "TRILL": (1, eth(b"\x00\x41\x00\x01\x00\x02" + bytes(4) + FRAME, 0x22F3)),
    "Arista": (1, eth(b"\x00\x01\x00\x10" + bytes(8) + b"\x08\x00" + IP4, 0xD28B)),
    "MACsec in the clear": (1, eth(b"\x20\x00" + bytes(12) + b"\x08\x00" + IP4 + bytes(16), 0x88E5)),
    "MPLS": (1, eth(LABEL + IP4, 0x8847)),
    "MPLS, two labels": (1, eth(b"\x00\x02\x00\xff" + LABEL + IP6, 0x8847)),
    "MPLS pseudowire, control word": (1, eth(LABEL + bytes(4) + FRAME, 0x8847)),
    "MPLS pseudowire, none": (1, eth(LABEL + FRAME, 0x8847)),
    "MPLS channel": (1, eth(LABEL + b"\x10\x00\x00\x21" + IP4, 0x8847)),
    "PPPoE": (1, eth(b"\x11\x00\x00\x05" + pack(">H", 2 + len(IP4)) + b"\x00\x21" + IP4 + bytes(8), 0x8864)),
    "PPPoE, IPv6": (1, eth(b"\x11\x00\x00\x05" + pack(">H", 2 + len(IP6)) + b"\x00\x57" + IP6, 0x8864)),
    "NSH": (1, eth(b"\x00\x02\x02\x01" + bytes(4) + IP4, 0x894F)),
    "Ethernet in NSH": (1, eth(b"\x00\x02\x02\x03" + bytes(4) + FRAME, 0x894F)),
    "cooked": (113, sll(0x0800, IP4)),
    "cooked, VLAN": (113, sll(0x8100, b"\x00\x64\x08\x00" + IP4)),
    "cooked, LLC": (113, sll(4, SNAP)),
    "cooked, Ethernet": (113, sll(3, FRAME)),
    "cooked, PPP": (113, sll(7, b"\x00\x21" + IP4)),
    "cooked, radiotap": (113, sll(0, radiotap(b"", 0, WIFI), 803)),
    "cooked v2": (276, pack(">HHIHBB8s", 0x86DD, 0, 1, 1, 0, 6, bytes(8)) + IP6),
    "raw 101": (101, IP4), "raw 101, IPv6": (101, IP6), "raw 12": (12, IP4), "raw 14": (14, IP6),
    "IPv4": (228, IP4), "IPv6": (229, IP6),
    "null, little-endian": (0, b"\x02\x00\x00\x00" + IP4), "null, big-endian": (0, b"\x00\x00\x00\x02" + IP4),
    "null, FreeBSD": (0, b"\x1c\x00\x00\x00" + IP6), "null, macOS": (0, b"\x00\x00\x00\x1e" + IP6),
    "null, EtherType": (0, b"\x0f\x00\x08\x00" + IP4), "null, two bytes": (0, b"\x00\x02\x00\x00" + IP4),
    "null, PPP": (0, b"\xff\x03\x00\x21" + IP4),
    "loop": (108, b"\x00\x00\x00\x02" + IP4), "loop, OpenBSD": (108, b"\x00\x00\x00\x18" + IP6),
    "PPP": (9, b"\x00\x21" + IP4), "PPP, one byte": (9, b"\x21" + IP4), "PPP, HDLC": (9, b"\xff\x03\x00\x57" + IP6),
    "PPP, MPLS": (9, b"\xff\x03\x02\x81" + LABEL + IP4),
    "PPP multilink": (9, b"\x00\x3d\xc0\x00\x00\x01\x00\x21" + IP4),
    "PPP, bridged": (9, b"\x00\x31\x00\x01" + FRAME), "PPP 50": (50, b"\xff\x03\x00\x21" + IP4),
    "PPP 204": (204, b"\x01\xff\x03\x00\x21" + IP4), "PPP, Cisco": (9, b"\x0f\x00\x08\x00" + IP4),
    "PPPoE session": (51, b"\x11\x00\x00\x05" + pack(">H", 2 + len(IP4)) + b"\x00\x21" + IP4),
    "Cisco HDLC": (104, b"\x0f\x00\x08\x00" + IP4), "Cisco HDLC, MPLS": (104, b"\x8f\x00\x88\x47" + LABEL + IP4),
    "Frame Relay": (107, b"\x18\x41\x03\xcc" + IP4), "Frame Relay, padded": (107, b"\x18\x41\x03\x00\x8e" + IP6),
    "Frame Relay, SNAP": (107, b"\x18\x41\x03\x00\x80\x00\x00\x00\x08\x00" + IP4),
    "Frame Relay, bridged": (107, b"\x18\x41\x03\x00\x80\x00\x80\xc2\x00\x07" + FRAME),
    "Frame Relay, Cisco": (107, b"\x18\x41\x08\x00" + IP4),
    "802.11": (105, WIFI), "802.11 QoS": (105, QOS),
    "802.11 WDS": (105, b"\x08\x03" + WIFI[2:24] + bytes(6) + WIFI[24:]),
    "802.11 HT control": (105, b"\x88\x82" + QOS[2:26] + bytes(4) + QOS[26:]),
    "802.11 mesh": (105, b"\x88\x03" + bytes(22) + bytes(6) + b"\x00\x01" + b"\x00\x1f\x00\x00\x00\x00" + SNAP),
    "radiotap": (127, radiotap(b"", 0, WIFI)), "radiotap, flags": (127, radiotap(b"\x10\x00", 2, WIFI + b"FCS!")),
    "radiotap, time": (127, radiotap(bytes(8) + b"\x10\x00", 3, WIFI + b"FCS!")),
    "radiotap, more bitmaps": (127, radiotap(b"\x02\x00\x00\x00" + b"\x10\x00", 0x80000002, WIFI + b"FCS!")),
    "radiotap, padded": (127, radiotap(b"\x20\x00", 2, QOS[:26] + bytes(2) + QOS[26:])),
    "PPI": (192, pack("<BBHI", 0, 0, 8, 105) + WIFI), "PPI, Ethernet": (192, pack("<BBHI", 0, 0, 8, 1) + FRAME),
    "Prism": (119, pack("<II", 0x44, 144) + bytes(136) + WIFI),
    "AVS": (163, pack(">II", 0x80211001, 64) + bytes(56) + WIFI),
    "FDDI": (10, b"\x57" + MACS + SNAP), "Token Ring": (6, b"\x10\x40" + MACS + SNAP),
    "Token Ring, routed": (6, b"\x10\x40" + MACS[:6] + b"\x82" + MACS[7:] + b"\x02\x00" + SNAP),
    "nflog": (239, b"\x02\x00\x00\x05" + b"\x08\x00\x01\x00\x08\x00\x00\x00" + pack("<HH", 4 + len(IP4), 9) + IP4),
    "pflog": (117, b"\x3d\x02" + bytes(62) + IP4), "enc": (109, pack("<III", 24, 1, 0) + IP6),
    "IP over InfiniBand": (242, bytes(40) + b"\x08\x00\x00\x00" + IP4),
    "PKTAP": (258, pack("<III", 108, 1, 1) + bytes(96) + FRAME),
    "Juniper Ethernet": (178, b"MGC\x80\x00\x04abcd" + FRAME),
    "Juniper, no link": (178, b"MGC\x02\x02\x00\x00\x00" + IP4),
    "Juniper PPP": (179, b"MGC\x00\x00\x21" + IP4), "Juniper Frame Relay": (180, b"MGC\x00\x18\x41\x03\xcc" + IP4),
    "Broadcom tag": (281, MACS + bytes(4) + b"\x08\x00" + IP4), "Broadcom tag before": (282, bytes(4) + FRAME),
    "Ethertype DSA": (285, MACS + bytes(8) + b"\x08\x00" + IP4),
    "DSA, LLC": (284, MACS + bytes(4) + b"\x00\x80" + SNAP),
    "ERF": (197, bytes(8) + b"\x02\x04\x00\x60\x00\x00\x00\x40" + bytes(2) + FRAME),
    "ERF, extended": (197, bytes(8) + b"\x82\x04\x00\x60\x00\x00\x00\x40" + bytes(8) + bytes(2) + FRAME),
    "MPLS link": (219, LABEL + IP4), "RFC 2684": (100, SNAP), "Fibre Channel": (122, bytes(16) + SNAP),
    "SunATM": (123, bytes(4) + SNAP), "IEEE 1394": (138, bytes(16) + b"\x86\xdd" + IP6),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_what_a_link_carries(name: str) -> None:
    link, frame = CARRIERS[name]
    packet = decoded(frame, link)
    assert packet.kind == TCP, packet.undecoded
    assert payload(packet, 20) == b"data"
    assert packet.true_end == packet.end
    assert packet.undecoded == ""
    assert packet.layers[-1] == "tcp"
    assert (packet.sport, packet.dport) == (40000, 80)


@pytest.mark.parametrize("name", CARRIERS)
def test_cut_at_every_offset(name: str) -> None:
    """A shorter capture tells less, never something else: the layers are a beginning of the whole frame's."""
    link, frame = CARRIERS[name]
    whole = decoded(frame, link)
    for captured in range(1, len(frame)):
        packet = decoded(frame, link, captured)
        assert packet.end <= packet.true_end
        if packet.kind == TCP:
            assert (packet.sport, packet.dport) == (40000, 80)
            assert packet.true_end - packet.transport == whole.true_end - whole.transport
        else:
            assert packet.undecoded
        if "MPLS pseudowire" not in name:
            assert packet.layers == whole.layers[:len(packet.layers)]


@pytest.mark.parametrize(("link", "frame", "undecoded"), [
    (105, b"\x08\x42" + WIFI[2:], "802.11 protected frame"),
    (105, b"\x80\x00" + WIFI[2:], "802.11 management frame"),
    (105, b"\xd4\x00" + WIFI[2:], "802.11 control frame"),
    (105, b"\x48\x01" + WIFI[2:24], "802.11 data frame without data"),
    (105, b"\x08\x06" + WIFI[2:], "802.11 fragment"),
    (105, WIFI[:22] + b"\x11\x00" + WIFI[24:], "802.11 fragment"),
    (105, b"\x09\x02" + WIFI[2:], "802.11 protocol version 1"),
    (127, b"\x00\x00\x04\x00" + bytes(20), "radiotap length below 8"),
    (101, b"\x30" + bytes(30), "IP version 3"),
    (0, b"\x07\x00\x00\x00" + IP4, "address family 7"),
    (9, b"\xc0\x21" + bytes(8), "PPP protocol 0xc021 LCP"),
    (104, b"\x8f\x00\x80\x35" + bytes(14), "SLARP"),
    (1, MACS + b"\x00\x26\x42\x42\x03" + bytes(35), "LLC SAP 0x42 spanning tree"),
    (1, MACS + b"\x00\x30\xff\xff" + bytes(46), "IPX"),
    (1, MACS + b"\x00\x30\xaa\xaa\x03\x00\x00\x0c\x20\x00" + bytes(40), "SNAP protocol 00000c:2000"),
    (1, eth(b"\x2c\x00" + bytes(40), 0x88E5), "MACsec protected frame"),
    (1, eth(b"\x00\x01\x00\xff" * 3, 0x8847), "truncated MPLS label"),
    (113, sll(0, bytes(20), 824), "netlink message"),
    (239, b"\x02\x00\x00\x05\x00\x00\x09\x00", "nflog element length below 4"),
    (9999, bytes(60), "link type 9999"),
])
def test_what_a_link_does_not_tell(link: int, frame: bytes, undecoded: str) -> None:
    packet = decoded(frame, link)
    assert packet.undecoded == undecoded
    assert packet.kind == NOTHING


def test_aggregated_frames_tell_the_first_and_name_the_rest() -> None:
    frame = b"\x88\x02" + bytes(20) + b"\x10\x00" + b"\x80\x00" + MSDU + bytes(-len(MSDU) % 4) + MSDU
    packet = decoded(frame, 105)
    assert packet.kind == TCP
    assert ends(packet) == (A4, B4)
    assert payload(packet, 20) == b"data"
    assert packet.undecoded == "further frames of an A-MSDU"


@pytest.mark.parametrize(("name", "text"), [
    ("802.1Q", "VLAN 100"), ("802.1ad", "VLAN 7, VLAN 100"), ("ISL", "VLAN 100"), ("PPPoE", "PPPoE session 5"),
    ("MPLS", ""), ("cooked, VLAN", "VLAN 100"),
])
def test_scope(name: str, text: str) -> None:
    link, frame = CARRIERS[name]
    assert scope_text(decoded(frame, link).scope) == text


def test_vlan_priority_is_no_part_of_the_scope() -> None:
    low = decoded(eth(b"\x00\x64\x08\x00" + IP4, 0x8100))
    high = decoded(eth(b"\xe0\x64\x08\x00" + IP4, 0x8100))
    assert low.scope == high.scope
