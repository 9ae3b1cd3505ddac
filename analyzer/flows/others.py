"""Frames that are neither TCP nor UDP: ICMP and what it quotes, neighbours, and what is not decoded."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.flows.bridges import Bridges
from analyzer.flows.flow import ECHOES, Flow
from analyzer.flows.neighbours import MAX_ROUTERS, Neighbour, Router
from analyzer.flows.table import FlowTable
from analyzer.packet import ARP, ICMP, ICMPV6, NOTHING, TCP, UDP, Packet
from dissectors.protocols.icmp import is_error

MAX_NEIGHBOURS: Final = 256      # addresses whose neighbour discovery is told
MAX_EXPIRED: Final = 1_000       # datagrams whose receiver reports that fragments of them did not come
FRAGMENT: Final = 44             # IPv6 next header (RFC 8200 §4.5)
ETHERNET: Final[i64] = 1         # LINKTYPE_ETHERNET: the sender stands at octet 6 (IEEE 802.3 §3.1.1)
MAX_UNDECODED: Final = 200       # names of what was not decoded; the rest is counted together


class Others:
    """Keeps the conversation table informed of everything that has no ports, and counts the rest by name.

    flow: the conversation of the last frame, None where it has none; direction: that of the frame in it.
    quoted: the conversation that it quotes, or None.
    """

    def __init__(self, table: FlowTable) -> None:
        self.table = table
        self.neighbours: dict[bytes, Neighbour] = {}
        self.neighbours_left_out = 0
        self.routers: dict[bytes, Router] = {}
        self.undecoded: dict[str, int] = {}
        # Reports of receivers that fragments did not come: by addresses and identification, the frame and the time.
        self.expired: dict[bytes, tuple[int, int]] = {}
        self.bridges = Bridges()
        self.flow: Flow | None = None
        self.quoted: Flow | None = None
        self.direction: i64 = 0

    def take(self, packet: Packet) -> None:
        """One frame whose kind is neither TCP nor UDP."""
        kind = packet.kind
        self.flow = None
        self.quoted = None
        self.bridges.see(packet)
        if kind == ARP:
            self._arp(packet, int(packet.number))
        elif kind != NOTHING and packet.ip_version:
            half = self.table.other(packet)
            self.flow = half.flow
            self.direction = half.direction
            if kind in (ICMP, ICMPV6):
                self._icmp(packet)

    def foreign(self, packet: Packet) -> None:
        """One frame, neither of TCP nor of UDP, of a conversation that is followed elsewhere."""
        self.flow = None
        self.quoted = None
        self.bridges.see(packet)
        if packet.kind in (ICMP, ICMPV6) and packet.ip_version:
            self._icmp(packet)

    def count(self, name: str) -> None:
        """One more frame whose decoding stopped at `name`."""
        if name not in self.undecoded and len(self.undecoded) >= MAX_UNDECODED:
            name = "other protocols"
        self.undecoded[name] = self.undecoded.get(name, 0) + 1

    def _icmp(self, packet: Packet) -> None:
        data = packet.data
        at = packet.transport
        if at + 8 > packet.end:
            return
        if is_error(packet.ip_version, data[at]):
            if data[at] == (3 if packet.ip_version == 6 else 11) and data[at + 1] == 1:
                self._reassembly(packet)
            quoted = quoted_key(packet)
            flow = self.table.quoted(quoted + packet.quoted_scope, packet.quoted_kind) if quoted else None
            if flow is not None and flow is not self.flow:
                flow.icmp_errors += 1
                self.table.sink.reported(flow, packet)
                self.quoted = flow
                flow.record(packet, self.table.record_cap, True)
        elif packet.ip_version == 6 and i64(data[at]) in (135, 136) and at + 24 <= packet.end:
            self._discovery(packet, int(packet.number))
        elif self.table.is_new and i64(data[at]) == (128 if packet.ip_version == 6 else 8) and self.flow is not None:
            self.flow.marks |= ECHOES
        elif packet.ip_version == 6 and i64(data[at]) == 134 and at + 16 <= packet.end and packet.ttl == 255:
            self._advertised(packet)       # RFC 4861 §6.1.2: from this link, or not at all

    def _reassembly(self, packet: Packet) -> None:
        """Fragment reassembly time exceeded (RFC 792; RFC 4443 §3.3): which datagram never became whole."""
        version, data, src = packet.quoted_version, packet.data, packet.quoted_src
        if packet.quoted_kind == NOTHING or version != packet.ip_version or len(self.expired) >= MAX_EXPIRED:
            return
        ends = data[src:src + (8 if version == 4 else 32)]
        identification = data[src - 8:src - 6]        # of the IPv4 header, whose source stands at octet 12
        if version == 6:
            behind = src + 32                          # the fragment header, where it comes first
            if data[src - 2] != FRAGMENT or behind + 8 > packet.end:
                return
            identification = data[behind + 4:behind + 8]
        self.expired.setdefault(ends + identification, (int(packet.number), int(packet.time)))

    def _neighbour(self, address: bytes, version: int, packet: Packet) -> Neighbour | None:
        """Of each VLAN or tunnel its own."""
        name = address + packet.scope
        found = self.neighbours.get(name)
        if found is None:
            if len(self.neighbours) >= MAX_NEIGHBOURS:
                self.neighbours_left_out += 1
                return None
            found = Neighbour(address_text(address), version)
            found.first_frame = int(packet.number)
            self.neighbours[name] = found
        return found

    def _arp(self, packet: Packet, number: int) -> None:
        """RFC 826: hardware and protocol type, operation, then sender and target."""
        data = packet.data
        at = packet.transport
        if at + 28 > packet.end or data[at:at + 6] != b"\x00\x01\x08\x00\x06\x04":
            return
        operation = data[at + 7]
        sender = data[at + 14:at + 18]
        target = data[at + 24:at + 28]
        time = int(packet.time)
        mac = address_text(data[at + 8:at + 14])
        if operation == 1 and target != sender:
            asked = self._neighbour(target, 4, packet)
            if asked is not None:
                if any(sender):
                    asked.ask(sender, time, number, not alone(packet))
                else:                        # RFC 5227 §1.1: a probe has no sender yet
                    asked.probe(mac, time, number)
        if operation in (1, 2) and any(sender):
            owner = self._neighbour(sender, 4, packet)
            if owner is not None:
                answers = operation == 2 and target != sender
                if answers:
                    owner.defend(mac, time, number)
                    if any(target):
                        owner.tell(mac, address_text(target), time, number)
                owner.claim(mac, time, number, answers)

    def _discovery(self, packet: Packet, number: int) -> None:
        """RFC 4861 §4.3 and §4.4: the target, then options; option 2 is the target's link-layer address."""
        data = packet.data
        at = packet.transport
        target = self._neighbour(data[at + 8:at + 24], 6, packet)
        if target is None:
            return
        time = int(packet.time)
        if data[at] == 135:
            source = packet.source()
            if any(source):
                target.ask(source, time, number, i64(packet.data[packet.dst]) == 0xFF)
            else:                            # RFC 4862 §5.4.2: whoever asks for itself has no address yet
                target.probe(station_of(packet), time, number)
            return
        option = at + 24
        mac = ""
        while option + 8 <= packet.end and data[option + 1]:
            if data[option] == 2:
                solicited = data[at + 4] & 0x40 != 0     # RFC 4861 §4.4: the S flag
                mac = address_text(data[option + 2:option + 8])
                target.claim(mac, time, number, solicited)
            option += i64(data[option + 1]) * 8
        target.defend(mac or station_of(packet), time, number)

    def _advertised(self, packet: Packet) -> None:
        source = packet.source() + packet.scope
        router = self.routers.get(source)
        if router is None:
            if len(self.routers) >= MAX_ROUTERS:
                return
            router = Router(address_text(packet.source()))
            self.routers[source] = router
        router.advertise(packet.data, packet.transport, packet.end, int(packet.time), int(packet.number))


