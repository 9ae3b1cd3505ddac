"""Numbers of DNS that are neither types nor classes, by their IANA registries."""
from __future__ import annotations

from typing import Final

QUERY: Final = 0
IQUERY: Final = 1
NOTIFY: Final = 4
UPDATE: Final = 5
STATEFUL: Final = 6
OPCODES: Final[dict[int, str]] = {
    0: "QUERY",    # RFC 1035 §4.1.1
    1: "IQUERY",   # RFC 3425: obsolete
    2: "STATUS",
    4: "NOTIFY",   # RFC 1996
    5: "UPDATE",   # RFC 2136
    6: "DSO",      # RFC 8490
}

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
REFUSED: Final = 5
BADVERS: Final = 16
BADCOOKIE: Final = 23
# Response codes, the extended ones of EDNS, TSIG and TKEY included: (mnemonic, meaning).
RCODES: Final[dict[int, tuple[str, str]]] = {
    0: ("NOERROR", "no error"),
    1: ("FORMERR", "the server could not read the query"),
    2: ("SERVFAIL", "the server could not get an answer"),
    3: ("NXDOMAIN", "the name does not exist"),
    4: ("NOTIMP", "the server does not support this kind of query"),
    5: ("REFUSED", "the server refuses, by its policy"),
    6: ("YXDOMAIN", "a name exists that should not"),
    7: ("YXRRSET", "records exist that should not"),
    8: ("NXRRSET", "records that should exist do not"),
    9: ("NOTAUTH", "the server is not authoritative for the zone, or the request is not authorised"),
    10: ("NOTZONE", "a name is not within the zone"),
    11: ("DSOTYPENI", "the stateful operation is not implemented"),
    16: ("BADVERS", "the EDNS version is not supported"),
    17: ("BADKEY", "the key is not recognised"),
    18: ("BADTIME", "the signature is outside its time window"),
    19: ("BADMODE", "the TKEY mode is not supported"),
    20: ("BADNAME", "the key name is a duplicate"),
    21: ("BADALG", "the algorithm is not supported"),
    22: ("BADTRUNC", "the signature is cut too short"),
    23: ("BADCOOKIE", "the server cookie is missing or wrong"),
}

OPTION_NSID: Final = 3
OPTION_SUBNET: Final = 8
OPTION_EXPIRE: Final = 9
OPTION_COOKIE: Final = 10
OPTION_KEEPALIVE: Final = 11
OPTION_PADDING: Final = 12
OPTION_CHAIN: Final = 13
OPTION_KEY_TAG: Final = 14
OPTION_ERROR: Final = 15
OPTION_REPORT: Final = 18
OPTION_ZONE_VERSION: Final = 19
EDNS_OPTIONS: Final[dict[int, str]] = {
    1: "LLQ",
    2: "update lease",
    3: "NSID",
    5: "DAU",
    6: "DHU",
    7: "N3U",
    8: "client subnet",
    9: "EXPIRE",
    10: "cookie",
    11: "TCP keepalive",
    12: "padding",
    13: "CHAIN",
    14: "key tag",
    15: "extended error",
    16: "client tag",
    17: "server tag",
    18: "report channel",
    19: "zone version",
    22: "extended error text language",
    23: "filtering contact",
    24: "filtering organization",
    25: "filtering database",
    20292: "Umbrella ident",
    26946: "device ID",
}

# INFO-CODE of the extended error option (RFC 8914 §4 and its registry).
EXTENDED_ERRORS: Final[dict[int, str]] = {
    0: "Other Error",
    1: "Unsupported DNSKEY Algorithm",
    2: "Unsupported DS Digest Type",
    3: "Stale Answer",
    4: "Forged Answer",
    5: "DNSSEC Indeterminate",
    6: "DNSSEC Bogus",
    7: "Signature Expired",
    8: "Signature Not Yet Valid",
    9: "DNSKEY Missing",
    10: "RRSIGs Missing",
    11: "No Zone Key Bit Set",
    12: "NSEC Missing",
    13: "Cached Error",
    14: "Not Ready",
    15: "Blocked",
    16: "Censored",
    17: "Filtered",
    18: "Prohibited",
    19: "Stale NXDOMAIN Answer",
    20: "Not Authoritative",
    21: "Not Supported",
    22: "No Reachable Authority",
    23: "Network Error",
    24: "Invalid Data",
    25: "Signature Expired before Valid",
    26: "Too Early",
    27: "Unsupported NSEC3 Iterations Value",
    28: "Unable to conform to policy",
    29: "Synthesized",
    30: "Invalid Query Type",
    31: "Rate Limited",
    32: "Over Quota",
}

