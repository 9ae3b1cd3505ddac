"""`wiretale compare`: two captures of the same thing, or of the same traffic at two places, and what differs."""
from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from analyzer.cli.common import analysis_of, capture_path, display_options, key_options, unreadable
from analyzer.cli.examples import examples
from analyzer.cli.narrow import filter_option, part_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.comparison import Comparison
    from analyzer.filter.expression import Filter
    from analyzer.ingest.part import Asked
    from analyzer.passage import Passage
    from analyzer.report.rows import Row
    from dissectors.kit.provided import Provided

SEVERITIES = ("note", "warn", "error")
FORMATS = ("text", "json", "markdown")
EXAMPLES: Final = (
    ("wiretale compare good.pcapng bad.pcapng", "what differs, the new cause first"),
    ("wiretale compare client.pcap server.pcap", "two places: what was lost or changed"),
    ("wiretale compare a.pcap b.pcap --format markdown", "for a ticket"),
    ("wiretale compare a.pcap b.pcap --fail-on warn", "in CI: exit with 1 for a new cause"),
)


@click.command("compare", short_help="Tell what differs between two captures.", epilog=examples(EXAMPLES))
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
              help="text for a terminal, json for programs, markdown for a ticket.")
@click.option("--fail-on", type=click.Choice(SEVERITIES),
              help="Exit with 1 where a cause that is new in B is at least this severe; of two places, a remark.")
@click.option("--same-traffic/--other-traffic", default=None,
              help="The two hold the same packets, captured at two places, or they do not. Found out where not said.")
@filter_option
@part_options
@key_options
@display_options
@click.pass_context
def command(
    ctx: click.Context, first: str, second: str, form: str, fail_on: str | None, same_traffic: bool | None,
    wanted: Filter | None, asked: Asked,
    width: int | None, color: str, no_color: bool, pager: bool, provided: Provided,
) -> None:
    """Read two captures of the same thing, before and after, good and bad, and tell what differs.

    First what it means (a cause that is new in B, gone, or dearer), then the numbers, then exchange by exchange.
    A difference is told only where it exceeds what the repeats within one capture vary by, and what one of the two
    did not observe is none.

    Two captures of the same traffic from two places are matched packet by packet instead: what was lost, delayed,
    duplicated, reordered or changed between them. A and B are files or samples, as `analyze` takes them.
    """
    if "-" in (first, second):
        raise click.UsageError("compare reads files: each of the two is gone over more than once.")
    if (wanted is not None or asked.capture_filter) and same_traffic:
        raise click.UsageError(
            "Of the same traffic all packets are matched, and a filter may let a packet through at one place and not "
            "at the other: --filter and --capture-filter cannot narrow that; --from, --to and --last can."
        )
    if same_traffic is None and (wanted is not None or asked.capture_filter):
        same_traffic = False
    if same_traffic is None:
        same_traffic = _same(first, second)
    made = _passage(first, second, asked) if same_traffic else _compared(first, second, provided, wanted, asked)
    if form == "text":
        from analyzer.cli.screen import Screen

        screen = Screen(width, "never" if no_color else color, pager)
        screen.show(_rows(made, screen.width))
    else:
        for piece in _pieces(made, form):
            sys.stdout.write(piece)
    if fail_on is not None and _failed(made, SEVERITIES[SEVERITIES.index(fail_on):]):
        ctx.exit(1)


def _same(first: str, second: str) -> bool:
    from analyzer.ingest.source import CaptureError
    from analyzer.pipeline.placed import hold_the_same

    try:
        return hold_the_same(capture_path(first), capture_path(second))
    except CaptureError as error:
        raise unreadable(error) from error


def _passage(first: str, second: str, asked: Asked) -> Passage:
    from analyzer.ingest.source import CaptureError
    from analyzer.pipeline.placed import passage

    try:
        made = passage(capture_path(first), capture_path(second), asked)
    except CaptureError as error:
        raise unreadable(error) from error
    made.names = (first, second)
    return made


def _compared(
    first: str, second: str, provided: Provided, wanted: Filter | None, asked: Asked
) -> Comparison:
    from analyzer.compare.meaning import compare
    from analyzer.pipeline.run import Options

    a = analysis_of((first,), Options(provided=provided, wanted=wanted, asked=asked))
    b = analysis_of((second,), Options(provided=provided, wanted=wanted, asked=asked))
    made = compare(a, b)
    for name, one in (("A", a), ("B", b)):
        made.left_out += [f"{name}: {text}" for text in one.capture.narrowed]
    return made


def _rows(made: Comparison | Passage, width: int) -> Iterator[list[Row]]:
    from analyzer.passage import Passage
    from analyzer.report.compared import render
    from analyzer.report.passage import render_passage

    return render_passage(made, width) if isinstance(made, Passage) else render(made, width)


def _pieces(made: Comparison | Passage, form: str) -> Iterator[str]:
    from analyzer.passage import Passage
    from analyzer.report.comparison_data import comparison_json, comparison_markdown
    from analyzer.report.passage import passage_json, passage_markdown

    if isinstance(made, Passage):
        return passage_json(made) if form == "json" else passage_markdown(made)
    return comparison_json(made) if form == "json" else comparison_markdown(made)


def _failed(made: Comparison | Passage, severities: tuple[str, ...]) -> bool:
    from analyzer.passage import Passage

    return bool(made.severe(severities) if isinstance(made, Passage) else made.new(severities))
