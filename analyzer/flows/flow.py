"""What is kept of a conversation while its frames pass: counts and state, no frames.

A flow and its halves refer to one another. `release` takes them apart when nothing needs them any more; until
then they are hidden from the cycle collector (`acyclic`), which would walk over all of them again and again.

The conversation table owns a flow for as long as a key of its dictionaries leads to it. Who is handed one that has
left (`Retired.take`) owns it from then on: it keeps the flow (`kept`), or releases it.
"""
from __future__ import annotations

from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i64, mypyc_attr

from analyzer.packet import Packet
from dissectors.kit.protocol import Parties
from dissectors.protocols.tcp.flags import ACK, RULES
from dissectors.protocols.tcp.side import Handshake, TcpSide, at_or_before

# Marks of a TCP connection's life, for conn_state and completeness.
SAW_SYN: Final[i64] = 1
SAW_SYN_ACK: Final[i64] = 2
SAW_FIRST_ACK: Final[i64] = 4
SAW_DATA: Final[i64] = 8
SAW_FIN: Final[i64] = 16
SAW_RST: Final[i64] = 32
CLOSED: Final[i64] = 64        # both FINs, or a reset
FLIPPED: Final[i64] = 128      # the first frame seen came from the responder
REPORTED: Final[i64] = 256     # an ICMP error about it, and not of a hop limit: an answer of another form
EXPIRED: Final[i64] = 2048     # one of a hop limit: it did not come as far as who was to answer
TOO_BIG: Final[i64] = 512      # one that calls a packet too large
OTHER_ERROR: Final[i64] = 1024  # one that says anything else
ECHOES: Final[i64] = 4096      # it begins with an echo request of ICMP
PROHIBITED: Final[i64] = 8192  # an ICMP error by which a filter rejects its packets
REDIRECTED: Final[i64] = 16384  # an ICMP message that names another first hop for them

# How a connection was reset, as far as the marks of both sides tell (`TcpFlow.reset_how`).
RESET_ALONE: Final[i64] = 1        # nothing of it comes before
RESET_OPENING: Final[i64] = 2      # before the handshake was complete
RESET_CLOSED: Final[i64] = 3       # after a FIN of either side
RESET_GAVE_UP: Final[i64] = 4      # after resends of the same side without an answer
RESET_ABORTED: Final[i64] = 5      # in the middle

# A segment that is sent again after a silence this long waited for the timer: systems begin at 200 ms and more (Linux:
# TCP_RTO_MIN; RFC 6298 §2.4 says 1 s).
TIMER_NS: Final[i64] = 200_000_000

# Bits of `Half.letters`: Zeek's history letters that a side has had already.
LETTER_SYN: Final[i64] = 1
LETTER_SYN_ACK: Final[i64] = 2
LETTER_ACK: Final[i64] = 4
LETTER_DATA: Final[i64] = 8
LETTER_FIN: Final[i64] = 16
LETTER_RST: Final[i64] = 32
LETTER_MULTI: Final[i64] = 64

RECORD: Final = 5              # numbers kept for a frame, see Flow.records
KINDS: Final = len(RULES)      # analysis flags, one counter each
STILL_OPEN: Final[i64] = 1 << 62         # beyond any time in nanoseconds
MAX_ENDINGS: Final = 250       # SYN, FIN, RST segments and ICMP errors behind the recorded frames that are recorded too


class Unrecorded:
    """The frames of a conversation from the first one on whose place is not kept.

    first: its number.     place: where it lies in the file, -1 where that is not known.
    whole: frames of the conversation before it, all of them recorded.
    last: number of the last one so far, last_time its time.     falls: their times go back somewhere.
    endings: those of them that are recorded all the same, because they may end the conversation.
    """

    def __init__(self, first: i64, place: i64, whole: i64, last_time: i64) -> None:
        self.first: i64 = first
        self.place: i64 = place
        self.whole: i64 = whole
        self.last: i64 = 0
        self.last_time: i64 = last_time
        self.falls: bool = False
        self.endings: i64 = 0

    def take(self, packet: Packet) -> None:
        """One more."""
        self.last = packet.number
        time = packet.time
        if time < 0:
            return
        if time < self.last_time:
            self.falls = True
        self.last_time = time


