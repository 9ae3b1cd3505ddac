"""Lines to a reader who may be slow: written by a thread of their own, so that the capture never waits for them."""
from __future__ import annotations

import errno
import os
import select
import threading
from collections import deque
from typing import Final

from analyzer.live.audience import Audience

MAX_WAITING_LINES: Final = 20_000       # lines that wait for their reader
MAX_WAITING_BYTES: Final = 16 << 20     # bytes that wait for their reader
GONE: Final = (errno.EPIPE, errno.EIO)  # of a pipe that nobody reads, and of a terminal that was closed
LAST_PATIENCE: Final = 2.0              # seconds for which a reader may keep us waiting at the end


class LineOutput:
    """Writes lines to a descriptor, each at once. lost: lines for which there was no room.

    broken: nothing more can be written.     trouble: why, "" where only the reader has gone away.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lost = 0
        self.broken = False
        self.trouble = ""
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write, name="lines", daemon=True)
        self._thread.start()

    def line(self, line: bytes) -> None:
        """One line, with its end. Never waits."""
        with self._changed:
            if self.broken:
                return
            if len(self._waiting) >= MAX_WAITING_LINES or self._size + len(line) > MAX_WAITING_BYTES:
                self.lost += 1
                return
            self._waiting.append(line)
            self._size += len(line)
            self._changed.notify()

    def close(self, patience: float = LAST_PATIENCE) -> None:
        """Wait a little for the reader to take what is left."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(patience)
        with self._changed:
            self.lost += len(self._waiting)
            self._waiting.clear()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._ended:
                    self._changed.wait()
                if not self._waiting:
                    return
                block = b"".join(self._waiting)
                self._waiting.clear()
                self._size = 0
            try:
                view = memoryview(block)
                while view:
                    view = view[self._taken(view):]
            except OSError as error:
                with self._changed:
                    self.broken = True
                    if error.errno not in GONE:
                        closed = error.errno == errno.EBADF
                        self.trouble = "it is closed" if closed else error.strerror or str(error)
                    self._waiting.clear()
                return

    def _taken(self, view: memoryview) -> int:
        """How many bytes the reader took; waits where the descriptor itself does not."""
        while True:
            try:
                return os.write(self.descriptor, view)
            except BlockingIOError:
                select.select([], [self.descriptor], [])


class Reader(Audience):
    """Whoever reads lines at one level; where it has gone away the capture ends."""

    def __init__(self, output: LineOutput, level: str) -> None:
        super().__init__()
        self.output = output
        self.level = level

    def attend(self) -> None:
        self.lost = self.output.lost
        if self.output.broken:
            self.wishes.over = True

    def close(self) -> None:
        self.output.close()
        self.lost = self.output.lost
