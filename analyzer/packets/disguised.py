"""Frames without what names somebody: addresses replaced, payloads kept as far as they are understood, the rest cut.

A frame keeps its place, its time and its length on the wire; what is cut is as if it had not been captured. Octets
that nobody here knows the meaning of are never kept.
"""
from __future__ import annotations

from collections import Counter
from typing import Final

from dissectors.kit.protocol import Protocol
from dissectors.kit.stand_ins import StandIns

MAX_INSIDE: Final = 8       # headers of IP inside one another
ETHERNET, COOKED, COOKED_2, LOOPBACK, LOOPBACK_BIG = 1, 113, 276, 0, 108
RAW: Final = (12, 14, 101, 228, 229)        # link types that begin with IP
IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
TAGS: Final = (0x8100, 0x88A8, 0x9100)
ICMP, IPIP, TCP, UDP, SIX, ICMPV6 = 1, 4, 6, 17, 41, 58
HOP_BY_HOP, FRAGMENT = 0, 44
PLAIN_OPTIONS: Final = {2: 4, 3: 3, 4: 2, 8: 10}        # of TCP: segment size, scale, SACK permitted, timestamps
SACK: Final = 5
ICMP_ERRORS: Final = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}      # which quote what they are about
FAMILIES: Final = {2: IPV4, 24: IPV6, 28: IPV6, 30: IPV6}       # address families behind a loopback header
ECHO: Final = {ICMP: (0, 8), ICMPV6: (128, 129)}
SOLICITATION, ADVERTISEMENT, ROUTER_ASKED, ROUTER, REDIRECT = 135, 136, 133, 134, 137


class Disguiser:
    """From the octets of a frame to those that may be kept of it.

    cut: how many frames were cut, by what was not understood.
    """

    def __init__(self, protocols: tuple[Protocol, ...], names: StandIns) -> None:
        self.names = names
        self.cut: Counter[str] = Counter()
        self.readers = [(one, one.disguise) for one in protocols if one.disguise is not None]

    def frame(self, link: int, data: bytes) -> bytes:
        """What may be kept of it, from its first octet on."""
        made = _Frame(self, data)
        kept = made.link(link)
        if kept < len(data):
            self.cut[made.why or "payloads"] += 1
        return bytes(made.out[:kept])

    def payload(self, carrier: str, data: bytes, ports: tuple[int, int]) -> tuple[str, bytes]:
        """The protocol that understands some of it, and what may be kept."""
        for protocol, disguise in self.readers:
            known = protocol.ports.get(carrier, ())
            kept = disguise(data, carrier, ports[0] in known or ports[1] in known, self.names)
            if kept:
                return protocol.title, kept
        return "", b""


