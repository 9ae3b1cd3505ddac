"""What a filter sees of the frame in hand, and the fields that its headers have. Compiled: each frame passes it."""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from analyzer.packet import ARP, ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.display_field import Data
from dissectors.kit.event import Event
from dissectors.kit.octets import be16, be32
from dissectors.protocols.tcp.flags import FAST_RETRANSMISSION, RETRANSMISSION, SPURIOUS_RETRANSMISSION
from dissectors.protocols.tcp.side import MASK, Detail
from dissectors.wire.secrets.gate import Said

Value = Union[int, str, bytes]

NO_VALUES: Final[list[Value]] = []
NO_EVENTS: Final[list[Event]] = []
NO_PDUS: Final[list[tuple[str, Data]]] = []
ETHERNET: Final = 1             # LINKTYPE_ETHERNET
SMALLEST: Final = 20            # octets of a header of IPv4, and of TCP
ALSO_RESENT: Final = FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION      # which Wireshark marks as resent besides


class View:
    """The frame in hand. conversation: its number, 0 for none.   start, before: time of the first frame of the capture,
    and of the one before; -1 for none.

    sound: the segment has a TCP header that can be relied on; then what follows is that of the segment. seq and ack are
    as they stand there, base and peer_base what they are relative to, -1 where that is not known.
    shift: by which the window is to be scaled, -1 where that is not known.   bits: of the analysis.
    events: what the frame completes.   told_*: concluded before: names of events and findings by frame, and of findings
    by conversation.
    """

    def __init__(self) -> None:
        self.packet = Packet()
        self.conversation: i64 = 0
        self.start: i64 = -1
        self.before: i64 = -1
        self.last: i64 = -1
        self.sound: bool = False
        self.flags: i64 = 0
        self.seq: i64 = 0
        self.ack: i64 = 0
        self.base: i64 = -1
        self.peer_base: i64 = -1
        self.window: i64 = 0
        self.shift: i64 = -1
        self.length: i64 = 0
        self.bits: i64 = 0
        self.detail = Detail()
        self.initial_rtt: i64 = 0
        self.events: list[Event] = NO_EVENTS
        self.records: list[tuple[str, Data]] = NO_PDUS
        self.looked: bool = False
        self.of_events: dict[str, list[Data]] = {}
        self.told_events: dict[int, list[str]] = {}
        self.told_findings: dict[int, list[str]] = {}
        self.told_members: dict[int, list[str]] = {}

    def begin(self, packet: Packet, events: list[Event]) -> None:
        """The next frame, and what it completes."""
        self.packet = packet
        self.before = self.last
        self.last = packet.time
        if self.start < 0:
            self.start = packet.time
        self.events = events
        self.sound = False
        self.conversation = 0
        if self.looked:
            self.looked = False
            self.records = NO_PDUS
            self.of_events = {}

    def pass_by(self, packet: Packet) -> None:
        """The next frame, of which nothing is asked."""
        self.last = packet.time
        if self.start < 0:
            self.start = packet.time

    def pdus(self) -> list[tuple[str, Data]]:
        """What the frame completes, as `wiretale frames` shows it: the protocol, and its record."""
        if not self.looked and self.events:
            self._look()
        return self.records

    def fields_of(self, name: str) -> list[Data]:
        """What the events of this name say."""
        if not self.events:
            return []
        if not self.looked:
            self._look()
        found = self.of_events.get(name)
        if found is None:
            found = [Said(event).fields() for event in self.events if event.name == name]
            self.of_events[name] = found
        return found

    def _look(self) -> None:
        self.looked = True
        self.records = pdus_of(self.events)


def pdus_of(events: list[Event]) -> list[tuple[str, Data]]:
    """Of each event that is a PDU: its protocol and its record."""
    found: list[tuple[str, Data]] = []
    for event in events:
        record = Said(event).frame_record()
        if record is not None:
            name = event.name
            found.append((name[:name.index(".")], record))
    return found


# -- the frame ------------------------------------------------------------------------------------


def frame_number(view: View) -> list[Value]:
    return [view.packet.number]


def frame_len(view: View) -> list[Value]:
    return [view.packet.length]


def frame_cap_len(view: View) -> list[Value]:
    return [view.packet.captured]


