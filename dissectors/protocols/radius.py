"""RADIUS (RFC 2865, RFC 2866, RFC 5176): who may enter a network, as an access device asks a server."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import (
    CORE,
    LINED,
    Event,
    Headline,
    JsonValue,
    Malformed,
    Observed,
    seen,
)
from dissectors.kit.identity import HOST, UNIQUE, USER, Identity
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context, Dissector, Output, Protocol, Term
from dissectors.kit.units import duration
from dissectors.kit.waiting import RequestsUnanswered, Waiting, Waits, both

HEADER: Final = 20                 # octets: code, identifier, length, authenticator (RFC 2865 §3)
MAX_LENGTH: Final = 4096           # octets of a packet (RFC 2865 §3)
MAX_WAITING: Final = 256           # requests without an answer that are kept; an identifier has one octet
MAX_TEXT: Final = 120              # characters of what a server says
REQUEST, ACCEPT, REJECT, CHALLENGE = 1, 2, 3, 11
# RFC 2865 §3, RFC 2866 §3, RFC 5176 §3; 12: RFC 5997 §3.
CODES: Final[dict[int, str]] = {
    1: "Access-Request", 2: "Access-Accept", 3: "Access-Reject", 4: "Accounting-Request", 5: "Accounting-Response",
    11: "Access-Challenge", 12: "Status-Server", 40: "Disconnect-Request", 41: "Disconnect-ACK", 42: "Disconnect-NAK",
    43: "CoA-Request", 44: "CoA-ACK", 45: "CoA-NAK",
}
ASKING: Final = frozenset((1, 4, 12, 40, 43))
REFUSING: Final = frozenset((REJECT, 42, 45))
USER_NAME, REPLY_MESSAGE, STATION, ACCESS_DEVICE = 1, 18, 31, 32      # attributes (RFC 2865 §5)


class RadiusPacket:
    """One packet. attributes: by type, the first of each, but for what a server says, which is put together."""

    def __init__(self, data: bytes) -> None:
        cursor = Cursor(data)
        self.code, self.identifier = cursor.number(1), cursor.number(1)
        length = cursor.number(2)
        self.authenticator = cursor.take(16)
        self.attributes: dict[int, bytes] = {}
        inside = cursor.part(length - HEADER, "the attributes")
        while inside.left:
            kind, octets = inside.number(1), inside.number(1)
            if octets < 2:
                raise WireError(int(inside.at), f"an attribute of {octets} octets")
            held = inside.take(octets - 2, f"attribute {kind}")
            if kind == REPLY_MESSAGE:
                self.attributes[kind] = self.attributes.get(kind, b"") + held
            else:
                self.attributes.setdefault(kind, held)

    @property
    def name(self) -> str:
        return CODES.get(self.code, f"code {self.code}")

    def text(self, kind: int) -> str:
        return self.attributes.get(kind, b"").rstrip(b"\0").decode("utf-8", "replace")[:MAX_TEXT]


class RadiusEvent(Event):
    """One packet, or what is said of several. user: who wants to enter, "" where it is not said."""

    phase: ClassVar[str] = "access"
    importance: ClassVar[str] = CORE

    def __init__(self, observed: Observed, packet: RadiusPacket, user: str) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.packet = packet
        self.user = user

    def label(self) -> str:
        return self.packet.name

    def of(self) -> str:
        return f" of {self.user}" if self.user else ""

    def fields(self) -> dict[str, JsonValue]:
        return {"code": self.packet.code, "identifier": self.packet.identifier, "user": self.user or None}

    def frame_record(self) -> dict[str, JsonValue] | None:
        return {"code": self.packet.code}

    def identifies(self) -> list[Identity]:
        packet = self.packet
        found: list[Identity] = [(USER, self.user)] if self.user else []
        for kind, of in ((STATION, UNIQUE), (ACCESS_DEVICE, HOST), (REPLY_MESSAGE, UNIQUE)):
            if packet.text(kind):
                found.append((of, packet.text(kind)))
        return found


class RadiusAsked(RadiusEvent):
    name: ClassVar[str] = "radius.request"
    normally: ClassVar[str] = LINED
    spec: ClassVar[str] = "RFC 2865 §4.1"
    WHY: ClassVar[str] = (
        "An access point, a switch or a VPN gateway does not know who may enter. It asks a server, for each user and "
        "each step, and sends the same request again where no answer comes."
    )

    def __init__(self, observed: Observed, packet: RadiusPacket, user: str, asked: Waiting) -> None:
        super().__init__(observed, packet, user)
        self.attempt = asked.count
        self.again = asked.again()

    def detail(self) -> str:
        return self.user or f"identifier {self.packet.identifier}"

    def what(self) -> str:
        return f"{self.packet.name}{self.of()}, identifier {self.packet.identifier}{self.again}."


class RadiusAnswer(RadiusEvent):
    """took_ns: since the request was first sent, -1 where that was not seen."""

    name: ClassVar[str] = "radius.answer"
    spec: ClassVar[str] = "RFC 2865 §4.2"
    WHY: ClassVar[str] = (
        "The server lets the user in, keeps him out, or has another question (a challenge), which is how the steps of "
        "EAP go back and forth. It answers a device whose secret it does not share, or that it does not know, with "
        "silence."
    )

    def __init__(self, observed: Observed, packet: RadiusPacket, user: str, asked: Waiting | None) -> None:
        super().__init__(observed, packet, user)
        self.took_ns = observed.time - asked.times[0] if asked is not None else -1

    @property
    def refuses(self) -> bool:
        return self.packet.code in REFUSING

    def says(self) -> str:
        return self.packet.text(REPLY_MESSAGE)

    def detail(self) -> str:
        return f"after {duration(self.took_ns)}" if self.took_ns >= 0 else ""

    def what(self) -> str:
        code = self.packet.code
        did = {
            ACCEPT: f"The server lets {self.user or 'the user'} in",
            REJECT: f"The server keeps {self.user or 'the user'} out",
            CHALLENGE: f"The server has another question for {self.user or 'the user'}",
        }.get(code, f"{self.packet.name}{self.of()}")
        after = f", after {duration(self.took_ns)}" if self.took_ns >= 0 else ""
        says = f' It says "{self.says()}".' if self.says() else ""
        return f"{did}{after}.{says}"

    def headline(self) -> Headline | None:
        if self.packet.code not in (ACCEPT, REJECT):
            return None
        did = "let in" if self.packet.code == ACCEPT else "kept out"
        return Headline("RADIUS", f"{self.user or 'a user'} is {did}", self.time - max(self.took_ns, 0), self.time)

    def phase_facts(self) -> list[str]:
        return [self.packet.name] if self.packet.code in (ACCEPT, REJECT) else []

    def fields(self) -> dict[str, JsonValue]:
        return super().fields() | {"took_ns": self.took_ns if self.took_ns >= 0 else None}


class RadiusUnanswered(RequestsUnanswered):
    name: ClassVar[str] = "radius.unanswered"
    on_wire: ClassVar[bool] = False
    phase: ClassVar[str] = "access"
    spec: ClassVar[str] = "RFC 2865 §2.5"
    WHY: ClassVar[str] = (
        "A server says nothing to a device that it does not know, or whose secret is another one. Or the request or "
        "its answer was lost, took a way that this capture does not see, or the capture ended too early."
    )


class RadiusObserver(Dissector):
    """Pairs requests with answers, which repeat the identifier (RFC 2865 §3)."""

    def __init__(self, _context: Context) -> None:
        self.waits = Waits(MAX_WAITING)
        self.users: dict[int, str] = {}

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        if len(datagram.data) < datagram.length:
            return []
        try:
            packet = RadiusPacket(datagram.data)
        except WireError as error:
            return [Malformed(seen(datagram), "radius", error.offset, error.reason)]
        key = bytes((packet.identifier,))
        if packet.code in ASKING:
            user = packet.text(USER_NAME)
            self.users[packet.identifier] = user
            # The same identifier with another authenticator is another request, for which the first no longer waits.
            known = self.waits.open.get(bytes((datagram.direction & 1,)) + key)
            if known is not None and known.said != packet.authenticator.hex():
                self.waits.open.pop(bytes((datagram.direction & 1,)) + key)
            asked = self.waits.ask(key, datagram, packet.authenticator.hex())
            out: list[Output] = [RadiusAsked(seen(datagram), packet, user, asked)]
            return out + self.waits.limit(datagram, "radius")
        waiting = self.waits.answer(key, datagram)
        user = self.users.get(packet.identifier, "") or packet.text(USER_NAME)
        return [RadiusAnswer(both(waiting, datagram), packet, user, waiting)]

    def on_close(self, close: Close) -> list[Output]:
        return [RadiusUnanswered(observed, waiting, close.how) for observed, waiting in self.waits.left()]


def probe(data: bytes, direction: int) -> int:
    """A known code, and attributes that fill the length which the packet says."""
    if len(data) < HEADER or data[0] not in CODES:
        return NO
    length = data[2] << 8 | data[3]
    if not HEADER <= length <= min(len(data), MAX_LENGTH):
        return NO
    at = HEADER
    while at + 2 <= length and data[at + 1] >= 2:
        at += data[at + 1]
    return YES if at == length else NO


RADIUS: Final = Protocol(
    name="radius",
    title="RADIUS",
    summary="Who is let into a network, who is kept out and why, and servers that say nothing.",
    specs=("RFC 2865", "RFC 2866", "RFC 5176"),
    create=RadiusObserver,
    carriers=("udp",),
    ports={"udp": (1812, 1813, 1645, 1646, 3799)},
    events=(RadiusAsked, RadiusAnswer, RadiusUnanswered),
    terms=(
        Term("RADIUS", "How an access point, a switch or a VPN gateway asks a server who may enter. Both share a "
             "secret; a server that does not know the device or its secret says nothing.", "RFC 2865"),
    ),
    probe=probe,
    probe_anywhere=False,
    phases={"access": "RADIUS"},
)
