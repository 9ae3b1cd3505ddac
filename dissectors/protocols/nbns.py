"""The name service of NetBIOS (RFC 1001, RFC 1002): who has a name, and what nobody answers.

A question to everybody on a link is answered by whoever has the name, or by nobody; one to a name server, or to the
machine itself, is answered in any case.
"""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import CORE, LINED, Event, Headline, JsonValue, Malformed, Observed, seen
from dissectors.kit.identity import HOST, Identity
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context, Dissector, Output, Protocol, Term
from dissectors.kit.units import duration
from dissectors.kit.waiting import RequestsUnanswered, Waiting, Waits, both

HEADER: Final = 12                 # octets (RFC 1002 §4.2.1.1)
MAX_WAITING: Final = 256           # requests without an answer that are kept
MAX_ADDRESSES: Final = 16          # of a group name that are told
LABEL: Final = 32                  # octets of an encoded name (RFC 1001 §14.1)
RESPONSE, BROADCAST, TRUNCATED = 0x8000, 0x0010, 0x0200      # of the flags (RFC 1002 §4.2.1.1)
NB, NBSTAT = 0x20, 0x21                                      # types (RFC 1002 §4.2.1.3)
QUERY, REGISTER, RELEASE, WAIT, REFRESH = 0, 5, 6, 7, 8      # operations (RFC 1002 §4.2.1.1)
OPERATIONS: Final[dict[int, str]] = {
    QUERY: "query", REGISTER: "registration", RELEASE: "release", WAIT: "wait", REFRESH: "refresh", 9: "refresh",
    15: "multi-homed registration",
}
# RFC 1002 §4.2.6, §4.2.11, §4.2.14
RESULTS: Final[dict[int, str]] = {
    0: "done", 1: "it cannot be read", 2: "the server has a problem", 3: "nobody has that name",
    4: "it is not supported", 5: "it is refused", 6: "another machine has that name", 7: "the name is in conflict",
}
ALL_NAMES: Final = "(all its names)"     # what a node status asks for (RFC 1002 §4.2.17)
TAKEN: Final = (6, 7)
# What a machine is under this name: its sixteenth octet (as Windows and Samba use it).
KINDS: Final[dict[int, str]] = {
    0x00: "workstation", 0x03: "messages", 0x1B: "master of the domain", 0x1C: "controllers of the domain",
    0x1D: "master of the link", 0x1E: "elections", 0x20: "file server",
}


class NbnsMessage:
    """One message. text: the name that it is about, without its kind.    addresses: that an answer gives of it."""

    def __init__(self, data: bytes) -> None:
        cursor = Cursor(data)
        self.identifier, flags = cursor.number(2), cursor.number(2)
        self.response = bool(flags & RESPONSE)
        self.operation = flags >> 11 & 15
        self.result = flags & 15
        self.to_all = bool(flags & BROADCAST)
        counts = [cursor.number(2) for _section in range(4)]
        self.text, self.kind = _name(cursor)
        self.type = cursor.number(2)
        cursor.skip(2, "the class")
        self.addresses: list[str] = []
        if self.response and counts[1] and not counts[0] and self.type == NB:
            cursor.skip(4, "the time to live")
            inside = cursor.inner(2, "the addresses")
            while inside.left >= 6 and len(self.addresses) < MAX_ADDRESSES:
                inside.skip(2)
                self.addresses.append(".".join([str(octet) for octet in inside.take(4)]))

    def name(self) -> str:
        """`SHOP (file server)`."""
        if self.type == NBSTAT:
            return f"{self.text} {ALL_NAMES}"
        return f"{self.text} ({KINDS.get(self.kind, f'kind {self.kind:02x}')})"

    def asks(self) -> str:
        """`query of SHOP (file server)`."""
        return f"{OPERATIONS.get(self.operation, f'operation {self.operation}')} of {self.name()}"


def _name(cursor: Cursor) -> tuple[str, int]:
    """Half an octet in each letter from A to P (RFC 1001 §14.1), and a scope behind it, which is passed over."""
    size = cursor.number(1)
    if size != LABEL:
        raise WireError(int(cursor.at) - 1, f"a name of {size} octets")
    letters = cursor.take(LABEL, "the name")
    if any(not 0x41 <= letter <= 0x50 for letter in letters):
        raise WireError(int(cursor.at) - LABEL, "a name with other letters than A to P")
    octets = bytes([(letters[at] - 0x41) << 4 | letters[at + 1] - 0x41 for at in range(0, LABEL, 2)])
    label = cursor.number(1)
    while label:
        cursor.skip(label, "a label of the scope")
        label = cursor.number(1)
    return octets[:15].rstrip(b" \0").decode("cp437", "replace"), octets[15]


class NbnsEvent(Event):
    phase: ClassVar[str] = "names"
    importance: ClassVar[str] = CORE

    def __init__(self, observed: Observed, message: NbnsMessage) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.message = message

    def label(self) -> str:
        return OPERATIONS.get(self.message.operation, "NetBIOS")

    def detail(self) -> str:
        return self.message.name()

    def fields(self) -> dict[str, JsonValue]:
        message = self.message
        return {
            "operation": message.operation, "name": message.text, "kind": message.kind, "type": message.type,
            "result": message.result if message.response else None, "addresses": list(message.addresses),
        }

    def identifies(self) -> list[Identity]:
        return [(HOST, self.message.text)] if self.message.text not in ("", "*") else []