def frame_time_epoch(view: View) -> list[Value]:
    return [view.packet.time] if view.packet.time >= 0 else NO_VALUES


def frame_time_relative(view: View) -> list[Value]:
    return [view.packet.time - view.start] if view.packet.time >= 0 and view.start >= 0 else NO_VALUES


def frame_time_delta(view: View) -> list[Value]:
    if view.packet.time < 0:
        return NO_VALUES
    return [view.packet.time - view.before if view.before >= 0 else 0]


def frame_octets(view: View) -> list[Value]:
    packet = view.packet
    return [packet.data[packet.base:packet.base + packet.captured]] if packet.base >= 0 else NO_VALUES


def conversation(view: View) -> list[Value]:
    return [view.conversation] if view.conversation else NO_VALUES


def event_names(view: View) -> list[Value]:
    found: list[Value] = [event.name for event in view.events]
    if view.told_events:
        found += view.told_events.get(int(view.packet.number), [])
    return found


def finding_codes(view: View) -> list[Value]:
    found: list[Value] = []
    found += view.told_findings.get(int(view.packet.number), [])
    if view.told_members and view.conversation:
        found += view.told_members.get(int(view.conversation), [])
    return found


# -- Ethernet (IEEE 802.3 §3.1.1), VLAN tags (IEEE 802.1Q §9.6), ARP (RFC 826) ----------------------------------------


def _ethernet(view: View) -> bytes:
    """The header of the frame, with two VLAN tags at the most; b"" where it has none."""
    packet = view.packet
    if packet.link != ETHERNET or packet.base < 0 or packet.captured < 14:
        return b""
    return packet.data[packet.base:packet.base + min(packet.captured, 22)]


def eth_dst(view: View) -> list[Value]:
    header = _ethernet(view)
    return [header[:6]] if header else NO_VALUES


def eth_src(view: View) -> list[Value]:
    header = _ethernet(view)
    return [header[6:12]] if header else NO_VALUES


def eth_addr(view: View) -> list[Value]:
    header = _ethernet(view)
    return [header[:6], header[6:12]] if header else NO_VALUES


def eth_type(view: View) -> list[Value]:
    header = _ethernet(view)
    if not header or be16(header, 12) < 0x600:      # a length: LLC follows
        return NO_VALUES
    return [be16(header, 12)]


def vlan_id(view: View) -> list[Value]:
    header = _ethernet(view)
    found: list[Value] = []
    at: i64 = 12
    while at + 4 <= len(header) and be16(header, at) in (0x8100, 0x88A8):
        found.append(be16(header, at + 2) & 0xFFF)
        at += 4
    return found


def arp_opcode(view: View) -> list[Value]:
    packet = view.packet
    if packet.kind != ARP or packet.transport + 8 > packet.end:
        return NO_VALUES
    return [be16(packet.data, packet.transport + 6)]


# -- IP (RFC 791 §3.1, RFC 8200 §3): of tunnels and of what ICMP errors quote, every header ----------------------------


def _headers(view: View, version: i64) -> list[bytes]:
    """The octets of every header of this version, in order."""
    packet = view.packet
    if packet.headers:
        return [header for header in packet.headers if header[0] >> 4 == version]
    if packet.ip_version != version:
        return []
    return [packet.data[packet.network:packet.network + (20 if version == 4 else 40)]]


def _plain(packet: Packet, version: i64) -> bool:
    """Whether there is one header of IP, of this version."""
    return packet.ip_version == version and not packet.headers


def _addresses(view: View, version: i64, which: i64) -> list[Value]:
    """which: 1 for senders, 2 for receivers, 3 for both."""
    packet = view.packet
    size: i64 = 4 if version == 4 else 16
    at: i64 = 12 if version == 4 else 8
    found: list[Value] = []
    if _plain(packet, version):
        if which & 1:
            found.append(packet.data[packet.src:packet.src + size])
        if which & 2:
            found.append(packet.data[packet.dst:packet.dst + size])
        return found
    if packet.headers:
        for header in _headers(view, version):
            if which & 1:
                found.append(header[at:at + size])
            if which & 2:
                found.append(header[at + size:at + size + size])
    return found


