"""A key log that a browser or a server goes on writing while its traffic is captured."""
from __future__ import annotations

import os
import stat
from typing import Final

from analyzer.ingest.keylog import read_key_log
from dissectors.kit.provided import Provided

MAX_READ: Final = 1 << 20      # bytes of a key log taken at once; the rest has its turn a moment later
FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


class KeyLogTail:
    """Adds the secrets of new lines. The file may not be there yet, and may be replaced; a named pipe may be quiet.

    trouble: why nothing is read from what is there at present, "" for nothing.
    """

    def __init__(self, path: str, provided: Provided) -> None:
        self.path = path
        self.provided = provided
        self.offset = 0
        self.rest = b""
        self.trouble = ""
        self._file = (0, 0)       # device and inode of what `offset` is about
        self._pipe = -1
        provided.growing = True

    def read(self) -> str:
        """Take what was added; costs one system call where nothing was. Never waits.

        Returns what has become wrong with it since the last call, a sentence; "" otherwise.
        """
        try:
            if self._pipe >= 0:
                self._take(self._pipe)
                return ""
            there = os.stat(self.path)
            _refuse_odd(there.st_mode)
            same = (there.st_dev, there.st_ino) == self._file
            if same and there.st_size == self.offset:
                return ""
            if not same or there.st_size < self.offset:
                self.offset, self.rest, self._file = 0, b"", (there.st_dev, there.st_ino)
            self._open()
        except FileNotFoundError:
            self.trouble, self._file = "", (0, 0)
        except BlockingIOError:
            return ""             # a pipe whose writer has nothing now
        except OSError as error:
            return self._tell(f"cannot be read ({error.strerror})")
        return ""

    def _open(self) -> None:
        """Raises OSError."""
        descriptor = os.open(self.path, FLAGS)
        try:
            kind = os.fstat(descriptor).st_mode
            _refuse_odd(kind)         # it may have been replaced since it was looked at
            if stat.S_ISFIFO(kind):
                self._pipe, descriptor = descriptor, -1
                self._take(self._pipe)
            else:
                os.lseek(descriptor, self.offset, os.SEEK_SET)
                self._take(descriptor)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        self.trouble = ""

    def _take(self, descriptor: int) -> None:
        data = os.read(descriptor, MAX_READ)
        self.offset += len(data)
        lines, _end, rest = (self.rest + data).rpartition(b"\n")
        self.rest = rest[-MAX_READ:]
        if lines:
            read_key_log(lines, self.provided)

    def _tell(self, trouble: str) -> str:
        if trouble == self.trouble:
            return ""
        self.trouble = trouble
        return f"key log {self.path}: {trouble}"


def _refuse_odd(mode: int) -> None:
    """Raises OSError for what is neither a file nor a pipe: a device may have no end."""
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise OSError(0, f"it is a {'directory' if stat.S_ISDIR(mode) else 'device'}")
