"""The conversation table: which conversation a frame belongs to, and what its counters become.

A conversation is found by one dictionary look-up with the bytes that lie next to each other in the
frame: both addresses and both ports (and the VLAN or tunnel, where there is one). Both directions
have a key of their own, so nothing is sorted or compared on the path of a frame.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.flow import (
    CLOSED,
    FLIPPED,
    LETTER_ACK,
    LETTER_DATA,
    LETTER_FIN,
    LETTER_MULTI,
    LETTER_RST,
    LETTER_SYN,
    LETTER_SYN_ACK,
    SAW_DATA,
    SAW_FIN,
    SAW_FIRST_ACK,
    SAW_RST,
    SAW_SYN,
    SAW_SYN_ACK,
    Flow,
    TcpFlow,
    TcpHalf,
    UdpFlow,
    UdpHalf,
)
from dissectors.kit.octets import be16, be32
from dissectors.protocols.tcp.flags import (
    ACK,
    ACK_LOST_SEGMENT,
    FAST_RETRANSMISSION,
    FIN,
    LOST_SEGMENT,
    OUT_OF_ORDER,
    RETRANSMISSION,
    REUSED_PORTS,
    RST,
    SPURIOUS_RETRANSMISSION,
    SYN,
    WINDOW_FULL,
    ZERO_WINDOW,
)
from dissectors.protocols.tcp.header import read_options
from dissectors.protocols.tcp.sequence import (
    MASK,
    Detail,
    after_segment,
    analyse,
    analyse_in_detail,
    at_or_before,
    note_bases,
    settle_scaling,
)

TCP: Final[i64] = 6
UDP: Final[i64] = 17
SMALLEST: Final[i64] = 20               # octets of a TCP header (RFC 9293 §3.1, data offset)
SFR: Final[i64] = 7
RESENT: Final[i64] = RETRANSMISSION | FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION
TROUBLE: Final[i64] = RESENT | OUT_OF_ORDER | ZERO_WINDOW | LOST_SEGMENT | ACK_LOST_SEGMENT | WINDOW_FULL
STILL_OPEN: Final[i64] = 1 << 62         # beyond any time in nanoseconds
REACH: Final[i64] = 1 << 24             # an ACK this far beyond the first byte belongs to the connection
ENDING: Final[i64] = SAW_FIN | SAW_RST
LARGE: Final[i64] = 2_000_000_000


class Retired:
    """Who is told of conversations that left the table. The default forgets them."""

    def take(self, flow: Flow) -> None:
        """`flow` has ended, or made room for others."""


class FlowTable:
    """All conversations that may still continue.

    capacity: conversations of a transport held at once; beyond it those that ended longest ago leave,
      then those that were silent longest. record_cap: frames of a conversation whose places are kept.
    detail: analyse segments in full (`wiretale frames`, told conversations), save those of a flow that is counted only.

    After `tcp()` the fields half, bits, flags, seq, ack, window, length and payload describe the segment. half is None
    where there was no sound header; header, the octets that it claims for itself, is then -1 where too few were
    captured, less than 20, or more than the segment has (length is negative), and only flags, seq and length are set.
    """

    def __init__(self, capacity: i64, record_cap: i64, detail: bool, sink: Retired) -> None:
        self.capacity: i64 = capacity
        self.record_cap: i64 = record_cap
        self.detailed: bool = detail
        self.sink = sink
        self.tcp_keys: dict[bytes, TcpHalf] = {}
        self.half_seen: dict[bytes, TcpHalf] = {}   # without scope: the direction of a scoped connection to come
        self.other_keys: dict[bytes, UdpHalf] = {}
        self.wanted: set[int] = set()      # conversations of which every frame is recorded
        self.numbers: i64 = 0
        self.sweep: i64 = 0
        self.made_room: i64 = 0            # conversations that left before they ended
        self.detail = Detail()
        self.half: TcpHalf | None = None
        self.bits: i64 = 0
        self.flags: i64 = 0
        self.seq: i64 = 0
        self.ack: i64 = 0
        self.window: i64 = 0
        self.header: i64 = -1
        self.length: i64 = 0               # payload bytes as sent
        self.payload: i64 = 0              # offset of the payload
        self.is_new: bool = False
        self.again: bool = False           # the SYN repeats the one that opened the conversation

    # -- TCP ---------------------------------------------------------------------------------------

    def tcp(
        self, data: bytes, source: i64, size: i64, at: i64, end: i64, true_end: i64, scope: bytes,
        number: i64, time: i64, wire: i64, place: i64, shape: i64,
    ) -> None:
        """A segment. source: offset of both addresses (`size` bytes each); at: of the TCP header.

        end, true_end: past the captured, and the sent, bytes. wire: frame length. place, shape: see `Flow.records`.
        """
        self.half = None
        self.is_new = False
        self.header = -1
        if at + 16 > end:
            return  # ports alone do not place a segment in its stream
        flags = i64(data[at + 13]) | (i64(data[at + 12]) & 1) << 8
        header = (i64(data[at + 12]) >> 4) << 2
        length = true_end - at - header
        seq = be32(data, at + 4)
        self.header = header
        self.flags = flags
        self.seq = seq
        self.length = length
        if length < 0 or header < SMALLEST:
            return  # a receiver drops it
        ack = be32(data, at + 8)
        window = be16(data, at + 14)
        if at == source + size + size:
            key = data[source:at + 4]
        else:
            key = data[source:source + size + size] + data[at:at + 4]
        if scope:
            key += scope
        half = self.tcp_keys.get(key)
        self.bits = 0
        self.again = False
        if half is None or flags & SYN:
            half = self._open_tcp(half, key, size, scope, flags, seq, data, at, number, time)
        bits = self.bits
        peer = half.peer
        flow = half.flow
        half.sacked = 0
        half.sack_blocks = 0
        note_bases(half, peer, flags, seq, ack)
        detailed = self.detailed and not flow.counted_only
        if detailed:
            self.detail.clear()
            bits |= analyse_in_detail(
                flow.hand, half, peer, number, time, flags, seq, ack, window, length, self.detail
            )
            if self.again or self.bits:
                self.detail.said = True
        else:
            bits |= analyse(flow.hand, half, peer, number, time, flags, seq, ack, window, length)
        if flags & SYN or half.first_ack or flow.hand.initial_rtt == 0:
            after_segment(flow.hand, half, time, flags)
        if header > 20 and (flags & SYN or detailed):
            mss = read_options(data, at + 20, min(at + header, end), half, flags & SYN != 0)
            if flags & SYN:
                half.mss = mss
        if flags & SYN:
            settle_scaling(half, peer, flags)
        self._count(half, peer, flow, flags, seq, ack, window, length, bits, time, wire)
        flow.last_frame = number
        flow.last_time = time
        flow.record(number, time, wire, place, shape, self.record_cap, flow.marks & ENDING != 0)
        self.half = half
        self.bits = bits
        self.ack = ack
        self.window = window
        self.payload = at + header

    def _count(
        self, half: TcpHalf, peer: TcpHalf, flow: TcpFlow, flags: i64, seq: i64, ack: i64, window: i64,
        length: i64, bits: i64, time: i64, wire: i64,
    ) -> None:
        half.frames += 1
        half.octets += wire
        if length:
            half.payload += length
            flight = (half.next_seq - peer.last_ack) & MASK
            if flight > half.max_in_flight and flight < LARGE and peer.last_ack:
                half.max_in_flight = flight
            if not half.timed and bits & RESENT == 0:
                half.timed = True
                half.timed_end = (seq + length) & MASK
                half.timed_at = time
        if peer.timed and at_or_before(peer.timed_end, ack) and flags & ACK:
            peer.timed = False
            self._sample(peer, time - peer.timed_at)
        scaled = window << half.scale if half.scale > 0 and not flags & SYN else window
        half.max_window = max(half.max_window, scaled)
        if bits:
            self._trouble(half, flow, bits, length, time)
        if half.zero_since >= 0 and window:
            half.zero_ns += time - half.zero_since
            half.zero_since = -1
        if flags & SFR or flow.marks & (SAW_FIRST_ACK | SAW_DATA) != SAW_FIRST_ACK | SAW_DATA:
            self._mark(half, peer, flow, flags, length, time)
        if length:
            if not half.letters & LETTER_DATA:
                self._letter(half, flow, LETTER_DATA, "Dd")
        elif flags & (SFR | ACK) == ACK and not half.letters & LETTER_ACK:
            self._letter(half, flow, LETTER_ACK, "Aa")

    def _sample(self, half: TcpHalf, rtt: i64) -> None:
        if half.rtt_samples == 0 or rtt < half.rtt_min:
            half.rtt_min = rtt
        half.rtt_max = max(half.rtt_max, rtt)
        half.rtt_sum += rtt
        half.rtt_samples += 1

    def _trouble(self, half: TcpHalf, flow: TcpFlow, bits: i64, length: i64, time: i64) -> None:
        half.count(bits)
        if bits & TROUBLE:
            flow.trouble += 1
        if bits & RESENT:
            half.resent += length
            half.timed = False
            half.retransmitted += 1
            if length and _at_decade(half.retransmitted):
                self._letter(half, flow, 0, "Tt")
        if bits & LOST_SEGMENT:
            half.gaps += 1
            if _at_decade(half.gaps):
                self._letter(half, flow, 0, "Gg")
        if bits & ZERO_WINDOW:
            half.zero_windows += 1
            if half.zero_since < 0:
                half.zero_since = time
            if _at_decade(half.zero_windows):
                self._letter(half, flow, 0, "Ww")

    def _mark(self, half: TcpHalf, peer: TcpHalf, flow: TcpFlow, flags: i64, length: i64, time: i64) -> None:
        if flags & SYN and flags & (FIN | RST) and not half.letters & LETTER_MULTI:
            self._letter(half, flow, LETTER_MULTI, "Qq")
        if flags & SYN:
            half.marks |= SAW_SYN_ACK if flags & ACK else SAW_SYN
            if flags & ACK:
                flow.syn_ack_time = time
                if not half.letters & LETTER_SYN_ACK:
                    self._letter(half, flow, LETTER_SYN_ACK, "Hh")
            elif not half.letters & LETTER_SYN:
                self._letter(half, flow, LETTER_SYN, "Ss")
        elif flags & ACK and not flags & RST and peer.marks & (SAW_SYN | SAW_SYN_ACK):
            flow.marks |= SAW_FIRST_ACK
        if length:
            flow.marks |= SAW_DATA
            half.marks |= SAW_DATA
        if flags & FIN:
            half.marks |= SAW_FIN
            if not half.letters & LETTER_FIN:
                self._letter(half, flow, LETTER_FIN, "Ff")
            if peer.marks & SAW_FIN:
                flow.marks |= CLOSED
        if flags & RST:
            half.marks |= SAW_RST
            flow.marks |= CLOSED
            if flow.first_reset < 0:
                flow.first_reset = half.direction
            if not half.letters & LETTER_RST:
                self._letter(half, flow, LETTER_RST, "Rr")
        flow.marks |= half.marks

    def _letter(self, half: TcpHalf, flow: TcpFlow, bit: i64, letters: str) -> None:
        """One more letter of the history. letters: the originator's and the responder's."""
        half.letters |= bit
        flow.history += letters[half.direction]

    def _open_tcp(
        self, half: TcpHalf | None, key: bytes, size: i64, scope: bytes, flags: i64, seq: i64,
        data: bytes, at: i64, number: i64, time: i64,
    ) -> TcpHalf:
        """A segment without a conversation, or a SYN: which conversation it begins or belongs to."""
        if half is None:
            half = self._other_scope(key, size, scope, data, at)
        if half is None:
            return self._new_tcp(key, size, scope, flags, data, at, number, time)
        if not flags & SYN or not half.base_known:
            return half
        if flags & ACK:
            if seq != half.base_seq:
                half.base_seq = seq
                self.bits = REUSED_PORTS
            return half
        if seq == half.base_seq:
            # The same SYN again. A reset in between may have carried a number of its own (RFC 9293 §3.5.2).
            half.next_seq = half.max_acked
            self.again = True
            return half
        self._forget(half, key, size, scope)
        self.bits = REUSED_PORTS
        half = self._new_tcp(key, size, scope, flags, data, at, number, time)
        half.flow.reused = True
        return half

    def _other_scope(self, key: bytes, size: i64, scope: bytes, data: bytes, at: i64) -> TcpHalf | None:
        """The connection whose unseen direction this is: mirrored traffic has a VLAN or tunnel of its own each way.

        Only where nothing came that way yet and the ACK is of what the other side sent.
        """
        bare = key[:size + size + 4]
        half = self.tcp_keys.get(bare) if scope else None
        if half is None or half.frames:
            half = self.half_seen.get(bare)
        if half is None or half.frames or not half.peer.base_known or not i64(data[at + 13]) & ACK:
            return None
        ahead = (be32(data, at + 8) - half.peer.base_seq) & MASK
        if not 0 < ahead < REACH:
            return None
        half.flow.aliased = True
        self.tcp_keys[key] = half
        self.tcp_keys[_reverse(key, size, scope)] = half.peer
        self.half_seen.pop(bare, None)
        return half

    def _new_tcp(
        self, key: bytes, size: i64, scope: bytes, flags: i64, data: bytes, at: i64, number: i64, time: i64
    ) -> TcpHalf:
        """A new connection. Who opened it: the sender of the SYN; else the side with the client's port."""
        sport = be16(data, at)
        dport = be16(data, at + 2)
        flipped = flags & (SYN | ACK) == SYN | ACK
        if not flags & SYN:
            flipped = sport < 1024 <= dport  # RFC 6335 §6: clients use ports from 49152, servers system ports
        other = _reverse(key, size, scope)
        self.numbers += 1
        self.is_new = True
        flow = TcpFlow(self.numbers, TCP, other if flipped else key, size, scope)
        flow.uncapped = self.numbers in self.wanted
        flow.first_frame = number
        flow.first_time = time
        if flipped:
            flow.marks |= FLIPPED
            flow.history = "^"
        if len(self.tcp_keys) >= self.capacity * 2:
            self._make_room_tcp()
        half = flow.responder if flipped else flow.originator
        if scope:
            self.half_seen[other[:size + size + 4]] = half.peer
        self.tcp_keys[key] = half
        if other != key:
            self.tcp_keys[other] = half.peer
        return half

    # -- everything else -----------------------------------------------------------------------------

    def other(
        self, key: bytes, reverse: bytes, protocol: i64, size: i64, scope: bytes,
        number: i64, time: i64, wire: i64, payload: i64, place: i64, shape: i64,
    ) -> UdpHalf:
        """A datagram of UDP, ICMP or any protocol without connections. payload: bytes beyond its header."""
        self.is_new = False
        half = self.other_keys.get(key)
        if half is None:
            self.numbers += 1
            self.is_new = True
            if len(self.other_keys) >= self.capacity * 2:
                self._make_room_other()
            flow = UdpFlow(self.numbers, protocol, key, size, scope)
            flow.uncapped = self.numbers in self.wanted
            flow.first_frame = number
            flow.first_time = time
            half = flow.originator
            self.other_keys[key] = half
            if reverse != key:
                self.other_keys[reverse] = flow.responder
        return self._seen(half, number, time, wire, payload, place, shape)

    def udp(
        self, data: bytes, source: i64, size: i64, at: i64, scope: bytes,
        number: i64, time: i64, wire: i64, payload: i64, place: i64, shape: i64,
    ) -> UdpHalf:
        """A UDP datagram whose addresses and header lie at these offsets."""
        if at == source + size + size:
            key = data[source:at + 4]
        else:
            key = data[source:source + size + size] + data[at:at + 4]
        if scope:
            key += scope
        half = self.other_keys.get(key)
        if half is None:
            return self.other(
                key, _reverse(key, size, scope), UDP, size, scope, number, time, wire, payload, place, shape
            )
        self.is_new = False
        return self._seen(half, number, time, wire, payload, place, shape)

    def _seen(
        self, half: UdpHalf, number: i64, time: i64, wire: i64, payload: i64, place: i64, shape: i64
    ) -> UdpHalf:
        """One more datagram of this direction."""
        flow = half.flow
        half.frames += 1
        half.octets += wire
        half.payload += payload
        flow.last_frame = number
        flow.last_time = time
        flow.record(number, time, wire, place, shape, self.record_cap, False)
        return half

    def quoted(self, key: bytes, protocol: i64) -> Flow | None:
        """The conversation that an ICMP error quotes (RFC 792, RFC 4443 §3), or None."""
        if protocol == TCP:
            tcp = self.tcp_keys.get(key)
            return None if tcp is None else tcp.flow
        other = self.other_keys.get(key)
        return None if other is None else other.flow

    def resume(self, flow: TcpFlow) -> None:
        """Frames of a conversation were left out: what its next segments repeat or miss cannot be known."""
        for half in (flow.originator, flow.responder):
            half.next_seq = 0
            half.max_acked = 0
            half.last_ack = 0
            half.duplicates = 0
            half.last_bits = 0
            half.unacked = []

    # -- leaving -------------------------------------------------------------------------------------

    def _forget(self, half: TcpHalf, key: bytes, size: i64, scope: bytes) -> None:
        """The ports of a connection begin another one."""
        flow = half.flow
        self.tcp_keys.pop(key, None)
        self.tcp_keys.pop(_reverse(key, size, scope), None)
        if flow.aliased:
            self.tcp_keys = {k: other for k, other in self.tcp_keys.items() if other.flow is not flow}
        self._leave(flow)

    def _leave(self, flow: Flow) -> None:
        """Hand a conversation, whose keys are taken out of the table, to the sink: once."""
        if not flow.retired:
            flow.retired = True
            self.sink.take(flow)

    def _make_room_tcp(self) -> None:
        """Let half of the conversations go: the ended ones first, then the longest silent."""
        self.sweep += 1
        flows: list[TcpFlow] = []
        for half in self.tcp_keys.values():
            flow = half.flow
            if flow.swept != self.sweep:
                flow.swept = self.sweep
                flows.append(flow)
        flows.sort(key=_age)
        leaving = flows[: len(flows) // 2]
        for flow in leaving:
            if flow.marks & CLOSED == 0:
                self.made_room += 1
            flow.retired = True
        self.tcp_keys = {key: half for key, half in self.tcp_keys.items() if not half.flow.retired}
        self.half_seen = {
            key: half for key, half in self.half_seen.items() if not half.flow.retired and not half.frames
        }
        for flow in leaving:
            self.sink.take(flow)

    def _make_room_other(self) -> None:
        self.sweep += 1
        flows: list[Flow] = []
        for half in self.other_keys.values():
            flow = half.flow
            if flow.swept != self.sweep:
                flow.swept = self.sweep
                flows.append(flow)
        flows.sort(key=_age)
        leaving = flows[: len(flows) // 2]
        for flow in leaving:
            flow.retired = True
        self.other_keys = {key: half for key, half in self.other_keys.items() if not half.flow.retired}
        for flow in leaving:
            self.sink.take(flow)

    def finish(self) -> None:
        """The capture has ended: everything leaves, in the order of its number."""
        flows: dict[int, Flow] = {}
        for half in self.tcp_keys.values():
            flows[half.flow.number] = half.flow
        for other in self.other_keys.values():
            flows[other.flow.number] = other.flow
        self.tcp_keys = {}
        self.half_seen = {}
        self.other_keys = {}
        for number in sorted(flows):
            self._leave(flows[number])


def _age(flow: Flow) -> int:
    """When it was last heard of; what is still open counts as younger than anything that has ended."""
    return flow.last_time if flow.marks & CLOSED else flow.last_time + STILL_OPEN


def _at_decade(count: i64) -> bool:
    """1, 10, 100 ...: where Zeek repeats a history letter."""
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count == 1


def _reverse(key: bytes, size: i64, scope: bytes) -> bytes:
    """The key of the other direction: addresses and ports exchanged, the scope kept."""
    both = size + size
    return key[size:both] + key[:size] + key[both + 2:both + 4] + key[both:both + 2] + scope
