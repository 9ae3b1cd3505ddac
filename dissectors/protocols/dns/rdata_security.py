"""Record data of DNSSEC (RFC 4034, RFC 5155), of keys and of certificates."""
from __future__ import annotations

from base64 import b32hexencode, b64encode
from time import gmtime, strftime
from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import JsonValue
from dissectors.protocols.dns.fields import name_at, string_at
from dissectors.protocols.dns.rdata_value import Rdata
from dissectors.wire.dns_codes import (
    ALGORITHMS,
    DIGESTS,
    NSEC3_HASHES,
    RSAMD5,
    SSH_ALGORITHMS,
    SSH_FINGERPRINTS,
    TLSA_MATCHINGS,
    TLSA_SELECTORS,
    TLSA_USAGES,
)
from dissectors.wire.dns_types import type_name

ZONE_KEY: Final = 0x0100      # RFC 4034 §2.1.1
SECURE_ENTRY: Final = 0x0001  # RFC 4034 §2.1.1, RFC 3757
REVOKED: Final = 0x0080       # RFC 5011 §7
OPT_OUT: Final = 0x01         # RFC 5155 §3.1.2.1


def _named(table: dict[int, str], number: int) -> str:
    return table.get(number) or str(number)


def key_tag(rdata: bytes) -> int:
    """RFC 4034 Appendix B: a sum of the DNSKEY's data; B.1: for algorithm 1 a part of the modulus."""
    if len(rdata) > 6 and rdata[3] == RSAMD5:
        return rdata[-3] << 8 | rdata[-2]
    total = 0
    for index, octet in enumerate(rdata):
        total += octet if index & 1 else octet << 8
    return (total + (total >> 16 & 0xFFFF)) & 0xFFFF


def dnskey(cursor: Cursor) -> Rdata:
    """RFC 4034 §2.1."""
    tag = key_tag(cursor.data[cursor.at:cursor.end])
    flags, protocol, algorithm = cursor.number(2), cursor.number(1), cursor.number(1)
    key = cursor.rest()
    encoded = b64encode(key).decode("ascii")
    return Rdata(
        f"{flags} {protocol} {algorithm} {encoded}",
        {"flags": flags, "zone_key": flags & ZONE_KEY != 0, "secure_entry_point": flags & SECURE_ENTRY != 0,
         "revoked": flags & REVOKED != 0, "protocol": protocol, "algorithm": algorithm,
         "algorithm_name": _named(ALGORITHMS, algorithm), "key": encoded, "key_tag": tag},
    )


def ds(cursor: Cursor) -> Rdata:
    """RFC 4034 §5.1."""
    tag, algorithm, digest_type = cursor.number(2), cursor.number(1), cursor.number(1)
    digest = cursor.rest().hex()
    return Rdata(
        f"{tag} {algorithm} {digest_type} {digest}",
        {"key_tag": tag, "algorithm": algorithm, "algorithm_name": _named(ALGORITHMS, algorithm),
         "digest_type": digest_type, "digest_name": _named(DIGESTS, digest_type), "digest": digest},
    )


def moment(seconds: int) -> str:
    """RFC 4034 §3.2: YYYYMMDDHHmmSS in UTC."""
    return strftime("%Y%m%d%H%M%S", gmtime(seconds))


def rrsig(cursor: Cursor) -> Rdata:
    """RFC 4034 §3.1. Times are seconds since 1970 modulo 2^32 (§3.1.5); they are read as such until 2106."""
    covered, algorithm, labels = cursor.number(2), cursor.number(1), cursor.number(1)
    original, expiration, inception = cursor.number(4), cursor.number(4), cursor.number(4)
    tag, signer = cursor.number(2), name_at(cursor).text()
    signature = b64encode(cursor.rest()).decode("ascii")
    return Rdata(
        f"{type_name(covered)} {algorithm} {labels} {original} {moment(expiration)} {moment(inception)} "
        f"{tag} {signer} {signature}",
        {"type_covered": type_name(covered), "algorithm": algorithm,
         "algorithm_name": _named(ALGORITHMS, algorithm), "labels": labels, "original_ttl": original,
         "expiration": expiration, "inception": inception, "key_tag": tag, "signer": signer, "signature": signature},
    )


