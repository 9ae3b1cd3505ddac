"""What is said of repairs: by whom, whether they came, and what was too large; each claim with its ground."""
from __future__ import annotations

from dataclasses import dataclass

from told_accounts import (
    MS,
    SECOND,
    account,
    analysis,
    data,
    icmp_error,
    keep_alive,
    lost,
    observed,
    opened,
    repair,
    reset,
)

from analyzer.explain.findings import findings
from analyzer.model import Analysis, CaptureSummary, Finding
from dissectors.kit.event import Event
from dissectors.kit.observation import ALWAYS, NOT_CAPTURED
from dissectors.protocols.tcp.events_holes import Missing, Unrepaired
from dissectors.protocols.tcp.events_loss import CaptureLoss, FastRetransmit, Loss, Timeout


def made(*events: Event, end: int = 60 * SECOND) -> Analysis:
    summary = CaptureSummary(["made.pcap"])
    summary.end_ns = end
    return analysis(account(*opened(), *events), capture=summary)


def of_code(of: Analysis, code: str) -> list[Finding]:
    return [finding for finding in findings(of) if finding.code == code]


def only(of: Analysis, code: str) -> Finding:
    finding, = of_code(of, code)
    return finding


@dataclass
class Large:
    """Resends of one segment by the timer."""

    size: int = 1460
    passed: int = 120
    rounds: int = 6
    repaired: bool = False

    def event(self) -> Loss:
        worn = repair(self.rounds, self.size * self.rounds, 18 * SECOND, self.repaired)
        worn.duplicates, worn.waited_ns = 0, 300 * MS
        worn.rounds, worn.size, worn.last_size, worn.passed = self.rounds, self.size, self.size, self.passed
        worn.failed = self.rounds
        worn.last_ns = 18 * SECOND
        return lost(Timeout, worn)


def test_what_no_ack_covers_was_not_repaired() -> None:
    sentence = only(made(data(), lost(FastRetransmit, repair(repaired=False))), "tcp.loss").sentence
    assert sentence.endswith("in 1 episode, and no ACK of them is in the capture.")
    assert "took" not in sentence


def test_a_repair_of_no_time_has_none() -> None:
    assert "took" not in only(made(data(), lost(FastRetransmit, repair(lasted=0))), "tcp.loss").sentence


def test_each_wait_for_the_timer_counts() -> None:
    assert "waited for its retransmission timer 6 times" in only(made(data(), Large().event()), "tcp.timeout").sentence


def test_a_timeout_after_duplicate_acks_says_so() -> None:
    asked = repair(lasted=1200 * MS)
    asked.timers, asked.since_sign_ns, asked.silent_ns = 1, 1200 * MS, 1200 * MS
    finding = only(made(data(), lost(Timeout, asked)), "tcp.timeout")
    assert "nothing else explains" not in finding.basis
    assert "no duplicate ACKs came" not in finding.next_step


def test_a_large_segment_that_never_passes() -> None:
    finding = only(made(data(), Large().event()), "tcp.black_hole")
    assert "a segment of 1460 bytes 7 times" in finding.sentence
    assert "those of up to 120 bytes had been acknowledged" in finding.sentence
    assert finding.confidence == "possible"


def test_what_looks_like_a_large_segment_that_never_passes() -> None:
    for other in (Large(size=400), Large(passed=1460), Large(passed=0), Large(rounds=2), Large(repaired=True)):
        assert of_code(made(data(), other.event()), "tcp.black_hole") == []
    assert of_code(made(data(), Large().event(), icmp_error(3, 4, 1400)), "tcp.black_hole") == []


def test_a_sender_that_does_not_heed_the_message_that_its_packets_are_too_large() -> None:
    error = icmp_error(3, 4, 1400)
    error.direction = 0      # against the packets of the server
    finding = only(made(data(), Large().event(), error), "icmp.too_big")
    assert finding.severity == "warn"
    assert "The server still sent segments of 1460 bytes 18.0 s later" in finding.sentence
    heeded = only(made(data(), Large(size=1340).event(), error), "icmp.too_big")
    assert heeded.severity == "note"
    assert "still" not in heeded.sentence
    assert "nothing else explains" not in only(made(data(), Large().event(), error), "tcp.timeout").basis


def hole(watched: int = 5 * SECOND) -> Unrepaired:
    missing = Missing(5001, 1010)
    missing.unseen, missing.beyond, missing.fin, missing.asked = True, 6, True, 7
    missing.duplicates, missing.watched_ns = 1, watched
    return Unrepaired(observed(SECOND, 1, 6, 7), missing)


def test_a_hole_is_a_loss_where_the_capture_went_on_long_enough() -> None:
    finding = only(made(hole()), "tcp.unrepaired")
    assert finding.severity == "warn"
    assert finding.sentence == (
        "1010 bytes of the server never arrived and were not resent: its FIN (#6) begins behind them, and 1 duplicate "
        "ACK of the client (#7) asks for them."
    )


def test_a_hole_at_the_end_of_the_capture_may_still_be_filled() -> None:
    of = made(hole(0), end=SECOND + 9 * MS)
    of.told[0].observed.miss(NOT_CAPTURED, 1, SECOND + 9 * MS, ALWAYS, 9, "the capture ends before it")
    finding = only(of, "tcp.unrepaired")
    assert finding.severity == "note"
    assert "were missing at the end of what was seen" in finding.sentence
    assert finding.basis.endswith("but the capture ends before it")


def test_a_reset_leaves_no_time_for_a_resend() -> None:
    assert only(made(hole(MS), reset()), "tcp.unrepaired").severity == "note"


def test_a_capture_with_holes_makes_the_cause_of_a_resend_less_sure() -> None:
    missed = CaptureLoss(observed(MS, 1, 9), 1460, 1)
    assert only(made(data(), lost(FastRetransmit)), "tcp.loss").confidence == "likely"
    assert only(made(data(), lost(FastRetransmit), missed), "tcp.loss").confidence == "possible"


def test_keep_alives_are_unanswered_only_where_answers_could_be_seen() -> None:
    assert only(made(keep_alive()), "tcp.keep_alive_unanswered").severity == "warn"
    of = made(keep_alive(probes=2), end=900 * MS)
    of.told[0].observed.miss(NOT_CAPTURED, 1, 900 * MS, ALWAYS, 9, "the capture ends before it")
    finding = only(of, "tcp.keep_alive_unanswered")
    assert finding.severity == "note"
    assert "gone" not in finding.sentence
