"""The package builds and runs in fresh environments: compiled, asked to stay plain, and without a C compiler.

No environment that a wheel is installed into, and nothing that runs there, finds a compiler.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNNEEDED = (".git", ".venv*", "dist", "*.egg-info", "__pycache__", ".hypothesis", ".pytest_cache", "captures")
NOT_COPIED = shutil.ignore_patterns(*UNNEEDED, "build", "*.so", ".*_cache")
NOT_COPIED_WHERE_COMPILED = shutil.ignore_patterns(*UNNEEDED)
TOOLS = ("sh", "env", "uname")      # what a build may need beside Python, where the compiler is hidden
SAMPLE = "sample:tcp/clean"
BUILD_SECONDS = 900

pytestmark = pytest.mark.slow(reason="builds the package several times")


def clean(**more: str) -> dict[str, str]:
    """The environment without what would decide for the build, or show it this checkout."""
    hidden = {"PYTHONPATH", "WIRETALE_PURE", "CC", "CXX", "CFLAGS"}
    return {**{name: value for name, value in os.environ.items() if name not in hidden}, **more}


def run(*command: str | Path, env: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, check=False,
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


class Installed:
    """An environment that wiretale was installed into, and the files of its package."""

    def __init__(self, folder: Path, wheel: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.tag = "-".join(wheel.stem.split("-")[-3:])
        self.names = names_of(wheel)
        self.env = env

    def wiretale(self, *arguments: str) -> str:
        return run(self.folder / "bin" / "wiretale", *arguments, env=self.env, cwd=self.folder)


def names_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def without_compiler(folder: Path) -> dict[str, str]:
    """A PATH that holds a few tools and no compiler, and a CC that fails."""
    tools = folder / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        if found and not (tools / name).exists():
            (tools / name).symlink_to(found)
    return clean(PATH=str(tools), CC="false", CXX="false")


def copied(tmp: Path, left: Callable[[str, list[str]], set[str]] = NOT_COPIED) -> Path:
    """A copy of this checkout. left: what of it is not copied."""
    source = tmp / "source"
    shutil.copytree(ROOT, source, ignore=left)
    return source


def environment(folder: Path, env: dict[str, str], *wanted: str | Path) -> Path:
    """The Python of a new environment, into which pip puts what is wanted."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, env=env, cwd=folder.parent)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", *wanted, env=env, cwd=folder.parent)
    return python


def wheel_of(source: Path, tmp: Path, env: dict[str, str], tools: Path | None = None) -> Path:
    """Built as pip does, in an environment of its own; or in the one of this Python, which holds the same tools."""
    made_there = ["--python", tools] if tools else []
    isolated = ["--no-build-isolation"] if tools else []
    run(
        sys.executable, "-m", "pip", *made_there, "wheel", "-q", "--no-deps", *isolated, "-w", tmp / "wheels", source,
        env=env, cwd=tmp,
    )
    (wheel,) = (tmp / "wheels").glob("wiretale-*.whl")
    return wheel


