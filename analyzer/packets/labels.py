"""What is carried by labels and service headers: MPLS and its pseudowires, NSH."""
from __future__ import annotations

from mypy_extensions import i64

from analyzer.packets.names import ETHERTYPES
from analyzer.packets.walk import ETHERNET, IP, IPV6, MPLS, NSH, Walk
from dissectors.kit.octets import be16, be32


def mpls(walk: Walk) -> None:
    """RFC 3032 §2.1. What follows the last label is not announced: by its first four bits (RFC 4928 §2)."""
    walk.layer("mpls")
    data = walk.data
    at = walk.at
    label: i64 = 0
    while True:
        if at + 4 > walk.end:
            walk.stop("truncated MPLS label")
            return
        entry = be32(data, at)
        at += 4
        label = entry >> 12
        if entry & 0x100:
            break
    if at >= walk.end:
        walk.stop("truncated MPLS payload")
        return
    first = data[at] >> 4
    if label == 14:             # RFC 3429: OAM alert
        walk.stop("MPLS operation and maintenance")
    elif label == 13 or first == 1:
        _associated_channel(walk, at, i64(first))
    elif first == 4:
        walk.go(IP, at)
    elif first == 6:
        walk.go(IPV6, at)
    elif first == 0:
        _pseudowire(walk, at)
    else:
        walk.stop("MPLS payload of unknown kind")


def _associated_channel(walk: Walk, at: i64, first: i64) -> None:
    """RFC 4385 §5, RFC 5586 §2.1: its type is a PPP protocol where it carries IP."""
    kind = be16(walk.data, at + 2) if first == 1 and at + 4 <= walk.end else 0
    if kind == 0x0021:
        walk.go(IP, at + 4)
    elif kind == 0x0057:
        walk.go(IPV6, at + 4)
    else:
        walk.stop("MPLS associated channel")


def _pseudowire(walk: Walk, at: i64) -> None:
    """RFC 4448 §4: Ethernet, with a control word or without. Nothing tells them apart but a known EtherType."""
    data = walk.data
    plain = at + 14 <= walk.end and int(be16(data, at + 12)) in ETHERTYPES
    word = at + 18 <= walk.end and be16(data, at) == 0 and int(be16(data, at + 16)) in ETHERTYPES
    if word or (not plain and at + 18 <= walk.end and be16(data, at) == 0):
        walk.go(ETHERNET, at + 4)
    elif plain:
        walk.go(ETHERNET, at)
    else:
        walk.stop("MPLS payload of unknown kind")


def nsh(walk: Walk) -> None:
    """RFC 8300 §2.2: length in words of four bytes, next protocol."""
    walk.layer("nsh")
    if walk.lacks(8, "NSH header"):
        return
    data = walk.data
    at = walk.at
    size = (be16(data, at) & 0x3F) << 2
    if size < 8:
        walk.stop("NSH length below 8")
        return
    if walk.lacks(size, "NSH header"):
        return
    following = data[at + 3]
    if following == 1:
        walk.go(IP, at + size)
    elif following == 2:
        walk.go(IPV6, at + size)
    elif following == 3:
        walk.go(ETHERNET, at + size)
    elif following == 4:
        walk.go(NSH, at + size)
    elif following == 5:
        walk.go(MPLS, at + size)
    else:
        walk.stop(f"NSH protocol {following}")
