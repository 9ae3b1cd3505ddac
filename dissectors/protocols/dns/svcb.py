"""SVCB and HTTPS records with all their parameters (RFC 9460)."""
from __future__ import annotations

from base64 import b64encode

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import JsonValue
from dissectors.protocols.dns.addresses import ipv4, ipv6
from dissectors.protocols.dns.fields import finish, name_at, quoted, string_at
from dissectors.protocols.dns.rdata_value import Rdata
from dissectors.wire.dns_codes import (
    SVC_ALPN,
    SVC_DOHPATH,
    SVC_ECH,
    SVC_IPV4HINT,
    SVC_IPV6HINT,
    SVC_MANDATORY,
    SVC_NO_DEFAULT_ALPN,
    SVC_OHTTP,
    SVC_PORT,
    svc_key_name,
)


def svcb(cursor: Cursor) -> Rdata:
    """RFC 9460 §2.2: priority (0 is an alias, §2.4.1), target name, parameters in ascending order of their keys."""
    priority = cursor.number(2)
    target = name_at(cursor).text()
    words = [str(priority), target]
    params: dict[str, JsonValue] = {}
    last = -1
    while cursor.left:
        at = cursor.at
        key = cursor.number(2)
        if key <= last:
            raise WireError(at, "service parameters that are not in ascending order")
        last = key
        value = cursor.part(cursor.number(2))
        text, data = _value(key, value)
        finish(value)
        name = svc_key_name(key)
        words.append(f"{name}={text}" if text else name)
        params[name] = data
    return Rdata(" ".join(words), {"priority": priority, "alias": priority == 0, "target": target, "params": params})


def _value(key: int, value: Cursor) -> tuple[str, JsonValue]:
    """One parameter as text and as data."""
    if key == SVC_MANDATORY:  # RFC 9460 §8
        return _listed(_entries(value, 2, "mandatory"))
    if key == SVC_ALPN:  # RFC 9460 §7.1.1
        return _alpn(value)
    if key in (SVC_NO_DEFAULT_ALPN, SVC_OHTTP):  # RFC 9460 §7.1.1, RFC 9540 §4: no value
        return "", True
    if key == SVC_PORT:  # RFC 9460 §7.2
        port = value.number(2)
        return str(port), port
    if key == SVC_IPV4HINT:  # RFC 9460 §7.3
        return _listed(_entries(value, 4, "ipv4hint"))
    if key == SVC_IPV6HINT:
        return _listed(_entries(value, 16, "ipv6hint"))
    octets = value.rest()
    if key == SVC_ECH:  # RFC 9848 §3: an ECHConfigList, in Base64
        encoded = b64encode(octets).decode("ascii")
        return encoded, encoded
    if key == SVC_DOHPATH:  # RFC 9461 §5: a URI template in UTF-8
        return quoted(octets), octets.decode("utf-8", "backslashreplace")
    return quoted(octets), octets.hex()


def _entries(value: Cursor, size: int, kind: str) -> list[str]:
    """A list of items of one size, which must not be empty."""
    if not value.left or value.left % size:
        raise WireError(value.at, f"a {kind} parameter of {value.left} octets")
    out: list[str] = []
    while value.left:
        octets = value.take(size)
        if size == 2:
            out.append(svc_key_name(int.from_bytes(octets, "big")))
        else:
            out.append(ipv4(octets) if size == 4 else ipv6(octets))
    return out


def _alpn(value: Cursor) -> tuple[str, JsonValue]:
    out: list[str] = []
    if not value.left:
        raise WireError(value.at, "an alpn parameter without a protocol")
    while value.left:
        out.append(string_at(value).decode("utf-8", "backslashreplace"))
    return _listed(out)


def _listed(words: list[str]) -> tuple[str, JsonValue]:
    data: list[JsonValue] = []
    data.extend(words)
    return ",".join(words), data
