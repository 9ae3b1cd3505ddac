"""Which share of a capture a packet belongs to: a pure function of the packet, the same everywhere.

Whoever follows the conversations of one share alone misses nothing of them. The contract:

- All packets of a conversation are in one share: it comes from the two addresses that the conversation is known by, the
  innermost ones, and both directions give the same. A tunnel does not keep a conversation whole, since its directions,
  and after a change of route its packets, may pass other ends; nor do ports, which only the first fragment has.
- Neither VLAN nor tunnel count: the two directions of mirrored traffic, and the copies of a packet that passed twice,
  are together.
- Fragments of a datagram have its addresses, so those that stay alone are where the whole one would be. Which packet
  comes out of them, only who sees all of them knows.
- An ICMP error is in the share of its own addresses, and is to be heard of in that of what it quotes (`share_quoted`).
- What has no IP addresses is in share 0, and so is DHCP, whose conversations are known by the client and not by
  addresses, which it does not have yet (RFC 2131 §4.1, RFC 4578 §2.4, RFC 8415 §7.2).
- It depends on nothing else: not on what came before, the process, the machine, or the version of Python.

Shares are about equal where there are many pairs of addresses; one pair is never divided.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import NOTHING, UDP, Packet
from dissectors.kit.octets import be32

# Into so many shares a capture is divided, by however many it is then followed. More would leave each less room.
SHARES: Final = 8

WORD: Final[i64] = 0xFFFFFFFF
# Multiplied with 32 bits, it stays within 60: what machine integers and Python's make of it is the same.
MULTIPLIER: Final[i64] = 0x045D9F3B


def share_of(packet: Packet, shares: i64) -> i64:
    """The share that a decoded packet is counted in."""
    kind = packet.kind
    if kind == NOTHING or packet.ip_version == 0:
        return 0
    if kind == UDP and (_of_dhcp(packet.sport) or _of_dhcp(packet.dport)):
        return 0
    return share_of_pair(packet.data, packet.src, packet.dst, packet.size(), shares)


def share_quoted(packet: Packet, shares: i64) -> i64:
    """The share of the packet that an ICMP error quotes; -1 where it quotes none."""
    if packet.quoted_kind == NOTHING:
        return -1
    if packet.quoted_kind == UDP and (_of_dhcp(packet.quoted_sport) or _of_dhcp(packet.quoted_dport)):
        return 0
    size: i64 = 4 if packet.quoted_version == 4 else 16
    return share_of_pair(packet.data, packet.quoted_src, packet.quoted_dst, size, shares)


def _of_dhcp(port: i64) -> bool:
    return port in (67, 68, 546, 547, 4011)


def share_of_pair(data: bytes, one: i64, other: i64, size: i64, shares: i64) -> i64:
    """The share of two addresses of so many octets, at these places of `data`, in either order."""
    return mixed((_mixed_address(data, one, size) + _mixed_address(data, other, size)) & WORD) % shares


def _mixed_address(data: bytes, at: i64, size: i64) -> i64:
    found = mixed(be32(data, at))
    end = at + size
    at += 4
    while at < end:
        found = mixed(found ^ be32(data, at))
        at += 4
    return found


def mixed(word: i64) -> i64:
    """32 bits, of which each depends on each that was given."""
    word = (word ^ word >> 16) * MULTIPLIER & WORD
    word = (word ^ word >> 16) * MULTIPLIER & WORD
    return word ^ word >> 16
