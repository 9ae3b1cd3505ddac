"""Frames of a capture that is still being written: through a pipe, or into a file that is followed."""
from __future__ import annotations

import os
import stat
import sys
import time
from typing import Final

from mypy_extensions import i64

from analyzer.ingest.compressed import GZIP, LZ4, ZSTD, GzipStream, Lz4Stream, ZstdStream
from analyzer.ingest.live.growing import GrowingFile, GrowingPipe, GrowingStream
from analyzer.ingest.live.source import Counts, LiveSource
from analyzer.ingest.open import MAGIC_BYTES, STANDARD_INPUT, recognise, shown
from analyzer.ingest.pcap import FILE_HEADER, is_pcap
from analyzer.ingest.pcap import PcapSource as Pcap
from analyzer.ingest.pcapng import HELD_BLOCK, PcapngSource
from analyzer.ingest.pcapng import MAGIC as PCAPNG
from analyzer.ingest.pcapng_blocks import BYTE_ORDER_MAGIC, u32
from analyzer.ingest.records import RecordSource
from analyzer.ingest.source import CaptureError, Source
from analyzer.ingest.streams import PipeStream, Spool, Stream

IXIA: Final = (b"\x1c\x00\x01", b"\xac\x01\x00\x1c", b"\xab\x01\x00\x1c")    # their header is four bytes longer
SECTION_HEADER: Final = 28


class StreamSource(LiveSource):
    """Frames as they come. The format is known once enough of the beginning is there.

    Raises CaptureError where the beginning is that of no capture: from the constructor where it is there already,
    from `next()` otherwise.
    """

    def __init__(self, name: str, stream: GrowingStream) -> None:
        super().__init__(name)
        self.stream = stream
        self.head = b""
        self.inner: Source | None = None
        self.records: RecordSource | None = None
        self.blocking: Stream | None = None     # a compressed pipe: read as it comes, by waiting for it
        self.tallies: list[Counts] = []
        self.stopping: bool = False
        self.begin()

    def begin(self) -> bool:
        """Take more of the beginning; whether the reader could be made."""
        stream = self.stream
        while not enough(self.head):
            block = stream.read()
            if not block:
                if not stream.growing and self.head:
                    self.settle()
                return self.inner is not None
            self.head += block
        self.settle()
        return True

    def settle(self) -> None:
        """Make the reader for what has begun."""
        head = self.head
        self.head = b""
        if head.startswith(PCAPNG):
            self.records = PcapngSource(self.name, self.stream, head)
            self.inner = self.records
        elif is_pcap(head):
            self.records = Pcap(self.name, self.stream, head)
            self.inner = self.records
        elif isinstance(self.stream, GrowingFile) and is_packed(head):
            raise CaptureError(f"{self.name}: is compressed, and what is compressed cannot be followed")
        elif is_packed(head):
            self.blocking = unpacking(PipeStream(Spool(os.dup(self.stream.descriptor), False)), head)
            self.inner = recognise(self.name, self.blocking)
        else:
            self.inner = recognise(self.name, Begun(head))   # raises what it says of files that are no captures
        inner = self.inner
        self.interfaces = inner.interfaces
        self.damage = inner.damage
        self.remarks = inner.remarks
        self.names = inner.names
        self.secrets = inner.secrets
        self.skipped_blocks = inner.skipped_blocks

    def next(self) -> bool:
        if self.ended:
            return False
        inner = self.inner
        if inner is None:
            if not self.begin():
                return self.nothing()
            inner = self.inner
            if inner is None:
                return False
        if not inner.next():
            return self.nothing()
        self.data = inner.data
        self.start = inner.start
        self.end = inner.end
        self.time = inner.time
        self.length = inner.length
        self.link = inner.link
        self.interface = inner.interface
        self.number = inner.number
        self.position = inner.position
        place = inner.interface
        if place >= i64(len(self.tallies)):
            self.meet()
        tally = self.tallies[int(place)]
        tally.frames += 1
        tally.octets += int(inner.length)
        return True

    def meet(self) -> None:
        """Interfaces that the capture has newly described."""
        for interface in self.interfaces[len(self.tallies):]:
            self.tallies.append(Counts(interface.name, interface.link))

    def nothing(self) -> bool:
        """No frame for now, or no more; always False, for `next()`."""
        stream = self.stream
        records = self.records
        if records is None:
            self.ended = self.blocking is not None or not stream.growing or stream.left == 0
            return False
        # A record that is cut where the end was asked for is no damage: its rest is only not written yet.
        self.ended = records.ended or not stream.growing or stream.left == 0
        if self.ended and isinstance(stream, GrowingFile) and stream.lost:
            self.notify(time.time_ns(), "", f"{self.name}: {stream.lost}, so the capture ends")
            stream.lost = ""
        return False

    def wait(self, timeout: float) -> bool:
        if self.ended or self.stopping or self.blocking is not None:
            return True
        return self.stream.wait(timeout)

    def stop(self) -> None:
        if not self.stopping:
            self.stopping = True
            if self.blocking is not None:
                self.ended = True
            else:
                self.stream.end_now()

    def counts(self) -> list[Counts]:
        """What the capture says of its interfaces, once it does."""
        self.meet()
        for tally, interface in zip(self.tallies, self.interfaces, strict=False):
            tally.received = interface.received
            tally.dropped = interface.dropped
        return self.tallies

    def close(self) -> None:
        self.ended = True
        if self.blocking is not None:
            self.blocking.close()
        self.stream.close()


