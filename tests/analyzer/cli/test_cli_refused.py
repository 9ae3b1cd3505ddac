"""What the system, the user's own set-up or somebody else's package refuses: one clear line, and never our fault."""
from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli.main import FAULT, UNUSABLE, run

ROOT = Path(__file__).parents[3]
CAPTURE = str(ROOT / "samples" / "tcp" / "clean" / "capture.pcapng")
COMMAND = [sys.executable, "-P", "-m", "analyzer.cli.main"]
FULL = "/dev/full"
needs_full = pytest.mark.skipif(not os.path.exists(FULL), reason="there is no device that is always full")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="descriptors differ there")


def environment(**more: str) -> dict[str, str]:
    reached = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": reached, **more}


def wiretale(
    *arguments: str, before: Callable[[], None] | None = None, env: dict[str, str] | None = None, given: bytes = b"",
    to: str = "", cwd: str | None = None,
) -> tuple[int, str]:
    """The exit code and what stands on standard error. to: where standard output goes, "" for nowhere."""
    with open(to or os.devnull, "wb") as output:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=output, stderr=subprocess.PIPE, input=given, preexec_fn=before,
            env=environment() if env is None else env, cwd=cwd, check=False, timeout=120,
        )
    return done.returncode, done.stderr.decode(errors="replace")


def close_all() -> None:
    for number in range(3):
        os.close(number)


EACH = [
    ["analyze", CAPTURE], ["frames", CAPTURE], ["conversations", CAPTURE], ["conversations", CAPTURE, "--json"],
    ["report", CAPTURE, "-o", "-", "--format", "text"], ["report", CAPTURE, "-o", "-", "--format", "pcapng"],
    ["samples"],
    ["protocols"], ["explain", "dns"], ["--help"], ["--version"], ["analyze", "--help"],
]


@needs_full
@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
def test_a_full_disk_is_said(arguments: list[str]) -> None:
    code, said = wiretale(*arguments, to=FULL)
    assert code == 2
    assert said.count("\n") == 1
    assert "standard output" in said
    assert "No space left on device" in said


@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
def test_a_closed_output_is_said(arguments: list[str]) -> None:
    code, said = wiretale(*arguments, before=lambda: os.close(1))
    assert code == 2
    assert said.count("\n") == 1
    assert "standard output" in said
    assert "fault" not in said


def test_a_report_needs_no_open_descriptor(tmp_path: Path) -> None:
    """The next file that is opened takes the number of a closed one, and gets what is meant for that."""
    target = tmp_path / "story.txt"
    code, _said = wiretale("report", CAPTURE, "-o", str(target), before=close_all)
    assert code == 0
    assert target.read_text().startswith(" capture.pcapng")
    assert wiretale("analyze", CAPTURE, before=close_all)[0] == 2


def test_a_closed_input_is_said() -> None:
    code, said = wiretale("analyze", "-", before=lambda: os.close(0))
    assert code == 2
    assert "standard input" in said
    assert said.count("\n") == 1


@needs_full
@pytest.mark.parametrize("arguments", [
    ["report", CAPTURE, "-o", FULL, "--format", "text"], ["sniff", "-", "-o", FULL, "--format", "text"],
    ["sniff", "-", "-w", FULL],
], ids=" ".join)
def test_a_full_disk_under_a_file_is_said(arguments: list[str]) -> None:
    code, said = wiretale(*arguments, given=Path(CAPTURE).read_bytes())
    assert code == 2
    assert FULL in said
    assert "fault" not in said


@needs_full
@pytest.mark.parametrize("arguments", [["sniff", "-"], ["sniff", "-", "--json"]], ids=" ".join)
def test_a_live_capture_says_that_its_output_is_full(arguments: list[str]) -> None:
    code, said = wiretale(*arguments, given=Path(CAPTURE).read_bytes(), to=FULL)
    assert code == 2
    assert "standard output cannot be written to: No space left on device" in said
    code, said = wiretale(*arguments, given=Path(CAPTURE).read_bytes(), before=lambda: os.close(1))
    assert code == 2
    assert "standard output cannot be written to: it is closed" in said


@pytest.mark.parametrize("most", range(4, 12))
def test_descriptors_that_are_used_up_are_said(most: int) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    code, said = wiretale("analyze", CAPTURE, before=few)
    if "Fatal Python error" in said or "Traceback" in said:
        assert "analyzer" not in said.partition("runpy")[0]     # Python itself could not begin
        assert code == 1
    else:
        assert code == 0 or (code == 2 and "Too many open files" in said)
        assert "fault" not in said


