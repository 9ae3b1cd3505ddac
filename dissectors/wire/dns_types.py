"""Names of DNS record types and classes: the IANA registry `Domain Name System (DNS) Parameters` (RFC 6895)."""
from __future__ import annotations

from typing import Final

PORT: Final = 53       # RFC 1035 §4.2

# Types that this code refers to by name.
A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
DNAME: Final = 39
OPT: Final = 41
DS: Final = 43
RRSIG: Final = 46
NSEC: Final = 47
DNSKEY: Final = 48
NSEC3: Final = 50
SVCB: Final = 64
HTTPS: Final = 65
TKEY: Final = 249
TSIG: Final = 250
IXFR: Final = 251
AXFR: Final = 252
ANY_TYPE: Final = 255

# Type: (mnemonic, what such a record holds, as the object of "asks for").
TYPES: Final[dict[int, tuple[str, str]]] = {
    1: ("A", "IPv4 addresses"),
    2: ("NS", "authoritative name servers"),
    3: ("MD", "mail destination (obsolete)"),
    4: ("MF", "mail forwarder (obsolete)"),
    5: ("CNAME", "canonical name"),
    6: ("SOA", "start of authority"),
    7: ("MB", "mailbox domain name"),
    8: ("MG", "mail group member"),
    9: ("MR", "mail rename domain name"),
    10: ("NULL", "null record"),
    11: ("WKS", "well known services"),
    12: ("PTR", "name pointer"),
    13: ("HINFO", "host information"),
    14: ("MINFO", "mailbox information"),
    15: ("MX", "mail servers"),
    16: ("TXT", "text strings"),
    17: ("RP", "responsible person"),
    18: ("AFSDB", "AFS database location"),
    19: ("X25", "X.25 PSDN address"),
    20: ("ISDN", "ISDN address"),
    21: ("RT", "route through"),
    22: ("NSAP", "NSAP address"),
    23: ("NSAP-PTR", "NSAP name pointer"),
    24: ("SIG", "security signature"),
    25: ("KEY", "security key"),
    26: ("PX", "X.400 mail mapping"),
    27: ("GPOS", "geographical position"),
    28: ("AAAA", "IPv6 addresses"),
    29: ("LOC", "location"),
    30: ("NXT", "next domain (obsolete)"),
    31: ("EID", "endpoint identifier"),
    32: ("NIMLOC", "Nimrod locator"),
    33: ("SRV", "service location"),
    34: ("ATMA", "ATM address"),
    35: ("NAPTR", "naming authority pointer"),
    36: ("KX", "key exchanger"),
    37: ("CERT", "certificate"),
    38: ("A6", "IPv6 address (obsolete)"),
    39: ("DNAME", "redirection of a subtree"),
    40: ("SINK", "kitchen sink"),
    41: ("OPT", "EDNS options"),
    42: ("APL", "address prefixes"),
    43: ("DS", "delegation signer"),
    44: ("SSHFP", "SSH key fingerprint"),
    45: ("IPSECKEY", "IPsec key"),
    46: ("RRSIG", "signature"),
    47: ("NSEC", "next secure name"),
    48: ("DNSKEY", "DNSSEC keys"),
    49: ("DHCID", "DHCP identifier"),
    50: ("NSEC3", "hashed next secure name"),
    51: ("NSEC3PARAM", "NSEC3 parameters"),
    52: ("TLSA", "TLS certificate association"),
    53: ("SMIMEA", "S/MIME certificate association"),
    55: ("HIP", "host identity"),
    56: ("NINFO", "zone status"),
    57: ("RKEY", "record key"),
    58: ("TALINK", "trust anchor link"),
    59: ("CDS", "child's delegation signer"),
    60: ("CDNSKEY", "child's DNSSEC keys"),
    61: ("OPENPGPKEY", "OpenPGP key"),
    62: ("CSYNC", "child-to-parent synchronisation"),
    63: ("ZONEMD", "zone digest"),
    64: ("SVCB", "service binding"),
    65: ("HTTPS", "HTTPS service binding"),
    66: ("DSYNC", "where to send notifications"),
    67: ("HHIT", "hierarchical host identity tag"),
    68: ("BRID", "broadcast remote identification"),
    99: ("SPF", "sender policy (obsolete)"),
    100: ("UINFO", "user information"),
    101: ("UID", "user identifier"),
    102: ("GID", "group identifier"),
    103: ("UNSPEC", "unspecified data"),
    104: ("NID", "ILNP node identifier"),
    105: ("L32", "ILNP 32-bit locator"),
    106: ("L64", "ILNP 64-bit locator"),
    107: ("LP", "ILNP locator pointer"),
    108: ("EUI48", "EUI-48 address"),
    109: ("EUI64", "EUI-64 address"),
    128: ("NXNAME", "sign of a name that does not exist"),
    249: ("TKEY", "transaction key"),
    250: ("TSIG", "transaction signature"),
    251: ("IXFR", "changes of the zone since a serial number"),
    252: ("AXFR", "whole zone"),
    253: ("MAILB", "mailbox records"),
    254: ("MAILA", "mail agent records (obsolete)"),
    255: ("ANY", "records of any type"),
    256: ("URI", "URI"),
    257: ("CAA", "certification authorities that may issue"),
    258: ("AVC", "application visibility"),
    259: ("DOA", "digital object architecture"),
    260: ("AMTRELAY", "multicast tunnel relay"),
    261: ("RESINFO", "what the resolver can do"),
    262: ("WALLET", "public wallet address"),
    263: ("CLA", "BP convergence layer adapter"),
    264: ("IPN", "BP node number"),
    32768: ("TA", "DNSSEC trust authorities"),
    32769: ("DLV", "DNSSEC lookaside validation (obsolete)"),
}

IN: Final = 1
CH: Final = 3
HS: Final = 4
NONE_CLASS: Final = 254
ANY_CLASS: Final = 255
CLASSES: Final[dict[int, str]] = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}


def type_name(number: int) -> str:
    """`AAAA`, or `TYPE4711` for a number without a name (RFC 3597 §5)."""
    found = TYPES.get(number)
    return found[0] if found is not None else f"TYPE{number}"


def type_meaning(number: int) -> str:
    """`IPv6 addresses`, or `records of type 4711`."""
    found = TYPES.get(number)
    return found[1] if found is not None else f"records of type {number}"


def class_name(number: int) -> str:
    """`IN`, or `CLASS4711` for a number without a name (RFC 3597 §5)."""
    return CLASSES.get(number) or f"CLASS{number}"
