"""Tables for pandas, Polars, DuckDB and spreadsheets: conversations, events, exchanges, lookups, findings.

No cell begins with a character that a spreadsheet takes for a formula; numbers are never quoted.
"""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Final

from analyzer.model import Analysis, Conversation
from analyzer.report.document import event_record
from analyzer.report.escape import terminal_text
from analyzer.report.selection import chosen
from dissectors.kit.event import JsonValue
from dissectors.wire.secrets.gate import Said

Cell = int | float | str | None
Rows = Iterator[list[Cell]]
# What a spreadsheet may take for a formula (OWASP, CSV Injection); the apostrophe makes it text.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
BLOCK: Final = 1_000     # rows of text handed on at once
EXCHANGE_FIELDS: Final = (
    "exchange", "method", "url", "status", "ended", "blocked_ns", "sent_ns", "waited_ns", "received_ns", "total_ns",
    "request_wire_octets", "response_wire_octets",
)


class Table:
    """name: of the file it makes.     columns: their names.     rows: (analysis, level) -> the cells of each row."""

    def __init__(self, name: str, columns: tuple[str, ...], rows: Callable[[Analysis, str], Rows]) -> None:
        self.name = name
        self.columns = columns
        self.rows = rows


def _conversations(analysis: Analysis, _level: str) -> Rows:
    for one in analysis.conversations:
        yield [
            one.number, one.transport, one.protocol, one.originator.address, one.originator.port, one.originator.name,
            one.responder.address, one.responder.port, one.responder.name, one.scope, one.first_frame, one.last_frame,
            one.start_ns, one.end_ns, *one.frames, *one.octets, *one.payload, one.state, one.history,
            one.community_id, *_round_trip(one), *_resent(one),
        ]


def _round_trip(conversation: Conversation) -> list[Cell]:
    tcp = conversation.tcp
    return [tcp.handshake_rtt_ns if tcp is not None and tcp.handshake_rtt_ns >= 0 else None]


def _resent(conversation: Conversation) -> list[Cell]:
    if conversation.tcp is None:
        return [None, None]
    return [
        sum(count for flag, count in side.items() if "retransmission" in flag) for side in conversation.tcp.flags
    ]


def _events(analysis: Analysis, level: str) -> Rows:
    for told in analysis.told:
        for number, phase in enumerate(told.phases, 1):
            for event in chosen(phase, level):
                record = event_record(event)
                frames = event.evidence.frames
                yield [
                    event.conversation, number, phase.kind, event.name, event.time, event.stream,
                    _text(record["direction"]), frames[0] if frames else None, frames[-1] if frames else None,
                    _text(record["label"]), _text(record["detail"]), _text(record["text"]), event.spec,
                    json.dumps(record["fields"], ensure_ascii=True, separators=(",", ":")),
                ]


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _exchanges(analysis: Analysis, _level: str) -> Rows:
    """A request and what came of it, from the events that sum one up: whatever the protocol, they have `exchange`."""
    for told in analysis.told:
        for phase in told.phases:
            for event in phase.events:
                fields = Said(event).fields()
                line = Said(event).headline()
                if line is None or "exchange" not in fields or "ended" not in fields:
                    continue
                frames = event.evidence.frames
                yield [
                    event.conversation, event.stream, *(_cell(fields.get(name)) for name in EXCHANGE_FIELDS),
                    *_body(fields.get("response_body")), line.start_ns, line.end_ns,
                    frames[0] if frames else None, frames[-1] if frames else None,
                ]


def _cell(value: JsonValue) -> Cell:
    return value if isinstance(value, int | float | str) else None


def _body(body: JsonValue) -> list[Cell]:
    """Octets and type of a body, if there was one."""
    return [_cell(body.get("octets")), _cell(body.get("media_type"))] if isinstance(body, dict) else [None, None]


