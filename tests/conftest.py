"""For every test: what is tested is the installed package, and in the tree only what is not installed."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
os.environ["WIRETALE_CONFIG"] = ""      # whoever runs the tests may have chosen defaults

# A busy machine is no failure. In CI the same examples every time; elsewhere new ones with each run.
settings.register_profile("wiretale", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "wiretale")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a network, a program or a clock."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden", action="store_true",
        help="write samples/*/*/expected.json instead of comparing; read the difference before you commit it",
    )
    parser.addoption(
        "--write-open", action="store_true",
        help="write tests/observed/open*.tsv instead of comparing; they are only to shrink",
    )


# What makes networks of its own, and so stays on one worker.
NETWORKS = ("tests/analyzer/live", "tests/analyzer/live_source", "tests/samples/test_samples_record.py")
# What takes longest goes first, so that at the end no worker is waited for.
FIRST = (
    "tests/packaging", "tests/fuzz/test_pipeline_hostile.py", "tests/contract/test_contract.py", "tests/observed",
    "tests/secrets/test_secrets_everywhere.py", "tests/analyzer/ingest/test_small_files.py",
)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False    # else many short tests go first, and one long file is waited for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((at for at, one in enumerate(FIRST) if item.nodeid.startswith(one)), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With `pytest -n auto` a file is one worker's: what it keeps for its tests is made once. So are all networks."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "networks" if nodeid.startswith(NETWORKS) else nodeid.partition("::")[0]

    return ByFile(config, log)


def pytest_report_header() -> str:
    """Which of the two is tested."""
    from dissectors.kit import event

    place = event.__file__ or "?"
    return f"wiretale: {'interpreted' if place.endswith('.py') else 'compiled'}, {place}"


@pytest.fixture(autouse=True)
def _no_contained_fault(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault of ours that a run survives, and tells, fails the test in which it happens all the same.

    So does a number that the frames cannot hold; those of fuzzing hold any number.
    """
    from analyzer import faults
    from analyzer.explain import sound

    sound.thorough = "fuzz" not in request.path.parts
    faults.SEEN.clear()
    yield
    assert faults.SEEN == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser for pages."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()
