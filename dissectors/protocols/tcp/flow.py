"""What the narrator keeps of each direction: positions in its stream, and sizes."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MASK: Final[i64] = 0xFFFFFFFF
HALF: Final[i64] = 0x80000000

MAX_SIZES: Final = 16         # ever larger segments that are under way at once


class TcpDirection:
    """One direction. Positions count bytes from the initial sequence number, without wrapping: the SYN is 0
    and the first byte 1; without a SYN the first number seen is position 1. -1 means "not seen".

    high: end of the highest byte seen.      acked: up to here the peer has acknowledged.
    """

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.seen: bool = False          # a segment of this direction was seen
        self.placed: bool = False        # positions can be told
        self.high: i64 = 0
        self.high_raw: i64 = 0
        self.acked: i64 = 0
        self.first_time: i64 = -1
        self.last_time: i64 = -1
        self.last_frame: i64 = 0
        self.last_data_time: i64 = -1
        self.last_data_frame: i64 = 0
        self.silence: i64 = -1           # of both sides, before the first of the data that nothing acknowledges yet
        self.last_ack: i64 = -1          # raw, of the last segment of this direction
        self.ack_time: i64 = -1          # when that number came for the first time
        self.segments: i64 = 0
        self.mss: i64 = 0                # largest payload seen
        self.acked_size: i64 = 0         # largest payload that was acknowledged
        self.sizes: list[tuple[int, int]] = []   # (end, payload) of segments larger than those before, not acknowledged
        self.ttl_low: i64 = -1           # of its segments, as far as they are no RST
        self.ttl_high: i64 = -1
        self.stations: list[int] = []    # addresses on the link that they came from, the first ones
        self.counted: i64 = 0            # how often its IP identification was one more than that of the segment before
        self.last_options = b""          # of its last segment that is no RST, which came at that time
        self.options_time: i64 = -1
        self.last_ip_id: i64 = -1        # of the last segment, and its window as it stood in the header
        self.last_window: i64 = -1
        self.rtt_min: i64 = -1           # between data of this direction and their ACK, where the capture sees it
        self.syn: bool = False
        self.fin_end: i64 = -1           # position after the FIN
        self.fin_time: i64 = -1
        self.fin_frame: i64 = 0
        self.fin_acked: bool = False

    def place(self, seq: i64) -> i64:
        """The position of a raw number, taken as the nearest to the highest seen (RFC 9293 §3.4)."""
        ahead = (seq - self.high_raw) & MASK
        if ahead >= HALF:
            ahead -= MASK + 1
        return self.high + ahead

    def meet(self, time: i64) -> None:
        """A segment of it was seen at this time."""
        self.seen = True
        if self.first_time < 0:
            self.first_time = time

    def begin(self, seq: i64, position: i64) -> None:
        self.placed = True
        self.high = position
        self.high_raw = seq
        self.acked = position

    def advance(self, end: i64, raw: i64) -> None:
        self.high = end
        self.high_raw = raw

    def note_size(self, end: i64, length: i64) -> None:
        """A new segment; only one that is larger than all before it matters."""
        largest = i64(self.sizes[len(self.sizes) - 1][1]) if self.sizes else self.acked_size
        if length > largest and len(self.sizes) < MAX_SIZES:
            self.sizes.append((int(end), int(length)))

    def settle_sizes(self) -> None:
        """The ACK moved on."""
        while self.sizes and i64(self.sizes[0][0]) <= self.acked:
            self.acked_size = i64(self.sizes[0][1])
            self.sizes.pop(0)

    def raw(self, position: i64) -> i64:
        return (self.high_raw + position - self.high) & MASK

    def octets(self) -> i64:
        """Stream bytes up to the highest seen, without SYN and FIN."""
        total = self.high - 1 - (1 if self.fin_end >= 0 else 0)
        return total if total > 0 else 0
