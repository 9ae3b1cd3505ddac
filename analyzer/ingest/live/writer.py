"""Frames into pcapng files as they come: in one file, or in several of which each is complete in itself."""
from __future__ import annotations

import errno
import os
import platform
import sys
import time
from contextlib import suppress
from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_i32_le, write_i64_le
from mypy_extensions import i32, i64

from analyzer.ingest import pcapng_write as ng
from analyzer.ingest.live.outputs import create
from analyzer.ingest.live.source import Counts, LiveSource
from analyzer.ingest.pcapng_blocks import ENHANCED, OPT_COMMENT
from analyzer.ingest.source import CaptureError

FLUSH_SECONDS: Final = 1.0
FLUSH_NS: Final = 1_000_000_000
# What is gathered before it is handed to the system.
GATHERED: Final = 256 << 10
PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")    # by size modulo four
STANDARD_OUTPUT: Final = "-"
SMALLEST_FILE: Final = 4_096     # octets; a bound below this would make a file for every few frames


class Rotation:
    """When a file is full, and how many stay; 0 for no bound. octets: of a file.    seconds: by the frames' times."""

    def __init__(self, octets: int = 0, seconds: float = 0.0, files: int = 0) -> None:
        self.octets = octets
        self.seconds = seconds
        self.files = files

    def wanted(self) -> bool:
        return self.octets > 0 or self.seconds > 0


