"""Each rule of the sequence analysis: a segment that meets it, and one that just does not."""
from __future__ import annotations

import pytest

from analyzer.model import SEVERITIES
from dissectors.protocols.tcp.flags import ACK, FIN, RST, RULES, SYN, names
from dissectors.protocols.tcp.sequence import after_segment, analyse, analyse_in_detail, note_bases, settle_scaling
from dissectors.protocols.tcp.side import Detail, Handshake, TcpSide, after

MS = 1_000_000
CLIENT, SERVER = 0, 1


class Wire:
    """A connection to say segments into; each answer is the names of the flags."""

    def __init__(self, established: bool = True, scale: int | None = None) -> None:
        self.hand = Handshake()
        self.sides = (TcpSide(), TcpSide())
        self.detail = Detail()
        self.frame = 0
        self.time = 0
        self.scale = scale
        if established:
            self.says(CLIENT, 1000, 0, flags=SYN, window=64240)
            self.says(SERVER, 5000, 1001, flags=SYN | ACK, window=65160, after_ms=10)
            self.says(CLIENT, 1001, 5001, after_ms=10)

    def says(
        self, who: int, seq: int, ack: int, length: int = 0, flags: int = ACK, window: int = 500, after_ms: float = 1
    ) -> list[str]:
        self.frame += 1
        self.time += int(after_ms * MS)
        fwd, rev = self.sides[who], self.sides[1 - who]
        note_bases(fwd, rev, flags, seq, ack)
        self.detail.clear()
        bits = analyse_in_detail(
            self.hand, fwd, rev, self.frame, self.time, flags, seq, ack, window, length, self.detail
        )
        after_segment(self.hand, fwd, self.time, flags)
        if flags & SYN:
            if self.scale is not None:
                fwd.scale = self.scale
            settle_scaling(fwd, rev, flags)
        return names(bits)


def test_the_table_has_a_bit_a_row_in_order() -> None:
    """Counters are kept by the place of a bit, and what a rule supersedes comes after it."""
    assert [rule.bit for rule in RULES] == [1 << place for place in range(len(RULES))]
    for rule in RULES:
        assert rule.supersedes & (2 * rule.bit - 1) == 0, rule.name
        assert rule.severity in SEVERITIES
        assert rule.text.endswith(".")


def test_sequence_numbers_wrap() -> None:
    assert after(5, 0xFFFFFFF0)
    assert not after(0xFFFFFFF0, 5)
    assert not after(7, 7)


def test_an_ordinary_connection_has_no_flags() -> None:
    wire = Wire()
    assert wire.says(CLIENT, 1001, 5001, 100) == []
    assert wire.says(SERVER, 5001, 1101) == []
    assert wire.says(SERVER, 5001, 1101, 1460) == []
    assert wire.says(CLIENT, 1101, 6461) == []
    assert wire.says(CLIENT, 1101, 6461, flags=FIN | ACK) == []
    assert wire.says(SERVER, 6461, 1102, flags=FIN | ACK) == []
    assert wire.says(CLIENT, 1102, 6462) == []


def test_initial_round_trip_runs_from_the_syn_to_the_first_ack() -> None:
    assert Wire().hand.initial_rtt == 20 * MS


def test_zero_window_needs_a_plain_segment() -> None:
    wire = Wire()
    assert wire.says(CLIENT, 1001, 5001, window=0) == ["zero_window"]
    assert wire.says(CLIENT, 1001, 5001, window=0, flags=RST | ACK) == []


def test_zero_window_probe_and_its_answer() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 1460)
    wire.says(CLIENT, 1001, 6461, window=0)
    assert wire.says(SERVER, 6461, 1001, 1, after_ms=300) == ["zero_window_probe"]
    assert wire.says(CLIENT, 1001, 6461, window=0) == ["zero_window", "zero_window_probe_ack"]
    assert wire.says(CLIENT, 1001, 6461, window=400) == ["window_update"]
    # The probe's byte was not accepted, so the data begin with it and are nothing resent.
    assert wire.says(SERVER, 6461, 1001, 1460) == []


def test_lost_segment_is_a_hole_before_the_segment() -> None:
    wire = Wire()
    assert wire.says(SERVER, 5001, 1001, 100) == []
    assert wire.says(SERVER, 5201, 1001, 100) == ["lost_segment"]
    assert wire.says(SERVER, 9000, 1001, flags=RST) == []


def test_keep_alive_and_its_answer() -> None:
    wire = Wire()
    wire.says(CLIENT, 1001, 5001, 10)
    wire.says(SERVER, 5001, 1011)
    assert wire.says(CLIENT, 1010, 5001, after_ms=7_000) == ["keep_alive"]
    assert wire.says(SERVER, 5001, 1011) == ["keep_alive_ack"]
    assert wire.says(CLIENT, 1010, 5001, 1, after_ms=7_000) == ["keep_alive"]


