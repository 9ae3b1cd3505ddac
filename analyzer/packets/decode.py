"""Frames become packets: the common shapes at once, everything else header by header."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.packet import NOTHING, TCP, UDP, Packet
from analyzer.packets.labels import mpls, nsh
from analyzer.packets.link import (
    cisco_hdlc,
    ethernet,
    ethertype,
    frame_relay,
    link,
    llc,
    ppp,
    ppp_hdlc,
)
from analyzer.packets.network import ip, ipv6, protocol_step
from analyzer.packets.scope import scope_text
from analyzer.packets.tunnels import PORT_TABLE, erspan, gre, udp_payload
from analyzer.packets.walk import (
    CISCO_HDLC,
    ERSPAN,
    ETHERNET,
    ETHERTYPE,
    FRAME_RELAY,
    GRE,
    IP,
    IPV6,
    LINK,
    LLC,
    MPLS,
    NSH,
    PPI,
    PPP,
    PPP_HDLC,
    PROTOCOL,
    RADIOTAP,
    STOP,
    UDP_PAYLOAD,
    WLAN,
    Walk,
)
from analyzer.packets.wlan import ppi, radiotap, wlan

# Headers of one frame. The deepest real stacks have about twenty; a hostile one nests as often as it has bytes.
MAX_HEADERS: Final[i64] = 64

__all__ = ["Decoder", "scope_text"]

NO_LAYERS: Final[list[str]] = []
NO_HEADERS: Final[list[bytes]] = []
ETH_IP_TCP: Final = ["eth", "ip", "tcp"]
ETH_IP_UDP: Final = ["eth", "ip", "udp"]
ETH_IPV6_TCP: Final = ["eth", "ipv6", "tcp"]
ETH_IPV6_UDP: Final = ["eth", "ipv6", "udp"]


class Decoder:
    """Decodes frames, and keeps what fragments of datagrams have arrived. One for each pass over a capture."""

    def __init__(self) -> None:
        self.walk = Walk()
        self.dirty: bool = True     # the last packet went header by header and must be cleared in full

    def counts(self) -> dict[str, int]:
        """What happened to fragmented datagrams that were not put together as they should, by name."""
        return self.walk.fragments.counts

    def finish(self) -> None:
        """The capture has ended: datagrams that still wait for fragments are counted."""
        self.walk.fragments.finish()

    def decode(
        self, data: bytes, start: i64, end: i64, length: i64, link_type: i64, frame: i64, time: i64, packet: Packet
    ) -> None:
        """Fill `packet` from the frame data[start:end], which had `length` bytes on the wire."""
        packet.number = frame
        packet.time = time
        packet.length = length
        packet.captured = end - start
        packet.link = link_type
        # Ethernet II, IPv4 or IPv6 without fragments and extension headers, TCP or UDP.
        at = start + 14
        if link_type == 1 and at + 28 <= end:
            if data[start + 12] == 8 and data[start + 13] == 0:
                first = i64(data[at])
                header = (first & 15) << 2
                total = (i64(data[at + 2]) << 8) | i64(data[at + 3])
                protocol = i64(data[at + 9])
                if (
                    first >> 4 == 4 and header >= 20 and total >= header
                    and data[at + 6] & 0x3F == 0 and data[at + 7] == 0
                    and self._transport(data, at + header, at + total, start, end, length, protocol, packet)
                ):
                    packet.ip_version = 4
                    packet.protocol = protocol
                    packet.network = at
                    packet.src = at + 12
                    packet.dst = at + 16
                    packet.ttl = i64(data[at + 8])
                    packet.ecn = i64(data[at + 1]) & 3
                    if packet.want_layers:
                        packet.layers = ETH_IP_TCP if protocol == TCP else ETH_IP_UDP
                    return
            elif data[start + 12] == 0x86 and data[start + 13] == 0xDD and at + 48 <= end:
                total = (i64(data[at + 4]) << 8) | i64(data[at + 5])
                protocol = i64(data[at + 6])
                if (
                    data[at] >> 4 == 6 and total
                    and self._transport(data, at + 40, at + 40 + total, start, end, length, protocol, packet)
                ):
                    packet.ip_version = 6
                    packet.protocol = protocol
                    packet.network = at
                    packet.src = at + 8
                    packet.dst = at + 24
                    packet.ttl = i64(data[at + 7])
                    packet.ecn = (i64(data[at + 1]) >> 4) & 3
                    if packet.want_layers:
                        packet.layers = ETH_IPV6_TCP if protocol == TCP else ETH_IPV6_UDP
                    return
        self.dirty = True
        self._step_by_step(data, start, end, length, link_type, frame, time, packet)

    def _transport(
        self, data: bytes, at: i64, true_end: i64, start: i64, end: i64, length: i64, protocol: i64, packet: Packet
    ) -> bool:
        """A whole TCP or UDP header, and no tunnel behind it; else the packet is left alone."""
        true_end = min(true_end, max(start + length, end))
        end = min(end, true_end)
        if protocol == TCP:
            if at + 20 > end or data[at + 12] < 0x50 or at + ((i64(data[at + 12]) >> 4) << 2) > true_end:
                return False
        elif protocol == UDP:
            if at + 8 > end:
                return False
            size = (i64(data[at + 4]) << 8) | i64(data[at + 5])
            if size < 8:
                return False
            true_end = min(true_end, at + size)
            end = min(end, true_end)
        else:
            return False
        sport = (i64(data[at]) << 8) | i64(data[at + 1])
        dport = (i64(data[at + 2]) << 8) | i64(data[at + 3])
        if protocol == UDP and (PORT_TABLE[sport] or PORT_TABLE[dport]):
            return False
        if self.dirty:
            self.dirty = False
            packet.scope = b""
            packet.undecoded = ""
            packet.layers = NO_LAYERS
            packet.headers = NO_HEADERS
            packet.fragments = []
            packet.outer = -1
        packet.data = data
        packet.base = start
        packet.kind = protocol
        packet.transport = at
        packet.end = end
        packet.true_end = true_end
        packet.sport = sport
        packet.dport = dport
        return True

    def _step_by_step(
        self, data: bytes, start: i64, end: i64, length: i64, link_type: i64, frame: i64, time: i64, packet: Packet
    ) -> None:
        packet.data = data
        packet.base = start
        walk = self.walk
        walk.begin(data, start, end, length, link_type, frame, time, packet)
        left = MAX_HEADERS
        while walk.step != STOP:
            if left == 0:
                walk.stop(f"more than {MAX_HEADERS} headers")
                break
            left -= 1
            _take(walk)
        if packet.kind == NOTHING and not packet.undecoded:
            packet.undecoded = "no packet"


def _take(walk: Walk) -> None:
    """The next header."""
    step = walk.step
    if step == ETHERTYPE:
        ethertype(walk)
    elif step == IP:
        ip(walk)
    elif step == PROTOCOL:
        protocol_step(walk)
    elif step == LINK:
        link(walk)
    elif step == ETHERNET:
        ethernet(walk)
    elif step == IPV6:
        ipv6(walk)
    elif step == UDP_PAYLOAD:
        udp_payload(walk)
    elif step == LLC:
        llc(walk)
    elif step == MPLS:
        mpls(walk)
    elif step == GRE:
        gre(walk)
    elif step == ERSPAN:
        erspan(walk)
    elif step == NSH:
        nsh(walk)
    elif step == WLAN:
        wlan(walk)
    elif step == RADIOTAP:
        radiotap(walk)
    elif step == PPI:
        ppi(walk)
    elif step == PPP:
        ppp(walk)
    elif step == PPP_HDLC:
        ppp_hdlc(walk)
    elif step == FRAME_RELAY:
        frame_relay(walk)
    elif step == CISCO_HDLC:
        cisco_hdlc(walk)
    else:
        walk.stop("no decoder")
