"""Progress: only on a terminal, only when it takes a while."""
from __future__ import annotations

import io
import sys

import pytest

from analyzer.cli import progress
from analyzer.cli.progress import TerminalProgress, progress_rate, read_so_far


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(progress, "time", fake)
    return fake


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with TerminalProgress() as shown:
        clock.now += 0.4
        shown.update(10, 100, 1)
    assert stream.getvalue() == ""
    assert shown.bar is None


def test_long_work_shows_rate_and_amount(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with TerminalProgress() as shown:
        for _step in range(4):
            clock.now += 1.0
            shown.update(50_000_000, 100_000_000, 1_000_000)
    assert "packets/s" in stream.getvalue()
    assert "50.0 MB of 100 MB" in stream.getvalue()


def test_a_pipe_gets_no_progress(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with TerminalProgress() as shown:
        clock.now += 10.0
        shown.update(10, 100, 1)
    assert stream.getvalue() == ""


def test_rates_and_amounts() -> None:
    assert progress_rate(3_000_000, 2.0) == "1.50 M packets/s"
    assert progress_rate(3_000, 2.0) == "1500 packets/s"
    assert progress_rate(5, 0.0) == "0 packets/s"
    assert read_so_far(2_000_000, -1, 70) == "70 frames, 2.00 MB"
