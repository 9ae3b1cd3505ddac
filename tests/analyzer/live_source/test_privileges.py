"""Rights are given up once the socket is open, whatever way they came."""
from __future__ import annotations

import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest
from namespaces import Wire, python, reason_to_skip, send

from analyzer.ingest.live.interfaces import list_interfaces
from analyzer.ingest.live.privileges import drop_privileges, no_rights

# Opens, drops, captures, writes, and says what it is then; the user 4321 has no name here.
PROGRAM = """
import json, os, socket, sys
from analyzer.ingest.live.open import LiveOptions, open_live
from analyzer.ingest.live.privileges import drop_privileges
from analyzer.ingest.live.writer import CaptureWriter
source = open_live(LiveOptions(["lo"], "udp"))
said = drop_privileges(())      # the interpreter of a test may well lie where only root can read it
back = []
for regain in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setgroups([0]),
               lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)):
    try:
        regain()
        back.append(True)
    except OSError:
        back.append(False)
writer = CaptureWriter(sys.argv[1], source)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"after", ("127.0.0.1", 9000))
source.stop()
while not source.ended:
    while source.next():
        writer.write()
    source.wait(0.05)
writer.close()
print(json.dumps({"said": said, "back": back, "frames": writer.written, "dropped": source.dropped()}))
"""
# Becomes root in some way, drops, and says what the kernel tells of it then.
STEPS_DOWN = """
import ctypes, json, os, sys
from analyzer.ingest.live.privileges import drop_privileges
from analyzer.ingest.source import CaptureError
exec(sys.argv[1])
try:
    said = drop_privileges((), socket=len(sys.argv) < 3)
except CaptureError as error:
    sys.exit(str(error))
words = dict(line.rstrip().split(":", 1) for line in open("/proc/thread-self/status"))
print(json.dumps({"said": said, **{name: value.split() for name, value in words.items()}}))
"""
CALLERS = ("SUDO_UID", "SUDO_GID", "DOAS_USER", "PKEXEC_UID")
ACCOUNT = next(entry for entry in pwd.getpwall() if 0 < entry.pw_uid < 65534 and entry.pw_gid > 0)
NOBODY = next((entry for entry in pwd.getpwall() if entry.pw_name == "nobody"), None)
NOBODY_IDS = (NOBODY.pw_uid, NOBODY.pw_gid) if NOBODY else (65534, 65534)

as_root = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "possible")


def stepped_down(begin: str = "", *prefix: str, socket: bool = True, **variables: str) -> (
    subprocess.CompletedProcess[str]
):
    """Run STEPS_DOWN where only these variables tell who called."""
    unset = [word for name in CALLERS if name not in variables for word in ("-u", name)]
    arguments = [begin] if socket else [begin, "pipe"]
    return python(STEPS_DOWN, *arguments, prefix=("env", *unset, *prefix), environment=variables)


