"""Looks for inputs that wiretale breaks on: captures, conversations, files and words, changed from the samples.

    python -m tests.fuzz --minutes N [--seed S] [--only NAME,..] [--folder FOLDER]
    python -m tests.fuzz --again FILE
    python -m tests.fuzz --compare PYTHON [--minutes N] [--seed S]
    python -m tests.fuzz --costs PYTHON [--octets N] [--only ATTACK,..] [--ways WAY,..]

With atheris installed, what is tried next is guided by which lines were reached, of interpreted code; without it, by
chance alone. A fault is written as a file beside a line that reproduces it; inputs that reached something new are kept
for the next run. --compare gives the same inputs to another build, such as a compiled one, and says where it differs
from its own sources. --costs says what each attack of `attacks.py` costs a build.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path += [str(folder) for folder in (ROOT, HERE.parent / "contract", HERE)]

if TYPE_CHECKING:
    from fuzz_targets import Target

FOLDER = ROOT / "build" / "fuzz"
LEAST = 20  # seconds of a target, or reading its seeds takes longer than what follows
MOST_SEEDS = 60
LONGEST = 300_000  # octets of an input
MOST_MEMORY = 4 << 30  # bytes that a run may have


class Finds:
    """The faults of a run: each kind once, with the input that showed it."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder / "faults"
        self.target = target
        self.keys: set[str] = set()
        self.runs = 0

    def note(self, key: str, words: str, data: bytes) -> None:
        if key in self.keys:
            return
        self.keys.add(key)
        self.folder.mkdir(parents=True, exist_ok=True)
        plain = "".join(letter if letter.isalnum() else "-" for letter in key)[:80]
        path = self.folder / f"{self.target}.{plain}"
        path.write_bytes(data)
        shown = ascii(words)[1:-1][:300]
        print(f"{self.target}: {shown}\n    python -m tests.fuzz --again {path}", flush=True)

    def tell(self) -> None:
        print(f"{self.target}: {self.runs} runs, {len(self.keys)} faults", flush=True)


def run_once(target: Target, data: bytes, finds: Finds) -> None:
    from fuzz_targets import Broken, tried

    finds.runs += 1
    try:
        tried(target, data)
    except Broken as fault:
        finds.note(fault.key, str(fault), data)


def by_chance(target: Target, seconds: float, seed: str, finds: Finds) -> None:
    """Seeds, changed a few times over."""
    random, seeds, end = Random(f"{target.name} {seed}"), target.seeds(), time.monotonic() + seconds
    while time.monotonic() < end:
        data = random.choice(seeds)
        for _ in range(random.choice((1, 1, 2, 3))):
            data = target.change(data, random)
        run_once(target, data[:LONGEST], finds)


def by_coverage(target: Target, seconds: float, seed: int, folder: Path, finds: Finds) -> None:
    """atheris, which does not come back: the process ends with it."""
    import atheris

    corpus = folder / "corpus" / target.name
    if not corpus.is_dir():
        corpus.mkdir(parents=True)
        seeds = target.seeds()  # each run begins with all of them, so a few
        for number, data in enumerate(Random(seed).sample(seeds, min(len(seeds), MOST_SEEDS))):
            (corpus / f"seed-{number}").write_bytes(data)

    end = time.monotonic() + seconds

    def one(data: bytes) -> None:
        run_once(target, data, finds)
        if time.monotonic() > end:
            finds.tell()
            os._exit(0)  # atheris itself ends without a word

    def change(data: bytes, most: int, chance: int) -> bytes:
        return target.change(data, Random(chance))[:most]

    options = [
        f"-seed={seed + 1}",
        f"-max_len={LONGEST}",
        "-rss_limit_mb=0",
        "-timeout=0",
        "-verbosity=0",
        "-len_control=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=change)
    atheris.Fuzz()


def limit_memory() -> None:
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, hard))


def the_target(name: str) -> Target:
    from fuzz_targets import TARGETS

    found = [target for target in TARGETS if target.name == name]
    if not found:
        raise SystemExit(f"{name}: no such target; there are {', '.join(target.name for target in TARGETS)}")
    return found[0]


def guided() -> bool:
    return find_spec("atheris") is not None


def run_child(options: argparse.Namespace) -> None:
    """One target, in this process."""
    if guided():
        import atheris

        with atheris.instrument_imports(include=["analyzer", "dissectors"]):
            target = the_target(options.target)
    else:
        target = the_target(options.target)
    limit_memory()
    finds = Finds(options.folder, target.name)
    if guided():
        by_coverage(target, options.seconds, options.seed, options.folder, finds)
    else:
        by_chance(target, options.seconds, str(options.seed), finds)
        finds.tell()


def run_all(options: argparse.Namespace) -> int:
    """Every target in a process of its own, as often as the time allows. Returns 1 where a fault was found."""
    from fuzz_targets import TARGETS

    wanted = [one.name for one in TARGETS if not options.only or one.name in options.only.split(",")]
    if not wanted:
        raise SystemExit(f"--only: there are {', '.join(target.name for target in TARGETS)}")
    if not guided():
        print("atheris is not installed: what is tried is chosen by chance, and not by what was reached")
    end = time.monotonic() + options.minutes * 60
    each = max(options.minutes * 60 / len(wanted), LEAST)
    turn = 0
    before = set(faults_in(options.folder))
    while time.monotonic() < end:
        seconds = min(each, max(end - time.monotonic(), 1), 600)
        name = wanted[turn % len(wanted)]
        command = [sys.executable, "-m", "tests.fuzz", "--target", name, "--seconds", str(seconds)]
        command += ["--seed", str(options.seed + turn), "--folder", str(options.folder)]
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            print(f"{name}: ended with {done.returncode}: {done.stderr.decode(errors='replace')[-800:]}", flush=True)
        turn += 1
    new = sorted(set(faults_in(options.folder)) - before)
    print(f"{len(new)} new faults" + "".join(f"\n    python -m tests.fuzz --again {path}" for path in new))
    return 1 if new else 0


def faults_in(folder: Path) -> list[Path]:
    return sorted((folder / "faults").glob("*"))


def again(path: Path) -> int:
    from fuzz_targets import Broken, tried

    try:
        tried(the_target(path.name.partition(".")[0]), path.read_bytes())
    except Broken as fault:
        import traceback

        traceback.print_exception(fault)
        return 1
    print("no fault")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="targets, with commas between them")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="for faults, and for inputs that reached something new"
    )
    parser.add_argument("--again", type=Path, help="a file that a run wrote")
    parser.add_argument("--compare", default="", metavar="PYTHON", help="the interpreter of another build")
    parser.add_argument(
        "--costs", default="", metavar="PYTHON", help="the interpreter of a build that the attacks cost"
    )
    parser.add_argument("--octets", type=int, default=1 << 20, help="of each attack")
    parser.add_argument("--ways", default="", help="of looking at them, with commas between them")
    parser.add_argument("--target", default="", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    if options.again:
        return again(options.again)
    if options.compare:
        from fuzz_speeds import compare

        return compare(options.compare, options.minutes * 60, options.seed, options.folder)
    if options.costs:
        from fuzz_costs import costs

        costs(options.costs, options.octets, options.only, options.ways)
        return 0
    if options.target:
        run_child(options)
        return 0
    return run_all(options)


if __name__ == "__main__":
    sys.exit(main())
