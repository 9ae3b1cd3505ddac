"""The observer of one connection of HTTP/3: what its streams are for, and who reads them (RFC 9114 §6)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import WireError
from dissectors.kit.event import NEITHER, Evidence, Observed
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.http3.codes import (
    CANCEL_PUSH,
    CONTROL,
    ENCODER,
    GOAWAY,
    PRIORITY_UPDATES,
    SETTINGS,
    TABLE_CAPACITY,
    frame_name,
)
from dissectors.protocols.http3.events import H3Frame, H3GoAway, H3Settings
from dissectors.protocols.http3.events_control import H3PriorityUpdate, H3PushCancelled
from dissectors.protocols.http3.messages import H3Messages
from dissectors.protocols.http3.reader import H3Piece, H3Reader
from dissectors.wire.varint import read_varint

UNI: Final = 2                # bit of a stream's number: of one direction (RFC 9000 §2.1)
BY_SERVER: Final = 1          # and that the server opened it
UNSEEN: Final = -2            # the type of a stream whose beginning is not there
MAX_UNI: Final = 256          # streams of one direction that are followed
MAX_PRIORITY: Final = 64      # octets of what is said of a priority that are read
MAX_SETTINGS: Final = 64      # values of one SETTINGS that are read


class UniStream:
    """A stream of one direction. type: -1 while it is not known."""

    def __init__(self) -> None:
        self.type: i64 = -1
        self.head = b""
        self.reader = H3Reader()


class Http3Dissector(Dissector):
    """Gets the octets of all streams, each by its number."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.messages = H3Messages(context)
        self.uni: dict[int, UniStream] = {}
        self.over = False

    # -- inputs ----------------------------------------------------------------------------------------

    def on_data(self, chunk: Chunk) -> list[Output]:
        messages = self.messages
        messages.now = max(messages.now, int(chunk.time))
        messages.frame = max(messages.frame, int(chunk.released_by))
        number, direction = int(chunk.stream), int(chunk.direction)
        if number & UNI:
            self._one_way(number, direction, chunk)
        else:
            self._request(number, direction, chunk)
        return self._said()

    def on_gap(self, gap: Gap) -> list[Output]:
        messages = self.messages
        if gap.stream & UNI:
            uni = self.uni.setdefault(gap.stream, UniStream())
            if uni.type < 0:
                uni.type = UNSEEN
            if uni.type in (ENCODER, UNSEEN):
                messages.tables[gap.direction].lose()
            uni.reader.miss(gap.length)
            return self._said()
        stream = messages.find(gap.stream, gap.direction)
        if stream is not None:
            lost = messages.half(stream, gap.direction).reader.miss(gap.length)
            if lost:
                messages.missed(stream, gap.direction, int(lost))
        return self._said()

    def on_close(self, close: Close) -> list[Output]:
        messages = self.messages
        messages.now = max(messages.now, close.time)
        messages.frame = max(messages.frame, close.frame)
        if close.direction == NEITHER:
            if not self.over:
                self.over = True
                messages.close(close)
        elif not close.stream & UNI:
            stream = messages.streams.get(close.stream)
            if stream is not None:
                half = messages.half(stream, close.direction)
                if close.how == "fin":
                    half.ended_ns, half.ended_frame = close.time, close.frame
                    half.last_frame = close.frame
                    messages.half_ended(stream, close.direction)
                else:
                    stream.reset = True
                    messages.finish(stream, "", "rst")
        return self._said()

    def _said(self) -> list[Output]:
        out, self.messages.out = self.messages.out, []
        return out

    # -- streams of requests ---------------------------------------------------------------------------

    def _request(self, number: int, direction: int, chunk: Chunk) -> None:
        messages = self.messages
        if number & BY_SERVER:
            return           # nobody uses them without an extension (RFC 9114 §6.1)
        stream = messages.find(number, direction)
        if stream is None:
            return
        reader = messages.half(stream, direction).reader
        for piece in reader.feed(chunk.data, int(chunk.released_by), int(chunk.time)):
            self._frame(piece, number, direction)
            messages.piece(stream, direction, piece)

    def _frame(self, piece: H3Piece, number: int, direction: int) -> None:
        if self.context.each_pdu and piece.ends:
            observed = Observed(piece.time, direction, Evidence((piece.frame,)))
            self.messages.out.append(H3Frame(observed, piece, number))

    # -- streams of one direction ----------------------------------------------------------------------

    def _one_way(self, number: int, direction: int, chunk: Chunk) -> None:
        messages = self.messages
        uni = self.uni.get(number)
        if uni is None:
            if len(self.uni) >= MAX_UNI:
                messages.limit(direction, "MAX_UNI", MAX_UNI)
                return
            uni = self.uni[number] = UniStream()
            messages.client = 1 - direction if number & BY_SERVER else direction
        data = chunk.data
        if uni.type == -1:
            uni.head += data
            size = 1 << (uni.head[0] >> 6) if uni.head else 9
            if len(uni.head) < size:
                return
            uni.type = read_varint(uni.head, 0)
            data = uni.head[size:]
            uni.head = b""
        if uni.type == ENCODER:
            self._encoder(direction, data, chunk)
        elif uni.type == CONTROL:
            for piece in uni.reader.feed(data, int(chunk.released_by), int(chunk.time)):
                self._frame(piece, number, direction)
                self._control(piece, direction)

    def _encoder(self, direction: int, data: bytes, chunk: Chunk) -> None:
        messages = self.messages
        table = messages.tables[direction]
        before = table.problem
        table.feed(data)
        if table.problem and not before:
            piece = H3Piece(0, b"", 0, ends=True)
            piece.time, piece.frame, piece.first_frame = int(chunk.time), int(chunk.released_by), int(chunk.released_by)
            messages.broken(piece, direction, 0, f"encoder stream: {table.problem}")
        messages.grown(direction)

    def _control(self, piece: H3Piece, direction: int) -> None:
        messages = self.messages
        observed = Observed(piece.time, direction, Evidence(tuple(sorted({piece.first_frame, piece.frame}))))
        if not piece.ends:
            return
        if piece.type == SETTINGS:
            values = settings_of(piece.payload)
            messages.tables[1 - direction].limit = dict(values).get(TABLE_CAPACITY, 0)
            messages.tell(H3Settings(observed, values))
        elif piece.type in (GOAWAY, CANCEL_PUSH, *PRIORITY_UPDATES) and piece.payload:
            try:
                number = int(read_varint(piece.payload, 0))
            except WireError as error:
                messages.broken(piece, direction, error.offset, f"{frame_name(piece.type)}: {error.reason}")
                return
            if piece.type == GOAWAY:
                messages.tell(H3GoAway(observed, number))
            elif piece.type == CANCEL_PUSH:
                messages.tell(H3PushCancelled(observed, number))
            else:
                value = piece.payload[1 << (piece.payload[0] >> 6):][:MAX_PRIORITY].decode("ascii", "replace")
                messages.tell(H3PriorityUpdate(observed, number, value, push=piece.type == PRIORITY_UPDATES[1]))


def settings_of(payload: bytes) -> tuple[tuple[int, int], ...]:
    """(identifier, value) in order (RFC 9114 §7.2.4); what is cut off at the end is left out."""
    found: list[tuple[int, int]] = []
    at: i64 = 0
    while at < len(payload) and len(found) < MAX_SETTINGS:
        try:
            middle = at + (1 << (payload[at] >> 6))
            number, value = read_varint(payload, at), read_varint(payload, middle)
        except WireError:
            break
        found.append((int(number), int(value)))
        at = middle + (1 << (payload[middle] >> 6))
    return tuple(found)
