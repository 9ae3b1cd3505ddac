"""The display filter of a finding shows, in Wireshark, the frames that the finding cites."""
from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sample_feeds import sample_captures, sample_name

from analyzer.model import Finding
from analyzer.pipeline.run import Options, analyze

SET = re.compile(r"frame\.number in \{([^}]*)\}")
COUNT = re.compile(r"<> +(?:Dur|[\d.]+) *\| +(\d+) \|")


def without_commas(display_filter: str) -> str:
    """The same filter without the commas of sets, at which tshark would end a filter that it is to count by."""
    def spelled(found: re.Match[str]) -> str:
        ranges = [one.strip().partition("..") for one in found[1].split(",")]
        return "(" + " || ".join(
            f"(frame.number >= {first} && frame.number <= {last or first})" for first, _dots, last in ranges
        ) + ")"
    return SET.sub(spelled, display_filter)


def matched(capture: Path, findings: list[Finding]) -> list[int]:
    """How many of its frames the filter of each finding shows."""
    command = ["tshark", "-n", "-q", "-r", str(capture)]
    for one in findings:
        cited = " || ".join(f"frame.number == {frame}" for frame in one.frames)
        command += ["-z", f"io,stat,0,({without_commas(one.display_filter)}) && ({cited})"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [int(count) for count in COUNT.findall(done.stdout)][::-1]     # the first one asked for comes last


def test_a_set_is_spelled_out() -> None:
    assert without_commas("(dns) || frame.number in {3, 5..7}") == (
        "(dns) || ((frame.number >= 3 && frame.number <= 3) || (frame.number >= 5 && frame.number <= 7))"
    )


@pytest.mark.slow(reason="tshark reads every sample")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_the_filters_of_samples_match_what_they_cite() -> None:
    told = [(path, analyze([str(path)], Options()).findings) for path in sample_captures()]
    asked = [(path, [one for one in findings if one.frames]) for path, findings in told]
    asked = [(path, findings) for path, findings in asked if findings]
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(matched, *zip(*asked, strict=True)))
    wrong = [
        f"{sample_name(path)} {one.code}: {one.display_filter} shows {count} of {len(one.frames)}"
        for (path, findings), found in zip(asked, counts, strict=True)
        for one, count in zip(findings, found, strict=True) if count != len(one.frames)
    ]
    assert len(asked) > 100
    assert wrong == []
