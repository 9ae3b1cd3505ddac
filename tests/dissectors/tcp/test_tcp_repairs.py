"""Who sent a segment again and why, what was never sent again, and which SACK blocks can be true."""
from __future__ import annotations

import pytest
from tcp_wire import CLIENT, ISN, MS, SERVER, Wire, sack

from dissectors.protocols.tcp.events import TcpObserved
from dissectors.protocols.tcp.events_loss import Repair, Timeout
from dissectors.protocols.tcp.flags import (
    DUPLICATE_ACK,
    FAST_RETRANSMISSION,
    LOST_SEGMENT,
    RETRANSMISSION,
)


def asked(count: int = 6, blocks: bool = True) -> Wire:
    """A round trip of 20 ms; of seven segments the second is missing at the receiver, which says so `count` times."""
    wire = Wire().open(20.0)
    for index in range(7):
        wire.server(1 + 1000 * index, 1, 1000, at=40)
    wire.client(1, 1001, at=60)
    for index in range(count):
        options = sack((2001, 3001 + 1000 * index)) if blocks else b""
        wire.client(1, 1001, at=60.1 + index / 10, analysis=DUPLICATE_ACK, options=options)
    return wire


@pytest.mark.parametrize("blocks", [True, False])
def test_a_resend_long_after_the_last_duplicate_ack_is_the_timers(blocks: bool) -> None:
    wire = asked(blocks=blocks).server(1001, 1, 1000, at=1260, analysis=RETRANSMISSION, rto_ns=1220 * MS)
    wire.client(1, 7001, at=1280).end()
    told = wire.one("tcp.timeout")
    assert "tcp.fast_retransmit" not in wire.names()
    assert "1.20 s passed after the last of them" in told.what()
    assert "without waiting" not in told.what()


def test_a_resend_at_once_is_a_fast_one_wherever_it_is_seen() -> None:
    near = asked().server(1001, 1, 1000, at=61, analysis=FAST_RETRANSMISSION).client(1, 7001, at=80).end()
    far = asked().server(1001, 1, 1000, at=81, analysis=RETRANSMISSION, rto_ns=41 * MS).client(1, 7001, at=81.1).end()
    assert near.one("tcp.fast_retransmit").name == far.one("tcp.fast_retransmit").name


def test_a_fast_retransmit_that_was_lost_too_is_the_timers_in_the_end() -> None:
    wire = asked().server(1001, 1, 1000, at=61, analysis=FAST_RETRANSMISSION)
    for at in (361, 961, 2161):
        wire.server(1001, 1, 1000, at=at, analysis=RETRANSMISSION, rto_ns=300 * MS)
    told = wire.client(1, 7001, at=2181).end().one("tcp.timeout")
    assert told.fields()["after_timer"] == 3
    assert told.fields()["silent_ns"] == 1200 * MS
    assert "at first as a fast retransmit" in told.what()


def test_signs_that_go_on_until_the_resend_leave_no_room_for_a_timer() -> None:
    """A queue makes the round trip long, and the duplicate ACKs of what waits in it go on all the time."""
    wire = asked(3)
    for index in range(10):
        wire.client(1, 1001, at=70 + 30 * index, analysis=DUPLICATE_ACK)
    wire.server(1001, 1, 1000, at=350, analysis=RETRANSMISSION, rto_ns=310 * MS).client(1, 7001, at=360).end()
    assert "tcp.timeout" not in wire.names()
    assert wire.one("tcp.fast_retransmit").fields()["duplicate_acks"] == 13


def test_the_end_of_the_capture_ends_no_repair() -> None:
    wire = asked().server(1001, 1, 1000, at=1260, analysis=RETRANSMISSION, rto_ns=1220 * MS).end(at=3_600_000)
    told = wire.one("tcp.timeout")
    assert told.fields()["repaired"] is False
    assert told.fields()["lasted_ns"] == 1260 * MS - told.time


# What was never sent again.

