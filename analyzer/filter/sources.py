"""Where the values of fields come from: the headers of the frame in hand, and what it completes. Compiled.

The fields of a group of headers are one function, with a code for each: a call for each field would cost more than what
it does.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64, mypyc_attr

from analyzer.filter.view import NO_VALUES, Value, View
from analyzer.packet import ARP, ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.display_field import Data
from dissectors.kit.event import Event, JsonValue
from dissectors.kit.octets import be16, be32
from dissectors.protocols.tcp.flags import FAST_RETRANSMISSION, RETRANSMISSION, SPURIOUS_RETRANSMISSION
from dissectors.protocols.tcp.side import MASK

ETHERNET: Final = 1             # LINKTYPE_ETHERNET
ALSO_RESENT: Final = FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION      # which Wireshark marks as resent besides
ACK: Final = 16                 # control bits (RFC 9293 §3.1)
SYN: Final = 2

# Groups of fields.
OF_FRAME: Final = 0
OF_ETHERNET: Final = 1
OF_ARP: Final = 2
OF_IP: Final = 3
OF_IPV6: Final = 4
OF_TCP: Final = 5
OF_ANALYSIS: Final = 6
OF_UDP: Final = 7
OF_ICMP: Final = 8
OF_ICMPV6: Final = 9
OF_TELLING: Final = 10
# Which of two ends: the sender, the receiver, both.
SENDER: Final = 1
RECEIVER: Final = 2
ENDS: Final = 3
# Codes beyond those. Of the frame:
NUMBER: Final = 10
LENGTH: Final = 11
CAPTURED: Final = 12
EPOCH: Final = 13
RELATIVE: Final = 14
DELTA: Final = 15
OCTETS: Final = 16
OWN: Final = 17         # the octets of the header itself
# Of Ethernet (IEEE 802.3 §3.1.1), with VLAN tags (IEEE 802.1Q §9.6):
TYPE: Final = 20
VLAN: Final = 21
# Of IP (RFC 791 §3.1, RFC 8200 §3):
VERSION: Final = 30
TTL: Final = 31
PROTO: Final = 32
SIZE: Final = 33
IDENTIFICATION: Final = 34
DONT_FRAGMENT: Final = 35
MORE_FRAGMENTS: Final = 36
DSCP: Final = 37
ECN: Final = 38
# Of TCP (RFC 9293 §3.1):
PAYLOAD_SIZE: Final = 40
SEQ: Final = 41
SEQ_RAW: Final = 42
ACKED: Final = 43
ACKED_RAW: Final = 44
HEADER: Final = 45
WINDOW: Final = 46
WINDOW_RAW: Final = 47
FLAGS: Final = 48
BIT: Final = 49
PAYLOAD: Final = 50
SEGMENT: Final = 51
# Of its options (RFC 9293 §3.2, RFC 7323 §2 and §3, RFC 2018 §3):
MSS: Final = 53
SHIFT: Final = 54
TSVAL: Final = 55
TSECR: Final = 56
SACK_LEFT: Final = 57
SACK_RIGHT: Final = 58
SACK_PERMITTED: Final = 59
# Of the analysis:
MARKED: Final = 60
IN_FLIGHT: Final = 61
ACKS_FRAME: Final = 62
ACK_RTT: Final = 63
INITIAL_RTT: Final = 64
# Of ICMP (RFC 792, RFC 4443 §2.1):
KIND: Final = 70
CODE: Final = 71
MTU: Final = 72
# Of what is told:
CONVERSATION: Final = 80
EVENT: Final = 81
FINDING: Final = 82


@mypyc_attr(allow_interpreted_subclasses=True)
class Source:
    """From a frame to the values of a field: all int, all str or all bytes."""

    def values(self, view: View) -> list[Value]:
        return NO_VALUES


class Header(Source):
    """A field of a header, or of what is known of the frame. bit: of a field that is one bit of many."""

    def __init__(self, group: int, code: int, bit: int = 0) -> None:
        self.group: i64 = group
        self.code: i64 = code
        self.bit: i64 = bit

    def each(self) -> int:
        """How many values each header has, where those of every layer are listed; else 0."""
        group, code = self.group, self.code
        every = group in (OF_IP, OF_IPV6, OF_ICMP, OF_ICMPV6)
        if (every or group in (OF_TCP, OF_UDP)) and code == ENDS:
            return 2
        return 1 if (every and code != MTU) or (group in (OF_TCP, OF_UDP) and code < ENDS) else 0

    def values(self, view: View) -> list[Value]:
        group = self.group
        if group == OF_TCP:
            return _of_tcp(view, self.code, self.bit)
        if group == OF_IP:
            return _of_ip(view, 4, self.code)
        if group == OF_FRAME:
            return _of_frame(view, self.code)
        if group == OF_UDP:
            return _of_udp(view, self.code)
        if group == OF_ANALYSIS:
            return _of_analysis(view, self.code, self.bit)
        if group == OF_IPV6:
            return _of_ip(view, 6, self.code)
        if group == OF_ETHERNET:
            return _of_ethernet(view, self.code)
        if group == OF_ICMP:
            return _of_icmp(view, ICMP, self.code)
        if group == OF_ICMPV6:
            return _of_icmp(view, ICMPV6, self.code)
        if group == OF_TELLING:
            return _of_telling(view, self.code)
        packet = view.packet
        if packet.kind != ARP or packet.transport + 8 > packet.end:     # RFC 826
            return NO_VALUES
        return [be16(packet.data, packet.transport + 6)]


class Message(Source):
    """A field of messages that the frame completes.

    protocols: of those that have it in their records.   events: that have it instead.
    key, read, attribute: as `DisplayField` has them.
    held: from what they say to a value, None for what is of another type.
    """

    def __init__(
        self, protocols: list[str], events: list[str], key: str, read: Callable[[Data], list[JsonValue]] | None,
        held: Callable[[JsonValue], Value | None], attribute: str,
    ) -> None:
        self.attribute = attribute
        self.protocols = protocols
        self.events = events
        self.key = key
        self.read = read
        self.held = held

    def values(self, view: View) -> list[Value]:
        if not view.events:
            return NO_VALUES
        found: list[Value] = []
        if self.attribute:
            for event in view.events:
                if event.name in self.events:
                    found += _numbers(event, self.attribute)
            return found
        if self.events:
            for name in self.events:
                for data in view.fields_of(name):
                    self._add(found, data)
            return found
        for protocol, record in view.pdus():
            if protocol in self.protocols:
                self._add(found, record)
        return found

    def _add(self, found: list[Value], data: Data) -> None:
        if self.read is not None:
            said = self.read(data)
        else:
            value = data.get(self.key)
            if value is None:
                return
            said = value if isinstance(value, list) else [value]
        for one in said:
            value_held = self.held(one)
            if value_held is not None:
                found.append(value_held)


class Joined(Source):
    """What several sources have."""

    def __init__(self, sources: list[Message]) -> None:
        self.sources = sources

    def values(self, view: View) -> list[Value]:
        found: list[Value] = []
        if view.events:
            for source in self.sources:
                found += source.values(view)
        return found


def _numbers(event: Event, attribute: str) -> list[Value]:
    """The numbers that lie there; -1 stands for what is not known."""
    found: object = event
    for name in attribute.split("."):
        found = getattr(found, name)
    values = found if isinstance(found, list) else [found]
    return [int(value) for value in values if isinstance(value, int) and value >= 0]


def _of_frame(view: View, code: i64) -> list[Value]:
    packet = view.packet
    if code == NUMBER:
        return [packet.number]
    if code == LENGTH:
        return [packet.length]
    if code == CAPTURED:
        return [packet.captured]
    if code == OCTETS:
        return [packet.data[packet.base:packet.base + packet.captured]] if packet.base >= 0 else NO_VALUES
    if packet.time < 0:
        return NO_VALUES
    if code == EPOCH:
        return [packet.time]
    if code == RELATIVE:
        return [packet.time - view.start] if view.start >= 0 else NO_VALUES
    return [packet.time - view.before if view.before >= 0 else 0]


def _of_telling(view: View, code: i64) -> list[Value]:
    if code == CONVERSATION:
        return [view.conversation] if view.conversation else NO_VALUES
    found: list[Value] = []
    number = int(view.packet.number)
    if code == EVENT:
        found += [event.name for event in view.events]
        found += view.told_events.get(number, [])
        return found
    found += view.told_findings.get(number, [])
    if view.told_members and view.conversation:
        found += view.told_members.get(int(view.conversation), [])
    return found


def _of_ethernet(view: View, code: i64) -> list[Value]:
    packet = view.packet
    if packet.link != ETHERNET or packet.base < 0 or packet.captured < 14:
        return NO_VALUES
    data = packet.data
    at = packet.base
    if code == SENDER:
        return [data[at + 6:at + 12]]
    if code == RECEIVER:
        return [data[at:at + 6]]
    if code == ENDS:
        return [data[at:at + 6], data[at + 6:at + 12]]
    if code == OCTETS:
        return [data[at:at + packet.captured]]
    if code == OWN:
        return [data[at:at + 14]]
    if code == TYPE:
        kind = be16(data, at + 12)
        return [kind] if kind >= 0x600 else NO_VALUES       # below, a length: LLC follows
    found: list[Value] = []
    end = at + packet.captured
    at += 12
    while at + 4 <= end and be16(data, at) in (0x8100, 0x88A8):
        found.append(be16(data, at + 2) & 0xFFF)
        at += 4
    return found


def _of_ip(view: View, version: i64, code: i64) -> list[Value]:
    """Of every header of this version: those of tunnels, and those that an ICMP error quotes."""
    packet = view.packet
    found: list[Value] = []
    if not packet.headers:
        if packet.ip_version != version:
            return NO_VALUES
        if code <= ENDS:
            size: i64 = 4 if version == 4 else 16
            if code & SENDER:
                found.append(packet.data[packet.src:packet.src + size])
            if code & RECEIVER:
                found.append(packet.data[packet.dst:packet.dst + size])
        elif code == OWN:
            found.append(_own_header(packet.data, packet.network, version))
        else:
            found.append(_in_header(packet.data, packet.network, version, code))
        return found
    for header in packet.headers:
        if i64(header[0]) >> 4 != version:
            continue
        if code <= ENDS:
            first: i64 = 12 if version == 4 else 8
            length: i64 = 4 if version == 4 else 16
            if code & SENDER:
                found.append(header[first:first + length])
            if code & RECEIVER:
                found.append(header[first + length:first + length + length])
        elif code == OWN:
            found.append(header)
        else:
            found.append(_in_header(header, 0, version, code))
    return found


def _own_header(data: bytes, at: i64, version: i64) -> bytes:
    """With the options of IPv4 (RFC 791 §3.1, IHL); extension headers of IPv6 are no part of it."""
    return data[at:at + ((i64(data[at]) & 15) << 2 if version == 4 else 40)]


def _in_header(data: bytes, at: i64, version: i64, code: i64) -> i64:
    if code == VERSION:
        return version
    if version == 6:
        return be16(data, at + 4) if code == SIZE else i64(data[at + (7 if code == TTL else 6)])
    if code == TTL:
        return i64(data[at + 8])
    if code == PROTO:
        return i64(data[at + 9])
    if code == SIZE:
        return be16(data, at + 2)
    if code == IDENTIFICATION:
        return be16(data, at + 4)
    if code == DONT_FRAGMENT:
        return i64(data[at + 6]) >> 6 & 1
    if code == MORE_FRAGMENTS:
        return i64(data[at + 6]) >> 5 & 1
    return i64(data[at + 1]) >> 2 if code == DSCP else i64(data[at + 1]) & 3


def _ports(packet: Packet, kind: i64, which: i64) -> list[Value]:
    found: list[Value] = []
    if packet.headers:
        for entry in packet.carried:
            if entry >> 32 == kind:
                if which & SENDER:
                    found.append(entry >> 16 & 0xFFFF)
                if which & RECEIVER:
                    found.append(entry & 0xFFFF)
    elif packet.kind == kind:
        if which & SENDER:
            found.append(packet.sport)
        if which & RECEIVER:
            found.append(packet.dport)
    return found


def _of_udp(view: View, code: i64) -> list[Value]:
    packet = view.packet
    if code <= ENDS:
        return _ports(packet, UDP, code)
    if packet.kind != UDP:
        return NO_VALUES
    at = packet.transport
    if code == SEGMENT:
        return [packet.data[at:packet.end]]
    if code == OWN:
        return [packet.data[at:at + 8]] if at + 8 <= packet.end else NO_VALUES
    if code == PAYLOAD:
        return [packet.data[at + 8:packet.end]] if at + 8 < packet.end else NO_VALUES
    return [be16(packet.data, at + 4)] if at + 6 <= packet.end else NO_VALUES


def _of_tcp(view: View, code: i64, bit: i64) -> list[Value]:
    packet = view.packet
    if code <= ENDS:
        return _ports(packet, TCP, code)
    if code == SEGMENT:
        return [packet.data[packet.transport:packet.end]] if packet.kind == TCP else NO_VALUES
    if not view.sound:
        return NO_VALUES
    if code == BIT:
        return [1 if view.flags & bit else 0]
    if code == PAYLOAD_SIZE:
        return [view.length]
    if code == FLAGS:
        return [view.flags]
    if code == SEQ:
        return [(view.seq - view.base) & MASK if view.base >= 0 else view.seq]
    if code == SEQ_RAW:
        return [view.seq]
    if code == ACKED_RAW:
        return [view.ack]
    if code == ACKED:       # without ACK the number means nothing
        known = view.flags & ACK != 0 and view.peer_base >= 0
        return [(view.ack - view.peer_base) & MASK if known else view.ack]
    return _more_of_tcp(view, code)


# By code: kind and least length of the option, where in it the number lies, its octets, and how far to the next one.
_OPTIONS: Final = {
    MSS: (2, 4, 2, 2, 0), SHIFT: (3, 3, 2, 1, 0), SACK_PERMITTED: (4, 2, 0, 1, 0), TSVAL: (8, 10, 2, 4, 0),
    TSECR: (8, 10, 6, 4, 0), SACK_LEFT: (5, 10, 2, 4, 8), SACK_RIGHT: (5, 10, 6, 4, 8),
}


def _of_options(packet: Packet, code: int) -> list[Value]:
    kind, least, offset, size, step = _OPTIONS[code]
    header = packet.data[packet.transport:packet.transport + (packet.data[packet.transport + 12] >> 4 << 2)]
    found: list[Value] = []
    at = 20
    while at < len(header) and header[at] != 0:
        if header[at] == 1:
            at += 1
            continue
        if at + 1 >= len(header) or header[at + 1] < 2 or at + header[at + 1] > len(header):
            break
        length = header[at + 1]
        if header[at] == kind and length >= least:
            place = at + offset
            while place + size <= at + length:
                found.append(int.from_bytes(header[place:place + size], "big"))
                if step == 0:
                    break
                place += step
        at += length
    return found


def _more_of_tcp(view: View, code: i64) -> list[Value]:
    packet = view.packet
    if code >= MSS:
        return _of_options(packet, int(code))
    if code == WINDOW_RAW:
        return [view.window]
    if code == WINDOW:      # in a SYN it is never scaled (RFC 7323 §2.2)
        return [view.window << view.shift if view.shift > 0 and view.flags & SYN == 0 else view.window]
    header = i64(packet.data[packet.transport + 12]) >> 4 << 2
    if code == HEADER:
        return [header]
    if code == OWN:
        return [packet.data[packet.transport:packet.transport + header]]
    at = packet.transport + header
    return [packet.data[at:packet.end]] if view.length > 0 and at < packet.end else NO_VALUES


def _of_analysis(view: View, code: i64, bit: i64) -> list[Value]:
    if not view.sound:
        return NO_VALUES
    if code == MARKED:
        bits = view.bits
        if bits & ALSO_RESENT:
            bits |= RETRANSMISSION
        return [1] if bits & bit else NO_VALUES
    detail = view.detail
    if not detail.said:
        return NO_VALUES
    if code == IN_FLIGHT:
        return [detail.bytes_in_flight] if detail.bytes_in_flight > 0 else NO_VALUES
    if code == INITIAL_RTT:
        return [view.initial_rtt] if view.initial_rtt else NO_VALUES
    if detail.acked_frame < 0:
        return NO_VALUES
    if code == ACKS_FRAME:
        return [detail.acked_frame]
    return [detail.ack_rtt_ns] if detail.ack_rtt_ns != 0 else NO_VALUES


def _of_icmp(view: View, kind: i64, code: i64) -> list[Value]:
    """Of the message, then of the one that it quotes."""
    packet = view.packet
    at = packet.transport
    if packet.kind != kind:
        return NO_VALUES
    if code == MTU:     # of an error that says that a packet is too large (RFC 1191 §4)
        if at + 8 > packet.end or be16(packet.data, at) != 0x0304:
            return NO_VALUES
        return [be32(packet.data, at + 4) & 0xFFFF]
    found: list[Value] = []
    offset: i64 = 0 if code == KIND else 1
    if at + offset < packet.end:
        found.append(i64(packet.data[at + offset]))
        if packet.quoted_kind == kind:
            quoted = packet.quoted_dst + (4 if packet.quoted_version == 4 else 16)
            if quoted + offset < packet.end:
                found.append(i64(packet.data[quoted + offset]))
    return found
