"""The frames that prove a statement, where they may be many."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

MAX_CITED: Final = 32     # first frames that one statement names; the last one is named beside them


@mypyc_attr(allow_interpreted_subclasses=True)
class Cited:
    """Frame numbers in the order of their coming: the first ones, up to a cap, and always the last."""

    def __init__(self, most: int = MAX_CITED) -> None:
        self.most: i64 = most
        self.first: list[int] = []
        self.last: int = 0      # 0 while there is none: frames are counted from 1

    def add(self, frame: int) -> None:
        """One more; the same as the last one is none."""
        if frame == self.last:
            return
        self.last = frame
        if len(self.first) < self.most:
            self.first.append(frame)

    def add_all(self, frames: tuple[int, ...]) -> None:
        for frame in frames:
            self.add(frame)

    def restart(self, frame: int) -> None:
        """From here on it is about something that begins in this frame."""
        if self.last != frame or len(self.first) != 1:
            self.first = [frame]
            self.last = frame

    def clear(self) -> None:
        if self.last:
            self.first = []
            self.last = 0

    def frames(self) -> tuple[int, ...]:
        """For Evidence: ascending, each once."""
        return self.upto(self.last) if self.last else ()

    def upto(self, last: int) -> tuple[int, ...]:
        """The same with another frame as the last: the one that completes what the others began."""
        first = self.first
        if not first or (len(first) == 1 and first[0] == last):
            return (last,)
        return tuple(sorted({*first, last}))
