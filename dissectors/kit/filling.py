"""How the streams of one connection filled: what came of each, when, and when it could be handed on.

Octets that came behind a hole wait until that is filled. So each piece has two times, and who draws both shows which
stream waited for whom (RFC 9113 §1, RFC 9000 §2.2).
"""
from __future__ import annotations

from typing import Final

MAX_STREAMS: Final = 256        # directions of streams that are followed
MAX_PIECES: Final = 4_096       # of them together; when there are more, of two neighbours one stays

Piece = tuple[int, int, int, int]


class Filling:
    """Of one connection that carries several streams.

    pieces: by (stream, direction), in order: (when it came, when it could be handed on, octets of the stream up to
    then, frame). Times in ns.     untold: directions of streams beyond the cap.
    called: the numbers by which the protocol above names streams, where those are others.
    """

    def __init__(self) -> None:
        self.pieces: dict[tuple[int, int], list[Piece]] = {}
        self.called: dict[int, int] = {}
        self.untold = 0
        self._count = 0

    def add(self, stream: int, direction: int, frame: int, came: int, handed: int, octets: int) -> None:
        """So many more octets of the content of a stream. frame: that brought them."""
        if octets <= 0:
            return
        key = (stream, direction)
        kept = self.pieces.get(key)
        if kept is None:
            if len(self.pieces) >= MAX_STREAMS:
                self.untold += 1
                return
            kept = self.pieces[key] = []
        elif kept[-1][3] == frame and kept[-1][1] == handed:
            kept[-1] = (kept[-1][0], handed, kept[-1][2] + octets, frame)
            return
        before = kept[-1][2] if kept else 0
        kept.append((came, handed, before + octets, frame))
        self._count += 1
        if self._count > MAX_PIECES:
            self._thin()

    def _thin(self) -> None:
        """Of two neighbours that which waited longer stays, or the later one; and the last piece of each stream."""
        self._count = 0
        for key, kept in self.pieces.items():
            fewer = [max(kept[at:at + 2], key=_waited) for at in range(0, len(kept) - 1, 2)]
            if not fewer or fewer[-1] is not kept[-1]:
                fewer.append(kept[-1])
            self.pieces[key] = fewer
            self._count += len(fewer)


def _waited(piece: Piece) -> tuple[int, int]:
    return piece[1] - piece[0], piece[2]
