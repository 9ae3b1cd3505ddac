"""The conversation table: which conversation a frame belongs to, and what its counters become.

A conversation is found by one dictionary look-up with the bytes that lie next to each other in the
frame: both addresses and both ports (and the VLAN or tunnel, where there is one). Both directions
have a key of their own, so nothing is sorted or compared on the path of a frame.
"""
from __future__ import annotations

from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i64

from analyzer.faults import Faults
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
    Retired,
    Spare,
    TcpFlow,
    TcpHalf,
    UdpFlow,
    UdpHalf,
    at_decade,
    number_of,
)
from analyzer.flows.keys import SMALLEST, key_of, reverse_of
from analyzer.flows.kinds import how_reset, is_resend
from analyzer.flows.shares import Room
from analyzer.packet import TCP, UDP, Packet
from dissectors.kit.octets import be16, be32
from dissectors.kit.protocol import Parties
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
    SFR,
    SPURIOUS_RETRANSMISSION,
    SYN,
    WINDOW_FULL,
    ZERO_WINDOW,
    reuses_ports,
)
from dissectors.protocols.tcp.header import read_options
from dissectors.protocols.tcp.sequence import after_segment, analyse, analyse_in_detail, note_bases, settle_scaling
from dissectors.protocols.tcp.side import MASK, Detail, at_or_before

RESENT: Final[i64] = RETRANSMISSION | FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION
TROUBLE: Final[i64] = RESENT | OUT_OF_ORDER | ZERO_WINDOW | LOST_SEGMENT | ACK_LOST_SEGMENT | WINDOW_FULL
REACH: Final[i64] = 1 << 24             # an ACK this far beyond the first byte belongs to the connection
ENDING: Final[i64] = SAW_FIN | SAW_RST
MAX_PARTY: Final[i64] = 400             # datagrams of one conversation that goes by its client; then another begins
UDP_HEADER: Final[i64] = 8              # RFC 768
LARGE: Final[i64] = 2_000_000_000


