"""Who sends when: runs of data in one direction, told until there are too many of them."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import Event
from dissectors.protocols.tcp.events_transfer import DataRun, Transfer, Turns, UntoldTurns
from dissectors.protocols.tcp.segment import Segment

# A silence this long within one direction begins a new run.
PAUSE_NS: Final[i64] = 1_000_000_000
# Runs told one by one; the rest is told as a sum.
MAX_TOLD: Final[i64] = 24


class TurnWatch:
    def __init__(self) -> None:
        self.run = DataRun(-1, 0, 0, 0)     # the last one, without segments once it was told; turn 0: none yet
        self._untold = UntoldTurns()

    def data(self, segment: Segment, octets: i64, sides: tuple[str, str], out: list[Event], *, held: bool) -> None:
        """New bytes of a direction. held: a repair or a closed window explains a silence, so it is no pause."""
        direction, time, frame = i64(segment.direction), i64(segment.time), i64(segment.frame)
        run = self.run
        silence = time - run.last
        if direction == run.direction and run.segments and (silence <= PAUSE_NS or held):
            run.add(time, frame, octets)
            return
        self.close(sides, out)
        self.run = DataRun(direction, run.turn + 1, time, frame)
        self.run.add(time, frame, octets)
        if direction == run.direction:
            self.run.pause_ns = silence if silence > PAUSE_NS else -1
        elif run.turn:
            self.run.after_ns = silence

    def close(self, sides: tuple[str, str], out: list[Event]) -> None:
        """End the run that is open."""
        run = self.run
        if run.segments == 0:
            return
        if run.turn <= MAX_TOLD:
            out.append(Transfer(run, sides))
        else:
            self._untold.add(run)
        run.segments = 0

    def forget(self) -> None:
        """How long it is since the last run is not known."""
        self.run = DataRun(-1, 0, 0, 0)

    def finish(self, sides: tuple[str, str], out: list[Event]) -> None:
        self.close(sides, out)
        if self._untold.turns:
            out.append(Turns(self._untold, sides))
            self._untold = UntoldTurns()
