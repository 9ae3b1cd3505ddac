"""What `wiretale sniff` does with its options: opens, drops rights, runs, and leaves complete files behind."""
from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Final

import click

from analyzer.cli.common import KEY_LOG, UNREADABLE, say_left_out, warn
from analyzer.cli.interfaces import interface_rows
from analyzer.cli.report import format_of, write_report
from analyzer.cli.screen import Screen
from analyzer.ingest.live.caller import file_owner
from analyzer.ingest.live.interfaces import list_interfaces
from analyzer.ingest.live.open import ANY, LiveOptions, open_live, open_stream
from analyzer.ingest.live.outputs import Output
from analyzer.ingest.live.privileges import drop_privileges, keep_privileges, whom
from analyzer.ingest.live.processes import Owners
from analyzer.ingest.live.source import LiveSource
from analyzer.ingest.live.writer import CaptureWriter, Rotation
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError
from analyzer.live.audience import Audience
from analyzer.live.json_lines import JsonLines
from analyzer.live.lines import LogLines
from analyzer.live.output import LineOutput, Reader
from analyzer.model import Analysis
from analyzer.pipeline.graphs import keep_octets
from analyzer.pipeline.live import Budgets
from analyzer.pipeline.live_keys import KeyLogTail
from analyzer.pipeline.live_run import Plan, Sniffer
from analyzer.report.document import SCHEMA_VERSION, capture_record
from analyzer.report.escape import terminal_text
from analyzer.report.formats import Format, Layout, draws_points
from analyzer.report.rows import Row
from analyzer.report.terminal import closing_rows, finding_rows, header_rows
from analyzer.report.terminal_story import story_rows
from analyzer.report.words import BRIEF, WIDEST_PROSE
from dissectors.kit.provided import Provided
from dissectors.kit.units import plural, size
from dissectors.registry import plugins

STREAM: Final = "-"
PCAPNG: Final = "pcapng"
STANDARD_OUTPUT: Final = 1
STANDARD_ERROR: Final = 2


class Wanted:
    """The options of the command, together. rotate: bytes, seconds, files; budgets: conversations, events, bytes."""

    def __init__(self, interfaces: list[str], follow: str, capture_filter: str) -> None:
        self.interfaces = interfaces
        self.follow = follow
        self.filter = capture_filter
        self.count = 0
        self.seconds = 0.0
        self.snaplen = 0
        self.promiscuous = True
        self.direction = "both"
        self.buffer = 0
        self.processes = False
        self.keep_privileges = False
        self.write = ""
        self.rotate = (0, 0.0, 0)
        self.as_json = False
        self.screen: bool | None = None
        self.level = "normal"
        self.outputs: list[str] = []
        self.form: str | None = None
        self.table = "events"
        self.diagram = "waterfall"
        self.anonymize = False
        self.columns = 100
        self.conversations: tuple[int, ...] = ()
        self.limit = 0
        self.everything = False
        self.findings_only = False
        self.strip_keys = False
        self.inject_keys = b""
        self.budgets = (0, 0, 0)
        self.provided = Provided()
        self.key_logs: list[str] = []
        self.display: tuple[int | None, str, bool] = (None, "auto", False)
        self.had_rights = False      # more than an ordinary user's; known once they are given up, or kept

    @property
    def clocked(self) -> bool:
        """Whether the times of frames are those of this machine's clock."""
        return not self.follow and STREAM not in self.interfaces


def show_interfaces(width: int | None, color: str) -> None:
    """A table of the interfaces with their addresses and what passes right now."""
    screen = Screen(width, color, False)
    screen.show(iter([interface_rows(list_interfaces(), screen.width)]))


