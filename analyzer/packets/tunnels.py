"""Tunnels over IP and UDP: GRE, VXLAN, GENEVE, GTP-U, L2TP, Teredo and others."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packets import scope
from analyzer.packets.names import ethertype_name
from analyzer.packets.walk import (
    ERSPAN,
    ETHERNET,
    ETHERTYPE,
    FRAME_RELAY,
    GRE,
    IP,
    IPV6,
    MPLS,
    NSH,
    PPP_HDLC,
    PROTOCOL,
    SWAPPED,
    WLAN,
    Walk,
)
from dissectors.kit.octets import be16, be32

VXLAN: Final = 1
VXLAN_GPE: Final = 2
GENEVE: Final = 3
GTP: Final = 4
TEREDO: Final = 5
L2TP: Final = 6
MPLS_UDP: Final = 7
GRE_UDP: Final = 8
LISP: Final = 9
TZSP: Final = 10
CAPWAP: Final = 11
AYIYA: Final = 12
SCTP_UDP: Final = 13
ESP_UDP: Final = 14
LISP_CONTROL: Final = 15

# UDP ports of IANA's registry whose payload is another packet.
UDP_PORTS: Final = (
    (4789, VXLAN),      # RFC 7348 §5
    (4790, VXLAN_GPE),  # draft-ietf-nvo3-vxlan-gpe §3
    (6081, GENEVE),     # RFC 8926 §3.3
    (2152, GTP),        # 3GPP TS 29.281 §4.4.2.3
    (2123, GTP),        # the control plane's port; version 2 ends there
    (3386, GTP),        # version 0, and GTP'
    (3544, TEREDO),     # RFC 4380
    (1701, L2TP),       # RFC 2661 §8.1
    (6635, MPLS_UDP),   # RFC 7510
    (4754, GRE_UDP),    # RFC 8086
    (4341, LISP),       # RFC 9300 §5.3
    (4342, LISP_CONTROL),
    (37008, TZSP),
    (5247, CAPWAP),     # RFC 5415 §3.1
    (5072, AYIYA),
    (9899, SCTP_UDP),   # RFC 6951
    (4500, ESP_UDP),    # RFC 3948 §2
)


def _port_table() -> bytes:
    table = bytearray(65_536)
    for port, which in UDP_PORTS:
        table[port] = which
    return bytes(table)


PORT_TABLE: Final = _port_table()


def tunnel_port(sport: i64, dport: i64) -> i64:
    """Which tunnel these UDP ports mean, 0 for none.

    A system port (RFC 6335 §6) at one end says more: a DNS answer to port 4789 is still a DNS answer.
    """
    low = sport if sport < dport else dport
    if 0 < low < 1024:
        return 0
    which = i64(PORT_TABLE[low])
    return which or i64(PORT_TABLE[dport if sport < dport else sport])


def udp_payload(walk: Walk) -> None:
    """Behind a UDP header with a tunnel's port."""
    which = walk.value
    if which in (VXLAN, VXLAN_GPE):
        _vxlan(walk, which)
    elif which == GENEVE:
        _geneve(walk)
    elif which == GTP:
        _gtp(walk)
    elif which == TEREDO:
        _teredo(walk)
    elif which == L2TP:
        _l2tp(walk)
    elif which == MPLS_UDP:
        walk.tunnel(scope.MPLS_IN_IP)
        walk.go(MPLS, walk.at)
    elif which == GRE_UDP:
        walk.go(GRE, walk.at)
    elif which in (LISP, LISP_CONTROL):
        _lisp(walk, which)
    elif which == TZSP:
        _tzsp(walk)
    elif which == CAPWAP:
        _capwap(walk)
    elif which == AYIYA:
        _ayiya(walk)
    elif which == SCTP_UDP:
        walk.go(PROTOCOL, walk.at, 132)
    else:
        _esp(walk)


