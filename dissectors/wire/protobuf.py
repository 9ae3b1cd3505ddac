"""Protocol Buffers without their schema: numbers and wire types, and every reading that the bytes allow.

The wire format says how long a value is, not what it means: five bytes may be a text, a message, or neither. All
readings that hold are given; none is chosen. Source: the Protocol Buffers documentation, "Encoding".
"""
from __future__ import annotations

from struct import unpack
from typing import Final

from dissectors.kit.event import JsonValue

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
START_GROUP: Final = 3
END_GROUP: Final = 4
FIXED32: Final = 5
WIRE_TYPES: Final = ("varint", "fixed 64", "length", "group", "end of group", "fixed 32")

MAX_DEPTH: Final = 10           # messages within one another that are tried
MAX_FIELDS: Final = 500         # fields of a message with all that is nested
MAX_WORK: Final = 4_000         # fields looked at while readings are tried
MAX_TEXT: Final = 1_000         # characters of one text
MAX_OCTETS: Final = 256         # octets of one value shown in hex
LONGEST_VARINT: Final = 10      # octets
LARGEST_NUMBER: Final = (1 << 29) - 1

_LAYOUT: Final = frozenset("\t\n\r")


class Field:
    """One field. value: of a varint or a fixed value, unsigned; data: of the others; inner: of a group."""

    def __init__(self, number: int, wire: int, value: int, data: bytes, inner: list[Field]) -> None:
        self.number = number
        self.wire = wire
        self.value = value
        self.data = data
        self.inner = inner


class Budget:
    """What may still be looked at, over all readings."""

    def __init__(self, fields: int) -> None:
        self.fields = fields


class NotProtobuf(Exception):
    """These bytes cannot be a message. args: (why, offset)."""


def parse(data: bytes) -> list[Field]:
    """The fields of a message in order. Raises NotProtobuf where it is none, or has too many."""
    return _parse(data, Budget(MAX_WORK))


def _parse(data: bytes, budget: Budget) -> list[Field]:
    fields, at = _fields(data, 0, 0, 0, budget)
    if at != len(data):
        raise NotProtobuf("a group ends that did not begin", at)
    return fields


def _fields(data: bytes, at: int, group: int, depth: int, budget: Budget) -> tuple[list[Field], int]:
    """Fields up to the end of the data, or of the group with this number (0 for none), and where that is."""
    fields: list[Field] = []
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0 or number > LARGEST_NUMBER:
            raise NotProtobuf(f"the field number {number} is not allowed", begin)
        if budget.fields <= 0:
            raise NotProtobuf("it has too many fields to be looked at", begin)
        budget.fields -= 1
        value, octets, inner = 0, b"", fields[:0]
        if wire == VARINT:
            value, at = varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            if at + size > len(data):
                raise NotProtobuf("a value of fixed size is cut short", begin)
            value = int.from_bytes(data[at:at + size], "little")
            at += size
        elif wire == LENGTH:
            size, at = varint(data, at)
            if size > len(data) - at:
                raise NotProtobuf("a length reaches beyond the end", begin)
            octets = data[at:at + size]
            at += size
        elif wire == START_GROUP:
            if depth >= MAX_DEPTH:
                raise NotProtobuf("groups are nested too deeply", begin)
            inner, at = _fields(data, at, number, depth + 1, budget)
        elif wire == END_GROUP:
            if number != group:
                raise NotProtobuf("a group ends that did not begin", begin)
            return fields, at
        else:
            raise NotProtobuf(f"the wire type {wire} does not exist", begin)
        fields.append(Field(number, wire, value, octets, inner))
    if group:
        raise NotProtobuf("a group does not end", at)
    return fields, at


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(the number, where it ends)."""
    value = 0
    for index in range(LONGEST_VARINT):
        if at + index >= len(data):
            raise NotProtobuf("a number is cut short", at)
        octet = data[at + index]
        value |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            if value >> 64:
                raise NotProtobuf("a number is larger than 64 bits", at)
            return value, at + index + 1
    raise NotProtobuf("a number does not end", at)


def text_in(octets: bytes) -> str | None:
    """The octets as readable text, None where they are none."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if any(not character.isprintable() and character not in _LAYOUT for character in text):
        return None
    return text


