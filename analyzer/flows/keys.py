"""The octets of a packet by which its conversation is found, and whether it has a header to find one by."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import Packet

SMALLEST: Final[i64] = 20               # octets of a TCP header (RFC 9293 §3.1, data offset)


def sound(packet: Packet) -> bool:
    """Whether its TCP header is one that `FlowTable.tcp` takes."""
    at = packet.transport
    if at + 16 > packet.end:
        return False
    header = (i64(packet.data[at + 12]) >> 4) << 2
    return header >= SMALLEST and packet.true_end - at - header >= 0


def key_of(packet: Packet) -> bytes:
    """What identifies a direction of TCP or UDP: both addresses, both ports, the scope."""
    data = packet.data
    at = packet.transport
    size = packet.size()
    source = packet.src
    if at == source + size + size:
        key = data[source:at + 4]
    else:
        key = data[source:source + size + size] + data[at:at + 4]
    return key + packet.scope if packet.scope else key


def reverse_of(key: bytes, size: i64, scope: bytes) -> bytes:
    """The key of the other direction: addresses and ports exchanged, the scope kept."""
    both = size + size
    return key[size:both] + key[:size] + key[both + 2:both + 4] + key[both:both + 2] + scope
