"""Just enough of Ethernet, IP and TCP for the link to know which frame it holds."""
from __future__ import annotations

from samples.record.network import Kind

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Sight:
    """What the link sees in a frame: its kind, and for TCP the flow and sequence number that identify it."""

    def __init__(self, kind: Kind, identity: bytes) -> None:
        self.kind = kind
        self.identity = identity   # equal for a segment and its retransmission; empty: every frame is new


def look(frame: bytes) -> Sight:
    """The kind of an Ethernet frame. Anything short or strange is OTHER."""
    other = Sight(Kind.OTHER, b"")
    if len(frame) < 34:
        return other
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype == ETHERTYPE_IPV4:
        start = 14 + (frame[14] & 15) * 4
        protocol = frame[23]
        end = 14 + int.from_bytes(frame[16:18], "big")
        if int.from_bytes(frame[20:22], "big") & 0x1FFF:   # a later fragment has no transport header
            return other
    elif ethertype == ETHERTYPE_IPV6 and len(frame) >= 54:
        start = 54
        protocol = frame[20]
        end = 54 + int.from_bytes(frame[18:20], "big")
    else:
        return other
    if protocol == 17:
        return Sight(Kind.UDP, b"")
    if protocol != 6 or len(frame) < start + 20:
        return other
    return _tcp(frame, start, end)


def _tcp(frame: bytes, start: int, end: int) -> Sight:
    flags = frame[start + 13]
    payload = end - start - (frame[start + 12] >> 4) * 4
    identity = frame[start:start + 8]                      # ports and sequence number
    if flags & RST:
        return Sight(Kind.RST, b"")
    if flags & SYN:
        return Sight(Kind.SYN_ACK if flags & ACK else Kind.SYN, identity)
    if payload > 0:
        return Sight(Kind.DATA, identity)
    if flags & FIN:
        return Sight(Kind.FIN, identity)
    return Sight(Kind.ACK, b"")


def mark_ce(frame: bytes) -> bytes:
    """Sets both ECN bits of an IPv4 header and mends its checksum (RFC 1624 §3); others pass unchanged.

    A sender that did not offer ECN (both bits clear) is left alone, as a router must (RFC 3168 §5).
    """
    if int.from_bytes(frame[12:14], "big") != ETHERTYPE_IPV4 or not frame[15] & 3:
        return frame
    marked = bytearray(frame)
    marked[15] |= 3
    marked[24:26] = b"\0\0"
    length = (frame[14] & 15) * 4
    total = sum(int.from_bytes(marked[p:p + 2], "big") for p in range(14, 14 + length, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    marked[24:26] = (~total & 0xFFFF).to_bytes(2, "big")
    return bytes(marked)


def tagged(frame: bytes, tags: tuple[tuple[int, int], ...]) -> bytes:
    """The frame with VLAN tags (EtherType, identifier) put in, the outer one first (IEEE 802.1Q §9.6)."""
    inserted = b"".join(kind.to_bytes(2, "big") + vlan.to_bytes(2, "big") for kind, vlan in tags)
    return frame[:12] + inserted + frame[12:]
