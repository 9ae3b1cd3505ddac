"""The gate: what an event says, as it may be shown. Every report, every live view and every line passes here.

No event and no dissector has to remember it. A test forbids the other modules above the dissectors to ask an event for
its words themselves.
"""
from __future__ import annotations

from dissectors.kit.event import Event, Headline, JsonValue
from dissectors.kit.marks import CLOSING, OPENING, Marks
from dissectors.wire.secrets.data import data_without_secrets
from dissectors.wire.secrets.forms import Spans
from dissectors.wire.secrets.marked import marked_spans
from dissectors.wire.secrets.named import REDACTED
from dissectors.wire.secrets.text import merged, replaced, without_secrets


def shown_text(text: str, marks: Marks) -> str:
    """A text that may hold something of a capture, as it may be shown; the same object where nothing is hidden."""
    if marks.show:
        if OPENING in text or CLOSING in text:
            return text.replace(OPENING, "").replace(CLOSING, "")
        return text
    if OPENING in text or CLOSING in text:
        text = _unquoted(text)
    text = without_secrets(text)
    if marks.values and text:
        found: Spans = []
        marked_spans(text, marks.values, found)
        if found:
            text = replaced(text, merged(found))
    return text


def _unquoted(text: str) -> str:
    """Without what stands between the signs of a quotation, or behind one that is cut."""
    out: list[str] = []
    for index, piece in enumerate(text.split(OPENING)):
        if index == 0:
            out.append(piece.replace(CLOSING, ""))
            continue
        inside, _closing, after = piece.partition(CLOSING)
        out.append(f"{REDACTED if inside else ''}{after.replace(CLOSING, '')}")
    return "".join(out)


def shown_data(value: JsonValue, marks: Marks, ours: bool = False) -> JsonValue:
    """Data as it may be shown. ours: see `data_without_secrets`."""
    if not marks.show:
        value = data_without_secrets(value, ours)
    return _texts(value, marks)


def _texts(value: JsonValue, marks: Marks) -> JsonValue:
    if isinstance(value, str):
        return shown_text(value, marks)
    if isinstance(value, dict):
        return {shown_text(name, marks): _texts(inner, marks) for name, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner, marks) for inner in value]
    return value


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
