"""Flow control: how much each side may send, and when it had to wait for more (RFC 9000 §4)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.protocols.quic.frames import (
    DATA_BLOCKED,
    MAX_DATA,
    MAX_STREAM_DATA,
    STREAM_DATA_BLOCKED,
    STREAMS_BLOCKED,
    QuicFrame,
)
from dissectors.protocols.quic.parameters import Parameters

UNLIMITED: Final = 1 << 61         # while nobody has said how much
MAX_EARLIER: Final = 4           # limits that were raised and may still be stopped at
MAX_WAITS: Final = 256             # of a direction that are under way at once
CONNECTION: Final = "the connection"
STREAM_OF: Final = "stream"
COUNT: Final = "streams"           # how many there may be, and not how much they carry
BIDI_LOCAL, BIDI_REMOTE, UNI = 0x05, 0x06, 0x07      # transport parameters (RFC 9000 §18.2)
INITIAL_DATA: Final = 0x04


class Wait:
    """For a limit of the receiver. kind: CONNECTION, STREAM_OF or COUNT.     id: of the stream; with COUNT 1 for those
    of one direction.

    said: the sender says that it is blocked.     granted_ns: when the receiver allowed more, -1 while it did not; near
    the receiver that is seen before the limit is reached.     over_ns: when the sender went on.
    """

    def __init__(self, direction: int, kind: str, id: int, limit: int, time: int, frame: int) -> None:
        self.direction = direction           # of the sender that waits
        self.kind = kind
        self.id = id
        self.limit = limit
        self.since_ns = time
        self.frame = frame
        self.said = False
        self.granted_ns = -1
        self.granted_frame = 0
        self.over_ns = -1
        self.over_frame = 0


class WaitSum:
    """All waits of one kind, for one stream or for none: how often, how long until more was sent, the longest.

    limit: that was reached first.     said: of them, how often the sender said so.     vain: the last one was not over
    as far as the capture goes.     since_ns: the first.
    """

    def __init__(self, first: Wait) -> None:
        self.direction = first.direction
        self.kind = first.kind
        self.id = first.id
        self.limit = first.limit
        self.since_ns = first.since_ns
        self.last_ns = first.since_ns
        self.times = 0
        self.total_ns = 0
        self.longest_ns = 0
        self.said = 0
        self.vain = False
        self.cited = Cited()

    def add(self, wait: Wait) -> None:
        self.times += 1
        self.said += wait.said
        self.cited.add(wait.frame)
        self.last_ns = max(self.last_ns, wait.since_ns, wait.over_ns)
        if wait.over_ns < 0:
            self.vain = True
            return
        waited = wait.over_ns - wait.since_ns
        self.total_ns += waited
        self.longest_ns = max(self.longest_ns, waited)
        self.cited.add(wait.over_frame)


class FlowControl:
    """Of one direction: its sender waits, and the other side allows.

    limit, sent: octets of all its streams.     before: earlier limits that it has not passed.     waits: under way, by
    (kind, id).     full: there were more.
    """

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.limit: i64 = UNLIMITED
        self.sent: i64 = 0
        self.before: list[int] = []
        self.streams: dict[int, int] = {}            # limits of streams that were raised
        self.initial: list[int] = [UNLIMITED, UNLIMITED, UNLIMITED]    # of BIDI_LOCAL, BIDI_REMOTE, UNI
        self.waits: dict[tuple[str, int], Wait] = {}
        self.full = False

    def allowed(self, parameters: Parameters) -> None:
        """What the receiver allows at first; a parameter that is not named allows nothing (RFC 9000 §18.2)."""
        self.limit = parameters.number(INITIAL_DATA, 0)
        self.initial = [parameters.number(number, 0) for number in (BIDI_LOCAL, BIDI_REMOTE, UNI)]

    def at_first(self, stream: int, *, opened: bool) -> int:
        """The limit of a stream when it begins. opened: the sender has opened it."""
        raised = self.streams.pop(stream, -1)
        first = self.initial[2] if stream & 2 else self.initial[1 if opened else 0]
        return max(raised, first)

    def wait(self, kind: str, id: int, limit: int, time: int, frame: int) -> Wait | None:
        """A limit is reached; the wait that is under way for it."""
        found = self.waits.get((kind, id))
        if found is not None and found.limit >= limit:
            return found
        if found is None and len(self.waits) >= MAX_WAITS:
            self.full = True
            return None
        made = self.waits[kind, id] = Wait(self.direction, kind, id, limit, time, frame)
        return made

    def blocked(self, frame: QuicFrame, time: int, number: int) -> None:
        """DATA_BLOCKED and its kin (RFC 9000 §19.12 to §19.14)."""
        kind, id, limit = CONNECTION, 0, int(frame.offset)
        if frame.type == STREAM_DATA_BLOCKED:
            kind, id = STREAM_OF, int(frame.id)
        elif frame.type >= STREAMS_BLOCKED:
            kind, id, limit = COUNT, int(frame.type) & 1, int(frame.id)
        elif frame.type != DATA_BLOCKED:
            return
        found = self.wait(kind, id, limit, time, number)
        if found is not None:
            found.said = True

    def raised(self, frame: QuicFrame, time: int, number: int) -> Wait | None:
        """MAX_DATA and its kin: the wait that is over with it, where only the word of the sender tells of one."""
        kind, id, limit = CONNECTION, 0, int(frame.offset)
        if frame.type == MAX_DATA:
            self.before = earlier(self.before, int(self.limit), int(self.sent))
            self.limit = max(self.limit, frame.offset)
        elif frame.type == MAX_STREAM_DATA:
            kind, id = STREAM_OF, int(frame.id)
        else:
            kind, id, limit = COUNT, int(frame.type) & 1, int(frame.id)
        found = self.waits.get((kind, id))
        if found is None or limit <= found.limit:
            return None
        if found.granted_ns < 0:
            found.granted_ns, found.granted_frame = time, number
        if kind != COUNT:
            return None
        found.over_ns, found.over_frame = time, number
        del self.waits[kind, id]
        return found

    def goes_on(self, kind: str, id: int, time: int, number: int) -> Wait | None:
        """The sender has sent beyond an earlier limit: the wait that was for it, and is over."""
        found = self.waits.get((kind, id))
        if found is None or found.granted_ns < 0:
            return None
        del self.waits[kind, id]
        found.over_ns, found.over_frame = time, number
        return found

    def reached(self, kind: str, id: int, limit: int, time: int, number: int, *, granted: bool) -> None:
        """The sender has used up a limit to its last octet. granted: more was allowed before that, which it had
        not heard."""
        found = self.wait(kind, id, limit, time, number)
        if found is not None and granted and found.granted_ns < 0:
            found.granted_ns, found.granted_frame = time, number


def earlier(before: list[int], limit: int, sent: int) -> list[int]:
    """Limits that a sender may still stop at, since it hears of a higher one only later: this one among them."""
    if limit >= UNLIMITED or limit <= sent:
        return before
    return [*before, limit][-MAX_EARLIER:]
