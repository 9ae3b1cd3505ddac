"""What linters, the type checker and the import contracts say of the tree."""
from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def said(*command: str) -> str:
    """What a tool prints when it has something to object, "" otherwise."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def test_every_tool_is_installed() -> None:
    """They belong to the extra `test`; a suite without them would pass for the wrong reason."""
    assert [module for module in ("mypy", "ruff", "importlinter", "build", "hypothesis") if not installed(module)] == []


def test_ruff_has_no_objection() -> None:
    assert said(sys.executable, "-m", "ruff", "check", "--output-format", "concise", ".") == ""


@pytest.mark.slow(reason="the type checker reads the whole program")
@pytest.mark.parametrize(
    "packages", [("analyzer", "dissectors", "wiretale"), ("bench", "samples.record")], ids=" ".join
)
def test_types_hold(packages: tuple[str, ...]) -> None:
    arguments = [word for package in packages for word in ("-p", package)]
    assert said(sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *arguments) == ""


def test_imports_go_one_way() -> None:
    """The contracts stand in pyproject.toml. The tree itself is looked at, not an installed package."""
    script = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; " \
        "sys.argv = ['lint-imports', '--no-cache']; lint_imports_command()"
    assert said(sys.executable, "-c", script) == ""
