"""What keeps equal addresses apart: VLANs, tunnels and their endpoints, as bytes of the conversation key.

Only what is the same in both directions belongs here, so not GTP's tunnel endpoint identifiers, L2TP's
session identifiers or MPLS labels, which each side chooses for what it receives.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.address import address_text

# Each element: its kind, the length of what follows, an identifier, or the addresses of both endpoints.
VLAN: Final = 1
PPPOE: Final = 2
ENDPOINTS: Final = 3     # the lower address first
TUNNEL: Final = 4        # which tunnel runs between the endpoints before: its index in TUNNELS
IDENTIFIER: Final = 5    # of the tunnel named before

TUNNELS: Final = (
    "IP-in-IP", "GRE", "VXLAN", "GENEVE", "GTP-U", "Teredo", "L2TP", "MPLS in IP", "Ethernet in IP", "ERSPAN",
    "NVGRE", "PPTP", "LISP", "TZSP", "CAPWAP", "AYIYA", "PIM register", "another tunnel",
)
IP_IN_IP: Final = 0
GRE: Final = 1
VXLAN: Final = 2
GENEVE: Final = 3
GTP_U: Final = 4
TEREDO: Final = 5
L2TP: Final = 6
MPLS_IN_IP: Final = 7
ETHERNET_IN_IP: Final = 8
ERSPAN: Final = 9
NVGRE: Final = 10
PPTP: Final = 11
LISP: Final = 12
TZSP: Final = 13
CAPWAP: Final = 14
AYIYA: Final = 15
PIM_REGISTER: Final = 16
OTHER: Final = 17


def vlan(number: i64) -> bytes:
    """A VLAN identifier (IEEE 802.1Q, 12 bits), without the priority, which may differ by direction."""
    return bytes((VLAN, 2, int((number >> 8) & 15), int(number & 255)))


def pppoe(session: i64) -> bytes:
    """A PPPoE session identifier (RFC 2516 §4)."""
    return bytes((PPPOE, 2, int((session >> 8) & 255), int(session & 255)))


def tunnel(kind: int, one: bytes, other: bytes) -> bytes:
    """A tunnel between two addresses."""
    low, high = (one, other) if one <= other else (other, one)
    return bytes((ENDPOINTS, len(low) + len(high))) + low + high + bytes((TUNNEL, 1, kind))


def identifier(number: i64) -> bytes:
    """The virtual network, or the key, of the tunnel named before."""
    return bytes((IDENTIFIER, 4)) + int(number & 0xFFFFFFFF).to_bytes(4, "big")


def scope_text(scope: bytes) -> str:
    """In words: `VLAN 100`, `VXLAN 42 between 10.0.0.1 and 10.0.0.2`; "" for no scope. Outermost first."""
    parts: list[str] = []
    ends = ""
    name = ""
    at = 0
    while at + 2 <= len(scope):
        kind = scope[at]
        value = scope[at + 2:at + 2 + scope[at + 1]]
        at += 2 + len(value)
        if kind != IDENTIFIER and name:
            parts.append(name + ends)
            name = ""
        if kind == VLAN:
            parts.append(f"VLAN {int.from_bytes(value, 'big')}")
        elif kind == PPPOE:
            parts.append(f"PPPoE session {int.from_bytes(value, 'big')}")
        elif kind == ENDPOINTS:
            half = len(value) // 2
            ends = f" between {address_text(value[:half])} and {address_text(value[half:])}"
        elif kind == TUNNEL and value and value[0] < len(TUNNELS):
            name = TUNNELS[value[0]]
        elif kind == IDENTIFIER:
            name += f" {int.from_bytes(value, 'big')}"
    if name:
        parts.append(name + ends)
    return ", ".join(parts)
