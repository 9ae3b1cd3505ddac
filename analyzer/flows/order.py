"""The order of the file is not the order of the wire: what the clock of a capture did, and which direction came late.

Nobody can acknowledge what has not arrived (RFC 9293 §3.10.7.4), and the clock behind TCP timestamps goes on at its own
pace (RFC 7323 §5.4), whatever the clock of the capture does.
"""
from __future__ import annotations

from bisect import bisect_left
from typing import Final

from mypy_extensions import i64

from analyzer.flows.sightings import Sighting
from dissectors.protocols.tcp.flags import ACK, RST
from dissectors.protocols.tcp.side import HALF, MASK

LEAST_STEP: Final[i64] = 1_000_000              # that the clock goes back by, to be called a step of it
LEAST_SILENCE: Final[i64] = 3_000_000_000       # that may be a step forward
SLOWEST_TICK: Final[i64] = 1_000_000_000        # RFC 7323 §5.4: a tick of a timestamp clock is at most a second
USUAL_TICK: Final[i64] = 1_000_000              # and on most systems a millisecond
LEAST_TICKS: Final[i64] = 10
LEAST_RESEND: Final[i64] = 200_000_000          # a lonely segment this late may be a resend of one that is missing
SEVERAL: Final = 3
EARLIEST: Final[i64] = -1
LATEST: Final[i64] = 1 << 62


class Step:
    """The clock of the capture was set. number: the first frame after it.   before: the last one before it.

    by: nanoseconds that the clock went too far; below 0 where it was set back.    moved: between the two frames, as the
    senders' own clocks tell, -1 where they do not.
    """

    def __init__(self, number: i64, before: i64, by: i64, moved: i64) -> None:
        self.number: i64 = number
        self.before: i64 = before
        self.by: i64 = by
        self.moved: i64 = moved
        self.times: list[i64] = [0, 0]     # as stamped, of the two frames


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


# -- steps of the clock ------------------------------------------------------------------------------------


def steps_of(sightings: list[Sighting]) -> list[Step]:
    """Where the clock of the capture was set, as one conversation shows it. In the order of the file."""
    found: list[Step] = []
    backward = _set_back(sightings)
    ticks = _ticks(sightings)
    asked: list[int] = []
    for at in range(1, len(sightings)):
        one, two = sightings[at - 1], sightings[at]
        gap = two.time - one.time
        if one.time >= 0 and two.time >= 0 and ((gap <= -LEAST_STEP and backward) or gap >= LEAST_SILENCE):
            asked.append(at)
    if not asked:
        return found
    stamped = [_Stamped(sightings, 0), _Stamped(sightings, 1)]
    for at in asked:
        step = _step(sightings, at, ticks, stamped)
        if step is not None:
            found.append(step)
    return found


class _Stamped:
    """Of one side: the nearest segments with a timestamp, before each place in the list and from it on; -1 for none."""

    def __init__(self, sightings: list[Sighting], side: int) -> None:
        self.before: list[int] = []
        self.behind: list[int] = [-1] * len(sightings)
        last = -1
        for at, sighting in enumerate(sightings):
            self.before.append(last)
            if sighting.direction == side and sighting.stamp >= 0:
                last = at
        last = -1
        for at in range(len(sightings) - 1, -1, -1):
            if sightings[at].direction == side and sightings[at].stamp >= 0:
                last = at
            self.behind[at] = last


def _set_back(sightings: list[Sighting]) -> bool:
    """Times that go back in the file: was the clock set, rather than the frames not sorted?"""
    falls = False
    for at in range(1, len(sightings)):
        if sightings[at].time <= sightings[at - 1].time - LEAST_STEP:
            falls = True
    if not falls:
        return False
    plain = list(range(len(sightings)))
    return disorder(sightings, plain) < disorder(sightings, _by_time(sightings))


def _step(sightings: list[Sighting], at: int, ticks: list[i64], stamped: list[_Stamped]) -> Step | None:
    """Between the frame `at` and the one before it, where both senders' clocks say so."""
    witnesses = 0
    gap = sightings[at].time - sightings[at - 1].time
    jump: i64 = gap
    moved: i64 = -1
    nearest: i64 = LATEST
    for side in (0, 1):
        first, second = stamped[side].before[at], stamped[side].behind[at]
        if first < 0 or second < 0:
            continue
        before, after = sightings[first], sightings[second]
        passed = (after.stamp - before.stamp) & MASK
        apart = after.time - before.time
        tick = ticks[side] if ticks[side] > 0 else SLOWEST_TICK
        if passed >= HALF or (gap > 0 and 3 * passed * tick >= apart):
            return None     # it was silent, or its clock tells nothing
        witnesses += 1
        real = passed * (ticks[side] if ticks[side] > 0 else USUAL_TICK)
        if after.number - before.number < nearest:
            nearest = after.number - before.number
            jump = apart - real
            moved = max(gap - jump, 0)
    if gap > 0 and (witnesses < 2 or gap - max(moved, 0) < gap // 2):
        return None
    step = Step(sightings[at].number, sightings[at - 1].number, gap - max(moved, 0), moved)
    step.times = [sightings[at - 1].time, sightings[at].time]
    return step


def _ticks(sightings: list[Sighting]) -> list[i64]:
    """Nanoseconds that a tick of each side's timestamp clock takes, between frames that follow closely; -1 unknown."""
    found: list[i64] = [-1, -1]
    for side in (0, 1):
        last: Sighting | None = None
        took: i64 = 0
        ticks: i64 = 0
        for sighting in sightings:
            if sighting.direction != side or sighting.stamp < 0:
                continue
            if last is not None:
                passed = (sighting.stamp - last.stamp) & MASK
                apart = sighting.time - last.time
                if 0 <= apart < LEAST_SILENCE and passed < HALF:
                    took += apart
                    ticks += passed
            last = sighting
        if ticks >= LEAST_TICKS:
            found[side] = min(max(took // ticks, 1_000), SLOWEST_TICK)
    return found


def set_right(number: int, time: int, steps: list[Step]) -> int:
    """A time of the capture as its clock would have given it had it not been set. steps: by frame."""
    told = time
    for step in steps:
        between = int(step.before) < number < int(step.number)
        if number >= int(step.number) or (
            between and abs(time - int(step.times[1])) < abs(time - int(step.times[0]))
        ):
            told -= int(step.by)
    return told


# -- the order ------------------------------------------------------------------------------------


def _by_time(sightings: list[Sighting]) -> list[int]:
    return [at for _time, at in sorted([(int(sighting.time), at) for at, sighting in enumerate(sightings)])]


def disorder(sightings: list[Sighting], order: list[int]) -> i64:
    """What cannot have happened in this order: ACKs of what comes later, numbers and sender's clocks that go back."""
    streams = Streams(sightings, order)
    told: list[i64] = [-LATEST, -LATEST]
    clocks: list[i64] = [-1, -1]
    count: i64 = 0
    for at in order:
        sighting = sightings[at]
        side = sighting.direction
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
    if any(sighting.tcp for sighting in sightings):
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
    sorted_order = _by_time(sightings)
    by_time, by_place = disorder(sightings, sorted_order), disorder(sightings, found.order)
    if by_time <= by_place:
        found.order = sorted_order
        found.follows = by_time < by_place
    else:
        found.unsorted = 0
        found.back = 0


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
        lags[side] = max(lags[side], sightings[data].time - sightings[ack].time)
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
