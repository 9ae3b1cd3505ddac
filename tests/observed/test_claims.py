"""What counts as a claim without support, and how the tables of known ones are kept."""
from __future__ import annotations

from pathlib import Path

import pytest
from claims import CHANGED, FAULT, Told, Wrong, changed, unsupported
from tables import EXCEPTIONS, Settled
from ways import SAME

from analyzer.model import Analysis, CaptureSummary, Conversation, Endpoint, Finding, Phase
from analyzer.model import Told as ToldConversation
from dissectors.kit.event import FORWARD, Event, Evidence

CLIENT, SERVER, OTHER = Endpoint("10.0.0.1", 40_000), Endpoint("10.0.0.2", 80), Endpoint("10.0.0.3", 80)


class Says(Event):
    name = "test.says"

    def __init__(self, text: str) -> None:
        super().__init__(0, FORWARD, Evidence((1,)))
        self.text = text

    def label(self) -> str:
        return "says"

    def what(self) -> str:
        return self.text


def finding(code: str, severity: str = "error", conversation: int = 1, sentence: str = "It is so.") -> Finding:
    return Finding(code, severity, "likely", sentence, conversation, (1,), "", "", "")


def told(
    *findings: Finding, says: tuple[str, ...] = (), turned: bool = False, other: tuple[str, ...] = (),
    troubles: tuple[str, ...] = (),
) -> Told:
    """Of a conversation with SERVER, number 1, and where something is said of it of one with OTHER, number 2.

    troubles: what the survey found in each.
    """
    analysis = Analysis(CaptureSummary([]))
    analysis.findings = list(findings)
    for number, server, texts in ((1, SERVER, says), (2, OTHER, other)):
        phase = Phase("test", "Test", 0, 0)
        phase.events = [Says(text) for text in texts]
        ends = (server, CLIENT) if turned else (CLIENT, server)
        if texts or number == 1:
            one = ToldConversation(Conversation(number, "tcp", *ends), [phase])
            one.troubles = troubles
            analysis.told.append(one)
    return Told(analysis)


def codes(wrong: list[Wrong]) -> list[str]:
    return [each.code for each in wrong]


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_a_severe_finding_of_its_own_is_false(severity: str) -> None:
    assert codes(unsupported(told(), told(finding("tcp.loss", severity)))) == ["tcp.loss"]


def test_one_of_two_of_the_same_code_is_enough() -> None:
    assert codes(unsupported(told(), told(finding("tcp.loss"), finding("tcp.loss", "note")))) == ["tcp.loss"]


def test_what_the_better_observation_claims_too_holds() -> None:
    """Whoever seems to have begun the conversation, and however sure it is."""
    assert unsupported(told(finding("tcp.loss", "note")), told(finding("tcp.loss"), turned=True)) == []


def test_a_claim_about_another_conversation_is_no_support() -> None:
    better = told(finding("tcp.loss", conversation=2), other=("x",))
    assert codes(unsupported(better, told(finding("tcp.loss")))) == ["tcp.loss"]
    assert unsupported(better, told(finding("tcp.loss", conversation=0))) == []


def test_a_claim_about_many_supports_one_about_each_of_them() -> None:
    many = finding("tcp.refused", conversation=0)
    assert unsupported(told(many, troubles=("tcp.refused",)), told(finding("tcp.refused"))) == []
    assert codes(unsupported(told(many), told(finding("tcp.refused")))) == ["tcp.refused"]
    many.members = (1,)
    assert unsupported(told(many), told(finding("tcp.refused"))) == []
    assert codes(unsupported(told(troubles=("tcp.refused",)), told(finding("tcp.refused")))) == ["tcp.refused"]


def test_notes_and_what_is_about_the_observation_are_free() -> None:
    assert unsupported(told(), told(finding("tcp.idle", "note"), finding("tcp.idle", "chat"))) == []
    assert unsupported(told(), told(finding("capture.cut", conversation=0))) == []


def test_a_claim_about_the_whole_capture_needs_support_too() -> None:
    assert codes(unsupported(told(), told(finding("dns.slow", conversation=0)))) == ["dns.slow"]


