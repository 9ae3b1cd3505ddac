"""Completion in bash, zsh and fish: captures and samples, terms and codes of findings, interfaces."""
from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")
SAMPLE: Final = "sample:"
ANY: Final = "any"         # all interfaces
# bash takes a colon for the end of a word, and would complete `sample:tcp/cl` from `tcp/cl`.
BASH_WORDS: Final = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n"
HOW: Final = {
    "bash": 'in ~/.bashrc:  eval "$(wiretale --completion bash)"',
    "zsh": 'in ~/.zshrc:  eval "$(wiretale --completion zsh)"',
    "fish": "once:  wiretale --completion fish > ~/.config/fish/completions/wiretale.fish",
}


def script(shell: str, command: click.Command, name: str, variable: str) -> str:
    """What the shell has to run for this command to be completed."""
    kind = get_completion_class(shell)
    if kind is None:
        raise LookupError(shell)
    made = kind(command, {}, name, variable)
    # Not `source()`: for bash it would start one, to ask for its version.
    text = made.source_template % made.source_vars()
    return f"# {HOW[shell]}\n{BASH_WORDS if shell == 'bash' else ''}{text}"


def captures(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, and the bundled samples."""
    if incomplete.startswith(SAMPLE):
        return [CompletionItem(SAMPLE + name, help=title) for name, title in _samples(incomplete.removeprefix(SAMPLE))]
    found = [CompletionItem(incomplete, type="file")]
    if incomplete and SAMPLE.startswith(incomplete):
        found += [CompletionItem(SAMPLE + name, help=title) for name, title in _samples("")]
    return found


def sample_names(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=title) for name, title in _samples(incomplete)]


def _samples(beginning: str) -> list[tuple[str, str]]:
    from analyzer.cli.sample_store import all_samples

    return [(one.name, one.title) for one in all_samples() if one.name.startswith(beginning)]


def terms(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What can be explained, a word at a time: `fast`, then `retransmit`."""
    from analyzer.explain.rules import kinds
    from analyzer.report.glossary import Glossary
    from dissectors.registry import protocols

    before: tuple[str, ...] = ctx.params.get("term") or ()
    place = len(before)
    words: dict[str, str] = {}
    for entries in Glossary(protocols(), kinds()).entries.values():
        name = entries[0].name.split()
        same = [word.lower() for word in name[:place]] == [word.lower() for word in before]
        if len(name) > place and same and name[place].lower().startswith(incomplete.lower()):
            words.setdefault(name[place], entries[0].text if len(name) == place + 1 else "")
    return [CompletionItem(word, help=text.partition(". ")[0]) for word, text in sorted(words.items())]


def interfaces(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    import socket

    names = [name for _number, name in socket.if_nameindex()]
    return [CompletionItem(name) for name in [*sorted(names), ANY] if name.startswith(incomplete)]


def fields(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The last word of a filter, as a field."""
    from analyzer.filter.fields import fields as known

    start = max([incomplete.rfind(sign) for sign in " (!&|"]) + 1
    before, word = incomplete[:start], incomplete[start:].lower()
    found = [one for one in known().values() if one.name.startswith(word)]
    return [CompletionItem(before + one.name, help=one.meaning) for one in found]
