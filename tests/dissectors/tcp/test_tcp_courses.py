"""What a sender has outstanding, what of it the receiver reports, and what may still be sent."""
from __future__ import annotations

from tcp_wire import MS, Wire, sack

from dissectors.protocols.tcp.sacks import MAX_RANGES, Scoreboard


def test_outstanding_is_what_was_sent_beyond_the_cumulative_ack() -> None:
    """Also where SACK says that most of it arrived: that stands apart, and `frames` alone takes it off."""
    wire = Wire().open().client(1, 1, 100, at=30, window_bytes=9_000)
    for index in range(4):
        wire.server(1 + 1_000 * index, 101, 1_000, at=60 + index)
    wire.client(101, 1_001, at=65, window_bytes=9_000, options=sack((2_001, 4_001)))
    columns = wire.narrator.backward.course.columns()
    assert columns["time_ns"][-1] == 65 * MS
    assert columns["sent"][-1] == 4_001
    assert columns["acknowledged"][-1] == 1_001
    assert (columns["outstanding_most"][-1], columns["sacked"][-1]) == (3_000, 2_000)
    assert columns["allowed"][-1] == 10_001
    wire.client(101, 4_001, at=70, window_bytes=9_000)
    columns = wire.narrator.backward.course.columns()
    assert (columns["outstanding_least"][-1], columns["sacked"][-1]) == (0, 0)


def test_what_is_sent_again_counts_as_sent_and_a_fin_as_nothing() -> None:
    wire = Wire().open().server(1, 1, 1_000, at=40).server(1_001, 1, 1_000, at=41)
    wire.server(1, 1, 1_000, at=300, rto_ns=260 * MS).finish(1, 2_001, 1, at=310).client(1, 2_002, at=330)
    columns = wire.narrator.backward.course.columns()
    assert columns["octets"][-1] == 3_000
    assert columns["sent"][-1] == 2_001
    assert columns["outstanding_least"][-1] == 0


def test_the_window_of_a_syn_ack_is_the_first_limit() -> None:
    wire = Wire().open().client(1, 1, 100, at=30)
    assert wire.narrator.forward.course.columns()["allowed"][-1] == 1 + 64_000


def test_a_scoreboard_joins_blocks_and_forgets_what_is_acknowledged() -> None:
    board = Scoreboard()
    board.take(2_000, 3_000, 1_000)
    board.take(4_000, 5_000, 1_000)
    assert board.ranges == [(2_000, 3_000), (4_000, 5_000)]
    board.take(3_000, 4_000, 1_000)
    assert (board.ranges, board.octets) == ([(2_000, 5_000)], 3_000)
    board.acknowledged(2_500)
    assert (board.ranges, board.octets) == ([(2_500, 5_000)], 2_500)
    board.acknowledged(5_000)
    assert (board.ranges, board.octets) == ([], 0)
    board.take(100, 200, 5_000)
    assert board.octets == 0


def test_a_scoreboard_is_bounded() -> None:
    board = Scoreboard()
    for index in range(1_000):
        board.take(10 * index + 5, 10 * index + 10, 0)
    assert len(board.ranges) == MAX_RANGES
    assert board.octets == 5 * MAX_RANGES
