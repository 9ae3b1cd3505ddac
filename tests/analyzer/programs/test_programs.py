"""Programs that are started: found safely, run apart from everything around us, and gone when we are."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyzer import programs
from analyzer.programs import (
    ProgramError,
    absolute_entries,
    environment,
    find_program,
    private_folder,
    python_module,
    run_program,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs run here are those of POSIX")
SHELL = find_program("sh")


def program(folder: Path, text: str, name: str = "program") -> str:
    path = folder / name
    path.write_text(f"#!{SHELL}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def gone(process: int) -> bool:
    """Whether no such `sleep` runs any longer; one that nobody waited for yet counts as gone, and the number may be
    another's by now."""
    try:
        name, _, rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")
        return rest.split()[0] == "Z" or not name.endswith("(sleep")
    except OSError:
        return True


def soon(condition: object, *arguments: object) -> bool:
    for _ in range(400):      # a busy machine is no failure
        if condition(*arguments):  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def test_the_current_folder_is_no_place_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "", "wiretale-tool")
    monkeypatch.chdir(tmp_path)
    for path in ("", ":", ".", f".:{os.pathsep}", "::/nowhere", "../" + tmp_path.name, "relative/bin:."):
        monkeypatch.setenv("PATH", path)
        assert find_program("wiretale-tool") == ""
    monkeypatch.setenv("PATH", f":.:{tmp_path}")
    assert find_program("wiretale-tool") == str(tmp_path / "wiretale-tool")
    assert find_program("other", ("wiretale-tool",)) == ""
    assert find_program("other", (str(tmp_path / "wiretale-tool"),)) == str(tmp_path / "wiretale-tool")
    assert absolute_entries(":.:/a::b:/c") == "/a:/c"


def test_a_program_gets_little_of_the_environment(tmp_path: Path) -> None:
    given = {
        "HOME": str(tmp_path), "LANG": "C", "LC_ALL": "C", "TZ": "UTC", "PATH": ":.:bin:/usr/bin",
        "LD_LIBRARY_PATH": "lib::/opt/lib", "LD_PRELOAD": "/evil.so", "PYTHONPATH": "/evil", "PYTHONSTARTUP": "/evil",
        "BASH_ENV": "/evil", "XDG_CONFIG_HOME": "relative", "TMPDIR": "elsewhere", "SSLKEYLOGFILE": "/keys",
    }
    assert environment(given, "/private") == {
        "HOME": str(tmp_path), "LANG": "C", "LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin",
        "LD_LIBRARY_PATH": "/opt/lib", "TMPDIR": "/private", "TEMP": "/private", "TMP": "/private",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder of somebody else's is made by the superuser")
def test_the_superuser_runs_nothing_from_the_home_of_another(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    assert environment({"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}, "/private")["HOME"] == "/private"
    assert "XDG_DATA_HOME" not in environment({"XDG_DATA_HOME": str(tmp_path)}, "/private")


def test_a_program_runs_in_an_empty_folder_without_input(tmp_path: Path) -> None:
    with private_folder() as folder:
        assert os.stat(folder).st_mode & 0o777 == 0o700
        done = run_program([program(tmp_path, 'pwd; ls -A; cat; echo "$1" >&2; exit 3'), "-x @y"], folder, 30)
        assert (done.code, done.output.decode(), done.errors) == (3, f"{os.path.realpath(folder)}\n", b"-x @y\n")
    assert not os.path.exists(folder)


@pytest.mark.parametrize(("text", "said"), [
    ("sleep 60", "more than 0.5 seconds"),
    ("sleep 60 & echo $! > started; wait", "more than 0.5 seconds"),
    ("while :; do echo much; done", "printed more than 1000 bytes"),
    ("while :; do echo much >&2; done", "printed more than 1000 bytes"),
])
def test_a_program_that_takes_too_much_is_ended(tmp_path: Path, text: str, said: str) -> None:
    began = time.monotonic()
    with private_folder() as folder:
        with pytest.raises(ProgramError, match=said):
            run_program([program(tmp_path, text)], folder, 0.5 if "sleep" in text else 30, 1000)
        started = Path(folder, "started")
        if started.exists():
            assert soon(gone, int(started.read_text()))
    assert time.monotonic() - began < 20


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for command in (["program"], [str(tmp_path / "missing")], [str(tmp_path / "text")], [SHELL, "a\x00b"]):
        with pytest.raises(ProgramError):
            run_program(command, str(tmp_path), 5)


def test_a_program_that_a_signal_ends_says_so(tmp_path: Path) -> None:
    assert run_program([program(tmp_path, "kill -SEGV $$")], str(tmp_path), 30).code == -signal.SIGSEGV


def test_a_module_runs_without_what_lies_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "packages" / "a_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "tool.py").write_text(
        "import sys, json, os; print(json.__file__, sys.argv[1:], os.getcwd() in sys.path)"
    )
    (tmp_path / "packages" / "json.py").write_text("1 / 0")
    (tmp_path / "json.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = run_program([*python_module("a_package.tool"), "word"], str(tmp_path), 60)
    assert done.errors == b""
    assert done.output.decode().endswith("json/__init__.py ['word'] False\n")
    assert python_module("no_such_package_here.tool") == []


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_folder_is_gone_after_an_exception(problem: type[BaseException]) -> None:
    kept = ""
    with pytest.raises(problem), private_folder() as folder:  # noqa: PT012
        kept = folder
        Path(folder, "set").write_text("half")
        raise problem
    assert kept
    assert not os.path.exists(kept)


WAITING = """
import sys
from analyzer.programs import find_program, private_folder, run_program
with private_folder() as folder:
    open(folder + "/set", "w").close()
    print(folder, flush=True)
    run_program([sys.argv[1], folder], folder, 60)
print("not ended")
"""


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGQUIT", "SIGINT", "SIGUSR1", "SIGALRM", "SIGABRT"])
def test_a_signal_ends_the_program_and_removes_the_folder(tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    waits = program(tmp_path, f"echo $$ > {tmp_path / 'started'}; exec sleep 60")
    with subprocess.Popen(
        [sys.executable, "-P", "-c", WAITING, waits], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        # Whatever is ignored by whoever started the tests.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509  (no threads here)
    ) as process:
        assert process.stdout is not None
        folder = process.stdout.readline().strip()
        assert os.path.exists(folder)
        assert soon(lambda: (tmp_path / "started").exists() and (tmp_path / "started").read_text().strip())
        process.send_signal(number)
        assert process.stdout.read() == ""
        assert process.wait(20) == -number
    assert not os.path.exists(folder)
    assert soon(gone, int((tmp_path / "started").read_text()))


def test_signals_that_somebody_else_answers_are_left_alone() -> None:
    seen: list[int] = []
    interrupt = signal.getsignal(signal.SIGINT)
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        with private_folder() as folder:
            signal.raise_signal(signal.SIGTERM)
            assert os.path.exists(folder)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) is interrupt


def test_no_library_of_ours_looks_into_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ".::/usr/bin")
    programs.leave_current_folder_out()
    assert os.environ["PATH"] == "/usr/bin"
    assert shutil.which("no-such-tool") is None
