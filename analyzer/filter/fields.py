"""The fields that a filter may ask for: one table, from which the checks, the documents and the completion are made.

What protocols say of their own messages stands in their records (`DisplayField`).
"""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from analyzer.filter import view as seen
from analyzer.filter.view import Value, View
from dissectors.kit.display_field import (
    BOOLEAN,
    IPV4,
    IPV6,
    MAC,
    MARK,
    NUMBER,
    OCTETS,
    SECONDS,
    TEXT,
    Data,
    DisplayField,
)
from dissectors.kit.event import JsonValue
from dissectors.protocols.tcp.flags import RULES
from dissectors.registry import protocols

PROTOCOL: Final = "protocol"
Source = Callable[[View], list[Value]]

# What has to be known of a frame before the field can be.
HEADERS: Final = 0      # its headers, and its conversation
EVENTS: Final = 1       # what it completes, for which every stream is read
TOLD: Final = 2         # what was concluded of the whole capture

# Protocols of headers, by the names of Wireshark that `layers` has.
LAYERS: Final = {
    "eth": "Ethernet", "vlan": "VLAN tags", "arp": "ARP", "ip": "IPv4", "ipv6": "IPv6", "tcp": "TCP", "udp": "UDP",
    "icmp": "ICMP", "icmpv6": "ICMPv6", "sctp": "SCTP", "igmp": "IGMP", "gre": "GRE", "vxlan": "VXLAN",
    "geneve": "GENEVE", "gtp": "GTP", "mpls": "MPLS", "pppoes": "PPPoE sessions", "ppp": "PPP", "esp": "ESP",
    "wlan": "802.11", "sll": "Linux cooked capture",
}
# What is Wireshark's and cannot be given as it has it: what to ask for instead.
INSTEAD: Final = {
    "tcp.stream": "wiretale numbers the conversations of all transports together, from 1: `conversation == 3`",
    "udp.stream": "wiretale numbers the conversations of all transports together, from 1: `conversation == 3`",
    "frame.time": "absolute times are asked for with --from and --to, and relative ones with `frame.time_relative`",
    "_ws.expert": "findings are asked for by their code: `finding == \"tcp.timeout\"`",
}


class Field:
    """name: Wireshark's, or ours.   kind: what it is compared as.   meaning: in a few words.

    source: from a frame to its values, all of the type of the kind: int, str or bytes.   needs: as above.
    ours: Wireshark has no such field.
    """

    def __init__(
        self, name: str, kind: str, meaning: str, source: Source, needs: int = HEADERS, ours: bool = False
    ) -> None:
        self.name = name
        self.kind = kind
        self.meaning = meaning
        self.source = source
        self.needs = needs
        self.ours = ours