def ip_src(view: View) -> list[Value]:
    return _addresses(view, 4, 1)


def ip_dst(view: View) -> list[Value]:
    return _addresses(view, 4, 2)


def ip_addr(view: View) -> list[Value]:
    return _addresses(view, 4, 3)


def ip_ttl(view: View) -> list[Value]:
    return [header[8] for header in _headers(view, 4)]


def ip_proto(view: View) -> list[Value]:
    return [header[9] for header in _headers(view, 4)]


def ip_version(view: View) -> list[Value]:
    return [4 for _header in _headers(view, 4)]


def ip_len(view: View) -> list[Value]:
    return [be16(header, 2) for header in _headers(view, 4)]


def ip_id(view: View) -> list[Value]:
    return [be16(header, 4) for header in _headers(view, 4)]


def ip_df(view: View) -> list[Value]:
    return [header[6] >> 6 & 1 for header in _headers(view, 4)]


def ip_mf(view: View) -> list[Value]:
    return [header[6] >> 5 & 1 for header in _headers(view, 4)]


def ip_dscp(view: View) -> list[Value]:
    return [header[1] >> 2 for header in _headers(view, 4)]


def ip_ecn(view: View) -> list[Value]:
    return [header[1] & 3 for header in _headers(view, 4)]


def ipv6_src(view: View) -> list[Value]:
    return _addresses(view, 6, 1)


def ipv6_dst(view: View) -> list[Value]:
    return _addresses(view, 6, 2)


def ipv6_addr(view: View) -> list[Value]:
    return _addresses(view, 6, 3)


def ipv6_hlim(view: View) -> list[Value]:
    return [header[7] for header in _headers(view, 6)]


def ipv6_nxt(view: View) -> list[Value]:
    return [header[6] for header in _headers(view, 6)]


def ipv6_plen(view: View) -> list[Value]:
    return [be16(header, 4) for header in _headers(view, 6)]


# -- TCP (RFC 9293 §3.1), UDP (RFC 768), ICMP (RFC 792, RFC 4443 §2.1) -------------------------------------------------


def _ports(view: View, kind: i64, which: i64) -> list[Value]:
    """which: 1 for senders, 2 for receivers, 3 for both."""
    packet = view.packet
    found: list[Value] = []
    if packet.headers:
        for entry in packet.carried:
            if entry >> 32 == kind:
                if which & 1:
                    found.append(entry >> 16 & 0xFFFF)
                if which & 2:
                    found.append(entry & 0xFFFF)
    elif packet.kind == kind:
        if which & 1:
            found.append(packet.sport)
        if which & 2:
            found.append(packet.dport)
    return found


def tcp_srcport(view: View) -> list[Value]:
    return _ports(view, TCP, 1)


def tcp_dstport(view: View) -> list[Value]:
    return _ports(view, TCP, 2)


def tcp_port(view: View) -> list[Value]:
    return _ports(view, TCP, 3)


def udp_srcport(view: View) -> list[Value]:
    return _ports(view, UDP, 1)


def udp_dstport(view: View) -> list[Value]:
    return _ports(view, UDP, 2)


def udp_port(view: View) -> list[Value]:
    return _ports(view, UDP, 3)


def udp_length(view: View) -> list[Value]:
    packet = view.packet
    if packet.kind != UDP or packet.transport + 6 > packet.end:
        return NO_VALUES
    return [be16(packet.data, packet.transport + 4)]


def udp_payload(view: View) -> list[Value]:
    packet = view.packet
    if packet.kind != UDP or packet.transport + 8 >= packet.end:
        return NO_VALUES
    return [packet.data[packet.transport + 8:packet.end]]


def transport_octets(view: View, kind: i64) -> list[Value]:
    """The header and what it carries."""
    packet = view.packet
    return [packet.data[packet.transport:packet.end]] if packet.kind == kind else NO_VALUES


def tcp_octets(view: View) -> list[Value]:
    return transport_octets(view, TCP)


def udp_octets(view: View) -> list[Value]:
    return transport_octets(view, UDP)


def tcp_len(view: View) -> list[Value]:
    return [view.length] if view.sound else NO_VALUES


