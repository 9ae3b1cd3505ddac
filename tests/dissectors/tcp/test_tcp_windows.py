from __future__ import annotations

from tcp_wire import MS, Wire

from dissectors.protocols.tcp.flags import (
    KEEP_ALIVE,
    KEEP_ALIVE_ACK,
    WINDOW_FULL,
    WINDOW_UPDATE,
    ZERO_WINDOW,
    ZERO_WINDOW_PROBE,
    ZERO_WINDOW_PROBE_ACK,
)


def window(octets: int) -> dict[str, int]:
    return {"window": octets, "window_bytes": octets}


def test_a_closed_window_with_its_probes_and_its_cost() -> None:
    wire = Wire().open().server(1, 1, 1000, at=40).client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW)
    wire.server(1001, 1, 1, at=241, analysis=ZERO_WINDOW_PROBE)
    wire.client(1, 1001, at=242, **window(0), analysis=ZERO_WINDOW | ZERO_WINDOW_PROBE_ACK)
    wire.server(1000, 1, 0, at=641, analysis=KEEP_ALIVE)          # the other way to probe
    wire.client(1, 1001, at=642, **window(0), analysis=ZERO_WINDOW)
    wire.client(1, 1001, at=841, **window(5000), analysis=WINDOW_UPDATE).server(1001, 1, 1000, at=861).end()
    told = wire.one("tcp.zero_window")
    fields = told.fields()
    assert (fields["lasted_ns"], fields["probes"], fields["answers"]) == (800 * MS, 2, 2)
    assert (fields["reopened_octets"], fields["resumed_ns"]) == (5000, 20 * MS)
    assert told.direction == 0
    assert wire.narrator.forward.window.closed_ns == 800 * MS
    assert wire.narrator.backward.window.closed_ns == 0
    assert "tcp.keep_alive" not in wire.names()


def test_a_window_that_stays_closed() -> None:
    wire = Wire().open().server(1, 1, 1000, at=40).client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW)
    wire.server(1001, 1, 1, at=1041, analysis=ZERO_WINDOW_PROBE)
    fields = wire.end(at=9000).one("tcp.zero_window").fields()       # what comes after the last frame was not seen
    assert (fields["ended_by"], fields["lasted_ns"]) == ("end", 1000 * MS)


def test_data_into_a_closed_window_show_that_it_opened_unseen() -> None:
    wire = Wire().open().server(1, 1, 1000, at=40).client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW)
    wire.server(1001, 1, 1, at=541, analysis=ZERO_WINDOW_PROBE)
    wire.client(1, 1001, at=542, **window(0), analysis=ZERO_WINDOW | ZERO_WINDOW_PROBE_ACK)
    wire.server(1001, 1, 60_000, at=3041).server(61_001, 1, 60_000, at=3042)
    wire.client(1, 121_001, at=3043, **window(64_000)).end()
    told = wire.one("tcp.zero_window")
    fields = told.fields()
    assert (fields["ended_by"], fields["lasted_ns"], fields["at_most_ns"]) == ("unseen", 501 * MS, 3001 * MS)
    assert "for at least 501 ms, at most 3.00 s." in told.what()
    assert "it opened in a segment that is not in the capture" in told.what()
    assert "reopens" not in told.what()


def test_what_a_closed_window_was_promised_before_may_still_come() -> None:
    """The window shrank to nothing while data were under way: they were allowed, and show nothing."""
    wire = Wire().open(window=10_000).server(1, 1, 1000, at=40)
    wire.client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW).server(1001, 1, 1000, at=42)
    wire.client(1, 2001, at=1043, **window(9000)).end()
    assert wire.one("tcp.zero_window").fields()["ended_by"] == "update"


def test_data_that_a_closed_window_does_not_take_are_a_probe() -> None:
    wire = Wire().open(window=1000).server(1, 1, 1000, at=40).client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW)
    wire.server(1001, 1, 1000, at=541).client(1, 1001, at=542, **window(0), analysis=ZERO_WINDOW)
    wire.client(1, 1001, at=1041, **window(5000), analysis=WINDOW_UPDATE).end()
    fields = wire.one("tcp.zero_window").fields()
    assert (fields["ended_by"], fields["lasted_ns"]) == ("update", 1000 * MS)


def test_a_window_that_opened_unseen_and_closed_again() -> None:
    wire = Wire().open(window=1000).server(1, 1, 1000, at=40).client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW)
    wire.server(1001, 1, 1000, at=541).client(1, 2001, at=542, **window(0), analysis=ZERO_WINDOW)
    wire.client(1, 2001, at=1041, **window(5000), analysis=WINDOW_UPDATE).end()
    told = [event.fields() for event in wire.events if event.name == "tcp.zero_window"]
    assert [one["ended_by"] for one in told] == ["unseen", "update"]
    assert [one["lasted_ns"] for one in told] == [0, 499 * MS]


