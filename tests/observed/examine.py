"""A capture in every way: which of its claims are false. Each capture is read and told once a process."""
from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from claims import Told, Wrong, false_claims, told
from sample_feeds import SAMPLES, sample_captures
from ways import FEWEST, MOST, SAME, Observed, addresses, less_well, observed

from analyzer.ingest.source import CaptureError

CAPTURES = ("*.pcap", "*.pcapng", "*.cap", "*.pcap.gz", "*.pcapng.gz", "*.cap.gz")


def name_of(path: Path) -> str:
    """`tcp/clean` of a sample, else folder and name of the file: what tables know a capture by, and the seed."""
    if path.is_relative_to(SAMPLES):
        return path.parent.relative_to(SAMPLES).as_posix()
    return f"{path.parent.name}/{path.name}"


def captures_in(folder: Path) -> list[Path]:
    return sorted({path for pattern in CAPTURES for path in folder.rglob(pattern) if path.is_file()})


@lru_cache(maxsize=300)
def capture(path: Path) -> Observed | None:
    """None where nothing can be told, or by far too much."""
    try:
        found = observed(path)
    except CaptureError:
        return None
    return found if FEWEST <= len(found.frames) <= MOST else None


@lru_cache(maxsize=16)
def better(path: Path) -> Told | None:
    """What is told of the whole capture: of its frames and secrets, as those of the worse one are written."""
    whole = capture(path)
    try:
        return tell(whole) if whole is not None else None
    except CaptureError:
        return None


def tell(whole: Observed) -> Told:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcapng"
        whole.write(path)
        return told(path)


@cache
def known_addresses(path: Path) -> frozenset[bytes]:
    found = capture(path)
    return addresses(found.frames) if found is not None else frozenset()


def beside(path: Path) -> Observed | None:
    """A sample that shares no address with this capture: of samples the next one, else the first from a place drawn."""
    samples = sample_captures()
    at = samples.index(path) + 1 if path in samples else Random(name_of(path)).randrange(len(samples))
    for other in samples[at:] + samples[:at]:
        if known_addresses(other) and not known_addresses(path) & known_addresses(other):
            return capture(other)
    return None


def examined(way: str, path: Path, seed: int = 0) -> list[Wrong] | None:
    """The false claims; None where the way does not apply, or nothing can be told of the capture."""
    whole, true = capture(path), better(path)
    if whole is None or true is None:
        return None
    other = beside(path) if way == "merged" else None
    worse = less_well(way, whole, other, Random(f"{name_of(path)} {way} {seed}"))
    if worse is None:
        return None
    with TemporaryDirectory() as folder:
        worse_path = Path(folder) / "capture.pcapng"
        worse.write(worse_path)
        return false_claims(way, way in SAME, true, worse_path)
