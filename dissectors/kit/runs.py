"""Runs of like messages: those that are counted together, once enough of them were told one by one."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from dissectors.kit.cited import Cited
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER

FIRST_RUN: Final = 1_000      # messages in the first run of a stream; each further one takes twice as many
MAX_RUN_CITED: Final = 8      # first frames cited for a run; the last one beside them


@mypyc_attr(allow_interpreted_subclasses=True)
class LikeRun:
    """Messages of both directions: who answers whom is in their order, which a count cannot keep anyway.

    largest: octets of the largest message.     begin, end: ns, of the first octet and of the last; begin is -1 while
    there is nothing to tell.     cited: the frames that completed them.
    """

    def __init__(self, first: int = FIRST_RUN) -> None:
        self.limit: i64 = first
        self.forward: i64 = 0
        self.backward: i64 = 0
        self.octets_forward: i64 = 0
        self.octets_backward: i64 = 0
        self.largest: i64 = 0
        self.begin: int = -1
        self.end: int = 0
        self.cited = Cited(MAX_RUN_CITED)

    def add(self, direction: int, octets: i64, began: int, time: int, frame: int) -> bool:
        """One more; whether the run is long enough to be told."""
        if direction == FORWARD:
            self.forward += 1
            self.octets_forward += octets
        else:
            self.backward += 1
            self.octets_backward += octets
        self.largest = max(self.largest, octets)
        self.note(began, time, frame)
        return self.forward + self.backward >= self.limit

    def note(self, began: int, time: int, frame: int) -> None:
        """Something that belongs to the run and is no message."""
        if self.begin < 0:
            self.begin = began
        self.end = max(self.end, time)
        self.cited.add(frame)

    def direction(self) -> int:
        """Of the messages; NEITHER where both sides sent some, or none."""
        if (self.forward > 0) == (self.backward > 0):
            return NEITHER
        return FORWARD if self.forward else BACKWARD

    def counts(self) -> tuple[int, int]:
        """Messages by direction."""
        return int(self.forward), int(self.backward)

    def octets(self) -> tuple[int, int]:
        """Octets by direction."""
        return int(self.octets_forward), int(self.octets_backward)

    def restart(self) -> None:
        """It was told, and a new one begins."""
        if self.forward + self.backward >= self.limit:
            self.limit *= 2
        self.forward = self.backward = self.octets_forward = self.octets_backward = 0
        self.largest = 0
        self.begin = -1
        self.end = 0
        self.cited.clear()
