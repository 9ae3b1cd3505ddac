"""What is read of a conversation that the capture joins in the middle may be no message at all."""
from __future__ import annotations

import pytest
from told_accounts import MS, account, analysis, answered, data

from analyzer.explain.findings import findings
from analyzer.faults import Faults
from dissectors.kit.event import Event, Evidence, Malformed, Observed
from dissectors.protocols.http1.events import HttpSkipped
from dissectors.protocols.http1.reader import Http1Half


def bad(protocol: str = "http") -> Malformed:
    return Malformed(Observed(500 * MS, 0, Evidence((4,))), protocol, 12, "a line that begins nothing")


def skipped() -> HttpSkipped:
    half = Http1Half(0, in_step=False)
    half.now, half.frame, half.skipped = MS, 2, 9
    return HttpSkipped(half, 0, found=False)


@pytest.mark.parametrize(
    ("events", "late", "severity", "confidence"),
    [
        ([data(), bad()], False, "warn", "certain"),
        ([data(), bad()], True, "note", "possible"),
        ([*answered().events, bad("dns")], True, "warn", "certain"),
        ([*answered().events, bad("http")], True, "note", "possible"),
        ([skipped(), bad()], True, "note", "possible"),
    ],
    ids=["from the beginning", "late", "after a message", "after one of another protocol", "out of step"],
)
def test_a_violation_is_certain_only_where_messages_were_in_step(
    events: list[Event], late: bool, severity: str, confidence: str
) -> None:
    made = account(*events)
    if late:
        made.observed.began_before(0, 1)
    whole = analysis(made)
    found, = [one for one in findings(whole, Faults()) if one.code == "malformed"]
    assert (found.severity, found.confidence) == (severity, confidence)
    assert ("what was read begins in the middle" in found.basis) == (severity == "note")
