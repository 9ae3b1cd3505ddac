"""`wiretale explain`: the glossary."""
from __future__ import annotations

import click

from analyzer.cli.common import display_options


@click.command("explain", short_help="Explain a term, a flag of Wireshark's, or an event.")
@click.argument("term", nargs=-1, metavar="[TERM]")
@display_options
def command(term: tuple[str, ...], width: int | None, color: str, no_color: bool, pager: bool) -> None:
    """Explain a term of the protocols (`MSS`), an analysis flag (`tcp.analysis.fast_retransmission`), an event
    (`dns.query`) or a protocol (`dns`). Without TERM, list everything that can be explained.
    """
    from analyzer.cli.screen import Screen
    from analyzer.report.glossary import Glossary
    from analyzer.report.reference import entry_rows, index_rows
    from dissectors.registry import protocols

    glossary = Glossary(protocols())
    screen = Screen(width, "never" if no_color else color, pager)
    if not term:
        screen.show(iter([index_rows(glossary, screen.width)]))
        return
    name = " ".join(term)
    found = glossary.find(name)
    if not found:
        near = glossary.suggestions(name)
        hint = f"Did you mean {', '.join(near)}?" if near else "`wiretale explain` lists what can be explained."
        raise click.UsageError(f"Nothing is known of {name!r}. {hint}")
    screen.show(iter([entry_rows(found, screen.width)]))
