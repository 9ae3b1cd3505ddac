"""What shows how the bridges of a link are doing: frames that come again and again, and their spanning tree.

Only frames to groups are looked at, since a loop of bridges sends those round (IEEE 802.1D-2004 §7.7), and of these ARP
and ICMPv6: other protocols may say the same thing many times a second on purpose.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.flows.vlans import Vlans
from analyzer.neighbourhood import MAX_CHANGES
from analyzer.packet import ARP, ICMPV6, Packet
from dissectors.kit.octets import be16

MAX_WATCHED: Final = 256         # different frames that are watched at once
MAX_FRAME: Final[i64] = 256      # octets of one that is watched; ARP and neighbour discovery are shorter
MAX_CITED: Final = 5             # frames of each that are cited
MAX_BRIDGES: Final = 256         # senders of spanning tree whose root is followed
PAUSE_NS: Final[i64] = 100_000_000     # after which the same frame is another one of its kind: hosts ask once a second
OFTEN: Final[i64] = 100          # copies from which on a run is kept whatever comes
# A change is told for as long as 35 s, every 2 s (IEEE 802.1D-1998 §8.10.2); three such that are missing end it.
CALM_NS: Final[i64] = 6_000_000_000
ETHERNET: Final[i64] = 1         # LINKTYPE_ETHERNET
CONFIGURATION, NOTIFICATION, RAPID = 0, 0x80, 2      # types (IEEE 802.1D-2004 §9.3)
TOPOLOGY_CHANGE: Final[i64] = 1  # of the flags (IEEE 802.1D-2004 §9.3.1)


class Repeated:
    """A frame that comes again and again. most: how often it did without a pause, from start to end."""

    def __init__(self, number: i64, time: i64) -> None:
        self.frames: list[int] = [int(number)]
        self.count: i64 = 1
        self.since: i64 = time
        self.last: i64 = time
        self.most: i64 = 1
        self.start: i64 = time
        self.end: i64 = time
        self.cited: list[int] = self.frames

    def again(self, number: i64, time: i64) -> None:
        if time - self.last > PAUSE_NS or time < self.since:
            self.frames = []
            self.count, self.since = 0, time
        self.last = time
        self.count += 1
        if len(self.frames) < MAX_CITED:
            self.frames.append(int(number))
        if self.count > self.most:
            self.most, self.start, self.end, self.cited = self.count, self.since, time, self.frames


class Bridges:
    """repeated: by the octets of a frame.     trees: by station and VLAN, the root that it named last.
    changing: when a change was told of last, in whatever VLAN: one cable is in many.
    changes: of the topology: when, frame, station.
    vlans: frames of one VLAN that come into another one.
    roots: by station and VLAN, each other root than before: when, frame, station, the old one, the new one.
    """

    def __init__(self) -> None:
        self.repeated: dict[bytes, Repeated] = {}
        self.vlans = Vlans()
        self.pruned: i64 = -1
        self.trees: dict[bytes, bytes] = {}
        self.changing: i64 = -1
        self.changes: list[tuple[int, int, str]] = []
        self.roots: dict[bytes, list[tuple[int, int, str, bytes, bytes]]] = {}

    def see(self, packet: Packet) -> None:
        """One frame that is neither of TCP nor of UDP."""
        at = packet.base
        if packet.link != ETHERNET or at < 0 or packet.captured < 20 or i64(packet.data[at]) & 1 == 0:
            return
        kind = packet.kind
        if kind in (ARP, ICMPV6):
            if packet.captured == packet.length and packet.length <= MAX_FRAME:
                self._watch(packet)
        elif packet.undecoded and i64(packet.data[at]) == 1 and i64(packet.data[at + 3]) in (0, 0xCC):
            self._spanning(packet, at)

    def _watch(self, packet: Packet) -> None:
        octets = packet.data[packet.base:packet.base + packet.captured]
        if packet.scope:
            self.vlans.see(packet, octets)
        known = self.repeated.get(octets)
        if known is not None:
            known.again(packet.number, packet.time)
            return
        if len(self.repeated) >= MAX_WATCHED:
            self._prune(packet.time)
            if len(self.repeated) >= MAX_WATCHED:
                return
        self.repeated[octets] = Repeated(packet.number, packet.time)

    def _prune(self, now: i64) -> None:
        """What has not come for a while makes room, but not more often than that."""
        if 0 <= now - self.pruned < PAUSE_NS and self.pruned >= 0:
            return
        self.pruned = now
        self.repeated = {
            octets: one for octets, one in self.repeated.items() if one.most >= OFTEN or 0 <= now - one.last <= PAUSE_NS
        }

    def _spanning(self, packet: Packet, at: i64) -> None:
        """A BPDU: to 01:80:C2:00:00:00 behind LLC, or one for each VLAN to 01:00:0C:CC:CC:CD behind SNAP (Cisco)."""
        data, end = packet.data, at + packet.captured
        bpdu = at + 14
        while bpdu + 4 <= end and be16(data, bpdu - 2) in (0x8100, 0x88A8):
            bpdu += 4
        if data[bpdu:bpdu + 3] == b"\x42\x42\x03":
            bpdu += 3
        elif data[bpdu:bpdu + 8] == b"\xaa\xaa\x03\x00\x00\x0c\x01\x0b":
            bpdu += 8
        else:
            return
        if bpdu + 4 > end or be16(data, bpdu) != 0:
            return
        kind = i64(data[bpdu + 3])
        station = data[at + 6:at + 12]
        if kind == NOTIFICATION:
            self._changed(packet, station)
        elif kind in (CONFIGURATION, RAPID) and bpdu + 35 <= end:
            if i64(data[bpdu + 4]) & TOPOLOGY_CHANGE:
                self._changed(packet, station)
            self._rooted(packet, station, data[bpdu + 5:bpdu + 13])

    def _changed(self, packet: Packet, station: bytes) -> None:
        now, last = packet.time, self.changing
        self.changing = now
        if (last < 0 or now - last > CALM_NS) and len(self.changes) < MAX_CHANGES:
            self.changes.append((int(now), int(packet.number), address_text(station)))

    def _rooted(self, packet: Packet, station: bytes, root: bytes) -> None:
        name = station + packet.scope
        before = self.trees.get(name)
        if before is None:
            if len(self.trees) < MAX_BRIDGES:
                self.trees[name] = root
        elif before != root:
            changes = self.roots.setdefault(name, [])
            if len(changes) < MAX_CHANGES:
                changes.append((int(packet.time), int(packet.number), address_text(station), before, root))
            self.trees[name] = root


def bridge_name(identifier: bytes) -> str:
    """A bridge identifier: its priority, and its address (IEEE 802.1D-2004 §9.2.5)."""
    return f"{address_text(identifier[2:8])} (priority {be16(identifier, 0)})"