def installed(wheel: Path, tmp: Path) -> Installed:
    """In a new environment.

    The dependencies come from this environment: whether the right ones are declared is shown where the first
    command of the README is run.
    """
    bare = without_compiler(tmp)
    folder = tmp / "environment"
    python = environment(folder, bare, "--no-deps", wheel)
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", script, env=bare, cwd=tmp).strip())
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")) + "\n")
    return Installed(folder, wheel, bare)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from what the README's first command compiled, where this checkout has it; else anew, in a minute."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        pytest.skip(f"no C compiler ({compiler})")
    folder = tmp_path_factory.mktemp("compiled")
    return installed(wheel_of(copied(folder, NOT_COPIED_WHERE_COMPILED), folder, clean()), folder)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what a build requires and nothing else, put there once for all builds that compile nothing.

    Where there is no compiler: whoever has none can install these as well.
    """
    folder = tmp_path_factory.mktemp("tools")
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    return environment(folder / "environment", without_compiler(folder), *requires)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Installed:
    folder = tmp_path_factory.mktemp("plain")
    return installed(wheel_of(copied(folder), folder, clean(WIRETALE_PURE="1"), tools), folder)


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Installed:
    folder = tmp_path_factory.mktemp("hidden")
    return installed(wheel_of(copied(folder), folder, without_compiler(folder), tools), folder)


def check_runs(one: Installed, kind: str) -> str:
    """Its version says how it runs, and a bundled sample is told."""
    version = one.wiretale("--version")
    assert kind in version, version
    shipped = Path(one.wiretale("samples", "path", SAMPLE.removeprefix("sample:")).strip())
    assert shipped.is_relative_to(one.folder), f"{shipped} is not the installed one"
    text = one.wiretale("analyze", SAMPLE)
    assert "10.0.1.10" in text
    assert len(one.wiretale("frames", SAMPLE).splitlines()) > 10
    return text


def test_compiled(compiled: Installed) -> None:
    check_runs(compiled, "compiled")
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert compiled.tag.startswith(f"{version}-{version}-"), compiled.tag
    assert any(name.endswith(".so") and "dissectors/kit/event" in name for name in compiled.names)


def test_asked_to_stay_plain(plain: Installed) -> None:
    check_runs(plain, "interpreted")
    assert plain.tag == "py3-none-any"
    assert not [name for name in plain.names if name.endswith(".so")]


def test_without_a_compiler(hidden: Installed) -> None:
    check_runs(hidden, "interpreted")
    assert hidden.tag == "py3-none-any"
    assert not [name for name in hidden.names if name.endswith(".so")]


def test_both_speeds_say_the_same(compiled: Installed, plain: Installed) -> None:
    for name in ("tcp/clean", "dns/cname"):
        for command in (("analyze", "--level", "teach", "--width", "100"), ("frames",)):
            told = [
                kind.wiretale(*command, f"sample:{name}").replace(str(kind.folder), "") for kind in (compiled, plain)
            ]
            assert told[0] == told[1]


def test_the_wheel_holds_the_program_and_the_samples(plain: Installed) -> None:
    names = set(plain.names)
    for folder in ("analyzer", "dissectors", "wiretale"):
        for path in (ROOT / folder).rglob("*.py"):
            assert path.relative_to(ROOT).as_posix() in names
    assert {"analyzer/py.typed", "dissectors/py.typed", "wiretale/py.typed"} <= names
    for capture in (ROOT / "samples").glob("*/*/capture.pcapng"):
        place = f"analyzer/{capture.parent.relative_to(ROOT).as_posix()}"
        assert {f"{place}/capture.pcapng", f"{place}/README.md"} <= names
    assert (plain.folder / "share" / "man" / "man1" / "wiretale.1").is_file()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.startswith("wiretale-")} == {"analyzer", "dissectors", "wiretale"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_source_distribution_is_complete(tmp_path: Path, tools: Path) -> None:
    """Everything that a build needs and nothing that one leaves behind; a wheel can be built of it."""
    source = copied(tmp_path)
    env = clean(WIRETALE_PURE="1")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path / "dist", source, env=env, cwd=tmp_path)
    (archive,) = (tmp_path / "dist").glob("wiretale-*.tar.gz")
    with tarfile.open(archive) as bundle:
        names = {name.partition("/")[2] for name in bundle.getnames()}
        bundle.extractall(tmp_path / "unpacked")
    assert {"setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "analyzer/py.typed"} <= names
    for folder, pattern in (("analyzer", "*.py"), ("dissectors", "*.py"), ("samples", "capture.pcapng")):
        for path in (ROOT / folder).rglob(pattern):
            assert path.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if name.endswith((".c", ".o", ".so", ".pyc"))]
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert wheel_of(unpacked, tmp_path, env, tools).is_file()
