"""One frame at one place, as far as it is needed to know the packet again at another."""
from __future__ import annotations

from typing import Final

from analyzer import checksums
from analyzer.address import address_text
from analyzer.packet import ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.octets import be16, be32

MAX_PLACED: Final = 200_000     # frames of each of two places that are matched; memory grows with them, 1 kB a frame
PREFIX: Final = 16              # octets of a payload by which it is known where a capture cut it
NOP, MSS, SCALE, SACK_PERMITTED, SACK, STAMPS = 1, 2, 3, 4, 5, 8    # TCP options, by their kind
SYN: Final = 0x02
FIN: Final = 0x01
RST: Final = 0x04
ACK: Final = 0x10
KEPT_FLAGS: Final = 0x3F        # without ECE and CWR, which a path may not change but may be asked about apart

Flow = tuple[int, tuple[str, int], tuple[str, int]]     # protocol, and the two ends in order


class Sight:
    """number, time: of the frame.     flow: both ends; up: it goes from the first of them to the second.

    length: octets of payload on the wire.     whole: all of them are in the capture.     digest: of what is there of
    them; prefix: of the first few; known: that of the two by which it is matched.     stamp, echo: TCP timestamps, -1
    for none.     options: the others, as they stand.     mss: of a SYN, -1.     sum: of its checksum.
    """

    __slots__ = (
        "ack", "df", "digest", "dscp", "echo", "ecn", "flags", "flow", "ident", "kind", "known", "length", "mss",
        "number", "options", "prefix", "seq", "stamp", "sum", "time", "ttl", "up", "whole", "window",
    )

    def __init__(self, packet: Packet, flow: Flow, *, up: bool) -> None:
        self.number = int(packet.number)
        self.time = int(packet.time)
        self.flow = flow
        self.up = up
        self.kind = int(packet.kind)
        self.ttl = int(packet.ttl)
        self.ecn = int(packet.ecn)
        self.ident = self.dscp = 0
        self.df = False
        data, at = packet.data, int(packet.network)
        if packet.ip_version == 4:
            self.ident = int(be16(data, at + 4))
            self.dscp = data[at + 1] >> 2
            self.df = bool(data[at + 6] & 0x40)
        elif packet.ip_version == 6:
            self.dscp = (int(be16(data, at)) >> 6) & 0x3F
        self.seq = self.ack = self.flags = self.window = 0
        self.stamp = self.echo = self.mss = -1
        self.options = b""
        start = int(packet.transport) + 8
        if packet.kind == TCP:
            start = self._tcp(packet)
        elif packet.kind != UDP:
            start = int(packet.transport)
        end = int(packet.end)
        payload = data[start:max(start, end)]
        self.length = max(int(packet.true_end) - start, 0)
        self.whole = len(payload) >= self.length
        # The checksum of ICMP is part of its payload, and changes with nothing else; of its errors NAT changes more.
        self.digest = hash(payload)
        self.prefix = hash(payload[:PREFIX]) if len(payload) >= min(PREFIX, self.length) else 0
        self.known = self.digest if self.whole else self.prefix
        self.sum = int(checksums.transport_checksum(packet)) if packet.base >= 0 else 0

    def _tcp(self, packet: Packet) -> int:
        data, at, end = packet.data, int(packet.transport), int(packet.end)
        self.seq, self.ack = int(be32(data, at + 4)), int(be32(data, at + 8))
        self.flags, self.window = data[at + 13], int(be16(data, at + 14))
        start = at + ((data[at + 12] >> 4) << 2)
        option, kept = at + 20, bytearray()
        while option + 1 < min(start, end):
            kind = data[option]
            if kind == NOP:
                option += 1
                continue
            step = data[option + 1]
            if kind == 0 or step < 2 or option + step > end:
                break
            if kind == STAMPS and step == 10:
                self.stamp, self.echo = int(be32(data, option + 2)), int(be32(data, option + 6))
            elif kind == MSS and step == 4:
                self.mss = int(be16(data, option + 2))
            else:
                kept += data[option:option + step]
            option += step
        self.options = bytes(kept)
        return start

    @property
    def end(self) -> int:
        """The sequence number behind it."""
        return (self.seq + self.length + bool(self.flags & (SYN | FIN))) & 0xFFFFFFFF

    def title(self) -> str:
        """`10.0.0.5:51034 → 10.0.0.2:443`."""
        ends = (self.flow[1], self.flow[2]) if self.up else (self.flow[2], self.flow[1])
        return " → ".join([end_text(end) for end in ends])


def end_text(end: tuple[str, int]) -> str:
    if not end[1]:
        return end[0]
    return f"[{end[0]}]:{end[1]}" if ":" in end[0] else f"{end[0]}:{end[1]}"


Known = dict[tuple[int, bytes, bytes, int, int], tuple[Flow, bool]]


def sighted(packet: Packet, known: Known) -> Sight | None:
    """The frame that was just decoded; None where it holds no packet that could be known again. known: conversations
    by what of a packet tells them, each made once."""
    if packet.ip_version == 0 or packet.time < 0 or packet.kind not in (TCP, UDP, ICMP, ICMPV6):
        return None
    if packet.transport + (20 if packet.kind == TCP else 8) > packet.end:
        return None
    ports = (int(packet.sport), int(packet.dport)) if packet.kind in (TCP, UDP) else (0, 0)
    key = (int(packet.kind), packet.source(), packet.destination(), *ports)
    found = known.get(key)
    if found is None:
        found = known[key] = _flow(*key)
    return Sight(packet, found[0], up=found[1])


def _flow(kind: int, source: bytes, destination: bytes, sport: int, dport: int) -> tuple[Flow, bool]:
    here, there = (address_text(source), sport), (address_text(destination), dport)
    up = here <= there
    return (kind, *((here, there) if up else (there, here))), up


class Place:
    """What one capture holds. dropped: frames that the capturing system says it lost, -1 unknown.

    start_ns, end_ns: of all its frames.     frames: how many it holds.     read: how many of them were looked at.
    narrowed: which part of it was asked for, in words.
    cut: some hold so little of their payload that it cannot be known again; short: some do not hold all of it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sights: list[Sight] = []
        self.frames = 0
        self.start_ns = -1
        self.end_ns = -1
        self.dropped = -1
        self.cut = False
        self.short = False
        self.more = False       # there are more frames than are matched
        self.damage: list[str] = []
        self.narrowed: list[str] = []

    def add(self, sight: Sight) -> None:
        if sight.length and not sight.whole and not sight.prefix:
            self.cut = True
        self.short = self.short or not sight.whole
        self.sights.append(sight)

    def saw(self, time: int) -> None:
        self.frames += 1
        if time >= 0:
            self.start_ns = time if self.start_ns < 0 else min(self.start_ns, time)
            self.end_ns = max(self.end_ns, time)
