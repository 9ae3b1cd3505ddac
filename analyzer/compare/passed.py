"""What became of the packets of one way: lost, left out by a capture, cut otherwise, duplicated, overtaken.

A packet of the first place that is not at the second is called lost only within the stretch that both captures cover,
and only where nothing shows that the second capture left it out. What else could look like a loss, and how it is told
apart:

- The capture at the second place missed the frame: there the data are acknowledged, and no other frame shows them.
- The same octets lie in other frames: a network card, or a proxy, cut them otherwise.
- The frame is a copy of one that came: the first capture holds each packet twice.
- The frame left too late to come before the second capture ended, or came before that began.
- Nothing of its whole conversation is at the second place: another way, a filter, a capture filter. That is told apart.
"""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from analyzer.compare.matching import MASK, Lane, Match
from analyzer.compare.sight import ACK, Sight
from analyzer.packet import TCP
from analyzer.passage import TO_B, Clock, Passage, Way

HALF: Final = 1 << 31
MARGIN: Final = 10_000_000      # nanoseconds beyond the longest delay that was seen, in which a packet may still come


class Stretch:
    """What both captures cover, by A's clock. longest: that a packet took, by the offset that is told."""

    def __init__(self, passage: Passage, clock: Clock, spans: tuple[tuple[int, int], tuple[int, int]]) -> None:
        offset = clock.offset_at(spans[0][0]), clock.offset_at(spans[0][1])
        self.since = max(spans[0][0], spans[1][0] - offset[0])
        self.until = min(spans[0][1], spans[1][1] - offset[1])
        self.clock = clock
        passage.since_ns, passage.until_ns = self.since, self.until

    def covers(self, sight: Sight, place: int, longest: int) -> bool:
        """A packet that passes this place then would be at the other one within the stretch."""
        time = sight.time if place == 0 else sight.time - self.clock.offset_at(sight.time)
        return self.since + MARGIN // 10 <= time <= self.until - longest - MARGIN


def passed(passage: Passage, lane: Lane, back: Lane, to: int, stretch: Stretch) -> None:
    """Add what became of one direction of a conversation. back: the other direction.     to: which way it goes."""
    way = passage.ways[to]
    longest = way.delays.most_ns
    first, second = (0, 1) if to == TO_B else (1, 0)
    frames = lane.alone[first]
    covered = [sight for sight in frames if stretch.covers(sight, first, longest)]
    way.outside += len(frames) - len(covered)
    came = [match for match in lane.matches if stretch.covers(_of(match, first), first, longest)]
    way.came += len(came)
    way.sent += len(came)
    shown = _Octets(lane, second)
    acked = _acknowledged(back, second, lane)
    for sight in covered:
        if sight.kind == TCP and sight.length:
            start = _there(sight.seq, lane, first)
            if shown.holds(start, sight.length, only=True):
                way.recut += 1
                way.sent += 1
                way.came += 1
                continue
            if acked is not None and _reaches(acked, (start + sight.length) & MASK) and \
                    not shown.touches(start, sight.length):
                way.missed.append(sight.number)
                passage.left[second] += 1
                continue
        way.sent += 1
        # That data were lost, the resend proves, or that nobody acknowledged them; of others nothing does.
        (way.lost if sight.kind == TCP and sight.length and acked is not None else way.unsure).append(sight.number)
    here = _Octets(lane, first)
    acked = _acknowledged(back, first, lane)
    for sight in lane.alone[second]:
        octets = sight.length if sight.kind == TCP else 0
        start = _there(sight.seq, lane, second)
        if not stretch.covers(sight, second, 0) or _early(sight, second, stretch, longest):
            way.outside += 1
        elif octets and here.holds(start, octets, only=True):
            continue      # counted where it was cut
        elif octets and acked is not None and _reaches(acked, (start + octets) & MASK):
            way.missed.append(sight.number)
            passage.left[first] += 1
        else:
            way.new.append(sight.number)
    way.twice += [(original.number, sight.number) for original, sight in lane.again[second]]
    _order(way, lane.matches, first, stretch.clock)
    for match in lane.matches:
        hops = (match.a.ttl - match.b.ttl) * (1 if to == TO_B else -1)
        way.hops[hops] = way.hops.get(hops, 0) + 1


def _early(sight: Sight, place: int, stretch: Stretch, longest: int) -> bool:
    """It may have passed the first place before the captures have a stretch in common."""
    time = sight.time if place == 0 else sight.time - stretch.clock.offset_at(sight.time)
    return time - longest - MARGIN < stretch.since


def _of(match: Match, side: int) -> Sight:
    return match.b if side else match.a


def _there(seq: int, lane: Lane, side: int) -> int:
    """A sequence number as A has it."""
    return (seq - lane.shift) & MASK if side else seq


class _Octets:
    """Which octets of a direction one place holds, by A's numbers. alone: those of frames that are not matched."""

    def __init__(self, lane: Lane, side: int) -> None:
        matched = [_of(match, side) for match in lane.matches]
        self.all = _spans([*matched, *lane.alone[side]], lane, side)
        self.alone = _spans(lane.alone[side], lane, side)
        self.starts = [start for start, _end in self.all]
        self.alone_starts = [start for start, _end in self.alone]

    def holds(self, start: int, length: int, *, only: bool) -> bool:
        """Whether all these octets lie in frames of this place. only: in those that are not matched."""
        spans, starts = (self.alone, self.alone_starts) if only else (self.all, self.starts)
        at = bisect_right(starts, start) - 1
        return at >= 0 and spans[at][1] >= start + length

    def touches(self, start: int, length: int) -> bool:
        """Whether any of them does."""
        at = bisect_left(self.starts, start + length) - 1
        return at >= 0 and self.all[at][1] > start


def _spans(sights: list[Sight], lane: Lane, side: int) -> list[tuple[int, int]]:
    """Stretches of octets, in order and apart; numbers go around, which shows as two stretches."""
    found = sorted([
        (start, start + sight.length) for sight in sights if sight.length for start in [_there(sight.seq, lane, side)]
    ])
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _acknowledged(back: Lane, side: int, lane: Lane) -> int | None:
    """The highest acknowledgment that this place holds of the direction, by A's numbers; None for none."""
    found: int | None = None
    for sight in [*[_of(match, side) for match in back.matches], *back.alone[side]]:
        if sight.kind == TCP and sight.flags & ACK:
            ack = _there(sight.ack, lane, side)
            if found is None or (ack - found) & MASK < HALF:
                found = ack
    return found


def _reaches(acked: int, end: int) -> bool:
    return (acked - end) & MASK < HALF


def _order(way: Way, matches: list[Match], first: int, clock: Clock) -> None:
    """Packets that come after one that was sent later (RFC 4737 §3.3), and how much later they come."""
    highest = latest = -1
    for match in sorted(matches, key=lambda match: _of(match, 1 - first).number):
        sent, came = _of(match, first), _of(match, 1 - first)
        if sent.number > highest:
            highest, latest = sent.number, came.time
        else:
            way.overtaken.append(came.number)
            way.late_ns = max(way.late_ns, came.time - latest)
