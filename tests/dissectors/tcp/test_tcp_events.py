"""How the events of TCP are made: from what they tell of, and nothing true or false by position."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

TCP = Path(__file__).parents[3] / "dissectors" / "protocols" / "tcp"
MOST = 5    # values by position

CONSTRUCTORS = [
    pytest.param(method, id=made.name)
    for path in sorted(TCP.glob("events*.py"))
    for made in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(made, ast.ClassDef)
    for method in made.body if isinstance(method, ast.FunctionDef) and method.name == "__init__"
]


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_an_event_takes_few_values_by_position_and_no_flag_among_them(constructor: ast.FunctionDef) -> None:
    by_position = constructor.args.args[1:]
    assert len(by_position) <= MOST
    assert [one.arg for one in by_position if one.annotation and ast.unparse(one.annotation) == "bool"] == []
