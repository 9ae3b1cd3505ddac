"""A client that takes its time, and what only looks like one."""
from __future__ import annotations

from pathlib import Path

from analyzer.explain.http_client import pauses
from analyzer.model import Analysis, Conversation, Endpoint
from analyzer.pipeline.run import Options, analyze

SAMPLES = Path(__file__).parents[3] / "samples"


def told(sample: str) -> Analysis:
    return analyze([str(SAMPLES / sample / "capture.pcapng")], Options())


def beside(analysis: Analysis, client: str) -> Conversation:
    """Another conversation of this client, all the time."""
    own = analysis.told[0].conversation
    other = Conversation(99, "tcp", Endpoint(client, 1), Endpoint("10.9.9.9", 2))
    other.start_ns, other.end_ns = own.start_ns, own.end_ns
    return other


def test_pauses_of_the_same_length_are_the_client_s_own() -> None:
    analysis = told("http1/client-pauses")
    (found,) = pauses(analysis)
    assert "between an answer and its next request, 9 times" in found.sentence
    assert found.cost_ns < analysis.told[0].conversation.end_ns - analysis.told[0].conversation.start_ns


def test_a_client_that_may_wait_for_something_else_is_left_alone() -> None:
    analysis = told("http1/client-pauses")
    client = analysis.told[0].conversation.originator.address
    analysis.conversations.append(beside(analysis, "10.7.7.7"))
    assert len(pauses(analysis)) == 1
    analysis.conversations.append(beside(analysis, client))
    assert pauses(analysis) == []


def test_who_reads_or_asks_for_the_same_or_asks_at_once_is_none() -> None:
    for sample in ("everyday/reading", "http1/polling", "http1/keep-alive", "everyday/ranges"):
        assert pauses(told(sample)) == [], sample


def test_it_is_not_said_where_other_conversations_of_the_client_may_be_out_of_sight() -> None:
    analysis = told("http1/client-pauses")
    capture = analysis.capture
    capture.conversations += 1              # of a large capture, which is told in part
    assert pauses(analysis) == []
    capture.conversations -= 1
    capture.beside = 1                      # that a filter leaves out
    assert pauses(analysis) == []
    capture.beside, capture.narrowed = 0, ["Read was only a part of it."]
    assert pauses(analysis) == []
    capture.narrowed = []
    assert len(pauses(analysis)) == 1
