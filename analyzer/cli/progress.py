"""How far the reading of a long capture is: on stderr, only on a terminal, only once it takes a while."""
from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

from dissectors.kit.units import grouped, size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE: Final = 0.5     # seconds before anything is shown
REFRESH: Final = 0.1      # seconds between two looks


class TerminalProgress:
    """A bar with packets a second and the time left; gone without a trace when the work is done."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.began = time.monotonic()
        self.looked = self.began
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def begin(self, name: str, unit: str) -> None:
        """The next pass begins."""

    def update(self, position: int, size: int, frames: int) -> None:
        """position, size: bytes of the capture read so far and in all (-1 unknown); frames: read so far."""
        now = time.monotonic()
        if not self.shown or now - self.looked < REFRESH:
            return
        self.looked = now
        if self.bar is None:
            if now - self.began < PATIENCE:
                return
            self._start(size)
        if self.bar is not None and self.task is not None:
            pace = f"{progress_rate(frames, now - self.began)}"
            self.bar.update(self.task, completed=position, pace=pace, read=read_so_far(position, size, frames))
            self.bar.refresh()

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("Reading"), BarColumn(), TextColumn("{task.fields[read]} · {task.fields[pace]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True, highlight=False), transient=True, auto_refresh=False,
        )
        self.task = self.bar.add_task("", total=total if total > 0 else None, pace="", read="")
        self.bar.start()


def progress_rate(frames: int, seconds: float) -> str:
    """`1.25 M packets/s`."""
    pace = frames / seconds if seconds > 0 else 0.0
    if pace >= 1e6:
        return f"{pace / 1e6:.2f} M packets/s"
    return f"{grouped(int(pace))} packets/s"


def read_so_far(position: int, total: int, frames: int) -> str:
    """`120 MB of 346 MB`; frames where the size is not known, as from a pipe."""
    return f"{size(position)} of {size(total)}" if total > 0 else f"{grouped(frames)} frames, {size(position)}"
