"""What each command prints, and the code it exits with."""
from __future__ import annotations

import gc
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import sample_store
from analyzer.cli.main import COMMANDS, run
from analyzer.model import Verdict


def out_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(list(arguments)) == code
    return capsys.readouterr().out


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert run(list(arguments)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_analyze_tells_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    text = out_of(capsys, "analyze", "x.pcap")
    assert "THE STORY" in text
    assert "CONVERSATION 3" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(("name", "code"), [("x.pcap", 0), ("broken.pcap", 2)])
def test_what_was_read_stays_so_no_collection_walks_over_it(name: str, code: int) -> None:
    gc.unfreeze()
    assert run(["analyze", name]) == code
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1_000
    finally:
        gc.unfreeze()


def test_width_comes_from_the_option_then_from_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert 100 < max(map(len, out_of(capsys, "analyze", "x.pcap").splitlines())) <= 120
    assert max(map(len, out_of(capsys, "analyze", "--width", "60", "x.pcap").splitlines())) <= 60


def test_colours_only_when_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in out_of(capsys, "analyze", "--color", "always", "x.pcap")
    assert "\x1b[" not in out_of(capsys, "analyze", "--color", "never", "x.pcap")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in out_of(capsys, "analyze", "x.pcap")
    assert "\x1b[" not in out_of(capsys, "analyze", "--no-color", "x.pcap")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in out_of(capsys, "analyze", "x.pcap")


def test_colours_change_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    colored = out_of(capsys, "analyze", "--color", "always", "x.pcap")
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == out_of(capsys, "analyze", "x.pcap")


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    assert "asks to open" not in out_of(capsys, "analyze", "--level", "brief", "x.pcap")
    assert "Why:" not in out_of(capsys, "analyze", "x.pcap")


def test_conversations_are_chosen(capsys: pytest.CaptureFixture[str], pipeline: type) -> None:
    text = out_of(capsys, "analyze", "-C", "1", "--conversation", "3", "x.pcap")
    assert "CONVERSATION 3" in text
    assert "CONVERSATION 2" not in text
    assert pipeline.last.conversations == (1, 3)
    assert "no conversation 9" in error_of(capsys, "analyze", "-C", "9", "x.pcap")


def test_limit_and_all_reach_the_pipeline(capsys: pytest.CaptureFixture[str], pipeline: type) -> None:
    out_of(capsys, "analyze", "--limit", "7", "x.pcap")
    assert (pipeline.last.limit, pipeline.last.everything) == (7, False)
    out_of(capsys, "analyze", "--all", "x.pcap")
    assert (pipeline.last.limit, pipeline.last.everything) == (0, True)
    assert "contradict" in error_of(capsys, "analyze", "--all", "--limit", "7", "x.pcap")


@pytest.mark.parametrize("severity", ["note", "warn", "error"])
def test_findings_fail_a_run_that_asks_for_it(capsys: pytest.CaptureFixture[str], severity: str) -> None:
    out_of(capsys, "analyze", "--fail-on", severity, "x.pcap", code=1)


def test_milder_findings_do_not_fail_a_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import report_example

    calm = report_example.example()
    calm.findings = [finding for finding in calm.findings if finding.severity == "note"]
    calm.verdict = Verdict()
    monkeypatch.setattr(sys.modules["analyzer.pipeline.run"], "analyze", lambda *_arguments: calm)
    out_of(capsys, "analyze", "--fail-on", "warn", "x.pcap", code=0)
    out_of(capsys, "analyze", "--fail-on", "note", "x.pcap", code=1)


@pytest.mark.parametrize("command", ["analyze", "conversations", "frames"])
def test_unreadable_input_is_one_harmless_line(capsys: pytest.CaptureFixture[str], command: str) -> None:
    error = error_of(capsys, command, "broken.pcap")
    assert error.startswith("Error: broken.pcap: not a capture")
    assert error.count("\n") == 1
    assert "\x1b" not in error


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["analyze"], ["analyze", "--level", "x", "a"], ["frames", "-C", "0", "a"]]
)
def test_bad_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "Usage: wiretale" in error_of(capsys, *arguments)


