"""A key log that a browser or a server goes on writing while its traffic is captured."""
from __future__ import annotations

import os
from typing import Final

from analyzer.ingest.keylog import read_key_log
from dissectors.kit.provided import Provided

MAX_READ: Final = 1 << 20      # bytes of a key log taken at once; the rest has its turn a moment later


class KeyLogTail:
    """Adds the secrets of new lines. The file may not be there yet, and may be replaced."""

    def __init__(self, path: str, provided: Provided) -> None:
        self.path = path
        self.provided = provided
        self.offset = 0
        self.rest = b""
        provided.growing = True

    def read(self) -> None:
        """Take what was added; costs one system call where nothing was."""
        try:
            size = os.stat(self.path).st_size
            if size == self.offset:
                return
            if size < self.offset:
                self.offset, self.rest = 0, b""
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read(MAX_READ)
        except OSError:
            return
        self.offset += len(data)
        lines, _end, rest = (self.rest + data).rpartition(b"\n")
        self.rest = rest[-MAX_READ:]
        if lines:
            read_key_log(lines, self.provided)
