"""The congestion window of a sender, as its flights show it: an inference.

Nobody announces it. A sender that fills it has as much outstanding, so the most that is outstanding in a round trip
is the congestion window, as long as nothing else held the sender back: no window of the receiver, no pause of its
program, no repair. In rounds in which one of those did, nothing is said.

What looks alike is a sender with another limit of its own: it paces its segments by a rate (BBR), its buffer is full,
or its program makes data at a steady rate. A window that is in use does not shrink without a loss, and does not stay
the same for long (RFC 5681 §3.1, RFC 9438 §4): flights that do are not told as one.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.course import Course
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.recovery import Recovery

# Why a climb of the window began, or ended.
OPENED: Final = "the connection opened"
LOST: Final = "a loss"
PAUSED: Final = "a pause"
FILLED: Final = "the receiver's window"

# Phases of a window (RFC 5681 §3.1).
SLOW: Final = "slow start"
AVOIDANCE: Final = "congestion avoidance"

MAX_FIRST: Final = 64           # rounds of the first climb that are kept
MAX_CLIMBS: Final = 64          # that are kept; what they say together is counted of all
MAX_ROUNDS: Final = 512         # windows that are kept; when there are more, of two neighbours the larger stays
# Flights that fall by two segments and a tenth without a loss; so often, and in one of so many round trips, they are
# no window.
FALLS: Final[i64] = 2
ONE_OF: Final[i64] = 24
# CUBIC's window hardly grows around that of the last loss (RFC 9438 §4.4), but for longer than this it does.
FLAT_ROUNDS: Final[i64] = 16


# What is left after a loss, in per cent of what was outstanding when it came: a half (RFC 5681 §3.2), or 0.7 (RFC 9438
# §4.6). Rounds and segments leave so much room.
HALF_LEAST: Final[i64] = 42
HALF_MOST: Final[i64] = 58
CUBIC_LEAST: Final[i64] = 62
CUBIC_MOST: Final[i64] = 78
LEAST_SEGMENTS: Final[i64] = 8      # of a window that is cut: of fewer a segment more or less is too much
SLOW_START: Final[i64] = 140        # per cent of the round before, and more: with delayed ACKs it is 150
STALLED: Final = 2


class Climb:
    """Round trips in which nothing but the congestion window held the sender back. began, ended: why; "" for not yet.

    first, last: bytes outstanding in its first and last round, with times and frames.     fast: how many of its rounds
    grew as in slow start; fast_to: up to what; fast_until: until when.     before: outstanding when the loss or pause
    before it came, 0 for unknown.     first_rounds: (octets, shortest time until an ACK or -1) of the first MAX_FIRST.
    """

    def __init__(self, began: str, before: int, when: int, frame: int, octets: int) -> None:
        self.began = began
        self.ended = ""
        self.before = before
        self.first = self.last = self.fast_to = octets
        self.since = self.until = self.fast_until = when
        self.first_frame = self.last_frame = self.fast_frame = frame
        self.rounds = 1
        self.fast = 0
        self.first_rounds: list[tuple[int, int]] = []
        self._stalled = 0       # rounds in a row that did not; a burst that ends a round in its middle makes one

    def add(self, when: int, frame: int, octets: int) -> None:
        self.rounds += 1
        if 100 * octets < int(SLOW_START) * self.fast_to:
            self._stalled += 1
        elif self._stalled < STALLED:
            self._stalled = 0
            self.fast += 1
            self.fast_to = octets
            self.fast_frame = frame
            self.fast_until = when
        self.last, self.until, self.last_frame = octets, when, frame

    def grew(self) -> float:
        """Bytes in a round trip."""
        return (self.last - self.first) / (self.rounds - 1) if self.rounds > 1 else 0.0


class CongestionWatch:
    """Of the data of one direction.

    initial: bytes sent before the first ACK of data, where the sender had more, -1 for unknown.    cuts: losses after
    which it is known what was left, by how much: a half, 0.7, something else.
    """

    def __init__(self, flow: TcpDirection) -> None:
        self.flow = flow
        self.initial = -1
        self.initial_frame = 0
        self.climbs: list[Climb] = []
        self.untold_climbs = 0
        self.rounds = 0
        self.largest = 0
        self.at_sender: bool = False    # the capture was taken there, for certain
        self.recovery = Recovery()      # of the same direction
        self.course: Course | None = None
        self.cuts = [0, 0, 0]
        self.restarts = 0               # after pauses, with less than before
        self._climb: Climb | None = None
        self._why = OPENED              # the next climb begins
        self._before = 0
        self._when_frame: i64 = 0
        self._windows: list[tuple[int, int]] = []
        self._stride: i64 = 1
        self._skipped: i64 = 0
        self._mark: i64 = -1            # the round is over when this was acknowledged; -1 before the first
        self._most: i64 = 0             # outstanding in this round
        self._trip: i64 = -1            # the shortest time until an ACK in this round
        self._when: i64 = 0
        self._spoilt: bool = False      # something else held the sender back in it
        self._until: i64 = -1           # the sender is repairing until this was acknowledged
        self._last: i64 = 0             # in the round before, 0 where that tells nothing
        self._flat: i64 = 0             # rounds in a row that do not differ
        self._pairs: i64 = 0
        self._fell: i64 = 0

    @property
    def windows(self) -> list[tuple[int, int]]:
        """(ns, bytes): the most outstanding in a round trip that nothing else limited, and when it was reached; at most
        MAX_ROUNDS. None where flights are not those of a window."""
        return [] if self.paced() else self._windows

    def growth(self) -> list[tuple[int, int, str]]:
        """(since, until, in which phase), in ns: of each climb that is kept its rounds in slow start, then the others
        (RFC 5681 §3.1). since: -1 for from its first data on. None where flights are not those of a window."""
        found: list[tuple[int, int, str]] = []
        for climb in [] if self.paced() else self.climbs:
            if climb.fast:
                since = -1 if climb.began == OPENED else climb.since
                found.append((since, climb.fast_until, SLOW))
            if climb.until > climb.fast_until:
                found.append((climb.fast_until, climb.until, AVOIDANCE))
        return found

    def paced(self) -> bool:
        """Flights fall although nothing is lost: the sender goes by a rate, or by what its program has."""
        return self._fell >= FALLS and self._fell * ONE_OF >= self._pairs

    @property
    def fell(self) -> int:
        """How often flights shrank although nothing was lost."""
        return int(self._fell)

    def outstanding(self, time: i64, frame: i64, octets: i64) -> None:
        """So much was under way when the sender had sent all that it might."""
        if self.initial < 0:
            self.initial = int(octets)
            self.initial_frame = int(frame)
        if octets > self._most:
            self._most = octets
            self._when = time
            self._when_frame = frame

    def trip(self, length: i64) -> None:
        """An ACK came so long after what it acknowledges."""
        if length < self._trip or self._trip < 0:
            self._trip = length

    def spoil(self, why: str) -> None:
        """Something else holds the sender back."""
        self.initial = max(self.initial, 0)            # it is not known any more
        if not self._spoilt or why == LOST:
            self._why = why
        self._spoilt = True
        self._last = 0
        climb = self._climb
        if climb is not None:
            climb.ended = why
            self._before = climb.last if climb.fast_to < climb.last or not climb.fast or why != LOST else 0
            self._climb = None

    def interrupt(self, until: i64) -> None:
        """From here on something is repaired: what was outstanding before was the window. until: the sender is done
        with it when it knows that data up to there have arrived."""
        self._over()
        self.spoil(LOST)
        self._until = until

    def heard(self, acked: i64, high: i64, *, repairing: bool, quiet: bool) -> None:
        """The sender knows that data up to `acked` have arrived, and goes on from `high`: a round trip is over when
        what was sent at its beginning is acknowledged. quiet: after a while; a round does not end in the middle of a
        burst where that can be helped."""
        if self._spoilt and not repairing and acked >= self._until:
            self._mark = -1
        if acked < self._until or acked < self._mark:
            return
        self._over()
        self._mark = high
        self._spoilt = False

    def _over(self) -> None:
        most, trip = self._most, int(self._trip)
        self._most = 0
        self._trip = -1
        if most <= 0 or self._spoilt:
            return
        mss = self.flow.mss
        if self._last > 0:
            self._pairs += 1
            if self._last - most >= 2 * mss and 10 * most < 9 * self._last:
                self._fell += 1
        if self._last > 0 and -mss < 2 * (most - self._last) < mss:
            self._flat += 1
            if self._flat == FLAT_ROUNDS:
                del self._windows[-int(FLAT_ROUNDS):]
        else:
            self._flat = 0
        self._last = most
        self._climbs(int(most), trip)
        if self._flat < FLAT_ROUNDS:
            self._keep(int(self._when), int(most))

    def _climbs(self, octets: int, trip: int) -> None:
        """One more round."""
        self.rounds += 1
        self.largest = max(self.largest, octets)
        climb = self._climb
        if climb is not None:
            climb.add(int(self._when), int(self._when_frame), octets)
            if climb.began == OPENED and len(climb.first_rounds) < MAX_FIRST:
                climb.first_rounds.append((octets, trip))
            return
        climb = Climb(self._why, self._before, int(self._when), int(self._when_frame), octets)
        climb.first_rounds.append((octets, trip))
        self._climb = climb
        if len(self.climbs) < MAX_CLIMBS:
            self.climbs.append(climb)
        else:
            self.untold_climbs += 1
        before, left = i64(self._before), i64(octets)
        self._before = 0
        if climb.began == PAUSED and 4 * left < 3 * before:
            self.restarts += 1
        if climb.began != LOST or before < LEAST_SEGMENTS * self.flow.mss:
            return
        if HALF_LEAST * before <= 100 * left <= HALF_MOST * before:
            self.cuts[0] += 1
        elif CUBIC_LEAST * before <= 100 * left <= CUBIC_MOST * before:
            self.cuts[1] += 1
        else:
            self.cuts[2] += 1

    def _keep(self, when: int, octets: int) -> None:
        if self._skipped and self._windows:
            last = self._windows[-1]
            if octets > last[1]:
                self._windows[-1] = (when, octets)
        else:
            self._windows.append((when, octets))
        self._skipped = (self._skipped + 1) % self._stride
        if len(self._windows) >= MAX_ROUNDS:
            self._windows = [
                max(self._windows[at:at + 2], key=_octets) for at in range(0, len(self._windows) - 1, 2)
            ]
            self._stride *= 2


def _octets(window: tuple[int, int]) -> int:
    return window[1]
