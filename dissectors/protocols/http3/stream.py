"""One exchange while it goes on: what each side sent on its stream."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.http3.reader import H3Piece, H3Reader
from dissectors.wire.http.body import NO_BODY, Body, BodyReader
from dissectors.wire.http.carry import Carried
from dissectors.wire.http.events import Interim
from dissectors.wire.http.message import Head, Pairs
from dissectors.wire.http.section import FieldSection

VERSION: Final = "HTTP/3"
MAX_INTERIM: Final = 16              # 1xx responses of an exchange that are kept
MAX_WAITING: Final[i64] = 1 << 20    # octets of all streams that wait for entries of the table


class H3Half:
    """What one side sent. Times are -1 where what they stand for was not seen.

    shown: its head without secrets.     waiting: frames that wait for entries of the table, in order.
    """

    def __init__(self) -> None:
        self.reader = H3Reader()
        self.section: FieldSection | None = None
        self.shown: Head | None = None
        self.body: BodyReader | None = None
        self.trailers: Pairs = ()
        self.begun_ns = -1
        self.ended_ns = -1
        self.ended_frame = 0
        self.first_frame = 0
        self.last_frame = 0
        self.lost: i64 = 0
        self.waiting: list[H3Piece] = []
        self.held: i64 = 0
        self.required = 0        # insertions that the first of them needs
        self.waited_since = -1

    @property
    def seen(self) -> bool:
        return self.begun_ns >= 0

    def missing(self) -> int:
        """Octets of DATA that the capture lacks, -1 where that cannot be counted."""
        return -1 if self.reader.lost_step else int(self.lost)

    def finished(self) -> Body:
        return self.body.finish(self.ended_ns >= 0 and not self.missing()) if self.body is not None else NO_BODY


class H3Stream:
    """id: as QUIC numbers it.     number: of the exchange, from 1."""

    def __init__(self, id: int) -> None:
        self.id = id
        self.number = (id >> 2) + 1
        self.client = H3Half()
        self.server = H3Half()
        self.interim: list[Interim] = []
        self.carried: Carried | None = None
        self.tunnel = False
        self.reset = False
        self.blocked_ns = 0
        self.table_frame = 0
