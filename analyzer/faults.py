"""Faults of ours while a capture is read: counted, described, and never the end of the reading.

A fault costs the frame, the conversation or the statement that was in hand. Tests are loud about each (`SEEN`).
"""
from __future__ import annotations

import os
from typing import Final

from dissectors.kit.marks import unquoted
from dissectors.kit.units import grouped, plural

MAX_KINDS: Final = 10      # kinds of faults that are described, the first ones; all are counted

SEEN: Final[list[str]] = []     # the first faults of this process, whatever was read


class Fault:
    """One kind of fault: where it began and what it was. frame: the first that met it, 0 for none."""

    def __init__(self, frame: int, cost: str, words: str) -> None:
        self.frame = frame
        self.cost = cost
        self.words = words
        self.count = 0


class Faults:
    """What went wrong in us while one capture was read."""

    def __init__(self) -> None:
        self.count = 0
        self.kinds: dict[str, Fault] = {}

    def note(self, frame: int, cost: str, error: Exception) -> str:
        """Count a fault; gives it in words. Raises a MemoryError again: no other frame would fare better.

        cost: what it cost, as a sentence names it: "a frame". frame: which was in hand, 0 where none was.
        """
        if isinstance(error, MemoryError):
            raise error
        words = in_words(error)
        self.count += 1
        found = self.kinds.get(words)
        if found is None:
            found = Fault(frame, cost, words)
            if len(self.kinds) < MAX_KINDS:
                self.kinds[words] = found
            if len(SEEN) < MAX_KINDS:
                SEEN.append(f"{cost}: {words}")
        found.count += 1
        return words

    def include(self, other: Faults) -> None:
        """Those that another process met in the same capture."""
        self.count += other.count
        for words, its in other.kinds.items():
            mine = self.kinds.get(words)
            if mine is not None:
                mine.frame = min(mine.frame, its.frame)
                mine.count += its.count
            elif len(self.kinds) < MAX_KINDS:
                self.kinds[words] = its
                if len(SEEN) < MAX_KINDS:
                    SEEN.append(f"{its.cost}: {words}")
        self.kinds = dict(sorted(self.kinds.items(), key=_by_frame))

    def sentences(self) -> list[str]:
        """What a user is told, a sentence for each kind."""
        told = []
        described = 0
        for fault in self.kinds.values():
            described += fault.count
            times = "" if fault.count == 1 else f", {grouped(fault.count)} times"
            where = f", first at #{fault.frame}" if fault.frame and fault.count > 1 else ""
            where = where or (f" at #{fault.frame}" if fault.frame else "")
            told.append(f"a fault of wiretale, not of the capture, cost {fault.cost}{times}{where} ({fault.words})")
        if described < self.count:
            told.append(f"{plural(self.count - described, 'more fault')} of wiretale")
        return told


def _by_frame(entry: tuple[str, Fault]) -> int:
    return entry[1].frame


def in_words(error: Exception) -> str:
    """`AttributeError: ... at table.py:190`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        place = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
    return f"{type(error).__name__}: {unquoted(error)}{place}"
