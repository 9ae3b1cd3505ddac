"""What an option says, in words (RFC 2132 and those that are named beside a line)."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dissectors.kit.cursor import Cursor, TooShort
from dissectors.kit.units import plural
from dissectors.protocols.dhcp.wire import NAMES, address, addresses, hardware
from dissectors.wire.domain_names import names_in

MAX_NAMES: Final = 16     # of a search list
MAX_TEXT: Final = 120     # characters of what one option says
FOREVER: Final = 0xFFFFFFFF      # RFC 2131 §3.3
UNITS: Final = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))


def seconds(count: int) -> str:
    """`1 h`, `1 h 30 min`, `2 days`, `for ever`."""
    if count == FOREVER:
        return "for ever"
    parts = []
    for unit, word in UNITS:
        if count >= unit:
            number, count = divmod(count, unit)
            parts.append(plural(number, word) if word == "day" else f"{number} {word}")
    return " ".join(parts[:2]) or "0 s"


def time(held: bytes) -> str:
    return seconds(int.from_bytes(held)) if len(held) == 4 else raw(held)


def raw(held: bytes) -> str:
    return held.hex()


def text(held: bytes) -> str:
    shown = held.rstrip(b"\0").decode("utf-8", "replace")
    return shown if shown.isprintable() else raw(held)


def listed(held: bytes) -> str:
    return ", ".join(addresses(held)) if held and len(held) % 4 == 0 else raw(held)


def number(held: bytes) -> str:
    return str(int.from_bytes(held)) if 0 < len(held) <= 4 else raw(held)


def flag(held: bytes) -> str:
    return {b"\0": "no", b"\1": "yes"}.get(held) or raw(held)


def kind(held: bytes) -> str:
    return NAMES.get(held[0], f"type {held[0]}") if len(held) == 1 else raw(held)


def wanted(held: bytes) -> str:
    return ", ".join([name_of(code) for code in held])


def client(held: bytes) -> str:
    """RFC 2132 §9.14: a hardware type and address, or whatever else; RFC 4361 §6.1: 255, an IAID and a DUID."""
    if len(held) == 7 and held[0] == 1:
        return hardware(held[1:])
    if held[:1] == b"\0":
        return text(held[1:])
    return raw(held)


def fqdn(held: bytes) -> str:
    """RFC 4702 §2: flags, two codes of no use, the name in text or (E flag) in the form of DNS."""
    if len(held) < 3:
        return raw(held)
    name = domains(held[3:]) if held[0] & 4 else text(held[3:])
    return f"{name}, {'the server' if held[0] & 1 else 'the client'} tells DNS" if name else ""


def domains(held: bytes) -> str:
    """RFC 3397 §2: names in the form of DNS, which may point back."""
    found = names_in(held, MAX_NAMES)
    return raw(held) if found is None else ", ".join([name.text() for name in found])


def sip(held: bytes) -> str:
    """RFC 3361 §3: names or addresses, as the first octet says."""
    if held[:1] == b"\1":
        return listed(held[1:])
    return domains(held[1:]) if held[:1] == b"\0" else raw(held)


def routes(held: bytes) -> str:
    """RFC 3442: the length of a prefix, as many of its octets as matter, the router."""
    found = []
    field = Cursor(held)
    try:
        while field.left:
            bits = field.number(1)
            if bits > 32:
                return raw(held)
            prefix = address(field.take((bits + 7) // 8).ljust(4, b"\0")) or "0.0.0.0"
            found.append(f"{prefix}/{bits} by {address(field.take(4)) or 'this link'}")
    except TooShort:
        return raw(held)
    return ", ".join(found)


def relay(held: bytes) -> str:
    """RFC 3046 §2: what the relay adds; sub-options by code and length."""
    found = []
    field = Cursor(held)
    try:
        while field.left:
            code = field.number(1)
            inner = field.vector(1)
            name = {1: "circuit", 2: "remote", 5: "link", 6: "subscriber", 9: "vendor", 11: "server"}.get(code)
            value = address(inner) if code in (5, 11) else text(inner)
            found.append(f"{name or f'sub-option {code}'} {value}")
    except TooShort:
        return raw(held)
    return ", ".join(found) if found else raw(held)


# Names as RFC 2132 and the registry of BOOTP and DHCP parameters have them, in plain words; how each is read.
OPTIONS: Final[dict[int, tuple[str, Callable[[bytes], str]]]] = {
    1: ("subnet mask", listed), 2: ("time offset", number), 3: ("router", listed), 4: ("time server", listed),
    6: ("name server", listed), 7: ("log server", listed), 9: ("printer", listed), 12: ("host name", text),
    13: ("boot file size", number), 15: ("domain", text), 17: ("root path", text), 19: ("forwards packets", flag),
    22: ("largest datagram", number), 23: ("default TTL", number), 26: ("MTU", number),
    28: ("broadcast address", listed), 31: ("router discovery", flag), 33: ("static routes", listed),
    40: ("NIS domain", text), 41: ("NIS servers", listed), 42: ("NTP servers", listed), 43: ("vendor's own", raw),
    44: ("NetBIOS name servers", listed), 46: ("NetBIOS node type", number), 47: ("NetBIOS scope", text),
    50: ("requested address", listed), 51: ("lease time", time), 52: ("overload", number), 53: ("message", kind),
    54: ("server", listed), 55: ("wanted options", wanted), 56: ("says", text), 57: ("largest message", number),
    58: ("renewal after", time), 59: ("rebinding after", time), 60: ("vendor class", text), 61: ("client id", client),
    66: ("boot server", text), 67: ("boot file", text), 69: ("mail server", listed), 77: ("user class", text),
    80: ("rapid commit", raw), 81: ("full name", fqdn), 82: ("relay information", relay), 90: ("authentication", raw),
    93: ("client architecture", number), 94: ("network interface", raw), 97: ("machine id", raw),
    100: ("time zone", text), 101: ("time zone name", text), 108: ("IPv6 only, wait", time),
    114: ("captive portal", text), 116: ("configures itself", flag), 118: ("subnet", listed),
    119: ("search list", domains), 120: ("SIP servers", sip), 121: ("routes", routes), 125: ("vendor's own", raw),
    138: ("CAPWAP controllers", listed), 150: ("TFTP servers", listed), 249: ("routes", routes),
    252: ("proxy file", text),
}


def name_of(code: int) -> str:
    known = OPTIONS.get(code)
    return known[0] if known is not None else f"option {code}"


def value_of(code: int, held: bytes) -> str:
    known = OPTIONS.get(code)
    said = known[1](held) if known is not None else raw(held)
    return said if len(said) <= MAX_TEXT else said[:MAX_TEXT - 1] + "…"
