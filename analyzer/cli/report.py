"""`wiretale report`: an analysis as files that others read."""
from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import click

from analyzer.cli.common import (
    FOUND,
    NARROWEST,
    analysis_of,
    capture_path,
    captures_argument,
    fail_option,
    fails,
    jobs_option,
    key_log_octets,
    key_options,
    since_option,
    spool_option,
)
from analyzer.cli.examples import examples
from analyzer.cli.narrow import filter_option, part_options, refuse_both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

    from analyzer.explain.since import Earlier
    from analyzer.filter.expression import Filter
    from analyzer.ingest.part import Asked
    from analyzer.model import Analysis
    from analyzer.report.even import EvenNames
    from analyzer.report.formats import Format, Layout, Rewrite
    from analyzer.report.streams import Stream
    from dissectors.kit.provided import Provided

# Those of analyzer.report.tables and diagrams, which are not imported for --help.
TABLES = ("conversations", "events", "exchanges", "lookups", "time", "courses", "findings")
REPORT_WIDTH = 100      # columns of a report as text
DIAGRAMS = ("waterfall", "ladder", "streams", "sequence", "flight", "trips")


class FormatName(click.ParamType):  # type: ignore[type-arg]  # not generic in all versions that are taken
    """A choice of the formats there are; they are not imported before they are asked for."""

    name = "choice"

    @cached_property
    def _choice(self) -> click.Choice[str]:
        from analyzer.report.formats import FORMAT_NAMES

        return click.Choice(FORMAT_NAMES)

    def get_metavar(self, *asked: Any, **by_name: Any) -> str | None:    # versions of click ask differently
        return self._choice.get_metavar(*asked, **by_name)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self._choice.convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return self._choice.shell_complete(ctx, param, incomplete)


EXAMPLES: Final = (
    ("wiretale report capture.pcapng -o story.html", "a page to look at"),
    ("wiretale report capture.pcapng -o a.md -o a.json", "several at once"),
    ("wiretale report capture.pcapng -o told.pcapng", "for Wireshark, with comments"),
    ("wiretale report capture.pcapng -o x.csv --table exchanges", "one table"),
    ("wiretale report capture.pcapng -o x.qlog", "packets of QUIC, for qvis"),
    ("wiretale report capture.pcapng -o x.md -Y 'http.response.code >= 500'", "of some conversations"),
    ("wiretale report capture.pcapng -o x.md --anonymize", "without addresses and names"),
    ("wiretale report capture.pcapng --format json -o - | jq .verdict", "to a program"),
    ("wiretale report capture.pcapng -o x.sarif -o x.pr.md --fail-on warn", "in CI"),
)


@click.command(
    "report", short_help="Write what happened into files: HTML, pcapng, Markdown, JSON, HAR, CSV and more.",
    epilog=examples(EXAMPLES),
)
@captures_argument
@click.option(
    "--output", "-o", "outputs", multiple=True, required=True, metavar="FILE",
    help="Where to write; - is standard output. The ending chooses the format. May be given several times.",
)
@click.option(
    "--format", "form", type=FormatName(), help="The format, whatever the ending says; -f FORMAT means the same.",
)
@click.option(
    "--level", type=click.Choice(["brief", "normal", "teach"]), default="normal", show_default=True,
    help="brief: phases only. normal: the events that matter. teach: all events, with the reasons.",
)
@click.option(
    "--table", type=click.Choice(TABLES),
    help="Which table a CSV or Parquet file holds. By default events, or findings with --findings-only.",
)
@click.option(
    "--diagram", type=click.Choice(DIAGRAMS), default="waterfall", show_default=True,
    help="What an SVG file shows. sequence: time and sequence numbers of TCP, as tcptrace draws them.",
)
@click.option(
    "--conversation", "-C", "conversations", type=click.IntRange(1), multiple=True, metavar="N",
    help="Report only this conversation; may be given several times.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Tell at most so many conversations.")