class Spare:
    """Places of frames that the conversations of one share may keep beyond their own. left: how many."""

    def __init__(self, left: i64) -> None:
        self.left: i64 = left


NO_SPARE: Final = Spare(0)


@mypyc_attr(acyclic=True)
class Flow:
    """A conversation of any transport.

    forward: the bytes that identify it, from the originator's point of view (addresses, ports, scope).
    backward: the same from the responder's.     alias: the bytes of the direction that came under another scope, b""
      for none. The conversation table finds it by these three, and by the other direction of alias.
    party: the bytes by which it is found instead, where its addresses do not identify it (`Parties`), b"" for none;
      parties: who knows them.
    records: RECORD numbers for each frame that can be told: its number, time, size on the wire, place in the
      file (-1 where the file cannot be read at a place) and shape (link type << 32 | captured bytes).
    share: of the capture that it belongs to (`analyzer/partition.py`).     spare: whence it may have more places than
      its own; borrowed: how many it has from there.
    """

    def __init__(
        self, number: i64, protocol: i64, forward: bytes, backward: bytes, address_size: i64, scope: bytes
    ) -> None:
        self.number: i64 = number
        self.protocol: i64 = protocol      # IP protocol number, or packet.ARP
        self.forward = forward
        self.backward = backward
        self.alias: bytes = b""
        self.party: bytes = b""
        self.parties: Parties | None = None
        self.address_size: i64 = address_size
        self.scope = scope
        self.marks: i64 = 0
        self.history: str = ""
        self.first_frame: i64 = 0
        self.last_frame: i64 = 0
        self.first_time: i64 = 0
        self.last_time: i64 = 0
        self.icmp_errors: i64 = 0
        self.records: vec[i64] = vec[i64](capacity=2 * RECORD)
        self.recorded: i64 = 0
        self.uncapped: bool = False
        self.share: i64 = 0
        self.spare = NO_SPARE
        self.borrowed: i64 = 0
        self.rest: Unrecorded | None = None
        self.reused: bool = False          # its SYN found the ports still known from another conversation
        self.unrecorded: i64 = 0           # frames of `rest` that are not recorded
        self.counted_only: bool = False    # nothing of it is told, so its segments need no details
        self.retired: bool = False
        self.kept: i64 = 0                 # places that still need it after it left the table

    def record(self, packet: Packet, cap: i64, always: bool) -> None:
        """Keep where a frame lies, up to `cap` frames and what is to spare, and behind them MAX_ENDINGS of those marked
        `always`.

        cap: 0 where no place is ever asked for.
        """
        if cap == 0:
            self.unrecorded += 1
            return
        rest = self.rest
        if rest is None:
            if self.recorded < cap or self.uncapped or self._borrow():
                self._keep(packet)
                return
            before = len(self.records)
            last_time = self.records[before - RECORD + 1] if before else -1
            rest = Unrecorded(packet.number, packet.place, self.recorded, last_time)
            self.rest = rest
        rest.take(packet)
        if always and rest.endings < MAX_ENDINGS:
            rest.endings += 1
            self._keep(packet)
        else:
            self.unrecorded += 1

    def _borrow(self) -> bool:
        spare = self.spare
        if spare.left <= 0:
            return False
        spare.left -= 1
        self.borrowed += 1
        return True

    def _keep(self, packet: Packet) -> None:
        self.recorded += 1
        records = append(self.records, packet.number)
        records = append(records, packet.time)
        records = append(records, packet.length)
        records = append(records, packet.place)
        self.records = append(records, packet.link << 32 | packet.captured)