def sniff(wanted: Wanted) -> int:
    """The exit code. Raises CaptureError where nothing can be captured."""
    formats = [format_of(path, wanted.form) for path in wanted.outputs]
    whole = bool(wanted.write) and wanted.write != STREAM and not any(wanted.rotate)
    annotating = any(chosen.name == PCAPNG for chosen in formats)
    if annotating and wanted.anonymize:
        raise click.UsageError("--anonymize: an annotated pcapng holds the packets themselves, with every address.")
    if annotating and not whole:
        raise click.UsageError("An annotated pcapng is made of the capture: add --write FILE, without rotation.")
    source = _open(wanted)
    try:
        said = _step_down(wanted)     # before there is any thread, a file is made, or a package of others is loaded
        plugins()           # what is left out is said now, and not after a capture of days
        say_left_out()
        key_logs = _key_logs(wanted)
        _writable(wanted)
        writer = None
        if wanted.write:
            octets, seconds, files = wanted.rotate
            writer = CaptureWriter(wanted.write, source, Rotation(octets, seconds, files), _application())
        try:
            return _capture(wanted, source, writer, formats, key_logs, f"capturing on {source.title}, {said}")
        finally:
            if writer is not None:
                writer.close()
    finally:
        source.close()


def _open(wanted: Wanted) -> LiveSource:
    if wanted.follow:
        return open_stream(wanted.follow, True)
    if wanted.interfaces == [STREAM]:
        return open_stream(STREAM, False)
    names = [ANY] if ANY in wanted.interfaces else wanted.interfaces
    return open_live(LiveOptions(
        names, wanted.filter, wanted.snaplen, wanted.promiscuous, wanted.direction, wanted.buffer
    ))


def _step_down(wanted: Wanted) -> str:
    """Give the rights up, or keep them where that is asked for; as whom the capture is read, in words."""
    if wanted.keep_privileges:
        said = keep_privileges()
    else:
        asked = tuple(path for path in wanted.key_logs if path != os.environ.get(KEY_LOG))
        said = drop_privileges(inputs=asked, outputs=tuple(_outputs(wanted)), socket=wanted.clocked)
    wanted.had_rights = bool(said)
    return said or f"as {whom()}"


def _outputs(wanted: Wanted) -> list[Output]:
    """The files to write. A rotation makes new ones beside the one that is named."""
    found = [Output(path, True) for path in wanted.outputs if path != STREAM]
    if wanted.write not in ("", STREAM):
        found.append(Output(wanted.write, any(wanted.rotate)))
    return found


def _key_logs(wanted: Wanted) -> list[KeyLogTail]:
    """Those that may still grow. Raises CaptureError where one that was asked for is there and cannot be read."""
    tails = [KeyLogTail(path, wanted.provided) for path in wanted.key_logs]
    for tail in tails:
        trouble = tail.read()
        if trouble and tail.path != os.environ.get(KEY_LOG):
            raise CaptureError(trouble)
        warn([trouble] if trouble else [])
    return tails


def _writable(wanted: Wanted) -> None:
    """A report that cannot be written is better known before the capture than after it."""
    for output in _outputs(wanted):
        if output.replaced and not output.may_be_written():
            raise click.FileError(output.path, "its folder is not there, or not to be written to")


def _capture(
    wanted: Wanted, source: LiveSource, writer: CaptureWriter | None, formats: list[Format],
    key_logs: list[KeyLogTail], began: str,
) -> int:
    conversations, events, held = wanted.budgets
    if wanted.had_rights and not _lines_are_read(wanted):
        warn([began])
    audience = _audience(wanted)
    plan = Plan(
        wanted.count, wanted.seconds, wanted.clocked, _drawn(wanted, formats),
        wanted.conversations, wanted.limit, wanted.everything,
    )
    sniffer = Sniffer(
        source, audience, plan, wanted.provided, Budgets(conversations, events, held_bytes=held), writer,
        Owners() if wanted.processes else None,
        key_logs,
    )
    audience.notice(time.time_ns(), began)
    if wanted.processes and sniffer.owners is not None and not sniffer.owners.possible:
        audience.notice(time.time_ns(), "the owners of conversations cannot be seen with these rights, or here")
    with _stopped_by_signals(sniffer):
        analysis = sniffer.run()
    if writer is not None:
        writer.close()
    if isinstance(audience, JsonLines):
        audience.record("capture", {**capture_record(analysis.capture), "schema": SCHEMA_VERSION})
    audience.close()
    failed = _reports(wanted, analysis, formats, writer)
    trouble = audience.output.trouble if isinstance(audience, Reader) else ""
    if trouble:
        warn([f"standard output cannot be written to: {trouble}; the capture ended there"])
    else:
        _summary(wanted, analysis)
    for error in failed:
        error.show()
    return max(_left_behind(wanted, source, writer), UNREADABLE if failed or trouble else 0)