def tcp_seq(view: View) -> list[Value]:
    if not view.sound:
        return NO_VALUES
    return [(view.seq - view.base) & MASK if view.base >= 0 else view.seq]


def tcp_seq_raw(view: View) -> list[Value]:
    return [view.seq] if view.sound else NO_VALUES


def tcp_ack(view: View) -> list[Value]:
    if not view.sound:
        return NO_VALUES
    if view.flags & 16 == 0:        # the number means nothing then
        return [view.ack]
    return [(view.ack - view.peer_base) & MASK if view.peer_base >= 0 else view.ack]


def tcp_ack_raw(view: View) -> list[Value]:
    return [view.ack] if view.sound else NO_VALUES


def tcp_hdr_len(view: View) -> list[Value]:
    packet = view.packet
    return [packet.data[packet.transport + 12] >> 4 << 2] if view.sound else NO_VALUES


def tcp_window_size_value(view: View) -> list[Value]:
    return [view.window] if view.sound else NO_VALUES


def tcp_window_size(view: View) -> list[Value]:
    """Scaled, where both sides were heard to agree on that; in a SYN it never is (RFC 7323 §2.2)."""
    if not view.sound:
        return NO_VALUES
    return [view.window << view.shift if view.shift > 0 and view.flags & 2 == 0 else view.window]


def tcp_flags(view: View) -> list[Value]:
    return [view.flags] if view.sound else NO_VALUES


def tcp_flag(view: View, bit: i64) -> list[Value]:
    if not view.sound:
        return NO_VALUES
    return [1 if view.flags & bit else 0]


def tcp_payload(view: View) -> list[Value]:
    packet = view.packet
    if not view.sound or view.length <= 0:
        return NO_VALUES
    at = packet.transport + (i64(packet.data[packet.transport + 12]) >> 4 << 2)
    return [packet.data[at:packet.end]] if at < packet.end else NO_VALUES


def analysed(view: View, bit: i64) -> list[Value]:
    """A mark of the analysis: there, or not."""
    if not view.sound or not view.bits:
        return NO_VALUES
    bits = view.bits
    if bits & ALSO_RESENT:
        bits |= RETRANSMISSION
    return [1] if bits & bit else NO_VALUES


def bytes_in_flight(view: View) -> list[Value]:
    detail = view.detail
    return [detail.bytes_in_flight] if view.sound and detail.said and detail.bytes_in_flight > 0 else NO_VALUES


def ack_rtt(view: View) -> list[Value]:
    detail = view.detail
    there = view.sound and detail.said and detail.acked_frame >= 0 and detail.ack_rtt_ns != 0
    return [detail.ack_rtt_ns] if there else NO_VALUES


def acks_frame(view: View) -> list[Value]:
    detail = view.detail
    return [detail.acked_frame] if view.sound and detail.said and detail.acked_frame >= 0 else NO_VALUES


def initial_rtt(view: View) -> list[Value]:
    return [view.initial_rtt] if view.sound and view.detail.said and view.initial_rtt else NO_VALUES


def _message(view: View, kind: i64, at: i64) -> list[Value]:
    """An octet of the ICMP message, then of the one that it quotes."""
    packet = view.packet
    found: list[Value] = []
    if packet.kind == kind and packet.transport + at < packet.end:
        found.append(packet.data[packet.transport + at])
        if packet.quoted_kind == kind:
            quoted = packet.quoted_dst + (4 if packet.quoted_version == 4 else 16)
            if quoted + at < packet.end:
                found.append(packet.data[quoted + at])
    return found


def icmp_type(view: View) -> list[Value]:
    return _message(view, ICMP, 0)


def icmp_code(view: View) -> list[Value]:
    return _message(view, ICMP, 1)


def icmpv6_type(view: View) -> list[Value]:
    return _message(view, ICMPV6, 0)


def icmpv6_code(view: View) -> list[Value]:
    return _message(view, ICMPV6, 1)


def icmp_mtu(view: View) -> list[Value]:
    """Of an error that says that a packet is too large (RFC 1191 §4)."""
    packet = view.packet
    if packet.kind != ICMP or packet.transport + 8 > packet.end or be16(packet.data, packet.transport) != 0x0304:
        return NO_VALUES
    return [be32(packet.data, packet.transport + 4) & 0xFFFF]
