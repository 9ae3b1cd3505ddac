"""The few lines for a pull request: never more, and nothing of a packet is more than words in them."""
from __future__ import annotations

from pathlib import Path

import pytest
from test_report_formats import HOSTILE
from test_report_markdown import ATTACKS, FORBIDDEN, filled, tokens_of

from analyzer.model import Verdict
from analyzer.pipeline.run import Options, analyze
from analyzer.report.brief import MOST_LINES, brief_markdown

SAMPLES = Path(__file__).parents[3] / "samples"


def brief(sample: str) -> str:
    return "".join(brief_markdown(analyze([str(SAMPLES / sample / "capture.pcapng")], Options())))


def test_the_verdict_its_next_step_and_what_it_rests_on() -> None:
    lines = brief("http1/bad-gateway").splitlines()
    assert lines[0] == "### wiretale: 1 error (`capture.pcapng`)"
    assert lines[2].startswith("1. **error**: The server answered 502 Bad Gateway, to GET `/page.txt`.")
    assert lines[2].endswith("(conversation 1, `#6, #8`, certain, `http.server_error`)")
    assert lines[3].startswith("   - Next: Look into the log of the server")
    assert lines[-1].startswith("Read: 12 frames, 1 conversation, all read, 98.8 ms. Made by wiretale")


def test_where_nothing_went_wrong_it_says_so() -> None:
    assert brief("tcp/clean").splitlines()[0] == "### wiretale: nothing went wrong (`capture.pcapng`)"


@pytest.mark.parametrize("capture", sorted(SAMPLES.glob("*/*/capture.*"))[::7], ids=lambda path: path.parent.name)
def test_it_is_short(capture: Path) -> None:
    assert len("".join(brief_markdown(analyze([str(capture)], Options()))).splitlines()) <= MOST_LINES


@pytest.mark.parametrize("text", [*ATTACKS, HOSTILE, " ".join(ATTACKS), "x" * 100_000])
def test_it_is_built_the_same_whatever_the_packets_say(text: str) -> None:
    made = []
    for each in (text, "word"):
        analysis = filled(each)
        for finding in analysis.findings:
            finding.code = each[:100]       # those are our own
        analysis.capture.names = [each] * 5
        analysis.verdict.doubts = [each] * 9
        analysis.verdict.sentence = analysis.verdict.covered = analysis.verdict.known = each
        analysis.verdict.kind = Verdict.CAUSES
        made.append("".join(brief_markdown(analysis)))
    assert len(made[0].splitlines()) == len(made[1].splitlines()) <= MOST_LINES
    assert len(made[0]) < 30_000
    kinds, expected = (
        [kind for kind, _content in tokens_of(each) if kind.endswith(("_open", "_close", "fence")) or kind in FORBIDDEN]
        for each in made
    )
    assert kinds == expected
