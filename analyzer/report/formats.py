"""Every format of `wiretale report`, one line each: its name, the endings that choose it, what writes it."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from analyzer.model import Analysis
from analyzer.report.words import NORMAL

TEXT_WIDTH: Final = 100    # columns of the text format


class Layout:
    """What a report may be asked for. table: which table, for formats that hold one; width: columns of text."""

    def __init__(self, level: str = NORMAL, table: str = "events", width: int = TEXT_WIDTH) -> None:
        self.level = level
        self.table = table
        self.width = width


class Format:
    """write: (analysis, layout) -> the pieces of the file, encoded; None for a format made of the capture itself."""

    def __init__(
        self, name: str, endings: tuple[str, ...], summary: str,
        write: Callable[[Analysis, Layout], Iterator[bytes]] | None,
    ) -> None:
        self.name = name
        self.endings = endings
        self.summary = summary
        self.write = write


def _html(analysis: Analysis, _layout: Layout) -> Iterator[bytes]:
    from analyzer.report.html import html_page

    return _encoded(html_page(analysis))


def _json(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.document import json_document

    return _encoded(json_document(analysis, layout.level))


def _lines(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.document import json_lines

    return _encoded(json_lines(analysis, layout.level))


def _markdown(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.markdown import markdown

    return _encoded(markdown(analysis, layout.level))


def _csv(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.tables import TABLES, csv_table

    return _encoded(csv_table(analysis, layout.level, TABLES[layout.table]))


def _har(analysis: Analysis, _layout: Layout) -> Iterator[bytes]:
    from analyzer.report.har import har

    return _encoded(har(analysis))


def _parquet(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.tables import TABLES, parquet_table

    yield parquet_table(analysis, layout.level, TABLES[layout.table])


def _text(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.terminal import render

    for rows in render(analysis, layout.level, layout.width, None, True):
        yield "".join(row.text + "\n" for row in rows).encode()


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    return (piece.encode() for piece in pieces)


FORMATS: Final = (
    Format("html", (".html", ".htm"), "one page to look at, offline, with diagrams and graphs", _html),
    Format("json", (".json",), "one JSON document, with a published schema", _json),
    Format("jsonl", (".jsonl", ".ndjson"), "JSON lines: a stream of findings, phases and events", _lines),
    Format("markdown", (".md", ".markdown"), "for tickets, with sequence diagrams in Mermaid", _markdown),
    Format("csv", (".csv",), "one table: conversations, events, lookups or findings", _csv),
    Format("parquet", (".parquet",), "the same table with types; needs pyarrow", _parquet),
    Format("har", (".har",), "HTTP exchanges with their timings, for browsers' tools", _har),
    Format("pcapng", (".pcapng",), "the capture itself, with what was told as comments on its packets", None),
    Format("text", (".txt",), "what the terminal shows", _text),
)


def by_name(name: str) -> Format | None:
    return next((form for form in FORMATS if form.name == name), None)


def by_ending(path: str) -> Format | None:
    """The format that the ending of a file name chooses; None where it chooses none."""
    lower = path.lower()
    return next((form for form in FORMATS if lower.endswith(form.endings)), None)
