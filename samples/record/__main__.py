"""`python -m samples.record [CASE...]`: records samples anew. A CASE is `tcp/clean`, or `tcp` for all of them."""
from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from samples.record.capture import Recording
from samples.record.case import Case
from samples.record.cases import ALL
from samples.record.lab import Lab, LabError
from samples.record.readme import NotShown, index, readme
from samples.record.tools import missing, missing_libraries, why_not

SAMPLES = Path(__file__).resolve().parent.parent
LARGEST = 200 * 1024         # bytes of one committed capture


def record(case: Case, folder: Path) -> int:
    """Records one case into a folder, and those that are recorded with it into theirs beside it; returns the size of
    its capture. Raises LabError or NotShown, changing nothing of what was not recorded."""
    every = [case, *(other for other in ALL if other.together == case.key)]
    with Lab(case.key, case.hosts, case.links, case.capture, case.seconds) as lab:
        if case.prepare:
            case.prepare(lab)
        recordings = [Recording(lab, one.capture, one.name) for one in every]
        lab.arm()
        case.drive(lab)
        time.sleep(case.settle_s)
        captures = [recording.stop() for recording in recordings]
        used = set(lab.used)
    sizes = [
        keep(one, folder.parent / one.name if one is not case else folder, data, used)
        for one, data in zip(every, captures, strict=True)
    ]
    return sizes[0]


def keep(case: Case, folder: Path, data: bytes, used: set[str]) -> int:
    """Writes a recording and its README, if it shows what it should."""
    if len(data) > LARGEST:
        raise NotShown(f"{case.key}: {len(data)} bytes are more than a sample may have ({LARGEST})")
    folder.mkdir(parents=True, exist_ok=True)
    trial = folder / "capture.pcapng.new"
    trial.write_bytes(data)
    try:
        text = readme(case, trial, used)
    except (NotShown, LabError):
        to_look_at = f"refused-{case.protocol}-{case.name}.pcapng"
        shutil.move(trial, Path(tempfile.gettempdir()) / to_look_at)
        raise
    trial.replace(folder / "capture.pcapng")
    (folder / "README.md").write_text(text)
    return len(data)


def chosen(names: list[str]) -> list[Case]:
    """The cases that are named, by key or by protocol. Raises SystemExit for a name that is neither."""
    if not names:
        return list(ALL)
    found = [c for c in ALL if c.key in names or c.protocol in names]
    known = {c.key for c in ALL} | {c.protocol for c in ALL}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise SystemExit(f"no such case: {', '.join(unknown)} (see --list)")
    return found


def recorded(cases: list[Case]) -> list[Case]:
    """Those that are recorded by themselves, each once: one that is recorded with another stands for that one."""
    by_key = {case.key: case for case in ALL}
    return list({case.together or case.key: by_key[case.together or case.key] for case in cases}.values())


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m samples.record", description=__doc__)
    parser.add_argument("case", nargs="*", help="protocol/case or protocol; none: all")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    parser.add_argument("--index", action="store_true", help="write samples/README.md and stop")
    parser.add_argument("--into", type=Path, default=SAMPLES, help="folder to write to (default: samples/)")
    given = parser.parse_args(arguments)
    cases = chosen(given.case)
    if given.list:
        for case in cases:
            print(f"{case.key:32} {case.title}")
        return 0
    if given.index:
        (given.into / "README.md").write_text(index(list(ALL)))
        return 0
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    for line in missing() + missing_libraries():
        print(line, file=sys.stderr)
    signal.signal(signal.SIGTERM, _leave)
    failed = 0
    for case in recorded(cases):
        began = time.monotonic()
        try:
            size = record(case, given.into / case.protocol / case.name)
        except (LabError, NotShown) as error:
            failed += 1
            print(f"{case.key:32} FAILED: {error}", flush=True)
            continue
        print(f"{case.key:32} {size / 1024:6.1f} KiB {time.monotonic() - began:5.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