_OF_FRAMES: Final = (
    Field("frame.number", NUMBER, "number of the frame, from 1", seen.frame_number),
    Field("frame.len", NUMBER, "octets on the wire", seen.frame_len),
    Field("frame.cap_len", NUMBER, "octets that the capture holds", seen.frame_cap_len),
    Field("frame.time_relative", SECONDS, "since the first frame", seen.frame_time_relative),
    Field("frame.time_delta", SECONDS, "since the frame before", seen.frame_time_delta),
    Field("frame.time_epoch", SECONDS, "since 1970, UTC", seen.frame_time_epoch),
    Field("conversation", NUMBER, "number of its conversation, as `wiretale conversations` lists it",
          seen.conversation, ours=True),
    Field("event", TEXT, "names of what the frame completes: `tls.client_hello`", seen.event_names, EVENTS, True),
    Field("finding", TEXT, "codes of findings that cite the frame: `tcp.timeout`", seen.finding_codes, TOLD, True),
)
_OF_LINKS: Final = (
    Field("eth.addr", MAC, "sender or receiver of the frame", seen.eth_addr),
    Field("eth.src", MAC, "sender of the frame", seen.eth_src),
    Field("eth.dst", MAC, "receiver of the frame", seen.eth_dst),
    Field("eth.type", NUMBER, "EtherType behind the addresses", seen.eth_type),
    Field("vlan.id", NUMBER, "VLAN of each tag", seen.vlan_id),
    Field("arp.opcode", NUMBER, "1 asks, 2 answers", seen.arp_opcode),
)
_OF_NETWORKS: Final = (
    Field("ip.addr", IPV4, "sender or receiver", seen.ip_addr),
    Field("ip.src", IPV4, "sender", seen.ip_src),
    Field("ip.dst", IPV4, "receiver", seen.ip_dst),
    Field("ip.version", NUMBER, "4", seen.ip_version),
    Field("ip.ttl", NUMBER, "time to live", seen.ip_ttl),
    Field("ip.proto", NUMBER, "number of the protocol inside", seen.ip_proto),
    Field("ip.len", NUMBER, "octets of the packet", seen.ip_len),
    Field("ip.id", NUMBER, "identification", seen.ip_id),
    Field("ip.flags.df", BOOLEAN, "may not be fragmented", seen.ip_df),
    Field("ip.flags.mf", BOOLEAN, "more fragments follow", seen.ip_mf),
    Field("ip.dsfield.dscp", NUMBER, "class of service", seen.ip_dscp),
    Field("ip.dsfield.ecn", NUMBER, "congestion notification", seen.ip_ecn),
    Field("ipv6.addr", IPV6, "sender or receiver", seen.ipv6_addr),
    Field("ipv6.src", IPV6, "sender", seen.ipv6_src),
    Field("ipv6.dst", IPV6, "receiver", seen.ipv6_dst),
    Field("ipv6.hlim", NUMBER, "hop limit", seen.ipv6_hlim),
    Field("ipv6.nxt", NUMBER, "number of the next header", seen.ipv6_nxt),
    Field("ipv6.plen", NUMBER, "octets behind the header", seen.ipv6_plen),
    Field("icmp.type", NUMBER, "of the message, and of the ICMP message that it quotes", seen.icmp_type),
    Field("icmp.code", NUMBER, "likewise", seen.icmp_code),
    Field("icmp.mtu", NUMBER, "size that would have fitted", seen.icmp_mtu),
    Field("icmpv6.type", NUMBER, "of the message, and of the ICMPv6 message that it quotes", seen.icmpv6_type),
    Field("icmpv6.code", NUMBER, "likewise", seen.icmpv6_code),
)
# Control bits, RFC 9293 §3.1, as Wireshark names them.
_BITS: Final = (
    ("fin", 1), ("syn", 2), ("reset", 4), ("push", 8), ("ack", 16), ("urg", 32), ("ece", 64), ("cwr", 128), ("ae", 256),
)


def _bit(bit: int) -> Source:
    return lambda view: seen.tcp_flag(view, bit)


def _mark(bit: int) -> Source:
    return lambda view: seen.analysed(view, bit)


