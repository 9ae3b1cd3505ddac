"""The streams of a connection: their octets in order, for whoever reads them (RFC 9000 §2, §3)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.filling import Filling
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Above, Output
from dissectors.protocols.quic.flow import CONNECTION, STREAM_OF, UNLIMITED, FlowControl, Wait, earlier
from dissectors.protocols.quic.frames import MAX_STREAM_DATA, RESET_STREAM, QuicFrame
from dissectors.protocols.quic.ordered import OrderedStream, Part

MAX_STREAMS: Final = 2_000         # directions of streams of one connection that are followed at once
MAX_ENDED: Final = 20_000          # that are remembered after their end, for what comes again
MAX_HELD_UP: Final = 200            # waits of streams for what was missing that are told
MAX_HELD: Final[i64] = 8 << 20     # octets of all streams of a connection that are held behind holes


class StreamHalf:
    """One direction of one stream."""

    def __init__(self, number: int, direction: int) -> None:
        self.number = number
        self.direction = direction
        self.ordered = OrderedStream()
        self.final_frame = 0
        self.final_ns = 0
        self.high: i64 = 0           # beyond the last octet that was sent
        self.limit: i64 = UNLIMITED  # to which the receiver takes it
        self.before: list[int] = []  # earlier ones that it has not passed
        self.hole_ns = -1            # since when octets are missing before others that are here
        self.hole_frame = 0
        self.moved_ns = -1           # when octets came last that were due


class HeldUp:
    """Octets of a stream that waited for others. others: streams of the same direction that went on meanwhile."""

    def __init__(self, half: StreamHalf, until_ns: int, until_frame: int, others: int) -> None:
        self.direction = half.direction
        self.number = half.number
        self.since_ns = half.hole_ns
        self.since_frame = half.hole_frame
        self.until_ns = until_ns
        self.until_frame = until_frame
        self.others = others


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
        self.flows = [FlowControl(0), FlowControl(1)]
        self.over: list[Wait] = []     # waits that are over, until somebody tells of them
        self.held_up: list[HeldUp] = []
        self.most_held_up = False      # there were more

    def take(
        self, frame: QuicFrame, direction: int, number: int, time: int, client: int, out: list[Output]
    ) -> None:
        """A STREAM or RESET_STREAM frame. number: of the frame of the capture.     client: its direction."""
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
            half.limit = self.flows[direction].at_first(key[0], opened=(direction != client) == bool(key[0] & 1))
            self.count[direction] += 1
        if frame.type == RESET_STREAM:
            self._end(half, Close(number, time, direction, "rst", half.number), out)
            return
        if frame.offset + len(frame.data) > half.high:
            self._further(half, frame.offset + len(frame.data), number, time)
        ordered = half.ordered
        if frame.offset == ordered.position and not ordered.held:
            ordered.passes(frame.offset, frame.data)
            half.moved_ns = time
            self.octets[direction] += len(frame.data)
            if self.child:
                out.append(Above(self.child, Chunk(
                    number, time, direction, frame.data, frame.offset, number, -1, half.number
                )))
            if not frame.fin and ordered.final < 0:
                return
        else:
            self._unordered(half, frame, number, time, out)
        if frame.fin and ordered.final < 0:
            ordered.final = frame.offset + len(frame.data)
            half.final_frame, half.final_ns = number, time
        if self.held > MAX_HELD:
            self._make_room(number, time, out)
        self._finished(half, out)

    def _unordered(self, half: StreamHalf, frame: QuicFrame, number: int, time: int, out: list[Output]) -> None:
        """Octets that are not those that are due, or with others behind them."""
        ordered = half.ordered
        before = ordered.ahead
        repeated = ordered.repeated
        parts = ordered.add(frame.offset, frame.data, number, time)
        self.held += ordered.ahead - before
        self.repeated[half.direction] += int(ordered.repeated - repeated)
        if parts:
            half.moved_ns = time
        if ordered.held and half.hole_ns < 0:
            half.hole_ns, half.hole_frame = time, number
        elif half.hole_ns >= 0 and not ordered.held:
            self._filled(half, time, number)
        self._deliver(half, parts, time, out)

    def _filled(self, half: StreamHalf, time: int, number: int) -> None:
        """What was missing of a stream has come."""
        if len(self.held_up) < MAX_HELD_UP:
            others = [
                one for one in self.halves.values()
                if one.direction == half.direction and one is not half and one.moved_ns > half.hole_ns
            ]
            self.held_up.append(HeldUp(half, time, number, len(others)))
        else:
            self.most_held_up = True
        half.hole_ns = -1

    def _further(self, half: StreamHalf, end: i64, number: int, time: int) -> None:
        """The sender goes on, as far as it may (RFC 9000 §4.1)."""
        flow = self.flows[half.direction]
        if flow.waits:
            for kind, id in ((STREAM_OF, half.number), (CONNECTION, 0)):
                over = flow.goes_on(kind, id, time, number)
                if over is not None:
                    self.over.append(over)
        flow.sent += end - half.high
        half.high = end
        if end >= half.limit or half.before:
            limits, half.before = half.before, [limit for limit in half.before if limit > end]
            if end == half.limit or end in limits:
                flow.reached(STREAM_OF, half.number, int(end), time, number, granted=end < half.limit)
        if flow.sent >= flow.limit or flow.before:
            limits, flow.before = flow.before, [limit for limit in flow.before if limit > flow.sent]
            if flow.sent == flow.limit or flow.sent in limits:
                flow.reached(CONNECTION, 0, int(flow.sent), time, number, granted=flow.sent < flow.limit)

    def raised(self, frame: QuicFrame, sender: int, number: int, time: int) -> None:
        """MAX_DATA, MAX_STREAM_DATA or MAX_STREAMS. sender: the direction that may send more."""
        flow = self.flows[sender]
        over = flow.raised(frame, time, number)
        if over is not None:
            self.over.append(over)
        if frame.type == MAX_STREAM_DATA:
            half = self.halves.get((int(frame.id), sender))
            if half is not None:
                half.before = earlier(half.before, int(half.limit), int(half.high))
                half.limit = max(half.limit, frame.offset)
            elif (int(frame.id), sender) not in self.ended and len(flow.streams) < MAX_STREAMS:
                flow.streams[int(frame.id)] = int(frame.offset)

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
