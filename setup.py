"""The one list of compiled modules. Everything else about the build stands in pyproject.toml.

WIRETALE_PURE=1 builds without compiling. Without a working C compiler each extension is skipped
(setuptools' `optional`), and the same files run interpreted.
"""
from __future__ import annotations

import os
from glob import glob

from setuptools import Extension, setup

COMPILED = [
    "dissectors/**/*.py",
    "analyzer/ingest/*.py",
    "analyzer/packets/*.py",
    "analyzer/flows/*.py",
    "analyzer/pipeline/frames.py",
    "analyzer/pipeline/keep.py",
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


setup(ext_modules=extensions())