@mypyc_attr(acyclic=True)
class UdpHalf:
    """One direction of anything that is not TCP."""

    __deletable__ = ("flow", "peer")

    def __init__(self, flow: Flow, direction: i64) -> None:
        self.flow = flow
        self.direction: i64 = direction
        self.frames: i64 = 0
        self.octets: i64 = 0
        self.payload: i64 = 0
        self.peer: UdpHalf = self


@mypyc_attr(acyclic=True)
class UdpFlow(Flow):
    """UDP, ICMP and every other protocol without a state of its own here."""

    def __init__(
        self, number: i64, protocol: i64, forward: bytes, backward: bytes, address_size: i64, scope: bytes
    ) -> None:
        super().__init__(number, protocol, forward, backward, address_size, scope)
        self.originator = UdpHalf(self, 0)
        self.responder = UdpHalf(self, 1)
        self.originator.peer = self.responder
        self.responder.peer = self.originator


@mypyc_attr(acyclic=True)
class TcpFlow(Flow):
    """A TCP connection."""

    def __init__(
        self, number: i64, protocol: i64, forward: bytes, backward: bytes, address_size: i64, scope: bytes
    ) -> None:
        super().__init__(number, protocol, forward, backward, address_size, scope)
        self.hand = Handshake()
        self.opened_with: i64 = 0          # flags of its first segment
        self.syn_ack_time: i64 = 0
        self.first_reset: i64 = -1         # direction of the first RST that may have ended it
        self.reset_frame: i64 = 0
        self.reset_how: i64 = 0
        self.trouble: i64 = 0              # segments with a flag of warn or worse, or resent
        self.originator = TcpHalf(self, 0)
        self.responder = TcpHalf(self, 1)
        self.originator.peer = self.responder
        self.responder.peer = self.originator

    def after_reset(self, half: TcpHalf, peer: TcpHalf, flags: i64, end: i64, ack: i64) -> None:
        """Where each side acknowledges data that the other one sent after a RST, it was not the end (RFC 5961 §3.2).

        end: the sequence number after the data of this segment, -1 without any.
        """
        if end >= 0 and half.after_reset < 0:
            half.after_reset = end
        if flags & ACK and peer.after_reset >= 0 and at_or_before(peer.after_reset, ack):
            peer.outlived = True
            if half.outlived:
                self.first_reset = -1
                half.after_reset = peer.after_reset = -1
                half.outlived = peer.outlived = False


@mypyc_attr(acyclic=True)
class Setback:
    """What went wrong in one direction; made when something does.

    first_resent, first_closed: frames of the first segment sent again, and of the first window of 0.
    segments, octets: sent again without a wait for the timer, in `episodes`, between which something new was sent.
    timeouts, timeout_ns: silences of TIMER_NS and more that a resend ended.
    waited, waited_octets: segments sent again after such a silence, until something new was sent.
    rounds: resends since something new was sent, which begins at `reached`.
    """

    def __init__(self) -> None:
        self.first_resent: i64 = 0
        self.first_closed: i64 = 0
        self.segments: i64 = 0
        self.octets: i64 = 0
        self.episodes: i64 = 0
        self.timeouts: i64 = 0
        self.timeout_ns: int = 0
        self.waited: i64 = 0
        self.waited_octets: i64 = 0
        self.rounds: i64 = 0
        self.reached: i64 = -1
        self.waiting: bool = False

    def resent(self, frame: i64, silence: i64, reached: i64, length: i64) -> None:
        """One more segment that was sent before. silence: since the last segment of either side."""
        if not self.first_resent:
            self.first_resent = frame
        timed = silence >= TIMER_NS
        if reached != self.reached:
            self.reached = reached
            self.rounds = 0
            self.waiting = timed
            if not timed:
                self.episodes += 1
        elif timed:
            self.waiting = True
        self.rounds += 1
        if timed:
            self.timeouts += 1
            self.timeout_ns += int(silence)
        if self.waiting:
            self.waited += 1
            self.waited_octets += length
        else:
            self.segments += 1
            self.octets += length


