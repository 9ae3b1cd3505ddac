"""Events into phases: titles, order, facts, and that nothing is left behind."""
from __future__ import annotations

from typing import ClassVar

import pytest
from dns_wire import message
from told_accounts import (
    KB,
    MS,
    SECOND,
    account,
    analysis,
    answered,
    conversation,
    data,
    download,
    fins,
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
    turns,
    unanswered,
    zero_window,
)

from analyzer.model import Account, Phase
from dissectors.kit.event import Event, Evidence, Malformed, Observed
from dissectors.protocols.icmp import Echo, EchoUnanswered
from dissectors.protocols.tcp.events_loss import FastRetransmit


def phases(made: Account) -> list[Phase]:
    return analysis(made).told[0].phases


def titles(made: Account) -> list[str]:
    return [phase.title for phase in phases(made)]


class Exchange(Event):
    """Of a protocol that nothing here has heard of."""

    name: ClassVar[str] = "gopher.menu"
    phase: ClassVar[str] = "menu"

    def label(self) -> str:
        return "menu /"

    def what(self) -> str:
        return "The client asks for a menu."


class Hello(Exchange):
    name: ClassVar[str] = "dns.hello"
    phase: ClassVar[str] = "dns hello"


def of_gopher(time: int, kind: type[Exchange] = Exchange) -> Exchange:
    return kind(time, 0, Evidence((7,)))


def test_a_download_has_three_phases_with_their_facts() -> None:
    handshake, transfer, teardown = phases(download())
    assert (handshake.title, handshake.facts) == ("Three-way handshake", ["one round trip"])
    assert handshake.end_ns - handshake.start_ns == 24 * MS + 200_000
    assert transfer.title == "Data transfer"
    assert transfer.facts == [
        "1.20 MB ← at 16.0 Mbit/s", "517 bytes →", "limited by the receiver's window for 71 % of the time ←"
    ]
    assert (transfer.start_ns, transfer.end_ns) == (25 * MS, 650 * MS)
    assert teardown.facts == [
        "both sides finished in order (FIN, ACK, FIN, ACK)", "the client has to keep TIME_WAIT"
    ]


@pytest.mark.parametrize(("made", "title", "fact"), [
    ([syn(), refused()], "Connection refused", "RST after 24.0 ms"),
    ([syn(), syn(SECOND, 2, SECOND), unanswered()], "No answer to the SYN", "2 SYNs, sent again after 1.00 s"),
    ([syn(), half_open()], "Half open", "the handshake was never completed"),
    ([midstream()], "Already open", "what was read holds no SYN"),
])
def test_how_a_connection_begins(made: list[Event], title: str, fact: str) -> None:
    only, = phases(account(*made))
    assert only.title == title
    assert fact in only.facts


@pytest.mark.parametrize(("made", "title", "fact"), [
    (reset(), "Reset", "by the server (aborted)"),
    (not_ended(), "No end seen", "the capture ends first"),
    (not_ended("idle"), "No end seen", "silent for 3.00 s"),
])
def test_how_a_connection_ends(made: Event, title: str, fact: str) -> None:
    last = phases(account(*opened(), data(), made))[-1]
    assert last.title == title
    assert fact in last.facts


def test_the_facts_of_a_troubled_transfer() -> None:
    facts = phases(account(
        *opened(), data(), lost(FastRetransmit, repair(2, 2920)), zero_window(), keep_alive(), limits("congestion", 40)
    ))[1].facts
    assert "limited by losses and their repair for 40 % of the time ←" in facts
    assert "2 segments resent ←" in facts
    assert "window of the client closed for 2.00 s" in facts
    assert "3 keep-alives" in facts


def test_a_cause_that_is_not_known_or_small_is_no_headline() -> None:
    facts = phases(account(*opened(), data(), limits("receiver", 12)))[1].facts
    assert not [fact for fact in facts if "limited" in fact]


def test_waiting_for_answers_is_told_where_it_weighs() -> None:
    slow = [data(0, 25 * MS, 100, 1, 0), data(1, 325 * MS, 100, 1, 0, after=300 * MS)]
    assert "300 ms until the first bytes of the server came" in phases(account(*opened(), *slow))[1].facts
    fast = [data(0, 25 * MS, 100, 1, 0), data(1, 26 * MS, 1_000 * KB, 700, 900 * MS, after=MS)]
    assert not [fact for fact in phases(account(*opened(), *fast))[1].facts if "until" in fact]


def test_turns_told_as_a_sum_are_counted() -> None:
    facts = phases(account(*opened(), data(octets=10 * KB, segments=7), turns()))[1].facts
    assert facts[:2] == ["100 kB ←", "4000 bytes →"]


