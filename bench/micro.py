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

from bench import quic
from bench.report import table
from bench.traffic.capture import Capture, make, name
from bench.traffic.dns import AAAA, A, answer, query
from bench.traffic.http2 import conversation, frame, request

Captures = dict[str, Capture]
Measured = tuple[int, float]

SIZE: Final = 100_000       # packets of the mix that are walked
REPEATS: Final = 3          # the fastest counts: the others met something else that the machine did
MESSAGES: Final = 20_000
DNS_PORT: Final = 53
RECORDS: Final = 2_000      # of TLS, 16 KiB each
AES_128_GCM_SHA256: Final = 0x1301
TLS_HEADER: Final = b"\x17\x03\x03\x40\x11"
SEGMENT: Final = 1_448
PACKETS: Final = 10_000     # of QUIC, with data
ROUNDS: Final = 20          # of a page over HTTP/2
BLOCKS: Final = 5_000       # of header fields
EXCHANGES: Final = 5_000
CAPACITY: Final = 1_000_000  # conversations: more than the captures hold

REQUEST: Final = b"""GET /static/app.js HTTP/1.1
Host: www.shop.test
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Accept: */*
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Referer: https://www.shop.test/
Connection: keep-alive
Cookie: session=0123456789abcdef; theme=dark
If-None-Match: "5f2c"

"""
RESPONSE: Final = b"""HTTP/1.1 200 OK
Server: nginx
Date: Sat, 21 Nov 2026 09:00:00 GMT
Content-Type: application/javascript
Content-Length: 1000
Connection: keep-alive
ETag: "5f2d"
Cache-Control: public, max-age=31536000
Vary: Accept-Encoding

"""


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


def tls_passed(_: Captures) -> Measured:
    """A download that nobody has keys for: what TLS adds to TCP, a record of 16 KiB in segments of 1448 octets."""
    record = TLS_HEADER + bytes(16_401)
    return _download("dissectors.protocols.tls.protocol", "TLS", 443, record, RECORDS)


def websocket_frames(_: Captures) -> Measured:
    """Short text messages of a server, forty to a segment."""
    return _download("dissectors.protocols.websocket.protocol", "WEBSOCKET", 80, b"\x81\x20" + b"x" * 32, 40 * RECORDS)


def quic_opened(_: Captures) -> Measured:
    """Packets of 1200 octets of a download with one stream, and an ACK for every other one: mask, number, cipher,
    frames, streams and losses."""
    return _quic(keys=True)


def quic_passed(_: Captures) -> Measured:
    """The same that nobody has keys for: what QUIC adds to UDP."""
    return _quic(keys=False)


def quic_library(_: Captures) -> Measured:
    """Mask and content of the same packets, and nothing else."""
    return quic.alone(PACKETS)


def _quic(*, keys: bool) -> Measured:
    datagrams, reader = quic.datagrams(PACKETS), quic.observer(keys=keys)
    begin = time.perf_counter()
    for each in datagrams:
        reader.on_datagram(each)
    return len(datagrams), time.perf_counter() - begin


def _download(module: str, protocol: str, port: int, unit: bytes, count: int) -> Measured:
    """`unit` so many times from the server, cut where segments end."""
    kit: Any = import_module("dissectors.kit.inputs")
    contract: Any = import_module("dissectors.kit.protocol")
    dissector = getattr(import_module(module), protocol).create(contract.Context("tcp", 40000, port))
    data = unit * count
    chunks = [
        kit.Chunk(number + 1, number * 1000, 1, data[at:at + SEGMENT], at, 0, 54)
        for number, at in enumerate(range(0, len(data), SEGMENT))
    ]
    begin = time.perf_counter()
    for each in chunks:
        dissector.on_data(each)
    return count, time.perf_counter() - begin


def tls_library(_: Captures) -> Measured:
    """The same octets through the cipher alone."""
    cipher = import_module("cryptography.hazmat.primitives.ciphers.aead").AESGCM(bytes(16))
    sealed = cipher.encrypt(bytes(12), bytes(16_385), TLS_HEADER)
    begin = time.perf_counter()
    for _each in range(RECORDS):
        cipher.decrypt(bytes(12), sealed, TLS_HEADER)
    return RECORDS, time.perf_counter() - begin


def hpack_ours(_: Captures) -> Measured:
    """Blocks of ten fields, two of which are new with each."""
    decoder = import_module("dissectors.wire.hpack.decoder").Decoder(True)
    return _blocks(decoder.decode)


def hpack_library(_: Captures) -> Measured:
    return _blocks(import_module("hpack").Decoder().decode)


def _blocks(decode: Callable[[bytes], object]) -> Measured:
    encoder = import_module("hpack").Encoder()
    coded = [encoder.encode(request(number)) for number in range(BLOCKS)]
    begin = time.perf_counter()
    for each in coded:
        decode(each)
    return BLOCKS, time.perf_counter() - begin


def http2_frames(_: Captures) -> Measured:
    """Small frames, ten to a segment, as a server and its client exchange them."""
    data = b"".join([frame(8, 0, 1, b"\x00\x00\x00\x01"), frame(6, 0, 0, bytes(8)), frame(0, 0, 1, bytes(20)),
                     frame(4, 0, 0, b"\x00\x03\x00\x00\x00\x64"), frame(8, 0, 0, b"\x00\x00\x00\x01")]) * 2
    first = [(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(1, 4, 1, b"\x82\x84\x86"), 1)]
    return _segments(first + [(0, data, 10)] * 2_000)


def http2_page(_: Captures) -> Measured:
    """Segments of 1448 octets that carry requests and their responses in turns."""
    return _segments([(direction, data, 1) for direction, data, _count in conversation(ROUNDS)])


