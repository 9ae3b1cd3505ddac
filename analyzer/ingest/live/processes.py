"""Which process owns the local end of a conversation (Linux, from the socket tables of /proc).

Who owns a socket is found in two steps, proc(5): the tables /proc/net/{tcp,tcp6,udp,udp6} give its inode and user by
addresses and ports, and the links in /proc/PID/fd give the process by inode. The first costs one read for all
conversations. The second looks at every open file of every process, so it is done for several questions at once, a
slice of time after the other.
"""
from __future__ import annotations

import os
import sys
import time
from typing import Final

MAX_QUESTIONS: Final = 2_000        # that wait; further ones are given up at once
MAX_SOCKETS: Final = 200_000        # lines of the tables, and sockets of all processes, that are kept
MAX_TABLE: Final = 64 << 20         # octets of one table
TABLE_SECONDS: Final = 0.25         # the tables are read no more often than this
TABLE_SHARE: Final = 20.0           # and for so many times as long as it takes they are left alone
SCAN_SECONDS: Final = 1.0           # nor are the processes
# A socket may get its place in the tables after its first frame is seen; and it may be gone before we look.
PATIENCE_SECONDS: Final = 3.0
NAME_LENGTH: Final = 64
ANYWHERE: Final = (bytes(4), bytes(16))
MAPPED: Final = bytes(10) + b"\xff\xff"     # of an IPv4 address in an IPv6 socket (RFC 4291 §2.5.5.2)

# transport, address, port, peer's address, peer's port; a socket that has no peer: b"" and 0
Place = tuple[str, bytes, int, bytes, int]


class Owner:
    """pid 0 and name "" where only the user is known, because the process belongs to somebody else."""

    def __init__(self, pid: int, name: str, user: int) -> None:
        self.pid = pid
        self.name = name
        self.user = user

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})" if self.pid else f"a process of user {self.user}"


class Found:
    """The answer to a question. key: as asked with.    side: 0 for the first address in the question, 1 the second."""

    def __init__(self, key: int, side: int, owner: Owner) -> None:
        self.key = key
        self.side = side
        self.owner = owner


class Question:
    def __init__(self, key: int, places: list[Place], until: float) -> None:
        self.key = key
        self.places = places         # of the first and of the second address
        self.until = until
        self.seen = 0.0              # when its socket was first found in the tables, 0.0 before


