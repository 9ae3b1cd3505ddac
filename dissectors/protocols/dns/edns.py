"""The options of EDNS (RFC 6891): what a message says beyond the twelve octets of its header."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import JsonValue
from dissectors.kit.units import duration
from dissectors.protocols.dns.addresses import ipv4, ipv6
from dissectors.protocols.dns.fields import finish, name_at, quoted
from dissectors.wire.dns_codes import (
    ALGORITHMS,
    DIGESTS,
    EXTENDED_ERRORS,
    NSEC3_HASHES,
    OPTION_CHAIN,
    OPTION_COOKIE,
    OPTION_ERROR,
    OPTION_EXPIRE,
    OPTION_KEEPALIVE,
    OPTION_KEY_TAG,
    OPTION_NSID,
    OPTION_PADDING,
    OPTION_REPORT,
    OPTION_SUBNET,
    OPTION_ZONE_VERSION,
    option_name,
)

IPV4: Final = 1  # address family numbers (RFC 7871 §6)
IPV6: Final = 2

# Lists of numbers that tell what a client understands (RFC 6975 §2).
_UNDERSTOOD: Final[dict[int, dict[int, str]]] = {5: ALGORITHMS, 6: DIGESTS, 7: NSEC3_HASHES}


class Option:
    """One option. text: its name and value in words.     fields: the value as data."""

    def __init__(self, code: int, text: str, fields: dict[str, JsonValue]) -> None:
        self.code = code
        self.text = text
        self.fields = fields

    def as_json(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"code": self.code, "name": option_name(self.code)}
        out.update(self.fields)
        return out


def decode_options(cursor: Cursor) -> list[Option]:
    """Every option of an OPT record. Raises WireError where a length does not fit."""
    out: list[Option] = []
    while cursor.left:
        code = cursor.number(2)
        value = cursor.part(cursor.number(2))
        out.append(_option(code, value))
        finish(value)
    return out


def _option(code: int, value: Cursor) -> Option:
    name = option_name(code)
    size = value.left
    if code == OPTION_SUBNET and size:
        return _subnet(value)
    if code == OPTION_COOKIE:
        return _cookie(value)
    if code == OPTION_ERROR:
        return _error(value)
    if code == OPTION_PADDING:  # RFC 7830 §3; any octets must be accepted
        value.rest()
        return Option(code, f"{size} octets of padding", {"length": size})
    if size == 0:  # what a query sends to ask for the option's value
        return Option(code, f"{name} wanted", {})
    if code == OPTION_NSID:  # RFC 5001 §2.3: octets without a meaning of their own
        octets = value.rest()
        return Option(code, f"NSID {quoted(octets)}", {"nsid": octets.hex()})
    if code == OPTION_EXPIRE:  # RFC 7314
        seconds = value.number(4)
        return Option(code, f"zone expires in {duration(seconds * 1_000_000_000)}", {"expire_seconds": seconds})
    if code == OPTION_KEEPALIVE:  # RFC 7828 §3.1: units of 100 ms
        idle = value.number(2) * 100_000_000
        return Option(code, f"TCP may stay idle for {duration(idle)}", {"timeout_ns": idle})
    if code in (OPTION_CHAIN, OPTION_REPORT):  # RFC 7901 §4, RFC 9567 §5: a name
        domain = name_at(value).text()
        return Option(code, f"{name} {domain}", {"domain": domain})
    if code == OPTION_ZONE_VERSION:  # RFC 9660 §2.1: labels, type, version
        labels, kind, version = value.number(1), value.number(1), value.rest()
        return Option(
            code, f"zone version {int.from_bytes(version, 'big') if kind == 0 else version.hex()}",
            {"labels": labels, "type": kind, "version": version.hex()},
        )
    if code == OPTION_KEY_TAG or code in _UNDERSTOOD:
        return _numbers(code, value)
    octets = value.rest()
    return Option(code, f"{name} {octets.hex()}", {"data": octets.hex()})


def _subnet(value: Cursor) -> Option:
    """RFC 7871 §6: family, two prefix lengths, as many octets of the address as the prefix needs."""
    family, source, scope = value.number(2), value.number(1), value.number(1)
    size = 4 if family == IPV4 else 16
    if family not in (IPV4, IPV6):
        data = value.rest().hex()
        fields: dict[str, JsonValue] = {"family": family, "source_prefix": source, "scope_prefix": scope, "data": data}
        return Option(OPTION_SUBNET, f"client subnet of address family {family}", fields)
    octets = value.rest()
    if len(octets) > size or len(octets) != (source + 7) // 8:
        raise WireError(value.at, f"a client subnet with {len(octets)} octets of address for a prefix of {source} bits")
    padded = octets + b"\x00" * (size - len(octets))
    address = ipv4(padded) if size == 4 else ipv6(padded)
    text = f"client subnet {address}/{source}"
    if scope:
        text += f", the answer holds for /{scope}"
    return Option(
        OPTION_SUBNET, text, {"family": family, "address": address, "source_prefix": source, "scope_prefix": scope}
    )


def _cookie(value: Cursor) -> Option:
    """RFC 7873 §4: 8 octets of the client's, then none or 8 to 32 of the server's."""
    size = value.left
    if size != 8 and not 16 <= size <= 40:
        raise WireError(value.at, f"a cookie of {size} octets")
    client, server = value.take(8).hex(), value.rest().hex()
    fields: dict[str, JsonValue] = {"client": client}
    if server:
        fields["server"] = server
    return Option(OPTION_COOKIE, f"cookie {client} {server}".rstrip(), fields)


def _error(value: Cursor) -> Option:
    """RFC 8914 §2."""
    code = value.number(2)
    extra = value.rest().rstrip(b"\x00").decode("utf-8", "backslashreplace")  # §2: may end in a null
    meaning = EXTENDED_ERRORS.get(code) or f"error {code}"
    text = f"{meaning}: {extra}" if extra else meaning
    fields: dict[str, JsonValue] = {"info_code": code, "meaning": meaning, "text": extra}
    return Option(OPTION_ERROR, f"extended error {code} ({text})", fields)


def _numbers(code: int, value: Cursor) -> Option:
    """Key tags of two octets (RFC 8145 §4.1), or understood algorithms of one (RFC 6975 §2)."""
    table = _UNDERSTOOD.get(code)
    words: list[str] = []
    numbers: list[JsonValue] = []
    while value.left:
        number = value.number(2 if table is None else 1)
        numbers.append(number)
        words.append(str(number) if table is None else table.get(number) or str(number))
    return Option(code, f"{option_name(code)} {', '.join(words)}", {"numbers": numbers})
