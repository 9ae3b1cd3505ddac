"""The passes over a capture, for whoever waits for them: what goes on, how far it is, and Ctrl-C to end it."""
from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

from analyzer.ingest.streams import WAITING
from dissectors.kit.units import grouped, plural

PROGRESS_SECONDS: Final = 0.1

# What goes on.
READING: Final = "Reading"
FILTERING: Final = "Filtering"
LOOKING: Final = "First look"
TELLING: Final = "Telling"
CONCLUDING: Final = "Findings"
LISTING: Final = "Listing"
DRAWING: Final = "Drawing"

# In what it is measured.
OCTETS: Final = "octets"
FRAMES: Final = "frames"
CONVERSATIONS: Final = "conversations"


class Progress(Protocol):
    """Shows how far a pass is."""

    def begin(self, name: str, unit: str) -> None:
        """The next pass begins."""

    def update(self, done: int, whole: int, frames: int) -> None:
        """So much of it is done, in its unit; whole is -1 where it is not known. frames: that it went over."""


class Pulse:
    """Beats while passes go on. stopped: the pass in hand was to end, and so are those after it.

    Where it listens, the first Ctrl-C ends the pass in hand between two frames, so that what was read by then is told;
    a second one ends all at once, as the first one does where nothing is told sooner for it. Where a pipe is waited
    for, it is a KeyboardInterrupt at once: there may be nothing to read.
    stride: frames between two beats, and so between two looks at the clock and at whether somebody wants an end.
    """

    stride = 256

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.stopped = False
        self.twice = False
        self._asked = False
        self._patient = False
        self._reading = False
        self._first = 0
        self._last = -1
        self._shown = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """For Ctrl-C, where nobody else decided what it means."""
        own = threading.current_thread() is threading.main_thread() \
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if own:
            signal.signal(signal.SIGINT, self._heard)
        try:
            yield
        finally:
            if own:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        again, self._asked = self._asked, True
        self.twice = again
        if again or not self._patient or (self._reading and WAITING.now):
            raise KeyboardInterrupt
        self.stopped = True

    def begin(self, name: str, first: int = 0, last: int = -1) -> None:
        """A pass over frames of these numbers begins; over octets of a capture where there are none."""
        self._reading = name in (READING, FILTERING)
        self._patient = name in (READING, FILTERING, LOOKING, TELLING, LISTING)
        self._first, self._last = first, last
        self._shown = 0.0
        if self.progress is not None:
            self.progress.begin(name, OCTETS if self._reading else FRAMES)

    def go_on(self) -> None:
        """The pass that was to end has ended; what comes next goes on."""
        self.stopped = False

    def read(self, position: int, size: int, frames: int) -> bool:
        """So far is the first pass, in octets and in frames. False where it is to end there."""
        if self._due():
            assert self.progress is not None
            self.progress.update(position, size, frames)
        return not self.stopped

    def beat(self, number: int) -> bool:
        """A pass is at this frame. False where it is to end there."""
        if self._due():
            assert self.progress is not None
            done = max(number - self._first, 0)
            self.progress.update(done, max(self._last - self._first, done), done)
        return not self.stopped

    def _due(self) -> bool:
        if self.progress is None:
            return False
        now = time.monotonic()
        if now - self._shown < PROGRESS_SECONDS:
            return False
        self._shown = now
        return True


def told_until(stopped: int, told: int, cut: int, interrupted: bool) -> str:
    """In a sentence, what was told where somebody wanted an end before this frame, or where no more was kept.

    cut: those that were not over.
    """
    if interrupted and not told:
        return "the telling was interrupted before it began: all of this rests on what was counted of all conversations"
    number = f"{plural(told, 'conversation')} that began before it {'is' if told == 1 else 'are'}"
    rest = f"told, {grouped(cut)} of them not to the end; the rest was counted only"
    if interrupted:
        return f"the telling was interrupted before #{stopped}: only {number} {rest}"
    return f"What comes from #{stopped} on was not kept for a second look: {number} {rest}."


SILENT: Final = Pulse()      # nobody waits
