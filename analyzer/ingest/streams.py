"""Where bytes come from: files, pipes, and what they were compressed with.

Every stream is read in small blocks as they come, so memory stays flat whatever the size, and a live pipe is
told at once: a short read is handed on, never held back until a block is full.
"""
from __future__ import annotations

import os
from typing import IO, Final

from mypy_extensions import i64

from analyzer.ingest.source import CaptureError

# One read. Measured: 64 KiB stay in a processor's second-level cache, and the allocator takes them from its heap;
# from 128 KiB on each block is mapped and faulted in anew, which makes the walk over the records three times slower.
BLOCK: Final[i64] = 1 << 16
SHORT: Final[i64] = 1 << 12      # bytes of a record begun in a block that are read again with the next block
# What a pipe delivered is kept for a second pass: in memory up to this, then in an unlinked temporary file.
SPOOL_MEMORY: Final = 32 << 20
# glibc gives freed memory at the top of its heap back to the kernel, and every block read would be paid for with
# page faults. It stops once a larger piece than this was freed (mallopt(3), M_TRIM_THRESHOLD: it adapts).
SETTLING: Final = 24 << 20


def settle_allocator() -> None:
    """Allocate and free one large piece, untouched, so that blocks are reused. Measured: a third less time."""
    bytes(SETTLING)


class Stream:
    """Bytes in order. position, size: bytes of the underlying file taken so far and in all (-1 unknown).

    trouble: why the stream ended before its proper end, "" where it did not.
    growing: more may come after `read()` gave nothing, so a record that is cut is no damage yet.
    """

    def __init__(self, size: i64) -> None:
        self.growing: bool = False
        self.position: i64 = 0
        self.size: i64 = size
        self.trouble: str = ""
        self.rewindable: bool = True

    def read(self) -> bytes:
        """The next bytes, at least one; b"" only at the end, or where a growing stream has no more for now."""
        return b""

    def read_on(self, rest: bytes) -> bytes:
        """`rest`, the last bytes that were read, and the next ones behind it; `rest` alone where there are none."""
        return rest + self.read()

    def reopen(self) -> Stream:
        """A second stream over the same bytes, from the start."""
        raise CaptureError("can be read only once")

    def close(self) -> None:
        """Release the file. Safe to call twice."""


class FileStream(Stream):
    """A regular file, up to the size it had when it was opened, so that two passes see the same bytes.

    Each read says where: a duplicate of a descriptor shares its offset with the original.
    """

    def __init__(self, descriptor: int, size: i64) -> None:
        super().__init__(size)
        self.descriptor = descriptor

    def read(self) -> bytes:
        block = self._block(self.position)
        self.position += len(block)
        return block

    def read_on(self, rest: bytes) -> bytes:
        """Reads the few bytes of `rest` once more with those that follow: less than joining two blocks."""
        again: i64 = len(rest)
        if again > SHORT:
            return rest + self.read()
        block = self._block(self.position - again)
        if len(block) <= again:
            return rest
        self.position += len(block) - again
        return block

    def _block(self, start: i64) -> bytes:
        want = min(self.size - start, BLOCK)
        if want <= 0 or self.descriptor < 0:
            return b""
        try:
            return os.pread(self.descriptor, want, start)
        except OSError as error:
            self.trouble = f"the file cannot be read any further ({error.strerror})"
            return b""

    def read_at(self, place: int, size: int) -> bytes:
        return os.pread(self.descriptor, size, place)

    def reopen(self) -> Stream:
        return FileStream(os.dup(self.descriptor), self.size)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Spool:
    """What a pipe has delivered so far, shared by the streams that read it; the first to need more reads on."""

    def __init__(self, descriptor: int, keep: bool) -> None:
        self.descriptor = descriptor
        self.keep = keep
        self.kept: IO[bytes] | None = None
        self.length = 0
        self.ended = False
        self.users = 0
        self.trouble = ""

    def read_at(self, offset: int) -> bytes:
        if offset < self.length and self.kept is not None:
            self.kept.seek(offset)
            return self.kept.read(min(BLOCK, self.length - offset))
        if self.ended or offset < self.length:
            return b""
        try:
            block = os.read(self.descriptor, BLOCK)
        except OSError as error:
            self.trouble = f"the pipe cannot be read any further ({error.strerror})"
            block = b""
        if not block:
            self.ended = True
        elif self.keep:
            self._append(block)
        self.length += len(block)
        return block

    def _append(self, block: bytes) -> None:
        """Keep a block for later passes. A full disk costs the second pass, not this one."""
        try:
            if self.kept is None:
                import tempfile
                self.kept = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY)  # noqa: SIM115 - outlives this call
            self.kept.seek(self.length)
            self.kept.write(block)
            self.kept.flush()
        except OSError:
            self.keep = False

    def release(self) -> None:
        self.users -= 1
        if self.users == 0:
            if self.kept is not None:
                self.kept.close()
            os.close(self.descriptor)


class PipeStream(Stream):
    """Standard input, a named pipe or a device: read once, and kept in a spool where a second pass is wanted."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(-1)
        self.spool: Spool | None = spool
        self.rewindable = spool.keep
        spool.users += 1

    def read(self) -> bytes:
        spool = self.spool
        if spool is None:
            return b""
        block = spool.read_at(int(self.position))
        if not block:
            self.trouble = spool.trouble
        self.position += len(block)
        return block

    def reopen(self) -> Stream:
        spool = self.spool
        if spool is None or not spool.keep:
            raise CaptureError("what came through the pipe was not kept, so it cannot be read a second time")
        return PipeStream(spool)

    def close(self) -> None:
        if self.spool is not None:
            self.spool.release()
            self.spool = None