def test_a_window_is_closed_as_long_as_it_was_shown_to_be() -> None:
    wire = Wire().open().server(1, 1, 1000, at=40).client(1, 1001, at=41, **window(0), analysis=ZERO_WINDOW)
    wire.client(1, 1001, at=141, **window(0), analysis=ZERO_WINDOW).reset(1, 1001, 1, at=9041).end()
    told = wire.one("tcp.zero_window")
    assert (told.fields()["lasted_ns"], told.fields()["at_most_ns"]) == (100 * MS, 9000 * MS)
    assert "its window is 0 for at least 100 ms." in told.what()


def test_a_window_that_shrinks_and_one_that_is_used_up() -> None:
    used = Wire().open(window=10_000).server(1, 1, 4000, at=40).client(1, 4001, at=41, **window(6000)).end()
    assert "tcp.window_shrunk" not in used.names()      # the edge stands still
    wire = Wire().open(window=10_000).server(1, 1, 4000, at=40).client(1, 4001, at=41, **window(2000)).end()
    assert wire.one("tcp.window_shrunk").fields() == {"count": 1, "largest_octets": 4000}


def test_rounding_to_the_scale_is_no_shrinking() -> None:
    wire = Wire().open(window=12_800).client(1, 1, at=30, window=100, window_bytes=12_800).server(1, 1, 100, at=40)
    wire.client(1, 101, at=41, window=99, window_bytes=12_672).end()
    assert "tcp.window_shrunk" not in wire.names()


def test_no_shrinking_is_claimed_without_the_scale() -> None:
    wire = Wire().open(window=10_000).client(1, 1, at=30, **window(10_000), scale_known=False)
    wire.client(1, 1, at=31, **window(2000), scale_known=False).end()
    assert "tcp.window_shrunk" not in wire.names()


def test_a_full_window_is_told_once_a_run() -> None:
    wire = Wire().open().client(1, 1, at=30, **window(2000))
    for index in range(3):
        wire.server(1 + 2000 * index, 1, 2000, at=40 + 20 * index, analysis=WINDOW_FULL)
        wire.client(1, 2001 + 2000 * index, at=41 + 20 * index, **window(2000))
    told = wire.end().one("tcp.window_full")
    assert told.fields() == {"count": 3, "window": 2000}
    assert told.direction == 1


def test_keep_alives_are_one_exchange() -> None:
    wire = Wire().open().client(1, 1, 10, at=40).server(1, 11, at=60)
    for index in range(4):
        wire.client(10, 1, at=1000 * (index + 1), analysis=KEEP_ALIVE)
        wire.server(1, 11, at=1000 * (index + 1) + 20, analysis=KEEP_ALIVE_ACK)
    wire.client(11, 1, 10, at=5000).end()
    fields = wire.one("tcp.keep_alive").fields()
    assert (fields["probes"], fields["answers"], fields["interval_ns"]) == (4, 4, 1000 * MS)
    assert fields["idle_ns"] == 940 * MS


def transferred(octets: int, limit: int, pause: float = 0.0) -> dict[str, int]:
    """A server that sends rounds of `octets` every 20 ms against a window of `limit`."""
    wire = Wire().open(20.0).client(1, 1, at=30, **window(limit))
    seq, at = 1, 40.0
    for _ in range(100):
        for _segment in range(10):
            wire.server(seq, 1, octets // 10, at=at)
            seq += octets // 10
        at += 20.1
        wire.client(1, seq, at=at, **window(limit))
        at += pause
    return dict(wire.end().narrator.limits[1])


def test_a_transfer_is_limited_by_the_receiver_the_application_or_unknown() -> None:
    full = transferred(20_000, 20_000)
    assert full["receiver"] > 9 * sum(full.values()) // 10
    idle = transferred(20_000, 1_000_000, pause=200.0)
    assert idle["application"] > 8 * sum(idle.values()) // 10
    assert set(transferred(20_000, 1_000_000)) == {"unknown"}


def test_the_limits_are_told_as_an_inference() -> None:
    wire = Wire().open(20.0).client(1, 1, at=30, **window(20_000))
    for index in range(20):
        wire.server(1 + 20_000 * index, 1, 20_000, at=40 + 20 * index)
        wire.client(1, 20_001 + 20_000 * index, at=59 + 20 * index, **window(20_000))
    told = wire.end().one("tcp.limits")
    assert "looks limited" in told.what()
    assert "because" in told.what()
    assert told.fields()["confidence"] == "likely"
