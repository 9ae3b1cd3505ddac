"""Every format of `wiretale report`, one line each: its name, the endings that choose it, what writes it.

Whoever has an Analysis writes it as `by_name("html").write(analysis, Layout(...))`, an iterator over the bytes of the
file, and `analyzer.report.saved.save(path, pieces)` puts them in place once they are complete.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from analyzer.model import Analysis
from analyzer.report.words import NORMAL, OF_POINTS

if TYPE_CHECKING:
    from analyzer.finding import FindingKind
    from analyzer.report.even import EvenNames
    from analyzer.report.pseudonyms import Pseudonyms
    from analyzer.report.rows import Row
    from analyzer.report.streams import Stream

TEXT_WIDTH: Final = 100    # columns of the text format


Rewrite = Callable[[dict[int, list[str]], list[str], "EvenNames | None"], Iterator[bytes]]


def _no_capture(
    _comments: dict[int, list[str]], _summary: list[str], _names: EvenNames | None
) -> Iterator[bytes]:
    raise ValueError("a format that holds the packets needs a layout that gives them again")


class Layout:
    """What a report may be asked for. table: which table, for formats that hold one; diagram: which one, for SVG.

    width: columns of text.     anonymous: addresses and host names are replaced by stand-ins.
    rewrite: gives the capture again with comments on its packets, by frame number, and on the whole; in stand-ins,
    where some are given.     even: stand-ins are as long as what they stand for, since frames are written as well.
    kinds: gives the table of all findings, for formats that explain them.
    """

    def __init__(
        self, level: str = NORMAL, table: str = "events", width: int = TEXT_WIDTH, diagram: str = "waterfall",
        anonymous: bool = False, rewrite: Rewrite | None = None,
        kinds: Callable[[], tuple[FindingKind, ...]] = tuple, even: bool = False,
    ) -> None:
        self.level = level
        self.table = table
        self.width = width
        self.diagram = diagram
        self.anonymous = anonymous
        self.rewrite = rewrite or _no_capture
        self.kinds = kinds
        self.even = even
        self._disguised: tuple[Analysis, Analysis, Pseudonyms] | None = None

    def shown(self, analysis: Analysis) -> Analysis:
        """What may be shown of an analysis: itself, or its copy in stand-ins, made once for all formats."""
        return self._disguise(analysis)[1] if self.anonymous else analysis

    def names(self, analysis: Analysis) -> Pseudonyms | None:
        """The stand-ins, for a format that has to look at the original; None where none are wanted."""
        return self._disguise(analysis)[2] if self.anonymous else None

    def _disguise(self, analysis: Analysis) -> tuple[Analysis, Analysis, Pseudonyms]:
        from analyzer.report.disguise import disguised, pseudonyms_for

        if self._disguised is None or self._disguised[0] is not analysis:
            names = pseudonyms_for(analysis, self.even)
            self._disguised = analysis, disguised(analysis, names), names
        return self._disguised


class Format:
    """write: (analysis, layout) -> the pieces of the file, encoded.     packets: they hold the packets themselves.

    stream: (layout, folder for what it keeps) -> who writes it of a capture that is told part by part; None where all
    of it is needed at once.
    """

    def __init__(
        self, name: str, endings: tuple[str, ...], summary: str,
        write: Callable[[Analysis, Layout], Iterator[bytes]], packets: bool = False,
        stream: Callable[[Layout, str], Stream] | None = None,
    ) -> None:
        self.stream = stream
        self.name = name
        self.endings = endings
        self.summary = summary
        self.write = write
        self.packets = packets


def _html(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.html import html_page

    return _encoded(html_page(layout.shown(analysis)))


def _json(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.document import json_document

    return _encoded(json_document(layout.shown(analysis), layout.level))


def _lines(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.document import json_lines

    return _encoded(json_lines(layout.shown(analysis), layout.level))


def _markdown(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.markdown import markdown

    return _encoded(markdown(layout.shown(analysis), layout.level))


def _pr(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.brief import brief_markdown

    return _encoded(brief_markdown(layout.shown(analysis)))


def _sarif(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.sarif import sarif

    return _encoded(sarif(layout.shown(analysis), layout.kinds()))


def _csv(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.tables import TABLES, csv_table

    return _encoded(csv_table(layout.shown(analysis), layout.level, TABLES[layout.table]))


def _har(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.har import har

    return _encoded(har(analysis, layout.names(analysis)))


def _qlog(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.qlog import qlog

    return _encoded(qlog(analysis, layout.names(analysis)))


def _qlog_sequence(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.qlog import qlog_sequence

    return _encoded(qlog_sequence(analysis, layout.names(analysis)))


def _parquet(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.tables import TABLES, parquet_table

    yield parquet_table(layout.shown(analysis), layout.level, TABLES[layout.table])


def _svg(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.diagrams import diagram

    return _encoded(diagram(layout.shown(analysis), layout.level, layout.diagram))


def _pcapng(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.comments import comment, packet_comments, summary_of
    from analyzer.report.even import EvenNames

    shown, names = layout.shown(analysis), layout.names(analysis)
    comments = packet_comments(shown, layout.level)
    return layout.rewrite(
        {frame: [comment(text) for text in texts] for frame, texts in comments.items()},
        [comment(text) for text in summary_of(shown)], None if names is None else EvenNames(names),
    )


def _text(analysis: Analysis, layout: Layout) -> Iterator[bytes]:
    from analyzer.report.terminal import render

    for rows in render(layout.shown(analysis), layout.level, layout.width, None, True):
        yield _plain(rows)


def _csv_stream(layout: Layout, folder: str) -> Stream:
    from analyzer.report.streams import CsvStream
    from analyzer.report.tables import TABLES

    return CsvStream(layout.level, TABLES[layout.table], folder)


def _parquet_stream(layout: Layout, folder: str) -> Stream:
    from analyzer.report.streams import ParquetStream
    from analyzer.report.tables import TABLES

    return ParquetStream(layout.level, TABLES[layout.table], folder)


def _lines_stream(layout: Layout, folder: str) -> Stream:
    from analyzer.report.streams import LinesStream

    return LinesStream(layout.level, folder)


def _text_stream(layout: Layout, folder: str) -> Stream:
    from analyzer.report.streams import TextStream

    return TextStream(layout.level, layout.width, _plain, folder=folder)


def _plain(rows: list[Row]) -> bytes:
    return "".join(row.text + "\n" for row in rows).encode()


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    return (piece.encode() for piece in pieces)


FORMATS: Final = (
    Format("html", (".html", ".htm"), "one page to look at, offline, with diagrams and graphs", _html),
    Format("json", (".json",), "one JSON document, with a published schema", _json),
    Format("jsonl", (".jsonl", ".ndjson"), "JSON lines: a stream of findings, phases and events", _lines,
           stream=_lines_stream),
    Format("pr", (".pr.md",), "a few lines of Markdown, for a pull request or the summary of a job", _pr),
    Format("markdown", (".md", ".markdown"), "for tickets, with sequence diagrams in Mermaid", _markdown),
    Format("csv", (".csv",), "one table: conversations, events, exchanges, lookups, time, courses or findings", _csv,
           stream=_csv_stream),
    Format("parquet", (".parquet",), "the same table with types; needs pyarrow", _parquet, stream=_parquet_stream),
    Format("sarif", (".sarif", ".sarif.json"), "findings as SARIF 2.1.0, for what tracks results in CI", _sarif),
    Format("svg", (".svg",), "one diagram: waterfall, ladder, streams or time-sequence graph", _svg),
    Format("har", (".har",), "HTTP exchanges with their timings, for browsers' tools", _har),
    Format("qlog", (".qlog",), "packets of QUIC as endpoints log them (qlog 0.3), for qvis", _qlog),
    Format("sqlog", (".sqlog",), "the same as a sequence of JSON texts", _qlog_sequence),
    Format("pcapng", (".pcapng",), "the capture itself, with what was told as comments on its packets", _pcapng, True),
    Format("text", (".txt",), "what the terminal shows", _text, stream=_text_stream),
)
FORMAT_NAMES: Final = tuple([form.name for form in FORMATS])


def by_name(name: str) -> Format | None:
    return next((form for form in FORMATS if form.name == name), None)


def by_ending(path: str) -> Format | None:
    """The format that the ending of a file name chooses; None where it chooses none."""
    lower = path.lower()
    fitting = [(len(ending), form) for form in FORMATS for ending in form.endings if lower.endswith(ending)]
    return max(fitting, key=_by_length)[1] if fitting else None


def _by_length(fitting: tuple[int, Format]) -> int:
    return fitting[0]


def logs_packets(form: Format) -> bool:
    """Whether it needs an entry for each packet, which are kept on request only."""
    return form.name in ("qlog", "sqlog")


def draws_points(form: Format, diagram: str) -> bool:
    """Whether it needs the segments of connections, which are kept on request only."""
    return form.name == "html" or (form.name == "svg" and diagram in OF_POINTS)
