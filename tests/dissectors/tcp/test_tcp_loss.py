from __future__ import annotations

from tcp_wire import CLIENT, ISN, MS, SERVER, Wire, sack, timestamps

from dissectors.kit.inputs import Gap, Overlap
from dissectors.protocols.tcp.flags import (
    ACK_LOST_SEGMENT,
    DUPLICATE_ACK,
    FAST_RETRANSMISSION,
    LOST_SEGMENT,
    OUT_OF_ORDER,
    RETRANSMISSION,
    SPURIOUS_RETRANSMISSION,
)


def sent(count: int, wire: Wire | None = None) -> Wire:
    """An open connection in which the server sends `count` segments of 1000 bytes at once."""
    wire = wire or Wire().open()
    for index in range(count):
        wire.server(1 + 1000 * index, 1, 1000)
    return wire


def losses(wire: Wire) -> list[str]:
    """The events about loss and order, without those of the handshake, the transfer and the end."""
    known = ("tcp.syn", "tcp.syn_ack", "tcp.established", "tcp.options", "tcp.transfer", "tcp.not_ended")
    return [name for name in wire.names() if name not in known]


def test_fast_retransmit_seen_near_the_sender() -> None:
    wire = sent(6)
    wire.client(1, 1001, at=45)
    for at in (46, 47, 48):
        wire.client(1, 1001, at=at, analysis=DUPLICATE_ACK)
    wire.server(1001, 1, 1000, at=49, analysis=FAST_RETRANSMISSION)
    resend = wire.frame
    wire.client(1, 6001, at=71).end()
    told = wire.one("tcp.fast_retransmit")
    fields = told.fields()
    assert losses(wire) == ["tcp.fast_retransmit"]
    assert (fields["resent_segments"], fields["resent_octets"], fields["duplicate_acks"]) == (1, 1000, 3)
    assert fields["first_resend"] == resend
    assert fields["repaired_by"] == wire.frame
    assert fields["lasted_ns"] == 25 * MS
    assert told.time == 46 * MS
    assert f"then #{resend} resends seq {(ISN[1] + 1001) % 2**32}: one segment was lost" in told.what()
    assert "repaired it in 25.0 ms, without waiting for a timeout" in told.what()
    assert "passed the capture, so it was lost beyond this point" in told.what()


def test_fast_retransmit_seen_near_the_receiver() -> None:
    wire = sent(1).server(2001, 1, 1000, analysis=LOST_SEGMENT)
    for _ in range(3):
        wire.server(3001 + 1000 * _, 1, 1000).client(1, 1001, analysis=DUPLICATE_ACK)
    wire.server(1001, 1, 1000, at=60, analysis=FAST_RETRANSMISSION).client(1, 6001, at=60.1).end()
    told = wire.one("tcp.fast_retransmit")
    assert told.fields()["first_copy_unseen"] == 1
    assert "The capture does not hold the first copy" in told.what()
    assert wire.one("tcp.transfer").fields()["octets"] == 6000


def test_a_timeout_and_its_backoff() -> None:
    wire = sent(1)
    wire.now = 0
    for at, waited in ((300, 279), (900, -1), (2100, -1)):
        wire.server(1, 1, 1000, at=at, analysis=RETRANSMISSION, rto_ns=waited * MS if waited > 0 else -1)
    wire.client(1, 1001, at=2125).end()
    told = wire.one("tcp.timeout")
    fields = told.fields()
    assert (fields["rounds"], fields["backoff"], fields["repaired"]) == (3, True, True)
    assert fields["waited_ns"] == 279 * MS
    assert "it looks as if the retransmission timer ran out" in told.what()
    assert "each time after about twice the wait" in told.what()


def test_equal_waits_are_no_backoff() -> None:
    wire = sent(1)
    for at in (300, 600, 900, 1200):
        wire.server(1, 1, 1000, at=at, analysis=RETRANSMISSION, rto_ns=279 * MS)
    assert wire.end().one("tcp.timeout").fields()["backoff"] is False


