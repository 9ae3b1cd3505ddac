"""What is kept of a conversation that is drawn: its segments as points, and what it carried."""
from __future__ import annotations

from typing import Final

MAX_DATAGRAMS: Final = 20_000      # packets of a direction that are drawn and are no points of a graph


class Points:
    """The segments of one direction and the ACKs that answer them, for a time-sequence graph.

    Numbers count from the start of the stream, times in nanoseconds since 1970.
    segments: (time, first, end, kind, frame), kind DATA, RESENT or ENDS.   acks: (time, acknowledged, allowed end).
    sacks: (time, left, right).   trips: (time of the ACK, time since the data that it answers).
    resent: segments that were sent again.     left_out: segments that are not drawn by themselves, because a list had
    `most` of them: neighbours become one, and extremes stay.
    """

    DATA: Final = 0
    RESENT: Final = 1
    ENDS: Final = 2          # SYN or FIN
    MAX_POINTS: Final = 100_000     # of each list of a graph; then every two neighbours become one

    def __init__(self) -> None:
        self.segments: list[tuple[int, int, int, int, int]] = []
        self.acks: list[tuple[int, int, int]] = []
        self.sacks: list[tuple[int, int, int]] = []
        self.trips: list[tuple[int, int]] = []
        self.most = self.MAX_POINTS
        self.resent = 0
        self.left_out = 0


class Carriage:
    """Where the payloads of a conversation lie, and what it carried, kept where a report shows bytes of frames.

    payloads: (frame, direction, position of its first byte in the stream, start and end within the captured bytes of
    the frame); the position is -1 in a datagram.
    carried: of each direction, pieces of its stream in order, as (position, bytes), the first MAX_CARRIED octets.
    """

    MAX_CARRIED: Final = 1 << 18
    MAX_PAYLOADS: Final = 100_000

    def __init__(self) -> None:
        self.payloads: list[tuple[int, int, int, int, int]] = []
        self.carried: list[list[tuple[int, bytes]]] = [[], []]
        self.octets = [0, 0]
        self.shifts = [-1, -1]      # from relative sequence numbers to positions

    def deliver(self, direction: int, position: int, data: bytes) -> None:
        """The next bytes of a stream."""
        room = self.MAX_CARRIED - self.octets[direction]
        if room > 0 and data:
            self.carried[direction].append((position, data[:room]))
            self.octets[direction] += len(data)

    def payload(self, frame: int, direction: int, position: int, start: int, octets: int) -> None:
        """What a frame carries of the stream from this position on, or a datagram."""
        if start >= 0 and octets > 0 and len(self.payloads) < self.MAX_PAYLOADS:
            self.payloads.append((frame, direction, position, start, start + octets))
