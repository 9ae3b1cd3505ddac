"""The message of one direction that is being put together, and the state of that direction."""
from __future__ import annotations

from codecs import utf_8_decode
from typing import Final

from mypy_extensions import i64

from dissectors.kit.cited import Cited
from dissectors.kit.protocol import MORE, YES
from dissectors.protocols.websocket.codes import TEXT
from dissectors.protocols.websocket.deflate import Inflater
from dissectors.protocols.websocket.frames import FrameCutter, unmask
from dissectors.protocols.websocket.probe import EITHER, STRANGER, recognise
from dissectors.protocols.websocket.rhythm import ALIKE_OCTETS, Rhythm
from dissectors.wire.preview import text_of
from dissectors.wire.secrets.text import without_secrets

MAX_WAITING: Final = 64       # pings of one side that wait for their pong


class Assembly:
    """Fragments put together. What is kept of the payload is bounded by `room`.

    size: octets of the message as it was meant, so far; wire: as sent.   hole: some are not in the capture.
    not_utf8: it is text and no UTF-8.   foreign: the continuation of a message whose beginning is not known.
    """

    def __init__(self) -> None:
        self.active: bool = False
        self.foreign: bool = False
        self.opcode: i64 = 0
        self.compressed: bool = False
        self.shown: bool = False
        self.hole: bool = False
        self.not_utf8: bool = False
        self.size: i64 = 0
        self.wire: i64 = 0
        self.fragments: i64 = 0
        self.room: i64 = 0
        self.began: int = 0
        self.cited = Cited()     # the frames of the capture that it came in
        self.kept: list[bytes] = []
        self.tail: bytes = b""       # the beginning of a character whose other octets are still to come
        self.short: bytes = b""

    def begin(self, opcode: i64, compressed: bool, foreign: bool, time: int, frame: int) -> None:
        self.active = True
        self.foreign = foreign
        self.opcode = opcode
        self.compressed = compressed
        self.hole = False
        self.not_utf8 = False
        self.size = 0
        self.wire = 0
        self.fragments = 0
        self.began = time
        if self.kept:
            self.kept = []
        self.cited.restart(frame)
        self.tail = b""
        self.short = b""

    def plain(self, piece: bytes, masked: bool, key: bytes, at: i64, last: bool) -> None:
        """The next octets of a message that is not compressed, as sent. They are only unmasked if somebody looks."""
        size: i64 = len(piece)
        self.size += size
        if self.opcode != TEXT:
            if self.room > 0 and size:
                if size > self.room:
                    piece = piece[:self.room]
                self.kept.append(unmask(piece, key, at) if masked else piece)
                self.room -= len(piece)
            return
        if masked:
            piece = unmask(piece, key, at)
        self.said(piece, last)

    def said(self, octets: bytes, last: bool) -> None:
        """The next octets of text, or of an inflated message, as they were meant."""
        if self.opcode == TEXT and not self.hole:
            if self.tail or not octets.isascii():
                self._check(octets, last)
            if self.size <= ALIKE_OCTETS:
                self.short = self.short + octets if self.short else octets
        if self.room > 0 and octets:
            kept = octets if len(octets) <= self.room else octets[:self.room]
            self.kept.append(kept)
            self.room -= len(kept)

    def _check(self, octets: bytes, last: bool) -> None:
        """UTF-8, however the pieces cut its characters."""
        if self.not_utf8:
            return
        if self.tail:
            octets = self.tail + octets
        try:
            used = utf_8_decode(octets, "strict", last)[1]
        except UnicodeDecodeError:
            self.not_utf8 = True
            return
        self.tail = octets[used:]

    def lose(self, octets: int) -> None:
        """Octets of it are not in the capture."""
        self.hole = True
        self.wire += octets
        self.size += octets
        self.room = 0


class WsContent:
    """What a message says, as it is told. octets: unmasked and inflated, as far as they are kept, secrets replaced;
    complete: all of them.   size: of the whole, -1 where it cannot be known.   note: why it is not shown as it was
    meant, "" where all is well.
    """

    def __init__(self, assembly: Assembly, note: str, *, show_secrets: bool) -> None:
        octets = b"".join(assembly.kept)
        self.size = -1 if assembly.compressed and note else int(assembly.size)
        self.complete = len(octets) == self.size
        if assembly.opcode == TEXT and not assembly.not_utf8 and not show_secrets:
            text = text_of(octets, self.complete)
            shown = without_secrets(text)
            if shown != text:
                octets = shown.encode("utf-8")
                note = f"{note}; secrets in it are replaced" if note else "secrets in it are replaced"
        self.octets = octets
        self.note = note


class SideCutter(FrameCutter):
    """Frames of one side, found by their form where it is not known where one begins.

    masks: 1 or 0 where it is known whether the side masks, else EITHER.   enough: points that its frames must make.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_step = False
        self.masks: int = EITHER
        self.enough: int = STRANGER

    def search(self, data: bytes, at: i64) -> i64:
        answer = recognise(data, self.masks, self.enough)
        if answer == YES:
            return at
        return -1 - (at if answer == MORE else i64(len(data)))


class Waiting:
    """A ping without its pong."""

    def __init__(self, payload: bytes, time: int, frame: int, shown: bool) -> None:
        self.payload = payload
        self.time = time
        self.frame = frame
        self.shown = shown


class WsSide:
    """One direction of the connection.

    doubt: bytes went missing, so that a continuation may belong to a message that was not seen.
    """

    def __init__(self, direction: int) -> None:
        self.direction: int = direction
        self.cutter = SideCutter()
        self.assembly = Assembly()
        self.rhythm = Rhythm()
        self.inflater: Inflater | None = None
        self.now: int = 0
        self.heard: int = 0          # when the last octets came
        self.frame: int = 0          # of the capture, that released the octets in hand
        self.control: bytes = b""    # payload of the control frame in hand
        self.doubt: bool = False
        self.shown: i64 = 0
        self.pings_shown: i64 = 0
        self.waiting: list[Waiting] = []
        self.violations: dict[str, int] = {}
        self.closed: bool = False
        self.close_code: int = -1
        self.close_time: int = 0
        self.close_frame: int = 0
        self.ended: bool = False

    def answered_by(self, payload: bytes) -> tuple[Waiting | None, int]:
        """(the ping that a pong with this payload answers, how many older ones it passes over) (RFC 6455 §5.5.3)."""
        for index, ping in enumerate(self.waiting):
            if ping.payload == payload:
                self.waiting = self.waiting[index + 1:]
                return ping, index
        return None, 0

    def unanswered(self, end: int) -> tuple[int, int, int]:
        """(how many pings wait for their pong, for how long the first of them has, its frame); (0, -1, 0) of none."""
        if not self.waiting:
            return 0, -1, 0
        return len(self.waiting), end - self.waiting[0].time, self.waiting[0].frame