@mypyc_attr(acyclic=True)
class TcpHalf(TcpSide):
    """One direction of a TCP connection: the state of the sequence analysis, and what was counted."""

    __deletable__ = ("flow", "peer")

    def __init__(self, flow: TcpFlow, direction: i64) -> None:
        super().__init__()
        self.flow = flow
        self.direction: i64 = direction
        self.peer: TcpHalf = self
        self.frames: i64 = 0
        self.octets: i64 = 0
        self.payload: i64 = 0
        self.after_reset: i64 = -1         # sequence number after its first data behind a RST
        self.outlived: bool = False        # they were acknowledged, so that the RST did not end it
        self.resent: i64 = 0               # payload bytes flagged as sent before
        self.marks: i64 = 0
        self.letters: i64 = 0
        self.retransmitted: i64 = 0        # for the letters t and w, repeated at 1, 10, 100 ...
        self.zero_windows: i64 = 0
        self.gaps: i64 = 0
        self.mss: i64 = -1
        self.counts: list[int] | None = None
        self.setback: Setback | None = None
        self.max_window: i64 = 0
        self.max_in_flight: i64 = 0
        self.zero_since: i64 = -1
        self.zero_ns: int = 0
        # One segment at a time is timed, and none that was resent (RFC 6298 §3, Karn's algorithm).
        self.timed: bool = False
        self.timed_end: i64 = 0
        self.timed_at: i64 = 0
        self.rtt_min: i64 = -1
        self.rtt_max: i64 = -1
        self.rtt_sum: int = 0
        self.rtt_samples: i64 = 0

    def sampled(self, rtt: i64) -> None:
        """A round trip, from data to the ACK of them."""
        if self.rtt_samples == 0 or rtt < self.rtt_min:
            self.rtt_min = rtt
        self.rtt_max = max(self.rtt_max, rtt)
        self.rtt_sum += int(rtt)
        self.rtt_samples += 1

    def set_back(self) -> Setback:
        """What went wrong in this direction."""
        if self.setback is None:
            self.setback = Setback()
        return self.setback

    def count(self, bits: i64) -> None:
        """Add one to the counter of every flag that is set."""
        if self.counts is None:
            self.counts = [0] * KINDS
        index = 0
        while bits:
            if bits & 1:
                self.counts[index] += 1
            bits >>= 1
            index += 1


class Retired:
    """Who is told of conversations that left the table. The default forgets them.

    until: when that is, for what leaves next; -1 where it is not known.
    """

    def __init__(self) -> None:
        self.until: i64 = -1

    def take(self, flow: Flow) -> None:
        """`flow` has ended, or made room for others."""

    def reported(self, flow: Flow, packet: Packet) -> None:
        """An ICMP error about a packet of `flow`, which is still in the table."""


def release(flow: Flow) -> None:
    """Take apart what refers to itself, so that a forgotten conversation is freed without a collector."""
    flow.spare.left += flow.borrowed
    flow.borrowed = 0
    if isinstance(flow, TcpFlow):
        for half in (flow.originator, flow.responder):
            del half.flow
            del half.peer
    elif isinstance(flow, UdpFlow):
        for other in (flow.originator, flow.responder):
            del other.flow
            del other.peer


def let_go(flow: Flow) -> None:
    """One place less needs this conversation; the last one frees it, once it has left the table."""
    flow.kept -= 1
    if flow.kept == 0 and flow.retired:
        release(flow)


def number_of(flow: Flow) -> int:
    return int(flow.number)


def age(flow: Flow) -> int:
    """When it was last heard of; what is still open counts as younger than anything that has ended."""
    return flow.last_time if flow.marks & CLOSED else flow.last_time + STILL_OPEN


def at_decade(count: i64) -> bool:
    """1, 10, 100 ...: where Zeek repeats a history letter."""
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count == 1
