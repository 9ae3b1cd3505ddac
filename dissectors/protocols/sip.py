"""SIP (RFC 3261), over UDP and over TCP: calls and registrations, what answers them, and what is refused.

Bodies and credentials are not shown.
"""
from __future__ import annotations

import re
from typing import ClassVar, Final

from mypy_extensions import i64

from dissectors.kit.event import (
    CORE,
    LINED,
    Event,
    Evidence,
    Headline,
    JsonValue,
    Malformed,
    Observed,
    seen,
)
from dissectors.kit.framer import BROKEN, LOST, NEED, NONE, NOTHING, PART, Framer
from dissectors.kit.identity import HOST, UNIQUE, USER, Identity
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Output, Protocol, Term
from dissectors.kit.units import duration
from dissectors.kit.waiting import RequestsUnanswered, Waiting, Waits, both

MAX_WAITING: Final = 256           # requests without a final answer that are kept
MAX_HEAD: Final = 16_384           # octets of a message that are looked at for its fields
MAX_LINE: Final = 512              # octets of its first line by which it is recognised
MAX_BODY: Final = 1 << 24          # octets of a body in a stream; nothing that is said so is longer
MAX_TEXT: Final = 120              # characters of an address or a reason
VERSION: Final = b"SIP/2.0"
# RFC 3261 §7.1; 3262, 3265, 3311, 3428, 3515, 3903 for the rest.
METHODS: Final = frozenset((
    b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"PRACK", b"SUBSCRIBE", b"NOTIFY", b"UPDATE",
    b"MESSAGE", b"REFER", b"PUBLISH", b"INFO",
))
SHORT: Final[dict[bytes, bytes]] = {
    b"i": b"call-id", b"f": b"from", b"t": b"to", b"v": b"via", b"l": b"content-length",
}     # RFC 3261 §7.3.3
CHALLENGES: Final = frozenset((401, 407))      # RFC 3261 §22: credentials are asked for
# What people do, or how calls end: nobody's fault.
PEOPLE: Final = frozenset((480, 481, 486, 487, 600, 603, 604))
_URI: Final = re.compile(r"sips?:(?:([^@\s<>;]*)@)?([^\s<>;:?]+)", re.IGNORECASE)


class SipMessage:
    """One message. method: of a request, and of what a response answers.     status: 0 of a request.

    call, number: Call-ID and CSeq, which a response repeats (RFC 3261 §8.2.6.2).     authorized: it brings credentials.
    within: of a request, it belongs to a call that there is already (RFC 3261 §12.2.1.1).
    """

    def __init__(self, data: bytes) -> None:
        head = data[:MAX_HEAD].partition(b"\r\n\r\n")[0]
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ", 2)
        self.status = int(words[1]) if words[0] == VERSION else 0
        self.reason = _text(words[2]) if self.status and len(words) > 2 else ""
        self.target = "" if self.status else _text(words[1])
        fields: dict[bytes, bytes] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            name = name.strip().lower()
            if colon:
                fields.setdefault(SHORT.get(name, name), value.strip())
        self.call = fields.get(b"call-id", b"")
        self.number, _space, method = fields.get(b"cseq", b"").partition(b" ")
        self.method = _text(method.strip() if self.status else words[0])
        self.caller, self.called = _address(fields.get(b"from", b"")), _address(fields.get(b"to", b""))
        self.authorized = b"authorization" in fields or b"proxy-authorization" in fields
        self.within = b";tag=" in fields.get(b"to", b"").lower()
        self.stale = b"stale=true" in (
            fields.get(b"www-authenticate", b"") + fields.get(b"proxy-authenticate", b"")
        ).lower().replace(b" ", b"")

    def key(self) -> bytes:
        return self.call[:256] + b"\0" + self.number[:16] + b"\0" + self.method.encode()

    @property
    def final(self) -> bool:
        return self.status >= 200


def _text(held: bytes) -> str:
    return held.decode("utf-8", "replace")[:MAX_TEXT]


def _address(held: bytes) -> str:
    """The URI of a From or To field, without what stands around it."""
    found = _URI.search(_text(held))
    return f"{found[1]}@{found[2]}" if found is not None and found[1] else found[2] if found is not None else ""


class SipEvent(Event):
    phase: ClassVar[str] = "call"
    importance: ClassVar[str] = CORE

    def __init__(self, observed: Observed, message: SipMessage) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.message = message

    def about(self) -> str:
        message = self.message
        if message.method == "REGISTER":
            return message.called
        return f"{message.caller} → {message.called}"

    def detail(self) -> str:
        return self.about()

    def fields(self) -> dict[str, JsonValue]:
        message = self.message
        return {
            "method": message.method, "status": message.status or None, "from": message.caller, "to": message.called,
            "reason": message.reason or None,
        }

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"status": self.message.status} if self.message.status else {"method": self.message.method}

    def identifies(self) -> list[Identity]:
        found: list[Identity] = []
        for said in (self.message.caller, self.message.called, self.message.target):
            user, at, host = said.rpartition("@")
            user = user.removeprefix("sip:").removeprefix("sips:")
            if at and user:
                found.append((USER, user))
            host = host.removeprefix("sip:").removeprefix("sips:").partition(";")[0].partition(":")[0]
            if host:
                found.append((HOST, host))
        if self.message.reason:
            found.append((UNIQUE, self.message.reason))
        return found


