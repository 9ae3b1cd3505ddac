"""One stream: what each side sent on it, and where in its life it is."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.http2.flow import Window
from dissectors.protocols.http2.section import H2Section
from dissectors.protocols.http2.states import IDLE
from dissectors.wire.http.body import NO_BODY, Body, BodyReader
from dissectors.wire.http.carry import Carried
from dissectors.wire.http.events import Interim
from dissectors.wire.http.message import Head, Pairs

MAX_INTERIM: Final = 16         # 1xx responses of an exchange that are kept


class H2Half:
    """What one side sent. Times are -1 where what they stand for was not seen.

    head: the head that is no interim response; shown: the same without its secrets.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.section: H2Section | None = None
        self.shown: Head | None = None
        self.body: BodyReader | None = None
        self.trailers: Pairs = ()
        self.begun_ns: int = -1
        self.ended_ns: int = -1
        self.first_frame: int = 0
        self.last_frame: int = 0
        self.data_frames: i64 = 0
        self.octets: i64 = 0           # of DATA content, without padding
        self.padding: i64 = 0
        self.wire: i64 = 0             # of all frames, with their headers
        self.lost: i64 = 0             # octets of DATA that the capture does not hold
        self.holes = False             # it may lack more, of which not even the length is known
        self.expected: i64 = -1        # content-length

    @property
    def seen(self) -> bool:
        return self.begun_ns >= 0

    def missing(self) -> int:
        """Octets of DATA that the capture lacks, -1 where it may lack more than can be counted."""
        return -1 if self.holes else int(self.lost)

    def finished(self) -> Body:
        """What its body was."""
        return self.body.finish(self.ended_ns >= 0 and not self.missing()) if self.body is not None else NO_BODY


class Stream:
    """client, server: the two halves, by who sent them.

    promised: it was opened by a PUSH_PROMISE.     late: it had begun before the capture could see it.
    """

    def __init__(self, number: int, client: H2Half, server: H2Half, late: bool) -> None:
        self.number = number
        self.client = client
        self.server = server
        self.state = IDLE
        self.late = late
        self.promised = False
        self.active = False                # it counts against SETTINGS_MAX_CONCURRENT_STREAMS
        self.interim: list[Interim] = []
        self.carried: Carried | None = None    # the protocol that reads it
        self.tunnel = False
        self.told = False                  # its exchange was told; what still comes was under way when it was reset
        self.reset_code = -1
        self.delayed_ns: i64 = 0           # how long its octets waited behind a lost segment
