"""The observer of one conversation that carries DNS messages."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Event, LimitReached, Malformed
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.dns.events import DnsResponse, DnsRetry, DnsUnanswered, Mismatch, Query
from dissectors.protocols.dns.events_multicast import (
    LlmnrQuery,
    LlmnrResponse,
    LlmnrRetry,
    MdnsQuery,
    MdnsResponse,
    MdnsRetry,
)
from dissectors.protocols.dns.message import HEADER, DnsMessage, DnsReceived
from dissectors.protocols.dns.rdata import fault
from dissectors.protocols.dns.stream import MessageStream, Piece
from dissectors.protocols.dns.transactions import (
    CONTINUED,
    MATCH,
    MAX_ASKED,
    NEVER_ASKED,
    WRONG_ID,
    WRONG_QUESTION,
    Transactions,
)

# Which protocol: they share the format and differ in who answers whom.
UNICAST: Final = 0
MULTICAST: Final = 1   # mDNS
LINK_LOCAL: Final = 2  # LLMNR
NAMES: Final = ("dns", "mdns", "llmnr")

# Two directions that were captured at two places can stand in the wrong order, by the difference of their delays.
ORDER_NS: Final = 1_000_000_000
MAX_EARLY: Final = 64    # answers of a conversation that wait for a question behind them


class DnsDissector(Dissector):
    """kind: UNICAST, MULTICAST or LINK_LOCAL. Each direction has its own ids, for servers that ask one another."""

    def __init__(self, context: Context, kind: int) -> None:
        self.kind: i64 = kind
        self.midstream = context.midstream
        self.observed = context.observed
        self.whole = context.transport == "tcp"   # of datagrams nobody can know whether one is missing
        self.early: dict[tuple[int, int, bytes], Mismatch] = {}   # by direction of the asker, id and question
        self.asked_forward = Transactions()
        self.asked_backward = Transactions()
        self.forward: MessageStream | None = None
        self.backward: MessageStream | None = None
        self.limit_told = False
        self.sides_ended = 0   # bits: the originator's, the responder's
        self.ended_by = NEITHER   # the side that ended first

    # -- inputs ----------------------------------------------------------------------------------------

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        received = DnsReceived(
            datagram.time, datagram.direction, (datagram.frame,), datagram.data, datagram.length
        )
        if datagram.offset >= 0:
            received.start = datagram.offset
            received.end = datagram.offset + len(datagram.data)
        out: list[Output] = []
        self._message(received, out)
        return out

    def on_data(self, chunk: Chunk) -> list[Output]:
        out: list[Output] = []
        self._pieces(self._stream(chunk.direction, chunk.position).data(chunk), out)
        return out

    def on_gap(self, gap: Gap) -> list[Output]:
        out: list[Output] = []
        self._pieces(self._stream(gap.direction, gap.position).gap(gap), out)
        return out

    def on_close(self, close: Close) -> list[Output]:
        """One side may end before the other answers, so questions stay open until both did, or all is over."""
        out: list[Output] = []
        if close.direction != NEITHER:
            if not self.sides_ended:
                self.ended_by = close.direction
            self.sides_ended |= 1 << close.direction
        whole = close.direction == NEITHER or self.sides_ended == 3
        for direction, stream in ((FORWARD, self.forward), (BACKWARD, self.backward)):
            if stream is not None and (whole or close.direction == direction):
                self._pieces(stream.finish(close), out)
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

    def _pieces(self, pieces: list[Piece], out: list[Output]) -> None:
        for piece in pieces:
            if isinstance(piece, DnsReceived):
                self._message(piece, out)
            else:
                out.append(piece)

    # -- messages --------------------------------------------------------------------------------------

    def _message(self, received: DnsReceived, out: list[Output]) -> None:
        data = received.data
        whole = len(data) >= received.length    # what the capture cut off is missing, not malformed
        if len(data) < HEADER:
            if whole:
                reason = f"{len(data)} bytes where the header alone has {HEADER}"
                out.append(self._malformed(received, len(data), reason))
            return
        message = DnsMessage(data)
        if message.response:
            out.append(self._response(received, message))
        else:
            out.append(self._query(received, message))
            self._limit(received, out)
        if message.bad_at >= 0:
            if whole:
                out.append(self._malformed(received, int(message.bad_at), message.bad_reason))
        elif message.unchecked:
            error = fault(message)
            if error is not None:
                out.append(self._malformed(received, error.offset, error.reason))

    def _malformed(self, received: DnsReceived, offset: int, reason: str) -> Malformed:
        return Malformed(received.observed(), NAMES[self.kind], offset, reason)

    def _query(self, received: DnsReceived, message: DnsMessage) -> Event:
        transactions = self.asked_backward if received.direction else self.asked_forward
        asked = transactions.query(message, received.frames[-1], received.time)
        again = asked.attempt > 1
        kind = self.kind
        if kind == UNICAST:
            query = DnsRetry(received, message, asked) if again else Query(received, message, asked)
            early = self.early.pop((received.direction, int(message.id), asked.key), None)
            if early is not None and received.time - early.time <= ORDER_NS:
                early.before(asked)
                query.early = early
            return query
        if kind == MULTICAST:
            return MdnsRetry(received, message, asked) if again else MdnsQuery(received, message, asked)
        return LlmnrRetry(received, message, asked) if again else LlmnrQuery(received, message, asked)

    def _response(self, received: DnsReceived, message: DnsMessage) -> Event:
        """The asker is the other side."""
        transactions = self.asked_forward if received.direction else self.asked_backward
        fit = transactions.response(message, received.time)
        asked = transactions.asked
        kind = self.kind
        if kind == UNICAST:
            if fit in (MATCH, CONTINUED) and asked is not None:
                return DnsResponse(received, message, asked, continued=fit == CONTINUED)
            stray = Mismatch(received, message, asked, fit, self.observed if self.whole else None)
            if fit in (NEVER_ASKED, WRONG_ID, WRONG_QUESTION):
                if len(self.early) >= MAX_EARLY:
                    del self.early[next(iter(self.early))]
                self.early[(1 - received.direction, int(message.id), message.question_key())] = stray
            return stray
        if fit not in (MATCH, CONTINUED):
            asked = None     # whoever owns the name may answer, asked or not
        if kind == MULTICAST:
            return MdnsResponse(received, message, asked)
        return LlmnrResponse(received, message, asked)

    # -- the end ---------------------------------------------------------------------------------------

    def _unanswered(self, transactions: Transactions, direction: int, close: Close, out: list[Output]) -> None:
        for asked in transactions.open.values():
            if not asked.early:
                out.append(DnsUnanswered(asked, direction, close, self.ended_by, self.observed))
        transactions.open.clear()

    def _limit(self, received: DnsReceived, out: list[Output]) -> None:
        transactions = self.asked_backward if received.direction else self.asked_forward
        if transactions.overflow and not self.limit_told:
            self.limit_told = True
            out.append(LimitReached(received.observed(), NAMES[self.kind], "queries remembered", MAX_ASKED))
