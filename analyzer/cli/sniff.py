"""`wiretale sniff`: watch interfaces, a pipe or a growing file, and tell what happens while it happens."""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from analyzer.cli.common import (
    completed_by,
    display_options,
    growing_key_logs,
    growing_key_options,
    key_log_octets,
    unreadable,
)
from analyzer.cli.examples import examples
from analyzer.cli.narrow import filter_option
from analyzer.cli.report import DIAGRAMS, REPORT_WIDTH, TABLES, FormatName

if TYPE_CHECKING:
    from analyzer.cli.sniff_run import Wanted
    from analyzer.filter.expression import Filter
    from dissectors.kit.provided import Provided

STREAM: Final = "-"
UNITS: Final[dict[str, float]] = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
SIZES: Final[dict[str, float]] = {
    "": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "tb": 1e12,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}


def duration(text: str) -> float:
    """Seconds: `30s`, `10m`, `2h`."""
    return _quantity(text, "duration", UNITS)


def octets(text: str) -> int:
    """Bytes: `100MB`, `16MiB`."""
    return int(_quantity(text, "size", SIZES))


def _quantity(text: str, what: str, units: dict[str, float]) -> float:
    text = text.strip().lower()
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(digits):].strip()
    try:
        number = float(digits)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf") or unit not in units:
        known = ", ".join(unit for unit in units if unit)
        raise click.BadParameter(f"{text!r} is no {what}: a number, perhaps with one of {known}.")
    return number * units[unit]


EXAMPLES: Final = (
    ("wiretale sniff", "which interfaces there are"),
    ("sudo wiretale sniff eth0", "watch one; q leaves"),
    ("sudo wiretale sniff any -f 'tcp port 443'", "only what this filter lets through"),
    ("sudo wiretale sniff any -Y 'http.response.code >= 500'", "tell the conversations with such a frame"),
    ("sudo wiretale sniff eth0 -w ring.pcapng -o story.html", "keep the packets, and write a report at the end"),
    ("dumpcap -i eth0 -w - | wiretale sniff -", "from a pipe, without rights of its own"),
)


@click.command(
    "sniff", short_help="Watch an interface and tell what happens while it happens.", epilog=examples(EXAMPLES)
)
@click.argument("interfaces", nargs=-1, metavar="[INTERFACE]...", shell_complete=completed_by("interfaces"))
@click.option("--capture-filter", "-f", "capture_filter", default="", metavar="FILTER",
              help="Capture only what this filter lets through, in tcpdump's language: 'tcp port 443'.")
@filter_option
@click.option("--follow", type=click.Path(), metavar="FILE", help="Read a capture that another program is writing.")
@click.option("--count", "-c", type=click.IntRange(1), metavar="N", help="End after so many frames.")
@click.option("--duration", "-t", type=duration, metavar="TIME", help="End after this time: 30s, 10m, 2h.")
@click.option("--snaplen", "-s", type=click.IntRange(64, 262_144), default=262_144, metavar="BYTES",
              help="Keep so many bytes of each frame. By default all of them.")
@click.option("--promiscuous/--no-promiscuous", default=True, show_default=True,
              help="Ask the interface for frames that are not for this machine as well.")
@click.option("--direction", type=click.Choice(["both", "in", "out"]), default="both", show_default=True,
              help="Which frames: those received, those sent, or both.")
@click.option("--buffer", type=octets, default="16MiB", show_default=True, metavar="SIZE",
              help="Memory between the system and wiretale, for each interface.")
@click.option("--processes", is_flag=True,
              help="Name the local process of each conversation, where the system allows it (Linux).")
@click.option("--keep-privileges", is_flag=True,
              help="Stay root, or keep the capabilities, once the capture is open. By default it goes on as whoever "
              "called sudo, doas or pkexec, else as nobody.")
@click.option("--write", "-w", type=click.Path(), metavar="FILE",
              help="Write every frame into this pcapng file as well; - is standard output.")
@click.option("--rotate-size", type=octets, metavar="SIZE", help="Begin a new file after so many bytes: 100MB.")
@click.option("--rotate-time", type=duration, metavar="TIME", help="Begin a new file after this time: 1h.")
@click.option("--rotate-files", type=click.IntRange(1), metavar="N",
              help="Keep only the newest so many files; older ones are deleted.")
@click.option("--json", "as_json", is_flag=True,
              help="JSON lines on standard output: events and findings as they become known.")
@click.option("--screen/--no-screen", default=None,
              help="The live screen, or plain lines. By default the screen where there is a terminal.")
@click.option("--output", "-o", "outputs", multiple=True, metavar="FILE",
              help="A report to write in the end; the ending chooses the format. May be given several times.")
@click.option("--format", "form", type=FormatName(), help="The format of the reports, whatever the ending.")
@click.option("--level", type=click.Choice(["brief", "normal", "teach"]), default="normal", show_default=True,
              help="How much is told, in lines as in reports. brief: what is broken. teach: everything.")
@click.option("--table", type=click.Choice(TABLES),
              help="Which table a CSV or Parquet file holds. By default events, or findings with --findings-only.")
@click.option("--diagram", type=click.Choice(DIAGRAMS), default="waterfall", show_default=True,
              help="What an SVG file shows. sequence: time and sequence numbers of TCP, as tcptrace draws them.")
@click.option("--anonymize", is_flag=True,
              help="Put stand-ins in place of addresses and host names in the reports; what --write writes stays.")
