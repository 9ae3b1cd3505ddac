"""The one way frames enter: a cursor over a capture, without an object a frame."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

# LINKTYPE_ values of the tcpdump.org registry.
ETHERNET = 1
# Half of what 64 bits hold, so that neither the difference nor the sum of two times leaves the range of a machine
# integer. What adds up over frames, or is multiplied, is an `int`, which has no range.

MAX_TIME: Final = (1 << 62) - 1    # nanoseconds since 1970, in 2116; a frame that is later, or before 1970, has no time


class CaptureError(Exception):
    """Nothing can be told of a capture; the message is one sentence that names it and says why."""


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


@mypyc_attr(allow_interpreted_subclasses=True)
class Source:
    """A cursor: `next()` moves to the next frame and fills these attributes, or returns False at the end.

    data[start:end]: the captured bytes (data may hold many frames, or only this one).
    time: nanoseconds since 1970, at most MAX_TIME; -1 where the file gives none (a simple packet block) or another.
    length: size on the wire.     link: LINKTYPE_ number.     interface: index into `interfaces`.
    number: of the frame, from 1, as Wireshark counts.
    position, size: bytes of the underlying file read so far and in all (-1 unknown), for progress.
    base: file offset of data[0] where `read_at()` works, else -1.
    rewindable: whether `reopen()` can give a second cursor over the same bytes.
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

    def read_at(self, place: int, size: int) -> bytes:
        """Bytes of the file at an offset that `base` gave; fewer where the file has shrunk since."""
        raise CaptureError(f"{self.name}: cannot be read at a place")

    def close(self) -> None:
        """Release the file. Safe to call twice."""
