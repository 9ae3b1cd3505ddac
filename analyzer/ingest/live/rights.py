"""Users, groups and capabilities of this process: credentials(7), capabilities(7)."""
from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, Final

from analyzer.ingest.live.caller import Caller

# linux/capability.h: version 3 has two sets of 32 capabilities, each effective, permitted and inheritable.
CAPABILITY_VERSION: Final = 0x20080522
CAPABILITY_WORDS: Final = 6
PERMITTED: Final = (1, 4)                # the words of it that hold the permitted ones
CAP_SETPCAP: Final = 8
# linux/prctl.h
PR_CAPBSET_READ: Final = 23
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
MOST_CAPABILITIES: Final = 64

TASKS: Final = "/proc/self/task"
BOUNDING: Final = b"CapBnd"
SETS: Final = (b"CapInh", b"CapPrm", b"CapEff", BOUNDING, b"CapAmb")


def is_root() -> bool:
    """Whether the real, the effective or the saved user is root."""
    return 0 in users()


def users() -> tuple[int, ...]:
    """Real, effective and, where the system tells it, saved."""
    if sys.platform == "win32":
        return ()
    if sys.platform != "linux":
        return os.getuid(), os.geteuid()
    return os.getresuid()


def groups() -> tuple[int, ...]:
    if sys.platform == "win32":
        return ()
    if sys.platform != "linux":
        return os.getgid(), os.getegid()
    return os.getresgid()


def held() -> bool:
    """Whether there is anything to give up: root, another user than the real one, or a capability."""
    return is_root() or len(set(users())) > 1 or len(set(groups())) > 1 or capabilities() != 0


def capabilities() -> int:
    """The permitted capabilities of this thread as a set of bits (Linux); 0 elsewhere."""
    if sys.platform != "linux":
        return 0
    head = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    words = (ctypes.c_uint32 * CAPABILITY_WORDS)()
    if _libc().capget(head, words):
        return 0
    return int(words[PERMITTED[0]]) | int(words[PERMITTED[1]]) << 32


def regain_root() -> None:
    """Act as root where that is only put aside: what root has to give up, only root can."""
    if sys.platform != "win32" and os.geteuid() != 0 and is_root():
        os.seteuid(0)


def set_groups(wanted: list[int]) -> None:
    """Raises OSError."""
    if sys.platform != "win32" and sorted(set(wanted)) != sorted(set(os.getgroups())):
        os.setgroups(wanted)


def become(who: Caller) -> bool:
    """Be this user in every respect, with no capability, and with none to be had from a program that is started.

    The order matters: the bounding set needs a capability, and whoever is no longer root cannot change groups.
    Returns whether the bounding set could be emptied; where it could not, PR_SET_NO_NEW_PRIVS still lets no program
    gain from it. Raises OSError.
    """
    if sys.platform == "win32":
        return False
    if sys.platform != "linux":
        if os.geteuid() == 0:
            set_groups(who.groups)
        os.setgid(who.group)     # as root, these two set the real, the effective and the saved one
        os.setuid(who.user)
        return False
    bounded = capabilities() >> CAP_SETPCAP & 1 == 1
    if bounded:
        for capability in range(MOST_CAPABILITIES):
            if _libc().prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
                _call("PR_CAPBSET_DROP", _libc().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    if os.geteuid() == 0:
        set_groups(who.groups)
    os.setresgid(who.group, who.group, who.group)
    os.setresuid(who.user, who.user, who.user)
    _libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)     # EINVAL before Linux 4.3, which has none
    head = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call("capset", _libc().capset(head, (ctypes.c_uint32 * CAPABILITY_WORDS)()))
    _call("PR_SET_NO_NEW_PRIVS", _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    return bounded


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _call(what: str, failed: int) -> None:
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def left_of(who: Caller, bounded: bool) -> str:
    """What is still there that this user should not have, "" for nothing: as the kernel tells it of every thread.

    bounded: the bounding set has to be empty as well. Raises OSError where the kernel does not tell.
    """
    if sys.platform == "win32":
        return ""
    if sys.platform == "linux":
        for task in os.listdir(TASKS):
            with open(f"{TASKS}/{task}/status", "rb") as file:
                left = left_in(file.read(), who, bounded)
            if left:
                return left if task == str(os.getpid()) else f"another thread has {left}"
    elif set(users()) != {who.user} or set(groups()) != {who.group}:
        return "the user or the group is another"
    return "root can be had back" if who.user != 0 and _comes_back() else ""


def left_in(status: bytes, who: Caller, bounded: bool) -> str:
    """The same of one thread, from its status in /proc: proc(5)."""
    lines = {}
    for line in status.splitlines():
        name, _colon, value = line.partition(b":")
        lines[name] = value.split()
    if lines.get(b"Uid") != [b"%d" % who.user] * 4:
        return "another user"
    if lines.get(b"Gid") != [b"%d" % who.group] * 4:
        return "another group"
    if {int(group) for group in lines.get(b"Groups", [])} - {who.group, *who.groups}:
        return "further groups"
    for name in SETS:
        value = lines.get(name, [b"0"])[0]
        if int(value, 16) and (bounded or name != BOUNDING):
            return f"capabilities ({name.decode()} {value.decode()})"
    # Linux before 4.10 does not show it; there the call that set it is trusted.
    return "" if lines.get(b"NoNewPrivs", [b"1"]) == [b"1"] else "the right to gain rights"


def _comes_back() -> bool:
    """Whether this process can become root again."""
    assert sys.platform != "win32"
    for regain in (os.seteuid, os.setuid):
        try:
            regain(0)
        except OSError:
            continue
        return True
    return False
