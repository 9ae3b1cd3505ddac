"""`wiretale conversations`: the conversation table."""
from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

from analyzer.cli.common import analysis_of, captures_argument, display_options, spool_option
from analyzer.cli.examples import examples
from analyzer.cli.narrow import filter_option, part_options

if TYPE_CHECKING:
    from analyzer.filter.expression import Filter
    from analyzer.ingest.part import Asked

SHOWN = 100     # conversations in a table without --all or --limit


EXAMPLES: Final = (
    ("wiretale conversations capture.pcapng", "who talked with whom"),
    ("wiretale conversations capture.pcapng --sort retransmissions", "the worst first"),
    ("wiretale conversations capture.pcapng -Y 'tcp.analysis.retransmission'", "those with resends"),
    ("wiretale conversations capture.pcapng --json | jq -r .community_id", "every field, as JSON lines"),
)


@click.command("conversations", short_help="List the conversations of a capture.", epilog=examples(EXAMPLES))
@captures_argument
@click.option(
    "--sort", type=click.Choice(["start", "duration", "frames", "bytes", "retransmissions"]), default="start",
    show_default=True, help="What comes first; all but start begin with the largest.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="List at most so many.")
@click.option("--all", "everything", is_flag=True, help=f"List all; a table shows {SHOWN} otherwise.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line with every field; all unless --limit.")
@filter_option
@part_options
@spool_option
@display_options
def command(
    captures: tuple[str, ...], sort: str, limit: int | None, everything: bool, as_json: bool, wanted: Filter | None,
    asked: Asked,
    width: int | None,
    color: str, no_color: bool, pager: bool, spool: str,
) -> None:
    """List who talked with whom: frames, bytes, duration, and Zeek's conn_state and history.

    A wider terminal shows more columns. The numbers are those that `analyze --conversation N` takes.
    """
    if limit and everything:
        raise click.UsageError("--limit and --all contradict each other.")
    from analyzer.cli.screen import Screen
    from analyzer.pipeline.run import Options
    from analyzer.report.table import SORTS

    everything = everything or (as_json and not limit)
    most = limit or SHOWN
    options = Options(
        limit=most, everything=everything, tell=False, order=sort, spool=spool, wanted=wanted, asked=asked,
    )
    analysis = analysis_of(captures, options)
    ordered = sorted(analysis.conversations, key=SORTS[sort])[:None if everything else most]
    if as_json:
        from analyzer.report.records import conversation_record

        for conversation in ordered:
            sys.stdout.write(json.dumps(conversation_record(conversation), ensure_ascii=True) + "\n")
        return
    from analyzer.report.rows import DIM, Row
    from analyzer.report.table import table_rows
    from analyzer.report.words import left_out_of_table

    screen = Screen(width, "never" if no_color else color, pager)
    screen.show(table_rows(ordered, analysis.capture.start_ns, screen.width, sort))
    for narrowed in analysis.capture.narrowed:
        screen.show(iter([[Row().to(1).add(narrowed, DIM)]]))
    hidden = left_out_of_table(analysis.capture.conversations - len(ordered))
    if hidden:
        screen.show(iter([[Row().to(1).add(hidden, DIM)]]))