def test_a_fault_of_ours_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    error = error_of(capsys, "analyze", "fault.pcap", code=3)
    assert "ValueError: odd \\x1b[2J value at conftest.py:" in error
    assert "Please report it" in error
    assert error.count("\n") == 1
    monkeypatch.setenv("WIRETALE_DEBUG", "1")
    assert "Traceback" in error_of(capsys, "analyze", "fault.pcap", code=3)


def test_an_interrupt_leaves_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(capsys, "analyze", "interrupt.pcap", code=130).strip() == ""


def test_conversations_table(capsys: pytest.CaptureFixture[str], pipeline: type) -> None:
    lines = out_of(capsys, "conversations", "x.pcap").splitlines()
    assert lines[0].split()[:4] == ["#", "start", "protocol", "conversation"]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert pipeline.last.tell is False
    lines = out_of(capsys, "conversations", "--sort", "bytes", "--limit", "1", "x.pcap").splitlines()
    assert lines[1].split()[0] == "2"
    assert "2 more conversations" in lines[2]


def test_conversations_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    records = [json.loads(line) for line in out_of(capsys, "conversations", "--json", "x.pcap").splitlines()]
    assert [record["number"] for record in records] == [1, 2, 3]
    assert records[1]["tcp"]["flags"][0] == {"duplicate_ack": 3}
    assert len(out_of(capsys, "conversations", "--json", "--limit", "2", "x.pcap").splitlines()) == 2


def test_frames_stream_as_they_come(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["frames", "x.pcap", "-C", "4"]) == 0
    assert capsysbinary.readouterr().out == b'{"frame":1}\n{"frame":2}\n{"conversation":4}\n'


@pytest.mark.parametrize(("capture", "code"), [("cut.pcap", 0), ("cut-at-once.pcap", 2)])
def test_frames_tell_damage_in_one_harmless_line(
    capsysbinary: pytest.CaptureFixture[bytes], capture: str, code: int
) -> None:
    assert run(["frames", capture]) == code
    error = capsysbinary.readouterr().err
    assert error == f"{capture}: damaged at byte 24: \\x1b[2J\n".encode()


@pytest.mark.parametrize("captures", [["-"], ["a", "b"]])
def test_deep_wants_one_file(capsys: pytest.CaptureFixture[str], captures: list[str]) -> None:
    assert "one capture file" in error_of(capsys, "frames", "--deep", "1", *captures)


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("tcp/clean", "tcp/refused", "dns/a"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "capture.pcapng").write_bytes(b"")
        (folder / "README.md").write_text(f"# The title of {name}\n\nA\x1b[2Jtext\n", encoding="utf-8")
    (tmp_path / "record").mkdir()
    monkeypatch.setattr(sample_store, "folder", lambda: tmp_path)
    return tmp_path


def test_samples_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str], samples: Path) -> None:
    lines = out_of(capsys, "samples").splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        ["dns/a", "The title of dns/a"], ["tcp/clean", "The title of tcp/clean"],
        ["tcp/refused", "The title of tcp/refused"],
    ]


def test_a_sample_is_shown_and_found(capsys: pytest.CaptureFixture[str], samples: Path) -> None:
    assert out_of(capsys, "samples", "show", "dns/a") == "# The title of dns/a\n\nA\\x1b[2Jtext\n"
    assert out_of(capsys, "samples", "path", "dns/a").strip() == str(samples / "dns/a/capture.pcapng")


def test_a_sample_is_taken_as_a_capture(
    capsys: pytest.CaptureFixture[str], samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def analyze(paths: list[str], *_rest: object) -> object:
        import report_example

        asked.append(paths)
        return report_example.example()

    monkeypatch.setattr(sys.modules["analyzer.pipeline.run"], "analyze", analyze)
    assert " sample:tcp/clean, other.pcap " in out_of(capsys, "analyze", "sample:tcp/clean", "other.pcap")
    assert asked == [[str(samples / "tcp/clean/capture.pcapng"), "other.pcap"]]
    assert "Did you mean tcp/clean" in error_of(capsys, "analyze", "sample:tcp/claen")


def test_no_samples_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_store, "folder", lambda: tmp_path)
    assert "No samples are installed" in error_of(capsys, "samples")


