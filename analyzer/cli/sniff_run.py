"""What `wiretale sniff` shows of a live capture, and the reports that it writes."""
from __future__ import annotations

import errno
import os
from typing import Final

import click

from analyzer.cli.common import KEY_LOG, UNREADABLE, say_left_out, warn
from analyzer.cli.interfaces import interface_rows
from analyzer.cli.report import format_of, with_comments, write_report
from analyzer.cli.screen import Screen
from analyzer.filter.expression import Filter
from analyzer.ingest.live.caller import file_owner
from analyzer.ingest.live.interfaces import list_interfaces
from analyzer.ingest.source import CaptureError
from analyzer.live.audience import Audience
from analyzer.live.json_lines import JsonLines
from analyzer.live.lines import LogLines
from analyzer.live.output import LineOutput, Reader
from analyzer.model import Analysis
from analyzer.pipeline.live import Budgets
from analyzer.pipeline.live_capture import STREAM, CaptureOptions, Capturing
from analyzer.pipeline.live_run import Plan
from analyzer.report.document import SCHEMA_VERSION, capture_record
from analyzer.report.escape import terminal_text
from analyzer.report.formats import Format, Layout, draws_points
from analyzer.report.rows import Row
from analyzer.report.terminal import closing_rows, opening_rows
from analyzer.report.terminal_story import story_rows
from analyzer.report.terminal_verdict import finding_rows
from analyzer.report.words import BRIEF, WIDEST_PROSE
from dissectors.kit.units import plural, size

HTML: Final = "html"       # which shows the bytes of frames
STANDARD_OUTPUT: Final = 1
STANDARD_ERROR: Final = 2


class Wanted(CaptureOptions):
    """The options of the command, together. budgets: conversations, events, bytes."""

    def __init__(self, interfaces: list[str], follow: str, capture_filter: str) -> None:
        super().__init__(interfaces, follow, capture_filter)
        self.unasked = os.environ.get(KEY_LOG, "")
        self.count = 0
        self.seconds = 0.0
        self.as_json = False
        self.screen: bool | None = None
        self.level = "normal"
        self.form: str | None = None
        self.table = "events"
        self.diagram = "waterfall"
        self.anonymize = False
        self.columns = 100
        self.conversations: tuple[int, ...] = ()
        self.limit = 0
        self.everything = False
        self.findings_only = False
        self.shown: Filter | None = None
        self.strip_keys = False
        self.inject_keys = b""
        self.budgets = (0, 0, 0)
        self.display: tuple[int | None, str, bool] = (None, "auto", False)


def show_interfaces(width: int | None, color: str) -> None:
    """A table of the interfaces with their addresses and what passes right now."""
    screen = Screen(width, color, False)
    screen.show(iter([interface_rows(list_interfaces(), screen.width)]))


def sniff(wanted: Wanted) -> int:
    """The exit code. Raises CaptureError where nothing can be captured."""
    formats = [format_of(path, wanted.form) for path in wanted.outputs]
    whole = bool(wanted.write) and wanted.write != STREAM and not wanted.rotates
    annotating = any(chosen.packets for chosen in formats)
    if annotating and not whole:
        raise click.UsageError("An annotated pcapng is made of the capture: add --write FILE, without rotation.")
    wanted.application = _application()
    capture = Capturing(wanted)
    try:
        say_left_out()
        warn(capture.complaints)
        return _capture(wanted, capture, formats)
    finally:
        capture.close()


def _capture(wanted: Wanted, capture: Capturing, formats: list[Format]) -> int:
    conversations, events, held = wanted.budgets
    if capture.had_rights and not _lines_are_read(wanted):
        warn([capture.began()])
    audience = _audience(wanted)
    plan = Plan(
        wanted.count, wanted.seconds, wanted.clocked, _drawn(wanted, formats),
        wanted.conversations, wanted.limit, wanted.everything, wanted.shown,
    )
    analysis = capture.run(audience, plan, Budgets(conversations, events, held_bytes=held))
    if isinstance(audience, JsonLines):
        audience.record("capture", {**capture_record(analysis.capture), "schema": SCHEMA_VERSION})
    audience.close()
    failed = _reports(wanted, analysis, formats, capture)
    trouble = audience.output.trouble if isinstance(audience, Reader) else ""
    if trouble:
        warn([f"standard output cannot be written to: {trouble}; the capture ended there"])
    else:
        _summary(wanted, analysis)
    for error in failed:
        error.show()
    return max(_left_behind(wanted, capture), UNREADABLE if failed or trouble else 0)


def _drawn(wanted: Wanted, formats: list[Format]) -> bool:
    """Whether a report draws the segments of connections."""
    return any(draws_points(chosen, wanted.diagram) for chosen in formats)


def _reports(
    wanted: Wanted, analysis: Analysis, formats: list[Format], capture: Capturing
) -> list[click.ClickException]:
    """Write every report, also where one cannot be written; what went wrong."""
    if any(chosen.name == HTML for chosen in formats):
        capture.show_octets(analysis)
    kept = analysis.told, analysis.story, analysis.lookups, analysis.octets
    if wanted.findings_only:
        analysis.told, analysis.story, analysis.lookups, analysis.octets = [], [], [], {}
    from analyzer.explain.rules import kinds

    again = with_comments([wanted.write], wanted.inject_keys, wanted.strip_keys)
    layout = Layout(
        wanted.level, wanted.table, wanted.columns, wanted.diagram, wanted.anonymize, again, kinds,
        even=any(one.packets for one in formats),
    )
    failed = []
    for path, chosen in zip(wanted.outputs, formats, strict=True):
        try:
            write_report(path, chosen, analysis, layout, file_owner())
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


def _summary(wanted: Wanted, analysis: Analysis) -> None:
    """The capture in short: where a person reads it."""
    if wanted.as_json or wanted.write == STREAM or STREAM in wanted.outputs:
        return
    width, color, pager = wanted.display
    screen = Screen(width, color, pager)
    prose = min(screen.width, WIDEST_PROSE)
    blocks = [opening_rows(analysis, prose)]
    if analysis.story:
        blocks.append([Row(), *story_rows(analysis.story, screen.width, analysis.capture.silences)])
    findings = finding_rows(analysis, BRIEF, prose)
    if findings:
        blocks.append([Row(), *findings])
    blocks.append([Row(), *closing_rows(analysis, BRIEF, prose)])
    try:
        screen.show(iter(blocks))
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        # The terminal went away, which may be what ended the capture; the files are complete.


def _left_behind(wanted: Wanted, capture: Capturing) -> int:
    """Say which files there are; the exit code."""
    code = 0
    source, writer = capture.source, capture.writer
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
