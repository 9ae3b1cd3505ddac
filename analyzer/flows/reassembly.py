"""One direction of a byte stream, put back in order.

Policy for overlaps: bytes that were delivered stay, as Linux and BSD receivers keep what they have
(RFC 9293 §3.10.7.4 trims what is old); among segments that still wait, the one that starts earlier wins.
Bytes that come again and differ are an Overlap.
Bytes are given up as lost only when the peer acknowledged them and later ones are waiting, when
the caps below are reached, or at the end: until then an earlier segment may still arrive.
"""
from __future__ import annotations

from typing import Final, Union

from mypy_extensions import i64

from dissectors.kit.inputs import Chunk, Gap, Overlap
from dissectors.protocols.tcp.side import HALF, MASK

# Held back behind a hole, per direction: what is under way on a path of 1 Gbit/s and 100 ms.
MAX_WAITING_BYTES: Final[i64] = 16 << 20
MAX_WAITING: Final[i64] = 16_384          # segments held back, per direction
OWN_BYTES: Final[i64] = 1 << 20           # of them, those that each direction may hold whatever others do
SHARED_BYTES: Final[i64] = 64 << 20       # of all conversations together, beyond those
REACH: Final[i64] = 1 << 24               # an ACK this far beyond a SYN is not of what followed it
MAX_REMEMBERED: Final[i64] = 16_384       # delivered bytes kept to compare resent ones with


Piece = Union[Chunk, Gap, Overlap]


class Waiting:
    """A segment behind a hole. at: its position in the stream."""

    def __init__(self, at: i64, data: bytes, lost: i64, frame: i64, time: i64, offset: i64) -> None:
        self.at: i64 = at
        self.data = data
        self.lost: i64 = lost        # bytes after `data` that the capture cut off
        self.frame: i64 = frame
        self.time: i64 = time
        self.offset: i64 = offset


class WaitingRoom:
    """What the streams of a capture may hold together, beyond OWN_BYTES of each."""

    def __init__(self) -> None:
        self.left: i64 = SHARED_BYTES


