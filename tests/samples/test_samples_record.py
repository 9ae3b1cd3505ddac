"""One tiny case recorded anew. Needs root, namespaces, tap devices and the programs of the recorder."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from samples.record.__main__ import record
from samples.record.case import Case, Shows
from samples.record.cases import ALL
from samples.record.lab import Lab, LabError, namespace
from samples.record.readme import NotShown
from samples.record.tools import why_not

CASE = next(case for case in ALL if case.key == "tcp/server-rst")


def _obstacle() -> str:
    if reason := why_not():
        return reason
    made = subprocess.run(["ip", "netns", "add", namespace("trial")], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "delete", namespace("trial")], capture_output=True, check=False)
    return "" if made.returncode == 0 else "network namespaces cannot be made here"


OBSTACLE = _obstacle()
pytestmark = pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE or "nothing is in the way")


def left_over() -> list[str]:
    named = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    return [line for line in named.splitlines() if line.startswith(namespace(""))]


def test_a_case_is_recorded_anew(tmp_path: Path) -> None:
    size = record(CASE, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"capture.pcapng", "README.md"}
    assert (tmp_path / "capture.pcapng").stat().st_size == size
    assert (tmp_path / "README.md").read_text().startswith(f"# {CASE.title}\n")
    assert left_over() == []


def test_a_recording_that_does_not_show_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    case = Case(CASE.protocol, CASE.name, CASE.title, CASE.summary, CASE.hosts, CASE.drive,
                (Shows("tcp.flags.fin == 1", "A FIN that is not there"),), CASE.prepare)
    with pytest.raises(NotShown, match="matches 0 frames"):
        record(case, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_everything_is_removed_after_a_failure() -> None:
    lab = Lab(CASE.key, CASE.hosts, CASE.links, CASE.capture, CASE.seconds)
    with lab, pytest.raises(LabError, match="ended with"):
        lab.run("client", [shutil.which("false") or "false"])
    assert not lab.scratch.exists()
    assert left_over() == []
