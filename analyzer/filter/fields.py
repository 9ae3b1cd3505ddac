"""The fields that a filter may ask for: one table, from which the checks, the documents and the completion are made.

What protocols say of their own messages stands in their records (`DisplayField`).
"""
from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import Final

from analyzer.filter import sources as of
from analyzer.filter.sources import Header, Joined, Message, Source
from analyzer.filter.view import Value
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
    DisplayField,
)
from dissectors.kit.event import Event, JsonValue
from dissectors.kit.protocol import Protocol
from dissectors.protocols.tcp.flags import RULES
from dissectors.registry import protocols

PROTOCOL: Final = "protocol"

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
    each: how many values each header has, where all headers of a frame that have it are listed; 0 where they are not.
    header: of a protocol, the octets of its headers, where they are known.   searched: its octets can be searched.
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
        self.each = source.each() if isinstance(source, Header) else 0
        self.header: Source | None = None
        self.searched = False


_OF_FRAMES: Final = (
    Field("frame.number", NUMBER, "number of the frame, from 1", Header(of.OF_FRAME, of.NUMBER)),
    Field("frame.len", NUMBER, "octets on the wire", Header(of.OF_FRAME, of.LENGTH)),
    Field("frame.cap_len", NUMBER, "octets that the capture holds", Header(of.OF_FRAME, of.CAPTURED)),
    Field("frame.time_relative", SECONDS, "since the first frame", Header(of.OF_FRAME, of.RELATIVE)),
    Field("frame.time_delta", SECONDS, "since the frame before", Header(of.OF_FRAME, of.DELTA)),
    Field("frame.time_epoch", SECONDS, "since 1970, UTC", Header(of.OF_FRAME, of.EPOCH)),
    Field("conversation", NUMBER, "number of its conversation, as `wiretale conversations` lists it",
          Header(of.OF_TELLING, of.CONVERSATION), ours=True),
    Field("event", TEXT, "names of what the frame completes: `tls.client_hello`",
          Header(of.OF_TELLING, of.EVENT), EVENTS, True),
    Field("finding", TEXT, "codes of findings that cite the frame: `tcp.timeout`",
          Header(of.OF_TELLING, of.FINDING), TOLD, True),
)
_OF_LINKS: Final = (
    Field("eth.addr", MAC, "sender or receiver of the frame", Header(of.OF_ETHERNET, of.ENDS)),
    Field("eth.src", MAC, "sender of the frame", Header(of.OF_ETHERNET, of.SENDER)),
    Field("eth.dst", MAC, "receiver of the frame", Header(of.OF_ETHERNET, of.RECEIVER)),
    Field("eth.type", NUMBER, "EtherType behind the addresses", Header(of.OF_ETHERNET, of.TYPE)),
    Field("vlan.id", NUMBER, "VLAN of each tag", Header(of.OF_ETHERNET, of.VLAN)),
    Field("arp.opcode", NUMBER, "1 asks, 2 answers", Header(of.OF_ARP, of.KIND)),
)
_OF_NETWORKS: Final = (
    Field("ip.addr", IPV4, "sender or receiver", Header(of.OF_IP, of.ENDS)),
    Field("ip.src", IPV4, "sender", Header(of.OF_IP, of.SENDER)),
    Field("ip.dst", IPV4, "receiver", Header(of.OF_IP, of.RECEIVER)),
    Field("ip.version", NUMBER, "4", Header(of.OF_IP, of.VERSION)),
    Field("ip.ttl", NUMBER, "time to live", Header(of.OF_IP, of.TTL)),
    Field("ip.proto", NUMBER, "number of the protocol inside", Header(of.OF_IP, of.PROTO)),
    Field("ip.len", NUMBER, "octets of the packet", Header(of.OF_IP, of.SIZE)),
    Field("ip.id", NUMBER, "identification", Header(of.OF_IP, of.IDENTIFICATION)),
    Field("ip.flags.df", BOOLEAN, "may not be fragmented", Header(of.OF_IP, of.DONT_FRAGMENT)),
    Field("ip.flags.mf", BOOLEAN, "more fragments follow", Header(of.OF_IP, of.MORE_FRAGMENTS)),
    Field("ip.dsfield.dscp", NUMBER, "class of service", Header(of.OF_IP, of.DSCP)),
    Field("ip.dsfield.ecn", NUMBER, "congestion notification", Header(of.OF_IP, of.ECN)),
    Field("ipv6.addr", IPV6, "sender or receiver", Header(of.OF_IPV6, of.ENDS)),
    Field("ipv6.src", IPV6, "sender", Header(of.OF_IPV6, of.SENDER)),
    Field("ipv6.dst", IPV6, "receiver", Header(of.OF_IPV6, of.RECEIVER)),
    Field("ipv6.hlim", NUMBER, "hop limit", Header(of.OF_IPV6, of.TTL)),
    Field("ipv6.nxt", NUMBER, "number of the next header", Header(of.OF_IPV6, of.PROTO)),
    Field("ipv6.plen", NUMBER, "octets behind the header", Header(of.OF_IPV6, of.SIZE)),
    Field("icmp.type", NUMBER, "of the message, and of the ICMP message that it quotes", Header(of.OF_ICMP, of.KIND)),
    Field("icmp.code", NUMBER, "likewise", Header(of.OF_ICMP, of.CODE)),
    Field("icmp.mtu", NUMBER, "size that would have fitted", Header(of.OF_ICMP, of.MTU)),
    Field("icmpv6.type", NUMBER, "of the message, and of the ICMPv6 message that it quotes",
          Header(of.OF_ICMPV6, of.KIND)),
    Field("icmpv6.code", NUMBER, "likewise", Header(of.OF_ICMPV6, of.CODE)),
)
# Control bits, RFC 9293 §3.1, as Wireshark names them.
_BITS: Final = (
    ("fin", 1), ("syn", 2), ("reset", 4), ("push", 8), ("ack", 16), ("urg", 32), ("ece", 64), ("cwr", 128), ("ae", 256),
)