@pytest.mark.parametrize(("words", "code"), [
    (f"/x/tls.so: cannot open shared object file: {os.strerror(errno.EMFILE)}", UNUSABLE),
    (f"/x/tls.so: cannot open shared object file: {os.strerror(errno.ENOENT)}", FAULT),
    ("cannot import name 'TLS' from 'dissectors.protocols'", FAULT),
])
def test_a_compiled_module_that_cannot_be_opened_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, code: int,
) -> None:
    def unopened(paths: list[str], options: object, progress: object = None, sink: object = None) -> None:
        raise ImportError(words)

    monkeypatch.setattr(sys.modules["analyzer.pipeline.run"], "analyze", unopened)
    assert run(["analyze", CAPTURE]) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert ("fault" in said) == (code == FAULT)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    def away() -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    # Python itself does not begin there where PYTHONPATH is set.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert wiretale("analyze", CAPTURE, before=away, env=env) == (0, "")
    for arguments in (
        ["report", CAPTURE, "-o", "story.txt"], ["analyze", "capture.pcapng"], ["frames", "x", "--deep", "1"],
    ):
        code, said = wiretale(*arguments, before=away, env=env)
        assert code == 2
        assert said.count("\n") == 1
        assert "fault" not in said


@pytest.mark.parametrize("locale", [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"},
], ids=str)
def test_any_locale_and_any_name(tmp_path: Path, locale: dict[str, str]) -> None:
    path = os.fsencode(tmp_path) + b"/p\xcf\x80\xff.pcapng"
    with open(path, "wb") as file:
        file.write(Path(CAPTURE).read_bytes())
    env = environment(**locale)
    for command in ("analyze", "conversations", "frames"):
        assert wiretale(command, os.fsdecode(path), env=env) == (0, "")
    code, said = wiretale("analyze", os.fsdecode(path) + "missing", env=env)
    assert code == 2
    assert "cannot be opened" in said


@pytest.fixture
def broken_package(tmp_path: Path) -> str:
    (tmp_path / "foreign.py").write_text("raise ValueError('\\x1b[2Jodd\\n')")
    about = tmp_path / "foreign-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 2.0\n")
    (about / "entry_points.txt").write_text("[wiretale.dissectors]\nthing = foreign:THING\n")
    return str(tmp_path)


SAID = (
    "foreign 2.0, entry point thing: left out, because it cannot be loaded (ValueError: \\x1b[2Jodd\\n)\n"
)


@pytest.mark.parametrize("arguments", [
    ["analyze", CAPTURE], ["frames", CAPTURE], ["conversations", CAPTURE], ["explain", "dns"], ["protocols"],
    ["report", CAPTURE, "-o", "-", "--format", "json"], ["sniff", "-"],
], ids=" ".join)
def test_a_broken_package_is_named_once_and_everything_else_is_told(
    broken_package: str, tmp_path: Path, arguments: list[str]
) -> None:
    target = tmp_path / "told"
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join((broken_package, env["PYTHONPATH"]))
    given = Path(CAPTURE).read_bytes()
    code, said = wiretale(*arguments, env=env, given=given, to=str(target))
    assert code == 0
    assert [line for line in said.splitlines(True) if "foreign" in line] == [SAID]
    assert target.stat().st_size > 100
    code, said = wiretale(*arguments, env={**env, "WIRETALE_PLUGINS": "0"}, given=given)
    assert code == 0
    assert [line for line in said.splitlines() if not line.startswith("capturing on ")] == []    # as whom


def test_protocols_lists_packages(broken_package: str, tmp_path: Path) -> None:
    target = tmp_path / "told"
    (tmp_path / "working.py").write_text(
        "from dissectors.kit.protocol import Protocol\n"
        "FINGER = Protocol('finger', 'Finger', 'Who.', ('RFC 1288',), None, ('tcp',), {'tcp': (79,)}, ())\n"
    )
    Path(broken_package, "foreign-2.0.dist-info", "entry_points.txt").write_text(
        "[wiretale.dissectors]\nfinger = working:FINGER\nthing = foreign:THING\n"
    )
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join((broken_package, env["PYTHONPATH"]))
    assert wiretale("protocols", env=env, to=str(target))[0] == 0
    listed = target.read_text()
    assert "FROM OTHER PACKAGES" in listed
    assert "foreign 2.0, entry point finger\n   Protocols: finger\n" in listed
    assert "foreign 2.0, entry point thing\n   Left out: it cannot be loaded (ValueError: \\x1b[2Jodd\\n)\n" in listed
