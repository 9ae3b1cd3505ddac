"""Record data, decoded by type to presentation format and to fields (RFC 1035 §3.3, §3.4 and later ones)."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import JsonValue
from dissectors.protocols.dns import rdata_security as security
from dissectors.protocols.dns.addresses import ipv4, ipv6
from dissectors.protocols.dns.edns import decode_options
from dissectors.protocols.dns.fields import finish, name_at, quoted, string_at
from dissectors.protocols.dns.message import MAX_TTL, DnsMessage, DnsRecord
from dissectors.protocols.dns.rdata_value import Rdata
from dissectors.protocols.dns.svcb import svcb
from dissectors.wire.dns_codes import rcode_name
from dissectors.wire.dns_types import OPT, class_name, type_name

MAX_STRINGS: Final = 4_096  # character strings shown of one TXT record; empty ones could be sixteen times as many


def _a(cursor: Cursor) -> Rdata:
    """RFC 1035 §3.4.1."""
    text = ipv4(cursor.take(4))
    return Rdata(text, {"address": text})


def _aaaa(cursor: Cursor) -> Rdata:
    """RFC 3596 §2.2."""
    text = ipv6(cursor.take(16))
    return Rdata(text, {"address": text})


def _target(cursor: Cursor) -> Rdata:
    """One name: CNAME, NS, PTR, DNAME (RFC 1035 §3.3, RFC 6672 §2.1)."""
    name = name_at(cursor).text()
    return Rdata(name, {"target": name})


def _soa(cursor: Cursor) -> Rdata:
    """RFC 1035 §3.3.13."""
    server, mailbox = name_at(cursor).text(), name_at(cursor).text()
    serial, refresh, retry, expire, minimum = [cursor.number(4) for _ in range(5)]
    return Rdata(
        f"{server} {mailbox} {serial} {refresh} {retry} {expire} {minimum}",
        {"mname": server, "rname": mailbox, "serial": serial, "refresh": refresh, "retry": retry,
         "expire": expire, "minimum": minimum},
    )


def _preferred(cursor: Cursor) -> Rdata:
    """A preference and a name: MX, AFSDB, RT, KX (RFC 1035 §3.3.9, RFC 1183 §1 and §3.3, RFC 2230 §3.1)."""
    preference, name = cursor.number(2), name_at(cursor).text()
    return Rdata(f"{preference} {name}", {"preference": preference, "target": name})


def _two_names(cursor: Cursor) -> Rdata:
    """MINFO (RFC 1035 §3.3.7), RP (RFC 1183 §2.2)."""
    first, second = name_at(cursor).text(), name_at(cursor).text()
    return Rdata(f"{first} {second}", {"mailbox": first, "other": second})


def _strings(cursor: Cursor) -> Rdata:
    """TXT and those of its form (RFC 1035 §3.3.14)."""
    words: list[str] = []
    values: list[JsonValue] = []
    while cursor.left:
        octets = string_at(cursor)
        if len(words) < MAX_STRINGS:
            words.append(quoted(octets))
            values.append(octets.decode("utf-8", "backslashreplace"))
        elif len(words) == MAX_STRINGS:
            words.append(f"(more than {MAX_STRINGS} strings)")
    return Rdata(" ".join(words), {"strings": values})


def _hinfo(cursor: Cursor) -> Rdata:
    """RFC 1035 §3.3.2; RFC 8482 §4.2 answers ANY with it."""
    cpu, system = string_at(cursor), string_at(cursor)
    return Rdata(
        f"{quoted(cpu)} {quoted(system)}",
        {"cpu": cpu.decode("utf-8", "backslashreplace"), "os": system.decode("utf-8", "backslashreplace")},
    )


def _srv(cursor: Cursor) -> Rdata:
    """RFC 2782."""
    priority, weight, port = cursor.number(2), cursor.number(2), cursor.number(2)
    target = name_at(cursor).text()
    return Rdata(
        f"{priority} {weight} {port} {target}",
        {"priority": priority, "weight": weight, "port": port, "target": target},
    )


def _naptr(cursor: Cursor) -> Rdata:
    """RFC 3403 §4.1."""
    order, preference = cursor.number(2), cursor.number(2)
    flags, services, regexp = string_at(cursor), string_at(cursor), string_at(cursor)
    replacement = name_at(cursor).text()
    return Rdata(
        f"{order} {preference} {quoted(flags)} {quoted(services)} {quoted(regexp)} {replacement}",
        {"order": order, "preference": preference, "flags": flags.decode("utf-8", "backslashreplace"),
         "services": services.decode("utf-8", "backslashreplace"),
         "regexp": regexp.decode("utf-8", "backslashreplace"), "replacement": replacement},
    )


def _caa(cursor: Cursor) -> Rdata:
    """RFC 8659 §4.1: flags (bit 0 is "issuer critical"), a tag and a value without a length."""
    flags, tag, value = cursor.number(1), string_at(cursor), cursor.rest()
    name = tag.decode("utf-8", "backslashreplace")
    return Rdata(
        f"{flags} {name} {quoted(value)}",
        {"flags": flags, "critical": flags & 0x80 != 0, "tag": name,
         "value": value.decode("utf-8", "backslashreplace")},
    )


def _uri(cursor: Cursor) -> Rdata:
    """RFC 7553 §4."""
    priority, weight, target = cursor.number(2), cursor.number(2), cursor.rest()
    return Rdata(
        f"{priority} {weight} {quoted(target)}",
        {"priority": priority, "weight": weight, "target": target.decode("utf-8", "backslashreplace")},
    )


def _hardware(cursor: Cursor) -> Rdata:
    """EUI48 and EUI64 (RFC 7043 §3, §4)."""
    text = "-".join([f"{octet:02x}" for octet in cursor.rest()])
    return Rdata(text, {"address": text})


def _opt(cursor: Cursor) -> Rdata:
    """RFC 6891 §6.1.2."""
    options = decode_options(cursor)
    values: list[JsonValue] = [option.as_json() for option in options]
    return Rdata(", ".join([option.text for option in options]), {"options": values})


def _tsig(cursor: Cursor) -> Rdata:
    """RFC 8945 §4.2."""
    algorithm = name_at(cursor).text()
    signed, fudge = cursor.number(6), cursor.number(2)
    mac = cursor.take(cursor.number(2)).hex()
    original, error = cursor.number(2), cursor.number(2)
    other = cursor.take(cursor.number(2)).hex()
    return Rdata(
        f"{algorithm} {signed} {fudge} {mac} {original} {rcode_name(error)} {other}".rstrip(),
        {"algorithm": algorithm, "time_signed": signed, "fudge": fudge, "mac": mac, "original_id": original,
         "error": rcode_name(error), "other": other},
    )


def generic(octets: bytes) -> Rdata:
    """Any type: its length and its octets (RFC 3597 §5)."""
    text = f"\\# {len(octets)} {octets.hex()}" if octets else "\\# 0"
    return Rdata(text, {"data": octets.hex()})


DECODERS: Final[dict[int, Callable[[Cursor], Rdata]]] = {
    1: _a, 2: _target, 3: _target, 4: _target, 5: _target, 6: _soa, 7: _target, 8: _target, 9: _target,
    12: _target, 13: _hinfo, 14: _two_names, 15: _preferred, 16: _strings, 17: _two_names, 18: _preferred,
    21: _preferred, 28: _aaaa, 33: _srv, 35: _naptr, 36: _preferred, 39: _target, 41: _opt,
    43: security.ds, 44: security.sshfp, 46: security.rrsig, 47: security.nsec, 48: security.dnskey,
    50: security.nsec3, 51: security.nsec3param, 52: security.tlsa, 53: security.tlsa, 56: _strings,
    59: security.ds, 60: security.dnskey, 62: security.csync, 63: security.zonemd, 64: svcb, 65: svcb,
    99: _strings, 108: _hardware, 109: _hardware, 250: _tsig, 256: _uri, 257: _caa, 258: _strings, 261: _strings,
    262: _strings, 32768: security.ds, 32769: security.ds,
}


def decode(message: DnsMessage, record: DnsRecord) -> Rdata:
    """The record's data. Raises WireError where it does not fit its type; empty data is told as such."""
    octets = message.data[record.start:record.end]
    decoder = DECODERS.get(record.type)
    if decoder is None or (not octets and record.type != OPT):
        return generic(octets)
    cursor = Cursor(message.data, record.start, record.end)
    out = decoder(cursor)
    finish(cursor)
    return out


