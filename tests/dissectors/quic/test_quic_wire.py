"""Headers, keys and frames of QUIC, held against the examples of the standards; and what is no QUIC."""
from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from dissectors.kit.cursor import WireError
from dissectors.kit.protocol import NO, YES
from dissectors.protocols.quic.frames import Frames
from dissectors.protocols.quic.ordered import MAX_PARTS, OrderedStream
from dissectors.protocols.quic.parameters import Parameters
from dissectors.protocols.quic.protection import initial_keys, keys_of, retry_is_whole
from dissectors.protocols.quic.protocol import probe
from dissectors.protocols.quic.versions import V1, V2, Version, draft_of, version_of, version_title
from dissectors.protocols.quic.wire import (
    HANDSHAKE,
    INITIAL,
    ONE_RTT,
    VERSIONS,
    full_number,
    looks_like_quic,
    read_packet,
)

DCID = bytes.fromhex("8394c8f03e515708")      # of all examples of RFC 9001 Appendix A and RFC 9369 Appendix A


def protocol_version(number: int) -> Version:
    found = version_of(number)
    assert found is not None
    return found


@pytest.mark.parametrize(("number", "client", "server", "mask_key"), [
    (V1, "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea",
     "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b", "9f50449e04a0e810283a1e9933adedd2"),
    (V2, "14ec9d6eb9fd7af83bf5a668bc17a7e283766aade7ecd0891f70f9ff7f4bf47b",
     "0263db1782731bf4588e7e4d93b7463907cb8cd8200b5da55a8bd488eafc37c1", "45b95e15235d6f45a6b19cbcb0294ba9"),
])
def test_initial_keys(number: int, client: str, server: str, mask_key: str) -> None:
    """RFC 9001 A.1, RFC 9369 A.1."""
    pair = initial_keys(protocol_version(number), DCID)
    assert (pair[0].secret.hex(), pair[1].secret.hex(), pair[0].mask_key.hex()) == (client, server, mask_key)


def test_retry_tags() -> None:
    """RFC 9001 A.4, RFC 9369 A.4."""
    first = "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba"
    second = "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6"
    for number, packet in ((V1, first), (V2, second)):
        raw = bytes.fromhex(packet)
        assert retry_is_whole(protocol_version(number), DCID, raw)
        assert not retry_is_whole(protocol_version(number), DCID, raw[:-1] + b"\0")
        assert not retry_is_whole(protocol_version(number), b"\0" * 8, raw)


def test_a_packet_of_chacha20() -> None:
    """RFC 9001 A.5: one PING, under a number of three octets."""
    secret = bytes.fromhex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")
    keys = keys_of(0x1303, secret, protocol_version(V1))
    assert keys is not None
    data = bytes.fromhex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb")
    packet = read_packet(data, 0, len(data), 0)
    assert packet.kind == ONE_RTT
    opened = keys.open(data, packet, 654_360_563)
    assert opened is not None
    assert (opened.number, opened.payload) == (654_360_564, b"\x01")
    assert [int(frame.type) for frame in Frames(opened.payload).all] == [1]


def test_packet_numbers() -> None:
    """RFC 9000 A.3, and the ends of the range."""
    assert full_number(0x9B32, 2, 0xA82F_30EA) == 0xA82F_9B32
    assert full_number(0, 1, -1) == 0
    assert full_number(0xFF, 1, 0x100) == 0xFF
    assert full_number(0x00, 1, 0xFF) == 0x100
    for largest in (0, 5, 1_000, 1 << 40):
        for ahead in range(1, 100):
            number = largest + ahead
            assert full_number(number & 0xFF, 1, largest) == number


@pytest.mark.parametrize("data", [
    b"", b"\xc0", b"\xc0\0\0\0\1", bytes(1_200), b"\xff" * 1_200,
    bytes.fromhex("000100002112a442") + bytes(20),                          # STUN
    bytes.fromhex("16feff0000000000000000") + bytes(60),                    # DTLS
    bytes.fromhex("80600001000000000000002a") + bytes(160),                 # RTP
    bytes.fromhex("1234010000010000000000000377777704746573740000010001"),  # DNS
    b"\xc3\0\0\0\1\x15" + bytes(1_200),                                     # a connection ID of 21 octets
    b"\x40" + bytes(range(64)),                                             # a short header proves nothing
    bytes.fromhex("80000000000000") + b"\0\0\0\1",                          # versions for nobody
])
def test_what_is_no_quic(data: bytes) -> None:
    assert probe(data, 0) == NO


def test_noise_is_no_quic() -> None:
    random = Random(9000)
    assert not any(looks_like_quic(random.randbytes(random.randint(1, 1_400))) for _ in range(20_000))


