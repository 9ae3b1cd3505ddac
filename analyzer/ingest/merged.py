"""Several captures as one, in the order of time."""
from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from mypy_extensions import i64

from analyzer.ingest.source import Damage, Source

EARLIEST: Final = -(1 << 63)


class MergedSource(Source):
    """Frames of several sources merged by time and numbered anew, from 1.

    The order inside one source is kept, even where its times run backwards, and equal times keep the order of
    the sources. A frame without a time stays behind the one before it. Interfaces are those of all sources, in
    the order they are met. Damage, names, secrets and counts go into one place as they are read; a comment on a
    frame gets the frame's new number. What may be kept of all that is the same as of a single capture.

    file_index: which source the current frame is from.
    """

    def __init__(self, sources: list[Source], refused: list[Damage]) -> None:
        super().__init__(", ".join(source.name for source in sources))
        self.sources = sources
        self.refused = refused          # sources that could not be opened at all
        self.damage = list(refused)
        self.alone = len(sources) == 1
        self.file_index: i64 = -1
        self.places: list[list[int]] = []   # of each source: its interface -> ours
        self.heap: list[tuple[int, int]] = []
        self.started: bool = False
        self.floor = EARLIEST
        for index, source in enumerate(sources):
            self.damage.extend(source.damage)
            self.names.update(source.names)
            self.secrets.extend(source.secrets)
            for what, times in source.skipped_blocks.items():
                self.skipped_blocks[what] = self.skipped_blocks.get(what, 0) + times
            source.damage = self.damage
            source.names = self.names
            source.secrets = self.secrets
            source.skipped_blocks = self.skipped_blocks
            self.rooms.include(source.rooms)
            source.rooms = self.rooms
            self.position += source.position
            self.places.append([])
            self.take(index)
        self.rewindable = all(source.rewindable for source in sources)
        self.size = sum(source.size for source in sources) if min(source.size for source in sources) >= 0 else -1

    def take(self, index: int) -> None:
        """Take over what a source has newly met: interfaces, and comments on the capture as a whole."""
        source = self.sources[index]
        places = self.places[index]
        while len(places) < len(source.interfaces):
            self.interfaces.append(source.interfaces[len(places)])
            places.append(len(self.interfaces) - 1)
        if source.remarks:
            kept = [remark for remark in source.remarks if remark.frame]
            self.remarks.extend(remark for remark in source.remarks if not remark.frame)
            source.remarks = kept

    def advance(self, index: int, floor: int) -> None:
        """Move a source on and queue its frame, no earlier than `floor`: the order inside a source holds."""
        source = self.sources[index]
        before = source.position
        more = source.next()
        self.position += source.position - before
        self.take(index)
        if source.kept >= 0 and self.kept < 0:
            self.kept = self.number
        if more:
            heappush(self.heap, (max(int(source.time), floor), index))

    def next(self) -> bool:
        if not self.started:
            self.started = True
            for index in range(len(self.sources)):
                self.advance(index, EARLIEST)
        elif self.file_index >= 0:
            self.advance(int(self.file_index), self.floor)
        if not self.heap:
            self.file_index = -1
            return False
        self.floor, index = heappop(self.heap)
        source = self.sources[index]
        self.file_index = index
        self.data = source.data
        self.start = source.start
        self.end = source.end
        self.time = source.time
        self.length = source.length
        self.link = source.link
        self.interface = self.places[index][source.interface]
        self.number += 1
        if source.remarks:
            for remark in source.remarks:
                remark.frame = int(self.number)
            self.remarks.extend(source.remarks)
            source.remarks = []
        return True

    def keeping(self) -> str:
        return "; ".join(filter(None, [source.keeping() for source in self.sources]))

    def reopen(self) -> Source:
        return MergedSource([source.reopen() for source in self.sources], self.refused)

    def close(self) -> None:
        for source in self.sources:
            source.close()
