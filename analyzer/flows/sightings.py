"""The same packet, seen more than once: which frames of a conversation are further sightings of a packet before them.

A mirror port, both sides of a router, both ends captured and analysed together show a packet twice. A copy is not a
resend. How they are told apart, in order of proof:

- IP identification (RFC 6864 §4.1: unique for each packet of a source within its lifetime, where it is used at all):
  the same number, not 0, with the same TCP numbers is the same packet; another one is a resend.
- TCP timestamps (RFC 7323 §3.2): a resend carries the sender's clock of now, so the same numbers with the same
  timestamp after several of its ticks are a copy.
- The hop limit: a resend leaves with the same one, so another one is the same packet at another place.
- What a conversation, or the capture, does throughout: nearly every packet a second time after about the same delay d.
  A resend takes a round trip at least, which is two such delays, where d is the way between the places.
- Sooner than any sender could have noticed a loss: within half a round trip.
"""
from __future__ import annotations

from bisect import bisect_left
from typing import Final

from mypy_extensions import i64

from analyzer.packet import ICMP, ICMPV6, TCP, UDP, Packet
from dissectors.kit.octets import be16, be32
from dissectors.protocols.tcp.flags import ACK, FIN, SYN
from dissectors.protocols.tcp.side import HALF, MASK

BY_IDENT: Final = "the same IP identification"
BY_STAMP: Final = "the same TCP timestamps"
BY_PATTERN: Final = "the same numbers, and a delay that is about the same throughout"

MAX_APART: Final[i64] = 5_000_000_000      # between two sightings of a packet that names itself
MAX_GUESSED: Final[i64] = 150_000_000      # ... of one that does not; no retransmission timer of a stack is shorter
SOON: Final[i64] = 1_000_000               # no sender notices a loss sooner, where its round trip is not known
CLOSE: Final = 50_000                      # that two delays between the same places may differ by, whatever they are
SOON_AGAIN: Final[i64] = 5_000_000         # nothing that asks by datagram asks again sooner
TICKS: Final[i64] = 3                      # of the sender's clock, after which an unchanged timestamp proves a copy
LEAST_TICKS: Final[i64] = 10               # that a clock has to be seen to go
SHARE: Final = 0.7                         # of the packets that come twice, from which on it is how the capture is
LEAST: Final = 3                           # packets of which one can say so
MOST_PLACES: Final = 4                     # at which a packet is seen; more like ones without a name are sent as such
MAX_ALIKE: Final = 64                      # sightings with the same numbers that are compared with one another

MSS: Final[i64] = 2                        # RFC 9293 §3.7.1; a machine on the way may lower it
SACK: Final[i64] = 5                       # RFC 2018 §3; its first block may report what came twice, RFC 2883 §4
TIMESTAMPS: Final[i64] = 8                 # RFC 7323 §3.2
DIRECTIONS: Final = 3                      # of the originator, of the responder, of a third party (an ICMP error)


class Sighting:
    """One frame, as a first look keeps it.

    index: its place among the frames of the conversation.    direction: 0 and 1 as the conversation counts, 2 for an
    ICMP error about it.    ident: IP identification, 0 where there is none.    stamp, echo: TCP timestamps, or -1.
    digest: of everything above IP that a copy repeats; of TCP without its checksum, which a network card may fill in
    later, and without the value of its MSS.    mss: that value, -1 for none.
    twice: it reports that bytes arrived twice (a duplicate SACK).    local: an ICMPv6 message of a link-local address,
    or of none, which a machine with a foot in several VLANs sends alike into each.
    first: the index, in the list that was paired, of the first sighting of the packet; its own if that is it.
    """

    def __init__(self, index: i64, number: i64, time: i64, direction: i64) -> None:
        self.index: i64 = index
        self.number: i64 = number
        self.time: i64 = time
        self.direction: i64 = direction
        self.ident: i64 = 0
        self.ttl: i64 = 0
        self.seq: i64 = 0
        self.ack: i64 = 0
        self.flags: i64 = 0
        self.length: i64 = 0
        self.mss: i64 = -1
        self.stamp: i64 = -1
        self.echo: i64 = -1
        self.digest: int = 0
        self.scope: bytes = b""
        self.tcp: bool = False
        self.udp: bool = False
        self.twice: bool = False
        self.local: bool = False
        self.first: i64 = -1

    def taken(self) -> i64:
        """Sequence numbers that it occupies (RFC 9293 §3.4)."""
        return self.length + (1 if self.flags & (SYN | FIN) else 0)


