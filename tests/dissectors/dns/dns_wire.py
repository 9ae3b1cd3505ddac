"""DNS messages put together byte by byte, and a conversation to feed them to."""
from __future__ import annotations

from struct import pack

from dissectors.kit.event import Event
from dissectors.kit.inputs import Chunk, Close, Datagram
from dissectors.kit.protocol import Context, Dissector, Protocol
from dissectors.protocols.dns.protocol import DNS

MS = 1_000_000
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 41


def name(text: str) -> bytes:
    """`shop.test` as labels; "" is the root."""
    return b"".join(bytes([len(part)]) + part.encode("latin-1") for part in text.split(".") if part) + b"\x00"


def record(owner: str | bytes, type_: int, data: bytes, ttl: int = 300, class_: int = 1) -> bytes:
    encoded = owner if isinstance(owner, bytes) else name(owner)
    return encoded + pack(">HHIH", type_, class_, ttl, len(data)) + data


def message(
    identifier: int = 1, flags: int = 0x0100, question: tuple[str, int] | None = ("shop.test", A),
    answers: tuple[bytes, ...] = (), authority: tuple[bytes, ...] = (), additional: tuple[bytes, ...] = (),
) -> bytes:
    asked = name(question[0]) + pack(">HH", question[1], 1) if question else b""
    head = pack(">6H", identifier, flags, 1 if question else 0, len(answers), len(authority), len(additional))
    return head + asked + b"".join(answers) + b"".join(authority) + b"".join(additional)


def soa(ttl: int = 900, minimum: int = 60, zone: str = "test") -> bytes:
    return record(zone, SOA, name("ns." + zone) + name("root." + zone) + pack(">5I", 7, 1, 2, 3, minimum), ttl)


def edns(options: bytes = b"", size: int = 1232, rcode: int = 0, dnssec: bool = False) -> bytes:
    return b"\x00" + pack(">HHBBHH", OPT, size, rcode >> 4, 0, 0x8000 if dnssec else 0, len(options)) + options


def option(code: int, value: bytes) -> bytes:
    return pack(">HH", code, len(value)) + value


def create(protocol: Protocol = DNS, transport: str = "udp", midstream: bool = False) -> Dissector:
    assert protocol.create is not None
    return protocol.create(Context(transport, 40000, protocol.ports["udp"][0], midstream))


class Talk:
    """One UDP conversation; frames count from 1, one a datagram."""

    def __init__(self, protocol: Protocol = DNS) -> None:
        self.dissector = create(protocol)
        self.frame = 0
        self.now = 0

    def send(self, data: bytes, direction: int = 0, after: int = MS, length: int = 0) -> list[Event]:
        self.frame += 1
        self.now += after
        outputs = self.dissector.on_datagram(Datagram(self.frame, self.now, direction, data, length or len(data), 42))
        return [output for output in outputs if isinstance(output, Event)]

    def one(self, data: bytes, direction: int = 0, after: int = MS) -> Event:
        events = self.send(data, direction, after)
        assert len(events) == 1, [event.what() for event in events]
        return events[0]

    def close(self, after: int = MS, how: str = "capture") -> list[Event]:
        self.now += after
        return [e for e in self.dissector.on_close(Close(self.frame, self.now, 2, how)) if isinstance(e, Event)]


def feed(dissector: Dissector, data: bytes, direction: int, sizes: list[int], first_frame: int = 1) -> list[Event]:
    """A byte stream in chunks of these sizes (the last one repeats)."""
    out: list[Event] = []
    at = 0
    index = 0
    while at < len(data):
        size = max(sizes[min(index, len(sizes) - 1)], 1)
        part = data[at:at + size]
        chunk = Chunk(first_frame + index, index * MS, direction, part, at, 0, 54)
        out += [e for e in dissector.on_data(chunk) if isinstance(e, Event)]
        at += size
        index += 1
    return out


def framed(*messages: bytes) -> bytes:
    return b"".join(pack(">H", len(data)) + data for data in messages)
