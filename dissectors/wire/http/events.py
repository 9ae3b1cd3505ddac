"""What is told of HTTP, whatever its version: requests, responses, and exchanges that sum them up.

Each version has classes of its own, with its own names, that inherit the meaning from here.
"""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.account import (
    APPLICATION,
    AWAITED,
    DOING,
    FAST_REPAIR,
    LIKELY,
    MESSAGE,
    REQUEST,
    SERVER,
    TIMEOUT_REPAIR,
    Books,
    Claim,
)
from dissectors.kit.account import UNSEEN as UNOBSERVED
from dissectors.kit.event import BACKWARD, BASE, CORE, FORWARD, Event, Evidence, Headline, JsonValue
from dissectors.kit.identity import Identity
from dissectors.kit.observation import CAPTURE_ENDED, FOREIGN, HIDDEN, READING_ENDED, Observation, what_ended
from dissectors.kit.units import duration, plural, size
from dissectors.wire.http.body import NO_BODY, Body
from dissectors.wire.http.describe import (
    head_json,
    request_sentences,
    request_short,
    response_sentences,
    response_short,
)
from dissectors.wire.http.identity import identities_of
from dissectors.wire.http.message import LARGEST_LENGTH, Head, Pairs, as_text, length_of

PHASE: Final = "http"

# What ended an exchange.
COMPLETE: Final = "complete"        # the response ended where its framing says
CLOSED: Final = "closed"            # the end of the connection was the end of the body, as it may be
CUT: Final = "cut"                  # the connection or stream ended before the message did
UNANSWERED: Final = "unanswered"    # it ended before a response began
CAPTURE: Final = "capture"          # the capture ended first
READING: Final = "reading"          # so did the reading of it, which was interrupted
SILENT: Final = "silent"            # nothing more came, while the capture went on
NOT_READ: Final = "not read"        # a budget of the analyser: what comes after was not read
NOT_TAKEN: Final = "not taken"      # early data that the server refused, which the client sends again
LOST: Final = "lost"                # bytes are missing from the capture, and with them the end
UNFOLLOWED: Final = "not followed"  # too many requests wait: which response is whose is not kept
HIDDEN_END: Final = "hidden"        # what came back is encrypted, and its key is not there
FOREIGN_END: Final = "foreign"      # what came back is of another protocol
UPGRADED: Final = "upgraded"        # another protocol took over
TUNNEL: Final = "tunnel"            # CONNECT was answered with success

# Why there is a response and no request.
UNSEEN: Final = ""                  # the capture does not show it
UNASKED: Final = "unasked"          # every request that came had its response
UNREADABLE: Final = "unreadable"    # what the client sent is no request
UNKEPT: Final = "unkept"            # its request came when too many were waiting
_NO_REQUEST: Final = {
    UNSEEN: "(request not seen)", UNASKED: "(no request)", UNREADABLE: "(no request of HTTP)",
    UNKEPT: "(request not followed)",
}

# Ends that neither side made, by how the connection ended for the observer (`Close.how`).
_UNFINISHED: Final = {
    CAPTURE_ENDED: CAPTURE, READING_ENDED: READING, "timeout": SILENT, "unread": NOT_READ, "refused": NOT_TAKEN,
}
# How a protocol inside an exchange ends that ended so.
_CARRIED: Final = {
    COMPLETE: "fin", CLOSED: "fin", UPGRADED: "fin", TUNNEL: "fin", CUT: "rst", UNANSWERED: "rst",
    CAPTURE: CAPTURE_ENDED, READING: READING_ENDED, SILENT: "timeout", NOT_READ: "unread", NOT_TAKEN: "unread",
    LOST: "lost", UNFOLLOWED: "unread", FOREIGN_END: "rst", HIDDEN_END: "lost",
}