def sight(packet: Packet, index: i64, forward: bytes, size: i64) -> Sighting | None:
    """The frame that was just decoded; None where it is nothing to compare (a fragment, a broken header)."""
    if packet.ip_version == 0 or packet.size() != size:
        return None
    data = packet.data
    kind = packet.kind
    ident: i64 = 0
    if packet.ip_version == 4:
        if packet.base >= 0 and be16(data, packet.network + 6) & 0x3FFF:
            return None     # RFC 791 §3.1: more fragments, or an offset
        ident = be16(data, packet.network + 4)
    at = packet.transport
    direction = _direction(packet, forward, size)
    found = Sighting(index, packet.number, packet.time, direction)
    found.ident = ident
    found.ttl = packet.ttl
    found.scope = packet.scope
    if kind == TCP and direction < 2:
        return found if _read_tcp(found, packet) else None
    if kind == UDP and at + 8 <= packet.end:
        found.udp = True
        found.digest = hash(data[at:at + 6] + data[at + 8:packet.end])
    else:
        source = packet.source()
        found.digest = hash(source + data[at:packet.end])
        if kind == ICMPV6:
            found.local = not any(source) or (i64(source[0]) == 0xFE and i64(source[1]) & 0xC0 == 0x80)
    found.length = packet.true_end - at
    return found


def _direction(packet: Packet, forward: bytes, size: i64) -> i64:
    data = packet.data
    source = data[packet.src:packet.src + size]
    if packet.kind in (TCP, UDP):
        at = packet.transport
        both = size + size
        port = data[at:at + 2]
        if source == forward[:size] and port == forward[both:both + 2]:
            return 0
        return 1 if source == forward[size:both] and port == forward[both + 2:both + 4] else 2
    if source == forward[:size]:
        return 0
    return 1 if source == forward[size:size + size] and packet.kind in (ICMP, ICMPV6) else 2


def _read_tcp(found: Sighting, packet: Packet) -> bool:
    data = packet.data
    at = packet.transport
    if at + 20 > packet.end:
        return False
    header = (i64(data[at + 12]) >> 4) << 2
    length = packet.true_end - at - header
    if header < 20 or length < 0:
        return False
    found.tcp = True
    found.seq = be32(data, at + 4)
    found.ack = be32(data, at + 8)
    found.flags = i64(data[at + 13])
    found.length = length
    end = min(at + header, packet.end)
    found.digest = hash(data[at + 4:at + 16] + data[at + 18:end] + int(length).to_bytes(4))
    option = at + 20
    while option + 1 < end:
        kind = i64(data[option])
        if kind == 1:
            option += 1
            continue
        step = i64(data[option + 1])
        if kind == 0 or step < 2:
            break
        if kind == TIMESTAMPS and step == 10 and option + 10 <= end:
            found.stamp = be32(data, option + 2)
            found.echo = be32(data, option + 6)
        elif kind == SACK and step >= 10 and option + 10 <= end:
            found.twice = (found.ack - be32(data, option + 6)) & MASK < HALF
        elif kind == MSS and step == 4 and option + 4 <= end and found.flags & SYN and found.mss < 0:
            found.mss = be16(data, option + 2)
            # A machine between two places may change it, so it does not count among what a copy repeats.
            found.digest = hash(data[at + 4:at + 16] + data[at + 18:option + 2] + data[option + 4:end])
        option += step
    return True


class Pair:
    """Two sightings that may be of one packet: their indexes in the list, the time between them, what speaks for it."""

    def __init__(self, earlier: i64, later: i64, apart: i64, basis: str) -> None:
        self.earlier: i64 = earlier
        self.later: i64 = later
        self.apart: i64 = apart
        self.basis = basis
        self.off: float = 0.0      # from the delay that is usual