def test_window_update_and_duplicate_ack_differ_by_the_window_alone() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    wire.says(CLIENT, 1001, 5101, window=400)
    assert wire.says(CLIENT, 1001, 5101, window=450) == ["window_update"]
    assert wire.says(CLIENT, 1001, 5101, window=450) == ["duplicate_ack"]
    assert wire.detail.duplicate_number == 1
    assert wire.says(CLIENT, 1001, 5101, window=450) == ["duplicate_ack"]
    assert wire.detail.duplicate_number == 2


@pytest.mark.parametrize(("scale", "window", "length"), [(None, 100, 100), (2, 100, 400)])
def test_window_full_reaches_the_scaled_edge(scale: int | None, window: int, length: int) -> None:
    wire = Wire(scale=scale)
    wire.says(CLIENT, 1001, 5001, window=window, after_ms=5)
    assert wire.says(SERVER, 5001, 1001, length - 1) == []
    assert wire.says(SERVER, 5000 + length, 1001, 1) == ["window_full"]


def test_window_full_is_not_claimed_without_the_handshake() -> None:
    wire = Wire(established=False)
    wire.says(CLIENT, 1001, 5001, window=100)
    assert wire.says(SERVER, 5001, 1001, 100) == []


def test_ack_of_bytes_never_seen_is_said_once() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    assert wire.says(CLIENT, 1001, 5301) == ["ack_lost_segment"]
    assert wire.says(CLIENT, 1001, 5401) == []


def test_fast_retransmission_follows_two_duplicates_at_once() -> None:
    def resend(after_ms: float) -> list[str]:
        wire = Wire()
        for index in range(4):
            wire.says(SERVER, 5001 + 100 * index, 1001, 100, after_ms=5)
        for _duplicate in range(3):
            wire.says(CLIENT, 1001, 5001)
        return wire.says(SERVER, 5001, 1001, 100, after_ms=after_ms)

    assert resend(5) == ["fast_retransmission", "retransmission"]
    assert resend(25) == ["retransmission"]


def test_out_of_order_is_sooner_than_a_round_trip() -> None:
    def late(after_ms: float) -> list[str]:
        wire = Wire()
        wire.says(SERVER, 5101, 1001, 100)
        return wire.says(SERVER, 5001, 1001, 100, after_ms=after_ms)

    assert late(19) == ["out_of_order"]
    assert late(21) == ["retransmission"]


def test_a_resent_last_segment_is_never_out_of_order() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    assert wire.says(SERVER, 5001, 1001, 100, after_ms=1) == ["retransmission"]


def test_retransmission_measures_from_the_oldest_unacknowledged_segment() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    first = wire.frame
    wire.says(SERVER, 5101, 1001, 100, after_ms=5)
    assert wire.says(SERVER, 5001, 1001, 100, after_ms=200) == ["retransmission"]
    assert (wire.detail.rto_frame, wire.detail.rto_ns) == (first, 205 * MS)


def test_spurious_retransmission_was_acknowledged_before() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    wire.says(CLIENT, 1001, 5101)
    assert wire.says(SERVER, 5001, 1001, 100, after_ms=300) == ["spurious_retransmission", "retransmission"]


def test_bytes_in_flight_and_round_trips() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    assert wire.detail.bytes_in_flight == 100
    wire.says(SERVER, 5101, 1001, 100)
    second = wire.frame
    assert wire.detail.bytes_in_flight == 200
    wire.says(CLIENT, 1001, 5201, after_ms=12)
    assert (wire.detail.acked_frame, wire.detail.ack_rtt_ns) == (second, 12 * MS)
    wire.says(SERVER, 5201, 1001, 50)
    assert wire.detail.bytes_in_flight == 50


def test_a_partial_ack_trims_what_is_in_flight() -> None:
    wire = Wire()
    wire.says(SERVER, 5001, 1001, 100)
    wire.says(CLIENT, 1001, 5041)
    assert wire.detail.acked_frame == -1
    wire.says(SERVER, 5101, 1001, 100)
    assert wire.detail.bytes_in_flight == 160


def test_a_stream_that_wraps_is_followed() -> None:
    wire = Wire(established=False)
    top = 0xFFFFFF00
    wire.says(CLIENT, 77, top)
    assert wire.says(SERVER, top, 77, 1000) == []
    assert wire.says(SERVER, (top + 1000) & 0xFFFFFFFF, 77, 1000) == []
    assert wire.says(CLIENT, 77, (top + 2000) & 0xFFFFFFFF) == []
    assert wire.says(SERVER, top, 77, 1000, after_ms=500) == ["spurious_retransmission", "retransmission"]


def test_scaling_holds_only_where_both_offered_it() -> None:
    hand, fwd, rev = Handshake(), TcpSide(), TcpSide()
    fwd.scale = 7
    analyse(hand, fwd, rev, 1, 0, SYN, 10, 0, 100, 0)
    settle_scaling(fwd, rev, SYN)
    settle_scaling(rev, fwd, SYN | ACK)  # the answer carries no such option
    assert (fwd.scale, rev.scale) == (-2, -2)
