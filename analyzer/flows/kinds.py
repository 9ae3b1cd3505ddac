"""Which troubles a conversation has, as far as its counters tell: by kind, each one bit, and how much it matters."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import (
    EXPIRED,
    LETTER_ACK,
    LETTER_DATA,
    LETTER_FIN,
    OTHER_ERROR,
    PROHIBITED,
    REDIRECTED,
    REPORTED,
    RESET_ABORTED,
    RESET_ALONE,
    RESET_CLOSED,
    RESET_GAVE_UP,
    RESET_OPENING,
    SAW_DATA,
    SAW_FIN,
    SAW_FIRST_ACK,
    SAW_RST,
    SAW_SYN,
    SAW_SYN_ACK,
    TOO_BIG,
    Flow,
    Setback,
    TcpFlow,
    TcpHalf,
    UdpFlow,
)
from analyzer.packet import UDP, Packet
from dissectors.kit.octets import be16
from dissectors.protocols.tcp.flags import FAST_RETRANSMISSION, OUT_OF_ORDER, RETRANSMISSION
from dissectors.wire.dns_types import PORT as DNS_PORT

REFUSED: Final[i64] = 1          # a RST answers its SYN
UNANSWERED: Final[i64] = 2       # nothing answers its SYN
HALF_OPEN: Final[i64] = 4        # nothing answers its SYN-ACK
RESET: Final[i64] = 8            # by a RST after more than a SYN
GAVE_UP: Final[i64] = 16         # by a RST after resends without an answer
RESENT: Final[i64] = 32          # segments sent again without a wait for the timer
TIMEOUT: Final[i64] = 64         # segments sent again after one
ZERO_WINDOW: Final[i64] = 128    # a side had no room
ONE_SIDED: Final[i64] = 256      # carries data, and one direction of it is in the capture
SILENT: Final[i64] = 512         # datagrams to one service, none from it
ERROR: Final[i64] = 1024         # an ICMP error about it, other than the next
TOO_LARGE: Final[i64] = 2048     # an ICMP error that calls a packet too large
FILTERED: Final[i64] = 4096      # an ICMP error by which a filter rejects packets
ELSEWHERE: Final[i64] = 8192     # an ICMP message that names another first hop
REPORTS: Final[i64] = ERROR | TOO_LARGE | FILTERED | ELSEWHERE

# By bit, the code of the finding that tells of a conversation with this trouble.
CODES: Final[dict[int, str]] = {
    1: "tcp.refused", 2: "tcp.unanswered", 4: "tcp.half_open", 8: "tcp.reset", 16: "tcp.gave_up", 32: "tcp.loss",
    64: "tcp.timeout", 128: "tcp.zero_window", 256: "capture.one_sided", 512: "udp.unanswered", 1024: "icmp.error",
    2048: "icmp.too_big", 4096: "icmp.prohibited", 8192: "icmp.redirect",
}

CLOSED_PORT: Final = (b"\x04\x03\x03", b"\x06\x01\x04")     # version, type, code (RFC 792; RFC 4443 §3.1)

# Severities, lowest first, as the rules of single conversations give them.
CHAT: Final[i64] = 0
NOTE: Final[i64] = 1
WARN: Final[i64] = 2
WORST: Final[i64] = 3

HEARD_NS: Final[i64] = 3_000_000_000     # by which a SYN-ACK without an answer is sent again, also by slow timers
DUPLICATES: Final[i64] = 3         # ACKs alike after which a sender resends (RFC 5681 §3.2)
GIVEN_UP: Final[i64] = 3         # resends of the same data without an answer, then a reset: the sender gave up
ONE_SIDED_FRAMES: Final[i64] = 4   # frames of one side, with none of the other, from which on it is told
LOOKED_NS: Final[i64] = 1_000_000_000     # a connection reset by its client sooner, without a byte, was only a check
SHORT_STOP_NS: Final = 10_000_000         # a window closed for less is seldom noticed
# Shares of a connection's data that had to be sent again, in per cent, each with the least number of segments for it:
# one lost segment of five is a large share and says little.
WARN_SHARE: Final[i64] = 1
WARN_SEGMENTS: Final[i64] = 3
ERROR_SHARE: Final[i64] = 10
ERROR_SEGMENTS: Final[i64] = 10
ERROR_EPISODES: Final[i64] = 3     # one burst is how slow start finds the end of a queue (RFC 5681 §3.1)

OPENED: Final[i64] = SAW_SYN | SAW_SYN_ACK
LIVES: Final[i64] = SAW_FIRST_ACK | SAW_DATA | SAW_FIN | SAW_RST
ANSWERED: Final[i64] = REPORTED | EXPIRED      # by an ICMP error (RFC 792), as traceroute wants it
ASKED_ONLY: Final[i64] = LETTER_ACK | LETTER_DATA | LETTER_FIN

# UDP services that answer each request (IANA, Service Name and Transport Protocol Port Number Registry).
ANSWERING: Final = frozenset((7, 37, 53, 69, 88, 111, 123, 161, 389, 443, 464, 500, 853, 1812, 1813, 2049, 3478, 4500,
                              5060, 5683))
# ... and those to which is sent without waiting for an answer: discard, DHCP, NetBIOS datagrams, SNMP traps, syslog,
# RIP, HSRP, statsd, flow export, MPEG transport and tunnels, and what asks a whole link.
ONE_WAY: Final = frozenset((9, 67, 68, 138, 162, 319, 320, 514, 520, 521, 546, 547, 1234, 1900, 1985, 2055, 3222,
                            3702, 4739, 4789, 5353, 5355, 6081, 6343, 8125, 8472, 9995, 9996))


def kinds_of(flow: Flow) -> i64:
    """The troubles of a conversation that has left the table; 0 for none."""
    found: i64 = 0
    if flow.icmp_errors:
        if flow.marks & OTHER_ERROR:
            found |= ERROR
        if flow.marks & TOO_BIG:
            found |= TOO_LARGE
        if flow.marks & PROHIBITED:
            found |= FILTERED
        if flow.marks & REDIRECTED:
            found |= ELSEWHERE
    if isinstance(flow, TcpFlow):
        found |= _of_opening_and_end(flow)
        if flow.trouble:
            found |= _setbacks(flow.originator) | _setbacks(flow.responder)
    elif isinstance(flow, UdpFlow):
        if flow.responder.frames == 0 and has_ports(flow) and not flow.marks & ANSWERED and _asks(flow):
            found |= SILENT
    return found


def _of_opening_and_end(flow: TcpFlow) -> i64:
    a, b = flow.originator, flow.responder
    marks = flow.marks
    if a.frames == 0 or b.frames == 0:
        if a.marks & SAW_SYN and b.frames == 0 and not a.letters & ASKED_ONLY:
            return 0 if marks & REPORTED or (marks & EXPIRED and a.frames == 1) else UNANSWERED
        if a.payload + b.payload and a.frames + b.frames >= ONE_SIDED_FRAMES:
            return ONE_SIDED | (RESET if marks & SAW_RST else 0)
    if marks & SAW_RST and flow.first_reset >= 0:       # -1: the connection outlived it
        if a.marks & SAW_SYN and flow.first_reset == 1 and not b.marks & (SAW_SYN | SAW_SYN_ACK | SAW_DATA | SAW_FIN):
            return REFUSED
        return GAVE_UP if flow.reset_how == RESET_GAVE_UP else RESET
    return HALF_OPEN if marks & (OPENED | LIVES) == OPENED else 0


def _setbacks(half: TcpHalf) -> i64:
    found: i64 = 0
    setback = half.setback
    if setback is not None:
        if setback.segments:
            found |= RESENT
        if setback.timeouts:
            found |= TIMEOUT
        if half.zero_windows:
            found |= ZERO_WINDOW
    return found


def has_ports(flow: Flow) -> bool:
    """Whether it is one of UDP: later fragments of datagrams, which have no ports, make conversations of their own."""
    return flow.protocol == UDP and len(flow.forward) - len(flow.scope) == flow.address_size + flow.address_size + 4


def nobody_waits(flow: Flow, packet: Packet, reason: bytes) -> bool:
    """As `explain/icmp.py` says it of one conversation: a client reports that its port is closed by now."""
    if not isinstance(flow, UdpFlow) or flow.protocol != UDP or reason not in CLOSED_PORT:
        return False
    size, key = flow.address_size, flow.forward
    ports = be16(key, 2 * size), be16(key, 2 * size + 2)
    sender = packet.source()
    if sender == key[:size]:
        return flow.originator.frames > 0 and ports[0] > ports[1]
    return sender == key[size:2 * size] and flow.responder.frames > 0 and ports[1] > ports[0]


def service_port(flow: Flow) -> i64:
    """Of the responder."""
    at = flow.address_size + flow.address_size + 2
    return i64(flow.forward[at]) << 8 | i64(flow.forward[at + 1])


def _asks(flow: UdpFlow) -> bool:
    """Whether its datagrams go to one machine, which may be asked to answer them."""
    key = flow.forward
    size = flow.address_size
    first = i64(key[size])
    if size == 16:
        if first == 0xFF:            # RFC 4291 §2.7
            return False
    elif first >= 224 or first == 0 or key[size + 3] == 0xFF:    # RFC 1112 §4, RFC 919 §7, and the usual broadcast
        return False
    at = size + size
    mine = i64(key[at]) << 8 | i64(key[at + 1])
    port = service_port(flow)
    if int(port) in ONE_WAY or port == 0:
        return False
    return int(mine) not in ANSWERING or port == mine     # the answer to a question that came before the capture


def silent_weight(port: i64) -> i64:
    """As the rule of DNS has it; of what nobody knows to be a question, that it is there."""
    if port == DNS_PORT:
        return WORST
    return WARN if int(port) in ANSWERING else NOTE


def reset_weight(flow: TcpFlow) -> i64:
    how = flow.reset_how
    if how == RESET_GAVE_UP:
        return WORST
    if how == RESET_ABORTED:
        looked = flow.first_reset == 0 and not flow.originator.payload + flow.responder.payload
        return NOTE if looked and flow.last_time - flow.first_time < LOOKED_NS else WARN
    return CHAT if flow.marks & SAW_FIN else NOTE


def resent_weight(half: TcpHalf, setback: Setback) -> i64:
    """octets: sent by this side, each once."""
    octets = half.payload - half.resent
    share = 100 * setback.octets
    if (
        share >= ERROR_SHARE * octets and setback.segments >= ERROR_SEGMENTS and setback.episodes >= ERROR_EPISODES
    ):
        return WORST
    return WARN if share >= WARN_SHARE * octets and setback.segments >= WARN_SEGMENTS else NOTE


def closed_for(half: TcpHalf) -> int:
    """How long this side had no room, up to the last frame of the connection."""
    last = half.flow.last_time
    return half.zero_ns + (int(last - half.zero_since) if 0 <= half.zero_since < last else 0)


def zero_weight(half: TcpHalf) -> i64:
    closed = closed_for(half)
    if closed < SHORT_STOP_NS:
        return NOTE
    return WORST if half.zero_since >= 0 else WARN


# -- while its segments pass ------------------------------------------------------------------------------------


def is_resend(peer: TcpHalf, bits: i64) -> bool:
    """Whether data were sent again that the other side lacked. What comes out of order after as many duplicate ACKs as
    a sender waits for (RFC 5681 §3.2), was asked for by them."""
    if bits & (RETRANSMISSION | FAST_RETRANSMISSION):
        return True
    return bits & OUT_OF_ORDER != 0 and peer.duplicates >= DUPLICATES


def how_reset(half: TcpHalf, peer: TcpHalf, marks: i64) -> i64:
    """What came before the first RST, which this half sends. marks: of the connection."""
    if half.frames == 1 and peer.frames == 0:
        return RESET_ALONE
    if marks & (SAW_SYN | SAW_SYN_ACK) and not marks & (SAW_FIRST_ACK | SAW_DATA):
        return RESET_OPENING
    if half.marks & SAW_FIN:
        return RESET_CLOSED
    setback = half.setback
    if setback is not None and setback.rounds >= GIVEN_UP and setback.reached == half.next_seq != peer.last_ack:
        return RESET_GAVE_UP
    return RESET_CLOSED if peer.marks & SAW_FIN else RESET_ABORTED
