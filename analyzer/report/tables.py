"""Tables for pandas, Polars, DuckDB and spreadsheets: conversations, events, exchanges, lookups, time, courses, and
findings.

In CSV every text is quoted and numbers never are. No cell begins with a character that a spreadsheet takes for a
formula, at whichever of its separators it divides a line.
"""
from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Final

from analyzer.model import Analysis, Conversation
from analyzer.report.courses import ALL_COLUMNS, SIDES, courses_of
from analyzer.report.document import event_record
from analyzer.report.escape import terminal_text
from analyzer.report.selection import chosen
from dissectors.kit.event import JsonValue
from dissectors.wire.secrets.gate import Said

Cell = int | float | str | None
Rows = Iterator[list[Cell]]
# What a spreadsheet may take for a formula (OWASP, CSV Injection), also in its full-width and small forms, which some
# take for the same. It may stand at the start of a cell, and behind a separator: one that divides at semicolons, tabs
# or bars does so in the midst of what is quoted for commas. (A tab is an escape by then.)
SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
FORMULA: Final = re.compile(rf"""(^|[;|])([\s"]*)(?=[{SIGNS}])""")
FORMULA_IN_JSON: Final = re.compile(r"([;|]\s*)([=+\-@])")
BLOCK: Final = 1_000     # rows of text handed on at once
ROW_GROUP: Final = 50_000       # rows of a Parquet file that are written together
EXCHANGE_FIELDS: Final = (
    "exchange", "method", "url", "status", "ended", "blocked_ns", "sent_ns", "waited_ns", "received_ns", "total_ns",
    "request_wire_octets", "response_wire_octets",
)


class Table:
    """name: of the file it makes.     columns: their names.     rows: (analysis, level) -> the cells of each row.

    of_conversations: each row is of one of them, or of a lookup, and not of the capture as a whole.
    """

    def __init__(
        self, name: str, columns: tuple[str, ...], rows: Callable[[Analysis, str], Rows], of_conversations: bool = True
    ) -> None:
        self.name = name
        self.columns = columns
        self.rows = rows
        self.of_conversations = of_conversations


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
    for told in analysis.every():
        for number, phase in enumerate(told.phases, 1):
            for event in chosen(phase, level):
                record = event_record(event)
                frames = event.evidence.frames
                yield [
                    event.conversation, number, phase.kind, event.name, event.time, event.stream,
                    _text(record["direction"]), frames[0] if frames else None, frames[-1] if frames else None,
                    _text(record["label"]), _text(record["detail"]), _text(record["text"]), event.spec,
                    _json(_object(record["fields"])),
                ]


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _exchanges(analysis: Analysis, _level: str) -> Rows:
    """A request and what came of it, from the events that sum one up: whatever the protocol, they have `exchange`."""
    for told in analysis.every():
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


def _time(analysis: Analysis, _level: str) -> Rows:
    """A row a booking: each nanosecond of a conversation stands in one of them."""
    for told in analysis.told:
        for one in told.books.bookings:
            yield [
                told.conversation.number, one.cause.key, one.until - one.since, one.since, one.until, one.confidence,
                one.ground, *((one.frames[0], one.frames[-1]) if one.frames else (None, None)),
            ]


def _courses(analysis: Analysis, _level: str) -> Rows:
    """A row a moment of each direction that carried a good part of the data."""
    for told in analysis.told:
        for direction, columns in courses_of(told):
            for row in range(len(columns["time_ns"])):
                numbers = [columns[name][row] for name in ALL_COLUMNS]
                yield [told.conversation.number, SIDES[direction], *(None if one < 0 else one for one in numbers)]


def _findings(analysis: Analysis, _level: str) -> Rows:
    place = {cause.finding: rank for rank, cause in enumerate(analysis.verdict.causes, 1)}
    for one in sorted(analysis.findings, key=lambda one: (place.get(one.number, len(place) + 1), one.number)):
        yield [
            one.number, place.get(one.number), one.code, one.severity, one.confidence, one.conversation or None,
            one.sentence, " ".join(str(frame) for frame in one.frames), one.display_filter, one.next_step,
            one.refute, one.basis, one.cost_ns, one.victims, _numbers(one.explains), _numbers(one.explained_by),
        ]


