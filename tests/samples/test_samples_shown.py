"""What tshark finds in each recording, against what its case declares; and that no capture tells where it was made."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from joined import Capture, Group, grouped, packets
from tshark_view import rows_of_wiretale

from samples.record.capture import cleaned
from samples.record.case import Case
from samples.record.cases import ALL
from samples.record.readme import ranges

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
each_case = pytest.mark.parametrize("case", ALL, ids=lambda case: case.key)


def counts(group: Group, filters: dict[str, list[str]]) -> dict[str, list[int]]:
    """How many frames of each capture each of its display filters matches, in one run of tshark."""
    command = ["tshark", "-n", "-C", "Default", "-q", "-r", str(group.path)]
    for capture in group.captures:
        own = f"frame.number > {capture.first} && frame.number <= {capture.first + len(capture.lines)}"
        columns = ",".join(f"COUNT(frame.number)frame.number && {own} && ({f})" for f in filters[capture.name])
        command += ["-z", f"io,stat,0,{columns}"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    rows = [line.split("|", 2)[2] for line in printed.splitlines() if "<>" in line][::-1]   # the last one comes first
    return {
        capture.name: [int(cell) for cell in re.findall(r"\d+", row)]
        for capture, row in zip(group.captures, rows, strict=True)
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """By sample: how many of its frames tshark finds with each filter of its case."""
    filters = {case.key: [item.filter for item in case.shows] for case in ALL}
    captures = []
    for case in ALL:
        path = SAMPLES / case.protocol / case.name / "capture.pcapng"
        octets, lines = path.read_bytes(), rows_of_wiretale(path)
        assert len(lines) == packets(octets), case.key
        from_its_begin = any("frame.time_relative" in one for one in filters[case.key])
        captures.append(Capture(case.key, octets, lines, alone=from_its_begin))
    counted: dict[str, list[int]] = {}
    for group in grouped(captures, tmp_path_factory.mktemp("shown")):
        counted |= counts(group, filters)
    return counted


@needs_tshark
@each_case
def test_capture_shows_what_its_case_declares(case: Case, found: dict[str, list[int]]) -> None:
    assert len(found[case.key]) == len(case.shows)
    for item, count in zip(case.shows, found[case.key], strict=True):
        assert item.at_least <= count <= item.at_most, item.filter


@each_case
def test_capture_is_clean(case: Case) -> None:
    """Nothing left in section and interface blocks that the recorder takes out: cleaning again changes nothing."""
    data = (SAMPLES / case.protocol / case.name / "capture.pcapng").read_bytes()
    assert cleaned(data) == data


def block(kind: int, body: bytes) -> bytes:
    size = (len(body) + 12).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + size + body + size


def option(code: int, value: bytes) -> bytes:
    return code.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value + b"\0" * (-len(value) % 4)


def test_cleaning_takes_out_machine_and_system_and_keeps_the_rest() -> None:
    fixed = bytes.fromhex("4d3c2b1a01000000") + b"\xff" * 8
    end = option(0, b"")
    interface = bytes.fromhex("0100000000000400")
    resolution = option(2, b"eth0") + option(9, b"\x09")
    packets = block(6, bytes(20)) + block(5, bytes(12))
    machine = option(2, b"Some CPU") + option(3, b"Some System 1.2")
    dirty = (block(0x0A0D0D0A, fixed + machine + option(4, b"Dumpcap") + end)
             + block(1, interface + resolution + option(12, b"Some System") + end) + packets)
    clean = (block(0x0A0D0D0A, fixed + option(4, b"Dumpcap") + end) + block(1, interface + resolution + end) + packets)
    assert cleaned(dirty) == clean


@pytest.mark.parametrize(("numbers", "words"), [
    ([], ""),
    ([3], "3"),
    ([3, 4], "3, 4"),
    ([3, 4, 5, 9], "3 to 5, 9"),
    ([1, 3, 5, 7, 9, 11, 13], "1, 3, 5, 7, 9 ... 13 (7 frames)"),
])
def test_frame_numbers_are_written_as_ranges(numbers: list[int], words: str) -> None:
    assert ranges(numbers) == words
