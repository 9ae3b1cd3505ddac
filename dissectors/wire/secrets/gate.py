"""The gate: what an event says, as it may be shown. Every report, every live view and every line passes here.

No event and no dissector has to remember it. A test forbids the other modules above the dissectors to ask an event for
its words themselves.
"""
from __future__ import annotations

from dissectors.kit.event import Event, Headline, JsonValue
from dissectors.kit.marks import Marks
from dissectors.wire.secrets.data import shown_data
from dissectors.wire.secrets.text import shown_text


class Said:
    """What an event says, by the same names."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.marks: Marks = event.marks

    def label(self) -> str:
        return shown_text(self.event.label(), self.marks)

    def what(self) -> str:
        return shown_text(self.event.what(), self.marks)

    def detail(self) -> str:
        return shown_text(self.event.detail(), self.marks)

    def headline(self) -> Headline | None:
        line = self.event.headline()
        if line is None:
            return None
        label, text = shown_text(line.label, self.marks), shown_text(line.text, self.marks)
        if label is line.label and text is line.text:
            return line
        return Headline(label, text, line.start_ns, line.end_ns)

    def phase_title(self) -> str:
        return shown_text(self.event.phase_title(), self.marks)

    def phase_facts(self) -> list[str]:
        return [shown_text(fact, self.marks) for fact in self.event.phase_facts()]

    def fields(self) -> dict[str, JsonValue]:
        return _as_object(shown_data(self.event.fields(), self.marks, True))

    def frame_record(self) -> dict[str, JsonValue] | None:
        record = self.event.frame_record()
        return None if record is None else _as_object(shown_data(record, self.marks, True))


def _as_object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
