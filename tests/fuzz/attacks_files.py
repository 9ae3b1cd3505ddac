"""Attacks that are not of one connection: many of them, fragments, tunnels, datagrams, and the file itself."""

from __future__ import annotations

import struct
from random import Random

from attacks_talks import CLIENT, SERVER, Talk, get, ok
from fuzz_mutators import varint
from pcap_bytes import EPOCH, ethernet, ipv4, pcap, tcp, udp

from analyzer.ingest import pcapng_write as ng
from analyzer.ingest.source import Interface
from dissectors.protocols.quic.protection import initial_keys
from dissectors.protocols.quic.versions import version_of

# -- not of one connection ---------------------------------------------------------------------------


def connections(scale: int) -> bytes:
    """A SYN each, from another port and address."""
    return pcap(
        [
            ethernet(
                ipv4(tcp(b"", 1_024 + at % 60_000, 80, at, 0, 2), 6, b"\x0a" + (at // 250).to_bytes(3, "big"), SERVER)
            )
            for at in range(1_500 * scale)
        ]
    )


def closed_connections(scale: int) -> bytes:
    frames = []
    for at in range(400 * scale):
        port = 1_024 + at % 60_000
        for back, flags, seq, ack in (
            (0, 2, 9, 0),
            (1, 18, 9, 10),
            (0, 16, 10, 10),
            (0, 17, 10, 10),
            (1, 17, 10, 11),
            (0, 16, 11, 11),
        ):
            ends, ports = (CLIENT, SERVER)[:: -1 if back else 1], (port, 80)[:: -1 if back else 1]
            frames.append(ethernet(ipv4(tcp(b"", *ports, seq, ack, flags), 6, *ends)))
    return pcap(frames)


def requests_of_many(scale: int) -> bytes:
    """A whole exchange for each connection, with a name and a secret of its own."""
    frames: list[bytes] = []
    for at in range(60 * scale):
        talk = Talk()
        talk.ask(get(f"/{at}", f"Cookie: sid=s{at:08x}\r\n"), ok(b"<p>"))
        port = (1_024 + at % 60_000).to_bytes(2, "big")
        frames += [frame.replace(b"\x9c\x40", port, 1) for frame in talk.frames]
    return pcap(frames)


def fragment(payload: bytes, offset: int, more: bool, identity: int) -> bytes:
    """RFC 791 §3.1; offset in units of 8 octets."""
    flags = more << 13 | offset
    return ethernet(
        struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), identity & 0xFFFF, flags, 64, 17, 0)
        + CLIENT
        + SERVER
        + payload
    )


def fragments_of_eight_octets(scale: int) -> bytes:
    """Datagrams in as many pieces as there can be, the last ones first."""
    frames = []
    for identity in range(scale):
        frames += [fragment(bytes(8), at, at != 1_999, identity) for at in range(2_000)[::-1]]
    return pcap(frames)


def fragments_without_end(scale: int) -> bytes:
    return pcap([fragment(bytes(8), 1, True, at) for at in range(2_500 * scale)])


def fragments_over_each_other(scale: int) -> bytes:
    random = Random(1)
    return pcap([fragment(bytes(64), random.randrange(8_000), True, 1) for _ in range(1_500 * scale)])


def nested_tunnels(scale: int) -> bytes:
    inner = ipv4(tcp(b"x" * 20, 40_000, 80), 6)
    for _ in range(40):
        inner = ipv4(inner, 4)
    return pcap([ethernet(inner)] * (80 * scale))


def nested_tags(scale: int) -> bytes:
    return pcap([ethernet(b"\0\1\x81\0" * 300 + b"\0\1\x08\0" + ipv4(bytes(20), 6), 0x8100)] * (60 * scale))


def tunnels_of_their_own(scale: int) -> bytes:
    """Each frame in a network of another number (RFC 7348 §5)."""
    inner = ethernet(ipv4(tcp(b"", 40_000, 80, flags=2), 6))
    return pcap(
        [
            ethernet(ipv4(udp(b"\x08\0\0\0" + at.to_bytes(3, "big") + b"\0" + inner, 40_000, 4_789), 17))
            for at in range(700 * scale)
        ]
    )


def dns(identity: int, counts: bytes, body: bytes, answer: bool = False) -> bytes:
    message = identity.to_bytes(2, "big") + (b"\x81\x80" if answer else b"\1\0") + counts + body
    ports = (53, 40_000) if answer else (40_000, 53)
    return ethernet(ipv4(udp(message, *ports), 17, *((SERVER, CLIENT) if answer else (CLIENT, SERVER))))


def names_of_their_own(scale: int) -> bytes:
    frames = []
    for at in range(400 * scale):
        name = b"\x08%08x\4test\0" % at
        frames.append(dns(at & 0xFFFF, b"\0\1" + bytes(6), name + b"\0\1\0\1"))
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + at.to_bytes(4, "big")
        frames.append(dns(at & 0xFFFF, b"\0\1\0\1" + bytes(4), name + b"\0\1\0\1" + record, True))
    return pcap(frames)


def pointers(scale: int) -> bytes:
    """Each name points to one that points on, as far as there is room."""
    chain = b"\1a\0" + b"".join(
        b"\1b" + (0xC000 | max(12, 12 + 3 + 4 * (at - 1))).to_bytes(2, "big") for at in range(120)
    )
    last = (0xC000 | 12 + 3 + 4 * 119).to_bytes(2, "big")
    records = (last + b"\0\2\0\1\0\0\0\1\0\2" + last) * 60
    return pcap(
        [dns(at & 0xFFFF, b"\0\1\0\x3c" + bytes(4), chain + b"\0\1\0\1" + records, True) for at in range(30 * scale)]
    )


