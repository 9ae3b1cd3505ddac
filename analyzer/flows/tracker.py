"""The way of a frame, once it is decoded: to its conversation, whatever it is."""
from __future__ import annotations

from analyzer.faults import Faults
from analyzer.flows.flow import Flow, Retired
from analyzer.flows.others import Others
from analyzer.flows.table import FlowTable
from analyzer.packet import TCP, UDP, Packet
from dissectors.kit.protocol import Parties, Protocol


def parties_of(protocols: tuple[Protocol, ...]) -> dict[int, Parties]:
    """By port of UDP, who knows whose a datagram is where its addresses do not say it."""
    return {
        port: protocol.parties for protocol in protocols if protocol.parties is not None
        for port in protocol.ports.get("udp", ())
    }


class Tracker:
    """Finds the conversation of each packet and counts the packet there.

    capacity, record_cap, detailed, sink, shares: see FlowTable.     parties: of `parties_of`.
    After `take()`: flow, the packet's conversation, None where it has none; direction, the packet's in it (0 from the
    originator); quoted, the conversation that an ICMP error quotes, or None.
    """

    def __init__(
        self, capacity: int, record_cap: int, detailed: bool, sink: Retired, faults: Faults,
        parties: dict[int, Parties] | None = None, shares: int = 1,
    ) -> None:
        self.table = FlowTable(capacity, record_cap, detailed, sink, faults, parties, shares)
        self.others = Others(self.table)
        self.flow: Flow | None = None
        self.quoted: Flow | None = None
        self.direction: int = 0

    def take(self, packet: Packet) -> None:
        """One packet. Of a TCP segment, `table` then says what it is."""
        self.flow = None
        self.quoted = None
        kind = packet.kind
        if kind == TCP:
            self.table.tcp(packet)
            half = self.table.half
            if half is not None:
                self.flow = half.flow
                self.direction = int(half.direction)
        elif kind == UDP:
            other = self.table.udp(packet)
            self.flow = other.flow
            self.direction = int(other.direction)
        else:
            self.others.take(packet)
            self.flow = self.others.flow
            self.quoted = self.others.quoted
            self.direction = int(self.others.direction)
        if packet.undecoded:
            self.others.count(packet.undecoded)

    def foreign(self, packet: Packet) -> None:
        """One packet of a conversation that is followed elsewhere. It may quote one of a conversation followed here."""
        self.flow = None
        self.quoted = None
        if packet.kind not in (TCP, UDP):
            self.others.foreign(packet)
            self.quoted = self.others.quoted
        if packet.undecoded:
            self.others.count(packet.undecoded)