def test_a_tail_loss_probe() -> None:
    wire = sent(2).client(1, 1001, at=40, ack_rtt_ns=20 * MS)
    wire.server(1001, 1, 1000, at=85, analysis=RETRANSMISSION, rto_ns=64 * MS).client(1, 2001, at=105).end()
    assert losses(wire) == ["tcp.tail_loss_probe"]
    assert wire.one("tcp.tail_loss_probe").spec == "RFC 8985 §7"


def test_a_duplicate_sack_proves_a_resend_needless() -> None:
    wire = sent(2)
    wire.server(1, 1, 1000, at=300, analysis=RETRANSMISSION, rto_ns=279 * MS)
    wire.client(1, 2001, at=301).client(1, 2001, at=320, options=sack((1, 1001))).end()
    told = wire.one("tcp.spurious_retransmission")
    assert losses(wire) == ["tcp.spurious_retransmission"]
    assert "duplicate SACK" in told.what()


def test_an_echoed_timestamp_proves_a_resend_needless() -> None:
    def answered(echo: int) -> Wire:
        wire = Wire().open().server(1, 1, 1000, at=30, options=timestamps(500, 1))
        wire.server(1, 1, 1000, at=330, analysis=RETRANSMISSION, rto_ns=300 * MS, options=timestamps(800, 1))
        return wire.client(1, 1001, at=331, options=timestamps(1, echo)).end()

    assert losses(answered(500)) == ["tcp.spurious_retransmission"]
    assert losses(answered(800)) == ["tcp.timeout"]


def test_bytes_that_were_acknowledged_already_are_needless() -> None:
    wire = sent(2).client(1, 2001, at=40)
    wire.server(1, 1, 1000, at=300, analysis=SPURIOUS_RETRANSMISSION).client(1, 2001, at=301).end()
    assert losses(wire) == ["tcp.spurious_retransmission"]


def test_reordering_is_no_loss() -> None:
    wire = sent(1).server(2001, 1, 1000, at=40, analysis=LOST_SEGMENT).client(1, 1001, analysis=DUPLICATE_ACK)
    wire.server(1001, 1, 1000, at=40.5, analysis=OUT_OF_ORDER).client(1, 3001, at=41).end()
    told = wire.one("tcp.reordering")
    assert losses(wire) == ["tcp.reordering"]
    assert told.fields()["late_segments"] == 1
    assert told.fields()["late_ns"] == MS // 2
    assert "Nothing was resent" in told.what()


def test_the_clock_of_the_sender_tells_a_resend_from_reordering() -> None:
    def filled(stamp: int) -> list[str]:
        wire = Wire().open().server(1, 1, 1000, options=timestamps(100, 1))
        wire.server(2001, 1, 1000, at=40, analysis=LOST_SEGMENT, options=timestamps(110, 1))
        wire.client(1, 1001, at=41, analysis=DUPLICATE_ACK)
        wire.server(1001, 1, 1000, at=41.5, analysis=OUT_OF_ORDER, options=timestamps(stamp, 1))
        return losses(wire.client(1, 3001, at=42).end())

    assert filled(109) == ["tcp.reordering"]
    assert filled(111) == ["tcp.loss"]


def test_duplicate_acks_without_a_resend_are_reordering_beyond_the_capture() -> None:
    wire = sent(4).client(1, 1001, at=40)
    wire.client(1, 1001, analysis=DUPLICATE_ACK).client(1, 1001, analysis=DUPLICATE_ACK).client(1, 4001, at=45).end()
    told = wire.one("tcp.reordering")
    assert told.fields()["seen_in_capture"] is False
    assert "it looks as if" in told.what()


def test_acknowledged_but_never_seen_is_the_loss_of_the_capture() -> None:
    wire = sent(1).server(3001, 1, 1000, analysis=LOST_SEGMENT)
    wire.client(1, 4001, at=60, analysis=ACK_LOST_SEGMENT).server(4001, 1, 500, at=80).client(1, 4501, at=100).end()
    told = wire.one("tcp.capture_loss")
    assert losses(wire) == ["tcp.capture_loss"]
    assert told.fields()["octets"] == 2000
    assert told.direction == SERVER


