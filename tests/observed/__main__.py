"""What is claimed falsely where captures are observed less well: how many hold in each way, and which claims are false.

    python -m tests.observed [CAPTURE|FOLDER ...] [--only WAY,..] [--examples N] [--code CODE] [--seed N] [--jobs N]

CAPTURE is a file, or a sample by its name: `tcp/clean`, or `tcp` for all of them. Without any, all samples.
"""
from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from functools import partial
from itertools import islice
from multiprocessing import Pool
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path += [str(folder) for folder in (ROOT, HERE.parent / "contract", HERE)]

from claims import FAULT, Wrong  # noqa: E402
from examine import captures_in, examined, name_of  # noqa: E402
from sample_feeds import SAMPLES, sample_captures  # noqa: E402
from tables import EXCEPTIONS, rows  # noqa: E402
from ways import WAYS  # noqa: E402

LONGEST = 240       # characters of an example
MOST_CODES = 8      # in the line of a way
Answer = dict[str, list[Wrong]]


def named(word: str) -> list[Path]:
    """The captures that a word names: a file, a folder, or samples."""
    path, sample = Path(word), SAMPLES / word.removeprefix("sample:")
    if path.is_file():
        return [path.resolve()]
    if sample.is_dir():
        return captures_in(sample)
    if path.is_dir():
        return captures_in(path.resolve())
    raise SystemExit(f"{word}: no file, no folder and no sample")


def answer(path: Path, ways: list[str], seed: int) -> Answer | None:
    """By way, where it applies; None where it never does. A fault of ours is a false claim, and no end."""
    found: Answer = {}
    for way in ways:
        try:
            wrong = examined(way, path, seed)
        except Exception as error:      # told as what it is, and the next one is tried
            wrong = [Wrong(FAULT, f"{type(error).__name__}: {error}")]
        if wrong is not None:
            found[way] = wrong
    return found or None


class Tally:
    """What is counted over all captures, and printed."""

    def __init__(self, ways: list[str], examples: int, code: str) -> None:
        self.ways, self.examples, self.code = ways, examples, code
        self.tried, self.held = Counter[str](), Counter[str]()
        self.codes: dict[str, Counter[str]] = {way: Counter() for way in ways}
        self.shown = Counter[tuple[str, str]]()
        self.captures = self.whole = 0
        self.excepted = {row[:3] for row in rows(EXCEPTIONS)}

    def take(self, name: str, found: Answer) -> None:
        self.captures += 1
        held = True
        for way, claimed in found.items():
            wrong = [
                each for each in claimed if self.code in each.code and (name, way, each.code) not in self.excepted
            ]
            self.tried[way] += 1
            self.held[way] += not wrong
            held = held and not wrong
            self.codes[way].update({each.code for each in wrong})
            self._examples(name, way, wrong)
        self.whole += held

    def _examples(self, name: str, way: str, wrong: list[Wrong]) -> None:
        for each in wrong:
            if self.shown[way, each.code] < self.examples:
                self.shown[way, each.code] += 1
                print(f"{way:9} {name}: {each.code}: {each.text[:LONGEST]}", flush=True)

    def end(self) -> None:
        print()
        for way in self.ways:
            top = ", ".join(f"{code} {times}" for code, times in self.codes[way].most_common(MOST_CODES))
            print(f"{way:9} {self.held[way]:5} of {self.tried[way]:5} hold   {top}")
        print(f"{self.whole} of {self.captures} captures hold in every way")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="*", metavar="CAPTURE|FOLDER")
    parser.add_argument("--only", metavar="WAY,..", help="only these ways: " + ", ".join(WAYS))
    parser.add_argument("--examples", type=int, default=1, metavar="N", help="shown of each code in each way (1)")
    parser.add_argument("--code", default="", help="only codes that contain this")
    parser.add_argument("--seed", type=int, default=0, help="other frames are missing (0, as in the tests)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth of the captures")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    args = parser.parse_args()
    ways = args.only.split(",") if args.only else list(WAYS)
    if unknown := set(ways) - set(WAYS):
        parser.error(f"no such way: {', '.join(sorted(unknown))}")
    paths = [path for word in args.captures for path in named(word)] or sample_captures()
    paths = list(islice(dict.fromkeys(paths), 0, None, args.every))
    tally, start = Tally(ways, args.examples, args.code), time.monotonic()
    ask = partial(answer, ways=ways, seed=args.seed)
    with Pool(args.jobs) as pool:
        for path, found in zip(paths, pool.imap(ask, paths, 4), strict=True):
            if found is not None:
                tally.take(name_of(path), found)
    tally.end()
    print(f"{time.monotonic() - start:.0f} s")
    return int(tally.whole < tally.captures)


if __name__ == "__main__":
    sys.exit(main())
