"""How a sender goes on while it repairs a loss: how much it sends for what its ACKs say has arrived.

A sender that has noticed a loss is to go on with less. By RFC 6675 §5 it waits until so much has left the network that
it may send again, and then sends as much as arrives. By PRR (RFC 6937 §3) it sends from the first ACK on, a part of
what arrives: the part of the window that is to be left.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MAX_POINTS: Final = 256         # segments sent in a recovery that are kept; the recovery of more is not told
# Of fewer segments that arrive, or are sent, nothing is told.
LEAST_ARRIVED: Final = 10
LEAST_SENT: Final = 5
# What is sent for what arrives, in per cent: a half, or 0.7, with room for the segment that begins it.
PART_LEAST: Final = 40
PART_MOST: Final = 80
# ... of which so much is sent before a half of it has arrived: where it is spread evenly it is a half.
EVEN_LEAST: Final = 35
EVEN_MOST: Final = 65
OFTEN: Final = 2                # recoveries of which one has to look so, where no more than one does


class Recovery:
    """Of one direction, from the first resend on.

    points: (octets that had arrived since then, octets sent since then) at each segment that was sent.
    counted, steady: recoveries up to now, and those in which it sent a steady part of what arrived; all_sent,
    all_arrived: octets in these.
    """

    def __init__(self) -> None:
        self.points: list[tuple[int, int]] = []
        self.untold: bool = False
        self.counted = 0
        self.steady = 0
        self.all_sent = 0
        self.all_arrived = 0
        self._base: i64 = -1
        self._sent: i64 = 0

    def begin(self) -> None:
        self.points = []
        self.untold = False
        self._base = -1
        self._sent = 0

    def sent(self, arrived: i64, octets: i64) -> None:
        """arrived: octets of the stream that the receiver has, as far as it says."""
        if self._base < 0:
            self._base = arrived
        self._sent += octets
        if len(self.points) < MAX_POINTS:
            self.points.append((int(arrived - self._base), int(self._sent)))
        else:
            self.untold = True

    def usual(self) -> bool:
        """Whether that is how it repairs: one recovery of many may look so by chance, as of a sender that paces."""
        return self.steady > 1 or (self.steady > 0 and self.counted <= OFTEN * self.steady)

    def proportional(self, until: i64, mss: i64) -> tuple[int, int]:
        """(octets sent, octets arrived) where it sends a part of what arrives, evenly; (0, 0) where it does not look
        so. until: what has arrived at the end."""
        arrived, sent = int(until - self._base), int(self._sent)
        self.counted += 1
        if self._base < 0 or self.untold or mss <= 0 or arrived < LEAST_ARRIVED * mss or len(self.points) < LEAST_SENT:
            return 0, 0
        first = 0
        for point in self.points:
            if 2 * point[0] <= arrived:
                first = point[1]
        even = EVEN_LEAST * sent <= 100 * first <= EVEN_MOST * sent
        if not even or not PART_LEAST * arrived <= 100 * sent <= PART_MOST * arrived:
            return 0, 0
        self.steady += 1
        self.all_sent += sent
        self.all_arrived += arrived
        return sent, arrived
