"""No module imports another that leads back to it: not for types either, and not within a function."""
from __future__ import annotations

import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]


def circle(*packages: str) -> list[str]:
    """The modules of a circle of imports, [] where there is none."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize(
    "packages", [("analyzer", "dissectors", "wiretale"), ("samples",)], ids=["program", "recorder"],
)
def test_imports_make_no_circle(packages: tuple[str, ...]) -> None:
    assert str(ROOT) in sys.path, "the recorder is not installed, and found in the tree"
    assert circle(*packages) == []