def test_a_fin_that_stands_behind_bytes_that_never_came() -> None:
    wire = Wire().open().client(1, 1, 28, at=30).server(1, 29, at=50)
    wire.finish(SERVER, 1011, 29, at=20_050, analysis=LOST_SEGMENT)
    wire.client(29, 1, at=20_051, analysis=DUPLICATE_ACK).finish(CLIENT, 29, 1, at=26_000).server(1012, 30, at=26_020)
    told = wire.end().one("tcp.unrepaired")
    assert told.fields()["octets"] == 1010
    assert told.fields()["watched_ns"] == (26_020 - 20_051) * MS
    assert "its FIN (#6) begins behind them" in told.what()
    assert "tcp.not_ended" not in wire.names()      # both have finished


def test_a_hole_that_the_receiver_reports_until_the_end() -> None:
    wire = Wire().open().client(1, 1, 28, at=30).server(1, 29, at=50)
    wire.server(4345, 29, 300, at=51, analysis=LOST_SEGMENT).client(29, 1, at=52, options=sack((4345, 4645)))
    told = wire.end(at=9000).one("tcp.unrepaired")
    assert (told.fields()["octets"], told.fields()["first_copy_unseen"]) == (4344, True)
    assert told.fields()["seq"] == (ISN[SERVER] + 1) % 2**32


def test_what_passed_the_capture_and_was_asked_for_in_vain() -> None:
    told = asked(3).end().one("tcp.unrepaired")
    assert (told.fields()["octets"], told.fields()["first_copy_unseen"]) == (1000, False)
    assert "no resend is in it" in told.what()


def test_no_hole_is_told_where_the_capture_alone_may_have_it() -> None:
    unasked = Wire().open().server(1, 1, 1000, at=30).server(2001, 1, 1000, at=31, analysis=LOST_SEGMENT).end()
    assert "tcp.unrepaired" not in unasked.names()
    covered = Wire().open().server(1, 1, 1000, at=30).server(2001, 1, 1000, at=31, analysis=LOST_SEGMENT)
    covered.client(1, 1001, at=32, analysis=DUPLICATE_ACK).client(1, 2001, at=33).end()
    assert "tcp.unrepaired" not in covered.names()
    assert covered.one("tcp.capture_loss").fields()["octets"] == 1000


def test_one_duplicate_ack_alone_asks_for_nothing() -> None:
    assert "tcp.unrepaired" not in asked(1, blocks=False).end().names()


# SACK blocks.

@pytest.mark.parametrize("shift", [1_723_848_709, -1_723_848_709])
def test_blocks_outside_the_stream_are_not_believed(shift: int) -> None:
    wire = Wire().open(20.0)
    for index in range(7):
        wire.server(1 + 1000 * index, 1, 1000, at=40)
    for index in range(3):
        block = sack((2001 + shift, 3001 + 1000 * index + shift))
        wire.client(1, 1001, at=60.1 + index / 10, analysis=DUPLICATE_ACK if index else 0, options=block)
    wire.server(1001, 1, 1000, at=310, analysis=RETRANSMISSION, rto_ns=270 * MS).client(1, 7001, at=330).end()
    told = wire.one("tcp.sack_outside")
    assert told.fields()["segments"] == 3
    assert ("beyond" if shift > 0 else "before") in told.what()
    assert wire.one("tcp.timeout").fields()["sacked"] is False


def test_blocks_about_bytes_that_the_capture_missed_can_be_true() -> None:
    wire = Wire().open(20.0).server(1, 1, 1000, at=40)
    wire.client(1, 1001, at=60, options=sack((40_001, 50_001))).end()
    assert "tcp.sack_outside" not in wire.names()


def test_a_timeout_tells_no_wait_that_was_not_measured() -> None:
    repair = Repair()
    repair.frame, repair.seq, repair.segments, repair.octets, repair.rounds = 9, 1001, 1, 100, 1
    repair.waited_ns = repair.longest_ns = -1
    told = Timeout(TcpObserved(5 * MS, 0, (9,), ("the client", "the server")), repair)
    assert "-1" not in told.what()
    assert "between the attempts" not in told.what()
    repair.rounds, repair.segments, repair.longest_ns = 2, 2, 70 * MS
    assert "with up to 70.0 ms between the attempts" in told.what()
