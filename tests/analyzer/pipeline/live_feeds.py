"""What tests of the live pipeline share: sources, an audience that remembers, and a run over some frames."""
from __future__ import annotations

from pathlib import Path

from test_survey_and_tell import write

from analyzer.ingest.live.source import LiveSource
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import ETHERNET, Interface
from analyzer.live.audience import Audience, Status, View
from analyzer.model import Conversation, Finding
from analyzer.pipeline.live import Budgets
from analyzer.pipeline.live_run import Plan, Sniffer
from dissectors.kit.event import Event
from dissectors.kit.provided import Provided

START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000


class Remembered(Audience):
    """Everything that an audience is told, by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[int, Event]] = []
        self.findings: list[Finding] = []
        self.ended: list[int] = []
        self.notices: list[str] = []
        self.statuses: list[Status] = []
        self.views: list[View] = []
        self.wants_views = False

    def event(self, conversation: Conversation, event: Event) -> None:
        self.events.append((conversation.number, event))

    def finding(self, finding: Finding, time_ns: int) -> None:
        self.findings.append(finding)

    def over(self, conversation: Conversation) -> None:
        self.ended.append(conversation.number)

    def notice(self, time_ns: int, text: str) -> None:
        self.notices.append(text)

    def status(self, status: Status) -> None:
        self.statuses.append(status)

    def ready(self) -> bool:
        return self.wants_views

    def view(self, view: View) -> None:
        self.views.append(view)


class Fed(LiveSource):
    """Frames that a test puts in, each with its time. full: what `backlog()` says."""

    def __init__(self, frames: list[tuple[int, bytes]] | None = None) -> None:
        super().__init__("fed")
        self.link = ETHERNET
        self.interfaces = [Interface(ETHERNET, 65_535)]
        self.waiting = list(frames or [])
        self.full = 0.0

    def next(self) -> bool:
        if not self.waiting:
            return False
        self.time, self.data = self.waiting.pop(0)
        self.start, self.end, self.length = 0, len(self.data), len(self.data)
        self.number += 1
        return True

    def wait(self, timeout: float) -> bool:
        self.ended = not self.waiting
        return True

    def backlog(self) -> float:
        return self.full


def timed(frames: list[bytes], start: int = START) -> list[tuple[int, bytes]]:
    """A millisecond apart."""
    return [(start + index * MILLISECOND, frame) for index, frame in enumerate(frames)]


def sniffed(
    path: Path, frames: list[bytes], budgets: Budgets | None = None, audience: Audience | None = None
) -> Sniffer:
    """A finished run over these frames."""
    source = open_capture([write(path / "fed.pcap", frames)], rewindable=False)
    sniffer = Sniffer(source, audience or Audience(), Plan(), Provided(), budgets)
    sniffer.run()
    return sniffer
