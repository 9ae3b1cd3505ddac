"""The observer of one HTTP/1 connection: who asked what, and what came back."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import NEITHER, Evidence, LimitReached, Malformed, Observed
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.marks import LEAST_QUOTED, quoted
from dissectors.kit.protocol import ANYONE, UPGRADE, Context, Dissector, Handoff, Output
from dissectors.protocols.http1.events import HttpAmbiguous, HttpRequest, HttpResponse, HttpSkipped
from dissectors.protocols.http1.exchange import MAX_INTERIM, Open
from dissectors.protocols.http1.framing import HANDED_OVER, Framing, request_framing, response_framing
from dissectors.protocols.http1.grammar import (
    NO_KIND,
    RESPONSE,
    Http1Section,
    Start,
    authority_of,
    parse_cut_start,
    parse_section,
    parse_start,
)
from dissectors.protocols.http1.reader import (
    BODY_OPEN,
    HEAD,
    LOST,
    MAX_CHUNK_LINE,
    MAX_HEAD,
    OVER,
    START,
    Http1Half,
    Watcher,
)
from dissectors.wire.http.body import BodyReader
from dissectors.wire.http.events import CAPTURE, CLOSED, COMPLETE, CUT, TUNNEL, UNANSWERED, UPGRADED, Interim
from dissectors.wire.http.events import LOST as LOST_END
from dissectors.wire.http.message import NO_STATUS, Head, as_fields, as_text, shown_head

MAX_PIPELINED: Final = 1_000     # requests of one connection that wait for their response at once
MAX_NOTED: Final = 20            # ambiguous messages that are told of one connection

TO_HTTP2: Final = (UPGRADE, "h2c")    # its preface is that of HTTP/2 in the clear (RFC 9113 §3.3)
UNFINISHED: Final = ("capture", "timeout")    # ends of a conversation that neither side made

_CAPS: Final = {"MAX_HEAD": MAX_HEAD, "MAX_CHUNK_LINE": MAX_CHUNK_LINE}


class HttpDissector(Dissector):
    """Both directions. What they carry goes to `Exchanges`."""

    def __init__(self, context: Context) -> None:
        self.exchanges = Exchanges(context)
        self.forward = Http1Half(0, not context.midstream)
        self.backward = Http1Half(1, not context.midstream)
        self.exchanges.halves = [self.forward, self.backward]

    def on_data(self, chunk: Chunk) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.now = max(exchanges.now, chunk.time)
        (self.backward if chunk.direction else self.forward).data(chunk, exchanges)
        return exchanges.out

    def on_gap(self, gap: Gap) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.gap(gap)
        (self.backward if gap.direction else self.forward).gap(gap, exchanges)
        return exchanges.out

    def on_close(self, close: Close) -> list[Output]:
        exchanges = self.exchanges
        exchanges.out = []
        exchanges.now = max(exchanges.now, close.time)
        if close.direction != 1:
            exchanges.close(self.forward, close)
        if close.direction != 0:
            exchanges.close(self.backward, close)
        if close.direction == NEITHER:
            exchanges.finish(close)
        return exchanges.out


class Exchanges(Watcher):
    """Requests and responses matched in order (RFC 9112 §9.3). out: what is to be told."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.each_pdu: bool = context.each_pdu
        self.readers = context.readers
        self.show_secrets: bool = context.provided.show_secrets
        self.scheme = "https" if "tls" in context.beneath else "http"
        self.out: list[Output] = []
        self.halves: list[Http1Half] = []
        self.now = 0
        self.count = 0
        self.pending: list[Open] = []          # requests in order whose responses are not over
        self.asking: Open | None = None        # whose request passes
        self.answering: Open | None = None     # whose response passes
        self.free = -1                         # when the last response ended
        self.missing = [0, 0]                  # octets of a gap since the last message of that direction
        self.noted = 0
        self.limit_told: set[str] = set()
        self.client: int = -1                  # the direction that requests take, -1 until one was seen

    # -- heads -----------------------------------------------------------------------------------------

    def headless(self, half: Http1Half) -> bool:
        if half.direction == self.client or not self.pending:
            return False
        head = self.pending[0].head
        return head is not None and head.version == "HTTP/0.9"

    def on_head(self, half: Http1Half, block: bytes) -> None:
        self._told_skipped(half)
        if not block:
            bare = Head("HTTP/0.9", "", "", "", "", NO_STATUS, "", ())
            self._response(half, bare, Start(RESPONSE, "", "", "HTTP/0.9", NO_STATUS, ""), Http1Section())
            return
        line_end: i64 = block.find(b"\n")
        if line_end < 0:
            self._start(half, parse_cut_start(block), Http1Section())
            return
        line = block[:line_end].rstrip(b"\r")
        if b"\r" in line:     # a CR alone ends it too, see `grammar`
            line_end = line.index(b"\r")
            line = line[:line_end]
            lf_alone = False
        else:
            lf_alone = len(line) == line_end
        start = parse_start(line)
        fields = block[line_end + 1:-4] if block.endswith(b"\r\n\r\n") and len(block) > line_end + 4 \
            else block[line_end + 1:].rstrip(b"\r\n")
        section = parse_section(fields)
        if lf_alone and not section.notes:
            section.notes.append("Lines end in LF without CR.")
        if half.partial:
            start.notes.append("The rest of the head is not in the capture.")
        if half.empty_lines > 2:
            start.notes.append("Empty lines stand before the start line.")
        self._start(half, start, section)

    def _start(self, half: Http1Half, start: Start, section: Http1Section) -> None:
        if start.kind == NO_KIND:
            half.skipped += half.wire
            self.on_fault(half, "start_line", "a line that begins neither a request nor a response")
            half.give_up(self)
        elif start.kind == RESPONSE:
            head = Head(start.version, "", "", "", "", start.status, start.reason, section.pairs)
            self._response(half, head, start, section)
        else:
            self._request(half, start, section)

    def _request(self, half: Http1Half, start: Start, section: Http1Section) -> None:
        self.client = half.direction
        head = Head(start.version, start.method, self.scheme, "", start.target, 0, "", section.pairs)
        head.authority = authority_of(head)
        framing = request_framing(head)
        one = self._new()
        one.head = head
        one.shown_head = shown_head(head, self.show_secrets)
        one.begun = half.begun
        one.free = self.free if not self.pending else 0
        one.request_notes = tuple(start.notes + section.notes) if start.notes or section.notes else ()
        self._add(one, half)
        self.asking = one
        evidence = half.evidence()
        one.cite(evidence)
        self._ambiguities(half, one, section, framing, evidence)
        if not self.each_pdu:
            self.out.append(HttpRequest(half.seen(evidence), one.shown_head, one.number, one.request_notes))
        one.carry_request(self.readers, self.each_pdu, half.frame, half.now, half.direction, self.out)
        if framing.kind:
            one.sending = BodyReader(head, self.show_secrets, not self.each_pdu or one.carried is not None)
        half.body(framing.kind, framing.length, self)

    def _response(self, half: Http1Half, head: Head, start: Start, section: Http1Section) -> None:
        one = self._answered(half)
        self.answering = one
        method = one.head.method if one.head is not None else ""
        framing = response_framing(head, method)
        shown = shown_head(head, self.show_secrets)
        notes = tuple(start.notes + section.notes) if start.notes or section.notes else ()
        evidence = half.evidence()
        one.cite(evidence)
        interim = 100 <= head.status < 200 and head.status != 101
        if interim:
            if len(one.interim) < MAX_INTERIM:
                one.interim.append(Interim(head.status, half.begun, half.frame))
        else:
            one.response = head
            one.shown_response = shown
            one.response_notes = notes
            one.first = half.begun
        self._ambiguities(half, one, section, framing, evidence)
        if interim or not self.each_pdu:
            self.out.append(HttpResponse(half.seen(evidence), shown, one.number, one.shown_head, notes))
        if interim:
            half.body(framing.kind, framing.length, self)
            return
        one.carry_response(self.readers, half.frame, half.now, half.direction, self.out)
        if framing.kind == HANDED_OVER:
            self._hand_over(half, one, head)
            return
        if framing.kind:
            one.receiving = BodyReader(head, self.show_secrets, not self.each_pdu or one.carried is not None)
        half.body(framing.kind, framing.length, self)

    def _hand_over(self, half: Http1Half, one: Open, head: Head) -> None:
        """Whatever comes next, in both directions, is read by another protocol (RFC 9110 §7.8, §9.3.6)."""
        one.response_over = True
        one.request_over = True
        one.ended = half.now
        one.sent = one.sent if one.sent >= 0 else one.begun
        one.wire_received = int(half.wire)
        upgraded = head.status == 101
        if self.each_pdu:
            self._told_response(half, one)
        self.pending = [other for other in self.pending if other is not one]
        self._ended(one, half.now, half.direction, half.frame, UPGRADED if upgraded else TUNNEL)
        for other in self.pending:
            self._ended(other, half.now, half.direction, half.frame, CUT)
        self.pending = []
        by = ANYONE
        opening = []
        if upgraded:
            by = (UPGRADE, head.text(b"upgrade").partition(",")[0].strip().lower())
            if one.head is not None:
                opening.append(as_fields(
                    one.head, one.sent_frame or half.frame, one.sent if one.sent_frame else half.now,
                    1 - half.direction, 0,
                ))
            opening.append(as_fields(head, half.frame, half.now, half.direction, 0))
        self.halves[0].state = OVER
        self.halves[1].state = OVER
        self.out.append(Handoff(by, half.direction, int(half.position), 0, tuple(opening)))

    # -- bodies ----------------------------------------------------------------------------------------

    def _passing(self, half: Http1Half) -> Open | None:
        """Whose message this direction carries."""
        return self.asking if half.direction == self.client else self.answering

    def on_body(self, half: Http1Half, data: bytes) -> None:
        one = self._passing(half)
        if one is None:
            return
        reader = one.sending if half.direction == self.client else one.receiving
        if reader is None:
            return
        decoded = reader.feed(data)
        if one.carried is not None:
            one.carried.octets(decoded, half.frame, half.now, half.direction, half.frame, self.out)

    def on_missing(self, half: Http1Half, octets: int) -> None:
        one = self._passing(half)
        if one is None:
            return
        reader = one.sending if half.direction == self.client else one.receiving
        if reader is not None:
            reader.lose(octets)
        if self.each_pdu and not one.told:
            one.told = True      # with bytes missing it is never whole; a frame cut short has all there will be
            if half.cut and half.direction == self.client:
                self._told_request(half, one)
            elif half.cut:
                self._told_response(half, one)

    def on_preface(self, half: Http1Half) -> None:
        self.halves[0].state = OVER
        self.halves[1].state = OVER
        pending, self.pending = self.pending, []
        for one in pending:
            self._ended(one, half.now, half.direction, half.frame, LOST_END)
        self.out.append(Handoff(TO_HTTP2, half.direction, int(half.position)))

    # -- ends ------------------------------------------------------------------------------------------

    def on_end(self, half: Http1Half, trailers: bytes, lost: bool) -> None:
        one = self._passing(half)
        if one is None:
            return
        how = LOST_END if lost else COMPLETE
        if half.direction == self.client:
            self._request_over(half, one, trailers, how)
        else:
            self._response_over(half, one, trailers, how)

    def _request_over(self, half: Http1Half, one: Open, trailers: bytes, how: str) -> None:
        self.asking = None
        one.request_over = True
        one.sent = half.now
        one.sent_frame = half.frame
        one.wire_sent = int(half.wire)
        if trailers:
            one.request_trailers = parse_section(trailers).pairs
        if one.sending is not None:
            one.sent_body = one.sending.finish(how == COMPLETE)
            one.sending = None
        evidence = half.evidence()
        if one.sent_body.octets:
            one.cite(evidence)
        if self.each_pdu and (how == COMPLETE or half.cut) and not one.told:
            self._told_request(half, one)
        one.told = False
        if one.carried is not None:
            one.carry_end(one.request_trailers, how == LOST_END, half.frame, half.now, half.direction, self.out)
        if how not in (COMPLETE, CLOSED) and not one.how:
            one.how = how
        if one.response_over:
            self._ended(one, half.now, half.direction, half.frame, one.how or COMPLETE)

    def _response_over(self, half: Http1Half, one: Open, trailers: bytes, how: str) -> None:
        self.answering = None
        if one.response is None:     # an interim response; the final one is still to come
            return
        one.response_over = True
        one.ended = half.now
        self.free = half.now
        one.wire_received = int(half.wire)
        if trailers:
            one.response_trailers = parse_section(trailers).pairs
        if one.receiving is not None:
            one.received_body = one.receiving.finish(how in (COMPLETE, CLOSED))
            one.receiving = None
        if one.received_body.octets:
            one.cite(half.evidence())
        if self.each_pdu and (how in (COMPLETE, CLOSED) or half.cut) and not one.told:
            self._told_response(half, one)
        if one.carried is not None:
            one.carry_end(one.response_trailers, how == LOST_END, half.frame, half.now, half.direction, self.out)
        one.how = how
        self.pending = [other for other in self.pending if other is not one] if len(self.pending) > 1 else []
        for other in self.pending[:1]:
            other.free = half.now
        if one.request_over or one.head is None:
            self._ended(one, half.now, half.direction, half.frame, how)

    def _told_request(self, half: Http1Half, one: Open) -> None:
        """For a list of frames: the request on the frame that completes it."""
        if one.shown_head is not None:
            self.out.append(HttpRequest(half.seen(half.evidence()), one.shown_head, one.number, one.request_notes))

    def _told_response(self, half: Http1Half, one: Open) -> None:
        """For a list of frames: the response on the frame that completes it."""
        if one.shown_response is not None:
            self.out.append(HttpResponse(
                half.seen(half.evidence()), one.shown_response, one.number, one.shown_head, one.response_notes
            ))

    def _ended(self, one: Open, time: int, direction: int, frame: int, how: str) -> None:
        one.carry_close(frame, time, "fin" if how in (COMPLETE, CLOSED) else how, self.out)
        if not self.each_pdu:
            self.out.append(one.event(time, direction, how))

    # -- the connection --------------------------------------------------------------------------------

    def gap(self, gap: Gap) -> None:
        """Where the step of the responses is lost, nobody can say which of the open requests were answered."""
        self.now = max(self.now, gap.time)
        half = self.halves[gap.direction]
        if half.state in (START, HEAD, LOST):
            self.missing[gap.direction] += gap.length

    def close(self, half: Http1Half, close: Close) -> None:
        """This direction carries nothing more.

        A FIN alone ends only what lasts until the end: bytes that come before it in the stream may come after it in
        the capture. All else that is not whole is told when the connection is over.
        """
        if half.state == OVER:
            return
        half.now = max(half.now, close.time)
        half.frame = max(half.frame, close.frame)
        one = self._passing(half)
        if close.direction != NEITHER and close.how == "fin":
            half.fin = True
            if half.state == BODY_OPEN and one is not None:
                self._over(half, one, CLOSED)
                half.restart()
            return
        if one is not None and half.state != LOST:
            orderly = close.how == "fin" or half.fin
            how = CAPTURE if close.how in UNFINISHED and not half.fin else CUT
            self._over(half, one, CLOSED if half.state == BODY_OPEN and orderly else how)
        elif half.state in (HEAD, LOST):
            half.skipped += len(half.held)
        self._told_skipped(half, False)
        half.state = OVER

    def _over(self, half: Http1Half, one: Open, how: str) -> None:
        if half.direction == self.client:
            self._request_over(half, one, b"", how)
        else:
            self._response_over(half, one, b"", how)

    def finish(self, close: Close) -> None:
        """Both directions are over."""
        server = self.halves[1 - max(self.client, 0)]
        how = CAPTURE if close.how in UNFINISHED and not server.fin else UNANSWERED
        pending, self.pending = self.pending, []
        for one in pending:
            one.cite(Evidence((close.frame,)))
            self._ended(one, self.now, close.direction, close.frame, one.how if one.response is not None else how)

    def on_odd_chunk(self, half: Http1Half, line: bytes) -> None:
        one = self._passing(half)
        if one is None or one.odd_chunk:
            return
        one.odd_chunk = True
        section = Http1Section()
        section.ambiguous.append((
            "chunk_size", f"A chunk size is written {quoted(as_text(line[:40]))}: some read the digits at its "
            "beginning, some refuse it."
        ))
        self._ambiguities(half, one, section, Framing(0, 0), Evidence((half.frame,)))

    def on_unread(self, line: bytes) -> None:
        if len(line) >= LEAST_QUOTED:
            self.context.marks.mark(line)

    def on_fault(self, half: Http1Half, code: str, reason: str) -> None:
        cap = _CAPS.get(code, 0)
        evidence = Evidence((half.frame,))
        if not cap:
            self.out.append(Malformed(Observed(half.now, half.direction, evidence), "http", 0, reason))
        elif code not in self.limit_told:
            self.limit_told.add(code)
            self.out.append(LimitReached(Observed(half.now, half.direction, evidence), "http", code, int(cap)))

    # -- bookkeeping -----------------------------------------------------------------------------------

    def _new(self) -> Open:
        self.count += 1
        return Open(self.count, self.show_secrets)

    def _add(self, one: Open, half: Http1Half) -> None:
        """Another request waits. After a gap in the responses the earlier ones may have been answered in it."""
        if self.pending and self.missing[1 - half.direction]:
            lost, self.pending = self.pending, []
            for other in lost:
                self._ended(other, half.now, half.direction, half.frame, LOST_END)
        if len(self.pending) >= MAX_PIPELINED:
            self._ended(self.pending.pop(0), half.now, half.direction, half.frame, LOST_END)
            if "MAX_PIPELINED" not in self.limit_told:
                self.limit_told.add("MAX_PIPELINED")
                self.out.append(LimitReached(
                    Observed(half.now, half.direction, Evidence((half.frame,))), "http", "MAX_PIPELINED", MAX_PIPELINED
                ))
        self.pending.append(one)

    def _answered(self, half: Http1Half) -> Open:
        """The exchange that a response belongs to: the oldest that waits."""
        if self.client < 0:
            self.client = 1 - half.direction
        if self.pending:
            return self.pending[0]
        one = self._new()
        one.request_over = True
        return one

    def _ambiguities(
        self, half: Http1Half, one: Open, section: Http1Section, framing: Framing, evidence: Evidence
    ) -> None:
        if not (section.ambiguous or framing.ambiguous):
            return
        for code, reason in section.ambiguous + framing.ambiguous:
            self.noted += 1
            if self.noted > MAX_NOTED:
                if "MAX_NOTED" not in self.limit_told:
                    self.limit_told.add("MAX_NOTED")
                    self.out.append(LimitReached(
                        Observed(half.now, half.direction, evidence), "http", "MAX_NOTED", MAX_NOTED
                    ))
                return
            self.out.append(HttpAmbiguous(half.seen(evidence), one.number, code, reason))

    def _told_skipped(self, half: Http1Half, found: bool = True) -> None:
        direction = half.direction
        if half.skipped or self.missing[direction]:
            self.out.append(HttpSkipped(half, self.missing[direction], found=found))
            half.skipped = 0
            self.missing[direction] = 0