def _vxlan(walk: Walk, which: i64) -> None:
    """RFC 7348 §5; with a next protocol field: draft-ietf-nvo3-vxlan-gpe §3.1."""
    walk.layer("vxlan")
    if walk.lacks(8, "VXLAN header"):
        return
    data = walk.data
    at = walk.at
    walk.tunnel(scope.VXLAN, be32(data, at + 4) >> 8)
    if which == VXLAN:
        walk.go(ETHERNET, at + 8)
        return
    following = data[at + 3]
    if following == 1:
        walk.go(IP, at + 8)
    elif following == 2:
        walk.go(IPV6, at + 8)
    elif following == 3:
        walk.go(ETHERNET, at + 8)
    elif following == 4:
        walk.go(NSH, at + 8)
    elif following == 5:
        walk.go(MPLS, at + 8)
    else:
        walk.stop(f"VXLAN-GPE protocol {following}")


def _geneve(walk: Walk) -> None:
    """RFC 8926 §3.4."""
    walk.layer("geneve")
    if walk.lacks(8, "GENEVE header"):
        return
    data = walk.data
    at = walk.at
    options = (i64(data[at]) & 0x3F) << 2
    if walk.lacks(8 + options, "GENEVE options"):
        return
    walk.tunnel(scope.GENEVE, be32(data, at + 4) >> 8)
    walk.go(ETHERTYPE, at + 8 + options, be16(data, at + 2))


def _gtp(walk: Walk) -> None:
    """3GPP TS 29.281 §5.1 (version 1) and TS 29.060 (version 0). Only T-PDUs carry a packet."""
    walk.layer("gtp")
    if walk.lacks(8, "GTP header"):
        return
    data = walk.data
    at = walk.at
    flags = i64(data[at])
    version = flags >> 5
    kind = data[at + 1]
    if version > 1 or flags & 0x10 == 0 or kind != 255:
        walk.stop(f"GTP version {version} message {kind}")
        return
    length = be16(data, at + 2)
    if version == 0:
        walk.bound(at + 20 + length)
        at += 20
    else:
        walk.bound(at + 8 + length)
        at += 8
        if flags & 7:
            # TS 29.281 §5.2.1: extension headers, in units of four bytes; the last byte names the next.
            at += 4
            following = data[at - 1] if flags & 4 and at <= walk.end else 0
            while following:
                if at >= walk.end or data[at] == 0:
                    walk.stop("GTP extension header cut or of length 0")
                    return
                at += i64(data[at]) << 2
                if at > walk.end:
                    walk.stop("truncated GTP extension header")
                    return
                following = data[at - 1]
    if at >= walk.end:
        walk.stop("truncated GTP payload")
        return
    walk.tunnel(scope.GTP_U)
    first = data[at]
    if 0x45 <= first <= 0x4E:
        walk.go(IP, at)
    elif first >> 4 == 6:
        walk.go(IPV6, at)
    else:
        walk.stop("GTP payload that is not IP")


def _teredo(walk: Walk) -> None:
    """RFC 4380 §5.1.1: authentication and origin indications, then IPv6."""
    walk.layer("teredo")
    data = walk.data
    at = walk.at
    end = walk.end
    if at + 4 <= end and data[at] == 0 and data[at + 1] == 1:
        at += 4 + i64(data[at + 2]) + i64(data[at + 3]) + 9
    if at + 8 <= end and data[at] == 0 and data[at + 1] == 0:
        at += 8
    if at >= end:
        walk.stop("truncated Teredo header")
        return
    walk.tunnel(scope.TEREDO)
    walk.go(IPV6, at)