def test_what_was_only_counted_is_taken_from_the_counts() -> None:
    made = account(*opened(), data(octets=10 * KB))
    made.left_out = ["9 000 frames after #90 are counted but not told one by one"]
    transfer = phases(made)[1]
    assert transfer.facts[0].startswith("18.0 kB ←")
    assert transfer.left_out == made.left_out


def test_frames_that_no_event_cites_are_said() -> None:
    transfer = phases(download())[1]
    assert transfer.left_out == ["21 frames of data in order or plain ACKs not shown one by one"]


def test_a_connection_that_only_keeps_alive() -> None:
    assert titles(account(midstream(), keep_alive())) == ["Already open", "Keep-alive"]


def test_a_new_protocol_needs_nothing_here() -> None:
    made = account(*opened(), data(0, 25 * MS, 9, 1, 0), of_gopher(26 * MS), of_gopher(27 * MS, Hello), *fins())
    assert titles(made) == ["Three-way handshake", "GOPHER menu", "DNS hello", "Data transfer", "Teardown"]
    story = analysis(made).story
    assert [(row.label, row.text) for row in story][1:] == [("GOPHER", "menu /"), ("DNS", "menu /")]


def test_interleaved_data_stays_one_phase() -> None:
    events = [event for step in range(10) for event in (
        of_gopher((30 + step) * MS), data(step % 2, (30 + step) * MS, 9, 1, 0)
    )]
    assert titles(account(*opened(), *events)) == ["Three-way handshake", "GOPHER menu", "Data transfer"]


def test_protocols_that_alternate_are_told_once_each() -> None:
    few = [of_gopher(step * MS, Hello if step % 2 else Exchange) for step in range(3)]
    assert len(phases(account(*few))) == 3
    many = [of_gopher(step * MS, Hello if step % 2 else Exchange) for step in range(60)]
    found = phases(account(*many))
    assert [phase.title for phase in found] == ["GOPHER menu", "DNS hello"]
    assert sum(len(phase.events) for phase in found) == 60


def test_events_without_a_phase_go_where_they_happened() -> None:
    broken = Malformed(Observed(26 * MS, 0, Evidence((5,))), "gopher", 3, "no tab")
    menu = phases(account(of_gopher(25 * MS), broken, data(0, 27 * MS, 9, 1, 0)))[0]
    assert menu.events[-1] is broken
    assert "1 malformed message" in menu.facts


def test_an_icmp_error_belongs_to_what_it_disturbs() -> None:
    only, = phases(account(syn(), icmp_error()))
    assert only.events[-1].name == "icmp.error"
    assert only.kind == "handshake"


def test_a_lookup_is_told_in_one_line() -> None:
    only, = phases(answered())
    assert only.title == "DNS lookup"
    assert only.facts == ["shop.test A → 10.0.0.2, valid 300 s", "answered in 12.0 ms"]


def test_a_lookup_that_goes_on_elsewhere_says_so() -> None:
    first = lookup((0, 0, message(7)), close=5 * SECOND)
    made = analysis(first, answered(2, SECOND, port=40113, first_frame=2))
    assert "no answer seen" in made.told[0].phases[0].facts
    assert "part of the lookup of shop.test A in conversation 1" in made.told[1].phases[0].facts


def test_datagrams_of_an_unknown_protocol_are_counted() -> None:
    only, = phases(account(of=conversation(transport="udp")))
    assert only.title == "Datagrams"
    assert only.facts == [
        "10 datagrams → (500 bytes)", "20 datagrams ← (18.0 kB)", "the protocol was not recognised"
    ]


def test_datagrams_that_icmp_complains_about() -> None:
    only, = phases(account(icmp_error(), of=conversation(transport="udp")))
    assert (only.title, only.start_ns, only.end_ns) == ("Datagrams", 0, SECOND)
    within, = phases(account(icmp_error(time=13 * MS), *answered().events, of=answered().conversation))
    assert within.title == "DNS lookup"


def test_echoes_are_counted_and_timed() -> None:
    events = [Echo(Observed(step * SECOND + step * MS, 1, Evidence((step,))), 1, step, step * MS) for step in (1, 2, 3)]
    lonely = EchoUnanswered(Observed(5 * SECOND, 0, Evidence((9,))), 1)
    only, = phases(account(*events, lonely, of=conversation(transport="icmp")))
    assert only.title == "Echo"
    assert only.facts == ["3 of 4 requests answered", "round trip 1.00 ms to 3.00 ms, mean 2.00 ms"]


def test_a_connection_without_events_has_no_phases() -> None:
    assert phases(account()) == []
