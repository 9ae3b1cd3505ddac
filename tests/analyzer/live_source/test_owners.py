"""The process that owns the local end of a conversation."""
from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from analyzer.ingest.live.processes import Found, Owners, address_of, look_up, socket_line

linux = pytest.mark.skipif(sys.platform != "linux", reason="the socket tables are those of Linux")
LOCAL = bytes([127, 0, 0, 1])
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(local: str, peer: str, inode: int, user: int = 1000) -> str:
    return f"   0: {local} {peer} 01 00000000:00000000 00:00000000 00000000 {user}        0 {inode} 1 0 20 4 30\n"


def answers(owners: Owners, count: int, seconds: float = 5.0) -> list[Found]:
    found: list[Found] = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        found += owners.step(0.02)
        time.sleep(0.02)
    return found


@linux
def test_both_ends_of_a_conversation_on_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client, listener.accept()[0],
    ):
        port, server_port = client.getsockname()[1], listener.getsockname()[1]
        owners = Owners()
        assert owners.possible
        owners.ask(7, "tcp", LOCAL, port, LOCAL, server_port)
        found = answers(owners, 2)
    assert sorted((each.key, each.side, each.owner.pid) for each in found) == [(7, 0, os.getpid()), (7, 1, os.getpid())]
    name = Path("/proc/self/comm").read_text().strip()
    assert {str(each.owner) for each in found} == {f"{name} (pid {os.getpid()})"}


@linux
def test_a_udp_socket_without_a_peer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("0.0.0.0", 0))
        owners = Owners()
        owners.ask(1, "udp", bytes([10, 1, 2, 3]), 4000, LOCAL, receiver.getsockname()[1])
        found = answers(owners, 1)
    assert [(each.key, each.side, each.owner.pid) for each in found] == [(1, 1, os.getpid())]


@linux
def test_a_conversation_of_other_machines_is_given_up() -> None:
    owners = Owners()
    owners.ask(1, "tcp", bytes([10, 1, 2, 3]), 4000, bytes([10, 1, 2, 4]), 80)
    assert answers(owners, 1, 4.0) == []
    assert owners.unanswered == 1
    assert owners.step() == []


@linux
def test_a_process_that_cannot_be_looked_at_has_a_user(tmp_path: Path) -> None:
    """Nobody's /proc/PID/fd shows the socket: the user of the table is all that is known."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(HEAD + line("0100007F:1F90", "0100007F:C350", 4711, 33))
    fd = tmp_path / "12" / "fd"
    fd.mkdir(parents=True)
    (fd / "0").symlink_to("socket:[999]")
    owners = Owners(str(tmp_path))
    owners.ask(1, "tcp", LOCAL, 8080, LOCAL, 50000)
    found = answers(owners, 1)
    assert [(each.side, each.owner.pid, each.owner.user, str(each.owner)) for each in found] == [
        (0, 0, 33, "a process of user 33")
    ]


def test_questions_have_a_bound(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(HEAD)
    owners = Owners(str(tmp_path))
    if not owners.possible:
        pytest.skip("the socket tables are those of Linux")
    for key in range(2_010):
        owners.ask(key, "tcp", LOCAL, key, LOCAL, 80)
    assert (len(owners.questions), owners.unanswered) == (2_000, 10)


def test_nothing_is_asked_where_there_are_no_tables(tmp_path: Path) -> None:
    owners = Owners(str(tmp_path))
    assert not owners.possible
    owners.ask(1, "tcp", LOCAL, 1, LOCAL, 2)
    assert owners.step() == []
    assert owners.unanswered == 0


@pytest.mark.skipif(sys.byteorder != "little", reason="the tables are in the order of the machine")
@pytest.mark.parametrize(("word", "expected"), [
    (b"0100007F:0050", (LOCAL, 80)),
    (b"0000000000000000FFFF00000100007F:01BB", (LOCAL, 443)),
    (b"B80D0120000000000000000001000000:0035", (bytes.fromhex("20010db8000000000000000000000001"), 53)),
])
def test_addresses_of_the_tables(word: bytes, expected: tuple[bytes, int]) -> None:
    assert address_of(word) == expected


@pytest.mark.parametrize("text", [
    b"", b"1: 2 3 4 5 6 7 8 9", line("0100007F:XX", "0100007F:1", 4).encode(),
    line("01:50", "0100007F:1", 4).encode(), line("0100007F:1", "0100007F:2", 0).encode(),
])
def test_lines_that_name_no_socket(text: bytes) -> None:
    assert socket_line("tcp", text) is None


def test_a_listening_socket_is_not_the_conversation() -> None:
    listening = {("tcp", bytes(4), 80, b"", 0): (1, 0), ("udp", bytes(16), 53, b"", 0): (2, 0)}
    assert look_up(listening, ("tcp", LOCAL, 80, LOCAL, 5000)) is None
    assert look_up(listening, ("udp", LOCAL, 53, LOCAL, 5000)) == (2, 0)
