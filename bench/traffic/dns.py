"""DNS lookups over UDP: A and AAAA, chains of CNAME, names that do not exist, queries sent again."""
from __future__ import annotations

from random import Random
from struct import pack
from typing import Final

from bench.traffic.frames import Route, datagram
from bench.traffic.tcp import Steps

A: Final = 1
CNAME: Final = 5
SOA: Final = 6
AAAA: Final = 28
IN: Final = 1
NXDOMAIN: Final = 3
PORT: Final = 53
RETRY: Final = 1_500_000  # µs until a query is sent again
QUERY_NAME: Final = 0xC00C  # compression pointer to the name in the question (RFC 1035 section 4.1.4)
_OPT: Final = pack(">BHHIH", 0, 41, 1232, 0, 0)  # EDNS(0), 1232 bytes (RFC 6891)


def encode_name(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def query(identifier: int, name: str, kind: int, edns: bool) -> bytes:
    message = pack(">HHHHHH", identifier, 0x0100, 1, 0, 0, int(edns)) + encode_name(name) + pack(">HH", kind, IN)
    return message + _OPT if edns else message


def answer(identifier: int, name: str, kind: int, edns: bool, chain: list[str], addresses: list[bytes],
           ttl: int, exists: bool) -> bytes:
    """A resolver's answer: the CNAME records of `chain`, then the addresses; or NXDOMAIN or NODATA with a SOA."""
    found = bool(addresses)
    flags = 0x8180 if exists else 0x8180 | NXDOMAIN
    message = pack(">HHHHHH", identifier, flags, 1, len(chain) + len(addresses), 0 if found else 1, int(edns))
    message += encode_name(name) + pack(">HH", kind, IN)
    owner = QUERY_NAME
    for target in chain:
        encoded = encode_name(target)
        message += pack(">HHHIH", owner, CNAME, IN, ttl, len(encoded))
        owner = 0xC000 | len(message)
        message += encoded
    for address in addresses:
        message += pack(">HHHIH", owner, kind, IN, ttl, len(address)) + address
    if not found:
        suffix = QUERY_NAME + 1 + name.index(".")  # the last label of a name of two
        data = b"\x02ns" + pack(">H", suffix) + b"\x05admin" + pack(">H", suffix)
        data += pack(">IIIII", 2024010101, 7200, 3600, 1209600, 300)
        message += pack(">HHHIH", suffix, SOA, IN, 300, len(data)) + data
    return message + _OPT if edns else message


class Zone:
    """What the resolver knows of one name."""

    def __init__(self, name: str, chain: list[str], v4: list[bytes], v6: list[bytes], ttl: int, exists: bool) -> None:
        self.name = name
        self.chain = chain
        self.addresses = {A: v4, AAAA: v6}
        self.ttl = ttl
        self.exists = exists


def lookup(rng: Random, time: int, there: Route, back: Route, zone: Zone, kind: int, trip: int,
           lost: bool = False) -> Steps:
    """One question and its answer `trip` µs later; where `lost`, the first question gets none."""
    port = rng.randrange(32768, 61000)
    identifier = rng.getrandbits(16)
    edns = rng.random() < 0.7
    question = query(identifier, zone.name, kind, edns)
    yield time, datagram(there, time, port, PORT, question)
    if lost:
        time += RETRY
        yield time, datagram(there, time, port, PORT, question)
    time += trip
    addresses = list(zone.addresses[kind])
    rng.shuffle(addresses)
    reply = answer(identifier, zone.name, kind, edns, zone.chain if zone.exists else [], addresses,
                   rng.randrange(1, zone.ttl + 1), zone.exists)
    yield time, datagram(back, time, PORT, port, reply)
    return time