_OF_TRANSPORTS: Final = (
    Field("tcp.port", NUMBER, "sender's or receiver's", seen.tcp_port),
    Field("tcp.srcport", NUMBER, "sender's", seen.tcp_srcport),
    Field("tcp.dstport", NUMBER, "receiver's", seen.tcp_dstport),
    Field("tcp.len", NUMBER, "octets of payload, as sent", seen.tcp_len),
    Field("tcp.seq", NUMBER, "relative to the first of its direction", seen.tcp_seq),
    Field("tcp.seq_raw", NUMBER, "as it stands in the header", seen.tcp_seq_raw),
    Field("tcp.ack", NUMBER, "relative to the first of the other direction", seen.tcp_ack),
    Field("tcp.ack_raw", NUMBER, "as it stands in the header", seen.tcp_ack_raw),
    Field("tcp.hdr_len", NUMBER, "octets of the header", seen.tcp_hdr_len),
    Field("tcp.window_size", NUMBER, "scaled, where the handshake was seen", seen.tcp_window_size),
    Field("tcp.window_size_value", NUMBER, "as it stands in the header", seen.tcp_window_size_value),
    Field("tcp.payload", OCTETS, "what the segment carries", seen.tcp_payload),
    Field("tcp.flags", NUMBER, "the nine control bits together", seen.tcp_flags),
    *[Field(f"tcp.flags.{name}", BOOLEAN, f"{name.upper()} is set", _bit(bit)) for name, bit in _BITS],
    Field("tcp.analysis.flags", MARK, "any mark of the analysis", _mark(-1)),
    *[Field(rule.display_filter(), MARK, f"marked as {rule.name.replace('_', ' ')}", _mark(int(rule.bit)))
      for rule in RULES],
    Field("tcp.analysis.bytes_in_flight", NUMBER, "sent and not acknowledged", seen.bytes_in_flight),
    Field("tcp.analysis.acks_frame", NUMBER, "number of the frame that it acknowledges", seen.acks_frame),
    Field("tcp.analysis.ack_rtt", SECONDS, "since the segment that it acknowledges", seen.ack_rtt),
    Field("tcp.analysis.initial_rtt", SECONDS, "round trip of the handshake", seen.initial_rtt),
    Field("udp.port", NUMBER, "sender's or receiver's", seen.udp_port),
    Field("udp.srcport", NUMBER, "sender's", seen.udp_srcport),
    Field("udp.dstport", NUMBER, "receiver's", seen.udp_dstport),
    Field("udp.length", NUMBER, "octets with the header", seen.udp_length),
    Field("udp.payload", OCTETS, "what the datagram carries", seen.udp_payload),
)
# Protocols whose octets can be searched.
_OCTETS: Final = {"frame": seen.frame_octets, "tcp": seen.tcp_octets, "udp": seen.udp_octets}


def _no_octets(_view: View) -> list[Value]:
    return seen.NO_VALUES


def _values(protocol: str, field: DisplayField, view: View) -> list[Value]:
    """Of a field that a protocol declares."""
    if not view.events:
        return seen.NO_VALUES
    data: list[Data]
    if field.event:
        data = view.fields_of(field.event)
    else:
        data = [record for name, record in view.pdus() if name == protocol]
    found: list[Value] = []
    for one in data:
        for value in field.values(one):
            held = _held(value, field.kind)
            if held is not None:
                found.append(held)
    return found


def _held(value: JsonValue, kind: str) -> Value | None:
    """A value as it is compared; None for what is of another type."""
    if kind in (NUMBER, BOOLEAN):
        return int(value) if isinstance(value, int) else None
    if kind == SECONDS:
        return value if isinstance(value, int) else None
    if kind in (IPV4, IPV6) and isinstance(value, str):
        return _packed(value)
    return value if isinstance(value, str) else None


@lru_cache(4096)
def _packed(text: str) -> bytes | None:
    from ipaddress import ip_address

    try:
        return ip_address(text).packed
    except ValueError:
        return None


def _together(sources: list[Source]) -> Source:
    if len(sources) == 1:
        return sources[0]

    def values(view: View) -> list[Value]:
        if not view.events:
            return seen.NO_VALUES
        return [value for source in sources for value in source(view)]

    return values


def fields() -> dict[str, Field]:
    """Every field, by name, in the order of the layers; protocols by their own names."""
    found: dict[str, Field] = {"frame": Field("frame", PROTOCOL, "every frame, and its octets", seen.frame_octets)}
    for field in (*_OF_FRAMES, *_OF_LINKS, *_OF_NETWORKS, *_OF_TRANSPORTS):
        found[field.name] = field
    for name, title in LAYERS.items():
        found[name] = Field(name, PROTOCOL, title, _OCTETS.get(name, _no_octets))
    declared: dict[str, tuple[DisplayField, list[Source]]] = {}
    for protocol in protocols():
        found.setdefault(
            protocol.name,
            Field(protocol.name, PROTOCOL, f"{protocol.title}: a message of it ends here", _no_octets, EVENTS),
        )
        for one in protocol.fields:
            declared.setdefault(one.name, (one, []))[1].append(partial(_values, protocol.name, one))
    for name, (one, sources) in declared.items():
        found.setdefault(name, Field(name, one.kind, one.meaning, _together(sources), EVENTS))
    return found
