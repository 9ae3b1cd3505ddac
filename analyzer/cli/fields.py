"""`wiretale fields`: what a filter may ask for."""
from __future__ import annotations

import json
from typing import Final

import click

from analyzer.cli.common import display_options
from analyzer.cli.examples import examples

EXAMPLES: Final = (
    ("wiretale fields", "all of them"),
    ("wiretale fields dns", "those with these letters in their name"),
    ("wiretale fields --json", "as data, for another program"),
)


@click.command("fields", short_help="List the fields that filters may ask for.", epilog=examples(EXAMPLES))
@click.argument("part", default="", metavar="[PART]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: name, kind, meaning, wireshark.")
@display_options
def command(part: str, as_json: bool, width: int | None, color: str, no_color: bool, pager: bool) -> None:
    """List the fields of the filter language (--filter), each with its kind and what it means.

    They are Wireshark's, by its names, save those that are marked. PART narrows the list.
    """
    from analyzer.filter.errors import meant
    from analyzer.filter.fields import fields

    every = fields()
    found = [field for field in every.values() if part.lower() in field.name]
    if not found:
        raise click.UsageError(f"No field has {part!r} in its name{meant(part, every)}.")
    if as_json:
        for field in found:
            click.echo(json.dumps({
                "name": field.name, "kind": field.kind, "meaning": field.meaning, "wireshark": not field.ours,
            }))
        return
    from analyzer.cli.screen import Screen
    from analyzer.report.reference import field_rows

    screen = Screen(width, "never" if no_color else color, pager)
    entries = [(one.name, one.kind, one.meaning + (" (wiretale's own)" if one.ours else "")) for one in found]
    screen.show(iter([field_rows(entries, screen.width)]))
