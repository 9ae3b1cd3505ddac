"""The cost of the HTML report: a ratio of processor time and a size, or why there is none."""
from __future__ import annotations

import sys
from pathlib import Path

from bench import pages
from bench.tools import Tool
from bench.traffic.capture import Capture

# Stands for wiretale: `report` writes its file of 2 MB.
STAND_IN = """import sys
if sys.argv[1] == "report":
    open(sys.argv[-1], "wb").write(bytes(2_000_000))
sys.exit(int("broken" in sys.argv[0]))
"""


def judged(tmp_path: Path, script: str = "fine.py", missing: str = "") -> list[pages.Target]:
    capture = tmp_path / "mix-1k.pcap"
    capture.write_bytes(b"")
    program = tmp_path / script
    program.write_text(STAND_IN)
    analyze = Tool("analyze", "", [], 1000, 4000, False, missing, "1")
    return pages.judge([sys.executable, str(program)], [analyze], {"mix-1k": Capture(capture, 1000, 0)}, 3)


def test_both_figures_are_measured(tmp_path: Path) -> None:
    ratio, size = judged(tmp_path)
    assert ratio.value is not None
    assert ratio.value > 0
    assert "mix-1k" in ratio.note
    assert size.value == 2.0
    assert size.verdict == "met"


def test_a_failed_run_and_a_missing_program_are_no_figure(tmp_path: Path) -> None:
    assert [target.verdict for target in judged(tmp_path, "broken.py")] == ["not measured"] * 2
    assert [target.note for target in judged(tmp_path, missing="not there")] == ["not there"] * 2
    assert pages.judge(["none"], [], {}, 1) == []
