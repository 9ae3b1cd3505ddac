"""The observer of one connection of HTTP/2."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import NEITHER, Evidence
from dissectors.kit.framer import BROKEN, FOUND, FRAME, NOTHING, PART
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.octets import be32
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.http2.codes import (
    CONTINUATION,
    DATA,
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    FRAME_KINDS,
    GOAWAY,
    HEADER,
    HEADERS,
    PADDED,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    SETTINGS,
    type_name,
)
from dissectors.protocols.http2.connection import MAX_TOLD, Conn
from dissectors.protocols.http2.control import Control, settings_of
from dissectors.protocols.http2.events import Frame, Preface
from dissectors.protocols.http2.events_state import Blocked, HeadOfLine, OutOfStep
from dissectors.protocols.http2.events_summary import H2ConnectionSummary
from dissectors.protocols.http2.flow import TOLD_WAIT_NS
from dissectors.protocols.http2.messages import H2Messages
from dissectors.protocols.http2.reader import BEGUN
from dissectors.protocols.http2.section import H2Section
from dissectors.protocols.http2.side import MAX_BLOCK, H2Side, HeldUp, Unfinished
from dissectors.protocols.http2.states import CLIENT, CLIENT_DONE, SERVER
from dissectors.wire.hpack.decoder import PLAIN, Block, Field

MAX_HELD_UP: Final = 200    # streams named that waited behind one lost segment


class Http2Dissector(Dissector):
    """Reads both directions; each is fed its own bytes as they come."""

    def __init__(self, context: Context) -> None:
        self.conn = Conn(context)
        self.messages = H2Messages(self.conn)
        self.control = Control(self.conn, self.messages)
        self.held_up: list[HeldUp | None] = [None, None]
        self.delay: i64 = 0            # how long the chunk in hand waited for an earlier one
        self.brought: list[list[int]] = [[], []]    # streams in the last segment of each side that waited for none,
        self.bringing: list[i64] = [0, 0]           # ... and its frame
        self.finished = False

    # -- inputs ----------------------------------------------------------------------------------------

    def on_data(self, chunk: Chunk) -> list[Output]:
        side = self.conn.sides[chunk.direction]
        if not self.conn.first_frame:
            self.conn.first_frame = chunk.frame
        side.reader.feed(chunk)
        self.delay = 0
        if chunk.released_by != chunk.frame:
            self.delay = max(side.reader.now - chunk.time, 0)
        self._held_up(side, chunk.released_by)
        if self.delay:
            self._steps(side, chunk)
            return self._said()
        reader = side.reader
        brought = self.brought[chunk.direction]
        if chunk.frame != self.bringing[chunk.direction]:
            self.bringing[chunk.direction] = chunk.frame
            brought.clear()
            if reader.open:
                brought.append(int(reader.id))
        self._steps(side, chunk)
        if reader.open:
            brought.append(int(reader.id))
        return self._said()

    def on_gap(self, gap: Gap) -> list[Output]:
        conn = self.conn
        side = conn.sides[gap.direction]
        reader = side.reader
        in_data = reader.open and reader.type == DATA
        lost = reader.missed(gap)
        if in_data and lost:
            self.messages.missed(side, lost)
        if reader.in_step:
            conn.late = conn.late or not in_data
            self.delay = 0
            self._steps(side, Chunk(gap.frame, gap.time, gap.direction, b"", gap.position))
        else:
            conn.lose(side)
            conn.peer(side).initial_known = False
        return self._said()

    def on_fields(self, fields: Fields) -> list[Output]:
        """The request of HTTP/1.1 that asked for the upgrade to h2c: it is stream 1, half-closed (RFC 7540 §3.2)."""
        conn = self.conn
        if fields.kind != "request" or conn.streams:
            return []
        conn.settle(fields.direction)
        stream = conn.begin(1, False)
        if stream is None:
            return []
        stream.state = CLIENT_DONE
        conn.activate(stream)
        conn.opened += 1
        block = Block(0)
        block.fields = [Field(name, value, True, True, PLAIN) for name, value in fields.pairs]
        half = stream.client
        half.section = H2Section(block)
        half.shown = half.section.head(True, conn.show_secrets)
        half.begun_ns = half.ended_ns = fields.time
        half.first_frame = half.last_frame = fields.frame
        self._upgrade_settings(fields)
        return self._said()

    def on_close(self, close: Close) -> list[Output]:
        conn = self.conn
        if close.direction != NEITHER:
            conn.sides[close.direction].closed = True
        whole = close.direction == NEITHER or close.how != "fin" or (conn.sides[0].closed and conn.sides[1].closed)
        if not whole or self.finished:
            return []
        self.finished = True
        for side in conn.sides:
            side.reader.now = max(side.reader.now, close.time)
            side.reader.frame = max(side.reader.frame, close.frame)
            self._held_up(side, 0)
        self.messages.close(close)
        if conn.first_frame and not conn.each_pdu:
            self._summary(close)
        return self._said()

    def _said(self) -> list[Output]:
        out = self.conn.out
        if out:
            self.conn.out = []
        return out

    # -- frames ----------------------------------------------------------------------------------------

    def _steps(self, side: H2Side, chunk: Chunk) -> None:
        reader = side.reader
        while True:
            step = reader.step()
            if step == PART:
                filling = self.conn.filling
                if filling is not None:
                    octets = int(reader.part_end - reader.part)
                    handed = int(chunk.time + self.delay)
                    filling.add(int(reader.id), side.direction, int(chunk.frame), int(chunk.time), handed, octets)
                self.messages.part(side, chunk)
                if self.delay:
                    self._delayed(side, int(reader.id))
            elif step == FRAME:
                self._frame(side)
            elif step == NOTHING:
                return
            elif step == BEGUN:
                self._begun(side)
            else:
                self._out_of_step(side, step)

    def _begun(self, side: H2Side) -> None:
        conn = self.conn
        conn.settle(side.direction)
        if not conn.each_pdu:
            conn.out.append(Preface(side.reader.now, side.direction, Evidence(side.reader.frames())))

    def _out_of_step(self, side: H2Side, step: int) -> None:
        conn = self.conn
        reader = side.reader
        conn.late = True
        if step == BROKEN:
            conn.lose(side)
        found = step == FOUND
        if step == BROKEN or reader.passed or reader.lost:
            conn.tell(OutOfStep(side, found=found), "loss of step", MAX_TOLD)
        if found:
            reader.passed = 0
            reader.lost = 0

    def _frame(self, side: H2Side) -> None:
        """One frame is complete."""
        conn = self.conn
        reader = side.reader
        kind = reader.type
        side.counts[min(kind, FRAME_KINDS)] += 1
        if not conn.certain:
            self._who(side)
        if conn.each_pdu:
            conn.out.append(Frame(conn.seen(side)))
        if self.delay:
            self._delayed(side, int(reader.id))
        else:
            self.brought[side.direction].append(int(reader.id))
        if reader.length > reader.largest:
            conn.violation(side, int(reader.id), "frame_size",
                           f"a frame of {reader.length} octets where {reader.largest} are allowed")
        if side.block is not None and kind != CONTINUATION:
            conn.violation(side, int(reader.id), "block_interrupted",
                           f"{type_name(int(kind))} between the frames of a header block")
            side.block = None
            side.decoder.lose()
        if kind == DATA:
            self.messages.data(side)
        elif kind in (HEADERS, PUSH_PROMISE):
            self._opens_block(side)
        elif kind == CONTINUATION:
            self._continues(side)
        else:
            self.control.frame(side)

    def _who(self, side: H2Side) -> None:
        """Which side is the client, where no preface says it: by frames that only one of them sends, or only of the
        other's streams (RFC 9113 §5.1.1, §6.8). Header blocks say it too, once they are read."""
        reader = side.reader
        kind = reader.type
        sender = -1
        if kind == PUSH_PROMISE:
            sender = SERVER
        elif kind == PRIORITY or (kind == HEADERS and reader.flags & PRIORITIZED):
            sender = CLIENT
        elif kind == GOAWAY and not reader.cut and reader.length >= 8:
            last = be32(reader.payload, 0) & 0x7FFF_FFFF
            if 0 < last < 0x7FFF_FFFF:
                sender = SERVER if last & 1 else CLIENT
        elif kind == SETTINGS and not reader.cut:
            values = dict(settings_of(reader.payload))
            if values.get(ENABLE_PUSH, 0) == 1:
                sender = CLIENT
            elif ENABLE_CONNECT_PROTOCOL in values:
                sender = SERVER
        if sender >= 0:
            self.conn.settle(side.direction if sender == CLIENT else 1 - side.direction)

    def _opens_block(self, side: H2Side) -> None:
        """HEADERS and PUSH_PROMISE (RFC 9113 §6.2, §6.6)."""
        conn = self.conn
        reader = side.reader
        payload = reader.payload
        promise = reader.type == PUSH_PROMISE
        number = int(reader.id)
        if not number:
            conn.violation(side, 0, "headers_on_connection", f"{type_name(int(reader.type))} without a stream")
        if reader.cut:
            self._missing_block(side)
            return
        at: i64 = 0
        end: i64 = len(payload)
        least = (1 if reader.flags & PADDED else 0) + (4 if promise else 5 if reader.flags & PRIORITIZED else 0)
        if end < least:
            conn.malformed(
                side, 0, f"a {type_name(int(reader.type))} frame of {end} octets where it has {least} at least"
            )
            side.decoder.lose()
            return
        if reader.flags & PADDED:
            end -= i64(payload[0])
            at = 1
        promised: i64 = 0
        if promise:
            promised = (i64(payload[at]) & 0x7F) << 24 | i64(payload[at + 1]) << 16 | i64(payload[at + 2]) << 8 \
                | i64(payload[at + 3])
            at += 4
        elif reader.flags & PRIORITIZED:
            self.control.priority(side, at)
            at += 5
        if end < at:
            conn.malformed(side, 0, f"a {type_name(int(reader.type))} frame with more padding than it has octets")
            side.decoder.lose()
            return
        found = Unfinished(
            number, int(promised), not promise and reader.flags & END_STREAM != 0, payload[at:end], reader.begun_ns
        )
        found.wire = HEADER + reader.length
        if reader.flags & END_HEADERS:
            self.messages.block(side, found, conn.evidence(side))
            return
        found.cited.add_all(reader.frames())
        side.block = found

    def _missing_block(self, side: H2Side) -> None:
        """Octets of a header block are not in the capture: its entries are not known, nor is what it said."""
        side.decoder.lose()
        side.block = None
        self.conn.late = True
        if side.reader.length > 0 and side.reader.type == HEADERS:
            stream = self.conn.streams.get(int(side.reader.id))
            if stream is not None and side.reader.flags & END_STREAM:
                self.messages.ended(side, stream)

    def _continues(self, side: H2Side) -> None:
        """CONTINUATION (RFC 9113 §6.10)."""
        conn = self.conn
        reader = side.reader
        block = side.block
        if block is None or block.stream != reader.id:
            if not conn.late:
                conn.violation(side, int(reader.id), "stray_continuation", "CONTINUATION without a block before it")
            side.block = None
            side.decoder.lose()
            return
        block.continuations += 1
        side.longest_block = max(side.longest_block, block.continuations)
        block.wire += HEADER + reader.length
        block.octets += len(reader.payload)
        block.lost = block.lost or reader.cut > 0
        if block.octets > MAX_BLOCK:
            conn.limit(side, "MAX_BLOCK", int(MAX_BLOCK))
            block.lost = True
            block.parts = []
        if not block.lost:
            block.parts.append(reader.payload)
        block.cited.add_all(reader.frames())
        if not reader.flags & END_HEADERS:
            return
        side.block = None
        if block.lost:
            side.decoder.lose()
            conn.late = True
            return
        self.messages.block(side, block, Evidence(block.cited.upto(reader.frame), reader.start, reader.end))

    # -- the upgrade from HTTP/1.1 ---------------------------------------------------------------------

    def _upgrade_settings(self, fields: Fields) -> None:
        """HTTP2-Settings holds what SETTINGS of the client would, and needs no acknowledgment (RFC 7540 §3.2.1)."""
        from base64 import urlsafe_b64decode
        from binascii import Error

        value = fields.get(b"http2-settings").strip()
        try:
            payload = urlsafe_b64decode(value + b"=" * (-len(value) % 4))
        except (Error, ValueError):
            return
        if not payload or len(payload) % 6:
            return
        values = settings_of(payload)
        for identifier, given in values:
            self.conn.by(CLIENT).settings[identifier] = given
        self.control.obey(self.conn.by(SERVER), values)

    # -- losses beneath --------------------------------------------------------------------------------

    def _delayed(self, side: H2Side, number: int) -> None:
        """Octets of a frame of this stream had to wait."""
        held = self.held_up[side.direction]
        if held is None or not number:
            return
        if number in held.streams or len(held.streams) < MAX_HELD_UP:
            held.streams[number] = max(held.streams.get(number, 0), int(self.delay))
        stream = self.conn.streams.get(number)
        if stream is not None:
            stream.delayed_ns = max(stream.delayed_ns, self.delay)

    def _held_up(self, side: H2Side, released: int) -> None:
        """Tell of the last stall once the chunks that it held up are through; begin with the next one."""
        conn = self.conn
        held = self.held_up[side.direction]
        if held is not None and held.released != released:
            if not conn.each_pdu and any(stream not in held.own for stream in held.streams):
                conn.tell(HeadOfLine(side, held), "stall behind a missing segment", MAX_TOLD)
            self.held_up[side.direction] = held = None
        if held is None and self.delay and released:
            self.held_up[side.direction] = HeldUp(side.reader.now, released, set(self.brought[side.direction]))

    # -- the end ---------------------------------------------------------------------------------------

    def _summary(self, close: Close) -> None:
        conn = self.conn
        for who in (CLIENT, SERVER):
            side = conn.by(who)
            wait = side.window.wait
            if wait is not None and wait.total_ns >= TOLD_WAIT_NS:
                conn.out.append(Blocked(close.time, side, wait, 0, by_client=who == CLIENT))
        conn.out.append(H2ConnectionSummary(close, conn))
