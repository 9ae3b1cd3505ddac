"""The order of the file is not the order of the wire: which frames, and which direction, came late.

Nobody can acknowledge what has not arrived (RFC 9293 §3.10.7.4).
"""
from __future__ import annotations

from bisect import bisect_left
from typing import Final

from mypy_extensions import i64

from analyzer.flows.sightings import Sighting
from dissectors.protocols.tcp.flags import ACK, RST
from dissectors.protocols.tcp.side import HALF, MASK

LEAST_STEP: Final[i64] = 1_000_000              # that the clock goes back by, to be called a step of it
LEAST_RESEND: Final[i64] = 200_000_000          # a lonely segment this late may be a resend of one that is missing
SEVERAL: Final = 3
FAR_LESS: Final = 4         # times as much disorder: an order that is possible, and one that is not
EARLIEST: Final[i64] = -1
LATEST: Final[i64] = 1 << 62


class Order:
    """The packets of a conversation in the order in which they can have been sent.

    order: indexes into the list that was given.   times: when each is told, by its index.
    late: the direction whose frames come too late against the other, -1 for none, 2 for both.
    lag: by how much at the most; acks: ACKs that stood before what they acknowledge; frames: a few of both.
    shifted: all frames of that direction were set earlier by `lag`; otherwise only those that have to be.
    unsure: how much later still that direction may be, -1 where nothing tells.
    unsorted: frames that stood behind a later one in the file; back: by how much at the most; follows: the order of the
    times is more possible than that of the file.
    """

    def __init__(self, sightings: list[Sighting]) -> None:
        self.sightings = sightings
        self.order: list[int] = list(range(len(sightings)))
        self.times: list[i64] = [sighting.time for sighting in sightings]
        self.late: i64 = -1
        self.lag: i64 = 0
        self.acks: i64 = 0
        self.frames: list[int] = []
        self.shifted = False
        self.unsure: i64 = -1
        self.unsorted: i64 = 0
        self.back: i64 = 0
        self.follows = False

    def changes(self) -> bool:
        """Whether anything is told otherwise than it stands in the file."""
        return self.late >= 0 or self.unsorted > 0


class Streams:
    """The segments of both directions in one order: where each begins and ends in its stream, what it acknowledges."""

    def __init__(self, sightings: list[Sighting], order: list[int]) -> None:
        self.starts: list[i64] = [0] * len(sightings)
        self.ends: list[i64] = [0] * len(sightings)
        self.acked: list[i64] = [-1] * len(sightings)
        self.reached: list[list[i64]] = [[], []]     # of each direction, the highest end so far ...
        self.by: list[list[int]] = [[], []]          # ... and which segment brought it
        bases: list[i64] = [-1, -1]
        for at in order:
            sighting = sightings[at]
            side = sighting.direction
            if side > 1 or not sighting.tcp or sighting.flags & RST:
                continue
            if bases[side] < 0:
                bases[side] = sighting.seq
            start = _ahead(sighting.seq, bases[side])
            end = start + sighting.taken()
            self.starts[at] = start
            self.ends[at] = end
            reached = self.reached[side]
            if not reached or end > reached[-1]:
                # What lies behind a hole, or tells by its number alone how far the stream is, is not what an ACK is of.
                sound = sighting.taken() > 0 and (not reached or start <= reached[-1])
                reached.append(end)
                self.by[side].append(at if sound else -1)
        for at in order:
            sighting = sightings[at]
            side = sighting.direction
            if side < 2 and sighting.tcp and sighting.flags & (ACK | RST) == ACK and bases[1 - side] >= 0:
                self.acked[at] = _ahead(sighting.ack, bases[1 - side])

    def sent(self, at: int, side: i64) -> int:
        """Which segment of the other direction brought the last octet that this one acknowledges; -1 where the capture
        does not hold it for certain."""
        reached = self.reached[1 - side]
        acked = self.acked[at]
        if acked <= 0 or not reached or acked > reached[-1]:
            return -1
        data = self.by[1 - side][bisect_left(reached, acked)]
        return data if data >= 0 and self.starts[data] < acked else -1


def _ahead(number: i64, base: i64) -> i64:
    """From base to number, modulo 2**32, as the nearer way goes."""
    ahead = (number - base) & MASK
    return ahead - MASK - 1 if ahead >= HALF else ahead


def _older(one: i64, other: i64) -> bool:
    ahead = (other - one) & MASK
    return ahead != 0 and ahead < HALF


# -- the order ------------------------------------------------------------------------------------


def falls_of(sightings: list[Sighting]) -> list[int]:
    """Where a frame is stamped earlier than the one before it in the file."""
    return [
        at for at in range(1, len(sightings))
        if 0 <= sightings[at].time <= sightings[at - 1].time - LEAST_STEP
    ]


