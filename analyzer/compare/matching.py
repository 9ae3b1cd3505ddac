"""The same packets at two places: which frame of A is which frame of B.

First conversations are matched, by packets that name themselves, whatever address translation made of their ends: TCP
by its sequence and acknowledgment numbers, timestamps and payload; datagrams by their payload. A device that gives TCP
other sequence numbers, and changes nothing else, leaves the payloads, and one difference for all numbers of a
direction. Then, within two conversations, packet by packet. What is alike more than once (a resend without timestamps,
the same datagram again) is told apart by its IP identification, else by the delay that is usual between the places.
"""
from __future__ import annotations

from collections import Counter
from typing import Final

from analyzer.compare.sight import ACK, KEPT_FLAGS, RST, SYN, Flow, Place, Sight
from analyzer.packet import TCP
from dissectors.kit.units import median

Key = tuple[int, ...]
MASK: Final = 0xFFFFFFFF
PROBED: Final = 20_000        # frames of each capture that are looked at to find out whether they hold the same traffic
LEAST_ALIKE: Final = 3        # packets in both from which on they may
SHARE_ALIKE: Final = 0.2      # ... and of those of the smaller one that name themselves
LEAST_PAYLOAD: Final = 8      # octets by which a segment with other numbers is known
MOST_ALIKE: Final = 64        # packets with one key in a conversation that are told apart


class Match:
    """A packet at both places."""

    __slots__ = ("a", "b")

    def __init__(self, a: Sight, b: Sight) -> None:
        self.a = a
        self.b = b

    @property
    def altered(self) -> bool:
        """Its payload is another."""
        return self.a.whole and self.b.whole and self.a.digest != self.b.digest

    @property
    def apart(self) -> int:
        """B's time less A's, each by its own clock."""
        return self.b.time - self.a.time


class Lane:
    """One direction of a conversation at both places. shift: what B's sequence numbers are ahead of A's.

    alone: what only one of the two holds.     copies: frames of one place that show there what another one shows.
    twice: (match, frame of the second place more).
    """

    def __init__(self, a: list[Sight], b: list[Sight]) -> None:
        self.a = a
        self.b = b
        self.shift = 0
        self.back = 0       # of the acknowledgment numbers
        self.matches: list[Match] = []
        self.alone: tuple[list[Sight], list[Sight]] = ([], [])
        self.again: tuple[list[tuple[Sight, Sight]], list[tuple[Sight, Sight]]] = ([], [])

    def usual(self) -> float:
        return median([match.apart for match in self.matches]) if self.matches else 0.0


