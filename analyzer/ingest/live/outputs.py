"""Files for what is captured: whether they may be written, and how they are made.

A capture can hold anybody's passwords. So a new file is for its owner only, and where root writes, nothing that
somebody else laid in the way is written through: no symbolic link, and no file that is there.
"""
from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Final

from analyzer.ingest.live.caller import file_owner

MODE: Final = 0o600


class Output:
    """A file to write. replaced: by another one that is moved into its place; else it is written where it is."""

    def __init__(self, path: str, replaced: bool) -> None:
        self.path = path
        self.replaced = replaced

    def may_be_written(self) -> bool:
        """Whether that is allowed to whom we act as now."""
        try:
            there = os.stat(self.path)
        except OSError:
            there = None
        if there is not None and (not self.replaced or not stat.S_ISREG(there.st_mode)):
            return allowed(self.path, os.W_OK)
        folder = os.path.dirname(os.path.realpath(self.path))
        if not allowed(folder, os.W_OK | os.X_OK):
            return False
        if there is None or os.name != "posix":
            return True
        around = os.stat(folder)     # in a sticky folder only the owner of either may move another file there
        return not around.st_mode & stat.S_ISVTX or os.geteuid() in (0, there.st_uid, around.st_uid)


def allowed(path: str, how: int) -> bool:
    """access(2), for the effective user where the system can tell that."""
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def create(path: str) -> int:
    """A descriptor of a new or emptied file, or of the device or pipe that is there. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    owner = file_owner()
    if owner is None:
        return os.open(path, flags | os.O_TRUNC, MODE)
    try:
        kind = stat.S_IFMT(os.lstat(path).st_mode)
    except FileNotFoundError:
        kind = 0
    if kind == stat.S_IFLNK:
        raise OSError(errno.ELOOP, "it is a symbolic link, which root does not follow")
    if kind not in (0, stat.S_IFREG):
        return device(path)
    if kind:
        os.unlink(path)     # whoever has it open, or a link to it, keeps the old one
    descriptor = os.open(path, flags | os.O_EXCL | os.O_NOFOLLOW, MODE)
    with suppress(OSError):     # on some file systems root may not
        os.fchown(descriptor, owner[0], owner[1])
    return descriptor


def device(path: str) -> int:
    """A descriptor of what is no file. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):     # since we looked
        os.close(descriptor)
        raise OSError(errno.EEXIST, "it was replaced meanwhile")
    return descriptor
