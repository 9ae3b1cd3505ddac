"""The observer of one call: one stream of HTTP/2, or one exchange of gRPC-Web."""
from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Evidence, Malformed, Observed
from dissectors.kit.framer import ENDS, FRAME
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.kit.runs import LikeRun
from dissectors.protocols.grpc.codes import from_http, number_of, timeout_ns, unescaped
from dissectors.protocols.grpc.ended import (
    ANSWERED,
    BIDIRECTIONAL,
    CLIENT_STREAMING,
    NO_STATUS,
    OPEN,
    RESET,
    SERVER_STREAMING,
    UNARY,
    UNKNOWN_STATUS,
    GrpcEnded,
    GrpcOutcome,
)
from dissectors.protocols.grpc.events import (
    Began,
    Call,
    GrpcContent,
    GrpcIncomplete,
    GrpcMessage,
    GrpcMessageRun,
    metadata_of,
)
from dissectors.protocols.grpc.framing import (
    COMPRESSED,
    MAX_KEPT,
    TRAILERS,
    Base64Reader,
    MessageCutter,
    inflated,
)
from dissectors.protocols.grpc.schema import GrpcMethod, schema_of
from dissectors.protocols.grpc.side import GrpcSide
from dissectors.wire.hpack.decoder import UNKNOWN
from dissectors.wire.http.events import HttpSeen
from dissectors.wire.secrets.text import without_secrets

MAX_SHOWN: Final[i64] = 10       # messages of one side that are told one by one
MAX_CITED: Final = 7             # first inputs of a call whose frames its end cites; the last one beside them
MAX_DETAILS: Final = 4_096       # octets of grpc-status-details-bin that are kept
MAX_PATH: Final = 500            # characters

Pairs = tuple[tuple[bytes, bytes], ...]


