"""Log lines and JSON lines: what is said, escaped, at once, and never at the price of the capture."""
from __future__ import annotations

import json
import os
import time
from pathlib import Path

import jsonschema_rs
import pytest
from live_examples import HOSTILE, LOSSES, QUIET, START, Said, conversation, finding

from analyzer.live import output
from analyzer.live.audience import Audience
from analyzer.live.json_lines import JsonLines
from analyzer.live.lines import LogLines, clock, finding_line, losses_in_words, stamp
from analyzer.live.output import LineOutput
from analyzer.model import Finding
from analyzer.report import document
from dissectors.kit.event import EXTRA

SCHEMA = json.loads((Path(document.__file__).parent / "schema.json").read_text(encoding="utf-8"))
LINE = jsonschema_rs.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/line"})


class Kept(LineOutput):
    """Lines in a list."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.lost = 0
        self.broken = False

    def line(self, line: bytes) -> None:
        self.lines.append(line.decode())

    def close(self, patience: float = 0.0) -> None:
        return


def everything(audience: Audience) -> None:
    audience.notice(START, HOSTILE)
    audience.event(conversation(1, HOSTILE), Said(4, HOSTILE, HOSTILE, HOSTILE))
    audience.finding(finding(HOSTILE), START)
    audience.owner(conversation(), HOSTILE)
    audience.over(conversation(1, HOSTILE))
    audience.status(LOSSES)
    audience.close()


def test_nothing_from_a_packet_acts_on_the_terminal() -> None:
    kept = Kept()
    everything(LogLines(kept, "teach"))
    assert len(kept.lines) == 5
    for line in kept.lines:
        assert line.endswith("\n")
        assert line[:-1].isprintable(), repr(line)
        assert "\x1b" not in line


def test_every_json_line_follows_the_schema_and_is_ascii() -> None:
    kept = Kept()
    everything(JsonLines(kept, "teach"))
    records = [json.loads(line) for line in kept.lines]
    assert [record["record"] for record in records] == ["notice", "event", "finding", "owner", "conversation", "status"]
    for line, record in zip(kept.lines, records, strict=True):
        LINE.validate(record)
        assert line.isascii()
        assert line.count("\n") == 1


def test_a_line_holds_time_frame_conversation_and_words() -> None:
    kept = Kept()
    LogLines(kept, "normal").event(conversation(7), Said(12, "SYN", "The client asks. And more.", "seq 5"))
    line = kept.lines[0]
    assert line.startswith("2023-11-14 22:13:20.000000 #12 [")
    assert "tcp 10.0.0.1:50007 ⇄ shop.test:443 → SYN: The client asks (seq 5)" in line


@pytest.mark.parametrize(("level", "shown"), [("brief", 0), ("normal", 1), ("teach", 2)])
def test_levels_choose_the_events(level: str, shown: int) -> None:
    kept = Kept()
    lines = LogLines(kept, level)
    quiet = type("Quiet", (Said,), {"importance": EXTRA})
    lines.event(conversation(), Said(1, "a", "b"))
    lines.event(conversation(), quiet(1, "a", "b"))
    assert len(kept.lines) == shown


def test_losses_are_said_and_their_absence_is_not() -> None:
    assert losses_in_words(QUIET) == []
    words = "; ".join(losses_in_words(LOSSES))
    for part in ("12 frames dropped by the system", "3 frames dropped by the interface", "7 conversations counted",
                 "40 frames of told", "5 conversations left the budget", "1 frame not written", "2 lines lost"):
        assert part in words


def test_a_time_beyond_the_calendar_is_still_a_time() -> None:
    assert clock(START + 5_000) == "22:13:20.000005"
    assert clock(10**21) == stamp(10**21) == "1000000000000.000000"


def test_a_line_is_there_at_once() -> None:
    read, write = os.pipe()
    lines = LineOutput(write)
    began = time.monotonic()
    lines.line(b"first\n")
    assert os.read(read, 100) == b"first\n"
    assert time.monotonic() - began < 0.2
    lines.line(b"second\n")
    lines.close()
    assert os.read(read, 100) == b"second\n"
    os.close(read)
    os.close(write)


def test_a_reader_who_stands_still_costs_lines_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MAX_WAITING_LINES", 1_000)
    read, write = os.pipe()
    lines = LineOutput(write)
    began = time.monotonic()
    for _ in range(5_000):
        lines.line(b"x" * 200 + b"\n")
    assert time.monotonic() - began < 1.0
    assert lines.lost >= 3_000
    lines.close(patience=0.1)
    assert lines.lost < 5_000
    os.close(read)
    os.close(write)


def test_a_reader_who_left_ends_the_capture() -> None:
    read, write = os.pipe()
    os.close(read)
    lines = LineOutput(write)
    audience = LogLines(lines, "normal")
    audience.notice(START, "anybody there?")
    lines._thread.join(5)
    audience.attend()
    assert audience.wishes.over
    os.close(write)


def test_no_date_is_made_up_before_the_first_frame() -> None:
    assert "19" not in stamp(-1)
    found = Finding("capture.damage", "warn", "certain", "An interface went down.", 0, (), "", "", "")
    assert finding_line(found, -1) == f"{stamp(-1)} WARN An interface went down. (capture.damage)"
