"""Findings: every rule is met by a case and missed by another; what they say, how sure, and in which order."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from dns_wire import message
from rule_cases import CASES, MANY_LOSSES, bare, broken, capture, dns, response, tcp, tuned
from told_accounts import (
    KB,
    MS,
    SECOND,
    account,
    analysis,
    answered,
    conversation,
    data,
    half_open,
    icmp_error,
    keep_alive,
    limits,
    lookup,
    lost,
    midstream,
    not_ended,
    opened,
    refused,
    repair,
    reset,
    syn,
    syn_ack,
    unanswered,
    zero_window,
)

from analyzer.explain.alike import MAX_OF_A_CODE
from analyzer.explain.ending import ENDING_CAPTURE_RULES, ENDING_RULES
from analyzer.explain.findings import findings
from analyzer.explain.icmp import ICMP_RULES
from analyzer.explain.link import LINK_RULES
from analyzer.explain.losses import LOSS_RULES
from analyzer.explain.names import DNS_CAPTURE_RULES, DNS_RULES
from analyzer.explain.opening import OPENING_RULES
from analyzer.explain.pace import PACE_RULES
from analyzer.explain.quality import QUALITY_CAPTURE_RULES, QUALITY_RULES
from analyzer.explain.rule import CONFIDENCE, MAX_FRAMES
from analyzer.explain.rules import CODES
from analyzer.model import SEVERITIES, Analysis, CaptureSummary, Finding
from dissectors.kit.event import Evidence, Observed
from dissectors.protocols.icmp import EchoUnanswered
from dissectors.protocols.tcp.events_loss import FastRetransmit

SAMPLES = Path(__file__).parents[3] / "samples"
# The rules of protocols above TCP have tests of their own beside this one.
RULES = (
    *OPENING_RULES, *LOSS_RULES, *PACE_RULES, *ENDING_RULES, *DNS_RULES, *ICMP_RULES, *QUALITY_RULES,
    *QUALITY_CAPTURE_RULES, *LINK_RULES, *ENDING_CAPTURE_RULES, *DNS_CAPTURE_RULES,
)
OWN = [rule.code for rule in RULES]


def of_code(made: Analysis, code: str) -> list[Finding]:
    return [finding for finding in findings(made) if finding.code == code]


def only(made: Analysis, code: str) -> Finding:
    finding, = of_code(made, code)
    return finding


def test_every_rule_has_its_cases() -> None:
    assert sorted(CASES) == sorted(OWN)
    assert len(set(CODES)) == len(CODES)


@pytest.mark.parametrize("code", OWN)
def test_a_rule_is_met(code: str) -> None:
    finding = only(CASES[code][0](), code)
    assert finding.severity in SEVERITIES
    assert finding.confidence in CONFIDENCE
    assert finding.sentence.endswith(".")
    assert finding.basis
    assert finding.next_step
    assert finding.refute
    assert finding.frames or finding.code in ("capture.damage", "capture.dropped", "capture.truncated")


@pytest.mark.parametrize("code", OWN)
def test_a_rule_is_missed(code: str) -> None:
    assert of_code(CASES[code][1](), code) == []


@pytest.mark.parametrize(("made", "code", "sentence"), [
    (bare(syn(), refused()), "tcp.refused",
     "10.0.0.2:443 refused the connection: a RST answered the SYN after 24.0 ms."),
    (bare(syn(), unanswered()), "tcp.unanswered",
     "10.0.0.2:443 did not answer 3 SYNs within the 8.00 s that the capture goes on."),
    (bare(syn(), syn_ack(), half_open()), "tcp.half_open",
     "10.0.0.1:51034 never completed the handshake: 3 SYN-ACKs without an acknowledgment in 5.00 s."),
    (tcp(data(), lost(FastRetransmit)), "tcp.loss",
     "The server had to resend 1 segment (1460 bytes, 0.12 % of its data) in 1 episode; the repair took 25.0 ms."),
    (tcp(data(), lost(FastRetransmit, repair(octets=0))), "tcp.loss",
     "The server had to resend its FIN in 1 episode; the repair took 25.0 ms."),
    (MANY_LOSSES, "tcp.loss",
     "The server had to resend 41 segments (61.5 kB, 5.1 % of its data) in 10 episodes; the repair took 725 ms in "
     "all."),
    (broken(1, 1, 1460), "tcp.timeout",
     "The server waited for its retransmission timer once and resent 1 segment: 2.30 s passed without progress."),
    (tcp(data(), zero_window()), "tcp.zero_window",
     "The client had no room for more data for 2.00 s, and the server had to probe twice."),
    (tcp(data(), limits()), "tcp.window_limited",
     "The window of the client held the server back for 71 % of the sending time: at most 64.0 kB in each round trip "
     "of 24.0 ms allow about 21.3 Mbit/s."),
    (tcp(data(0, 25 * MS, 99, 1, 0), data(), reset("unread data", "it did not read", 0, 700)), "tcp.unread_data",
     "The client (10.0.0.1:51034) reset the connection after it had sent 99 bytes and received 1.20 MB: it looks as if "
     "it did not read; 700 bytes sent by the server had not been acknowledged."),
    (tcp(icmp_error(3, 1)), "icmp.error",
     "10.0.0.254 reports about packets to 10.0.0.2:443: the host cannot be reached."),
    (tcp(icmp_error(3, 13)), "icmp.prohibited",
     "A filter rejects packets to 10.0.0.2:443, once: 10.0.0.254 answers so, on the way there (ICMP). It says: a "
     "filter forbids it."),
    (tcp(icmp_error()), "icmp.prohibited",
     "A filter rejects packets to 10.0.0.2:443, once: 10.0.0.254 answers so, on the way there (ICMP). It calls the "
     "port unreachable; a host whose port is closed answers TCP with a RST."),
    (tcp(icmp_error(3, 4, 1400), icmp_error(3, 4, 1400)), "icmp.too_big",
     "10.0.0.254 dropped 2 packets that were too large: the next link carries at most 1400 bytes."),
    (response((0, 0, message(7)), close=5 * SECOND), "dns.unanswered",
     "10.0.0.53 did not answer the question for shop.test A."),
    (dns(answered(), answered(2, 9 * SECOND, port=40113)), "dns.repeated",
     "10.0.0.1 asked for shop.test A once more although the answer it had was good for another 291 s."),
])
def test_a_sentence_has_the_numbers_of_the_capture(made: object, code: str, sentence: str) -> None:
    assert callable(made)
    assert only(made(), code).sentence == sentence


@pytest.mark.parametrize(("made", "code", "severity"), [
    (bare(syn(), unanswered(1, 0, 100 * MS)), "tcp.unanswered", "note"),
    (bare(syn(), unanswered(1, 0, 3 * SECOND)), "tcp.unanswered", "error"),
    (bare(syn(), half_open(1, 100 * MS)), "tcp.half_open", "note"),
    (tcp(data(octets=100 * KB), lost(FastRetransmit, repair(2, 2920))), "tcp.loss", "note"),
    (tcp(data(octets=100 * KB), lost(FastRetransmit, repair(3, 4380))), "tcp.loss", "warn"),
    (tcp(data(octets=100 * KB), *[lost(FastRetransmit, repair(5, 7300), time=n * MS) for n in (1, 2, 3)]),
     "tcp.loss", "error"),
    (tcp(data(octets=100 * KB), lost(FastRetransmit, repair(20, 29 * KB))), "tcp.loss", "warn"),
    (tcp(data(), icmp_error(3, 4, 1400), lost(FastRetransmit, repair(90, 900 * KB))), "tcp.loss", "note"),
    (tcp(data(), zero_window(5 * MS)), "tcp.zero_window", "note"),
    (tcp(data(), zero_window(SECOND, "end")), "tcp.zero_window", "error"),
    (tcp(data(), limits("receiver", 30)), "tcp.window_limited", "note"),
    (tcp(data(), limits("receiver", 90)), "tcp.window_limited", "warn"),
    (tcp(reset("after own FIN")), "tcp.reset", "chat"),
    (tcp(reset("late data")), "tcp.reset", "note"),
    (tcp(not_ended(unanswered=1)), "tcp.data_unanswered", "note"),
    (dns(answered(took=2 * SECOND)), "dns.slow", "warn"),
    (dns(answered(took=300 * MS)), "dns.slow", "note"),
    (dns(lookup((0, 0, message(7)), server="224.0.0.252", close=5 * SECOND)), "dns.unanswered", "chat"),
    (dns(lookup((60 * SECOND - MS, 0, message(7)), close=60 * SECOND)), "dns.unanswered", "note"),
    (bare(EchoUnanswered(Observed(60 * SECOND - MS, 0, Evidence((9,))), 1), of=conversation(transport="icmp")),
     "icmp.echo_unanswered", "note"),
])
def test_how_much_it_matters(made: object, code: str, severity: str) -> None:
    assert callable(made)
    assert only(made(), code).severity == severity


def test_the_worst_and_the_dearest_come_first() -> None:
    made = analysis(
        account(midstream(), of=conversation(1)),
        account(*opened(), zero_window(SECOND), of=conversation(2)),
        account(*opened(), zero_window(9 * SECOND), of=conversation(3)),
        account(syn(), refused(), of=conversation(4, port=1)),
    )
    found = [(finding.code, finding.conversation) for finding in findings(made) if finding.code != "tcp.port_reuse"]
    assert found == [("tcp.refused", 4), ("tcp.zero_window", 3), ("tcp.zero_window", 2), ("tcp.midstream", 1)]


def test_many_of_a_code_are_one_finding() -> None:
    def refused_by(count: int) -> Analysis:
        return analysis(*[
            account(syn(), refused(), of=conversation(number, port=number)) for number in range(1, count + 1)
        ])

    few = of_code(refused_by(MAX_OF_A_CODE), "tcp.refused")
    assert [one.conversation for one in few] == [1, 2, 3, 4, 5]
    count = MAX_OF_A_CODE + 4
    finding = only(refused_by(count), "tcp.refused")
    assert finding.conversation == 0
    assert finding.severity == few[0].severity
    assert finding.sentence == (
        f"In {count} conversations, with 10.0.0.2:443, from 10.0.0.1 (conversations 1, 2, 3 … {count}), as in "
        f"conversation 1: {few[0].sentence}"
    )
    assert finding.examples == (1, 2, 3)
    assert set(finding.frames) >= set(few[0].frames)


def test_the_worst_speaks_for_all_and_each_severity_for_itself() -> None:
    waits = [1, 9, 2, 3, 4, 5, 6]
    made = analysis(*[
        account(*opened(), zero_window(wait * SECOND), of=conversation(number))
        for number, wait in enumerate(waits, 1)
    ])
    finding = only(made, "tcp.zero_window")
    assert "as in conversation 2: " in finding.sentence
    assert finding.examples == (2, 7, 6)
    assert "ip.addr == 10.0.0.2 && tcp.port == 443" in finding.display_filter


def test_many_of_one_conversation_name_it() -> None:
    made = analysis(*[account(*opened(), zero_window(SECOND), of=conversation(1)) for _one in range(7)])
    finding = only(made, "tcp.zero_window")
    assert finding.conversation == 1
    assert finding.sentence.startswith("7 times, as at #")
    assert finding.display_filter.startswith("(ip.addr == ")


def test_remarks_are_told_once() -> None:
    made = analysis(*[account(midstream(), of=conversation(number, port=number)) for number in (1, 2)])
    assert only(made, "tcp.midstream").sentence.startswith("In 2 conversations, with 10.0.0.2:443, from 10.0.0.1")
    ends = analysis(
        *[account(*opened(), reset(cause), of=conversation(number, port=number))
          for number, cause in enumerate(("after own FIN", "aborted", "instead of FIN"), 1)]
    )
    found = of_code(ends, "tcp.reset")
    assert [finding.severity for finding in found] == ["warn", "chat"]
    assert found[-1].examples == (1, 3)


def test_frames_are_bounded() -> None:
    many = [lost(FastRetransmit, time=step * MS) for step in range(40)]
    for step, event in enumerate(many):
        event.evidence = Evidence((100 + step,))
    assert only(tcp(data(), *many)(), "tcp.loss").frames == tuple(range(100, 100 + MAX_FRAMES))


def test_a_capture_that_missed_frames_proves_less() -> None:
    summary = CaptureSummary(["made.pcap"])
    summary.dropped = 5
    dropped = only(analysis(lookup((0, 0, message(7)), close=SECOND), capture=summary), "dns.unanswered")
    assert dropped.confidence == "possible"
    assert dropped.basis.endswith("; but the capturing system lost frames")


def test_what_was_seen_is_as_certain_as_before() -> None:
    summary = CaptureSummary(["made.pcap"])
    summary.dropped = 5
    assert only(analysis(account(syn(), refused()), capture=summary), "tcp.refused").confidence == "certain"


def test_one_cause_is_told_once() -> None:
    gone = tcp(keep_alive(), reset("gave up", "the client gave up", 0))()
    assert [finding.code for finding in findings(gone)] == ["tcp.gave_up"]
    both = bare(
        syn(), syn_ack(), syn(SECOND, 2, SECOND, 3), syn_ack(SECOND + MS, 2, SECOND, 4), *opened()[2:],
        of=tuned(initial_rtt_ns=-1),
    )()
    assert only(both, "tcp.syn_resent").sentence == (
        "The SYN was sent twice and the SYN-ACK was sent twice before the connection was open; 1.00 s passed between "
        "the first and the last."
    )


def test_a_filter_shows_the_conversation() -> None:
    finding = only(tcp(data(), zero_window())(), "tcp.zero_window")
    assert finding.display_filter == (
        "(ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2 && tcp.port == 51034 && tcp.port == 443 && "
        "(tcp.analysis.zero_window || tcp.analysis.zero_window_probe || tcp.analysis.window_update)) || "
        "frame.number in {50..51, 60}"
    )
    assert only(capture(truncated_frames=2)(), "capture.truncated").display_filter == "frame.cap_len < frame.len"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_takes_every_filter() -> None:
    filters = {finding.display_filter for made, _missed in CASES.values() for finding in findings(made())} - {""}
    filters |= {rule.narrow for rule in RULES}
    whole = " || ".join(f"({text})" for text in sorted(filters - {""}))
    sample = str(SAMPLES / "tcp" / "clean" / "capture.pcapng")
    run = subprocess.run(["tshark", "-n", "-r", sample, "-Y", whole], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