def _mark(bits: int) -> Source:
    return Header(of.OF_ANALYSIS, of.MARKED, bits)


_OF_TRANSPORTS: Final = (
    Field("tcp.port", NUMBER, "sender's or receiver's", Header(of.OF_TCP, of.ENDS)),
    Field("tcp.srcport", NUMBER, "sender's", Header(of.OF_TCP, of.SENDER)),
    Field("tcp.dstport", NUMBER, "receiver's", Header(of.OF_TCP, of.RECEIVER)),
    Field("tcp.len", NUMBER, "octets of payload, as sent", Header(of.OF_TCP, of.PAYLOAD_SIZE)),
    Field("tcp.seq", NUMBER, "relative to the first of its direction", Header(of.OF_TCP, of.SEQ)),
    Field("tcp.seq_raw", NUMBER, "as it stands in the header", Header(of.OF_TCP, of.SEQ_RAW)),
    Field("tcp.ack", NUMBER, "relative to the first of the other direction", Header(of.OF_TCP, of.ACKED)),
    Field("tcp.ack_raw", NUMBER, "as it stands in the header", Header(of.OF_TCP, of.ACKED_RAW)),
    Field("tcp.hdr_len", NUMBER, "octets of the header", Header(of.OF_TCP, of.HEADER)),
    Field("tcp.window_size", NUMBER, "scaled, where the handshake was seen", Header(of.OF_TCP, of.WINDOW)),
    Field("tcp.window_size_value", NUMBER, "as it stands in the header", Header(of.OF_TCP, of.WINDOW_RAW)),
    Field("tcp.payload", OCTETS, "what the segment carries", Header(of.OF_TCP, of.PAYLOAD)),
    Field("tcp.options.mss_val", NUMBER, "largest segment that is wanted", Header(of.OF_TCP, of.MSS)),
    Field("tcp.options.wscale.shift", NUMBER, "by which windows are scaled", Header(of.OF_TCP, of.SHIFT)),
    Field("tcp.options.sack_perm", MARK, "selective acknowledgment is offered", Header(of.OF_TCP, of.SACK_PERMITTED)),
    Field("tcp.options.sack_le", NUMBER, "left edge of each block", Header(of.OF_TCP, of.SACK_LEFT)),
    Field("tcp.options.sack_re", NUMBER, "right edge of each block", Header(of.OF_TCP, of.SACK_RIGHT)),
    Field("tcp.options.timestamp.tsval", NUMBER, "timestamp of the sender", Header(of.OF_TCP, of.TSVAL)),
    Field("tcp.options.timestamp.tsecr", NUMBER, "timestamp that is echoed", Header(of.OF_TCP, of.TSECR)),
    Field("tcp.flags", NUMBER, "the nine control bits together", Header(of.OF_TCP, of.FLAGS)),
    *[Field(f"tcp.flags.{name}", BOOLEAN, f"{name.upper()} is set",
            Header(of.OF_TCP, of.BIT, bit)) for name, bit in _BITS],
    Field("tcp.analysis.flags", MARK, "any mark of the analysis", _mark(-1)),
    *[Field(rule.display_filter(), MARK, f"marked as {rule.name.replace('_', ' ')}", _mark(int(rule.bit)))
      for rule in RULES],
    Field("tcp.analysis.bytes_in_flight", NUMBER, "sent and not acknowledged", Header(of.OF_ANALYSIS, of.IN_FLIGHT)),
    Field("tcp.analysis.acks_frame", NUMBER, "number of the frame that it acknowledges",
          Header(of.OF_ANALYSIS, of.ACKS_FRAME)),
    Field("tcp.analysis.ack_rtt", SECONDS, "since the segment that it acknowledges",
          Header(of.OF_ANALYSIS, of.ACK_RTT)),
    Field("tcp.analysis.initial_rtt", SECONDS, "round trip of the handshake", Header(of.OF_ANALYSIS, of.INITIAL_RTT)),
    Field("udp.port", NUMBER, "sender's or receiver's", Header(of.OF_UDP, of.ENDS)),
    Field("udp.srcport", NUMBER, "sender's", Header(of.OF_UDP, of.SENDER)),
    Field("udp.dstport", NUMBER, "receiver's", Header(of.OF_UDP, of.RECEIVER)),
    Field("udp.length", NUMBER, "octets with the header", Header(of.OF_UDP, of.LENGTH)),
    Field("udp.payload", OCTETS, "what the datagram carries", Header(of.OF_UDP, of.PAYLOAD)),
)
# Protocols whose octets can be searched.
_OCTETS: Final[dict[str, Source]] = {
    "frame": Header(of.OF_FRAME, of.OCTETS),
    "tcp": Header(of.OF_TCP, of.SEGMENT),
    "udp": Header(of.OF_UDP, of.SEGMENT),
    "eth": Header(of.OF_ETHERNET, of.OCTETS),
}
# Protocols of which parts can be asked for: the octets of each header.
_HEADERS: Final[dict[str, Header]] = {
    "frame": Header(of.OF_FRAME, of.OCTETS),
    "eth": Header(of.OF_ETHERNET, of.OWN),
    "ip": Header(of.OF_IP, of.OWN),
    "ipv6": Header(of.OF_IPV6, of.OWN),
    "tcp": Header(of.OF_TCP, of.OWN),
    "udp": Header(of.OF_UDP, of.OWN),
}


