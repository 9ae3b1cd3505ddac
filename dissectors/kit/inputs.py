"""What the router hands to a dissector. Times are integer nanoseconds, directions FORWARD or BACKWARD."""
from __future__ import annotations

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Datagram:
    """One UDP payload, after IP reassembly. `data` is what was captured of it, `length` its true size."""

    def __init__(
        self, frame: int, time: int, direction: int, data: bytes, length: int, offset: int = -1,
        source_port: int = 0, destination_port: int = 0,
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.data = data
        self.length = length      # larger than len(data) where the capture cut the frame short
        self.offset = offset      # of data within the captured bytes of the frame; -1 after reassembly
        self.source_port = source_port
        self.destination_port = destination_port


@mypyc_attr(allow_interpreted_subclasses=True)
class Chunk:
    """The next bytes of one direction of a stream, in order, each byte once.

    position: of data[0] in the stream, 0 for the first byte after the SYN (or the first byte seen).
    frame, time: of the segment that brought these bytes. released_by: the frame that made them
    deliverable (later than `frame` where an earlier segment was missing).
    """

    def __init__(
        self, frame: int, time: int, direction: int, data: bytes, position: int,
        released_by: int = 0, offset: int = -1,
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.data = data
        self.position = position
        self.released_by = released_by or frame
        self.offset = offset      # of data within the captured bytes of `frame`; -1 after IP reassembly


@mypyc_attr(allow_interpreted_subclasses=True)
class Gap:
    """Bytes of a stream that the capture does not hold. `position` is where they begin."""

    def __init__(self, frame: int, time: int, direction: int, position: int, length: int) -> None:
        self.frame = frame        # the frame that showed the gap
        self.time = time
        self.direction = direction
        self.position = position
        self.length = length


@mypyc_attr(allow_interpreted_subclasses=True)
class Close:
    """The end of a stream: `how` is "fin", "rst", "timeout" or "capture" (the capture ended first).

    direction is the side that ended; NEITHER where both ended together.
    """

    def __init__(self, frame: int, time: int, direction: int, how: str) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.how = how