def _segments(parts: list[tuple[int, bytes, int]]) -> Measured:
    kit: Any = import_module("dissectors.kit.inputs")
    contract: Any = import_module("dissectors.kit.protocol")
    dissector = import_module("dissectors.protocols.http2.protocol").HTTP2.create(contract.Context("tcp", 40000, 443))
    at = [0, 0]
    chunks = []
    for number, (direction, data, _count) in enumerate(parts, 1):
        chunks.append(kit.Chunk(number, number * 1000, direction, data, at[direction], 0, 54))
        at[direction] += len(data)
    begin = time.perf_counter()
    for each in chunks:
        dissector.on_data(each)
    return sum(count for _direction, _data, count in parts), time.perf_counter() - begin


def http_ours(_: Captures) -> Measured:
    """A request with nine fields and its response with eight, and 1 kB of body."""
    kit: Any = import_module("dissectors.kit.inputs")
    protocol: Any = import_module("dissectors.protocols.http1.protocol")
    contract: Any = import_module("dissectors.kit.protocol")
    messages = [REQUEST.replace(b"\n", b"\r\n"), RESPONSE.replace(b"\n", b"\r\n") + bytes(1_000)]
    positions = [0, 0]
    chunks = []
    for number in range(2 * EXCHANGES):
        side = number & 1
        chunks.append(kit.Chunk(number + 1, number * 1000, side, messages[side], positions[side], offset=54))
        positions[side] += len(messages[side])
    dissector = protocol.HTTP.create(contract.Context("tcp", 40000, 80))
    begin = time.perf_counter()
    for each in chunks:
        dissector.on_data(each)
    return EXCHANGES, time.perf_counter() - begin


def http_h11(_: Captures) -> Measured:
    h11: Any = import_module("h11")
    pair = [REQUEST.replace(b"\n", b"\r\n"), RESPONSE.replace(b"\n", b"\r\n") + bytes(1_000)]
    begin = time.perf_counter()
    for _each in range(EXCHANGES // 10):
        server, client = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
        server.receive_data(pair[0])
        client.send(server.next_event())
        client.send(h11.EndOfMessage())
        client.receive_data(pair[1])
        while not isinstance(client.next_event(), h11.EndOfMessage):
            pass
    return EXCHANGES // 10, time.perf_counter() - begin


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
    packet: Any = import_module("analyzer.packet").Packet()
    decode, step = decoder.decode, source.next
    begin = time.perf_counter()
    while step():
        decode(source.data, source.start, source.end, source.length, source.link, source.number, source.time, packet)
    return each.packets, time.perf_counter() - begin


def survey(captures: Captures) -> Measured:
    """As before, and the conversation table with its sequence analysis: the whole first pass."""
    each = captures[name(SIZE, False)]
    source = _source(each)
    keeper: Any = import_module("analyzer.flows.keep").Keeper(0)
    book: Any = import_module("analyzer.flows.names").NameBook(import_module("dissectors.registry").protocols())
    whole: Any = import_module("analyzer.pipeline.survey").Survey(source, keeper, book, CAPACITY, 0)
    begin = time.perf_counter()
    while whole.step():
        pass
    return each.packets, time.perf_counter() - begin


def _source(each: Capture) -> Any:
    opened: Any = import_module("analyzer.ingest.open")
    return opened.open_capture([str(each.path)])


FILTER: Final = (       # ten fields, nearly all of which are asked for in each frame
    "(ip.addr == 10.0.0.0/8 or ipv6.addr == fd00::/8 or ip.ttl > 0) and (tcp.port in {80, 443} or udp.port == 53 or "
    "tcp.len >= 0 or frame.len > 20) and not tcp.flags.urg == 1 and not tcp.analysis.reused_ports "
    'and not dns.qry.name contains "nobody.example"'
)


def frame_lines(captures: Captures, text: str = "") -> Measured:
    run: Any = import_module("analyzer.pipeline.run")
    expression: Any = import_module("analyzer.filter.expression")
    lines = run.Frames([str(captures[name(SIZE, False)].path)], wanted=expression.read_filter(text) if text else None)
    begin = time.perf_counter()
    for _block in lines:
        pass
    return lines.count, time.perf_counter() - begin


def filtered_lines(captures: Captures) -> Measured:
    return frame_lines(captures, FILTER)


MEASURED: Final[list[tuple[str, Callable[[Captures], Measured]]]] = [
    ("DNS message, wiretale", dns_ours),
    ("DNS message, dnspython", dns_dnspython),
    ("DNS message, dpkt", dns_dpkt),
    ("TLS record of 16 KiB without keys, 12 segments", tls_passed),
    ("WebSocket frame of 32 octets", websocket_frames),
    ("TLS record of 16 KiB opened, AES-128-GCM, wiretale", tls_opened),
    ("the same, the cipher of cryptography alone", tls_library),
    ("QUIC packet of a download opened, AES-128-GCM", quic_opened),
    ("the same, the ciphers of cryptography alone", quic_library),
    ("the same without keys", quic_passed),
    ("HTTP/2 frame of a few octets", http2_frames),
    ("HTTP/2 segment of a page with forty streams", http2_page),
    ("header block of ten fields, wiretale", hpack_ours),
    ("header block of ten fields, hpack", hpack_library),
    ("HTTP/1 exchange, wiretale", http_ours),
    ("HTTP/1 exchange, h11 (both ends)", http_h11),
    ("record walk", walk),
    ("record walk, decode", walk_and_decode),
    ("record walk, decode, conversations and TCP analysis", survey),
    ("a line of `wiretale frames`", frame_lines),
    ("the same behind a filter of ten fields", filtered_lines),
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