@click.option("--conversation", "-C", "conversations", type=click.IntRange(1), multiple=True, metavar="N",
              help="Report only this conversation; may be given several times.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Report at most so many conversations.")
@click.option("--all", "everything", is_flag=True, help="Report every conversation that is kept.")
@click.option("--findings-only", is_flag=True, help="Report only the capture and its findings, no conversations.")
@click.option("--inject-keys", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="Put this TLS key log into an annotated pcapng.")
@click.option("--strip-keys", is_flag=True, help="Leave the secrets of the capture out of an annotated pcapng.")
@click.option("--keep-conversations", type=click.IntRange(10, 100_000), default=2_000, show_default=True, metavar="N",
              help="Tell at most so many conversations at once; those that ended first leave first.")
@click.option("--keep-events", type=click.IntRange(50, 1_000_000), default=1_000, show_default=True, metavar="N",
              help="Keep at most so many events of one conversation: its first and its latest.")
@click.option("--keep-bytes", type=octets, default="64MiB", show_default=True, metavar="SIZE",
              help="Hold at most so many bytes of streams that wait for missing segments.")
@growing_key_options
@display_options
@click.pass_context
def command(
    ctx: click.Context, interfaces: tuple[str, ...], capture_filter: str, follow: str | None, count: int | None,
    duration: float | None, snaplen: int, promiscuous: bool, direction: str, buffer: int, processes: bool,
    keep_privileges: bool, write: str | None, rotate_size: int | None, rotate_time: float | None,
    rotate_files: int | None, as_json: bool, screen: bool | None, outputs: tuple[str, ...], form: str | None,
    level: str, table: str | None, diagram: str, anonymize: bool, conversations: tuple[int, ...],
    limit: int | None, everything: bool, findings_only: bool, inject_keys: str | None, strip_keys: bool,
    keep_conversations: int, keep_events: int, keep_bytes: int, provided: Provided, width: int | None, color: str,
    no_color: bool, pager: bool, wanted: Filter | None,
) -> None:
    """Capture on interfaces and tell what happens, conversation by conversation, while it happens.

    INTERFACE is a name such as eth0, several names, or `any`; without one the interfaces are listed. `-` reads a
    capture from standard input: `ssh host tcpdump -U -w - | wiretale sniff -`. On a terminal there is a screen to
    watch and to choose in; elsewhere, or with --no-screen, every event that matters is a line. Ctrl-C ends the
    capture with a summary and complete files. Nothing that is captured leaves this machine.
    """
    if limit and everything:
        raise click.UsageError("--limit and --all contradict each other.")
    if wanted is not None and wanted.asks("finding"):
        raise click.UsageError("--filter cannot ask for findings here: they are made while the conversations go on.")
    if as_json and screen:
        raise click.UsageError("--json and --screen contradict each other.")
    key_logs = growing_key_logs()
    for option, empty in (("--follow", follow == ""), ("--write", write == ""), ("--keylog", "" in key_logs)):
        if empty:
            raise click.UsageError(f"{option}: the name of the file is empty.")
    if follow and interfaces:
        raise click.UsageError("--follow reads a file; name no interface with it.")
    if capture_filter and (follow or STREAM in interfaces):
        raise click.UsageError("--capture-filter works on interfaces; a pipe or a file to follow holds what it holds.")
    if (rotate_size or rotate_time) and write in (None, STREAM):
        raise click.UsageError("--rotate-size and --rotate-time need --write FILE.")
    if rotate_files and not (rotate_size or rotate_time):
        raise click.UsageError("--rotate-files needs --rotate-size or --rotate-time.")
    if write == STREAM and (as_json or STREAM in outputs):
        raise click.UsageError("Standard output can take one thing only: --write - or the other one.")
    if STREAM in interfaces and len(interfaces) > 1:
        raise click.UsageError("- is a capture of its own; name no interface beside it.")
    from analyzer.cli import sniff_run

    if not interfaces and not follow:
        sniff_run.show_interfaces(width, "never" if no_color else color)
        return
    asked = sniff_run.Wanted(list(interfaces), follow or "", capture_filter)
    asked.count, asked.seconds = count or 0, duration or 0.0
    asked.snaplen, asked.promiscuous, asked.direction = snaplen, promiscuous, direction
    asked.buffer, asked.processes, asked.keep_privileges = buffer, processes, keep_privileges
    asked.write = write or ""
    asked.rotate = (rotate_size or 0, rotate_time or 0.0, rotate_files or 0)
    asked.as_json, asked.screen, asked.level = as_json, screen, level
    asked.outputs, asked.form = list(outputs), form
    asked.columns = width or REPORT_WIDTH
    asked.table, asked.diagram = table or ("findings" if findings_only else "events"), diagram
    asked.anonymize = anonymize
    asked.conversations, asked.limit, asked.everything = conversations, limit or 0, everything
    asked.findings_only, asked.strip_keys = findings_only, strip_keys
    asked.shown = wanted
    asked.inject_keys = key_log_octets(inject_keys)
    asked.budgets = (keep_conversations, keep_events, keep_bytes)
    asked.provided = provided
    asked.key_logs = key_logs
    asked.display = (width, "never" if no_color else color, pager)
    code = _run(asked)
    if code:
        ctx.exit(code)


def _run(wanted: Wanted) -> int:
    from analyzer.cli.sniff_run import sniff
    from analyzer.ingest.source import CaptureError

    try:
        return sniff(wanted)
    except CaptureError as error:
        raise unreadable(error) from error
