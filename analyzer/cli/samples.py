"""`wiretale samples`: recordings to try things on."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from analyzer.cli.common import completed_by
from analyzer.cli.examples import examples
from analyzer.cli.sample_store import all_samples, find_sample, folder

if TYPE_CHECKING:
    from analyzer.report.rows import Row


EXAMPLES: Final = (
    ("wiretale samples", "all of them, with what they show"),
    ("wiretale samples show tls/expired-certificate", "how one was recorded"),
    ("wiretale sample:tls/expired-certificate", "tell it"),
    ('wireshark "$(wiretale samples path tcp/clean)"', "give it to another tool"),
)
EXAMPLES_OF: Final = {
    "show": (("wiretale samples show tcp/loss-timeout", "what it shows, and the program that made it"),),
    "path": (('tshark -r "$(wiretale samples path tcp/clean)"', "give it to another tool"),),
}


@click.group(
    "samples", invoke_without_command=True, short_help="List bundled captures to try things on.",
    epilog=examples(EXAMPLES),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the bundled samples: real recordings of real programs, each showing one thing.

    A sample can be named wherever a capture can: wiretale analyze sample:tcp/clean
    """
    if ctx.invoked_subcommand is not None:
        return
    samples = all_samples()
    if not samples:
        raise click.ClickException(f"No samples are installed in {folder()}.")
    from analyzer.cli.screen import Screen

    screen = Screen()
    screen.show(_listing([(sample.name, sample.title) for sample in samples], screen.width))


def _listing(entries: list[tuple[str, str]], width: int) -> Iterator[list[Row]]:
    from analyzer.report.rows import FRAME, Row, paragraph

    column = max(len(name) for name, _title in entries) + 3
    for name, title in entries:
        rows = [Row().to(1).add(name, FRAME)]
        paragraph(rows, title, column, width)
        yield rows


@command.command("show", epilog=examples(EXAMPLES_OF["show"]))
@click.argument("name", shell_complete=completed_by("sample_names"))
def show(name: str) -> None:
    """Print how a sample was recorded and what it shows."""
    from analyzer.report.escape import terminal_text

    for line in find_sample(name).text().splitlines():
        click.echo(terminal_text(line))


@command.command("path", epilog=examples(EXAMPLES_OF["path"]))
@click.argument("name", shell_complete=completed_by("sample_names"))
def path(name: str) -> None:
    """Print where the capture of a sample lies, for other tools."""
    click.echo(find_sample(name).capture)
