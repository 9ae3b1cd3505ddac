"""How far a long run is: on stderr, only on a terminal, only once it takes a while."""
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final

from dissectors.kit.units import grouped, size

if TYPE_CHECKING:
    from rich.progress import BarColumn, Progress, TaskID

    from analyzer.model import Analysis, Told

PATIENCE: Final = 0.5     # seconds before anything is shown
REFRESH: Final = 0.1      # seconds between two looks
SETTLED: Final = 1.0      # seconds of a pass before its pace says how long the rest takes
NARROW, WIDE = 4, 40      # columns of the bar
# As the passes of the pipeline are measured (analyzer.pipeline.passes, which is not imported for --help).
OCTETS: Final = "octets"
DRAWING: Final = "Drawing"
CONVERSATIONS: Final = "conversations"


class TerminalProgress:
    """A line with the pass in hand, how much of it is done, its pace and the time left; gone without a trace in the
    end."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.began = time.monotonic()       # of the pass in hand
        self.since = self.began             # of the first one
        self.looked = self.began
        self.name = ""
        self.unit = OCTETS
        self.bar: Progress | None = None
        self.column: BarColumn | None = None
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
        self.name, self.unit = name, unit
        self.began = time.monotonic()
        if self.shown and self.began - self.since >= PATIENCE:
            self._show(0, -1, "")

    def update(self, done: int, whole: int, frames: int) -> None:
        """So much of the pass is done, in its unit; whole is -1 where it is not known. frames: that it went over."""
        now = time.monotonic()
        if not self.shown or now - self.looked < REFRESH or now - self.since < PATIENCE:
            return
        self.looked = now
        seconds = now - self.began
        texts = [
            read_so_far(done, whole, frames) if self.unit == OCTETS else done_so_far(done, whole, self.unit),
            progress_rate(frames, seconds, "packets" if self.unit == OCTETS else self.unit),
        ]
        if 0 < done < whole and seconds >= SETTLED:
            texts.append(f"{clock(seconds * (whole - done) / done)} left")
        self._show(done, whole, " · ".join(texts))

    def _show(self, done: int, whole: int, text: str) -> None:
        if self.bar is None:
            self._start()
        if self.bar is not None and self.task is not None and self.column is not None:
            room = self.bar.console.width - len(self.name) - len(text) - 3
            self.column.bar_width = max(min(room, WIDE), NARROW)
            total = whole if whole > 0 else None
            self.bar.update(self.task, completed=done, total=total, description=self.name, text=text)
            self.bar.refresh()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.column = BarColumn(NARROW)
        self.bar = Progress(
            TextColumn("{task.description}"), self.column, TextColumn("{task.fields[text]}"),
            console=Console(stderr=True, highlight=False), transient=True, auto_refresh=False,
        )
        self.task = self.bar.add_task(self.name, total=None, text="")
        self.bar.start()


class Watched(list["Told"]):
    """Conversations that tell how far whoever goes over them is."""

    def __init__(self, told: list[Told], progress: TerminalProgress) -> None:
        super().__init__(told)
        self.progress = progress

    def __iter__(self) -> Iterator[Told]:
        self.progress.begin(DRAWING, CONVERSATIONS)
        for count, told in enumerate(super().__iter__()):
            self.progress.update(count, len(self), count)
            yield told


@contextmanager
def drawing(analysis: Analysis, to_terminal: bool) -> Iterator[None]:
    """While what is told is written. to_terminal: it goes where progress would stand in its way."""
    with TerminalProgress() as progress:
        if progress.shown and not to_terminal:
            analysis.told = Watched(analysis.told, progress)
        yield


def progress_rate(count: int, seconds: float, unit: str = "packets") -> str:
    """`1.25 M packets/s`."""
    pace = count / seconds if seconds > 0 else 0.0
    if pace >= 1e6:
        return f"{pace / 1e6:.2f} M {unit}/s"
    return f"{grouped(int(pace))} {unit}/s"


def read_so_far(position: int, total: int, frames: int) -> str:
    """`120 MB of 346 MB`; frames where the size is not known, as from a pipe."""
    return f"{size(position)} of {size(total)}" if total > 0 else f"{grouped(frames)} frames, {size(position)}"


def done_so_far(done: int, whole: int, unit: str) -> str:
    """`35 % of 200 000 frames`."""
    return f"{100 * done // whole} % of {grouped(whole)} {unit}" if whole > 0 else f"{grouped(done)} {unit}"


def clock(seconds: float) -> str:
    """`0:07`, `1:02:30`."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
