"""What the telling and drawing of thirty conversations takes within one run of `wiretale analyze`.

    python bench/telling.py CAPTURE      # with the wiretale that is installed, which may be compiled

Prints the seconds of each pass, as the program itself announces them, and the peak of its memory.
"""
from __future__ import annotations

import gc
import json
import resource
import sys
import time
from typing import Final

from analyzer.cli.main import COLLECT
from analyzer.cli.screen import Screen
from analyzer.pipeline.passes import CONCLUDING, DRAWING, LOOKING, TELLING
from analyzer.pipeline.run import Options, analyze
from analyzer.report.terminal import render
from analyzer.report.words import NORMAL

COUNTED: Final = (LOOKING, TELLING, CONCLUDING, DRAWING)      # all but the reading
WIDTH: Final = 100


class Passes:
    """Notes when each pass begins. seconds: by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.name = ""
        self.began = 0.0

    def begin(self, name: str, unit: str = "") -> None:
        now = time.perf_counter()
        if self.name:
            self.seconds[self.name] = self.seconds.get(self.name, 0.0) + now - self.began
        self.name, self.began = name, now

    def update(self, done: int, whole: int, frames: int) -> None:
        """Nobody looks."""


def main() -> int:
    passes = Passes()
    gc.set_threshold(COLLECT)      # as the command does
    analysis = analyze([sys.argv[1]], Options(), passes)
    gc.freeze()
    passes.begin(DRAWING)
    with open("/dev/null", "w") as nowhere:
        said, sys.stdout = sys.stdout, nowhere
        screen = Screen(WIDTH)
        screen.show(render(analysis, NORMAL, screen.width, None))
        nowhere.flush()
        sys.stdout = said
    passes.begin("")
    print(json.dumps({
        "seconds": passes.seconds, "told": len(analysis.told),
        "after_reading": sum(passes.seconds.get(name, 0.0) for name in COUNTED),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
    }))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
