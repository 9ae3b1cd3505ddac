"""What a sender had heard when it sent, and the congestion window that its flights show."""
from __future__ import annotations

from tcp_wire import MS, Wire, timestamps

from dissectors.protocols.tcp.congestion import FLAT_ROUNDS, MAX_ROUNDS, PAUSED, CongestionWatch
from dissectors.protocols.tcp.flow import TcpDirection
from dissectors.protocols.tcp.heard import MAX_HEARD, Heard, stamps

RTT = 40 * MS


def far() -> Heard:
    """Of a sender that is a round trip away from the capture."""
    heard = Heard()
    heard.ack(0, 1, 0, 8_000)
    heard.measured(RTT, 0)
    return heard


def test_timestamps_of_the_usual_form_and_of_another() -> None:
    assert stamps(timestamps(7, 9)) == (7, 9)
    assert stamps(b"\x08\x0a" + bytes([0, 0, 0, 7, 0, 0, 0, 9]) + b"\x01\x01") == (7, 9)
    assert stamps(b"") == stamps(b"\x02\x04\x05\xb4") == (-1, -1)


def test_at_the_sender_it_has_what_the_capture_shows() -> None:
    heard = Heard()
    heard.measured(RTT, RTT - MS)
    heard.ack(10, 5, 1_000, 9_000)
    assert heard.sent(11, 1, 4)
    assert (heard.acked, heard.edge) == (1_000, 9_000)
    assert not heard.sent(12, 1, 4)


def test_elsewhere_the_echo_says_which_ack_it_had() -> None:
    heard = far()
    for tick in range(2, 6):
        heard.ack(tick * MS, tick, 1_000 * tick, 8_000 + 1_000 * tick)
    heard.ack(5 * MS + 1, 5, 5_500, 13_500)         # two in one tick: the later one counts
    assert heard.sent(41 * MS, 100, 3)
    assert (heard.acked, heard.edge, heard.exact) == (3_000, 11_000, True)
    assert not heard.sent(100 * MS, 100, 3)         # however late it comes: a queue holds it
    assert heard.sent(101 * MS, 100, 5)
    assert heard.acked == 5_500


def test_an_echo_that_wraps() -> None:
    heard = far()
    heard.ack(2 * MS, 0xFFFFFFFF, 1_000, 9_000)
    heard.ack(3 * MS, 1, 2_000, 10_000)
    assert heard.sent(50 * MS, 1, 0)
    assert heard.acked == 1_000


def test_without_timestamps_it_is_reckoned_from_the_round_trip() -> None:
    heard = far()
    heard.ack(10 * MS, -1, 1_000, 9_000)
    assert not heard.sent(49 * MS, -1, -1)
    assert heard.sent(51 * MS, -1, -1)
    assert (heard.acked, heard.exact) == (1_000, False)


def test_acks_under_way_are_bounded() -> None:
    heard = far()
    for tick in range(2, 3 * MAX_HEARD):
        heard.ack(tick * MS, tick, tick, tick + 8_000)
    assert heard.acked == 3 * MAX_HEARD - 1 - MAX_HEARD


def paced(kept_ms: int) -> Heard:
    """Every second of its data leaves so long after the ACK that lets it out; the clock counts from 1000."""
    heard = far()
    for turn in range(30):
        acked = turn * 20
        heard.ack(acked * MS, 5_000 + acked, turn, turn + 8_000)
        wait = kept_ms if turn % 2 else 0
        heard.sent((acked + 40 + wait) * MS, 1_000 + acked + 20 + wait, 5_000 + acked)
    return heard


def test_how_long_a_sender_kept_data_shows_on_its_own_clock() -> None:
    assert 10 * MS <= paced(12).kept_ns <= 12 * MS
    assert paced(0).kept_ns == 0