def _l2tp(walk: Walk) -> None:
    """RFC 2661 §3.1: data messages of version 2 carry PPP. Version 3 says nothing of what it carries."""
    walk.layer("l2tp")
    if walk.lacks(6, "L2TP header"):
        return
    data = walk.data
    at = walk.at
    flags = be16(data, at)
    if flags & 0x8000:
        walk.stop("L2TP control message")
        return
    if flags & 15 != 2:
        walk.stop(f"L2TP version {flags & 15}")
        return
    header: i64 = 6
    if flags & 0x4000:
        header += 2
    if flags & 0x0800:
        header += 4
    if flags & 0x0200:
        if walk.lacks(header + 2, "L2TP header"):
            return
        header += 2 + be16(data, at + header)
    if walk.lacks(header, "L2TP header"):
        return
    walk.tunnel(scope.L2TP)
    walk.go(PPP_HDLC, at + header)


def _lisp(walk: Walk, which: i64) -> None:
    """RFC 9300 §5.1; of control messages only the encapsulated one (RFC 9301 §5.8) carries a packet."""
    if which == LISP_CONTROL:
        walk.layer("lisp")
        if walk.at + 4 < walk.end and walk.data[walk.at] >> 4 == 8:
            walk.tunnel(scope.LISP)
            walk.go(IP, walk.at + 4)
        else:
            walk.done()
        return
    walk.layer("lisp-data")
    if not walk.lacks(8, "LISP header"):
        walk.tunnel(scope.LISP)
        walk.go(IP, walk.at + 8)


def _tzsp(walk: Walk) -> None:
    """TaZmen Sniffer Protocol: version, type, encapsulated protocol, tagged fields up to the end tag 1."""
    walk.layer("tzsp")
    if walk.lacks(4, "TZSP header"):
        return
    data = walk.data
    at = walk.at
    protocol = be16(data, at + 2)
    at += 4
    while at < walk.end and data[at] != 1:
        if data[at] == 0:
            at += 1
        elif at + 1 < walk.end:
            at += 2 + i64(data[at + 1])
        else:
            break
    if at >= walk.end:
        walk.stop("truncated TZSP header")
    elif protocol == 1:
        walk.tunnel(scope.TZSP)
        walk.go(ETHERNET, at + 1)
    elif protocol == 18:
        walk.tunnel(scope.TZSP)
        walk.go(WLAN, at + 1)
    else:
        walk.stop(f"TZSP protocol {protocol}")


def _capwap(walk: Walk) -> None:
    """RFC 5415 §4.3. The T bit tells the native frame of the wireless side from 802.3."""
    walk.layer("capwap.data")
    if walk.lacks(8, "CAPWAP header"):
        return
    data = walk.data
    at = walk.at
    if data[at] & 15 == 1:
        walk.stop("CAPWAP in DTLS")
        return
    header = (i64(data[at + 1]) >> 3) << 2
    flags = be16(data, at + 2)
    if header < 8 or walk.lacks(header, "CAPWAP header"):
        walk.stop("CAPWAP header length")
    elif flags & 0x08:
        walk.stop("CAPWAP keep-alive")
    elif flags & 0x80:
        walk.stop("CAPWAP fragment")
    elif flags & 0x100:
        walk.tunnel(scope.CAPWAP)
        walk.go(WLAN, at + header, SWAPPED)
    else:
        walk.tunnel(scope.CAPWAP)
        walk.go(ETHERNET, at + header)


def _ayiya(walk: Walk) -> None:
    """Anything in Anything (draft-massar-v6ops-ayiya §4): lengths of identity and signature, next header."""
    walk.layer("ayiya")
    if walk.lacks(8, "AYIYA header"):
        return
    data = walk.data
    at = walk.at
    identity = i64(1) << (i64(data[at]) >> 4)
    signature = (i64(data[at + 1]) >> 4) << 2
    following = i64(data[at + 3])
    if data[at + 2] & 15 != 1:
        walk.stop("AYIYA message that carries nothing")
        return
    header = 8 + identity + signature
    if not walk.lacks(header, "AYIYA header"):
        walk.tunnel(scope.AYIYA)
        if following in (4, 41):
            walk.go(IP if following == 4 else IPV6, at + header)
        else:
            walk.go(PROTOCOL, at + header, following)


