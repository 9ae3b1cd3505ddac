"""The one place that starts other programs, so that the same holds for all of them.

A program is found by the absolute entries of PATH, never in the current folder. It runs in an empty private folder,
where a relative name, whoever looks one up (a library, a configuration, a plugin), finds nothing; with the few
variables that it needs; without input; for a limited time; and what it prints is limited. The folder is removed and the
program ended whatever happens to us, but for SIGKILL, which nobody can answer.
"""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import FrameType
from typing import IO, Final

MAX_PRINTED: Final = 1 << 20        # octets of what a program prints that are taken; one that prints more is ended
PATIENCE: Final = 5.0               # seconds that a program which was ended may take for it

# Those that end a process where nobody answers them; SIGKILL cannot be answered, and SIGPIPE is not sent to us.
ENDING: Final = tuple(
    number for name in (
        "SIGHUP", "SIGTERM", "SIGQUIT", "SIGINT", "SIGABRT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF",
        "SIGXCPU", "SIGPOLL", "SIGPWR",
    ) if (number := getattr(signal, name, None)) is not None
)
# What a program gets of our environment: where it finds the user's own settings, the language, the time zone.
# Nothing of PYTHON*, PERL*, LD_PRELOAD, LD_AUDIT, BASH_ENV and their like, which name code to load.
KEPT: Final = (
    "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "NUMBER_OF_PROCESSORS", "PATHEXT", "SYSTEMDRIVE", "PROGRAMDATA",
)
KEPT_FOLDERS: Final = (
    "HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "USERPROFILE",
)
KEPT_PATHS: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")      # their absolute entries
# Starts a module of a package that lies outside the places where an isolated interpreter looks. They come first.
BESIDE: Final = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


class ProgramError(Exception):
    """A program could not be started, or was ended; the message says why, without its name."""


class Finished:
    """What became of a program. code: its exit code, negative where a signal ended it."""

    def __init__(self, code: int, output: bytes, errors: bytes) -> None:
        self.code = code
        self.output = output
        self.errors = errors


class _Ended(BaseException):
    """A signal asks us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def absolute_entries(path: str) -> str:
    """A search path without what depends on the current folder: an empty entry means it, as `.` does."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if os.path.isabs(entry))


def leave_current_folder_out() -> None:
    """No library of ours shall find a program in the current folder either: a pager, `ldconfig`."""
    if "PATH" in os.environ:
        os.environ["PATH"] = absolute_entries(os.environ["PATH"])


def find_program(name: str, places: tuple[str, ...] = ()) -> str:
    """The absolute path of an installed program, by PATH, then at the absolute `places`; "" where there is none."""
    found = shutil.which(name, path=absolute_entries(os.environ.get("PATH", os.defpath)) or os.devnull)
    if found is not None and os.path.isabs(found):
        return found
    return next((place for place in places if os.path.isabs(place) and os.path.isfile(place)), "")


def python_module(name: str) -> list[str]:
    """How to run a module of an installed package by an interpreter that nothing around it can lead astray.

    -I: neither the current folder nor PYTHON* are asked for modules. [] where there is no such package.
    """
    package = find_spec(name.partition(".")[0])
    places = list(package.submodule_search_locations or ()) if package is not None else []
    if not places or not os.path.isabs(sys.executable or "") or not os.path.isabs(places[0]):
        return []
    return [sys.executable, "-I", "-c", BESIDE, os.path.dirname(places[0]), name]


def environment(given: Mapping[str, str], folder: str) -> dict[str, str]:
    """What a program sees of ours. folder: for its temporary files.

    For the superuser a home of somebody else counts as none: its settings and plugins are not to be run with
    these rights.
    """
    kept = {name: value for name, value in given.items() if name in KEPT or name.startswith("LC_")}
    folders = {name: given[name] for name in KEPT_FOLDERS if os.path.isabs(given.get(name, ""))}
    kept.update((name, path) for name, path in folders.items() if _ours(path))
    for name in KEPT_PATHS:
        if entries := absolute_entries(given.get(name, "")):
            kept[name] = entries
    kept.setdefault("HOME", folder)
    kept.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder))
    return kept


