"""IPv4, IPv6 and its extension headers, and what they carry: TCP, UDP, SCTP, ICMP."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import ICMP, ICMPV6, NOTHING, OTHER_IP, SCTP, TCP, UDP, Packet
from analyzer.packets import scope
from analyzer.packets.names import ip_protocol_name
from analyzer.packets.tunnels import tunnel_port
from analyzer.packets.walk import (
    ETHERNET,
    GRE,
    IP,
    IPV6,
    MPLS,
    PROTOCOL,
    STOP,
    UDP_PAYLOAD,
    Walk,
)
from dissectors.kit.octets import be16, be32

# IPv6 extension headers that begin with the next header and their length (RFC 8200 §4, RFC 5533 §5.1),
# as the layers are named. Mobility (RFC 6275) and HIP (RFC 7401) end the packet.
EXTENSIONS: Final[dict[int, str]] = {
    0: "ipv6.hopopts", 43: "ipv6.routing", 60: "ipv6.dstopts", 140: "shim6",
}
LEAST_PAYLOAD: Final[i64] = 46  # IEEE 802.3 §3.2.8: a shorter packet is padded to this
MAX_UNSIZED: Final = 12         # frames without a length that are named

NO_NEXT_HEADER: Final = 59      # RFC 8200 §4.7
FRAGMENT: Final = 44            # RFC 8200 §4.5
AUTHENTICATION: Final = 51      # RFC 4302 §2
JUMBO_PAYLOAD: Final = 0xC2     # RFC 2675 §2

# Layers of IP protocols that are named and not looked into.
NAMED: Final[dict[int, str]] = {
    2: "igmp", 33: "dccp", 46: "rsvp", 50: "esp", 54: "nhrp", 88: "eigrp", 89: "ospf", 103: "pim", 108: "ipcomp",
    112: "vrrp", 113: "pgm", 135: "mipv6", 136: "udplite", 139: "hip",
}


def ip(walk: Walk) -> None:
    """IP was announced without its version, or as version 4; both are read. RFC 791 §3.1."""
    walk.layer("ip")
    if walk.at < walk.end and walk.data[walk.at] >> 4 == 6:
        ipv6(walk)
    else:
        _ipv4(walk)


def _ipv4(walk: Walk) -> None:
    if walk.lacks(20, "IPv4 header"):
        return
    data = walk.data
    at = walk.at
    first = i64(data[at])
    header = (first & 15) << 2
    if first >> 4 != 4:
        walk.stop(f"IP version {first >> 4}")
        return
    if header < 20:
        walk.stop("IPv4 header length below 20")
        return
    total = be16(data, at + 2)
    if total in (0, header) and _unsized(walk, at, at + header):
        total = walk.true_end - at
    elif total:
        if total < header:
            walk.stop("IPv4 total length below its header")
            return
        walk.bound(at + total)
    if walk.lacks(header, "IPv4 options"):
        return
    protocol = i64(data[at + 9])
    ecn = i64(data[at + 1]) & 3
    _accept(walk, 4, at, at + 12, 4, protocol, i64(data[at + 8]), ecn)
    fragment = be16(data, at + 6)
    walk.go(PROTOCOL, at + header, protocol)
    if at + header >= walk.true_end:
        walk.stop("IPv4 header without payload")
    if fragment & 0x3FFF == 0 or walk.step == STOP:
        return
    start = (fragment & 0x1FFF) << 3
    key = data[at + 12:at + 20] + data[at + 4:at + 6] + data[at + 9:at + 10] + walk.scope
    length = total - header
    if walk.quoting or length <= 0 or at + total > walk.end:
        # Nothing can be put together; the first fragment still has the ports.
        if not walk.quoting and length > 0:
            _cut(walk, 4, key, protocol, start, length, fragment & 0x2000 != 0)
        if start:
            walk.stop("fragment")
        else:
            walk.remark("fragment")
        return
    _join(walk, 4, key, at, at + header, protocol, start, fragment & 0x2000 != 0, ecn)


def _unsized(walk: Walk, at: i64, transport: i64) -> bool:
    """A length of 0, or of the bare header, stands in frames captured before the network card cut them into segments:
    it is a placeholder where a TCP header follows, and more than the padding of a short frame."""
    data = walk.data
    if walk.quoting or transport + 20 > walk.end or walk.true_end - at <= LEAST_PAYLOAD:
        return False
    if data[at + 9] != TCP or be16(data, at + 6) & 0x3FFF or data[transport + 12] < 0x50:
        return False
    walk.unsized += 1
    if len(walk.unsized_frames) < MAX_UNSIZED:
        walk.unsized_frames.append(int(walk.frame))
    return True


def _accept(
    walk: Walk, version: i64, network: i64, src: i64, size: i64, protocol: i64, ttl: i64, ecn: i64
) -> None:
    """An IP header is sound: from here on the packet is this one."""
    packet = walk.packet
    if packet.want_layers:
        own = (i64(walk.data[network]) & 15) << 2 if version == 4 else 40
        packet.headers.append(walk.data[network:network + own])
    if walk.quoting:
        packet.quoted_kind = OTHER_IP
        packet.quoted_version = version
        packet.quoted_src = src
        packet.quoted_dst = src + size
        packet.quoted_sport = -1
        packet.quoted_dport = -1
        packet.quoted_scope = walk.scope
        return
    packet.kind = OTHER_IP
    packet.ip_version = version
    packet.protocol = protocol
    packet.network = network
    packet.src = src
    packet.dst = src + size
    packet.transport = network
    packet.end = walk.end
    packet.true_end = walk.true_end
    packet.sport = 0
    packet.dport = 0
    packet.ttl = ttl
    packet.ecn = ecn
    packet.scope = walk.scope


def _cut(walk: Walk, version: i64, key: bytes, protocol: i64, start: i64, length: i64, more: bool) -> None:
    """A fragment that the capture holds in part: it came, and nothing can be put together with it."""
    walk.fragments.add(key, version, b"", protocol, start, b"", length, more, 0, walk.frame, walk.time)


def _join(
    walk: Walk, version: i64, key: bytes, network: i64, payload: i64, protocol: i64, start: i64, more: bool, ecn: i64
) -> None:
    """A captured fragment: go on with the datagram where it is the one that completes it."""
    header = walk.data[network:payload] if start == 0 else b""
    frame = walk.frame
    packet = walk.packet
    datagram = walk.fragments.add(
        key, version, header, protocol, start, walk.data[payload:walk.end], walk.end - payload, more, ecn, frame,
        walk.time,
    )
    if datagram is None:
        walk.stop("fragment")
        return
    data = walk.fragments.join(datagram)
    packet.data = data
    packet.base = -1
    packet.outer = -1
    packet.fragments = [piece.frame for piece in datagram.pieces]
    walk.data = data
    walk.end = len(data)
    walk.true_end = len(data)
    size: i64 = 4 if version == 4 else 16
    _accept(walk, version, 0, 12 if version == 4 else 8, size, datagram.next_header, packet.ttl, datagram.ecn)
    walk.go(PROTOCOL, len(datagram.header), datagram.next_header)


def ipv6(walk: Walk) -> None:
    """RFC 8200 §3. Another version is no IPv6, so the layer is not named then."""
    data = walk.data
    at = walk.at
    if at < walk.end and data[at] >> 4 != 6:
        walk.stop(f"IP version {data[at] >> 4} where IPv6 was announced")
        return
    walk.layer("ipv6")
    if walk.lacks(40, "IPv6 header"):
        return
    length = be16(data, at + 4)
    protocol = i64(data[at + 6])
    if length:
        walk.bound(at + 40 + length)
    elif protocol == 0 and at + 48 <= walk.end and data[at + 42] == JUMBO_PAYLOAD:
        # RFC 2675 §2: the length stands in the first option of the hop-by-hop options.
        walk.bound(at + 40 + be32(data, at + 44))
    _accept(walk, 6, at, at + 8, 16, protocol, i64(data[at + 7]), (i64(data[at + 1]) >> 4) & 3)
    walk.go(PROTOCOL, at + 40, protocol)


def _extension(walk: Walk, name: str, protocol: i64) -> None:
    """An extension header: over it to the next."""
    walk.layer(name)
    data = walk.data
    at = walk.at
    if walk.lacks(8, "IPv6 extension header"):
        return
    size = (i64(data[at + 1]) + 1) << 3
    if protocol == AUTHENTICATION:
        size = (i64(data[at + 1]) + 2) << 2
    if walk.lacks(size, "IPv6 extension header"):
        return
    if not walk.quoting:
        walk.packet.protocol = i64(data[at])
    walk.go(PROTOCOL, at + size, i64(data[at]))


def _fragment6(walk: Walk) -> None:
    """RFC 8200 §4.5."""
    walk.layer("ipv6.fraghdr")
    if walk.lacks(8, "IPv6 fragment header"):
        return
    data = walk.data
    at = walk.at
    packet = walk.packet
    protocol = i64(data[at])
    field = be16(data, at + 2)
    start = field & 0xFFF8
    more = field & 1 != 0
    walk.go(PROTOCOL, at + 8, protocol)
    if not walk.quoting:
        packet.protocol = protocol
    if start == 0 and not more:
        return  # RFC 6946: an atomic fragment is the whole datagram
    if walk.quoting or packet.ip_version != 6:
        walk.stop("fragment")
        return
    key = data[packet.src:packet.src + 32] + data[at + 4:at + 8] + walk.scope
    if walk.end < walk.true_end or at + 8 >= walk.end:
        if walk.true_end > at + 8:
            _cut(walk, 6, key, protocol, start, walk.true_end - at - 8, more)
        walk.stop("fragment")
        return
    _join(walk, 6, key, packet.network, at + 8, protocol, start, more, packet.ecn)


def protocol_step(walk: Walk) -> None:
    """What an IP header, or an IPv6 extension header, announces (RFC 5237 registry)."""
    protocol = walk.value
    if not walk.quoting:
        walk.packet.transport = walk.at
    if protocol == TCP:
        _tcp(walk)
    elif protocol == UDP:
        _udp(walk)
    elif protocol == ICMP:
        _icmp(walk)
    elif protocol == ICMPV6:
        _icmpv6(walk)
    elif protocol == SCTP:
        _sctp(walk)
    elif protocol == 4:         # RFC 2003
        walk.tunnel(scope.IP_IN_IP)
        walk.go(IP, walk.at)
    elif protocol == 41:        # RFC 4213 §3, RFC 2473
        walk.tunnel(scope.IP_IN_IP)
        walk.go(IPV6, walk.at)
    elif protocol == 47:
        walk.go(GRE, walk.at)
    elif protocol == 97:        # RFC 3378 §2: two bytes of version
        walk.layer("etherip")
        if not walk.lacks(2, "EtherIP header"):
            walk.tunnel(scope.ETHERNET_IN_IP)
            walk.go(ETHERNET, walk.at + 2)
    elif protocol == 137:       # RFC 4023 §3
        walk.tunnel(scope.MPLS_IN_IP)
        walk.go(MPLS, walk.at)
    elif protocol == 143:       # RFC 8986 §10.1
        walk.tunnel(scope.ETHERNET_IN_IP)
        walk.go(ETHERNET, walk.at)
    elif protocol == 103:
        _pim(walk)
    elif protocol == FRAGMENT:
        _fragment6(walk)
    elif protocol == AUTHENTICATION:
        _extension(walk, "ah", protocol)
    elif protocol == NO_NEXT_HEADER:
        walk.done()
    else:
        name = EXTENSIONS.get(int(protocol))
        if name is not None:
            _extension(walk, name, protocol)
        else:
            _other(walk, protocol)


def _other(walk: Walk, protocol: i64) -> None:
    """A protocol that has no conversation of ours."""
    name = NAMED.get(int(protocol))
    if name is not None:
        walk.layer(name)
    walk.stop(ip_protocol_name(int(protocol)))


def _pim(walk: Walk) -> None:
    """RFC 7761 §4.9.3: a register carries the first packets of a source to the rendezvous point."""
    at = walk.at
    if at + 9 <= walk.end and walk.data[at] == 0x21 and walk.data[at + 8] >> 4 in (4, 6):
        walk.layer("pim")
        walk.tunnel(scope.PIM_REGISTER)
        walk.go(IP if walk.data[at + 8] >> 4 == 4 else IPV6, at + 8)
    else:
        _other(walk, 103)


def _ports(walk: Walk, kind: i64, what: str, size: i64) -> bool:
    """Ports stand first in TCP, UDP and SCTP. Returns whether the header is all there."""
    packet = walk.packet
    data = walk.data
    at = walk.at
    ports = at + 4 <= walk.end
    if ports and packet.want_layers:
        packet.carried.append((kind << 32) | be32(data, at))
    if walk.quoting:
        packet.quoted_kind = kind
        if ports:
            packet.quoted_sport = be16(data, at)
            packet.quoted_dport = be16(data, at + 2)
    else:
        packet.end = walk.end
        packet.true_end = walk.true_end
        packet.kind = kind if ports else NOTHING
        if ports:
            packet.sport = be16(data, at)
            packet.dport = be16(data, at + 2)
    return not walk.lacks(size, what)


def _tcp(walk: Walk) -> None:
    """RFC 9293 §3.1."""
    walk.layer("tcp")
    if _ports(walk, TCP, "TCP header", 20):
        header = (i64(walk.data[walk.at + 12]) >> 4) << 2
        if header < 20:
            walk.stop("TCP header length below 20")
        elif walk.at + header > walk.true_end:
            walk.stop("TCP header length beyond the packet")
        else:
            walk.done()


def _udp(walk: Walk) -> None:
    """RFC 768."""
    walk.layer("udp")
    if not _ports(walk, UDP, "UDP header", 8):
        return
    data = walk.data
    at = walk.at
    length = be16(data, at + 4)
    if length >= 8:     # RFC 2675 §4: 0 in a jumbogram
        walk.bound(at + length)
        if not walk.quoting:
            walk.packet.end = walk.end
            walk.packet.true_end = walk.true_end
    elif length:
        walk.stop("UDP length below 8")
        return
    which = tunnel_port(be16(data, at), be16(data, at + 2))
    if which:
        if not walk.quoting:
            _carried(walk.packet, at)
        walk.go(UDP_PAYLOAD, at + 8, which)
    else:
        walk.done()


def _carried(packet: Packet, at: i64) -> None:
    """What follows this UDP header is a packet of its own."""
    packet.outer = at
    packet.outer_src = packet.src
    packet.outer_version = packet.ip_version


def _sctp(walk: Walk) -> None:
    """RFC 9260 §3.1."""
    walk.layer("sctp")
    if _ports(walk, SCTP, "SCTP header", 12):
        walk.done()


def _icmp(walk: Walk) -> None:
    """RFC 792. Errors quote the packet that caused them: unreachable, quench, redirect, time, parameter."""
    walk.layer("icmp")
    if _message(walk, ICMP, "ICMP header") and walk.data[walk.at] in (3, 4, 5, 11, 12):
        # RFC 4884 §4: where extensions follow, the length of the quote in words of 32 bits, padded to 128 bytes.
        words = i64(walk.data[walk.at + 5])
        if words >= 32 and walk.data[walk.at] in (3, 11, 12):
            walk.bound(walk.at + 8 + (words << 2))
        _quote(walk, walk.at + 8, IP)


def _icmpv6(walk: Walk) -> None:
    """RFC 4443 §3: types 1 to 4 quote; RFC 4861 §4.6.3: so does an option of a redirect."""
    walk.layer("icmpv6")
    if not _message(walk, ICMPV6, "ICMPv6 header"):
        return
    data = walk.data
    kind = data[walk.at]
    if 1 <= kind <= 4:
        words = i64(data[walk.at + 4])      # RFC 4884 §4.4: words of 64 bits
        if words >= 16 and kind in (1, 3):
            walk.bound(walk.at + 8 + (words << 3))
        _quote(walk, walk.at + 8, IPV6)
    elif kind == 137:
        at = walk.at + 40
        while at + 8 <= walk.end and data[at + 1]:
            if data[at] == 4:
                _quote(walk, at + 8, IPV6)
                return
            at += i64(data[at + 1]) << 3


def _message(walk: Walk, kind: i64, what: str) -> bool:
    """An ICMP header; decoding is done unless the caller goes on. Returns whether it is all there."""
    packet = walk.packet
    if walk.quoting:
        packet.quoted_kind = kind
    else:
        packet.kind = kind
        packet.end = walk.end
        packet.true_end = walk.true_end
    if walk.lacks(8, what):
        if not walk.quoting:
            packet.kind = NOTHING
        return False
    walk.done()
    return True


def _quote(walk: Walk, at: i64, step: i64) -> None:
    if at < walk.end:
        walk.quoting = True
        walk.go(step, at)
