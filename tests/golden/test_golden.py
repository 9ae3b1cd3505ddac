"""Every sample is told as it was before. `pytest tests/golden --write-golden` writes what is told now.

expected.json lies beside the capture: the conversations with their phases and events, the story, the findings
and what was left out. Read the difference before it is committed: it is what a user will see differently.
"""
from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
from sample_feeds import sample_captures, sample_name
from tiled import assert_tiled

from analyzer.model import Analysis, Cause, Phase, Told
from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event, JsonValue

ARROWS = ("→", "←", "—")
MOST_LINES = 60    # of a difference


def of_event(event: Event) -> JsonValue:
    return {
        "name": event.name, "frames": list(event.evidence.frames), "direction": ARROWS[event.direction],
        "what": event.what(), "fields": event.fields(),
    }


def of_phase(phase: Phase) -> dict[str, JsonValue]:
    return {
        "kind": phase.kind, "title": phase.title, "facts": list(phase.facts), "left_out": list(phase.left_out),
        "events": [of_event(event) for event in phase.events],
    }


def of_conversation(told: Told) -> dict[str, JsonValue]:
    conversation = told.conversation
    assert_tiled(told)
    return {
        "number": conversation.number, "transport": conversation.transport, "protocol": conversation.protocol,
        "originator": str(conversation.originator), "responder": str(conversation.responder),
        "scope": conversation.scope, "state": conversation.state, "history": conversation.history,
        "frames": list(conversation.frames), "time": [[cause.key, ns] for cause, ns in told.books.totals()],
        "phases": [of_phase(phase) for phase in told.phases],
    }


def of_cause(analysis: Analysis, cause: Cause) -> JsonValue:
    codes = {finding.number: finding.code for finding in analysis.findings}
    return {
        "code": codes[cause.finding], "severity": cause.severity, "more": cause.more,
        "explains": [codes[number] for number in cause.explains],
    }


def of_analysis(analysis: Analysis) -> dict[str, JsonValue]:
    return {
        "frames": analysis.capture.frames,
        "damage": list(analysis.capture.damage),
        "undecoded": dict(analysis.capture.undecoded),
        "neighbours": list(analysis.capture.neighbours),
        "left_out": list(analysis.left_out),
        "story": [{"conversation": row.conversation, "label": row.label, "text": row.text} for row in analysis.story],
        "findings": [
            {"code": finding.code, "severity": finding.severity, "confidence": finding.confidence,
             "conversation": finding.conversation, "frames": list(finding.frames)}
            for finding in analysis.findings
        ],
        "verdict": [of_cause(analysis, cause) for cause in analysis.verdict.causes],
        "judged": [analysis.verdict.kind, analysis.verdict.sentence, *analysis.verdict.doubts],
        "conversations": [of_conversation(told) for told in analysis.told],
    }


def text_of(value: JsonValue, depth: int = 0) -> str:
    """JSON with one line for each event, so that a difference shows what changed."""
    pad, inner = " " * depth, " " * (depth + 1)
    if isinstance(value, dict) and value and "name" not in value and "label" not in value and "code" not in value:
        lines = [f"{inner}{json.dumps(key)}: {text_of(each, depth + 1)}" for key, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{pad}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + text_of(each, depth + 1) for each in value) + f"\n{pad}]"
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("capture", sample_captures(), ids=sample_name)
def test_a_sample_is_told_as_before(capture: Path, request: pytest.FixtureRequest) -> None:
    now = text_of(of_analysis(analyze([str(capture)], Options()))) + "\n"
    path = capture.with_name("expected.json")
    if request.config.getoption("--write-golden"):
        path.write_text(now, encoding="utf-8")
        return
    assert path.is_file(), f"{sample_name(capture)} has no expected.json; pytest tests/golden --write-golden makes it"
    before = path.read_text(encoding="utf-8")
    changed = difflib.unified_diff(before.splitlines(), now.splitlines(), "expected", "told", lineterm="", n=1)
    assert before == now, f"{sample_name(capture)} is told differently:\n" + "\n".join(list(changed)[:MOST_LINES])


def test_no_expectation_is_left_over() -> None:
    """Each belongs to a capture that is there."""
    root = Path(__file__).parents[2] / "samples"
    assert [path for path in root.rglob("expected.json") if not path.with_name("capture.pcapng").is_file()] == []