_ENDS: Final = {
    CUT: "The connection ended before the message did.",
    UNANSWERED: "The connection ended without a response.",
    CAPTURE: f"It is not finished when {what_ended(CAPTURE_ENDED)} ends.",
    READING: f"It is not finished when {what_ended(READING_ENDED)} ends.",
    SILENT: "It was not finished, and nothing more came.",
    NOT_READ: "What comes after was not read, so how it ends is not known.",
    NOT_TAKEN: "The server did not take it: it was early data, which the client has to send again.",
    LOST: "The end is not known: part of it is not in the capture.",
    UNFOLLOWED: "So many requests wait for their responses that this one is not followed to its own.",
    HIDDEN_END: "What the server sent is encrypted, and its key is not there.",
    FOREIGN_END: "What came back is of another protocol.",
    UPGRADED: "From here on the connection belongs to another protocol.",
    TUNNEL: "From here on the connection is a tunnel.",
}


# The way of a request to the server, as the account of the time has it; it is told where it is so much of the wait.
ON_THE_WAY: Final = (REQUEST.key, FAST_REPAIR.key, TIMEOUT_REPAIR.key)
UNSURE: Final = (FAST_REPAIR.key, TIMEOUT_REPAIR.key, UNOBSERVED.key)     # in which it is not the server's turn alone
LEAST_WAY_NS: Final = 1_000_000
LEAST_WAY: Final = 20       # per cent of the wait
MOSTLY: Final = 95          # per cent of the time up to the ACK that the way has to be

# What ended an exchange whose response was still due.
_DUE: Final = (UNANSWERED, CAPTURE, SILENT)


def unfinished(how: str) -> str:
    """What an exchange is that was open when the telling of its connection ended; "" where a side ended it."""
    return _UNFINISHED.get(how, "")


def unreadable(observed: Observation, direction: int, since: int) -> str:
    """What an exchange without a response came to where the answer is there and cannot be read; "" where it can.

    direction: of the server; since: when the request began.
    """
    if observed.blind(direction, kinds=(FOREIGN,)) is not None:
        return FOREIGN_END
    return HIDDEN_END if observed.blind(direction, since, kinds=(HIDDEN,)) is not None else ""


def announced(head: Head, length: int) -> str:
    """The length that a head announces: `1000 bytes`; one that no body has as it is written."""
    return f"{as_text(head.get(b'content-length').lstrip(b'0'))} bytes" if length >= LARGEST_LENGTH else size(length)


def carried_how(ended: str) -> str:
    """How what an exchange carries ends, as `Close` has it, where the exchange ended so."""
    return _CARRIED.get(ended, "fin")


class HttpSeen:
    """When something was seen, in which direction it went, and what proves it."""

    def __init__(self, time: int, direction: int, evidence: Evidence) -> None:
        self.time = time
        self.direction = direction
        self.evidence = evidence


class RequestEvent(Event):
    """The head of a request. exchange: its number on this connection, from 1 (in HTTP/2 the stream).

    method, target: as they were sent, for the frames that complete it.
    """

    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9110 §9"
    WHY: ClassVar[str] = (
        "A client asks for one thing at a time: the method says what should be done, the target on what, and the "
        "fields say how it wants the answer. The server needs nothing from earlier requests to understand it."
    )

    def __init__(self, seen: HttpSeen, head: Head, exchange: int, notes: tuple[str, ...] = ()) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.head = head
        self.exchange = exchange
        self.notes = notes       # leniencies: where the sender broke a rule that recipients overlook

    def label(self) -> str:
        return request_short(self.head)

    def what(self) -> str:
        return " ".join([*request_sentences(self.head), *self.notes])

    def detail(self) -> str:
        head = self.head
        return ", ".join([word for word in (head.version, head.authority, plural(len(head.pairs), "field")) if word])

    def identifies(self) -> list[Identity]:
        return identities_of(self.head)

    def fields(self) -> dict[str, JsonValue]:
        out = head_json(self.head)
        out["exchange"] = self.exchange
        if self.notes:
            notes: list[JsonValue] = []
            notes.extend(self.notes)
            out["notes"] = notes
        return out


