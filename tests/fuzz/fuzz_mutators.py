"""Changes that keep most of a message's structure, so that what lies behind the first length is reached too.

A mutator takes octets and a source of chance; it gives None where it finds nothing of its kind in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from variations import damaged_bytes

Mutator = Callable[[bytes, Random], bytes | None]
MOST_UNITS = 200  # records, frames or lines of one input that are taken apart
LARGEST = 1 << 20  # octets of what a mutator gives
EDGES = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    0x3F,
    0x40,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x3FFF,
    0x4000,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
HOSTILE = (
    b"\x1b]0;x\x07",
    "\u202e\u200b".encode(),
    b"<script>",
    b"=1+1",
    b"|`[x](y)",
    b"\xff\xfe",
    b"\0",
    b"\xed\xa0\x80",
)


def edge(random: Random, octets: int) -> bytes:
    """A number that lengths, counts and identifiers lie with."""
    return (random.choice(EDGES) & (1 << 8 * octets) - 1).to_bytes(octets, "big")


def varint(value: int) -> bytes:
    """RFC 9000 §16."""
    value &= (1 << 62) - 1
    for octets, mark in ((1, 0), (2, 0x40), (4, 0x80), (8, 0xC0)):
        if value < 1 << (8 * octets - 2):
            raw = value.to_bytes(octets, "big")
            return bytes((raw[0] | mark,)) + raw[1:]
    raise AssertionError(value)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; (0, 0) where there is none."""
    if at >= len(data):
        return 0, 0
    end = at + (1 << (data[at] >> 6))
    if end > len(data):
        return 0, 0
    return int.from_bytes(data[at:end], "big") & (1 << (8 * (end - at) - 2)) - 1, end


def shuffled(units: list[bytes], random: Random, change: Callable[[bytes], bytes]) -> bytes:
    """One unit changed, left out, said again, moved, or put in the place of another."""
    at, other = random.randrange(len(units)), random.randrange(len(units))
    kind = random.randrange(8)
    if kind <= 3:
        units[at] = change(units[at])
    elif kind == 4:
        del units[at]
    elif kind == 5:
        units.insert(other, units[at])
    elif kind == 6:
        units[at], units[other] = units[other], units[at]
    else:
        units[at : at + 1] = [units[at]] * random.choice((2, 3, 50))
    return b"".join(units)[:LARGEST]


# -- units of one kind ---------------------------------------------------------------------------


def tls_records(data: bytes, random: Random) -> bytes | None:
    """RFC 8446 §5.1: type, version, length; within them handshake messages with a length of their own (§4)."""
    units, at = [], 0
    while at + 5 <= len(data) and 20 <= data[at] <= 24 and data[at + 1] == 3 and len(units) < MOST_UNITS:
        end = min(at + 5 + int.from_bytes(data[at + 3 : at + 5], "big"), len(data))
        units.append(data[at:end])
        at = end
    if not units:
        return None
    rest = data[at:]

    def change(unit: bytes) -> bytes:
        kind, body = random.randrange(6), unit[5:]
        if kind == 0:
            return unit[:3] + edge(random, 2) + body
        if kind == 1:
            return bytes((random.choice((20, 21, 22, 23, 24, random.randrange(256))),)) + unit[1:]
        if kind == 2 and len(body) > 4:  # the length of a handshake message
            body = body[:1] + edge(random, 3) + body[4:]
        elif kind == 3 and len(body) > 1:  # one message in two records
            cut = random.randrange(1, len(body))
            return record(unit, body[:cut]) + record(unit, body[cut:])
        elif kind == 4 and body:  # the length of some vector
            place = random.randrange(len(body))
            body = body[:place] + edge(random, random.choice((1, 2, 3))) + body[place + 2 :]
        else:
            body = damaged_bytes(body, random)
        return record(unit, body)

    return shuffled(units, random, change) + rest


