"""The whole text: golden at 80 and 200 columns, levels, widths, hostile strings, speed.

WIRETALE_GOLDEN=write writes the golden files anew; read the change before it is committed.
"""
from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from report_example import Said, Window, example

from analyzer.model import Analysis, CaptureSummary, Conversation, Endpoint, Finding, Phase, StoryRow, Told
from analyzer.report import terminal
from analyzer.report.glossary import Glossary
from analyzer.report.rows import Row, segments
from analyzer.report.terminal import capture_name, recorded, render
from analyzer.report.terminal_conversation import MAX_EVENTS
from analyzer.report.words import LEVELS, counted
from dissectors.kit.event import FORWARD
from dissectors.kit.protocol import Protocol, Term

GOLDEN = Path(__file__).parent / "golden"
TCP = Protocol(
    "tcp", "TCP", "Bytes in order.", ("RFC 9293",), None, (), {}, (Window,),
    (
        Term("duplicate ACK", "An ACK that repeats the number of the one before it.", "RFC 5681 §2"),
        Term("MSS", "The most payload bytes that a side takes in one segment.", "RFC 9293 §3.7.1"),
        Term("cookie", "Not in this capture."),
    ),
)


def rows_of(analysis: Analysis, level: str, width: int) -> list[Row]:
    return [row for rows in render(analysis, level, width, Glossary((TCP,))) for row in rows]


