"""A conversation at `normal`: what happened in order of time, and no more of what is ordinary than it takes."""
from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from report_example import MS, START, Said, example

from analyzer.model import Conversation, Endpoint, Finding, Phase, Told
from analyzer.pipeline.run import Options, analyze
from analyzer.report.terminal import render
from analyzer.report.terminal_timeline import LAST_LINES, MAX_LINES, Timeline, timeline_rows
from dissectors.kit.event import APPLICATION, BACKWARD, BASE, CLOSING, CORE, FORWARD, LINED, OPENING, TOLD, TRANSFER

SAMPLES = Path(__file__).parents[3] / "samples"


class Usual(Said):
    name: ClassVar[str] = "talk.usual"
    importance: ClassVar[str] = CORE
    normally: ClassVar[str] = LINED


class Word(Said):
    name: ClassVar[str] = "talk.word"
    importance: ClassVar[str] = BASE


class Spoken(Said):
    name: ClassVar[str] = "talk.spoken"
    normally: ClassVar[str] = TOLD


class Odd(Said):
    name: ClassVar[str] = "tcp.odd"
    importance: ClassVar[str] = CORE


def told(*phases: Phase) -> Told:
    conversation = Conversation(4, "tcp", Endpoint("10.0.0.1", 51034), Endpoint("10.0.0.2", 80))
    conversation.start_ns, conversation.end_ns = START, START + 90 * MS
    return Told(conversation, list(phases))


def phase(kind: str, rank: int, at: int, *events: Said) -> Phase:
    made = Phase(kind, kind.capitalize(), START + at * MS, START + (at + 5) * MS, rank)
    made.events = list(events)
    return made


TALK = phase(
    "talk", APPLICATION, 10,
    Usual(10 * MS, FORWARD, (4,), "hello", "It says hello.", "hello"),
    Word(30 * MS, BACKWARD, (9,), "word", "It says a word.", "a word"),
    Spoken(40 * MS, BACKWARD, (11,), "text", "It says all of this.", "11 bytes"),
)
CARRIED = phase("transfer", TRANSFER, 10, Odd(20 * MS, FORWARD, (6, 7), "loss", "A segment was lost.", "1 segment"))


def lines(of: Told, findings: list[Finding] | None = None) -> list[tuple[str, str]]:
    return [(line.label, line.sentence or line.text) for line in Timeline(of, findings or []).lines]


def test_layers_stand_in_one_order_of_time_and_the_lower_one_only_where_it_matters() -> None:
    assert lines(told(TALK, CARRIED)) == [
        ("Talk", "5.00 ms"), ("hello", "hello"), ("loss", "A segment was lost."), ("word", "a word"),
        ("text", "It says all of this."),
    ]
    assert ("Transfer", "5.00 ms") in lines(told(CARRIED))      # nothing above it tells what it carried


def test_what_went_wrong_has_its_sentence() -> None:
    about = Finding("talk.bad", "warn", "certain", "A word was bad.", 4, (8, 9), "", "", "")
    assert ("word", "It says a word.") in lines(told(TALK), [about])
    other = Finding("tcp.bad", "warn", "certain", "A segment was bad.", 4, (8, 9), "", "", "")
    assert ("word", "a word") in lines(told(TALK), [other])


def test_a_handshake_and_an_end_in_order_are_one_line() -> None:
    class Step(Said):
        normally: ClassVar[str] = "summed"

    opening = phase("handshake", OPENING, 0, Step(0, FORWARD, (1, 2, 3), "SYN", "It opens."))
    end = phase("teardown", CLOSING, 80, Step(80 * MS, FORWARD, (30, 40), "FIN", "It ends."))
    made = Timeline(told(opening, TALK, end), [])
    assert made.ordinary == ["handshake 5.00 ms (#1–#3)", "teardown 5.00 ms (#30,#40)"]
    broken = phase("teardown", CLOSING, 80, Odd(80 * MS, FORWARD, (30,), "RST", "It breaks off."))
    made = Timeline(told(opening, TALK, broken), [])
    assert made.ordinary == ["handshake 5.00 ms (#1–#3)"]
    assert made.lines[-1].sentence == "It breaks off."


def test_many_lines_are_shortened_in_the_middle_and_counted() -> None:
    many = [Word(at * MS, FORWARD, (at,), "word", "It says a word.", f"word {at}.") for at in range(1, MAX_LINES + 51)]
    of = told(phase("talk", APPLICATION, 0, *many))
    text = "\n".join(row.text for row in timeline_rows(Timeline(of, []), of, 100, False))
    assert "51 lines not shown here (--conversation 4 shows all)" in text      # the line of the phase is one of them
    assert "word 1." in text
    assert f"word {MAX_LINES + 50 - LAST_LINES + 1}." in text
    assert f"word {MAX_LINES + 50 - LAST_LINES}." not in text
    whole = "\n".join(row.text for row in timeline_rows(Timeline(of, []), of, 100, True))
    assert all(f"word {at}." in whole for at in range(1, MAX_LINES + 51))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_row_is_too_wide(width: int) -> None:
    for rows in render(example(), "normal", width):
        assert all(row.used <= width for row in rows)


@pytest.mark.parametrize(("sample", "most"), [("tcp/clean", 25), ("http1/browser", 60)])
def test_a_hundred_frames_fit_on_a_screen(sample: str, most: int) -> None:
    """At 120 columns."""
    analysis = analyze([str(SAMPLES / sample / "capture.pcapng")], Options())
    assert sum(len(rows) for rows in render(analysis, "normal", 120)) <= most


@pytest.mark.parametrize("sample", ["tcp/clean", "tcp/loss-random", "tls/wrong-name", "dns/mdns", "http1/browser"])
def test_the_verdict_stands_within_the_first_lines(sample: str) -> None:
    analysis = analyze([str(SAMPLES / sample / "capture.pcapng")], Options())
    rows = [row.text for block in render(analysis, "normal", 80) for row in block]
    assert any("VERDICT" in row for row in rows[:11])
