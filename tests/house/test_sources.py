"""Sizes, words and places: what can be seen by reading the files."""
from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM = ("analyzer", "dissectors", "wiretale")
OURS = (*PROGRAM, "bench", "samples", "tests", "docs", ".ci")
LONGEST_FILE = 550        # lines; about 500 is the aim
LONGEST_FUNCTION = 70     # lines; 50 is the aim

# How the work on the program is organised, and where it was done, is no part of it.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(work|root|home)/|(?<![\w.])/tmp/(?!\*)"),
    "an unfinished thought": re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
    "how the work was organised": re.compile(
        r"\b(helper|sub-?agent|the brief|issue #?\d+|this (issue|task|session)|(previous|next|other) session"
        r"|(?-i:DESIGN\.md))\b", re.I
    ),
    "a swallowed fault": re.compile(r"except (Exception|BaseException)?:\s*pass"),
}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def trees() -> dict[Path, tuple[str, ast.Module]]:
    """Text and syntax tree of every module of the program."""
    texts = {path: path.read_text() for path in sources(*PROGRAM)}
    return {path: (text, ast.parse(text)) for path, text in texts.items()}


def test_files_and_functions_stay_small() -> None:
    assert len(trees()) > 200
    found = []
    for path, (text, tree) in trees().items():
        lines = len(text.splitlines())
        found += [f"{shown(path)}: {lines} lines"] if lines > LONGEST_FILE else []
        found += [
            f"{shown(path)}: {node.name}: {node.end_lineno - node.lineno + 1} lines"
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
            and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
        ]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    assert [shown(path) for path, (_text, tree) in trees().items() if not ast.get_docstring(tree)] == []
    assert [
        shown(path) for path, (text, tree) in trees().items()
        if any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)
        and "from __future__ import annotations" not in text
    ] == []


def test_no_word_of_how_it_was_made() -> None:
    found = []
    here = Path(__file__)
    texts = [path for folder in OURS for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md", ".tsv"}]
    texts += [*ROOT.glob("*.md"), *ROOT.glob("*.py"), *ROOT.glob("*.toml"), *(ROOT / ".ci").glob("run")]
    for path in texts:
        if path == here:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            broken = [what for what, rule in FORBIDDEN.items() if rule.search(line)]
            found += [f"{shown(path)}:{number}: {what}: {line.strip()}" for what in broken]
    assert found == []


@cache
def table(name: str) -> Any:
    """COMPILED or INTERPRETED of setup.py, read without running it."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"setup.py has no {name}")


def compiled_patterns() -> list[str]:
    return [str(pattern) for _level, patterns in table("COMPILED").values() for pattern in patterns]


def matching(patterns: list[str]) -> set[str]:
    return {shown(path) for pattern in patterns for path in ROOT.glob(pattern) if path.name != "__init__.py"}


def compiled_files() -> set[str]:
    return matching(compiled_patterns()) - matching(table("INTERPRETED"))


def test_the_path_of_a_packet_is_compiled() -> None:
    """All of dissectors/ and the stages that touch every packet, apart from what setup.py says is left out and why."""
    hot = {
        shown(path) for path in sources("dissectors", "analyzer/ingest", "analyzer/packets", "analyzer/flows")
        if path.name != "__init__.py"
    }
    assert hot - compiled_files() - matching(table("INTERPRETED")) == set()
    patterns = [*compiled_patterns(), *table("INTERPRETED")]
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []


def classes() -> dict[tuple[str, str], tuple[bool, list[tuple[str, str]]]]:
    """Of each class, by file and name: whether it allows interpreted subclasses, and what of ours it derives from."""
    found = {}
    for path, (_text, tree) in trees().items():
        origin = {
            alias.asname or alias.name: (f"{node.module.replace('.', '/')}.py", alias.name)
            for node in tree.body if isinstance(node, ast.ImportFrom) and node.module for alias in node.names
        }
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                above = [origin.get(base, (shown(path), base)) for base in bases]
                allows = "allow_interpreted_subclasses" in "".join(map(ast.unparse, node.decorator_list))
                found[shown(path), node.name] = allows, above
    return found


def test_classes_cross_from_compiled_to_interpreted_only_where_they_may() -> None:
    """Python refuses an interpreted subclass of a compiled class that does not allow it, when it is imported."""
    ours, compiled = classes(), compiled_files()
    assert ("dissectors/kit/event.py", "Event") in ours
    refused = [
        f"{file}: {name}({base[1]})" for (file, name), (_allows, above) in ours.items() for base in above
        if base in ours and (file in compiled) != (base[0] in compiled)
        and not (base[0] in compiled and ours[base][0])
    ]
    assert refused == []


def test_what_is_installed_is_compiled_or_not_as_a_whole() -> None:
    """A single extension that failed to build would leave a mixture, and nobody would notice."""
    import importlib

    kinds: dict[bool, list[str]] = {True: [], False: []}
    for name in compiled_files():
        module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
        kinds[(module.__file__ or "").endswith(".py")].append(name)
    assert not (kinds[True] and kinds[False]), f"interpreted only: {sorted(kinds[True])}"


def test_samples_are_small_and_explained() -> None:
    for capture in (ROOT / "samples").glob("*/*/capture.pcapng"):
        assert capture.stat().st_size <= 200 * 1024, shown(capture)
        readme = capture.with_name("README.md")
        assert readme.is_file(), f"{shown(capture)} has no README"
        assert "## How it was recorded" in readme.read_text()
        assert "## What it shows" in readme.read_text()
