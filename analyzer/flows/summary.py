"""From a flow's counters to the record that people see: Zeek's conn_state, the Community ID, rates."""
from __future__ import annotations

import base64
import hashlib
import socket

from analyzer.flows.flow import (
    SAW_DATA,
    SAW_FIN,
    SAW_FIRST_ACK,
    SAW_RST,
    SAW_SYN,
    SAW_SYN_ACK,
    Flow,
    TcpFlow,
    UdpFlow,
)
from analyzer.flows.kinds import CODES, kinds_of
from analyzer.model import Conversation, Endpoint, TcpSummary
from dissectors.protocols.tcp.flags import by_name

FRAGMENTS = "fragments"      # later fragments of datagrams have no ports
TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}


def conversation_of(flow: Flow, end_ns: int = -1) -> Conversation:
    """The public record of a conversation. end_ns: when the capture ended, for windows still closed."""
    size = int(flow.address_size)
    key = flow.forward
    with_ports = flow.protocol in (6, 17, 132) and not in_fragments(flow)
    ports = (
        (int.from_bytes(key[2 * size:2 * size + 2]), int.from_bytes(key[2 * size + 2:2 * size + 4]))
        if with_ports else (0, 0)
    )
    transport = FRAGMENTS if in_fragments(flow) else TRANSPORTS.get(int(flow.protocol), f"ip-{flow.protocol}")
    record = Conversation(
        int(flow.number), transport,
        Endpoint(_address(key[:size]), ports[0]), Endpoint(_address(key[size:2 * size]), ports[1]),
    )
    if flow.parties is not None:
        client = flow.party[:len(flow.party) - len(flow.scope)]
        record.originator.call(flow.parties.name(client))
        record.shown_by = flow.parties.display_filter(client)
    record.first_frame = int(flow.first_frame)
    record.last_frame = int(flow.last_frame)
    record.start_ns = int(flow.first_time)
    record.end_ns = int(flow.last_time if flow.last_time >= 0 else flow.first_time)    # its last frame may have none
    record.history = flow.history
    if with_ports:
        record.community_id = community_id(int(flow.protocol), key[:size], key[size:2 * size], *ports)
    if isinstance(flow, TcpFlow):
        _tcp(flow, record, end_ns)
    elif isinstance(flow, UdpFlow):
        halves = (flow.originator, flow.responder)
        record.frames = [int(h.frames) for h in halves]
        record.octets = [int(h.octets) for h in halves]
        record.payload = [int(h.payload) for h in halves]
        record.state = udp_state(flow)
        record.history = ("D" if record.frames[0] else "") + ("d" if record.frames[1] else "")
    return record


def in_fragments(flow: Flow) -> bool:
    """Does it hold fragments of TCP or UDP, which have no ports to tell their conversation by?"""
    return flow.protocol in (6, 17) and len(flow.forward) - len(flow.scope) < 2 * int(flow.address_size) + 4


def troubles_of(flow: Flow) -> tuple[str, ...]:
    """The codes of the findings that the survey counts it for."""
    kinds = int(kinds_of(flow))
    return tuple([code for kind, code in CODES.items() if kinds & kind]) if kinds else ()


def conn_state(flow: TcpFlow) -> str:
    """Zeek's conn_state, from who sent SYN, SYN-ACK, FIN and RST."""
    a, b = int(flow.originator.marks), int(flow.responder.marks)
    if not a & SAW_SYN:
        if b & SAW_SYN_ACK:
            if b & SAW_RST:
                return "RSTRH"
            if b & SAW_FIN:
                return "SHR"
        return "OTH"
    if not b & SAW_SYN_ACK and not b & SAW_SYN:
        if b & SAW_RST:
            return "REJ"
        if a & SAW_RST:
            return "RSTOS0"
        return "SH" if a & SAW_FIN else "S0"
    if flow.first_reset == 0:
        return "RSTO"
    if flow.first_reset == 1:
        return "RSTR"
    if a & SAW_FIN:
        return "SF" if b & SAW_FIN else "S2"
    return "S3" if b & SAW_FIN else "S1"


def udp_state(flow: UdpFlow) -> str:
    """Zeek's conn_state without connections: SF where both sides spoke, S0 or SHR where one did."""
    if flow.originator.frames:
        return "SF" if flow.responder.frames else "S0"
    return "SHR"


def completeness(flow: TcpFlow) -> int:
    """The bits of Wireshark's tcp.completeness: SYN 1, SYN-ACK 2, ACK 4, data 8, FIN 16, RST 32."""
    marks = int(flow.marks)
    return marks & (SAW_SYN | SAW_SYN_ACK | SAW_FIRST_ACK | SAW_DATA | SAW_FIN | SAW_RST)


def community_id(protocol: int, source: bytes, destination: bytes, sport: int, dport: int) -> str:
    """Community ID v1 (seed 0): the same text for both directions and in every tool that speaks it."""
    first, second = (source, sport.to_bytes(2)), (destination, dport.to_bytes(2))
    if first > second:
        first, second = second, first
    digest = hashlib.sha1(
        b"\x00\x00" + first[0] + second[0] + bytes((protocol, 0)) + first[1] + second[1], usedforsecurity=False
    )
    return "1:" + base64.b64encode(digest.digest()).decode()


def _address(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _tcp(flow: TcpFlow, record: Conversation, end_ns: int) -> None:
    halves = (flow.originator, flow.responder)
    record.frames = [int(h.frames) for h in halves]
    record.octets = [int(h.octets) for h in halves]
    record.payload = [int(h.payload) for h in halves]
    record.state = conn_state(flow)
    tcp = TcpSummary()
    record.tcp = tcp
    tcp.completeness = completeness(flow)
    if flow.hand.initial_rtt:
        tcp.initial_rtt_ns = int(flow.hand.initial_rtt)
    if flow.syn_ack_time and flow.hand.syn_time and flow.syn_ack_time >= flow.hand.syn_time:
        tcp.handshake_rtt_ns = int(flow.syn_ack_time - flow.hand.syn_time)
    for index, half in enumerate(halves):
        tcp.rtt_min_ns[index] = int(half.rtt_min)
        tcp.rtt_max_ns[index] = int(half.rtt_max)
        tcp.rtt_sum_ns[index] = int(half.rtt_sum)
        tcp.rtt_samples[index] = int(half.rtt_samples)
        tcp.unique[index] = max(int(half.payload - half.resent), 0)
        tcp.mss[index] = int(half.mss)
        tcp.scale[index] = int(half.scale) if half.scale >= 0 else -1
        tcp.max_in_flight[index] = int(half.max_in_flight)
        tcp.max_window[index] = int(half.max_window)
        tcp.zero_window_ns[index] = int(half.zero_ns)
        if half.zero_since >= 0 and end_ns > half.zero_since:
            tcp.zero_window_ns[index] += end_ns - int(half.zero_since)
        tcp.flags[index] = by_name(half.counts) if half.counts is not None else {}
