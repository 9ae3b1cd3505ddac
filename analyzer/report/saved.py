"""Files that are complete or not there: written beside their place, then moved into it."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

STANDARD_OUTPUT: Final = "-"


def save(path: str, pieces: Iterable[bytes]) -> int:
    """Write the pieces to `path`, replacing a file there only when all are written; `-` is standard output.

    Returns the bytes written. Raises OSError; nothing half written is left behind then.
    """
    if path == STANDARD_OUTPUT:
        return _pass_on(pieces)
    target = Path(path)
    written = 0
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as beside:
        try:
            for piece in pieces:
                written += beside.write(piece)
            beside.flush()
            os.fsync(beside.fileno())
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise
    try:
        os.chmod(beside.name, _mode(target))
        os.replace(beside.name, target)
    except OSError:
        Path(beside.name).unlink(missing_ok=True)
        raise
    return written


def _pass_on(pieces: Iterable[bytes]) -> int:
    written = 0
    for piece in pieces:
        written += sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return written


def _mode(target: Path) -> int:
    """That of the file it replaces, else what the user's mask gives a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