def record(like: bytes, body: bytes) -> bytes:
    return like[:3] + (len(body) & 0xFFFF).to_bytes(2, "big") + body[:0xFFFF]


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def http2_frames(data: bytes, random: Random) -> bytes | None:
    """RFC 9113 §4.1: length, type, flags, stream; header blocks with HPACK of our own making."""
    start = len(PREFACE) if data.startswith(PREFACE) else 0
    units, at = [], start
    while at + 9 <= len(data) and data[at + 3] <= 0x10 and len(units) < MOST_UNITS:
        end = at + 9 + int.from_bytes(data[at : at + 3], "big")
        if end > len(data):
            break
        units.append(data[at:end])
        at = end
    if not units:
        return None
    rest = data[at:]
    made = random.randrange(10)
    if made < 3:
        units.insert(random.randrange(len(units) + 1), http2_made(random))

    def change(unit: bytes) -> bytes:
        kind, body = random.randrange(6), unit[9:]
        if kind == 0:
            return edge(random, 3) + unit[3:]
        if kind == 1:
            return unit[:3] + bytes((random.randrange(12), random.randrange(256))) + unit[5:]
        if kind == 2:
            return unit[:5] + edge(random, 4) + body
        body = hpack_block(random) if kind <= 4 and unit[3] in (1, 5, 9) else damaged_bytes(body, random)
        return len(body).to_bytes(3, "big") + unit[3:9] + body

    return data[:start] + shuffled(units, random, change) + rest


def http2_made(random: Random) -> bytes:
    """A frame of any kind with contents of the right kind, or many of them (floods)."""
    kind = random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12))
    stream = random.choice((0, 1, 2, 3, 5, 7, 0x7FFFFFFF))
    body = {
        1: hpack_block(random),
        5: edge(random, 4) + hpack_block(random),
        9: hpack_block(random),
        3: edge(random, 4),
        4: b"".join(edge(random, 2) + edge(random, 4) for _ in range(random.randrange(4))),
        6: bytes(8),
        7: edge(random, 4) + edge(random, 4) + b"why",
        8: edge(random, 4),
        2: edge(random, 5),
    }.get(kind, random.randbytes(random.randrange(40)))
    flags = random.choice((0, 1, 4, 5, 8, 0x20, 0x2D, 0xFF))
    frame = len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body
    return frame * random.choice((1, 1, 1, 2, 200))


