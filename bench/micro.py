"""Small measurements within one process: what a single step costs.

Each is one function of the captures that returns (operations, seconds); add another to MEASURED. The loops
around them are interpreted, which adds some tens of nanoseconds to each call.
"""
from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.report import table
from bench.traffic.capture import Capture, make, name
from bench.traffic.dns import AAAA, A, answer, query

Captures = dict[str, Capture]
Measured = tuple[int, float]

SIZE: Final = 100_000       # packets of the mix that are walked
REPEATS: Final = 3          # the fastest counts: the others met something else that the machine did
MESSAGES: Final = 20_000
DNS_PORT: Final = 53
RECORDS: Final = 2_000      # of TLS, 16 KiB each
AES_128_GCM_SHA256: Final = 0x1301
TLS_HEADER: Final = b"\x17\x03\x03\x40\x11"
CAPACITY: Final = 1_000_000  # conversations: more than the captures hold


def messages() -> list[bytes]:
    """A query, an address answer, a chain of aliases, and a name that does not exist."""
    v4 = [bytes((198, 18, 0, last)) for last in range(1, 5)]
    name_, alias = "www.shop.test", ["edge7.cdn.test", "pop7.net.cdn.test"]
    return [
        query(1, name_, A, True), answer(1, name_, A, True, [], v4, 300, True),
        answer(2, name_, AAAA, True, alias, [bytes(16)], 300, True),
        answer(3, "nobody.test", A, True, [], [], 300, False),
    ]


def dns_ours(_: Captures) -> Measured:
    kit: Any = import_module("dissectors.kit.inputs")
    protocol: Any = import_module("dissectors.protocols.dns.protocol")
    contract: Any = import_module("dissectors.kit.protocol")
    context = contract.Context("udp", 40000, DNS_PORT)
    datagrams = [kit.Datagram(number + 1, number * 1000, number & 1, data, len(data), 42)
                 for number, data in enumerate(messages() * (MESSAGES // 4))]
    dissector = protocol.DNS.create(context)
    begin = time.perf_counter()
    for each in datagrams:
        dissector.on_datagram(each)
    return len(datagrams), time.perf_counter() - begin


def dns_dnspython(_: Captures) -> Measured:
    message: Any = import_module("dns.message")
    return _parse(message.from_wire, MESSAGES // 4)


def dns_dpkt(_: Captures) -> Measured:
    return _parse(import_module("dpkt").dns.DNS, MESSAGES // 4)


def _parse(parse: Callable[[bytes], object], count: int) -> Measured:
    data = messages() * (count // 4)
    begin = time.perf_counter()
    for each in data:
        parse(each)
    return len(data), time.perf_counter() - begin


def tls_opened(_: Captures) -> Measured:
    """Full records of TLS 1.3, as a download has them: 200 MB/s are 82 µs for each."""
    protection: Any = import_module("dissectors.wire.tls.protection")
    opener = protection.opener13(AES_128_GCM_SHA256, bytes(32))
    sealed = [
        opener.aead.encrypt((opener.iv ^ number).to_bytes(12, "big"), bytes(16_384) + b"\x17", TLS_HEADER)
        for number in range(RECORDS)
    ]
    begin = time.perf_counter()
    for each in sealed:
        opener.open(23, 0x0303, each)
    return RECORDS, time.perf_counter() - begin


def tls_library(_: Captures) -> Measured:
    """The same octets through the cipher alone."""
    cipher = import_module("cryptography.hazmat.primitives.ciphers.aead").AESGCM(bytes(16))
    sealed = cipher.encrypt(bytes(12), bytes(16_385), TLS_HEADER)
    begin = time.perf_counter()
    for _each in range(RECORDS):
        cipher.decrypt(bytes(12), sealed, TLS_HEADER)
    return RECORDS, time.perf_counter() - begin


def walk(captures: Captures) -> Measured:
    """Records found one after the other."""
    each = captures[name(SIZE, False)]
    source = _source(each)
    begin = time.perf_counter()
    while source.next():
        pass
    return each.packets, time.perf_counter() - begin


def walk_and_decode(captures: Captures) -> Measured:
    """As before, and the headers down to TCP or UDP."""
    each = captures[name(SIZE, False)]
    source = _source(each)
    decoder: Any = import_module("analyzer.packets.decode").Decoder()
    packet: Any = import_module("analyzer.packets.packet").Packet()
    decode, step = decoder.decode, source.next
    begin = time.perf_counter()
    while step():
        decode(source.data, source.start, source.end, source.length, source.link, source.number, source.time, packet)
    return each.packets, time.perf_counter() - begin


def survey(captures: Captures) -> Measured:
    """As before, and the conversation table with its sequence analysis: the whole first pass."""
    each = captures[name(SIZE, False)]
    source = _source(each)
    keeper: Any = import_module("analyzer.pipeline.keep").Keeper(0)
    whole: Any = import_module("analyzer.pipeline.survey").Survey(source, keeper, CAPACITY, 0)
    begin = time.perf_counter()
    while whole.step():
        pass
    return each.packets, time.perf_counter() - begin


def _source(each: Capture) -> Any:
    opened: Any = import_module("analyzer.ingest.open")
    return opened.open_capture([str(each.path)])


MEASURED: Final[list[tuple[str, Callable[[Captures], Measured]]]] = [
    ("DNS message, wiretale", dns_ours),
    ("DNS message, dnspython", dns_dnspython),
    ("DNS message, dpkt", dns_dpkt),
    ("TLS record of 16 KiB opened, AES-128-GCM, wiretale", tls_opened),
    ("the same, the cipher of cryptography alone", tls_library),
    ("record walk", walk),
    ("record walk, decode", walk_and_decode),
    ("record walk, decode, conversations and TCP analysis", survey),
]


def prefer_installed() -> None:
    """An installed wiretale, which may be compiled, goes before the plain files of this tree."""
    root = str(Path(__file__).parent.parent)
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(root)] + [root]


def run(folder: Path) -> str:
    """The table of all of them; what cannot be imported is named as missing."""
    prefer_installed()
    captures = make(folder, [SIZE])
    rows = []
    for title, function in MEASURED:
        try:
            results = [function(captures) for _ in range(REPEATS)]
        except ImportError as error:
            rows.append([title, "missing", "", str(error)])
            continue
        count, seconds = min(results, key=lambda result: result[1] / result[0])
        rows.append([title, f"{seconds / count * 1e9:,.0f}", f"{count / seconds / 1e6:.3f}", ""])
    found = import_module("dissectors.kit.event").__file__ or ""
    speed = "interpreted" if found.endswith(".py") else "compiled"
    return table([f"wiretale is {speed}", "ns each", "million/s", ""], rows)
