"""A capture that a program reads: `open()` and what it gives."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from analyzer.api import telling
from analyzer.api.records import Conversation, Event, Finding, Summary, Verdict
from analyzer.explain.rules import kinds
from analyzer.filter.expression import Filter, FilterError, read_filter
from analyzer.ingest.keyfiles import UnusableFile, add_key_log
from analyzer.ingest.live.capture_filter import FrameFilter
from analyzer.ingest.moments import SECOND, duration_of, moment_of
from analyzer.ingest.part import RELATIVE, Asked, Moment
from analyzer.ingest.source import CaptureError
from analyzer.model import Analysis
from analyzer.pipeline.run import Frames, Options, analyze
from analyzer.report.tables import TABLES
from dissectors.kit.provided import Provided

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Path = str | os.PathLike[str]


def open(
    *paths: Path, keylog: Path | Sequence[Path] = (), conversations: Sequence[int] = (), everything: bool = False,
    show_secrets: bool = False, filter: str = "", capture_filter: str = "",
    since: float | str | datetime | None = None, until: float | str | datetime | None = None, last: float | str = 0,
) -> Capture:
    """A capture, of one file or of several that belong together: pcap, pcapng, snoop, plain or compressed.

    keylog: files with the secrets of TLS.     conversations: read these alone, each frame of them.
    everything: read every conversation of a large capture for what it carried; memory then grows with it.
    show_secrets: credentials, cookies and tokens are shown.
    filter: only conversations of which this holds, and of `frames()` only such frames; as --filter has it.
    capture_filter: only frames that it lets through are read, in tcpdump's language, with libpcap; frames keep their
    numbers.
    since, until: only what was captured from then on, and until then: seconds after the first frame, a datetime with
    its zone, or a text as --from has it (`14:05:30`, in UTC).
    last: only what was captured in this time before the end, in seconds, or as --last has it (`30s`, `10m`).
    What was left out is unknown, and nothing is concluded of it; `summary.narrowed` says how much was read.
    Nothing is read before it is asked for. Raises CaptureError where a file cannot be read, then or
    now, and ValueError for a filter or a time that cannot be used, with what the command prints.
    """
    logs = [keylog] if isinstance(keylog, str | os.PathLike) else list(keylog)
    provided = Provided()
    provided.show_secrets = show_secrets
    complaints: list[str] = []
    try:
        for log in logs:
            complaints += add_key_log(os.fspath(log), provided)
    except UnusableFile as error:
        raise CaptureError(str(error)) from error
    wanted = _wanted(filter) if filter else None
    options = Options(
        conversations=tuple(conversations), everything=everything, provided=provided, wanted=wanted,
        asked=_asked(capture_filter, since, until, last),
    )
    return Capture([os.fspath(path) for path in paths], options, complaints)


def _asked(
    capture_filter: str, since: float | str | datetime | None, until: float | str | datetime | None, last: float | str
) -> Asked:
    length = duration_of(last) if isinstance(last, str) else round(last * SECOND)
    if length < 0:
        raise ValueError(f"last={last!r}: a duration is not below zero")
    if length and (since is not None or until is not None):
        raise ValueError("last is a stretch of time of its own; since and until give another one")
    if capture_filter:
        try:
            FrameFilter(capture_filter)
        except CaptureError as error:
            raise ValueError(str(error)) from error
    return Asked(capture_filter, _moment(since), _moment(until), length)


def _moment(when: float | str | datetime | None) -> Moment | None:
    if when is None or isinstance(when, str):
        return None if when is None else moment_of(when)
    if isinstance(when, datetime):
        return moment_of(when.isoformat())
    return Moment(f"{when:g} s", RELATIVE, round(when * SECOND))


def _wanted(text: str) -> Filter:
    try:
        return read_filter(text, tuple([kind.code for kind in kinds()]))
    except FilterError as error:
        raise ValueError(str(error)) from error


class Capture:
    """A capture, read when something of it is asked for, once. Made by `open()`.

    complaints: what is odd about the key logs, a sentence each.
    """

    def __init__(self, paths: list[str], options: Options, complaints: list[str]) -> None:
        if not paths:
            raise CaptureError("no capture was named")
        self.paths = paths
        self.complaints = tuple(complaints)
        self._options = options
        self._lines: Frames | None = None

    @cached_property
    def _analysis(self) -> Analysis:
        analysis = analyze(self.paths, self._options)
        if analysis.capture.damage and not analysis.capture.frames:
            raise CaptureError("; ".join(analysis.capture.damage))
        return analysis

    @cached_property
    def verdict(self) -> Verdict:
        """What went wrong, the dearest cause first."""
        return telling.verdict(self._analysis)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found, worst first."""
        return telling.findings(self._analysis)

    @cached_property
    def summary(self) -> Summary:
        """The capture as a whole."""
        return telling.summary(self._analysis)

    @cached_property
    def conversations(self) -> tuple[Conversation, ...]:
        """In order of their first frame: all of a small capture; of a large one those that matter most, as
        `summary.left_out` says then."""
        return telling.conversations(self._analysis)

    def events(self) -> Iterator[Event]:
        """Everything that is told, conversation by conversation. One event is made at a time."""
        for told in self._analysis.every():
            for phase in told.phases:
                for event in phase.events:
                    yield telling.told_event(event)

    def frames(self, conversation: int = 0) -> Iterator[dict[str, Any]]:
        """Every frame, as `wiretale frames` prints it, in bounded memory. conversation: of that one alone.

        The capture is read anew for it. What was damaged is a CaptureError behind the last frame that could be read.
        """
        lines = Frames(self.paths, conversation, self._options.provided, self._options.wanted, self._options.asked)
        for block in lines:
            for line in block.splitlines():
                yield json.loads(line)
        if lines.damage:
            raise CaptureError("; ".join(lines.damage))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Of one of the tables: conversations, events, exchanges, lookups, time, findings; a dictionary a row.

        Raises ValueError for another name.
        """
        self._known(table)
        return telling.rows(self._analysis, table)

    def to_arrow(self, table: str) -> pyarrow.Table:
        """A table for pyarrow. Raises ImportError where that is not installed (`pip install "wiretale[parquet]"`)."""
        import pyarrow

        names, columns = self._columns(table)
        return pyarrow.table(columns, names=names)

    def to_pandas(self, table: str) -> pandas.DataFrame:
        """A table for pandas. Raises ImportError where that is not installed (`pip install pandas`)."""
        import pandas

        names, columns = self._columns(table)
        return pandas.DataFrame(dict(zip(names, columns, strict=True)), columns=names)

    def to_polars(self, table: str) -> polars.DataFrame:
        """A table for Polars. Raises ImportError where that is not installed (`pip install polars`)."""
        import polars

        names, columns = self._columns(table)
        return polars.DataFrame(dict(zip(names, columns, strict=True)))

    def _columns(self, table: str) -> tuple[list[str], list[list[Any]]]:
        self._known(table)
        names = list(TABLES[table].columns)
        columns: list[list[Any]] = [[] for _name in names]
        for row in telling.rows(self._analysis, table):
            for name, column in zip(names, columns, strict=True):
                column.append(row[name])
        return names, columns

    def _known(self, table: str) -> None:
        if table not in TABLES:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(TABLES)}")

    def __repr__(self) -> str:
        return f"<wiretale.Capture {', '.join(self.paths)}>"

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, and what it rests on."""
        told = self.verdict
        items = [
            f"<li><b>{escape(cause.severity)}</b> {escape(cause.sentence)} "
            f"<small>{escape(cause.finding.code)}, {escape(cause.finding.confidence)}; frames "
            f"{escape(', '.join(map(str, cause.finding.frames[:8])))}</small><br>→ "
            f"{escape(cause.finding.next_step)}</li>"
            for cause in told.causes
        ]
        names = escape(", ".join(self.summary.names))
        head = f"<p><b>{names}</b>: {escape(told.sentence or told.covered)}</p>"
        return head + (f"<ol>{''.join(items)}</ol>" if items else "") + "".join(
            f"<p><small>{escape(doubt)}</small></p>" for doubt in told.doubts
        )
