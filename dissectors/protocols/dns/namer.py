"""Addresses and the names that an answer gives them, without decoding anything else."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.protocols.dns.message import HEADER
from dissectors.wire.domain_names import presentation, skip_name

A: Final[i64] = 1
AAAA: Final[i64] = 28
MAX_RECORDS: Final[i64] = 64   # of one answer


def _text(labels: list[bytes]) -> str:
    """As `presentation`, without a look at every label where the name is an ordinary one."""
    joined = b".".join(labels)
    plain = joined.replace(b".", b"").replace(b"-", b"")
    if plain.isalnum() and joined.count(b".") == len(labels) - 1:
        return joined.decode("ascii")
    return presentation(labels)


def named_addresses(data: bytes) -> list[tuple[bytes, str]]:
    """(packed address, the name that was asked for) for each A and AAAA record of an answer; [] for all else.

    The name is the question's, not the target's of a CNAME: it is what the user of the address knows it by.
    """
    end: i64 = len(data)
    out: list[tuple[bytes, str]] = []
    if end < HEADER or data[2] & 0x80 == 0 or data[3] & 15 or data[4:6] != b"\x00\x01":
        return out
    records = min((i64(data[6]) << 8) | i64(data[7]), MAX_RECORDS)
    labels: list[bytes] = []
    at: i64 = HEADER
    while at < end and 0 < data[at] < 64:     # RFC 1035 §3.1; a question has nothing to point back to
        labels.append(data[at + 1:at + 1 + i64(data[at])])
        at += 1 + i64(data[at])
    if at >= end or data[at]:
        return out
    at += 5
    name = ""
    while records > 0:
        records -= 1
        at = skip_name(data, at, end)
        if at < 0 or at + 10 > end:
            break  # what was read before the damage holds; the damage itself is told when the message is
        kind = (i64(data[at]) << 8) | i64(data[at + 1])
        length = (i64(data[at + 8]) << 8) | i64(data[at + 9])
        at += 10
        if ((kind == A and length == 4) or (kind == AAAA and length == 16)) and at + length <= end:
            name = name or _text(labels)
            out.append((data[at:at + length], name))
        at += length
    return out
