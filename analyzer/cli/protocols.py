"""`wiretale protocols`: what is understood."""
from __future__ import annotations

from typing import Final

import click

from analyzer.cli.common import display_options
from analyzer.cli.examples import examples

EXAMPLES: Final = (
    ("wiretale protocols", "what is understood, with its standards"),
    ("wiretale explain dns", "a protocol with its events"),
)


@click.command("protocols", short_help="List the protocols that are understood.", epilog=examples(EXAMPLES))
@display_options
def command(width: int | None, color: str, no_color: bool, pager: bool) -> None:
    """List the protocols that are told in detail, what carries them, and their standards.

    `wiretale explain NAME` says more of each. Protocols of other installed packages are listed with the package;
    WIRETALE_PLUGINS=0 in the environment leaves them out, here and everywhere.
    """
    from analyzer.cli.screen import Screen
    from analyzer.report.reference import plugin_rows, protocol_rows
    from dissectors.registry import plugins, protocols

    screen = Screen(width, "never" if no_color else color, pager)
    screen.show(iter([protocol_rows(protocols(), screen.width), plugin_rows(plugins(), screen.width)]))
