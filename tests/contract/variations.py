"""The same conversation in other pieces, cut short, or damaged. Everything is drawn from a seed."""
from __future__ import annotations

from random import Random

from sample_feeds import Item

from dissectors.kit.inputs import Chunk, Close, Datagram, Gap

HOWS = ("fin", "rst", "timeout", "capture")


def part(chunk: Chunk, start: int, end: int) -> Chunk:
    """Some bytes of a chunk, in the frame that the whole of it came in."""
    offset = chunk.offset + start if chunk.offset >= 0 else -1
    return Chunk(
        chunk.frame, chunk.time, chunk.direction, chunk.data[start:end], chunk.position + start, chunk.released_by,
        offset, chunk.stream,
    )


def split(items: list[Item], sizes: Random | int) -> list[Item]:
    """Chunks in pieces of so many bytes, or of random sizes."""
    out: list[Item] = []
    for item in items:
        if not isinstance(item, Chunk):
            out.append(item)
            continue
        at = 0
        while at < len(item.data):
            size = sizes if isinstance(sizes, int) else min(sizes.randint(1, 7) ** sizes.randint(1, 4), len(item.data))
            out.append(part(item, at, at + size))
            at += size
    return out


def joined(items: list[Item]) -> list[Item]:
    """Chunks that follow one another in one direction as a single one; those that had to wait, and what they waited
    for, stay as they are."""
    out: list[Item] = []
    awaited = {item.released_by for item in items if isinstance(item, Chunk) and item.released_by != item.frame}
    for item in items:
        before = out[-1] if out else None
        if (
            isinstance(item, Chunk) and isinstance(before, Chunk) and before.direction == item.direction
            and before.stream == item.stream
            and before.position + len(before.data) == item.position
            and item.released_by == item.frame and before.released_by == before.frame and item.frame not in awaited
        ):
            out[-1] = Chunk(
                item.frame, item.time, item.direction, before.data + item.data, before.position, stream=item.stream
            )
        else:
            out.append(item)
    return out


def cut(items: list[Item], octets: int) -> list[Item]:
    """The first so many bytes of a conversation, then the end of the capture."""
    out: list[Item] = []
    last: Item | None = None
    for item in items:
        if isinstance(item, Close) and item.how == "capture":
            break
        if isinstance(item, Chunk):
            if len(item.data) > octets:
                out.append(part(item, 0, octets)) if octets else None
                last = item
                break
            octets -= len(item.data)
        elif isinstance(item, Datagram):
            if len(item.data) > octets:
                out.append(shortened(item, octets))
                last = item
                break
            octets -= len(item.data)
        out.append(item)
        last = item
    if last is not None:
        out.append(Close(last.frame, last.time, 2, "capture"))
    return out


def shortened(item: Datagram, octets: int) -> Datagram:
    """A datagram of which the capture holds less than was sent."""
    return Datagram(
        item.frame, item.time, item.direction, item.data[:octets], item.length, item.offset, item.source_port,
        item.destination_port, item.stream,
    )


def with_bytes(item: Chunk | Datagram, data: bytes) -> Chunk | Datagram:
    if isinstance(item, Chunk):
        return Chunk(
            item.frame, item.time, item.direction, data, item.position, item.released_by, item.offset, item.stream
        )
    return Datagram(
        item.frame, item.time, item.direction, data, len(data), item.offset, item.source_port, item.destination_port
    )


def damaged_bytes(data: bytes, random: Random) -> bytes:
    """Flipped bits, lengths that lie, bytes that are missing or too many, or none of what was there."""
    octets = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        if not octets:
            break
        at = random.randrange(len(octets))
        kind = random.randrange(6)
        if kind == 0:
            octets[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            octets[at] = random.choice((0, 1, 0x3F, 0x7F, 0x80, 0xC0, 0xFF))
        elif kind == 2:
            octets[at:at + 2] = random.choice((b"\xff\xff", b"\x00\x00", b"\x7f\xff", b"\xc0\x0c", b"\x80\x00"))
        elif kind == 3:
            del octets[at:at + random.randint(1, 16)]
        elif kind == 4:
            octets[at:at] = random.randbytes(random.randint(1, 16))
        else:
            octets[at:] = random.randbytes(len(octets) - at)
    return bytes(octets)


def damaged(items: list[Item], random: Random) -> list[Item]:
    """A few items changed, left out, said twice, exchanged, or replaced by a gap or an early end."""
    out = list(items)
    for _ in range(random.choice((1, 1, 2, 4))):
        if not out:
            break
        at = random.randrange(len(out))
        item = out[at]
        kind = random.randrange(8)
        if kind <= 3 and isinstance(item, Chunk | Datagram):
            out[at] = with_bytes(item, damaged_bytes(item.data, random))
        elif kind == 4:
            del out[at]
        elif kind == 5:
            out.insert(at, item)
        elif kind == 6 and isinstance(item, Chunk):
            out[at] = as_gap(item)
        elif kind == 7:
            out.insert(at, Close(item.frame, item.time, random.randrange(3), random.choice(HOWS)))
    return out


def as_gap(chunk: Chunk) -> Gap:
    return Gap(chunk.frame, chunk.time, chunk.direction, chunk.position, len(chunk.data), chunk.stream)
