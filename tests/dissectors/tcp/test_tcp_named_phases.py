"""What a sender is seen to do by name: HyStart, PRR, F-RTO, the phases of BBR; and what looks like them and is not."""
from __future__ import annotations

import pytest
from sample_feeds import SAMPLES

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event
from dissectors.protocols.tcp.bbr import bbr_phases
from dissectors.protocols.tcp.early_exit import early_exit
from dissectors.protocols.tcp.events_congestion import RATE, CongestionCourse
from dissectors.protocols.tcp.events_loss import Loss, SpuriousRetransmission
from dissectors.protocols.tcp.recovery import Recovery

MS = 1_000_000
MSS = 1_000


def events(sample: str) -> list[Event]:
    told = analyze([str(SAMPLES / "tcp" / sample / "capture.pcapng")], Options()).told
    return [event for one in told for phase in one.phases for event in phase.events]


def course(sample: str) -> CongestionCourse:
    one, = [event for event in events(sample) if isinstance(event, CongestionCourse)]
    return one


def test_hystart_leaves_slow_start_where_round_trips_grow() -> None:
    said = course("slow-start-left-early").what()
    assert "In slow start it went up to 13.4 kB; it grew more slowly then. Nothing was lost there, and" in said
    assert "the sign by which HyStart leaves slow start" in said
    for alike in ("slow-start-at-sender", "proportional-recovery", "bbr-phases"):
        assert "HyStart" not in course(alike).what()


@pytest.mark.parametrize(("trips", "found"), [
    ([40, 40, 40, 52, 60, 66, 70, 74], (40 * MS, 60 * MS)),
    ([40, 40, 40, 42, 43, 43, 43, 43], (-1, -1)),               # a threshold that was remembered
    ([40, 40, 40, 52, 60, 66], (-1, -1)),                       # too few rounds behind it
    ([-1, -1, -1, -1, -1, -1, -1, -1], (-1, -1)),               # not seen from here
])
def test_what_ends_slow_start_early(trips: list[int], found: tuple[int, int]) -> None:
    windows = [10, 20, 40, 80, 84, 88, 92, 96]
    rounds = [(octets, trip * MS if trip >= 0 else -1) for octets, trip in zip(windows, trips, strict=False)]
    assert early_exit(rounds, 80) == found


def recovery(sends: list[tuple[int, int]]) -> tuple[int, int]:
    """(segments that had arrived, segments sent then) of a recovery after which 40 have arrived."""
    watch = Recovery()
    watch.begin()
    for arrived, segments in sends:
        for _ in range(segments):
            watch.sent(arrived * MSS, MSS)
    return watch.proportional(40 * MSS, MSS)


def test_a_recovery_in_proportion_is_told_from_others() -> None:
    assert recovery([(arrived, 1) for arrived in range(0, 40, 2)]) == (20 * MSS, 40 * MSS)
    assert recovery([(0, 1), *[(arrived, 1) for arrived in range(20, 40)]]) == (0, 0)      # RFC 6675: waits for a half
    assert recovery([(arrived, 1) for arrived in range(40)]) == (0, 0)                      # as much as arrives
    assert recovery([(0, 1)]) == (0, 0)
    assert "In 1 of 1 repair it sent 0.51 of what arrived" in course("proportional-recovery").what()
    assert course("slow-start-left-early").steady == 0


def test_f_rto_goes_on_where_a_timeout_was_spurious() -> None:
    one, = [event for event in events("spurious-timeout") if isinstance(event, SpuriousRetransmission)]
    assert "after the next ACK it went on with new data (#45) and resent nothing of the 26.3 kB behind" in one.what()
    assert one.fields()["spurious_timeout"] is True
    one.repair.stamped = True
    assert "or Eifel detection (RFC 3522 §3.2); which of them cannot be told" in one.what()


OTHER_RESENDS = ("loss-timeout", "loss-backoff", "loss-tail-probe", "reordering-spurious-retransmit")


@pytest.mark.parametrize("sample", OTHER_RESENDS)
def test_other_resends_are_no_f_rto(sample: str) -> None:
    assert not [event for event in events(sample) if isinstance(event, Loss) and event.repair.too_early()]


def test_phases_of_bbr() -> None:
    told = course("bbr-phases")
    assert told.algorithm() == RATE
    assert "as in startup and drain of BBR. For 281 ms, 10.2 s after its first data, it kept at most 6" in told.what()
    for alike in ("slow-start-left-early", "slow-start-at-sender"):
        assert not course(alike).phases.any()


def rows(*flights: tuple[int, int], resent: int = -1) -> dict[str, list[int]]:
    """A row each 20 ms: (least, most) segments outstanding, of which ten are acknowledged each time."""
    sent = [10 * MSS * at + most * MSS for at, (_least, most) in enumerate(flights)]
    return {
        "time_ns": [20 * MS * at for at in range(len(flights))], "sent": sent,
        "octets": [octets + (MSS if 0 <= resent <= at else 0) for at, octets in enumerate(sent)],
        "outstanding_least": [least * MSS for least, _most in flights],
        "outstanding_most": [most * MSS for _least, most in flights],
    }


def test_a_plateau_that_goes_down_by_itself_is_a_drain() -> None:
    up, on, down, after = [(1, 10), (10, 20)], [(38, 40)] * 20, [(30, 38), (25, 30), (20, 25)], [(20, 23)] * 20
    found = bbr_phases(rows(*up, *on, *down, *after), MSS, 40 * MS)
    assert (found.startup, found.drained) == (21 * 20 * MS, 24 * 20 * MS)
    assert not bbr_phases(rows(*up, *on, *down, *after, resent=22), MSS, 40 * MS).any()        # a loss
    assert not bbr_phases(rows(*up, *[(38, 40)] * 3, *down, *after), MSS, 40 * MS).any()       # no plateau
    assert not bbr_phases(rows(*up, *on, *down, (0, 20), *[(0, 0)] * 20), MSS, 40 * MS).any()  # the data ended
