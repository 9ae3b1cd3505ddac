"""The observer of one conversation that carries DNS messages."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event, Evidence, LimitReached, Malformed
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.kit.units import duration
from dissectors.protocols.dns.events import DnsResponse, DnsRetry, DnsUnanswered, Mismatch, Query
from dissectors.protocols.dns.events_multicast import (
    LlmnrQuery,
    LlmnrResponse,
    LlmnrRetry,
    MdnsQuery,
    MdnsResponse,
    MdnsRetry,
)
from dissectors.protocols.dns.message import HEADER, DnsMessage
from dissectors.protocols.dns.rdata import fault
from dissectors.protocols.dns.stream import MessageStream, Piece
from dissectors.protocols.dns.transactions import (
    AGAIN,
    CONTINUED,
    MATCH,
    MAX_ASKED,
    NEVER_ASKED,
    WRONG_ID,
    WRONG_QUESTION,
    Asked,
    Transactions,
)

# Which protocol: they share the format and differ in who answers whom.
UNICAST: Final = 0
MULTICAST: Final = 1   # mDNS
LINK_LOCAL: Final = 2  # LLMNR
NAMES: Final = ("dns", "mdns", "llmnr")


class DnsDissector(Dissector):
    """kind: UNICAST, MULTICAST or LINK_LOCAL. Each direction has its own ids, for servers that ask one another."""

    def __init__(self, context: Context, kind: int) -> None:
        self.kind: i64 = kind
        self.midstream = context.midstream
        self.asked_forward = Transactions()
        self.asked_backward = Transactions()
        self.forward: MessageStream | None = None
        self.backward: MessageStream | None = None
        self.limit_told = False
        self.sides_ended = 0   # bits: the originator's, the responder's

    # -- inputs ----------------------------------------------------------------------------------------

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        offset: i64 = datagram.offset
        end: i64 = offset + len(datagram.data) if offset >= 0 else -1
        out: list[Output] = []
        self._message(
            datagram.data, datagram.length, (datagram.frame,), datagram.frame, datagram.time, datagram.direction,
            int(offset), int(end), out,
        )
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        out: list[Output] = []
        self._pieces(self._stream(chunk.direction, chunk.position).data(chunk), chunk.direction, out)
        return out

    def on_gap(self, gap: Gap) -> list[Output]:
        out: list[Output] = []
        self._pieces(self._stream(gap.direction, gap.position).gap(gap), gap.direction, out)
        return out

    def on_close(self, close: Close) -> list[Output]:
        """One side may end before the other answers, so questions stay open until both did, or all is over."""
        out: list[Output] = []
        if close.direction != NEITHER:
            self.sides_ended |= 1 << close.direction
        whole = close.direction == NEITHER or self.sides_ended == 3
        for direction, stream in ((FORWARD, self.forward), (BACKWARD, self.backward)):
            if stream is not None and (whole or close.direction == direction):
                self._pieces(stream.finish(close), direction, out)
        # Answers to a multicast question come in conversations of their own.
        if whole and self.kind == UNICAST and close.how != "unread":
            self._unanswered(self.asked_forward, FORWARD, close, out)
            self._unanswered(self.asked_backward, BACKWARD, close, out)
        return out

    # -- streams ---------------------------------------------------------------------------------------

    def _stream(self, direction: int, position: int) -> MessageStream:
        stream = self.backward if direction else self.forward
        if stream is None:
            stream = MessageStream(position == 0 and not self.midstream, self.kind == LINK_LOCAL)
            if direction:
                self.backward = stream
            else:
                self.forward = stream
        return stream

    def _pieces(self, pieces: list[Piece], direction: int, out: list[Output]) -> None:
        for piece in pieces:
            if piece.event is not None:
                out.append(piece.event)
            else:
                self._message(
                    piece.data, len(piece.data), piece.frames, piece.frames[-1], piece.time, direction,
                    piece.start, piece.end, out,
                )

    # -- messages --------------------------------------------------------------------------------------

    def _message(
        self, data: bytes, length: int, frames: tuple[int, ...], frame: int, time: int, direction: int,
        start: int, end: int, out: list[Output],
    ) -> None:
        if len(data) < HEADER:
            if len(data) >= length:
                out.append(self._malformed(
                    time, direction, Evidence(frames, start, end), len(data),
                    f"{len(data)} bytes where the header alone has {HEADER}",
                ))
            return
        message = DnsMessage(data)
        if message.response:
            out.append(self._response(message, length, frames, time, direction, start, end))
        else:
            out.append(self._query(message, length, frames, frame, time, direction, start, end))
            self._limit(time, direction, frames, out)
        if message.bad_at >= 0:
            if len(data) >= length:  # what the capture cut off is missing, not malformed
                out.append(self._malformed(
                    time, direction, Evidence(frames, start, end), int(message.bad_at), message.bad_reason
                ))
        elif message.unchecked:
            error = fault(message)
            if error is not None:
                out.append(self._malformed(time, direction, Evidence(frames, start, end), error.offset, error.reason))

    def _malformed(self, time: int, direction: int, evidence: Evidence, offset: int, reason: str) -> Malformed:
        return Malformed(time, direction, evidence, NAMES[self.kind], offset, reason)

    def _query(
        self, message: DnsMessage, length: int, frames: tuple[int, ...], frame: int, time: int, direction: int,
        start: int, end: int,
    ) -> Event:
        asked = (self.asked_backward if direction else self.asked_forward).query(message, frame, time)
        again = asked.attempt > 1
        if again and asked.previous_frame < frames[0]:
            frames = (asked.previous_frame, *frames)
        evidence = Evidence(frames, start, end)
        attempt, since, first, same = asked.attempt, asked.since_ns, asked.first_frame, asked.same_id
        kind = self.kind
        if kind == UNICAST:
            if again:
                return DnsRetry(time, direction, evidence, message, length, attempt, since, first, same)
            return Query(time, direction, evidence, message, length, attempt, since, first, same)
        if kind == MULTICAST:
            if again:
                return MdnsRetry(time, direction, evidence, message, length, attempt, since, first, same)
            return MdnsQuery(time, direction, evidence, message, length, attempt, since, first, same)
        if again:
            return LlmnrRetry(time, direction, evidence, message, length, attempt, since, first, same)
        return LlmnrQuery(time, direction, evidence, message, length, attempt, since, first, same)

    def _response(
        self, message: DnsMessage, length: int, frames: tuple[int, ...], time: int, direction: int,
        start: int, end: int,
    ) -> Event:
        """The asker is the other side."""
        transactions = self.asked_forward if direction else self.asked_backward
        fit = transactions.response(message)
        asked = transactions.asked
        if fit in (MATCH, CONTINUED) and asked is not None:
            if asked.frame < frames[0]:
                frames = (asked.frame, *frames)
            return self._make_response(
                time, direction, Evidence(frames, start, end), message, length, asked.frame, time - asked.time,
                time - asked.first_time, asked.attempt, fit == CONTINUED,
            )
        evidence = Evidence(frames, start, end)
        if self.kind != UNICAST:
            return self._make_response(time, direction, evidence, message, length, 0, -1, -1, 0, False)
        frame = asked.frame if asked is not None else 0
        if frame and frame < frames[0]:
            evidence = Evidence((frame, *frames), start, end)
        return Mismatch(time, direction, evidence, message, length, frame, _reason(fit, asked, message, time))

    def _make_response(
        self, time: int, direction: int, evidence: Evidence, message: DnsMessage, length: int, asked_frame: int,
        response_ns: int, total_ns: int, attempts: int, continued: bool,
    ) -> Event:
        kind = self.kind
        if kind == UNICAST:
            return DnsResponse(
                time, direction, evidence, message, length, asked_frame, response_ns, total_ns, attempts, continued
            )
        if kind == MULTICAST:
            return MdnsResponse(
                time, direction, evidence, message, length, asked_frame, response_ns, total_ns, attempts
            )
        return LlmnrResponse(time, direction, evidence, message, length, asked_frame, response_ns, total_ns, attempts)

    # -- the end ---------------------------------------------------------------------------------------

    def _unanswered(self, transactions: Transactions, direction: int, close: Close, out: list[Output]) -> None:
        for asked in transactions.open.values():
            frames = (asked.frame,) if asked.first_frame == asked.frame else (asked.first_frame, asked.frame)
            out.append(DnsUnanswered(
                close.time, direction, Evidence(frames), asked.message(), asked.attempt,
                close.until - asked.first_time, close.how,
            ))
        transactions.open.clear()

    def _limit(self, time: int, direction: int, frames: tuple[int, ...], out: list[Output]) -> None:
        transactions = self.asked_backward if direction else self.asked_forward
        if transactions.overflow and not self.limit_told:
            self.limit_told = True
            out.append(LimitReached(
                time, direction, Evidence(frames), NAMES[self.kind], "queries remembered", MAX_ASKED
            ))


def _reason(fit: int, asked: Asked | None, message: DnsMessage, time: int) -> str:
    """Why a response answers nothing, as a sentence."""
    if fit == NEVER_ASKED or asked is None:
        return (
            "No question for this answer was seen in this conversation: the capture may have started after it, or "
            "the answer may be forged."
        )
    after = duration(time - asked.time)
    if fit == WRONG_ID:
        return (
            f"This question is open under the id 0x{asked.id:04x} (frame {asked.frame}), but the answer has "
            f"0x{message.id:04x}: a late answer to an older query, or an attempt to guess the id."
        )
    if fit == WRONG_QUESTION:
        return (
            f"The id is that of the query in frame {asked.frame}, but the answer repeats another question than that "
            "query asked: an attempt to forge an answer looks like this."
        )
    if fit == AGAIN and asked.answers <= asked.attempt:
        return (
            f"The question was sent {asked.attempt} times and answered already; this comes {after} after the query in "
            f"frame {asked.frame} and is most likely the answer to another attempt."
        )
    if fit == AGAIN:
        return (
            f"The query in frame {asked.frame} was answered already; this comes {after} after it: a duplicated "
            "packet, a second server, or an injected answer. The client keeps whichever came first."
        )
    raise ValueError(fit)
