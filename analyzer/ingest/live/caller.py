"""Who called us, where we are root: the person to go on as, and to whom files belong."""
from __future__ import annotations

import os
import sys
from typing import Final

# (uid_t)-1 means "no user" to setresuid(2) and chown(2).
NO_ID: Final = 0xFFFFFFFF
ID_DIGITS: Final = 10          # of an id: 2^32 has so many
# What the kernel shows for a user that it cannot name (kernel.overflowuid), which is nobody's number by custom.
OVERFLOW_ID: Final = 65534
NOBODY: Final = "nobody"
ROOT: Final = "root"


class Caller:
    """Whom to go on as. groups: supplementary ones.    name: as it is shown.

    why: why this is nobody; "" where it is a person.
    """

    def __init__(self, user: int, group: int, groups: list[int], name: str, why: str = "") -> None:
        self.user = user
        self.group = group
        self.groups = groups
        self.name = name
        self.why = why


def caller() -> Caller:
    """The person behind this process, or nobody.

    The real user of a setuid binary called it, and filled its environment; that of a process which root began is
    root, and sudo, doas and pkexec say in the environment for whom they began it.
    """
    assert sys.platform != "win32"
    real = os.getuid()
    if real != 0:
        return Caller(real, os.getgid(), os.getgroups(), user_name(real))
    reasons: list[str] = []
    for variable in ("SUDO_UID", "DOAS_USER", "PKEXEC_UID"):
        text = os.environ.get(variable, "")
        if text:
            found = by_name(text) if variable == "DOAS_USER" else by_number(text, variable == "SUDO_UID")
            if isinstance(found, Caller):
                return found
            reasons.append(f"{variable}={text!r} {found}" if text != text.strip() else f"{variable}={text} {found}")
    return nobody("; ".join(reasons) or "nothing tells who called root")


def by_number(text: str, has_group: bool) -> Caller | str:
    """The user of this number, or why there is none. has_group: SUDO_GID says which group."""
    assert sys.platform != "win32"
    import pwd

    user = number(text)
    if user < 0:
        return "is no user's number"
    if user == 0:
        return "is root itself"
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        entry = None
    group = number(os.environ.get("SUDO_GID", "")) if has_group else -1
    if entry is None:
        return Caller(user, group, [group], f"user {user}") if group > 0 else "is a user without a group"
    if group <= 0:
        group = entry.pw_gid     # also where that is 0: then it is root's group by the account, not by a variable
    return Caller(user, group, os.getgrouplist(entry.pw_name, group), entry.pw_name)


def by_name(text: str) -> Caller | str:
    """The user of this name, or why there is none."""
    assert sys.platform != "win32"
    import pwd

    try:
        entry = pwd.getpwnam(text)
    except (KeyError, ValueError):
        return "is no user's name"
    if entry.pw_uid == 0:
        return "is root itself"
    return Caller(entry.pw_uid, entry.pw_gid, os.getgrouplist(entry.pw_name, entry.pw_gid), entry.pw_name)


def nobody(why: str) -> Caller:
    """The account for whom nothing is anybody's."""
    assert sys.platform != "win32"
    import pwd

    user, group = OVERFLOW_ID, OVERFLOW_ID
    try:
        entry = pwd.getpwnam(NOBODY)
    except KeyError:
        pass
    else:
        user, group = entry.pw_uid or OVERFLOW_ID, entry.pw_gid or OVERFLOW_ID
    return Caller(user, group, [group], NOBODY, why)


def number(text: str) -> int:
    """A user's or group's number, -1 where the text is none."""
    if not text.isascii() or not text.isdigit() or len(text) > ID_DIGITS:
        return -1
    found = int(text)
    return found if found < NO_ID else -1


def user_name(user: int) -> str:
    """`alice`, or `user 4321` where there is no such account."""
    assert sys.platform != "win32"
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def file_owner() -> tuple[int, int] | None:
    """To whom root gives the files that it makes: the person, else root; None where we are not root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    person = caller()
    return (0, 0) if person.why else (person.user, person.group)
