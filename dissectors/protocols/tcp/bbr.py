"""The phases of a sender that goes by BBR, as what it has outstanding shows them: an inference.

BBR (draft-ietf-ccwg-bbr; Linux: net/ipv4/tcp_bbr.c) sends at the rate that it measures. It doubles that until it grows
no more (startup), sends less until the queue that it has made is gone (drain), and then goes a little above and below
it (probe_bw). When the shortest round trip was not measured anew for 10 s it keeps at most 4 segments under way for 200
ms (probe_rtt).

What looks alike: a loss, which also makes a sender have less outstanding (nothing is concluded where something is sent
again), a program that makes data slowly, or a buffer that is full in turns (then what is outstanding falls to nothing,
or goes up and down all the time). So a drain is told only behind a plateau, and a probe_rtt only where data go on.
"""
from __future__ import annotations

from itertools import pairwise
from typing import Final

DRAINED: Final = 0.75           # of the plateau: less than that is left by a drain, for a while
PLATEAU: Final = 0.85           # of what was outstanding at most: more than that is on the plateau
LEFT: Final = 0.65              # ... at its end
DRAIN_TRIPS: Final = 10         # round trips, without a queue, that it takes at most
PLATEAU_TRIPS: Final = 3        # round trips that startup goes on without growing (tcp_bbr.c, bbr_full_bw_cnt)
LEAST_PLATEAU: Final = 10       # segments
FEW: Final = 6                  # segments under way in probe_rtt: 4, and what comes and goes in the same moment
LEAST_PROBE_NS: Final = 180_000_000     # of 200 ms: rows of a course begin and end a little off
MOST_PROBE_NS: Final = 1_500_000_000
LEAST_STEPS: Final = 2          # rows in each of which data are sent: a program that pauses sends none


class BbrPhases:
    """startup, drained: when startup and drain ended, in ns, -1 where that does not show. probes: (since, until) of
    each probe_rtt."""

    def __init__(self) -> None:
        self.startup = -1
        self.drained = -1
        self.probes: list[tuple[int, int]] = []

    def any(self) -> bool:
        return self.startup >= 0 or bool(self.probes)


def bbr_phases(course: dict[str, list[int]], segment: int, trip_ns: int) -> BbrPhases:
    """course: columns as `dissectors.kit.course` has them. segment: octets of a full one. trip_ns: the shortest round
    trip."""
    found = BbrPhases()
    if segment > 0 and trip_ns > 0:
        _opening(course, segment, trip_ns, found)
        _probes(course, segment, found)
    return found


def _opening(course: dict[str, list[int]], segment: int, trip_ns: int, found: BbrPhases) -> None:
    """A plateau that lasts, and then less, though the sender goes on and nothing was sent again."""
    times, most, least = course["time_ns"], course["outstanding_most"], course["outstanding_least"]
    again = [octets - sent for octets, sent in zip(course["octets"], course["sent"], strict=True)]
    top = begin = 0
    for at in range(len(times)):
        if again[at] > again[0]:
            return
        top = max(top, most[at])
        if top < LEAST_PLATEAU * segment or least[at] >= DRAINED * top:
            continue
        since = next(row for row in range(begin, at + 1) if most[row] >= PLATEAU * top)
        on = [row for row in range(since, at) if least[row] >= PLATEAU * top]
        if not on or times[on[-1]] - times[since] < PLATEAU_TRIPS * trip_ns:
            top, begin = most[at], at       # it was none
            continue
        low = _lowest(course, at, top, trip_ns)
        if low >= 0:
            found.startup, found.drained = times[on[-1]], times[low]
        return


def _lowest(course: dict[str, list[int]], at: int, top: int, trip_ns: int) -> int:
    """The row in which the least is outstanding, where it goes down for a while, data are sent all the time, none of
    them again, and it stays below for a round trip; -1 where it does not."""
    times, most, least, sent = (course[name] for name in ("time_ns", "outstanding_most", "outstanding_least", "sent"))
    low = at
    for row in range(at, len(times)):
        if times[row] > times[at] + DRAIN_TRIPS * trip_ns or least[row] > least[low] + (top - least[low]) // 2:
            break
        low = row if least[row] < least[low] else low
    rows = [row for row in range(low, len(times)) if times[row] <= times[low] + 2 * trip_ns]
    end = rows[-1]
    again = course["octets"][end] - sent[end] > course["octets"][0] - sent[0]
    if times[end] < times[low] + trip_ns or again or 100 * least[low] > int(100 * LEFT) * top or not least[low]:
        return -1
    below = all(most[row] < PLATEAU * top for row in rows)
    return low if below and sent[at - 1] < sent[low] < sent[end] else -1


def _probes(course: dict[str, list[int]], segment: int, found: BbrPhases) -> None:
    """Stretches in which few segments are under way, one after another."""
    times, most, least, sent = (course[name] for name in ("time_ns", "outstanding_most", "outstanding_least", "sent"))
    few = [least[at] > 0 and most[at] <= FEW * segment for at in range(len(times))]
    edges = [at for at, (before, now) in enumerate(pairwise([False, *few, False])) if before != now]
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        if first == 0 or end >= len(times) - 1:
            continue
        since, until = times[first - 1], times[end - 1]
        before = max(most[max(first - 4, 0):first])
        again = course["octets"][end] - course["octets"][first - 1] > sent[end] - sent[first - 1]
        steps = sum(1 for at in range(first, end) if sent[at] > sent[at - 1])
        if (
            LEAST_PROBE_NS <= until - since <= MOST_PROBE_NS and 2 * before >= 3 * FEW * segment and not again
            and steps == end - first >= LEAST_STEPS
        ):
            found.probes.append((since, until))
