"""The protocol record of DHCP, and whose its messages are."""
from __future__ import annotations

from typing import Final

from dissectors.kit.display_field import MAC, NUMBER, DisplayField
from dissectors.kit.protocol import NO, YES, Context, Dissector, Parties, Protocol
from dissectors.protocols.dhcp.dissector import DhcpDissector
from dissectors.protocols.dhcp.events import (
    Ack,
    Decline,
    DhcpMessageSeen,
    DhcpRequest,
    DhcpUnanswered,
    Discover,
    Inform,
    Informed,
    Nak,
    Offer,
    Release,
)
from dissectors.protocols.dhcp.terms import TERMS
from dissectors.protocols.dhcp.wire import COOKIE, ETHERNET, FIXED, REPLY, REQUEST, hardware

SERVER_PORT, CLIENT_PORT = 67, 68       # RFC 2131 §4.1
RELAY: Final = 24                       # where the address of a relay stands (RFC 2131 §2)
HARDWARE: Final = 28                    # where the hardware address of the client stands (RFC 2131 §2)
MAX_HARDWARE: Final = 16                # octets of it


class Clients(Parties):
    """A client is its hardware address, from its first question on, whichever address it has and whoever answers. What
    goes on between a relay and a server, from port 67 to 67, is of the client that the relay speaks for: the answer
    goes to the relay's address on the client's link, which need not be the one that the question came from (RFC 2131
    §4.1)."""

    def client(self, data: bytes, sport: int, dport: int) -> bytes:
        if len(data) < HARDWARE + MAX_HARDWARE or data[0] not in (REQUEST, REPLY) or not 0 < data[2] <= MAX_HARDWARE:
            return b""
        found = data[HARDWARE:HARDWARE + data[2]]
        if not any(found):
            return b""
        if sport == dport == SERVER_PORT:
            relay = data[RELAY:RELAY + 4]
            return relay + data[1:2] + found if any(relay) else b""
        if (sport, dport) != ((CLIENT_PORT, SERVER_PORT) if data[0] == REQUEST else (SERVER_PORT, CLIENT_PORT)):
            return b""
        return bytes(4) + data[1:2] + found

    def asks(self, data: bytes) -> bool:
        return data[0] == REQUEST

    def ends(self, client: bytes, key: bytes) -> bytes:
        """Who has no address asks everybody; a relay goes by its address on the client's link."""
        if any(client[:4]):
            return client[:4] + key[4:]
        return bytes(4) + b"\xff" * 4 + CLIENT_PORT.to_bytes(2) + SERVER_PORT.to_bytes(2)

    def name(self, client: bytes) -> str:
        return hardware(client[5:])

    def display_filter(self, client: bytes) -> str:
        kind = "mac_addr" if client[4] == ETHERNET and len(client) == 11 else "addr"
        said = f"dhcp.hw.{kind} == {client[5:].hex(':')}"
        return f"{said} && udp.srcport == 67 && udp.dstport == 67" if any(client[:4]) else f"{said} && udp.port == 68"


def probe(data: bytes, direction: int) -> int:
    """The magic cookie (RFC 2131 §3)."""
    return YES if len(data) > FIXED and data[0] in (REQUEST, REPLY) and data[FIXED:FIXED + 4] == COOKIE else NO


def probe_on_port(data: bytes, direction: int) -> int:
    """BOOTP without options, and what the capture cut short, on the ports of DHCP."""
    return YES if len(data) >= HARDWARE and data[0] in (REQUEST, REPLY) and 0 < data[2] <= MAX_HARDWARE else NO


def _create(context: Context) -> Dissector:
    return DhcpDissector(context)


MESSAGES: Final = (
    Discover, Offer, DhcpRequest, Ack, Nak, Decline, Release, Inform, Informed, DhcpMessageSeen,
)


DHCP: Final = Protocol(
    name="dhcp",
    title="DHCP",
    summary="Leases of IPv4 addresses: offers, requests, renewals, refusals, with every option in words.",
    specs=("RFC 2131", "RFC 2132", "RFC 951", "RFC 3046", "RFC 3396", "RFC 3442"),
    create=_create,
    carriers=("udp",),
    ports={"udp": (SERVER_PORT, CLIENT_PORT, 4011)},
    events=(*MESSAGES, DhcpUnanswered),
    terms=TERMS,
    probe=probe,
    probe_anywhere=False,
    probe_on_port=probe_on_port,
    phases={"lease": "DHCP lease"},
    parties=Clients(),
    fields=(
        DisplayField("dhcp.option.dhcp", NUMBER, "type of the message: 1 DISCOVER, 2 OFFER, 5 ACK", "type"),
        *[DisplayField("dhcp.hw.mac_addr", MAC, "client that it is about", "client", event.name) for event in MESSAGES],
    ),
)
