"""What sets the pace: a window that was full or not, one that the two ends read otherwise, ACKs that are awaited."""
from __future__ import annotations

import pytest
from tcp_wire import MS, Wire

from dissectors.protocols.tcp.flags import KEEP_ALIVE, WINDOW_FULL


def steady(octets: int, window: int, at_sender: bool, rounds: int = 20) -> dict[str, int]:
    """A server that keeps `octets` under way, in segments of 1000, half a millisecond apart, over a round trip of
    30 ms: each follows right after the ACK that makes room for it."""
    back = 30.0 if at_sender else 0.0       # how long an ACK takes to come after its data, at the capture
    wire = Wire().open(30.0).client(1, 1, at=31, window=window, window_bytes=window)
    moments = []
    for turn in range(rounds):
        for index in range(octets // 1000):
            at, position = 70 + 30.02 * turn + index / 2, 1 + octets * turn + 1000 * index
            moments += [(at, False, position), (at + back + 0.01, True, position + 1000)]
    for at, ack, position in sorted(moments):
        if ack:
            wire.client(1, position, at=at, window=window, window_bytes=window, ack_rtt_ns=int(back * MS) + 10_000)
        else:
            wire.server(position, 1, 1000, at=at)
    return dict(wire.end().narrator.limits[1])


@pytest.mark.parametrize("at_sender", [True, False])
def test_a_window_that_was_never_full_held_nobody_back(at_sender: bool) -> None:
    assert steady(43_000, 50_000, at_sender).get("receiver", 0) == 0


@pytest.mark.parametrize("at_sender", [True, False])
def test_a_window_that_was_full_did(at_sender: bool) -> None:
    shares = steady(20_000, 20_400, at_sender)
    assert shares["receiver"] * 10 > 8 * sum(shares.values())


def test_a_silence_without_a_known_round_trip_is_nobodys() -> None:
    wire = Wire()
    for index in range(10):
        for piece in range(12):
            wire.server(1 + 17_520 * index + 1460 * piece, 1, 1460, at=20.0 * index + piece / 10)
        wire.client(1, 1 + 17_520 * (index + 1), at=20.0 * index + 19, window=17_520)
    assert dict(wire.end().narrator.limits[1]).get("application", 0) == 0


def test_a_tiny_window_is_the_receivers() -> None:
    wire = Wire().open(50.0, window=20_000)
    seq, at = 1, 60.0
    for index in range(30):
        room = 180 if index % 2 else 20_000
        wire.server(seq, 1, 1000, at=at)
        wire.server(seq + 1000, 1, 1000, at=at)
        seq += 2000
        wire.client(1, seq, at=at + 50, window=room, window_bytes=room)
        if index % 2:
            wire.client(1, seq, at=at + 600, window=20_000, window_bytes=20_000)
        at += 650
    shares = dict(wire.end().narrator.limits[1])
    assert shares["receiver"] > 14 * 500 * MS


def test_the_window_of_the_syn_ack_is_known_to_the_first_data() -> None:
    wire = Wire()
    wire.client(0, 0, flags=2, at=0).server(0, 1, flags=18, at=20, window=536).client(1, 1, at=20.1)
    wire.client(1, 1, 536, at=21, analysis=WINDOW_FULL).server(1, 537, at=41, window=536).end()
    assert wire.one("tcp.window_full").fields()["window"] == 536


def test_more_under_way_than_the_window_holds() -> None:
    wire = Wire().open(window=29_200)
    for index in range(65):
        wire.server(1 + 1000 * index, 1, 1000, at=30 + index / 10)
    told = wire.end().one("tcp.window_overrun")
    assert told.fields() == {"in_flight": 65_000, "window": 29_200, "confidence": "likely"}


def test_an_ack_that_the_capture_missed_is_no_overrun() -> None:
    wire = Wire().open(window=29_200)
    for index in range(50):
        wire.server(1 + 1000 * index, 1, 1000, at=30 + index / 10)
    assert "tcp.window_overrun" not in wire.end().names()


@pytest.mark.parametrize(("length", "told"), [(46, True), (45, False), (47, False)])
def test_a_sender_that_takes_the_field_unscaled(length: int, told: bool) -> None:
    wire = Wire().open().client(1, 1, at=30, window=46, window_bytes=5888)
    for index in range(20):
        wire.server(1 + length * index, 1, length, at=40 + 50 * index)
        wire.client(1, 1 + length * (index + 1), at=41 + 50 * index, window=46, window_bytes=5888)
    assert ("tcp.window_unscaled" in wire.end().names()) is told


def pieces(after_ack: float, delay: float = 45.0, times: int = 5) -> Wire:
    """The client sends 200 bytes, and 100 more `after_ack` ms after the ACK of them, which takes `delay` ms."""
    wire = Wire().open(4.0)
    ask, reply, at = 1, 1, 10.0
    for _ in range(times):
        wire.client(ask, reply, 200, at=at).server(reply, ask + 200, at=at + 4 + delay, ack_rtt_ns=4 * MS)
        wire.client(ask + 200, reply, 100, at=at + 4 + delay + after_ack)
        wire.server(reply, ask + 300, 100, at=at + 9 + delay + after_ack)
        ask, reply, at = ask + 300, reply + 100, at + 20 + delay + after_ack
    return wire.end()


def test_pieces_that_wait_for_a_delayed_ack() -> None:
    fields = pieces(0.02).one("tcp.ack_awaited").fields()
    assert (fields["count"], fields["longest_delay_ns"]) == (5, 45 * MS)


@pytest.mark.parametrize(
    "wire", [pieces(20.0), pieces(0.02, delay=1.0), pieces(0.02, times=1), pieces(1.5, times=2)],
)
def test_pieces_that_do_not(wire: Wire) -> None:
    """The program took its time; the ACK was not delayed; it was so only once; twice, but not closely."""
    assert "tcp.ack_awaited" not in wire.names()


def once(*, first_after: float = 0.05, free: bool = False, full: bool = False) -> Wire:
    """Two requests in two small pieces each; only the second ACK is delayed. free: small pieces left before without
    waiting; full: the window has room for one piece only."""
    window = 220 if full else 64_000
    wire = Wire().open(20.0)
    wire.server(1, 1, at=20.2, window=window, window_bytes=window)
    if free:
        wire.client(1, 1, 50, at=21).client(51, 1, 50, at=21.1).server(1, 101, at=41.2, ack_rtt_ns=20 * MS)
    start = 101 if free else 1
    wire.client(start, 1, 200, at=50)
    wire.server(1, start + 200, at=70, window=window, window_bytes=window, ack_rtt_ns=20 * MS)
    wire.client(start + 200, 1, 50, at=70 + first_after).server(1, start + 250, 100, at=91, window=window)
    wire.client(start + 250, 101, 200, at=100)
    wire.server(101, start + 450, at=160, window=window, window_bytes=window, ack_rtt_ns=60 * MS)
    wire.client(start + 450, 101, 50, at=160.05).server(101, start + 500, 100, at=180)
    return wire.end()


def test_one_delayed_ack_where_pieces_follow_acks_closely_and_never_one_another() -> None:
    told = once().one("tcp.ack_awaited")
    assert told.fields()["count"] == 1
    assert told.what().startswith("Once the client sent a small piece only after the server had acknowledged")


@pytest.mark.parametrize("wire", [once(first_after=3.0), once(free=True), once(full=True)])
def test_one_delayed_ack_is_an_accident_otherwise(wire: Wire) -> None:
    assert "tcp.ack_awaited" not in wire.names()


def test_any_segment_answers_a_keep_alive() -> None:
    """Where the capture begins with the keep-alive nothing shows that its ACK is one."""
    wire = Wire().server(788, 2237, at=0, analysis=KEEP_ALIVE).client(2237, 789, at=0.3).end(at=60_000)
    assert wire.one("tcp.keep_alive").fields()["answers"] == 1