class SipAsked(SipEvent):
    name: ClassVar[str] = "sip.request"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 3261 §17.1"
    WHY: ClassVar[str] = (
        "A telephone registers where it can be reached, or calls somebody. Over UDP it sends a request again after "
        "half a second, then after longer waits, until something answers."
    )

    def __init__(self, observed: Observed, message: SipMessage, asked: Waiting | None) -> None:
        super().__init__(observed, message)
        self.attempt = asked.count if asked is not None else 1
        self.again = asked.again() if asked is not None else ""

    def label(self) -> str:
        return self.message.method

    def what(self) -> str:
        return f"{self.message.method} {self.about()}{self.again}."


class SipAnswer(SipEvent):
    """took_ns: since the request was first sent, -1 where that was not seen.     authorized: it answers a request with
    credentials, as whoever pairs the two says.     within: a request that belongs to a call that there is already."""

    name: ClassVar[str] = "sip.answer"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 3261 §21"
    WHY: ClassVar[str] = (
        "The first digit of the status says what came of it: 1 it is under way, 2 it is done, 3 it is elsewhere, 4 the "
        "request cannot be met, 5 the server failed, 6 nobody will take it. 401 and 407 ask for a password first."
    )

    def __init__(self, observed: Observed, message: SipMessage, asked: Waiting | None) -> None:
        super().__init__(observed, message)
        self.took_ns = observed.time - asked.times[0] if asked is not None else -1
        self.authorized = self.within = False

    def label(self) -> str:
        return str(self.message.status)

    def refuses(self) -> bool:
        """Whether it denies what was wanted, and does not only ask for a password first."""
        status = self.message.status
        if status in CHALLENGES:
            return self.authorized and not self.message.stale
        return status >= 400

    def what(self) -> str:
        after = f", after {duration(self.took_ns)}" if self.took_ns >= 0 else ""
        reason = f" {self.message.reason}" if self.message.reason else ""
        return f"{self.message.status}{reason} to {self.message.method} {self.about()}{after}."

    def headline(self) -> Headline | None:
        message = self.message
        if not message.final or message.method not in ("INVITE", "REGISTER") or message.status in CHALLENGES:
            return None
        return Headline(
            "SIP", f"{message.method} {self.about()} → {message.status}", self.time - max(self.took_ns, 0), self.time
        )

    def fields(self) -> dict[str, JsonValue]:
        return super().fields() | {"took_ns": self.took_ns if self.took_ns >= 0 else None}


class SipUnanswered(RequestsUnanswered):
    name: ClassVar[str] = "sip.unanswered"
    phase: ClassVar[str] = "call"
    spec: ClassVar[str] = "RFC 3261 §17.1.1.2"
    WHY: ClassVar[str] = (
        "The server is not there, a filter or an address translation stops the datagrams, the answer took a way that "
        "this capture does not see, or the capture ended too early."
    )

    def which(self) -> str:
        return ", ".join(dict.fromkeys([one.said for one in self.waiting]))


class SipStream(Framer):
    """One direction of a stream: messages one after another, their bodies as long as Content-Length says (RFC 3261
    §18.3, §20.14), and between them empty lines that keep the connection open (RFC 5626 §3.5.1). Bodies are not held.

    message: the head of the one in hand, b"" for empty lines."""

    def __init__(self, in_step: bool) -> None:
        super().__init__(in_step)
        self.parted = True
        self.message = b""

    def header(self, data: bytes, at: i64) -> i64:
        empty: i64 = at
        while empty < len(data) and data[empty:empty + 1] in b"\r\n":
            empty += 1
        self.length = 0
        self.message = b""
        if empty > at:
            return empty - at
        end = data.find(b"\r\n\r\n", at)
        found = probe(data[at:at + MAX_LINE], 0)
        if found == NO or (end < 0 and len(data) - at > MAX_HEAD):
            return NONE
        if end < 0:
            return NEED
        self.message = data[at:end + 4]
        for line in self.message.split(b"\r\n"):
            name, _colon, value = line.partition(b":")
            name = name.strip().lower()
            if SHORT.get(name, name) == b"content-length" and value.strip().isdigit():
                self.length = min(int(value.strip()[:9]), MAX_BODY)
        return len(self.message)

    def search(self, data: bytes, at: i64) -> i64:
        place: i64 = at
        while True:
            found = probe(data[place:place + MAX_LINE], 0)
            if found == YES:
                return place
            behind = data.find(b"\r\n", place)
            if behind < 0:
                return -1 - (place if found == MORE else max(len(data) - 1, at))
            place = behind + 2