def questions(scale: int) -> bytes:
    return pcap([dns(at & 0xFFFF, b"\1\0" + bytes(6), b"\1a\0\0\1\0\1" * 256) for at in range(30 * scale)])


def errors(scale: int) -> bytes:
    """An ICMP error for each of many connections (RFC 792)."""
    return pcap(
        [
            ethernet(ipv4(b"\3\1" + bytes(6) + ipv4(tcp(b"", at & 0xFFFF, 80), 6, CLIENT, at.to_bytes(4, "big")), 1))
            for at in range(1_000 * scale)
        ]
    )


def quic_frames(scale: int) -> bytes:
    """Initial packets, whose keys everybody can make (RFC 9001 §5.2), full of frames that cost something to follow."""
    version = version_of(1)
    assert version is not None
    bodies = (
        b"\1" * 1_000,
        b"".join(b"\6" + varint(2 * at) + b"\1a" for at in range(200)),
        b"\2" + varint(1 << 30) + b"\0" + varint(250) + b"\0" + b"\0\0" * 250,
        b"\x1c\0\0" + varint(900) + b"w" * 900,
    )
    frames = []
    for at in range(80 * scale):
        dcid = (at // 4).to_bytes(8, "big")
        keys, _other = initial_keys(version, dcid)
        payload = bodies[at % 4].ljust(1_100, b"\0")
        head = (
            b"\xc3\0\0\0\1\x08"
            + dcid
            + b"\0\0"
            + (0x4000 | len(payload) + 20).to_bytes(2, "big")
            + (at % 4).to_bytes(4, "big")
        )
        sealed = keys.aead.encrypt((keys.iv ^ at % 4).to_bytes(12, "big"), payload, head)
        mask, start = keys.mask(sealed[:16]), len(head) - 4
        head = (
            bytes((head[0] ^ mask[0] & 15,))
            + head[1:start]
            + bytes(one ^ other for one, other in zip(head[start:], mask[1:5], strict=True))
        )
        frames.append(ethernet(ipv4(udp(head + sealed, 40_000, 443), 17)))
    return pcap(frames)


def identifiers_of_quic(scale: int) -> bytes:
    return pcap(
        [
            ethernet(
                ipv4(udp(b"\xc0\0\0\0\1\x08" + at.to_bytes(8, "big") + b"\0\0\x40\x20" + bytes(32), 40_000, 443), 17)
            )
            for at in range(700 * scale)
        ]
    )


# -- of the file itself ---------------------------------------------------------------------------


def frame_block(data: bytes, more: bytes = b"", interface: int = 0) -> bytes:
    size = len(data).to_bytes(4, "little")
    head = interface.to_bytes(4, "little") + ng.time_halves(EPOCH * 10**9) + size + size
    return ng.block(6, head + data + bytes(-len(data) % 4) + more)


FRAME = ethernet(ipv4(udp(b"", 1, 2), 17))


def comments(scale: int) -> bytes:
    """Some of no octet, some of one (draft-ietf-opsawg-pcapng, opt_comment)."""
    many = (b"\1\0\0\0" * 9_000 + b"\1\0\1\0a\0\0\0" * 4_000) * scale + ng.END_OF_OPTIONS
    return ng.section("", "", []) + ng.interface(Interface(1, 0)) + frame_block(FRAME, many)


def comments_each(scale: int) -> bytes:
    out = [ng.section("", "", []), ng.interface(Interface(1, 0))]
    out += [
        frame_block(FRAME, b"\1\0\1\0" + bytes((97 + at % 26,)) + bytes(3) + ng.END_OF_OPTIONS)
        for at in range(800 * scale)
    ]
    return b"".join(out)


def interfaces(scale: int) -> bytes:
    return ng.section("", "", []) + ng.interface(Interface(1, 0)) * (3_000 * scale) + frame_block(FRAME)


def interfaces_in_use(scale: int) -> bytes:
    count = 800 * scale
    return (
        ng.section("", "", [])
        + b"".join(ng.interface(Interface(1, 0, f"i{at}")) for at in range(count))
        + b"".join(frame_block(FRAME, interface=at) for at in range(count))
    )


def sections(scale: int) -> bytes:
    return (ng.section("", "", []) + ng.interface(Interface(1, 0)) + frame_block(FRAME)) * (500 * scale)


def unknown_blocks(scale: int) -> bytes:
    head = ng.section("", "", []) + ng.interface(Interface(1, 0))
    return head + b"".join(ng.block(0x1000 + at, b"") for at in range(4_000 * scale)) + frame_block(FRAME)


def names_of_the_file(scale: int) -> bytes:
    """Name resolution blocks (type 4): an address and a name each."""
    records = b"".join(
        b"\1\0\x0c\0" + at.to_bytes(4, "big") + b"h%05x\0\0" % (at & 0xFFFFF) for at in range(3_000 * scale)
    )
    return ng.section("", "", []) + ng.interface(Interface(1, 0)) + ng.block(4, records + bytes(4)) + frame_block(FRAME)


def statistics(scale: int) -> bytes:
    block = ng.statistics(0, 1, 2, 3, 4, 5, 6, "x")
    return ng.section("", "", []) + ng.interface(Interface(1, 0)) + block * (600 * scale) + frame_block(FRAME)


def key_lines(scale: int) -> bytes:
    """A key log within the capture: lines of all kinds, and of none."""
    lines = b"".join(b"CLIENT_RANDOM %064x %096x\n" % (at, at) for at in range(150 * scale)) + b"x\n" * (5_000 * scale)
    return ng.section("", "", []) + ng.interface(Interface(1, 0)) + ng.secrets(0x544C534B, lines) + frame_block(FRAME)
