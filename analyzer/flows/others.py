"""Frames that are neither TCP nor UDP: ICMP and what it quotes, neighbours, and what is not decoded."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text
from analyzer.flows.flow import Flow
from analyzer.flows.table import FlowTable
from analyzer.packet import ARP, ICMP, ICMPV6, NOTHING, TCP, UDP, Packet
from dissectors.kit.units import plural
from dissectors.protocols.icmp import is_error

MAX_NEIGHBOURS: Final = 256      # addresses whose neighbour discovery is told
MAX_OWNERS: Final = 8           # link-layer addresses of one address that are compared
MAX_EXPIRED: Final = 1_000       # datagrams whose receiver reports that fragments of them did not come
FRAGMENT: Final = 44             # IPv6 next header (RFC 8200 §4.5)
MAX_ASKED: Final = 12           # questions for one address by one machine whose frames are kept
MAX_UNDECODED: Final = 200       # names of what was not decoded; the rest is counted together


BOTH_NS: Final[i64] = 5_000_000_000    # within which two owners of one address answer at the same time


class Asking:
    """One machine asks for one address. frames: the first of its questions.     start_ns, end_ns: of all of them."""

    def __init__(self) -> None:
        self.count = 0
        self.frames: list[int] = []
        self.start_ns = -1
        self.end_ns = -1

    def add(self, time: int, frame: int) -> None:
        self.count += 1
        if len(self.frames) < MAX_ASKED:
            self.frames.append(frame)
        if self.start_ns < 0:
            self.start_ns = time
        self.end_ns = time


class Neighbour:
    """What ARP or neighbour discovery said about one address (RFC 826, RFC 4861 §7.2).

    claims: of each owner, when it last said that the address is its own, in which frame, and whether as an answer.
    contested: the frames and owners of the first two claims that stand against each other, () for none: two answers to
    the same question, or a claim of one between two of the other, within BOTH_NS. An address that moves is claimed by
    the new owner alone from then on.     askers: by their addresses, of ARP.
    """

    def __init__(self, text: str, version: int) -> None:
        self.text = text
        self.version = version
        self.asked = 0
        self.first_frame = 0
        self.owners: dict[str, int] = {}     # link-layer address -> frame that first claimed it
        self.asked_at = -1                   # the last question
        self.claims: dict[str, tuple[int, int, bool]] = {}
        self.contested: tuple[tuple[str, int], ...] = ()
        self.askers: dict[bytes, Asking] = {}

    def ask(self, asker: bytes, time: int, frame: int) -> None:
        self.asked += 1
        self.asked_at = time
        if asker in self.askers or len(self.askers) < MAX_OWNERS:
            self.askers.setdefault(asker, Asking()).add(time, frame)

    def claim(self, mac: str, time: int, frame: int, answers: bool) -> None:
        """A machine says that the address is its own. answers: when asked."""
        self.owners.setdefault(mac, frame)
        if len(self.owners) > 1 and not self.contested:
            before = self.claims.get(mac)
            for other, (then, first, answered) in self.claims.items():
                both = answers and answered and then >= self.asked_at >= 0
                if other != mac and time - then <= BOTH_NS and (both or (before is not None and before[0] < then)):
                    self.contested = ((other, first), (mac, frame))
                    break
        if len(self.claims) < MAX_OWNERS or mac in self.claims:
            self.claims[mac] = (time, frame, answers)

    def says(self) -> str:
        """In words, with the frames that show it."""
        how = "ARP" if self.version == 4 else "neighbour discovery"
        if not self.owners:
            asked = plural(self.asked, "time")
            return f"{self.text} was asked for {asked}, first in #{self.first_frame}; no answer was seen"
        parts = [f"{mac} (#{frame})" for mac, frame in self.owners.items()]
        if len(parts) > 1:
            return f"{self.text} is claimed by {len(parts)} link-layer addresses: {', '.join(parts)}"
        return f"{self.text} is at {parts[0]}, by {how}"


class Others:
    """Keeps the conversation table informed of everything that has no ports, and counts the rest by name.

    flow: the conversation of the last frame, None where it has none; direction: that of the frame in it.
    quoted: the conversation that it quotes, or None.
    """

    def __init__(self, table: FlowTable) -> None:
        self.table = table
        self.neighbours: dict[bytes, Neighbour] = {}
        self.neighbours_left_out = 0
        self.undecoded: dict[str, int] = {}
        # Reports of receivers that fragments did not come: by addresses and identification, the frame and the time.
        self.expired: dict[bytes, tuple[int, int]] = {}
        self.flow: Flow | None = None
        self.quoted: Flow | None = None
        self.direction: i64 = 0

    def take(self, packet: Packet) -> None:
        """One frame whose kind is neither TCP nor UDP."""
        kind = packet.kind
        self.flow = None
        self.quoted = None
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

    def _neighbour(self, address: bytes, version: int, frame: int) -> Neighbour | None:
        found = self.neighbours.get(address)
        if found is None:
            if len(self.neighbours) >= MAX_NEIGHBOURS:
                self.neighbours_left_out += 1
                return None
            found = Neighbour(address_text(address), version)
            found.first_frame = frame
            self.neighbours[address] = found
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
        if operation == 1 and target != sender:
            asked = self._neighbour(target, 4, number)
            if asked is not None:
                asked.ask(sender, int(packet.time), number)
        if operation in (1, 2) and sender != b"\x00\x00\x00\x00":  # RFC 5227 §1.1: a probe has no sender yet
            owner = self._neighbour(sender, 4, number)
            if owner is not None:
                answers = operation == 2 and target != sender
                owner.claim(address_text(data[at + 8:at + 14]), int(packet.time), number, answers)

    def _discovery(self, packet: Packet, number: int) -> None:
        """RFC 4861 §4.3 and §4.4: the target, then options; option 2 is the target's link-layer address."""
        data = packet.data
        at = packet.transport
        target = self._neighbour(data[at + 8:at + 24], 6, number)
        if target is None:
            return
        if data[at] == 135:
            target.asked += 1
            target.asked_at = int(packet.time)
            return
        option = at + 24
        while option + 8 <= packet.end and data[option + 1]:
            if data[option] == 2:
                solicited = data[at + 4] & 0x40 != 0     # RFC 4861 §4.4: the S flag
                target.claim(address_text(data[option + 2:option + 8]), int(packet.time), number, solicited)
            option += i64(data[option + 1]) * 8


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