def rounds(*flights: int, spoilt: tuple[int, ...] = (), mss: int = 1_000) -> CongestionWatch:
    """A round trip for each: so much outstanding at its end."""
    flow = TcpDirection(0)
    flow.mss = mss
    watch = CongestionWatch(flow)
    at = 0
    for turn, flight in enumerate(flights):
        watch.heard(at, at + flight, repairing=False, quiet=False)
        watch.outstanding(turn * RTT, 1, flight)
        if turn in spoilt:
            watch.spoil(PAUSED)
        at += flight
    watch.heard(at, at + 1, repairing=False, quiet=False)
    return watch


def test_the_most_outstanding_in_a_round_trip_is_the_window() -> None:
    assert rounds(10_000, 20_000, 40_000).windows == [(0, 10_000), (RTT, 20_000), (2 * RTT, 40_000)]


def test_a_round_in_which_something_else_held_the_sender_back_says_nothing() -> None:
    assert rounds(10_000, 20_000, 40_000, spoilt=(1,)).windows == [(0, 10_000), (2 * RTT, 40_000)]


def test_flights_that_fall_without_a_loss_are_of_no_window() -> None:
    """As those of a sender that goes by a rate."""
    falling = rounds(20_000, 25_000, 20_000, 25_000, 20_000)
    assert falling.paced()
    assert falling.windows == []
    assert not rounds(20_000, 25_000, 20_000, 25_000, 20_000, spoilt=(2, 4)).paced()


def test_flights_that_stay_the_same_for_long_are_of_no_window() -> None:
    assert rounds(10_000, *[20_000] * 40).windows == [(0, 10_000)]
    assert len(rounds(*[20_000] * (int(FLAT_ROUNDS) - 1)).windows) == FLAT_ROUNDS - 1


def test_a_repair_ends_the_round_with_what_was_outstanding_before_it() -> None:
    watch = rounds(10_000)
    watch.outstanding(RTT, 1, 20_000)
    watch.interrupt(50_000)
    watch.outstanding(2 * RTT, 1, 90_000)
    watch.heard(40_000, 60_000, repairing=False, quiet=False)
    watch.outstanding(3 * RTT, 1, 90_000)
    assert watch.windows == [(0, 10_000), (RTT, 20_000)]
    watch.heard(50_000, 60_000, repairing=False, quiet=False)
    watch.outstanding(4 * RTT, 1, 10_000)
    watch.heard(60_000, 70_000, repairing=False, quiet=False)
    assert watch.windows[-1] == (4 * RTT, 10_000)


def test_windows_are_bounded_and_keep_the_largest() -> None:
    watch = rounds(*range(10_000, 10_000 + 3_000 * 700, 700))
    assert len(watch.windows) < MAX_ROUNDS
    assert max(octets for _, octets in watch.windows) >= 10_000 + 2_990 * 700


def flow_of(gap_ms: float, paced_ms: float = 0.0, *, rounds: int = 12, window: int = 10_000) -> dict[str, int]:
    """A server, captured at the client, fills the window each round trip of 40 ms, in ten segments that leave paced_ms
    apart; its clock ticks each millisecond. gap_ms: how much later than it might it begins."""
    wire = Wire().open(40.0, window=window)
    position, start, tick = 1, 100.0, 0
    for _ in range(rounds):
        last = 0.0
        for piece in range(10):
            last = start + piece * max(paced_ms, 0.02)
            sent = timestamps(int(9_000 + last - 20), int(5_000 + start - 40 - gap_ms) if tick else 0)
            wire.server(position, 1, 1000, at=last, options=sent)
            position += 1000
        wire.client(1, position, at=last + 0.01, window=window, window_bytes=window,
                    options=timestamps(int(5_000 + last), 0), ack_rtt_ns=10_000)
        tick, start = 1, last + 40 + gap_ms
    return dict(wire.end().narrator.limits[1])


def test_a_window_is_full_from_the_last_segment_that_the_sender_let_go() -> None:
    burst, spread = flow_of(0.0), flow_of(0.0, paced_ms=4.0, rounds=30)
    assert burst["receiver"] > 0.9 * sum(burst.values())
    assert 0.4 * sum(spread.values()) < spread["receiver"] < 0.65 * sum(spread.values())
