"""Whether a certificate is for the name that a client asked for (RFC 9525 §6, which follows RFC 6125).

Names are compared as A-labels, in the form in which DNS and certificates carry internationalised names
(RFC 9525 §6.3, RFC 5890 §2.3.2.1).
"""
from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(name: str) -> Address | None:
    """The IP address that a name is, None where it is none. An IPv6 address may stand in brackets."""
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


def a_labels(name: str) -> str:
    """A domain name in lower case without its final dot, U-labels turned into A-labels where that is possible."""
    name = name.rstrip(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return name.lower()
    return name.lower()


def matches(presented: str, wanted: str) -> bool:
    """Whether a dNSName of a certificate, which may be a wildcard, covers a domain name.

    A wildcard is a whole label, only the leftmost one, and stands for exactly one label (RFC 9525 §6.3). That it
    also covers a whole public suffix (`*.com`) is refused here, as clients do.
    """
    pattern, name = a_labels(presented), a_labels(wanted)
    if not pattern or not name:
        return False
    if "*" not in pattern:
        return pattern == name
    first, _dot, rest = pattern.partition(".")
    label, _dot, parent = name.partition(".")
    return first == "*" and "*" not in rest and "." in rest and label != "" and rest == parent


def covers(names: list[str], addresses: list[str], wanted: str) -> bool:
    """Whether one of the names, or of the IP addresses, is the one that is wanted.

    An IP address is compared with addresses alone, octet by octet (RFC 9525 §6.4), a name with names alone.
    """
    address = address_of(wanted)
    if address is not None:
        return any(address_of(one) == address for one in addresses)
    return any(matches(one, wanted) for one in names)


def within(name: str, constraint: str) -> bool:
    """Whether a dNSName lies in the subtree of a name constraint (RFC 5280 §4.2.1.10)."""
    name, constraint = a_labels(name), a_labels(constraint).lstrip(".")
    return not constraint or name == constraint or name.endswith("." + constraint)
