"""For every test: what is tested is the installed package, and in the tree only what is not installed."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]


def _reach_the_tree() -> None:
    """`samples.record` and `bench` are not installed, and tests keep modules of their own beside them.

    Appended, so that an installed `analyzer`, which may be compiled, comes before the one in the tree.
    """
    folders = sorted({path.parent for path in (ROOT / "tests").rglob("*.py")} - {ROOT / "tests"})
    sys.path += [str(folder) for folder in (ROOT, *folders) if str(folder) not in sys.path]


_reach_the_tree()

# A busy machine is no failure. In CI the same examples every time; elsewhere new ones with each run.
settings.register_profile("wiretale", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "wiretale")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden", action="store_true",
        help="write samples/*/*/expected.json instead of comparing; read the difference before you commit it",
    )


NETWORKS = ("tests/analyzer/live", "tests/analyzer/live_source", "tests/samples/test_samples_record.py")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False    # else many short tests go first, and one long file is waited for


@pytest.hookimpl(tryfirst=True)    # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `pytest -n auto --dist loadgroup`, a file is one worker's, and so is everything that makes networks.

    What takes longest goes first, and what a file keeps for its tests is made once.
    """
    items.sort(key=lambda item: not item.nodeid.startswith("tests/packaging"))
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("networks" if file.startswith(NETWORKS) else file))


def pytest_report_header() -> str:
    """Which of the two is tested."""
    from dissectors.kit import event

    place = event.__file__ or "?"
    return f"wiretale: {'interpreted' if place.endswith('.py') else 'compiled'}, {place}"


@pytest.fixture(autouse=True)
def _no_contained_fault() -> Iterator[None]:
    """A fault of ours that a run survives, and tells, fails the test in which it happens all the same."""
    from analyzer import faults

    faults.SEEN.clear()
    yield
    assert faults.SEEN == []
