"""Progress: only on a terminal, only when it takes a while; it names the pass, its pace and the time left."""
from __future__ import annotations

import io
import re
import sys

import pytest
from report_example import example

from analyzer.cli import progress
from analyzer.cli.progress import TerminalProgress, clock, done_so_far, drawing, progress_rate, read_so_far


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """What was shown, one after the other."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock_of(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(progress, "time", fake)
    return fake


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error is one, from now on."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch, clock_of: Clock) -> None:
    terminal = a_terminal(monkeypatch)
    with TerminalProgress() as shown:
        shown.begin("Reading", "octets")
        clock_of.now += 0.4
        shown.update(10, 100, 1)
        shown.begin("Telling", "frames")
    assert terminal.getvalue() == ""
    assert shown.bar is None


def test_each_pass_is_named_with_its_pace_and_the_time_left(monkeypatch: pytest.MonkeyPatch, clock_of: Clock) -> None:
    terminal = a_terminal(monkeypatch)
    with TerminalProgress() as shown:
        shown.begin("Reading", "octets")
        clock_of.now += 4.0
        shown.update(50_000_000, 150_000_000, 1_000_000)
        shown.begin("First look", "frames")
        shown.begin("Telling", "frames")
        clock_of.now += 2.0
        shown.update(20_000, 200_000, 20_000)
        shown.begin("Findings", "frames")
    said = " | ".join(terminal.lines())
    assert re.search(r"Reading ━+\S* 50.0 MB of 150 MB · 250 000 packets/s · 0:08 left", said.replace("\u202f", " "))
    assert re.search(r"Telling ━+\S* 10 % of 200 000 frames · 10 000 frames/s · 0:18 left", said.replace("\u202f", " "))
    assert "First look" in said
    assert "Findings" in said
    assert max(map(len, terminal.lines())) <= 80


def test_of_a_pipe_nobody_knows_how_long_it_takes(monkeypatch: pytest.MonkeyPatch, clock_of: Clock) -> None:
    terminal = a_terminal(monkeypatch)
    with TerminalProgress() as shown:
        shown.begin("Reading", "octets")
        clock_of.now += 4.0
        shown.update(50_000_000, -1, 1_000_000)
    said = " ".join(terminal.lines()).replace("\u202f", " ")
    assert "1 000 000 frames, 50.0 MB · 250 000 packets/s" in said
    assert "left" not in said


def test_drawing_counts_conversations(monkeypatch: pytest.MonkeyPatch, clock_of: Clock) -> None:
    terminal = a_terminal(monkeypatch)
    analysis = example()
    told = list(analysis.told)
    with drawing(analysis, False):
        seen = []
        for one in analysis.told:
            clock_of.now += 1.0
            seen.append(one)
    assert seen == told
    assert f"of {len(told)} conversations" in " ".join(terminal.lines())
    assert "Drawing" in terminal.lines()[0]


def test_drawing_to_a_terminal_is_not_disturbed(monkeypatch: pytest.MonkeyPatch, clock_of: Clock) -> None:
    terminal = a_terminal(monkeypatch)
    analysis = example()
    with drawing(analysis, True):
        for _one in analysis.told:
            clock_of.now += 1.0
    assert terminal.getvalue() == ""


def test_a_pipe_gets_no_progress(monkeypatch: pytest.MonkeyPatch, clock_of: Clock) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with TerminalProgress() as shown:
        shown.begin("Reading", "octets")
        clock_of.now += 10.0
        shown.update(10, 100, 1)
    assert stream.getvalue() == ""


def test_rates_and_amounts() -> None:
    assert progress_rate(3_000_000, 2.0) == "1.50 M packets/s"
    assert progress_rate(3_000, 2.0) == "1500 packets/s"
    assert progress_rate(5, 0.0) == "0 packets/s"
    assert read_so_far(2_000_000, -1, 70) == "70 frames, 2.00 MB"
    assert done_so_far(1, 3, "conversations") == "33 % of 3 conversations"
    assert (clock(7.4), clock(62), clock(3_750)) == ("0:07", "1:02", "1:02:30")