def test_versions() -> None:
    assert [version_title(number) for number in (1, V2, 0xFF00_001D, 0x1A2A_3A4A, 0x1234)] == [
        "QUIC v1", "QUIC v2", "QUIC draft 29", "QUIC version 0x1a2a3a4a (reserved)", "QUIC version 0x00001234",
    ]
    assert [draft_of(number) for number in (0xFF00_001D, 0xFACE_B002, 0xFF00_0001, 1)] == [29, 27, 0, 0]
    listed = bytes.fromhex("c3000000000208f10400000001") + bytes.fromhex("6b3343cf")
    assert read_packet(b"\xc3\0\0\0\0\x02ab\x01c\0\0\0\1", 0, 14, 0).kind == VERSIONS
    assert probe(b"\xc3\0\0\0\0\x02ab\x01c\0\0\0\1", 1) == YES
    assert probe(listed[:9], 1) == NO


def test_version_2_numbers_its_types_in_another_way() -> None:
    body = b"\x6b\x33\x43\xcf\x01a\x01b"
    assert read_packet(b"\xd0" + body + b"\0\x40\x20" + bytes(32), 0, 44, 0).kind == INITIAL
    assert read_packet(b"\xf0" + body + b"\x40\x20" + bytes(32), 0, 43, 0).kind == HANDSHAKE


@pytest.mark.parametrize("payload", [
    "02ff", "0240", "02010001ff", "0405", "06004064", "1c00", "40", "18010000", "4033", "1a00", "310a", "0a0005aa",
])
def test_frames_that_are_cut_say_so(payload: str) -> None:
    assert Frames(bytes.fromhex(payload)).problem


def test_frames() -> None:
    found = Frames(bytes.fromhex("00000001060a0268690b0403616263"))
    assert [int(frame.type) for frame in found.all] == [0, 1, 6, 0x0B]
    assert [int(found.all[0].count), int(found.all[2].offset)] == [3, 10]
    assert (found.all[2].data, int(found.all[3].id), found.all[3].data, found.all[3].fin) == (b"hi", 4, b"abc", True)
    ack = Frames(bytes.fromhex("030a0501010301020304")).all[0]
    assert (ack.largest, ack.delay, ack.ranges, ack.ecn) == (10, 5, [(9, 10), (3, 4)], (2, 3, 4))
    close = Frames(bytes.fromhex("1d41000568656c6c6f")).all[0]
    assert (close.code, close.data) == (0x100, b"hello")
    assert Frames(b"\x02\x00\x00\x00\x05").problem == "an ACK of packet numbers below 0"
    many = Frames(b"\x01" * 5_000)
    assert many.unread
    assert len(many.all) == 2_000


def test_parameters() -> None:
    one = Parameters(bytes.fromhex("01048000753003024 5ac0c00".replace(" ", "")))
    assert [(each.name, each.text()) for each in one.all] == [
        ("max_idle_timeout", "30.0 s"), ("max_udp_payload_size", "1452 bytes"), ("disable_active_migration", ""),
    ]
    assert one.all[0].says() == "gives up after 30.0 s of silence"
    assert Parameters(b"\x01\x40").problem


def test_octets_in_any_order() -> None:
    """Every order of parts, some twice, gives the same stream."""
    text = bytes(range(256)) * 4
    random = Random(1)
    for _ in range(50):
        stream = OrderedStream()
        cuts = sorted({0, len(text), *random.sample(range(len(text)), 12)})
        parts = [(start, text[start:end + random.randint(0, 9)]) for start, end in pairwise(cuts)]
        parts += random.sample(parts, 4)
        random.shuffle(parts)
        got = b"".join(part.data for start, data in parts for part in stream.add(start, data, 1, 1))
        assert got == text
        assert not stream.conflict
        assert not stream.waits()
        assert stream.ahead == 0


def test_holes_are_given_up_within_bounds() -> None:
    stream = OrderedStream(1_000)
    parts = [part for at in range(1, 300) for part in stream.add(at * 10, b"x" * 5, at, at)]
    assert stream.capped
    assert stream.ahead <= 1_000
    assert any(part.lost for part in parts)
    tiny = OrderedStream()
    for at in range(3 * MAX_PARTS):
        tiny.add(2 * at + 1, b"x", 1, 1)
    assert len(tiny.held) <= MAX_PARTS + 1
    again = OrderedStream()
    again.add(0, b"abc", 1, 1)
    again.add(0, b"abX", 2, 2)
    assert again.conflict


def test_a_length_that_lies() -> None:
    with pytest.raises(WireError):
        read_packet(b"\xc0\0\0\0\1\x01a\x01b\0\x40\xff" + bytes(40), 0, 52, 0)
