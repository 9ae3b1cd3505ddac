"""The streams of a connection: their octets in order, for whoever reads them (RFC 9000 §2, §3)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.filling import Filling
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Above, Output
from dissectors.protocols.quic.frames import RESET_STREAM, QuicFrame
from dissectors.protocols.quic.ordered import OrderedStream, Part

MAX_STREAMS: Final = 2_000         # directions of streams of one connection that are followed at once
MAX_ENDED: Final = 20_000          # that are remembered after their end, for what comes again
MAX_HELD: Final[i64] = 8 << 20     # octets of all streams of a connection that are held behind holes


class StreamHalf:
    """One direction of one stream."""

    def __init__(self, number: int, direction: int) -> None:
        self.number = number
        self.direction = direction
        self.ordered = OrderedStream()
        self.final_frame = 0
        self.final_ns = 0


class Streams:
    """child: the layer above that gets their octets; 0 while nobody does.     sums: by direction, of octets delivered,
    octets that came again, and streams.     untold: a cap that was reached, until somebody says so.
    filling: how they fill, where that is drawn."""

    def __init__(self, filling: Filling | None = None) -> None:
        self.filling = filling
        self.child = 0
        self.halves: dict[tuple[int, int], StreamHalf] = {}
        self.ended: dict[tuple[int, int], bool] = {}
        self.octets = [0, 0]
        self.repeated = [0, 0]
        self.count = [0, 0]
        self.held: i64 = 0
        self.untold = ""

    def take(self, frame: QuicFrame, direction: int, number: int, time: int, out: list[Output]) -> None:
        """A STREAM or RESET_STREAM frame. number: of the frame of the capture."""
        key = (int(frame.id), direction)
        half = self.halves.get(key)
        if half is None:
            if key in self.ended:
                self.repeated[direction] += len(frame.data)
                return
            if len(self.halves) >= MAX_STREAMS:
                self.untold = "MAX_STREAMS"
                return
            half = self.halves[key] = StreamHalf(key[0], direction)
            self.count[direction] += 1
        if frame.type == RESET_STREAM:
            self._end(half, Close(number, time, direction, "rst", half.number), out)
            return
        ordered = half.ordered
        before = ordered.ahead
        repeated = ordered.repeated
        parts = ordered.add(frame.offset, frame.data, number, time)
        self.held += ordered.ahead - before
        self.repeated[direction] += int(ordered.repeated - repeated)
        self._deliver(half, parts, time, out)
        if frame.fin and ordered.final < 0:
            ordered.final = frame.offset + len(frame.data)
            half.final_frame, half.final_ns = number, time
        if self.held > MAX_HELD:
            self._make_room(number, time, out)
        self._finished(half, out)

    def _deliver(self, half: StreamHalf, parts: list[Part], time: int, out: list[Output]) -> None:
        for part in parts:
            self.octets[half.direction] += len(part.data)
            if self.filling is not None:
                handed = int(part.time) if part.released == part.frame else time
                self.filling.add(
                    half.number, half.direction, int(part.frame), int(part.time), handed, len(part.data)
                )
            if not self.child:
                continue
            if part.lost:
                out.append(Above(self.child, Gap(
                    int(part.released), time, half.direction, int(part.offset - part.lost), int(part.lost), half.number
                )))
            out.append(Above(self.child, Chunk(
                part.frame, part.time, half.direction, part.data, part.offset, part.released, -1, half.number
            )))

    def _finished(self, half: StreamHalf, out: list[Output]) -> None:
        """Its end came, and everything before it."""
        ordered = half.ordered
        if 0 <= ordered.final <= ordered.position:
            close = Close(half.final_frame, half.final_ns, half.direction, "fin", half.number)
            self._end(half, close, out)

    def _end(self, half: StreamHalf, close: Close, out: list[Output]) -> None:
        self.held -= half.ordered.ahead
        self.halves.pop((half.number, half.direction), None)
        if len(self.ended) < MAX_ENDED:
            self.ended[half.number, half.direction] = True
        if self.child:
            out.append(Above(self.child, close))

    def _make_room(self, number: int, time: int, out: list[Output]) -> None:
        """The stream that waits with the most octets goes on without what it lacks."""
        half = max(self.halves.values(), key=_ahead)
        self.untold = self.untold or "MAX_HELD"
        self._go_on(half, number, time, out)

    def _go_on(self, half: StreamHalf, number: int, time: int, out: list[Output]) -> None:
        while half.ordered.waits():
            before = half.ordered.ahead
            parts = half.ordered.give_up(number)
            self.held += half.ordered.ahead - before
            self._deliver(half, parts, time, out)

    def finish(self, number: int, time: int, out: list[Output]) -> None:
        """No more will be seen: what is held goes on behind a gap."""
        for half in list(self.halves.values()):
            self._go_on(half, number, time, out)
            self._finished(half, out)


def _ahead(half: StreamHalf) -> int:
    return int(half.ordered.ahead)
