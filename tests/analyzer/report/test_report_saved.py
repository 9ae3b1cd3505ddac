"""Files that are complete or as they were, whatever happens; several in one run; captures through a pipe."""
from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sample_feeds import SAMPLES
from test_report_html import data_of

from analyzer.programs import ENDING
from analyzer.report.saved import save

ROOT = Path(__file__).parents[3]
CAPTURE = SAMPLES / "dns" / "dns-then-http" / "capture.pcapng"
# Writes one piece, says so, and waits to be ended; SIGINT is ignored from the start in a job in the background.
SLOW = """
import signal, sys, time
from analyzer.report.saved import save
signal.signal(signal.SIGINT, signal.default_int_handler)
def pieces():
    yield b"half"
    print("begun", flush=True)
    time.sleep(30)
save(sys.argv[1], pieces())
"""


def wiretale(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "analyzer.cli.main", *words], input=given, capture_output=True, check=False, timeout=60,
        cwd=ROOT,
    )


def failing(error: BaseException) -> Iterator[bytes]:
    yield b"half"
    raise error


@pytest.mark.parametrize("error", [RuntimeError("fault"), KeyboardInterrupt(), SystemExit(1), OSError(28, "full")])
@pytest.mark.parametrize("before", [None, "before"])
def test_what_was_there_stays_when_writing_fails(tmp_path: Path, error: BaseException, before: str | None) -> None:
    path = tmp_path / "report.json"
    if before is not None:
        path.write_text(before)
    with pytest.raises(type(error)):
        save(str(path), failing(error))
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == (
        [] if before is None else [("report.json", before)]
    )


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_process_that_is_ended_leaves_nothing_half_written(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "report.json"
    path.write_text("before")
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        assert process.wait(10) in (-number, 1)      # SIGINT is an exception of Python's
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("report.json", "before")]


def killed(path: Path) -> Path:
    """What a run to that target leaves that was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.kill()
    (left,) = [entry for entry in path.parent.iterdir() if entry.name.startswith(f".{path.name[:40]}")]
    return left


@pytest.mark.parametrize("name", ["report.json", "r" * 250 + ".json"])
def test_what_a_killed_process_left_is_known_and_removed_by_the_next(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    left = killed(path)
    assert left.name.endswith(".wiretale")
    other = tmp_path / f".other{left.name}"
    other.write_text("somebody else's")
    save(str(path), [b"whole"])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([name, other.name])


def test_what_another_run_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        save(str(path), [b"whole"])
        assert len(list(tmp_path.iterdir())) == 2
        process.kill()
    assert path.read_bytes() == b"whole"


def test_no_link_is_followed_and_no_pipe_waited_for_where_leftovers_are_looked_for(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    (tmp_path / ".report.json.x.wiretale").symlink_to(kept)
    os.mkfifo(tmp_path / ".report.json.y.wiretale")
    save(str(tmp_path / "report.json"), [b"whole"])
    assert kept.read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 4


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    seen: list[str] = []

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            seen.append(path.read_text())
            yield b"new "

    assert save(str(path), pieces()) == 400
    assert set(seen) == {"old"}
    assert path.read_text() == "new " * 100


def test_rights_and_links_stay(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o640)
    link = tmp_path / "latest.json"
    link.symlink_to(path.name)
    save(str(link), [b"new"])
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh.json"
    before = os.umask(0o027)
    try:
        save(str(fresh), [b"new"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640


def test_what_root_captured_is_for_its_owner_only(tmp_path: Path) -> None:
    """Whoever has the old file open reads nothing of it, and no link leads elsewhere."""
    path, link = tmp_path / "report.json", tmp_path / "latest.json"
    path.write_text("old")
    path.chmod(0o666)
    link.symlink_to(path.name)
    owner = (os.geteuid(), os.getegid())
    with path.open() as watched:
        save(str(path), [b"new"], owner)
        assert watched.read() == "old"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.stat().st_uid, path.stat().st_gid) == owner
    with pytest.raises(OSError, match="symbolic link"):
        save(str(link), [b"newer"], owner)
    assert path.read_text() == "new"
    save(str(tmp_path / "fresh.json"), [b"new"], owner)
    assert stat.S_IMODE((tmp_path / "fresh.json").stat().st_mode) == 0o600


def test_a_device_or_a_named_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    assert save("/dev/null", [b"gone"]) == 4
    assert not Path("/dev/null").is_file()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    save(str(pipe), [b"through ", b"the pipe"])
    reader.join(10)
    assert read == [b"through the pipe"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_several_outputs_of_one_run_tell_the_same(tmp_path: Path) -> None:
    names = ("a.html", "a.json", "a.jsonl", "a.md", "a.csv", "a.har", "a.svg", "a.pcapng", "a.txt")
    done = wiretale("report", str(CAPTURE), *(word for name in names for word in ("-o", str(tmp_path / name))))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)
    document = json.loads((tmp_path / "a.json").read_text())
    page = data_of((tmp_path / "a.html").read_text())
    assert [one["number"] for one in page["conversations"]] == [one["number"] for one in document["conversations"]]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert sum(line["record"] == "conversation" for line in lines) == len(document["conversations"])


def test_an_unwritable_output_leaves_the_others_whole(tmp_path: Path) -> None:
    done = wiretale("report", str(CAPTURE), "-o", str(tmp_path / "a.json"), "-o", str(tmp_path / "none" / "b.json"))
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    json.loads((tmp_path / "a.json").read_text())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("name", ["html", "json", "csv", "har"])
def test_a_capture_may_come_through_a_pipe(name: str) -> None:
    piped = wiretale("report", "-", "--format", name, "-o", "-", given=CAPTURE.read_bytes())
    assert (piped.returncode, piped.stderr) == (0, b"")
    plain = wiretale("report", str(CAPTURE), "--format", name, "-o", "-")
    if name == "html":
        assert data_of(piped.stdout.decode()) == data_of(plain.stdout.decode())
    elif name == "json":
        ours, theirs = json.loads(piped.stdout), json.loads(plain.stdout)
        assert ours["conversations"] == theirs["conversations"]
    else:
        assert piped.stdout == plain.stdout


def test_an_annotated_capture_cannot_be_made_of_a_pipe(tmp_path: Path) -> None:
    done = wiretale("report", "-", "-o", str(tmp_path / "a.pcapng"), given=CAPTURE.read_bytes())
    assert done.returncode == 2
    assert b"cannot be read a second time" in done.stderr
    assert list(tmp_path.iterdir()) == []
