"""Whatever the events, in whatever order: nothing raises, nothing is lost, findings stay in order."""
from __future__ import annotations

from functools import cache
from pathlib import Path

from dns_wire import message
from hypothesis import given
from hypothesis import strategies as st
from told_accounts import (
    MS,
    SECOND,
    account,
    analysis,
    answered,
    conversation,
    data,
    download,
    half_open,
    icmp_error,
    keep_alive,
    limits,
    lookup,
    lost,
    midstream,
    not_ended,
    refused,
    reset,
    turns,
    unanswered,
    zero_window,
)

from analyzer.explain.findings import findings
from analyzer.explain.rule import MAX_FRAMES
from analyzer.explain.rules import CODES
from analyzer.model import SEVERITIES
from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import DissectorFault, Event, Evidence, LimitReached, Malformed, Observed
from dissectors.protocols.tcp.events_loss import FastRetransmit, SpuriousRetransmission, TailLossProbe, Timeout

SAMPLES = Path(__file__).parents[3] / "samples"


@cache
def pool() -> tuple[Event, ...]:
    """Events of every kind: made by hand, and of recorded connections and lookups."""
    made: list[Event] = [
        *download().events, refused(), unanswered(), half_open(), midstream(), turns(), zero_window(), keep_alive(),
        limits("congestion"), icmp_error(), icmp_error(3, 4, 1400), reset(), reset("gave up"), not_ended("idle"),
        not_ended(unanswered=4), *answered().events, *lookup((0, 0, message(7)), close=SECOND).events,
        *[lost(kind) for kind in (FastRetransmit, Timeout, TailLossProbe, SpuriousRetransmission)],
        data(0, 0, 0, 0, 0), Malformed(Observed(5, 0, Evidence(())), "dns", 0, "bad"),
        LimitReached(Observed(6, 2, Evidence((1,))), "tcp", "MAX", 1),
        DissectorFault(Observed(7, 1, Evidence((2,))), "dns", "fault"),
    ]
    for case in ("tcp/zero-window", "tcp/simultaneous-open", "tcp/loss-random", "dns/resolution-from-root"):
        for told in analyze([str(SAMPLES / case / "capture.pcapng")], Options()).told:
            made += [event for phase in told.phases for event in phase.events]
    return tuple(made)


@given(st.data())
def test_any_events_in_any_order(chosen: st.DataObject) -> None:
    events = pool()
    accounts = []
    for number in range(1, chosen.draw(st.integers(1, 4)) + 1):
        transport = chosen.draw(st.sampled_from(("tcp", "udp", "icmp", "ip-99")))
        places = chosen.draw(st.lists(st.integers(0, len(events) - 1), max_size=12))
        of = conversation(number, transport, chosen.draw(st.integers(0, 3)) * MS, SECOND)
        if chosen.draw(st.booleans()):
            of.tcp = None
        made = account(of=of)
        made.events = [events[place] for place in places]
        accounts.append(made)
    whole = analysis(*accounts)
    assert [told.conversation for told in whole.told] == [made.conversation for made in accounts]
    for told, made in zip(whole.told, accounts, strict=True):
        shown = [id(event) for phase in told.phases for event in phase.events]
        assert sorted(shown) == sorted(id(event) for event in made.events)
        for phase in told.phases:
            assert phase.title
            assert phase.start_ns <= phase.end_ns
            assert [event.time for event in phase.events] == sorted(event.time for event in phase.events)
    assert all(row.text and row.start_ns <= row.end_ns for row in whole.story)
    found = findings(whole)
    order = [SEVERITIES.index(finding.severity) for finding in found]
    assert order == sorted(order, reverse=True)
    for finding in found:
        assert finding.code in CODES
        assert len(finding.frames) <= MAX_FRAMES
        assert finding.sentence.endswith((".", ")."))
        assert finding.basis