def one_late(sightings: list[Sighting]) -> bool:
    """Are the times of each direction in order? Where they fall again and again between the two, they are of two
    clocks, and none of them was set."""
    latest: list[i64] = [EARLIEST, EARLIEST, EARLIEST]
    for sighting in sightings:
        if sighting.time >= 0:
            if sighting.time <= latest[sighting.direction] - LEAST_STEP:
                return False
            latest[sighting.direction] = max(latest[sighting.direction], sighting.time)
    return True


def by_time(sightings: list[Sighting]) -> list[int]:
    return [at for _time, at in sorted([(int(sighting.time), at) for at, sighting in enumerate(sightings)])]


def disorder(sightings: list[Sighting], order: list[int]) -> i64:
    """What cannot have happened in this order: ACKs of what comes later, numbers and sender's clocks that go back,
    replies before what they reply to."""
    streams = Streams(sightings, order)
    told: list[i64] = [-LATEST, -LATEST]
    clocks: list[i64] = [-1, -1]
    count: i64 = 0
    waiting: i64 = 0        # datagrams that were sent, and have no reply yet
    for at in order:
        sighting = sightings[at]
        side = sighting.direction
        if side < 2 and not sighting.tcp:
            if side and not waiting:
                count += 1
            waiting = max(waiting - 1, 0) if side else waiting + 1
        if side > 1 or not sighting.tcp or sighting.flags & RST:
            continue
        if sighting.taken() and streams.ends[at] <= told[side]:
            count += 1
        told[side] = max(told[side], streams.ends[at])
        if streams.acked[at] > told[1 - side] and streams.sent(at, side) >= 0:
            count += 1
        if sighting.stamp >= 0:
            if clocks[side] >= 0 and _older(sighting.stamp, clocks[side]):
                count += 1
            clocks[side] = sighting.stamp
    return count


def ordered(sightings: list[Sighting]) -> Order:
    """The order of these packets, each there once, in the order of the capture, with times that are set right."""
    found = Order(sightings)
    _sort(found)
    if found.late < 0 and any(sighting.tcp for sighting in sightings):
        _causes(found)
    return found


def _sort(found: Order) -> None:
    """By time, unless that would be less possible than the order of the file."""
    sightings = found.sightings
    latest: i64 = EARLIEST
    for sighting in sightings:
        if 0 <= sighting.time < latest:
            found.unsorted += 1
            found.back = max(found.back, latest - sighting.time)
        latest = max(latest, sighting.time)
    if not found.unsorted:
        return
    sorted_order = by_time(sightings)
    sorted_so, as_placed = disorder(sightings, sorted_order), disorder(sightings, found.order)
    blocks = sorted_so <= FAR_LESS * as_placed and one_late(sightings)      # one direction behind the other
    if sorted_so <= as_placed or blocks:
        found.order = sorted_order
        found.follows = sorted_so < as_placed
    elif not _two_clocks(found):
        found.unsorted = 0
        found.back = 0


def _two_clocks(found: Order) -> bool:
    """Set right a direction whose times are of another clock, where the file has the order of the wire."""
    sightings = found.sightings
    falls = falls_of(sightings)
    if not falls or not one_late(sightings):
        return False
    late = sightings[falls[0] - 1].direction
    lag: i64 = 0
    room: i64 = LATEST
    for at in range(1, len(sightings)):
        one, two = sightings[at - 1], sightings[at]
        if one.direction == two.direction or one.time < 0 or two.time < 0:
            continue
        if one.direction == late:
            lag = max(lag, one.time - two.time)
        elif two.direction == late:
            room = min(room, two.time - one.time)
    if late > 1 or lag > room:
        return False
    found.late = late
    found.lag = lag
    found.shifted = True
    found.unsure = room - lag if room < LATEST else -1
    found.acks = len(falls)
    found.frames = sorted({int(sightings[at - back].number) for at in falls[:8] for back in (0, 1)})
    for at, sighting in enumerate(sightings):
        if sighting.direction == late:
            found.times[at] = sighting.time - lag
    return True