def test_every_other_segment_comes_late_and_none_is_missing() -> None:
    """More holes at once than were ever told one by one; also where an ACK covers what nobody saw."""
    wire = Wire().open()
    for index in range(1, 1_200, 2):
        wire.server(1 + 1000 * index, 1, 1000, analysis=LOST_SEGMENT)
    for index in range(0, 1_200, 2):
        wire.server(1 + 1000 * index, 1, 1000, at=3_000 + index, analysis=RETRANSMISSION)
    wire.client(1, 1_200_001, at=6_000).end()
    assert "tcp.capture_loss" not in losses(wire)
    assert wire.one("tcp.transfer").fields()["octets"] == 1_200_000
    wire = Wire().open().server(2001, 1, 1000, analysis=LOST_SEGMENT).client(1, 5001, analysis=ACK_LOST_SEGMENT).end()
    assert wire.one("tcp.capture_loss").fields()["octets"] == 4000


def test_data_that_the_capture_shows_after_their_ack_are_not_missing() -> None:
    wire = sent(1).client(1, 2001, analysis=ACK_LOST_SEGMENT)
    wire.server(1001, 1, 1000, analysis=SPURIOUS_RETRANSMISSION).end()
    assert losses(wire) == []


def test_copies_of_a_packet_are_not_retransmissions() -> None:
    wire = Wire().open().server(1, 1, 1000, at=40, options=timestamps(7, 1))
    wire.server(1, 1, 1000, at=40.2, options=timestamps(7, 1), analysis=OUT_OF_ORDER).client(1, 1001, at=41).end()
    told = wire.one("tcp.duplicates")
    assert losses(wire) == ["tcp.duplicates"]
    assert told.evidence.frames == (5,)
    assert "It looks as if" in told.what()


def test_many_episodes_are_told_as_a_sum() -> None:
    wire = Wire().open()
    for index in range(150):
        start = 1 + 1000 * index
        wire.server(start, 1, 1000, at=100 + 1000 * index)
        wire.server(start, 1, 1000, at=400 + 1000 * index, analysis=RETRANSMISSION, rto_ns=300 * MS)
        wire.client(1, start + 1000, at=420 + 1000 * index)
    wire.end()
    assert wire.names().count("tcp.timeout") == 100
    summed = wire.one("tcp.loss_summary").fields()
    assert (summed["episodes"], summed["resent_segments"], summed["resent_octets"]) == (50, 50, 50_000)


def test_a_loss_that_is_not_repaired_says_so() -> None:
    wire = sent(1).server(1, 1, 1000, at=400, analysis=RETRANSMISSION, rto_ns=360 * MS).end(at=900)
    told = wire.one("tcp.timeout")
    assert told.fields()["repaired"] is False
    assert "No ACK in this capture" in told.what()
    assert "sent again 1 time without an answer" in wire.one("tcp.not_ended").what()


def test_a_gap_and_a_conflict_are_told_and_capped() -> None:
    wire = Wire().open()
    told = [
        event for index in range(30)
        for event in wire.narrator.on_conflict(Overlap(50 + index, 60 * MS, CLIENT, 10, 5, 4), "first")
    ]
    assert [event.name for event in told] == ["tcp.conflict"] * 20 + ["limit_reached"]
    assert told[0].evidence.frames == (4, 50)


def test_a_partial_ack_answers_the_resend() -> None:
    wire = Wire().open().server(2001, 1, 1000, at=30, analysis=LOST_SEGMENT)
    for at in (31, 32, 33):
        wire.client(1, 1, at=at, analysis=DUPLICATE_ACK, options=sack((2001, 3001)))
    wire.server(1, 1, 1000, at=60, analysis=RETRANSMISSION)
    wire.client(1, 1001, at=61, options=sack((2001, 3001))).end(at=62)
    told = wire.one("tcp.not_ended")
    assert told.fields()["unanswered"] == 0
    repaired = next(event for event in wire.events if event.name in ("tcp.loss", "tcp.fast_retransmit"))
    assert "is a partial ACK: what was resent first arrived" in repaired.what()