class NbnsAsked(NbnsEvent):
    name: ClassVar[str] = "nbns.request"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 1002 §4.2.12"
    WHY: ClassVar[str] = (
        "Windows and Samba look for a machine by its NetBIOS name where DNS does not know it, or register their own "
        "name: with a name server (WINS), or by asking everybody on the link."
    )

    def __init__(self, observed: Observed, message: NbnsMessage, asked: Waiting | None) -> None:
        super().__init__(observed, message)
        self.again = asked.again() if asked is not None else ""

    def what(self) -> str:
        everybody = ", to everybody on the link" if self.message.to_all else ""
        asks = self.message.asks()
        return f"{asks[:1].upper()}{asks[1:]}{everybody}{self.again}."


class NbnsAnswer(NbnsEvent):
    """took_ns: since the request was first sent, -1 where that was not seen."""

    name: ClassVar[str] = "nbns.answer"
    spec: ClassVar[str] = "RFC 1002 §4.2.13"
    WHY: ClassVar[str] = (
        "A name server knows the names that were registered with it, and says so of others too. A machine answers for "
        "its own names alone."
    )

    def __init__(self, observed: Observed, message: NbnsMessage, asked: Waiting | None) -> None:
        super().__init__(observed, message)
        self.took_ns = observed.time - asked.times[0] if asked is not None else -1

    def label(self) -> str:
        return "answer"

    def refuses(self) -> bool:
        """A registration that another machine's name stands against."""
        return self.message.result in TAKEN

    def what(self) -> str:
        message = self.message
        result = RESULTS.get(message.result, f"result {message.result}")
        said = ", ".join(message.addresses) if message.addresses and not message.result else result
        after = f", after {duration(self.took_ns)}" if self.took_ns >= 0 else ""
        return f"Answer to the {message.asks()}: {said}{after}."

    def headline(self) -> Headline | None:
        if self.took_ns < 0 or self.message.operation != QUERY:
            return None
        message = self.message
        said = ", ".join(message.addresses) if message.addresses else RESULTS.get(message.result, "")
        return Headline("NetBIOS", f"{message.text} → {said}", self.time - self.took_ns, self.time)

    def fields(self) -> dict[str, JsonValue]:
        return super().fields() | {"took_ns": self.took_ns if self.took_ns >= 0 else None}


class NbnsUnanswered(RequestsUnanswered):
    name: ClassVar[str] = "nbns.unanswered"
    phase: ClassVar[str] = "names"
    spec: ClassVar[str] = "RFC 1002 §4.2.14"
    WHY: ClassVar[str] = (
        "A name server answers also where it does not know the name. That machine is not there, does not speak "
        "NetBIOS, a filter stops it, or the answer took a way that this capture does not see."
    )

    def which(self) -> str:
        return ", ".join(dict.fromkeys([one.said for one in self.waiting]))

    def identifies(self) -> list[Identity]:
        names = [one.said.partition(" of ")[2].rpartition(" (")[0] for one in self.waiting]
        return [(HOST, name) for name in dict.fromkeys(names) if name not in ("", "*")]


class NbnsObserver(Dissector):
    """Pairs requests with answers, which repeat the identifier (RFC 1002 §4.2.1.1)."""

    def __init__(self, _context: Context) -> None:
        self.waits = Waits(MAX_WAITING)

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        if len(datagram.data) < datagram.length:
            return []
        try:
            message = NbnsMessage(datagram.data)
        except WireError as error:
            return [Malformed(seen(datagram), "nbns", error.offset, error.reason)]
        key = datagram.data[:2]
        if not message.response:
            if datagram.to_all or message.to_all:      # nobody may have the name, and then nobody answers
                return [NbnsAsked(seen(datagram), message, None)]
            asked = self.waits.ask(key, datagram, message.asks())
            out: list[Output] = [NbnsAsked(seen(datagram), message, asked)]
            return out + self.waits.limit(datagram, "nbns")
        waiting = self.waits.asked(key, datagram) if message.operation == WAIT else self.waits.answer(key, datagram)
        return [NbnsAnswer(both(waiting, datagram), message, waiting)]

    def on_close(self, close: Close) -> list[Output]:
        return [NbnsUnanswered(observed, waiting, close.how) for observed, waiting in self.waits.left()]


def probe(data: bytes, direction: int) -> int:
    """A known operation, and a name of NetBIOS where the first one stands."""
    if len(data) < HEADER + 2 + LABEL or data[HEADER] != LABEL or data[2] >> 3 & 15 not in OPERATIONS:
        return NO
    return YES if all(0x41 <= letter <= 0x50 for letter in data[HEADER + 1:HEADER + 1 + LABEL]) else NO


NBNS: Final = Protocol(
    name="nbns",
    title="NetBIOS names",
    summary="Which machine has a NetBIOS name, names that two machines want, and servers that say nothing.",
    specs=("RFC 1001", "RFC 1002"),
    create=NbnsObserver,
    carriers=("udp",),
    ports={"udp": (137,)},
    events=(NbnsAsked, NbnsAnswer, NbnsUnanswered),
    terms=(
        Term("NetBIOS name", "A name of up to 15 characters, with a sixteenth octet that says what the machine is "
             "under it. Older than DNS on such links; Windows and Samba still ask for it.", "RFC 1001 §14"),
        Term("WINS", "A name server of NetBIOS: machines register their names with it and ask it for those of others, "
             "also beyond their own link.", "RFC 1001 §15.1"),
    ),
    probe=probe,
    probe_anywhere=False,
    phases={"names": "NetBIOS names"},
)
