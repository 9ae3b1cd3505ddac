"""IPv4 and IPv6 fragments put together again (RFC 791 §3.2, RFC 8200 §4.5).

Overlaps: bytes of the fragment that begins earlier stay, and of two that begin at the same place those that
came first. Observers and hosts differ in this (RFC 5722 has IPv6 hosts drop such a datagram), so overlaps
are counted, and apart from them those whose bytes contradict each other. What stays incomplete is kept as far as it is
known, to say what is missing of it.
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
MAX_KEPT: Final = 1_000             # incomplete or contradictory datagrams of which is told; others are counted
MAX_DONE: Final = 4_096             # complete ones whose fragments are known again
MAX_COMPARED: Final = 16            # fragments that one is held against, where they overlap
MAX_CITED: Final = 8                # frames of an incomplete datagram that are kept
PORTS: Final = 4                    # octets with both ports, of UDP, TCP and SCTP

# Names of the counters in `Fragments.counts`.
EXPIRED: Final = "fragmented datagram still incomplete after 60 s"
EVICTED: Final = f"fragmented datagram given up: more than {MAX_DATAGRAMS} incomplete, or {MAX_HELD >> 20} MiB"
UNFINISHED: Final = "fragmented datagram still incomplete at the end"
TOO_MANY: Final = f"fragment beyond the {MAX_PIECES} kept of a datagram"
TOO_LONG: Final = "fragment beyond the largest datagram"
OVERLAP: Final = "fragmented datagram with overlapping fragments"
CONFLICT: Final = "fragmented datagram with fragments that contradict each other"


class Piece:
    """One fragment: its payload from `start` on, `length` octets, and the frame that it came in.

    payload: b"" where the capture cut it.
    """

    def __init__(self, start: int, payload: bytes, frame: int, length: int) -> None:
        self.start = start
        self.payload = payload
        self.frame = frame
        self.length = length


class Contradiction:
    """Two fragments of one datagram that have other bytes at the same place.

    start, end: where, of its payload.     frames: theirs.     apart_ns: how much later the second one came.
    """

    def __init__(self, start: int, end: int, frames: tuple[int, int], apart_ns: int) -> None:
        self.start = start
        self.end = end
        self.frames = frames
        self.apart_ns = apart_ns


class Datagram:
    """What has arrived of one datagram. total: payload bytes in all, -1 until the last fragment came.

    header: the first fragment's headers, b"" until it came.   next_header: what its payload begins with.
    key: what its fragments share, of IP version `version`: addresses, identification and more.
    time, last: when the first and the last of them came.     cut: the capture holds one of them in part.
    unsure: some of its fragments may have been left aside, or these are copies of those of a complete one: nothing is
    concluded of what is missing.     conflict: where two of them contradict each other, None for nowhere.
    """

    def __init__(self, time: i64, key: bytes, version: i64, protocol: i64) -> None:
        self.time: i64 = time
        self.last: i64 = time
        self.key = key
        self.version: i64 = version
        self.protocol: i64 = protocol
        self.pieces: list[Piece] = []      # by ascending start
        self.held: i64 = 0
        self.total: i64 = -1
        self.header: bytes = b""
        self.next_header: i64 = 0
        self.ecn: i64 = 0
        self.cut = False
        self.unsure = False
        self.conflict: Contradiction | None = None

    def add(self, piece: Piece, time: i64) -> bool:
        """Keep it in order of start; behind those that begin at the same place. Returns False for a copy."""
        at = len(self.pieces)
        while at > 0 and self.pieces[at - 1].start >= piece.start:
            at -= 1
            other = self.pieces[at]
            if other.start == piece.start and other.payload == piece.payload and other.length == piece.length:
                return False
        while at < len(self.pieces) and self.pieces[at].start == piece.start:
            at += 1
        if self.conflict is None:
            self._compare(piece, time)
        self.pieces.insert(at, piece)
        self.held += len(piece.payload) + PIECE_COST
        self.last = time
        return True

    def _compare(self, piece: Piece, time: i64) -> None:
        """With those that it overlaps, as far as their bytes are here."""
        compared = 0
        end = piece.start + len(piece.payload)
        for other in self.pieces:
            start, stop = max(piece.start, other.start), min(end, other.start + len(other.payload))
            if start >= stop:
                continue
            if piece.payload[start - piece.start:stop - piece.start] != other.payload[
                start - other.start:stop - other.start
            ]:
                self.conflict = Contradiction(start, stop, (other.frame, piece.frame), int(time - self.last))
                return
            compared += 1
            if compared == MAX_COMPARED:
                return

    def complete(self) -> bool:
        return self.total >= 0 and bool(self.header) and not self.cut and not self.holes()

    def holes(self) -> list[tuple[int, int]]:
        """What is missing of its payload, from where to where; the end is -1 where it is not known."""
        found: list[tuple[int, int]] = []
        reached = 0
        for piece in self.pieces:
            if piece.start > reached:
                found.append((reached, piece.start))
            reached = max(reached, piece.start + piece.length)
        if self.total < 0:
            found.append((reached, -1))
        elif reached < self.total:
            found.append((reached, int(self.total)))
        return found

    def outline(self) -> Datagram:
        """All that is known of it, without its bytes but for the ports."""
        kept = Datagram(self.time, self.key, self.version, self.protocol)
        kept.last, kept.total, kept.conflict = self.last, self.total, self.conflict
        kept.pieces = [Piece(one.start, one.payload[:PORTS], one.frame, one.length) for one in self.pieces]
        return kept

    # -- for who tells of it ----------------------------------------------------------------------------------

    def ends(self) -> bytes:
        """Both addresses, packed."""
        return self.key[:8 if self.version == 4 else 32]

    def name(self) -> bytes:
        """Both addresses and the identification (RFC 791 §3.1; RFC 8200 §4.5)."""
        return self.key[:10 if self.version == 4 else 36]

    def ports(self) -> bytes:
        """The first octets of its payload, which are the ports of UDP, TCP and SCTP; b"" where they did not come."""
        first = self.pieces[0]
        return first.payload[:PORTS] if first.start == 0 and len(first.payload) >= PORTS else b""

    def frames(self) -> tuple[int, ...]:
        """Of its fragments, the first ones."""
        return tuple(sorted([piece.frame for piece in self.pieces])[:MAX_CITED])

    def size(self) -> int:
        """Of its largest fragment, in octets."""
        return max([piece.length for piece in self.pieces])


class Fragments:
    """Datagrams that are not complete yet. counts: what was given up or looked odd, by name.

    broken: those that stayed incomplete; odd: those with fragments that contradict each other; MAX_KEPT of each.
    """

    def __init__(self) -> None:
        self.broken: list[Datagram] = []
        self.odd: list[Datagram] = []
        self.done: dict[bytes, bool] = {}           # the last complete ones, oldest first
        self.waiting: dict[bytes, Datagram] = {}    # oldest first
        self.held: i64 = 0
        self.counts: dict[str, int] = {}

    def add(
        self, key: bytes, version: i64, header: bytes, next_header: i64, start: i64, payload: bytes, length: i64,
        more: bool, ecn: i64, frame: i64, time: i64,
    ) -> Datagram | None:
        """The datagram that this fragment completes, or None.

        key: what all its fragments share.   header: the headers before the payload.   start: of the payload.
        length: of it in octets; payload is b"" where the capture does not hold them all.
        """
        self._expire(time)
        if start + length > LARGEST:
            self.count(TOO_LONG)
            return None
        datagram = self.waiting.get(key)
        if datagram is None:
            datagram = Datagram(time, key, version, next_header)
            datagram.unsure = key in self.done
            self.waiting[key] = datagram
        elif len(datagram.pieces) >= MAX_PIECES:
            self.count(TOO_MANY)
            datagram.unsure = True
            return None
        if not datagram.add(Piece(int(start), payload, int(frame), int(length)), time):
            return None
        datagram.cut = datagram.cut or len(payload) < length
        self.held += len(payload) + PIECE_COST
        if start == 0 and not datagram.header:
            datagram.header = header
            datagram.next_header = next_header
        if not more and datagram.total < 0:
            datagram.total = start + length
        # RFC 3168 §5.3: congestion experienced by one fragment holds for the datagram.
        datagram.ecn = 3 if ecn == 3 or datagram.ecn == 3 else ecn
        if datagram.complete():
            self._remove(key, datagram)
            self._done(key)
            self._judge(datagram)
            return datagram
        if datagram.cut and datagram.total >= 0 and not datagram.holes():     # it came, and not into the capture
            self._remove(key, datagram)
            self._done(key)
            self._judge(datagram)
            return None
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
        for datagram in self.waiting.values():
            self._lost(datagram, UNFINISHED)
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
            self._done(key)
            self._lost(datagram, EXPIRED)

    def _evict(self) -> None:
        """The oldest makes room; what would have come of it is not known."""
        key = next(iter(self.waiting))
        datagram = self.waiting[key]
        self._remove(key, datagram)
        self._done(key)
        self._judge(datagram)
        self.count(EVICTED)

    def _lost(self, datagram: Datagram, why: str) -> None:
        """It will not be complete any more."""
        self._judge(datagram)
        self.count(why)
        if not datagram.unsure and len(self.broken) < MAX_KEPT:
            self.broken.append(datagram.outline())

    def _judge(self, datagram: Datagram) -> None:
        if datagram.conflict is not None and not datagram.unsure and len(self.odd) < MAX_KEPT:
            self.odd.append(datagram.outline())

    def _done(self, key: bytes) -> None:
        self.done.pop(key, False)
        self.done[key] = True
        if len(self.done) > MAX_DONE:
            del self.done[next(iter(self.done))]

    def _remove(self, key: bytes, datagram: Datagram) -> None:
        del self.waiting[key]
        self.held -= datagram.held