class Begun(Stream):
    """Only the beginning of something, to say what it is."""

    def __init__(self, head: bytes) -> None:
        super().__init__(len(head))
        self.head = head

    def read(self) -> bytes:
        head = self.head
        self.head = b""
        return head


def enough(head: bytes) -> bool:
    """Whether a reader can be made: the whole header of the file or of the first section is there."""
    if len(head) < MAGIC_BYTES:
        return False
    if head.startswith(PCAPNG):
        if len(head) < SECTION_HEADER:
            return False
        size = u32(head, 4, u32(head, 8, True) == BYTE_ORDER_MAGIC)
        return size > HELD_BLOCK or i64(len(head)) >= (size + 3) & ~3
    if is_pcap(head):
        return len(head) >= FILE_HEADER + (4 if head.startswith(IXIA) else 0)
    return True


def is_packed(head: bytes) -> bool:
    return head.startswith((GZIP, ZSTD, LZ4))


def unpacking(stream: Stream, head: bytes) -> Stream:
    if head.startswith(GZIP):
        return GzipStream(stream, head)
    return ZstdStream(stream, head) if head.startswith(ZSTD) else Lz4Stream(stream, head)


def open_stream(path: str, follow: bool) -> LiveSource:
    """Frames of a capture as they come: "-" or a named pipe, or with `follow` a file that is still being written.

    Raises CaptureError where it cannot be opened, or begins like something that is no capture.
    """
    name = shown(path)
    try:
        if path == STANDARD_INPUT:
            descriptor = os.dup(sys.stdin.fileno() if sys.stdin is not None else 0)
        else:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))     # a pipe may have no writer
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CaptureError(f"{name}: cannot be opened ({reason})") from error
    stream: GrowingStream
    if stat.S_ISDIR(mode) or os.isatty(descriptor):
        os.close(descriptor)
        raise CaptureError(f"{name}: is a {'directory' if stat.S_ISDIR(mode) else 'terminal'}, not a capture")
    if follow:
        if path == STANDARD_INPUT or not stat.S_ISREG(mode):
            os.close(descriptor)
            raise CaptureError(f"{name}: only a file can be followed; a pipe is read as it comes")
        stream = GrowingFile(descriptor, path)
    else:
        stream = GrowingPipe(descriptor)
    if path != STANDARD_INPUT and hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)     # it is read only where there is something, or by somebody who waits
    try:
        return StreamSource(name, stream)
    except CaptureError:
        stream.close()
        raise
