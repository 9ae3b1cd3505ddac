"""Streams that may have nothing yet: a pipe whose writer is slow, a file that another program is still writing."""
from __future__ import annotations

import os
import select
import time
from typing import Final

from analyzer.ingest.streams import BLOCK, Stream

LOOK_SECONDS: Final = 0.02      # how often a file is looked at for more; nothing tells of it on every system


class GrowingStream(Stream):
    """`read()` gives what is there, and b"" where that is nothing; `growing` says whether more can come.

    left: bytes that may still be read once the end was asked for, -1 before.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(-1)
        self.growing = True
        self.rewindable = False
        self.descriptor = descriptor
        self.left = -1

    def wait(self, timeout: float) -> bool:
        """Sleep until there is more to read, at most so many seconds; whether there is."""
        return True

    def end_now(self) -> None:
        """What is there by now can still be read, and nothing after it. Calling it again changes nothing."""
        self.left = max(self.left, 0)

    def close(self) -> None:
        self.growing = False
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class GrowingPipe(GrowingStream):
    """A pipe, or whatever is no file: it ends when its last writer closes it."""

    def read(self) -> bytes:
        if not self.growing or self.left == 0 or not self.wait(0.0):
            return b""
        try:
            block = os.read(self.descriptor, BLOCK)
        except OSError as error:
            self.trouble = f"the pipe cannot be read any further ({error.strerror})"
            block = b""
        if not block:
            self.growing = False
        self.position += len(block)
        return block

    def wait(self, timeout: float) -> bool:
        return bool(select.select([self.descriptor], [], [], timeout)[0])


class GrowingFile(GrowingStream):
    """A file: never at its end before somebody asks, or before it is replaced or becomes shorter.

    lost: why nothing more can come ("" while it can); what was written until then is still read.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor)
        self.path = path
        self.lost = ""
        self.looked = 0.0

    def read(self) -> bytes:
        want = BLOCK if self.left < 0 else min(BLOCK, self.left)
        if want == 0 or self.descriptor < 0:
            return b""
        try:
            os.lseek(self.descriptor, int(self.position), os.SEEK_SET)
            block = os.read(self.descriptor, want)
        except OSError as error:
            self.trouble = f"the file cannot be read any further ({error.strerror})"
            self.growing = False
            return b""
        self.position += len(block)
        if self.left >= 0:
            self.left = self.left - len(block) if block else 0
        if not block:
            self.look()
        return block

    def look(self) -> None:
        """At the end of what there is: whether this is still the file that the path names."""
        now = time.monotonic()
        if self.lost or now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        mine = os.fstat(self.descriptor)
        if mine.st_size < self.position:
            self.lost = "the file became shorter than what was read of it"
        else:
            try:
                named = os.stat(self.path)
            except PermissionError:
                return           # the folder is closed to whom we became since; the file itself is open
            except OSError:
                named = None
            if named is None or (named.st_dev, named.st_ino) != (mine.st_dev, mine.st_ino):
                self.lost = "the file was removed or replaced"
        if self.lost:
            self.end_now()

    def wait(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while self.growing and self.left < 0 and os.fstat(self.descriptor).st_size == self.position:
            now = time.monotonic()
            if now >= end:
                return False
            time.sleep(min(LOOK_SECONDS, end - now))
            self.look()
        return True

    def end_now(self) -> None:
        if self.left < 0 and self.descriptor >= 0:
            self.left = max(os.fstat(self.descriptor).st_size - int(self.position), 0)
