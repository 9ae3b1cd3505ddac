"""No format shows a character raw that acts, hides or is none: each format of the table is tried, unasked."""
from __future__ import annotations

import base64
import io
import json
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hidden import HIDDEN, TEXT, Hidden, hidden_analysis, hidden_capture, may_not_be_raw
from hypothesis import given
from hypothesis import strategies as st
from live_examples import LOSSES, QUIET, START, TOTALS, conversation, detail, finding, line, told
from test_live_lines import Kept

from analyzer.cli.report import with_comments
from analyzer.ingest.open import open_capture
from analyzer.live import draw
from analyzer.live.audience import Audience
from analyzer.live.json_lines import JsonLines
from analyzer.live.lines import LogLines
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.diagrams import DIAGRAMS
from analyzer.report.escape import DOUBTFUL, is_shown, shown_value, terminal_text
from analyzer.report.formats import FORMATS, Format, Layout
from analyzer.report.table import table_rows
from analyzer.report.tables import TABLES
from analyzer.report.words import LEVELS
from dissectors.kit.event import FORWARD, JsonValue


def raw_in(text: str) -> list[str]:
    """The characters of a text that may not be there as they are, by code; line breaks divide lines."""
    return sorted({f"{ord(one):04x}" for one in set(text) - {"\n"} if may_not_be_raw(one)})


