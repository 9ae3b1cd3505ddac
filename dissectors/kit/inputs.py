"""What the router hands to a dissector. Times are integer nanoseconds, directions FORWARD or BACKWARD.

stream: which stream of the layer beneath an input belongs to, where that layer carries several over one
connection (an HTTP/2 stream identifier, the number of an HTTP/1 exchange); 0 where it carries one.
"""
from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Datagram:
    """One UDP payload, after IP reassembly. `data` is what was captured of it, `length` its true size.

    source: the address that it came from, packed; b"" where that is not known.     to_all: it went to everybody on the
    link, or to a group.     frames: that brought it, where it is a message that came in several; () for `frame` alone.
    """

    def __init__(
        self, frame: int, time: int, direction: int, data: bytes, length: int, offset: int = -1,
        source_port: int = 0, destination_port: int = 0, stream: int = 0, source: bytes = b"", to_all: bool = False,
        frames: tuple[int, ...] = (),
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.data = data
        self.length = length      # larger than len(data) where the capture cut the frame short
        self.offset = offset      # of data within the captured bytes of the frame; -1 after reassembly
        self.source_port = source_port
        self.destination_port = destination_port
        self.stream = stream
        self.source = source
        self.to_all = to_all
        self.frames = frames or (frame,)


@mypyc_attr(allow_interpreted_subclasses=True)
class Chunk:
    """The next bytes of one direction of a stream, in order, each byte once.

    position: of data[0] in the stream, 0 for the first byte after the SYN (or the first byte seen).
    frame, time: of the segment that brought these bytes. released_by: the frame that made them
    deliverable (later than `frame` where an earlier segment was missing).
    """

    def __init__(
        self, frame: i64, time: i64, direction: i64, data: bytes, position: i64,
        released_by: i64 = 0, offset: i64 = -1, stream: i64 = 0,
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.data = data
        self.position = position
        self.released_by = released_by if released_by else frame
        self.offset = offset      # of data within the captured bytes of `frame`; -1 where they are not there as such
        self.stream = stream


@mypyc_attr(allow_interpreted_subclasses=True)
class Gap:
    """Bytes of a stream that the capture does not hold, or holds too late. `position` is where they begin.

    cut: they were in this frame, and the snap length left them out.     unheld: they may come later; so many
    octets wait behind them that no more are held.
    """

    def __init__(
        self, frame: int, time: int, direction: int, position: int, length: int, stream: int = 0, cut: bool = False,
        unheld: int = 0,
    ) -> None:
        self.frame = frame        # the frame that showed the gap
        self.time = time
        self.direction = direction
        self.position = position
        self.length = length
        self.stream = stream
        self.cut = cut
        self.unheld = unheld


class Overlap:
    """Bytes of a stream that were sent twice with different contents. position: of the first byte that differs.

    frame, time: of the segment that brought them again. first_frame: of the one that brought them first.
    """

    def __init__(self, frame: int, time: int, direction: int, position: int, length: int, first_frame: int) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.position = position
        self.length = length
        self.first_frame = first_frame


@mypyc_attr(allow_interpreted_subclasses=True)
class Fields:
    """Fields that the layer beneath has read, for the protocol that it carries: an HTTP header or trailer section.

    kind: "request", "response" or "trailers".     pairs: (name in lower case, value) in order, as in HTTP/2 with
    its pseudo-header fields first (`:method`, `:path`, `:authority`, `:status`), whatever the version of HTTP.
    """

    def __init__(
        self, frame: int, time: int, direction: int, kind: str, pairs: tuple[tuple[bytes, bytes], ...], stream: int = 0
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.kind = kind
        self.pairs = pairs
        self.stream = stream

    def get(self, name: bytes) -> bytes:
        """The first value of that name, b"" where there is none."""
        for key, value in self.pairs:
            if key == name:
                return value
        return b""


@mypyc_attr(allow_interpreted_subclasses=True)
class Close:
    """The end of a stream: `how` is "fin", "rst", "timeout" (nothing more came), "capture" (what is observed ends
    first), "reading" (so it does, for somebody interrupted the reading), "unread" (a budget of the analyser: what comes
    after was not read), "lost" (octets are missing from the capture, and its end with them) or "refused" (nobody took
    what was said: it was early data, RFC 8446 §2.3).

    direction is the side that ended; NEITHER where both ended together. One side with "rst" gave up a stream of its
    connection: what the other had sent by then may still come.
    frame, time: of the last that was seen of it. until: to when nothing more came of it; what is observed ends there.
    position: of the end in the stream of that direction, -1 where that is not known.
    """

    def __init__(
        self, frame: int, time: int, direction: int, how: str, stream: int = 0, until: int = -1, position: int = -1
    ) -> None:
        self.frame = frame
        self.time = time
        self.direction = direction
        self.how = how
        self.stream = stream
        self.until = max(until, time)
        self.position = position

    @property
    def unfinished(self) -> bool:
        """Neither side made this end: what is told ends there, and not what it tells of."""
        return self.how in ("capture", "reading", "timeout", "unread", "lost", "refused")
