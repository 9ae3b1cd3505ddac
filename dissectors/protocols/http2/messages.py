"""Header blocks and DATA: from frames on streams to requests, responses and exchanges (RFC 9113 §8)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import Evidence
from dissectors.kit.inputs import Chunk, Close
from dissectors.kit.observation import HIDDEN, NOT_READ
from dissectors.protocols.http2 import carry
from dissectors.protocols.http2.codes import END_STREAM, HEADER
from dissectors.protocols.http2.connection import ENDED, MAX_CLOSED, MAX_STREAMS, MAX_TOLD, Conn
from dissectors.protocols.http2.events import H2Exchange, H2Response, PushPromise, Request, StreamFacts, Trailers
from dissectors.protocols.http2.events_state import Blocked, H2Violation
from dissectors.protocols.http2.flow import TOLD_WAIT_NS
from dissectors.protocols.http2.section import VERSION, H2Section
from dissectors.protocols.http2.side import H2Side, Unfinished
from dissectors.protocols.http2.states import (
    CLIENT,
    CLOSED,
    ENDS,
    IDLE,
    OPEN,
    OPENS,
    PROMISES,
    SERVER,
    STATE_NAMES,
    after,
    may_send,
)
from dissectors.protocols.http2.stream import MAX_INTERIM, H2Half, Stream
from dissectors.wire.http.body import BodyReader
from dissectors.wire.http.events import (
    COMPLETE,
    CUT,
    FOREIGN_END,
    LOST,
    TUNNEL,
    UNANSWERED,
    ExchangeSeen,
    Interim,
    Times,
    unfinished,
    unreadable,
)
from dissectors.wire.http.message import Head, length_of

# Streams given up by the client before an answer, from which on further ones are counted and not told.
FLOOD_RESETS: Final = 200
_NO_HEAD: Final = Head(VERSION, "", "", "", "", 0, "", ())


class H2Messages:
    """The streams of one connection."""

    def __init__(self, conn: Conn) -> None:
        self.conn = conn
        self.decode_bodies = not conn.each_pdu
        self.given_up: i64 = 0       # streams that the client reset before an answer

    # -- header blocks ---------------------------------------------------------------------------------

    def block(self, side: H2Side, found: Unfinished, evidence: Evidence) -> None:
        """A header block is whole."""
        conn = self.conn
        data = found.parts[0] if len(found.parts) == 1 else b"".join(found.parts)
        read = side.decoder.decode(data)
        side.header_octets += len(data)
        side.text_octets += read.text_octets
        side.unknown_fields += read.unknown
        side.longest_block = max(side.longest_block, found.continuations)
        if read.error:
            conn.malformed(side, int(read.error_at), f"header block of stream {found.stream}: {read.error}")
        if read.left_out:
            conn.limit(side, "header fields kept of a block", len(read.fields))
        section = H2Section(read)
        if not conn.certain and (section.says_request or section.says_response):
            from_client = section.says_request != bool(found.promised)
            conn.settle(side.direction if from_client else 1 - side.direction)
        if found.promised:
            self._promise(side, found, section, evidence)
        else:
            self._headers(side, found, section, evidence)

    def _headers(self, side: H2Side, found: Unfinished, section: H2Section, evidence: Evidence) -> None:
        conn = self.conn
        stream = self._stream_for_headers(side, found.stream)
        if stream is None:
            return
        who = conn.who(side)
        half = conn.half(stream, side)
        half.wire += found.wire
        half.last_frame = evidence.frames[-1]
        state = after(stream.state, OPENS, who) if not stream.told else CLOSED
        if state < 0:
            if not stream.late:
                conn.violation(side, stream.number, "headers_in_state",
                               f"HEADERS on stream {stream.number}, which is {STATE_NAMES[stream.state]}")
            return
        if not stream.told:
            stream.state = state
            conn.activate(stream)
        if half.section is not None or (conn.late and found.ends and half.data_frames and not section.pseudo):
            self._trailers(side, stream, half, found, section, evidence)
        elif who == CLIENT:
            self._request(side, stream, half, found, section, evidence)
        elif 100 <= section.status < 200:
            self._interim(side, stream, section, evidence)
        else:
            self._response(side, stream, half, found, section, evidence)
        if found.ends:
            self.ended(side, stream)

    def _stream_for_headers(self, side: H2Side, number: int) -> Stream | None:
        conn = self.conn
        stream = conn.find(number)
        if stream is not None:
            if conn.early and conn.who(side) == CLIENT:
                conn.early.pop(number, None)
            return stream
        if number in conn.closed:
            if conn.closed[number] == ENDED:
                conn.violation(side, number, "headers_after_end", f"HEADERS on stream {number}, which is closed")
            return None
        who = conn.who(side)
        late = who == SERVER
        if who == SERVER and conn.unfollowed:
            return None      # it may be one of those beyond the cap
        if who == SERVER and not conn.partial(CLIENT) and len(conn.early) < MAX_CLOSED:
            conn.early[number] = H2Violation(
                conn.seen(side), number, "headers_on_idle", f"a response on stream {number}, which nobody opened"
            )
        if who == CLIENT and number <= conn.last[CLIENT]:
            if not conn.late:
                conn.violation(side, number, "stream_number", f"stream {number} after {conn.last[CLIENT]} was opened")
                return None
            late = True
        stream = conn.begin(number, late)
        if stream is None:
            conn.limit(side, "MAX_STREAMS", MAX_STREAMS)
            return None
        if who == CLIENT:
            conn.opened += 1
            self._check_limit(side)
        if late:
            stream.state = OPEN
        return stream

    def _check_limit(self, side: H2Side) -> None:
        conn = self.conn
        limit = conn.peer(side).settings.get(3, -1)
        if 0 <= limit <= conn.active and not conn.late and not conn.peer(side).unacked:
            conn.violation(side, 0, "too_many_streams",
                           f"{conn.active + 1} streams are open at once where {limit} are allowed")

    def _request(
        self, side: H2Side, stream: Stream, half: H2Half, found: Unfinished, section: H2Section, evidence: Evidence
    ) -> None:
        conn = self.conn
        reader = side.reader
        half.section = section
        half.begun_ns = found.begun_ns
        half.first_frame = evidence.frames[0]
        half.expected = length_of(section.get(b"content-length"))
        half.shown = section.head(True, conn.show_secrets)
        self._faults(side, stream.number, section.faults(True, False))
        carry.on_request(
            conn.readers, stream, section, reader.frame, reader.now, side.direction, conn.each_pdu, conn.out
        )
        event = Request(conn.seen(side, evidence), half.shown, stream.number, section.notes(True, False))
        event.stream = stream.number
        if self.given_up < FLOOD_RESETS:
            conn.out.append(event)
        else:
            conn.tell(event, "request of a flood", 0)

    def _faults(self, side: H2Side, number: int, faults: list[str]) -> None:
        """Fields that make the message malformed (RFC 9113 §8.1.1)."""
        if faults:
            said = " ".join(faults).rstrip(".")
            self.conn.violation(side, number, "malformed_message", f"on stream {number}, {said[0].lower()}{said[1:]}")

    def _interim(self, side: H2Side, stream: Stream, section: H2Section, evidence: Evidence) -> None:
        """A 1xx response: the final one is still to come (RFC 9113 §8.1)."""
        conn = self.conn
        if len(stream.interim) < MAX_INTERIM:
            stream.interim.append(Interim(section.status, side.reader.now, evidence.frames[-1]))
        if not conn.each_pdu:
            event = H2Response(
                conn.seen(side, evidence), section.head(False, conn.show_secrets), stream.number, stream.client.shown,
                section.notes(False, False),
            )
            event.stream = stream.number
            conn.tell(event, "interim response", MAX_TOLD)

    def _response(
        self, side: H2Side, stream: Stream, half: H2Half, found: Unfinished, section: H2Section, evidence: Evidence
    ) -> None:
        conn = self.conn
        reader = side.reader
        half.section = section
        half.begun_ns = found.begun_ns
        half.first_frame = evidence.frames[0]
        half.expected = length_of(section.get(b"content-length"))
        half.shown = section.head(False, conn.show_secrets)
        self._faults(side, stream.number, section.faults(False, False))
        carry.on_response(conn.readers, stream, section, reader.frame, reader.now, side.direction, conn.out)
        notes = section.notes(False, False)
        if stream.told:
            notes = (*notes, "It was under way when the client reset the stream, and comes to nothing.")
        event = H2Response(conn.seen(side, evidence), half.shown, stream.number, stream.client.shown, notes)
        event.stream = stream.number
        conn.out.append(event)

    def _trailers(
        self, side: H2Side, stream: Stream, half: H2Half, found: Unfinished, section: H2Section, evidence: Evidence
    ) -> None:
        conn = self.conn
        reader = side.reader
        if not found.ends and not conn.late:
            conn.violation(side, stream.number, "trailers_without_end",
                           f"a second header block on stream {stream.number} that does not end it")
        head = section.head(conn.who(side) == CLIENT, conn.show_secrets)
        half.trailers = head.pairs
        carry.on_trailers(stream, section, reader.frame, reader.now, side.direction, conn.out)
        if not conn.each_pdu:
            conn.out.append(Trailers(conn.seen(side, evidence), stream.number, head))

    def _promise(self, side: H2Side, found: Unfinished, section: H2Section, evidence: Evidence) -> None:
        conn = self.conn
        number = found.promised
        if conn.who(side) == CLIENT or number & 1 or not number:
            conn.violation(side, found.stream, "bad_promise", f"a PUSH_PROMISE of stream {number}")
            return
        if conn.by(CLIENT).settings.get(2, 1) == 0 and not conn.by(CLIENT).unacked:
            conn.violation(side, found.stream, "push_disabled", "a PUSH_PROMISE, though the client allows no push")
        stream = conn.streams.get(number) or conn.begin(number, False)
        if stream is None:
            conn.limit(side, "MAX_STREAMS", MAX_STREAMS)
            return
        state = after(stream.state, PROMISES, SERVER)
        if state < 0:
            conn.violation(side, number, "promise_in_state", f"stream {number} is promised a second time")
            return
        stream.state = state
        stream.promised = True
        conn.pushed += 1
        half = stream.client
        half.section = section
        half.shown = section.head(True, conn.show_secrets)
        half.begun_ns = half.ended_ns = side.reader.now
        half.first_frame = half.last_frame = evidence.frames[-1]
        if not conn.each_pdu:
            conn.tell(PushPromise(
                conn.seen(side, evidence), found, half.shown, section.notes(True, False)
            ), "push promise", MAX_TOLD)

    # -- DATA ------------------------------------------------------------------------------------------

    def part(self, side: H2Side, chunk: Chunk) -> None:
        """Octets of content."""
        reader = side.reader
        number = int(reader.id)
        stream = self.conn.find(number)
        if stream is None:
            if number in self.conn.closed or not self.conn.partial(CLIENT if number & 1 else SERVER):
                return
            stream = self._stream_for_data(side, number)
            if stream is None:
                return
        half = self.conn.half(stream, side)
        count = reader.part_end - reader.part
        half.octets += count
        carried = stream.carried
        if carried is not None and not carried.listens[side.direction]:
            carried = None
        body = half.body
        if body is None:
            body = self._begin_body(half, carried is not None)
        if carried is None and body.decoder is None and body.room == 0:
            body.octets += count       # nobody wants to know what it is
            body.decoded += count
            return
        decoded = body.feed(reader.buffer[reader.part:reader.part_end])
        if carried is not None:
            carried.octets(decoded, chunk.frame, chunk.time, side.direction, chunk.released_by, self.conn.out)

    def _begin_body(self, half: H2Half, read: bool) -> BodyReader:
        """read: by a protocol of its own."""
        head = half.shown or _NO_HEAD
        body = half.body = BodyReader(
                head, self.conn.show_secrets, self.decode_bodies or read, self.conn.allowance
            )
        return body

    def missed(self, side: H2Side, octets: i64) -> None:
        """Octets of the DATA frame in hand are not in the capture."""
        stream = self.conn.find(int(side.reader.id))
        if stream is None:
            return
        half = self.conn.half(stream, side)
        half.lost += octets
        half.octets += octets
        read = stream.carried is not None and stream.carried.listens[side.direction]
        (half.body or self._begin_body(half, read)).lose(int(octets))

    def data(self, side: H2Side) -> None:
        """A DATA frame is complete: what it takes of the windows, and what it ends."""
        conn = self.conn
        reader = side.reader
        length = reader.length
        ends = reader.flags & END_STREAM != 0
        beyond = side.window.use(length, reader.now, reader.frame)
        if length:
            side.windows.add(reader.now, side.window.size)
        elif not ends:
            side.empty_data += 1
        number = int(reader.id)
        stream = conn.find(number) or self._stream_for_data(side, number)
        if stream is None:
            return
        half = conn.half(stream, side)
        half.data_frames += 1
        half.wire += length + HEADER
        half.padding += max(reader.padding, 0)
        half.last_frame = reader.frame
        beyond = max(beyond, half.window.use(length, reader.now, reader.frame))
        if beyond and reader.cut == 0:
            conn.violation(side, number, "window_exceeded",
                           f"DATA on stream {number} goes {beyond} octets beyond the window")
        if not may_send(stream.state, conn.who(side)) and not stream.late and not stream.told:
            conn.violation(side, number, "data_in_state",
                           f"DATA on stream {number}, which is {STATE_NAMES[stream.state]}")
            return
        if ends:
            self.ended(side, stream)

    def _stream_for_data(self, side: H2Side, number: int) -> Stream | None:
        """A stream whose beginning was not seen; None for one that is over, and for one that may not be."""
        conn = self.conn
        if number in conn.closed:
            if conn.closed[number] == ENDED:
                conn.violation(side, number, "data_after_end", f"DATA on stream {number}, which is closed")
            return None
        if number == 0:
            conn.violation(side, 0, "data_on_connection", "a DATA frame without a stream")
            return None
        if not conn.partial(CLIENT if number & 1 else SERVER):
            if conn.idle(number):
                conn.violation(side, number, "data_on_idle", f"DATA on stream {number}, which nobody opened")
            return None
        stream = conn.begin(number, True)
        if stream is not None:
            stream.state = OPEN
            conn.activate(stream)
        return stream

    # -- the end of a stream ---------------------------------------------------------------------------

    def ended(self, side: H2Side, stream: Stream) -> None:
        """One side has sent END_STREAM."""
        conn = self.conn
        reader = side.reader
        half = conn.half(stream, side)
        half.ended_ns = reader.now
        carried = stream.carried
        if stream.told:
            if carried is not None:
                carried.end(reader.frame, reader.now, side.direction, half.lost > 0, conn.out)
                carried.close(reader.frame, reader.now, "fin", conn.out)
                stream.carried = None
            conn.lingering.pop(stream.number, None)
            return
        state = after(stream.state, ENDS, conn.who(side))
        if state < 0:
            if not stream.late:
                conn.violation(side, stream.number, "end_in_state",
                               f"END_STREAM on stream {stream.number}, which is {STATE_NAMES[stream.state]}")
            state = CLOSED
        stream.state = state
        if carried is not None:
            carried.end(reader.frame, reader.now, side.direction, half.lost > 0, conn.out)
        self._check_length(side, stream, half)
        unseen = stream.late and not stream.client.seen and stream.number not in conn.early
        if state == CLOSED or (unseen and conn.who(side) == SERVER):
            ended = TUNNEL if stream.tunnel else COMPLETE
            self.finish(stream, side, ended, "fin")

    def _check_length(self, side: H2Side, stream: Stream, half: H2Half) -> None:
        """DATA adds up to content-length, but where the response has no content (RFC 9113 §8.1.1)."""
        if half.lost or half.holes or stream.late:
            return
        asked = stream.client.section
        head = asked is not None and asked.pseudo.get(b":method") == b"HEAD"
        if head and half is stream.server and half.octets:
            self.conn.violation(
                side, stream.number, "data_after_head",
                f"{half.octets} octets of DATA answer the HEAD of stream {stream.number}, which has no content",
            )
            return
        if half.expected < 0 or half.expected == half.octets:
            return
        none = half.section is not None and half.section.status in (204, 304)
        if half is stream.server and (head or none) and not half.octets:
            return
        self.conn.violation(
            side, stream.number, "content_length",
            f"{half.octets} octets on stream {stream.number} where content-length says {half.expected}",
        )

    def reset(self, side: H2Side, stream: Stream, code: int) -> None:
        """RST_STREAM."""
        conn = self.conn
        stream.reset_code = code
        stream.reset_frame = side.reader.frame
        stream.reset_ns = side.reader.now
        if conn.who(side) == CLIENT and not stream.server.seen:
            self.given_up += 1
        under_way = conn.half(stream, conn.peer(side)).ended_ns < 0
        carried = stream.carried
        if carried is not None and under_way:
            # What the other side had sent by then still belongs to it.
            carried.give_up(side.reader.frame, side.reader.now, side.direction, conn.out)
        self.finish(stream, side, "", "rst", carried is not None and under_way)
        if under_way:
            conn.linger(stream)

    def close(self, close: Close) -> None:
        """The connection is over, or the capture."""
        side = self.conn.sides[0]
        conn = self.conn
        for stream in list(conn.streams.values()):
            if stream.state != IDLE:
                self.finish(stream, side, unfinished(close.how), close.how)
        for stream in list(conn.lingering.values()):
            conn.let_go(stream)
        conn.lingering = {}
        if not conn.late:
            for early in conn.early.values():
                conn.tell(early, "violation", MAX_TOLD)
        conn.early = {}

    def finish(self, stream: Stream, side: H2Side, ended: str, how: str, lingers: bool = False) -> None:
        """Tell what it came to, and forget it. ended: how, "" where that follows from what there is.

        lingers: something may still come for what it carries.
        """
        conn = self.conn
        reader = side.reader
        client, server = stream.client, stream.server
        now = max(conn.sides[0].reader.now, conn.sides[1].reader.now)
        frame = max(conn.sides[0].reader.frame, conn.sides[1].reader.frame)
        if stream.carried is not None and not lingers:
            stream.carried.close(reader.frame or frame, now, how, conn.out)
        if not ended:
            ended = self._ended(stream)
        for half, who in ((client, CLIENT), (server, SERVER)):
            if half.seen and half.ended_ns < 0 and not stream.tunnel:
                conn.starve(conn.by(who), half, stream.number)
        state = stream.state
        conn.forget(stream)
        if conn.each_pdu:
            return
        for half, who in ((client, CLIENT), (server, SERVER)):
            wait = half.window.wait
            if wait is not None and wait.total_ns >= TOLD_WAIT_NS:
                conn.tell(Blocked(
                    now, conn.by(who), wait, stream.number, by_client=who == CLIENT
                ), "wait for a window", MAX_TOLD)
        event = self._exchange(stream, state, ended, now, frame)
        flood = stream.reset_code >= 0 and not server.seen and self.given_up > FLOOD_RESETS
        if flood:
            conn.tell(event, "stream of a flood", 0)
        else:
            conn.out.append(event)

    def _ended(self, stream: Stream) -> str:
        """What a stream came to that is over by a reset, or with its connection."""
        server = stream.server
        if server.ended_ns >= 0:
            return COMPLETE
        if stream.tunnel and stream.reset_code < 0:
            return TUNNEL      # how what it carried ended says the protocol within
        side, observed = self.conn.by(SERVER), self.conn.observed
        unread_as = unreadable(observed, side.direction, stream.client.begun_ns)
        if unread_as == FOREIGN_END:
            return unread_as
        if stream.reset_code < 0:
            if unread_as and not server.seen:
                return unread_as
            unread = not side.reader.in_step or observed.unseen[side.direction] > 0
            left_out = observed.blind(side.direction, -1, side.reader.now, (HIDDEN, NOT_READ)) is not None
            if server.holes or unread or left_out or (stream.late and not server.seen):
                return LOST    # its end may be among what was not seen
        return CUT if server.seen else UNANSWERED

    def _exchange(self, stream: Stream, state: int, ended: str, now: int, frame: int) -> H2Exchange:
        conn = self.conn
        client, server = stream.client, stream.server
        numbers = {client.first_frame, client.last_frame, server.first_frame, server.last_frame}
        numbers.discard(0)
        times = Times(client.begun_ns, client.ended_ns, server.begun_ns, server.ended_ns)
        evidence = Evidence(tuple(sorted(numbers)) or (frame,))
        seen = ExchangeSeen(now, conn.by(SERVER).direction, evidence, times)
        seen.number = stream.number
        seen.ended = ended
        seen.request = client.shown
        seen.response = server.shown
        seen.sent = client.finished()
        seen.received = server.finished()
        seen.wire = (_wire(client), _wire(server))
        seen.informational = tuple(stream.interim)
        seen.request_trailers = client.trailers
        seen.response_trailers = server.trailers
        return H2Exchange(seen, StreamFacts(stream, state))


def _wire(half: H2Half) -> int:
    return int(half.wire) if half.seen else -1
