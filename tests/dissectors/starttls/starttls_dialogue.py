"""Dialogues put together by hand, through the router, with a protocol in the place of TLS that keeps what it gets."""
from __future__ import annotations

from typing import TypeVar

from analyzer.flows.router import Router
from dissectors.kit.event import BASE, NEITHER, DissectorFault, Event, Evidence
from dissectors.kit.inputs import Chunk, Close, Gap
from dissectors.kit.protocol import NO, YES, Context, Dissector, Output, Protocol
from dissectors.kit.provided import NOTHING, Provided
from dissectors.protocols.starttls.ftp import FTP
from dissectors.protocols.starttls.imap import IMAP
from dissectors.protocols.starttls.ldap import LDAP
from dissectors.protocols.starttls.pop3 import POP3
from dissectors.protocols.starttls.postgresql import POSTGRESQL
from dissectors.protocols.starttls.smtp import SMTP
from dissectors.protocols.starttls.xmpp import XMPP

ALL = (SMTP, IMAP, POP3, FTP, LDAP, POSTGRESQL, XMPP)
E = TypeVar("E", bound=Event)
MS = 1_000_000
CLIENT_HELLO = bytes.fromhex("16030100050100000100")
SERVER_HELLO = bytes.fromhex("160303000402000000")


class Taken(Event):
    """What the protocol in the place of TLS got."""

    name = "tls.taken"
    phase = "tls"
    importance = BASE

    def __init__(self, time: int, direction: int, frame: int, data: bytes) -> None:
        super().__init__(time, direction, Evidence((frame,)))
        self.data = data

    def what(self) -> str:
        return self.data.hex()


class Keeper(Dissector):
    def on_data(self, chunk: Chunk) -> list[Output]:
        return [Taken(chunk.time, chunk.direction, chunk.frame, chunk.data)]


def _keeper(context: Context) -> Dissector:
    return Keeper()


def _probe(data: bytes, direction: int) -> int:
    return YES if data[:2] == b"\x16\x03" else NO


TLS = Protocol("tls", "TLS", "Kept.", ("RFC 8446",), _keeper, ("tcp",), {}, (Taken,), probe=_probe,
               reached_by=(("starttls", "tls"),))


class Dialogue:
    """Feeds one connection. Each piece is (direction, bytes); time goes on by a millisecond with each."""

    def __init__(
        self, port: int = 50_001, *, beneath: tuple[str, ...] = (), midstream: bool = False, step: int = 0,
        provided: Provided = NOTHING,
    ) -> None:
        context = Context("tcp", 40_000, port, midstream, False, provided, beneath)
        self.router = Router((*ALL, TLS), context, 1)
        self.position = [0, 0]
        self.frame = 0
        self.step = step
        self.events: list[Event] = []

    def say(self, direction: int, data: bytes) -> Dialogue:
        self.frame += 1
        size = self.step or max(len(data), 1)
        for at in range(0, len(data), size):
            part = data[at:at + size]
            self.events += self.router.chunk(
                Chunk(self.frame, self.frame * MS, direction, part, self.position[direction], 0, 54 + at)
            )
            self.position[direction] += len(part)
        return self

    def lose(self, direction: int, octets: int) -> Dialogue:
        self.frame += 1
        self.events += self.router.gap(Gap(self.frame, self.frame * MS, direction, self.position[direction], octets))
        self.position[direction] += octets
        return self

    def end(self, how: str = "fin") -> list[Event]:
        self.frame += 1
        self.events += self.router.close(Close(self.frame, self.frame * MS, NEITHER, how))
        assert not [event for event in self.events if isinstance(event, DissectorFault)]
        return self.events


def talk(*pieces: tuple[int, bytes], step: int = 0, port: int = 50_001, **options: object) -> list[Event]:
    dialogue = Dialogue(port, step=step, **options)  # type: ignore[arg-type]
    for direction, data in pieces:
        dialogue.say(direction, data)
    return dialogue.end()


def told(events: list[Event]) -> list[str]:
    """The kinds of events, without `starttls.`; what TLS got as one entry a direction: `tls 0 16030100...`."""
    out: list[str] = []
    taken = [b"", b""]
    for event in events:
        if isinstance(event, Taken):
            taken[event.direction] += event.data
        else:
            out.append(event.name.removeprefix("starttls."))
    return out + [f"tls {side} {data.hex()}" for side, data in enumerate(taken) if data]


def only(events: list[Event], kind: type[E]) -> E:
    found, = [event for event in events if isinstance(event, kind)]
    return found


def ber(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def ldap(identifier: int, operation: bytes) -> bytes:
    return ber(0x30, ber(2, bytes((identifier,))) + operation)


START_TLS = ldap(1, ber(0x77, ber(0x80, b"1.3.6.1.4.1.1466.20037")))
XMPP_OPEN = b"<?xml version='1.0'?><stream:stream to='a' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
FEATURES = (
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
)
SSL_REQUEST = bytes.fromhex("0000000804d2162f")

# By protocol: a dialogue that ends in TLS, and one in which the server refuses it.
CHANGES: dict[str, list[tuple[int, bytes]]] = {
    "SMTP": [
        (1, b"220 mx.test ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250-mx.test\r\n250-SIZE 1\r\n250 STARTTLS\r\n"),
        (0, b"STARTTLS\r\n"), (1, b"220 go ahead\r\n"),
    ],
    "IMAP": [
        (1, b"* OK ready\r\n"), (0, b"a CAPABILITY\r\n"), (1, b"* CAPABILITY IMAP4rev1 STARTTLS\r\na OK done\r\n"),
        (0, b"b STARTTLS\r\n"), (1, b"b OK begin\r\n"),
    ],
    "POP3": [
        (1, b"+OK ready\r\n"), (0, b"CAPA\r\n"), (1, b"+OK\r\nUSER\r\nSTLS\r\n.\r\n"), (0, b"STLS\r\n"),
        (1, b"+OK begin\r\n"),
    ],
    "FTP": [
        (1, b"220 FTP ready\r\n"), (0, b"FEAT\r\n"), (1, b"211-Features\r\n AUTH TLS\r\n211 End\r\n"),
        (0, b"AUTH TLS\r\n"), (1, b"234 go ahead\r\n"),
    ],
    "LDAP": [(0, START_TLS), (1, ldap(1, ber(0x78, b"\x0a\x01\x00\x04\x00\x04\x00")))],
    "PostgreSQL": [(0, SSL_REQUEST), (1, b"S")],
    "XMPP": [
        (0, XMPP_OPEN), (1, XMPP_OPEN + FEATURES), (0, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (1, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
}

REFUSALS: dict[str, tuple[bytes, str]] = {
    "SMTP": (b"454 no TLS now\r\n", "454 no TLS now"),
    "IMAP": (b"b BAD no\r\n", "b BAD no"),
    "POP3": (b"-ERR no\r\n", "-ERR no"),
    "FTP": (b"502 no\r\n", "502 no"),
    "LDAP": (ldap(1, ber(0x78, b"\x0a\x01\x34\x04\x00\x04\x00")), "ExtendedResponse unavailable"),
    "PostgreSQL": (b"N", "N"),
    "XMPP": (b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<failure/>"),
}
