"""Frames of the chosen conversations whose places were not kept: they are found again by going over the capture.

What a frame belongs to was decided by the survey; here it is known by the bytes that identify a conversation, between
the last frame of it whose place was kept and the last one that the survey counted for it. Two conversations with the
same ends come after one another, so no frame is taken for another one's.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import RECORD, Flow, Unrecorded
from analyzer.flows.others import quoted_key
from analyzer.flows.table import SMALLEST, key_of, reverse_of
from analyzer.ingest.source import Source
from analyzer.packet import ARP, ICMP, ICMPV6, NOTHING, TCP, UDP, Packet
from analyzer.packets.decode import Decoder
from analyzer.packets.tunnels import PORT_TABLE
from analyzer.pipeline.passes import SILENT, Pulse
from dissectors.kit.octets import be16
from dissectors.protocols.icmp import is_error

ETHERNET: Final[i64] = 1         # LINKTYPE_ETHERNET


class Member:
    """A conversation that has such frames. owner: its index among those that are told.

    first, place: the first of them, and where it lies in the file.     last: the last of them.
    known: those among them whose place was kept.
    over: no more of them are wanted.
    """

    def __init__(self, flow: Flow, rest: Unrecorded, owner: i64) -> None:
        self.owner: i64 = owner
        self.first: i64 = rest.first
        self.place: i64 = rest.place
        self.last: i64 = rest.last
        self.over: bool = False
        records = flow.records
        self.known: set[int] = set()
        for at in range(rest.whole * RECORD, len(records), RECORD):
            self.known.add(int(records[at]))

    def has(self, number: i64) -> bool:
        return not self.over and self.first <= number <= self.last and int(number) not in self.known


class Rest:
    """Knows the frames of these conversations when they come by.

    After `find()`: found, whose the packet is. It may be of two: an ICMP error, and what it quotes.
    last: no frame behind this one is wanted.
    """

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.tcp_keys: dict[bytes, list[Member]] = {}
        self.other_keys: dict[bytes, list[Member]] = {}
        self.ends: dict[bytes, bool] = {}      # addresses and ports of all of them, of both directions
        self.found: list[Member] = []
        self.last: i64 = 0

    def add(self, flow: Flow, rest: Unrecorded, owner: i64) -> None:
        """A conversation whose frames are wanted."""
        member = Member(flow, rest, owner)
        self.members.append(member)
        keys = self.tcp_keys if flow.protocol == TCP else self.other_keys
        size = flow.address_size
        names = [flow.forward, flow.backward]
        if flow.alias:
            names += [flow.alias, reverse_of(flow.alias, size, flow.alias[size + size + 4:])]
        for name in dict.fromkeys(names):
            keys.setdefault(name, []).append(member)
            if flow.protocol in (TCP, UDP):
                self.ends[name[:size + size + 4]] = True
        self.last = max(self.last, member.last)

    def settle(self) -> None:
        """Some may be over."""
        self.last = 0
        for member in self.members:
            if not member.over and member.last > self.last:
                self.last = member.last

    def likely(self, data: bytes, start: i64, end: i64, link: i64) -> bool:
        """May this frame be one of them? Cheap, and True where only decoding it tells."""
        at = start + 14
        if link != ETHERNET or at + 24 > end:
            return True
        if data[start + 12] == 8 and data[start + 13] == 0:      # IPv4 without options, no fragment
            if data[at] != 0x45 or data[at + 6] & 0x3F or data[at + 7]:
                return True
            return self._likely(data, at + 12, at + 20, i64(data[at + 9]))
        if data[start + 12] == 0x86 and data[start + 13] == 0xDD and at + 44 <= end:
            return self._likely(data, at + 8, at + 40, i64(data[at + 6]))
        return True

    def _likely(self, data: bytes, addresses: i64, at: i64, protocol: i64) -> bool:
        if protocol == UDP:
            if PORT_TABLE[be16(data, at)] or PORT_TABLE[be16(data, at + 2)]:
                return True      # perhaps a tunnel
        elif protocol != TCP:
            return True
        return data[addresses:at + 4] in self.ends

    def find(self, packet: Packet) -> bool:
        """Whose is this packet? False where it is of none of them."""
        if self.found:
            self.found = []
        kind = packet.kind
        if kind == TCP:
            if not sound(packet):
                return False     # the survey counted it for nobody
            self._of(self.tcp_keys, key_of(packet), packet.number)
        elif kind == UDP:
            self._of(self.other_keys, key_of(packet), packet.number)
        elif kind not in (ARP, NOTHING) and packet.ip_version:
            key = packet.source() + packet.destination() + bytes((int(packet.protocol),)) + packet.scope
            self._of(self.other_keys, key, packet.number)
            if kind in (ICMP, ICMPV6) and packet.transport + 8 <= packet.end \
                    and is_error(int(packet.ip_version), packet.data[packet.transport]):
                quoted = quoted_key(packet)
                if quoted:
                    keys = self.tcp_keys if packet.quoted_kind == TCP else self.other_keys
                    self._of(keys, quoted + packet.quoted_scope, packet.number)
        return bool(self.found)

    def _of(self, keys: dict[bytes, list[Member]], key: bytes, number: i64) -> None:
        members = keys.get(key)
        if members is not None:
            for member in members:
                if member.has(number) and member not in self.found:
                    self.found.append(member)


def sound(packet: Packet) -> bool:
    """Whether its TCP header is one that `FlowTable.tcp` takes."""
    at = packet.transport
    if at + 16 > packet.end:
        return False
    header = (i64(packet.data[at + 12]) >> 4) << 2
    return header >= SMALLEST and packet.true_end - at - header >= 0


class RestReader:
    """Goes over a file beside those who read at its places. packet: the frame that was found, decoded.

    stopped: the first frame that was not looked at, where somebody wanted an end.
    """

    def __init__(self, source: Source, rest: Rest, pulse: Pulse = SILENT) -> None:
        self.pulse = pulse
        self.due: i64 = 0
        self.stopped: i64 = 0
        self.source = source
        self.rest = rest
        self.decoder = Decoder()
        self.packet = Packet()
        self.until: i64 = 0          # up to this frame there may be one
        self.held: bool = False      # the frame in hand was not looked at yet

    def next(self, limit: i64) -> bool:
        """Move on to the next frame of `rest` before this number; False where there is none."""
        source = self.source
        rest = self.rest
        while True:
            if not self.held:
                if source.number >= self.until and not self._stretch():
                    return False
                if not source.next():
                    return False
                self.held = True
            if source.number >= limit:
                return False
            if source.number >= self.due:
                self.due = source.number + self.pulse.stride
                if not self.pulse.beat(source.number):
                    self.stopped = source.number
                    return False
            self.held = False
            if rest.likely(source.data, source.start, source.end, source.link) and self._decoded() \
                    and rest.find(self.packet):
                return True

    def _stretch(self) -> bool:
        """Go to where the next conversation begins that has frames behind this one."""
        number = self.source.number
        found: Member | None = None
        for member in self.rest.members:
            if not member.over and member.last > number and (found is None or member.first < found.first):
                found = member
        if found is None:
            return False
        self.until = found.last
        if found.first > number + 1 and not (found.place >= 0 and self.source.seek(found.place, found.first)):
            while self.source.number < found.first - 1:
                if not self.source.next():
                    return False
        return True

    def _decoded(self) -> bool:
        source = self.source
        try:
            self.decoder.decode(
                source.data, source.start, source.end, source.length, source.link, source.number, source.time,
                self.packet,
            )
        except Exception:       # the survey said so, and counted the frame for nobody
            self.decoder.dirty = True
            return False
        return True
