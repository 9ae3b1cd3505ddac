"""Reports of a capture that is told part by part: what is said of a conversation is written at once, and kept in a file
until what stands before it is known.
"""
from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

from analyzer.model import Analysis, Sink, Told
from analyzer.report.document import conversation_lines, head_lines, lookup_line
from analyzer.report.tables import LOOKUPS, ParquetWriter, Table, csv_row, csv_rows
from analyzer.report.words import BRIEF
from dissectors.kit.lookup import Lookup
from dissectors.kit.units import grouped

if TYPE_CHECKING:
    from analyzer.report.glossary import Glossary
    from analyzer.report.rows import Row
    from analyzer.report.terminal import Body

BLOCK: Final = 1 << 20
MAX_HELD_EVENTS: Final = 100_000     # of a large capture, in a report that is made of all conversations at once


class Spooled:
    """Bytes that are written now and read later, in a file without a name. folder: where, "" for the usual place."""

    def __init__(self, folder: str = "") -> None:
        self.file: IO[bytes] = TemporaryFile(dir=folder or None)  # noqa: SIM115 - outlives this call
        self.size = 0

    def write(self, data: bytes) -> None:
        """Raises OSError."""
        self.file.write(data)
        self.size += len(data)

    def blocks(self) -> Iterator[bytes]:
        """All of it, once."""
        self.file.seek(0)
        while block := self.file.read(BLOCK):
            yield block
        self.file.close()


class Sorted:
    """Lines that are written now and read later in the order of their keys; of equal ones the first comes first."""

    def __init__(self, folder: str = "") -> None:
        self.spooled = Spooled(folder)
        self.keys = array("q")
        self.places = array("q")

    def write(self, key: int, line: bytes) -> None:
        self.keys.append(key)
        self.places.append(self.spooled.size)
        self.spooled.write(line)

    def blocks(self) -> Iterator[bytes]:
        """All of it, once."""
        file, keys = self.spooled.file, self.keys
        file.flush()
        self.places.append(self.spooled.size)
        for at in sorted(range(len(keys)), key=keys.__getitem__):
            file.seek(self.places[at])
            yield file.read(self.places[at + 1] - self.places[at])
        file.close()


class Stream:
    """One report. Raises OSError where there is no more room for what it keeps."""

    def part(self, part: Analysis) -> None:
        """The next conversations."""

    def sink(self) -> Sink:
        """Gives the parts to this one alone."""
        return Streams([self])

    def finish(self, analysis: Analysis) -> Iterator[bytes]:
        """All is told: the pieces of the file."""
        raise NotImplementedError


class Streams(Sink):
    """Several reports at once. held: for those that need all of the capture at once."""

    def __init__(self, streams: list[Stream], held: Held | None = None) -> None:
        self.streams = streams
        self.held = held

    def expect(self, numbers: set[int]) -> None:
        if self.held is not None:
            self.held.numbers = numbers

    def take(self, part: Analysis) -> None:
        for stream in self.streams:
            stream.part(part)
        if self.held is not None:
            self.held.part(part)


