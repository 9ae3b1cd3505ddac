"""Link types that are met seldom: headers of capture systems and of other networks than Ethernet."""
from __future__ import annotations

from mypy_extensions import i64

from analyzer.packets.walk import (
    CISCO_HDLC,
    ETHERNET,
    ETHERTYPE,
    FRAME_RELAY,
    IP,
    IPV6,
    LINK,
    LLC,
    MPLS,
    PPP_HDLC,
    WLAN,
    Walk,
    le16,
    le32,
)
from dissectors.kit.octets import be16, be32


def rare(walk: Walk, kind: i64) -> None:
    """By the LINKTYPE_ registry of tcpdump.org."""
    if kind == 10:
        _skip(walk, "fddi", 13, LLC)
    elif kind == 6:
        _token_ring(walk)
    elif kind == 119:
        _prism(walk)
    elif kind == 163:
        _avs(walk)
    elif kind == 239:
        _nflog(walk)
    elif kind == 117:
        _pflog(walk)
    elif kind == 248:           # without IP, so there are no addresses to tell a conversation by
        walk.layer("sctp")
        walk.stop("SCTP without IP")
    elif kind == 242:
        _infiniband(walk)
    elif kind in (258, 149):
        _pktap(walk)
    elif 130 <= kind <= 137 or 178 <= kind <= 181:
        _juniper(walk, kind)
    elif kind == 197:
        _erf(walk)
    elif kind in (18, 100):     # classical IP over ATM, RFC 2684
        walk.go(IP if kind == 18 else LLC, walk.at)
    elif kind == 122:           # RFC 2625: two addresses of eight bytes
        _skip(walk, "ipfc", 16, LLC)
    elif kind == 123:           # traffic type and direction, virtual path and channel
        _skip(walk, "atm", 4, LLC)
    elif kind in (281, 284, 285):
        _switch_tag(walk, 8 if kind == 285 else 4)
    elif kind == 282:           # Broadcom's tag before the frame
        walk.go(ETHERNET, walk.at + 4)
    elif kind == 138:
        _firewire(walk)
    elif kind == 109:
        _enc(walk)
    else:
        walk.stop(f"link type {kind}")


def _skip(walk: Walk, name: str, size: i64, step: i64) -> None:
    walk.layer(name)
    if not walk.lacks(size, f"{name} header"):
        walk.go(step, walk.at + size)


def _token_ring(walk: Walk) -> None:
    """IEEE 802.5 §3.2: access and frame control, addresses; the source's group bit tells of a route."""
    walk.layer("tr")
    if walk.lacks(14, "Token Ring header"):
        return
    at = walk.at
    route: i64 = 0
    if walk.data[at + 8] & 0x80:
        if walk.lacks(16, "Token Ring header"):
            return
        route = i64(walk.data[at + 14]) & 0x1F
    if walk.data[at + 1] >> 6 != 1:
        walk.stop("Token Ring control frame")
    elif not walk.lacks(14 + route, "Token Ring header"):
        walk.go(LLC, at + 14 + route)


def _prism(walk: Walk) -> None:
    """Message code, then the header's length in the machine's order; some drivers write AVS here."""
    walk.layer("prism")
    if walk.lacks(8, "Prism header"):
        return
    if be32(walk.data, walk.at) & 0xFFFFF000 == 0x80211000:
        size = be32(walk.data, walk.at + 4)
    else:
        size = le32(walk.data, walk.at + 4)
    if not walk.lacks(size, "Prism header"):
        walk.go(WLAN, walk.at + size)


def _avs(walk: Walk) -> None:
    """AVS capture header: version, then the header's length."""
    if not walk.lacks(8, "AVS header"):
        size = be32(walk.data, walk.at + 4)
        if not walk.lacks(size, "AVS header"):
            walk.go(WLAN, walk.at + size)


def _nflog(walk: Walk) -> None:
    """LINKTYPE_NFLOG: family, then elements of length and type in the machine's order; type 9 is the packet."""
    walk.layer("nflog")
    if walk.lacks(4, "nflog header"):
        return
    data = walk.data
    family = data[walk.at]
    at = walk.at + 4
    while at + 4 <= walk.end:
        size = le16(data, at)
        if size < 4:
            walk.stop("nflog element length below 4")
            return
        if le16(data, at + 2) & 0x7FFF == 9:
            walk.bound(at + size)
            walk.go(IPV6 if family == 10 else IP, at + 4)
            return
        at += (size + 3) & ~3
    walk.stop("nflog without a packet")


def _pflog(walk: Walk) -> None:
    """LINKTYPE_PFLOG: length of the header, address family; the packet follows, on a boundary of four bytes."""
    walk.layer("pflog")
    if walk.lacks(4, "pflog header"):
        return
    size = (i64(walk.data[walk.at]) + 3) & ~3
    family = walk.data[walk.at + 1]
    if not walk.lacks(size, "pflog header"):
        _family(walk, walk.at + size, i64(family))


