"""`python -m bench`: makes the captures, runs everything on them in turn, prints figures and verdicts."""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench import micro, pages, recorded, report, targets
from bench.measure import Series, run, warm
from bench.tools import Tool, sizes, tools, wiretale_command
from bench.traffic.capture import Capture, make

CAPTURES: Final = Path(__file__).parent / "captures"
RUNS: Final = 3
MISSED: Final = 1
BAD_USAGE: Final = 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("all", "captures", "micro"), default="all",
                        help="all (default), only make the captures, or the small measurements within one process")
    parser.add_argument("--quick", action="store_true", help="a tenth of the packets")
    parser.add_argument("--only", metavar="NAME,...", help="only these tools")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"runs of each (default {RUNS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run as JSON")
    parser.add_argument("--captures", type=Path, default=CAPTURES, metavar="DIR", help="where the captures lie")
    parser.add_argument("--wiretale", metavar="CMD", help="what starts wiretale (default: beside this Python)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs: at least 1")
    return options


def choose(options: argparse.Namespace) -> list[Tool]:
    """The tools that --only names, or all. Exits with 2 where a name is unknown."""
    every = tools(wiretale_command(options.wiretale), options.quick)
    if not options.only:
        return every
    names = options.only.split(",")
    unknown = sorted(set(names) - {tool.key for tool in every})
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(tool.key for tool in every)}", file=sys.stderr)
        raise SystemExit(BAD_USAGE)
    return [tool for tool in every if tool.key in names]


def prepare(options: argparse.Namespace, chosen: list[Tool]) -> dict[str, Capture]:
    """The captures, made by a process of its own: see `measure.run` on peak memory."""
    command = [sys.executable, "-m", "bench", "captures", "--captures", str(options.captures)]
    command += ["--quick"] if options.quick else []
    command += ["--only", options.only] if options.only else []
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent, stdout=subprocess.DEVNULL)
    recordings: dict[str, Capture] = {}
    for size in {tool.recorded for tool in chosen} - {0}:
        recordings |= recorded.existing(options.captures, size)
    return make(options.captures, sizes(chosen)) | recordings


def everything(folder: Path, chosen: list[Tool]) -> dict[str, Capture]:
    """All captures that these tools read, made where they are missing; the recorded ones where that can be done."""
    found = make(folder, sizes(chosen))
    for size in {tool.recorded for tool in chosen} - {0}:
        try:
            found |= recorded.make(folder, size)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(f"no recorded mix: {error}", file=sys.stderr)
    return found


def measure(options: argparse.Namespace, chosen: list[Tool], captures: dict[str, Capture]) -> targets.Results:
    """Every tool on every capture of its own, in turn, so that a busy moment does not fall on one tool alone.

    Each capture is read right before its run: systems that reclaim idle memory forget it while other tools run.
    """
    jobs: list[tuple[Series, list[str]]] = []
    for tool in chosen:
        if tool.missing:
            continue
        if tool.key == "analyze":
            jobs.append((Series(targets.HELP, "", 0), [*wiretale_command(options.wiretale), "--help"]))
        for key in [*tool.captures(), *([tool.recording()] if tool.recording() in captures else [])]:
            jobs.append((Series(tool.key, key, captures[key].packets), tool.words(captures[key].path)))
    for turn in range(options.runs):
        for series, command in jobs:
            if series.failed:
                continue
            if sys.stderr.isatty():
                print(f"\r\033[Krun {turn + 1} of {options.runs}: {series.tool} {series.capture}", end="",
                      file=sys.stderr, flush=True)
            if series.capture:
                warm(captures[series.capture].path)
            series.runs.append(run(command))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return {(series.tool, series.capture): series for series, _ in jobs}


def telling(chosen: list[Tool], captures: dict[str, Capture], runs: int) -> list[targets.Target]:
    """What telling and drawing thirty conversations takes, on each of the smaller captures that `analyze` reads."""
    found = []
    for analyze in [tool for tool in chosen if tool.key == "analyze"]:
        for key in [analyze.captures()[1], analyze.recording()]:
            if key in captures:
                found.append(targets.telling(key, [passes_on(captures[key].path) for _ in range(runs)]))
    return found


def passes_on(capture: Path) -> float | None:
    """Seconds of one run that do not go into reading; None where it failed."""
    warm(capture)
    script = Path(__file__).parent / "telling.py"
    done = subprocess.run([sys.executable, str(script), str(capture)], capture_output=True, check=False)
    return None if done.returncode else float(json.loads(done.stdout)["after_reading"])


def main() -> int:
    options = arguments()
    options.captures = options.captures.resolve()
    chosen = choose(options)
    if options.what == "captures":
        for key, each in everything(options.captures, chosen).items():
            print(f"{each.path}  {each.packets:,} packets, {each.bytes / 1e6:,.1f} MB ({key})")
        return 0
    if options.what == "micro":
        print(micro.run(options.captures))
        return 0
    captures = prepare(options, chosen)
    print(report.introduction(chosen, captures, options.runs), end="\n\n", flush=True)
    results = measure(options, chosen, captures)
    found = targets.judge(results, chosen)
    found += telling(chosen, captures, options.runs)
    found += pages.judge(wiretale_command(options.wiretale), chosen, captures, options.runs)
    print(report.speeds(results, chosen), end="\n\n")
    print(report.verdicts(found))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(results, chosen, found), indent=1) + "\n")
    return MISSED if options.check and targets.missed(found, results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
