"""Where bytes come from: files, pipes, and what they were compressed with.

Every stream is read in small blocks as they come, so memory stays flat whatever the size, and a live pipe is
told at once: a short read is handed on, never held back until a block is full.
"""
from __future__ import annotations

import os
from typing import IO, Final

from mypy_extensions import i64

from analyzer.ingest.source import CaptureError
from dissectors.kit.units import size

# One read. Measured: 64 KiB stay in a processor's second-level cache, and the allocator takes them from its heap;
# from 128 KiB on each block is mapped and faulted in anew, which makes the walk over the records three times slower.
BLOCK: Final[i64] = 1 << 16
SHORT: Final[i64] = 1 << 12      # bytes of a record begun in a block that are read again with the next block
# What a pipe delivers is kept for a second pass: in memory up to this, then in an unnamed temporary file.
SPOOL_MEMORY: Final = 16 << 20
MAX_SPOOL: Final = 4 << 30       # octets of a pipe that are kept in all; of what comes after only counts are known
# glibc gives freed memory at the top of its heap back to the kernel, and every block read would be paid for with
# page faults. It stops once a larger piece than this was freed (mallopt(3), M_TRIM_THRESHOLD: it adapts).
SETTLING: Final = 24 << 20


_settled: Final[list[int]] = []


def settle_allocator() -> None:
    """Allocate and free one large piece, untouched, so that blocks are reused. Measured: a third less time. Once a
    process: a second piece would come from the heap, and be cleared."""
    if not _settled:
        _settled.append(len(bytes(SETTLING)))


class Waiting:
    """Whether a pipe is waited for, which may give nothing for long. now: so it is, and no frame is in hand."""

    def __init__(self) -> None:
        self.now: bool = False


WAITING: Final = Waiting()


class Stream:
    """Bytes in order. position, size: bytes of the underlying file taken so far and in all (-1 unknown).

    trouble: why the stream ended before its proper end, "" where it did not.
    forgets: some of what it gave last, and what comes after, is not kept for a stream that begins anew.
    growing: more may come after `read()` gave nothing, so a record that is cut is no damage yet.
    """

    def __init__(self, size: i64) -> None:
        self.growing: bool = False
        self.position: i64 = 0
        self.size: i64 = size
        self.trouble: str = ""
        self.rewindable: bool = True
        self.forgets: bool = False

    def keeping(self) -> str:
        """In a few words, what a stream that begins anew rests on, where that is worth a word."""
        return ""

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
    """What a pipe has delivered so far, shared by the streams that read it; the first to need more reads on.

    keep: for later passes, in memory and then in an unnamed file that nobody else can open, in `folder` ("": where
    temporary files go).     full: why no more is kept, "" while all is.
    """

    def __init__(self, descriptor: int, keep: bool, folder: str = "") -> None:
        self.descriptor = descriptor
        self.keep = keep
        self.folder = folder
        self.most_memory: i64 = SPOOL_MEMORY
        self.most: i64 = MAX_SPOOL
        self.memory = bytearray()
        self.file: IO[bytes] | None = None
        self.filed = 0          # octets in the file
        self.full = ""
        self.length = 0
        self.ended = False
        self.users = 0
        self.trouble = ""

    def read_at(self, offset: int) -> bytes:
        if offset < self.length:
            return self._again(offset)
        if self.ended:
            return b""
        WAITING.now = True
        try:
            block = os.read(self.descriptor, BLOCK)
        except OSError as error:
            self.trouble = f"the pipe cannot be read any further ({error.strerror})"
            block = b""
        finally:
            WAITING.now = False
        if not block:
            self.ended = True
        elif self.keep and not self.full:
            self._append(block)
        self.length += len(block)
        return block

    def _again(self, offset: int) -> bytes:
        """Octets from here on that are kept, of which there may be none."""
        held = len(self.memory)
        if offset < held:
            return bytes(self.memory[offset:offset + BLOCK])
        if self.file is None or offset >= held + self.filed:
            return b""
        self.file.seek(offset - held)
        return self.file.read(min(BLOCK, held + self.filed - offset))

    def _append(self, block: bytes) -> None:
        """Keep a block, or nothing from here on: a full disk costs the second pass of the rest, not this one."""
        if len(self.memory) + len(block) <= self.most_memory and self.file is None:
            self.memory += block
            return
        if len(self.memory) + self.filed + len(block) > self.most:
            self.full = f"no more than {size(int(self.most))} are kept"
            return
        try:
            if self.file is None:
                import tempfile
                self.folder = self.folder or tempfile.gettempdir()
                self.file = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115 - outlives this call
            self.file.seek(self.filed)
            if self.file.write(block) != len(block):
                self.full = f"{self.folder} has no more room"
                return
            self.filed += len(block)
        except OSError as error:
            self.full = f"{self.folder or 'a temporary file'}: {error.strerror or error}"

    def keeping(self) -> str:
        """In a few words, how much is kept and where, where that is not all in memory."""
        kept = size(len(self.memory) + self.filed)
        if self.full:
            return f"only the first {kept} ({self.full})"
        return f"{kept}, of which {size(self.filed)} in {self.folder}" if self.filed else ""

    def release(self) -> None:
        self.users -= 1
        if self.users == 0:
            if self.file is not None:
                self.file.close()
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
        self.forgets = spool.full != ""
        return block

    def keeping(self) -> str:
        return self.spool.keeping() if self.spool is not None else ""

    def reopen(self) -> Stream:
        spool = self.spool
        if spool is None or not spool.keep:
            raise CaptureError("what came through the pipe was not kept, so it cannot be read a second time")
        return PipeStream(spool)

    def close(self) -> None:
        if self.spool is not None:
            self.spool.release()
            self.spool = None
