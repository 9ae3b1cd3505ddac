"""What a value in a filter means for a field of some kind, and what is said where it means nothing."""
from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from analyzer.filter.errors import FilterError
from analyzer.filter.fields import PROTOCOL
from analyzer.filter.tree import Operand, Range, Value
from analyzer.filter.words import TEXT as QUOTED
from analyzer.filter.words import Word
from dissectors.kit.display_field import BOOLEAN, IPV4, IPV6, MAC, MARK, NUMBER, OCTETS, SECONDS, TEXT

MAX_DIGITS: Final = 40      # of a number
_OCTETS: Final = re.compile(r"[0-9A-Fa-f]{2}(?:[:.\-]?[0-9A-Fa-f]{2})*\Z")
_OCTET: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,2})\Z")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(?:[:.\-][0-9A-Fa-f]{2}){5}\Z")
_SECONDS: Final = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?\Z")
_NUMBERS: Final = (
    (re.compile(r"-?0[xX][0-9A-Fa-f]+\Z"), 16), (re.compile(r"-?0[bB][01]+\Z"), 2), (re.compile(r"-?0[0-7]+\Z"), 8),
    (re.compile(r"-?(?:0|[1-9][0-9]*)\Z"), 10),
)
ARTICLES: Final = {
    NUMBER: "a number", TEXT: "a text", BOOLEAN: "true or false", IPV4: "an IPv4 address", IPV6: "an IPv6 address",
    MAC: "a MAC address", SECONDS: "a time in seconds", MARK: "a mark", OCTETS: "bytes", PROTOCOL: "a protocol",
}
EXAMPLES: Final = {
    NUMBER: "443", BOOLEAN: "1", IPV4: "10.0.0.0/8", IPV6: "fe80::/10", MAC: "00:1b:21:00:00:01", SECONDS: "0.25",
    OCTETS: "\"GET\" or 47:45:54",
}


def wrong(operand: Operand, word: Word, text: str) -> FilterError:
    """`tcp.port` is a number; "x" is not one."""
    shown = f'"{word.text}"' if word.kind == QUOTED else f"`{word.text}`"
    name = f"`{operand.field.name}{'[…]' if operand.parts else ''}`"
    name = f"{operand.function}({name})" if operand.function else name
    example = EXAMPLES.get(operand.kind)
    such = f", such as {example}" if example else ""
    return FilterError(f"{name} is {ARTICLES[operand.kind]}{such}; {shown} is not", text, word.at, word.length)


def value_of(operand: Operand, word: Word, text: str) -> Range:
    """The value, or for a network of addresses all of them. Raises FilterError."""
    kind = operand.kind
    if kind == MARK:
        name = operand.field.name
        raise FilterError(
            f"`{name}` is a mark, which a frame has or has not: write `{name}` or `not {name}`", text, word.at,
            word.length,
        )
    if kind in (IPV4, IPV6) and word.kind != QUOTED:
        found = _network(word.text, kind)
        if found is not None:
            return found
    else:
        value = _single(kind, word)
        if value is not None:
            return Range(value, value)
    raise wrong(operand, word, text)


def _single(kind: str, word: Word) -> Value | None:
    quoted = word.kind == QUOTED
    text = word.text
    if kind == TEXT:
        return text
    if kind in (OCTETS, PROTOCOL):
        return octets_of(word)
    if quoted:
        return None
    if kind == NUMBER:
        return _number(text)
    if kind == BOOLEAN:
        named = {"true": 1, "false": 0}.get(text.lower())
        number = _number(text) if named is None else named
        return None if number is None else int(number != 0)
    if kind == SECONDS:
        return _seconds(text)
    return bytes.fromhex(re.sub(r"[:.\-]", "", text)) if kind == MAC and _MAC.match(text) else None


def octets_of(word: Word) -> bytes | None:
    """Bytes, as a text in quotes or as pairs of digits."""
    if word.kind == QUOTED:
        if all(ord(one) < 256 for one in word.text) and "\\" in word.raw:
            return word.text.encode("latin-1")
        return word.text.encode()
    if one := _OCTET.match(word.text):
        return bytes([int(one[1], 16)])
    return bytes.fromhex(re.sub(r"[:.\-]", "", word.text)) if _OCTETS.match(word.text) else None


def _number(text: str) -> int | None:
    if len(text) > MAX_DIGITS:
        return None
    for form, base in _NUMBERS:
        if form.match(text):
            digits = text.lower().replace("0x", "").replace("0b", "") if base in (16, 2) else text
            return int(digits, base)
    return None


def _seconds(text: str) -> int | None:
    found = _SECONDS.match(text)
    if found is None:
        return None
    nanoseconds = int(found[2]) * 1_000_000_000 + int((found[3] or "").ljust(9, "0"))
    return -nanoseconds if found[1] else nanoseconds


def _network(text: str, kind: str) -> Range | None:
    try:
        network: IPv4Network | IPv6Network = ip_network(text, strict=False)
    except ValueError:
        return None
    if network.version != (4 if kind == IPV4 else 6):
        return None
    return Range(network.network_address.packed, network.broadcast_address.packed)
