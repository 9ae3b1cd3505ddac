"""`wiretale config`: the defaults that were chosen, and whence."""
from __future__ import annotations

import os
from typing import Final

import click

from analyzer.cli.examples import examples

EXAMPLES: Final = (
    ("wiretale config", "what was chosen, and where it stands"),
    ("wiretale config --path", "the file, to be opened in an editor"),
    ("WIRETALE_LEVEL=brief wiretale capture.pcapng", "a default for one run"),
)


@click.command("config", short_help="Show the defaults that were chosen for options.", epilog=examples(EXAMPLES))
@click.option("--path", "only_path", is_flag=True, help="Print the name of the file alone.")
@click.pass_context
def command(ctx: click.Context, only_path: bool) -> None:
    """Show the defaults that were chosen for options, in a file and in the environment.

    The file is TOML; WIRETALE_CONFIG names another one, and none where it is empty. A key is the long name of an
    option (level = "teach"); it holds for every command that has the option, or for one, in a table of its name
    ([report]). In the environment the same is WIRETALE_LEVEL, or WIRETALE_REPORT_LEVEL for one command. The command
    line comes before the environment, and that before the file.
    """
    from analyzer.cli.settings import all_commands, defaults_of, path, settings_of
    from analyzer.report.escape import terminal_text

    file = path()
    if only_path:
        click.echo(file)
        return
    rows: dict[tuple[str, str, str], list[str]] = {}
    known = all_commands(ctx.find_root())
    for name, one in known.items():
        defaults_of(name, one, lambda: known)
        for setting in settings_of(name, one, lambda: known):
            source = "the file" if setting.source == file else setting.source
            rows.setdefault((setting.option.opts[-1], _shown(setting.value), source), []).append(name)
    state = "" if os.path.exists(file) else " (not there)"
    click.echo(terminal_text(f"The file: {file}{state}" if file else "No file is read: WIRETALE_CONFIG is empty."))
    if not rows:
        click.echo("Nothing was chosen: every option has the default that its command's --help names.")
        return
    widths = [max([len(row[at]) for row in rows]) for at in (0, 1)]
    for (option, value, source), names in rows.items():
        line = f"  {option.ljust(widths[0])}  {value.ljust(widths[1])}  {source}, for {', '.join(names)}"
        click.echo(terminal_text(line))


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join([_shown(one) for one in value])
    return str(value).lower() if isinstance(value, bool) else str(value)
