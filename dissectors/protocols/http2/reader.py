"""One direction of a connection, cut into frames (RFC 9113 §4.1).

The reader is asked for one step after another. Whole frames are handed out with their payload, DATA as it comes:
nothing of it is held, and nobody is made to wait for its end.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.framer import FRAME, NEED, NONE, PART, Framer
from dissectors.kit.inputs import Gap
from dissectors.protocols.http2.codes import DATA, DEFAULT_FRAME, HEADER, PADDED, PREFACE, PREFACE_OCTETS
from dissectors.protocols.http2.header import find_frame, is_header, is_plausible

MAX_PAYLOAD: Final[i64] = 1 << 17   # octets of a payload that are held; of a longer one only its length is told

BEGUN: Final = 8     # a step beside those of the kit: the connection preface


class H2Reader(Framer):
    """Feed it a chunk, then take steps until there is NOTHING.

    After FRAME, which DATA has too behind its parts: type, flags, id, padding, and what the kit says. cut: octets of
    the payload that are missing or were not kept.     After PART: the content, without padding, is
    buffer[part:part_end].
    """

    def __init__(self, midstream: bool) -> None:
        super().__init__(False)
        self.begun: bool = False       # the first octets were judged
        self.midstream: bool = midstream
        self.client: bool = False      # it began with the preface
        self.largest: i64 = DEFAULT_FRAME
        self.type: i64 = 0
        self.flags: i64 = 0
        self.id: i64 = 0               # of the stream
        self.padding: i64 = -1         # octets at the end of a DATA frame; -1 where that is not read yet
        self.part_end: i64 = 0
        self.ended: bool = False       # the last part of a DATA frame was handed out

    def missed(self, gap: Gap) -> i64:
        """Octets are missing. Returns how many of them belonged to the frame in hand."""
        self.begun = True
        within = min(i64(gap.length), self.rest)
        self.miss(gap.length, gap.frame, gap.time)
        return within

    # -- steps -----------------------------------------------------------------------------------------

    def step(self) -> int:
        if not self.begun:
            kind = self._first()
            if kind != FRAME:
                return kind
        if self.ended:
            self.ended = False
            return FRAME
        while True:
            kind = super().step()
            if kind != PART:
                return kind
            if self._content():
                self.ended = not self.open
                return PART
            if not self.open:
                return FRAME

    def _content(self) -> bool:
        """Whether there is content in the part, which ends where padding begins."""
        taken = self.at - self.part
        if self.padding < 0 and taken:
            if self.rest + taken == self.length:
                self.padding = min(i64(self.buffer[self.part]), self.length - 1)
                self.part += 1
                taken -= 1
            else:
                self.padding = 0     # its length is among the octets that are missing
        self.part_end = self.part + min(taken, max(self.rest + taken - max(self.padding, 0), 0))
        return self.part_end > self.part

    def _first(self) -> int:
        """The first octets, once there are enough of them: FRAME where frames begin or have to be looked for."""
        data = self.buffer
        left = self.left()
        if not left:
            return self._spent()
        if data.startswith(PREFACE):
            self.begun = self.in_step = self.client = True
            self.cited.add(self.carrier) if not self.fresh else self.cited.restart(self.carrier)
            self.at += PREFACE_OCTETS
            self.fresh = True
            return BEGUN
        if left < HEADER or (left < PREFACE_OCTETS and PREFACE.startswith(data)):
            if self.fresh:
                self.cited.restart(self.carrier)
                self.begun_ns = self.now
            return self._wait()
        self.begun = True
        self.in_step = not self.midstream or is_header(data, 0)
        return FRAME

    # -- what the kit asks -----------------------------------------------------------------------------

    def header(self, data: bytes, at: i64) -> i64:
        if len(data) - at < HEADER:
            return NEED
        length = i64(data[at]) << 16 | i64(data[at + 1]) << 8 | i64(data[at + 2])
        if length > self.largest and not is_plausible(data, at):
            return NONE
        self.type = i64(data[at + 3])
        self.flags = i64(data[at + 4])
        self.id = (i64(data[at + 5]) & 0x7F) << 24 | i64(data[at + 6]) << 16 | i64(data[at + 7]) << 8 \
            | i64(data[at + 8])
        self.length = length
        self.parted = self.type == DATA
        self.padding = -1 if self.flags & PADDED and self.parted else 0
        self.most = MAX_PAYLOAD
        if length > MAX_PAYLOAD and not self.parted:
            self.most = 0
            self.cut = length
        return HEADER

    def search(self, data: bytes, at: i64) -> i64:
        found = find_frame(data, at)
        if found >= 0:
            return found
        return -1 - max(at, i64(len(data)) - (HEADER - 1))    # a header may begin in the last octets
