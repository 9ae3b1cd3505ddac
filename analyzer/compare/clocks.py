"""Two clocks, from packets that pass both in either direction.

A packet that goes from A to B shows (delay there) + (offset), one that goes back (offset) - (delay back), and no delay
is less than nothing. So the offset lies below all of the first and above all of the second, and if it changes evenly,
a line lies between them. Every line that does is possible: the middle of them is told, with half of their width as its
error, which is half of the least way there and back. Where between these bounds it lies, and so how much of the way
there and back is the way there, nobody can tell from the packets alone: an asymmetric path and another offset look
alike. Drift is told only where no level line lies between them; a queue, which looks like drift, moves one side alone.
Where no line at all does, one of the clocks was set, or is not even.
"""
from __future__ import annotations

from typing import Final

from analyzer.compare.matching import Lane, Match
from analyzer.passage import TO_A, TO_B, Clock, Delays
from dissectors.kit.units import median

WINDOWS: Final = 200           # of each of which the packet that was fastest is kept, for each way
FASTEST: Final = 0.001         # that a clock which nobody sets gains or loses in each second
HALVINGS: Final = 40
SLACK: Final = (0, 20_000, 200_000)     # nanoseconds that stamps may be wrong by, the first that lets a line through
MOST_POINTS: Final = 2_000     # of a drawn delay


def way_of(lanes: tuple[Lane, Lane]) -> tuple[int, int]:
    """Which way the packets of each of the two directions go, or -1 where nothing shows it.

    A router takes one off the hop limit, so the larger one is seen first. Else of two directions the one whose packets
    are stamped later by B, against the other, goes to B: the offset is the same in both.
    """
    found = []
    for lane in lanes:
        hops = [match.a.ttl - match.b.ttl for match in lane.matches]
        middle = median(hops) if hops else 0
        found.append(TO_B if middle > 0 else TO_A if middle < 0 else -1)
    if found[0] < 0 and found[1] < 0 and lanes[0].matches and lanes[1].matches:
        first, second = lanes[0].usual(), lanes[1].usual()
        return (TO_B, TO_A) if first >= second else (TO_A, TO_B)
    if found[0] < 0 <= found[1]:
        found[0] = 1 - found[1]
    if found[1] < 0 <= found[0]:
        found[1] = 1 - found[0]
    return found[0], found[1]


def clock_of(there: list[Match], back: list[Match]) -> Clock:
    """From the packets that go to B, and those that go to A."""
    made = Clock()
    every = [*there, *back]
    if not every:
        return made
    times = [match.a.time for match in every]
    made.at_ns = (min(times) + max(times)) // 2
    made.bounded = bool(there) and bool(back)
    if not made.bounded:
        apart = [match.apart for match in every]
        made.offset_ns = min(apart) if there else max(apart)
        return made
    start, end = min(times), max(times)
    highs = _fastest([(match.a.time - made.at_ns, match.apart) for match in there], start - made.at_ns, end - start)
    lows = _fastest([(match.a.time - made.at_ns, -match.apart) for match in back], start - made.at_ns, end - start)
    for slack in SLACK:
        upper, lower = [(x, y + slack) for x, y in highs], [(x, -y - slack) for x, y in lows]
        least, most = _slopes(lower, upper)
        if least <= most and (slope := _chosen(least, most)) is not None and _gap(lower, upper, slope)[0] >= 0:
            _set(made, lower, upper, slope, (least, most))
            return made
    made.steady = False
    made.offset_ns = (min([y for _x, y in highs]) + max([-y for _x, y in lows])) // 2
    return made


def _fastest(points: list[tuple[int, int]], start: int, lasted: int) -> list[tuple[int, int]]:
    """Of each window of time the least."""
    best: dict[int, tuple[int, int]] = {}
    for x, y in points:
        place = (x - start) * WINDOWS // max(lasted, 1)
        if place not in best or y < best[place][1]:
            best[place] = (x, y)
    return sorted(best.values())


def _slopes(lower: list[tuple[int, int]], upper: list[tuple[int, int]]) -> tuple[float, float]:
    """The least and the largest slope of a line above all of the first and below all of the second."""
    least, most = float("-inf"), float("inf")
    for x1, y1 in lower:
        for x2, y2 in upper:
            if x2 > x1:
                most = min(most, (y2 - y1) / (x2 - x1))
            elif x2 < x1:
                least = max(least, (y2 - y1) / (x2 - x1))
            elif y2 < y1:
                return 1.0, -1.0
    return least, most


def _chosen(least: float, most: float) -> float | None:
    """Level, where that is possible; else in the middle."""
    if least <= 0 <= most:
        return 0.0
    if least == float("-inf") or most == float("inf"):
        return None
    return (least + most) / 2


def _gap(lower: list[tuple[int, int]], upper: list[tuple[int, int]], slope: float) -> tuple[float, float]:
    """(How wide the gap is in which a line of this slope lies, its middle), where the stretch has its middle."""
    low = max([y - x * slope for x, y in lower])
    high = min([y - x * slope for x, y in upper])
    return high - low, (high + low) / 2


def _top(points: list[tuple[int, int]], least: float, most: float) -> float:
    """How high a line of a slope between these two can lie in the middle, below all points: as a function of the slope
    it rises and then falls, so its highest place is found by thirds."""
    for _ in range(HALVINGS):
        third = (most - least) / 3
        one, two = [min([y - x * slope for x, y in points]) for slope in (least + third, most - third)]
        least, most = (least + third, most) if one < two else (least, most - third)
    return min([y - x * (least + most) / 2 for x, y in points])


def _set(
    made: Clock, lower: list[tuple[int, int]], upper: list[tuple[int, int]], slope: float, slopes: tuple[float, float]
) -> None:
    width, middle = _gap(lower, upper, slope)
    made.round_ns = int(width)
    least, most = [min(max(one, slope - FASTEST), slope + FASTEST) for one in slopes]
    high = _top(upper, least, most)
    low = -_top([(x, -y) for x, y in lower], -most, -least)
    made.offset_ns = int(middle)
    made.error_ns = int(max(high - middle, middle - low)) + 1
    made.drifts = slope != 0
    made.drift_ppb = int(slope * 1e9)
    made.drift_error_ppb = int(max(most - slope, slope - least) * 1e9) + 1


def delays_of(clock: Clock, matches: list[Match], way: int) -> Delays:
    """How long the packets of one way took, by the offset that is told."""
    made = Delays()
    if not matches or not clock.steady:
        return made
    found = []
    for match in matches:
        apart = match.apart - clock.offset_at(match.a.time)
        found.append((match.a.time, apart if way == TO_B else -apart, match))
    found.sort(key=lambda entry: entry[0])
    values = sorted([delay for _time, delay, _match in found])
    made.count = len(values)
    made.least_ns, made.most_ns = values[0], values[-1]
    made.median_ns = int(median(values))
    made.high_ns = values[min(len(values) * 95 // 100, len(values) - 1)]
    most = max(found, key=lambda entry: entry[1])[2]
    made.most_frames = (most.a.number, most.b.number)
    step = max(len(found) // MOST_POINTS, 1)
    made.series = [
        max([(time, delay) for time, delay, _match in found[at:at + step]], key=lambda entry: entry[1])
        for at in range(0, len(found), step)
    ]
    return made