def texts_of(value: JsonValue) -> Iterator[str]:
    """Every text of a document, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)


@cache
def analyses(folder: Path) -> tuple[Analysis, Analysis]:
    """All texts that there can be, and those that a peer can send."""
    capture = folder / "hidden.pcap"
    capture.write_bytes(hidden_capture())
    return hidden_analysis(), analyze([str(capture)], Options(graphs=True))


def page_texts(written: bytes) -> list[str]:
    page = written.decode()
    data = re.search(r'id="data">([^<]*)</script>', page)
    assert data is not None
    return [page, *texts_of(json.loads(zlib.decompress(base64.b64decode(data.group(1)))))]


def parquet_texts(written: bytes) -> list[str]:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    rows = parquet.read_table(io.BytesIO(written)).to_pylist()
    return [cell for row in rows for cell in row.values() if isinstance(cell, str)]


# What of a format a reader sees, where that is not the file itself.
SEEN: dict[str, Callable[[bytes], list[str]]] = {
    "html": page_texts, "parquet": parquet_texts,
    "sqlog": lambda octets: octets.decode().split("\x1e"),      # before each text of a sequence (RFC 7464 §2.2)
}


@pytest.mark.parametrize("form", [one for one in FORMATS if not one.packets], ids=lambda one: one.name)
@pytest.mark.parametrize("which", [0, 1], ids=["everywhere", "captured"])
def test_a_format_shows_none(form: Format, which: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    analysis = analyses(tmp_path_factory.getbasetemp())[which]
    layouts = [*(Layout(level) for level in LEVELS), *(Layout("teach", table) for table in TABLES),
               *(Layout("teach", diagram=diagram) for diagram in DIAGRAMS)]
    for layout in layouts:
        written = b"".join(form.write(analysis, layout))
        for text in SEEN.get(form.name, lambda octets: [octets.decode()])(written):
            assert raw_in(text) == [], f"{layout.level}, {layout.table}, {layout.diagram}: {text[:80]!r}"


@pytest.mark.parametrize("name", ["json", "jsonl", "har"])
def test_json_is_ascii_and_keeps_the_text_exactly(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    everywhere, captured = analyses(tmp_path_factory.getbasetemp())
    form = next(form for form in FORMATS if form.name == name)
    for analysis in (everywhere, captured):
        written = b"".join(form.write(analysis, Layout("teach")))
        assert written.isascii()
        texts = [text for line in (written.splitlines() if name == "jsonl" else [written])
                 for text in texts_of(json.loads(line))]
        if analysis is everywhere and name != "har":
            assert TEXT in texts
        elif analysis is captured:
            assert any("\u202e\u200b\U0001d173" in text for text in texts)


def test_comments_of_the_annotated_capture_hold_none(tmp_path: Path) -> None:
    path = tmp_path / "hidden.pcap"
    path.write_bytes(hidden_capture())
    (form,) = [one for one in FORMATS if one.packets]
    everywhere, captured = analyses(tmp_path)
    for analysis in (everywhere, captured):
        target = tmp_path / "annotated.pcapng"
        layout = Layout("teach", rewrite=with_comments([str(path)], b"", False))
        target.write_bytes(b"".join(form.write(analysis, layout)))
        source = open_capture([str(target)])
        while source.next():
            pass
        assert len(source.remarks) > 3
        assert [found for found in map(raw_in, (remark.text for remark in source.remarks)) if found] == []
        source.close()


def test_a_live_capture_shows_none_on_lines_and_screen() -> None:
    def everything(audience: Audience) -> None:
        audience.notice(START, TEXT)
        audience.event(conversation(1, TEXT), Hidden(FORWARD))
        audience.finding(finding(TEXT), START)
        audience.owner(conversation(1, TEXT), TEXT)
        audience.over(conversation(1, TEXT))
        audience.status(LOSSES._replace(shortened=TEXT, writing=TEXT))
        audience.close()

    for reader in (LogLines, JsonLines):
        kept = Kept()
        everything(reader(kept, "teach"))
        assert len(kept.lines) >= 5
        assert raw_in("".join(kept.lines)) == []
    texts = {name: TEXT for name, kind in type(line(1)).__annotations__.items() if kind == "str"}
    rows = [
        *draw.head_rows(QUIET._replace(shortened=TEXT), TOTALS._replace(title=TEXT, filter=TEXT), 400, False),
        draw.table_row(line(1, **texts), draw.columns_for(400)),
        draw.log_row(told(1)._replace(frames=TEXT, ends=TEXT, label=TEXT, text=TEXT), 400),
        draw.log_row(told(1)._replace(frames=TEXT, ends=TEXT, label=TEXT, text=TEXT, severity="warn"), 400),
        *draw.detail_rows(detail(1, TEXT)._replace(
            title=TEXT, facts=[TEXT], findings=[("warn", TEXT)], phases=[(TEXT, [TEXT])],
            events=[(0, TEXT, TEXT, 0, TEXT, TEXT, TEXT, TEXT)],
        ), 400),
    ]
    assert raw_in("".join(row.text for row in rows)) == []


def test_the_table_of_conversations_shows_none(tmp_path: Path) -> None:
    analysis = analyses(tmp_path)[0]
    rows = [row for block in table_rows(analysis.conversations, START, 200) for row in block]
    assert len(rows) > 3
    assert raw_in("".join(row.text for row in rows)) == []


def test_every_character_of_unicode_is_decided_once() -> None:
    """By the Unicode tables alone: what the faster look lets pass is among what may be shown."""
    for character in map(chr, range(0x110000)):
        assert is_shown(character) != may_not_be_raw(character), f"{ord(character):04x}"
        assert DOUBTFUL.match(character) or is_shown(character), f"{ord(character):04x}"


def test_nothing_of_it_is_lost() -> None:
    shown = terminal_text(HIDDEN)
    assert shown.isascii()
    assert len(re.findall(r"\\(?:[nrt]|x..|u....|U.{8})", shown)) == len(HIDDEN)


@given(st.recursive(st.text() | st.integers() | st.none(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_data_that_are_drawn_hold_none(value: JsonValue) -> None:
    shown = shown_value(value)
    assert all(not raw_in(text) and "\n" not in text for text in texts_of(shown))
    assert shown_value(shown) == shown


@given(st.text(st.characters()))
def test_spaces_stay_and_what_is_shown_is_shown_again(text: str) -> None:
    shown = terminal_text(text)
    assert terminal_text(shown) == shown
    spaces, kept = ([one for one in each if unicodedata.category(one) == "Zs"] for each in (text, shown))
    assert spaces == kept