def _esp(walk: Walk) -> None:
    """RFC 3948 §2: keep-alive, IKE behind four zero bytes, else ESP."""
    walk.layer("udpencap")
    at = walk.at
    data = walk.data
    if at + 4 > walk.end or be32(data, at) == 0:
        walk.done()
    else:
        walk.layer("esp")
        walk.stop("IP protocol 50 ESP")


def gre(walk: Walk) -> None:
    """RFC 2784 §2 with key and sequence (RFC 2890); version 1 of RFC 2637 §4.1 carries PPP."""
    walk.layer("gre")
    if walk.lacks(4, "GRE header"):
        return
    data = walk.data
    at = walk.at
    flags = be16(data, at)
    protocol = be16(data, at + 2)
    header: i64 = 4
    if flags & 0xC000:      # checksum or routing: both fields are there (RFC 1701)
        header += 4
    key: i64 = -1
    if flags & 0x2000:
        if walk.lacks(header + 4, "GRE key"):
            return
        key = be32(data, at + header)
        header += 4
    if flags & 0x1000:
        header += 4
    if flags & 0x0087 == 0x0081:
        header += 4
    if walk.lacks(header, "GRE header"):
        return
    at += header
    if flags & 0x4000:
        while True:         # RFC 1701: source route entries, up to one without length
            if at + 4 > walk.end:
                walk.stop("truncated GRE routing")
                return
            size = i64(data[at + 3])
            at += 4 + size
            if size == 0:
                break
    _gre_payload(walk, at, flags, protocol, key)


def _gre_payload(walk: Walk, at: i64, flags: i64, protocol: i64, key: i64) -> None:
    if protocol == 0x880B:
        if flags & 0x1007 == 1:
            walk.done()     # RFC 2637 §4.1: without a sequence number there is only an acknowledgment
            return
        walk.tunnel(scope.PPTP if flags & 7 == 1 else scope.GRE)
        walk.go(PPP_HDLC, at)
    elif protocol in (0x88BE, 0x22EB):
        walk.go(ERSPAN, at, protocol if flags & 0x1000 or protocol == 0x22EB else 0)
    elif protocol == 0x6558 and key >= 0:
        walk.tunnel(scope.NVGRE, key >> 8)      # RFC 7637 §3.2: the flow identifier is not part of the network's
        walk.go(ETHERNET, at)
    elif protocol == 0x883E:
        walk.tunnel(scope.GRE)
        # WCCP version 2 has a redirect header of four bytes, version 1 none; an IPv4 header begins with 4.
        if at < walk.end and walk.data[at] >> 4 != 4:
            at += 4
        walk.go(IP, at)
    elif protocol == 0x6559:
        walk.tunnel(scope.GRE, key)
        walk.go(FRAME_RELAY, at)
    elif protocol in (0x8881, 0x88D2):
        walk.tunnel(scope.GRE, key)
        walk.stop(ethertype_name(int(protocol)))
    elif 0x8200 <= protocol <= 0x83F0 and protocol & 15 == 0:
        walk.tunnel(scope.GRE, key)
        walk.go(WLAN, at)   # wireless controllers number their ports in the protocol field
    else:
        walk.tunnel(scope.GRE, key)
        walk.go(ETHERTYPE, at, protocol)


def erspan(walk: Walk) -> None:
    """draft-foschiano-erspan §4: type I has no header, type II eight bytes, type III twelve and more."""
    walk.layer("erspan")
    at = walk.at
    data = walk.data
    walk.tunnel(scope.ERSPAN)
    if walk.value == 0:
        walk.go(ETHERNET, at)
        return
    if walk.lacks(8, "ERSPAN header"):
        return
    version = i64(data[at]) >> 4
    if version == 1:
        walk.go(ETHERNET, at + 8)
    elif version == 2:
        if walk.lacks(12, "ERSPAN header"):
            return
        walk.go(ETHERNET, at + 20 if data[at + 11] & 1 else at + 12)
    else:
        walk.stop(f"ERSPAN version {version}")