def _lookups(analysis: Analysis, _level: str) -> Rows:
    for one in analysis.lookups:
        yield [
            one.name, one.type, one.client, one.server, one.kind, one.result(), " ".join(one.addresses),
            one.seconds if one.seconds >= 0 else None, one.attempts, len(one.steps) + one.left_out, one.start_ns,
            one.end_ns, one.conversations[0] if one.conversations else None,
        ]


def _findings(analysis: Analysis, _level: str) -> Rows:
    for one in analysis.findings:
        yield [
            one.code, one.severity, one.confidence, one.conversation or None, one.sentence,
            " ".join(str(frame) for frame in one.frames), one.display_filter, one.next_step, one.refute, one.basis,
        ]


TEXT_COLUMNS: Final = frozenset((
    "transport", "protocol", "originator_address", "originator_name", "responder_address", "responder_name", "scope",
    "state", "history", "community_id", "phase_kind", "name", "direction", "label", "detail", "text", "spec", "fields",
    "method", "url", "ended", "body_type", "type", "client", "server", "kind", "result", "addresses", "code",
    "severity", "confidence", "sentence", "frames", "display_filter", "next_step", "refute", "basis",
))
TABLES: Final[dict[str, Table]] = {
    table.name: table for table in (
        Table("conversations", (
            "number", "transport", "protocol", "originator_address", "originator_port", "originator_name",
            "responder_address", "responder_port", "responder_name", "scope", "first_frame", "last_frame", "start_ns",
            "end_ns", "frames_forward", "frames_backward", "octets_forward", "octets_backward", "payload_forward",
            "payload_backward", "state", "history", "community_id", "handshake_rtt_ns", "retransmissions_forward",
            "retransmissions_backward",
        ), _conversations),
        Table("events", (
            "conversation", "phase", "phase_kind", "name", "time_ns", "stream", "direction", "first_frame",
            "last_frame", "label", "detail", "text", "spec", "fields",
        ), _events),
        Table("exchanges", (
            "conversation", "stream", *EXCHANGE_FIELDS, "body_octets", "body_type", "start_ns", "end_ns", "first_frame",
            "last_frame",
        ), _exchanges),
        Table("lookups", (
            "name", "type", "client", "server", "kind", "result", "addresses", "cache_seconds", "attempts",
            "exchanges", "start_ns", "end_ns", "conversation",
        ), _lookups),
        Table("findings", (
            "code", "severity", "confidence", "conversation", "sentence", "frames", "display_filter", "next_step",
            "refute", "basis",
        ), _findings),
    )
}


def csv_table(analysis: Analysis, level: str, table: Table) -> Iterator[str]:
    """One table with its header, RFC 4180 with LF."""
    block = io.StringIO()
    writer = csv.writer(block, lineterminator="\n")
    writer.writerow(table.columns)
    for number, row in enumerate(table.rows(analysis, level), 1):
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
        if number % BLOCK == 0:
            yield block.getvalue()
            block.seek(0)
            block.truncate()
    yield block.getvalue()


def parquet_table(analysis: Analysis, level: str, table: Table) -> bytes:
    """One table as Parquet, with types: integers, text, and nulls for what is not known. Needs pyarrow."""
    import pyarrow
    from pyarrow import parquet

    columns: list[list[Cell]] = [[] for _ in table.columns]
    for row in table.rows(analysis, level):
        for column, cell in zip(columns, row, strict=True):
            column.append(cell)
    # By name and not by what is there: files of several captures must fit together.
    types = [pyarrow.string() if name in TEXT_COLUMNS else pyarrow.int64() for name in table.columns]
    arrays = [pyarrow.array(column, type=type_) for column, type_ in zip(columns, types, strict=True)]
    target = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, names=list(table.columns)), target)
    return target.getvalue()


def harmless(text: str) -> str:
    """A cell of text that is shown as it is by a spreadsheet: no control, no formula."""
    text = terminal_text(text)
    return "'" + text if text.startswith(FORMULA) else text
