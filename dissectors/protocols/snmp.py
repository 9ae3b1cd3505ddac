"""SNMP (RFC 3416, RFC 3412, RFC 3414): what a manager asks of a device, and what the device refuses.

Community strings are passwords and are never shown. Of version 3 what is encrypted stays unread.
"""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.cursor import Cursor, TooShort, WireError
from dissectors.kit.event import (
    CORE,
    LINED,
    Event,
    JsonValue,
    Malformed,
    Observed,
    seen,
)
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context, Dissector, Output, Protocol, Term
from dissectors.kit.units import duration
from dissectors.kit.waiting import RequestsUnanswered, Waiting, Waits, both

MAX_WAITING: Final = 256           # requests without an answer that are kept
MAX_NAMES: Final = 3               # names of objects that an event lists
MAX_OCTETS: Final = 64             # of a name, and of the community
SEQUENCE, INTEGER, OCTETS, OBJECT = 0x30, 0x02, 0x04, 0x06      # tags (X.690 §8)
V1, V2C, V3 = 0, 1, 3              # version numbers (RFC 1157 §4, RFC 1901 §3, RFC 3412 §6)
# Tags of the PDUs (RFC 3416 §3; 164: RFC 1157 §4.1.6).
PDUS: Final[dict[int, str]] = {
    0xA0: "GetRequest", 0xA1: "GetNextRequest", 0xA2: "Response", 0xA3: "SetRequest", 0xA4: "Trap",
    0xA5: "GetBulkRequest", 0xA6: "InformRequest", 0xA7: "SNMPv2-Trap", 0xA8: "Report",
}
ASKING: Final = frozenset((0xA0, 0xA1, 0xA3, 0xA5, 0xA6))
RESPONSE, TRAP, BULK, REPORT = 0xA2, 0xA4, 0xA5, 0xA8
# RFC 3416 §3, error-status.
ERRORS: Final[dict[int, str]] = {
    1: "tooBig", 2: "noSuchName", 3: "badValue", 4: "readOnly", 5: "genErr", 6: "noAccess", 7: "wrongType",
    8: "wrongLength", 9: "wrongEncoding", 10: "wrongValue", 11: "noCreation", 12: "inconsistentValue",
    13: "resourceUnavailable", 14: "commitFailed", 15: "undoFailed", 16: "authorizationError", 17: "notWritable",
    18: "inconsistentName",
}
TOLD: Final = frozenset((0, 1, 2))     # nothing, what a manager asks less of then, and how version 1 ends a walk
# What a Report says: counters below 1.3.6.1.6.3.15.1.1 (RFC 3414 §3.2).
REPORTS: Final[dict[int, str]] = {
    1: "the security level is not supported", 2: "the request does not fit into its time window",
    3: "it does not know the user", 4: "it is another engine", 5: "the digest is wrong, as with another password",
    6: "it cannot decrypt the request",
}
ORDINARY: Final = frozenset((2, 4))     # how manager and device find one another (RFC 3414 §4)
USM: Final = "1.3.6.1.6.3.15.1.1."


class Field:
    """One element of BER: its tag, and where its contents begin and end."""

    def __init__(self, cursor: Cursor) -> None:
        self.tag = cursor.number(1)
        length = cursor.number(1)
        if length & 0x80:
            count = length & 0x7F
            if not 0 < count <= 4:
                raise WireError(int(cursor.at), f"a length of {count} octets")
            length = cursor.number(count)
        self.inside = cursor.part(length, "an element")

    def value(self) -> int:
        held = self.inside.take(self.inside.left)
        if not 0 < len(held) <= 8:
            raise WireError(int(self.inside.at), f"a number of {len(held)} octets")
        return int.from_bytes(held, signed=True)


def take(cursor: Cursor, tag: int, what: str) -> Field:
    at = int(cursor.at)
    field = Field(cursor)
    if field.tag != tag:
        raise WireError(at, f"an element with tag 0x{field.tag:02x} in place of {what}")
    return field