def decode_or_generic(message: DnsMessage, record: DnsRecord) -> Rdata:
    """As `decode`; data that does not fit its type is shown as generic, with the reason."""
    try:
        return decode(message, record)
    except WireError as error:
        out = generic(message.data[record.start:record.end])
        out.fields["malformed"] = error.reason
        return out


def fault(message: DnsMessage) -> WireError | None:
    """The first record data that does not fit its type."""
    for record in message.records():
        try:
            decode(message, record)
        except WireError as error:
            return error
    return None


def cache_seconds(ttl: int) -> int:
    """A TTL as a cache reads it: with its top bit set it is not zero, but too long (RFC 8767 §4)."""
    return min(ttl, MAX_TTL)


def record_json(message: DnsMessage, record: DnsRecord) -> dict[str, JsonValue]:
    rdata = decode_or_generic(message, record)
    out: dict[str, JsonValue] = {"name": record.name.text(), "type": type_name(record.type)}
    if record.type == OPT:  # class and TTL hold other things (RFC 6891 §6.1.2, §6.1.3)
        out["udp_size"] = record.class_
        out["extended_rcode"] = record.ttl >> 24
        out["version"] = record.ttl >> 16 & 0xFF
        out["dnssec_ok"] = record.ttl & 0x8000 != 0
    else:
        out["class"] = class_name(record.class_)
        out["ttl"] = record.ttl
    out["rdata"] = rdata.text
    out["fields"] = rdata.fields
    return out