@pytest.mark.parametrize("way", SAME)
def test_the_same_traffic_is_told_in_the_same_words(way: str) -> None:
    one = told(finding("tcp.idle", "note"), says=("one", "two"))
    assert changed(way, one, told(finding("tcp.idle", "note"), says=("two", "one"))) == []
    assert codes(changed(way, one, told(says=("one", "two")))) == ["tcp.idle"]
    assert codes(changed(way, told(says=("one", "two")), one)) == ["tcp.idle"]
    assert codes(changed(way, one, told(finding("tcp.idle", "note"), says=("one",)))) == ["event:test.says"]
    assert len(changed(way, one, told(finding("tcp.idle", "note"), says=("one", "2")))) == 2
    assert len(changed(way, told(says=("one",)), told(says=("one", "one")))) == 1


def test_another_capture_may_add_what_is_its_own() -> None:
    better, worse = told(says=("one",)), told(finding("tcp.loss", conversation=2), says=("one",), other=("more",))
    assert changed("merged", better, worse) == []
    assert codes(changed("tagged", better, worse)) == ["tcp.loss", "event:test.says"]


def test_each_way_frees_only_what_it_changes() -> None:
    free = {
        "merged": "It stays open until the capture ends.", "tagged": "It was seen in VLAN 7.",
        "shifted": "It ended 3 days 4 h before.",
    }
    assert set(free) == set(SAME) == set(CHANGED)
    changed_by = {
        way: [its for its, text in free.items() if changed(way, told(says=(text,)), told(says=(text + " 5 days",)))]
        for way in SAME
    }
    assert changed_by == {way: [its for its in free if its != way] for way in ("merged", "tagged")} | {
        "shifted": list(free)
    }
    assert changed("shifted", told(says=("It ended 3 days 4 h ago.",)), told(says=("It ended 3 days 5 h ago.",))) == []
    assert changed("tagged", told(says=("It ended 3 days 4 h ago.",)), told(says=("It ended 3 days 5 h ago.",))) != []


def settled(tmp_path: Path, *lines: str, writing: bool = False) -> Settled:
    path = tmp_path / "open.tsv"
    path.write_text("\n".join(["# The head.", *lines]) + "\n")
    return Settled(path, writing)


def test_what_is_not_in_the_table_must_hold_and_what_holds_must_not_be_in_it(tmp_path: Path) -> None:
    known = settled(tmp_path, "tcp/none\tcut\ttcp.loss")
    loss, reset = Wrong("tcp.loss", "error tcp.loss: lost"), Wrong("tcp.reset", "warn tcp.reset: reset")
    assert known.differ("tcp/none", "cut", [loss, loss]) == []
    assert known.differ("tcp/none", "late", []) == []
    assert known.differ("tcp/none", "cut", []) == ["tcp/none cut tcp.loss: holds now: take it out of open.tsv"]
    assert known.differ("tcp/none", "late", [loss]) == ["tcp/none late: false: error tcp.loss: lost"]
    assert known.differ("tcp/none", "cut", [loss, reset]) == ["tcp/none cut: false: warn tcp.reset: reset"]


def test_an_exception_is_no_false_claim_and_must_be_claimed(tmp_path: Path) -> None:
    known = settled(tmp_path)
    known.excepted = {("tcp/none", "cut", "tcp.loss")}
    assert known.differ("tcp/none", "cut", [Wrong("tcp.loss", "lost")]) == []
    assert known.differ("tcp/none", "cut", []) == [
        f"tcp/none cut tcp.loss: is not claimed: take it out of {EXCEPTIONS.name}"
    ]


def test_the_table_is_written_where_that_is_asked_and_holds_no_fault(tmp_path: Path) -> None:
    rows = ("tcp/a\tcut\ttcp.loss", "tcp/b\tcut\ttcp.loss")
    quiet = settled(tmp_path, *rows)
    quiet.differ("tcp/a", "cut", [])
    quiet.write()
    assert quiet.path.read_text() == "\n".join(["# The head.", *rows]) + "\n"
    loud = settled(tmp_path, *rows, writing=True)
    wrong = [Wrong("tcp.reset", "reset"), Wrong(FAULT, "a fault of wiretale")]
    assert loud.differ("tcp/a", "cut", wrong) == ["tcp/a cut: false: a fault of wiretale"]
    loud.write()
    assert loud.path.read_text() == "# The head.\ntcp/a\tcut\ttcp.reset\ntcp/b\tcut\ttcp.loss\n"