def _numbers(numbers: tuple[int, ...]) -> str:
    return " ".join([str(number) for number in numbers])


TEXT_COLUMNS: Final = frozenset((
    "transport", "protocol", "originator_address", "originator_name", "responder_address", "responder_name", "scope",
    "state", "history", "community_id", "phase_kind", "name", "direction", "label", "detail", "text", "spec", "fields",
    "method", "url", "ended", "body_type", "type", "client", "server", "kind", "result", "addresses", "code",
    "severity", "confidence", "sentence", "frames", "display_filter", "next_step", "refute", "basis", "cause",
    "explains", "explained_by",
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
        Table("time", (
            "conversation", "cause", "ns", "since_ns", "until_ns", "confidence", "basis", "first_frame", "last_frame",
        ), _time),
        Table("courses", ("conversation", "direction", *ALL_COLUMNS), _courses),
        Table("findings", (
            "number", "verdict", "code", "severity", "confidence", "conversation", "sentence", "frames",
            "display_filter", "next_step", "refute", "basis", "cost_ns", "victims", "explains", "explained_by",
        ), _findings, False),
    )
}

LOOKUPS: Final = TABLES["lookups"]


def csv_table(analysis: Analysis, level: str, table: Table) -> Iterator[str]:
    """One table with its header, RFC 4180 with LF."""
    yield ",".join(table.columns) + "\n"
    yield from csv_rows(table.rows(analysis, level))


def csv_rows(rows: Rows) -> Iterator[str]:
    """Some at a time."""
    block: list[str] = []
    for row in rows:
        block.append(csv_row(row))
        if len(block) == BLOCK:
            yield "\n".join(block) + "\n"
            block = []
    if block:
        yield "\n".join(block) + "\n"


def csv_row(row: list[Cell]) -> str:
    return ",".join(map(csv_cell, row))


def csv_cell(cell: Cell) -> str:
    """A text in quotation marks, a number without; what is not known, or empty, is nothing."""
    if isinstance(cell, str):
        return '"' + harmless(cell).replace('"', '""') + '"' if cell else ""
    return "" if cell is None else str(cell)


class ParquetWriter:
    """One table as Parquet, with types: integers, text, and nulls for what is not known. Needs pyarrow.

    By name and not by what is there: files of several captures must fit together.
    """

    def __init__(self, target: IO[bytes], table: Table) -> None:
        import pyarrow
        from pyarrow import parquet

        self.table = table
        self.arrow = pyarrow
        self.types = [pyarrow.string() if name in TEXT_COLUMNS else pyarrow.int64() for name in table.columns]
        schema = pyarrow.schema(list(zip(table.columns, self.types, strict=True)))
        self.writer = parquet.ParquetWriter(target, schema)
        self.columns: list[list[Cell]] = [[] for _ in table.columns]
        self.empty = True

    def add(self, rows: Rows) -> None:
        """Raises OSError."""
        for row in rows:
            for column, cell in zip(self.columns, row, strict=True):
                column.append(terminal_text(cell) if isinstance(cell, str) else cell)
            if len(self.columns[0]) == ROW_GROUP:
                self._write()

    def _write(self) -> None:
        arrays = [self.arrow.array(column, type=kind) for column, kind in zip(self.columns, self.types, strict=True)]
        self.writer.write_table(self.arrow.table(arrays, names=list(self.table.columns)))
        self.columns = [[] for _ in self.table.columns]
        self.empty = False

    def close(self) -> None:
        if self.columns[0] or self.empty:
            self._write()
        self.writer.close()


def parquet_table(analysis: Analysis, level: str, table: Table) -> bytes:
    target = io.BytesIO()
    writer = ParquetWriter(target, table)
    writer.add(table.rows(analysis, level))
    writer.close()
    return target.getvalue()


def harmless(text: str) -> str:
    """A cell of text that a spreadsheet shows as it is: no control, and no formula, which an apostrophe prevents."""
    return FORMULA.sub(r"\1\2'", terminal_text(text))


def _json(fields: dict[str, JsonValue]) -> str:
    """ASCII, and the same to a reader of JSON where a sign that could begin a formula is written as `\\u003d`."""
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":"))
    return FORMULA_IN_JSON.sub(lambda found: f"{found.group(1)}\\u{ord(found.group(2)):04x}", text)
