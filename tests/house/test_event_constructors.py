"""Events are made from what they tell of: a segment, a hello, a message. Few values stand beside it, none true or false
by its place alone."""
from __future__ import annotations

import ast

import pytest
from event_classes import event_classes

MOST = 5        # values by position
AVERAGE = 3.5   # over all classes


def constructors() -> list[tuple[str, ast.FunctionDef]]:
    return [
        (f"{path}:{made.name}", method) for path, made in event_classes()
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


def test_no_two_events_bear_one_name() -> None:
    """Whoever reads of one in a list, in a test or in a traceback would take it for the other."""
    names = [made.name for _path, made in event_classes()]
    assert sorted({name for name in names if names.count(name) > 1}) == []
