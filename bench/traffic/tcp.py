"""A TCP connection as an observer on its path sees it: handshake, transfers with loss and recovery, its end.

Both directions are simulated in the observer's time (µs). A segment passes the observer, reaches its receiver
`receiver.delay` later, and the answer passes the observer after as long again. Every method is a generator of
(time, pcap record) in ascending time, and returns the time at which the next step may begin.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Generator
from operator import itemgetter
from random import Random
from struct import Struct
from typing import Final

from bench.traffic.frames import ACK, FIN, PSH, RST, SYN, TIMESTAMPS, Segments, words

Packet = tuple[int, bytes]
Steps = Generator[Packet, None, int]
Payload = tuple[bytes, int]  # bytes, and words(bytes)

WINDOW_SCALE: Final = 7
SYN_WINDOW: Final = 64240
INITIAL_WINDOW: Final = 502      # × 128 = 64 256 bytes
LARGEST_WINDOW: Final = 8191     # × 128 = 1 MiB
INITIAL_CWND: Final = 10         # segments (RFC 6928)
LARGEST_CWND: Final = 128        # below what the window allows, so that it is never filled by accident
DUPLICATE_ACKS: Final = 3        # before a fast retransmit (RFC 5681 section 3.2)
REACTION: Final = 30             # µs from a segment to the answer of its receiver
DELAYED_ACK: Final = 40_000      # µs
SMALLEST_RTO: Final = 200_000    # µs
PROBE_TIMES: Final = (220_000, 440_000, 880_000)  # µs between zero window probes
NEVER: Final = 1 << 62

_SYN_OPTIONS: Final = Struct(">BBHBBBBIIBBBB")  # MSS, SACK permitted, timestamps, NOP, window scale
_TIMESTAMPS: Final = Struct(">III")
_BLOCK: Final = Struct(">II")


class Endpoint:
    """One side: what it sends next, what it expects, its window, its clock for timestamps."""

    def __init__(self, rng: Random, segments: Segments, delay: int) -> None:
        self.segments = segments
        self.delay = delay                      # µs between this side and the observer
        self.mss = 1440 if segments.route.v6 else 1460
        self.seq = rng.getrandbits(32)          # next to be sent
        self.ack = 0                            # next expected
        self.window = SYN_WINDOW                # as in the header
        self.received = 0                       # bytes, which let the window grow
        self.epoch = rng.getrandbits(31)        # of the timestamps clock, in ms
        self.echo = 0                           # timestamp to send back

    def clock(self, time: int) -> int:
        """The timestamp value of a segment that passes the observer at `time`."""
        return (self.epoch + (time - self.delay) // 1000) & 0xFFFFFFFF

    def send(self, time: int, flags: int, payload: bytes = b"", payload_sum: int = 0) -> Packet:
        """A segment at the end of what was sent. SYN and FIN count as one byte."""
        out = self.segments.segment(time, self.seq, self.ack if flags & ACK else 0, flags, self.window,
                                    self.clock(time), self.echo, payload, payload_sum)
        self.seq = (self.seq + len(payload) + (1 if flags & (SYN | FIN) else 0)) & 0xFFFFFFFF
        return time, out

    def sack(self, time: int, ack: int, echo: int, blocks: list[tuple[int, int]]) -> bytes:
        """A duplicate ACK with SACK blocks (RFC 2018), the latest first; three fit beside timestamps."""
        options = _TIMESTAMPS.pack(TIMESTAMPS, self.clock(time), echo) + bytes((1, 1, 5, 2 + 8 * len(blocks)))
        options += b"".join(_BLOCK.pack(left & 0xFFFFFFFF, right & 0xFFFFFFFF) for left, right in blocks)
        return self.segments.with_options(time, self.seq, ack, ACK, self.window, options)

    def syn(self, time: int, flags: int) -> Packet:
        """A SYN or SYN-ACK. The sequence number is not advanced, so that it can be sent again."""
        options = _SYN_OPTIONS.pack(2, 4, self.mss, 4, 2, 8, 10, self.clock(time), self.echo, 1, 3, 3, WINDOW_SCALE)
        return time, self.segments.with_options(time, self.seq, self.ack if flags & ACK else 0, flags,
                                                SYN_WINDOW, options)

    def reset(self, time: int, seq: int, ack: int, flags: int) -> Packet:
        return time, self.segments.with_options(time, seq, ack, flags, 0, b"")

    def take(self, other: Endpoint, time: int) -> None:
        """Everything that the other side has sent arrived; its last segment passed the observer at `time`."""
        self.received += (other.seq - self.ack) & 0xFFFFFFFF
        self.ack = other.seq
        self.echo = other.clock(time)


class Flight:
    """The state of one transfer, in segments: the sender's window and the receiver's holes."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.next_new = 0                # sender: first segment never sent
        self.acknowledged = 0            # sender: first segment not acknowledged
        self.sacked = 0                  # sender: segments beyond that which arrived
        self.cwnd = float(INITIAL_CWND)
        self.threshold = float(LARGEST_CWND)
        self.duplicates = 0
        self.recover = -1                # recovery lasts until this segment is acknowledged; -1 outside
        self.expected = 0                # receiver: first segment missing
        self.pending = 0                 # receiver: segments in order, not yet acknowledged
        self.ranges: list[list[int]] = []  # receiver: [first, end) held beyond a hole, the latest first

    def hold(self, index: int) -> None:
        """The receiver got a segment beyond a hole. Segments keep their order, so ranges grow at their end."""
        for place, held in enumerate(self.ranges):
            if held[1] == index:
                held[1] = index + 1
                if place:
                    self.ranges.insert(0, self.ranges.pop(place))
                return
        self.ranges.insert(0, [index, index + 1])

    def fill(self) -> None:
        """The first missing segment came: move on over what is held."""
        self.expected += 1
        for held in self.ranges:
            if held[0] == self.expected:
                self.expected = held[1]
                self.ranges.remove(held)
                return

    def on_ack(self, expected: int, sacked: int) -> bool:
        """The sender's answer to an ACK (RFC 5681, RFC 6582): True where the first hole is sent again now."""
        self.sacked = sacked
        if expected > self.acknowledged:
            grown = expected - self.acknowledged
            self.acknowledged = expected
            self.duplicates = 0
            if self.recover >= 0:
                if expected < self.recover:
                    return True
                self.recover = -1
            elif self.cwnd < self.threshold:
                self.cwnd += grown
            elif self.cwnd < LARGEST_CWND:
                self.cwnd += grown / self.cwnd
            return False
        self.duplicates += 1
        if self.duplicates == DUPLICATE_ACKS and self.recover < 0:
            self.begin_recovery(self.cwnd / 2)
            return True
        return False

    def begin_recovery(self, cwnd: float) -> None:
        self.recover = self.next_new
        self.threshold = max(self.cwnd / 2, 2.0)
        self.cwnd = max(cwnd, 2.0)


