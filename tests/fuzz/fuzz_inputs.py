"""What is fuzzed, as octets: conversations as dissectors are handed them, and captures frame by frame."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

from fuzz_mutators import EDGES, edge, mutated
from pcap_bytes import damaged
from sample_feeds import Feed, Item
from variations import HOWS

from analyzer.ingest import pcapng_write as ng
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import Interface
from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap

HEAD = struct.Struct(">BBqIq")  # kind, direction, stream, octets or length, position
CHUNK, DATAGRAM, GAP, CLOSE, FIELDS = range(5)
MOST_ITEMS = 400
STEP = 1_000_000  # ns between two items
START = 1_700_000_000_000_000_000


class Part:
    """One thing that a dissector is handed."""

    def __init__(self, kind: int, direction: int, stream: int, data: bytes, number: int = 0) -> None:
        self.kind = kind
        self.direction = direction
        self.stream = stream
        self.data = data
        self.number = number  # octets of a gap, or the original of a datagram beyond what was captured


def part_of(item: Item) -> Part:
    if isinstance(item, Chunk):
        return Part(CHUNK, item.direction, item.stream, item.data)
    if isinstance(item, Datagram):
        return Part(DATAGRAM, item.direction, item.stream, item.data, item.length - len(item.data))
    if isinstance(item, Gap):
        return Part(GAP, item.direction, item.stream, b"", item.length)
    if isinstance(item, Close):
        return Part(CLOSE, item.direction, item.stream, item.how.encode())
    pairs = b"".join(len(each).to_bytes(2, "big") + each for pair in item.pairs for each in pair)
    return Part(FIELDS, item.direction, item.stream, item.kind.encode() + b"\0" + pairs)


def packed(feed: int, parts: list[Part]) -> bytes:
    """feed: the number of the sample's conversation whose ports and keys it has."""
    out = [feed.to_bytes(2, "big")]
    for part in parts[:MOST_ITEMS]:
        stream, number = (max(min(each, (1 << 63) - 1), 0) for each in (part.stream, part.number))
        out.append(HEAD.pack(part.kind, part.direction, stream, len(part.data), number) + part.data)
    return b"".join(out)


def unpacked(data: bytes) -> tuple[int, list[Part]]:
    """Of any octets: what is no conversation is read as one all the same."""
    feed, at, parts = int.from_bytes(data[:2], "big"), 2, list[Part]()
    while at + HEAD.size <= len(data) and len(parts) < MOST_ITEMS:
        kind, direction, stream, octets, number = HEAD.unpack_from(data, at)
        at += HEAD.size
        ways = 3 if kind % 5 == CLOSE else 2  # an end can be that of both
        parts.append(Part(kind % 5, direction % ways, max(stream, 0), data[at : at + octets], max(number, 0)))
        at += octets
    return feed, parts


def items_of(parts: list[Part], ports: tuple[int, int] = (0, 0)) -> list[Item]:
    """With frames, times and positions as a capture would have them. ports: of the originator and of the other side."""
    items: list[Item] = []
    at: dict[tuple[int, int], int] = {}
    for frame, part in enumerate(parts, 1):
        time, way = START + frame * STEP, (part.direction, part.stream)
        position = at.get(way, 0)
        if part.kind == CHUNK and part.data:
            items.append(Chunk(frame, time, part.direction, part.data, position, stream=part.stream))
            at[way] = position + len(part.data)
        elif part.kind == DATAGRAM and part.data:
            length = len(part.data) + min(part.number, 65_535)
            source, destination = ports[::-1] if part.direction else ports
            items.append(Datagram(frame, time, part.direction, part.data, length, -1, source, destination, part.stream))
        elif part.kind == GAP and 0 < part.number < 1 << 40:
            items.append(Gap(frame, time, part.direction, position, part.number, part.stream))
            at[way] = position + part.number
        elif part.kind == CLOSE:
            how = part.data.decode("ascii", "replace")
            items.append(Close(frame, time, part.direction, how if how in HOWS else "capture", part.stream))
        elif part.kind == FIELDS:
            items.append(fields_of(frame, time, part))
    return items


def fields_of(frame: int, time: int, part: Part) -> Fields:
    kind, _zero, rest = part.data.partition(b"\0")
    texts, at = list[bytes](), 0
    while at + 2 <= len(rest):
        end = at + 2 + int.from_bytes(rest[at : at + 2], "big")
        texts.append(rest[at + 2 : end])
        at = end
    pairs = tuple(zip(texts[::2], texts[1::2], strict=False))
    said = kind.decode("ascii", "replace")
    return Fields(
        frame,
        time,
        part.direction,
        said if said in ("request", "response", "trailers") else "request",
        pairs,
        part.stream,
    )


def feed_octets(number: int, feed: Feed) -> bytes:
    return packed(number, [part_of(item) for item in feed.items])