def status_of(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def nothing_is_left(status: dict[str, list[str]], user: int, group: int, bounding: bool = True) -> None:
    assert status["Uid"] == [str(user)] * 4
    assert status["Gid"] == [str(group)] * 4
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", *(["CapBnd"] if bounding else [])):
        assert int(status[name][0], 16) == 0, name
    assert status["NoNewPrivs"] == ["1"]


@as_root
@pytest.mark.parametrize(("variables", "user", "group"), [
    ({"SUDO_UID": "4321", "SUDO_GID": "5432"}, 4321, 5432),
    ({"SUDO_UID": "1000000000", "SUDO_GID": "1000000001"}, 1_000_000_000, 1_000_000_001),
    ({"SUDO_UID": "4294967294", "SUDO_GID": "4294967294"}, 4_294_967_294, 4_294_967_294),
    ({"SUDO_UID": str(ACCOUNT.pw_uid)}, ACCOUNT.pw_uid, ACCOUNT.pw_gid),
    ({"SUDO_UID": str(ACCOUNT.pw_uid), "SUDO_GID": "0"}, ACCOUNT.pw_uid, ACCOUNT.pw_gid),
    ({"SUDO_UID": str(ACCOUNT.pw_uid), "SUDO_GID": "wheel"}, ACCOUNT.pw_uid, ACCOUNT.pw_gid),
    ({"DOAS_USER": ACCOUNT.pw_name}, ACCOUNT.pw_uid, ACCOUNT.pw_gid),
    ({"PKEXEC_UID": str(ACCOUNT.pw_uid)}, ACCOUNT.pw_uid, ACCOUNT.pw_gid),
    ({"SUDO_UID": "0", "SUDO_GID": "0", "DOAS_USER": ACCOUNT.pw_name}, ACCOUNT.pw_uid, ACCOUNT.pw_gid),
])
def test_under_sudo_doas_and_pkexec_it_goes_on_as_who_called(
    variables: dict[str, str], user: int, group: int
) -> None:
    status = status_of(stepped_down("os.setgroups([0, 27, 4])", **variables))
    nothing_is_left(status, user, group)
    name = ACCOUNT.pw_name if user == ACCOUNT.pw_uid else f"user {user}"
    assert status["said"] == f"the socket is open; from here on as {name}"
    allowed = os.getgrouplist(name, group) if user == ACCOUNT.pw_uid else [group]
    assert {int(each) for each in status["Groups"]} == set(allowed)


@as_root
@pytest.mark.parametrize(("variables", "why"), [
    ({}, "nothing tells who called root"),
    ({"SUDO_UID": "0", "SUDO_GID": "0"}, "SUDO_UID=0 is root itself"),
    ({"SUDO_UID": "-1"}, "SUDO_UID=-1 is no user's number"),
    ({"SUDO_UID": "4294967295", "SUDO_GID": "5"}, "SUDO_UID=4294967295 is no user's number"),
    ({"SUDO_UID": "99999999999", "SUDO_GID": "5"}, "SUDO_UID=99999999999 is no user's number"),
    ({"SUDO_UID": "alice", "SUDO_GID": "5"}, "SUDO_UID=alice is no user's number"),
    ({"SUDO_UID": " 4321", "SUDO_GID": "5"}, "SUDO_UID=' 4321' is no user's number"),
    ({"SUDO_UID": "\u0664\u0663", "SUDO_GID": "5"}, "SUDO_UID=\u0664\u0663 is no user's number"),
    ({"SUDO_UID": "4321"}, "SUDO_UID=4321 is a user without a group"),
    ({"SUDO_UID": "4321", "SUDO_GID": "0"}, "SUDO_UID=4321 is a user without a group"),
    ({"DOAS_USER": "root"}, "DOAS_USER=root is root itself"),
    ({"DOAS_USER": "no such person"}, "DOAS_USER=no such person is no user's name"),
    ({"PKEXEC_UID": "0"}, "PKEXEC_UID=0 is root itself"),
    ({"SUDO_UID": "0", "PKEXEC_UID": "x"}, "SUDO_UID=0 is root itself; PKEXEC_UID=x is no user's number"),
])
def test_root_without_a_person_becomes_nobody(variables: dict[str, str], why: str) -> None:
    status = status_of(stepped_down(**variables))
    nothing_is_left(status, *NOBODY_IDS)
    assert status["Groups"] == [str(NOBODY_IDS[1])]
    assert status["said"] == f"the socket is open; from here on as nobody ({why})"


@as_root
@pytest.mark.parametrize("begin", [
    "os.setgroups([5433]); os.setresgid(5432, 0, 0); os.setresuid(4321, 0, 0)",        # of a setuid binary
    "os.setgroups([5433]); os.setresgid(5432, 0, 0); os.setresuid(4321, 0, 0); os.seteuid(4321)",
])
def test_a_setuid_binary_goes_on_as_who_started_it(begin: str) -> None:
    """Whatever that user wrote into the environment."""
    status = status_of(stepped_down(begin, SUDO_UID=str(ACCOUNT.pw_uid), SUDO_GID="0", PKEXEC_UID="1"))
    nothing_is_left(status, 4321, 5432)
    assert status["Groups"] == ["5433"]
    assert status["said"] == "the socket is open; from here on as user 4321"


@as_root
def test_a_binary_of_another_user_goes_on_as_who_started_it() -> None:
    status = status_of(stepped_down("os.setresgid(5432, 7, 7); os.setresuid(4321, 1234, 1234)"))
    assert (status["Uid"], status["Gid"]) == (["4321"] * 4, ["5432"] * 4)


@as_root
def test_root_that_was_put_aside_is_given_up_as_well() -> None:
    status = status_of(stepped_down("os.setresuid(0, 4321, 0)"))
    nothing_is_left(status, *NOBODY_IDS)


@as_root
@pytest.mark.parametrize(("prefix", "bounding"), [
    (("setpriv", "--securebits", "+no_setuid_fixup"), True),
    (("setpriv", "--inh-caps=+net_raw,+setuid", "--ambient-caps=+net_raw,+setuid"), True),
    (("setpriv", "--bounding-set=-setpcap"), False),     # nothing can empty it then, and no program gains from it
])
def test_however_capabilities_would_survive(prefix: tuple[str, ...], bounding: bool) -> None:
    status = status_of(stepped_down("", *prefix, SUDO_UID="4321", SUDO_GID="5432"))
    nothing_is_left(status, 4321, 5432, bounding)


@as_root
@pytest.mark.parametrize(("begin", "prefix", "why"), [
    ("", ("setpriv", "--bounding-set=-setuid"), "root's rights cannot be given up (Operation not permitted)"),
    ("", ("setpriv", "--bounding-set=-setgid"), "root's rights cannot be given up (Operation not permitted)"),
    ("", ("unshare", "-rn"), "root's rights cannot be given up"),      # there is no other user in it
    ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", (),
     "were not given up for good (another thread has"),
    ("", ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc; exec "$@"', "sh"),
     "cannot be given up (No such file"),
])
def test_rights_that_stay_end_it_in_one_line(begin: str, prefix: tuple[str, ...], why: str) -> None:
    done = stepped_down(begin, *prefix, SUDO_UID="4321", SUDO_GID="5432")
    assert done.returncode == 1
    assert why in done.stderr
    assert "nothing is captured" in done.stderr
    assert "--keep-privileges" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def ran(folder: Path, environment: dict[str, str], *prefix: str) -> dict[str, object]:
    done = python(PROGRAM, str(folder / "out.pcapng"), prefix=prefix, environment=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that another user can write into."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/") and not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


