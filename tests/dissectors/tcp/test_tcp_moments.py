"""The moments in which what a sender may do changes."""
from __future__ import annotations

import pytest
from tcp_wire import MS, Wire, sack

from dissectors.kit.course import Moment, SenderView
from dissectors.protocols.tcp.flags import OUT_OF_ORDER
from dissectors.protocols.tcp.moments import KINDS, MAX_FIRST, MAX_LAST


def watched(window: int = 4_000) -> Wire:
    wire = Wire()
    wire.narrator.views.watch()
    return wire.open(window=window)


def view_of(wire: Wire, direction: int = 1) -> SenderView:
    return wire.narrator.views.told(wire.narrator.sides, wire.narrator.seen_from)[direction]


def kinds(wire: Wire, direction: int = 1) -> list[str]:
    return [moment.kind for moment in view_of(wire, direction).moments]


def last(wire: Wire) -> Moment:
    return view_of(wire).moments[-1]


def test_nothing_is_noted_where_nobody_asks() -> None:
    wire = Wire().open().server(1, 1, 1_000)
    assert wire.narrator.views.told(wire.narrator.sides, wire.narrator.seen_from) == []


def test_the_window_fills_and_an_ack_makes_room() -> None:
    wire = watched(4_000)
    for index in range(4):
        wire.server(1 + 1_000 * index, 1, 1_000)
    assert kinds(wire) == ["first data", "twice as much", "window full"]
    full = last(wire)
    assert (full.acked, full.sent, full.allowed) == (1, 4_001, 4_001)
    wire.client(1, 2_001, window_bytes=4_000)
    assert (last(wire).kind, last(wire).text) == ("room again", "for 2000 bytes")
    assert last(wire).frame == wire.frame


def test_a_window_closes_and_opens() -> None:
    wire = watched(2_000).server(1, 1, 1_000).server(1_001, 1, 1_000)
    wire.client(1, 2_001, window=0, window_bytes=0, at=100)
    assert last(wire).kind == "window closed"
    assert last(wire).allowed == last(wire).sent
    wire.client(1, 2_001, window=9_000, window_bytes=9_000, at=400)
    assert [*kinds(wire)][-1] == "window opens"
    assert last(wire).allowed == 11_001
    assert "room again" not in kinds(wire)


def test_a_loss_shows_is_sent_again_and_is_repaired() -> None:
    wire = watched(64_000).server(1, 1, 1_000, at=40).client(1, 1_001, at=41, window_bytes=64_000)
    for index in range(2, 6):
        wire.server(1 + 1_000 * index, 1, 1_000, at=50 + index)
        wire.client(1, 1_001, at=50.5 + index, window_bytes=64_000, options=sack((2_001, 1_001 + 1_000 * index)))
    assert kinds(wire)[-2:] == ["hole", "loss noticed"] or "loss noticed" in kinds(wire)
    noticed = next(moment for moment in view_of(wire).moments if moment.kind == "loss noticed")
    assert noticed.acked == 1_001
    assert noticed.sacked[0][0] == 2_001
    wire.server(1_001, 1, 1_000, at=80)
    assert last(wire).kind == "sent again"
    wire.client(1, 6_001, at=81, window_bytes=64_000)
    assert last(wire).kind == "repaired"
    assert (last(wire).acked, last(wire).sent) == (6_001, 6_001)


def test_what_is_late_is_no_resend() -> None:
    wire = watched(64_000).server(1, 1, 1_000, at=40).server(2_001, 1, 1_000, at=41)
    wire.server(1_001, 1, 1_000, at=41.5, analysis=OUT_OF_ORDER).client(1, 3_001, at=60, window_bytes=64_000)
    assert "repaired" not in kinds(wire)


def test_the_end_of_data_and_its_ack() -> None:
    wire = watched().server(1, 1, 500, at=40).finish(1, 501, 1, at=41).client(1, 502, at=60, window_bytes=4_000)
    assert kinds(wire) == ["first data", "end of data", "all arrived"]


def test_a_pause_is_told_with_how_long_nothing_was_outstanding() -> None:
    wire = watched().server(1, 1, 500, at=40).client(1, 501, at=41, window_bytes=4_000).server(501, 1, 500, at=941)
    assert (last(wire).kind, last(wire).text) == ("goes on", "nothing was outstanding for 900 ms")
    assert last(wire).time == 941 * MS


@pytest.mark.parametrize("rounds", [MAX_FIRST + MAX_LAST + 50, 5_000])
def test_of_many_moments_the_first_and_the_last_are_kept_and_all_are_counted(rounds: int) -> None:
    wire = watched(2_000)
    for index in range(rounds):
        wire.server(1 + 2_000 * index, 1, 1_000).server(1_001 + 2_000 * index, 1, 1_000)
        wire.client(1, 2_001 + 2_000 * index, window_bytes=2_000)
    view = view_of(wire)
    assert view.kinds["window full"] == view.kinds["room again"] == rounds
    assert len(view.moments) == sum(min(count, MAX_FIRST + MAX_LAST) for count in view.kinds.values())
    assert view.moments[0].kind == "first data"
    assert view.moments[-1].frame == wire.frame
    assert set(view.kinds) <= set(KINDS)
    times = [moment.time for moment in view.moments]
    assert times == sorted(times)
