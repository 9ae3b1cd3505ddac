"""Start-up, pipes and terminals, each in a process of its own."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
COMMAND = [sys.executable, "-P", "-m", "analyzer.cli.main"]   # what is installed, not the folder
HEAVY = (
    "rich", "scapy", "dpkt", "pyshark", "lxml", "asyncio", "zstandard", "lz4", "librt",
    "analyzer.ingest", "analyzer.pipeline", "analyzer.report", "analyzer.flows", "dissectors",
    "importlib.metadata", "json",
)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    reached = os.pathsep.join(path for path in sys.path if path)
    return {**kept, "PYTHONPATH": reached, "PYTHONIOENCODING": "utf-8", **more}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, json; names = set(sys.modules); from analyzer.cli.main import run; code = run(['--help']);"
        "import json; print(json.dumps([code, sorted(set(sys.modules) - names - {'json'})]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True, text=True, check=True, cwd=ROOT, env=environment(),
    )
    exit_code, modules = json.loads(done.stdout.splitlines()[-1])
    assert exit_code == 0
    loaded = [name for name in modules if any(name == heavy or name.startswith(heavy + ".") for heavy in HEAVY)]
    assert loaded == []


def test_help_answers_at_once() -> None:
    best = 9.0
    for _attempt in range(3):
        began = time.monotonic()
        subprocess.run([*COMMAND, "--help"], check=True, capture_output=True, cwd=ROOT, env=environment())
        best = min(best, time.monotonic() - began)
    assert best < 1.0     # about 0.12 s on a machine of its own


def test_version_says_how_it_runs() -> None:
    done = subprocess.run(
        [*COMMAND, "--version"], check=True, capture_output=True, text=True, cwd=ROOT, env=environment()
    )
    assert done.stdout.startswith("wiretale ")
    assert done.stdout.count("\n") == 1
    assert "compiled" in done.stdout
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}." in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
@pytest.mark.parametrize("arguments", [["--help"], ["samples"]])
def test_a_reader_that_goes_away_is_no_fault(arguments: list[str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == b""
    assert process.wait() == 141


@pytest.mark.skipif(sys.platform == "win32", reason="no pty there")
@pytest.mark.parametrize(("more", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_gets_colours_and_its_width(more: dict[str, str], colored: bool) -> None:
    text = on_terminal(["explain", "dns"], 60, environment(**{"TERM": "xterm-256color", **more}))
    assert "dns.query" in text
    assert ("\x1b[" in text) is colored
    assert max(len(line) for line in text.replace("\r", "").split("\n")) <= 60 + 24 * colored


def on_terminal(arguments: list[str], columns: int, env: dict[str, str]) -> str:
    """What the command writes to a terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=env)
    os.close(theirs)
    read = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:      # Linux: the other end is closed
            break
        if not block:
            break
        read += block
    os.close(ours)
    assert process.wait() == 0
    return read.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="encodings differ there")
def test_a_terminal_without_our_characters_gets_question_marks() -> None:
    done = subprocess.run(
        [*COMMAND, "explain", "dns"], capture_output=True, check=True, cwd=ROOT,
        env={**environment(), "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.isascii()
