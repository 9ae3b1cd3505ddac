"""Runs commands as whole processes and says what each took."""
from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

KIB: Final = 1024
WARM_BLOCK: Final = 1 << 20  # small: see `run` on peak memory
TAIL: Final = 400  # characters of standard error that are kept of a run that failed


class Run:
    """One run. wall, cpu (user and system): seconds. peak: bytes resident, of the process or a child it waited for.

    status: exit code; negative, the signal that ended it. error: the end of its standard error.
    """

    def __init__(self, wall: float, cpu: float, peak: int, status: int, error: str) -> None:
        self.wall = wall
        self.cpu = cpu
        self.peak = peak
        self.status = status
        self.error = error


def run(command: list[str]) -> Run:
    """Runs a command with its output thrown away. Raises FileNotFoundError where there is no such program.

    The peak comes from wait4: on Linux it counts the moment before exec too, so it is never less than this
    process itself holds. That is why captures are made in a process of their own.
    """
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace").strip()
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB, process.returncode, text[-TAIL:])


def warm(path: Path) -> None:
    """Reads a file, so that the run that follows finds it in the page cache."""
    with path.open("rb", buffering=0) as file:
        while file.read(WARM_BLOCK):
            pass


class Series:
    """All runs of one command on one capture. Its figures are medians; they need at least one good run."""

    def __init__(self, tool: str, capture: str, packets: int) -> None:
        self.tool = tool
        self.capture = capture
        self.packets = packets
        self.runs: list[Run] = []

    @property
    def failed(self) -> Run | None:
        return next((each for each in self.runs if each.status), None)

    @property
    def wall(self) -> float:
        return median(each.wall for each in self.runs)

    @property
    def cpu(self) -> float:
        return median(each.cpu for each in self.runs)

    @property
    def peak(self) -> int:
        return int(median(each.peak for each in self.runs))

    @property
    def rate(self) -> float:
        """Packets per second of the whole run, start-up included."""
        return self.packets / self.wall