class Connection:
    """A connection between two endpoints. pace: µs that a full segment takes on the slowest link."""

    def __init__(self, rng: Random, client: Endpoint, server: Endpoint, pace: int, loss: float = 0.0) -> None:
        self.rng = rng
        self.client = client
        self.server = server
        self.pace = pace
        self.loss = loss
        self.every = 1 if rng.random() < 0.5 else 2  # some receivers acknowledge each segment

    def open(self, time: int) -> Steps:
        """The three-way handshake (RFC 9293 section 3.5)."""
        client, server = self.client, self.server
        yield client.syn(time, SYN)
        client.seq = (client.seq + 1) & 0xFFFFFFFF
        server.take(client, time)
        time += 2 * server.delay + REACTION
        yield server.syn(time, SYN | ACK)
        server.seq = (server.seq + 1) & 0xFFFFFFFF
        client.take(server, time)
        client.received = server.received = 0
        client.window = INITIAL_WINDOW
        server.window = INITIAL_WINDOW + 7
        time += 2 * client.delay + REACTION
        yield client.send(time, ACK)
        server.echo = client.clock(time)
        return time + 100

    def refused(self, time: int) -> Steps:
        """A SYN to a closed port."""
        yield self.client.syn(time, SYN)
        answer = time + 2 * self.server.delay + REACTION
        yield self.server.reset(answer, 0, (self.client.seq + 1) & 0xFFFFFFFF, RST | ACK)
        return answer

    def unanswered(self, time: int) -> Steps:
        """A SYN that nobody answers, resent after 1 s and 3 s (RFC 6298 section 2)."""
        for wait in (0, 1_010_000, 2_030_000):
            time += wait
            yield self.client.syn(time, SYN)
        return time

    def request(self, time: int, payload: bytes, think: int) -> Steps:
        """One segment from the client, acknowledged at once; the server thinks before its answer begins."""
        yield self.client.send(time, ACK | PSH, payload, words(payload))
        self.server.take(self.client, time)
        answer = time + 2 * self.server.delay + REACTION
        if think > 500:
            yield self.server.send(answer, ACK)
            self.client.echo = self.server.clock(answer)
        return answer + think

    def transfer(self, time: int, sender: Endpoint, receiver: Endpoint, payloads: list[Payload]) -> Steps:
        """Send payloads, all of the size of the first but the last, until every byte is acknowledged."""
        flight = Flight(len(payloads))
        size = len(payloads[0][0])
        end = sum(len(payload) for payload, _ in payloads)
        base, ack = sender.seq, sender.ack
        data: deque[tuple[int, int, int]] = deque()            # time, segment, echo
        acks: deque[tuple[int, bytes, int, int, int]] = deque()  # time, record, expected, sacked, timestamp
        echo, last, delayed = sender.echo, time, NEVER
        build = sender.segments.segment
        rng, loss, pace, total = self.rng, self.loss, self.pace, flight.total
        again, now = False, time
        while True:
            # The sender: fill the window, after the hole that is sent again.
            if again:
                last = max(last + pace, now)
                data.append((last, flight.acknowledged, echo))
                again = False
            room = min(total, flight.acknowledged + flight.sacked + int(flight.cwnd))
            while flight.next_new < room:
                last = max(last + pace, now)
                data.append((last, flight.next_new, echo))
                flight.next_new += 1
            next_data = data[0][0] if data else NEVER
            next_ack = acks[0][0] if acks else NEVER
            if next_data <= next_ack and next_data <= delayed and data:
                at, index, sent_echo = data.popleft()
                payload, payload_sum = payloads[index]
                dropped = loss > 0.0 and rng.random() < loss
                if not dropped or rng.random() < 0.5:  # lost behind the observer, or before
                    yield at, build(at, (base + index * size) & 0xFFFFFFFF, ack,
                                    ACK | PSH if index == total - 1 else ACK, sender.window,
                                    sender.clock(at), sent_echo, payload, payload_sum)
                if not dropped:
                    delayed = self._receive(flight, at, index, sender, receiver, size, end, base, acks)
            elif delayed < next_ack:
                self._acknowledge(flight, delayed, receiver, size, end, base, acks, front=True)
                delayed = NEVER
            elif acks:
                at, record, expected, sacked, echo = acks.popleft()
                yield at, record
                now = at + 2 * sender.delay + REACTION
                again = flight.on_ack(expected, sacked)
                if expected >= total:
                    break
            else:  # nothing is under way: the retransmission timer (RFC 6298)
                now = max(now, last) + max(SMALLEST_RTO, 4 * (sender.delay + receiver.delay))
                flight.begin_recovery(2.0)
                again = True
        sender.seq = (base + end) & 0xFFFFFFFF
        sender.echo = echo
        return now

    def _receive(self, flight: Flight, at: int, index: int, sender: Endpoint, receiver: Endpoint, size: int,
                 end: int, base: int, acks: deque[tuple[int, bytes, int, int, int]]) -> int:
        """A segment reaches its receiver. Returns when the delayed ACK would pass, or NEVER."""
        answer = at + 2 * receiver.delay + REACTION
        if acks and acks[-1][0] > answer:
            answer = acks[-1][0]
        if index != flight.expected:
            if index > flight.expected:
                flight.hold(index)
            self._acknowledge(flight, answer, receiver, size, end, base, acks)
            return NEVER
        if not flight.pending or flight.ranges:
            receiver.echo = sender.clock(at)
        if flight.ranges:
            flight.fill()
            self._acknowledge(flight, answer, receiver, size, end, base, acks)
            return NEVER
        flight.expected += 1
        flight.pending += 1
        if flight.pending >= self.every:
            self._acknowledge(flight, answer, receiver, size, end, base, acks)
            return NEVER
        return answer + DELAYED_ACK

    def _acknowledge(self, flight: Flight, time: int, receiver: Endpoint, size: int, end: int, base: int,
                     acks: deque[tuple[int, bytes, int, int, int]], front: bool = False) -> None:
        """Queue an ACK for what the receiver has, with SACK blocks where it holds more beyond a hole."""
        flight.pending = 0
        ack = (base + min(flight.expected * size, end)) & 0xFFFFFFFF
        receiver.received += (ack - receiver.ack) & 0xFFFFFFFF
        receiver.ack = ack
        receiver.window = min(LARGEST_WINDOW, INITIAL_WINDOW + (receiver.received >> WINDOW_SCALE - 1))
        value = receiver.clock(time)
        sacked = 0
        if flight.ranges:
            sacked = sum(held[1] - held[0] for held in flight.ranges)
            blocks = [(base + held[0] * size, base + min(held[1] * size, end)) for held in flight.ranges[:3]]
            record = receiver.sack(time, ack, receiver.echo, blocks)
        else:
            record = receiver.segments.segment(time, receiver.seq, ack, ACK, receiver.window, value, receiver.echo)
        entry = (time, record, flight.expected, sacked, value)
        if front:
            acks.appendleft(entry)
        else:
            acks.append(entry)

    def stall(self, time: int, sender: Endpoint, receiver: Endpoint, payloads: list[Payload], probe: bytes) -> Steps:
        """The receiving program stops reading: payloads fill the window, it is probed, then it opens again.

        The payloads together are exactly what the receiver's window allows; probe is the byte after them.
        """
        opened = receiver.window
        held = 0
        for start in range(0, len(payloads), INITIAL_CWND):
            packets = []
            for payload, payload_sum in payloads[start:start + INITIAL_CWND]:
                packets.append(sender.send(time, ACK, payload, payload_sum))
                receiver.take(sender, time)
                held += len(payload)
                receiver.window = opened - (held + 127 >> WINDOW_SCALE)
                packets.append(receiver.send(time + 2 * receiver.delay + REACTION, ACK))
                time += self.pace
            packets.sort(key=itemgetter(0))
            yield from packets
            time = packets[-1][0]
            sender.echo = receiver.clock(time)
            time += 2 * sender.delay + REACTION
        for wait in PROBE_TIMES:
            time += wait
            yield time, sender.segments.segment(time, sender.seq, sender.ack, ACK, sender.window,
                                                sender.clock(time), sender.echo, probe, words(probe))
            answer = time + 2 * receiver.delay + REACTION
            yield receiver.send(answer, ACK)
            sender.echo = receiver.clock(answer)
        time += 300_000
        receiver.window = opened
        yield receiver.send(time, ACK)
        sender.echo = receiver.clock(time)
        return time + 2 * sender.delay + REACTION

    def close(self, time: int, first: Endpoint, second: Endpoint) -> Steps:
        """An orderly end: FIN, then FIN with the ACK in one segment or after it, then ACK."""
        yield first.send(time, FIN | ACK)
        second.take(first, time)
        time += 2 * second.delay + REACTION
        if self.rng.random() < 0.5:
            yield second.send(time, ACK)
            time += self.rng.randrange(50, 5000)
        yield second.send(time, FIN | ACK)
        first.take(second, time)
        time += 2 * first.delay + REACTION
        yield first.send(time, ACK)
        return time

    def abort(self, time: int, payloads: list[Payload]) -> Steps:
        """The client gives up; what the server had under way arrives late and is answered with resets."""
        client, server = self.client, self.server
        yield client.reset(time, client.seq, client.ack, RST | ACK)
        for payload, payload_sum in payloads:
            time += self.pace
            yield server.send(time, ACK, payload, payload_sum)
        late = time + 2 * client.delay + REACTION
        for _ in payloads:
            yield client.reset(late, client.seq, 0, RST)
            late += self.pace
        return late
