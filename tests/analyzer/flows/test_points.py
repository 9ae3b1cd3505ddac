"""The points of a graph: there is room for so many, and what is drawn covers the whole conversation all the same."""
from __future__ import annotations

from itertools import pairwise

from analyzer.flows.points import add_points, fewer_acks, fewer_strokes, fewer_trips
from analyzer.model import Points
from dissectors.protocols.tcp.flags import RETRANSMISSION
from dissectors.protocols.tcp.segment import Segment

MOST = 200
ACK, PSH_ACK = 16, 24


def transfer(segments: int) -> list[Points]:
    """Segments of 100 octets and their ACKs; every fiftieth is sent again, one ACK is late and closes the window."""
    points = [Points(), Points()]
    points[0].most = points[1].most = MOST
    for count in range(segments):
        for again in range(2 if count % 50 == 7 else 1):
            data = Segment(2 * count + 1, count * 1_000 + again, 0, PSH_ACK, 1 + count * 100, 1, 500, 100)
            data.relative_seq = 1 + count * 100
            data.analysis = RETRANSMISSION if again else 0
            add_points(points, data)
        ack = Segment(2 * count + 2, count * 1_000 + 500, 1, ACK, 1, 101 + count * 100, 500, 0)
        ack.relative_ack = 101 + count * 100
        ack.window_bytes = 0 if count == segments // 3 else 9_999 if count == segments // 2 else 500
        ack.scale_known = True
        ack.ack_rtt_ns = 77_000 if count == segments // 3 else 500
        add_points(points, ack)
    return points


def test_few_points_are_all_there() -> None:
    own = transfer(100)[0]
    assert (len(own.segments), len(own.acks), len(own.trips), own.left_out, own.resent) == (102, 100, 100, 0, 2)


def test_many_points_are_thinned_and_reach_as_far() -> None:
    segments = 5_000
    own = transfer(segments)[0]
    assert max(len(own.segments), len(own.acks), len(own.trips)) < MOST
    assert len(own.segments) + own.left_out == segments + 100
    assert own.resent == 100
    # From the first octet to the last, and from the first time to the last, without a hole.
    data = [row for row in own.segments if row[3] == Points.DATA]
    assert (data[0][1], data[-1][2]) == (1, 1 + segments * 100)
    assert all(before[2] == after[1] for before, after in pairwise(data))
    assert own.segments[-1][0] >= (segments - 1) * 1_000
    assert {row[3] for row in own.segments} == {Points.DATA, Points.RESENT}
    # The closed window, the widest one and the slowest round trip are still there, each at its own time.
    windows = {allowed - acked: time for time, acked, allowed in own.acks}
    assert windows[0] == segments // 3 * 1_000 + 500
    assert windows[9_999] == segments // 2 * 1_000 + 500
    assert max(own.trips, key=lambda trip: trip[1]) == (segments // 3 * 1_000 + 500, 77_000)


def test_strokes_apart_keep_the_lowest_and_the_highest() -> None:
    rows = [(1, 500, 600, 0, 1), (2, 100, 200, 0, 2), (3, 900, 950, 0, 3), (4, 300, 400, 0, 4)]
    assert fewer_strokes(rows) == [rows[1], rows[2]]


def test_what_touches_is_one_stroke_when_all_of_it_was_sent() -> None:
    rows = [(1, 0, 10, 0, 1), (2, 10, 20, 0, 2), (3, 20, 30, 0, 3), (4, 30, 40, 0, 4)]
    assert fewer_strokes(rows) == [(4, 0, 40, 0, 4)]


def test_neighbours_that_are_alike_leave_two() -> None:
    assert fewer_acks([(at, at * 10, at * 10 + 5) for at in range(4)]) == [(0, 0, 5), (3, 30, 35)]
    assert fewer_trips([(at, 5) for at in range(4)]) == [(0, 5), (3, 5)]
