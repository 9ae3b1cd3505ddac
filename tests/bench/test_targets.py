"""Verdicts: what was measured is held against what is to be reached, and nothing missing passes for met."""
from __future__ import annotations

import sys
from pathlib import Path

from bench import targets
from bench.measure import Run, Series, run
from bench.report import speeds, table, verdicts
from bench.targets import MIB, Results, judge, per_packet
from bench.tools import Tool, tools


def tool(key: str, small: int, large: int, missing: str = "") -> Tool:
    return Tool(key, key, ["true", None], small, large, False, missing, "1")


def series(results: Results, key: str, capture: str, packets: int, wall: float, peak: int = 1, status: int = 0) -> None:
    found = Series(key, capture, packets)
    found.runs = [Run(each, each, peak * MIB, status, "no such thing") for each in (wall, wall * 3, wall / 2)]
    results[(key, capture)] = found


def measured(ours: float) -> Results:
    results: Results = {}
    series(results, "analyze", "mix-100", 100, 0.2)
    series(results, "analyze", "mix-1m", 1_000_000, ours, 100)
    series(results, "analyze", "mix-4m", 4_000_000, ours * 4, 102)
    series(results, "tshark-conv", "mix-100k", 100_000, 1.0)
    series(results, "tshark-conv", "mix-1m", 1_000_000, 10.0)
    series(results, targets.HELP, "", 0, 0.1)
    return results


CHOSEN = [tool("analyze", 1_000_000, 4_000_000), tool("tshark-conv", 100_000, 1_000_000)]


def test_met_and_missed() -> None:
    fast, slow = judge(measured(0.5), CHOSEN), judge(measured(2.0), CHOSEN)
    assert [target.verdict for target in fast] == ["met"] * 5
    assert fast[0].value == 20.0
    assert slow[0].verdict == "MISSED"
    assert not targets.missed(fast, {})
    assert targets.missed(slow, {})


def test_the_median_counts_and_start_up_is_taken_out_of_the_cost_of_a_packet() -> None:
    results = measured(0.5)
    assert results[("analyze", "mix-1m")].wall == 0.5
    assert per_packet(results, CHOSEN[0]) == 0.5e-6


def test_a_missing_peer_is_named() -> None:
    chosen = [CHOSEN[0], tool("tshark-conv", 100_000, 1_000_000, "tshark is not installed")]
    first = judge(measured(0.5), chosen)[0]
    assert (first.verdict, first.note) == ("not measured", "tshark is not installed")
    assert "tshark is not installed" in verdicts([first])
    assert "missing" in speeds(measured(0.5), [chosen[1]])


def test_a_run_of_ours_that_fails_counts_as_missed() -> None:
    results = measured(0.5)
    series(results, "analyze", "mix-4m", 4_000_000, 1.0, status=3)
    assert targets.missed(judge(results, CHOSEN), results)
    assert "failed (3) no such thing" in speeds(results, CHOSEN)


def test_a_process_is_measured() -> None:
    good = run([sys.executable, "-c", "b'x' * (50 << 20)"])
    bad = run([sys.executable, "-c", "raise SystemExit('a reason')"])
    assert good.status == 0
    assert good.peak > 50 * MIB
    assert good.cpu > 0
    assert (bad.status, bad.error) == (1, "a reason")


def test_a_program_that_is_not_there() -> None:
    found = {each.key: each for each in tools(["/nowhere/wiretale"], quick=True)}
    assert found["analyze"].missing == "/nowhere/wiretale is not installed"
    assert found["analyze"].large == 400_000
    assert found["analyze"].words(Path("a.pcap")) == ["/nowhere/wiretale", "analyze", "--jobs", "1", "a.pcap"]


def test_columns_are_aligned() -> None:
    assert table(["a", "b"], [["x", "10"]]) == "a   b\n-  --\nx  10"