class Owners:
    """Questions are collected while frames pass, and answered in timed work, a few milliseconds at a time.

    possible: whether this system has the tables.     unanswered: questions given up, most of them of other machines.
    partial: processes of other users cannot be looked at, so of their sockets only the user is known.
    """

    def __init__(self, root: str = "/proc") -> None:
        self.root = root
        self.possible = sys.platform == "linux" and os.access(f"{root}/net/tcp", os.R_OK)
        self.partial = False
        self.unanswered = 0
        self.questions: list[Question] = []
        self.table: dict[Place, tuple[int, int]] = {}     # -> inode, user
        self.table_due = 0.0
        self.owners: dict[int, Owner] = {}                # by inode
        self.next_owners: dict[int, Owner] = {}
        self.pids: list[str] = []                         # still to be looked at
        self.scanning = False
        self.scanned_at = -SCAN_SECONDS
        self.scan_began = 0.0                             # of the last one that was finished
        self.scan_begins = 0.0                            # of the one that runs
        self.scan_wanted = False

    def ask(self, key: int, transport: str, first: bytes, first_port: int, second: bytes, second_port: int) -> None:
        """Once for each new conversation. transport: "tcp" or "udp"; addresses of 4 or 16 bytes."""
        if not self.possible:
            return
        if len(self.questions) >= MAX_QUESTIONS:
            self.unanswered += 1
            return
        places: list[Place] = [
            (transport, first, first_port, second, second_port), (transport, second, second_port, first, first_port)
        ]
        self.questions.append(Question(key, places, time.monotonic() + PATIENCE_SECONDS))

    def step(self, seconds: float = 0.005) -> list[Found]:
        """Work on the questions for about so long, and give the answers found. Call it some times a second."""
        if not self.questions and not self.scanning:
            return []
        now = time.monotonic()
        end = now + seconds
        if self.questions and now >= self.table_due:
            self.read_tables()
            read = time.monotonic()
            self.table_due = read + max(TABLE_SECONDS, TABLE_SHARE * (read - now))
        found = self.answer(now)
        if self.scan_wanted and not self.scanning and now - self.scanned_at >= SCAN_SECONDS:
            self.begin_scan()
        if self.scanning and self.scan(end):
            found += self.answer(time.monotonic())
        return found

    def answer(self, now: float) -> list[Found]:
        """Answer what is known, and give up what has waited for too long."""
        found: list[Found] = []
        waiting: list[Question] = []
        for question in self.questions:
            done = False
            for side, place in enumerate(question.places):
                entry = look_up(self.table, place)
                if entry is None:
                    continue
                inode, user = entry
                owner = self.owners.get(inode)
                if owner is None and self.still_to_scan(question, now):
                    continue
                found.append(Found(question.key, side, owner or Owner(0, "", user)))
                done = True
            if not done:
                if now < question.until:
                    waiting.append(question)
                else:
                    self.unanswered += 1
        self.questions = waiting
        return found

    def still_to_scan(self, question: Question, now: float) -> bool:
        """Whether the processes are still to be looked at for a socket that was found in the tables."""
        question.seen = question.seen or now
        if self.scan_began > question.seen or now >= question.until:
            return False
        self.scan_wanted = True
        return True

    def read_tables(self) -> None:
        table: dict[Place, tuple[int, int]] = {}
        for transport, name in (("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6")):
            try:
                with open(f"{self.root}/net/{name}", "rb") as file:
                    text = file.read(MAX_TABLE)
            except OSError:
                continue
            for line in text.splitlines()[1:]:
                if len(table) >= MAX_SOCKETS:
                    break
                entry = socket_line(transport, line)
                if entry is not None:
                    table[entry[0]] = entry[1], entry[2]
        self.table = table

    def begin_scan(self) -> None:
        self.scan_wanted = False
        self.scan_begins = time.monotonic()
        try:
            self.pids = [name for name in os.listdir(self.root) if name.isdigit()]
        except OSError:
            self.possible = False
            self.questions = []
            return
        self.scanning = True
        self.partial = False
        self.next_owners = {}

    def scan(self, end: float) -> bool:
        """Look at processes until this time, the newest first; whether all were looked at."""
        while self.pids and len(self.next_owners) < MAX_SOCKETS:
            pid = self.pids.pop()
            self.look_at(pid)
            if time.monotonic() >= end:
                break
        if not self.pids or len(self.next_owners) >= MAX_SOCKETS:
            self.owners = self.next_owners
            self.next_owners = {}
            self.pids = []
            self.scanning = False
            self.scanned_at = time.monotonic()
            self.scan_began = self.scan_begins
        return not self.scanning

    def look_at(self, pid: str) -> None:
        """The sockets of one process; it may end at any moment."""
        folder = f"{self.root}/{pid}/fd"
        try:
            names = os.listdir(folder)
        except PermissionError:
            self.partial = True
            return
        except OSError:
            return
        owner: Owner | None = None
        for name in names:
            try:
                target = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            if target.startswith("socket:["):
                if owner is None:
                    owner = self.describe(pid)
                self.next_owners.setdefault(int(target[8:-1]), owner)

    def describe(self, pid: str) -> Owner:
        try:
            with open(f"{self.root}/{pid}/comm", "rb") as file:
                name = file.read(NAME_LENGTH).decode("utf-8", "replace").rstrip("\n")
            user = os.stat(f"{self.root}/{pid}").st_uid
        except OSError:
            name, user = "", -1
        return Owner(int(pid), name or "?", user)


def look_up(table: dict[Place, tuple[int, int]], place: Place) -> tuple[int, int] | None:
    """The socket at this place: one with this peer, else one that takes any peer, on this address or on all."""
    entry = table.get(place)
    if entry is not None:
        return entry
    transport, address, port, _peer, _peer_port = place
    if transport == "tcp":           # a listening socket is not the one that this conversation belongs to
        return None
    for local in (address, *ANYWHERE):
        entry = table.get((transport, local, port, b"", 0))
        if entry is not None:
            return entry
    return None


def socket_line(transport: str, line: bytes) -> tuple[Place, int, int] | None:
    """One line of a table: the place, the inode, the user. None for what no process has, or cannot be read."""
    words = line.split(None, 10)
    if len(words) < 10:
        return None
    try:
        address, port = address_of(words[1])
        peer, peer_port = address_of(words[2])
        user, inode = int(words[7]), int(words[9])
    except ValueError:
        return None
    if inode == 0:                   # TIME_WAIT and the like
        return None
    if peer_port == 0 and peer in ANYWHERE:
        peer = b""
    return (transport, address, port, peer, peer_port), inode, user


def address_of(word: bytes) -> tuple[bytes, int]:
    """`0100007F:0050`: words of 32 bits in the machine's order. A mapped IPv4 address is given as IPv4."""
    text, _colon, port = word.partition(b":")
    raw = bytes.fromhex(text.decode("ascii"))
    if len(raw) not in (4, 16):
        raise ValueError("an address has 4 or 16 bytes")
    if sys.byteorder == "little":
        raw = b"".join(raw[at:at + 4][::-1] for at in range(0, len(raw), 4))
    return raw[12:] if raw.startswith(MAPPED) else raw, int(port, 16)