class FlowTable:
    """All conversations that may still continue.

    capacity: conversations of a transport held at once; beyond it those leave that ended, or seem over, and then those
      that were silent longest.     record_cap: frames of a conversation whose places are kept.
    shares: into which the capture is divided, each with its part of the capacity (`analyzer/flows/shares.py`).
    spares: of each, places of frames beyond record_cap.     starts: first frames by conversation, where noting.
    detail: analyse segments in full (`wiretale frames`, told conversations), save those of a flow that is counted only.
    parties: by port of UDP, who knows whose a datagram is where its addresses do not say it.

    After `tcp()` the fields half, bits, flags, seq, ack, window, length and payload describe the segment. half is None
    where there was no sound header; header, the octets that it claims for itself, is then -1 where too few were
    captured, less than 20, or more than the segment has (length is negative), and only flags, seq and length are set.
    """

    def __init__(
        self, capacity: i64, record_cap: i64, detail: bool, sink: Retired, faults: Faults | None = None,
        parties: dict[int, Parties] | None = None, shares: i64 = 1,
    ) -> None:
        self.capacity: i64 = capacity
        self.spares = [Spare(0) for _ in range(shares)]
        self.tcp_room = Room(capacity, self.spares)
        self.other_room = Room(capacity, self.spares)
        self.record_cap: i64 = record_cap
        self.detailed: bool = detail
        self.sink = sink
        self.tcp_keys: dict[bytes, TcpHalf] = {}
        self.half_seen: dict[bytes, bytes] = {}    # without scope -> the key of a scoped connection's unseen direction
        self.other_keys: dict[bytes, UdpHalf] = {}
        self.parties: dict[int, Parties] = {} if parties is None else parties
        self.party_keys: dict[bytes, UdpHalf] = {}     # by client and scope -> the client's direction
        self.wanted: set[int] = set()      # conversations of which every frame is recorded
        self.numbers: i64 = 0
        self.noting = False                # of each conversation the first frame
        self.starts: vec[i64] = vec[i64]()
        self.made_room: i64 = 0            # conversations that left before they ended
        self.making_room = False           # what leaves now does so for a new one
        self.faults = Faults() if faults is None else faults
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

    def tcp(self, packet: Packet) -> None:
        """A segment."""
        data = packet.data
        at = packet.transport
        end = packet.end
        number = packet.number
        time = packet.time
        self.half = None
        self.is_new = False
        self.header = -1
        if at + 16 > end:
            return  # ports alone do not place a segment in its stream
        flags = i64(data[at + 13]) | (i64(data[at + 12]) & 1) << 8
        header = (i64(data[at + 12]) >> 4) << 2
        length = packet.true_end - at - header
        seq = be32(data, at + 4)
        self.header = header
        self.flags = flags
        self.seq = seq
        self.length = length
        if length < 0 or header < SMALLEST:
            return  # a receiver drops it
        ack = be32(data, at + 8)
        window = be16(data, at + 14)
        key = key_of(packet)
        half = self.tcp_keys.get(key)
        self.bits = 0
        self.again = False
        if half is None or flags & SYN:
            half = self._open_tcp(half, key, packet, flags, seq)
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
        if flags & SYN and at + header <= end:     # an option behind the snap length may be the scale
            settle_scaling(half, peer, flags)
        self._count(half, peer, flow, flags, seq, ack, window, length, bits, time, packet.length, number)
        flow.last_frame = number
        flow.last_time = time
        flow.record(packet, self.record_cap, flow.marks & ENDING != 0)
        self.half = half
        self.bits = bits
        self.ack = ack
        self.window = window
        self.payload = at + header

    def _count(
        self, half: TcpHalf, peer: TcpHalf, flow: TcpFlow, flags: i64, seq: i64, ack: i64, window: i64,
        length: i64, bits: i64, time: i64, wire: i64, number: i64,
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
            peer.sampled(time - peer.timed_at)
        scaled = window << half.scale if half.scale > 0 and not flags & SYN else window
        half.max_window = max(half.max_window, scaled)
        if bits:
            self._trouble(half, flow, bits, length, time, number)
        if flow.first_reset >= 0 and not flags & RST:
            flow.after_reset(half, peer, flags, (seq + length) & MASK if length else -1, ack)
        if half.zero_since >= 0 and window:
            half.zero_ns += int(time - half.zero_since)
            half.zero_since = -1
        if flags & SFR or flow.marks & (SAW_FIRST_ACK | SAW_DATA) != SAW_FIRST_ACK | SAW_DATA:
            self._mark(half, peer, flow, flags, length, time, number)
        if length:
            if not half.letters & LETTER_DATA:
                self._letter(half, flow, LETTER_DATA, "Dd")
        elif flags & (SFR | ACK) == ACK and not half.letters & LETTER_ACK:
            self._letter(half, flow, LETTER_ACK, "Aa")

    def _trouble(self, half: TcpHalf, flow: TcpFlow, bits: i64, length: i64, time: i64, number: i64) -> None:
        half.count(bits)
        if bits & TROUBLE:
            flow.trouble += 1
        if bits & RESENT:
            half.resent += length
            half.timed = False
            half.retransmitted += 1
            if length and at_decade(half.retransmitted):
                self._letter(half, flow, 0, "Tt")
        if length and is_resend(half.peer, bits):
            half.set_back().resent(number, time - flow.last_time, half.next_seq, length)
        if bits & LOST_SEGMENT:
            half.gaps += 1
            if at_decade(half.gaps):
                self._letter(half, flow, 0, "Gg")
        if bits & ZERO_WINDOW:
            half.zero_windows += 1
            if half.zero_windows == 1:
                half.set_back().first_closed = number
            if half.zero_since < 0:
                half.zero_since = time
            if at_decade(half.zero_windows):
                self._letter(half, flow, 0, "Ww")

    def _mark(
        self, half: TcpHalf, peer: TcpHalf, flow: TcpFlow, flags: i64, length: i64, time: i64, number: i64
    ) -> None:
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
                flow.reset_frame = number
                flow.reset_how = how_reset(half, peer, flow.marks)
            if not half.letters & LETTER_RST:
                self._letter(half, flow, LETTER_RST, "Rr")
        flow.marks |= half.marks

    def _letter(self, half: TcpHalf, flow: TcpFlow, bit: i64, letters: str) -> None:
        """One more letter of the history. letters: the originator's and the responder's."""
        half.letters |= bit
        flow.history += letters[half.direction]

    def _open_tcp(self, half: TcpHalf | None, key: bytes, packet: Packet, flags: i64, seq: i64) -> TcpHalf:
        """A segment without a conversation, or a SYN: which conversation it begins or belongs to."""
        if half is None:
            half = self._other_scope(key, packet)
        if half is None:
            return self._new_tcp(key, packet, flags)
        if not flags & SYN or not half.base_known:
            return half
        reused = reuses_ports(half, flags, seq)
        if flags & ACK:
            if reused:
                half.base_seq = seq
                self.bits = REUSED_PORTS
            return half
        if not reused:
            # The same SYN again. A reset in between may have carried a number of its own (RFC 9293 §3.5.2).
            half.next_seq = half.max_acked
            self.again = True
            return half
        self.sink.until = packet.time
        self.leave(half.flow)      # the ports of a connection begin another one
        self.bits = REUSED_PORTS
        half = self._new_tcp(key, packet, flags)
        half.flow.reused = True
        return half

    def _other_scope(self, key: bytes, packet: Packet) -> TcpHalf | None:
        """The connection whose unseen direction this is: mirrored traffic has a VLAN or tunnel of its own each way.

        Only where nothing came that way yet and the ACK is of what the other side sent.
        """
        size = packet.size()
        data = packet.data
        at = packet.transport
        bare = key[:size + size + 4]
        half = self.tcp_keys.get(bare) if packet.scope else None
        if half is None or half.frames:
            half = self.tcp_keys.get(self.half_seen.get(bare, b""))
        if half is None or half.frames or half.flow.alias or not half.peer.base_known or not i64(data[at + 13]) & ACK:
            return None
        ahead = (be32(data, at + 8) - half.peer.base_seq) & MASK
        if not 0 < ahead < REACH:
            return None
        half.flow.alias = key
        self.tcp_keys[key] = half
        self.tcp_keys[reverse_of(key, size, packet.scope)] = half.peer
        return half

    def _new_tcp(self, key: bytes, packet: Packet, flags: i64) -> TcpHalf:
        """A new connection. Who opened it: the sender of the SYN; else the side with the client's port."""
        size = packet.size()
        scope = packet.scope
        flipped = flags & (SYN | ACK) == SYN | ACK
        if not flags & SYN:
            # RFC 6335 §6: clients use ports from 49152, servers system ports
            flipped = be16(packet.data, packet.transport) < 1024 <= be16(packet.data, packet.transport + 2)
        other = reverse_of(key, size, scope)
        self.numbers += 1
        self.is_new = True
        flow = TcpFlow(self.numbers, TCP, other if flipped else key, key if flipped else other, size, scope)
        flow.uncapped = self.numbers in self.wanted
        flow.first_frame, flow.first_time = packet.number, packet.time
        flow.opened_with = flags
        if flipped:
            flow.marks |= FLIPPED
            flow.history = "^"
        self._add(flow, self.tcp_room, packet)
        half = flow.responder if flipped else flow.originator
        if scope:
            self.half_seen[other[:size + size + 4]] = other
        self.tcp_keys[key] = half
        if other != key:
            self.tcp_keys[other] = half.peer
        return half

    # -- everything else -----------------------------------------------------------------------------

    def other(self, packet: Packet) -> UdpHalf:
        """A packet of ICMP or of any other protocol without ports."""
        source, destination = packet.source(), packet.destination()
        tail = bytes((int(packet.protocol),)) + packet.scope
        key = source + destination + tail
        self.is_new = False
        half = self.other_keys.get(key)
        if half is None:
            half = self._new_other(key, destination + source + tail, packet.protocol, packet)
        return self._seen(half, packet, packet.true_end - packet.transport)

    def udp(self, packet: Packet) -> UdpHalf:
        """A UDP datagram."""
        key = key_of(packet)
        self.is_new = False
        half = self.other_keys.get(key)
        if half is None:
            half = self._unmet(key, packet)
        return self._seen(half, packet, packet.true_end - packet.transport - UDP_HEADER)

    def _unmet(self, key: bytes, packet: Packet) -> UdpHalf:
        """Its addresses and ports have no conversation: it begins one, or belongs to one that goes by its client."""
        reverse = reverse_of(key, packet.size(), packet.scope)
        parties = self.parties.get(packet.dport)
        if parties is not None:
            data = packet.behind(packet.transport + UDP_HEADER)
            if client := parties.client(data, packet.sport, packet.dport):
                return self._of_party(parties, client, parties.asks(data), key, packet)
        return self._new_other(key, reverse, UDP, packet)

    def _of_party(self, parties: Parties, client: bytes, asks: bool, key: bytes, packet: Packet) -> UdpHalf:
        """Whoever began, the client is the originator."""
        party = client + packet.scope
        half = self.party_keys.get(party)
        if half is not None and half.frames + half.peer.frames >= MAX_PARTY:
            self.sink.until = packet.time
            self.leave(half.flow)
            half = None
        if half is None:
            size = packet.size()
            seen = key if asks else reverse_of(key, size, packet.scope)
            ends = parties.ends(client, seen[:size + size + 4]) + packet.scope
            half = self._new_other(ends, reverse_of(ends, size, packet.scope), UDP, packet, party)
            half.flow.parties = parties
        return half if asks else half.peer

    def _new_other(
        self, key: bytes, reverse: bytes, protocol: i64, packet: Packet, party: bytes = b""
    ) -> UdpHalf:
        self.numbers += 1
        self.is_new = True
        flow = UdpFlow(self.numbers, protocol, key, reverse, packet.size(), packet.scope)
        flow.uncapped = self.numbers in self.wanted
        flow.first_frame, flow.first_time = packet.number, packet.time
        self._add(flow, self.other_room, packet)
        half = flow.originator
        flow.party = party
        if party:
            self.party_keys[party] = half
            return half
        self.other_keys[key] = half
        if reverse != key:
            self.other_keys[reverse] = flow.responder
        return half

    def _seen(self, half: UdpHalf, packet: Packet, payload: i64) -> UdpHalf:
        """One more datagram of this direction. payload: octets beyond its header."""
        flow = half.flow
        half.frames += 1
        half.octets += packet.length
        half.payload += max(payload, 0)
        flow.last_frame = packet.number
        flow.last_time = packet.time
        flow.record(packet, self.record_cap, False)
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

    def leave(self, flow: Flow) -> None:
        """Take a conversation out of the table, under every key that leads to it, and hand it to the sink."""
        if flow.retired:
            return
        if isinstance(flow, TcpFlow):
            self._take_out(flow)
        elif flow.party:
            self.party_keys.pop(flow.party, None)
        else:
            self.other_keys.pop(flow.forward, None)
            self.other_keys.pop(flow.backward, None)
        self._hand_on(flow)

    def _take_out(self, flow: TcpFlow) -> None:
        keys = self.tcp_keys
        keys.pop(flow.forward, None)
        keys.pop(flow.backward, None)
        if flow.alias:
            bare = flow.address_size + flow.address_size + 4
            keys.pop(flow.alias, None)
            keys.pop(reverse_of(flow.alias, flow.address_size, flow.alias[bare:]), None)
        if flow.scope:
            self._forget_unseen(flow.forward, flow.address_size)
            self._forget_unseen(flow.backward, flow.address_size)

    def _forget_unseen(self, key: bytes, size: i64) -> None:
        bare = key[:size + size + 4]
        if self.half_seen.get(bare, b"") == key:
            del self.half_seen[bare]

    def _hand_on(self, flow: Flow) -> None:
        """No key leads to it any more: the sink owns it. What goes wrong there costs no other conversation."""
        flow.retired = True
        (self.tcp_room if flow.protocol == TCP else self.other_room).left(flow)
        try:
            self.sink.take(flow)
        except Exception as error:
            self.faults.note(flow.last_frame, "a conversation that ended", error)

    def connections(self) -> list[Flow]:
        """The TCP connections that may still continue."""
        return self.tcp_room.held()

    def exchanges(self) -> list[Flow]:
        """The conversations of everything else."""
        return self.other_room.held()

    def _add(self, flow: Flow, room: Room, packet: Packet) -> None:
        """A new conversation; others make room for it where its share is full."""
        if self.noting:
            self.starts = append(self.starts, packet.number)
        share = room.share_for(packet)
        if share.count >= max(room.part, share.grown):
            self.sink.until = packet.time
            self.making_room = True
            for old in share.leaving(room.part, room.capacity, packet.time):
                if old.protocol == TCP and old.marks & CLOSED == 0:
                    self.made_room += 1
                self.leave(old)
            self.making_room = False
        share.add(flow)

    def finish(self) -> None:
        """The capture has ended: everything leaves, in the order of its number."""
        flows = self.connections() + self.exchanges()
        self.tcp_keys = {}
        self.half_seen = {}
        self.other_keys = {}
        self.party_keys = {}
        self.tcp_room.clear()
        self.other_room.clear()
        flows.sort(key=number_of)
        for flow in flows:
            self._hand_on(flow)
