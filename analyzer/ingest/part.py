"""A part of a capture: frames that a capture filter lets through, and those of a stretch of time."""
from __future__ import annotations

from typing import Final

from analyzer.ingest.live.capture_filter import FrameFilter
from analyzer.ingest.source import CaptureError, Source

DAY_NS: Final = 86_400_000_000_000
RELATIVE: Final = "relative"    # to the first frame of the capture
CLOCK: Final = "clock"          # of a day: that of the first frame, UTC, or the next one
ABSOLUTE: Final = "absolute"    # since 1970


class Moment:
    """A moment as somebody wrote it. ns: since the first frame, since midnight, or since 1970, by its kind."""

    def __init__(self, text: str, kind: str, ns: int) -> None:
        self.text = text
        self.kind = kind
        self.ns = ns

    def since_1970(self, origin: int) -> int:
        """In nanoseconds. origin: the time of the first frame of the capture."""
        if self.kind == RELATIVE:
            return origin + self.ns
        if self.kind == ABSOLUTE:
            return self.ns
        found = origin - origin % DAY_NS + self.ns
        return found if found >= origin else found + DAY_NS


class Asked:
    """What of a capture is asked for.

    capture_filter: in tcpdump's language, "" for none.   begin, end: None for its own.
    last_ns: so much of its end, 0 for all.
    """

    def __init__(
        self, capture_filter: str = "", begin: Moment | None = None, end: Moment | None = None, last_ns: int = 0
    ) -> None:
        self.capture_filter = capture_filter
        self.begin = begin
        self.end = end
        self.last_ns = last_ns

    def timed(self) -> bool:
        return self.begin is not None or self.end is not None or self.last_ns > 0

    def everything(self) -> bool:
        return not self.capture_filter and not self.timed()


class PartSource(Source):
    """The frames of a source that are asked for, with the numbers that they have there.

    origin: -1 until its first frame was read.   latest: for `last_ns`, the latest time.
    early, late, refused: frames that were passed over, because they lie before, lie behind, or for the capture filter.
    A frame without a time is in no stretch of time.
    """

    def __init__(
        self, source: Source, asked: Asked, program: FrameFilter | None, origin: int = -1, latest: int = -1
    ) -> None:
        super().__init__(source.name)
        self.inner = source
        self.asked = asked
        self.program = program
        self.origin = origin
        self.latest = latest
        self.early = 0
        self.late = 0
        self.refused = 0
        self.timed = asked.timed()
        self.first_ns = -1
        self.last_ns = -1
        if origin >= 0:
            self._bound()
        self.rooms = source.rooms
        self.interfaces = source.interfaces
        self.damage = source.damage
        self.remarks = source.remarks
        self.names = source.names
        self.secrets = source.secrets
        self.skipped_blocks = source.skipped_blocks
        self.alone = source.alone
        self.rewindable = source.rewindable
        self.size = source.size
        self.position = source.position
        self.kept = source.kept
        self.base = source.base

    def _bound(self) -> None:
        begin, end = self.asked.begin, self.asked.end
        if begin is not None:
            self.first_ns = begin.since_1970(int(self.origin))
        if end is not None:
            self.last_ns = end.since_1970(int(self.origin))
        if self.asked.last_ns:
            self.first_ns = max(self.first_ns, self.latest - self.asked.last_ns)

    def next(self) -> bool:
        source = self.inner
        while source.next():
            if self._takes(source):
                self.data = source.data
                self.start = source.start
                self.end = source.end
                self.time = source.time
                self.length = source.length
                self.link = source.link
                self.interface = source.interface
                self.number = source.number
                self._follow(source)
                return True
        self._follow(source)
        return False

    def _follow(self, source: Source) -> None:
        self.position = source.position
        self.base = source.base
        self.kept = source.kept
        self.remarks = source.remarks

    def _takes(self, source: Source) -> bool:
        time = int(source.time)
        if self.origin < 0 <= time:
            self.origin = time
            self._bound()
        if self.timed:
            if time < 0 or time < self.first_ns:
                self.early += 1
                return False
            if 0 <= self.last_ns < time:
                self.late += 1
                return False
        if self.program is not None:
            frame = source.data[int(source.start):int(source.end)]
            if not self.program.takes(int(source.link), frame, int(source.length)):
                self.refused += 1
                return False
        return True

    def reopen(self) -> Source:
        return PartSource(self.inner.reopen(), self.asked, self.program, int(self.origin), self.latest)

    def keeping(self) -> str:
        return self.inner.keeping()

    def seek(self, place: int, number: int) -> bool:
        return self.inner.seek(place, number)

    def read_at(self, place: int, size: int) -> bytes:
        return self.inner.read_at(place, size)

    def close(self) -> None:
        self.inner.close()


def part_of(source: Source, asked: Asked) -> Source:
    """What is asked for of this source, which is read to its end first where that decides.

    Raises CaptureError where the capture filter cannot be used, or not all of a pipe could be kept.
    """
    if asked.everything():
        return source
    program = FrameFilter(asked.capture_filter) if asked.capture_filter else None
    if not asked.last_ns:
        return PartSource(source, asked, program)
    origin, latest = -1, -1
    while source.next():
        time = int(source.time)
        if origin < 0 <= time:
            origin = time
        latest = max(latest, time)
    return PartSource(again(source), asked, program, origin, latest)


def again(source: Source) -> Source:
    """A second cursor over a capture that was gone over once, in the place of the first one.

    Raises CaptureError where not all of it was kept.
    """
    if source.kept >= 0:
        raise CaptureError(
            f"{source.name}: not all of it could be kept, and what is asked for takes going over it once more; --spool "
            "names a folder with more room"
        )
    second = source.reopen()
    source.close()
    return second
