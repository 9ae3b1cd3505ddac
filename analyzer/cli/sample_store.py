"""The bundled samples: real recordings, `<protocol>/<case>/` with a capture and a README each."""
from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Final

import click

README: Final = "README.md"
CAPTURE: Final = "capture.pcapng"
NEAR: Final = 3


class Sample:
    """One sample. name: `tcp/clean`; title: the heading of its README."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.capture = folder / CAPTURE
        self.readme = folder / README

    @property
    def title(self) -> str:
        for line in self.text().splitlines():
            if line.startswith("# "):
                return line[2:].strip()
        return ""

    def text(self) -> str:
        """The README, "" where there is none."""
        return self.readme.read_text(encoding="utf-8", errors="replace") if self.readme.is_file() else ""


def folder() -> Path:
    """Where samples lie: inside an installed package, or beside it in a checkout of the source."""
    import analyzer

    package = Path(analyzer.__file__).parent
    inside = package / "samples"
    return inside if inside.is_dir() else package.parent / "samples"


def all_samples() -> list[Sample]:
    """Every sample, by name."""
    root = folder()
    return [
        Sample(capture.parent.relative_to(root).as_posix(), capture.parent)
        for capture in sorted(root.glob(f"*/*/{CAPTURE}"))
    ]


def find_sample(name: str) -> Sample:
    """The sample of that name; a usage error with the nearest names where there is none."""
    samples = {sample.name: sample for sample in all_samples()}
    if name in samples:
        return samples[name]
    near = get_close_matches(name, samples, NEAR) or [known for known in samples if name and name in known][:NEAR]
    hint = f" Did you mean {' or '.join(near)}?" if near else " `wiretale samples` lists them."
    raise click.UsageError(f"There is no sample {name!r}.{hint}")
