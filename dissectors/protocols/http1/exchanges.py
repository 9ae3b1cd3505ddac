"""The exchanges of one HTTP/1 connection: who asked what, and what came back."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import NEITHER, Evidence, LimitReached, Malformed, Observed
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.marks import LEAST_QUOTED, quoted
from dissectors.kit.protocol import ANYONE, UPGRADE, Context, Handoff, Input, Output
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
from dissectors.wire.http.events import (
    CLOSED,
    COMPLETE,
    CUT,
    TUNNEL,
    UNANSWERED,
    UNASKED,
    UNFOLLOWED,
    UNKEPT,
    UNREADABLE,
    UPGRADED,
    Interim,
    carried_how,
    unfinished,
    unreadable,
)
from dissectors.wire.http.events import LOST as LOST_END
from dissectors.wire.http.message import NO_STATUS, Head, as_fields, as_text, shown_head

MAX_PIPELINED: Final = 1_000     # requests of one connection that wait for their response at once
MAX_NOTED: Final = 20            # ambiguous messages that are told of one connection

TO_HTTP2: Final = (UPGRADE, "h2c")    # its preface is that of HTTP/2 in the clear (RFC 9113 §3.3)
_TEXT: Final = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])    # octets of a text
_CAPS: Final = {"MAX_HEAD": MAX_HEAD, "MAX_CHUNK_LINE": MAX_CHUNK_LINE}


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
        self.unfollowed = 0                    # requests behind those that wait, too many to be kept
        self.early = 0                         # responses to requests that are stored behind them, if at all
        self.held: list[Chunk] = []            # of the client, while the answer decides who reads them

    # -- heads -----------------------------------------------------------------------------------------

    def headless(self, half: Http1Half) -> bool:
        if half.direction == self.client or not self.pending:
            return False
        head = self.pending[0].head
        return head is not None and head.version == "HTTP/0.9"

    def bare(self, half: Http1Half, data: bytes) -> bool:
        """The first answer of a connection, where nothing is missing: text that is no status line is the document, as
        in HTTP/0.9 (RFC 1945 §6.1). Clients that refuse it see it all the same."""
        return (
            half.whole and half.direction != self.client and len(self.pending) == 1
            and self.pending[0].head is not None and self.free < 0 and not data[:32].translate(None, _TEXT)
        )

    def on_head(self, half: Http1Half, block: bytes) -> None:
        if self.missing[half.direction] and len(self.pending) > 1 and half.direction != self.client:
            self._answered_unseen(half)
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
            head.partial = half.partial
            self._response(half, head, start, section)
        else:
            self._request(half, start, section)

    def _request(self, half: Http1Half, start: Start, section: Http1Section) -> None:
        self.client = half.direction
        head = Head(start.version, start.method, self.scheme, "", start.target, 0, "", section.pairs)
        head.partial = half.partial
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
            one.sending = one.reader(head, self.context)
        half.body(framing.kind, framing.length, self)

    def _response(self, half: Http1Half, head: Head, start: Start, section: Http1Section) -> None:
        one = self._answered(half, head.status)
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
            one.receiving = one.reader(head, self.context)
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
        self._all_ended(half, CUT)
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
        early: list[Input] = [*opening, *self.held]
        self.held = []
        self.out.append(Handoff(by, half.direction, int(half.position), 0, tuple(early)))

    # -- what comes before the answer that hands over ------------------------------------------------------

    def waits(self, half: Http1Half) -> bool:
        """The client has asked to change the protocol, and may not know the answer yet: what it sends comes after
        that, however frames are stored, or belongs to an answer that the capture does not hold."""
        if half.direction != self.client or not self.pending or self.asking is not None or half.state != START:
            return False
        last = self.pending[-1]
        head = last.head
        return head is not None and last.response is None and (head.method == "CONNECT" or head.has(b"upgrade"))

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
        self.halves[0].state = self.halves[1].state = OVER
        self._all_ended(half, LOST_END)
        self.out.append(Handoff(TO_HTTP2, half.direction, int(half.position)))

    # -- ends ------------------------------------------------------------------------------------------

    def on_end(self, half: Http1Half, trailers: bytes, lost: bool) -> None:
        one = self._passing(half)
        if one is None:
            return
        self._over(half, one, trailers, LOST_END if lost else COMPLETE)

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
            whole = how in (COMPLETE, CLOSED)
            one.carry_end(one.request_trailers, whole, half.frame, half.now, half.direction, self.out)
        if how not in (COMPLETE, CLOSED) and not one.how:
            one.how = how
        if one.response_over:
            self._ended(one, half.now, half.direction, half.frame, one.how or COMPLETE)

    def _response_over(self, half: Http1Half, one: Open, trailers: bytes, how: str) -> None:
        self.answering = None
        if one.response is None:     # an interim response; the final one is still to come
            return
        one.response_over = True
        self.free = half.now if how != LOST_END else -1    # in a hole it may have ended at any time
        one.ended = self.free
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
            whole = how in (COMPLETE, CLOSED)
            one.carry_end(one.response_trailers, whole, half.frame, half.now, half.direction, self.out)
        one.how = how
        self.pending = [other for other in self.pending if other is not one] if len(self.pending) > 1 else []
        for other in self.pending[:1]:
            other.free = self.free
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
        one.carry_close(frame, time, carried_how(how), self.out)
        if not self.each_pdu:
            self.out.append(one.event(time, direction, how))

    # -- the connection --------------------------------------------------------------------------------

    def _all_ended(self, half: Http1Half, how: str) -> None:
        pending, self.pending, self.unfollowed = self.pending, [], 0
        for one in pending:
            self._ended(one, half.now, half.direction, half.frame, how)

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
        if close.direction != NEITHER:
            half.ends = close.position
        one = self._passing(half)
        missing = half.missing()
        if close.direction != NEITHER and close.how == "fin":
            half.fin = True
            if half.state == BODY_OPEN and one is not None and not missing:
                self._over(half, one, b"", CLOSED)
                half.restart()
            return
        if one is not None and half.state != LOST:
            orderly = close.how == "fin" or half.fin
            how = CUT if half.fin else unfinished(close.how) or CUT
            if half.state == BODY_OPEN and orderly:
                how = CLOSED
            if missing and half.fin:
                how = LOST_END
                one.missing = missing if half.direction != self.client else 0
            self._over(half, one, b"", how)
        elif half.state in (HEAD, LOST):
            half.skipped += len(half.held)
        self._told_skipped(half, False)
        half.state = OVER

    def _over(self, half: Http1Half, one: Open, trailers: bytes, how: str) -> None:
        if half.direction == self.client:
            self._request_over(half, one, trailers, how)
        else:
            self._response_over(half, one, trailers, how)

    def finish(self, close: Close) -> None:
        """Both directions are over. What the server may have said unseen is no silence of it."""
        server = self.halves[1 - max(self.client, 0)]
        how = UNANSWERED if server.fin else unfinished(close.how) or UNANSWERED
        missing = server.missing()
        pending, self.pending = self.pending, []
        for one in pending:
            if one.without == UNREADABLE and one.response is None:
                continue
            one.cite(Evidence((close.frame,)))
            ended = one.how
            if one.response is None:
                ended = unreadable(self.context.observed, server.direction, one.begun) or how
                unread = self.context.midstream and server.passed_over      # which may have been the answer
                if ended == UNANSWERED and (missing or unread or self._blind(server.direction, one.begun, self.now)):
                    ended = LOST_END
                    one.missing = missing
            self._ended(one, self.now, close.direction, close.frame, ended)

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
        evidence = Evidence((half.frame,))
        if code in _CAPS:
            self._limit(half, code, int(_CAPS[code]), evidence)
            return
        if code == "start_line" and not self.missing[half.direction]:
            self._unreadable(half)
        self.out.append(Malformed(Observed(half.now, half.direction, evidence), "http", 0, reason))

    def _limit(self, half: Http1Half, name: str, cap: int, evidence: Evidence) -> None:
        if name not in self.limit_told:
            self.limit_told.add(name)
            self.out.append(LimitReached(Observed(half.now, half.direction, evidence), "http", name, cap))

    # -- bookkeeping -----------------------------------------------------------------------------------

    def _new(self) -> Open:
        self.count += 1
        return Open(self.count, self.show_secrets)

    def _add(self, one: Open, half: Http1Half) -> None:
        """Another request waits. After a gap in the responses the earlier ones may have been answered in it."""
        if (self.pending or self.unfollowed) and self.missing[1 - half.direction]:
            self._all_ended(half, LOST_END)
        if self.unfollowed or len(self.pending) >= MAX_PIPELINED:      # those before it are answered first
            self.unfollowed += 1
            one.response_over = True
            one.how = UNFOLLOWED
            self._limit(half, "MAX_PIPELINED", MAX_PIPELINED, Evidence((half.frame,)))
            return
        if self.early:      # its answer came before it, and was told by itself
            self.early -= 1
            one.response_over = True
            one.how = LOST_END
            return
        self.pending.append(one)

    def _answered(self, half: Http1Half, status: int) -> Open:
        """The exchange that a response belongs to: the oldest that waits. What is no request is answered by an error,
        or not at all."""
        if self.client < 0:
            self.client = 1 - half.direction
        while self.pending and self.pending[0].without == UNREADABLE and status < 400:
            self.pending = self.pending[1:]
        if self.pending:
            return self.pending[0]
        one = self._new()
        one.request_over = True
        if self.unfollowed:
            self.unfollowed -= 1
            one.without = UNKEPT
            self.pending.append(one)
            return one
        # What was decrypted may come in another order than it was sent in.
        seen = self.halves[self.client].whole and half.whole and not self.context.beneath
        if seen and not self._blind(self.client, -1, self.now):
            one.without = UNASKED
        elif self.context.observed.unseen[self.client]:
            self.early += 1
        return one

    def _answered_unseen(self, half: Http1Half) -> None:
        """Octets of the server are missing before this response. A client asks for the next thing once it has its
        answer, so it answers the last request; what came of those before is not known."""
        lost, self.pending = self.pending[:-1], self.pending[-1:]
        if self.unfollowed:
            lost, self.pending, self.unfollowed = lost + self.pending, [], 1
        for other in lost:
            self._ended(other, half.now, half.direction, half.frame, LOST_END)

    def _unreadable(self, half: Http1Half) -> None:
        """Octets of the client that are no request: what the server says to them answers just that."""
        if half.direction != self.client or len(self.pending) >= MAX_PIPELINED:
            return
        one = self._new()
        one.without = UNREADABLE
        one.request_over = True
        one.begun = one.sent = half.now
        one.cite(Evidence((half.frame,)))
        self.pending.append(one)

    def _blind(self, direction: int, since: int, until: int) -> bool:
        """Something of that direction may not have been seen between these times."""
        observed = self.context.observed
        return observed.unseen[direction] > 0 or observed.blind(direction, since, until) is not None

    def _ambiguities(
        self, half: Http1Half, one: Open, section: Http1Section, framing: Framing, evidence: Evidence
    ) -> None:
        if not (section.ambiguous or framing.ambiguous):
            return
        for code, reason in section.ambiguous + framing.ambiguous:
            self.noted += 1
            if self.noted > MAX_NOTED:
                self._limit(half, "MAX_NOTED", MAX_NOTED, evidence)
                return
            self.out.append(HttpAmbiguous(half.seen(evidence), one.number, code, reason))

    def _told_skipped(self, half: Http1Half, found: bool = True) -> None:
        direction = half.direction
        if half.skipped or self.missing[direction]:
            self.out.append(HttpSkipped(half, self.missing[direction], found=found))
            half.passed_over = True
            half.skipped = 0
            self.missing[direction] = 0
