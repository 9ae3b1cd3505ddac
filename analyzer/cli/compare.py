"""`wiretale compare`: two captures of the same thing, and what differs."""
from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from analyzer.cli.common import analysis_of, display_options, key_options

if TYPE_CHECKING:
    from analyzer.comparison import Comparison
    from dissectors.kit.provided import Provided

SEVERITIES = ("note", "warn", "error")
FORMATS = ("text", "json", "markdown")


@click.command("compare", short_help="Tell what differs between two captures.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="text", show_default=True,
              help="text for a terminal, json for programs, markdown for a ticket.")
@click.option("--fail-on", type=click.Choice(SEVERITIES),
              help="Exit with 1 where a cause that is new in B is at least this severe.")
@key_options
@display_options
@click.pass_context
def command(
    ctx: click.Context, first: str, second: str, form: str, fail_on: str | None, width: int | None, color: str,
    no_color: bool, pager: bool, provided: Provided,
) -> None:
    """Read two captures of the same thing, before and after, good and bad, and tell what differs.

    First what it means (a cause that is new in B, gone, or dearer), then the numbers, then exchange by exchange.
    A difference is told only where it exceeds what the repeats within one capture vary by, and what one of the two
    did not observe is none. A and B are files or samples, as `analyze` takes them.
    """
    if "-" in (first, second):
        raise click.UsageError("compare reads files: each of the two is gone over more than once.")
    comparison = _compared(first, second, provided)
    if form == "text":
        from analyzer.cli.screen import Screen
        from analyzer.report.compared import render

        screen = Screen(width, "never" if no_color else color, pager)
        screen.show(render(comparison, screen.width))
    else:
        _write(comparison, form)
    if fail_on is not None and comparison.new(SEVERITIES[SEVERITIES.index(fail_on):]):
        ctx.exit(1)


def _compared(first: str, second: str, provided: Provided) -> Comparison:
    from analyzer.compare.meaning import compare
    from analyzer.pipeline.run import Options

    a = analysis_of((first,), Options(provided=provided))
    b = analysis_of((second,), Options(provided=provided))
    return compare(a, b)


def _write(comparison: Comparison, form: str) -> None:
    from analyzer.report.comparison_data import comparison_json, comparison_markdown

    pieces = comparison_json(comparison) if form == "json" else comparison_markdown(comparison)
    for piece in pieces:
        sys.stdout.write(piece)