@click.option("--all", "everything", is_flag=True, help="Tell every conversation, however many there are.")
@click.option("--findings-only", is_flag=True, help="Only the capture and its findings, no conversations.")
@click.option(
    "--anonymize", is_flag=True,
    help="Put stand-ins in place of addresses and host names, the same ones everywhere. In pcapng, payloads are kept "
    "as far as they are understood (DNS, HTTP/1 heads, TLS hellos); the rest is cut.",
)
@click.option(
    "--inject-keys", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="Put this TLS key log into the annotated pcapng.",
)
@click.option("--strip-keys", is_flag=True, help="Leave the secrets of the capture out of the annotated pcapng.")
@filter_option
@part_options
@fail_option
@since_option
@jobs_option
@spool_option
@key_options
@click.option(
    "--width", "columns", type=click.IntRange(NARROWEST, 1000), default=REPORT_WIDTH, show_default=True,
    metavar="COLUMNS", help="Width of text.",
)
@click.pass_context
def command(
    ctx: click.Context, captures: tuple[str, ...], outputs: tuple[str, ...], form: str | None, level: str,
    table: str | None, diagram: str, conversations: tuple[int, ...], limit: int | None, everything: bool,
    wanted: Filter | None, asked: Asked,
    findings_only: bool, anonymize: bool, inject_keys: str | None, strip_keys: bool, columns: int, fail_on: str | None,
    since: Earlier | None, jobs: int, spool: str, provided: Provided,
) -> None:
    """Read captures once and write reports of them.

    A file is complete or not there: an interrupted run leaves what was there before.
    """
    if limit and everything:
        raise click.UsageError("--limit and --all contradict each other.")
    refuse_both(conversations, wanted)
    from analyzer.explain.rules import kinds
    from analyzer.pipeline.run import Options
    from analyzer.report.formats import Layout, draws_points, logs_packets
    from analyzer.report.streams import Held, Streams

    formats = [format_of(path, form) for path in outputs]
    frames = any(one.packets for one in formats)
    if anonymize and inject_keys and frames:
        raise click.UsageError("--inject-keys: what the keys would open is cut by --anonymize.")
    graphs = any(draws_points(one, diagram) for one in formats)
    provided.traced = any(logs_packets(one) for one in formats)
    options = Options(
        conversations, limit or 0, everything, provided=provided, graphs=graphs and not findings_only,
        findings_only=findings_only, spool=spool, since=since, jobs=jobs, wanted=wanted, asked=asked,
        listed=any(one.name == "html" for one in formats),
    )
    again = with_comments([capture_path(name) for name in captures], key_log_octets(inject_keys), strip_keys)
    table = table or ("findings" if findings_only else "events")
    layout = Layout(level, table, columns, diagram, anonymize, again, kinds, even=frames)
    sink = None
    if everything and not findings_only and not anonymize:
        streams = [stream_of(one, layout, spool) for one in formats]
        held = Held() if None in streams else None
        sink = Streams([stream for stream in streams if stream is not None], held)
    analysis = analysis_of(captures, options, sink)
    if analysis.sums is not None and sink is not None:
        for path, chosen, stream in zip(outputs, formats, streams, strict=True):
            if stream is not None:
                write_pieces(path, chosen, stream.finish(analysis))
        if held is not None:
            held.into(analysis)
        outputs = tuple([path for path, stream in zip(outputs, streams, strict=True) if stream is None])
        formats = [chosen for chosen in formats if chosen.stream is None]
    if findings_only:
        analysis.findings_only()
    from analyzer.cli.progress import drawing

    for path, chosen in zip(outputs, formats, strict=True):
        with drawing(analysis, path == "-" and sys.stdout.isatty()):
            write_report(path, chosen, analysis, layout)
    if fails(analysis, fail_on):
        ctx.exit(FOUND)


def stream_of(chosen: Format, layout: Layout, folder: str) -> Stream | None:
    """What writes this report of a large capture while it is told; None where it needs all of it at once."""
    if chosen.stream is None:
        return None
    with needed(chosen):
        return chosen.stream(layout, folder)


def with_comments(captures: list[str], keys: bytes, strip_keys: bool) -> Rewrite:
    """These captures as an annotated pcapng. keys: a key log to put into it."""

    def rewrite(comments: dict[int, list[str]], summary: list[str], names: EvenNames | None) -> Iterator[bytes]:
        from analyzer.ingest.annotated import annotated
        from analyzer.pipeline.disguised import disguised

        if names is not None:
            return disguised(captures, comments, summary, names)
        return annotated(captures, comments, summary, inject=keys, strip=strip_keys)

    return rewrite


def write_report(
    path: str, chosen: Format, analysis: Analysis, layout: Layout, owner: tuple[int, int] | None = None
) -> None:
    """One report. Whatever is wrong becomes a usage error.

    owner: as `save()` has it.
    """

    def pieces() -> Iterator[bytes]:
        yield from chosen.write(analysis, layout)

    write_pieces(path, chosen, pieces(), owner)


@contextmanager
def needed(chosen: Format) -> Iterator[None]:
    """What is not installed becomes a usage error."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{chosen.name} needs {error.name}: pip install 'wiretale[parquet]'") from error


def write_pieces(
    path: str, chosen: Format, pieces: Iterator[bytes], owner: tuple[int, int] | None = None
) -> None:
    """A file of these pieces, in that format."""
    from analyzer.ingest.source import CaptureError
    from analyzer.report.escape import terminal_text
    from analyzer.report.saved import STANDARD_OUTPUT, save

    try:
        with needed(chosen):
            save(path, pieces, owner)
    except BrokenPipeError:
        raise
    except CaptureError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        where = "standard output" if path == STANDARD_OUTPUT else path
        raise click.ClickException(
            terminal_text(f"{where}: cannot be written ({error.strerror or error})")
        ) from error


def format_of(path: str, name: str | None) -> Format:
    from analyzer.report.formats import FORMAT_NAMES, by_ending, by_name

    found = by_name(name) if name else by_ending(path)
    if found is None:
        raise click.UsageError(
            f"The ending of {path!r} names no format: use --format {'|'.join(FORMAT_NAMES)}."
        )
    return found