def test_segments_with_an_older_timestamp_are_answered_and_dropped() -> None:
    wire = Wire().open().server(1, 1, 1000, at=30, options=timestamps(777_000, 5)).client(
        1, 1001, at=31, options=timestamps(6, 777_000))
    for at in (50, 300, 800):
        resent = RETRANSMISSION if at > 50 else 0
        wire.server(1001, 1, 1000, at=at, options=timestamps(277_000 + at, 6), analysis=resent)
        wire.client(1, 1001, at=at + 0.1, options=timestamps(7 + at, 777_000), analysis=DUPLICATE_ACK)
    wire.end(at=801)
    told = wire.one("tcp.old_timestamps")
    assert told.fields()["count"] == 3
    assert "carry 277800, where the client has had 777000" in told.what()
    assert wire.one("tcp.not_ended").fields()["unanswered"] == 0


def test_a_duplicate_ack_for_a_hole_says_nothing_of_timestamps() -> None:
    wire = Wire().open().server(1, 1, 1000, at=30, options=timestamps(100, 5)).client(
        1, 1001, at=31, options=timestamps(6, 100))
    wire.server(2001, 1, 1000, at=32, options=timestamps(90, 6), analysis=LOST_SEGMENT)
    wire.client(1, 1001, at=33, options=timestamps(7, 100), analysis=DUPLICATE_ACK).end()
    assert "tcp.old_timestamps" not in wire.names()


def test_resends_are_not_without_an_answer_where_the_peer_is_heard() -> None:
    wire = Wire().open().client(1, 1, 100, at=21)
    for at in (300, 800, 1800):
        wire.client(1, 1, 100, at=at, analysis=RETRANSMISSION)
    wire.server(1, 1, 50, at=2000).end(at=3000)
    told = wire.one("tcp.not_ended")
    assert "and not acknowledged, though the server was heard (#8)" in told.what()


def test_a_copy_is_known_by_its_ip_identification_however_late() -> None:
    wire = Wire().open()
    for at in range(4):
        wire.server(1 + at * 1000, 1, 1000, at=30 + at, ip_id=500 + at)
    wire.server(1001, 1, 1000, at=45, ip_id=501)       # seen again 14 ms later, behind two others
    wire.client(1, 4001, at=60).end()
    assert wire.one("tcp.duplicates").fields()["count"] == 1
    assert not [name for name in wire.names() if name in ("tcp.loss", "tcp.timeout", "tcp.spurious_retransmission")]


def test_a_resend_has_an_ip_identification_of_its_own_however_soon() -> None:
    wire = Wire().open()
    for at in range(4):
        wire.server(1 + at * 1000, 1, 1000, at=30 + at, ip_id=500 + at)
    wire.server(3001, 1, 1000, at=33.4, ip_id=504)
    wire.client(1, 4001, at=60).end()
    assert "tcp.duplicates" not in wire.names()


def test_segments_that_were_cut_short_are_told_together() -> None:
    wire = Wire().open()
    for number in range(60):
        wire.server(1 + 1000 * number, 1, 1000, at=40 + number)
        gap = Gap(wire.frame, int(wire.now * MS), SERVER, 1000 * number + 50, 950, cut=True)
        wire.events += wire.narrator.on_gap(gap)
    wire.events += wire.narrator.on_gap(Gap(wire.frame, int(wire.now * MS), SERVER, 60_000, 500))
    wire.end()
    hole, cut = [event for event in wire.events if event.name == "tcp.gap"]
    assert "500 bytes of the server's stream are not in the capture (from byte 60000 on)" in hole.what()
    assert cut.what() == (
        "57.0 kB of the server's stream are not in the capture: 60 segments were cut short when they were captured, "
        "the first in #4 and the last in #63."
    )
    assert cut.fields() == {"position": 50, "length": 57_000, "segments": 60}
    assert cut.time == 40 * MS
