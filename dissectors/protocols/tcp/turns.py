"""Who sends when: runs of data in one direction, told until there are too many of them."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import NEITHER, Event
from dissectors.protocols.tcp.events_transfer import Transfer, Turns

# A silence this long within one direction begins a new run.
PAUSE_NS: Final[i64] = 1_000_000_000
# Runs told one by one; the rest is told as a sum.
MAX_TOLD: Final[i64] = 24


class TurnWatch:
    def __init__(self) -> None:
        self.direction: i64 = -1
        self.turn: i64 = 0
        self._start: i64 = 0
        self._first_frame: i64 = 0
        self._last: i64 = 0
        self._last_frame: i64 = 0
        self._octets: i64 = 0
        self._segments: i64 = 0
        self._after: i64 = -1
        self._pause: i64 = -1
        self._more: i64 = 0
        self._more_start: i64 = 0
        self._more_first: i64 = 0
        self._more_forward: i64 = 0
        self._more_backward: i64 = 0

    def data(
        self, direction: i64, time: i64, frame: i64, octets: i64, held: bool, sides: tuple[str, str], out: list[Event]
    ) -> None:
        """New bytes of a direction. held: a repair or a closed window explains a silence, so it is no pause."""
        if direction == self.direction:
            if self._segments and (time - self._last <= PAUSE_NS or held):
                self._last = time
                self._last_frame = frame
                self._octets += octets
                self._segments += 1
                return
            self.close(sides, out)
            self._pause = time - self._last if time - self._last > PAUSE_NS else -1
            self._after = -1
        else:
            self.close(sides, out)
            self._after = time - self._last if self.direction >= 0 else -1
            self._pause = -1
        self.direction = direction
        self.turn += 1
        self._start = time
        self._first_frame = frame
        self._last = time
        self._last_frame = frame
        self._octets = octets
        self._segments = 1

    def close(self, sides: tuple[str, str], out: list[Event]) -> None:
        """End the run that is open."""
        if self._segments == 0:
            return
        if self.turn <= MAX_TOLD:
            frames = (int(self._first_frame), int(self._last_frame))
            out.append(Transfer(
                self._start, self.direction, frames if frames[1] > frames[0] else frames[:1], sides, self._octets,
                self._segments, self._last - self._start, self._after, self._pause, self.turn,
            ))
        else:
            if self._more == 0:
                self._more_start = self._start
                self._more_first = self._first_frame
            self._more += 1
            if self.direction == 0:
                self._more_forward += self._octets
            else:
                self._more_backward += self._octets
        self._segments = 0

    def finish(self, sides: tuple[str, str], out: list[Event]) -> None:
        self.close(sides, out)
        if self._more:
            out.append(Turns(
                self._more_start, NEITHER, (int(self._more_first), int(self._last_frame)), sides, self._more,
                self._more_forward, self._more_backward, self._last - self._more_start,
            ))
            self._more = 0
