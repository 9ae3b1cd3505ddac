"""The classes of the dissectors, told apart by where they stand: two may bear the same name."""
from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

DISSECTORS = Path(__file__).parents[2] / "dissectors"


@cache
def classes() -> dict[str, list[tuple[str, ast.ClassDef]]]:
    """By their name: the file, from the root of the project, and the class."""
    found: dict[str, list[tuple[str, ast.ClassDef]]] = {}
    for path in sorted(DISSECTORS.rglob("*.py")):
        for one in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(one, ast.ClassDef):
                found.setdefault(one.name, []).append((str(path.relative_to(DISSECTORS.parent)), one))
    return found


def is_event(one: ast.ClassDef) -> bool:
    """Whatever it inherits that from. A base is looked up by its name alone."""
    bases = [ast.unparse(base).rpartition(".")[2] for base in one.bases]
    return one.name == "Event" or any(is_event(above) for base in bases for _path, above in classes().get(base, ()))


def event_classes() -> list[tuple[str, ast.ClassDef]]:
    return [(path, one) for named in classes().values() for path, one in named if is_event(one)]
