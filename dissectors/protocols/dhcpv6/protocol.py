"""The protocol record of DHCPv6, and whose its messages are."""
from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from dissectors.kit.protocol import NO, YES, Context, Dissector, Parties, Protocol
from dissectors.protocols.dhcpv6.dissector import Dhcp6Dissector
from dissectors.protocols.dhcpv6.events import (
    Advertise,
    Confirm,
    Decline6,
    Dhcp6MessageSeen,
    Dhcp6Unanswered,
    InformationRequest,
    Rebind,
    Release6,
    Renew,
    Reply6,
    Request6,
    Solicit,
)
from dissectors.protocols.dhcpv6.terms import TERMS
from dissectors.protocols.dhcpv6.wire import (
    CLIENT_ID,
    FROM_SERVERS,
    HEADER,
    MAX_RELAYS,
    NAMES,
    RELAY_FORW,
    RELAY_HEADER,
    RELAY_REPL,
    RELAYED,
    owner,
)

CLIENT_PORT, SERVER_PORT = 546, 547                   # RFC 8415 §7.2
ALL_AGENTS: Final = IPv6Address("ff02::1:2").packed     # all relays and servers of a link (RFC 8415 §7.1)
ALL_SERVERS: Final = IPv6Address("ff05::1:3").packed    # all servers of a site
MAX_DUID: Final = 130                                 # octets, with the type (RFC 8415 §11.1)
IPV6_KEY: Final = 36                                  # octets of two addresses and two ports
DIRECT, BY_RELAY, NAMELESS = b"\0", b"\1", b"\2"      # first octet of whose a message is


class Clients6(Parties):
    """A client is its DUID; one that does not give it, as may be where it asks for settings alone, is the number of its
    transaction. What goes on between a relay and a server is of the client that the relay speaks for."""

    def client(self, data: bytes, sport: int, dport: int) -> bytes:
        if len(data) < HEADER or data[0] not in NAMES:
            return b""
        at, end, relayed = 0, len(data), False
        for _relay in range(MAX_RELAYS):
            if data[at] not in (RELAY_FORW, RELAY_REPL):
                break
            at, end = find(data, at + RELAY_HEADER, end, RELAYED)
            relayed = True
            if end - at < HEADER:
                return b""
        ports = (CLIENT_PORT, SERVER_PORT) if data[0] not in FROM_SERVERS else (SERVER_PORT, CLIENT_PORT)
        if not relayed and (sport, dport) != ports:
            return b""
        if relayed and SERVER_PORT not in (sport, dport):
            return b""
        begin, stop = find(data, at + HEADER, end, CLIENT_ID)
        if not 0 < stop - begin <= MAX_DUID:
            return NAMELESS + data[at + 1:at + HEADER]
        return (BY_RELAY if relayed else DIRECT) + data[begin:stop]

    def asks(self, data: bytes) -> bool:
        return data[0] not in FROM_SERVERS

    def ends(self, client: bytes, key: bytes) -> bytes:
        """A client asks the group of all servers, and one of them answers from its own address."""
        if len(key) != IPV6_KEY:
            return key
        if client[:1] == BY_RELAY:
            return key[:16] + ALL_SERVERS + SERVER_PORT.to_bytes(2) + SERVER_PORT.to_bytes(2)
        return key[:16] + ALL_AGENTS + CLIENT_PORT.to_bytes(2) + SERVER_PORT.to_bytes(2)

    def name(self, client: bytes) -> str:
        return owner(client[1:]) if client[:1] != NAMELESS else ""

    def display_filter(self, client: bytes) -> str:
        if client[:1] == NAMELESS:
            return f"dhcpv6.xid == 0x{client[1:].hex()}"
        return f"dhcpv6.duid.bytes == {client[1:].hex(':')}"


def find(data: bytes, at: int, end: int, wanted: int) -> tuple[int, int]:
    """Where what this option holds begins and ends; (end, end) where there is none."""
    while at + 4 <= end:
        code, length = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        if at + 4 + length > end:
            break
        if code == wanted:
            return at + 4, at + 4 + length
        at += 4 + length
    return end, end


def probe(data: bytes, direction: int) -> int:
    """A known type, and options that end with the message."""
    if len(data) < HEADER or data[0] not in NAMES:
        return NO
    at = RELAY_HEADER if data[0] in (RELAY_FORW, RELAY_REPL) else HEADER
    while at + 4 <= len(data):
        at += 4 + (data[at + 2] << 8 | data[at + 3])
    return YES if at == len(data) else NO


def probe_on_port(data: bytes, direction: int) -> int:
    """What the capture cut short, or somebody damaged."""
    return YES if len(data) >= HEADER and data[0] in NAMES else NO


def _create(context: Context) -> Dissector:
    return Dhcp6Dissector(context)


DHCPV6: Final = Protocol(
    name="dhcpv6",
    title="DHCPv6",
    summary="Addresses and prefixes of IPv6: offers, leases, renewals, refusals with their status, relays.",
    specs=("RFC 8415", "RFC 3646", "RFC 4704"),
    create=_create,
    carriers=("udp",),
    ports={"udp": (SERVER_PORT, CLIENT_PORT)},
    events=(
        Solicit, Advertise, Request6, Confirm, Renew, Rebind, Reply6, Release6, Decline6, InformationRequest,
        Dhcp6MessageSeen, Dhcp6Unanswered,
    ),
    terms=TERMS,
    probe=probe,
    probe_anywhere=False,
    probe_on_port=probe_on_port,
    phases={"lease": "DHCPv6 lease"},
    parties=Clients6(),
)
