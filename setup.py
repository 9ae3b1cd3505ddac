"""The one table of compiled modules. Everything else about the build stands in pyproject.toml.

They make a few libraries, which are compiled side by side: calls within one are direct, so what every packet passes
is in one, and a C compiler takes more than twice as long for twice as much.

WIRETALE_PURE=1 builds without compiling. Without a working C compiler each extension is skipped
(setuptools' `optional`), and the same files run interpreted.
"""
from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from glob import glob
from importlib.metadata import version
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

# By library: every packet passes the first, the others hold what reads the streams of some conversations.
COMPILED = {
    "wiretale": [
        "dissectors/kit/*.py",
        "dissectors/registry.py",
        "dissectors/wire/dns_*.py",
        "dissectors/protocols/icmp.py",
        "dissectors/protocols/tcp/*.py",
        "dissectors/protocols/dns/*.py",
        "analyzer/ingest/*.py",
        "analyzer/packets/*.py",
        "analyzer/flows/*.py",
        "analyzer/pipeline/frames.py",
        "analyzer/address.py",
        "analyzer/faults.py",
        "analyzer/packet.py",
        "analyzer/pipeline/survey.py",
        "analyzer/pipeline/tell.py",
        "analyzer/pipeline/text.py",
    ],
    "wiretale_live": ["analyzer/ingest/live/*.py", "analyzer/pipeline/live.py"],
    "wiretale_tls": ["dissectors/wire/tls/*.py", "dissectors/wire/x509/*.py", "dissectors/protocols/tls/*.py"],
    "wiretale_applications": ["dissectors/**/*.py"],
}
JOBS = 4    # libraries compiled at once
LEVELS = {"wiretale": "-O3", "wiretale_live": "-O2"}    # what some conversations need is not worth twice the wait
LIGHTEST = "-O1"
# Nothing of a library is called by name from outside, so calls within it need no detour; measured: 5 % of `analyze`.
DIRECT = ["-fvisibility=hidden", "-fno-plt"]
UNCOMPILED = {"egg_info", "dist_info", "sdist"}    # commands that need no compiled module, and would wait for the types


def libraries() -> list[tuple[list[str], str]]:
    """(paths, name) of each library; a module is in the first one that names it."""
    taken: set[str] = set()
    found = []
    for name, patterns in COMPILED.items():
        paths = {path for pattern in patterns for path in glob(pattern, recursive=True)} - taken
        taken |= paths
        found.append((sorted(path for path in paths if not path.endswith("__init__.py")), name))
    return found


def extensions() -> list[Extension]:
    if os.environ.get("WIRETALE_PURE") or not UNCOMPILED.isdisjoint(sys.argv):
        return []
    from mypyc.build import mypycify

    groups = libraries()
    found: list[Extension] = mypycify(
        [path for paths, _name in groups for path in paths], opt_level="3", debug_level="0", separate=groups
    )
    for extension in found:
        extension.optional = True
        library, shared, _rest = extension.name.partition("__mypyc")
        if shared:
            flags = [LEVELS.get(library, LIGHTEST), *DIRECT]
            given = extension.extra_compile_args
            extension.extra_compile_args = [one for flag in given for one in (flags if flag == "-O3" else [flag])]
    return found


@cache
def inputs() -> str:
    """A digest of everything that the libraries are made from."""
    digest = hashlib.sha256(f"{sys.version} {version('mypy')}".encode())
    for paths, _name in libraries():
        for path in paths:
            digest.update(path.encode() + b"\0" + Path(path).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


class BuildWhatChanged(build_ext):
    """Compiles again only where a source, this file or a tool is another than at the last build in this folder.

    setuptools goes by the time of files. Those of mypyc's runtime are new in each isolated build, and the C code of
    one library numbers its constants anew where types come from mypy's cache.
    """

    def build_extension(self, ext: Extension) -> None:
        digest = inputs()
        note = Path(self.build_temp) / f"{ext.name}.sha256"
        made = Path(self.get_ext_fullpath(ext.name))
        if made.is_file() and note.is_file() and note.read_text() == digest:
            return
        super().build_extension(ext)
        if made.is_file():     # an optional one may have failed
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(digest)


class BuildWithSamples(build_py):
    """Ships the samples inside the package, as `analyzer/samples/<protocol>/<case>/`."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:     # a checkout has them beside the package
            return
        for capture in Path("samples").glob("*/*/capture.pcapng"):
            target = Path(self.build_lib) / "analyzer" / capture.parent
            self.mkpath(str(target))
            for name in ("capture.pcapng", "README.md"):
                self.copy_file(str(capture.parent / name), str(target / name))


setup(
    ext_modules=extensions(), cmdclass={"build_py": BuildWithSamples, "build_ext": BuildWhatChanged},
    options={"build_ext": {"parallel": JOBS}},
)
