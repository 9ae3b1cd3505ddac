"""The one way frames enter: a cursor over a capture, without an object a frame."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

# LINKTYPE_ values of the tcpdump.org registry.
ETHERNET = 1
# Half of what 64 bits hold, so that neither the difference nor the sum of two times leaves the range of a machine
# integer. What adds up over frames, or is multiplied, is an `int`, which has no range.

MAX_TIME: Final = (1 << 62) - 1    # nanoseconds since 1970, in 2116; a frame that is later, or before 1970, has no time

# Caps on what one capture, or several that are merged, can make us keep while it is read; what is beyond is counted in
# `skipped_blocks`.
MAX_REMARKS: Final = 10_000             # comments
MAX_REMARK_BYTES: Final = 4 << 20       # ... and their octets together
MAX_INTERFACES: Final = 10_000          # interfaces; a description beyond them ends the reading of its capture
MAX_INTERFACE_TEXT: Final = 4 << 20     # octets of their names, descriptions, filters and systems together
MAX_NAMES: Final = 50_000               # addresses of name resolution blocks
MAX_NAME_BYTES: Final = 4 << 20         # ... and the octets of their names together
MAX_SECRETS_BLOCKS: Final = 50_000      # secrets blocks
MAX_SECRET_BYTES: Final = 16 << 20      # ... and their octets together


class CaptureError(Exception):
    """Nothing can be told of a capture; the message is one sentence that names it and says why.

    Further arguments are further lines, such as what can be done about it.
    """

    def __str__(self) -> str:
        return "\n".join([str(line) for line in self.args])


class Damage:
    """Where a capture is broken: one clear sentence, with the byte offset in the (uncompressed) file."""

    def __init__(self, source: str, offset: int, reason: str, frames_before: int) -> None:
        self.source = source
        self.offset = offset
        self.reason = reason
        self.frames_before = frames_before

    def __str__(self) -> str:
        return f"{self.source}: damaged at byte {self.offset}: {self.reason} (frames read before: {self.frames_before})"


class Interface:
    """One interface that frames were captured on. resolution: time units per second as the file counts them.

    fcs: bytes of frame check sequence at the end of each frame, as the file states it; -1 where it does not.
    """

    def __init__(self, link: int, snaplen: int, resolution: int = 1_000_000, name: str = "") -> None:
        self.link = link
        self.snaplen = snaplen
        self.resolution = resolution
        self.name = name
        self.description = ""
        self.filter = ""
        self.system = ""
        self.hardware = ""
        self.fcs = -1
        self.received = -1   # from interface statistics, -1 where the file does not say
        self.dropped = -1


class Remark:
    """A comment that the file holds: on a frame, or on the capture (frame 0)."""

    def __init__(self, frame: int, text: str) -> None:
        self.frame = frame
        self.text = text


class Secrets:
    """A decryption secrets block. kind: its four-byte type, such as 0x544C534B for a TLS key log."""

    def __init__(self, kind: int, data: bytes) -> None:
        self.kind = kind
        self.data = data


class Room:
    """How much of one kind may be kept: so many, and so many octets together. Small things fill it by number."""

    def __init__(self, most: int, most_octets: int) -> None:
        self.most: i64 = most
        self.most_octets: i64 = most_octets
        self.count: i64 = 0
        self.octets: i64 = 0

    def take(self, octets: i64) -> bool:
        """Whether one more, of so many octets, may be kept; it is counted then."""
        if self.count >= self.most or octets > self.most_octets - self.octets:
            return False
        self.count += 1
        self.octets += octets
        return True

    def include(self, other: Room) -> None:
        """Count what was kept elsewhere, whether or not there is room for it."""
        self.count += other.count
        self.octets += other.octets


class Rooms:
    """The room for each kind of thing that a capture can make us keep; captures that are merged share one."""

    def __init__(self) -> None:
        self.remarks = Room(MAX_REMARKS, MAX_REMARK_BYTES)
        self.interfaces = Room(MAX_INTERFACES, 0)
        self.texts = Room(1 << 62, MAX_INTERFACE_TEXT)      # a few an interface, so only their octets are counted
        self.names = Room(MAX_NAMES, MAX_NAME_BYTES)
        self.secrets = Room(MAX_SECRETS_BLOCKS, MAX_SECRET_BYTES)

    def include(self, other: Rooms) -> None:
        self.remarks.include(other.remarks)
        self.interfaces.include(other.interfaces)
        self.texts.include(other.texts)
        self.names.include(other.names)
        self.secrets.include(other.secrets)


@mypyc_attr(allow_interpreted_subclasses=True)
class Source:
    """A cursor: `next()` moves to the next frame and fills these attributes, or returns False at the end.

    data[start:end]: the captured bytes (data may hold many frames, or only this one).
    time: nanoseconds since 1970, at most MAX_TIME; -1 where the file gives none (a simple packet block) or another.
    length: size on the wire.     link: LINKTYPE_ number.     interface: index into `interfaces`.
    number: of the frame, from 1, as Wireshark counts.
    position, size: bytes of the underlying file read so far and in all (-1 unknown), for progress.
    base: file offset of data[0] where `read_at()` works, else -1.
    alone: the times of its frames come from one capture, so they rest on one clock.
    rewindable: whether `reopen()` can give a second cursor over the same bytes.
    origin: time of the first frame of the capture, where frames may be left out before those that it gives; else -1.
    kept: the last frame that it is sure to come to, where not all is kept; -1 for all.
    rooms: how much of what follows here may still be kept.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.data: bytes = b""
        self.start: i64 = 0
        self.end: i64 = 0
        self.time: i64 = 0
        self.length: i64 = 0
        self.link: i64 = 0
        self.interface: i64 = 0
        self.number: i64 = 0
        self.position: i64 = 0
        self.size: i64 = -1
        self.base: i64 = -1
        self.rewindable: bool = False
        self.kept: i64 = -1
        self.origin: i64 = -1
        self.alone: bool = True
        self.rooms = Rooms()
        self.interfaces: list[Interface] = []
        self.damage: list[Damage] = []
        self.remarks: list[Remark] = []
        self.names: dict[bytes, str] = {}      # packed address -> name, from name resolution blocks
        self.secrets: list[Secrets] = []
        self.skipped_blocks: dict[str, int] = {}  # what was not read, named and counted

    def next(self) -> bool:
        return False

    def reopen(self) -> Source:
        """A fresh cursor over the same bytes, independent of this one. Raises CaptureError where there is none."""
        raise CaptureError(f"{self.name}: can be read only once")

    def keeping(self) -> str:
        """In a few words, what a second cursor rests on, where that is worth a word."""
        return ""

    def seek(self, place: int, number: int) -> bool:
        """Go on with the frame of this number, whose first byte lies at an offset that `base` gave. False where only
        going over all frames before it leads there, which is still to be done then."""
        return False

    def read_at(self, place: int, size: int) -> bytes:
        """Bytes of the file at an offset that `base` gave; fewer where the file has shrunk since."""
        raise CaptureError(f"{self.name}: cannot be read at a place")

    def close(self) -> None:
        """Release the file. Safe to call twice."""
