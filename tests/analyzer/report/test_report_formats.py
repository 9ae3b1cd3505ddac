"""What other tools read: every format of every sample is valid, complete, and inert under hostile strings."""
from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from report_example import Said, example
from sample_feeds import SAMPLES, sample_captures, sample_name

from analyzer.cli.report import TABLES as TABLE_NAMES
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report import document
from analyzer.report.formats import FORMATS, Layout, by_ending, by_name
from analyzer.report.markdown import markdown
from analyzer.report.saved import save
from analyzer.report.selection import chosen
from analyzer.report.tables import TABLES, harmless, parquet_table
from analyzer.report.words import LEVELS
from dissectors.kit.event import FORWARD

SCHEMA = json.loads((Path(document.__file__).parent / "schema.json").read_text(encoding="utf-8"))
WHOLE = jsonschema_rs.Draft202012Validator(SCHEMA)
LINE = jsonschema_rs.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/line"})
HOSTILE = (
    "=1+1\x1b[31m<script>alert(1)</script> [x](javascript:y) `code` | pipe\r\n"
    "Note over A: no; @user #1 www.x.test ://x"
)


def written(analysis: Analysis, name: str, level: str = "teach", table: str = "events") -> str:
    form = by_name(name)
    assert form is not None
    return b"".join(form.write(analysis, Layout(level, table))).decode()


def hostile() -> Analysis:
    analysis = example()
    for told in analysis.told:
        told.conversation.originator.name = HOSTILE
        for phase in told.phases:
            phase.title = HOSTILE
            phase.facts.append(HOSTILE)
            phase.events.append(Said(1, FORWARD, (1,), HOSTILE, HOSTILE, HOSTILE))
    for row in analysis.story:
        row.text = HOSTILE
    for finding in analysis.findings:
        finding.sentence = HOSTILE
    analysis.capture.names = [HOSTILE]
    return analysis


@pytest.mark.parametrize("capture", sample_captures(), ids=sample_name)
def test_json_of_every_sample_follows_the_schema(capture: Path) -> None:
    analysis = analyze([str(capture)], Options())
    WHOLE.validate(json.loads(written(analysis, "json")))
    for line in written(analysis, "jsonl").splitlines():
        LINE.validate(json.loads(line))


@pytest.mark.parametrize("level", LEVELS)
def test_the_document_and_the_lines_hold_the_same_events(level: str) -> None:
    analysis = example()
    whole = json.loads(written(analysis, "json", level))
    lines = [json.loads(line) for line in written(analysis, "jsonl", level).splitlines()]
    events = [event for one in whole["conversations"] for phase in one["phases"] for event in phase["events"]]
    assert [line["text"] for line in lines if line["record"] == "event"] == [event["text"] for event in events]
    expected = sum(len(chosen(phase, level)) for told in analysis.told for phase in told.phases)
    assert len(events) == expected
    assert len([line for line in lines if line["record"] == "finding"]) == len(analysis.findings)


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_a_cell_for_every_column(table: str) -> None:
    for analysis in (example(), hostile()):
        rows = list(csv.reader(io.StringIO(written(analysis, "csv", table=table))))
        assert rows[0] == list(TABLES[table].columns)
        assert {len(row) for row in rows} == {len(rows[0])}


def test_a_table_holds_every_event() -> None:
    analysis = example()
    rows = list(csv.DictReader(io.StringIO(written(analysis, "csv"))))
    events = [event for told in analysis.told for phase in told.phases for event in phase.events]
    assert [row["name"] for row in rows] == [event.name for event in events]
    assert [int(row["time_ns"]) for row in rows] == [event.time for event in events]


def test_the_table_of_exchanges_has_a_row_for_each() -> None:
    analysis = analyze([str(SAMPLES / "http2" / "multiplexed" / "capture.pcapng")], Options())
    rows = list(csv.DictReader(io.StringIO(written(analysis, "csv", table="exchanges"))))
    assert [int(row["stream"]) for row in rows] == [13, 15, 17, 19, 21]
    assert {row["status"] for row in rows} == {"200"}
    for row in rows:
        parts = sum(int(row[name]) for name in ("blocked_ns", "sent_ns", "waited_ns", "received_ns"))
        assert parts == int(row["total_ns"]) == int(row["end_ns"]) - int(row["start_ns"])
    assert [int(row["body_octets"]) for row in rows] == [1500, 9000, 14000, 20000, 400]


@pytest.mark.parametrize("table", TABLES)
def test_parquet_holds_the_same_with_types(table: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    read = parquet.read_table(io.BytesIO(parquet_table(example(), "teach", TABLES[table])))
    rows = list(csv.DictReader(io.StringIO(written(example(), "csv", table=table))))
    assert read.column_names == list(TABLES[table].columns)
    assert read.num_rows == len(rows)
    for ours, theirs in zip(rows, read.to_pylist(), strict=True):
        for name, value in theirs.items():
            assert ours[name].removeprefix("'") == ("" if value is None else harmless(str(value)).removeprefix("'"))


@pytest.mark.parametrize("table", TABLES)
def test_a_column_has_one_type_whatever_a_capture_holds(table: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    empty = Analysis(example().capture)
    schemas = [
        parquet.read_table(io.BytesIO(parquet_table(analysis, "teach", TABLES[table]))).schema
        for analysis in (example(), empty, analyze([str(SAMPLES / "http2" / "push" / "capture.pcapng")], Options()))
    ]
    assert schemas[0].equals(schemas[1])
    assert schemas[0].equals(schemas[2])


def test_every_ladder_names_both_ends_and_draws_only_arrows_and_notes() -> None:
    text = "".join(markdown(example(), "normal"))
    ladders = [part.split("```")[0].strip().splitlines() for part in text.split("```mermaid")[1:]]
    assert ladders
    for lines in ladders:
        assert lines[0] == "sequenceDiagram"
        for line in lines[1:]:
            assert re.match(r"    (participant [AB] as |A->>B: |B->>A: |Note over A,B: )", line)


def test_names_of_tables_agree_with_the_command() -> None:
    assert tuple(TABLES) == TABLE_NAMES


def test_an_ending_chooses_one_format() -> None:
    endings = [ending for form in FORMATS for ending in form.endings]
    assert len(endings) == len(set(endings))
    for form in FORMATS:
        for ending in form.endings:
            assert by_ending("REPORT" + ending.upper()) is form
    assert by_ending("report.xyz") is None


def test_a_file_is_complete_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("before")

    def broken() -> object:
        yield b"half"
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        save(str(path), broken())  # type: ignore[arg-type]
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    assert save(str(path), [b"a", b"b"]) == 2
    assert path.read_text() == "ab"