# DNS Security Algorithm Numbers.
ALGORITHMS: Final[dict[int, str]] = {
    0: "DELETE",
    1: "RSAMD5",
    2: "DH",
    3: "DSA",
    5: "RSASHA1",
    6: "DSA-NSEC3-SHA1",
    7: "RSASHA1-NSEC3-SHA1",
    8: "RSASHA256",
    10: "RSASHA512",
    12: "ECC-GOST",
    13: "ECDSAP256SHA256",
    14: "ECDSAP384SHA384",
    15: "ED25519",
    16: "ED448",
    17: "SM2SM3",
    23: "ECC-GOST12",
    252: "INDIRECT",
    253: "PRIVATEDNS",
    254: "PRIVATEOID",
}
RSAMD5: Final = 1

# Digest types of DS records.
DIGESTS: Final[dict[int, str]] = {
    1: "SHA-1", 2: "SHA-256", 3: "GOST R 34.11-94", 4: "SHA-384", 5: "GOST R 34.11-2012", 6: "SM3",
}

NSEC3_HASHES: Final[dict[int, str]] = {1: "SHA-1"}

# TLSA (RFC 6698 §2.1, named by RFC 7218 §2).
TLSA_USAGES: Final[dict[int, str]] = {0: "PKIX-TA", 1: "PKIX-EE", 2: "DANE-TA", 3: "DANE-EE", 255: "PrivCert"}
TLSA_SELECTORS: Final[dict[int, str]] = {0: "Cert", 1: "SPKI", 255: "PrivSel"}
TLSA_MATCHINGS: Final[dict[int, str]] = {0: "Full", 1: "SHA2-256", 2: "SHA2-512", 255: "PrivMatch"}

# SSHFP (RFC 4255 §3.1, RFC 6594, RFC 7479, RFC 8709).
SSH_ALGORITHMS: Final[dict[int, str]] = {1: "RSA", 2: "DSA", 3: "ECDSA", 4: "Ed25519", 6: "Ed448"}
SSH_FINGERPRINTS: Final[dict[int, str]] = {1: "SHA-1", 2: "SHA-256"}

# Service parameter keys (RFC 9460 §14.3 and its registry).
SVC_MANDATORY: Final = 0
SVC_ALPN: Final = 1
SVC_NO_DEFAULT_ALPN: Final = 2
SVC_PORT: Final = 3
SVC_IPV4HINT: Final = 4
SVC_ECH: Final = 5
SVC_IPV6HINT: Final = 6
SVC_DOHPATH: Final = 7
SVC_OHTTP: Final = 8
SVC_PARAMS: Final[dict[int, str]] = {
    0: "mandatory",
    1: "alpn",
    2: "no-default-alpn",
    3: "port",
    4: "ipv4hint",
    5: "ech",
    6: "ipv6hint",
    7: "dohpath",
    8: "ohttp",
    9: "tls-supported-groups",
    10: "docpath",
}


def opcode_name(number: int) -> str:
    return OPCODES.get(number) or f"OPCODE{number}"


def rcode_name(number: int) -> str:
    found = RCODES.get(number)
    return found[0] if found is not None else f"RCODE{number}"


def rcode_meaning(number: int) -> str:
    found = RCODES.get(number)
    return found[1] if found is not None else f"response code {number}, which has no name"


def option_name(number: int) -> str:
    return EDNS_OPTIONS.get(number) or f"option {number}"


def svc_key_name(number: int) -> str:
    """RFC 9460 §2.1: `keyNNNNN` for a key without a name."""
    return SVC_PARAMS.get(number) or f"key{number}"
