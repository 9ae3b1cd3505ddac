"""Events are made from what they tell of: a segment, a hello, a message. Few values stand beside it, none true or false
by its place alone."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

DISSECTORS = Path(__file__).parents[2] / "dissectors"
MOST = 5        # values by position
AVERAGE = 3.5   # over all classes


def constructors() -> list[tuple[str, ast.FunctionDef]]:
    """Of every class that is an event, whatever it inherits that from."""
    classes = {
        made.name: (path, made)
        for path in sorted(DISSECTORS.rglob("*.py"))
        for made in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(made, ast.ClassDef)
    }

    def event(name: str) -> bool:
        if name not in classes:
            return False
        return name == "Event" or any(event(ast.unparse(base).rpartition(".")[2]) for base in classes[name][1].bases)

    return [
        (f"{path.relative_to(DISSECTORS.parent)}:{name}", method)
        for name, (path, made) in classes.items() if event(name)
        for method in made.body if isinstance(method, ast.FunctionDef) and method.name == "__init__"
    ]


@pytest.fixture(scope="module")
def made() -> list[tuple[str, ast.FunctionDef]]:
    return constructors()


def test_an_event_takes_few_values_by_position_and_no_flag_among_them(made: list[tuple[str, ast.FunctionDef]]) -> None:
    by_position = {name: method.args.args[1:] for name, method in made}
    assert [f"{name} takes {len(args)}" for name, args in by_position.items() if len(args) > MOST] == []
    assert [
        f"{name}: {one.arg}" for name, args in by_position.items() for one in args
        if one.annotation and ast.unparse(one.annotation) == "bool"
    ] == []


def test_what_they_take_on_average(made: list[tuple[str, ast.FunctionDef]]) -> None:
    assert len(made) > 100
    assert sum(len(method.args.args) - 1 for _name, method in made) <= AVERAGE * len(made)