def test_under_sudo_the_capture_goes_on_as_the_user(wire: Wire, open_folder: Path) -> None:
    found = ran(open_folder, {"SUDO_UID": "4321", "SUDO_GID": "5432"})
    assert found["said"] == "the socket is open; from here on as user 4321"
    assert found["back"] == [False] * 4
    assert found["frames"] == 1
    assert found["dropped"] == 0
    status = (open_folder / "out.pcapng").stat()
    assert (status.st_uid, status.st_gid) == (4321, 5432)


def test_capabilities_of_the_interpreter_are_given_up(wire: Wire, open_folder: Path) -> None:
    """What setcap gives, given here by setpriv to root without its other rights."""
    rights = "-all,+net_raw,+dac_read_search"     # the second to find this very package where only root may look
    prefix = (
        "setpriv", "--reuid=4321", "--regid=5432", "--clear-groups", f"--inh-caps={rights}", f"--ambient-caps={rights}",
        f"--bounding-set={rights}",
    )
    found = ran(open_folder, {"SUDO_UID": "7", "SUDO_GID": "7"}, *prefix)
    assert found["said"] == "the socket is open; capabilities are given up, from here on as user 4321"
    assert found["back"] == [False] * 4
    assert found["frames"] == 1
    nothing_is_left(status_of(stepped_down("", *prefix)), 4321, 5432, False)


TRIES = """
import os, sys
from analyzer.ingest.live.outputs import Output
from analyzer.ingest.live.privileges import drop_privileges
from analyzer.ingest.source import CaptureError
needed, given, written, replaced, opened = sys.argv[1:]
try:
    print(drop_privileges(
        (needed,) if needed else (), (given,) if given else (),
        tuple(Output(path, path == replaced) for path in (written, replaced) if path), socket=opened == "socket",
    ))
except CaptureError as error: print(error)
print(os.getresuid(), [line.split()[1] for line in open("/proc/thread-self/status") if line.startswith("CapPrm")])
"""