def prefixed(value: int, bits: int, first: int) -> bytes:
    """An integer with a prefix of so many bits (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes((first | value,))
    out, value = bytearray((first | most,)), value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


NAMES = (
    b":method",
    b":path",
    b":status",
    b":authority",
    b"cookie",
    b"authorization",
    b"content-length",
    b"x",
    b"",
    b"te",
    b"content-type",
    b"content-encoding",
    b":protocol",
    b"location",
    b"set-cookie",
    b"alt-svc",
    b"grpc-status",
)
VALUES = (
    b"GET",
    b"/",
    b"200",
    b"204",
    b"-1",
    b"99999999999999999999",
    b"br",
    b"gzip, gzip, br",
    b"text/event-stream",
    b"application/grpc",
    b"websocket",
    b"a=b; c",
    b'h3=":443"',
    b"Basic Og==",
    b"",
    *HOSTILE,
)


def hpack_string(random: Random, bits: int = 7, first: int = 0) -> bytes:
    text = random.choice((*NAMES, *VALUES, b"a" * random.choice((1, 200, 5000))))
    huffman = random.randrange(4) == 0
    length = len(text) if random.randrange(8) else random.choice(EDGES)
    return prefixed(length, bits, first | (huffman << bits)) + text


def hpack_block(random: Random) -> bytes:
    """Representations of RFC 7541 §6 in any order, with indices and lengths that often lie."""
    out = b""
    for _ in range(random.choice((1, 3, 8, 60))):
        index = random.choice((1, 2, 4, 8, 61, 62, 63, 70, random.choice(EDGES)))
        kind = random.randrange(8)
        if kind <= 1:
            out += prefixed(index, 7, 0x80)
        elif kind == 2:
            out += prefixed(index, 6, 0x40) + hpack_string(random)
        elif kind == 3:
            out += prefixed(index, 4, random.choice((0, 0x10))) + hpack_string(random)
        elif kind == 4:
            out += prefixed(random.choice(EDGES), 5, 0x20)
        else:
            out += b"\x40" + hpack_string(random) + hpack_string(random)
    return out


def qpack_block(random: Random) -> bytes:
    """An encoded field section of RFC 9204 §4.5, its prefix first."""
    out = prefixed(random.choice((0, 0, 1, 2, 200, random.choice(EDGES))), 8, 0)
    out += prefixed(random.choice((0, 0, 1, random.choice(EDGES))), 7, random.choice((0, 0x80)))
    for _ in range(random.choice((1, 3, 8, 60))):
        index = random.choice((0, 1, 17, 25, 98, 99, random.choice(EDGES)))
        kind = random.randrange(5)
        if kind == 0:
            out += prefixed(index, 6, random.choice((0x80, 0xC0)))
        elif kind == 1:
            out += prefixed(index, 4, 0x10)
        elif kind == 2:
            out += prefixed(index, 4, random.choice((0x40, 0x50))) + hpack_string(random)
        elif kind == 3:
            out += prefixed(index, 3, 0) + hpack_string(random)
        else:
            out += hpack_string(random, 3, 0x20) + hpack_string(random)
    return out


def qpack_instructions(random: Random) -> bytes:
    """Of either stream of RFC 9204 §4.3 and §4.4."""
    out = b""
    for _ in range(random.choice((1, 4, 40))):
        kind = random.randrange(5)
        index = random.choice((0, 1, 2, 98, random.choice(EDGES)))
        if kind == 0:
            out += prefixed(index, 5, 0x20)
        elif kind == 1:
            out += prefixed(index, 6, random.choice((0x80, 0xC0))) + hpack_string(random)
        elif kind == 2:
            out += hpack_string(random, 5, 0x40) + hpack_string(random)
        elif kind == 3:
            out += prefixed(index, 5, 0)
        else:
            out += prefixed(index, random.choice((6, 7)), random.choice((0, 0x40, 0x80)))
    return out


def http3_frames(data: bytes, random: Random) -> bytes | None:
    """RFC 9114 §7.1: type and length as variable-length integers; unidirectional streams begin with their type."""
    kind, start = read_varint(data, 0)
    if not start:
        return None
    if kind in (2, 3) and random.randrange(2):
        return varint(kind) + qpack_instructions(random)
    if not (kind == 0 and len(data) > 2 and data[1] in (4, 7, 0xD)):
        start = 0
    units, at = [], start
    while at < len(data) and len(units) < MOST_UNITS:
        kind, middle = read_varint(data, at)
        length, body = read_varint(data, middle) if middle else (0, 0)
        if not body or body + length > len(data):
            break
        units.append(data[at : body + length])
        at = body + length
    if not units:
        return None
    rest = data[at:]

    def change(unit: bytes) -> bytes:
        kind, middle = read_varint(unit, 0)
        _length, at = read_varint(unit, middle)
        body = unit[at:]
        choice = random.randrange(5)
        if choice == 0:
            return varint(kind) + varint(random.choice(EDGES)) + body
        if choice == 1:
            return varint(random.choice((0, 1, 3, 4, 5, 7, 13, 0x21, random.choice(EDGES)))) + unit[middle:]
        body = qpack_block(random) if kind == 1 and choice < 4 else damaged_bytes(body, random)
        return varint(kind) + varint(len(body)) + body

    return data[:start] + shuffled(units, random, change) + rest


def varints(data: bytes, random: Random) -> bytes | None:
    """One place where a variable-length integer of RFC 9000 §16 could stand, said otherwise."""
    if not data:
        return None
    at = random.randrange(len(data))
    _value, end = read_varint(data, at)
    return data[:at] + varint(random.choice(EDGES)) + data[end or at + 1 :]


def dns_message(data: bytes, random: Random) -> bytes | None:
    """RFC 1035 §4: counts, names with pointers, types and lengths of records; over TCP two octets before it."""
    shift = 2 if len(data) > 14 and int.from_bytes(data[:2], "big") == len(data) - 2 else 0
    if len(data) < shift + 13 or any(count > 60 for count in data[shift + 5 : shift + 12 : 2]):
        return None
    message = bytearray(data[shift:])
    kind = random.randrange(6)
    at = random.randrange(12, len(message))
    if kind == 0:
        place = random.choice((4, 6, 8, 10))
        message[place : place + 2] = edge(random, 2)
    elif kind == 1:
        message[at : at + 2] = (0xC000 | random.choice((0, 12, at, at - 1, at + 1, 0x3FFF)) & 0x3FFF).to_bytes(2, "big")
    elif kind == 2:
        label = random.choice((b"a", b"x" * 63, b"a.b", *HOSTILE))
        message[at:at] = bytes((len(label),)) + label
    elif kind == 3:
        message[at : at + 2] = random.choice(
            (1, 2, 5, 6, 12, 16, 28, 33, 41, 43, 46, 47, 48, 50, 64, 65, 255, 999)
        ).to_bytes(2, "big")
    elif kind == 4:
        message[at : at + 2] = edge(random, 2)
    else:
        message = bytearray(damaged_bytes(bytes(message), random))
    return (len(message) & 0xFFFF).to_bytes(2, "big") * (shift // 2) + bytes(message)


START = re.compile(rb"^(?:[A-Z]{3,10} [^\r\n]{1,8000} HTTP/1|HTTP/1\.|SIP/2|[A-Z]{2,10} sip)", re.MULTILINE)
SIZE = re.compile(rb"(?m)^[0-9a-fA-F]{1,8}(?=\r\n)")
FIELDS = (
    b"Content-Length: ",
    b"Transfer-Encoding: ",
    b"Content-Encoding: ",
    b"Connection: ",
    b"Upgrade: ",
    b"Host: ",
    b"Cookie: ",
    b"Content-Range: ",
    b"Content-Type: multipart/form-data; boundary=",
    b"Expect: ",
    b"Trailer: ",
    b"Sec-WebSocket-Accept: ",
    b"Authorization: ",
)
TOKENS = (
    b"chunked",
    b"gzip",
    b"br",
    b"zstd",
    b"identity",
    b"close",
    b"h2c",
    b"websocket",
    b"100-continue",
    b"chunked, chunked",
    b"bytes 0-4/3",
    b"x",
    b"0x10",
    b"+5",
    b"1e3",
    b"5, 5",
    *VALUES,
)


def http1_text(data: bytes, random: Random) -> bytes | None:
    """RFC 9112: sizes of chunks, fields that say where a message ends, lines said again or without their end."""
    if START.search(data) is None:
        return None
    kind = random.randrange(6)
    sizes = list(SIZE.finditer(data))
    if kind == 0 and sizes:
        size = random.choice(sizes)
        number = random.choice(
            (b"0", b"fffffffffffffffff", b"-1", b"7fffffff", b"1;a=b", b"", b"0x5", b"%x" % random.choice(EDGES))
        )
        return data[: size.start()] + number + data[size.end() :]
    lines = data.split(b"\r\n")
    if len(lines) < 2:
        return None
    at = random.randrange(len(lines))
    if kind <= 2:
        lines.insert(max(at, 1), random.choice(FIELDS) + random.choice(TOKENS))
    elif kind == 3:
        lines[at] = lines[at].split(b":")[0] + b": " + random.choice(TOKENS)
    elif kind == 4:
        lines[at : at + 1] = [lines[at]] * random.choice((0, 2, 300))
    else:
        return b"\r\n".join(lines[:at]) + random.choice((b"\n", b"\r", b"\0")) + b"\r\n".join(lines[at:])
    return b"\r\n".join(lines)[:LARGEST]


def websocket_frames(data: bytes, random: Random) -> bytes | None:
    """RFC 6455 §5.2: opcode, mask, a length of 7, 16 or 64 bits."""
    if len(data) < 2 or data[0] & 0x0F not in (0, 1, 2, 8, 9, 10):
        return None
    kind = random.randrange(4)
    if kind == 0:
        return data[:1] + bytes((data[1] & 0x80 | 126,)) + edge(random, 2) + data[2:]
    if kind == 1:
        return data[:1] + bytes((data[1] & 0x80 | 127,)) + edge(random, 8) + data[2:]
    if kind == 2:
        return bytes((random.randrange(256),)) + data[1:]
    return data + random.choice((b"\x89\0", b"\x80\1a", b"\0\1a", b"\x88\2\3\xe8")) * random.choice((1, 300))


def numbers(data: bytes, random: Random) -> bytes | None:
    """A number of any width in any place."""
    if not data:
        return None
    width, at = random.choice((1, 2, 3, 4, 8)), random.randrange(len(data))
    return data[:at] + edge(random, width) + data[at + width :]


def tags(data: bytes, random: Random) -> bytes | None:
    """Tag, length, value with lengths of one octet, as options of DHCP and attributes of RADIUS have; or of BER."""
    if len(data) < 3:
        return None
    at = random.randrange(len(data) - 1)
    value = random.choice((b"", b"\1", bytes(4), b"a" * 255, *HOSTILE))
    return data[:at] + bytes((data[at], len(value))) + value + data[at + random.randrange(4) :]


def hostile_text(data: bytes, random: Random) -> bytes | None:
    """Text that acts on what shows it, where there are letters."""
    at = random.randrange(len(data)) if data else 0
    return data[:at] + random.choice(HOSTILE) + data[at + random.choice((0, 3)) :]


STRUCTURED: tuple[Mutator, ...] = (
    tls_records,
    http2_frames,
    http3_frames,
    dns_message,
    http1_text,
    websocket_frames,
    varints,
    tags,
    numbers,
    hostile_text,
)


def mutated(data: bytes, random: Random) -> bytes:
    """A few changes, each of a kind that finds its structure in what there is."""
    for _ in range(random.choice((1, 1, 2, 4))):
        found: bytes | None = None
        for _attempt in range(4):
            found = random.choice(STRUCTURED)(data, random)
            if found is not None:
                break
        data = damaged_bytes(data, random) if found is None else found
    return data[:LARGEST]
