"""A stream of octets whose parts come with their offsets, in any order, some twice, some never (RFC 9000 §2.2)."""
from __future__ import annotations

from bisect import bisect_right
from typing import Final

from mypy_extensions import i64

MAX_AHEAD: Final[i64] = 1 << 20      # octets of a stream that are held behind a hole
MAX_PARTS: Final[i64] = 1_024        # parts of it, however small


class Part:
    """Octets of a stream. released: the frame that made them deliverable.     lost: octets before them that are given
    up, for they did not come."""

    def __init__(self, offset: i64, data: bytes, frame: i64, time: i64) -> None:
        self.offset: i64 = offset
        self.data = data
        self.frame: i64 = frame
        self.time: i64 = time
        self.released: i64 = frame
        self.lost: i64 = 0


class OrderedStream:
    """One direction of a stream, or of CRYPTO. position: of the next octet that is due.

    final: its whole size once that is known, -1 before.     repeated: octets that came again.     conflict: some of
    them differed from what came first, which is an error of the sender (RFC 9000 §2.2).     capped: more came behind a
    hole than is held, so the hole was given up.
    """

    def __init__(self, most: i64 = MAX_AHEAD) -> None:
        self.most: i64 = most
        self.position: i64 = 0
        self.final: i64 = -1
        self.octets: i64 = 0
        self.repeated: i64 = 0
        self.ahead: i64 = 0
        self.conflict = False
        self.capped = False
        self.starts: list[int] = []
        self.held: list[Part] = []
        self.last = b""              # that was delivered, to hold what comes again against
        self.last_at: i64 = 0

    def add(self, offset: i64, data: bytes, frame: i64, time: i64) -> list[Part]:
        """Octets that came. What can be delivered now, in order."""
        size: i64 = len(data)
        end = offset + size
        if end <= self.position:
            if size:
                self.repeated += size
                self._compare(offset, data)
            return []
        if offset < self.position:
            self._compare(offset, data)
            self.repeated += self.position - offset
            data = data[self.position - offset:]
            offset = self.position
        if offset == self.position and not self.held:
            self.passes(offset, data)
            return [Part(offset, data, frame, time)]
        self._hold(Part(offset, data, frame, time))
        out = self._due(frame)
        if self.ahead > self.most or len(self.held) > MAX_PARTS:
            self.capped = True
            out += self.give_up(frame)
        return out

    def waits(self) -> bool:
        """Octets are held behind a hole."""
        return len(self.held) > 0

    def give_up(self, frame: i64) -> list[Part]:
        """What is missing before the octets that are held will not come."""
        if not self.held:
            return []
        lost = self.held[0].offset - self.position
        self.position = self.held[0].offset
        out = self._due(frame)
        if out:
            out[0].lost = lost
        return out

    def _hold(self, part: Part) -> None:
        place = bisect_right(self.starts, int(part.offset))
        if place:
            before = self.held[place - 1]
            if before.offset + len(before.data) >= part.offset + len(part.data):
                self.repeated += len(part.data)
                return
        self.starts.insert(place, int(part.offset))
        self.held.insert(place, part)
        self.ahead += len(part.data)

    def _due(self, frame: i64) -> list[Part]:
        out: list[Part] = []
        taken = 0
        for part in self.held:
            if part.offset > self.position:
                break
            taken += 1
            self.ahead -= len(part.data)
            over = self.position - part.offset
            if over >= len(part.data):
                self.repeated += len(part.data)
                continue
            if over:
                self.repeated += over
                part.data = part.data[over:]
                part.offset = self.position
            part.released = frame
            self.passes(part.offset, part.data)
            out.append(part)
        if taken:
            del self.held[:taken]
            del self.starts[:taken]
        return out

    def passes(self, offset: i64, data: bytes) -> None:
        """The octets that are due, of which nobody has to make a part."""
        self.position = offset + len(data)
        self.octets += len(data)
        self.last = data
        self.last_at = offset

    def _compare(self, offset: i64, data: bytes) -> None:
        """With what was delivered last, as far as the two overlap."""
        begin = max(offset, self.last_at)
        end = min(offset + len(data), self.last_at + len(self.last))
        if begin < end and data[begin - offset:end - offset] != self.last[begin - self.last_at:end - self.last_at]:
            self.conflict = True