class Assembler:
    """Feed it segments in the order of the capture; each call returns what became deliverable.

    position: of the next byte. The first byte after the SYN is 0; without a SYN the first byte seen is.
    """

    def __init__(self, direction: i64, room: WaitingRoom | None = None) -> None:
        self.room = room if room is not None else WaitingRoom()
        self.taken: i64 = 0          # bytes of the room
        self.direction: i64 = direction
        self.started: bool = False
        self.guessed: bool = False   # where it starts
        self.next_seq: i64 = 0
        self.position: i64 = 0
        self.acked: i64 = 0          # as a position
        self.waiting: list[Waiting] = []
        self.waiting_bytes: i64 = 0
        self.recent: list[Chunk] = []
        self.recent_bytes: i64 = 0

    def begin(self, seq: i64, guessed: bool = False) -> None:
        """The sequence number of the first byte of the stream, from a SYN, or guessed from the first that was seen."""
        if not self.started:
            self.started = True
            self.next_seq = seq
            self.guessed = guessed

    def segment(self, seq: i64, data: bytes, length: i64, frame: i64, time: i64, offset: i64) -> list[Piece]:
        """data: what the capture holds of `length` bytes that begin at `seq`."""
        out: list[Piece] = []
        if length <= 0:
            return out
        if not self.started:
            self.started = True
            self.next_seq = seq
        ahead = (seq - self.next_seq) & MASK
        if ahead >= HALF:
            ahead -= MASK + 1
        if ahead == 1 and self.guessed and self.position == 0 and not self.waiting:
            # The guess was from a keep-alive, whose number lies one below the next (RFC 9293 §3.8.4).
            self.next_seq = seq
            self.acked = max(self.acked - 1, 0)
            ahead = 0
        if ahead == 0 and not self.waiting and 0 < len(data) == length:
            self._next(data, frame, time, frame, offset, out)
            return out
        item = Waiting(self.position + ahead, data, length - len(data), frame, time, offset)
        if ahead <= 0:
            self._deliver(item, frame, out)
            if self.waiting:
                self._drain(frame, out)
        else:
            self._hold(item, length)
            if self.acked > self.position or self._full():
                self._give_up(frame, time, out)
        return out

    def acknowledged(self, ack: i64, frame: i64, time: i64) -> list[Piece]:
        """The peer has everything before `ack`: what is missing here was lost by the capture alone."""
        out: list[Piece] = []
        if not self.started:
            return out
        ahead = (ack - self.next_seq) & MASK
        if ahead > REACH and self.position == 0 and not self.waiting and not self.guessed:
            return out      # of nothing that came after the SYN: the other side answers for an old connection
        if 0 < ahead < HALF:
            self.acked = max(self.acked, self.position + ahead)
            if self.waiting:
                self._give_up(frame, time, out)
        return out

    def finish(self, frame: i64, time: i64) -> list[Piece]:
        """The conversation is over: whatever still waits is delivered behind its gap."""
        out: list[Piece] = []
        while self.waiting:
            self._skip_to(self.waiting[0].at, frame, time, out)
            self._drain(frame, out)
        return out

    def _hold(self, item: Waiting, length: i64) -> None:
        place: i64 = len(self.waiting)
        low: i64 = 0
        if place and self.waiting[place - 1].at <= item.at:
            low = place
        while low < place:
            middle = (low + place) >> 1
            if self.waiting[middle].at > item.at:
                place = middle
            else:
                low = middle + 1
        self.waiting.insert(place, item)
        self.waiting_bytes += length
        self._take()

    def _take(self) -> None:
        """Of the room for all, what is held beyond this direction's own."""
        wanted = max(self.waiting_bytes - OWN_BYTES, 0)
        self.room.left -= wanted - self.taken
        self.taken = wanted

    def _full(self) -> bool:
        return len(self.waiting) >= MAX_WAITING or self.waiting_bytes > MAX_WAITING_BYTES \
            or (self.room.left < 0 and self.taken > 0)

    def clear(self) -> None:
        """Nothing waits any more."""
        self.waiting = []
        self.waiting_bytes = 0
        self._take()

    def _give_up(self, frame: i64, time: i64, out: list[Piece]) -> None:
        full = self._full()
        while self.waiting and (full or self.waiting[0].at <= self.acked):
            at = self.waiting[0].at
            self._skip_to(at, frame, time, out, int(self.waiting_bytes) if at > self.acked else 0)
            self._drain(frame, out)
            full = False

    def _skip_to(self, at: i64, frame: i64, time: i64, out: list[Piece], unheld: int = 0) -> None:
        if at > self.position:
            missing = at - self.position
            out.append(Gap(frame, time, self.direction, self.position, missing, unheld=unheld))
            self._advance(missing)

    def _drain(self, frame: i64, out: list[Piece]) -> None:
        while self.waiting and self.waiting[0].at <= self.position:
            item = self.waiting.pop(0)
            self.waiting_bytes -= len(item.data) + item.lost
            self._deliver(item, frame, out)
        self._take()

    def _deliver(self, item: Waiting, released_by: i64, out: list[Piece]) -> None:
        """Bytes at or before the next position: the old part is compared, the new part goes on."""
        data = item.data
        offset = item.offset
        old = self.position - item.at
        if old > 0:
            self._compare(item, out)
            if old >= len(data) + item.lost:
                return
            offset = offset + old if offset >= 0 else offset
            data = data[old:]
        if data:
            self._next(data, item.frame, item.time, released_by, offset, out)
        end = item.at + len(item.data) + item.lost
        if end > self.position:
            out.append(Gap(item.frame, item.time, self.direction, self.position, end - self.position, cut=True))
            self._advance(end - self.position)

    def _next(self, data: bytes, frame: i64, time: i64, released_by: i64, offset: i64, out: list[Piece]) -> None:
        """The bytes that belong at the next position."""
        chunk = Chunk(frame, time, self.direction, data, self.position, released_by, offset)
        out.append(chunk)
        self._remember(chunk)
        self._advance(len(data))

    def _advance(self, count: i64) -> None:
        self.position += count
        self.next_seq = (self.next_seq + count) & MASK

    def _remember(self, chunk: Chunk) -> None:
        self.recent.append(chunk)
        self.recent_bytes += len(chunk.data)
        while self.recent_bytes > MAX_REMEMBERED and len(self.recent) > 1:
            self.recent_bytes -= len(self.recent.pop(0).data)

    def _compare(self, item: Waiting, out: list[Piece]) -> None:
        if len(item.data) <= 1:
            return  # a keep-alive or window probe may carry any byte (RFC 9293 §3.8.4)
        for chunk in self.recent:
            start = max(chunk.position, item.at)
            end = min(chunk.position + len(chunk.data), item.at + len(item.data))
            if start >= end:
                continue
            before = chunk.data[start - chunk.position:end - chunk.position]
            again = item.data[start - item.at:end - item.at]
            if before != again:
                differ = 0
                while before[differ] == again[differ]:
                    differ += 1
                out.append(Overlap(
                    item.frame, item.time, self.direction, start + differ, len(before) - differ, chunk.frame
                ))
                return
