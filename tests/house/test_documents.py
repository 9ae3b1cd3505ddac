"""What the documents say of commands, options and files is so."""
from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from analyzer.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.is_file()]
FENCE = re.compile(r"^```(?:sh|console|bash)?\n(.*?)^```", re.M | re.S)
WORD = r"""(?:'[^'\n]*'|"[^"\n]*"|[^\s|;&`)<>'"])+"""
CALL = re.compile(rf"(?:^|[|;&(]\s*|\$\s+|`)(?:[\w./-]*/)?wiretale((?:[ \t]+{WORD})*)", re.M)
IMPLIED = re.compile(r"^-$|^sample:|\.pcap(ng)?$")     # a capture without a command
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(text: str) -> list[list[str]]:
    """Every `wiretale ...` of a document: in its blocks of code, and between backquotes."""
    inline = re.findall(r"`(wiretale[^`\n]*)`", text)
    blocks = ["\n".join(line.split("  #")[0] for line in block.splitlines()) for block in FENCE.findall(text)]
    return [shlex.split(words) for source in (*blocks, *inline) for words in CALL.findall(source)]


def test_there_are_documents() -> None:
    assert (ROOT / "README.md").is_file()
    assert any(calls(path.read_text()) for path in DOCUMENTS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_what_is_documented_exists(path: Path) -> None:
    for words in calls(path.read_text()):
        if words and IMPLIED.search(words[0]):
            words.insert(0, "analyze")
        if not words or words[0].startswith("-"):
            known = {"--help", "--version", "-h", "--completion", "bash", "zsh", "fish"}
            assert set(words[:2]) <= known, f"wiretale {shlex.join(words)}"
            continue
        if not re.fullmatch(r"[a-z]+", words[0]):
            continue
        assert words[0] in COMMANDS, f"{shown(path)}: wiretale {shlex.join(words)}"
        context = click.Context(cli)
        command = cli.get_command(context, words[0])
        assert command is not None
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for word in words[1:]:
            if word.startswith("-") and word != "-":
                assert word.split("=")[0] in known | {"--help", "-h"}, f"{shown(path)}: wiretale {shlex.join(words)}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    said = {words[0] for path in DOCUMENTS for words in calls(path.read_text()) if words}
    assert command in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    assert found.help
    assert found.get_short_help_str()
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{command} {parameter.opts}"


def test_links_lead_somewhere() -> None:
    links = [(path, link) for path in DOCUMENTS for link in LINK.findall(path.read_text())]
    assert len(links) > 20
    assert [f"{shown(path)}: {link}" for path, link in links if not (path.parent / link).exists()] == []


def test_samples_that_are_named_exist() -> None:
    sample = re.compile(r"sample:([a-z0-9]+/[a-z0-9-]+)")
    named = [(path, name) for path in DOCUMENTS for name in sample.findall(path.read_text())]
    assert named
    missing = [f"{shown(path)}: {name}" for path, name in named
               if not (ROOT / "samples" / name / "capture.pcapng").is_file()]
    assert missing == []
