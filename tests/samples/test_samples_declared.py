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
EXPECTED_FILES = {"capture.pcapng", "README.md", "expected.json", "client.qlog"}

def folder(case: Case) -> Path:
    return SAMPLES / case.protocol / case.name


def test_cases_and_folders_match_one_to_one() -> None:
    keys = [case.key for case in ALL]
    found = {f"{path.parent.parent.name}/{path.parent.name}" for path in SAMPLES.glob("*/*/capture.pcapng")}
    assert len(keys) == len(set(keys)) > 200
    assert set(keys) == found


def test_every_folder_holds_a_small_capture_and_a_readme() -> None:
    wrong = []
    for case in ALL:
        files = {path.name: path for path in folder(case).iterdir()}
        if not {"capture.pcapng", "README.md"} <= set(files) <= EXPECTED_FILES:
            wrong.append(f"{case.key}: {sorted(files)}")
        elif not 0 < files["capture.pcapng"].stat().st_size <= LARGEST:
            wrong.append(f"{case.key}: {files['capture.pcapng'].stat().st_size} bytes")
    assert wrong == []


def test_every_readme_begins_with_what_is_declared() -> None:
    wrong = []
    for case in ALL:
        text = (folder(case) / "README.md").read_text()
        if not text.startswith(f"# {case.title}\n\n{case.summary}\n\n"):
            wrong.append(f"{case.key}: {text[:200]!r}")
        if f"python -m samples.record {case.key}`" not in text:
            wrong.append(f"{case.key}: not how it was recorded")
    assert wrong == []


def test_every_readme_states_every_thing_shown() -> None:
    wrong = []
    for case in ALL:
        text = (folder(case) / "README.md").read_text()
        rows = [f"| {item.text} | `{item.filter.replace('|', chr(92) + '|')}` |" for item in case.shows]
        wrong += [f"{case.key}: {row}" for row in rows if row not in text]
    assert wrong == []


def test_every_summary_is_a_paragraph() -> None:
    assert [
        f"{case.key}: {case.summary!r}" for case in ALL
        if not (case.summary.endswith(".") and "\n" not in case.summary and 40 < len(case.summary) < 400)
    ] == []


def test_faults_and_capture_name_hosts_of_the_case() -> None:
    wrong = []
    for case in ALL:
        hosts = {host.name for host in case.hosts}
        segments = {nic.segment for host in case.hosts for nic in host.nics}
        faulty = {fault.source for link in case.links.values() for fault in link.faults}
        if not (case.capture.at in hosts | {MIRROR} and set(case.links) <= segments and faulty <= hosts):
            wrong.append(f"{case.key}: {case.capture.at}, {sorted(case.links)}, {sorted(faulty)}")
    assert wrong == []


def test_index_is_current() -> None:
    """Written by `python -m samples.record --index`."""
    assert (SAMPLES / "README.md").read_text() == index(list(ALL))


def test_choosing_by_protocol_and_by_key() -> None:
    arp = [case.key for case in chosen(["arp", "tcp/clean"])]
    assert arp[:3] == ["tcp/clean", "arp/resolve", "arp/unanswered"]
    assert {key.partition("/")[0] for key in arp[3:]} == {"arp"}
    assert len(chosen([])) == len(ALL)
    with pytest.raises(SystemExit, match="tcp/nothing"):
        chosen(["tcp/nothing"])