class Held:
    """The conversations that a report holds which is made of all of them at once: those that are worth the most."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.told: list[Told] = []
        self.lookups: list[Lookup] = []
        self.events = 0

    def part(self, part: Analysis) -> None:
        """Keep some of these."""
        kept: set[int] = set()
        for told in part.told:
            events = sum([len(phase.events) for phase in told.phases])
            if told.conversation.number in self.numbers and self.events + events <= MAX_HELD_EVENTS:
                self.events += events
                self.told.append(told)
                kept.add(told.conversation.number)
        self.lookups += [lookup for lookup in part.lookups if kept.intersection(lookup.conversations)]

    def into(self, analysis: Analysis) -> None:
        """Put them into the analysis, and say that others are left out."""
        analysis.told = self.told
        analysis.conversations = [told.conversation for told in self.told]
        analysis.lookups = sorted(self.lookups, key=attrgetter("start_ns"))
        analysis.left_out.append(
            f"{grouped(len(self.told))} of {grouped(analysis.capture.conversations)} conversations are in this report, "
            "those with the most trouble and those with the most bytes: its format holds no more of a large capture "
            "(all are in CSV, Parquet, JSON lines and text; findings and sums are those of all)"
        )


class CsvStream(Stream):
    """One table."""

    def __init__(self, level: str, table: Table, folder: str = "") -> None:
        self.level = level
        self.table = table
        self.ordered = Sorted(folder) if table is LOOKUPS else None
        self.spooled = Spooled(folder)

    def part(self, part: Analysis) -> None:
        if self.ordered is not None:
            for lookup, row in zip(part.lookups, self.table.rows(part, self.level), strict=True):
                self.ordered.write(lookup.start_ns, (csv_row(row) + "\n").encode())
        elif self.table.of_conversations:
            for block in csv_rows(self.table.rows(part, self.level)):
                self.spooled.write(block.encode())

    def finish(self, analysis: Analysis) -> Iterator[bytes]:
        yield (",".join(self.table.columns) + "\n").encode()
        if self.ordered is not None:
            yield from self.ordered.blocks()
        elif self.table.of_conversations:
            yield from self.spooled.blocks()
        else:
            for block in csv_rows(self.table.rows(analysis, self.level)):
                yield block.encode()


class ParquetStream(Stream):
    """One table. Lookups come in the order of their ends."""

    def __init__(self, level: str, table: Table, folder: str = "") -> None:
        self.level = level
        self.table = table
        self.spooled = Spooled(folder)
        self.writer = ParquetWriter(self.spooled.file, table)

    def part(self, part: Analysis) -> None:
        if self.table.of_conversations:
            self.writer.add(self.table.rows(part, self.level))

    def finish(self, analysis: Analysis) -> Iterator[bytes]:
        if not self.table.of_conversations:
            self.writer.add(self.table.rows(analysis, self.level))
        self.writer.close()
        yield from self.spooled.blocks()


class LinesStream(Stream):
    """JSON lines."""

    def __init__(self, level: str, folder: str = "") -> None:
        self.level = level
        self.lookups = Sorted(folder)
        self.spooled = Spooled(folder)

    def part(self, part: Analysis) -> None:
        for lookup in part.lookups:
            self.lookups.write(lookup.start_ns, lookup_line(lookup).encode())
        for told in part.told:
            self.spooled.write("".join(conversation_lines(told, self.level)).encode())

    def finish(self, analysis: Analysis) -> Iterator[bytes]:
        for line in head_lines(analysis):
            yield line.encode()
        yield from self.lookups.blocks()
        yield from self.spooled.blocks()


class TextStream(Stream):
    """What a terminal shows. printed: rows as they are written."""

    def __init__(
        self, level: str, width: int, printed: Callable[[list[Row]], bytes], teach: bool = False, folder: str = ""
    ) -> None:
        self.level = level
        self.width = width
        self.printed = printed
        self.teach = teach
        self.spooled = Spooled(folder)
        self.body: Body | None = None

    def part(self, part: Analysis) -> None:
        from analyzer.report.terminal import Body

        if self.level == BRIEF:
            return
        if self.body is None:
            self.body = Body(part.capture, self.level, self.width, self._glossary(), True)
        for rows in self.body.blocks(part.told, part.findings):
            self.spooled.write(self.printed(rows))

    def finish(self, analysis: Analysis) -> Iterator[bytes]:
        from analyzer.report.terminal import head, tail

        yield from self._all(head(analysis, self.level, self.width))
        yield from self.spooled.blocks()
        yield from self._all(tail(analysis, self.level, self.width))

    def _glossary(self) -> Glossary | None:
        from analyzer.report.glossary import Glossary
        from dissectors.registry import protocols

        return Glossary(protocols()) if self.teach else None

    def _all(self, blocks: Iterable[list[Row]]) -> Iterator[bytes]:
        return (self.printed(rows) for rows in blocks)