def alone(packet: Packet) -> bool:
    """Whether the frame went to one station of an Ethernet alone (IEEE 802.3 §3.2.3)."""
    return packet.link == ETHERNET and packet.base >= 0 and i64(packet.data[packet.base]) & 1 == 0


def station_of(packet: Packet) -> str:
    """The link-layer address that sent the frame, "" where its link has none or it lies in a tunnel."""
    if packet.link != ETHERNET or packet.base < 0:
        return ""
    return address_text(packet.data[packet.base + 6:packet.base + 12])


def quoted_key(packet: Packet) -> bytes:
    """The conversation key, without the scope, of the TCP, UDP or ICMP packet that an ICMP error quotes.

    b"" where too little is quoted, or something else.
    """
    kind = packet.quoted_kind
    size: i64 = 4 if packet.quoted_version == 4 else 16
    data = packet.data
    ends = data[packet.quoted_src:packet.quoted_src + size] + data[packet.quoted_dst:packet.quoted_dst + size]
    if kind in (ICMP, ICMPV6):
        return ends + bytes((int(kind),))
    if kind not in (TCP, UDP) or packet.quoted_sport < 0 or packet.quoted_dport < 0:
        return b""
    ports = int(packet.quoted_sport << 16 | packet.quoted_dport)
    return ends + ports.to_bytes(4)
