"""Rights are given up once the socket is open."""
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from namespaces import Wire, python, send

from analyzer.ingest.live.interfaces import list_interfaces
from analyzer.ingest.live.privileges import drop_privileges, no_rights

# Opens, drops, captures, writes, and says what it is then; the user 4321 has no name here.
PROGRAM = """
import json, os, socket, sys
from analyzer.ingest.live.open import LiveOptions, open_live
from analyzer.ingest.live.privileges import capabilities, drop_privileges
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
print(json.dumps({"said": said, "user": os.getresuid(), "group": os.getresgid(), "groups": os.getgroups(),
                  "back": back, "frames": writer.written, "dropped": source.dropped(), "rights": capabilities()}))
"""


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
    assert found["user"] == [4321] * 3
    assert found["group"] == [5432] * 3
    assert found["groups"] == [5432]
    assert found["back"] == [False] * 4
    assert found["frames"] == 1
    assert found["dropped"] == 0
    assert found["rights"] == 0
    status = (open_folder / "out.pcapng").stat()
    assert (status.st_uid, status.st_gid) == (4321, 5432)


def test_a_user_who_could_not_go_on_is_refused(wire: Wire, tmp_path: Path) -> None:
    module = tmp_path / "secret" / "module.py"
    module.parent.mkdir(mode=0o700)
    module.write_text("")
    program = (
        "import os, sys\n"
        "from analyzer.ingest.live.privileges import drop_privileges\n"
        "from analyzer.ingest.source import CaptureError\n"
        "try: drop_privileges((sys.argv[1],))\n"
        "except CaptureError as error: print(error, os.geteuid())\n"
    )
    done = python(program, str(module), environment={"SUDO_UID": "4321", "SUDO_GID": "5432"})
    assert done.returncode == 0, done.stderr
    assert f"user 4321 may not read {module}" in done.stdout
    assert "sudo env -u SUDO_UID" in done.stdout


def test_root_without_sudo_stays_root(wire: Wire, tmp_path: Path) -> None:
    found = ran(tmp_path, {"SUDO_UID": "", "SUDO_GID": ""})
    assert (found["said"], found["user"], found["frames"]) == ("", [0, 0, 0], 1)


def test_capabilities_of_the_interpreter_are_given_up(wire: Wire, open_folder: Path) -> None:
    """What setcap gives, given here by setpriv to root without its other rights."""
    rights = "-all,+net_raw,+dac_read_search"     # the second to find this very package where only root may look
    found = ran(
        open_folder, {"SUDO_UID": "", "SUDO_GID": ""}, "setpriv", "--reuid=4321", "--regid=5432", "--clear-groups",
        f"--inh-caps={rights}", f"--ambient-caps={rights}", f"--bounding-set={rights}",
    )
    assert found["said"] == "the socket is open; capabilities are given up"
    assert found["rights"] == 0
    assert found["back"] == [False] * 4
    assert found["frames"] == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="whoever is root has something to give up")
def test_an_ordinary_user_has_nothing_to_give_up() -> None:
    assert drop_privileges() == ""


def test_the_message_names_three_ways() -> None:
    text = no_rights("eth0", "Operation not permitted")
    assert text.startswith("eth0: no right to capture (Operation not permitted)")
    assert "sudo" in text


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
