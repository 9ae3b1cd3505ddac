"""Commands run against an analysis built by hand, so that what is tested is the commands."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))

from report_example import example

from analyzer.ingest.source import CaptureError
from analyzer.model import Analysis


class Options:
    """As the pipeline's; remembers the last ones that were asked for."""

    last: Options

    def __init__(
        self, conversations: tuple[int, ...] = (), limit: int = 0, everything: bool = False, tell: bool = True,
        provided: object = None, graphs: bool = False, order: str = "", findings_only: bool = False, spool: str = "",
        since: object = None, windows: bool = False, jobs: int = 0, wanted: object = None,
        asked: object = None, listed: bool = False,
    ) -> None:
        self.listed = listed
        self.asked = asked
        self.wanted = wanted
        self.jobs = jobs
        self.windows = windows
        self.findings_only = findings_only
        self.conversations = conversations
        self.limit = limit
        self.everything = everything
        self.tell = tell
        self.order = order
        self.provided = provided
        self.spool = spool
        self.since = since
        Options.last = self


def analyze(paths: list[str], options: Options, progress: object = None, _sink: object = None) -> Analysis:
    if "broken.pcap" in paths:
        raise CaptureError("broken.pcap: not a capture \x1b[2J")
    if "fault.pcap" in paths:
        raise ValueError("odd \x1b[2J value")
    if "interrupt.pcap" in paths:
        raise KeyboardInterrupt
    analysis = example()
    if options.conversations:
        analysis.told = [told for told in analysis.told if told.conversation.number in options.conversations]
    return analysis


class Frames:
    """As the pipeline's; `cut.pcap` is damaged behind its frames, `cut-at-once.pcap` before the first."""

    provided: object = None     # of the last ones

    def __init__(
        self, paths: list[str], conversation: int = 0, provided: object = None, _wanted: object = None,
        _asked: object = None,
    ) -> None:
        Frames.provided = provided
        if "broken.pcap" in paths:
            raise CaptureError("broken.pcap: not a capture")
        self.count = 0 if "cut-at-once.pcap" in paths else 3
        self.damage = [f"{path}: damaged at byte 24: \x1b[2J" for path in paths if path.startswith("cut")]
        self.conversation = conversation

    def __iter__(self) -> Iterator[bytes]:
        if self.count:
            yield b'{"frame":1}\n{"frame":2}\n'
            yield b'{"conversation":%d}\n' % self.conversation


@pytest.fixture(autouse=True)
def pipeline(monkeypatch: pytest.MonkeyPatch) -> type[Options]:
    """In the place of the pipeline."""
    module = ModuleType("analyzer.pipeline.run")
    module.__dict__.update(Options=Options, analyze=analyze, Frames=Frames)
    monkeypatch.setitem(sys.modules, "analyzer.pipeline.run", module)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "WIRETALE_DEBUG", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    return Options
