"""The observer of one WebSocket connection."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Evidence, LimitReached, Observed
from dissectors.kit.framer import ENDS, FOUND, LOST, PART
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.websocket.above import Above, handed_on
from dissectors.protocols.websocket.codes import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    is_known,
    opcode_name,
)
from dissectors.protocols.websocket.deflate import Agreement, Inflater
from dissectors.protocols.websocket.ended import ABRUPT, CLEAN, HALF, OPEN, UNKNOWN, Talk, WsEnded, WsEnding
from dissectors.protocols.websocket.events import (
    CloseSeen,
    FrameSeen,
    Joined,
    Missing,
    Pong,
    WsMessage,
    WsMessageRun,
    WsObserved,
    WsOpened,
    WsPing,
)
from dissectors.protocols.websocket.events_rules import (
    CLOSING,
    COMPRESSION,
    FRAGMENTS,
    NOT_UTF8,
    UPGRADE,
    AcceptMismatch,
    violation,
)
from dissectors.protocols.websocket.frames import LARGEST_CONTROL, FrameCutter, unmask
from dissectors.protocols.websocket.message import MAX_WAITING, Waiting, WsContent, WsSide
from dissectors.protocols.websocket.probe import ACQUAINTED, EITHER, STRANGER
from dissectors.protocols.websocket.rhythm import ALIKE_OCTETS
from dissectors.protocols.websocket.rules import close_of, faults_of
from dissectors.protocols.websocket.runs import MAX_PREVIEWS, PREVIEW_OCTETS, WsRun
from dissectors.protocols.websocket.upgrade import Upgrade, WsUpgradeSide
from dissectors.wire.preview import MAX_KEPT
from dissectors.wire.secrets.text import without_secrets

MAX_SHOWN: Final[i64] = 20        # messages of one side that are told one by one
MAX_PINGS_SHOWN: Final[i64] = 3   # pings of one side, with their pongs; then they count as a heartbeat
RSV1: Final[i64] = 4


class WebSocketDissector(Dissector):
    """client: the direction of the side that masks, -1 while it is not known.

    agreement: on compression.   late: the upgrade was not seen, so that it is not known what was agreed.
    """

    def __init__(self, context: Context) -> None:
        self.each_pdu: bool = context.each_pdu
        self.readers = context.readers
        self.above = Above(False, False)
        self.show_secrets: bool = context.provided.show_secrets
        self.allowance = context.provided.allowance
        self.marks = context.marks
        self.observed = context.observed
        self.forward = WsSide(FORWARD)
        self.backward = WsSide(BACKWARD)
        self.client: int = -1
        self.late: bool = True
        self.joined: bool = False
        self.request: WsUpgradeSide | None = None
        self.upgrade: Upgrade | None = None
        self.extended: bool = False       # other extensions were agreed, which may use the reserved bits
        self.run = WsRun()
        self.begun: int = -1
        self.frames: list[int] = []       # of the upgrade
        self.told: bool = False           # the end

    # -- inputs ----------------------------------------------------------------------------------------

    def on_fields(self, fields: Fields) -> list[Output]:
        """The two heads of the upgrade."""
        out: list[Output] = []
        if fields.kind == "request":
            self.request = WsUpgradeSide(fields)
            self.client = fields.direction
        elif fields.kind == "response" and self.late:
            self.client = 1 - fields.direction
            self._opened(WsUpgradeSide(fields), out)
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        out: list[Output] = []
        side = self.backward if chunk.direction else self.forward
        side.frame = chunk.released_by
        side.now = side.heard = max(side.now, chunk.time)
        cutter = side.cutter
        if not cutter.in_step:
            cutter.masks = EITHER if self.client < 0 else int(side.direction == self.client)
            cutter.enough = ACQUAINTED if self.joined or not self.late else STRANGER
        cutter.feed(chunk)
        while True:
            step = cutter.step()
            if step == PART:
                self._piece(side, cutter, out)
                if cutter.broken:
                    passed = cutter.left()
                    self.above.lose(int(passed), side.frame, side.now, side.direction, out)
                    self._lose_step(side, out)
                    cutter.passed += passed
            elif step == FOUND:
                self._found(side, out)
            else:
                return out

    def on_gap(self, gap: Gap) -> list[Output]:
        out: list[Output] = []
        side = self.backward if gap.direction else self.forward
        side.frame = gap.frame
        side.now = max(side.now, gap.time)
        cutter = side.cutter
        in_step, rest, passed = cutter.in_step, cutter.rest, cutter.passed
        kind = cutter.miss(gap.length, gap.frame, gap.time)
        if kind == LOST:
            if in_step:
                cutter.passed = passed     # of the frame in hand its message is told
                self.above.lose(gap.length, side.frame, side.now, side.direction, out)
                self._lose_step(side, out)
            return out
        inflater = side.inflater
        if inflater is not None and cutter.opcode < CLOSE:
            inflater.lose()
        if cutter.opcode < CLOSE and side.assembly.active:
            missing = int(min(rest, i64(gap.length)))
            side.assembly.lose(missing)
            self.above.lose(missing, side.frame, side.now, side.direction, out)
        side.doubt = True
        if kind == ENDS:
            cutter.leave()
            if cutter.opcode < CLOSE and cutter.fin:
                self._message(side, out)
        return out

    def on_close(self, close: Close) -> list[Output]:
        """One side may end before the other answers; what is told at the end waits for both, or for the end of all."""
        out: list[Output] = []
        if close.direction != BACKWARD:
            self.forward.ended = True
        if close.direction != FORWARD:
            self.backward.ended = True
        over = close.how != "fin" or close.direction == NEITHER or (self.forward.ended and self.backward.ended)
        if over and not self.told:
            self.told = True
            for side in (self.forward, self.backward):
                side.frame = close.frame
                side.now = max(side.now, close.time)
                self._finish(side, out)
            self._flush(out)
            if not self.late or self.joined:
                self._end(close, out)
        return out

    # -- opening ---------------------------------------------------------------------------------------

    def _opened(self, response: WsUpgradeSide, out: list[Output]) -> None:
        request = self.request
        upgrade = Upgrade(request, response, self.show_secrets)
        for one in upgrade.secrets:
            self.marks.mark(one.encode("utf-8", "replace"))     # the server may repeat it
        self.upgrade = upgrade
        self.late = False
        self.begun = response.time
        self.frames = sorted({response.frame, *([request.frame] if request is not None else [])})
        observed = WsObserved(response.time, response.direction, Evidence(tuple(self.frames)), self.client)
        out.append(WsOpened(observed, upgrade))
        if upgrade.verifiable() and not upgrade.accepted():
            out.append(AcceptMismatch(observed, upgrade))
        for by_client, reason in upgrade.faults():
            side = self.forward if (self.client == FORWARD) == by_client else self.backward
            side.now = max(side.now, response.time)
            side.frame = response.frame
            self._broke(side, UPGRADE, reason, out)
        self._agree(upgrade)
        self.above = handed_on(self.readers, upgrade.chosen, response.direction, out)

    def _agree(self, upgrade: Upgrade) -> None:
        """What the extensions mean for both directions."""
        deflate = upgrade.deflate()
        self.extended = len(upgrade.agreed) > (1 if deflate is not None else 0)
        for side in (self.forward, self.backward):
            side.cutter.in_step = True
            if deflate is not None:
                side.inflater = Inflater(_keeps(deflate, side.direction == self.client), True, self.allowance)

    def _found(self, side: WsSide, out: list[Output]) -> None:
        """Frames begin here."""
        cutter = side.cutter
        known = self.joined or not self.late
        if known and (cutter.lost or cutter.passed):
            self._flush(out)
            out.append(Missing(self._seen(side), int(cutter.lost), int(cutter.passed), found=True))
        cutter.lost = 0
        cutter.passed = 0
        if not known:
            self.joined = True
            self.begun = side.now
            self.frames = [cutter.began]
            out.append(Joined(side.now, NEITHER, Evidence((cutter.began,))))

    def _lose_step(self, side: WsSide, out: list[Output]) -> None:
        """Where the next frame begins is not known any more."""
        self._abandon(side, "the rest of it is not in the capture", out)
        side.cutter.lose()
        side.cutter.broken = False
        side.doubt = True
        side.control = b""
        if side.inflater is not None:
            side.inflater.lose()

    # -- frames ----------------------------------------------------------------------------------------

    def _piece(self, side: WsSide, cutter: FrameCutter, out: list[Output]) -> None:
        """A piece of a payload; most often all of it."""
        cutter.take()
        if cutter.begins:
            self._begin(side, cutter, out)
        assembly = side.assembly
        if cutter.opcode >= CLOSE:
            if len(side.control) <= LARGEST_CONTROL:
                piece = cutter.piece
                side.control += unmask(piece, cutter.key, cutter.piece_at) if cutter.masked else piece
        elif assembly.active:
            assembly.cited.add(side.frame)
            assembly.wire += len(cutter.piece)
            last = cutter.ends and cutter.fin
            if assembly.compressed:
                self._inflate(side, cutter, last, out)
            else:
                if self.above.active:
                    octets = unmask(cutter.piece, cutter.key, cutter.piece_at) if cutter.masked else cutter.piece
                    self.above.octets(octets, side.frame, side.now, side.direction, out)
                assembly.plain(cutter.piece, cutter.masked, cutter.key, cutter.piece_at, last)
        if cutter.ends:
            self._complete(side, cutter, out)

    def _begin(self, side: WsSide, cutter: FrameCutter, out: list[Output]) -> None:
        """The header is whole: hold it against the rules, and begin a message where it does."""
        if self.client < 0:
            self.client = side.direction if cutter.masked else 1 - side.direction
        compressed = False
        if cutter.reserved or cutter.faults or cutter.masked != (side.direction == self.client) or side.closed:
            compressed = self._unusual(side, cutter, out)
        if cutter.opcode >= CLOSE:
            side.control = b""
            return
        if cutter.opcode > 2:
            return
        assembly = side.assembly
        if cutter.opcode == CONTINUATION:
            if not assembly.active:
                if not side.doubt:
                    self._broke(side, FRAGMENTS, "a continuation comes without a message before it", out)
                assembly.begin(CONTINUATION, False, True, side.now, cutter.began)
                assembly.room = 0
        else:
            if assembly.active:
                if not side.doubt:
                    self._broke(side, FRAGMENTS, "a new message starts before the last one ended", out)
                self._abandon(side, "a new message starts before its end", out)
            self._start(side, cutter, compressed)
        assembly.fragments += 1

    def _start(self, side: WsSide, cutter: FrameCutter, compressed: bool) -> None:
        """The first frame of a message. How much of it is kept depends on whether it will be shown."""
        assembly = side.assembly
        assembly.begin(cutter.opcode, compressed, False, side.now, cutter.began)
        side.doubt = False
        self.above.begin(side.direction)
        assembly.shown = side.shown < MAX_SHOWN
        if assembly.shown:
            assembly.room = MAX_KEPT
        else:
            assembly.room = PREVIEW_OCTETS if len(self.run.previews) < MAX_PREVIEWS else 0
        if compressed:
            if side.inflater is None:
                side.inflater = Inflater(True, False, self.allowance)
            side.inflater.begin()

    def _complete(self, side: WsSide, cutter: FrameCutter, out: list[Output]) -> None:
        """The last octet of a frame is here."""
        side.rhythm.frames += 1
        if self.each_pdu:
            frames = (side.frame,) if cutter.began >= side.frame else (cutter.began, side.frame)
            out.append(FrameSeen(WsObserved(side.now, side.direction, Evidence(frames), self.client), cutter))
        if cutter.opcode < CLOSE:
            if cutter.fin and side.assembly.active and cutter.opcode <= 2:
                self._message(side, out)
            return
        control, side.control = side.control, b""
        if cutter.length > LARGEST_CONTROL:
            return
        if cutter.opcode == CLOSE:
            self._closing(side, control, out)
        elif cutter.opcode == PING:
            self._ping(side, control, out)
        elif is_known(int(cutter.opcode)):
            self._pong(side, control, out)

    # -- messages --------------------------------------------------------------------------------------

    def _inflate(self, side: WsSide, cutter: FrameCutter, last: bool, out: list[Output]) -> None:
        inflater = side.inflater
        assembly = side.assembly
        if inflater is None or assembly.hole:
            return
        piece = cutter.piece
        octets = inflater.feed(unmask(piece, cutter.key, cutter.piece_at) if cutter.masked else piece, last)
        assembly.size += len(octets)
        assembly.said(octets, last and not inflater.stopped)
        self.above.octets(octets, side.frame, side.now, side.direction, out)
        if inflater.stopped:
            self.above.lose(0, side.frame, side.now, side.direction, out)

    def _message(self, side: WsSide, out: list[Output]) -> None:
        """A message is whole, or as whole as the capture has it."""
        assembly = side.assembly
        assembly.active = False
        if assembly.foreign:
            return
        self.above.end(side.frame, side.now, side.direction, out)
        text = assembly.opcode == TEXT
        side.rhythm.message(side.now, assembly.wire, text)
        if text and not assembly.hole and 0 < assembly.size <= ALIKE_OCTETS:
            side.rhythm.short_text(side.now, assembly.short)
        note = ""
        inflater = side.inflater
        if assembly.compressed and inflater is not None:
            note = inflater.stopped
            if note:
                self._not_inflated(side, inflater, out)
            elif not assembly.hole:
                side.rhythm.packed += assembly.wire
                side.rhythm.plain += assembly.size
        if assembly.hole:
            note = "bytes of it are not in the capture"
        if assembly.not_utf8:
            note = "it is not UTF-8, though it says that it is text"
            self._broke(side, NOT_UTF8, "a text message is not UTF-8", out)
        if assembly.shown:
            self._show(side, note, out)
            return
        if assembly.kept and len(self.run.previews) < MAX_PREVIEWS:
            self.run.preview(assembly.opcode, b"".join(assembly.kept), int(assembly.size))
        if text:
            self.run.texts += 1
        if self.run.add(side.direction, assembly.wire, assembly.began, side.now, side.frame):
            self._flush(out)

    def _show(self, side: WsSide, note: str, out: list[Output]) -> None:
        assembly = side.assembly
        side.shown += 1
        observed = WsObserved(side.now, side.direction, Evidence(assembly.cited.upto(side.frame)), self.client)
        out.append(WsMessage(observed, assembly, WsContent(assembly, note, show_secrets=self.show_secrets)))

    def _not_inflated(self, side: WsSide, inflater: Inflater, out: list[Output]) -> None:
        if inflater.failed:
            inflater.failed = False
            self._broke(side, COMPRESSION, "a compressed message does not inflate", out)
        if inflater.cap:
            out.append(LimitReached(self._seen(side), "websocket", inflater.cap, inflater.limit))
            inflater.cap = ""

    def _abandon(self, side: WsSide, why: str, out: list[Output]) -> None:
        """The message in hand will not be whole."""
        assembly = side.assembly
        if assembly.active and not assembly.foreign and assembly.shown:
            if assembly.compressed and not assembly.hole:
                assembly.hole = True
            self._show(side, why, out)
        assembly.active = False

    def _flush(self, out: list[Output]) -> None:
        if self.run.begin >= 0:
            out.append(WsMessageRun(self.run, max(self.client, 0)))
            self.run.restart()

    # -- control frames --------------------------------------------------------------------------------

    def _ping(self, side: WsSide, payload: bytes, out: list[Output]) -> None:
        side.rhythm.pings.add(side.now)
        shown = side.pings_shown < MAX_PINGS_SHOWN
        if len(side.waiting) >= MAX_WAITING:
            side.waiting = side.waiting[1:]
        side.waiting.append(Waiting(payload, side.now, side.frame, shown))
        if shown:
            side.pings_shown += 1
            out.append(WsPing(self._seen(side), payload))
        else:
            self.run.ping(side.now, side.frame)

    def _pong(self, side: WsSide, payload: bytes, out: list[Output]) -> None:
        other = self.forward if side.direction else self.backward
        ping, passed_over = other.answered_by(payload)
        took = -1
        if ping is not None:
            took = max(side.now - ping.time, 0)
            other.rhythm.round_trip(took)
            shown = ping.shown
        else:
            shown = side.pings_shown < MAX_PINGS_SHOWN
            side.pings_shown += 1
        if shown:
            out.append(Pong(self._seen(side), payload, took, passed_over))

    def _closing(self, side: WsSide, payload: bytes, out: list[Output]) -> None:
        self._flush(out)
        other = self.forward if side.direction else self.backward
        code, reason, fault = close_of(payload)
        if fault:
            self._broke(side, CLOSING, fault, out)
        answer = max(side.now - other.close_time, 0) if other.closed else -1
        reason = reason if self.show_secrets else without_secrets(reason)
        out.append(CloseSeen(self._seen(side), code, reason, answer))
        if not side.closed:
            side.closed = True
            side.close_code = code
            side.close_time = side.now
            side.close_frame = side.frame

    # -- rules -----------------------------------------------------------------------------------------

    def _unusual(self, side: WsSide, cutter: FrameCutter, out: list[Output]) -> bool:
        """A header that needs a closer look. Whether its message is compressed."""
        by_client = side.direction == self.client
        compressible = side.inflater is not None or self.late
        for rule, reason in faults_of(cutter, by_client, compressible, self.extended):
            self._broke(side, rule, reason, out)
        if side.closed and cutter.opcode != CLOSE:
            self._broke(side, CLOSING, f"a {opcode_name(int(cutter.opcode))} frame follows its Close frame", out)
        return compressible and cutter.reserved & RSV1 != 0 and 0 < cutter.opcode <= 2

    def _broke(self, side: WsSide, rule: str, reason: str, out: list[Output]) -> None:
        """Told the first time for each rule and side, counted from then on."""
        count = side.violations.get(rule, 0)
        side.violations[rule] = count + 1
        if count == 0:
            out.append(violation(rule, self._seen(side), reason))

    # -- end -------------------------------------------------------------------------------------------

    def _finish(self, side: WsSide, out: list[Output]) -> None:
        """What a direction still holds."""
        cutter = side.cutter
        if cutter.in_step:
            self._abandon(side, "the stream ended before the rest of it", out)
            return
        passed = int(cutter.passed) + len(cutter.buffer)
        if (cutter.lost or passed) and (self.joined or not self.late):
            out.append(Missing(self._seen(side), int(cutter.lost), passed, found=False))

    def _end(self, close: Close, out: list[Output]) -> None:
        forward, backward = self.forward, self.backward
        closer: WsSide | None = None
        closers = [side for side in (forward, backward) if side.closed]
        if closers:
            closer = closers[0]
            if len(closers) == 2 and backward.close_time < forward.close_time:
                closer = backward
        frames = {*self.frames, close.frame, *[side.close_frame for side in closers]}
        client = max(self.client, 0)
        path = self.upgrade.path if self.upgrade is not None else ""
        end = max(close.time, forward.now, backward.now)
        observed = Observed(end, NEITHER, Evidence(tuple(sorted(frames))))
        ending = WsEnding(self._how(close), close.how, closer, path, self.begun)
        ending.heard = max(forward.heard, backward.heard, self.begun)
        out.append(WsEnded(observed, ending, (Talk(forward, client, end), Talk(backward, client, end))))

    def _seen(self, side: WsSide) -> WsObserved:
        """Now, in the frame that released the octets in hand."""
        return WsObserved(side.now, side.direction, Evidence((side.frame,)), self.client)

    def _how(self, close: Close) -> str:
        forward, backward = self.forward, self.backward
        if forward.closed and backward.closed:
            return CLEAN
        if close.unfinished:
            return OPEN
        if not (forward.cutter.in_step and backward.cutter.in_step):
            return UNKNOWN
        # A Close frame may be among what was not seen.
        if self.observed.blind(NEITHER, self.begun + 1, close.time) is not None:
            return UNKNOWN
        return HALF if forward.closed or backward.closed else ABRUPT


def _keeps(agreement: Agreement, client: bool) -> bool:
    return agreement.client_keeps if client else agreement.server_keeps