def type_bitmap(cursor: Cursor) -> list[int]:
    """The types of an NSEC, NSEC3 or CSYNC record, ascending (RFC 4034 §4.1.2). At most 65 536."""
    out: list[int] = []
    last = -1
    while cursor.left:
        window, length = cursor.number(1), cursor.number(1)
        if window <= last or not 1 <= length <= 32:
            raise WireError(cursor.at - 2, "a type bitmap whose windows are out of order or of a wrong length")
        last = window
        for index, octet in enumerate(cursor.take(length)):
            out += [window << 8 | index << 3 | bit for bit in range(8) if octet & 0x80 >> bit]
    return out


def _types(numbers: list[int]) -> tuple[str, list[JsonValue]]:
    names: list[JsonValue] = [type_name(number) for number in numbers]
    return "".join([" " + type_name(number) for number in numbers]), names


def nsec(cursor: Cursor) -> Rdata:
    """RFC 4034 §4.1."""
    following = name_at(cursor).text()
    text, names = _types(type_bitmap(cursor))
    return Rdata(following + text, {"next": following, "types": names})


def nsec3(cursor: Cursor) -> Rdata:
    """RFC 5155 §3.2."""
    algorithm, flags, iterations = cursor.number(1), cursor.number(1), cursor.number(2)
    salt = string_at(cursor).hex()
    following = b32hexencode(string_at(cursor)).decode("ascii").rstrip("=").lower()
    text, names = _types(type_bitmap(cursor))
    return Rdata(
        f"{algorithm} {flags} {iterations} {salt or '-'} {following}{text}",
        {"hash": algorithm, "hash_name": _named(NSEC3_HASHES, algorithm), "opt_out": flags & OPT_OUT != 0,
         "flags": flags, "iterations": iterations, "salt": salt, "next_hashed": following, "types": names},
    )


def nsec3param(cursor: Cursor) -> Rdata:
    """RFC 5155 §4.2."""
    algorithm, flags, iterations = cursor.number(1), cursor.number(1), cursor.number(2)
    salt = string_at(cursor).hex()
    return Rdata(
        f"{algorithm} {flags} {iterations} {salt or '-'}",
        {"hash": algorithm, "hash_name": _named(NSEC3_HASHES, algorithm), "flags": flags,
         "iterations": iterations, "salt": salt},
    )


def tlsa(cursor: Cursor) -> Rdata:
    """TLSA (RFC 6698 §2.1) and SMIMEA (RFC 8162 §2), which has the same format."""
    usage, selector, matching = cursor.number(1), cursor.number(1), cursor.number(1)
    association = cursor.rest().hex()
    return Rdata(
        f"{usage} {selector} {matching} {association}",
        {"usage": usage, "usage_name": _named(TLSA_USAGES, usage), "selector": selector,
         "selector_name": _named(TLSA_SELECTORS, selector), "matching": matching,
         "matching_name": _named(TLSA_MATCHINGS, matching), "association": association},
    )


def sshfp(cursor: Cursor) -> Rdata:
    """RFC 4255 §3.1."""
    algorithm, kind = cursor.number(1), cursor.number(1)
    fingerprint = cursor.rest().hex()
    return Rdata(
        f"{algorithm} {kind} {fingerprint}",
        {"algorithm": algorithm, "algorithm_name": _named(SSH_ALGORITHMS, algorithm), "fingerprint_type": kind,
         "fingerprint_name": _named(SSH_FINGERPRINTS, kind), "fingerprint": fingerprint},
    )


def csync(cursor: Cursor) -> Rdata:
    """RFC 7477 §2.1.1."""
    serial, flags = cursor.number(4), cursor.number(2)
    text, names = _types(type_bitmap(cursor))
    return Rdata(
        f"{serial} {flags}{text}",
        {"serial": serial, "immediate": flags & 1 != 0, "soa_minimum": flags & 2 != 0, "types": names},
    )


def zonemd(cursor: Cursor) -> Rdata:
    """RFC 8976 §2.2."""
    serial, scheme, algorithm = cursor.number(4), cursor.number(1), cursor.number(1)
    digest = cursor.rest().hex()
    return Rdata(
        f"{serial} {scheme} {algorithm} {digest}",
        {"serial": serial, "scheme": scheme, "algorithm": algorithm, "digest": digest},
    )