class Pairing:
    """Conversations of both places. lanes: two of each pair, that of `up` in A first."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Flow, Flow, bool]] = []      # of A, of B, and whether `up` is the same in both
        self.lanes: list[tuple[Lane, Lane]] = []
        self.alone: tuple[list[Flow], list[Flow]] = ([], [])
        self.flows: tuple[dict[Flow, list[Sight]], dict[Flow, list[Sight]]] = ({}, {})


def names_itself(sight: Sight) -> Key | None:
    """A key that no other packet has: numbers that a stack draws by chance, or its payload and identification."""
    if sight.kind == TCP:
        if sight.flags & RST or not (sight.seq or sight.ack):
            return None
        return (TCP, sight.seq, sight.ack, sight.flags & KEPT_FLAGS, sight.length, sight.stamp)
    if sight.length < LEAST_PAYLOAD or not sight.ident:
        return None
    return (sight.kind, sight.length, sight.prefix, sight.ident)


def same_traffic(a: Place, b: Place) -> bool:
    """Whether two captures hold the same packets."""
    keys = [{key for sight in place.sights[:PROBED] if (key := names_itself(sight)) is not None} for place in (a, b)]
    both = len(keys[0] & keys[1])
    return both >= LEAST_ALIKE and both >= SHARE_ALIKE * min(map(len, keys))


def paired(a: Place, b: Place) -> Pairing:
    """Conversations, then packets."""
    made = Pairing()
    for side, place in enumerate((a, b)):
        for sight in place.sights:
            made.flows[side].setdefault(sight.flow, []).append(sight)
    whole, short = not (a.cut or b.cut), a.short or b.short
    for sight in [*a.sights, *b.sights] if short else []:
        sight.known = sight.prefix      # by what both of them hold
    _flows(made, whole)
    for flow, other, same in made.pairs:
        one, two = made.flows[0][flow], made.flows[1][other]
        lanes = (
            Lane([s for s in one if s.up], [s for s in two if s.up == same]),
            Lane([s for s in one if not s.up], [s for s in two if s.up != same]),
        )
        _shift(lanes)
        for lane in lanes:
            _packets(lane, whole)
        made.lanes.append(lanes)
    return made


# -- conversations ----------------------------------------------------------------------------------------------------


def _flows(made: Pairing, whole: bool) -> None:
    left: list[set[Flow]] = [set(made.flows[0]), set(made.flows[1])]
    for loose in (False, True):
        known: dict[Key, set[tuple[Flow, bool]]] = {}
        for flow in left[0]:
            for sight in made.flows[0][flow]:
                key = _loose(sight) if loose else _strict(sight, whole)
                if key is not None:
                    known.setdefault(key, set()).add((flow, sight.up))
        votes: Counter[tuple[Flow, Flow, bool]] = Counter()
        for other in left[1]:
            for sight in made.flows[1][other]:
                key = _loose(sight) if loose else _strict(sight, whole)
                places = known.get(key, set()) if key is not None else set()
                for flow, up in places if len(places) <= MOST_ALIKE else ():
                    # What is in several conversations says little; that its ends are the same says much.
                    weight = (1_000 if flow == other else 1_000 // len(places))
                    votes[flow, other, up == sight.up] += weight
        order = sorted(votes.items(), key=lambda entry: (entry[0][0] != entry[0][1], -entry[1], entry[0][:2]))
        for (flow, other, same), weight in order:
            if flow in left[0] and other in left[1] and (weight >= 1_000 or flow == other):
                made.pairs.append((flow, other, same))
                left[0].discard(flow)
                left[1].discard(other)
    for side in (0, 1):
        made.alone[side].extend(flow for flow in made.flows[side] if flow in left[side])
    first = {flow: place for place, flow in enumerate(made.flows[0])}
    made.pairs.sort(key=lambda pair: first[pair[0]])


def _strict(sight: Sight, whole: bool) -> Key | None:
    """Without its ends."""
    if sight.kind == TCP:
        return _tcp(sight, 0, 0, whole)
    return (sight.kind, sight.length, sight.known)


def _loose(sight: Sight) -> Key | None:
    """Without its numbers."""
    if sight.kind != TCP or sight.length < LEAST_PAYLOAD:
        return None
    return (sight.length, sight.known)


def _shift(lanes: tuple[Lane, Lane]) -> None:
    """By how much the numbers of the two places differ, where they do: by payloads that are in both."""
    shifts = []
    for lane in lanes:
        if not lane.a or lane.a[0].kind != TCP:
            return
        places: dict[Key, int] = {}
        for sight in lane.a:
            key = _loose(sight) or ((SYN, sight.flags, sight.mss) if sight.flags & SYN else None)
            if key is not None:
                places.setdefault(key, sight.seq)
        found: Counter[int] = Counter()
        for sight in lane.b:
            key = _loose(sight) or ((SYN, sight.flags, sight.mss) if sight.flags & SYN else None)
            if key is not None and key in places:
                found[(sight.seq - places[key]) & MASK] += 1
        shifts.append(found.most_common(1)[0][0] if found else 0)
    lanes[0].shift, lanes[1].shift = shifts[0], shifts[1]
    lanes[0].back, lanes[1].back = shifts[1], shifts[0]


# -- packets ----------------------------------------------------------------------------------------------------------


def _tcp(sight: Sight, shift: int, back: int, whole: bool, *, stamps: bool = True, payload: bool = True) -> Key:
    """As A would have it. shift, back: how much further B is."""
    return (
        (sight.seq - shift) & MASK, (sight.ack - back) & MASK if sight.flags & ACK else 0, sight.flags & KEPT_FLAGS,
        sight.length, sight.stamp if stamps else 0, sight.echo if stamps else 0,
        sight.prefix if payload and whole else 0,
    )


def _packets(lane: Lane, whole: bool) -> None:
    """Match what is alike; then, of the rest, what is alike but for its timestamps, or for its payload."""
    tcp = bool(lane.a) and lane.a[0].kind == TCP
    _round(lane, lane.a, lane.b, whole, stamps=True, payload=True)
    if tcp:
        for stamps, payload in ((False, True), (True, False)):
            if lane.alone[0] and lane.alone[1]:
                rest = lane.alone
                lane.alone = ([], [])
                _round(lane, rest[0], rest[1], whole, stamps=stamps, payload=payload)
    lane.matches.sort(key=lambda match: match.a.number)
    for side in (0, 1):
        lane.alone[side].sort(key=lambda sight: sight.number)


def _round(lane: Lane, a: list[Sight], b: list[Sight], whole: bool, *, stamps: bool, payload: bool) -> None:
    groups: dict[Key, tuple[list[Sight], list[Sight]]] = {}
    for side, sights in enumerate((a, b)):
        for sight in sights:
            if sight.kind == TCP:
                shift, back = (lane.shift, lane.back) if side else (0, 0)
                key = _tcp(sight, shift, back, whole, stamps=stamps, payload=payload)
            else:
                key = (sight.length, sight.known)
            groups.setdefault(key, ([], []))[side].append(sight)
    several = []
    for group in groups.values():
        if len(group[0]) == len(group[1]) == 1:
            lane.matches.append(Match(group[0][0], group[1][0]))
        elif not group[0] or not group[1]:
            lane.alone[0].extend(group[0])
            lane.alone[1].extend(group[1])
        else:
            several.append(group)
    usual = lane.usual()
    for group in several:
        _apart(lane, group[0], group[1], usual)


def _apart(lane: Lane, a: list[Sight], b: list[Sight], usual: float) -> None:
    """Of packets that are alike: by their identification, then by the delay that comes nearest the usual."""
    named: dict[int, list[Sight]] = {}
    for sight in a:
        if sight.ident:
            named.setdefault(sight.ident, []).append(sight)
    left_a, left_b = list(a), []
    copies: dict[int, Match] = {}
    for sight in b:
        same = named.get(sight.ident, [])
        if same and same[0] in left_a:
            match = Match(same.pop(0), sight)
            lane.matches.append(match)
            copies[sight.ident] = match
            left_a.remove(match.a)
        elif sight.ident and sight.ident in copies:
            lane.again[1].append((copies[sight.ident].b, sight))
        else:
            left_b.append(sight)
    rest_a = []
    for sight in left_a:
        if sight.ident and sight.ident in copies:
            lane.again[0].append((copies[sight.ident].a, sight))
        else:
            rest_a.append(sight)
    one_number = len({sight.ident for sight in [*rest_a, *left_b]}) == 1
    while rest_a and left_b and len(rest_a) * len(left_b) <= MOST_ALIKE * MOST_ALIKE:
        first, second = min(
            [(one, two) for one in rest_a for two in left_b],
            key=lambda pair: abs(pair[1].time - pair[0].time - usual),
        )
        lane.matches.append(Match(first, second))
        rest_a.remove(first)
        left_b.remove(second)
    stamped = a[0].stamp >= 0
    for side, rest in ((0, rest_a), (1, left_b)):
        for sight in rest:
            original = next((match for match in reversed(lane.matches) if _like(match, sight, side)), None)
            if original is not None and (stamped or (one_number and sight.ident)):
                lane.again[side].append(((original.b if side else original.a), sight))
            else:
                lane.alone[side].append(sight)


def _like(match: Match, sight: Sight, side: int) -> bool:
    other = match.b if side else match.a
    return (other.seq, other.ack, other.length, other.stamp, other.known, other.flags) == (
        sight.seq, sight.ack, sight.length, sight.stamp, sight.known, sight.flags)
