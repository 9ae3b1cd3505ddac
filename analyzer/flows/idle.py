"""When a conversation that says nothing any more is over, for a capture that may go on for days.

The times are those after which a network address translator may forget a conversation: behind one, an endpoint
that was silent for longer would not be answered anyway. They are measured in the capture's own time.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import CLOSED, SAW_DATA, SAW_FIN, SAW_FIRST_ACK, SAW_SYN, SAW_SYN_ACK, Flow, TcpFlow, UdpFlow
from analyzer.flows.table import FlowTable

SECOND: Final[i64] = 1_000_000_000
ESTABLISHED_NS: Final[i64] = 7_440 * SECOND   # 2 h 4 min: RFC 5382 §5 REQ-5, longer than TCP's keep-alive interval
TRANSITORY_NS: Final[i64] = 240 * SECOND      # 4 min, opening or half closed: RFC 5382 §5 REQ-5
CLOSED_NS: Final[i64] = 60 * SECOND           # TIME_WAIT as Linux holds it; RFC 9293 §3.4.2 would be 4 min
UDP_NS: Final[i64] = 300 * SECOND             # 5 min, both sides spoke: RFC 4787 §4.3 REQ-5
UNANSWERED_NS: Final[i64] = 120 * SECOND      # 2 min, one side spoke: the least of RFC 4787 §4.3 REQ-5
ICMP_NS: Final[i64] = 60 * SECOND             # RFC 5508 §3.2 REQ-2
OTHER_NS: Final[i64] = 300 * SECOND           # protocols without ports

ICMP_PROTOCOLS: Final = (1, 58)
UDP: Final = 17


def patience(flow: Flow) -> i64:
    """For how long this conversation may be silent, in nanoseconds."""
    if isinstance(flow, TcpFlow):
        if flow.marks & CLOSED:
            return CLOSED_NS
        if flow.marks & SAW_FIN:
            return TRANSITORY_NS
        opened = flow.marks & (SAW_FIRST_ACK | SAW_DATA) or not flow.marks & (SAW_SYN | SAW_SYN_ACK)
        return ESTABLISHED_NS if opened else TRANSITORY_NS
    if flow.protocol in ICMP_PROTOCOLS:
        return ICMP_NS
    if flow.protocol == UDP and isinstance(flow, UdpFlow):
        return UDP_NS if flow.originator.frames and flow.responder.frames else UNANSWERED_NS
    return OTHER_NS


def idle_flows(table: FlowTable, now: i64) -> list[Flow]:
    """The conversations that were silent for too long at `now`, each once, by number."""
    found: dict[int, Flow] = {}
    for flow in table.connections() + table.exchanges():
        if now - flow.last_time > patience(flow):
            found[int(flow.number)] = flow
    return [found[number] for number in sorted(found)]
