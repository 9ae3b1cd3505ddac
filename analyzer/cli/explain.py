"""`wiretale explain`: the glossary."""
from __future__ import annotations

from typing import Final

import click

from analyzer.cli.common import completed_by, display_options
from analyzer.cli.examples import examples

EXAMPLES: Final = (
    ("wiretale explain MSS", "a term"),
    ("wiretale explain tcp.zero_window", "a finding, and the event of that name"),
    ("wiretale explain RSTO", "a state of the table of conversations"),
    ("wiretale explain ShADadFf", "its history, letter by letter"),
    ("wiretale explain tcp.analysis.fast_retransmission", "a flag of Wireshark's"),
    ("wiretale explain", "all that can be explained"),
)


@click.command(
    "explain", short_help="Explain a term, a finding, an event, a state, a flag of Wireshark's.",
    epilog=examples(EXAMPLES),
)
@click.argument("term", nargs=-1, metavar="[TERM]", shell_complete=completed_by("terms"))
@display_options
def command(term: tuple[str, ...], width: int | None, color: str, no_color: bool, pager: bool) -> None:
    """Explain a term of the protocols (`MSS`), a finding (`http.slow`), an analysis flag
    (`tcp.analysis.fast_retransmission`), an event (`dns.query`), a state or history of the table of conversations
    (`RSTO`, `ShADadFf`) or a protocol (`dns`). Without TERM, list everything that can be explained.
    """
    from analyzer.cli.screen import Screen
    from analyzer.explain.rules import kinds
    from analyzer.report.glossary import Glossary
    from analyzer.report.reference import entry_rows, index_rows
    from dissectors.registry import protocols

    glossary = Glossary(protocols(), kinds())
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
