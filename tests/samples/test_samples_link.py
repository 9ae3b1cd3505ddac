"""The emulated link without any network: frames pushed in by hand, the queue of deliveries read off."""
from __future__ import annotations

from samples.record.frames import look, mark_ce, tagged
from samples.record.link import Emulator, Port
from samples.record.network import Action, Fault, Kind, Link

CLIENT_MAC, SERVER_MAC = bytes.fromhex("020000000101"), bytes.fromhex("020000000201")
MS = 1_000_000


def ipv4(protocol: int, body: bytes, tos: int = 0, fragment: int = 0) -> bytes:
    total = (20 + len(body)).to_bytes(2, "big")
    header = bytes([0x45, tos]) + total + b"\0\1" + fragment.to_bytes(2, "big") + bytes([64, protocol, 0, 0])
    return SERVER_MAC + CLIENT_MAC + b"\x08\0" + header + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + body


def tcp(flags: int, sequence: int = 1, payload: bytes = b"", tos: int = 0) -> bytes:
    head = bytes.fromhex("9c400050") + sequence.to_bytes(4, "big") + bytes(4) + bytes([0x50, flags]) + bytes(6)
    return ipv4(6, head + payload, tos)


def emulator(link: Link) -> Emulator:
    ports = [Port("client", "lan", CLIENT_MAC, 1001, 2 * MS), Port("server", "lan", SERVER_MAC, 1002, 3 * MS)]
    made = Emulator(ports, {"lan": link})
    made.armed.set()
    return made


def arrivals(link: Link, frames: list[bytes], spacing_ns: int = MS) -> list[tuple[int, bytes]]:
    """What the server gets, and when (ns after the first frame left), in order."""
    made = emulator(link)
    for number, frame in enumerate(frames):
        made.take(made.ports[0], frame, number * spacing_ns)
    return [(due, frame) for due, _, index, frame in sorted(made.heap) if index == 1]


def test_kinds_of_frames() -> None:
    assert look(tcp(0x02)).kind is Kind.SYN
    assert look(tcp(0x12)).kind is Kind.SYN_ACK
    assert look(tcp(0x10)).kind is Kind.ACK
    assert look(tcp(0x18, payload=b"x")).kind is Kind.DATA
    assert look(tcp(0x11, payload=b"x")).kind is Kind.DATA
    assert look(tcp(0x11)).kind is Kind.FIN
    assert look(tcp(0x14)).kind is Kind.RST
    assert look(ipv4(17, bytes(12))).kind is Kind.UDP
    assert look(ipv4(17, bytes(12), fragment=185)).kind is Kind.OTHER
    assert look(ipv4(1, bytes(8))).kind is Kind.OTHER
    assert look(b"\xff" * 42).kind is Kind.OTHER
    assert look(b"").kind is Kind.OTHER


def test_ethernet_padding_is_not_payload() -> None:
    assert look(tcp(0x10) + bytes(6)).kind is Kind.ACK


def test_both_delays_are_added() -> None:
    assert [due for due, _ in arrivals(Link(), [tcp(0x10)])] == [5 * MS]


def test_rate_spaces_frames_and_the_queue_drops_its_tail() -> None:
    frame = tcp(0x18, payload=bytes(946))           # 1000 bytes: 1 ms at 8 Mbit/s
    assert len(frame) == 1000
    got = arrivals(Link(rate_kbit=8000, queue_frames=3), [frame] * 5, spacing_ns=0)
    assert [due for due, _ in got] == [6 * MS, 7 * MS, 8 * MS]


def test_the_second_data_segment_is_dropped_once() -> None:
    segments = [tcp(0x18, n, bytes([n])) for n in (1, 2, 3, 2)]
    link = Link(faults=(Fault(Action.DROP, "client", Kind.DATA, (2,)),))
    assert [frame[-1] for _, frame in arrivals(link, [tcp(0x02), *segments])] == [0, 1, 3, 2]


def test_copies_count_transmissions_of_the_same_segment() -> None:
    link = Link(faults=(Fault(Action.DROP, "client", Kind.DATA, (1,), copies=2),))
    got = arrivals(link, [tcp(0x18, 1, b"x")] * 4)
    assert [due for due, _ in got] == [7 * MS, 8 * MS]


def test_faults_wait_until_the_link_is_armed() -> None:
    made = emulator(Link(faults=(Fault(Action.DROP, "client", Kind.DATA, (1,)),)))
    made.armed.clear()
    made.take(made.ports[0], tcp(0x18, 1, b"x"), 0)
    assert len(made.heap) == 1


def test_a_frame_held_back_is_overtaken() -> None:
    link = Link(faults=(Fault(Action.DELAY, "client", Kind.DATA, (1,), by_ms=1.5),))
    got = arrivals(link, [tcp(0x18, n, bytes([n])) for n in (1, 2, 3)])
    assert [frame[-1] for _, frame in got] == [2, 1, 3]


def test_duplication_delivers_twice() -> None:
    link = Link(faults=(Fault(Action.DUPLICATE, "client", Kind.UDP, (1,), by_ms=4),))
    assert [due for due, _ in arrivals(link, [ipv4(17, bytes(12))])] == [5 * MS, 9 * MS]


def test_long_frames_vanish() -> None:
    link = Link(largest_frame=100)
    assert len(arrivals(link, [tcp(0x10), tcp(0x18, payload=bytes(200))])) == 1


def test_chance_comes_from_the_seed() -> None:
    frames = [tcp(0x18, n, n.to_bytes(2, "big")) for n in range(1, 200)]
    first = arrivals(Link(loss=0.1, jitter_ms=3, seed=4), frames)
    assert first == arrivals(Link(loss=0.1, jitter_ms=3, seed=4), frames)
    assert first != arrivals(Link(loss=0.1, jitter_ms=3, seed=5), frames)
    assert 150 < len(first) < 199


def test_jitter_keeps_the_order() -> None:
    frames = [tcp(0x18, n, n.to_bytes(2, "big")) for n in range(1, 100)]
    assert [frame for _, frame in arrivals(Link(jitter_ms=20), frames)] == frames


def test_frames_for_another_device_are_not_delivered() -> None:
    stray = bytes.fromhex("0200000000ff") + tcp(0x10)[6:]
    assert arrivals(Link(), [stray]) == []
    assert len(arrivals(Link(), [b"\xff" * 6 + tcp(0x10)[6:]])) == 1


def checksum(header: bytes) -> int:
    total = sum(int.from_bytes(header[p:p + 2], "big") for p in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_congestion_is_marked_only_where_ecn_was_offered() -> None:
    capable = mark_ce(tcp(0x10, tos=2))
    assert capable[15] & 3 == 3
    assert checksum(capable[14:34]) == 0xFFFF
    assert mark_ce(tcp(0x10)) == tcp(0x10)


def test_tags_go_between_addresses_and_type() -> None:
    frame = tagged(tcp(0x10), ((0x88A8, 100), (0x8100, 7)))
    assert frame[12:20] == bytes.fromhex("88a8006481000007")
    assert frame[20:] == tcp(0x10)[12:]


def test_a_policer_drops_what_is_too_much_and_delays_nothing() -> None:
    frames = [tcp(0x18, n, bytes(946)) for n in range(1, 11)]         # of 1000 octets, at once
    link = Link(police_kbit=8_000, police_octets=5_500)
    assert arrivals(link, frames, 0) == arrivals(Link(), frames, 0)[:5]
