"""Whether a compiled build says the same as the sources it was made of, of changed captures of the samples."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from fuzz_inputs import changed_capture
from sample_feeds import sample_captures

from analyzer.ingest.source import CaptureError

WORKER = Path(__file__).with_name("fuzz_output.py")
SMALL = 60_000  # octets of a sample that is changed
AROUND = 90  # characters of a difference that are shown


class Build:
    """A process of one build. speed: "compiled" or "interpreted"."""

    def __init__(self, python: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [python, "-P", str(WORKER), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tempfile.gettempdir(),
        )
        self.speed = self._line().strip()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended with {self.process.wait()}")
        return line

    def ask(self, path: Path) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._line())
        return found

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def both_of(python: str) -> tuple[Build, Build]:
    """An installed build, compiled, and its own sources interpreted. Raises SystemExit where nothing is compiled."""
    builds = Build(python), Build(python, "--interpreted")
    if [build.speed for build in builds] != ["compiled", "interpreted"]:
        for build in builds:
            build.end()
        raise SystemExit(f"{python}: no compiled build of wiretale")
    return builds


def difference(one: dict[str, str], other: dict[str, str]) -> str:
    """The first place where two outputs differ, "" where they are the same."""
    for name in sorted({*one, *other}):
        left, right = one.get(name, ""), other.get(name, "")
        if left != right:
            at = next(
                (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
            )
            begin = max(at - AROUND, 0)
            return (
                f"{name}: compiled    {left[begin : at + AROUND]!r}\n{name}: interpreted {right[begin : at + AROUND]!r}"
            )
    return ""


def changed(random: Random) -> bytes | None:
    samples = [path for path in sample_captures() if path.stat().st_size < SMALL]
    try:
        return changed_capture(random.choice(samples), random)
    except CaptureError:
        return None


def compare(python: str, seconds: float, seed: int, folder: Path) -> int:
    """Give both the same inputs for so long. Returns 1 where their outputs differed; those inputs are kept."""
    builds, random, end = both_of(python), Random(seed), time.monotonic() + seconds
    tried = differed = 0
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "compared.pcapng"
    while time.monotonic() < end:
        data = changed(random)
        if data is None:
            continue
        path.write_bytes(data)
        for build in builds:
            build.ask(path)
        said = difference(*(build.answer() for build in builds))
        tried += 1
        if said:
            differed += 1
            kept = folder / f"differs-{seed}-{tried}.pcapng"
            kept.write_bytes(data)
            print(f"{kept}\n{said}", flush=True)
    for build in builds:
        build.end()
    print(f"{tried} inputs, {differed} told otherwise by the compiled build")
    return 1 if differed else 0


if __name__ == "__main__":
    sys.exit("python -m tests.fuzz --compare PYTHON")
