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
MAX_OWNERS: Final = 64           # link-layer addresses of one address that are kept
MAX_UNDECODED: Final = 200       # names of what was not decoded; the rest is counted together


class Neighbour:
    """What ARP or neighbour discovery said about one address (RFC 826, RFC 4861 §7.2)."""

    def __init__(self, text: str, version: int) -> None:
        self.text = text
        self.version = version
        self.asked = 0
        self.first_frame = 0
        self.owners: dict[str, int] = {}     # link-layer address -> frame that first claimed it
        self.contested: list[int] = []       # frames that show two owners at the same time, [] for none
        self._answered: dict[str, tuple[int, int]] = {}    # link-layer address -> the request that it answered, frame
        self._claimant = ""                  # whose claim was the last

    def claim(self, station: str, frame: int, answers: bool) -> None:
        """A machine says that the address is its own. answers: as an answer to the last request."""
        if station not in self.owners and len(self.owners) >= MAX_OWNERS:
            return
        if not self.contested:
            for other, (question, at) in self._answered.items():
                if answers and other != station and question == self.asked and self.asked:
                    self.contested = [at, frame]      # one request, two answers
            if self._claimant not in ("", station) and station in self.owners:
                self.contested = [self.owners[station], self.owners[self._claimant], frame]    # one, the other, one
        self.owners.setdefault(station, frame)
        if answers:
            self._answered[station] = (self.asked, frame)
        self._claimant = station

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
            quoted = quoted_key(packet)
            flow = self.table.quoted(quoted + packet.quoted_scope, packet.quoted_kind) if quoted else None
            if flow is not None:
                flow.icmp_errors += 1
                self.quoted = flow
                flow.record(packet, self.table.record_cap, True)
        elif packet.ip_version == 6 and i64(data[at]) in (135, 136) and at + 24 <= packet.end:
            self._discovery(packet, int(packet.number))

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
                asked.asked += 1
        if operation in (1, 2) and sender != b"\x00\x00\x00\x00":  # RFC 5227 §1.1: a probe has no sender yet
            owner = self._neighbour(sender, 4, number)
            if owner is not None:
                owner.claim(address_text(data[at + 8:at + 14]), number, operation == 2)

    def _discovery(self, packet: Packet, number: int) -> None:
        """RFC 4861 §4.3 and §4.4: the target, then options; option 2 is the target's link-layer address."""
        data = packet.data
        at = packet.transport
        target = self._neighbour(data[at + 8:at + 24], 6, number)
        if target is None:
            return
        if data[at] == 135:
            target.asked += 1
            return
        option = at + 24
        while option + 8 <= packet.end and data[option + 1]:
            if data[option] == 2:
                target.claim(address_text(data[option + 2:option + 8]), number, True)
            option += i64(data[option + 1]) * 8


def quoted_key(packet: Packet) -> bytes:
    """The conversation key, without the scope, of the TCP or UDP packet that an ICMP error quotes.

    b"" where too little is quoted, or something else.
    """
    if packet.quoted_kind not in (TCP, UDP) or packet.quoted_sport < 0 or packet.quoted_dport < 0:
        return b""
    size: i64 = 4 if packet.quoted_version == 4 else 16
    data = packet.data
    ports = int(packet.quoted_sport << 16 | packet.quoted_dport)
    return (
        data[packet.quoted_src:packet.quoted_src + size] + data[packet.quoted_dst:packet.quoted_dst + size]
        + ports.to_bytes(4)
    )