class GrpcDissector(Dissector):
    """client: the direction in which the request goes."""

    def __init__(self, context: Context) -> None:
        self.each_pdu: bool = context.each_pdu
        self.show_secrets: bool = context.provided.show_secrets
        self.descriptors: bytes = context.provided.descriptors
        self.method: GrpcMethod | None = None
        self.call = Call()
        self.outcome = GrpcOutcome()
        self.client: int = FORWARD
        self.sides = [GrpcSide(FORWARD), GrpcSide(BACKWARD)]
        self.run = LikeRun()
        self.begun: int = -1
        self.now: int = 0
        self.cited = Cited()          # the frames of the first inputs
        self.inputs: i64 = 0
        self.interleaved: bool = False    # the server answered before the client had finished
        self.told: bool = False
        self.given_up_frame: int = 0

    # -- inputs ----------------------------------------------------------------------------------------

    def on_fields(self, fields: Fields) -> list[Output]:
        out: list[Output] = []
        self._at(fields.frame, fields.time)
        if fields.kind == "request":
            self.client = fields.direction
            self._request(fields, out)
        elif fields.kind == "response":
            self.client = 1 - fields.direction
            self._response(fields)
        elif fields.direction != self.client:
            self._status(fields.pairs)
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        out: list[Output] = []
        side = self.sides[chunk.direction]
        self._at(chunk.released_by, chunk.time)
        side.now = max(side.now, chunk.time)
        if side.foreign:
            return out
        data = chunk.data
        if side.base64 is not None:
            data = side.base64.feed(data)
        cutter = side.cutter
        cutter.room = MAX_KEPT if side.count < MAX_SHOWN else 0
        cutter.load(data, chunk.released_by, chunk.released_by, side.now)
        while cutter.step() == FRAME:
            if cutter.flag & TRAILERS:
                self._web_trailers(cutter.payload, out)
            else:
                self._message(side, chunk.released_by, out)
            cutter.room = MAX_KEPT if side.count < MAX_SHOWN else 0
        if cutter.in_step and not cutter.flag & TRAILERS:
            side.largest = max(side.largest, cutter.length)
        if (not cutter.in_step or (side.base64 is not None and side.base64.broken)) and not side.doubt_told:
            side.doubt_told = True
            why = "the base64 is damaged" if cutter.in_step else f"the flag of a message is 0x{int(cutter.flag):02x}"
            out.append(Malformed(Observed(side.now, side.direction, Evidence((chunk.released_by,))), "grpc", 0, why))
        return out

    def on_gap(self, gap: Gap) -> list[Output]:
        side = self.sides[gap.direction]
        self._at(gap.frame, gap.time)
        if side.foreign:
            return []
        cutter = side.cutter
        kind = cutter.miss(gap.length, gap.frame, gap.time)
        if kind == ENDS:
            cutter.leave()
        if side.base64 is not None:
            cutter.lose()
        kept = cutter.in_step
        if side.doubt_told:
            return []
        side.doubt_told = not kept
        reason = "bytes of a message are not in the capture" if kept else (
            "bytes are not in the capture, and where the next message begins is not known"
        )
        return [GrpcIncomplete(HttpSeen(self.now, side.direction, Evidence((gap.frame,))), gap.length, reason)]

    def on_close(self, close: Close) -> list[Output]:
        out: list[Output] = []
        if close.direction != NEITHER and close.how == "rst":
            if self.outcome.given_up_ns < 0 and self.begun >= 0:
                self._at(close.frame, close.time)
                self.outcome.given_up_ns = close.time - self.begun
                self.outcome.by_client = close.direction == self.client
                self.given_up_frame = close.frame
            return out
        self._at(close.frame, close.time)
        if close.direction != NEITHER:
            side = self.sides[close.direction]
            if close.how == "fin" and not side.ended:
                side.ended = True
                if close.direction == self.client and self.begun >= 0:
                    self.outcome.sent_ns = close.time - self.begun
                self._cut_off(side, close, out)
        both = self.sides[0].ended and self.sides[1].ended
        answered = self.sides[1 - self.client].ended and self.outcome.status >= 0
        over = close.direction == NEITHER or close.how != "fin" or both or answered
        if over and not self.told and self.begun >= 0:
            self.told = True
            self._flush(out)
            self._end(close, out)
        return out

    # -- heads -----------------------------------------------------------------------------------------

    def _request(self, fields: Fields, out: list[Output]) -> None:
        call = self.call
        call.seen = True
        call.whole = all(name != UNKNOWN for name, _value in fields.pairs)
        call.path = fields.get(b":path").decode("utf-8", "replace")[:MAX_PATH]
        before, _slash, call.method = call.path.rpartition("/")
        call.service = before.removeprefix("/")
        call.authority = fields.get(b":authority").decode("utf-8", "replace")[:MAX_PATH]
        call.user_agent = fields.get(b"user-agent").decode("utf-8", "replace")[:MAX_PATH]
        self._type(fields.get(b"content-type"))
        timeout = fields.get(b"grpc-timeout")
        call.deadline_ns = timeout_ns(timeout)
        call.deadline_text = timeout[:20].decode("latin-1")
        call.attempt = max(number_of(fields.get(b"grpc-previous-rpc-attempts")), 0) + 1
        call.codings[0] = fields.get(b"grpc-encoding").decode("latin-1")[:40]
        call.accepted = fields.get(b"grpc-accept-encoding").decode("latin-1")[:200]
        call.metadata = metadata_of(fields.pairs, self.show_secrets)
        if call.text:
            self.sides[self.client].base64 = Base64Reader()
        if self.descriptors and call.method:
            self.method = schema_of(self.descriptors).method(call.service, call.method)
        out.append(Began(fields, call))

    def _type(self, value: bytes) -> None:
        """application/grpc, application/grpc-web or application/grpc-web-text, and the form of the messages."""
        kind = value.partition(b";")[0].strip().lower()
        call = self.call
        call.content_type = call.content_type or kind.decode("latin-1")[:100]
        call.web = call.web or kind.startswith(b"application/grpc-web")
        call.text = kind.startswith(b"application/grpc-web-text")
        call.json = kind.endswith(b"+json")

    def _response(self, fields: Fields) -> None:
        outcome = self.outcome
        if outcome.headers_ns < 0:
            outcome.headers_ns = fields.time - self.begun
        outcome.http_status = number_of(fields.get(b":status"))
        self.call.codings[1] = fields.get(b"grpc-encoding").decode("latin-1")[:40]
        kind = fields.get(b"content-type")
        if kind and not kind.strip().lower().startswith(b"application/grpc"):
            self.sides[fields.direction].foreign = True     # a page of a proxy, such as that of a 502
            outcome.foreign = kind.partition(b";")[0].strip().decode("latin-1")[:100]
        elif kind:
            self._type(kind)
            if self.call.text:
                self.sides[1 - self.client].base64 = Base64Reader()
        if fields.get(b"grpc-status"):
            outcome.trailers_only = True
            self._status(fields.pairs)

    def _status(self, pairs: Pairs) -> None:
        """The trailers, wherever they stand."""
        outcome = self.outcome
        for name, value in pairs:
            if name == UNKNOWN:
                outcome.hidden = True
            elif name == b"grpc-status":
                outcome.status = number_of(value.strip())
            elif name == b"grpc-message":
                text = unescaped(value[:MAX_DETAILS])
                outcome.message = (text if self.show_secrets else without_secrets(text)).strip()
            elif name == b"grpc-status-details-bin":
                outcome.details = _decoded(value[:MAX_DETAILS])
            elif name == b"grpc-retry-pushback-ms":
                outcome.pushback_ms = number_of(value.strip())
        outcome.metadata = metadata_of(pairs, self.show_secrets)

    def _web_trailers(self, block: bytes, out: list[Output]) -> None:
        """gRPC-Web sends the trailers as lines at the end of the body, for browsers show no others to scripts."""
        pairs: list[tuple[bytes, bytes]] = []
        for line in block.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon:
                pairs.append((name.strip().lower(), value.strip()))
        self._status(tuple(pairs))

    # -- messages --------------------------------------------------------------------------------------

    def _message(self, side: GrpcSide, frame: int, out: list[Output]) -> None:
        cutter = side.cutter
        length = int(cutter.length)
        from_client = side.direction == self.client
        side.count += 1
        side.octets += length
        side.last = side.now
        if not from_client:
            if self.outcome.first_ns < 0:
                self.outcome.first_ns = side.now - self.begun
            if not self.sides[self.client].ended:
                self.interleaved = True
        if side.count > MAX_SHOWN and not self.each_pdu:
            if self.run.add(side.direction, length, side.now, side.now, frame):
                self._flush(out)
            return
        since = side.now - self.begun if self.call.seen else -1
        out.append(GrpcMessage(side, self._content(cutter, from_client), since, from_client=from_client))

    def _content(self, cutter: MessageCutter, from_client: bool) -> GrpcContent:
        """Of the message in hand."""
        coding = self.call.codings[0 if from_client else 1]
        octets = cutter.payload
        complete = len(octets) == cutter.length
        packed = ""
        if cutter.flag & COMPRESSED:
            plain = inflated(octets, coding, MAX_KEPT + 1) if complete else None
            if plain is None:
                packed = coding or "a coding that is not named"
            else:
                complete = len(plain) <= MAX_KEPT
                octets = plain[:MAX_KEPT]
        if self.call.json and not self.show_secrets:
            octets = without_secrets(octets.decode("utf-8", "replace")).encode("utf-8")
        content = GrpcContent(octets, self.call, complete=complete, show_secrets=self.show_secrets)
        content.packed = packed
        method = self.method
        if method is not None and complete and not packed and not self.call.json:
            content.problem = method.problem
            if not method.problem:
                decoded, problem = schema_of(self.descriptors).decode(
                    method, not from_client, octets, self.show_secrets
                )
                content.problem = problem
                if not problem:
                    content.decoded = decoded
                    content.type = method.type_name(not from_client)
        return content

    def _flush(self, out: list[Output]) -> None:
        if self.run.begin >= 0:
            out.append(GrpcMessageRun(self.run, self.client))
            self.run.restart()

    # -- end -------------------------------------------------------------------------------------------

    def _at(self, frame: int, time: int) -> None:
        self.now = max(self.now, time)
        if self.begun < 0:
            self.begun = time
        if self.inputs < MAX_CITED:
            self.inputs += 1
            self.cited.add(frame)

    def _cut_off(self, side: GrpcSide, close: Close, out: list[Output]) -> None:
        """A side that ends within a message breaks the rules."""
        cutter = side.cutter
        if cutter.within and cutter.in_step:
            inside = int(cutter.seen()) if cutter.open else len(cutter.buffer)
            seen = HttpSeen(close.time, side.direction, Evidence((close.frame,)))
            out.append(GrpcIncomplete(seen, inside, "its side ended within a message"))

    def _end(self, close: Close, out: list[Output]) -> None:
        outcome = self.outcome
        client, server = self.sides[self.client], self.sides[1 - self.client]
        outcome.counts = (int(client.count), int(server.count))
        outcome.largest = (int(client.largest), int(server.largest))
        outcome.octets = (int(client.octets), int(server.octets))
        outcome.carrier = close.how
        if outcome.given_up_ns >= 0:
            outcome.how = RESET
        elif outcome.status >= 0:
            outcome.how = ANSWERED
        elif close.how == "rst":
            outcome.how = RESET
        elif outcome.hidden:
            outcome.how = UNKNOWN_STATUS
        elif server.ended or close.how == "fin":
            outcome.how = NO_STATUS
            outcome.implied = from_http(outcome.http_status)
        else:
            outcome.how = OPEN
        if outcome.how != OPEN and self.call.seen:
            outcome.total_ns = outcome.given_up_ns if outcome.given_up_ns >= 0 else self.now - self.begun
        outcome.pattern = self._pattern(int(client.count), int(server.count))
        direction = 1 - self.client if outcome.how == ANSWERED else NEITHER
        frames = self.cited.upto(close.frame)
        if self.given_up_frame:
            frames = tuple(sorted({*frames, self.given_up_frame}))
        seen = HttpSeen(self.now, direction, Evidence(frames))
        out.append(GrpcEnded(seen, self.call, outcome, self.begun))

    def _pattern(self, sent: int, received: int) -> str:
        """Of the four, by the user's schema, else by what was sent; "" where that is too little to tell."""
        if self.method is not None and not self.method.problem:
            self.outcome.declared = True
            client_streams, server_streams = self.method.pattern()
        else:
            over = self.outcome.how in (ANSWERED, NO_STATUS)
            if received == 0 or sent == 0 or (not over and sent == received == 1):
                return ""
            client_streams = sent > 1
            server_streams = received > 1 or (client_streams and self.interleaved)
        if client_streams:
            return BIDIRECTIONAL if server_streams else CLIENT_STREAMING
        return SERVER_STREAMING if server_streams else UNARY


def _decoded(value: bytes) -> bytes:
    """A field whose name ends in -bin: base64, with or without padding."""
    try:
        return a2b_base64(value + b"=" * (-len(value) % 4))
    except Error:
        return b""
