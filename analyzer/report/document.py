"""An analysis as data: one JSON document, or a stream of lines. Its form is `schema.json`, beside this module.

Times are integer nanoseconds since 1970. Numbers are raw; the sentences are those of the terminal.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from analyzer import __version__
from analyzer.model import Analysis, CaptureSummary, Phase, StoryRow, Told
from analyzer.report.account import booking_record, books_record, totals_record, whole_record
from analyzer.report.courses import course_records
from analyzer.report.records import conversation_record, verdict_record
from analyzer.report.selection import chosen
from analyzer.report.words import BRIEF
from dissectors.kit.event import BACKWARD, FORWARD, Event, JsonValue
from dissectors.kit.lookup import Lookup
from dissectors.wire.secrets.gate import Said

SCHEMA_VERSION: Final = "1.2"
DIRECTIONS: Final = {FORWARD: "forward", BACKWARD: "backward"}


def json_document(analysis: Analysis, level: str) -> Iterator[str]:
    """The whole analysis as one JSON object, in pieces of text; `wiretale` in it names the version of its schema."""
    head: dict[str, JsonValue] = {
        "verdict": verdict_record(analysis),
        "wiretale": {
            "version": __version__, "schema": SCHEMA_VERSION, "since": analysis.since or None,
            "anonymized": analysis.anonymized,
        },
        "capture": capture_record(analysis.capture),
        "findings": [finding.as_json() for finding in analysis.findings],
        "time": whole_record(analysis),
        "story": [story_record(row) for row in analysis.story],
        "lookups": [lookup.as_json() for lookup in analysis.lookups],
        "left_out": [*analysis.left_out],
        "reasons": reasons(analysis, level),
    }
    yield _text(head)[:-1] + ',"conversations":['
    for index, told in enumerate(analysis.told):
        yield ("," if index else "") + _text(told_record(told, level))
    yield "]}\n"


def json_lines(analysis: Analysis, level: str) -> Iterator[str]:
    """One object a line, each with its kind as `record`: verdict, capture, finding, time, conversation, booking,
    course, phase, event, lookup."""
    yield from head_lines(analysis)
    for lookup in analysis.lookups:
        yield lookup_line(lookup)
    for told in analysis.told:
        yield from conversation_lines(told, level)


def head_lines(analysis: Analysis) -> Iterator[str]:
    """What concerns the capture as a whole."""
    yield _line("verdict", {**verdict_record(analysis), "schema": SCHEMA_VERSION})
    yield _line("capture", {**capture_record(analysis.capture), "schema": SCHEMA_VERSION})
    for finding in analysis.findings:
        yield _line("finding", finding.as_json())
    yield _line("time", {"conversation": None, "totals": whole_record(analysis)["totals"]})


def lookup_line(lookup: Lookup) -> str:
    return _line("lookup", lookup.as_json())


def conversation_lines(told: Told, level: str) -> Iterator[str]:
    """A conversation, and what happened in it."""
    yield _line("conversation", conversation_record(told.conversation))
    of: dict[str, JsonValue] = {"conversation": told.conversation.number}
    yield _line("time", {**of, "totals": totals_record(told.books.totals())})
    for booking in told.books.bookings if level != BRIEF else ():
        yield _line("booking", {**of, **booking_record(booking)})
    for side, columns in course_records(told).items() if level != BRIEF else ():
        if columns is not None:
            yield _line("course", {**of, "direction": side, "columns": columns})
    for number, phase in enumerate(told.phases, 1):
        where: dict[str, JsonValue] = {"conversation": told.conversation.number, "number": number}
        yield _line("phase", {**where, **_phase_head(phase)})
        for event in chosen(phase, level):
            yield _line("event", {"phase": number, **event_record(event)})


def capture_record(capture: CaptureSummary) -> dict[str, JsonValue]:
    """The capture as a whole; what is not known is null."""
    narrowed: dict[str, JsonValue] = {"narrowed": [*capture.narrowed]} if capture.narrowed else {}
    return {
        **narrowed,
        "names": [*capture.names],
        "frames": capture.frames,
        "octets": capture.octets,
        "start_ns": _seen(capture.start_ns),
        "end_ns": _seen(capture.end_ns),
        "links": [*capture.links],
        "seen_from": capture.seen_from,
        "damage": [*capture.damage],
        "remarks": [{"frame": frame, "text": text} for frame, text in capture.remarks],
        "undecoded": dict[str, JsonValue](capture.undecoded),
        "truncated_frames": capture.truncated_frames,
        "dropped": _seen(capture.dropped),
        "conversations": capture.conversations,
        "by_transport": dict[str, JsonValue](capture.by_transport),
        "tcp_flags": dict[str, JsonValue](capture.tcp_flags),
        "neighbours": [*capture.neighbours],
    }


def story_record(row: StoryRow) -> dict[str, JsonValue]:
    return {
        "conversation": row.conversation, "label": row.label, "text": row.text, "start_ns": row.start_ns,
        "end_ns": row.end_ns,
    }


def told_record(told: Told, level: str) -> dict[str, JsonValue]:
    """A conversation with its phases and their events."""
    phases: list[JsonValue] = [
        {**_phase_head(phase), "events": [event_record(event) for event in chosen(phase, level)]}
        for phase in told.phases
    ]
    record: dict[str, JsonValue] = {
        **conversation_record(told.conversation), "time": books_record(told.books, level), "phases": phases,
    }
    if told.courses and level != BRIEF:
        record["courses"] = course_records(told)
    return record


def _phase_head(phase: Phase) -> dict[str, JsonValue]:
    return {
        "kind": phase.kind, "title": phase.title, "start_ns": phase.start_ns, "end_ns": phase.end_ns,
        "facts": [*phase.facts], "left_out": [*phase.left_out],
    }


def event_record(event: Event) -> dict[str, JsonValue]:
    """One event: what it is, its frames, its sentence, its fields. bytes: its range in the last frame, or null."""
    evidence, said = event.evidence, Said(event)
    return {
        "name": event.name,
        "time_ns": event.time,
        "conversation": event.conversation,
        "stream": event.stream,
        "direction": DIRECTIONS.get(event.direction),
        "frames": [*evidence.frames],
        "bytes": [evidence.start, evidence.end] if evidence.start >= 0 else None,
        "importance": event.importance,
        "label": said.label(),
        "detail": said.detail(),
        "text": said.what(),
        "spec": event.spec,
        "fields": said.fields(),
    }


def reasons(analysis: Analysis, level: str) -> dict[str, JsonValue]:
    """Why protocols do what they do, by the names of the events that are told; each reason once."""
    found: dict[str, JsonValue] = {}
    for told in analysis.told:
        for phase in told.phases:
            for event in chosen(phase, level):
                if event.WHY:
                    found.setdefault(event.name, event.WHY)
    return found


def _seen(value: int) -> JsonValue:
    return None if value < 0 else value


def _line(kind: str, record: dict[str, JsonValue]) -> str:
    return _text({"record": kind, **record}) + "\n"


def _text(record: dict[str, JsonValue]) -> str:
    """ASCII only: whatever a packet holds, no reader has to agree on an encoding, and no control passes."""
    return json.dumps(record, ensure_ascii=True, separators=(",", ":"))
