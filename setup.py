"""The one list of compiled modules. Everything else about the build stands in pyproject.toml.

WIRETALE_PURE=1 builds without compiling. Without a working C compiler each extension is skipped
(setuptools' `optional`), and the same files run interpreted.
"""
from __future__ import annotations

import os
from glob import glob
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

COMPILED = [
    "dissectors/**/*.py",
    "analyzer/ingest/*.py",
    "analyzer/packets/*.py",
    "analyzer/flows/*.py",
    "analyzer/pipeline/frames.py",
    "analyzer/pipeline/keep.py",
    "analyzer/pipeline/names.py",
    "analyzer/pipeline/others.py",
    "analyzer/pipeline/survey.py",
    "analyzer/pipeline/tell.py",
]


def extensions() -> list[Extension]:
    if os.environ.get("WIRETALE_PURE"):
        return []
    from mypyc.build import mypycify

    paths = sorted({path for pattern in COMPILED for path in glob(pattern, recursive=True)})
    paths = [path for path in paths if not path.endswith("__init__.py")]
    found: list[Extension] = mypycify(paths, opt_level="3", debug_level="0", group_name="wiretale")
    for extension in found:
        extension.optional = True
    return found


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


setup(ext_modules=extensions(), cmdclass={"build_py": BuildWithSamples})
