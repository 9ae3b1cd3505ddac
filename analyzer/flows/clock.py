"""What the clock of a capture did: where it was set, and what is known of its silences.

The clock behind TCP timestamps goes on at its own pace (RFC 7323 §5.4), whatever the clock of the capture does. It
stands still while its host is suspended.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.flows.order import FAR_LESS, LEAST_STEP, by_time, disorder, falls_of, one_late
from analyzer.flows.sightings import Sighting
from dissectors.protocols.tcp.flags import ACK, RST
from dissectors.protocols.tcp.side import HALF, MASK

LEAST_SILENCE: Final[i64] = 3_000_000_000       # that may be a step forward
SLOWEST_TICK: Final[i64] = 1_000_000_000        # RFC 7323 §5.4: a tick of a timestamp clock is at most a second
USUAL_TICK: Final[i64] = 1_000_000              # and on most systems a millisecond
LEAST_TICKS: Final[i64] = 10
LEAST_RETURN: Final[i64] = 1_000_000_000        # of a step back that may undo one forward, or be undone by one
LEAST_ASKED: Final[i64] = 1_000_000_000         # of a step back that datagrams alone tell of: replies before requests
MAX_JUMPS: Final = 64        # of the times of the whole capture that are kept: the longest forward, the first back
MAX_SILENCES: Final = 16     # of those forward that are examined by themselves
LATEST: Final[i64] = 1 << 62


class Step:
    """The clock of the capture was set. number: the first frame after it.   before: the last one before it.

    by: nanoseconds that the clock went too far; below 0 where it was set back.    moved: between the two frames, as the
    senders' own clocks tell, -1 where they do not.    times: as stamped, of the two frames.
    told: how much later than they are stamped frames are told, before it and behind it.
    stray: nothing tells of it but that a few frames are stamped far from all around them.
    """

    def __init__(self, number: i64, before: i64, by: i64, moved: i64) -> None:
        self.number: i64 = number
        self.before: i64 = before
        self.by: i64 = by
        self.moved: i64 = moved
        self.times: list[i64] = [0, 0]
        self.told: list[i64] = [0, 0]
        self.stray = False


class Break:
    """Two frames of the capture, one right behind the other in the file, whose times are far apart."""

    def __init__(self, before: i64, number: i64, since: i64, until: i64) -> None:
        self.before: i64 = before
        self.number: i64 = number
        self.since: i64 = since
        self.until: i64 = until

    def gap(self) -> int:
        return int(self.until - self.since)


class Breaks:
    """Of the whole capture: its longest silences, longest first once it is settled, and where its times fall.

    first: time of its first frame.    number, last: its last frame with a time, and that; -1 for none.
    """

    def __init__(self) -> None:
        self.first: i64 = -1
        self.number: i64 = 0
        self.last: i64 = -1
        self.silences: list[Break] = []
        self.falls: list[Break] = []

    def take(self, number: i64, time: i64) -> None:
        """The next frame that has a time."""
        if self.last < 0:
            self.first = time
        elif time - self.last >= LEAST_RETURN or self.last - time >= LEAST_STEP:
            self._note(self.number, number, self.last, time)
        self.number = number
        self.last = time

    def _note(self, before: i64, number: i64, since: i64, until: i64) -> None:
        found = Break(before, number, since, until)
        if until < since:
            if len(self.falls) < MAX_JUMPS:
                self.falls.append(found)
            return
        self.silences.append(found)
        if len(self.silences) > 2 * MAX_JUMPS:
            self.settle()

    def settle(self) -> None:
        """The longest silences first, and no others."""
        self.silences.sort(key=_gap, reverse=True)
        del self.silences[MAX_JUMPS:]

    def long(self) -> list[Break]:
        """The silences that are examined by themselves."""
        self.settle()
        return [one for one in self.silences if one.gap() >= LEAST_SILENCE][:MAX_SILENCES]

    def returns(self, step: Step) -> list[Break]:
        """Jumps forward that this step back may have undone, or that may have undone it, likeliest first: none where
        its times fall as well in between."""
        fell = step.times[0] - step.times[1]
        if fell < LEAST_RETURN:
            return []
        since: i64 = 0
        until = LATEST
        for fall in self.falls:
            if fall.number <= step.before:
                since = max(since, fall.number)
            elif fall.before >= step.number:
                until = min(until, fall.before)
        near = [
            one for one in self.silences
            if one.before >= since and one.number <= until and fell <= one.gap() <= fell + fell // 4
        ]
        return sorted([one for one in near if one.number <= step.before], key=_place, reverse=True) + sorted(
            [one for one in near if one.before >= step.number], key=_place
        )

    def narrow(self, step: Step) -> None:
        """Tell a step that one conversation shows between the two frames of the capture that are nearest to it."""
        best: Break | None = None
        for found in self.silences if step.by > 0 else self.falls:
            if found.before < step.before or found.number > step.number:
                continue
            if best is None or abs(found.gap()) > abs(best.gap()):
                best = found
        if best is None:
            return
        gap: i64 = best.gap()
        step.before, step.number = best.before, best.number
        step.times = [best.since, best.until]
        if step.moved >= 0:
            step.moved = max(gap - step.by, 0)
        elif step.by < 0:
            step.by = min(step.by, gap)


def _gap(found: Break) -> int:
    return found.gap()


def back(fall: Break) -> Step:
    """A step back that nothing tells of but these two times."""
    step = Step(fall.number, fall.before, fall.gap(), -1)
    step.times = [fall.since, fall.until]
    return step


def _place(found: Break) -> int:
    return int(found.number)


def undo(step: Step, jump: Break) -> Step:
    """The step forward that undoes this one back, or that it undoes."""
    gap: i64 = jump.gap()
    by = min(-step.by, gap)
    other = Step(jump.number, jump.before, by, gap - by if step.moved >= 0 else -1)
    other.times = [jump.since, jump.until]
    other.stray = step.stray
    return other


# -- steps of the clock back ------------------------------------------------------------------------------------


def steps_of(sightings: list[Sighting]) -> list[Step]:
    """Where the clock of the capture was set back, as one conversation shows it. In the order of the file."""
    falls = falls_of(sightings)
    if not falls or not _set_back(sightings, falls):
        return []
    ticks = _ticks(sightings)
    stamped = [_Stamped(sightings, 0), _Stamped(sightings, 1)]
    found: list[Step] = []
    for at in falls:
        step = _fall(sightings, at, ticks, stamped)
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


def _set_back(sightings: list[Sighting], falls: list[int]) -> bool:
    """Times that go back in the file: was the clock set, rather than the frames not sorted, or one direction late?"""
    if not sightings[0].tcp:
        fallen: i64 = 0
        for at in falls:
            fallen = max(fallen, sightings[at - 1].time - sightings[at].time)
        if fallen < LEAST_ASKED:
            return False
    if len(falls) > 1 and one_late(sightings):
        return False
    return FAR_LESS * disorder(sightings, list(range(len(sightings)))) < disorder(sightings, by_time(sightings))


def _fall(sightings: list[Sighting], at: int, ticks: list[i64], stamped: list[_Stamped]) -> Step | None:
    """The step between the frame `at`, which is stamped earlier, and the one before it."""
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
        if passed >= HALF:
            return None     # its clock tells nothing
        if after.number - before.number < nearest:
            nearest = after.number - before.number
            jump = after.time - before.time - passed * (ticks[side] if ticks[side] > 0 else USUAL_TICK)
            moved = max(gap - jump, 0)
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
            usual = ticks * USUAL_TICK
            near = 3 * took <= 4 * usual <= 5 * took      # as near as so few ticks can tell
            found[side] = USUAL_TICK if near else min(max(took // ticks, 1_000), SLOWEST_TICK)
    return found


def set_right(number: int, time: int, steps: list[Step]) -> int:
    """A time of the capture as its clock would have given it had it not been set. steps: by frame."""
    if not steps:
        return time
    told = int(steps[0].told[0])
    for step in steps:
        between = int(step.before) < number < int(step.number)
        if number >= int(step.number) or (
            between and abs(time - int(step.times[1])) < abs(time - int(step.times[0]))
        ):
            told = int(step.told[1])
    return time + told


def anchor(steps: list[Step], last: int) -> None:
    """Settle how much later than they are stamped the frames between these steps are told: most of them not at all.

    steps: by frame.    last: frame of the capture.
    """
    starts = [0] + [int(step.number) for step in steps]
    ends = [*starts[1:], last + 1]
    sums: list[int] = [0]
    for step in steps:
        sums.append(sums[len(sums) - 1] - int(step.by))
    frames: dict[int, int] = {}
    least = int(LEAST_STEP)      # sums of hostile times may be larger than a machine integer
    for at, total in enumerate(sums):
        near = next((one for one in frames if abs(one - total) < least), total)
        frames[near] = frames.get(near, 0) + max(ends[at] - starts[at], 0)
    kept = sums[0]
    for total, count in frames.items():
        if count > frames.get(kept, 0):
            kept = total
    if max([abs(total - kept) for total in sums]) >= int(LATEST):
        return      # no clock is set over more than all times that there are
    for at, step in enumerate(steps):
        step.told = [sums[at] - kept, sums[at + 1] - kept]


# -- silences of the whole capture ------------------------------------------------------------------------------


class Testimony:
    """What the clock of a host says of a silence.

    passed, stood: it went on meanwhile, or did not; neither where it cannot be told.    running: it was seen to go at
    other times.   real: nanoseconds that it counted, over `apart` of the capture, with `frames` between.
    """

    def __init__(self, sightings: list[Sighting], side: int, silence: Break) -> None:
        self.passed = False
        self.stood = False
        self.running = False
        self.real: i64 = 0
        self.apart: i64 = 0
        self.frames: i64 = LATEST
        early = [one for one in sightings if one.direction == side and one.stamp >= 0 and one.number <= silence.before]
        late = [one for one in sightings if one.direction == side and one.stamp >= 0 and one.number >= silence.number]
        if not early or not late:
            return
        first, second = early[len(early) - 1], late[0]
        count: i64 = (second.stamp - first.stamp) & MASK
        apart = second.time - first.time
        if count >= HALF or 2 * apart < silence.gap():     # its own frames are not that far apart: the clock came back
            return
        least, most = _bounds(early), _bounds(late)
        shortest, longest = max(least[0], most[0]), min(least[1], most[1])
        self.running = longest < SLOWEST_TICK
        self.stood = 3 * (count + 1 if self.running else count) * longest < apart
        if shortest > 0:
            self.passed = 2 * count * shortest >= apart
        elif not self.running:
            self.passed = 2 * count * USUAL_TICK >= apart
        self.apart = apart
        self.frames = second.number - first.number
        self.real = count * _likely(shortest, longest)


def _likely(shortest: i64, longest: i64) -> i64:
    """A tick between these bounds: the usual one where that is possible."""
    if shortest <= USUAL_TICK <= longest:
        return USUAL_TICK
    return (shortest + longest) // 2 if longest < SLOWEST_TICK else max(shortest, USUAL_TICK)


def _bounds(run: list[Sighting]) -> tuple[i64, i64]:
    """How long at least and at most a tick takes, in nanoseconds, as segments of one side tell that came without a
    silence: n ticks take longer than n - 1, and less than n + 1."""
    shortest: i64 = 0
    longest: i64 = SLOWEST_TICK
    start = 0
    for at in range(1, len(run) + 1):
        over = at == len(run)
        if not over:
            apart = run[at].time - run[at - 1].time
            over = not 0 <= apart < LEAST_SILENCE
        if over:
            count: i64 = (run[at - 1].stamp - run[start].stamp) & MASK
            took = run[at - 1].time - run[start].time
            if 0 < count < HALF and took > 0:
                shortest = max(shortest, took // (count + 1))
                if count > 1:
                    longest = min(longest, max(took // (count - 1), 1_000))
            start = at
    return shortest, max(longest, shortest)


def timer_stood(sightings: list[Sighting], silence: Break) -> bool:
    """Was something not acknowledged when the silence began, and so once it was over, without being sent again? No
    sender waits so long (RFC 6298 §2): to it, less time passed."""
    for side in (0, 1):
        sent = [one for one in sightings if one.direction == side and one.tcp and one.taken() > 0]
        acks = [one for one in sightings if one.direction == 1 - side and one.tcp and one.flags & (ACK | RST) == ACK]
        early = [one for one in sent if one.number <= silence.before]
        if not early:
            continue
        end = (early[len(early) - 1].seq + early[len(early) - 1].taken()) & MASK
        first: Sighting | None = None      # that acknowledges it
        for one in acks:
            if first is None and (one.ack - end) & MASK < HALF:
                first = one
        if first is None or first.number < silence.number:
            continue
        if not any(silence.number <= one.number < first.number for one in sent):
            return True
    return False


class Heard:
    """What all witnesses say of a silence. Hosts by their address.

    stood, passed: hosts whose clocks did.   running: of those that stood, the ones that were seen to go otherwise.
    """

    def __init__(self) -> None:
        self.stood: set[bytes] = set()
        self.passed: set[bytes] = set()
        self.running: set[bytes] = set()
        self.nearest: Testimony | None = None

    def take(self, host: bytes, one: Testimony) -> None:
        if one.passed:
            self.passed.add(host)
        if not one.stood:
            return
        self.stood.add(host)
        if one.running:
            self.running.add(host)
        if self.nearest is None or one.frames < self.nearest.frames:
            self.nearest = one

    def settle(self) -> None:
        """Who contradicts itself says nothing."""
        both = self.stood & self.passed
        self.stood -= both
        self.passed -= both
        self.running -= both

    def step(self, silence: Break) -> Step | None:
        """The clock was set forward: nobody's clock went on, of two hosts at least."""
        nearest = self.nearest
        gap: i64 = silence.gap()
        if nearest is None or self.passed or len(self.stood) < 2:
            return None
        by = min(nearest.apart - nearest.real, gap)
        if by < gap // 2:
            return None
        step = Step(silence.number, silence.before, by, gap - by)
        step.times = [silence.since, silence.until]
        return step
