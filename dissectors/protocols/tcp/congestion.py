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

from dissectors.protocols.tcp.flow import TcpDirection

MAX_ROUNDS: Final = 512         # windows that are kept; when there are more, of two neighbours the larger stays
# Flights that fall by two segments and a tenth without a loss; so often, and in one of so many round trips, they are
# no window.
FALLS: Final[i64] = 2
ONE_OF: Final[i64] = 24
# CUBIC's window hardly grows around that of the last loss (RFC 9438 §4.4), but for longer than this it does.
FLAT_ROUNDS: Final[i64] = 16


class CongestionWatch:
    """Of the data of one direction."""

    def __init__(self, flow: TcpDirection) -> None:
        self.flow = flow
        self._windows: list[tuple[int, int]] = []
        self._stride: i64 = 1
        self._skipped: i64 = 0
        self._mark: i64 = -1            # the round is over when this was acknowledged; -1 before the first
        self._most: i64 = 0             # outstanding in this round
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

    def paced(self) -> bool:
        """Flights fall although nothing is lost: the sender goes by a rate, or by what its program has."""
        return self._fell >= FALLS and self._fell * ONE_OF >= self._pairs

    def outstanding(self, time: i64, octets: i64) -> None:
        """So much was under way when the sender had sent all that it might."""
        if octets > self._most:
            self._most = octets
            self._when = time

    def spoil(self) -> None:
        self._spoilt = True
        self._last = 0

    def interrupt(self, until: i64) -> None:
        """From here on something is repaired: what was outstanding before was the window. until: the sender is done
        with it when it knows that data up to there have arrived."""
        self._over()
        self.spoil()
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
        most = self._most
        self._most = 0
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
        if self._flat < FLAT_ROUNDS:
            self._keep(int(self._when), int(most))

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