class SipObserver(Dissector):
    """Pairs requests with responses, which repeat Call-ID and CSeq."""

    def __init__(self, context: Context) -> None:
        self.streams = (SipStream(not context.midstream), SipStream(not context.midstream))
        self.waits = Waits(MAX_WAITING)
        self.heard: dict[bytes, Waiting] = {}     # those that are under way: a provisional response came
        self.sent: dict[bytes, SipMessage] = {}

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        if probe(datagram.data, datagram.direction) != YES:
            if not datagram.data.strip(b"\r\n\0"):
                return []                          # keeps an address translation open (RFC 5626 §3.5.1)
            return [Malformed(seen(datagram), "sip", 0, "no line of a request or of a response")]
        message = SipMessage(datagram.data)
        key = message.key()
        if message.status:
            return self._answered(datagram, message, key)
        if message.method == "ACK":                # nothing answers it (RFC 3261 §17.1.1.3)
            return [SipAsked(seen(datagram), message, None)]
        if len(self.sent) < MAX_WAITING:
            self.sent[key] = message
        asked = self.heard.get(key) or self.waits.ask(key, datagram, message.method)
        out: list[Output] = [SipAsked(seen(datagram), message, asked)]
        return out + self.waits.limit(datagram, "sip")

    def _answered(self, datagram: Datagram, message: SipMessage, key: bytes) -> list[Output]:
        asked = self.heard.get(key) or self.waits.answer(key, datagram)
        if asked is not None and not message.final and len(self.heard) < MAX_WAITING:
            self.heard[key] = asked
        elif message.final:
            self.heard.pop(key, None)
        answer = SipAnswer(both(asked, datagram), message, asked)
        request = self.sent.pop(key, None) if message.final else None
        if request is not None:
            answer.authorized, answer.within = request.authorized, request.within
        return [answer]

    def on_data(self, chunk: Chunk) -> list[Output]:
        stream = self.streams[chunk.direction]
        stream.feed(chunk)
        out: list[Output] = []
        while True:
            step = stream.step()
            if step == NOTHING:
                return out
            if step == BROKEN:
                out.append(Malformed(
                    Observed(chunk.time, chunk.direction, Evidence((chunk.frame,))), "sip", 0,
                    "no line of a request or of a response",
                ))
            elif step == PART and not stream.open:
                out += self._whole(stream, chunk.released_by, chunk.direction)

    def _whole(self, stream: SipStream, frame: int, direction: int) -> list[Output]:
        """The message in hand, whose end has come, or will not come any more."""
        head, stream.message = stream.message, b""
        if not head:
            return []
        return self.on_datagram(Datagram(
            frame, int(stream.now), direction, head, len(head), frames=stream.frames()
        ))

    def on_gap(self, gap: Gap) -> list[Output]:
        stream = self.streams[gap.direction]
        held = stream.open and stream.cut == 0
        before = stream.frames()
        kind = stream.miss(gap.length, gap.frame, gap.time)
        if held and kind == LOST and stream.message:          # its head was whole
            head, stream.message = stream.message, b""
            return self.on_datagram(Datagram(gap.frame, gap.time, gap.direction, head, len(head), frames=before))
        return []

    def on_close(self, close: Close) -> list[Output]:
        return [SipUnanswered(observed, waiting, close.how) for observed, waiting in self.waits.left()]


def probe(data: bytes, direction: int) -> int:
    """A line of a request or of a response (RFC 3261 §7.1, §7.2)."""
    line, ends, _rest = data[:MAX_LINE].partition(b"\r\n")
    words = line.split(b" ", 2)
    if not ends and len(line) < MAX_LINE:
        first = words[0]
        known = (first == VERSION or first in METHODS) if len(words) > 1 else any(
            one.startswith(first) for one in (VERSION, *METHODS))
        return MORE if known else NO
    if len(words) < 3:
        return NO
    if words[0] == VERSION:
        return YES if len(words[1]) == 3 and words[1].isdigit() else NO
    return YES if words[0] in METHODS and words[2] == VERSION else NO


SIP: Final = Protocol(
    name="sip",
    title="SIP",
    summary="Calls and registrations, over UDP and TCP: what answers them, what is refused and what nobody answers.",
    specs=("RFC 3261",),
    create=SipObserver,
    carriers=("udp", "tcp"),
    ports={"udp": (5060,), "tcp": (5060,)},
    events=(SipAsked, SipAnswer, SipUnanswered),
    terms=(
        Term("SIP", "How telephones find one another and agree on a call. The voice itself goes elsewhere (RTP).",
             "RFC 3261"),
    ),
    probe=probe,
    phases={"call": "SIP"},
)