def _enc(walk: Walk) -> None:
    """LINKTYPE_ENC of OpenBSD: address family in the machine's order, security parameters, flags."""
    walk.layer("enc")
    if not walk.lacks(12, "enc header"):
        family = le32(walk.data, walk.at)
        _family(walk, walk.at + 12, family if family <= 0xFFFF else be32(walk.data, walk.at))


def _family(walk: Walk, at: i64, family: i64) -> None:
    if family == 2:
        walk.go(IP, at)
    elif family in (10, 24, 28, 30):
        walk.go(IPV6, at)
    else:
        walk.stop(f"address family {family}")


def _infiniband(walk: Walk) -> None:
    """LINKTYPE_IPOIB: the global routing header as the driver leaves it, then RFC 4391 §6: type and two bytes."""
    walk.layer("ipoib")
    if not walk.lacks(44, "IP over InfiniBand header"):
        walk.go(ETHERTYPE, walk.at + 44, be16(walk.data, walk.at + 40))


def _pktap(walk: Walk) -> None:
    """LINKTYPE_PKTAP of macOS: length of the header, record type, link type of what follows."""
    walk.layer("pktap")
    if walk.lacks(12, "PKTAP header"):
        return
    data = walk.data
    size = le32(data, walk.at)
    kind = le32(data, walk.at + 8)
    if le32(data, walk.at + 4) != 1 or kind in (258, 149):
        walk.stop("PKTAP record without a packet")
    elif size < 12:
        walk.stop("PKTAP length below 12")
    elif not walk.lacks(size, "PKTAP header"):
        walk.go(LINK, walk.at + size, kind)


def _juniper(walk: Walk, kind: i64) -> None:
    """Juniper: magic number, flags (80: extensions follow, with their length; 02: no link header), the frame."""
    walk.layer("juniper")
    if walk.lacks(6, "Juniper header"):
        return
    data = walk.data
    at = walk.at
    flags = i64(data[at + 3])
    size: i64 = 6 + be16(data, at + 4) if flags & 0x80 else 4
    if data[at:at + 3] != b"MGC":
        walk.stop("Juniper header without its magic number")
    elif walk.lacks(size + 4, "Juniper header"):
        return
    elif flags & 2:
        _juniper_protocol(walk, at + size)
    elif kind == 178:
        walk.go(ETHERNET, at + size)
    elif kind == 179:
        walk.go(PPP_HDLC, at + size)
    elif kind == 180:
        walk.go(FRAME_RELAY, at + size)
    elif kind == 181:
        walk.go(CISCO_HDLC, at + size)
    else:
        walk.stop(f"link type {kind}")


def _juniper_protocol(walk: Walk, at: i64) -> None:
    """Without a link header: four bytes, the first of which says what follows."""
    protocol = walk.data[at]
    if protocol in (2, 3):
        walk.go(IP, at + 4)
    elif protocol in (6, 7):
        walk.go(IPV6, at + 4)
    elif protocol in (4, 5, 8):
        walk.go(MPLS, at + 4)
    elif protocol == 204:
        walk.go(ETHERNET, at + 4)
    else:
        walk.stop(f"Juniper protocol {protocol}")


def _erf(walk: Walk) -> None:
    """Endace ERF: time, type (80: extension headers follow, eight bytes each), flags, lengths."""
    walk.layer("erf")
    if walk.lacks(16, "ERF header"):
        return
    data = walk.data
    kind = data[walk.at + 8]
    at = walk.at + 16
    more = kind & 0x80
    while more and at + 8 <= walk.end:
        more = data[at] & 0x80
        at += 8
    kind &= 0x7F
    if kind in (2, 11, 16, 20):     # Ethernet, with two bytes of padding
        walk.go(ETHERNET, at + 2)
    elif kind == 22:
        walk.go(IP, at)
    elif kind == 23:
        walk.go(IPV6, at)
    elif kind == 1:
        walk.go(PPP_HDLC, at)
    else:
        walk.stop(f"ERF type {kind}")


def _switch_tag(walk: Walk, size: i64) -> None:
    """LINKTYPE_DSA_TAG_*: a tag between the addresses and the EtherType of an Ethernet frame."""
    walk.layer("eth")
    if walk.lacks(14 + size, "switch tag"):
        return
    at = walk.at + 14 + size
    kind = be16(walk.data, at - 2)
    if kind >= 0x0600:
        walk.go(ETHERTYPE, at, kind)
    else:
        walk.bound(at + kind)
        walk.go(LLC, at)


def _firewire(walk: Walk) -> None:
    """LINKTYPE_APPLE_IP_OVER_IEEE1394: two addresses of eight bytes, EtherType (RFC 2734)."""
    walk.layer("ap1394")
    if not walk.lacks(18, "IEEE 1394 header"):
        walk.go(ETHERTYPE, walk.at + 18, be16(walk.data, walk.at + 16))