def _causes(found: Order) -> None:
    """Set right what is acknowledged before it is there."""
    sightings = found.sightings
    streams = Streams(sightings, found.order)
    rank: list[int] = [0] * len(sightings)
    for place, at in enumerate(found.order):
        rank[at] = place
    early = _early(sightings, streams, found.order, rank)
    if not early:
        return
    lags: list[i64] = [-1, -1]
    for ack, data in early:
        side = sightings[data].direction
        timed = sightings[data].time >= 0 and sightings[ack].time >= 0
        lags[side] = max(lags[side], sightings[data].time - sightings[ack].time if timed else 0)
    found.acks = len(early)
    cited = sorted({int(sightings[at].number) for pair in early[:8] for at in pair})
    found.frames = cited
    found.lag = max(lags[0], lags[1])
    if lags[0] >= 0 and lags[1] >= 0:
        found.late = 2
    else:
        found.late = 0 if lags[0] >= 0 else 1
        room = _room(sightings, streams, found.order, found.late)
        if room >= found.lag and len(early) >= SEVERAL:
            found.shifted = True
            found.unsure = room - found.lag if room < LATEST else -1
    if found.shifted:
        for at, sighting in enumerate(sightings):
            if sighting.direction == found.late:
                found.times[at] = sighting.time - found.lag
    else:
        _pull(found, early)
    found.order = _merge(found, streams)


def _early(
    sightings: list[Sighting], streams: Streams, order: list[int], rank: list[int]
) -> list[tuple[int, int]]:
    """(ACK, the segment that first reaches what it acknowledges) where the ACK stands first, as far as it is proven."""
    found: list[tuple[int, int]] = []
    doubtful: list[tuple[int, int]] = []
    for at in order:
        side = sightings[at].direction
        if side > 1:
            continue
        data = streams.sent(at, side)
        if data < 0 or rank[data] < rank[at]:
            continue
        ack, sent = sightings[at], sightings[data]
        if sent.stamp >= 0 and ack.echo > 0:
            if not _older(ack.echo, sent.stamp):    # RFC 7323 §4.3: it echoes a clock no older than the segment's
                found.append((at, data))
        elif sent.time - ack.time < LEAST_RESEND:
            found.append((at, data))
        else:
            doubtful.append((at, data))
    if len({data for _ack, data in doubtful}) >= SEVERAL:
        found += doubtful
    return found


def _room(sightings: list[Sighting], streams: Streams, order: list[int], late: i64) -> i64:
    """By how much a direction may be earlier before it acknowledges what is not there yet."""
    room: i64 = LATEST
    for at in order:
        sighting = sightings[at]
        if sighting.direction == late:
            data = streams.sent(at, late)
            if data >= 0:
                room = min(room, sighting.time - sightings[data].time)
    return room


def _pull(found: Order, early: list[tuple[int, int]]) -> None:
    """Tell each segment no later than its ACK, and what the same side sent before no later than that."""
    caps: dict[int, i64] = {}
    for ack, data in early:
        caps[data] = min(caps.get(data, LATEST), found.sightings[ack].time)
    for side in (0, 1):
        cap: i64 = LATEST
        for place in range(len(found.order) - 1, -1, -1):
            at = found.order[place]
            if found.sightings[at].direction != side:
                continue
            cap = min(cap, caps.get(at, LATEST))
            found.times[at] = min(found.times[at], cap)


def _merge(found: Order, streams: Streams) -> list[int]:
    """Both directions, each in its own order, by time; nothing before what it acknowledges."""
    sightings = found.sightings
    queues: list[list[int]] = [[], []]
    for at in found.order:
        queues[1 if sightings[at].direction == 1 else 0].append(at)
    heads: list[int] = [0, 0]
    told: list[i64] = [-LATEST, -LATEST]
    out: list[int] = []
    latest: i64 = EARLIEST
    while heads[0] < len(queues[0]) or heads[1] < len(queues[1]):
        side = _next(found, streams, queues, heads, told)
        at = queues[side][heads[side]]
        heads[side] += 1
        sighting = sightings[at]
        if sighting.tcp and sighting.direction < 2 and not sighting.flags & RST:
            told[side] = max(told[side], streams.ends[at])
        if found.times[at] >= 0:
            latest = max(latest, found.times[at])
            found.times[at] = latest
        out.append(at)
    return out


def _next(
    found: Order, streams: Streams, queues: list[list[int]], heads: list[int], told: list[i64]
) -> int:
    if heads[0] >= len(queues[0]):
        return 1
    if heads[1] >= len(queues[1]):
        return 0
    one, two = queues[0][heads[0]], queues[1][heads[1]]
    waits = [_waits(found, streams, one, told), _waits(found, streams, two, told)]
    if waits[0] != waits[1]:
        return 1 if waits[0] else 0
    if found.times[one] != found.times[two]:
        return 0 if found.times[one] < found.times[two] else 1
    return 0 if found.sightings[one].number < found.sightings[two].number else 1


def _waits(found: Order, streams: Streams, at: int, told: list[i64]) -> bool:
    """Does it acknowledge what is still to be told?"""
    side = found.sightings[at].direction
    return side < 2 and streams.acked[at] > told[1 - side] and streams.sent(at, side) >= 0