class _Frame:
    """One frame. Its methods take where something begins and ends, and say up to where it may be kept.

    why: the first thing that was not understood.
    """

    def __init__(self, disguiser: Disguiser, data: bytes) -> None:
        self.disguiser = disguiser
        self.names = disguiser.names
        self.data = data
        self.out = bytearray(data)
        self.why = ""
        self.depth = 0

    def number(self, at: int) -> int:
        return int.from_bytes(self.data[at:at + 2], "big")

    def stop(self, at: int, why: str) -> int:
        self.why = self.why or why
        return at

    def has(self, at: int, octets: int, end: int) -> bool:
        return at + octets <= end

    # -- the link ------------------------------------------------------------------------------------------

    def link(self, link: int) -> int:
        end = len(self.data)
        if link in RAW:
            return self.internet(0, end)
        if link == ETHERNET and self.has(0, 14, end):
            self.mac(0)
            self.mac(6)
            return self.behind_type(12, end)
        if link == COOKED and self.has(0, 16, end):
            self.cooked(5, 6)
            return self.typed(self.number(14), 16, end)
        if link == COOKED_2 and self.has(0, 20, end):
            self.cooked(11, 12)
            return self.typed(self.number(0), 20, end)
        if link in (LOOPBACK, LOOPBACK_BIG) and self.has(0, 4, end):
            families = {int.from_bytes(self.data[:4], "little"), int.from_bytes(self.data[:4], "big")}
            kind = next((FAMILIES[one] for one in families if one in FAMILIES), 0)
            return self.typed(kind, 4, end)
        return self.stop(0, f"link type {link}")

    def cooked(self, size: int, at: int) -> None:
        """The sender of a cooked frame; how long its address is stands at `size`."""
        if self.data[size] == 6:
            self.mac(at)
            self.out[at + 6:at + 8] = bytes(2)
        else:
            self.out[at:at + 8] = bytes(8)

    def mac(self, at: int) -> None:
        self.out[at:at + 6] = self.names.mac(self.data[at:at + 6])

    def behind_type(self, at: int, end: int) -> int:
        while self.has(at, 6, end) and self.number(at) in TAGS:
            at += 4
        return self.typed(self.number(at), at + 2, end) if self.has(at, 2, end) else self.stop(at, "cut frames")

    def typed(self, kind: int, at: int, end: int) -> int:
        if kind in (IPV4, IPV6):
            return self.internet(at, end)
        if kind == ARP:
            return self.arp(at, end)
        return self.stop(at, f"EtherType 0x{kind:04x}" if kind >= 0x600 else "LLC")

    def arp(self, at: int, end: int) -> int:
        """RFC 826, of Ethernet and IPv4."""
        if not self.has(at, 28, end) or self.data[at:at + 6] != b"\0\1\x08\0\6\4":
            return self.stop(at, "ARP of other networks")
        for place in (at + 8, at + 18):
            self.mac(place)
            self.v4(place + 6)
        self.out[at + 28:end] = bytes(end - at - 28)      # padding
        return end

    def v4(self, at: int) -> None:
        self.out[at:at + 4] = self.names.v4(self.data[at:at + 4])

    def v6(self, at: int) -> None:
        self.out[at:at + 16] = self.names.v6(self.data[at:at + 16])

    # -- the network ---------------------------------------------------------------------------------------

    def internet(self, at: int, end: int, quoted: bool = False) -> int:
        self.depth += 1
        if self.depth > MAX_INSIDE or at >= end:
            return self.stop(at, "tunnels")
        version = self.data[at] >> 4
        if version == 4 and self.has(at, 20, end):
            return self.internet_4(at, end, quoted)
        if version == 6 and self.has(at, 40, end):
            return self.internet_6(at, end, quoted)
        return self.stop(at, "cut frames")

    def internet_4(self, at: int, end: int, quoted: bool) -> int:
        """RFC 791 §3.1. Options may hold addresses: they become such that say nothing."""
        header = (self.data[at] & 15) << 2
        if header < 20 or not self.has(at, header, end):
            return self.stop(at, "cut frames")
        right = summed(self.data[at:at + header]) == 0xFFFF
        self.v4(at + 12)
        self.v4(at + 16)
        self.out[at + 20:at + header] = b"\1" * (header - 20)
        self.put_sum(at + 10, summed(bytes(self.out[at:at + 10] + self.out[at + 12:at + header])), right)
        total = self.number(at + 2)
        stop = min(at + total, end) if total >= header else end
        pieces = self.number(at + 6) & 0x3FFF
        if pieces:
            return self.pieced(at + header, stop)
        ends = slice(at + 12, at + 20)
        kept = self.carried(self.data[at + 9], at + header, stop, ends, at + total <= end and not quoted)
        return self.padded(kept, stop, end)

    def internet_6(self, at: int, end: int, quoted: bool) -> int:
        """RFC 8200 §3."""
        self.v6(at + 8)
        self.v6(at + 24)
        length = self.number(at + 4)
        stop = min(at + 40 + length, end) if length else end
        following, place = self.data[at + 6], at + 40
        if following == HOP_BY_HOP and self.has(place, 8, stop):
            size = (self.data[place + 1] + 1) << 3
            if not self.has(place, size, stop) or self.data[place + 2:place + 4] != b"\5\2" or size > 8:
                return self.stop(place, "IPv6 options")     # other than the router alert of RFC 2711
            following, place = self.data[place], place + size
        if following == FRAGMENT:
            return self.pieced(place + 8 if self.has(place, 8, stop) else place, stop)
        ends = slice(at + 8, at + 40)
        kept = self.carried(following, place, stop, ends, at + 40 + length <= end and not quoted)
        return self.padded(kept, stop, end)

    def padded(self, kept: int, stop: int, end: int) -> int:
        """What stands behind the packet is zeros."""
        if kept < stop:
            return kept
        self.out[stop:end] = bytes(end - stop)
        return end

    def pieced(self, at: int, stop: int) -> int:
        """Of fragments the headers of IP: a message is understood only as a whole."""
        return self.stop(at, "fragments") if at < stop else at

    # -- what it carries -----------------------------------------------------------------------------------

    def carried(self, kind: int, at: int, end: int, ends: slice, whole: bool) -> int:
        """ends: where the addresses stand.   whole: everything that a checksum is over is there."""
        if kind in (IPIP, SIX):
            return self.internet(at, end)
        if kind == TCP:
            kept, field = self.tcp(at, end), 16
        elif kind == UDP:
            kept, field = self.udp(at, end), 6
        elif kind in (ICMP, ICMPV6):
            kept, field = (self.icmp(kind, at, end) if kind == ICMP else self.icmp_6(at, end)), 2
        else:
            return self.stop(at, f"IP protocol {kind}") if at < end else at
        if kept < at + field + 2:
            return kept
        self.sums(kind, at, end, at + field, ends, whole and kept == end)
        return kept

    def sums(self, kind: int, at: int, end: int, field: int, ends: slice, whole: bool) -> None:
        """The checksum: right where everything is there, none (0) where what it is over was cut."""
        if kind == UDP and self.number(field) == 0:
            return
        if not whole:
            self.out[field:field + 2] = bytes(2)
            return
        tail = (end - at).to_bytes(4, "big") + bytes([0, 0, 0, kind])      # RFC 9293 §3.1, RFC 8200 §8.1
        before, now = [b"" if kind == ICMP else bytes(one[ends]) + tail for one in (self.data, self.out)]
        right = summed(before + self.data[at:end]) == 0xFFFF
        self.out[field:field + 2] = bytes(2)
        self.put_sum(field, summed(now + bytes(self.out[at:end])), right, kind == UDP)

    def put_sum(self, at: int, over: int, right: bool, of_udp: bool = False) -> None:
        """A checksum (RFC 1071), or one that is wrong, where it was. That of UDP is never 0 (RFC 768)."""
        found = ~over & 0xFFFF
        if of_udp and found == 0:
            found = 0xFFFF
        if not right:
            found = found % 0xFFFE + 1
        self.out[at:at + 2] = found.to_bytes(2, "big")

    def tcp(self, at: int, end: int) -> int:
        """RFC 9293 §3.1. Options that are not known may name somebody: they become such that say nothing."""
        if not self.has(at, 20, end):
            return self.stop(at, "cut frames")
        header = self.data[at + 12] >> 4 << 2
        if header < 20 or not self.has(at, header, end):
            return self.stop(at, "cut frames")
        place, stop = at + 20, at + header
        while place < stop:
            kind = self.data[place]
            if kind == 0:
                self.out[place:stop] = bytes(stop - place)
                break
            size = 1 if kind == 1 else self.data[place + 1] if place + 1 < stop else 0
            if size < 1 or (kind != 1 and size < 2) or place + size > stop:
                self.out[place:stop] = b"\1" * (stop - place)
                break
            plain = kind == 1 or PLAIN_OPTIONS.get(kind) == size or (kind == SACK and size in (10, 18, 26, 34))
            if not plain:
                self.out[place:place + size] = b"\1" * size
            place += size
        return self.understood("tcp", at, stop, end)

    def udp(self, at: int, end: int) -> int:
        return self.understood("udp", at, at + 8, end) if self.has(at, 8, end) else self.stop(at, "cut frames")

    def understood(self, carrier: str, at: int, start: int, end: int) -> int:
        if start >= end:
            return end
        ports = (self.number(at), self.number(at + 2))
        title, kept = self.disguiser.payload(carrier, self.data[start:end], ports)
        self.out[start:start + len(kept)] = kept
        if start + len(kept) < end:
            self.stop(end, f"payloads of {title}" if title else f"payloads of {carrier.upper()}")
        return start + len(kept)

    def icmp(self, kind: int, at: int, end: int) -> int:
        """RFC 792."""
        if not self.has(at, 8, end):
            return self.stop(at, "cut frames")
        said = self.data[at]
        if said in ICMP_ERRORS[kind]:
            if kind == ICMP and said == 5:
                self.v4(at + 4)         # the gateway that is better
            return self.internet(at + 8, end, True)
        return self.stop(at + 8, "payloads of ICMP") if said in ECHO[kind] and end > at + 8 else \
            end if end == at + 8 and said in ECHO[kind] else self.stop(at + 4, "ICMP")

    def icmp_6(self, at: int, end: int) -> int:
        """RFC 4443, and neighbour discovery (RFC 4861 §4)."""
        if not self.has(at, 8, end):
            return self.stop(at, "cut frames")
        said = self.data[at]
        if said in (SOLICITATION, ADVERTISEMENT) and self.has(at, 24, end):
            self.v6(at + 8)
            return self.neighbour_options(at + 24, end)
        if said == ROUTER_ASKED:
            return self.neighbour_options(at + 8, end)
        if said == ROUTER and self.has(at, 16, end):
            return self.neighbour_options(at + 16, end)
        if said == REDIRECT and self.has(at, 40, end):
            self.v6(at + 8)
            self.v6(at + 24)
            return self.neighbour_options(at + 40, end)
        return self.icmp(ICMPV6, at, end)

    def neighbour_options(self, at: int, end: int) -> int:
        while at < end:
            size = self.data[at + 1] << 3 if self.has(at, 8, end) else 0
            if size == 0 or not self.has(at, size, end):
                return self.stop(at, "neighbour discovery")
            if self.data[at] in (1, 2) and size == 8:
                self.mac(at + 2)
            elif self.data[at] == 3 and size == 32:         # a prefix
                self.v6(at + 16)
            elif self.data[at] != 5 or size != 8:           # an MTU says nothing
                return self.stop(at, "neighbour discovery")
            at += size
        return at


def summed(data: bytes) -> int:
    """The sum of RFC 1071: of sixteen bits each, carries added."""
    return int.from_bytes(data + bytes(len(data) & 1), "big") % 0xFFFF or (0xFFFF if any(data) else 0)
