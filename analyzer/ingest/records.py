"""What the readers of every format share: a window over a stream, and one place to say what is wrong."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.ingest.source import MAX_REMARK_BYTES, MAX_REMARKS, CaptureError, Damage, Remark, Source
from analyzer.ingest.streams import FileStream, Stream

# The largest frame that is believed, as Wireshark has it: a longer length means that the file is damaged.
LARGEST_FRAME: Final = 262_144
# Link types whose frames are no packets of a network: D-Bus messages and USBPcap transfers reach 128 MiB,
# Elektrobit's recordings 8 MiB.
LARGE_FRAMES: Final[dict[int, int]] = {231: 128 << 20, 249: 128 << 20, 279: 8 << 20}
MAX_HELD: Final = 16 << 20      # octets of one record that are held in memory; a larger one is passed over

MAX_DAMAGE: Final = 20          # places where one capture is damaged that are told; more are counted
MAX_SKIPPED_KINDS: Final = 100  # kinds of blocks that are counted by name; others are counted together

MORE_REMARKS: Final = f"comments beyond {MAX_REMARKS} or {MAX_REMARK_BYTES >> 20} MiB"
LARGE_FRAME: Final = f"frames beyond {MAX_HELD >> 20} MiB"


def largest_frame(link: int) -> int:
    """How many captured bytes a frame of this link type may have."""
    return LARGE_FRAMES.get(link, LARGEST_FRAME)


class RecordSource(Source):
    """A source that reads records from a stream. `data[cursor:limit]` is read and not yet used.

    offset: of data[0] in the uncompressed file.     ended: nothing more is read, whatever the reason.
    """

    def __init__(self, name: str, stream: Stream, head: bytes) -> None:
        super().__init__(name)
        self.stream = stream
        self.data = head
        self.cursor: i64 = 0
        self.limit: i64 = len(head)
        self.offset: i64 = 0
        self.ended: bool = False
        self.position = stream.position
        self.size = stream.size
        self.rewindable = stream.rewindable
        self.file = stream if isinstance(stream, FileStream) else None
        self.base = 0 if self.file is not None else -1

    def fill(self, need: i64) -> bool:
        """Make `need` bytes stand at data[cursor:]; False where the stream ends first, with what there is."""
        have: i64 = self.limit - self.cursor
        if have >= need:
            return True
        data = self.stream.read_on(self.data[self.cursor:]) if have else self.stream.read()
        more = i64(len(data)) > have
        have = len(data)
        if more and have < need:
            data = self._join(data, need)
            have = len(data)
        self.offset += self.cursor
        if self.base >= 0:
            self.base = self.offset
        self.data = data
        self.cursor = 0
        self.limit = have
        self.position = self.stream.position
        if self.stream.forgets and self.kept < 0:
            self.kept = self.number
        return have >= need

    def _join(self, data: bytes, need: i64) -> bytes:
        """`data` and what follows it, until there are `need` bytes or the stream ends."""
        parts = [data]
        have: i64 = len(data)
        while have < need:
            block = self.stream.read()
            if not block:
                break
            parts.append(block)
            have += len(block)
        return b"".join(parts)

    def skip(self, count: i64) -> bool:
        """Move the cursor on, over any number of blocks, without keeping them."""
        while count > self.limit - self.cursor:
            count -= self.limit - self.cursor
            self.offset += self.limit
            if self.base >= 0:
                self.base = self.offset
            self.data = self.stream.read()
            self.cursor = 0
            self.limit = len(self.data)
            self.position = self.stream.position
            if self.stream.forgets and self.kept < 0:
                self.kept = self.number
            if not self.limit:
                return False
        self.cursor += count
        return True

    def cut_short(self, what: str) -> bool:
        """The stream ended. Anything left over is a record that was cut; always False, for `next()`.

        Of a growing stream, the record is read again once there is more.
        """
        if self.stream.growing:
            return False
        if self.stream.trouble:
            self.complain(self.offset + self.limit, self.stream.trouble)
        elif self.limit > self.cursor:
            self.complain(self.offset + self.cursor, f"the file ends in the middle of {what}")
        return self.end_here()

    def stop(self, at: i64, reason: str) -> bool:
        """Nothing after data[at] can be trusted; always False, for `next()`."""
        self.complain(self.offset + at, reason)
        return self.end_here()

    def end_here(self) -> bool:
        self.ended = True
        self.cursor = self.limit
        return False

    def complain(self, offset: i64, reason: str) -> None:
        if len(self.damage) < MAX_DAMAGE:
            self.damage.append(Damage(self.name, int(offset), reason, int(self.number)))
        else:
            self.count("further damage")

    def count(self, what: str) -> None:
        """One more of something that was not read."""
        if what not in self.skipped_blocks and len(self.skipped_blocks) >= MAX_SKIPPED_KINDS:
            what = "blocks of other kinds"
        self.skipped_blocks[what] = self.skipped_blocks.get(what, 0) + 1

    def remark(self, frame: i64, start: i64, stop: i64) -> None:
        """Keep data[start:stop] as a comment on a frame, or count it where there is no room."""
        if self.rooms.remarks.take(stop - start):
            self.remarks.append(Remark(int(frame), self.data[start:stop].decode("utf-8", "replace")))
        else:
            self.count(MORE_REMARKS)

    def keeping(self) -> str:
        kept = self.stream.keeping()
        return f"of {self.name} {kept}" if kept else ""

    def read_at(self, place: int, size: int) -> bytes:
        if self.file is None:
            raise CaptureError(f"{self.name}: cannot be read at a place")
        return self.file.read_at(place, size)

    def close(self) -> None:
        self.end_here()
        self.stream.close()