def message_in(octets: bytes, depth: int, budget: Budget) -> list[Field] | None:
    """The octets as a message, None where they cannot be one."""
    if not octets or depth >= MAX_DEPTH:
        return None
    try:
        return _parse(octets, budget)
    except NotProtobuf:
        return None


# -- as data -------------------------------------------------------------------------------------------


def as_json(data: bytes) -> JsonValue:
    """Every field with its number, its wire type and all its readings. Raises NotProtobuf."""
    budget = Budget(MAX_WORK)
    shown = Budget(MAX_FIELDS)
    return _list(_parse(data, budget), 0, budget, shown)


def _list(fields: list[Field], depth: int, budget: Budget, shown: Budget) -> JsonValue:
    out: list[JsonValue] = []
    for index, field in enumerate(fields):
        if shown.fields <= 0:
            out.append({"left_out": len(fields) - index})
            break
        shown.fields -= 1
        out.append(_field(field, depth, budget, shown))
    return out


def _field(field: Field, depth: int, budget: Budget, shown: Budget) -> JsonValue:
    out: dict[str, JsonValue] = {"field": field.number, "wire": WIRE_TYPES[field.wire]}
    if field.wire == VARINT:
        out["unsigned"] = field.value
        if field.value >> 63:
            out["signed"] = field.value - (1 << 64)
        out["zigzag"] = zigzag(field.value)
    elif field.wire in (FIXED32, FIXED64):
        out.update(_fixed(field))
    elif field.wire == START_GROUP:
        out["message"] = _list(field.inner, depth + 1, budget, shown)
    else:
        octets = field.data
        out["size"] = len(octets)
        text = text_in(octets)
        if text is not None:
            out["text"] = text[:MAX_TEXT]
        inner = message_in(octets, depth + 1, budget)
        if inner is not None:
            out["message"] = _list(inner, depth + 1, budget, shown)
        if text is None and inner is None:
            out["hex"] = octets[:MAX_OCTETS].hex()
    return out


def _fixed(field: Field) -> dict[str, JsonValue]:
    bits = 64 if field.wire == FIXED64 else 32
    out: dict[str, JsonValue] = {"unsigned": field.value}
    if field.value >> bits - 1:
        out["signed"] = field.value - (1 << bits)
    out["float"] = floating(field)
    return out


def floating(field: Field) -> JsonValue:
    """The value of a fixed field as a floating point number; a word where it is none that JSON knows."""
    if field.wire == FIXED64:
        value: float = unpack("<d", field.value.to_bytes(8, "little"))[0]
    else:
        value = unpack("<f", field.value.to_bytes(4, "little"))[0]
    return str(value) if value - value != 0 else value


def zigzag(value: int) -> int:
    """What the number means if the field is of a type sint32 or sint64."""
    return value >> 1 ^ -(value & 1)


# -- in a line -----------------------------------------------------------------------------------------


def in_short(data: bytes, most: int) -> str:
    """`1: 150, 2: "hello" or {13: 101}`, about as many characters at most. Raises NotProtobuf."""
    budget = Budget(MAX_WORK)
    return _line(_parse(data, budget), 0, budget, most)


def _line(fields: list[Field], depth: int, budget: Budget, most: int) -> str:
    parts: list[str] = []
    length = 0
    for index, field in enumerate(fields):
        if length > most:
            parts.append(f"… {len(fields) - index} more")
            break
        part = f"{field.number}: {_reading(field, depth, budget, most - length)}"
        length += len(part) + 2
        parts.append(part)
    return ", ".join(parts)


def _reading(field: Field, depth: int, budget: Budget, most: int) -> str:
    if field.wire == VARINT:
        return str(field.value)
    if field.wire in (FIXED32, FIXED64):
        return f"{field.value} or {floating(field)}"
    if field.wire == START_GROUP:
        return f"group {{{_line(field.inner, depth + 1, budget, most)}}}"
    words: list[str] = []
    text = text_in(field.data)
    if text is not None:
        shown = " ".join(text[:most + 1].split())
        words.append(f'"{shown[:most]}…"' if len(shown) > most else f'"{shown}"')
    inner = message_in(field.data, depth + 1, budget)
    if inner is not None:
        words.append(f"{{{_line(inner, depth + 1, budget, most)}}}")
    return " or ".join(words) or f"{len(field.data)} bytes"