@as_root
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("variables", [{"SUDO_UID": "4321", "SUDO_GID": "5432"}, {"SUDO_UID": "0"}])
def test_a_user_who_could_not_go_on_is_refused(tmp_path: Path, place: int, variables: dict[str, str]) -> None:
    """A module, a key log, a file that is there, and a folder, all of root alone."""
    file = tmp_path / "secret" / "file"
    file.parent.mkdir(mode=0o700)
    file.write_text("")
    files = ["", "", "", ""]
    files[place] = str(file)
    done = python(TRIES, *files, "socket", environment={"DOAS_USER": "", "PKEXEC_UID": "", **variables})
    assert done.returncode == 0, done.stderr
    said, ids = done.stdout.splitlines()
    name = "nobody" if variables["SUDO_UID"] == "0" else "user 4321"
    assert said.startswith(f"{name} may not {'read' if place < 2 else 'write'} {file}")
    assert "nothing is captured" in said
    assert "--keep-privileges" in said
    assert ids.startswith("(0, 0, 0)"), "nothing was given up where nothing goes on"


@as_root
def test_a_pipe_that_nobody_cannot_go_on_with_is_read_as_root_without_capabilities(tmp_path: Path) -> None:
    """It needed no rights, so nothing is refused; under sudo there is a person to be."""
    file = tmp_path / "secret" / "file"
    file.parent.mkdir(mode=0o700)
    file.write_text("")
    nobodys = {"SUDO_UID": "0", "DOAS_USER": "", "PKEXEC_UID": ""}
    done = python(TRIES, str(file), "", "", "", "pipe", environment=nobodys)
    said, ids = done.stdout.splitlines()
    assert said.startswith(f"from here on as root without any capability (nobody may not read {file}")
    assert ids == "(0, 0, 0) ['0000000000000000']"
    done = python(TRIES, str(file), "", "", "", "pipe", environment={"SUDO_UID": "4321", "SUDO_GID": "5"})
    assert "nothing is captured" in done.stdout
    assert status_of(stepped_down(socket=False))["said"] == (
        "from here on as nobody (nothing tells who called root)"
    ), "where nobody can, nobody does"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="whoever is root has something to give up")
def test_an_ordinary_user_has_nothing_to_give_up() -> None:
    assert drop_privileges() == ""


@as_root
def test_another_ordinary_user_has_nothing_to_give_up() -> None:
    status = status_of(stepped_down("os.setgroups([]); os.setgid(5432); os.setuid(4321)", SUDO_UID="1", SUDO_GID="1"))
    assert (status["said"], status["Uid"]) == ("", ["4321"] * 4)


def test_the_message_names_three_ways_a_line_each() -> None:
    error = no_rights("eth0", "Operation not permitted")
    assert error.args[0].startswith("eth0: no right to capture (Operation not permitted)")
    assert len(error.args) == 4
    assert "sudo" in error.args[1]
    assert str(error) == "\n".join(error.args)


def test_interfaces_are_listed_with_addresses_states_and_rates(wire: Wire) -> None:
    program = (
        "import json, socket, threading, time\n"
        "from analyzer.ingest.live.interfaces import list_interfaces\n"
        "def load():\n"
        "    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:\n"
        "        for _ in range(200):\n"
        "            sender.sendto(bytes(972), ('10.77.0.2', 9000)); time.sleep(0.005)\n"
        "thread = threading.Thread(target=load)\n"
        "thread.start()\n"
        "print(json.dumps([[each.name, each.addresses, each.up, each.running, each.loopback, each.link,\n"
        "                   each.frames_per_second, each.octets_per_second] for each in list_interfaces()]))\n"
        "thread.join()\n"
    )
    wire.settle()
    send(b"")
    done = python(program)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    near, loopback = found
    assert near[:6] == ["near", ["10.77.0.1"], True, True, False, 1]
    assert loopback[:6] == ["lo", ["127.0.0.1"], True, True, True, 1]
    assert 20 < near[6] < 500
    assert near[7] > 500 * near[6]
    assert loopback[6] == 0


def test_this_machine_has_a_loopback_interface() -> None:
    assert any(each.loopback for each in list_interfaces(0.0))
