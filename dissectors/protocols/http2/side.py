"""One side of a connection: how its frames are read, and what it announced."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.protocols.http2.codes import DEFAULT_WINDOW, FRAME_KINDS, INITIAL_WINDOW_SIZE
from dissectors.protocols.http2.flow import Series, Window
from dissectors.protocols.http2.reader import H2Reader
from dissectors.wire.hpack.decoder import Decoder

MAX_BLOCK: Final[i64] = 1 << 18     # octets of one header block, CONTINUATION and all
MAX_UNACKED: Final = 64             # SETTINGS whose acknowledgment is waited for
MAX_PINGS: Final = 256              # PINGs whose echo is waited for


class Unfinished:
    """A header block whose end has not come yet. promised: the stream that a PUSH_PROMISE names, else 0."""

    def __init__(self, stream: int, promised: int, ends: bool, fragment: bytes, begun_ns: int) -> None:
        self.stream = stream
        self.promised = promised
        self.ends = ends
        self.parts: list[bytes] = [fragment]
        self.octets: i64 = len(fragment)
        self.begun_ns = begun_ns
        self.cited = Cited()
        self.continuations: i64 = 0
        self.wire: i64 = 0
        self.lost = False


class Announced:
    """SETTINGS that are not acknowledged yet."""

    def __init__(self, time: int, frame: int, values: tuple[tuple[int, int], ...]) -> None:
        self.time = time
        self.frame = frame
        self.values = values


class HeldUp:
    """Octets that had arrived and waited for a missing segment. released: the frame that brought it; own: streams of
    which octets were in that."""

    def __init__(self, time: int, released: int, own: set[int]) -> None:
        self.time = time
        self.released = released
        self.own = own
        self.streams: dict[int, int] = {}    # -> the longest wait in ns


class H2Side:
    """direction: of what it sends.

    settings: what it announced, the last value of each.   unacked: which of that the other side did not confirm yet.
    initial: the size of window with which its DATA on a new stream begins, as the other side set it.
    window: of the connection, for its DATA.
    """

    def __init__(self, direction: int, midstream: bool) -> None:
        self.direction = direction
        self.reader = H2Reader(midstream)
        self.decoder = Decoder(not midstream)
        self.settings: dict[int, int] = {}
        self.unacked: list[Announced] = []
        self.pings: dict[bytes, tuple[int, int]] = {}
        self.block: Unfinished | None = None
        self.window = Window(DEFAULT_WINDOW, not midstream)
        self.windows = Series()
        self.initial: i64 = DEFAULT_WINDOW
        self.initial_known = not midstream
        self.counts: list[int] = [0] * (FRAME_KINDS + 1)
        self.header_octets: i64 = 0
        self.text_octets: i64 = 0
        self.unknown_fields: i64 = 0
        self.longest_block: i64 = 0
        self.empty_data: i64 = 0
        self.closed = False

    def lose(self) -> None:
        """Frames of it are missing: nothing that they may have changed is known any more."""
        self.decoder.lose()
        self.block = None


def initial_window(values: tuple[tuple[int, int], ...]) -> int:
    """The value of SETTINGS_INITIAL_WINDOW_SIZE among them, -1 where it is not."""
    found = -1
    for identifier, value in values:
        if identifier == INITIAL_WINDOW_SIZE and value <= 0x7FFF_FFFF:
            found = value
    return found