def text_of(analysis: Analysis, level: str, width: int) -> str:
    return "".join(row.text + "\n" for row in rows_of(analysis, level, width))


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("level", LEVELS)
def test_golden(level: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "__version__", "0.1.0")
    path = GOLDEN / f"{level}-{width}.txt"
    text = text_of(example(), level, width)
    if os.environ.get("WIRETALE_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 79, 80, 100, 120, 139, 160, 200, 260])
@pytest.mark.parametrize("level", LEVELS)
def test_no_row_is_wider_than_the_terminal_or_ends_in_spaces(level: str, width: int) -> None:
    for row in rows_of(example(), level, width):
        assert row.used <= width, row.text
        assert row.text == row.text.rstrip(" ")


def test_levels_tell_more_and_more() -> None:
    brief, normal, teach = (text_of(example(), level, 100) for level in LEVELS)
    assert "THE STORY" in brief
    assert "Three-way handshake" not in brief
    assert "what 3 conversations said: --level normal" in brief
    assert "three-way handshake 24.3 ms (#3" in normal
    assert "asks to open a connection" not in normal      # as every connection begins
    assert "The client has room again" not in normal      # EXTRA
    assert "Why:" not in normal
    assert "Three-way handshake · 24.3 ms · one round trip" in teach
    assert "asks to open a connection" in teach
    assert "The client has room again" in teach
    assert "Why: Both sides must agree" in teach


@pytest.mark.parametrize("level", ["normal", "teach"])
def test_what_is_broken_is_told_wherever_conversations_are(level: str) -> None:
    assert "Malformed http at byte 17" in text_of(example(), level, 200)


def test_a_reason_is_given_once() -> None:
    assert text_of(example(), "teach", 200).count("Why: Both sides must agree") == 1


def test_terms_are_explained_where_they_are_first_used() -> None:
    text = text_of(example(), "teach", 200)
    assert text.count("An ACK that repeats the number") == 1
    assert "Not in this capture." not in text
    assert text.index("WORDS USED HERE") < text.index("CONVERSATION 3")
    assert "WORDS USED HERE" not in text_of(example(), "normal", 200)


def test_findings_come_worst_first_with_frames_and_next_step() -> None:
    text = text_of(example(), "normal", 200)
    assert text.index("\n error ") < text.index("\n warn ") < text.index("\n note ")
    assert "conversation 2 · #40, #300, #380 · likely · tcp.window_limited" in text
    assert "→ Raise the receive buffer of the client." in text
    assert "likely: bytes in flight stayed within" in text
    assert "wrong if:" not in text


def test_header_says_what_lowers_the_claims() -> None:
    text = text_of(example(), "brief", 200)
    assert "lost 7 frames" in text
    assert "2 frames were cut short" in text
    assert "damaged at byte 1279998" in text


def test_times_count_from_the_start_of_the_conversation() -> None:
    text = text_of(example(), "teach", 80)
    assert "#3        +0.000" in text
    assert "#411 +0.000" in text


HOSTILE = "\x1b]52;c;x\x07\u202e\n[red]\x9b2J"


def hostile() -> Analysis:
    """Every string that a packet or a file can fill, filled with what a terminal would obey."""
    capture = CaptureSummary([HOSTILE])
    capture.conversations, capture.seen_from = 1, HOSTILE
    capture.damage, capture.remarks, capture.neighbours = [HOSTILE], [(1, HOSTILE)], [HOSTILE]
    capture.undecoded, capture.links, capture.octets = {HOSTILE: 1}, [HOSTILE], 5
    analysis = Analysis(capture)
    conversation = Conversation(1, "tcp", Endpoint(HOSTILE, 1, HOSTILE), Endpoint(HOSTILE, 2, HOSTILE))
    conversation.scope = conversation.protocol = conversation.state = conversation.history = HOSTILE
    conversation.community_id = HOSTILE
    phase = Phase("x", HOSTILE, 0, 10)
    phase.facts, phase.left_out = [HOSTILE], [HOSTILE]
    phase.events = [Said(0, FORWARD, (1,), HOSTILE, HOSTILE, HOSTILE)]
    analysis.told = [Told(conversation, [phase])]
    analysis.story = [StoryRow(1, HOSTILE, HOSTILE, 0, 10)]
    analysis.findings = [
        Finding(HOSTILE, "warn", "likely", HOSTILE, 1, (1,), HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    ]
    analysis.left_out = [HOSTILE]
    return analysis


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_from_a_capture_reaches_the_terminal_raw(level: str, width: int) -> None:
    rows = rows_of(hostile(), level, width)
    text = "".join(segment.text for segment in segments(rows))
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\x9b"}
    assert text.count("\n") == len(rows)
    assert "\\x1b]52" in text
    assert max(row.used for row in rows) <= width


def test_capture_names() -> None:
    assert capture_name(["/a/b/c.pcap"]) == "c.pcap"
    assert capture_name(["sample:tcp/clean"]) == "sample:tcp/clean"
    assert capture_name(["-"]) == "standard input"
    assert capture_name([f"{n}.pcap" for n in range(5)]) == "0.pcap, 1.pcap, 2.pcap and 2 more"


def test_counts_and_dates() -> None:
    assert counted([]) == "no findings"
    summary = CaptureSummary(["x"])
    assert recorded(summary) == ""
    summary.start_ns = summary.end_ns = 1 << 62
    assert recorded(summary) == "2116-02-20 23:53:38 UTC"


def test_rendering_is_fast() -> None:
    """100 conversations of 30 events: rendering must not dominate a run."""
    from io import StringIO

    from rich.console import Console
    from rich.segment import Segments

    analysis = Analysis(CaptureSummary(["x"]))
    for number in range(1, 101):
        conversation = Conversation(number, "tcp", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2))
        phase = Phase("transfer", "Data transfer", 0, 10)
        phase.events = [
            Said(at, FORWARD, (at + 1,), "segment", "A sentence of the usual length that says what happened here, and "
                 "one more that gives the reason with the numbers of this capture.", "seq 1, ack 2, window 65 535")
            for at in range(30)
        ]
        analysis.told.append(Told(conversation, [phase]))
    console = Console(file=StringIO(), width=100, force_terminal=True, color_system="standard")
    began = time.process_time()
    for rows in render(analysis, "normal", 100):
        console.print(Segments(segments(rows)), end="", soft_wrap=True)
    assert time.process_time() - began < 1.5     # about 0.25 s on a machine of its own


def test_a_long_phase_is_shortened_in_the_middle_and_says_so() -> None:
    analysis = example()
    phase = analysis.told[1].phases[0]
    phase.events = [phase.events[0]] * (MAX_EVENTS + 30)
    short = text_of(analysis, "teach", 100)
    whole = "".join(
        row.text + "\n" for rows in render(analysis, "teach", 100, None, True) for row in rows
    )
    assert "30 events not shown here (--conversation" in short
    assert "not shown here" not in whole
    mark = phase.events[0].detail()[:20]
    assert mark
    assert whole.count(mark) - short.count(mark) == 30
