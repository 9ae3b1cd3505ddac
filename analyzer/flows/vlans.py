"""What shows that frames of one VLAN come into another one: the same frame under both tags, one right after the other.

Looked at are ARP and neighbour discovery that name an address of more than this link: that frame is of one VLAN alone,
since the address is. Not looked at is what a machine with a foot in several VLANs sends alike into each: probes of an
address by machines that have none yet, and everything about link-local addresses (RFC 4291 §2.5.6), which are made of
the same interface identifier in each of them.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import ARP, Packet
from dissectors.kit.octets import be16

MAX_FRAMES: Final = 256          # different frames that are watched at once
MAX_PAIRS: Final = 64            # VLANs between which frames cross
MAX_STATIONS: Final = 8          # whose frames do, of each pair
MAX_CITED: Final = 10            # frames of each pair that are cited
CROSSING_NS: Final[i64] = 20_000_000       # from one VLAN into the other: bridges pass frames on at once
TAG: Final[i64] = 4              # octets of a tag (IEEE 802.1Q §9.3)


class Crossing:
    """Frames that were seen in one VLAN, and the same in another one right after it. stations: that sent them."""

    def __init__(self, out_of: bytes, into: bytes, time: i64) -> None:
        self.out_of = out_of
        self.into = into
        self.count: i64 = 0
        self.stations: list[bytes] = []
        self.frames: list[int] = []
        self.start: i64 = time
        self.end: i64 = time


class _Seen:
    """A frame without its tags: when it came, in which frame of the capture, in which VLAN, and in which others."""

    def __init__(self, number: i64, time: i64, scope: bytes) -> None:
        self.number: i64 = number
        self.time: i64 = time
        self.scopes: list[bytes] = [scope]


class Vlans:
    """crossings: by both VLANs, out of and into, in the order of their coming."""

    def __init__(self) -> None:
        self.crossings: dict[bytes, Crossing] = {}
        self.seen: dict[bytes, _Seen] = {}

    def see(self, packet: Packet, octets: bytes) -> None:
        """One frame of Ethernet to a group, whole, of ARP or ICMPv6: all its octets."""
        inner: i64 = 12
        while be16(octets, inner) in (0x8100, 0x88A8):
            inner += TAG
            if inner + 30 > len(octets):            # ARP, the shorter of the two
                return
        if inner == 12 or len(packet.scope) != inner - 12 or not _of_one_vlan(packet, octets, inner + 2):
            return                                        # without a tag, or of a tunnel
        name = octets[:12] + octets[inner:]
        known = self.seen.get(name)
        if known is None or not 0 <= packet.time - known.time <= CROSSING_NS:
            if known is None and len(self.seen) >= MAX_FRAMES:
                self.seen.clear()
            self.seen[name] = _Seen(packet.number, packet.time, packet.scope)
        elif packet.scope not in known.scopes and len(packet.scope) == len(known.scopes[0]):
            known.scopes.append(packet.scope)
            self._crosses(packet, known, octets[6:12])

    def _crosses(self, packet: Packet, known: _Seen, station: bytes) -> None:
        out_of = known.scopes[0]
        name = out_of + packet.scope
        found = self.crossings.get(name)
        if found is None:
            if len(self.crossings) >= MAX_PAIRS:
                return
            found = Crossing(out_of, packet.scope, known.time)
            self.crossings[name] = found
        found.count += 1
        found.end = packet.time
        if station not in found.stations and len(found.stations) < MAX_STATIONS:
            found.stations.append(station)
        if len(found.frames) < MAX_CITED:
            found.frames.append(int(known.number))
            found.frames.append(int(packet.number))


def _of_one_vlan(packet: Packet, octets: bytes, at: i64) -> bool:
    """ARP of a machine that has an address (RFC 826), or neighbour discovery of one that is not link-local."""
    if packet.kind == ARP:
        sender = octets[at + 14:at + 18]
        return len(sender) == 4 and sender != bytes(4) and sender[:2] != b"\xa9\xfe"      # RFC 3927 §2.1
    icmp = at + 40
    return (
        icmp + 24 <= len(octets) and i64(octets[icmp]) in (135, 136)
        and not (i64(octets[icmp + 8]) == 0xFE and i64(octets[icmp + 9]) & 0xC0 == 0x80)
        and octets[at + 8:at + 24] != bytes(16)
    )
