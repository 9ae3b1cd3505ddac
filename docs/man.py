"""Writes docs/reference/wiretale.1, the page of man(1), from the commands themselves: python docs/man.py"""
from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import click

from analyzer import __version__
from analyzer.cli.main import COMMANDS, EXAMPLES, cli

PAGE = Path(__file__).with_name("reference") / "wiretale.1"

EXITS = (
    ("0", "done"), ("1", "findings at or above --fail-on"),
    ("2", "bad usage, unreadable input, or something that the system refused"), ("3", "a fault of wiretale's own"),
    ("130", "interrupted"), ("141", "the reader of the output went away"),
)
ENVIRONMENT = (
    ("WIRETALE_CONFIG", "the file with defaults of options; none is read where it is empty"),
    ("WIRETALE_OPTION, WIRETALE_COMMAND_OPTION", "the default of an option, of all commands or of one"),
    ("WIRETALE_PLUGINS", "0 leaves out the protocols of other installed packages"),
    ("WIRETALE_DEBUG", "1 shows where a fault of wiretale's own began"),
    ("SSLKEYLOGFILE", "a key log that is read beside those of --keylog"),
    ("NO_COLOR, COLUMNS, TMPDIR", "as everywhere: no colours, the width of lines, the folder of temporary files"),
)


def roff(text: str) -> str:
    """Text that troff prints as it is: no line of it begins a request, and a hyphen stays what can be typed."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join([f"\\&{line}" if line[:1] in (".", "'") else line for line in lines])


def paragraphs(text: str) -> str:
    parts = inspect.cleandoc(text).replace("\b\n", "").split("\n\n")
    return "\n.PP\n".join([roff(" ".join(part.split())) for part in parts])


def terms(pairs: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> str:
    return "".join([f".TP\n.B {roff(name)}\n{paragraphs(text)}\n" for name, text in pairs])


def examples(pairs: tuple[tuple[str, str], ...]) -> str:
    return "".join([f".PP\n{roff(meaning[:1].upper() + meaning[1:])}:\n.PP\n.nf\n.RS\n{roff(example)}\n.RE\n.fi\n"
                    for example, meaning in pairs])


def options(command: click.Command) -> list[tuple[str, str]]:
    return [
        (", ".join([*option.opts, *option.secondary_opts]) + (f" {option.metavar}" if option.metavar else ""),
         option.help or "")
        for option in command.params if isinstance(option, click.Option)
    ]


def section(name: str) -> str:
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise LookupError(name)
    words = " ".join([parameter.metavar or parameter.human_readable_name.upper() for parameter in command.params
                      if isinstance(parameter, click.Argument)])
    pairs = import_module(f"analyzer.cli.{name}").EXAMPLES
    head = f'.SS "wiretale {name}{" [options]" if options(command) else ""}{" " + words if words else ""}"\n'
    return f"{head}{paragraphs(command.help or '')}\n{terms(options(command))}{examples(pairs)}"


def page() -> str:
    parts = [
        '.\\" Made from the commands by `python docs/man.py`.\n',
        f'.TH WIRETALE 1 "" "wiretale {__version__}" "User Commands"\n',
        ".SH NAME\nwiretale \\- reads a packet capture and tells what happened\n",
        ".SH SYNOPSIS\n.B wiretale\n[options] FILE\n.br\n.B wiretale\nCOMMAND [options] [arguments]\n",
        f".SH DESCRIPTION\n{paragraphs(cli.help or '')}\n",
        f".SH OPTIONS\n{terms(options(cli))}",
        ".SH COMMANDS\n", *[section(name) for name in COMMANDS],
        f".SH EXIT STATUS\n{terms(EXITS)}", f".SH ENVIRONMENT\n{terms(ENVIRONMENT)}",
        f".SH EXAMPLES\n{examples(EXAMPLES)}",
        ".SH SEE ALSO\n.BR tcpdump (1),\n.BR tshark (1),\n.BR pcap\\-filter (7)\n",
    ]
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