class CaptureWriter:
    """Writes the frame that a source has in hand. Create it after `drop_privileges()`: the files belong to that user.

    With a rotation the files are NAME_00001_20240131120000.pcapng and so on; without one it is `path` itself, and
    "-" is standard output. Each file begins with the interfaces and ends with what was counted at them meanwhile.
    trouble: why writing ended early ("" while it goes on), such as a full disk; counting goes on, and the file holds
    whole blocks only.
    written, unwritten: frames in files, and frames that came after writing had ended.
    files: names of the files that exist, oldest first.     removed: how many were deleted to keep `rotation.files`.
    """

    def __init__(self, path: str, source: LiveSource, rotation: Rotation | None = None, application: str = "") -> None:
        """Raises CaptureError where the first file cannot be created, or the rotation makes no sense."""
        self.path = path
        self.source = source
        self.rotation = rotation or Rotation()
        self.application = application
        self.trouble = ""
        self.written: i64 = 0
        self.unwritten: i64 = 0
        self.files: list[str] = []
        self.removed = 0
        self.turn = 0
        self.descriptor = -1
        self.largest: i64 = self.rotation.octets
        self.longest: i64 = int(self.rotation.seconds * 1e9)
        self.buffer = BytesWriter()
        self.stored: i64 = 0             # octets of the current file that the system has taken
        self.begun: i64 = time.time_ns()  # when the current file began
        self.first: i64 = -1             # time of its first frame, -1 before there is one
        self.last: i64 = 0
        self.flushed: i64 = 0            # time of the frame that was the newest at the last flush
        self.described: i64 = 0          # interfaces and secrets that the current file holds
        self.secrets: i64 = 0
        self.before: list[Counts] = []   # at the beginning of the current file
        self.before_dropped = -1
        if self.rotation.wanted() and path == STANDARD_OUTPUT:
            raise CaptureError("standard output is one file: it cannot be rotated")
        if self.rotation.files and not self.rotation.wanted():
            raise CaptureError("a number of files needs a size or a time after which the next one begins")
        if 0 < self.rotation.octets < SMALLEST_FILE:
            raise CaptureError(f"a file of {self.rotation.octets} bytes is too small; at least {SMALLEST_FILE}")
        try:
            self.begin()
        except OSError as error:
            raise CaptureError(f"{self.shown()}: cannot be written ({error.strerror})") from error

    def shown(self) -> str:
        return "standard output" if self.path == STANDARD_OUTPUT else self.files[-1] if self.files else self.path

    def begin(self) -> None:
        """Create the next file. Raises OSError."""
        if self.path == STANDARD_OUTPUT:
            self.descriptor = os.dup(sys.stdout.fileno())
        else:
            path = self.path
            if self.rotation.wanted():
                self.turn += 1
                stem, suffix = os.path.splitext(path)
                stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(time.time()))
                path = f"{stem}_{self.turn:05}_{stamp}{suffix}"
            self.descriptor = create(path)
            self.files.append(path)
            self.make_room()
        self.stored = 0
        self.first = -1
        self.described = 0
        self.secrets = 0
        self.before = [copied(count) for count in self.source.counts()]
        self.before_dropped = self.source.dropped()
        self.buffer = BytesWriter()
        self.buffer.write(ng.section(self.application, f"{platform.system()} {platform.release()}", []))
        self.describe()

    def make_room(self) -> None:
        """Delete the oldest files beyond the number that stays."""
        while self.rotation.files and len(self.files) > self.rotation.files:
            oldest = self.files.pop(0)
            try:
                os.unlink(oldest)
            except FileNotFoundError:
                continue         # somebody was faster
            except OSError as error:
                self.source.notify(time.time_ns(), "", f"{oldest}: cannot be deleted ({error.strerror})")
                continue
            self.removed += 1

    def describe(self) -> None:
        """Interfaces and secrets of the source that the current file does not hold yet."""
        for interface in self.source.interfaces[int(self.described):]:
            self.buffer.write(ng.interface(interface))
        self.described = len(self.source.interfaces)
        for secret in self.source.secrets[int(self.secrets):]:
            self.buffer.write(ng.secrets(secret.kind, secret.data))
        self.secrets = len(self.source.secrets)

    def write(self, comment: str = "") -> None:
        """The frame in hand, with a comment on it where there is one."""
        if self.trouble:
            self.unwritten += 1
            return
        source = self.source
        start = source.start
        captured = source.end - start
        options = b""
        if comment:
            options = ng.options([ng.option(OPT_COMMENT, ng.text(comment))])
        padding = PADDING[int(captured & 3)]
        total = 32 + captured + len(padding) + len(options)
        time = max(source.time, 0)
        if self.is_full(total, time):
            if not self.rotate():
                self.unwritten += 1
                return
        if self.first < 0:
            self.first = time
        if source.interface >= self.described or i64(len(source.secrets)) > self.secrets:
            self.describe()
        self.last = time
        buffer = self.buffer
        write_i64_le(buffer, ENHANCED | total << 32)
        write_i64_le(buffer, source.interface | time >> 32 << 32)
        write_i64_le(buffer, (time & 0xFFFFFFFF) | captured << 32)
        write_i32_le(buffer, i32(min(source.length, 0x7FFFFFFF)))
        buffer.write(source.data[start:source.end])
        if padding:
            buffer.write(padding)
        if options:
            buffer.write(options)
        write_i32_le(buffer, i32(total))
        self.written += 1
        if len(buffer) >= GATHERED or time - self.flushed >= FLUSH_NS:
            self.flush()

    def is_full(self, total: i64, time: i64) -> bool:
        """Whether a block of this size and time belongs into the next file."""
        if self.first < 0:
            return False
        if self.largest and self.stored + len(self.buffer) + total > self.largest:
            return True
        return self.longest > 0 and time - self.first >= self.longest

    def rotate(self) -> bool:
        """End this file and begin the next; whether that worked."""
        self.finish()
        if self.trouble:
            return False
        try:
            self.begin()
        except OSError as error:
            self.fail(error)
            return False
        return True

    def flush(self) -> None:
        """Hand what is buffered to the system; call it about every FLUSH_SECONDS."""
        self.flushed = self.last
        if self.trouble or self.descriptor < 0 or not len(self.buffer):
            return
        data = self.buffer.getvalue()
        self.buffer = BytesWriter()
        done = 0
        try:
            while done < len(data):
                done += os.write(self.descriptor, data[done:] if done else data)
        except OSError as error:
            self.cut(data, done)
            self.fail(error)
            return
        self.stored += len(data)

    def cut(self, data: bytes, done: int) -> None:
        """Of data, so many bytes were written: keep the whole blocks of them, and count the frames of the others."""
        at: i64 = 0
        whole: i64 = 0
        while at + 8 <= i64(len(data)):
            kind = read_i32_le(data, at)
            at += i64(read_i32_le(data, at + 4))
            if at <= done:
                whole = at
            elif kind == ENHANCED:
                self.written -= 1
                self.unwritten += 1
        self.stored += whole
        self.shorten()

    def shorten(self) -> None:
        """End the file behind the last whole block. A pipe or a device has no end that could be moved."""
        if self.path != STANDARD_OUTPUT:
            with suppress(OSError):
                os.ftruncate(self.descriptor, int(self.stored))
                os.lseek(self.descriptor, int(self.stored), os.SEEK_SET)

    def fail(self, error: OSError) -> None:
        """Writing ends here, for good; the statistics still go into the file where there is room for them."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full" if error.errno == errno.ENOSPC else "the quota is used up"
        elif error.errno == errno.EPIPE:
            reason = "nobody reads it any more"
        else:
            reason = error.strerror or str(error)
        self.trouble = f"{self.shown()}: not written any further: {reason}"
        self.source.notify(time.time_ns(), "", self.trouble)
        self.end_file()

    def end_file(self) -> None:
        """Statistics, as far as there is room, and the end of the file."""
        if self.descriptor < 0:
            return
        closing = self.statistics()
        if self.path != STANDARD_OUTPUT or not self.trouble:
            done = 0
            with suppress(OSError):
                done = os.write(self.descriptor, closing)
            if done < len(closing):
                self.shorten()
        os.close(self.descriptor)
        self.descriptor = -1

    def statistics(self) -> bytes:
        """What was counted at each interface since the current file began."""
        now = self.source.counts()
        end = max(int(self.last), int(self.begun))
        begun = int(self.begun)
        parts: list[bytes] = []
        dropped = self.source.dropped()
        alone = True             # nobody counted by interface
        for place, count in enumerate(now[:int(self.described)]):
            old = self.before[place] if place < len(self.before) else Counts(count.name, count.link)
            alone = alone and count.dropped < 0
            parts.append(ng.statistics(
                place, begun, end, since(count.received, old.received), since(count.missed, old.missed),
                since(count.dropped, old.dropped), count.frames - old.frames,
            ))
        if alone and dropped >= 0 and parts:
            count = now[0]
            old = self.before[0] if self.before else Counts(count.name, count.link)
            parts[0] = ng.statistics(
                0, begun, end, since(count.received, old.received), since(count.missed, old.missed),
                since(dropped, self.before_dropped), count.frames - old.frames,
                "the frames dropped by the system are those of all interfaces together",
            )
        self.begun = end
        return b"".join(parts)

    def finish(self) -> None:
        """End the current file."""
        self.flush()
        if not self.trouble:
            self.end_file()

    def close(self) -> None:
        """Write the statistics and end the file. Safe to call twice."""
        self.finish()


def since(now: int, before: int) -> int:
    """How many more; -1 where nobody counts."""
    return now - max(before, 0) if now >= 0 else -1


def copied(count: Counts) -> Counts:
    """Counters as they are now: a source may go on with the same object."""
    same = Counts(count.name, count.link)
    same.frames = count.frames
    same.received = count.received
    same.dropped = count.dropped
    same.missed = count.missed
    return same
