"""Link layers: Ethernet with its tags, LLC, Linux cooked, BSD null, PPP, Cisco HDLC, Frame Relay, raw IP."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import ARP
from analyzer.packets import scope
from analyzer.packets.names import ppp_protocol_name, sap_name
from analyzer.packets.rare import rare
from analyzer.packets.tags import tagged
from analyzer.packets.walk import (
    CISCO_HDLC,
    ETHERNET,
    ETHERTYPE,
    FRAME_RELAY,
    IP,
    IPV6,
    LLC,
    MPLS,
    NSH,
    PPI,
    PPP,
    PPP_HDLC,
    RADIOTAP,
    WLAN,
    Walk,
    le32,
)
from dissectors.kit.octets import be16, be32

# IEEE 802.3 §3.2.6: up to here the field is a length, from 0x0600 on a type.
LARGEST_LENGTH: Final = 1_500
LEAST_TYPE: Final = 0x0600

def ethernet(walk: Walk) -> None:
    """IEEE 802.3 §3.1.1, and Ethernet II."""
    walk.layer("eth")
    if walk.lacks(14, "Ethernet header"):
        return
    data = walk.data
    at = walk.at
    kind = be16(data, at + 12)
    if kind > LARGEST_LENGTH:
        walk.go(ETHERTYPE, at + 14, kind)
    elif data[at + 4] == 0 and be32(data, at) in (0x01000C00, 0x0C000C00):
        _isl(walk)
    else:
        _length(walk, at + 14, kind)


def _isl(walk: Walk) -> None:
    """Cisco Inter-Switch Link: addresses, length, SNAP, VLAN and a bit, index, reserved; the frame; its own CRC."""
    walk.layer("isl")
    if not walk.lacks(26, "ISL header"):
        walk.scope += scope.vlan(be16(walk.data, walk.at + 20) >> 1)
        walk.go(ETHERNET, walk.at + 26)


def _length(walk: Walk, at: i64, length: i64) -> None:
    """A length stands where a type could: LLC follows, or IPX without it (its checksum is always FFFF)."""
    walk.bound(at + length)
    if at + 2 <= walk.end and be16(walk.data, at) == 0xFFFF:
        walk.layer("ipx")
        walk.stop("IPX")
    else:
        walk.go(LLC, at)


def ethertype(walk: Walk) -> None:
    """What an EtherType announces (IANA "IEEE 802 Numbers")."""
    kind = walk.value
    at = walk.at
    if kind == 0x0800:
        walk.go(IP, at)
    elif kind == 0x86DD:
        walk.go(IPV6, at)
    elif kind in (0x0806, 0x8035):
        _arp(walk)
    elif kind in (0x8100, 0x88A8, 0x9100, 0x9200):
        _vlan(walk)
    elif kind in (0x8847, 0x8848):
        walk.go(MPLS, at)
    elif kind == 0x8864:
        _pppoe(walk)
    elif kind == 0x880B:
        walk.go(PPP, at)
    elif kind in (0x6558, 0x6400):
        walk.go(ETHERNET, at)
    elif kind == 0x8870:
        walk.go(LLC, at)
    elif kind == 0x894F:
        walk.go(NSH, at)
    elif kind == 0x890D:
        walk.go(WLAN, at)
    else:
        tagged(walk, kind)


def _vlan(walk: Walk) -> None:
    """IEEE 802.1Q §9.6: priority and VLAN identifier, then a type or a length."""
    walk.layer("ieee8021ad" if walk.value == 0x88A8 else "vlan")
    if walk.lacks(4, "VLAN tag"):
        return
    data = walk.data
    at = walk.at
    walk.scope += scope.vlan(be16(data, at) & 0xFFF)
    kind = be16(data, at + 2)
    if kind <= LARGEST_LENGTH:
        _length(walk, at + 4, kind)
    else:
        walk.go(ETHERTYPE, at + 4, kind)


def _pppoe(walk: Walk) -> None:
    """RFC 2516 §4."""
    walk.layer("pppoes")
    if walk.lacks(6, "PPPoE header"):
        return
    data = walk.data
    at = walk.at
    walk.scope += scope.pppoe(be16(data, at + 2))
    walk.bound(at + 6 + be16(data, at + 4))
    walk.go(PPP, at + 6)


def _arp(walk: Walk) -> None:
    """RFC 826; EtherType 8035 is RARP (RFC 903)."""
    walk.layer("arp")
    packet = walk.packet
    if walk.quoting:
        walk.done()
        return
    if walk.lacks(8, "ARP packet"):
        return
    packet.kind = ARP
    packet.ip_version = 0
    packet.protocol = 0
    packet.transport = walk.at
    packet.network = walk.at
    packet.end = walk.end
    packet.true_end = walk.true_end
    packet.sport = 0
    packet.dport = 0
    packet.scope = walk.scope
    walk.done()


def llc(walk: Walk) -> None:
    """IEEE 802.2 §3: service access points, control of one byte (unnumbered) or two; SNAP of IEEE 802 §10.3."""
    walk.layer("llc")
    if walk.lacks(3, "LLC header"):
        return
    data = walk.data
    at = walk.at
    destination = data[at]
    control: i64 = 1 if data[at + 2] & 3 == 3 else 2
    if destination == 0xAA and data[at + 1] == 0xAA:
        if walk.lacks(7 + control, "SNAP header"):
            return
        at += 2 + control
        organisation = be16(data, at) << 8 | i64(data[at + 2])
        kind = be16(data, at + 3)
        if organisation in (0, 0xF8):
            walk.go(ETHERTYPE, at + 5, kind)
        elif organisation == 0x80C2 and kind in (1, 7):   # RFC 2684 §5.2: bridged Ethernet, two bytes of padding
            walk.go(ETHERNET, at + 7)
        else:
            walk.stop(f"SNAP protocol {organisation:06x}:{kind:04x}")
    elif destination == 6 and data[at + 2] & 3 == 3:
        walk.go(IP, at + 2 + control)
    else:
        walk.stop(sap_name(destination))


def ppp_hdlc(walk: Walk) -> None:
    """RFC 1662 §3.1: FF 03 may stand before the protocol; Cisco HDLC has other addresses."""
    at = walk.at
    if at < walk.end and walk.data[at] in (0x0F, 0x8F):
        walk.go(CISCO_HDLC, at)
    elif at + 2 <= walk.end and be16(walk.data, at) == 0xFF03:
        walk.go(PPP, at + 2)
    else:
        walk.go(PPP, at)


def ppp(walk: Walk) -> None:
    """RFC 1661 §2: the protocol field has one byte where that is odd, else two."""
    walk.layer("ppp")
    if walk.lacks(1, "PPP header"):
        return
    data = walk.data
    at = walk.at
    protocol = i64(data[at])
    size: i64 = 1
    if protocol & 1 == 0:
        if walk.lacks(2, "PPP header"):
            return
        protocol = be16(data, at)
        size = 2
    if protocol in (0x0021, 0x0800):
        walk.go(IP, at + size)
    elif protocol in (0x0057, 0x86DD):
        walk.go(IPV6, at + size)
    elif protocol in (0x0281, 0x0283):
        walk.go(MPLS, at + size)
    elif protocol == 0x003D:
        _multilink(walk, at + size)
    elif protocol == 0x0031 and at + size + 2 <= walk.end and data[at + size + 1] == 1:
        walk.go(ETHERNET, at + size + 2)    # RFC 3518: flags, MAC type 1
    else:
        walk.stop(ppp_protocol_name(int(protocol)))


def _multilink(walk: Walk, at: i64) -> None:
    """RFC 1990 §3: a fragment with a long sequence number, begin and end in its first two bits."""
    walk.layer("mp")
    if at + 4 <= walk.end and walk.data[at] & 0xC0 == 0xC0:
        walk.go(PPP, at + 4)
    else:
        walk.stop("PPP multilink fragment")


def cisco_hdlc(walk: Walk) -> None:
    """Address, control, EtherType."""
    walk.layer("chdlc")
    if walk.lacks(4, "Cisco HDLC header"):
        return
    kind = be16(walk.data, walk.at + 2)
    if kind == 0x8035:      # here not RARP, but SLARP: keep-alives of the link
        walk.layer("slarp")
        walk.stop("SLARP")
    else:
        walk.go(ETHERTYPE, walk.at + 4, kind)


def frame_relay(walk: Walk) -> None:
    """ITU-T Q.922 address of two to four bytes, then RFC 2427 §3: control, network layer protocol identifier."""
    walk.layer("fr")
    data = walk.data
    at = walk.at
    end = walk.end
    stop = min(at + 4, end)
    while at < stop and data[at] & 1 == 0:
        at += 1
    at += 1
    if at + 2 > end:
        walk.stop("truncated Frame Relay header")
        return
    if data[at] != 3:
        if at + 2 <= end and be16(data, at) >= LEAST_TYPE:
            walk.go(ETHERTYPE, at + 2, be16(data, at))   # Cisco's encapsulation
        else:
            walk.stop("Frame Relay without RFC 2427")
        return
    at += 1
    if data[at] == 0:
        at += 1
    if at >= end:
        walk.stop("truncated Frame Relay header")
        return
    identifier = data[at]
    if identifier == 0xCC:
        walk.go(IP, at + 1)
    elif identifier == 0x8E:
        walk.go(IPV6, at + 1)
    elif identifier == 0xCF:
        walk.go(PPP, at + 1)
    elif identifier == 0x80 and at + 6 <= end:
        organisation = be16(data, at + 1) << 8 | i64(data[at + 3])
        kind = be16(data, at + 4)
        if organisation == 0:
            walk.go(ETHERTYPE, at + 6, kind)
        elif organisation == 0x80C2 and kind in (1, 7):
            walk.go(ETHERNET, at + 6)
        else:
            walk.stop(f"SNAP protocol {organisation:06x}:{kind:04x}")
    else:
        walk.stop(f"Frame Relay protocol 0x{identifier:02x}")


def _cooked(walk: Walk, layer: str, size: i64, protocol_at: i64, hardware_at: i64) -> None:
    """LINKTYPE_LINUX_SLL and _SLL2: the protocol is an EtherType, or says what the kernel says of the link."""
    walk.layer(layer)
    if walk.lacks(size, "Linux cooked header"):
        return
    data = walk.data
    at = walk.at
    protocol = be16(data, at + protocol_at)
    hardware = be16(data, at + hardware_at)
    at += size
    if hardware == 824:             # ARPHRD_NETLINK
        walk.stop("netlink message")
    elif hardware == 803:           # ARPHRD_IEEE80211_RADIOTAP
        walk.go(RADIOTAP, at)
    elif protocol == 1:             # ETH_P_802_3
        walk.layer("ipx")
        walk.stop("IPX")
    elif protocol == 3:             # ETH_P_ALL
        walk.go(ETHERNET, at)
    elif protocol == 4:             # ETH_P_802_2
        walk.go(LLC, at)
    elif protocol == 7:             # ETH_P_WAN_PPP
        walk.go(PPP_HDLC, at)
    else:
        walk.go(ETHERTYPE, at, protocol)


def _null(walk: Walk, layer: str) -> None:
    """LINKTYPE_NULL: an address family in the byte order of the machine; LINKTYPE_LOOP: most significant first."""
    walk.layer(layer)
    if walk.lacks(4, "loopback header"):
        return
    data = walk.data
    at = walk.at
    family = be32(data, at)
    if family > 0xFFFF and layer == "null":
        if family >> 16 == 0xFF03:          # PPP without more
            walk.go(PPP_HDLC, at)
            return
        swapped = le32(data, at)
        if swapped <= 255:
            family = swapped
        elif family & 0xFF00FFFF == 0:      # two bytes of family, two without meaning
            family >>= 16
        elif swapped & 0xFF00FFFF == 0:
            family = swapped >> 16
        else:
            family &= 0xFFFF                # two bytes without meaning, an EtherType
    if family == 2:
        walk.go(IP, at + 4)
    elif family in (10, 24, 28, 30):  # AF_INET6 of Linux, the BSDs and macOS
        walk.go(IPV6, at + 4)
    elif LEAST_TYPE <= family <= 0xFFFF:
        walk.go(ETHERTYPE, at + 4, family)
    else:
        walk.stop(f"address family {family}")


def _raw(walk: Walk, kind: i64) -> None:
    """LINKTYPE_RAW says nothing of the version, LINKTYPE_IPV4 and _IPV6 do."""
    if kind in (12, 14, 101):
        walk.layer("raw")
        version = walk.data[walk.at] >> 4 if walk.at < walk.end else 0
        if version not in (4, 6):
            walk.stop(f"IP version {version}")
            return
        kind = 229 if version == 6 else 228
    walk.go(IPV6 if kind == 229 else IP, walk.at)


def link(walk: Walk) -> None:
    """By the LINKTYPE_ registry of tcpdump.org."""
    kind = walk.value
    at = walk.at
    if kind == 1:
        walk.go(ETHERNET, at)
    elif kind == 113:
        _cooked(walk, "sll", 16, 14, 2)
    elif kind == 276:
        _cooked(walk, "sll", 20, 0, 8)
    elif kind in (12, 14, 101, 228, 229):
        _raw(walk, kind)
    elif kind in (0, 108):
        _null(walk, "null" if kind == 0 else "loop")
    elif kind in (9, 50):
        walk.go(PPP_HDLC, at)
    elif kind in (166, 204):
        walk.go(PPP_HDLC, at + 1)
    elif kind == 51:
        _pppoe(walk)
    elif kind in (104, 205):
        walk.go(CISCO_HDLC, at + (1 if kind == 205 else 0))
    elif kind in (107, 206):
        walk.go(FRAME_RELAY, at + (1 if kind == 206 else 0))
    elif kind == 105:
        walk.go(WLAN, at)
    elif kind == 127:
        walk.go(RADIOTAP, at)
    elif kind == 192:
        walk.go(PPI, at)
    elif kind == 219:
        walk.go(MPLS, at)
    else:
        rare(walk, kind)
