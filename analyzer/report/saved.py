"""Files that are complete or not there: written beside their place, then moved into it."""
from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from analyzer.programs import ended_in_order

if sys.platform != "win32":     # where a file that is open cannot be removed either
    import fcntl

STANDARD_OUTPUT: Final = "-"
PRIVATE: Final = 0o600
ENDING: Final = ".wiretale"     # of the names of files that are to take the place of others
MOST_NAME: Final = 180          # octets of the target's name in them


def save(path: str, pieces: Iterable[bytes], owner: tuple[int, int] | None = None) -> int:
    """Write the pieces to `path`, replacing a file there only when all are written; `-` is standard output.

    A link stays, and the file that it names is replaced; what is no file (a device, a named pipe) is written to as it
    is. Returns the bytes written. Raises OSError; nothing half written is left behind then, nor where a signal ends the
    process. What SIGKILL leaves, the next run to the same target removes.

    owner: the user and group that the file is for, and nobody else, where root writes what it captured. Then no link
    is followed either: somebody may have laid it there.
    """
    if path == STANDARD_OUTPUT:
        return _pass_on(pieces, sys.stdout.buffer)
    if owner is not None and os.path.islink(path):
        raise OSError(errno.ELOOP, "it is a symbolic link, which root does not follow")
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as device:
            return _pass_on(pieces, device)
    with ended_in_order() as ending:
        _remove_leftovers(target)
        beside = _beside(target)
        try:
            ending.arm()
            written = _pass_on(pieces, beside)
            os.fsync(beside.fileno())
            if owner is None:
                os.chmod(beside.name, _mode(target))
            else:
                _keep_for(beside.fileno(), owner)
            os.replace(beside.name, target)
        except BaseException:
            ending.armed = False
            Path(beside.name).unlink(missing_ok=True)
            raise
        finally:
            ending.armed = False
            beside.close()
    return written


def _prefix(target: Path) -> str:
    """How the names of files begin that are to take its place; a name has 255 octets on most file systems."""
    return f".{os.fsdecode(os.fsencode(target.name)[:MOST_NAME])}."


def _beside(target: Path) -> IO[bytes]:
    """A new file in the folder of the target, locked as long as it is open: whoever finds it unlocked may remove it."""
    while True:
        file = NamedTemporaryFile(  # noqa: SIM115  (it is closed by whoever asked for it)
            "wb", dir=target.parent, prefix=_prefix(target), suffix=ENDING, delete=False
        )
        if _locked(file.fileno()) and os.fstat(file.fileno()).st_nlink > 0:
            return file
        file.close()        # another run removed it before it was locked


def _remove_leftovers(target: Path) -> None:
    """What runs to the same target left that were ended by SIGKILL or with the machine: files of ours, in no use."""
    if sys.platform == "win32":
        return
    begin = _prefix(target)
    with suppress(OSError):
        for entry in os.scandir(target.parent):
            if not (entry.name.startswith(begin) and entry.name.endswith(ENDING)):
                continue
            with suppress(OSError):
                descriptor = os.open(entry.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    about = os.fstat(descriptor)
                    if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid() and _locked(descriptor):
                        os.unlink(entry.path)
                finally:
                    os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Whether nobody else has it open for writing in another run; it is ours then until it is closed."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)    # some file systems know no locks
    return True


def _keep_for(descriptor: int, owner: tuple[int, int]) -> None:
    os.fchmod(descriptor, PRIVATE)
    with suppress(OSError):     # on some file systems root may not
        os.fchown(descriptor, *owner)


def _pass_on(pieces: Iterable[bytes], target: IO[bytes]) -> int:
    written = 0
    for piece in pieces:
        written += target.write(piece)
    target.flush()
    return written


def _mode(target: Path) -> int:
    """That of the file it replaces, else what the user's mask gives a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
