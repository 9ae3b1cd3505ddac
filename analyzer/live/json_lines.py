"""The stream of JSON lines: the records of a report, each as soon as it is known."""
from __future__ import annotations

import json

from analyzer.live.audience import Status
from analyzer.live.output import Reader
from analyzer.model import Conversation, Finding
from analyzer.report.document import event_record
from analyzer.report.records import conversation_record
from analyzer.report.selection import is_told
from dissectors.kit.event import Event, JsonValue

NO_PHASE = 0     # phases are known when a conversation is over; until then its events belong to none


class JsonLines(Reader):
    """Events, findings, and conversations once they are over."""

    def event(self, conversation: Conversation, event: Event) -> None:
        if is_told(event, self.level):
            self.record("event", {"phase": NO_PHASE, **event_record(event)})

    def finding(self, finding: Finding, time_ns: int) -> None:
        self.record("finding", finding.as_json())

    def over(self, conversation: Conversation) -> None:
        self.record("conversation", conversation_record(conversation))

    def owner(self, conversation: Conversation, words: str) -> None:
        self.record("owner", {"conversation": conversation.number, "owner": words})

    def notice(self, time_ns: int, text: str) -> None:
        self.record("notice", {"time_ns": time_ns, "text": text})

    def status(self, status: Status) -> None:
        self.record("status", dict[str, JsonValue](status._asdict()))

    def record(self, kind: str, record: dict[str, JsonValue]) -> None:
        """One line. ASCII only, as in a report."""
        text = json.dumps({"record": kind, **record}, ensure_ascii=True, separators=(",", ":"))
        self.output.line(text.encode() + b"\n")
