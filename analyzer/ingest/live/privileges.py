"""Rights that are needed to open a socket, given up once it is open."""
from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

import analyzer
from analyzer.ingest.source import CaptureError

# linux/capability.h: version 3 has two sets of 32 capabilities, each effective, permitted and inheritable.
CAPABILITY_VERSION: Final = 0x20080522
CAPABILITY_WORDS: Final = 6


# What a later import reads: Python's own modules and ours.
MODULES: Final = (os.__file__, analyzer.__file__ or os.__file__)


def drop_privileges(needed: tuple[str, ...] = MODULES) -> str:
    """Become the user who called sudo, or give up capabilities; "" where there was nothing to give up.

    Returns what was done, in a few words. Raises CaptureError where the rights would not go away, or where the user
    may not read one of the files that are still needed: root may have installed Python where nobody else can.
    root without sudo has nobody to become, and stays root. The process must have no other threads yet: the user is
    changed for all of them, but capabilities belong to a thread.
    """
    if sys.platform == "win32":
        return ""
    if os.geteuid() != 0:
        return _drop_capabilities()
    user, group = _number("SUDO_UID"), _number("SUDO_GID")
    if user <= 0:
        return ""
    if group < 0:
        raise CaptureError("SUDO_UID is set, but SUDO_GID is not: there is no group to become a member of")
    name = _become(user, group, needed)
    return f"the socket is open; from here on as {name}"


def _number(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _become(user: int, group: int, needed: tuple[str, ...]) -> str:
    """Groups first: whoever is no longer root cannot change them. Gives the user's name."""
    assert sys.platform != "win32"
    import pwd

    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = ""
    try:
        if name:
            os.initgroups(name, group)
        else:
            os.setgroups([group])
        unreadable = _unreadable(user, group, needed)
        if unreadable:
            raise CaptureError(
                f"{name or f'user {user}'} may not read {unreadable}, so wiretale cannot go on as that user; install "
                "it where everybody can read it, or let it stay root: sudo env -u SUDO_UID wiretale sniff ..."
            )
        # As root, these two set the real, the effective and the saved number at once (setgid(2), setuid(2)).
        os.setgid(group)
        os.setuid(user)
    except OSError as error:
        raise CaptureError(f"root's rights cannot be given up ({error.strerror}); nothing is captured") from error
    if os.getuid() != user or os.geteuid() != user or os.getgid() != group or os.getegid() != group or _comes_back():
        raise CaptureError("root's rights were not given up for good; nothing is captured")
    return name or f"user {user}"


def _unreadable(user: int, group: int, needed: tuple[str, ...]) -> str:
    """The first of these files that the user may not read, "" where there is none. Raises OSError."""
    assert sys.platform != "win32"
    found = ""
    os.setegid(group)
    os.seteuid(user)
    for path in needed:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            found = path
            break
    os.seteuid(0)
    os.setegid(0)
    return found


def _comes_back() -> bool:
    """Whether this process can become root again."""
    assert sys.platform != "win32"
    try:
        os.seteuid(0)
    except OSError:
        pass
    else:
        return True
    try:
        os.setuid(0)
    except OSError:
        return False
    return True


def capabilities() -> int:
    """The permitted capabilities of this process as a set of bits (Linux); 0 elsewhere."""
    try:
        with open("/proc/thread-self/status", "rb") as file:
            for line in file:
                if line.startswith(b"CapPrm:"):
                    return int(line[7:], 16)
    except (OSError, ValueError):
        pass
    return 0


def _drop_capabilities() -> str:
    """Give up what `setcap` gave to the interpreter."""
    if not capabilities():
        return ""
    head = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    empty = (ctypes.c_uint32 * CAPABILITY_WORDS)()
    if ctypes.CDLL(None, use_errno=True).capset(head, empty) or capabilities():
        reason = os.strerror(ctypes.get_errno())
        raise CaptureError(f"capabilities cannot be given up ({reason}); nothing is captured")
    return "the socket is open; capabilities are given up"


def no_rights(what: str, reason: str) -> str:
    """The message for somebody who may not capture: what failed, and the ways to get the right."""
    if sys.platform != "linux":
        return f"{what}: no right to capture ({reason}). Run it with sudo, or as a user who may read the BPF devices."
    python = os.path.realpath(sys.executable or "python3")
    return (
        f"{what}: no right to capture ({reason}). There are three ways to get it:\n"
        "  sudo wiretale sniff ...      root opens the socket, then wiretale goes on as you\n"
        f"  sudo setcap cap_net_raw+ep {python}      everything that this Python runs may then capture\n"
        "  dumpcap -i ... -w - | wiretale sniff -      as a member of the group that may run dumpcap (wireshark)"
    )