def changed_feed(data: bytes, random: Random) -> bytes:
    """A conversation with a few of its parts changed, moved, cut or made missing."""
    feed, parts = unpacked(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        if not parts:
            break
        at, kind = random.randrange(len(parts)), random.randrange(12)
        part = parts[at]
        if kind <= 5:
            parts[at] = Part(part.kind, part.direction, part.stream, mutated(part.data, random), part.number)
        elif kind == 6:
            del parts[at]
        elif kind == 7:
            parts.insert(random.randrange(len(parts)), part)
        elif kind == 8:
            parts.insert(
                at, Part(GAP, part.direction, part.stream, b"", random.choice((1, 100, len(part.data) or 1, 1 << 30)))
            )
        elif kind == 9:
            parts.insert(at, Part(CLOSE, part.direction, part.stream, random.choice(HOWS).encode()))
        elif kind == 10:
            stream = random.choice((0, 1, 2, 3, 4, random.choice(EDGES) & (1 << 62) - 1))
            parts[at] = Part(
                part.kind, random.choice((part.direction, (part.direction + 1) % 2)), stream, part.data, part.number
            )
        elif len(part.data) > 1:
            cut = random.randrange(1, len(part.data))
            parts[at : at + 1] = [
                Part(part.kind, part.direction, part.stream, each) for each in (part.data[:cut], part.data[cut:])
            ]
    return packed(feed, parts)


# -- captures ---------------------------------------------------------------------------

MOST_FRAMES = 300
NO_TIME = (1 << 64) - 1


class Recorded:
    """The frames of a capture: one link type, times in ns, and its secrets."""

    def __init__(self, link: int, frames: list[tuple[int, bytes, int]], secrets: list[tuple[int, bytes]]) -> None:
        self.link = link
        self.frames = frames
        self.secrets = secrets

    def octets(self) -> bytes:
        out = [ng.section("", "", []), ng.interface(Interface(self.link, 0))]
        out += [ng.secrets(kind, data) for kind, data in self.secrets]
        for time, data, length in self.frames:
            halves = ng.time_halves(time)
            sizes = len(data).to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
            out.append(ng.block(6, bytes(4) + halves + sizes + data + bytes(-len(data) % 4)))
        return b"".join(out)


def recorded(path: Path) -> Recorded:
    """The first frames of a capture, those of its first link type."""
    source = open_capture([str(path)])
    frames: list[tuple[int, bytes, int]] = []
    link = -1
    while len(frames) < MOST_FRAMES and source.next():
        link = int(source.link) if link < 0 else link
        if int(source.link) == link:
            frames.append((int(source.time), source.data[source.start : source.end], int(source.length)))
    secrets = [(block.kind, block.data) for block in source.secrets]
    source.close()
    return Recorded(max(link, 0), frames, secrets)


def changed_capture(path: Path, random: Random) -> bytes:
    """Frames of a sample with other contents, headers, times and order, in a file that is whole."""
    capture = recorded(path)
    for _ in range(random.choice((1, 2, 6, 20))):
        if capture.frames:
            change(capture.frames, random)
    if random.randrange(4) == 0 and capture.frames:
        damage = damaged([data for _time, data, _length in capture.frames], random)
        times = [frame[0] for frame in capture.frames]
        capture.frames = [(times[min(at, len(times) - 1)], data, len(data)) for at, data in enumerate(damage)]
    return capture.octets()


def change(frames: list[tuple[int, bytes, int]], random: Random) -> None:
    at, kind = random.randrange(len(frames)), random.randrange(10)
    time, data, length = frames[at]
    if kind <= 3:
        frames[at] = time, segment_changed(data, random), length
    elif kind == 4:
        frames[at] = extreme(time, random), data, length
    elif kind == 5:
        del frames[at]
    elif kind == 6:
        frames.insert(random.randrange(len(frames)), frames[at])
    elif kind == 7:
        other = random.randrange(len(frames))
        frames[at], frames[other] = frames[other], frames[at]
    elif kind == 8:
        cut = random.randrange(len(data) + 1)
        frames[at] = time, data[:cut], length
    else:
        moved = random.choice((-1, 1)) * random.choice((1, 1000, 10**9, 10**12, 10**18))
        frames[at:] = [(min(max(each + moved, 0), NO_TIME), octets, size) for each, octets, size in frames[at:]]


def extreme(time: int, random: Random) -> int:
    return random.choice(
        (0, 1, NO_TIME, (1 << 63) - 1, 1 << 63, min(time + 1, NO_TIME), max(time - 10**9, 0), 10**18, 4 * 10**18)
    )


TCP_FIELDS = ((4, 4), (8, 4), (12, 1), (13, 1), (14, 2), (18, 2))  # RFC 9293 §3.1: offset and octets


def segment_changed(data: bytes, random: Random) -> bytes:
    """A field of a TCP header over IPv4 in Ethernet, or the payload; of other frames any place."""
    if len(data) >= 54 and data[12:14] == b"\x08\0" and data[23] == 6:
        header = 14 + (data[14] & 15) * 4
        if random.randrange(2):
            field, octets = random.choice(TCP_FIELDS)
            place = header + field
            if octets == 4 and random.randrange(2) and place + 4 <= len(data):  # near to what it was
                near = int.from_bytes(data[place : place + 4], "big") + random.choice(
                    (-1460, -1, 1, 100, 1460, 1 << 31)
                )
                return data[:place] + (near & 0xFFFFFFFF).to_bytes(4, "big") + data[place + 4 :]
            return data[:place] + edge(random, octets) + data[place + octets :]
        payload = header + (data[header + 12] >> 4) * 4 if header + 12 < len(data) else header
    else:
        payload = (
            42 if len(data) > 42 and data[12:14] == b"\x08\0" and data[23] == 17 else random.randrange(len(data) + 1)
        )
    return (data[:payload] + mutated(data[payload:], random))[:262_144]
