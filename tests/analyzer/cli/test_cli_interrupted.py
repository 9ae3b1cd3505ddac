"""Ctrl-C while a capture is read: what was read until then is told, and said to be a part."""
from __future__ import annotations

import fcntl
import json
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[3] / "samples" / "tcp" / "clean" / "capture.pcapng"
PATIENCE = 60.0
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def unread(pipe: int) -> int:
    """Bytes that wait in a pipe."""
    count: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return count


def waits(process: int) -> bool:
    """Whether it sleeps, as one does that wants more of a pipe."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def heard() -> None:
    """Ctrl-C is, also where whoever started the tests ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(data: bytes, *command: str) -> tuple[int, str, str]:
    """Exit code, output and complaints of a command that reads these bytes from a pipe that stays open, then Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "analyzer.cli.main", *command, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=heard,  # noqa: PLW1509  (no threads here)
    )
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()
    until = time.monotonic() + PATIENCE
    quiet = 0
    while quiet < 15 and time.monotonic() < until:     # all was taken out of the pipe, and looked at
        quiet = quiet + 1 if not unread(process.stdin.fileno()) and waits(process.pid) else 0
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stderr is not None
    out, said = process.stdout.read(), process.stderr.read()
    process.stdin.close()
    return process.wait(PATIENCE), out.decode(), said.decode()


def test_what_was_read_is_told() -> None:
    whole = SAMPLE.read_bytes()
    code, out, said = interrupted(whole[:len(whole) * 2 // 3], "analyze")
    assert code == 130
    assert "the reading was interrupted: all of this is about the first" in " ".join(out.split())
    assert "three-way handshake" in out
    assert "The reading ends" in out
    assert "capture ends" not in " ".join(out.split())
    assert "Traceback" not in said


def test_a_pipe_whose_writer_hears_it_first_was_interrupted_too() -> None:
    """Ctrl-C reaches every program of a pipeline; the writer may be gone before the reader looks."""
    script = (
        "import signal, sys\n"
        "from analyzer.cli import main, progress\n"
        "from analyzer.pipeline import passes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "begin = passes.Pulse.begin\n"
        "def pressed(self, name, *numbers, **named):\n"
        "    begin(self, name, *numbers, **named)\n"
        "    if name == passes.READING:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "passes.Pulse.begin = pressed\n"
        "sys.exit(main.run(['analyze', '-']))\n"
    )
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, input=SAMPLE.read_bytes(), capture_output=True, check=False)
    out = " ".join(done.stdout.decode().split())
    assert done.returncode == 130
    assert "the reading was interrupted: all of this is about the first 79 frames" in out


def test_so_does_a_report() -> None:
    whole = SAMPLE.read_bytes()
    code, out, _said = interrupted(whole[:len(whole) // 2], "report", "--format", "json", "-o", "-")
    told = json.loads(out)
    assert code == 130
    assert told["capture"]["frames"] > 0
    assert "interrupted" in " ".join(told["capture"]["damage"])


def test_before_the_first_frame_there_is_nothing_to_tell() -> None:
    code, out, said = interrupted(SAMPLE.read_bytes()[:40], "analyze")
    assert code == 130
    assert out.strip() == ""
    assert "Traceback" not in said
