"""What the HTML report costs beside the analysis itself: time as a ratio of the two, and the size of the file."""
from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from bench.measure import Run, run, warm
from bench.targets import Target
from bench.tools import Tool
from bench.traffic.capture import Capture, name

LONGEST: Final = 1.5       # times the processor time of `wiretale analyze`
LARGEST: Final = 20.0      # MB of the file
MB: Final = 1_000_000


def judge(wiretale: list[str], chosen: list[Tool], captures: dict[str, Capture], runs: int) -> list[Target]:
    """Two lines of the verdict on the smaller capture that `analyze` reads; none where it was not chosen.

    Both commands run in turn, and processor time is compared, user and system.
    """
    analyze = next((tool for tool in chosen if tool.key == "analyze"), None)
    if analyze is None:
        return []
    key = name(analyze.small, False)
    if analyze.missing:
        return _targets(None, None, analyze.missing)
    capture = captures[key].path
    warm(capture)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        plain, written = [], []
        for turn in range(runs):
            if sys.stderr.isatty():
                print(f"\r\033[Kreport {turn + 1} of {runs}: {key}", end="", file=sys.stderr, flush=True)
            plain.append(run([*wiretale, "analyze", str(capture)]))
            written.append(run([*wiretale, "report", str(capture), "-o", str(page)]))
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        size = page.stat().st_size / MB if page.exists() else None
    failed = next((each for each in [*plain, *written] if each.status), None)
    if failed is not None:
        return _targets(None, None, f"a run on {key} failed: {failed.error.splitlines()[-1:]}")
    return _targets(_cpu(written) / _cpu(plain), size, f"on {key}: {_cpu(written):.2f} s against {_cpu(plain):.2f} s")


def _cpu(runs: list[Run]) -> float:
    return median(each.cpu for each in runs)


def _targets(ratio: float | None, size: float | None, note: str) -> list[Target]:
    return [
        Target("wiretale report (HTML) against wiretale analyze", ratio, LONGEST, False, "×", note),
        Target("size of the HTML report", size, LARGEST, False, "MB", note if size is None else ""),
    ]
