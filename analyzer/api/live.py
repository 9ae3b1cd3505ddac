"""A live capture as an iterator of events and findings."""
from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

from analyzer import model
from analyzer.api import telling
from analyzer.api.records import Event, Finding
from analyzer.ingest.keyfiles import UnusableFile, add_key_log
from analyzer.ingest.live.open import LiveOptions, open_live
from analyzer.ingest.source import CaptureError
from analyzer.live.audience import Audience
from analyzer.pipeline.live_run import Plan, Sniffer
from dissectors.kit import event as kit
from dissectors.kit.provided import Provided


def sniff(
    *interfaces: str, capture_filter: str = "", count: int = 0, seconds: float = 0.0, promiscuous: bool = False,
    keylog: str | os.PathLike[str] = "",
) -> Iterator[Event | Finding]:
    """What happens on these interfaces, as it happens: events of conversations, and what they mean.

    capture_filter: in the language of libpcap.     count, seconds: frames or time after which it ends, 0 for no end.
    The iterator may be left at any time, which ends the capture. The rights of the process are not touched: whoever
    wants them given up uses `wiretale sniff`. While what was told is worked on, frames wait in the system's buffer.
    Raises CaptureError where nothing can be captured.
    """
    provided = Provided()
    if keylog:
        try:
            add_key_log(os.fspath(keylog), provided)
        except UnusableFile as error:
            raise CaptureError(str(error)) from error
    source = open_live(LiveOptions(list(interfaces) or ["any"], capture_filter, promiscuous=promiscuous))
    heard = _Heard()
    sniffer = Sniffer(source, heard, Plan(frames=count, seconds=seconds, clocked=True), provided)
    try:
        more = True
        while more:
            more = sniffer.round()
            yield from heard.taken()
        sniffer.conclude()
        yield from heard.taken()
    finally:
        source.close()


class _Heard(Audience):
    """Keeps what it is told until somebody takes it."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: deque[Event | Finding] = deque()

    def event(self, conversation: model.Conversation, event: kit.Event) -> None:
        self._kept.append(telling.told_event(event))

    def finding(self, finding: model.Finding, time_ns: int) -> None:
        self._kept.append(telling.finding(finding))

    def taken(self) -> Iterator[Event | Finding]:
        while self._kept:
            yield self._kept.popleft()