def _ours(folder: str) -> bool:
    """Whether what lies in a folder may be run with our rights."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return True
    try:
        return os.stat(folder).st_uid == 0
    except OSError:
        return False


class Ending:
    """What signals ask of us while something is under way that has to be undone. armed: they end it as an exception;
    else they are noted, and end us afterwards."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self.armed = False

    def arm(self) -> None:
        """From here on what there is to undo is undone."""
        self.armed = True
        if self.noted:
            raise _Ended(self.noted[0])

    def hear(self, number: int, _frame: FrameType | None) -> None:
        self.noted.append(number)
        if self.armed:
            self.armed = False      # what undoes it is not disturbed by the next one
            raise _Ended(number)


@contextmanager
def ended_in_order() -> Iterator[Ending]:
    """Signals that would end us where we stand end what is within as an exception first, and then us as they would."""
    ending = Ending()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, ending.hear)
    try:
        yield ending
    except _Ended:
        pass
    finally:
        ending.armed = False
        for number, handler in before.items():
            signal.signal(number, handler)
    if ending.noted:
        signal.raise_signal(ending.noted[0])
        raise SystemExit(128 + ending.noted[0])    # a handler of somebody else's took it


@contextmanager
def private_folder() -> Iterator[str]:
    """An empty folder that only we may enter; gone afterwards, also where a signal ends us. Raises OSError."""
    with ended_in_order() as ending:
        folder = ""
        try:
            folder = tempfile.mkdtemp(prefix="wiretale-")
            ending.arm()
            yield os.path.abspath(folder)
        finally:
            ending.armed = False       # from here on a signal is noted, and does not keep the folder from being removed
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


def run_program(
    command: list[str], folder: str, seconds: float, most_printed: int = MAX_PRINTED
) -> Finished:
    """Run a program in a private folder until it ends. Raises ProgramError.

    command: an absolute path, then its arguments, which the caller chose so that no name that comes from elsewhere
    begins with `-` or `@`.
    """
    if not os.path.isabs(command[0]):
        raise ProgramError("it was not found at an absolute path")
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
            env=environment(os.environ, folder), start_new_session=True,
        )
    except (OSError, ValueError) as error:      # ValueError: a null character in an argument
        raise ProgramError(f"it cannot be started: {getattr(error, 'strerror', None) or error}") from None
    try:
        output = _Taken(process, process.stdout, most_printed)
        errors = _Taken(process, process.stderr, most_printed)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProgramError(f"it took more than {seconds:g} seconds") from None
        if output.over or errors.over:
            raise ProgramError(f"it printed more than {most_printed} bytes")
        return Finished(code, output.all(), errors.all())
    finally:
        _end(process)


class _Taken:
    """What a program prints, taken by a thread of its own, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: IO[bytes] | None, most: int) -> None:
        self.process = process
        self.pipe = pipe
        self.most = most
        self.parts: list[bytes] = []
        self.over = False
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self) -> None:
        size = 0
        with suppress(OSError, ValueError):     # closed, because we do not wait any longer
            while self.pipe is not None and (block := os.read(self.pipe.fileno(), 1 << 16)):
                size += len(block)
                if size > self.most:
                    self.over = True
                    _kill(self.process)
                    return
                self.parts.append(block)

    def all(self) -> bytes:
        self.thread.join(PATIENCE)
        return b"".join(self.parts)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The program and all that it started: they are a session of their own."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _kill(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


class Companion:
    """A process of our own code that runs beside us, at the terminal that we have: the screen of a live capture.

    It gets our environment as it is and stays in our folder. -P: nothing is imported from there.
    command: what to run in place of the module, for tests.
    """

    def __init__(
        self, module: str, arguments: list[str], descriptors: tuple[int, ...], keyboard: int | None,
        more: dict[str, str], command: list[str] | None = None,
    ) -> None:
        start = command or [sys.executable, "-P", "-m", module]
        self.process = subprocess.Popen(
            [*start, *arguments], pass_fds=descriptors, stdin=keyboard, env={**os.environ, **more}
        )

    def ended(self, seconds: float) -> int | None:
        """Its exit code, where it ends within so many seconds."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> int:
        self.process.kill()
        return self.process.wait()
