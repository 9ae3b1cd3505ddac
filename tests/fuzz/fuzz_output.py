"""What wiretale says of captures, for `fuzz_speeds.py`: run in a process of its own, by the build that is to say it.

    python -P fuzz_output.py [--interpreted]

Reads names of captures from standard input, one a line, and answers each with one line of JSON: parts of the output by
name. With --interpreted the sources are run, where compiled modules stand beside them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


class Sources:
    """Finds the sources of our packages before anything else finds their compiled modules."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in ("analyzer", "dissectors") or path is None:
            return None
        for folder in path:
            for place in (
                Path(folder) / name.rpartition(".")[2] / "__init__.py",
                Path(folder) / f"{name.rpartition('.')[2]}.py",
            ):
                if place.is_file():
                    search = [str(place.parent)] if place.name == "__init__.py" else None
                    return spec_from_file_location(
                        name, place, loader=SourceFileLoader(name, str(place)), submodule_search_locations=search
                    )
        return PathFinder.find_spec(name, path)


def output(path: str) -> dict[str, str]:
    from analyzer.ingest.source import CaptureError
    from analyzer.pipeline.run import Frames, Options, analyze
    from analyzer.report.formats import FORMATS, Layout

    found: dict[str, str] = {}
    try:
        found["frames"] = b"".join(Frames([path])).decode()
        analysis = analyze([path], Options(graphs=True))
        for form in FORMATS:
            if form.name in ("jsonl", "text", "har", "sarif", "svg"):
                found[form.name] = b"".join(form.write(analysis, Layout("teach"))).decode("utf-8", "surrogatepass")
    except CaptureError as error:
        found["refused"] = str(error)
    except Exception as error:  # also to be the same
        found["failed"] = f"{type(error).__name__}: {error}"
    return found


def main() -> None:
    if "--interpreted" in sys.argv:
        sys.meta_path.insert(0, Sources())  # type: ignore[arg-type]
    from dissectors.kit import event

    print("interpreted" if (event.__file__ or "").endswith(".py") else "compiled", flush=True)
    for line in sys.stdin:
        print(json.dumps(output(line.rstrip("\n"))), flush=True)


if __name__ == "__main__":
    main()
