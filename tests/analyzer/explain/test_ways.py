"""A traceroute is one by the hop limits that were seen, and by no other sign."""
from __future__ import annotations

from analyzer.explain.ways import traced, traceroute
from analyzer.model import Analysis, CaptureSummary, Conversation, Endpoint, Phase, Told
from dissectors.kit.event import Evidence, Observed
from dissectors.kit.marks import Marks
from dissectors.kit.observation import Observation
from dissectors.protocols.icmp import IcmpError

MS = 1_000_000


def told(number: int, sender: str, hop: int, kind: int = 11) -> Told:
    conversation = Conversation(number, "udp", Endpoint("10.0.0.1", 40_000), Endpoint("10.0.9.9", 33_434 + number))
    conversation.frames, conversation.start_ns, conversation.end_ns = [1, 0], number * MS, number * MS
    message = bytes((kind, 0 if kind == 11 else 3)) + bytes(6)
    error = IcmpError(Observed(number * MS + 5 * MS, 1, Evidence((number + 10,))), 4, message, sender)
    error.hop, error.after_ns = hop, 5 * MS
    phase = Phase("transfer", "Datagrams", 0, 1)
    phase.events = [error]
    return Told(conversation, [phase], Marks(), Observation())


def of(*each: Told) -> Analysis:
    analysis = Analysis(CaptureSummary(["made.pcap"]))
    analysis.told = list(each)
    analysis.conversations = [one.conversation for one in each]
    return analysis


def test_each_hop_is_told_with_its_time_and_a_silent_one_as_such() -> None:
    analysis = of(told(1, "10.0.0.254", 1), told(2, "10.0.2.1", 3), told(3, "10.0.9.9", 4, 3))
    sentence = traceroute(analysis)[0].sentence
    assert sentence == (
        "10.0.0.1 traces the way to 10.0.9.9 with datagrams, which is reached after 4 hops: 1 10.0.0.254 (5.00 ms), "
        "2 no report, 3 10.0.2.1 (5.00 ms), 4 10.0.9.9 (5.00 ms)."
    )
    assert traced(analysis) == {1, 2, 3}


def test_one_small_hop_limit_or_ordinary_ones_are_no_trace() -> None:
    assert traceroute(of(told(1, "10.0.0.254", 1), told(2, "10.0.0.254", 1))) == []
    assert traceroute(of(told(1, "10.0.0.254", 0), told(2, "10.0.2.1", 0))) == []
    assert traceroute(of(told(1, "10.0.9.9", 3, 3), told(2, "10.0.9.9", 4, 3))) == []     # no router has reported
