"""Defaults of options that a user has chosen once: in a file, and in the environment.

The file is TOML. A key is the long name of an option, and holds for each command that has it; in a table with the name
of a command it holds for that one. In the environment the same is WIRETALE_LEVEL and WIRETALE_REPORT_LEVEL. What says
more comes first: the command line, the environment, the file, and in the last two the command's own before that of
all. Nothing is read from the current folder, where others may have put it.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final

import click

FILE: Final = "WIRETALE_CONFIG"      # names another file; empty for none
PREFIX: Final = "WIRETALE_"
NAME: Final = "config.toml"
MAX_OCTETS: Final = 1 << 20          # of the file

Table = Mapping[str, object]
Commands = Callable[[], Mapping[str, click.Command]]


def all_commands(root: click.Context) -> dict[str, click.Command]:
    """Each by its name."""
    group = root.command
    if not isinstance(group, click.Group):
        return {}
    found = {name: group.get_command(root, name) for name in group.list_commands(root)}
    return {name: command for name, command in found.items() if command is not None}


class Setting:
    """One default. value: as it was given.     source: the file, or the name of the variable."""

    def __init__(self, option: click.Option, value: object, source: str) -> None:
        self.option = option
        self.value = value
        self.source = source


def path() -> str:
    """The file, "" where none is wanted. It need not be there."""
    named = os.environ.get(FILE)
    return os.path.join(click.get_app_dir("wiretale"), NAME) if named is None else named


def any_chosen() -> bool:
    """Whether there is anything to read, so that a start without it costs nothing."""
    file = path()
    return any(name.startswith(PREFIX) for name in os.environ) or (file != "" and os.path.exists(file))


def settings_of(name: str, command: click.Command, known: Commands) -> list[Setting]:
    """What holds for a command, each option once. known: gives all commands, asked where a key is none of this one's.

    Raises click.ClickException: the file cannot be read, or it says something that no option means.
    """
    table = _read(path())
    options = _options(command)
    found: dict[str, Setting] = {}
    own = table.get(name, {})
    if not isinstance(own, Mapping):
        raise click.ClickException(f"{path()}: {name!r} is a command, so what holds for it is a table: [{name}]")
    for place, values in (("", table), (f"[{name}] ", own)):
        for key, value in values.items():
            if key in options:
                found[key] = Setting(options[key], value, path())
            elif place or key not in known():
                _refuse_unknown(f"{path()}: {place}", key, list(options) if place else _all_names(known()))
    for key, option in options.items():
        for prefix in (PREFIX, f"{PREFIX}{name.upper()}_"):
            variable = prefix + key.upper().replace("-", "_")
            if os.environ.get(variable):
                found[key] = Setting(option, os.environ[variable], variable)
    return list(found.values())


def defaults_of(name: str, command: click.Command, known: Commands) -> dict[str, object]:
    """The same as click takes it: by parameter. Raises click.ClickException for what an option does not take, too."""
    context = click.Context(command, info_name=name)
    return {
        str(setting.option.name): _value(context, setting) for setting in settings_of(name, command, known)
    }


def _value(context: click.Context, setting: Setting) -> object:
    option, value = setting.option, setting.value
    if option.multiple and isinstance(value, str):
        value = option.type.split_envvar_value(value) if setting.source.startswith(PREFIX) else [value]
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) != option.multiple or not all(isinstance(one, str | int | float) for one in values):
        wanted = "a list" if option.multiple else "one value"
        raise click.ClickException(f"{setting.source}: {option.opts[-1]} takes {wanted}")
    if isinstance(option.type, click.Path | click.File):
        values = [os.path.expanduser(str(one)) for one in values]
    value = values if option.multiple else values[0]
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.ClickException(f"{setting.source}: {option.opts[-1]}: {error.message}") from error
    return value


def _options(command: click.Command) -> dict[str, click.Option]:
    """By their long names. Those that only print something and end have no default."""
    return {
        name.removeprefix("--"): option
        for option in command.params if isinstance(option, click.Option) and not option.is_eager
        for name in option.opts if name.startswith("--")
    }


def _all_names(known: Mapping[str, click.Command]) -> list[str]:
    return [*known, *[option for command in known.values() for option in _options(command)]]


def _refuse_unknown(where: str, key: str, names: list[str]) -> None:
    """ClickException where it is none of these."""
    if key not in names:
        near = get_close_matches(key, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise click.ClickException(f"{where}nothing is called {key!r}{hint}")


def _read(file: str) -> Table:
    """The tables of the file, none where it is not there."""
    if not file or not os.path.exists(file):
        return {}
    import tomllib

    try:
        with open(file, "rb") as opened:
            text = opened.read(MAX_OCTETS + 1)
        if len(text) > MAX_OCTETS:
            raise click.ClickException(f"{file}: more than {MAX_OCTETS} bytes are no settings")
        return tomllib.loads(text.decode())
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}") from error
    except ValueError as error:      # of TOML or UTF-8
        raise click.ClickException(f"{file}: {error}") from error