class Pairing:
    """Which of these sightings, in the order of the capture, are of a packet that was seen before.

    usual: the delay between two sightings in this capture, -1 where it is not known; found out here where it can be.
    """

    def __init__(self, sightings: list[Sighting], usual: i64 = -1) -> None:
        self.sightings = sightings
        self.usual: i64 = usual
        self.delays: list[int] = []     # between sightings that are certain, where there are more places than two
        self.bases: dict[str, int] = {}
        self.rtt: i64 = -1
        self.ticks: list[i64] = [-1, -1, -1]     # nanoseconds of each timestamp clock; -1 where it was not seen to go
        self.named: list[bool] = [True, True, True]
        self.varies: list[bool] = [False, False, False]     # the IP identification was seen to change

    def pair(self) -> None:
        """Set `first` of every sighting."""
        sightings = self.sightings
        for at, sighting in enumerate(sightings):
            sighting.first = at
        groups = self._alike()
        if not groups:
            return
        self._measure()
        certain: list[Pair] = []
        open_pairs: list[Pair] = []
        for group in groups:
            if self._rhythm(group):
                continue
            for later in range(1, len(group)):
                for earlier in range(later):
                    pair = self._candidate(group[earlier], group[later])
                    if pair is None:
                        continue
                    if pair.basis == BY_PATTERN:
                        open_pairs.append(pair)
                    else:
                        certain.append(pair)
        self._learn(certain)
        accepted = certain
        if open_pairs:
            self._learn_pattern(certain, open_pairs)
            accepted = certain + [pair for pair in open_pairs if self._fits(pair)]
        self._link(accepted)

    def _rhythm(self, group: list[i64]) -> bool:
        """Datagrams that say the same again and again and have no identification: so does a sender that reports."""
        first = self.sightings[group[0]]
        if first.tcp or len(group) <= MOST_PLACES:
            return False
        for at in group:
            one = self.sightings[at]
            if (one.ident and self.varies[one.direction]) or one.ttl != first.ttl or one.scope != first.scope:
                return False
        return True

    def _alike(self) -> list[list[i64]]:
        """The sightings that could be of one packet, where there are several."""
        found: dict[tuple[int, int, int, int, int], list[i64]] = {}
        full: list[list[i64]] = []
        for at, sighting in enumerate(self.sightings):
            if sighting.tcp:
                key = (
                    int(sighting.direction), int(sighting.seq), int(sighting.ack), int(sighting.flags),
                    int(sighting.length),
                )
            else:
                key = (int(sighting.direction), sighting.digest, -1, -1, int(sighting.length))
            group = found.get(key)
            if group is None:
                found[key] = [at]
            elif len(group) < MAX_ALIKE:
                group.append(at)
            else:
                full.append(group)      # the next group begins with its last ones, so that chains go on
                found[key] = [*group[-(MAX_ALIKE // 2):], at]
        return full + [group for group in found.values() if len(group) > 1]

    def _measure(self) -> None:
        """The round trip of the handshake, the ticks of the timestamp clocks, whether a sender numbers its packets."""
        opened: i64 = -1
        spans: list[tuple[i64, i64, i64, i64]] = [(-1, 0, 0, 0), (-1, 0, 0, 0)]
        idents: list[set[int]] = [set(), set(), set()]
        digests: list[set[int]] = [set(), set(), set()]
        for sighting in self.sightings:
            side = sighting.direction
            if len(digests[side]) < LEAST or len(idents[side]) < 2:
                idents[side].add(int(sighting.ident))
                digests[side].add(sighting.digest)
            if sighting.tcp:
                if sighting.flags & (SYN | ACK) == SYN and opened < 0:
                    opened = sighting.time
                elif sighting.flags & (SYN | ACK) == ACK and opened >= 0 and self.rtt < 0:
                    self.rtt = sighting.time - opened
                if side < 2 and sighting.stamp >= 0:
                    start, first, _end, _last = spans[side]
                    if start < 0:
                        spans[side] = (sighting.time, sighting.stamp, sighting.time, sighting.stamp)
                    else:
                        spans[side] = (start, first, sighting.time, sighting.stamp)
        for side in (0, 1):
            start, first, end, last = spans[side]
            ticks = (last - first) & MASK
            if start >= 0 and LEAST_TICKS <= ticks < 1 << 31 and end > start:
                self.ticks[side] = min(max((end - start) // ticks, 1_000), 1_000_000_000)
        for side in (0, 1, 2):
            # Some devices put the same number into every packet: then it says nothing.
            self.varies[side] = len(idents[side]) > 1
            self.named[side] = self.varies[side] or len(digests[side]) < LEAST

    def _candidate(self, earlier: i64, later: i64) -> Pair | None:
        one = self.sightings[earlier]
        two = self.sightings[later]
        apart: i64 = abs(int(two.time - one.time))
        if apart > MAX_APART:
            return None
        moved = one.ttl != two.ttl or one.scope != two.scope
        if one.ident and two.ident and self.named[one.direction]:
            if one.ident == two.ident:
                if apart > MAX_GUESSED and not self.varies[one.direction]:
                    return None     # a sender that puts the same number into each packet, and sent it again
                return Pair(earlier, later, apart, BY_IDENT)
            # A firewall may number packets anew (pf's "scrub random-id"): only where they differ in more than that.
            if not moved or one.digest != two.digest or one.stamp < 0:
                return None
            return Pair(earlier, later, apart, BY_PATTERN) if apart <= MAX_GUESSED else None
        if one.digest != two.digest or (one.local and one.scope != two.scope):
            return None
        tick = self.ticks[one.direction]
        if one.stamp >= 0 and (moved or (tick > 0 and apart >= TICKS * tick)):
            return Pair(earlier, later, apart, BY_STAMP)
        return Pair(earlier, later, apart, BY_PATTERN) if apart <= MAX_GUESSED else None

    def _learn(self, pairs: list[Pair]) -> None:
        """The delay between the places, from pairs that are certain."""
        if pairs:
            delays = sorted(_nearest(pairs).values())
            self.usual = delays[len(delays) // 2]
            self.delays = sorted([int(pair.apart) for pair in pairs])

    def _learn_pattern(self, certain: list[Pair], open_pairs: list[Pair]) -> None:
        """Where nearly every packet comes twice after about the same time, that is how the capture was taken."""
        if certain:
            return
        delays = sorted(_nearest(open_pairs).values())
        middle = delays[len(delays) // 2]
        steady = sum([1 for delay in delays if _near(delay, middle)])
        for side in (0, 1):
            digests = {sighting.digest for sighting in self.sightings if sighting.direction == side}
            twice = {self.sightings[pair.later].digest for pair in open_pairs
                     if self.sightings[pair.later].direction == side}
            if len(digests) >= LEAST and len(twice) >= SHARE * len(digests) and steady >= SHARE * len(delays):
                self.usual = middle
                return
        every = {sighting.digest for sighting in self.sightings}
        again = {self.sightings[pair.later].digest for pair in open_pairs}
        sides = {int(sighting.direction) for sighting in self.sightings}
        enough = 2 if len(sides) > 1 else LEAST
        if len(every) >= enough and len(again) >= SHARE * len(every) and steady >= SHARE * len(delays):
            self.usual = middle

    def _fits(self, pair: Pair) -> bool:
        """Does the delay speak for two sightings, where nothing in the packets does?"""
        if (self.usual >= 0 and _near(pair.apart, self.usual)) or self._known(int(pair.apart)):
            return True
        one = self.sightings[pair.earlier]
        two = self.sightings[pair.later]
        if one.ident and two.ident and self.named[one.direction]:
            return False
        if one.ttl > two.ttl or one.scope != two.scope:
            return True
        if one.tcp and not one.taken():
            return False            # two equal ACKs are what a receiver sends that misses something
        if not one.tcp:
            return one.udp and pair.apart <= SOON_AGAIN     # ICMP repeats some messages on purpose (RFC 3810 §9.14)
        return pair.apart < (min(self.rtt // 2, MAX_GUESSED) if self.rtt > 0 else SOON)

    def _known(self, apart: int) -> bool:
        """As far apart as two sightings that are certain?"""
        at = bisect_left(self.delays, apart)
        return any(abs(delay - apart) <= max(CLOSE, apart // 10) for delay in self.delays[max(at - 1, 0):at + 1])

    def _link(self, pairs: list[Pair]) -> None:
        """Chains of sightings, each of one packet; those that fit best first."""
        usual = float(self.usual) if self.usual > 0 else 1.0
        for pair in pairs:
            if pair.basis != BY_IDENT:
                apart = float(pair.apart) + 1.0
                pair.off = max(apart / usual, usual / apart)
        pairs.sort(key=_off)
        before: dict[int, int] = {}
        behind: dict[int, int] = {}
        for pair in pairs:
            earlier, later = int(pair.earlier), int(pair.later)
            if pair.basis == BY_IDENT:
                continue
            if later in before or earlier in behind:
                continue
            before[later] = earlier
            behind[earlier] = later
            self.bases[pair.basis] = self.bases.get(pair.basis, 0) + 1
        for pair in pairs:
            if pair.basis == BY_IDENT and int(pair.later) not in before:
                before[int(pair.later)] = int(pair.earlier)
                self.bases[BY_IDENT] = self.bases.get(BY_IDENT, 0) + 1
        for later in sorted(before):
            self.sightings[later].first = self.sightings[before[later]].first


def _nearest(pairs: list[Pair]) -> dict[int, i64]:
    """For each later sighting the time since the last one before it."""
    found: dict[int, i64] = {}
    for pair in pairs:
        later = int(pair.later)
        found[later] = min(found.get(later, pair.apart), pair.apart)
    return found


def _near(delay: i64, usual: i64) -> bool:
    """About the same delay: a resend takes twice as long at least."""
    return abs(int(delay - usual)) <= CLOSE or usual < 2 * delay < 4 * usual


def _off(pair: Pair) -> tuple[float, int, int]:
    return pair.off, int(pair.later), -int(pair.earlier)
