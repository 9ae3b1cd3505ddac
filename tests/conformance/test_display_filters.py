"""The display filter of a finding shows, in Wireshark, the frames that the finding cites."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from joined import Capture, Group, grouped
from sample_feeds import sample_captures, sample_name
from tshark_view import rows_of_wiretale

from analyzer.model import Finding
from analyzer.pipeline.run import Options, analyze

SET = re.compile(r"frame\.number in \{([^}]*)\}")
COUNT = re.compile(r"<> +(?:Dur|[\d.]+) *\| +(\d+) \|")


def spelled_out(display_filter: str, first: int = 0) -> str:
    """The same filter without the commas of sets, at which tshark would end a filter that it is to count by.

    first: by how much each number of a frame is larger where the filter is used.
    """
    def spelled(found: re.Match[str]) -> str:
        ranges = [one.strip().partition("..") for one in found[1].split(",")]
        return "(" + " || ".join(
            f"(frame.number >= {first + int(begin)} && frame.number <= {first + int(end or begin)})"
            for begin, _dots, end in ranges
        ) + ")"
    return SET.sub(spelled, display_filter)


def matched(group: Group, findings: dict[str, list[Finding]]) -> list[tuple[Capture, Finding, int]]:
    """How many of its frames the filter of each finding shows."""
    command = ["tshark", "-n", "-q", "-r", str(group.path)]
    asked = [(capture, one) for capture in group.captures for one in findings[capture.name]]
    for capture, one in asked:
        cited = " || ".join(f"frame.number == {capture.first + frame}" for frame in one.frames)
        command += ["-z", f"io,stat,0,({spelled_out(one.display_filter, capture.first)}) && ({cited})"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    counts = [int(count) for count in COUNT.findall(done.stdout)][::-1]     # the first one asked for comes last
    return [(*one, count) for one, count in zip(asked, counts, strict=True)]


def test_a_set_is_spelled_out() -> None:
    assert spelled_out("(dns) || frame.number in {3, 5..7}") == (
        "(dns) || ((frame.number >= 3 && frame.number <= 3) || (frame.number >= 5 && frame.number <= 7))"
    )
    assert spelled_out("frame.number in {3..5} && tcp.port == 80", 100) == (
        "((frame.number >= 103 && frame.number <= 105)) && tcp.port == 80"
    )


@pytest.mark.slow(reason="tshark reads every sample")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_the_filters_of_samples_match_what_they_cite(tmp_path: Path) -> None:
    captures: list[Capture] = []
    findings: dict[str, list[Finding]] = {}
    for path in sample_captures():
        told = [one for one in analyze([str(path)], Options()).findings if one.frames]
        if told:
            findings[sample_name(path)] = told
            captures.append(Capture(sample_name(path), path.read_bytes(), rows_of_wiretale(path)))
    wrong = [
        f"{capture.name} {one.code}: {one.display_filter} shows {count} of {len(one.frames)}"
        for group in grouped(captures, tmp_path)
        for capture, one, count in matched(group, findings) if count != len(one.frames)
    ]
    assert len(captures) > 100
    assert wrong == []
