"""Writes docs/reference/commands.md from the commands themselves: python docs/commands.py"""
from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import click

from analyzer.cli.main import COMMANDS, cli

PAGE = Path(__file__).with_name("reference") / "commands.md"
HEAD = """# Commands

Made from the commands' own help by `python docs/commands.py`. Exit codes: 0 done, 1 findings at or above `--fail-on`,
2 bad usage, unreadable input, or something that the system refused (a full disk, a closed output), 3 a fault of
wiretale's own, 130 interrupted, 141 the reader of the output went away.

Other programs are started for `--proto` (protoc) and for `--deep` (tshark) alone: found by the absolute entries of
`PATH`, in a private folder, with a small environment. `WIRETALE_PLUGINS=0` leaves out the protocols of other installed
packages.

`wiretale FILE` is short for `wiretale analyze FILE`. Shells complete commands, options, samples, terms, findings and
interfaces with what `wiretale --completion` prints:

```sh
eval "$(wiretale --completion bash)"     # in ~/.bashrc
eval "$(wiretale --completion zsh)"      # in ~/.zshrc
wiretale --completion fish > ~/.config/fish/completions/wiretale.fish
```
"""


def section(name: str) -> str:
    """A command, what it says of itself, and its options, none of it laid out by a version of click."""
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise LookupError(name)
    words = " ".join(parameter.metavar or parameter.human_readable_name.upper() for parameter in command.params
                     if isinstance(parameter, click.Argument))
    rows = [
        f"| `{', '.join([*option.opts, *option.secondary_opts])}{' ' + option.metavar if option.metavar else ''}` "
        f"| {option.help} |"
        for option in command.params if isinstance(option, click.Option)
    ]
    pairs = import_module(f"analyzer.cli.{name}").EXAMPLES
    worked = "\n```sh\n" + "".join([f"{example}   # {meaning}\n" for example, meaning in pairs]) + "```\n"
    about = inspect.cleandoc(command.help or "").replace("\b\n", "")
    table = "\n| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    return f"\n## `wiretale {name}`{': `' + words + '`' if words else ''}\n\n{about}\n{worked}{table}"


def page() -> str:
    return HEAD + "".join(section(name) for name in COMMANDS)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