def test_protocols_and_glossary_come_from_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert "RFC 1035" in out_of(capsys, "protocols")
    assert "DNS" in out_of(capsys, "explain", "dns")
    assert "dns." in out_of(capsys, "explain")
    assert "Severity: note" in out_of(capsys, "explain", "tcp.analysis.fast_retransmission")
    assert "Did you mean" in error_of(capsys, "explain", "tcp.analysis.fast_retransmision")


def test_an_earlier_report_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    for text, says in (("{", "no JSON document"), ("{}", "no JSON report of wiretale"), ("[" * 100_000, "no JSON")):
        file.write_text(text)
        assert says in error_of(capsys, "analyze", "x.pcap", "--since", str(file))
    assert "does not exist" in error_of(capsys, "report", "x.pcap", "-o", "x.pr.md", "--since", "nowhere.json")


def test_reports_fail_as_analyze_does(capsys: pytest.CaptureFixture[str]) -> None:
    out_of(capsys, "report", "x.pcap", "--format", "pr", "-o", "-", "--fail-on", "error", code=1)
    out_of(capsys, "report", "x.pcap", "--format", "pr", "-o", "-")


def test_a_window_is_of_one_conversation_and_its_findings_count(
    pipeline: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out_of(capsys, "analyze", "--window", "1", "x.pcap")
    assert (pipeline.last.conversations, pipeline.last.windows) == ((1,), True)
    out_of(capsys, "analyze", "--window", "1", "--fail-on", "note", "x.pcap", code=1)
    out_of(capsys, "analyze", "x.pcap")
    assert not pipeline.last.windows


def test_a_capture_alone_is_analyzed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "no-ending"
    file.write_bytes(b"")
    asked = out_of(capsys, "analyze", "x.pcap", "--level", "brief")
    for word in ("x.pcap", "-", "captures/x", str(file)):
        assert out_of(capsys, word, "--level", "brief").splitlines()[1:] == asked.splitlines()[1:]
    assert out_of(capsys, "--level=brief", "x.pcap") == asked
    assert out_of(capsys, "--level", "brief", "x.pcap") == asked
    assert "broken.pcap: not a capture" in error_of(capsys, "broken.pcap")
    assert "No such option" in error_of(capsys, "--nothing")


def test_without_a_word_it_says_what_to_do_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = out_of(capsys)
    assert "wiretale FILE" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(("word", "says"), [
    ("analyse", "Did you mean 'analyze'?"), ("snif", "Did you mean 'sniff'?"), ("xyzzy", "Commands: analyze"),
    ("\x1b[2J", "\\x1b[2J"),
])
def test_a_word_that_is_no_command_is_told_so(capsys: pytest.CaptureFixture[str], word: str, says: str) -> None:
    error = error_of(capsys, word)
    assert says in error
    assert "\x1b" not in error


@pytest.mark.parametrize("name", ["", *COMMANDS, "samples show", "samples path"])
def test_every_help_ends_with_worked_examples(capsys: pytest.CaptureFixture[str], name: str) -> None:
    text = out_of(capsys, *name.split(), "--help")
    shown = text.partition("Examples:\n")[2].splitlines()
    assert shown
    assert all(len(line) <= 80 for line in shown)
    assert any(f"wiretale {name}".rstrip() in line for line in shown)


def test_a_conversation_that_is_not_there_has_no_frames(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = sys.modules["analyzer.pipeline.run"].Frames
    monkeypatch.setattr(frames, "__iter__", lambda _frames: iter([b""]))
    assert "There is no conversation 77" in error_of(capsys, "frames", "x.pcap", "-C", "77")


def test_the_column_that_a_table_is_sorted_by_stays(capsys: pytest.CaptureFixture[str]) -> None:
    for order, title in (("retransmissions", "resent"), ("duration", "duration"), ("bytes", "size")):
        text = out_of(capsys, "conversations", "x.pcap", "--sort", order, "--width", "60")
        assert title in text.splitlines()[0]
