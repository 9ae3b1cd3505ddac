"""A request and its response while they are under way."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import Evidence
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields
from dissectors.kit.protocol import BENEATH, Handoff, Output
from dissectors.protocols.http1.events import HttpExchange
from dissectors.wire.http.body import NO_BODY, Body, BodyReader
from dissectors.wire.http.events import Interim, Times
from dissectors.wire.http.message import Head, Pairs, as_fields
from dissectors.wire.secrets.fields import shown_pairs

MAX_FRAMES: Final = 32          # named as the evidence of an exchange: the first ones, and always the last
MAX_INTERIM: Final = 16         # 1xx responses of one exchange that are remembered
MAX_DNS: Final = 65_535         # octets of a DNS message in a body

# Media types whose bodies are a protocol of their own (RFC 8484 §6; WHATWG HTML; gRPC-Web).
DNS_TYPE: Final = b"application/dns-message"
EVENT_STREAM: Final = b"text/event-stream"
GRPC_WEB: Final = b"application/grpc-web"


class Carried:
    """The protocol inside the bodies of one exchange, "" while there is none.

    frame, time: of what is handed on.   position: in the decoded body of each direction.   parts: of a DNS message.
    """

    def __init__(self) -> None:
        self.protocol = ""
        self.positions: list[int] = [0, 0]
        self.parts: list[bytes] = []
        self.held = 0


class Open:
    """One exchange. number: from 1 on this connection.

    head, response: with their secrets, for what the reading depends on; shown_*: as events may show them.
    """

    def __init__(self, number: int, show_secrets: bool = False) -> None:
        self.number = number
        self.show_secrets = show_secrets
        self.head: Head | None = None
        self.shown_head: Head | None = None
        self.response: Head | None = None
        self.shown_response: Head | None = None
        self.request_notes: tuple[str, ...] = ()
        self.response_notes: tuple[str, ...] = ()
        self.sending: BodyReader | None = None
        self.receiving: BodyReader | None = None
        self.sent_body: Body = NO_BODY
        self.received_body: Body = NO_BODY
        self.request_over: bool = False
        self.response_over: bool = False
        self.begun = -1
        self.sent = -1
        self.sent_frame = 0            # the frame that completed the request
        self.first = -1
        self.ended = -1
        self.free = -1
        self.wire_sent = -1
        self.wire_received = -1
        self.frames: list[int] = []
        self.interim: list[Interim] = []
        self.request_trailers: Pairs = ()
        self.response_trailers: Pairs = ()
        self.how = ""
        self.told: bool = False        # the message that passes was told before its end, which the capture cut off
        self.odd_chunk: bool = False
        self.carried: Carried | None = None

    def cite(self, evidence: Evidence) -> None:
        """Frames that prove a part of it."""
        frames = evidence.frames
        if len(frames) == 1:
            if len(self.frames) < MAX_FRAMES:
                self.frames.append(frames[0])
            else:
                self.frames[-1] = frames[0]
            return
        for frame in frames:
            if len(self.frames) < MAX_FRAMES:
                self.frames.append(frame)
        self.frames[-1] = frames[-1]

    def event(self, time: int, direction: int, ended: str) -> HttpExchange:
        """What it came to."""
        frames = self.frames
        if len(frames) > 2 or (len(frames) == 2 and frames[0] >= frames[1]):
            frames = sorted(set(frames))
        return HttpExchange(
            time, direction, Evidence(tuple(frames)), self.number, self.shown_head,
            self.shown_response, Times(self.begun, self.sent, self.first, self.ended, self.free), self.sent_body,
            self.received_body, (self.wire_sent, self.wire_received), ended, tuple(self.interim),
            shown_pairs(self.request_trailers, self.show_secrets),
            shown_pairs(self.response_trailers, self.show_secrets),
        )

    # -- what bodies carry -----------------------------------------------------------------------------

    def carry_request(self, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """A protocol inside the exchange that begins with the request."""
        head = self.head
        if head is None:
            return
        type = head.get(b"content-type")
        if not type and "dns=" not in head.target:
            return
        type = type.lower()
        if type.startswith(GRPC_WEB):
            self._begin("grpc", direction, "a gRPC-Web request", (self._fields(head, frame, time, direction),), out)
        elif type.startswith(DNS_TYPE):
            self._begin("dns", direction, "DNS over HTTPS", (), out)
        elif "dns=" in head.target and head.get(b"accept").lower().startswith(DNS_TYPE):
            message = _query_of(head.target)
            if message:
                self._begin("dns", direction, "DNS over HTTPS", (), out)
                out.append(Datagram(frame, time, direction, message, len(message), stream=self.number))

    def carry_response(self, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """The response goes on with what the request began, or begins a stream of events of its own."""
        response = self.response
        if response is None:
            return
        if self.carried is not None:
            if self.carried.protocol == "grpc":
                out.append(self._fields(response, frame, time, direction))
            return
        type = response.get(b"content-type").lower()
        if type.startswith(EVENT_STREAM) and response.status == 200:
            opening: list[Fields] = []
            if self.head is not None:
                opening.append(self._fields(self.head, frame, time, 1 - direction))
            opening.append(self._fields(response, frame, time, direction))
            self._begin("sse", direction, "a response of the type text/event-stream", tuple(opening), out)
        elif type.startswith(DNS_TYPE):
            self._begin("dns", direction, "DNS over HTTPS", (), out)

    def carry(self, data: bytes, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """The next decoded octets of a body."""
        carried = self.carried
        if carried is None or not data:
            return
        if carried.protocol == "dns":
            if carried.held <= MAX_DNS:
                carried.parts.append(data)
                carried.held += len(data)
            return
        if carried.protocol == "sse" and self.response is None:
            return
        position = carried.positions[direction]
        carried.positions[direction] = position + len(data)
        out.append(Chunk(frame, time, direction, data, position, stream=self.number))

    def carry_end(self, trailers: Pairs, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """One of the bodies is over."""
        carried = self.carried
        if carried is None:
            return
        if carried.protocol == "dns":
            if 0 < carried.held <= MAX_DNS:
                message = b"".join(carried.parts)
                out.append(Datagram(frame, time, direction, message, len(message), stream=self.number))
            carried.parts = []
            carried.held = 0
            return
        if trailers:
            pairs = tuple([(name.lower(), value) for name, value in trailers])
            out.append(Fields(frame, time, direction, "trailers", pairs, self.number))
        out.append(Close(frame, time, direction, "fin", self.number))

    def carry_close(self, frame: int, time: int, how: str, out: list[Output]) -> None:
        """The exchange is over."""
        if self.carried is not None:
            out.append(Close(frame, time, 2, how, self.number))
            self.carried = None

    def _begin(
        self, protocol: str, direction: int, reason: str, opening: tuple[Fields, ...], out: list[Output]
    ) -> None:
        self.carried = Carried()
        self.carried.protocol = protocol
        out.append(Handoff(protocol, direction, BENEATH, reason, self.number, opening))

    def _fields(self, head: Head, frame: int, time: int, direction: int) -> Fields:
        return as_fields(head, frame, time, direction, self.number)


def _query_of(target: str) -> bytes:
    """The DNS message in the variable `dns` of a GET, without padding in base64url (RFC 8484 §4.1); b"" for none."""
    from base64 import urlsafe_b64decode
    from binascii import Error

    query = target.partition("?")[2]
    for part in query.split("&"):
        name, _equals, value = part.partition("=")
        if name == "dns" and len(value) <= MAX_DNS * 2:
            try:
                return urlsafe_b64decode(value + "=" * (-len(value) % 4))
            except (Error, ValueError):
                return b""
    return b""
