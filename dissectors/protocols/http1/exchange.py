"""A request and its response while they are under way."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cited import Cited
from dissectors.kit.event import Evidence
from dissectors.kit.inputs import Fields
from dissectors.kit.protocol import Context, Output, Readers
from dissectors.protocols.http1.events import HttpExchange
from dissectors.wire.http.body import NO_BODY, Body, BodyReader
from dissectors.wire.http.carry import Carried, begun_by_response, carried_by, in_target
from dissectors.wire.http.events import UNSEEN, ExchangeSeen, Interim, Times
from dissectors.wire.http.message import Head, Pairs, as_fields
from dissectors.wire.secrets.fields import shown_pairs

MAX_INTERIM: Final = 16         # 1xx responses of one exchange that are remembered


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
        self.cited = Cited()
        self.interim: list[Interim] = []
        self.request_trailers: Pairs = ()
        self.response_trailers: Pairs = ()
        self.how = ""
        self.told: bool = False        # the message that passes was told before its end, which the capture cut off
        self.odd_chunk: bool = False
        self.carried: Carried | None = None
        self.without = UNSEEN          # why there is no request, where there is none
        self.missing = 0               # octets before the end of the server's direction that did not come

    def reader(self, head: Head, context: Context) -> BodyReader:
        """Of a body of this exchange, which is decoded where that is told, or read by whom it is for."""
        decode = not context.each_pdu or self.carried is not None
        return BodyReader(head, self.show_secrets, decode, context.provided.allowance)

    def cite(self, evidence: Evidence) -> None:
        """Frames that prove a part of it."""
        self.cited.add_all(evidence.frames)

    def event(self, time: int, direction: int, ended: str) -> HttpExchange:
        """What it came to."""
        times = Times(self.begun, self.sent, self.first, self.ended, self.free)
        seen = ExchangeSeen(time, direction, Evidence(self.cited.frames()), times)
        seen.number = self.number
        seen.ended = ended
        seen.request = self.shown_head
        seen.response = self.shown_response
        seen.sent = self.sent_body
        seen.received = self.received_body
        seen.wire = (self.wire_sent, self.wire_received)
        seen.informational = tuple(self.interim)
        seen.request_trailers = shown_pairs(self.request_trailers, self.show_secrets)
        seen.without = self.without
        seen.missing = self.missing
        seen.response_trailers = shown_pairs(self.response_trailers, self.show_secrets)
        return HttpExchange(seen)

    # -- what bodies carry -----------------------------------------------------------------------------

    def carry_request(
        self, readers: Readers, each_pdu: bool, frame: int, time: int, direction: int, out: list[Output]
    ) -> None:
        """A protocol inside the exchange that begins with the request."""
        head = self.head
        if head is None:
            return
        carried = carried_by(readers, head.get(b"content-type"), self.number)
        if carried is not None:
            self.carried = carried
            carried.begin(direction, (self._fields(head, frame, time, direction),), out)
        elif "?" in head.target and not each_pdu:     # its octets are not on the wire, so it is no PDU of a frame
            found = in_target(readers, head.target, head.get(b"accept"), self.number)
            if found is not None:
                self.carried, message = found
                self.carried.begin(direction, (), out)
                self.carried.message(message, frame, time, direction, out)

    def carry_response(self, readers: Readers, frame: int, time: int, direction: int, out: list[Output]) -> None:
        """The response goes on with what the request began, or begins something of its own."""
        response, head = self.response, self.head
        if response is None:
            return
        if self.carried is not None:
            if not self.carried.whole:
                self.carried.fields(self._fields(response, frame, time, direction), out)
            return
        carried = begun_by_response(
            readers, response.get(b"content-type"), response.status, head is not None, False, direction, self.number
        )
        if carried is None:
            return
        self.carried = carried
        opening = [self._fields(head, frame, time, 1 - direction)] if head is not None else []
        opening.append(self._fields(response, frame, time, direction))
        carried.begin(direction, tuple(opening), out)

    def carry_end(
        self, trailers: Pairs, whole: bool, frame: int, time: int, direction: int, out: list[Output]
    ) -> None:
        """One of the bodies is over. whole: as its framing says."""
        carried = self.carried
        if carried is None:
            return
        if trailers:
            pairs = tuple([(name.lower(), value) for name, value in trailers])
            carried.fields(Fields(frame, time, direction, "trailers", pairs, self.number), out)
        carried.end(frame, time, direction, not whole, out, seen=whole)

    def carry_close(self, frame: int, time: int, how: str, out: list[Output]) -> None:
        """The exchange is over."""
        if self.carried is not None:
            self.carried.close(frame, time, how, out)
            self.carried = None

    def _fields(self, head: Head, frame: int, time: int, direction: int) -> Fields:
        return as_fields(head, frame, time, direction, self.number)
