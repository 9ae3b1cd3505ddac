"""Frames of QUIC as an attacker writes them: in Initial packets, whose keys everybody can make (RFC 9001 §5.2)."""
from __future__ import annotations

from random import Random

from fuzz_mutators import EDGES, mutated, read_varint, varint
from sample_feeds import SAMPLES, Feed, feeds, run

from dissectors.kit.event import Event
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Context
from dissectors.protocols.quic.protection import initial_keys
from dissectors.protocols.quic.versions import version_of
from dissectors.protocols.quic.wire import read_packet

NUMBERS = 24            # packets of one input, each with so many octets before it as its length says
START = 1_700_000_000_000_000_000


def sealed(dcid: bytes, number: int, payload: bytes, sender: int = 0) -> bytes:
    """An Initial of version 1 with these frames. sender: 0 for the client's keys, 1 for the server's."""
    version = version_of(1)
    assert version is not None
    keys = initial_keys(version, dcid)[sender]
    payload = payload[:16_000].ljust(24, b"\0")
    head = b"\xc3\0\0\0\1" + bytes((len(dcid),)) + dcid + b"\0\0"
    head += (0x80000000 | len(payload) + 20).to_bytes(4, "big") + number.to_bytes(4, "big")
    body = keys.aead.encrypt((keys.iv ^ number).to_bytes(12, "big"), payload, head)
    mask, at = keys.mask(body[:16]), len(head) - 4
    masked = bytes(one ^ other for one, other in zip(head[at:], mask[1:5], strict=True))
    return bytes((head[0] ^ mask[0] & 15,)) + head[1:at] + masked + body


def joined(payloads: list[bytes]) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in payloads)


def divided(data: bytes) -> list[bytes]:
    found, at = list[bytes](), 0
    while at + 2 <= len(data) and len(found) < NUMBERS:
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        found.append(data[at + 2:end])
        at = end
    return found


def quic_seeds() -> list[bytes]:
    """The frames of the Initial packets that the samples have, and frames of every type."""
    found = [joined([varint(kind) + varint(at) * 4 + b"abcd" for at in (0, 63, 1 << 20)]) for kind in range(0x32)]
    for path in sorted((SAMPLES / "quic").glob("*/capture.pcapng")):
        for feed in feeds(path):
            payload = opened(feed)
            if payload:
                found.append(joined([payload, payload]))
    return found


def opened(feed: Feed) -> bytes:
    """What the first packet holds, where it is an Initial of a client, version 1."""
    first = feed.items[0]
    version = version_of(1)
    if not isinstance(first, Datagram) or first.data[1:5] != b"\0\0\0\1" or version is None:
        return b""
    packet = read_packet(first.data, 0, len(first.data), 0)
    found = initial_keys(version, first.data[6:6 + first.data[5]])[0].open(first.data, packet, -1)
    return found.payload if found is not None else b""


def changed_frames(data: bytes, random: Random) -> bytes:
    payloads = divided(data) or [b""]
    at = random.randrange(len(payloads))
    kind, payload = random.randrange(6), payloads[at]
    if kind == 0:
        payloads.insert(at, payload)
    elif kind == 1:
        type_ = random.choice((2, 6, 8, 0xF, 0x18, 0x1C, 0x30))
        payloads[at] = payload + varint(type_) + varint(random.choice(EDGES)) * 4
    elif kind == 2 and payload:
        place = random.randrange(len(payload))
        _value, end = read_varint(payload, place)
        payloads[at] = payload[:place] + varint(random.choice(EDGES)) + payload[end or place + 1:]
    elif kind == 3:
        payloads[at], payloads[0] = payloads[0], payload
    else:
        payloads[at] = mutated(payload, random)
    return joined([one[:16_000] for one in payloads[:NUMBERS]])


def events_of_frames(data: bytes) -> tuple[list[Event], int]:
    """What is told of them, and how many datagrams they came in: every third one is the server's."""
    dcid, items = b"\1\2\3\4\5\6\7\x08", list[Datagram | Close]()
    for number, payload in enumerate(divided(data)):
        sender = number % 3 == 2
        packet = sealed(dcid, number, payload, sender)
        ports = (443, 50_000) if sender else (50_000, 443)
        items.append(Datagram(number + 1, START + number * 10**6, int(sender), packet, len(packet), -1, *ports))
    items.append(Close(max(len(items), 1), START + 10**9, 2, "capture"))
    feed = Feed("fuzzed", 1, Context("udp", 50_000, 443))
    return run(feed.router(), [*items]), len(items)