def object_name(held: bytes) -> str:
    """An object identifier (X.690 §8.19)."""
    numbers: list[int] = []
    value = 0
    for octet in held[:MAX_OCTETS]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if numbers:
        first = min(numbers[0] // 40, 2)
        numbers = [first, numbers[0] - 40 * first, *numbers[1:]]
    return ".".join([str(number) for number in numbers])


class SnmpMessage:
    """One message. pdu: the tag of its PDU, 0 where that is encrypted.     request: its number, of version 3 that of
    the message.     status: the error status.     names: of the first objects.     community: a secret."""

    def __init__(self, data: bytes) -> None:
        whole = take(Cursor(data), SEQUENCE, "a message").inside
        self.version = take(whole, INTEGER, "a version").value()
        self.community = b""
        self.pdu = self.request = self.status = 0
        self.names: list[str] = []
        self.encrypted = False
        if self.version == V3:
            self._version3(whole)
        else:
            held = take(whole, OCTETS, "a community").inside
            self.community = held.take(held.left)
            self._pdu(whole)

    def _version3(self, whole: Cursor) -> None:
        """RFC 3412 §6: a header with the number of the message and flags, what the security model needs, the PDU."""
        header = take(whole, SEQUENCE, "a header").inside
        number = take(header, INTEGER, "a number").value()
        take(header, INTEGER, "a size")
        flags = take(header, OCTETS, "flags").inside.number(1)
        take(whole, OCTETS, "security parameters")
        self.encrypted = flags & 2 != 0
        if not self.encrypted:
            scoped = take(whole, SEQUENCE, "a scoped PDU").inside
            take(scoped, OCTETS, "an engine")
            take(scoped, OCTETS, "a context")
            self._pdu(scoped)
        self.request = number

    def _pdu(self, cursor: Cursor) -> None:
        field = Field(cursor)
        if field.tag not in PDUS:
            raise WireError(int(cursor.at), f"a PDU with tag 0x{field.tag:02x}")
        self.pdu = field.tag
        if field.tag == TRAP:
            return
        self.request = take(field.inside, INTEGER, "a number").value()
        status = take(field.inside, INTEGER, "an error status").value()
        self.status = status if field.tag != BULK else 0      # there it says how many are not repeated
        take(field.inside, INTEGER, "an index")
        bindings = take(field.inside, SEQUENCE, "a list of objects").inside
        while bindings.left and len(self.names) < MAX_NAMES:
            one = take(bindings, SEQUENCE, "an object").inside
            held = take(one, OBJECT, "a name").inside
            self.names.append(object_name(held.take(held.left)))

    @property
    def name(self) -> str:
        return PDUS.get(self.pdu, "encrypted message")

    def report(self) -> int:
        """Which counter of the user-based security model a Report names, 0 for none."""
        for name in self.names if self.pdu == REPORT else []:
            number = name.removeprefix(USM).partition(".")[0]
            if name.startswith(USM) and number.isdecimal():
                return int(number)
        return 0

    def fault(self) -> str:
        """What it refuses, in words; "" for nothing."""
        if self.status:
            return ERRORS.get(self.status, f"error {self.status}")
        report = self.report()
        return REPORTS.get(report, f"report {report}") if report else ""

    def record(self) -> dict[str, JsonValue]:
        return {"version": self.version, "pdu": self.name, "request": self.request, "error_status": self.status}


class SnmpEvent(Event):
    phase: ClassVar[str] = "management"
    importance: ClassVar[str] = CORE

    def __init__(self, observed: Observed, message: SnmpMessage) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.message = message

    def label(self) -> str:
        return self.message.name

    def about(self) -> str:
        return f" of {', '.join(self.message.names)}" if self.message.names else ""

    def detail(self) -> str:
        return ", ".join(self.message.names)

    def fields(self) -> dict[str, JsonValue]:
        return self.message.record() | {"objects": [*self.message.names]}

    def frame_record(self) -> dict[str, JsonValue] | None:
        return self.message.record()


class SnmpAsked(SnmpEvent):
    name: ClassVar[str] = "snmp.request"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 3416 §4.2"
    WHY: ClassVar[str] = (
        "A manager asks a device for values by their numbers, or sets one. It goes by UDP, so the manager asks again "
        "where no answer comes."
    )

    def __init__(self, observed: Observed, message: SnmpMessage, asked: Waiting) -> None:
        super().__init__(observed, message)
        self.attempt = asked.count
        self.again = asked.again()

    def what(self) -> str:
        return f"{self.message.name}{self.about()}{self.again}."


class SnmpAnswer(SnmpEvent):
    """took_ns: since the request was first sent, -1 where that was not seen.     asked: what it answers."""

    name: ClassVar[str] = "snmp.answer"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 3416 §3"
    WHY: ClassVar[str] = (
        "The device answers with the number of the request and an error status, which is 0 where all is well. To a "
        "wrong community it says nothing; of version 3 a report says what it does not accept."
    )

    def __init__(self, observed: Observed, message: SnmpMessage, asked: Waiting | None) -> None:
        super().__init__(observed, message)
        self.took_ns = observed.time - asked.times[0] if asked is not None else -1

    def refuses(self) -> bool:
        message = self.message
        if message.pdu == REPORT:
            return message.report() not in (0, *ORDINARY)
        return message.status not in TOLD

    def what(self) -> str:
        after = f", after {duration(self.took_ns)}" if self.took_ns >= 0 else ""
        fault = self.message.fault()
        return f"{self.message.name}{self.about()}{after}{f': {fault}' if fault else ''}."

    def fields(self) -> dict[str, JsonValue]:
        return super().fields() | {"took_ns": self.took_ns if self.took_ns >= 0 else None}


class SnmpMessageSeen(SnmpEvent):
    """A trap, or a message whose PDU is encrypted."""

    name: ClassVar[str] = "snmp.message"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 3416 §4.2.6; RFC 3414 §8"
    WHY: ClassVar[str] = "A device can tell of something by itself, by a trap, which nobody answers."

    def what(self) -> str:
        return f"{self.message.name[0].upper()}{self.message.name[1:]}{self.about()}."


class SnmpUnanswered(RequestsUnanswered):
    name: ClassVar[str] = "snmp.unanswered"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = "management"
    spec: ClassVar[str] = "RFC 3416 §4.2; RFC 1157 §4.1"
    WHY: ClassVar[str] = (
        "A device says nothing to a community that it does not know, or to an address that it does not serve. Or it is "
        "not there, a filter stops the datagrams, the answer took a way that this capture does not see, or the capture "
        "ended too early."
    )


class SnmpObserver(Dissector):
    """Pairs requests with answers, which repeat their number."""

    def __init__(self, context: Context) -> None:
        self.waits = Waits(MAX_WAITING)
        self.marks = context.marks

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        if len(datagram.data) < datagram.length:
            return []
        try:
            message = SnmpMessage(datagram.data)
        except WireError as error:
            return [Malformed(seen(datagram), "snmp", error.offset, error.reason)]
        self.marks.mark(message.community[:MAX_OCTETS], datagram.direction)
        key = message.request.to_bytes(8, signed=True)
        if message.pdu in ASKING:
            asked = self.waits.ask(key, datagram, message.name)
            out: list[Output] = [SnmpAsked(seen(datagram), message, asked)]
            return out + self.waits.limit(datagram, "snmp")
        if message.pdu in (RESPONSE, REPORT):
            waiting = self.waits.answer(key, datagram)
            return [SnmpAnswer(both(waiting, datagram), message, waiting)]
        if message.encrypted:       # a request or its answer: both have the same number
            self.waits.answer(key, datagram)
        return [SnmpMessageSeen(seen(datagram), message)]

    def on_close(self, close: Close) -> list[Output]:
        return [SnmpUnanswered(observed, waiting, close.how) for observed, waiting in self.waits.left()]


def probe(data: bytes, direction: int) -> int:
    """A sequence that fills the datagram, and begins with a version that there is."""
    try:
        cursor = Cursor(data)
        whole = take(cursor, SEQUENCE, "a message").inside
        version = take(whole, INTEGER, "a version").value()
    except (TooShort, WireError):
        return NO
    return YES if version in (V1, V2C, V3) and cursor.left == 0 and whole.left else NO


SNMP: Final = Protocol(
    name="snmp",
    title="SNMP",
    summary="What a manager asks of devices, what they answer or refuse, and requests without an answer.",
    specs=("RFC 3416", "RFC 1157", "RFC 3412", "RFC 3414"),
    create=SnmpObserver,
    carriers=("udp",),
    ports={"udp": (161, 162)},
    events=(SnmpAsked, SnmpAnswer, SnmpMessageSeen, SnmpUnanswered),
    terms=(
        Term("SNMP", "How a manager reads the counters and settings of devices, and sets some. In versions 1 and 2c a "
             "word, the community, is all that protects them, and it goes in clear.", "RFC 3410"),
    ),
    probe=probe,
    probe_anywhere=False,
    phases={"management": "SNMP"},
)
