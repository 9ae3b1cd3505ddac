"""IPv4 and IPv6 fragments put together again (RFC 791 §3.2, RFC 8200 §4.5).

Overlaps: bytes of the fragment that begins earlier stay, and of two that begin at the same place those that
came first. Observers and hosts differ in this (RFC 5722 has IPv6 hosts drop such a datagram), so overlaps
are counted, and apart from them those whose bytes contradict each other.
"""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

# RFC 8200 §4.5 gives up 60 s after the first fragment to arrive; RFC 1122 §3.3.2 asks for 60 to 120 s.
MAX_AGE_NS: Final[i64] = 60_000_000_000
MAX_DATAGRAMS: Final = 1_024        # incomplete ones at once; the oldest leaves
MAX_HELD: Final[i64] = 16 << 20     # bytes of all incomplete ones, with PIECE_COST; the oldest leave
PIECE_COST: Final[i64] = 200        # what keeping a fragment takes beside its payload
MAX_PIECES: Final = 1_024           # fragments of one datagram (of 65 535 bytes; 46 at the usual size of 1 500)
LARGEST: Final[i64] = 65_535        # payload bytes of a datagram

# Names of the counters in `Fragments.counts`.
EXPIRED: Final = "fragmented datagram still incomplete after 60 s"
EVICTED: Final = f"fragmented datagram given up: more than {MAX_DATAGRAMS} incomplete, or {MAX_HELD >> 20} MiB"
UNFINISHED: Final = "fragmented datagram still incomplete at the end"
TOO_MANY: Final = f"fragment beyond the {MAX_PIECES} kept of a datagram"
TOO_LONG: Final = "fragment beyond the largest datagram"
OVERLAP: Final = "fragmented datagram with overlapping fragments"
CONFLICT: Final = "fragmented datagram with fragments that contradict each other"


class Piece:
    """One fragment: its payload from `start` on, and the frame that it came in."""

    def __init__(self, start: int, payload: bytes, frame: int) -> None:
        self.start = start
        self.payload = payload
        self.frame = frame


class Datagram:
    """What has arrived of one datagram. total: payload bytes in all, -1 until the last fragment came.

    header: the first fragment's headers, b"" until it came.   next_header: what its payload begins with.
    """

    def __init__(self, time: i64) -> None:
        self.time: i64 = time
        self.pieces: list[Piece] = []      # by ascending start
        self.held: i64 = 0
        self.total: i64 = -1
        self.header: bytes = b""
        self.next_header: i64 = 0
        self.ecn: i64 = 0

    def add(self, piece: Piece) -> bool:
        """Keep it in order of start; behind those that begin at the same place. Returns False for a copy."""
        at = len(self.pieces)
        while at > 0 and self.pieces[at - 1].start >= piece.start:
            at -= 1
            if self.pieces[at].start == piece.start and self.pieces[at].payload == piece.payload:
                return False
        while at < len(self.pieces) and self.pieces[at].start == piece.start:
            at += 1
        self.pieces.insert(at, piece)
        self.held += len(piece.payload) + PIECE_COST
        return True

    def complete(self) -> bool:
        if self.total < 0 or not self.header:
            return False
        reached = 0
        for piece in self.pieces:
            if piece.start > reached:
                return False
            reached = max(reached, piece.start + len(piece.payload))
        return reached >= self.total


class Fragments:
    """Datagrams that are not complete yet. counts: what was given up or looked odd, by name."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, Datagram] = {}    # oldest first
        self.held: i64 = 0
        self.counts: dict[str, int] = {}

    def add(
        self, key: bytes, header: bytes, next_header: i64, start: i64, payload: bytes, more: bool, ecn: i64,
        frame: i64, time: i64,
    ) -> Datagram | None:
        """The datagram that this fragment completes, or None.

        key: what all its fragments share.   header: the headers before the payload.   start: of the payload.
        """
        self._expire(time)
        if start + len(payload) > LARGEST:
            self.count(TOO_LONG)
            return None
        datagram = self.waiting.get(key)
        if datagram is None:
            datagram = Datagram(time)
            self.waiting[key] = datagram
        elif len(datagram.pieces) >= MAX_PIECES:
            self.count(TOO_MANY)
            return None
        if not datagram.add(Piece(int(start), payload, int(frame))):
            return None
        self.held += len(payload) + PIECE_COST
        if start == 0 and not datagram.header:
            datagram.header = header
            datagram.next_header = next_header
        if not more and datagram.total < 0:
            datagram.total = start + len(payload)
        # RFC 3168 §5.3: congestion experienced by one fragment holds for the datagram.
        datagram.ecn = 3 if ecn == 3 or datagram.ecn == 3 else ecn
        if datagram.complete():
            self._remove(key, datagram)
            return datagram
        if len(self.waiting) > MAX_DATAGRAMS or self.held > MAX_HELD:
            self._evict()
        return None

    def join(self, datagram: Datagram) -> bytes:
        """The headers and the payload of a complete datagram."""
        parts: list[bytes] = [datagram.header]
        reached = 0
        odd = False
        conflict = False
        for piece in datagram.pieces:
            payload = piece.payload
            known = reached - piece.start
            if known > 0:
                odd = True
                shared = min(known, len(payload))
                begin = len(datagram.header) + piece.start
                if b"".join(parts)[begin:begin + shared] != payload[:shared]:
                    conflict = True
            if known < len(payload):
                parts.append(payload[max(known, 0):])
                reached = piece.start + len(payload)
        if odd:
            self.count(CONFLICT if conflict else OVERLAP)
        return b"".join(parts)[:len(datagram.header) + int(datagram.total)]

    def finish(self) -> None:
        """The capture has ended."""
        for _ in range(len(self.waiting)):
            self.count(UNFINISHED)
        self.waiting = {}
        self.held = 0

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _expire(self, time: i64) -> None:
        """Give up the oldest. Frames out of order in time only delay it."""
        while self.waiting:
            key = next(iter(self.waiting))
            datagram = self.waiting[key]
            if time - datagram.time <= MAX_AGE_NS:
                return
            self._remove(key, datagram)
            self.count(EXPIRED)

    def _evict(self) -> None:
        key = next(iter(self.waiting))
        self._remove(key, self.waiting[key])
        self.count(EVICTED)

    def _remove(self, key: bytes, datagram: Datagram) -> None:
        del self.waiting[key]
        self.held -= datagram.held
