"""Conversations that go by their client: a question to everybody and the answer from one make one of them."""
from __future__ import annotations

import socket

from analyzer.faults import Faults
from analyzer.flows.flow import Flow
from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.table import MAX_PARTY
from analyzer.flows.tracker import Tracker, parties_of
from analyzer.packet import Packet
from analyzer.packets.decode import Decoder
from dissectors.protocols.dhcp.protocol import DHCP


def frame(source: str, sport: int, destination: str, dport: int, payload: bytes) -> bytes:
    datagram = sport.to_bytes(2) + dport.to_bytes(2) + (8 + len(payload)).to_bytes(2) + bytes(2) + payload
    head = b"\x45\0" + (20 + len(datagram)).to_bytes(2) + bytes(4) + b"\x40\x11" + bytes(2)
    return bytes(12) + b"\x08\0" + head + socket.inet_aton(source) + socket.inet_aton(destination) + datagram


def bootp(op: int, client: int) -> bytes:
    fixed = bytes((op, 1, 6, 0)) + bytes(24) + bytes((2, 0, 0, 0, 0, client)) + bytes(202)
    return fixed + b"\x63\x82\x53\x63" + bytes((53, 1, 1, 255))


class Table:
    def __init__(self) -> None:
        self.gone = Keeper(KEEP_ALL)
        self.tracker = Tracker(100, 0, False, self.gone, Faults(), parties_of((DHCP,)))
        self.decoder, self.packet, self.number = Decoder(), Packet(), 0

    def take(self, data: bytes) -> tuple[int, int]:
        """(conversation, direction)."""
        self.number += 1
        self.decoder.decode(data, 0, len(data), len(data), 1, self.number, self.number, self.packet)
        self.tracker.take(self.packet)
        assert self.tracker.flow is not None
        return int(self.tracker.flow.number), self.tracker.direction


def ends(flow: Flow) -> tuple[str, str]:
    return socket.inet_ntoa(flow.forward[:4]), socket.inet_ntoa(flow.forward[4:8])


def test_a_client_has_one_conversation_whoever_answers_and_whatever_its_address() -> None:
    table = Table()
    assert table.take(frame("0.0.0.0", 68, "255.255.255.255", 67, bootp(1, 1))) == (1, 0)
    assert table.take(frame("0.0.0.0", 68, "255.255.255.255", 67, bootp(1, 2))) == (2, 0)
    assert table.take(frame("10.0.1.1", 67, "255.255.255.255", 68, bootp(2, 1))) == (1, 1)
    assert table.take(frame("10.0.1.2", 67, "10.0.1.50", 68, bootp(2, 1))) == (1, 1)
    assert table.take(frame("10.0.1.50", 68, "10.0.1.1", 67, bootp(1, 1))) == (1, 0)
    table.tracker.table.finish()
    assert [ends(flow) for flow in table.gone.all] == [("0.0.0.0", "255.255.255.255")] * 2
    assert table.gone.all[0].backward[:8] == b"\xff" * 4 + bytes(4)


def test_the_client_is_the_originator_also_where_the_server_is_seen_first() -> None:
    table = Table()
    assert table.take(frame("10.0.1.1", 67, "255.255.255.255", 68, bootp(2, 1))) == (1, 1)
    assert table.take(frame("0.0.0.0", 68, "255.255.255.255", 67, bootp(1, 1))) == (1, 0)
    table.tracker.table.finish()
    assert [ends(flow) for flow in table.gone.all] == [("0.0.0.0", "255.255.255.255")]


def test_what_is_no_message_of_it_goes_by_its_addresses() -> None:
    table = Table()
    assert table.take(frame("10.0.1.9", 68, "10.0.1.1", 67, b"nothing of the kind")) == (1, 0)
    assert table.take(frame("10.0.1.1", 67, "10.0.1.9", 68, b"nothing of the kind")) == (1, 1)
    assert table.take(frame("10.0.1.8", 68, "10.0.1.1", 67, b"nothing of the kind")) == (2, 0)


def test_a_conversation_holds_so_many_and_another_begins() -> None:
    table = Table()
    for _ in range(MAX_PARTY):
        table.take(frame("0.0.0.0", 68, "255.255.255.255", 67, bootp(1, 1)))
    assert table.take(frame("0.0.0.0", 68, "255.255.255.255", 67, bootp(1, 1))) == (2, 0)
    assert [flow.number for flow in table.gone.all] == [1]
    table.tracker.table.finish()
    assert [flow.number for flow in table.gone.all] == [1, 2]
    assert not table.tracker.table.party_keys
