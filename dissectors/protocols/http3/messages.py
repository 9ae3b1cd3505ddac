"""From frames on streams to requests, responses and exchanges (RFC 9114 §4.1)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cursor import WireError
from dissectors.kit.event import BACKWARD, FORWARD, Event, Evidence, LimitReached, Malformed, Observed
from dissectors.kit.inputs import Close, Fields
from dissectors.kit.observation import HIDDEN, NOT_READ
from dissectors.kit.protocol import ANYONE, UPGRADE, Context, Output
from dissectors.protocols.http3.codes import DATA, HEADERS, PUSH_PROMISE
from dissectors.protocols.http3.events import H3Exchange, H3Facts, H3Request, H3Response
from dissectors.protocols.http3.events_control import H3PushPromise
from dissectors.protocols.http3.reader import H3Piece
from dissectors.protocols.http3.stream import MAX_INTERIM, MAX_WAITING, VERSION, H3Half, H3Stream
from dissectors.wire.http.body import BodyReader
from dissectors.wire.http.carry import Carried, begun_by_response, carried_by
from dissectors.wire.http.events import (
    COMPLETE,
    CUT,
    FOREIGN_END,
    LOST,
    TUNNEL,
    UNANSWERED,
    ExchangeSeen,
    HttpSeen,
    Interim,
    Times,
    unfinished,
    unreadable,
)
from dissectors.wire.http.message import Head
from dissectors.wire.http.section import FieldSection
from dissectors.wire.qpack.decoder import QpackTable
from dissectors.wire.varint import read_varint

MAX_STREAMS: Final = 2_000       # exchanges followed at once
MAX_TOLD: Final = 100            # malformed sections of a connection that are told
MAX_ENDED: Final = 20_000        # streams that are remembered after their end
NEVER: Final = 1 << 62
PIECE: Final = 64                # octets that a piece counts beside its payload
TUNNELS: Final = "a tunnel"
_NO_HEAD: Final = Head(VERSION, "", "", "", "", 0, "", ())


class H3Messages:
    """client: the direction in which the client sends.     tables: what the encoder of each direction has built up.
    blocked: streams whose fields wait for it, by (id, direction)."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.client = FORWARD
        self.show_secrets = context.provided.show_secrets
        self.decode_bodies = not context.each_pdu
        self.tables = [QpackTable(not context.midstream), QpackTable(not context.midstream)]
        self.streams: dict[int, H3Stream] = {}
        self.ended: dict[int, bool] = {}
        self.blocked: dict[tuple[int, int], H3Stream] = {}
        self.out: list[Output] = []
        self.limits: set[str] = set()
        self.malformed = 0
        self.least = [NEVER, NEVER]    # insertions that some fields of each direction wait for
        self.waiting = 0        # octets that wait for the table
        self.now = 0
        self.frame = 0

    # -- telling ---------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        if not self.context.each_pdu:
            self.out.append(event)

    def limit(self, direction: int, cap: str, limit: int) -> None:
        """Told once."""
        if cap not in self.limits:
            self.limits.add(cap)
            observed = Observed(self.now, direction, Evidence((self.frame,)))
            self.out.append(LimitReached(observed, "http3", cap, limit))

    def broken(self, piece: H3Piece, direction: int, offset: int, reason: str) -> None:
        self.malformed += 1
        if self.malformed <= MAX_TOLD:
            observed = Observed(piece.time, direction, _evidence(piece))
            self.out.append(Malformed(observed, "http3", offset, reason))

    # -- streams ---------------------------------------------------------------------------------------

    def find(self, id: int, direction: int) -> H3Stream | None:
        """The exchange of that stream; None for one that is over, or beyond the cap."""
        stream = self.streams.get(id)
        if stream is None and id not in self.ended:
            if len(self.streams) >= MAX_STREAMS:
                self.limit(direction, "MAX_STREAMS", MAX_STREAMS)
                self._leave(id)     # nor is it followed once there is room: half of it was not
                return None
            stream = self.streams[id] = H3Stream(id)
            if self.context.filling is not None:
                self.context.filling.called[id] = stream.number
        return stream

    def _leave(self, id: int) -> None:
        if len(self.ended) < MAX_ENDED:
            self.ended[id] = True

    def half(self, stream: H3Stream, direction: int) -> H3Half:
        return stream.client if direction == self.client else stream.server

    def piece(self, stream: H3Stream, direction: int, piece: H3Piece) -> None:
        """A frame of the stream, or a part of DATA; behind fields that wait, it waits as well."""
        half = self.half(stream, direction)
        if half.waiting or (piece.type == HEADERS and self.tables[direction].blocked(piece.payload)):
            if not half.waiting:
                half.waited_since = piece.time
                self._wait(half, direction, piece)
            half.waiting.append(piece)
            half.held += len(piece.payload) + PIECE
            self.waiting += len(piece.payload) + PIECE
            self.blocked[stream.id, direction] = stream
            if self.waiting > MAX_WAITING:
                self.limit(direction, "MAX_WAITING", int(MAX_WAITING))
                self.release(stream, direction, give_up=True)
            return
        self._take(stream, half, direction, piece)

    def _wait(self, half: H3Half, direction: int, piece: H3Piece) -> None:
        """These fields need so many insertions."""
        half.required = self.tables[direction].needs(piece.payload)
        self.least[direction] = min(self.least[direction], half.required)

    def grown(self, direction: int) -> None:
        """Entries were added to a table: whatever waits for these goes on."""
        inserts = int(self.tables[direction].inserts)
        if inserts < self.least[direction]:
            return
        self.least[direction] = NEVER
        for (_id, side), stream in list(self.blocked.items()):
            if side == direction:
                half = self.half(stream, side)
                if half.required <= inserts:
                    self.release(stream, side)
                if half.waiting:
                    self.least[side] = min(self.least[side], half.required)

    def release(self, stream: H3Stream, direction: int, *, give_up: bool = False) -> None:
        """The table has grown, or will not grow any more: go on with what waits."""
        half = self.half(stream, direction)
        table = self.tables[direction]
        waiting, half.waiting = half.waiting, []
        for place, piece in enumerate(waiting):
            if not give_up and piece.type == HEADERS and table.blocked(piece.payload):
                self._wait(half, direction, piece)
                half.waiting = waiting[place:]
                return
            if half.waited_since >= 0 and not give_up:
                waited = self.now - half.waited_since
                if waited > stream.blocked_ns:
                    stream.blocked_ns, stream.table_frame = waited, self.frame
            half.waited_since = -1
            self._take(stream, half, direction, piece)
        self.waiting -= int(half.held)
        half.held = 0
        self.blocked.pop((stream.id, direction), None)
        if half.ended_ns >= 0:
            self.half_ended(stream, direction)

    def _take(self, stream: H3Stream, half: H3Half, direction: int, piece: H3Piece) -> None:
        half.last_frame = piece.frame
        if piece.type == HEADERS:
            if piece.skipped:
                self.limit(direction, "MAX_FRAME", piece.length)
                return
            self._fields(stream, half, direction, piece)
        elif piece.type == DATA:
            self._data(stream, half, direction, piece)
        elif piece.type == PUSH_PROMISE and piece.ends and direction != self.client:
            self._promise(stream, direction, piece)

    def _promise(self, stream: H3Stream, direction: int, piece: H3Piece) -> None:
        """The number of a push, then the fields of the request that it stands for (RFC 9114 §7.2.5)."""
        try:
            push = int(read_varint(piece.payload, 0))
        except WireError as error:
            self.broken(piece, direction, error.offset, f"PUSH_PROMISE: {error.reason}")
            return
        fields = piece.payload[1 << (piece.payload[0] >> 6):]
        head: Head | None = None
        if not self.tables[direction].blocked(fields):
            section = FieldSection(self.tables[direction].decode(fields), VERSION)
            head = section.head(True, self.show_secrets)
        self.tell(H3PushPromise(Observed(piece.time, direction, _evidence(piece)), push, stream.id, head))

    # -- field sections --------------------------------------------------------------------------------

    def _fields(self, stream: H3Stream, half: H3Half, direction: int, piece: H3Piece) -> None:
        block = self.tables[direction].decode(piece.payload)
        if block.error:
            self.broken(piece, direction, int(block.error_at), f"field section of stream {stream.id}: {block.error}")
        if block.left_out:
            self.limit(direction, "fields kept of a section", len(block.fields))
        section = FieldSection(block, VERSION)
        request = direction == self.client
        head = section.head(request, self.show_secrets)
        if half.section is not None:
            half.trailers = head.pairs
            if stream.carried is not None:
                stream.carried.fields(_as_fields("trailers", section, piece, direction, stream.number), self.out)
            return
        if not request and 100 <= section.status < 200:
            if len(stream.interim) < MAX_INTERIM:
                stream.interim.append(Interim(section.status, piece.time, piece.frame))
            seen = HttpSeen(piece.time, direction, _evidence(piece))
            self.tell(H3Response(seen, head, stream.number, stream.client.shown, _notes(section)))
            return
        half.section, half.shown = section, head
        half.begun_ns, half.first_frame = piece.begun_ns, piece.first_frame
        self._carry(stream, section, direction, piece)
        seen = HttpSeen(piece.time, direction, _evidence(piece))
        event: H3Request | H3Response
        if request:
            event = H3Request(seen, head, stream.number, _notes(section))
        else:
            event = H3Response(seen, head, stream.number, stream.client.shown, _notes(section))
        event.stream = stream.number
        self.tell(event)

    def _carry(self, stream: H3Stream, section: FieldSection, direction: int, piece: H3Piece) -> None:
        """Whether request or response say who reads the bodies."""
        fields = _as_fields(
            "request" if direction == self.client else "response", section, piece, direction, stream.number
        )
        carried = stream.carried
        if carried is not None:
            carried.fields(fields, self.out)
            return
        readers = self.context.readers
        if direction == self.client:
            carried = carried_by(readers, section.get(b"content-type"), stream.number)
            opening: tuple[Fields, ...] = (fields,)
        else:
            asked = stream.client.section
            if asked is not None and asked.pseudo.get(b":method") == b"CONNECT":
                carried = self._tunnel(stream, asked, section)
            else:
                carried = begun_by_response(
                    readers, section.get(b"content-type"), section.status, asked is not None, False, direction,
                    stream.number,
                )
            opening = (fields,)
            if asked is not None:
                opening = (_as_fields("request", asked, piece, 1 - direction, stream.number), fields)
        if carried is not None:
            stream.carried = carried
            carried.begin(direction, opening if carried.by != ANYONE else (), self.out)

    def _tunnel(self, stream: H3Stream, asked: FieldSection, section: FieldSection) -> Carried | None:
        """DATA is a tunnel: of a protocol by name (RFC 9220), or of whoever knows its bytes."""
        if not 200 <= section.status < 300:
            return None
        stream.tunnel = True
        token = asked.pseudo.get(b":protocol", b"").lower().decode("latin-1")
        if not token:
            return Carried(ANYONE, TUNNELS, False, stream.number)
        protocol = self.context.readers.of((UPGRADE, token))
        return Carried((UPGRADE, token), protocol.name, False, stream.number) if protocol is not None else None

    # -- DATA ------------------------------------------------------------------------------------------

    def _data(self, stream: H3Stream, half: H3Half, direction: int, piece: H3Piece) -> None:
        carried = stream.carried
        read = carried is not None and carried.listens[direction]
        body = half.body
        if body is None:
            body = half.body = BodyReader(
                half.shown or _NO_HEAD, self.show_secrets, self.decode_bodies or read, self.context.provided.allowance
            )
        decoded = body.feed(piece.payload)
        if carried is not None and read:
            carried.octets(decoded, piece.frame, piece.time, direction, piece.frame, self.out)

    def missed(self, stream: H3Stream, direction: int, octets: int) -> None:
        """Octets of DATA are not in the capture."""
        half = self.half(stream, direction)
        half.lost += octets
        if half.body is None:
            half.body = BodyReader(half.shown or _NO_HEAD, self.show_secrets, self.decode_bodies)
        half.body.lose(octets)

    # -- ends ------------------------------------------------------------------------------------------

    def half_ended(self, stream: H3Stream, direction: int) -> None:
        """This side has sent all that it will."""
        half = self.half(stream, direction)
        if half.waiting:
            return
        if stream.carried is not None:
            stream.carried.end(half.ended_frame, half.ended_ns, direction, half.missing() != 0, self.out)
        if stream.server.ended_ns >= 0 and (stream.client.ended_ns >= 0 or not stream.client.seen):
            self.finish(stream, TUNNEL if stream.tunnel else COMPLETE, "fin")

    def close(self, close: Close) -> None:
        """The connection is over, or the capture."""
        for (_id, direction), stream in list(self.blocked.items()):
            self.release(stream, direction, give_up=True)
        for stream in list(self.streams.values()):
            self.finish(stream, unfinished(close.how), close.how)

    def finish(self, stream: H3Stream, ended: str, how: str) -> None:
        """Tell what it came to, and forget it. ended: "" where that follows from what there is."""
        if stream.id not in self.streams:
            return
        del self.streams[stream.id]
        self.waiting -= int(stream.client.held + stream.server.held)
        self.blocked.pop((stream.id, FORWARD), None)
        self.blocked.pop((stream.id, BACKWARD), None)
        self._leave(stream.id)
        if stream.carried is not None:
            stream.carried.close(self.frame, self.now, how, self.out)
        client, server = stream.client, stream.server
        if not (client.seen or server.seen):
            return
        times = Times(client.begun_ns, client.ended_ns, server.begun_ns, server.ended_ns)
        numbers = {client.first_frame, client.last_frame, server.first_frame, server.last_frame} - {0}
        seen = ExchangeSeen(self.now, 1 - self.client, Evidence(tuple(sorted(numbers))), times)
        seen.number = stream.number
        seen.ended = ended or self._ended(stream)
        seen.request, seen.response = client.shown, server.shown
        seen.sent, seen.received = client.finished(), server.finished()
        seen.wire = (int(client.reader.octets) if client.seen else -1, int(server.reader.octets) if server.seen else -1)
        seen.informational = tuple(stream.interim)
        seen.request_trailers, seen.response_trailers = client.trailers, server.trailers
        self.tell(H3Exchange(seen, _facts(stream)))

    def _ended(self, stream: H3Stream) -> str:
        """What a stream came to that is over by a reset, or with its connection."""
        server, direction = stream.server, 1 - self.client
        if server.ended_ns >= 0:
            return COMPLETE
        if stream.tunnel and not stream.reset:
            return TUNNEL
        observed = self.context.observed
        unread_as = unreadable(observed, direction, stream.client.begun_ns)
        if unread_as == FOREIGN_END:
            return unread_as
        if not stream.reset:
            if unread_as and not server.seen:
                return unread_as
            left_out = observed.blind(direction, -1, self.now, (HIDDEN, NOT_READ)) is not None
            if server.missing() or left_out:
                return LOST
        return CUT if server.seen else UNANSWERED


def _facts(stream: H3Stream) -> H3Facts:
    facts = H3Facts()
    facts.stream_id = stream.id
    facts.blocked_ns, facts.table_frame = stream.blocked_ns, stream.table_frame
    facts.missing = (stream.client.missing(), stream.server.missing())
    facts.carried = stream.carried.name if stream.carried is not None else ""
    facts.reset = stream.reset
    for half in (stream.client, stream.server):
        if half.section is not None:
            facts.header_octets += int(half.section.block.octets)
            facts.text_octets += int(half.section.block.text_octets)
    return facts


def _notes(section: FieldSection) -> tuple[str, ...]:
    if not section.unknown:
        return ()
    return (
        f"{section.unknown} of its fields refer to entries of the compression table that the capture does not show.",
    )


def _as_fields(kind: str, section: FieldSection, piece: H3Piece, direction: int, stream: int) -> Fields:
    return Fields(piece.frame, piece.time, direction, kind, section.pairs, stream)


def _evidence(piece: H3Piece) -> Evidence:
    return Evidence(tuple(sorted({piece.first_frame, piece.frame})))
