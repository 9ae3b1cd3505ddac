"""From an analysis to the records of the API."""
from __future__ import annotations

from typing import Any, Final, cast

from analyzer import model
from analyzer.api.records import (
    Booking,
    Cause,
    Conversation,
    Endpoint,
    Event,
    Finding,
    Phase,
    Series,
    Summary,
    Verdict,
)
from analyzer.report.courses import ALL_COLUMNS, SIDES, courses_of
from analyzer.report.document import event_record
from analyzer.report.records import conversation_record
from analyzer.report.tables import TABLES
from dissectors.kit import account as books
from dissectors.kit import event as kit

ALL: Final = "teach"      # the level at which every event is told


def summary(analysis: model.Analysis) -> Summary:
    capture = analysis.capture
    return Summary(
        tuple(capture.names), capture.frames, capture.octets, capture.start_ns, capture.end_ns, tuple(capture.links),
        capture.seen_from, capture.conversations, capture.read, dict(capture.by_transport), tuple(capture.damage),
        capture.truncated_frames, None if capture.dropped < 0 else capture.dropped, tuple(analysis.left_out),
        tuple(capture.narrowed),
    )


def findings(analysis: model.Analysis) -> tuple[Finding, ...]:
    return tuple(map(finding, analysis.findings))


def finding(one: model.Finding) -> Finding:
    return Finding(
        one.number, one.code, one.severity, one.confidence, one.sentence, one.conversation, tuple(one.frames),
        one.display_filter, one.next_step, one.refute, one.basis, one.cost_ns, one.victims, tuple(one.explains),
        tuple(one.explained_by),
    )


def verdict(analysis: model.Analysis) -> Verdict:
    known = {one.number: one for one in findings(analysis)}
    told = analysis.verdict
    return Verdict(
        told.kind, told.sentence, told.covered, tuple(told.doubts),
        tuple(
            Cause(
                known[one.finding], one.severity, one.more, tuple(known[number] for number in one.also),
                tuple(known[number] for number in one.explains), one.cost_ns, one.victims,
            )
            for one in told.causes
        ),
    )


def conversations(analysis: model.Analysis) -> tuple[Conversation, ...]:
    """Every conversation that was kept, with what was read of it."""
    read = {told.conversation.number: told for told in analysis.every()}
    exchanges: dict[int, list[dict[str, Any]]] = {}
    for row in rows(analysis, "exchanges"):
        exchanges.setdefault(row["conversation"], []).append(row)
    return tuple(
        _conversation(one, read.get(one.number), exchanges.get(one.number, [])) for one in analysis.conversations
    )


def rows(analysis: model.Analysis, table: str) -> list[dict[str, Any]]:
    """Of a table, with the names of its columns. Raises KeyError for a table that there is not."""
    known = TABLES[table]
    return [dict(zip(known.columns, row, strict=True)) for row in known.rows(analysis, ALL)]


def _endpoint(end: model.Endpoint) -> Endpoint:
    return Endpoint(end.address, end.port, end.name)


def _conversation(
    one: model.Conversation, told: model.Told | None, exchanges: list[dict[str, Any]]
) -> Conversation:
    record = conversation_record(one)
    return Conversation(
        one.number, one.transport, one.protocol, _endpoint(one.originator), _endpoint(one.responder), one.scope,
        one.first_frame, one.last_frame, one.start_ns, one.end_ns, (one.frames[0], one.frames[1]),
        (one.octets[0], one.octets[1]), (one.payload[0], one.payload[1]), one.state, one.history, one.community_id,
        one.display_filter(), cast("dict[str, Any] | None", record.get("tcp")),
        tuple(map(_phase, told.phases)) if told is not None else (), tuple(exchanges),
        tuple(map(_booking, told.books.bookings)) if told is not None else (),
        _series(told) if told is not None else (),
    )


def _booking(one: books.Booking) -> Booking:
    return Booking(one.cause.key, one.since, one.until, tuple(one.frames), one.confidence, one.ground)


def _series(told: model.Told) -> tuple[Series, ...]:
    found: list[Series] = []
    for direction, columns in courses_of(told):
        times = columns["time_ns"]
        for name in ALL_COLUMNS[1:]:
            known = [(time, value) for time, value in zip(times, columns[name], strict=True) if value >= 0]
            if known:
                unit = "bit/s" if name.endswith("_bps") else "ns" if name.startswith("ack_time") else "B"
                found.append(Series(
                    name, SIDES[direction], unit, tuple(time for time, _value in known),
                    tuple(value for _time, value in known),
                ))
    return tuple(found)


def _phase(phase: model.Phase) -> Phase:
    return Phase(
        phase.kind, phase.title, phase.start_ns, phase.end_ns, tuple(phase.facts), tuple(phase.left_out),
        tuple(map(told_event, phase.events)),
    )


def told_event(event: kit.Event) -> Event:
    """One event, without what is secret in it."""
    record = cast("dict[str, Any]", event_record(event))
    return Event(
        record["name"], record["time_ns"], record["conversation"], record["stream"], record["direction"],
        tuple(record["frames"]), record["label"], record["detail"], record["text"], event.WHY, record["spec"],
        record["fields"],
    )
