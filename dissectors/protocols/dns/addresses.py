"""Addresses as text."""
from __future__ import annotations

from mypy_extensions import i64


def ipv4(octets: bytes) -> str:
    return f"{octets[0]}.{octets[1]}.{octets[2]}.{octets[3]}"


def ipv6(octets: bytes) -> str:
    """RFC 5952 §4: lower case, the longest run of two or more zero groups as `::`; §5: `::ffff:1.2.3.4`."""
    if octets[:12] == b"\x00" * 10 + b"\xff\xff":
        return "::ffff:" + ipv4(octets[12:])
    groups = [octets[at] << 8 | octets[at + 1] for at in range(0, 16, 2)]
    best: i64 = -1
    longest: i64 = 1
    at: i64 = 0
    while at < 8:
        run: i64 = 0
        while at + run < 8 and groups[at + run] == 0:
            run += 1
        if run > longest:
            best, longest = at, run
        at += run + 1
    words = [f"{group:x}" for group in groups]
    if best < 0:
        return ":".join(words)
    return ":".join(words[:best]) + "::" + ":".join(words[best + longest:])


def address_of_reverse(labels: list[bytes]) -> str:
    """The address that a name below in-addr.arpa (RFC 1035 §3.5) or ip6.arpa (RFC 3596 §2.5) is for, "" for none."""
    low = [label.lower() for label in labels]
    if len(low) == 6 and low[4:] == [b"in-addr", b"arpa"]:
        octets = [label for label in low[:4] if label.isdigit() and len(label) <= 3 and int(label) < 256]
        return b".".join(reversed(octets)).decode("ascii") if len(octets) == 4 else ""
    if len(low) == 34 and low[32:] == [b"ip6", b"arpa"]:
        digits = b"".join(reversed(low[:32]))
        if len(digits) == 32 and all(digit in b"0123456789abcdef" for digit in digits):
            return ipv6(bytes.fromhex(digits.decode("ascii")))
    return ""
