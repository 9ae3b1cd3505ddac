"""Programs are started in one place, where the same care is taken of each: `analyzer/programs.py`."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE_PLACE = "analyzer/programs.py"
DIVIDED = "analyzer/pipeline/jobs.py"       # goes on in several processes, and starts no program
MODULES = {"subprocess", "pty", "multiprocessing", "asyncio.subprocess", "concurrent.futures.process"}
IMPORTERS = ("import_module", "__import__")
CALLS = {
    "os": {"system", "popen", "fork", "forkpty", "startfile"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "concurrent.futures": {"ProcessPoolExecutor"},
    "pyshark": {"FileCapture", "LiveCapture", "InMemCapture", "PipeCapture", "RemoteCapture", "LiveRingCapture"},
    "loop": {"subprocess_exec", "subprocess_shell"},
}
FAMILIES = ("exec", "spawn", "posix_spawn")     # of the module os: execv, spawnlp, posix_spawnp and so on
NAMES = {name for names in CALLS.values() for name in names}


def started(source: str) -> list[str]:
    """What in this source starts a program, or could."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name in MODULES]
        elif isinstance(node, ast.ImportFrom):
            whole = [node.module or "", *(f"{node.module}.{name.name}" for name in node.names)]
            found += [name for name in whole if name in MODULES]
            found += [name.name for name in node.names if name.name in NAMES]
            found += [name.name for name in node.names if node.module == "os" and family(name.name)]
        elif isinstance(node, ast.Attribute):
            if node.attr in NAMES - CALLS["os"]:
                found.append(node.attr)
            elif isinstance(node.value, ast.Name) and node.value.id == "os":
                found += [f"os.{node.attr}"] if node.attr in CALLS["os"] or family(node.attr) else []
            elif isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in MODULES:
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPORTERS:
            found += [str(word.value) for word in node.args if isinstance(word, ast.Constant) and word.value in MODULES]
    return found


def family(name: str) -> bool:
    return name.startswith(FAMILIES)


@pytest.mark.parametrize("source", [
    "import subprocess", "from subprocess import run", "import os\nos.system('x')", "from os import execvp",
    "import os\nos.posix_spawn('x', [], {})", "from asyncio import subprocess", "import asyncio.subprocess",
    "import asyncio\nasyncio.create_subprocess_exec('x')", "import pty", "import os\nos.spawnlp(0, 'x')",
    "import pyshark\npyshark.FileCapture('x')", "from pyshark import FileCapture", "import_module('subprocess')",
    "import multiprocessing", "import asyncio\nasyncio.subprocess.PIPE", "loop.subprocess_exec(1)",
])
def test_every_way_to_start_a_program_is_seen(source: str) -> None:
    assert started(source)


def test_what_starts_nothing_is_not_seen() -> None:
    assert started("import os, shutil\nos.open('x', 0)\nshutil.which('x')\nself.system = ''") == []


def test_programs_are_started_in_one_place() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): started(path.read_text(encoding="utf-8"))
        for folder in ("analyzer", "dissectors", "wiretale") for path in sorted((ROOT / folder).rglob("*.py"))
    }
    assert found.pop(ONE_PLACE)
    assert found.pop(DIVIDED) == ["os.fork"]
    assert {path: ways for path, ways in found.items() if ways} == {}
