"""Files that are complete or not there: written beside their place, then moved into it."""
from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

STANDARD_OUTPUT: Final = "-"
PRIVATE: Final = 0o600


def save(path: str, pieces: Iterable[bytes], owner: tuple[int, int] | None = None) -> int:
    """Write the pieces to `path`, replacing a file there only when all are written; `-` is standard output.

    A link stays, and the file that it names is replaced; what is no file (a device, a named pipe) is written to as it
    is. Returns the bytes written. Raises OSError; nothing half written is left behind then, nor where the process is
    asked to end.

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
    with (
        _ended_in_order(),
        NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as beside,
    ):
        try:
            written = _pass_on(pieces, beside)
            os.fsync(beside.fileno())
            if owner is None:
                os.chmod(beside.name, _mode(target))
            else:
                _keep_for(beside.fileno(), owner)
            os.replace(beside.name, target)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise
    return written


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM, which would end the process where it stands, takes the way of an exception meanwhile."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminated(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


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
