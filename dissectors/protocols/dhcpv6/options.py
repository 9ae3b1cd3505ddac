"""What an option of DHCPv6 says, in words (RFC 8415 §21 and those that are named beside a line)."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dissectors.kit.units import plural
from dissectors.protocols.dhcpv6.wire import FOREVER, STATUSES, address, owner
from dissectors.wire.domain_names import names_in

MAX_NAMES: Final = 16     # of a search list
MAX_TEXT: Final = 120     # characters of what one option says
UNITS: Final = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))


def lasts(count: int) -> str:
    """Seconds, as `for 1 h 30 min`, `for 2 days`, `for ever`."""
    if count == FOREVER:
        return "for ever"
    parts = []
    for unit, word in UNITS:
        if count >= unit:
            number, count = divmod(count, unit)
            parts.append(plural(number, word) if word == "day" else f"{number} {word}")
    return f"for {' '.join(parts[:2]) or '0 s'}"


def raw(held: bytes) -> str:
    return held.hex()


def text(held: bytes) -> str:
    shown = held.rstrip(b"\0").decode("utf-8", "replace")
    return shown if shown.isprintable() else raw(held)


def addresses(held: bytes) -> str:
    if not held or len(held) % 16:
        return raw(held)
    return ", ".join([address(held[at:at + 16]) for at in range(0, len(held), 16)])


def number(held: bytes) -> str:
    return str(int.from_bytes(held)) if 0 < len(held) <= 4 else raw(held)


def wanted(held: bytes) -> str:
    return ", ".join([name_of(int.from_bytes(held[at:at + 2])) for at in range(0, len(held) - 1, 2)])


def elapsed(held: bytes) -> str:
    """RFC 8415 §21.9: in hundredths of a second."""
    return f"{int.from_bytes(held) / 100:.2f} s" if len(held) == 2 else raw(held)


def status(held: bytes) -> str:
    if len(held) < 2:
        return raw(held)
    code = int.from_bytes(held[:2])
    said = text(held[2:])
    return f"{STATUSES.get(code, (f'status {code}', ''))[0]}{f', {said}' if said else ''}"


def domains(held: bytes) -> str:
    """RFC 8415 §10: names in the form of DNS, without pointers."""
    found = names_in(held, MAX_NAMES)
    return raw(held) if found is None else ", ".join([name.text() for name in found])


def fqdn(held: bytes) -> str:
    """RFC 4704 §4: flags, then a name in the form of DNS, which may end before its last label."""
    name = held[1:]
    return domains(name if name.endswith(b"\0") else name + b"\0") if name else ""


# Names as RFC 8415 and the registry of DHCPv6 parameters have them, in plain words; how each is read.
OPTIONS: Final[dict[int, tuple[str, Callable[[bytes], str]]]] = {
    1: ("client", owner), 2: ("server", owner), 3: ("addresses", raw), 4: ("temporary addresses", raw),
    6: ("wanted options", wanted), 7: ("preference", number), 8: ("has asked for", elapsed),
    11: ("authentication", raw),
    12: ("server address", addresses), 13: ("status", status), 14: ("rapid commit", raw), 15: ("user class", raw),
    16: ("vendor class", raw), 17: ("vendor's own", raw), 18: ("interface", text), 19: ("message to send", number),
    20: ("may be reconfigured", raw), 21: ("SIP servers", domains), 22: ("SIP servers", addresses),
    23: ("name servers", addresses), 24: ("search list", domains), 25: ("prefixes", raw),
    31: ("SNTP servers", addresses),
    32: ("ask again after", number), 37: ("remote", raw), 38: ("subscriber", text), 39: ("full name", fqdn),
    56: ("NTP servers", raw), 59: ("boot file", text), 61: ("client architecture", number), 64: ("tunnel end", domains),
    79: ("link-layer address", raw), 82: ("longest wait between SOLICITs", number),
    83: ("longest wait between INFORMATION-REQUESTs", number), 103: ("captive portal", text),
}


def name_of(code: int) -> str:
    known = OPTIONS.get(code)
    return known[0] if known is not None else f"option {code}"


def value_of(code: int, held: bytes) -> str:
    known = OPTIONS.get(code)
    said = known[1](held) if known is not None else raw(held)
    return said if len(said) <= MAX_TEXT else said[:MAX_TEXT - 1] + "…"
