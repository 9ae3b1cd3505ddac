"""What the attacks cost a build: seconds, memory and octets written, for each way to look at them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from attacks import ATTACKS

PATIENCE = 300  # seconds of one command
WAYS = {
    "analyze": ["analyze", "{}", "--level", "teach"],
    "all": ["analyze", "{}", "--all"],
    "html": ["report", "{}", "--anonymize", "-o", "{}.html"],
    "json": ["report", "{}", "-o", "{}.json"],
    "har": ["report", "{}", "-o", "{}.har"],
    "markdown": ["report", "{}", "-o", "{}.md"],
    "frames": ["frames", "{}"],
    "list": ["conversations", "{}", "--all"],
}


class Cost:
    """code: of the command; -1 where it took too long.     written: octets of standard output and of the report."""

    def __init__(self, code: int, seconds: float, memory: int, written: int) -> None:
        self.code = code
        self.seconds = seconds
        self.memory = memory
        self.written = written


def cost_of(python: str, way: str, path: Path) -> Cost:
    """Of one command in a process of its own; memory in octets, its largest."""
    arguments = [word.format(path) for word in WAYS[way]]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [python, "-P", "-m", "analyzer.cli.main", *arguments],
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=path.parent,
            preexec_fn=_limited,  # noqa: PLW1509  (no other thread runs here)
        )
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        written = os.fstat(output.fileno()).st_size
    for report in path.parent.glob(f"{path.name}.*"):
        written += report.stat().st_size
        report.unlink()
    return Cost(process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, written)


def _limited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))


def costs(python: str, octets: int, only: str, ways: str) -> None:
    """A line for each attack, grown to about so many octets."""
    chosen = ways.split(",") if ways else list(WAYS)
    print(f"{'attack':28} {'kB':>6}  " + "  ".join(f"{way + ' s':>11} {'MB':>5} {'out kB':>7}" for way in chosen))
    with tempfile.TemporaryDirectory(prefix="wiretale-costs-") as folder:
        for name, make in ATTACKS.items():
            if only and name not in only.split(","):
                continue
            path = Path(folder) / name
            path.write_bytes(make(max(octets // max(len(make(1)), 1), 1)))
            cells = []
            for way in chosen:
                cost = cost_of(python, way, path)
                failed = "" if cost.code in (0, 2) else f"!{cost.code} "
                cells.append(
                    f"{failed + format(cost.seconds, '.2f'):>11} {cost.memory >> 20:>5} {cost.written >> 10:>7}"
                )
            print(f"{name:28} {path.stat().st_size >> 10:>6}  " + "  ".join(cells), flush=True)
            path.unlink()


if __name__ == "__main__":
    sys.exit("python -m tests.fuzz --costs PYTHON")
