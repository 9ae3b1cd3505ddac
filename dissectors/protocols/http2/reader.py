"""One direction of a connection, cut into frames (RFC 9113 §4.1).

The reader is asked for one step after another. Whole frames are handed out with their payload, DATA as it comes:
nothing of it is held, and nobody is made to wait for its end.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.inputs import Chunk, Gap
from dissectors.protocols.http2.codes import DATA, DEFAULT_FRAME, HEADER, PADDED, PREFACE, PREFACE_OCTETS
from dissectors.protocols.http2.header import find_frame, is_header, is_plausible

MAX_FRAMES: Final = 32              # frame numbers named as the evidence of one frame: the first ones, and the last
MAX_PAYLOAD: Final[i64] = 1 << 17   # octets of a payload that are held; of a longer one only its length is told

# Steps.
NOTHING: Final = 0   # the chunk is read
FRAME: Final = 1     # a frame is complete; DATA too, after its parts
PART: Final = 2      # octets of a DATA frame, data[part_start:part_end], without its padding
BEGUN: Final = 3     # the connection preface
BROKEN: Final = 4    # octets where a frame header was due are none
FOUND: Final = 5     # frames are in step again: `passed` octets were not read, `lost` ones are not in the capture


class H2Reader:
    """Feed it a chunk, then take steps until there is NOTHING.

    After FRAME: type, flags, id, length, payload (b"" for DATA), cut (octets of the payload that are missing or were
    not kept), padding, frames(), frame, begun_ns, now, start, end.
    """

    def __init__(self, midstream: bool) -> None:
        self.begun: bool = False       # the first octets were judged
        self.in_step: bool = False     # it is known where the next frame begins
        self.midstream: bool = midstream
        self.client: bool = False      # it began with the preface
        self.told: bool = False        # that step was lost
        self.largest: i64 = DEFAULT_FRAME
        self.type: i64 = 0
        self.flags: i64 = 0
        self.id: i64 = 0               # of the stream
        self.length: i64 = 0
        self.rest: i64 = 0             # octets of the payload still to come
        self.open: bool = False        # a frame is in hand
        self.cut: i64 = 0
        self.padding: i64 = -1         # octets at the end of a DATA frame; -1 where that is not read yet
        self.payload = b""
        self.parts: list[bytes] = []
        self.numbers: list[int] = []   # frames that carried it
        self.begun_ns: int = 0         # when its header began
        self.now: int = 0              # a chunk that had to wait is older than the one that released it
        self.frame: int = 0            # that made the chunk in hand deliverable
        self.start: int = -1           # of the frame within the last one, or -1
        self.end: int = -1
        self.data = b""
        self.at: i64 = 0
        self.before: i64 = 0           # octets of data that came with earlier chunks
        self.offset: i64 = -1          # of the chunk in its frame
        self.position: i64 = 0         # of the next octet in the stream
        self.part_start: i64 = 0
        self.part_end: i64 = 0
        self.passed: i64 = 0
        self.lost: i64 = 0

    # -- inputs ----------------------------------------------------------------------------------------

    def feed(self, chunk: Chunk) -> None:
        """The next octets. What is left of earlier ones is part of a header."""
        left = self.data
        self.before = len(left)
        self.data = left + chunk.data if left else chunk.data
        self.at = 0
        self.now = max(self.now, chunk.time)
        self.frame = chunk.released_by
        self.offset = chunk.offset if chunk.released_by == chunk.frame else -1
        self.position = chunk.position - self.before
        if not self.open and not left:
            self.begun_ns = self.now
        if self.open or left:
            self._carried(chunk.frame)
        else:
            self.numbers = [chunk.frame]

    def miss(self, gap: Gap) -> i64:
        """Octets are missing. Within one frame the next can be counted out; beyond it, step is lost.

        Returns how many of them belonged to the DATA frame in hand.
        """
        lost: i64 = gap.length
        self.now = max(self.now, gap.time)
        self.frame = gap.frame
        self.offset = -1
        self.begun = True
        if self.open and lost <= self.rest:
            self.rest -= lost
            self.cut += lost
            self.parts = []
            self._carried(gap.frame)
            return lost
        within = self.rest if self.open else 0
        self.passed += i64(len(self.data)) + (HEADER + self.length - self.rest if self.open else 0)
        self.lost += lost
        self._lose()
        return within

    @property
    def within(self) -> bool:
        """Part of a frame is there, and its end is not."""
        return self.open or len(self.data) > 0

    # -- steps -----------------------------------------------------------------------------------------

    def step(self) -> int:
        if not self.open:
            kind = self._header()
            if kind != FRAME:
                return kind
        if self.type == DATA:
            kind = self._data()
            if kind != FRAME:
                return kind
        elif self.rest:
            take = min(self.rest, i64(len(self.data)) - self.at)
            if take and self.length <= MAX_PAYLOAD and not self.cut:
                self.parts.append(self.data[self.at:self.at + take])
            self.at += take
            self.rest -= take
        if self.rest:
            return self._spent()
        self._complete()
        return FRAME

    def frames(self) -> tuple[int, ...]:
        """The frames that carried the frame in hand, ascending; valid until the next chunk."""
        numbers = self.numbers
        if not numbers or (len(numbers) == 1 and numbers[0] == self.frame):
            return (self.frame,)
        return tuple(sorted({*numbers, self.frame}))

    def _header(self) -> int:
        """FRAME where one has begun."""
        data = self.data
        left: i64 = len(data) - self.at
        if not left:
            return self._spent()
        if not self.in_step:
            return self._search(left)
        if left < HEADER:
            return self._wait()
        at = self.at
        length = i64(data[at]) << 16 | i64(data[at + 1]) << 8 | i64(data[at + 2])
        if length > self.largest and not is_plausible(data, at):
            if not self.told:
                self.told = True
                self.in_step = False
                return BROKEN
            return self._search(left)
        self.type = i64(data[at + 3])
        self.flags = i64(data[at + 4])
        self.id = (i64(data[at + 5]) & 0x7F) << 24 | i64(data[at + 6]) << 16 | i64(data[at + 7]) << 8 \
            | i64(data[at + 8])
        self.length = length
        self.rest = length
        self.open = True
        self.told = False
        self.cut = 0 if length <= MAX_PAYLOAD or self.type == DATA else length
        self.padding = -1 if self.flags & PADDED and self.type == DATA else 0
        self.at = at + HEADER
        return FRAME

    def _data(self) -> int:
        """PART for octets of the content; FRAME where there are none to hand out now."""
        left: i64 = len(self.data) - self.at
        if self.padding < 0 and self.rest and left:
            if self.rest == self.length:
                self.padding = min(i64(self.data[self.at]), self.length - 1)
                self.at += 1
                self.rest -= 1
                left -= 1
            else:
                self.padding = 0     # its length is among the octets that are missing
        take = min(self.rest, left)
        content = min(take, max(self.rest - max(self.padding, 0), 0))
        if not content:
            self.at += take
            self.rest -= take
            return FRAME
        self.part_start = self.at
        self.part_end = self.at + content
        self.at += content
        self.rest -= content
        return PART

    def _complete(self) -> None:
        parts = self.parts
        if self.type == DATA or not parts:
            self.payload = b""
        else:
            self.payload = parts[0] if len(parts) == 1 else b"".join(parts)
        if parts:
            self.parts = []
        self.open = False
        self.start = -1
        self.end = -1
        if self.offset >= 0:
            end = self.offset + self.at - self.before
            self.end = int(end)
            self.start = int(max(end - self.length - HEADER, self.offset))

    def next(self) -> None:
        """The frame in hand is done with; what follows it in this chunk begins another."""
        self.begun_ns = self.now
        if len(self.numbers) != 1 or self.numbers[0] != self.frame:
            self.numbers = [self.frame]

    # -- step lost and found ---------------------------------------------------------------------------

    def _search(self, left: i64) -> int:
        """Look for the preface or a frame from here on."""
        if not self.begun:
            data = self.data
            if data.startswith(PREFACE):
                self.begun = self.in_step = self.client = True
                self.at += PREFACE_OCTETS
                return BEGUN
            if left < PREFACE_OCTETS and PREFACE.startswith(data):
                return self._wait()
            if left < HEADER:
                return self._wait()
            self.begun = True
            if not self.midstream or is_header(data, self.at):
                self.in_step = True
                return self._header()
        found = find_frame(self.data, self.at)
        if found < 0:
            keep = min(left, HEADER - 1)
            self.passed += left - keep
            self.at += left - keep
            return self._wait()
        self.passed += found - self.at
        self.at = found
        self.in_step = True
        return FOUND

    def _lose(self) -> None:
        self.in_step = False
        self.open = False
        self.told = True
        self.data = b""
        self.at = 0
        self.parts = []

    def _wait(self) -> int:
        """The rest is not enough; it is looked at again with the next chunk."""
        self.data = self.data[self.at:]
        self.at = 0
        return NOTHING

    def _spent(self) -> int:
        self.data = b""
        self.at = 0
        return NOTHING

    def _carried(self, frame: int) -> None:
        if len(self.numbers) < MAX_FRAMES and (not self.numbers or self.numbers[-1] != frame):
            self.numbers.append(frame)