def _held(kind: str, value: JsonValue) -> Value | None:
    """A value as it is compared; None for what is of another type."""
    if kind in (NUMBER, BOOLEAN):
        return int(value) if isinstance(value, int) else None
    if kind in (SECONDS, MARK):
        return value if isinstance(value, int) else None
    if kind == MAC and isinstance(value, str):
        return bytes.fromhex(value.replace(":", "")) if _MAC.match(value) else None
    if kind in (IPV4, IPV6) and isinstance(value, str):
        return _packed(value)
    return value if isinstance(value, str) else None


_MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}\Z")


@lru_cache(4096)
def _packed(text: str) -> bytes | None:
    from ipaddress import ip_address

    try:
        return ip_address(text).packed
    except ValueError:
        return None


def shows_messages(protocol: Protocol) -> bool:
    """Whether `wiretale frames` shows its messages under its name: only then is it known which frames have one."""
    return any(
        event.name.startswith(f"{protocol.name}.") and "frame_record" in one.__dict__
        for event in protocol.events for one in event.__mro__ if one is not Event
    )


def instead_of(name: str) -> str:
    """What to ask for where a name is known and cannot be asked for; "" for any other name."""
    for protocol in protocols():
        if protocol.name == name and protocol.events:
            kind = protocol.events[0].name.partition(".")[0]
            return f"of {protocol.title}, events can be asked for: `event matches \"^{kind}[.]\"`"
    return INSTEAD.get(name, "")


def fields() -> dict[str, Field]:
    """Every field, by name, in the order of the layers; protocols by their own names."""
    found = {"frame": Field("frame", PROTOCOL, "every frame, and its octets", _OCTETS["frame"])}
    for field in (*_OF_FRAMES, *_OF_LINKS, *_OF_NETWORKS, *_OF_TRANSPORTS):
        found[field.name] = field
    for name, title in LAYERS.items():
        found[name] = Field(name, PROTOCOL, title, _OCTETS.get(name, Source()))
    for name, header in _HEADERS.items():
        found[name].header, found[name].searched = header, name in _OCTETS
        found[name].each = header.each()
    declared: dict[str, list[tuple[str, DisplayField]]] = {}
    for protocol in protocols():
        if shows_messages(protocol):
            found.setdefault(
                protocol.name,
                Field(protocol.name, PROTOCOL, f"{protocol.title}: a message of it ends here", Source(), EVENTS),
            )
        for one in protocol.fields:
            declared.setdefault(one.name, []).append((protocol.name, one))
    for name, several in declared.items():
        one = several[0][1]
        found.setdefault(name, Field(name, one.kind, one.meaning, _message(several), EVENTS))
    return found


def _message(several: list[tuple[str, DisplayField]]) -> Source:
    """A field that these protocols declare; those that read it alike are one."""
    groups: dict[str, list[tuple[str, DisplayField]]] = {}
    for name, field in several:
        groups.setdefault(f"{field.key} {field.attribute} {bool(field.event)}", []).append((name, field))
    sources = [_alike(group) for group in groups.values()]
    return sources[0] if len(sources) == 1 else Joined(sources)


def _alike(several: list[tuple[str, DisplayField]]) -> Message:
    one = several[0][1]
    events = list(dict.fromkeys([field.event for _name, field in several if field.event]))
    names = [name for name, field in several if not field.event]
    return Message(names, events, one.key, one.read, partial(_held, one.kind), one.attribute)
