"""`wiretale sniff` as root: as whom it reads, what it leaves behind, and when it refuses."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from namespaces import PATIENCE, Wire, everybody_reads_python, reason_to_skip, send
from test_privileges import CALLERS, NOBODY_IDS, nothing_is_left

ROOT = Path(__file__).parents[3]
SUDO = {"SUDO_UID": "1000000000", "SUDO_GID": "1000000001"}
PLUGIN = '''
import os, sys
print("LOADED", os.getresuid(), open("/proc/thread-self/status").read().split("CapPrm:")[1].split()[0], file=sys.stderr)
LIST = ()
'''


def environment(variables: dict[str, str], *paths: str) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if name not in (*CALLERS, "SSLKEYLOGFILE")}
    path = os.pathsep.join([*paths, *(entry for entry in sys.path if entry), str(ROOT)])
    return found | {"PYTHONPATH": path} | variables


class Sniffing:
    """A running `wiretale sniff` in the namespace of the test."""

    def __init__(
        self, *options: str, variables: dict[str, str] | None = None, prefix: tuple[str, ...] = (), paths: str = "",
    ) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-P", "-m", "analyzer.cli.main", "sniff", *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
            env=environment(variables or {}, *([paths] if paths else [])),
        )

    def begun(self) -> str:
        """The first line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return line

    def status(self) -> dict[str, list[str]]:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {name: value.split() for name, _colon, value in (line.partition(":") for line in lines)}

    def end(self) -> tuple[int, str]:
        """Exit code and what was said on standard error."""
        self.process.send_signal(signal.SIGINT)
        return self.rest()

    def rest(self) -> tuple[int, str]:
        _lines, complaints = self.process.communicate(timeout=30)
        return self.process.returncode, complaints


@pytest.fixture
def readable() -> tuple[str, ...]:
    prefix = everybody_reads_python()
    if prefix and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this Python lies where only root can read it, and no mount namespace can be made")
    return prefix


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that everybody can reach and write into."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o011)
    return tmp_path


@pytest.mark.parametrize(("variables", "name", "ids"), [
    (SUDO, "user 1000000000", (1_000_000_000, 1_000_000_001)), ({}, "nobody", NOBODY_IDS),
    ({"SUDO_UID": "0", "SUDO_GID": "0"}, "nobody", NOBODY_IDS),
])
def test_it_says_as_whom_it_reads_and_files_are_theirs(
    wire: Wire, readable: tuple[str, ...], folder: Path, variables: dict[str, str], name: str, ids: tuple[int, int]
) -> None:
    sniffing = Sniffing(
        "lo", "--json", "-w", str(folder / "ring.pcapng"), "--rotate-size", "5kB", "-o", str(folder / "report.json"),
        "--buffer", "1MiB", variables=variables, prefix=readable,
    )
    assert f"from here on as {name}" in json.loads(sniffing.begun())["text"]
    nothing_is_left(sniffing.status(), *ids)
    send(*[bytes(1_000)] * 20, to="127.0.0.1")
    time.sleep(0.3)
    code, said = sniffing.end()
    assert code == 0, said
    assert f"from here on as {name}" in said
    rings = sorted(folder.glob("ring_*.pcapng"))
    assert len(rings) > 3
    for file in (*rings, folder / "report.json"):
        about = file.stat()
        assert (about.st_uid, about.st_gid) == ids
    assert {file.stat().st_mode & 0o777 for file in rings} == {0o600}


def test_where_nobody_may_not_write_nothing_is_captured(wire: Wire, readable: tuple[str, ...], folder: Path) -> None:
    folder.chmod(0o755)
    for options in (("-w", str(folder / "out.pcapng")), ("-o", str(folder / "out.json"))):
        code, said = Sniffing("lo", *options, prefix=readable).rest()
        assert code == 2
        assert f"nobody may not write {options[1]}" in said
        assert "--keep-privileges" in said
        assert len(said.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_a_python_that_nobody_can_read_is_named(wire: Wire, folder: Path) -> None:
    if not everybody_reads_python():
        pytest.skip("everybody can read this Python")
    code, said = Sniffing("lo").rest()
    assert code == 2
    assert said.startswith("Error: nobody may not read /")
    assert "--keep-privileges" in said
    assert len(said.splitlines()) == 1


def test_packages_of_others_are_loaded_once_the_rights_are_gone(
    wire: Wire, readable: tuple[str, ...], folder: Path
) -> None:
    (folder / "foreign.py").write_text(PLUGIN)
    about = folder / "foreign-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[wiretale.dissectors]\nmine = foreign:LIST\n")
    sniffing = Sniffing("lo", "--json", variables=SUDO, prefix=readable, paths=str(folder))
    sniffing.begun()
    code, said = sniffing.end()
    assert code == 0, said
    loaded = [line for line in said.splitlines() if line.startswith("LOADED")]
    assert loaded == ["LOADED (1000000000, 1000000000, 1000000000) 0000000000000000"]


