"""`wiretale analyze`: the whole story of a capture."""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from analyzer.cli.common import (
    FOUND,
    analysis_of,
    captures_argument,
    display_options,
    fail_option,
    fails,
    jobs_option,
    key_options,
    since_option,
    spool_option,
)
from analyzer.cli.examples import examples
from analyzer.cli.narrow import filter_option, part_options, refuse_both

if TYPE_CHECKING:
    from analyzer.cli.screen import Screen
    from analyzer.explain.since import Earlier
    from analyzer.filter.expression import Filter
    from analyzer.ingest.part import Asked
    from analyzer.model import Analysis
    from analyzer.report.streams import TextStream
    from dissectors.kit.provided import Provided


EXAMPLES: Final = (
    ("wiretale analyze capture.pcapng", "the verdict, and every conversation"),
    ("wiretale capture.pcapng --level brief", "the verdict and the story alone"),
    ("wiretale capture.pcapng -C 7 --level teach", "conversation 7 with every reason"),
    ("wiretale client.pcap server.pcap", "several, merged by time"),
    ("wiretale capture.pcapng -Y 'ip.addr == 10.0.0.5'", "what this host was part of"),
    ("wiretale capture.pcapng --keylog keys.txt", "with what is inside TLS"),
    ("ssh host tcpdump -w - | wiretale -", "from a pipe"),
    ("wiretale capture.pcapng --fail-on warn --since base.json", "in CI: exit with 1 for what is new"),
)


@click.command("analyze", short_help="Tell what happened in a capture.", epilog=examples(EXAMPLES))
@captures_argument
@click.option(
    "--level", type=click.Choice(["brief", "normal", "teach"]), default="normal", show_default=True,
    help="brief: the verdict and the story. normal: what happened. teach: everything, with the reasons and the terms.",
)
@click.option(
    "--conversation", "-C", "conversations", type=click.IntRange(1), multiple=True, metavar="N",
    help="Tell only this conversation; may be given several times.",
)
@click.option(
    "--window", type=click.IntRange(1), metavar="N",
    help="Show how the sliding window of conversation N moves, a line for each moment in which what a sender may do "
    "changes, and nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="With --window: the same as one JSON object.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Tell at most so many conversations.")
@click.option("--all", "everything", is_flag=True, help="Tell every conversation, however many there are.")
@click.option("--findings-only", is_flag=True, help="Only the capture and its findings, no conversations.")
@filter_option
@part_options
@fail_option
@since_option
@jobs_option
@spool_option
@key_options
@display_options
@click.pass_context
def command(
    ctx: click.Context, captures: tuple[str, ...], level: str, conversations: tuple[int, ...], window: int | None,
    wanted: Filter | None, asked: Asked,
    as_json: bool, limit: int | None, everything: bool, findings_only: bool, fail_on: str | None, width: int | None,
    color: str, no_color: bool, pager: bool, jobs: int, since: Earlier | None, spool: str, provided: Provided,
) -> None:
    """Read captures and tell, conversation by conversation and phase by phase, what happened.

    CAPTURE is a file (pcap, pcapng or snoop, also compressed with gzip, zstd or lz4), `-` for standard input,
    or a bundled sample such as `sample:tcp/clean`. Several captures are merged by time.
    """
    if limit and everything:
        raise click.UsageError("--limit and --all contradict each other.")
    refuse_both(conversations, wanted)
    if as_json and window is None:
        raise click.UsageError("--json goes with --window; `wiretale report --format json` writes all that is told.")
    if window is not None:
        refuse_both((window,), wanted)
        conversations = (window,)
    from analyzer.cli.progress import drawing
    from analyzer.cli.screen import Screen
    from analyzer.pipeline.run import Options
    from analyzer.report.glossary import Glossary
    from analyzer.report.terminal import render
    from analyzer.report.words import TEACH
    from dissectors.registry import protocols

    options = Options(
        conversations, limit or 0, everything, provided=provided, findings_only=findings_only, spool=spool,
        windows=window is not None, since=since, jobs=jobs, wanted=wanted, asked=asked,
    )
    screen = Screen(width, "never" if no_color else color, pager)
    text = text_of(screen, level, spool) if everything and not findings_only else None
    analysis = analysis_of(captures, options, text.sink() if text is not None else None)
    missing = sorted(set(conversations) - {told.conversation.number for told in analysis.told})
    if missing:
        numbers = ", ".join(str(number) for number in missing)
        raise click.UsageError(
            f"There is no conversation {numbers}: the capture holds "
            f"{analysis.capture.conversations}, and `wiretale conversations` lists them."
        )
    if findings_only:
        analysis.findings_only()
    if window is not None:
        show_window(analysis, window, as_json, screen)
    elif text is not None and analysis.sums is not None:
        screen.put(text.finish(analysis))
    else:
        glossary = Glossary(protocols()) if level == TEACH else None
        with drawing(analysis, screen.terminal):
            screen.show(render(analysis, level, screen.width, glossary, everything or bool(conversations)))
    if fails(analysis, fail_on):
        ctx.exit(FOUND)


def text_of(screen: Screen, level: str, folder: str) -> TextStream:
    """Who writes the text of a large capture while it is told. folder: for what it keeps."""
    from analyzer.report.streams import TextStream
    from analyzer.report.words import TEACH

    return TextStream(level, screen.width, screen.printed, level == TEACH, folder)


def show_window(analysis: Analysis, number: int, as_json: bool, screen: Screen) -> None:
    """The sliding window of one conversation."""
    import json

    from analyzer.report.terminal_window import views_record, window_rows

    told = next(told for told in analysis.told if told.conversation.number == number)
    if as_json:
        click.echo(json.dumps(views_record(told)))
    else:
        screen.show(iter([window_rows(told, screen.width)]))
