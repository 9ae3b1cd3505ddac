"""A fault of ours costs what was in hand, is counted and said, and ends neither a capture nor a live run."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from live_feeds import Fed, Remembered, timed
from test_survey_and_tell import CLIENT, SERVER, connection, udp, write

from analyzer import faults
from analyzer.explain.findings import findings
from analyzer.explain.rules import CONVERSATION_RULES
from analyzer.faults import MAX_KINDS, Faults
from analyzer.flows.flow import release
from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.names import NameBook
from analyzer.ingest.open import open_capture
from analyzer.model import Account, Analysis, CaptureSummary, Conversation, Endpoint
from analyzer.pipeline.frames import FrameLines
from analyzer.pipeline.live import Budgets, LiveAnalysis
from analyzer.pipeline.live_run import Plan, Sniffer
from analyzer.pipeline.survey import MAX_RETRIES, Survey
from analyzer.pipeline.tell import Telling
from analyzer.timeline.build import build
from dissectors.kit.event import DissectorFault, Event
from dissectors.kit.marks import Marks
from dissectors.kit.protocol import Protocol
from dissectors.kit.provided import Provided
from dissectors.registry import protocols
from dissectors.wire.secrets.text import shown_text

NAMES = 4242       # a port whose answers name addresses, for a protocol that fails over them


def failing(payload: bytes) -> list[tuple[bytes, str]]:
    raise KeyError("a name")


BROKEN = Protocol("broken", "Broken", "fails", (), None, ("udp",), {"udp": (NAMES,)}, (), namer=failing)


@pytest.fixture(autouse=True)
def _expected() -> object:
    """Faults are meant here; elsewhere each fails the test in which it happens."""
    yield
    faults.SEEN.clear()


def answer(frame: int) -> bytes:
    return udp(SERVER, NAMES, CLIENT, 50_000 + frame, b"answer")


def test_a_fault_costs_the_frame_in_hand() -> None:
    frames = [*connection(50_000, 2), answer(1), answer(2), *connection(50_001, 2)]
    survey = Survey(Fed(timed(frames)), Keeper(KEEP_ALL), NameBook((*protocols(), BROKEN)), 100, 100)
    assert not survey.step()
    assert survey.frames == len(frames)
    assert survey.faults.count == 2
    (sentence,) = survey.faults.sentences()
    first = len(connection(50_000, 2)) + 1
    assert f"cost a frame, 2 times, first at #{first} (KeyError: 'a name'" in shown_text(sentence, Marks(True))
    assert survey.keeper.by_transport["tcp"] == 2


def test_a_fault_of_a_live_source_is_tried_again_and_ends_in_the_end() -> None:
    class Failing(Fed):
        def next(self) -> bool:
            raise ValueError("this source")

    live = LiveAnalysis(Failing(), protocols(), Provided(), Budgets())
    for _try in range(MAX_RETRIES):
        assert not live.step(10)
        assert not live.survey.ended
    assert not live.step(10)
    assert live.survey.ended
    assert any("the rest of the capture" in kind.cost or "was to be read" in kind.cost
               for kind in live.survey.faults.kinds.values())


def test_a_fault_in_a_told_conversation_ends_its_telling_and_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "two.pcap", [*connection(50_000, 3), *connection(50_001, 3)])
    source = open_capture([path])
    survey = Survey(source, Keeper(KEEP_ALL), NameBook(protocols()), 100, 100)
    while survey.step():
        pass
    telling = Telling(protocols(), 100, Provided(), survey.faults)
    flows = survey.keeper.chosen(0)
    for number, flow in enumerate(flows, 1):
        telling.add(flow, Conversation(number, "tcp", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)))
    telling.begin(telling.chosen)
    telling.chosen[0].teller.points = [None, None]  # type: ignore[list-item]
    telling.visit(source)
    broken, whole = telling.finish(int(survey.frames), int(survey.last_time))
    assert [type(event) for event in broken.events] == [DissectorFault]
    assert "a fault of wiretale ended the telling" in broken.left_out[0]
    assert [event for event in whole.events if event.name == "tcp.established"]
    assert survey.faults.count == 1


def test_a_live_capture_goes_on_after_a_fault_in_one_conversation() -> None:
    frames = timed([*connection(50_000, 3), *connection(50_001, 3)])
    audience = Remembered()
    sniffer = Sniffer(Fed(frames), audience, Plan(), Provided())
    live = sniffer.live
    live.step(1)
    live.tellers[1].teller.points = [None, None]  # type: ignore[union-attr, list-item]
    analysis = sniffer.run()
    assert [event.name for number, event in audience.events if number == 1].count("dissector_fault") == 1
    assert [event.name for number, event in audience.events if number == 2 and event.name == "tcp.established"]
    assert any("cost the rest of conversation 1" in line for line in analysis.capture.damage)
    assert [finding.code for finding in analysis.findings if finding.conversation == 1].count("analyzer.fault") == 1


def test_a_fault_of_the_audience_does_not_end_a_live_capture() -> None:
    class Failing(Remembered):
        def event(self, conversation: Conversation, event: Event) -> None:
            raise ValueError("this line")

    sniffer = Sniffer(Fed(timed(connection(50_000, 3))), Failing(), Plan(), Provided())
    analysis = sniffer.run()
    assert analysis.capture.frames == len(connection(50_000, 3))
    assert any("this line" in line for line in analysis.capture.damage)


def test_frames_go_on_and_the_line_says_what_it_lacks() -> None:
    """A conversation is taken apart while the table still holds it: every frame of it is a fault, and has its line."""
    class Releasing(Fed):
        def next(self) -> bool:
            if self.number == 3 and lines.tracker.flow is not None:
                release(lines.tracker.flow)
            return super().next()

    frames = [*connection(50_000, 2), *connection(50_001, 2)]
    lines = FrameLines(Releasing(timed(frames)), protocols())
    rows = []
    while block := lines.block():
        rows += [json.loads(line) for line in block.splitlines()]
    half = len(frames) // 2
    assert [row["frame"] for row in rows] == list(range(1, len(frames) + 1))
    assert [("fault" in row) for row in rows] == [False] * 3 + [True] * (half - 3) + [False] * half
    assert all(row["tcp"] for row in rows[half:])
    assert f"what its conversation carries, {half - 3} times" in " ".join(lines.faults.sentences())


def test_a_fault_in_a_rule_costs_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(case: object) -> list[object]:
        raise LookupError("a rule")

    analysis = Analysis(CaptureSummary([]))
    analysis.told = build(analysis.capture, [account()]).told
    monkeypatch.setattr(CONVERSATION_RULES[0], "examine", fails)
    noted = Faults()
    findings(analysis, noted)
    assert [kind.cost for kind in noted.kinds.values()] == [f"a finding ({CONVERSATION_RULES[0].code})"]
    with pytest.raises(LookupError):
        findings(analysis)


def test_faults_are_described_up_to_a_cap_and_counted_beyond() -> None:
    noted = Faults()
    for index in range(MAX_KINDS + 5):
        noted.note(index + 1, "a frame", ValueError(f"kind {index}"))
    assert noted.count == MAX_KINDS + 5
    assert len(noted.sentences()) == MAX_KINDS + 1
    assert noted.sentences()[-1] == "5 more faults of wiretale"


def test_no_memory_is_not_a_fault_of_one_frame() -> None:
    with pytest.raises(MemoryError):
        Faults().note(1, "a frame", MemoryError())


def account() -> Account:
    return Account(Conversation(1, "tcp", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)))
