"""What the parts of the observer share: both sides, the streams, and the way to tell something."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import Event, Evidence, LimitReached, Malformed, Observed
from dissectors.kit.observation import HIDDEN, NOT_READ
from dissectors.kit.protocol import Context, Output
from dissectors.protocols.http2.codes import LARGEST_WINDOW, PORTS
from dissectors.protocols.http2.events import H2Seen
from dissectors.protocols.http2.events_state import H2Violation
from dissectors.protocols.http2.flow import Wait, Window
from dissectors.protocols.http2.side import H2Side
from dissectors.protocols.http2.states import CLIENT, CLOSED, SERVER
from dissectors.protocols.http2.stream import H2Half, Stream

MAX_STREAMS: Final = 2_000          # followed at once; frames of further ones are counted only
MAX_CLOSED: Final = 512             # streams remembered after their end, for frames that come late
MAX_LINGERING: Final = 100          # streams that were reset while their peer was still sending
ENDED: Final = -1                   # a stream that both sides have ended
PARTLY_SEEN: Final = -2             # one that is over for all that is known
MAX_TOLD: Final = 100               # events of one kind that are told of a connection, but for exchanges
MAX_TOLD_MINOR: Final = 20          # ... of those that say little each: window updates, priorities


class Conn:
    """client: the direction in which the client sends; certain: that is known and not assumed.

    late: frames of the connection were missed, at its beginning or within.
    early: responses on streams that nobody opened so far, by their numbers: a request may be stored behind its answer.
    last: the highest stream that client and server have opened.
    """

    def __init__(self, context: Context) -> None:
        self.each_pdu = context.each_pdu
        self.readers = context.readers
        self.show_secrets = context.provided.show_secrets
        self.allowance = context.provided.allowance
        self.observed = context.observed
        self.filling = context.filling
        self.late = context.midstream
        self.sides = [H2Side(0, context.midstream), H2Side(1, context.midstream)]
        # In the middle of a connection the first to be seen may be the server: until more is known its port says so.
        ports = (context.originator_port in PORTS, context.responder_port in PORTS)
        self.client = 1 if context.midstream and ports == (True, False) else 0
        self.certain = False
        self.streams: dict[int, Stream] = {}
        self.early: dict[int, H2Violation] = {}
        self.closed: dict[int, int] = {}      # streams that ended lately -> the code of a reset, ENDED or PARTLY_SEEN
        self.lingering: dict[int, Stream] = {}
        self.last: list[int] = [0, 0]         # by CLIENT and SERVER
        self.out: list[Output] = []
        self.told: dict[str, int] = {}
        self.untold: dict[str, int] = {}
        self.limits: set[str] = set()
        self.unfollowed: bool = False         # there were more streams at once than are followed
        self.opened: i64 = 0                  # streams by the client
        self.pushed: i64 = 0
        self.active: i64 = 0                  # of the client's streams, now
        self.peak: i64 = 0
        self.resets: i64 = 0
        self.first_frame: int = 0
        self.rtts: list[int] = []
        self.ack_times: list[int] = []

    # -- who is who ------------------------------------------------------------------------------------

    def who(self, side: H2Side) -> int:
        return CLIENT if side.direction == self.client else SERVER

    def peer(self, side: H2Side) -> H2Side:
        return self.sides[1 - side.direction]

    def by(self, who: int) -> H2Side:
        return self.sides[self.client if who == CLIENT else 1 - self.client]

    def half(self, stream: Stream, side: H2Side) -> H2Half:
        return stream.client if side.direction == self.client else stream.server

    def settle(self, client: int) -> None:
        """It is known now which side is the client. Streams that were begun the wrong way round are turned."""
        self.certain = True
        if client != self.client:
            self.client = client
            for stream in self.streams.values():
                stream.client, stream.server = stream.server, stream.client

    # -- streams ---------------------------------------------------------------------------------------

    def begin(self, number: int, late: bool) -> Stream | None:
        """A stream from now on; None where too many are followed."""
        who = CLIENT if number & 1 else SERVER
        self.last[who] = max(self.last[who], number)
        if len(self.streams) >= MAX_STREAMS:
            self.unfollowed = True
            return None
        by_client, by_server = self.by(CLIENT), self.by(SERVER)
        stream = Stream(
            number,
            H2Half(Window(by_client.initial, by_client.initial_known and not late)),
            H2Half(Window(by_server.initial, by_server.initial_known and not late)), late,
        )
        self.streams[number] = stream
        return stream

    def activate(self, stream: Stream) -> None:
        """It counts against the limit of streams at once (RFC 9113 §5.1.2)."""
        if not stream.active and stream.number & 1:
            stream.active = True
            self.active += 1
            self.peak = max(self.peak, self.active)

    def forget(self, stream: Stream) -> None:
        ended = ENDED if stream.state == CLOSED and not stream.late else PARTLY_SEEN
        stream.state = CLOSED
        if stream.active:
            stream.active = False
            self.active -= 1
        self.streams.pop(stream.number, None)
        self.closed[stream.number] = stream.reset_code if stream.reset_code >= 0 else ended
        if len(self.closed) > MAX_CLOSED:
            for oldest in self.closed:
                del self.closed[oldest]
                break

    def linger(self, stream: Stream) -> None:
        """It was reset, but the other side has not ended and may not know yet (RFC 9113 §5.1, closed)."""
        stream.told = True
        self.lingering[stream.number] = stream
        if len(self.lingering) > MAX_LINGERING:
            for oldest, lingering in self.lingering.items():
                self.let_go(lingering)
                del self.lingering[oldest]
                break

    def let_go(self, stream: Stream) -> None:
        """Nothing more is waited for on a stream that was reset."""
        carried = stream.carried
        if carried is not None:
            carried.close(stream.reset_frame, stream.reset_ns, "rst", self.out)
            stream.carried = None

    def find(self, number: int) -> Stream | None:
        """The stream of that number, if it is open or lingers."""
        return self.streams.get(number) or self.lingering.get(number)

    def lose(self, side: H2Side) -> None:
        """Frames of that side are missing: of any stream, header blocks and windows among them."""
        self.late = True
        side.lose()
        for stream in self.streams.values():
            self.half(stream, side).holes = True
        self.lose_windows()

    def lose_windows(self) -> None:
        """Something that changes windows is missing."""
        for side in self.sides:
            side.window.known = False
        for stream in self.streams.values():
            stream.client.window.known = stream.server.window.known = False

    def partial(self, who: int) -> bool:
        """Frames of that side, or all of it, may have been missed: it may have opened any stream."""
        side = self.by(who)
        return self.late or not side.reader.begun or \
            self.observed.blind(side.direction, -1, side.reader.now, (HIDDEN, NOT_READ)) is not None

    def idle(self, number: int) -> bool:
        """The stream was never opened, as far as that is known."""
        opener = CLIENT if number & 1 else SERVER
        return number > self.last[opener] and not self.partial(opener)

    def resize(self, side: H2Side, initial: i64, time: int, frame: int) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE moves the windows of all streams (RFC 9113 §6.9.2). side: whose DATA it is."""
        change = initial - side.initial
        side.initial = initial
        if not side.initial_known:
            side.initial_known = True
            return
        for stream in self.streams.values():
            window = self.half(stream, side).window
            window.grant(change, time, frame)

    # -- telling ---------------------------------------------------------------------------------------

    def tell(self, event: Event, kind: str, most: int) -> None:
        """Tell an event unless many of its kind were told; then it is counted. kind: in words, in the singular."""
        if self.tells(kind, most):
            self.out.append(event)

    def tells(self, kind: str, most: int) -> bool:
        """Whether one more of that kind is told; else it is counted. For what is too frequent to be made in vain."""
        count = self.told.get(kind, 0)
        if count < most:
            self.told[kind] = count + 1
            return True
        self.untold[kind] = self.untold.get(kind, 0) + 1
        return False

    def evidence(self, side: H2Side) -> Evidence:
        """Of the frame in hand."""
        reader = side.reader
        return Evidence(reader.frames(), reader.start, reader.end)

    def seen(self, side: H2Side, evidence: Evidence | None = None) -> H2Seen:
        """The frame in hand. evidence: where more than that frame proves it."""
        return H2Seen(side, evidence or self.evidence(side), by_client=self.who(side) == CLIENT)

    def stuck(self, window: Window, side: H2Side) -> int:
        """How long that window of its side has been used up, in ns, where no WINDOW_UPDATE can have been missed; -1
        where it is open."""
        if window.filled_ns < 0 or not window.known:
            return -1
        now = max(self.sides[0].reader.now, self.sides[1].reader.now)
        if self.observed.blind(1 - side.direction, window.filled_ns, now) is not None:
            return -1
        return now - window.filled_ns

    def starve(self, side: H2Side, half: H2Half, number: int) -> None:
        """A stream is over, or the connection, before this side has sent all that it had to say on it: where the
        window was used up until then, it was held up by that."""
        frame = max(self.sides[0].reader.frame, self.sides[1].reader.frame)
        for window in (side.window, half.window):
            waited = self.stuck(window, side)
            if waited >= 0:
                if window.wait is None:
                    window.wait = Wait()
                window.wait.in_vain(waited, window.filled_frame, frame, number)

    def violation(self, side: H2Side, stream: int, code: str, text: str) -> None:
        self.tell(H2Violation(self.seen(side), stream, code, text), "violation", MAX_TOLD)

    def malformed(self, side: H2Side, offset: int, reason: str) -> None:
        self.tell(
            Malformed(Observed(side.reader.now, side.direction, self.evidence(side)), "http2", offset, reason),
            "malformed frame", MAX_TOLD,
        )

    def limit(self, side: H2Side, cap: str, limit: int) -> None:
        """A cap was reached; told once."""
        if cap not in self.limits:
            self.limits.add(cap)
            self.out.append(LimitReached(
                Observed(side.reader.now, side.direction, Evidence((side.reader.frame,))), "http2", cap, limit
            ))

    def too_large(self, window: Window) -> bool:
        """A window beyond 2^31-1 is a flow-control error (RFC 9113 §6.9.1)."""
        return window.known and window.size > LARGEST_WINDOW
