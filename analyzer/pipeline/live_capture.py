"""A live capture from its options to its analysis: opens, gives rights up, runs, and leaves complete files behind."""
from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Final

from analyzer.ingest.live.open import ANY, LiveOptions, open_live, open_stream
from analyzer.ingest.live.outputs import Output
from analyzer.ingest.live.privileges import drop_privileges, keep_privileges, whom
from analyzer.ingest.live.processes import Owners
from analyzer.ingest.live.source import LiveSource
from analyzer.ingest.live.writer import CaptureWriter, Rotation
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError
from analyzer.live.audience import Audience
from analyzer.model import Analysis
from analyzer.pipeline.graphs import keep_octets
from analyzer.pipeline.live import Budgets
from analyzer.pipeline.live_keys import KeyLogTail
from analyzer.pipeline.live_run import Plan, Sniffer
from dissectors.kit.provided import Provided
from dissectors.registry import plugins

STREAM: Final = "-"


class CaptureOptions:
    """What is captured, and where its frames go.

    rotate: bytes, seconds, files.     application: what wrote the file, for its header.     outputs: reports to come.
    key_logs: those that may still grow; unasked: the one among them that nobody asked for by name, "" for none.
    """

    def __init__(self, interfaces: list[str], follow: str, capture_filter: str) -> None:
        self.interfaces = interfaces
        self.follow = follow
        self.filter = capture_filter
        self.snaplen = 0
        self.promiscuous = True
        self.direction = "both"
        self.buffer = 0
        self.processes = False
        self.keep_privileges = False
        self.write = ""
        self.rotate = (0, 0.0, 0)
        self.application = ""
        self.outputs: list[str] = []
        self.provided = Provided()
        self.key_logs: list[str] = []
        self.unasked = ""

    @property
    def clocked(self) -> bool:
        """Whether the times of frames are those of this machine's clock."""
        return not self.follow and STREAM not in self.interfaces

    @property
    def rotates(self) -> bool:
        return any(self.rotate)

    def files(self) -> list[Output]:
        """The files to write. A rotation makes new ones beside the one that is named."""
        found = [Output(path, True) for path in self.outputs if path != STREAM]
        if self.write not in ("", STREAM):
            found.append(Output(self.write, self.rotates))
        return found


class Capturing:
    """Open, with the rights given up: before there is any thread, a file is made, or a package of others is loaded.

    whom: as whom it is read, in words; had_rights: there were some to give up.     complaints: about key logs.
    """

    def __init__(self, options: CaptureOptions) -> None:
        """Raises CaptureError where nothing can be captured."""
        self.options = options
        self.complaints: list[str] = []
        self.writer: CaptureWriter | None = None
        self.source = _open(options)
        try:
            said = self._step_down()
            self.had_rights = bool(said)
            self.whom = said or f"as {whom()}"
            plugins()           # what is left out is said now, and not after a capture of days
            self.key_logs = self._key_logs()
            self._check_outputs()
            if options.write:
                octets, seconds, files = options.rotate
                rotation = Rotation(octets, seconds, files)
                self.writer = CaptureWriter(options.write, self.source, rotation, options.application)
        except BaseException:
            self.source.close()
            raise

    def run(self, audience: Audience, plan: Plan, budgets: Budgets) -> Analysis:
        """Until the source ends, the plan is fulfilled, or somebody stops it. The file is complete then."""
        sniffer = Sniffer(
            self.source, audience, plan, self.options.provided, budgets, self.writer,
            Owners() if self.options.processes else None, self.key_logs,
        )
        audience.notice(time.time_ns(), self.began())
        if sniffer.owners is not None and not sniffer.owners.possible:
            audience.notice(time.time_ns(), "the owners of conversations cannot be seen with these rights, or here")
        with _stopped_by_signals(sniffer):
            analysis = sniffer.run()
        if self.writer is not None:
            self.writer.close()
        return analysis

    def began(self) -> str:
        return f"capturing on {self.source.title}, {self.whom}"

    def show_octets(self, analysis: Analysis) -> None:
        """Keep the bytes of cited frames, from the file that was written; where there is a whole one."""
        if self.writer is None or self.writer.trouble or self.options.write == STREAM or self.options.rotates:
            return
        written = open_capture([self.options.write])
        keep_octets(analysis, written, [], False)
        written.close()

    def close(self) -> None:
        """Safe to call twice."""
        if self.writer is not None:
            self.writer.close()
        self.source.close()

    def _step_down(self) -> str:
        """Give the rights up, or keep them where that is asked for; as whom the capture is read, "" for no change."""
        options = self.options
        if options.keep_privileges:
            return keep_privileges()
        asked = tuple(path for path in options.key_logs if path != options.unasked)
        return drop_privileges(inputs=asked, outputs=tuple(options.files()), socket=options.clocked)

    def _key_logs(self) -> list[KeyLogTail]:
        """Those that may still grow. Raises CaptureError where one that was asked for is there and cannot be read."""
        tails = [KeyLogTail(path, self.options.provided) for path in self.options.key_logs]
        for tail in tails:
            trouble = tail.read()
            if trouble and tail.path != self.options.unasked:
                raise CaptureError(trouble)
            if trouble:
                self.complaints.append(trouble)
        return tails

    def _check_outputs(self) -> None:
        """A report that cannot be written is better known before the capture than after it."""
        for output in self.options.files():
            if output.replaced and not output.may_be_written():
                raise CaptureError(f"{output.path}: its folder is not there, or not to be written to")


def _open(options: CaptureOptions) -> LiveSource:
    if options.follow:
        return open_stream(options.follow, True)
    if options.interfaces == [STREAM]:
        return open_stream(STREAM, False)
    names = [ANY] if ANY in options.interfaces else options.interfaces
    return open_live(LiveOptions(
        names, options.filter, options.snaplen, options.promiscuous, options.direction, options.buffer
    ))


@contextlib.contextmanager
def _stopped_by_signals(sniffer: Sniffer) -> Iterator[None]:
    """The first signal ends the capture in order; a second Ctrl-C does not wait for that."""
    def stop(number: int, _frame: FrameType | None) -> None:
        sniffer.stop()
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