def _drawn(wanted: Wanted, formats: list[Format]) -> bool:
    """Whether a report draws the segments of connections."""
    return any(draws_points(chosen, wanted.diagram) for chosen in formats)


def _reports(
    wanted: Wanted, analysis: Analysis, formats: list[Format], writer: CaptureWriter | None
) -> list[click.ClickException]:
    """Write every report, also where one cannot be written; what went wrong."""
    whole = writer is not None and not writer.trouble and wanted.write != STREAM and not any(wanted.rotate)
    if whole and any(chosen.name == "html" for chosen in formats):
        written = open_capture([wanted.write])
        keep_octets(analysis, written, [], False)
        written.close()
    kept = analysis.told, analysis.story, analysis.lookups, analysis.octets
    if wanted.findings_only:
        analysis.told, analysis.story, analysis.lookups, analysis.octets = [], [], [], {}
    layout = Layout(wanted.level, wanted.table, wanted.columns, wanted.diagram, wanted.anonymize)
    failed = []
    for path, chosen in zip(wanted.outputs, formats, strict=True):
        try:
            write_report(
                path, chosen, analysis, layout, [wanted.write], wanted.inject_keys, wanted.strip_keys, file_owner()
            )
        except click.ClickException as error:
            failed.append(error)
    analysis.told, analysis.story, analysis.lookups, analysis.octets = kept
    return failed


def _audience(wanted: Wanted) -> Audience:
    """The screen where there is a terminal to draw on, lines elsewhere."""
    if wanted.as_json:
        return JsonLines(LineOutput(STANDARD_OUTPUT), wanted.level)
    free = wanted.write != STREAM and STREAM not in wanted.outputs
    possible = free and os.name == "posix" and all(os.isatty(number) for number in (1, 2)) and _keyboard()
    if wanted.screen and not possible:
        raise click.UsageError("--screen needs a terminal.")
    if possible and wanted.screen is not False and os.environ.get("TERM", "dumb") != "dumb":
        from analyzer.live.channel import ScreenAudience

        return ScreenAudience(wanted.level, wanted.display[1])
    return LogLines(LineOutput(STANDARD_OUTPUT if free else STANDARD_ERROR), wanted.level)


def _lines_are_read(wanted: Wanted) -> bool:
    """Whether the lines themselves go where a person reads what is said on standard error."""
    if wanted.write == STREAM or STREAM in wanted.outputs:
        return True
    return not wanted.as_json and wanted.screen is False and os.isatty(STANDARD_OUTPUT)


def _keyboard() -> bool:
    if os.isatty(0):
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


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


def _summary(wanted: Wanted, analysis: Analysis) -> None:
    """The capture in short: where a person reads it."""
    if wanted.as_json or wanted.write == STREAM or STREAM in wanted.outputs:
        return
    width, color, pager = wanted.display
    screen = Screen(width, color, pager)
    prose = min(screen.width, WIDEST_PROSE)
    blocks = [header_rows(analysis, prose)]
    if analysis.story:
        blocks.append([Row(), *story_rows(analysis.story, screen.width)])
    if analysis.findings:
        blocks.append([Row(), *finding_rows(analysis.findings, BRIEF, prose)])
    blocks.append([Row(), *closing_rows(analysis, BRIEF, prose)])
    try:
        screen.show(iter(blocks))
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        # The terminal went away, which may be what ended the capture; the files are complete.


def _left_behind(wanted: Wanted, source: LiveSource, writer: CaptureWriter | None) -> int:
    """Say which files there are; the exit code."""
    code = 0
    if writer is not None:
        if writer.trouble:
            warn([f"{wanted.write}: {writer.trouble}; {plural(writer.unwritten, 'frame')} not written"])
            code = UNREADABLE
        elif wanted.write != STREAM:
            files = writer.files or [wanted.write]
            octets = sum(os.stat(name).st_size for name in files if os.path.exists(name))
            names = files[0] if len(files) == 1 else f"{files[0]} to {files[-1]}"
            click.echo(terminal_text(f"{plural(writer.written, 'frame')} written to {names}, {size(octets)}"), err=True)
    if source.damage and not source.number:
        raise CaptureError("; ".join(str(damage) for damage in source.damage))
    return code


def _application() -> str:
    from analyzer.cli.main import version_line

    return version_line()
