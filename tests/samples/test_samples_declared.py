"""Folders, captures, READMEs and the index against the declarations of the recorder."""
from __future__ import annotations

from pathlib import Path

import pytest

from samples.record.__main__ import LARGEST, chosen
from samples.record.case import Case
from samples.record.cases import ALL
from samples.record.network import MIRROR
from samples.record.readme import index

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
EXPECTED_FILES = {"capture.pcapng", "README.md", "expected.json"}

each_case = pytest.mark.parametrize("case", ALL, ids=lambda case: case.key)


def folder(case: Case) -> Path:
    return SAMPLES / case.protocol / case.name


def test_cases_and_folders_match_one_to_one() -> None:
    keys = [case.key for case in ALL]
    found = {f"{path.parent.parent.name}/{path.parent.name}" for path in SAMPLES.glob("*/*/capture.pcapng")}
    assert len(keys) == len(set(keys))
    assert set(keys) == found


@each_case
def test_folder_holds_a_small_capture_and_a_readme(case: Case) -> None:
    files = {path.name: path for path in folder(case).iterdir()}
    assert {"capture.pcapng", "README.md"} <= set(files) <= EXPECTED_FILES
    assert 0 < files["capture.pcapng"].stat().st_size <= LARGEST


@each_case
def test_readme_begins_with_what_is_declared(case: Case) -> None:
    lines = (folder(case) / "README.md").read_text().split("\n")
    assert lines[0] == f"# {case.title}"
    assert lines[1] == ""
    assert lines[2] == case.summary
    assert lines[3] == ""
    assert f"python -m samples.record {case.key}`" in "\n".join(lines)


@each_case
def test_readme_states_every_thing_shown(case: Case) -> None:
    text = (folder(case) / "README.md").read_text()
    for item in case.shows:
        assert f"| {item.text} | `{item.filter.replace('|', chr(92) + '|')}` |" in text


@each_case
def test_summary_is_a_paragraph(case: Case) -> None:
    assert case.summary.endswith(".")
    assert "\n" not in case.summary
    assert 40 < len(case.summary) < 400


@each_case
def test_faults_and_capture_name_hosts_of_the_case(case: Case) -> None:
    hosts = {host.name for host in case.hosts}
    segments = {nic.segment for host in case.hosts for nic in host.nics}
    assert case.capture.at in hosts | {MIRROR}
    assert set(case.links) <= segments
    assert {fault.source for link in case.links.values() for fault in link.faults} <= hosts


def test_index_is_current() -> None:
    """Written by `python -m samples.record --index`."""
    assert (SAMPLES / "README.md").read_text() == index(list(ALL))


def test_choosing_by_protocol_and_by_key() -> None:
    assert [case.key for case in chosen(["arp", "tcp/clean"])] == ["tcp/clean", "arp/resolve", "arp/unanswered"]
    assert len(chosen([])) == len(ALL)
    with pytest.raises(SystemExit, match="tcp/nothing"):
        chosen(["tcp/nothing"])