@pytest.mark.parametrize(("variables", "ids"), [(SUDO, (1_000_000_000, 1_000_000_001)), ({}, (0, 0))])
def test_rights_that_are_kept_are_told_and_files_stay_private(
    wire: Wire, folder: Path, variables: dict[str, str], ids: tuple[int, int]
) -> None:
    """What was there for everybody to read, and to keep open, is not what is written to."""
    files = [folder / "out.pcapng", folder / "out.json", folder / "new.txt"]
    for file in files[:2]:
        file.write_text("before")
        file.chmod(0o644)
    with files[0].open() as watched:
        sniffing = Sniffing(
            "lo", "--keep-privileges", "--json", "-w", str(files[0]), "-o", str(files[1]), "-o", str(files[2]),
            variables=variables,
        )
        assert "as root: root's rights are kept" in json.loads(sniffing.begun())["text"]
        assert sniffing.status()["Uid"] == ["0"] * 4
        assert files[0].stat().st_mode & 0o777 == 0o600
        send(b"secret", to="127.0.0.1")
        time.sleep(0.2)
        code, said = sniffing.end()
        assert watched.read() in ("", "before")
    assert code == 0, said
    assert "as root: root's rights are kept" in said
    for file in files:
        about = file.stat()
        assert (about.st_mode & 0o777, about.st_uid, about.st_gid) == (0o600, *ids)
    assert b"secret" in files[0].read_bytes()


@pytest.mark.parametrize("option", ["-w", "-o"])
def test_root_follows_no_link_to_a_file(wire: Wire, folder: Path, option: str) -> None:
    target, link = folder / "target", folder / "link.pcapng"
    if option == "-o":
        link = folder / "link.json"
    target.write_text("mine")
    link.symlink_to(target)
    sniffing = Sniffing("lo", "--keep-privileges", "--duration", "200ms", option, str(link))
    code, said = sniffing.rest()
    assert code == 2
    assert "symbolic link" in said
    assert target.read_text() == "mine"


@pytest.mark.parametrize(("name", "why"), [
    ("", "it is empty"), ("a/b", "slash"), ("a b", "white space"), ("lo:1", "colon"), ("..", "dots"),
    ("l" * 16, "longer than 15 bytes"), ("lo" + "\u00e9" * 7, "longer than 15 bytes"), ("lo\n", "white space"),
])
def test_what_can_be_no_interface_is_refused(name: str, why: str) -> None:
    if sys.platform != "linux":
        pytest.skip("the rules are those of Linux")
    for names in ([name], ["lo", name]):
        code, said = Sniffing("--keep-privileges", *names).rest()
        assert code == 2
        assert "is no name of an interface" in said
        assert why in said
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize("options", [("--follow", ""), ("-", "-w", ""), ("-", "--keylog", "")])
def test_an_empty_name_of_a_file_is_refused(options: tuple[str, ...]) -> None:
    code, said = Sniffing("--keep-privileges", *options).rest()
    assert code == 2
    assert "is empty" in said


def test_the_ways_to_the_right_stand_a_line_each() -> None:
    if reason_to_skip():
        pytest.skip(reason_to_skip())
    code, said = Sniffing("lo", prefix=("setpriv", "--bounding-set=-net_raw")).rest()
    assert code == 2
    assert "\\n" not in said
    lines = said.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("  sudo wiretale sniff")


def test_a_file_is_followed_where_its_folder_is_closed_to_who_reads(
    wire: Wire, readable: tuple[str, ...], folder: Path
) -> None:
    from analyzer.ingest import pcapng_write as ng
    from analyzer.ingest.source import Interface

    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    file = closed / "growing.pcapng"
    file.write_bytes(ng.section("", "", []) + ng.interface(Interface(1, 0, 1_000_000, "eth0")))
    sniffing = Sniffing("--follow", str(file), "--json", variables=SUDO, prefix=readable)
    sniffing.begun()
    time.sleep(0.5)
    assert sniffing.process.poll() is None, "it goes on"
    code, said = sniffing.end()
    assert code == 0, said


def test_a_pipe_is_not_waited_for_where_a_file_is_to_be_followed(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    began = time.monotonic()
    code, said = Sniffing("--follow", str(folder / "pipe")).rest()
    assert (code, time.monotonic() - began < PATIENCE) == (2, True)
    assert "only a file can be followed" in said