class ResponseEvent(Event):
    """The head of a response. request: what it answers, None where that was not seen.   interim: a 1xx response."""

    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9110 §15"
    WHY: ClassVar[str] = (
        "The status code says how the request came out, in a number that programs understand; the fields say what "
        "the body is, how long it may be kept, and what the client should do next."
    )

    def __init__(
        self, seen: HttpSeen, head: Head, exchange: int, request: Head | None, notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.head = head
        self.exchange = exchange
        self.request = request
        self.notes = notes

    @property
    def interim(self) -> bool:
        return 100 <= self.head.status < 200 and self.head.status != 101

    def label(self) -> str:
        return response_short(self.head)

    def what(self) -> str:
        return " ".join([*response_sentences(self.head, self.request), *self.notes])

    def detail(self) -> str:
        head = self.head
        return ", ".join([word for word in (head.version, plural(len(head.pairs), "field")) if word])

    def identifies(self) -> list[Identity]:
        return identities_of(self.head) + identities_of(self.request)

    def fields(self) -> dict[str, JsonValue]:
        out = head_json(self.head)
        out["exchange"] = self.exchange
        if self.notes:
            notes: list[JsonValue] = []
            notes.extend(self.notes)
            out["notes"] = notes
        return out


class Interim:
    """A 1xx response on the way to the final one."""

    def __init__(self, status: int, time: int, frame: int) -> None:
        self.status = status
        self.time = time
        self.frame = frame


class Times:
    """When the parts of an exchange passed, in ns since 1970; -1 for what was not seen.

    begun, sent: first byte and end of the request.    first, ended: first byte and end of the final response.
    free: since when nothing stood in the way of the response: in HTTP/1 the end of the response before it on
    the same connection; -1 where nothing ever did.
    """

    def __init__(self, begun: int, sent: int, first: int, ended: int, free: int = -1) -> None:
        self.begun = begun
        self.sent = sent
        self.first = first
        self.ended = ended
        self.free = free

    def blocked_ns(self) -> int:
        """How long the request was there while the line was still taken by an earlier exchange."""
        if self.free < 0 or self.sent < 0:
            return 0
        until = self.free if self.first < 0 or self.free < self.first else self.first
        return max(until - self.sent, 0)

    def sent_ns(self) -> int:
        """From its first byte to its end; -1 where the end was not seen."""
        return self.sent - self.begun if self.begun >= 0 and self.sent >= 0 else -1

    def waited_ns(self) -> int:
        """From the end of the request, or of what stood in the way, to the first byte of the response.

        0 where the response began before the request ended; -1 where one of the two was not seen.
        """
        if self.sent < 0 or self.first < 0:
            return -1
        return max(self.first - self.sent - self.blocked_ns(), 0)

    def received_ns(self) -> int:
        return self.ended - self.first if self.first >= 0 and self.ended >= 0 else -1

    def total_ns(self) -> int:
        """From the first byte of the request to the end of the response; -1 where one was not seen."""
        return self.ended - self.begun if self.begun >= 0 and self.ended >= 0 else -1


class ExchangeSeen(HttpSeen):
    """What was seen of a request and its response. Either may be missing, for what the capture missed.

    number: of the exchange on this connection, from 1 (in HTTP/2 the stream).     request, response: as they may be
    shown.     sent, received: their bodies.     ended: one of the words above.     informational: 1xx responses on the
    way.     wire: octets on the wire, heads and framing included, of request and response; -1 where they are not known.
    request_trailers, response_trailers: fields after the bodies, redacted like those of a head.
    without: why there is no request, where there is none.     missing: octets of the response that the server sent
    before its end, and that did not come.
    """

    def __init__(self, time: int, direction: int, evidence: Evidence, times: Times) -> None:
        super().__init__(time, direction, evidence)
        self.times = times
        self.number: int = 0
        self.ended: str = COMPLETE
        self.request: Head | None = None
        self.response: Head | None = None
        self.sent: Body = NO_BODY
        self.received: Body = NO_BODY
        self.wire: tuple[int, int] = (-1, -1)
        self.informational: tuple[Interim, ...] = ()
        self.request_trailers: Pairs = ()
        self.response_trailers: Pairs = ()
        self.without: str = UNSEEN
        self.missing: int = 0


class ExchangeEvent(Event):
    """A request and its response, when both are over."""

    phase: ClassVar[str] = PHASE
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9110 §3.4"
    title: ClassVar[str] = "HTTP"
    WHY: ClassVar[str] = (
        "Where the time went shows what to mend. A long wait for the first byte is the server's work or the path; "
        "a long receipt is the size of the body or the rate of the line; time blocked is a queue on this connection."
    )

    def __init__(self, seen: ExchangeSeen) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.exchange = seen.number
        self.request = seen.request
        self.response = seen.response
        self.times = seen.times
        self.sent = seen.sent
        self.received = seen.received
        self.wire = seen.wire
        self.ended = seen.ended
        self.informational = seen.informational
        self.request_trailers = seen.request_trailers
        self.response_trailers = seen.response_trailers
        self.without = seen.without
        self.missing = seen.missing
        self.acknowledged_ns = -1     # from the end of the request, where its way is worth telling
        self.reached_ns = -1          # the same, wherever an ACK before the response shows it

    def claims(self) -> list[Claim]:
        times = self.times
        found: list[Claim] = []
        frames = self.evidence.frames
        bounds = (frames[0], frames[-1]) if frames else ()
        streams = 0 <= times.first < times.sent       # both sides send at the same time
        if 0 <= times.begun < times.sent and not streams:
            found.append(Claim(
                times.begun, times.sent, REQUEST, DOING, bounds, LIKELY, "from the first byte of a request to its last"
            ))
        due = times.first if times.first >= 0 else self.time if self.ended in _DUE else -1
        if times.sent >= 0 and not streams:
            since = times.sent + times.blocked_ns()
            found.append(Claim(
                since, due, SERVER, AWAITED, bounds, LIKELY, "the request was there, and its response had not begun"
            ))
        if times.first >= 0 and self.ended not in (UPGRADED, TUNNEL):
            until = times.ended if times.ended >= 0 else self.time
            found.append(Claim(
                times.first, until, APPLICATION, MESSAGE, bounds, LIKELY, "the response had begun and was not whole"
            ))
        return found

    def read_books(self, books: Books) -> None:
        """How long the request was on its way, where an ACK before the response shows it."""
        sent, first = self.times.sent, self.times.first
        acked = books.acknowledged(sent) if sent >= 0 and not self.times.blocked_ns() else -1
        took = acked - sent
        if 0 <= acked < first and not any(cause.key in UNSURE for cause, _length in books.between(acked, first)):
            self.reached_ns = took
        if acked < 0 or acked >= first or took < LEAST_WAY_NS or 100 * took < LEAST_WAY * (first - sent):
            return
        way = sum([length for cause, length in books.between(sent, acked) if cause.key in ON_THE_WAY])
        if 100 * way >= MOSTLY * took:
            self.acknowledged_ns = took

    def version(self) -> str:
        head = self.response or self.request
        return head.version if head is not None else self.title

    def summary(self) -> str:
        """`GET /x → 200, 1.2 MB`."""
        asked = request_short(self.request) if self.request is not None else _NO_REQUEST[self.without]
        if self.response is None:
            if self.ended == HIDDEN_END:
                return f"{asked} → hidden"
            if self.ended == UNFOLLOWED:
                return f"{asked} → not followed"
            return f"{asked} → no response" if self.ended in (UNANSWERED, COMPLETE) else f"{asked} → no response seen"
        status = self.response.status
        text = f"{asked} → {status if status >= 0 else self.response.version}"
        if self.received.octets:
            text += f", {size(self.received.octets)}"
        return text

    def label(self) -> str:
        return f"exchange {self.exchange}"

    def what(self) -> str:
        took = self.times.total_ns()
        words = [f"{self.summary()}, in {duration(took)}." if took >= 0 else f"{self.summary()}."]
        for who, body in (("request", self.sent), ("response", self.received)):
            if body is NO_BODY or not body.octets:
                continue
            holds = f": {body.summary}" if body.summary else ""
            words.append(f"The {who} carried {body.text()}{holds}.")
            if body.problem:
                words.append(f"It could not be decoded: {body.problem}.")
        words += self._short_of()
        for one in self.informational:
            words.append(f"A {one.status} came {duration(max(one.time - self.times.begun, 0))} after the request began."
                         if self.times.begun >= 0 else f"A {one.status} came before it.")
        trailers = len(self.request_trailers) + len(self.response_trailers)
        if trailers:
            words.append(f"{plural(trailers, 'trailer field')} came after the body.")
        if self.ending():
            words.append(self.ending())
        return " ".join(words)

    def ending(self) -> str:
        """How it ended, as a sentence; "" where it ended as it should."""
        return _ENDS.get(self.ended, "")

    def promised(self, direction: int) -> int:
        """Octets of the body that Content-Length announces, -1 where it does not."""
        head = self.response if direction else self.request
        return length_of(head.get(b"content-length")) if head is not None else -1

    def _short_of(self) -> list[str]:
        """How much of what Content-Length announces had come, where the message is not whole."""
        words: list[str] = []
        if self.ended in (COMPLETE, CLOSED):
            return words
        for direction, head, body in ((FORWARD, self.request, self.sent), (BACKWARD, self.response, self.received)):
            promised = self.promised(direction)
            if head is not None and body is not NO_BODY and body.octets < promised:
                words.append(
                    f"Of the {'response' if direction else 'request'}, {size(body.octets)} of "
                    f"{announced(head, promised)} had come."
                )
        if self.missing:
            words.append(f"{size(self.missing)} that the server sent before its end did not come.")
        return words

    def timing(self) -> str:
        """`blocked 3 ms, sent in 0 ns, waited 24 ms, received in 612 ms`; what was not seen is left out."""
        times = self.times
        parts: list[str] = []
        if times.blocked_ns() > 0:
            parts.append(f"blocked {duration(times.blocked_ns())} by the response before it")
        if times.sent_ns() > 0:
            parts.append(f"sent in {duration(times.sent_ns())}")
        if self.acknowledged_ns >= 0:
            later = duration(times.waited_ns() - self.acknowledged_ns)
            parts.append(f"the request took {duration(self.acknowledged_ns)} to be acknowledged (network)")
            parts.append(f"the server answered {later} later")
        elif times.waited_ns() >= 0:
            parts.append(f"waited {duration(times.waited_ns())}")
        if times.received_ns() > 0:
            parts.append(f"received in {duration(times.received_ns())}")
        return ", ".join(parts)

    def detail(self) -> str:
        return self.timing()

    def headline(self) -> Headline | None:
        start = self.times.begun if self.times.begun >= 0 else self.times.first
        end = self.times.ended if self.times.ended >= 0 else self.time
        if self.ended == LOST and self.times.ended < 0:     # it ended in a hole: when, nobody saw
            end = max(self.times.begun, self.times.sent, self.times.first)
        return Headline(self.version(), self.summary(), start if start >= 0 else end, end)

    def phase_title(self) -> str:
        return self.version()

    def identifies(self) -> list[Identity]:
        return identities_of(self.request, self.request_trailers) + identities_of(self.response, self.response_trailers)

    def fields(self) -> dict[str, JsonValue]:
        times = self.times
        out: dict[str, JsonValue] = {"exchange": self.exchange, "ended": self.ended, "version": self.version()}
        if self.request is not None:
            out["method"] = self.request.method
            out["url"] = self.request.url()
        if self.response is not None:
            out["status"] = self.response.status
        for key, value in (
            ("blocked_ns", times.blocked_ns()), ("sent_ns", times.sent_ns()), ("waited_ns", times.waited_ns()),
            ("received_ns", times.received_ns()), ("total_ns", times.total_ns()),
        ):
            if value >= 0:
                out[key] = value
        if self.acknowledged_ns >= 0:
            out["acknowledged_ns"] = self.acknowledged_ns
        for side, name in ((FORWARD, "request"), (BACKWARD, "response")):
            body = self.received if side else self.sent
            if body.octets:
                out[f"{name}_body"] = body.as_json()
            if self.wire[side] >= 0:
                out[f"{name}_wire_octets"] = self.wire[side]
        if self.informational:
            statuses: list[JsonValue] = []
            statuses.extend([one.status for one in self.informational])
            out["informational"] = statuses
        return out
