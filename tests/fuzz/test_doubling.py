"""Twice as large a capture takes no more than about twice the time and memory, whatever it holds."""
from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
from attacks import ATTACKS

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import Layout, by_name

MOST = 3.0          # times as long for twice as much; what is quadratic takes four times
FIXED = 0.02        # seconds that nothing depends on
LARGEST = 40        # octets of a report for each octet of the capture, beside what is free
FREE = 4 << 20      # ... for the events of a conversation that are kept, however small it is
EACH = 400          # octets of memory for each octet of the capture, interpreted, beside what is free
FREE_MEMORY = 32 << 20
WRITTEN = ("json", "har", "markdown", "text")
HELD = ("references", "comments", "connections", "requests_at_once", "pointers", "interfaces", "key_lines")


def written(analysis: Analysis, name: str, anonymous: bool = False) -> int:
    """Octets of a report."""
    form = by_name(name)
    assert form is not None
    return sum(map(len, form.write(analysis, Layout(anonymous=anonymous))))


def seconds(path: Path) -> float:
    """Of this process: what is read is told, as a page and without a name."""
    begun = time.process_time()
    assert written(analyze([str(path)], Options(graphs=True)), "html", True)
    return time.process_time() - begun


@pytest.mark.slow(reason="sixty attacks, each at least twice")
@pytest.mark.parametrize("attack", ATTACKS)
def test_twice_as_much_takes_no_more_than_about_twice_as_long(attack: str, tmp_path: Path) -> None:
    paths = []
    for scale in (1, 2):
        paths.append(tmp_path / f"{scale}.pcap")
        paths[-1].write_bytes(ATTACKS[attack](scale))
    small, large = 0.0, 1.0
    for _attempt in range(4):       # a machine that does something else is no failure
        small, large = seconds(paths[0]), seconds(paths[1])
        if large <= MOST * small + FIXED:
            break
    assert large <= MOST * small + FIXED


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_written_stays_within_a_factor_of_what_was_read(attack: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(ATTACKS[attack](1))
    analysis = analyze([str(path)], Options())
    allowed = FREE + LARGEST * path.stat().st_size
    assert {name: size for name in WRITTEN if (size := written(analysis, name)) > allowed} == {}


@pytest.mark.parametrize("attack", HELD)
def test_memory_stays_within_a_factor_of_what_was_read(attack: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(ATTACKS[attack](2))
    tracemalloc.start()
    try:
        written(analyze([str(path)], Options()), "json")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most <= FREE_MEMORY + EACH * path.stat().st_size
