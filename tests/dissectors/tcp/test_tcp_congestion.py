"""What flights tell of congestion control: where it began, slow start, what losses left, and what it looks like."""
from __future__ import annotations

import pytest
from tcp_wire import MS, Wire

from dissectors.kit.event import Event
from dissectors.protocols.tcp.congestion import PAUSED, CongestionWatch
from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_congestion import CUBIC, RATE, RENO, CongestionCourse, cited
from dissectors.protocols.tcp.flow import TcpDirection

RTT = 40 * MS
SIDES = ("the client", "the server")


def course(*climbs: list[int], between: str = "loss", initial: int = 10) -> CongestionCourse:
    """Flights in segments, round trip by round trip, with a loss or a pause between the lists."""
    flow = TcpDirection(1)
    flow.mss = 1_000
    watch = CongestionWatch(flow)
    at = turn = 0
    watch.heard(0, initial * 1_000, repairing=False, quiet=True)
    watch.outstanding(0, 1, initial * 1_000)
    for number, climb in enumerate(climbs):
        if number:
            watch.interrupt(-1) if between == "loss" else watch.spoil(PAUSED)
            watch.heard(at, at, repairing=between == "loss", quiet=True)
        for flight in climb:
            turn += 1
            at += 100_000
            watch.heard(at, at + flight * 1_000, repairing=False, quiet=True)
            watch.outstanding(turn * RTT, turn, flight * 1_000)
    watch.heard(at + 200_000, at + 300_000, repairing=False, quiet=True)
    return CongestionCourse(TcpObserved(0, 1, cited(watch) or (1,), SIDES), watch)


def line(first: int, rounds: int = 10) -> list[int]:
    return [first + turn for turn in range(rounds)]


def test_a_sender_that_halves_and_grows_by_a_segment_looks_like_reno() -> None:
    told = course([20, 40], line(20, 21), line(20, 21), line(20))
    assert told.algorithm() == RENO
    assert told.cuts == [2, 0, 0], "what the first loss left is not held against slow start, which overshoots"
    assert told.what() == (
        "From what it had outstanding it looks as if the server began with 10 segments (the usual initial window, RFC "
        "6928), and had a congestion window of up to 40.0 kB. In slow start it went up to 40.0 kB; a loss ended it. It "
        "looks like Reno: after 2 of 2 losses about a half was left, and it grew by about 1.0 segments in a round trip."
    )
    assert told.fields()["algorithm"] == "Reno"


def test_a_sender_that_keeps_seven_tenths_looks_like_cubic() -> None:
    told = course(line(40), [34, 38, 41, 42, 44, 50], [35, 40, 44, 47, 49, 50], [35, 40, 44])
    assert (told.algorithm(), told.cuts) == (CUBIC, [0, 3, 0])


@pytest.mark.parametrize("climbs", [
    [line(40), line(24)],                                       # one loss alone
    [line(40), line(24), line(23), line(16)],                   # a half twice and 0.7 once
    [line(41), [25, 30, 35, 40, 50], [25, 30, 35, 40, 50], [25, 30, 35]],     # halved, and no line
    [[6, 7, 8], [4, 5, 6, 7], [3, 4, 5, 6], [3, 4]],            # of so few segments a half is no number
])
def test_otherwise_it_cannot_be_told(climbs: list[list[int]]) -> None:
    told = course(*climbs)
    assert told.algorithm() == ""
    assert "Which algorithm it is cannot be told." in told.what()


def test_flights_that_shrink_without_a_loss_are_of_a_pace() -> None:
    told = course([20, 25, 20, 25, 20, 25, 20])
    assert told.algorithm() == RATE
    assert told.what().endswith(
        "goes at a pace of its own, as BBR does, because its flights shrank 3 times, and not after a resend. In which "
        "phases of BBR it was cannot be told."
    )
    assert told.fields()["confidence"] == "possible"


def test_slow_start_that_ends_without_a_loss_and_a_restart_after_a_pause() -> None:
    told = course([20, 40, 44, 45, 46, 47], [12, 13], between="pause")
    assert "In slow start it went up to 40.0 kB; it grew more slowly then. After 1 pause it began again with less." \
        in told.what()
    assert told.detail().startswith("began with 10 segments, slow start to 40.0 kB, window up to 46.0 kB")


def transfer(*, missing: bool = False) -> list[Event]:
    """A server, captured at the client without timestamps, in slow start over a round trip of 40 ms: 10, 20 … segments.
    missing: the capture has lost one that was acknowledged."""
    wire = Wire().open(40.0)
    wire.client(1, 1, 100, at=41)
    at, position, flight = 81.0, 1, 10
    for turn in range(6):
        for piece in range(flight):
            at += 0.05
            if not (missing and turn == 2 and piece == 3):
                wire.server(position, 101, 1000, at=at)
            position += 1000
            if piece % 2:
                wire.client(101, position, at=at + 0.001, window=4_000_000, window_bytes=4_000_000, ack_rtt_ns=1_000)
        at += 40 - 0.05 * flight
        flight *= 2
    return wire.end().events


def test_it_is_told_of_a_transfer_and_not_where_packets_are_missing() -> None:
    (told,) = [event for event in transfer() if isinstance(event, CongestionCourse)]
    assert told.initial == 10
    assert told.direction == 1
    assert "tcp.congestion_window" not in [event.name for event in transfer(missing=True)]


def test_too_few_round_trips_tell_nothing() -> None:
    wire = Wire().open(40.0).server(1, 1, 1000, at=50).client(1, 1001, at=51).end()
    assert "tcp.congestion_window" not in wire.names()
