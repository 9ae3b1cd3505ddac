"""A stream cut into frames, whatever the pieces in which it comes: a header, and a payload as long as it says.

A protocol says how its header is read and where frames begin again once that was lost; here is what is the same for all
of them: what is held, what a gap takes away, what is not read, where a frame lies, and how much of it is kept.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from dissectors.kit.cited import Cited
from dissectors.kit.inputs import Chunk

# Answers of `header`, beside the size of one.
NEED: Final[i64] = -1     # not all of it is there
NONE: Final[i64] = -2     # none stands there

# Steps.
NOTHING: Final = 0   # what was fed is read
FRAME: Final = 1     # a frame is whole
PART: Final = 2      # octets of a payload that is handed out as it comes: buffer[part:at]
BROKEN: Final = 3    # no header stands where one is due; told once until a frame is found
FOUND: Final = 4     # frames begin again: `passed` octets were not read, `lost` ones are not in the capture

# What a gap takes away.
INSIDE: Final = 5    # octets of the payload in hand
ENDS: Final = 6      # its end, and no more: the next step completes it
LOST: Final = 7      # where the next frame begins is not known


@mypyc_attr(allow_interpreted_subclasses=True)
class Framer:
    """One direction. Feed it, then take steps until there is NOTHING.

    What is held is part of one header, what `search` may want to see again, and `most` octets of one payload.

    Set by `header`: length (of the payload), and where it is not the same for all frames, most and parted.
    most: octets of a payload that are held, its first ones.
    parted: nothing is held, octets are handed out as PARTs, the first of them with the header (`begins`), even where
    there are none yet; it is the last one where the frame is not open any more.
    After FRAME: payload (as far as it was held, and up to the first octet that is missing), cut (octets of it that are
    missing), start and end (of the frame within the last frame of the capture, or -1), begun_ns, frames().
    in_step: it is known where the next frame begins.    now: ns; a chunk that had to wait is older than the one that
    released it.    frame: of the capture, that made deliverable what is read.    arrived: when the chunk in hand came.
    waited: all of the frame had come before what made it deliverable, which another segment did.
    """

    def __init__(self, in_step: bool = True, most: int = 1 << 24) -> None:
        self.in_step: bool = in_step
        self.most: i64 = most
        self.parted: bool = False
        self.length: i64 = 0
        self.rest: i64 = 0             # octets of the payload in hand still to come
        self.head: i64 = 0             # octets of its header
        self.open: bool = False        # a header was read, and the end of its payload has not come
        self.begins: bool = False
        self.cut: i64 = 0
        self.payload = b""
        self.cited = Cited()           # frames that carried the frame in hand
        self.begun_ns: int = 0         # when its header began
        self.now: int = 0
        self.frame: int = 0
        self.start: int = -1
        self.end: int = -1
        self.buffer = b""
        self.at: i64 = 0
        self.part: i64 = 0
        self.passed: i64 = 0
        self.lost: i64 = 0
        self.carrier: int = 0          # the frame in which what is read came
        self.arrived: int = 0
        self.waited: bool = False
        self._room: i64 = 0            # octets of the payload in hand that may still be held
        self._parts: list[bytes] = []
        self.before: i64 = 0          # octets of the buffer that came with earlier chunks
        self._offset: i64 = -1         # of the chunk within its frame
        self.fresh: bool = True        # nothing of the next header was seen
        self._told: bool = False       # that step was lost

    # -- what a protocol says --------------------------------------------------------------------------

    def header(self, data: bytes, at: i64) -> i64:
        """Read the header that stands there: its size in octets, NEED or NONE. There is one octet at least."""
        return NONE

    def search(self, data: bytes, at: i64) -> i64:
        """Where a frame begins, there or behind. Where none does: -1 - the place from which on octets are held."""
        return -1 - len(data)

    # -- inputs ----------------------------------------------------------------------------------------

    def feed(self, chunk: Chunk) -> None:
        """The next octets."""
        self.load(
            chunk.data, chunk.frame, chunk.released_by, chunk.time,
            chunk.offset if chunk.released_by == chunk.frame else -1,
        )

    def load(self, data: bytes, carrier: int, frame: int, time: int, offset: int = -1) -> None:
        """The next octets, where they do not come as a chunk. offset: -1 for what had to wait, too."""
        held = self.buffer[self.at:] if self.at else self.buffer     # of a caller who did not take all steps, too
        self.before = len(held)
        self.buffer = held + data if held else data
        self.at = 0
        self.now = max(self.now, time)
        self.frame = frame
        self.carrier = carrier
        self.arrived = time
        self._offset = offset
        if not self.fresh:
            self.cited.add(carrier)
            self.waited = self.waited and carrier != frame

    def miss(self, octets: i64, frame: int, time: int) -> int:
        """Octets are missing: INSIDE, ENDS or LOST. Within one frame the next can be counted out.

        frame, time: of what showed the gap; octets that waited behind it may be older.
        """
        self.frame = frame
        self._offset = -1
        if self.open and octets <= self.rest:
            self.now = max(self.now, time)
            self.rest -= octets
            self.cut += octets
            self._room = 0
            return INSIDE if self.rest else ENDS
        self.passed += i64(len(self.buffer)) + self.seen()
        self.lost += octets
        self.lose()
        return LOST

    def lose(self) -> None:
        """Where the next frame begins is not known any more."""
        self.in_step = False
        self._told = True
        self.buffer = b""
        self.at = 0
        self.leave()

    def leave(self) -> None:
        """The frame in hand is given up: what follows begins another."""
        self.open = False
        self.rest = 0
        self.cut = 0
        self.fresh = True
        if self._parts:
            self._parts = []

    # -- what is there ---------------------------------------------------------------------------------

    @property
    def within(self) -> bool:
        """Part of a frame is there, and its end is not."""
        return self.open or len(self.buffer) > 0

    def seen(self) -> i64:
        """Octets of the frame in hand so far, with its header; 0 where none is open."""
        return self.head + self.length - self.rest if self.open else 0

    def left(self) -> i64:
        """Octets that are fed and not read."""
        return i64(len(self.buffer)) - self.at

    def frames(self) -> tuple[int, ...]:
        """The frames of the capture that carried the frame in hand or the one just completed, ascending."""
        return self.cited.upto(self.frame)

    # -- steps -----------------------------------------------------------------------------------------

    def step(self) -> int:
        """The next thing there is."""
        self.begins = not self.open
        if self.begins:
            kind = self._begin()
            if kind != FRAME:
                return kind
        take = min(self.rest, i64(len(self.buffer)) - self.at)
        if self.parted:
            if not take and self.rest and not self.begins:
                return self._spent()
            self.part = self.at
            self.at += take
            self.rest -= take
            if not self.rest:
                self._complete()
            return PART
        if take:
            if self._room:
                self._hold(min(take, self._room))
            self.at += take
            self.rest -= take
        if self.rest:
            return self._spent()
        self._complete()
        return FRAME

    def _begin(self) -> int:
        """FRAME where one has begun."""
        if self.at >= len(self.buffer):
            return self._spent()
        if self.fresh:
            self.fresh = False
            self.cited.restart(self.carrier)
            self.begun_ns = self.now
            self.waited = self.carrier != self.frame
        if not self.in_step:
            return self._resume()
        self.cut = 0
        size = self.header(self.buffer, self.at)
        if size == NEED:
            return self._wait()
        if size < 0:
            self.in_step = False
            if self._told:
                return self._resume()
            self._told = True
            return BROKEN
        self.at += size
        self.head = size
        self.rest = self.length
        self._room = min(self.length, self.most)
        self.open = True
        self._told = False
        return FRAME

    def _resume(self) -> int:
        """Look for the next frame."""
        place = self.search(self.buffer, self.at)
        found = place >= 0
        if not found:
            place = -1 - place
        if place >= self.before:      # nothing of what came earlier is left
            self.cited.restart(self.carrier)
            self.begun_ns = self.now
        self.passed += place - self.at
        self.at = place
        if not found:
            return self._wait()
        self.in_step = True
        return FOUND

    def _hold(self, octets: i64) -> None:
        self._parts.append(self.buffer[self.at:self.at + octets])
        self._room -= octets

    def _complete(self) -> None:
        parts = self._parts
        if parts:
            self.payload = parts[0] if len(parts) == 1 else b"".join(parts)
            self._parts = []
        else:
            self.payload = b""
        self.open = False
        self.fresh = True
        self.start = -1
        self.end = -1
        if self._offset >= 0:
            end = self._offset + self.at - self.before
            self.end = int(end)
            self.start = int(max(end - self.length - self.head, self._offset))

    def _wait(self) -> int:
        """What is left is looked at again with what comes next."""
        self.buffer = self.buffer[self.at:]
        self.at = 0
        self.fresh = not self.buffer
        return NOTHING

    def _spent(self) -> int:
        self.buffer = b""
        self.at = 0
        return NOTHING
